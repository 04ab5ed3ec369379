"""Observed datasets, collections and fields as text of a manifest: block style to be read, flow style to fit in a line.

A comment says of each proposed category how sure it is, and why.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from privet.vocabulary.dataset import Collection, Dataset, Field

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.<>/-]*")
# What YAML 1.1 reads as something else than text. Source: yaml.org/type/bool.html, null.html.
_WORDS = frozenset("y n yes no on off true false null none".split())  # noqa: SIM905 - a list of words reads better

Why = Mapping[str, str]
"""Dotted path of a field → a comment on its category."""


def scalar(value: object) -> str:
    """Return a scalar as YAML writes it on one line.

    >>> scalar("users.id"), scalar("no"), scalar("a: b"), scalar(True)
    ('users.id', '"no"', '"a: b"', 'true')
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    if text.isprintable():
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return '"' + "".join(_escaped(ch) for ch in text) + '"'


def flow(value: object) -> str:
    """Return a value in flow style.

    >>> flow({"data_type": "string", "references": [{"dataset": "shop"}]})
    '{data_type: string, references: [{dataset: shop}]}'
    """
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    return scalar(value)


def meta(field: Field) -> dict[str, Any]:
    """Return what stands under `fides_meta` of a field: what its own system says of it."""
    held = field.native
    found: dict[str, Any] = {}
    if held.data_type:
        found["data_type"] = held.data_type
    if held.length is not None:
        found["length"] = held.length
    if held.primary_key:
        found["primary_key"] = True
    if held.links:
        found["references"] = [reference(link.dataset, link.field, link.direction) for link in held.links]
    ours: dict[str, Any] = {"column_type": held.column_type} if held.column_type else {}
    if held.nullable is not None:
        ours["nullable"] = held.nullable
    if ours:
        found["privet"] = ours
    return found


def reference(dataset: str, field: str, direction: str) -> dict[str, Any]:
    """Return a reference as a manifest writes it."""
    return {"dataset": dataset, "field": field} | ({"direction": direction} if direction else {})


def field_data(field: Field) -> dict[str, Any]:
    """Return a field as plain data, in the order that it is written."""
    found: dict[str, Any] = {"name": field.name}
    if field.description:
        found["description"] = field.description
    if field.labels:
        found["data_categories"] = list(field.labels)
    if meta(field):
        found["fides_meta"] = meta(field)
    if field.fields:
        found["fields"] = [field_data(inner) for inner in field.fields]
    return found


def collection_data(collection: Collection) -> dict[str, Any]:
    """Return a collection as plain data, in the order that it is written."""
    about = {"description": collection.description} if collection.description else {}
    return {"name": collection.name, **about, "fields": [field_data(field) for field in collection.fields]}


def field_lines(field: Field, why: Why, dash: int, step: int, prefix: str = "") -> Iterator[str]:
    """Yield the lines of a field as an item of a list. `dash`: column of its dash. `step`: how much deeper than its key
    a list stands. `prefix`: path of what it is in, with a dot."""
    path = f"{prefix}{field.name}"
    said = f"  # {why[path]}" if path in why else ""
    pad = " " * (dash + 2)
    yield f"{' ' * dash}- name: {scalar(field.name)}{'' if field.labels else said}"
    if field.description:
        yield f"{pad}description: {scalar(field.description)}"
    if field.labels:
        yield f"{pad}data_categories: {flow(list(field.labels))}{said}"
    if meta(field):
        yield f"{pad}fides_meta: {flow(meta(field))}"
    if field.fields:
        yield f"{pad}fields:"
        for inner in field.fields:
            yield from field_lines(inner, why, dash + 2 + step, step, f"{path}.")


def collection_lines(collection: Collection, why: Why, dash: int, step: int) -> Iterator[str]:
    """Yield the lines of a collection as an item of a list."""
    pad = " " * (dash + 2)
    yield f"{' ' * dash}- name: {scalar(collection.name)}"
    if collection.description:
        yield f"{pad}description: {scalar(collection.description)}"
    if not collection.fields:
        yield f"{pad}fields: []"
        return
    yield f"{pad}fields:"
    for field in collection.fields:
        yield from field_lines(field, why, dash + 2 + step, step)


def dataset_lines(
    dataset: Dataset, why: Mapping[str, Why], dash: int, step: int, collections: Sequence[Collection] | None = None
) -> Iterator[str]:
    """Yield the lines of a dataset as an item of a list. `why`: collection → comments. `collections`: others than those
    of the dataset: () for the head alone, which more lines follow."""
    shown = dataset.collections if collections is None else collections
    pad = " " * (dash + 2)
    yield f"{' ' * dash}- fides_key: {scalar(dataset.key)}"
    if dataset.name:
        yield f"{pad}name: {scalar(dataset.name)}"
    if dataset.description:
        yield f"{pad}description: {scalar(dataset.description)}"
    if collections is None and not shown:
        yield f"{pad}collections: []"
        return
    yield f"{pad}collections:"
    for collection in shown:
        yield from collection_lines(collection, why.get(collection.name, {}), dash + 2 + step, step)


def dataset_data(dataset: Dataset) -> dict[str, Any]:
    """Return a dataset as plain data, in the order that it is written."""
    said = {"name": dataset.name, "description": dataset.description}
    about = {key: value for key, value in said.items() if value}
    return {"fides_key": dataset.key, **about, "collections": [collection_data(one) for one in dataset.collections]}


def _escaped(ch: str) -> str:
    if ch in '"\\':
        return f"\\{ch}"
    if ch.isprintable():
        return ch
    code = ord(ch)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
