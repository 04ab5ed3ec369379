"""What records without a schema look like: the fields of a sample of them.

Names of fields are told, values never; an object whose keys look like values themselves is told as one field.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from privet.vocabulary.dataset import Field, Native
from privet.vocabulary.native import field as observed_field

SAMPLE = 100
DEPTH = 12
KEYS = 200

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}")
_LONG_NUMBER = re.compile(r"[0-9]{4}|[0-9a-f]{12}")
_WORDS = {
    "str": "string",
    "int": "integer",
    "Int64": "integer",
    "float": "float",
    "Decimal": "float",
    "Decimal128": "float",
    "bool": "boolean",
    "ObjectId": "object_id",
    "DBRef": "object_id",
    "datetime": "string",
    "date": "string",
    "UUID": "string",
    "dict": "object",
}
"""Class of a value → the manifest's word; others (bytes) have none."""


def fields(records: Iterable[Mapping[str, Any]], keys: Iterable[str] = ()) -> tuple[Field, ...]:
    """Return the fields of records, in the order in which they are met. `keys`: those of the primary key."""
    return _fields(list(records), frozenset(keys), 0)


def _fields(records: list[Mapping[str, Any]], keys: frozenset[str], depth: int) -> tuple[Field, ...]:
    held: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            if _NAME.fullmatch(name) and not _LONG_NUMBER.search(name) and (name in held or len(held) < KEYS):
                held.setdefault(name, []).append(value)
            elif depth:
                return ()  # one key that looks like a value: all of them may be
    return tuple(_field(name, values, name in keys, depth) for name, values in held.items())


def _field(name: str, values: list[Any], key: bool, depth: int) -> Field:
    array = any(isinstance(value, list | tuple | set | frozenset) for value in values)
    single: list[Any] = []
    for value in values:
        single += list(value)[:KEYS] if isinstance(value, list | tuple | set | frozenset) else [value]
    words = {_WORDS.get(type(value).__name__, "") for value in single if value is not None}
    word = "float" if words == {"integer", "float"} else next(iter(words)) if len(words) == 1 else ""
    objects = [value for value in single if isinstance(value, Mapping)] if word == "object" and depth < DEPTH else []
    held = Native(
        data_type=f"{word}[]" if array and word else word, nullable=True if None in values else None, primary_key=key
    )
    return observed_field(name, held, fields=_fields(objects, frozenset(), depth + 1))
