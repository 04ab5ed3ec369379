"""Types of databases as the words of a manifest. A type is read by its name as the database itself writes it."""

from __future__ import annotations

import re
from typing import Literal

from privet.vocabulary.dataset import Field, Native

LONGEST_TYPE = 200  # an enumeration writes all its words

# First match counts. "" has no word in a manifest: bytes are neither text nor number.
_WORDS: tuple[tuple[str, str], ...] = (
    (r"BOOL|TINYINT ?\(1\)|BIT(?: ?\(1\))?$|LOGICAL", "boolean"),
    (
        r"U?(?:TINY|SMALL|MEDIUM|BIG|HUGE)?INT(?:EGER|[0-9])?\b|U?(?:TINY|BIG|SMALL|HUGE)INT|(?:SMALL|BIG)?SERIAL|YEAR\b",
        "integer",
    ),
    (r"NUMERIC|NUMBER|DEC(?:IMAL)?\b|FLOAT|DOUBLE|REAL|MONEY", "float"),
    (r"JSON|STRUCT|MAP\b|ROW\b|UNION|HSTORE|OBJECT", "object"),
    (r"(?:TINY|MEDIUM|LONG)?BLOB|BYTEA|(?:VAR)?BINARY|BIT\b|IMAGE|RAW\b", ""),
)
_KNOWN = tuple((re.compile(pattern, re.IGNORECASE), word) for pattern, word in _WORDS)
_ARRAY = re.compile(r"(?:\[[0-9]*\])+$|\bARRAY$", re.IGNORECASE)
_LENGTH = re.compile(r"(?i)[A-Z ]*(?:CHAR|CHARACTER|VARYING|TEXT|STRING|CHARACTER VARYING) ?\(([0-9]+)")
_TEXT = re.compile(r"(?i)(?:[A-Z ]*CHAR|[A-Z]*TEXT|[A-Z]*CLOB|STRING|CITEXT)")
_PLAIN = re.compile(r"(?i)U?[A-Z]*INT|[A-Z]*SERIAL|NUM|DEC|FLOAT|DOUBLE|REAL|DATE|TIME|UUID|INET|CIDR|MACADDR")
# The vocabulary's own types by the manifest's word, as a manifest is read.
_TYPES = {"integer": "integer", "float": "decimal", "boolean": "boolean", "object": "json"}

Look = Literal["cut", "whole", "no"]


def data_type(column_type: str) -> str:
    """Return a manifest's word for the name of a database type; `string` for names that are not known.

    >>> data_type("NUMERIC(10, 2)"), data_type("text[]"), data_type("JSONB"), data_type("BYTEA")
    ('float', 'string[]', 'object', '')
    """
    text = column_type.strip()
    found = _ARRAY.search(text)
    if found:
        element = data_type(text[: found.start()])
        return f"{element}[]" if element else ""
    return next((word for pattern, word in _KNOWN if pattern.match(text)), "string")


def length(column_type: str) -> int | None:
    """Return how many characters fit into a column of a type, None where nobody says.

    >>> length("VARCHAR(40)"), length("TEXT"), length("NUMERIC(10, 2)")
    (40, None, None)
    """
    found = _LENGTH.match(column_type.strip())
    return int(found[1]) if found else None


def look(column_type: str) -> Look:
    """Return how values of a type may be sampled: cut short by the database, whole, or not at all.

    >>> look("VARCHAR(40)"), look("DATE"), look("JSON"), look("BLOB")
    ('cut', 'whole', 'no', 'no')
    """
    text = column_type.strip()
    if _ARRAY.search(text) or data_type(text) in ("object", ""):
        return "no"
    if _TEXT.match(text):
        return "cut"
    return "whole" if _PLAIN.match(text) else "no"


def native(column_type: str, *, nullable: bool | None = None, primary_key: bool = False) -> Native:
    """Return what a database says of a column, references left out."""
    return Native(
        data_type=data_type(column_type),
        length=length(column_type),
        column_type=column_type[:LONGEST_TYPE],
        nullable=nullable,
        primary_key=primary_key,
    )


def field(name: str, held: Native, *, description: str = "", fields: tuple[Field, ...] = ()) -> Field:
    """Return an observed field."""
    word = held.data_type.removesuffix("[]")
    return Field(
        name=name,
        type=_TYPES.get(word, "string"),
        array=held.data_type.endswith("[]"),
        description=" ".join(description.split()),
        fields=fields,
        native=held,
    )
