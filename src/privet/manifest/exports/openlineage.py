"""Declared datasets as OpenLineage events: one DatasetEvent a collection, a line each.

Core specification 2-0-2, facets `schema` 1-2-0, `tags` 1-0-0 and `columnLineage` 1-2-0. A facet of our own,
`privet_dataCategories`, says the categories of the dataset, of the collection and of each field by its path. Where
events were read, a collection keeps the namespace and name that it has in them; else its namespace is
`privet://ORGANIZATION` and its name `DATASET.COLLECTION`.
Read back by the classes of openlineage-python 1.54; not tried against a server such as Marquez.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from json import dumps
from typing import Any

from privet.manifest.atlas.lineage import Edge, Spot
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._fields import field_type
from privet.vocabulary.dataset import Collection, Dataset, Field, every_field

PRODUCER = "urn:privet:map"
FACET = "privet_dataCategories"
_CORE = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent"
_FACETS = {
    "schema": "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet",
    "tags": "https://openlineage.io/spec/facets/1-0-0/TagsDatasetFacet.json#/$defs/TagsDatasetFacet",
    "columnLineage": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json"
    "#/$defs/ColumnLineageDatasetFacet",
    FACET: "urn:privet:facets:1-0-0:DataCategoriesDatasetFacet",
}


def write(atlas: Atlas) -> bytes:
    """Return the events. Their time is the map's."""
    # In ASCII, for readers that take U+2028 and U+0085 for the end of a line.
    lines = (dumps(event, separators=(",", ":")) for event in _events(atlas))
    return "".join(f"{line}\n" for line in lines).encode()


def _events(atlas: Atlas) -> Iterator[dict[str, Any]]:
    edges: dict[Spot, list[Edge]] = {}
    for edge in atlas.lineage.edges:
        edges.setdefault(Spot(edge.target.dataset, edge.target.table), []).append(edge)
    for dataset in atlas.datasets:
        for collection in dataset.collections:
            here = Spot(dataset.key, collection.name)
            namespace, name = _place(atlas, here)
            facets = {
                "schema": {"fields": [_field(field) for field in collection.fields]},
                "tags": {"tags": list(_tags(dataset, collection))},
                FACET: _categories(dataset, collection),
            }
            if made_of := _columns(atlas, edges.get(here, ())):
                facets["columnLineage"] = made_of
            yield {
                "eventTime": atlas.made,
                "producer": PRODUCER,
                "schemaURL": _CORE,
                "dataset": {
                    "namespace": namespace,
                    "name": name,
                    "facets": {key: _facet(key, said) for key, said in facets.items()},
                },
            }


def _facet(key: str, said: dict[str, Any]) -> dict[str, Any]:
    return {"_producer": PRODUCER, "_schemaURL": _FACETS[key], **said}


def _place(atlas: Atlas, spot: Spot) -> tuple[str, str]:
    """Return the namespace and name of a table."""
    here = Spot(spot.dataset, spot.table)
    if here in atlas.lineage.known:
        return atlas.lineage.known[here]
    if not here.dataset:
        namespace, _, name = here.table.partition(" ")
        return namespace, name
    return f"privet://{atlas.organizations[0].key}", str(here)


def _field(field: Field) -> dict[str, Any]:
    found: dict[str, Any] = {"name": field.name, "type": field_type(field)}
    if field.description:
        found["description"] = field.description
    if field.fields:
        found["fields"] = [_field(item) for item in field.fields]
    return found


def _tags(dataset: Dataset, collection: Collection) -> Iterator[dict[str, str]]:
    for label in dict.fromkeys((*dataset.labels, *collection.labels)):
        yield {"key": "data_category", "value": label, "source": "PRIVET"}
    for path, field in every_field(collection.fields):
        for label in field.labels:
            yield {"key": "data_category", "value": label, "source": "PRIVET", "field": path}


def _categories(dataset: Dataset, collection: Collection) -> dict[str, Any]:
    return {
        "dataset": list(dataset.labels),
        "collection": list(collection.labels),
        "fields": {path: list(field.labels) for path, field in every_field(collection.fields) if field.labels},
    }


def _columns(atlas: Atlas, edges: Iterable[Edge]) -> dict[str, Any]:
    fields: dict[str, dict[str, list[dict[str, Any]]]] = {}
    whole: list[dict[str, Any]] = []
    for edge in edges:
        if not edge.source.field:
            continue  # the facet is about columns; tables are joined by the jobs' own events
        namespace, name = _place(atlas, edge.source)
        kind = "DIRECT" if edge.direct else "INDIRECT"
        source = {
            "namespace": namespace,
            "name": name,
            "field": edge.source.field,
            "transformations": [{"type": kind, "masking": edge.masked}],
        }
        if edge.target.field:
            fields.setdefault(edge.target.field, {"inputFields": []})["inputFields"].append(source)
        else:
            whole.append(source)
    return {"fields": fields, "dataset": whole} if fields or whole else {}


PART = Export(name="openlineage", about="DatasetEvents with categories, for OpenLineage.", suffix=".jsonl", write=write)
