"""Datasets as read, made into the words of the vocabulary, with what a vault's schema says of them.

A schema of a vault is a dataset file too. What it says of types, keeping and indexes is taken over here; whether a
vault can hold it so is the business of `vault.reader`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, get_args

from privet.codec import Node
from privet.errors import UnknownName
from privet.manifest.keys import DATA_TYPES
from privet.manifest.shape import Reader, Values, name_of
from privet.vocabulary.composite import composite, expand
from privet.vocabulary.dataset import (
    NATIVE,
    WINDOW_SECONDS,
    Collection,
    Dataset,
    Field,
    Link,
    Masking,
    Native,
    Reference,
    TokenPlan,
    TokenScope,
)
from privet.vocabulary.datatype import DataType, TokenKind, data_type

_TYPE_OF = {
    "string": "string",
    "integer": "integer",
    "float": "decimal",
    "boolean": "boolean",
    "object": "json",
    "object_id": "string",
}
_SPAN = re.compile(r"(\d{1,6})([smhdy])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}
_OURS = frozenset({"privet"})
_SEEN = frozenset({"column_type", "nullable"})  # what a scan saw, and no schema of a vault says
_COMMON = frozenset({"privet", "data_type", "length", "primary_key", "identity"})
_TOKENS = frozenset(get_args(TokenKind))
_SCOPES = frozenset(get_args(TokenScope))


class Group:
    """A field that stands for a composite; its members come when the fields beside it are known."""

    __slots__ = ("node", "ours")

    def __init__(self, node: Node, ours: Values) -> None:
        self.node = node
        self.ours = ours


def masking(reader: Reader, node: Node, values: Values) -> Masking | None:
    """Return how an erasure overwrites, None where it does not say."""
    if "strategy" not in values:
        return None
    return Masking(values["strategy"], tuple(_settings(values.get("configuration", {}))))


def _settings(given: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str | int | float | bool | None]]:
    """Yield the settings of a strategy, those within others by dotted names: `format_preservation.suffix`."""
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _settings(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value if isinstance(value, str | int | float | bool | None) else str(value)


def field(reader: Reader, node: Node, values: Values) -> Field | Group | None:
    """Return a field with what it holds, a group for a composite, None where it has no name."""
    if "name" not in values:
        return None
    meta = values.get("fides_meta") or {}
    ours = meta.get("privet")
    if ours and ours.get("composite"):
        return Group(node, ours)
    native = NATIVE if meta.keys() <= _OURS else _native(reader, node, values, meta)
    if ours and not ours.keys().isdisjoint(_SEEN):
        native = replace(native, column_type=ours.get("column_type", ""), nullable=ours.get("nullable"))
    held = native.data_type
    kind = _TYPE_OF.get(held.partition("[]")[0]) or ("json" if values.get("fields") else "string")
    found = Field(
        name=values["name"],
        type=kind,
        labels=values.get("data_categories", ()),
        array=held.endswith("[]"),
        description=values.get("description", ""),
        fields=_inner(reader, node, values) if "fields" in values else (),
        native=native,
    )
    return found if not ours or ours.keys() <= _SEEN else replace(found, **_kept(reader, node, ours, found.labels))


def _inner(reader: Reader, node: Node, values: Values) -> tuple[Field, ...]:
    reader.distinct(node, "fields", "field", "warning")
    return tuple(inner for inner in values["fields"] if isinstance(inner, Field))


def _native(reader: Reader, node: Node, values: Values, meta: Values) -> Native:
    """Return what connectors go by, of `fides_meta`."""
    said = meta.get("data_type", "")
    base = said.partition("[]")[0]  # Fides passes over what stands behind
    if said and base not in DATA_TYPES:
        place = _under(node, "data_type")
        message = f"expected one of {', '.join(f'`{word}`' for word in DATA_TYPES)}, with `[]` for lists"
        reader.tell("error", "unknown-word", place, message, reader.near(base, DATA_TYPES))
        said = ""
    elif said and values.get("fields") and base != "object":
        place = _under(node, "data_type")
        reader.tell("error", "object-type", place, "expected the type `object` of a field that holds fields")
    if "return_all_elements" in meta and not said.endswith("[]"):
        place = _under(node, "return_all_elements")
        reader.tell(
            "error", "list-type", place, "expected `return_all_elements` on lists only", "say `data_type: string[]`"
        )
    if meta.keys() <= _COMMON:
        return _common(said, meta.get("length"), meta.get("primary_key", False), meta.get("identity", ""))
    return Native(
        data_type=said,
        length=meta.get("length"),
        primary_key=meta.get("primary_key", False),
        identity=meta.get("identity", ""),
        links=tuple(_links(meta.get("references", ()))),
        read_only=meta.get("read_only", False),
        all_elements=meta.get("return_all_elements", False),
        masking=meta.get("masking_strategy_override"),
        custom=meta.get("custom_request_field", ""),
        redact="redact" in meta,
    )


@lru_cache(4096)
def _common(data_type: str, length: int | None, primary_key: bool, identity: str) -> Native:
    """Return what most fields say; few say it differently."""
    return Native(data_type=data_type, length=length, primary_key=primary_key, identity=identity)


def _links(references: Iterable[Values]) -> Iterable[Link]:
    for found in references:
        if "dataset" in found and "field" in found:
            yield Link(found["dataset"], found["field"], found.get("direction", ""))


def _under(node: Node, key: str) -> Node:
    """Return the value of a key of a field's meta data, the field where it has none."""
    for name in ("fides_meta", "fidesops_meta"):
        meta = node.value.get(name) if isinstance(node.value, dict) else None
        found = meta.value.get(key) if meta and isinstance(meta.value, dict) else None
        if found is not None:
            return found
    return node


