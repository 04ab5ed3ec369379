"""Values as columns hold them: what a column of a type takes, and what a value from elsewhere becomes there.

A value is turned before it is bound, so that no database compares texts with numbers by rules of its own.
"""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final, Literal

from privet.connectors.base import Value

Kind = Literal[
    "integer", "flag", "decimal", "float", "boolean", "text", "padded", "uuid", "date", "time", "timestamp", "bytes",
    "json", "array", "any", "other",
]  # fmt: skip
"""What a column holds. flag: an integer that is asked for by true and false, too. padded: texts of one width, with
blanks at their end that do not count. any: whatever is put there (SQLite). other: a type of which only the text is
compared."""

_KINDS: tuple[tuple[str, Kind], ...] = (
    (r".*(?:\[[0-9]*\]|\bARRAY)$|ARRAY<|LIST\b", "array"),
    (r"JSON|STRUCT|MAP\b|ROW\b|VARIANT|OBJECT\b", "json"),
    (r"BOOL|LOGICAL", "boolean"),
    (r"U?(?:TINY|SMALL|MEDIUM|BIG)?INT(?:EGER|[0-9]+)?\b|(?:SMALL|BIG)?SERIAL|YEAR\b|BYTEINT", "integer"),
    (r"NUMERIC|NUMBER|DEC(?:IMAL)?\b|BIGNUMERIC|BIGDECIMAL|U?HUGEINT", "decimal"),
    (r"FLOAT|DOUBLE|REAL|BINARY_(?:FLOAT|DOUBLE)", "float"),
    (r"UUID|UNIQUEIDENTIFIER", "uuid"),
    (r"TIMESTAMP|(?:SMALL)?DATETIME", "timestamp"),
    (r"DATE", "date"),
    (r"TIME", "time"),
    (r"[A-Z ]*CHAR|[A-Z]*TEXT|[A-Z]*CLOB|STRING|ENUM|NAME$", "text"),
    (r"[A-Z]*BLOB|BYTEA|(?:VAR)?BINARY|IMAGE|(?:LONG )?RAW|BYTES", "bytes"),
)
_KNOWN = tuple((re.compile(pattern, re.IGNORECASE), kind) for pattern, kind in _KINDS)
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,18}")
_DECIMAL = re.compile(r"-?[0-9]{1,38}(?:\.[0-9]{1,37})?")
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1

NO: Final = object()
"""What a value becomes that cannot be in a column."""


def kind_of(text: str) -> Kind:
    """Return what a column of a type holds, by its name in most databases.

    >>> kind_of("VARCHAR(40)"), kind_of("int4"), kind_of("point")
    ('text', 'integer', 'other')
    """
    for pattern, kind in _KNOWN:
        if pattern.match(text):
            return kind
    return "other"


def turn(kind: Kind, value: Value) -> Any:
    """Return a value as a column of a kind holds it, NO where it cannot be there.

    >>> turn("integer", "12"), turn("integer", "012") is NO, turn("text", 12)
    (12, True, '12')
    """
    return _TURNS[kind](value)


def _integer(value: Value) -> Any:
    if isinstance(value, str):
        value = int(value) if _INTEGER.fullmatch(value) else NO
    elif isinstance(value, float | Decimal):
        value = int(value) if _finite(value) and value == int(value) else NO
    if not isinstance(value, int) or isinstance(value, bool):
        return NO
    return value if _SMALLEST <= value <= _LARGEST else NO


def _finite(value: float | Decimal) -> bool:
    """Return whether a number is one, and not so large that it would take long to write."""
    if isinstance(value, Decimal):
        return value.is_finite() and value.adjusted() < 38
    return abs(value) < 10**38  # neither infinite nor NaN


def _flag(value: Value) -> Any:
    if isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false")):
        return int(str(value).lower() == "true")
    return _integer(value)


def _decimal(value: Value) -> Any:
    if isinstance(value, bool) or (isinstance(value, int | float | Decimal) and not _finite(value)):
        return NO
    if isinstance(value, int | float):
        value = str(value)
    if isinstance(value, str):
        return Decimal(value) if _DECIMAL.fullmatch(value) else NO
    return value if isinstance(value, Decimal) else NO


def _float(value: Value) -> Any:
    number = _decimal(value)
    return number if number is NO else float(number)


def _boolean(value: Value) -> Any:
    if isinstance(value, bool):
        return value
    text = value.lower() if isinstance(value, str) else value if isinstance(value, int) else ""
    return text in ("true", "1", 1) if text in ("true", "false", "1", "0", 1, 0) else NO


def _text(value: Value) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, int | float | Decimal) and not _finite(value):
        return NO
    if not isinstance(value, str | int | float | Decimal | uuid.UUID):
        return NO
    text = str(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return NO
    return NO if "\0" in text else text


def _uuid(value: Value) -> Any:
    try:
        return str(uuid.UUID(value) if isinstance(value, str) and len(value) in (32, 36) else _is(value, uuid.UUID))
    except ValueError:
        return NO


def _date(value: Value) -> Any:
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else _is(value, date)
    except ValueError:
        return NO
    return NO if isinstance(found, datetime) else found


def _timestamp(value: Value) -> Any:
    try:
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value if isinstance(value, datetime) else datetime.combine(_is(value, date), time())
    except ValueError:
        return NO


def _time(value: Value) -> Any:
    try:
        return time.fromisoformat(value) if isinstance(value, str) else _is(value, time)
    except ValueError:
        return NO


def _is(value: Value, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError
    return value


def _bytes(value: Value) -> Any:
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else NO


def _any(value: Value) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, int):
        return _integer(value)
    return value if isinstance(value, float) and _finite(value) else _text(value)


def _other(value: Value) -> Any:
    return _text(value)


_TURNS = {
    "integer": _integer,
    "flag": _flag,
    "decimal": _decimal,
    "float": _float,
    "boolean": _boolean,
    "text": _text,
    "padded": _text,
    "uuid": _uuid,
    "date": _date,
    "time": _time,
    "timestamp": _timestamp,
    "bytes": _bytes,
    "json": _other,
    "array": _other,
    "any": _any,
    "other": _other,
}


def forms(kind: Kind, value: Value) -> list[Any]:
    """Return the ways in which a column of a kind may hold a value; [] where it cannot."""
    first = turn(kind, value)
    second = _other_form(value) if kind == "any" else NO
    return [one for one in (first, second) if one is not NO]


def _other_form(value: Value) -> Any:
    # A column without a type keeps 12 and '12' apart, and writes times as its user likes.
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return _integer(value) if isinstance(value, str) else _text(value)
