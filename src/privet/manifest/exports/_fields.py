"""Systems and fields as lines of text, for the sheets that have a line for each."""

from __future__ import annotations

from collections.abc import Iterator

from privet.manifest.atlas.names import beside, flag_of, text_of, together
from privet.manifest.atlas.whole import Atlas
from privet.vocabulary.dataset import Field, every_field

SYSTEM_TITLES = (
    "Key",
    "Name",
    "Type",
    "Organization",
    "Department",
    "Description",
    "Declarations",
    "Datasets",
    "Receives from",
    "Sends to",
    "Processes personal data",
    "Role or responsibility",
    "Third country transfers",
)
FIELD_TITLES = (
    "Dataset",
    "Collection",
    "Field",
    "Type",
    "Categories",
    "Identity",
    "Primary key",
    "Nullable",
    "References",
    "Made of",
    "Description",
)
_WORDS = {True: "yes", False: "no", None: ""}


def systems(atlas: Atlas) -> Iterator[tuple[str, ...]]:
    """Yield a line for each system."""
    names = atlas.names
    for system in atlas.systems:
        used = (*system.datasets, *(key for found in system.declarations for key in found.datasets))
        yield (
            system.key,
            system.name,
            system.kind,
            system.organization,
            text_of(system.facts, "administrating_department"),
            system.description,
            str(len(system.declarations)),
            together(names.titled("dataset", key) for key in used),
            together("people" if flow.kind == "user" else names.titled(flow.kind, flow.key) for flow in system.ingress),
            together("people" if flow.kind == "user" else names.titled(flow.kind, flow.key) for flow in system.egress),
            flag_of(system.facts, "processes_personal_data"),
            text_of(system.facts, "responsibility", "data_responsibility_title"),
            flag_of(system.facts, "does_international_transfers"),
        )


def fields(atlas: Atlas) -> Iterator[tuple[str, ...]]:
    """Yield a line for each field, those within objects too."""
    made_of: dict[tuple[str, str, str], dict[str, None]] = {}
    for edge in atlas.lineage.edges:
        if edge.direct and edge.source.field and edge.target.field:
            target = (edge.target.dataset, edge.target.table, edge.target.field.lower())
            made_of.setdefault(target, {})[str(edge.source)] = None
    for dataset in atlas.datasets:
        for collection in dataset.collections:
            for path, field in every_field(collection.fields):
                yield (
                    beside(dataset.name, dataset.key),
                    collection.name,
                    path,
                    field_type(field),
                    atlas.names.labels(field.labels),
                    field.native.identity,
                    "yes" if field.native.primary_key else "",
                    _WORDS[field.native.nullable],
                    together(references(field)),
                    together(made_of.get((dataset.key, collection.name, path.lower()), ())),
                    field.description,
                )


def field_type(field: Field) -> str:
    """Return a field's type as its own system words it, else Privet's; `[]` behind it for many values."""
    return field.native.column_type or field.type + ("[]" if field.array else "")


def references(field: Field) -> Iterator[str]:
    """Yield what a field refers to, dotted."""
    for link in field.native.links:
        yield f"{link.dataset}.{link.field}"
    if field.reference is not None:
        yield f"{field.reference.collection}.{field.reference.field}"