# --- what a vault's schema says -----------------------------------------------------------------------------------


def _kept(reader: Reader, node: Node, ours: Values, labels: tuple[str, ...]) -> dict[str, Any]:
    written = ours.get("type", "string")
    kind = _kind(reader, node, written.removesuffix("[]"))
    indexes = ours.get("index", ())
    bits = indexes if isinstance(indexes, dict) else {}
    target, default = ours.get("references", ""), ours.get("default")
    return {
        "type": kind.name,
        "labels": labels or (kind.category,),
        "array": written.endswith("[]"),
        "keep": ours.get("keep", kind.keep),
        "indexes": _texts(indexes),
        "bits": tuple((name, said["bits"]) for name, said in bits.items() if isinstance(said, dict) and "bits" in said),
        "leak": ours.get("leak") == "equality",
        "unique": ours.get("unique", False),
        "required": ours.get("required", False),
        "default": default if isinstance(default, str | int | float | bool) else None,
        "token": _token(ours.get("token"), kind),
        "reference": Reference(target.partition(".")[0]) if target else None,
        "was": ours.get("was", ""),
        "paths": tuple((path, str(name)) for path, name in ours.get("paths", {}).items()),
    }


def _kind(reader: Reader, node: Node, name: str) -> DataType:
    kind, hint = _named(name)
    if kind is None:
        reader.tell("error", "unknown-type", _ours(node, "type"), "expected a data type of Privet", hint)
        return data_type("string")
    return kind


@lru_cache(4096)
def _named(name: str) -> tuple[DataType | None, str]:
    """Return the type of a name; None and the hint for one that is not there, which takes long to find out."""
    try:
        return data_type(name), ""
    except UnknownName as error:
        return None, error.hint


def _ours(node: Node, key: str) -> Node:
    """Return the value of a key of ours, the node itself where it has none."""
    found = _under(node, "privet")
    inner = found.value.get(key) if found is not node and isinstance(found.value, dict) else None
    return inner or node


def _texts(value: Any) -> tuple[str, ...]:
    """Return a text, or the texts of a list or of a mapping's keys."""
    listed = (value,) if isinstance(value, str) else value if isinstance(value, list | tuple | dict) else ()
    return tuple(text for text in listed if isinstance(text, str))


def _sets(value: Any) -> tuple[tuple[str, ...], ...]:
    return tuple(_texts(item) for item in value) if isinstance(value, list) else ()


