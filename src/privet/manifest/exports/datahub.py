"""Declared datasets as DataHub's metadata file: MetadataChangeProposals in JSON, aspect by aspect, all UPSERT.

Each category in use is a glossary term below the node `privet`, and a field has the terms of its categories. A
collection is a dataset of the platform `privet`, named `DATASET.COLLECTION`, environment PROD: it stands beside what
DataHub's own connectors found, not on it. Written for the entity model of DataHub 1.x, and read back, record by record,
by the file source of acryl-datahub 1.7; not tried against a server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from privet.manifest.atlas.names import holds
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._cells import json_bytes
from privet.manifest.exports._fields import field_type
from privet.vocabulary.dataset import Collection, Dataset, Field, every_field
from privet.vocabulary.taxonomy import Label

_PLATFORM = "urn:li:dataPlatform:privet"
_NODE = "urn:li:glossaryNode:privet"
_ACTOR = "urn:li:corpuser:privet"
_KINDS = {
    "string": "StringType",
    "text": "StringType",
    "integer": "NumberType",
    "decimal": "NumberType",
    "float": "NumberType",
    "boolean": "BooleanType",
    "date": "DateType",
    "timestamp": "TimeType",
    "json": "RecordType",
    "file": "BytesType",
}
# What ends a part of a URN, or a URN; all else stands as itself.
_ESCAPES = str.maketrans({"%": "%25", "(": "%28", ")": "%29", ",": "%2C", ":": "%3A", "␟": "%E2%90%9F", " ": "%20"})


def write(atlas: Atlas) -> bytes:
    """Return the file."""
    return json_bytes(list(_records(atlas)))


def _records(atlas: Atlas) -> Iterator[dict[str, Any]]:
    yield _record("dataPlatform", _PLATFORM, "dataPlatformInfo", _platform())
    yield _record("glossaryNode", _NODE, "glossaryNodeInfo", {"name": "Data categories", "definition": _DEFINITION})
    used = {label for dataset in atlas.datasets for label in holds(dataset)}
    for key in sorted(used):
        yield _record("glossaryTerm", _term(key), "glossaryTermInfo", _term_info(atlas, key))
    for dataset in atlas.datasets:
        for collection in dataset.collections:
            urn = _urn(f"{dataset.key}.{collection.name}")
            yield _record("dataset", urn, "datasetProperties", _properties(dataset, collection))
            yield _record("dataset", urn, "schemaMetadata", _schema(atlas, dataset, collection))
            if labels := tuple(dict.fromkeys((*dataset.labels, *collection.labels))):
                yield _record("dataset", urn, "glossaryTerms", _terms(atlas, labels))


_DEFINITION = "Categories of data, as manifests label fields with them."


def _record(kind: str, urn: str, aspect: str, said: dict[str, Any]) -> dict[str, Any]:
    return {
        "entityType": kind,
        "entityUrn": urn,
        "changeType": "UPSERT",
        "aspectName": aspect,
        "aspect": {"json": said},
    }


def _platform() -> dict[str, Any]:
    return {"name": "privet", "displayName": "Privet", "type": "OTHERS", "datasetNameDelimiter": "."}


def _urn(name: str) -> str:
    return f"urn:li:dataset:({_PLATFORM},{name.translate(_ESCAPES)},PROD)"


def _term(label: str) -> str:
    return f"urn:li:glossaryTerm:{label.translate(_ESCAPES)}"


def _term_info(atlas: Atlas, key: str) -> dict[str, Any]:
    label: Label | None = atlas.names.described(key)
    return {
        "name": atlas.names.name(key),
        "definition": label.description if label and label.description else key,
        "termSource": "INTERNAL",
        "parentNode": _NODE,
        "customProperties": {"key": key},
    }


def _properties(dataset: Dataset, collection: Collection) -> dict[str, Any]:
    return {
        "name": collection.name,
        "qualifiedName": f"{dataset.key}.{collection.name}",
        "description": collection.description or dataset.description,
        "customProperties": {"fides_key": dataset.key},
        "tags": [],
    }


def _schema(atlas: Atlas, dataset: Dataset, collection: Collection) -> dict[str, Any]:
    fields = [_field(atlas, path, field) for path, field in every_field(collection.fields)]
    said = "\n".join(f"{field['fieldPath']} {field['nativeDataType']}" for field in fields)
    keys = [path for path, field in every_field(collection.fields) if field.native.primary_key]
    return {
        "schemaName": f"{dataset.key}.{collection.name}",
        "platform": _PLATFORM,
        "version": 0,
        "hash": hashlib.sha256(said.encode("utf-8", "replace")).hexdigest(),
        "platformSchema": {"com.linkedin.schema.OtherSchema": {"rawSchema": ""}},
        "fields": fields,
        **({"primaryKeys": keys} if keys else {}),
    }


def _field(atlas: Atlas, path: str, field: Field) -> dict[str, Any]:
    kind = "ArrayType" if field.array else _KINDS.get(field.type, "StringType")
    found: dict[str, Any] = {
        "fieldPath": path,
        "nativeDataType": field_type(field),
        "type": {"type": {f"com.linkedin.schema.{kind}": {}}},
        "nullable": field.native.nullable is not False,
        "isPartOfKey": field.native.primary_key,
    }
    if field.description:
        found["description"] = field.description
    if field.labels:
        found["glossaryTerms"] = _terms(atlas, field.labels)
    return found


def _terms(atlas: Atlas, labels: tuple[str, ...]) -> dict[str, Any]:
    return {
        "terms": [{"urn": _term(label)} for label in labels],
        "auditStamp": {"time": int(datetime.fromisoformat(atlas.made).timestamp() * 1_000), "actor": _ACTOR},
    }


PART = Export(name="datahub", about="MetadataChangeProposals, for DataHub.", suffix=".json", write=write)
