"""The dataset of a connector's file, as far as people's requests go by it. What else a manifest may say of a dataset
is the business of manifests, which read the same files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from privet.codec import Node
from privet.connectors.rest.nodes import Faults, Found
from privet.vocabulary.dataset import Collection, Dataset, Direction, Field, Link, Masking, Native

_TYPES = {
    "string": "string",
    "integer": "integer",
    "float": "decimal",
    "boolean": "boolean",
    "object": "json",
    "object_id": "string",
}
_FIELD = ("name", "description", "data_categories", "fides_meta", "fidesops_meta", "fields", "data_qualifier")
_META = (
    "references",
    "identity",
    "primary_key",
    "data_type",
    "length",
    "return_all_elements",
    "read_only",
    "custom_request_field",
    "masking_strategy_override",
    "redact",
    "privet",
)


def dataset(faults: Faults, node: Node) -> Dataset:
    """Return a dataset."""
    found = faults.mapping(node, _keys(node), ("fides_key", "collections"))
    meta = _meta(faults, found)
    return Dataset(
        key=faults.text(found, "fides_key"),
        name=faults.text(found, "name"),
        description=faults.text(found, "description"),
        collections=tuple(_collection(faults, item) for item in faults.each(found, "collections")),
        labels=faults.texts(found, "data_categories"),
        after=faults.texts(meta, "after"),
    )


def link(faults: Faults, node: Node) -> Link | None:
    """Return a reference."""
    said = faults.mapping(node, ("dataset", "field", "direction"), ("dataset", "field"))
    key, field = faults.text(said, "dataset"), faults.text(said, "field")
    if field and "." not in field:
        faults.tell(said["field"], "expected `collection.field`")
        return None
    found = faults.word(said, "direction", ("from", "to"))
    direction: Direction = "from" if found == "from" else "to" if found == "to" else ""
    return Link(key, field, direction) if key and field else None


def _keys(node: Node) -> tuple[str, ...]:
    return tuple(node.value) if isinstance(node.value, dict) else ()


def _meta(faults: Faults, found: Found) -> Found:
    node = found.get("fides_meta") or found.get("fidesops_meta")
    return faults.mapping(node, _keys(node)) if node is not None else {}


def _collection(faults: Faults, node: Node) -> Collection:
    found = faults.mapping(node, _keys(node), ("name", "fields"))
    meta = _meta(faults, found)
    return Collection(
        name=faults.text(found, "name"),
        description=faults.text(found, "description"),
        fields=tuple(_fields(faults, found)),
        labels=faults.texts(found, "data_categories"),
        after=faults.texts(meta, "after"),
        erase_after=faults.texts(meta, "erase_after"),
        skipped=faults.flag(meta, "skip_processing"),
        masking=_masking(faults, meta),
    )


def _fields(faults: Faults, found: Found) -> Iterable[Field]:
    seen: set[str] = set()
    for node in faults.each(found, "fields"):
        said = faults.mapping(node, _FIELD, ("name",), strict=False)
        name = faults.text(said, "name")
        if name in seen:
            faults.tell(node, f"field `{name}` stands twice")
        seen.add(name)
        native = _native(faults, said)
        inner = tuple(_fields(faults, said))
        word = native.data_type.removesuffix("[]")
        yield Field(
            name=name,
            type=_TYPES.get(word, "json" if inner else "string"),
            array=native.data_type.endswith("[]"),
            labels=faults.texts(said, "data_categories"),
            description=faults.text(said, "description"),
            fields=inner,
            native=native,
        )


def _native(faults: Faults, said: Found) -> Native:
    node = said.get("fides_meta") or said.get("fidesops_meta")
    meta = faults.mapping(node, _META, strict=False) if node is not None else {}
    kind = faults.text(meta, "data_type")
    if kind:
        words = tuple(_TYPES) + tuple(f"{word}[]" for word in _TYPES)
        faults.word(meta, "data_type", words)
    links = (link(faults, item) for item in faults.each(meta, "references"))
    return Native(
        data_type=kind,
        length=faults.number(meta, "length", 1),
        primary_key=faults.flag(meta, "primary_key"),
        identity=faults.text(meta, "identity"),
        links=tuple(item for item in links if item is not None),
        read_only=faults.flag(meta, "read_only"),
        all_elements=faults.flag(meta, "return_all_elements"),
        masking=_masking(faults, meta),
        custom=faults.text(meta, "custom_request_field"),
        redact="redact" in meta,
    )


def _masking(faults: Faults, meta: Found) -> Masking | None:
    node = meta.get("masking_strategy_override")
    if node is None:
        return None
    said = faults.mapping(node, ("strategy", "configuration"), ("strategy",))
    settings = faults.mapping(said["configuration"], _keys(said["configuration"])) if "configuration" in said else {}
    plain = {key: inner.plain() for key, inner in settings.items()}
    return Masking(faults.text(said, "strategy"), tuple(_settings(plain)))


def _settings(given: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str | int | float | bool | None]]:
    """Yield the settings of a strategy, those within others by dotted names: `format_preservation.suffix`."""
    for key, value in given.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value if isinstance(value, str | int | float | bool | None) else str(value)