def _token(said: Any, kind: DataType) -> TokenPlan | None:
    if said is None:
        return None
    plan = said if isinstance(said, dict) else {"kind": said}
    default: Any = kind.token if kind.token != "none" else "stored"
    named, scope = plan.get("kind", default), plan.get("scope")
    kind_: Any = named if isinstance(named, str) and named in _TOKENS else default
    scope_: Any = scope if isinstance(scope, str) and scope in _SCOPES else "column"
    return TokenPlan(
        kind=kind_,
        shape=str(plan.get("shape", "")),
        scope=scope_,
        looks_real=plan.get("looks_real") is True,
        keep_last_four=plan.get("keep_last_four") is True,
        domain=str(plan.get("domain", "")),
        unerasable=plan.get("unerasable") is True,
    )


def _seconds(reader: Reader, node: Node, key: str, said: str | None, default: int) -> int:
    if said is None:
        return default
    found = _SPAN.fullmatch(said)
    if found is None:
        reader.tell(
            "error", "wrong-type", _ours(node, key), "expected a time like `90d`: a number and one of s, m, h, d, y"
        )
        return default
    return int(found[1]) * _SECONDS[found[2]]


def _members(reader: Reader, group: Group, written: frozenset[str]) -> list[Field]:
    """Return the fields that a composite stands for, save those that are written out."""
    try:
        found = composite(group.ours["composite"])
    except UnknownName as error:
        reader.tell(
            "error", "unknown-type", _ours(group.node, "composite"), "expected a composite of Privet", error.hint
        )
        return []
    prefix = group.ours.get("prefix", f"{name_of(group.node)}_")
    without = {prefix + name for name in _texts(group.ours.get("without"))}
    made = (reader.made(node, "field") for node in expand(found, prefix, group.node, written | without))
    return [field for field in made if isinstance(field, Field)]


def _spread(reader: Reader, found: list[Field | Group]) -> tuple[Field, ...]:
    """Return a collection's fields with each composite's members in its place."""
    written = frozenset(item.name for item in found if isinstance(item, Field))
    spread: list[Field] = []
    for item in found:
        spread += [item] if isinstance(item, Field) else _members(reader, item, written)
    return tuple(spread)


def collection(reader: Reader, node: Node, values: Values) -> Collection | None:
    """Return a collection with its fields, None where it has no name."""
    if "name" not in values:
        return None
    meta = values.get("fides_meta") or {}
    ours = meta.get("privet") or {}
    subject = ours.get("subject", "none").removeprefix("via ").strip()
    reader.distinct(node, "fields", "field", "error")
    fields = _spread(reader, values.get("fields", []))
    if subject == "none" and any(item.keep == "shreddable" for item in fields):
        # Without a person there is no key of a person, whatever the type would like.
        fields = tuple(replace(item, keep="sealed") if item.keep == "shreddable" else item for item in fields)
    return Collection(
        name=values["name"],
        fields=fields,
        subject=subject,
        uniques=_sets(ours.get("unique")),
        indexes=_sets(ours.get("indexes")),
        ttl_seconds=_seconds(reader, node, "ttl", ours.get("ttl"), 0),
        about=_texts(ours.get("about")) or values.get("data_subjects", ()),
        labels=values.get("data_categories", ()),
        was=ours.get("was", ""),
        description=values.get("description", ""),
        after=meta.get("after", ()),
        erase_after=meta.get("erase_after", ()),
        skipped=meta.get("skip_processing", False),
        masking=meta.get("masking_strategy_override"),
    )


def dataset(reader: Reader, node: Node, values: Values) -> Dataset:
    """Return a dataset with its collections."""
    meta = values.get("fides_meta") or {}
    ours = meta.get("privet") or {}
    reader.distinct(node, "collections", "collection", "error")
    return Dataset(
        key=values["fides_key"],
        collections=tuple(values.get("collections", ())),
        name=values.get("name", ""),
        description=values.get("description", ""),
        suite="gcm" if ours.get("suite") == "gcm" else "siv",
        window_seconds=_seconds(reader, node, "window", ours.get("window"), WINDOW_SECONDS),
        labels=values.get("data_categories", ()),
        after=meta.get("after", ()),
    )
