"""Declared datasets as requests of OpenMetadata's REST API: a document of arrays, in the order in which they are sent.

    classifications  PUT /v1/classifications           CreateClassificationRequest
    tags             PUT /v1/tags                      CreateTagRequest, a tag for each category in use
    services         PUT /v1/services/databaseServices CreateDatabaseServiceRequest, one: `privet`, CustomDatabase
    databases        PUT /v1/databases                 CreateDatabaseRequest, one for each dataset
    schemas          PUT /v1/databaseSchemas           CreateDatabaseSchemaRequest, `default` in each
    tables           PUT /v1/tables                    CreateTableRequest, one for each collection

Tables stand under a service of their own, beside what OpenMetadata's connectors found, not on it. Written for the
schemas of OpenMetadata 1.x, and read back by the models of openmetadata-ingestion 2.0, which refuse unknown keys; not
tried against a server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from privet.manifest.atlas.names import holds
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._cells import json_bytes
from privet.manifest.exports._fields import field_type
from privet.vocabulary.dataset import Collection, Dataset, Field

CLASSIFICATION = "DataCategory"
_SERVICE = "privet"
_SCHEMA = "default"
_MOST_NAME = 256
_KINDS = {
    "string": "STRING",
    "text": "TEXT",
    "integer": "BIGINT",
    "decimal": "DECIMAL",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "json": "JSON",
    "file": "BINARY",
}


def write(atlas: Atlas) -> bytes:
    """Return the document."""
    used = sorted({label for dataset in atlas.datasets for label in holds(dataset)})
    about = "Categories of data, as manifests label fields with them."
    return json_bytes(
        {
            "classifications": [{"name": CLASSIFICATION, "displayName": "Data categories", "description": about}],
            "tags": [_new_tag(atlas, key) for key in used],
            "services": [{"name": _SERVICE, "displayName": "Privet", "serviceType": "CustomDatabase"}],
            "databases": [_database(dataset) for dataset in atlas.datasets],
            "schemas": [{"name": _SCHEMA, "database": _path(_SERVICE, dataset.key)} for dataset in atlas.datasets],
            "tables": [_table(dataset, table) for dataset in atlas.datasets for table in dataset.collections],
        }
    )


def _new_tag(atlas: Atlas, key: str) -> dict[str, Any]:
    label = atlas.names.described(key)
    return {
        "classification": CLASSIFICATION,
        "name": _name(key),
        "displayName": atlas.names.name(key),
        "description": label.description if label and label.description else key,
    }


def _database(dataset: Dataset) -> dict[str, Any]:
    found = {"name": _name(dataset.key), "service": _SERVICE}
    found |= {"displayName": dataset.name} if dataset.name else {}
    return found | ({"description": dataset.description} if dataset.description else {})


def _table(dataset: Dataset, collection: Collection) -> dict[str, Any]:
    keys = [field.name for field in collection.fields if field.native.primary_key]
    labels = tuple(dict.fromkeys((*dataset.labels, *collection.labels)))
    found: dict[str, Any] = {
        "name": _name(collection.name),
        "databaseSchema": _path(_SERVICE, dataset.key, _SCHEMA),
        "tableType": "Regular",
        "columns": [_column(field, at) for at, field in enumerate(collection.fields, 1)],
        "tags": _tags(labels),
    }
    found |= {"description": collection.description} if collection.description else {}
    return found | ({"tableConstraints": [{"constraintType": "PRIMARY_KEY", "columns": keys}]} if keys else {})


def _column(field: Field, at: int) -> dict[str, Any]:
    kind = "STRUCT" if field.fields else _KINDS.get(field.type, "STRING")
    found: dict[str, Any] = {
        "name": _name(field.name),
        "dataType": "ARRAY" if field.array else kind,
        "dataTypeDisplay": field_type(field).lower(),
        "ordinalPosition": at,
        "tags": _tags(field.labels),
    }
    found |= {"arrayDataType": kind} if field.array else {}
    found |= {"description": field.description} if field.description else {}
    if field.native.nullable is False and not field.native.primary_key:
        found["constraint"] = "NOT_NULL"
    if field.fields:
        found["children"] = [_column(item, number) for number, item in enumerate(field.fields, 1)]
    return found


def _tags(labels: Sequence[str]) -> list[dict[str, str]]:
    return [
        {
            "tagFQN": _path(CLASSIFICATION, label),
            "source": "Classification",
            "labelType": "Automated",
            "state": "Confirmed",
        }
        for label in labels
    ]


def _name(text: str) -> str:
    """Return a name that OpenMetadata takes: no double colon, no quotes, at most 256 characters, at least one."""
    return text.replace("::", ":").replace('"', "'").strip()[:_MOST_NAME] or "-"


def _path(*parts: str) -> str:
    """Return a fully qualified name: parts with dots stand in quotes."""
    return ".".join(f'"{_name(part)}"' if "." in part else _name(part) for part in parts)


PART = Export(name="openmetadata", about="Requests of its API, for OpenMetadata.", suffix=".json", write=write)
