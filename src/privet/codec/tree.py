"""A YAML value as a tree of nodes with their places, and what a plain scalar stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

MAX_DEPTH = 64

Scalar = str | int | float | bool | None

_TRUE = ("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_NULL = ("", "~", "null", "Null", "NULL")
_WORDS: dict[str, bool | None] = {**dict.fromkeys(_TRUE, True), **dict.fromkeys(_FALSE, False), **dict.fromkeys(_NULL)}
_LONGEST_NUMBER = 300
_NUMBER = frozenset("-+.0123456789")
_INT = re.compile(r"[-+]?(?:0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*(?::[0-5]?[0-9])*)")
_FLOAT = re.compile(
    r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
)


# Structs: a manifest has nodes by the hundred thousand, and to make a frozen dataclass takes six times as long. None
# can hold itself, so the garbage collector need not look at them.
class Place(msgspec.Struct, frozen=True, gc=False):
    """Where a value stands: file, line and column from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Node(msgspec.Struct, frozen=True, gc=False):
    """A YAML value with its place. `value`: a scalar, a list of nodes, or a mapping of key → node."""

    value: Scalar | list[Node] | dict[str, Node]
    place: Place

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value

    def items(self) -> Iterator[tuple[str, Node]]:
        """Yield the pairs of a mapping; nothing for other values."""
        if isinstance(self.value, dict):
            yield from self.value.items()


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a text at one place."""

    message: str
    place: Place
    hint: str = ""


def scalar(text: str) -> Scalar:
    """Return what a plain scalar stands for. Source: YAML 1.1's types bool, int, float and null; all else is text,
    dates too, and numbers of more than 300 characters.

    >>> scalar("off"), scalar("0x1F"), scalar("1:30"), scalar("2024-01-01")
    (False, 31, 90, '2024-01-01')
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMBER or len(text) > _LONGEST_NUMBER:
        return text
    try:
        if _INT.fullmatch(text):
            return _int(text.replace("_", ""))
        if _FLOAT.fullmatch(text):
            return _float(text.replace("_", "").lower())
    except (ValueError, OverflowError):
        return text
    return text


def _int(text: str) -> int:
    sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-")
    if ":" in digits:
        return sign * _sixties([int(part) for part in digits.split(":")])
    base = {"0b": 2, "0x": 16}.get(digits[:2], 8 if digits[0] == "0" else 10)
    return sign * int(digits, base)


def _sixties(parts: list[int]) -> int:
    found = 0
    for part in parts:
        found = found * 60 + part
    return found


def _float(text: str) -> float:
    sign, digits = (-1.0 if text[0] == "-" else 1.0), text.lstrip("+-")
    if digits in (".inf", ".nan"):
        return sign * float(digits[1:])
    *above, last = digits.split(":")
    return sign * (_sixties([int(part) for part in above]) * 60 + float(last))
