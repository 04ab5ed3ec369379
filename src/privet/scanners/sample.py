"""A few values of a field, to be looked at and let go: capped in number and length, in memory only, unprintable."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Iterable

from privet.secret import Secret

MOST_VALUES = 200
MOST_CHARACTERS = 200

Samples = Secret[tuple[str, ...]]
"""Texts that no print, log, error or pickle shows."""

NONE: Samples = Secret(())

_AS_WRITTEN = (int, float, decimal.Decimal, uuid.UUID)
_DATED = (datetime.date, datetime.time)


def capped(values: Iterable[object], most: int) -> Samples:
    """Return at most `most` (and never more than 200) values as texts of at most 200 characters.

    Absent values count as none. Bytes and nested values are left out: no rule of a data type reads them.

    >>> capped(["jane.doe@example.com", None, 12], 10)
    ***
    """
    found: list[str] = []
    for value in values:
        if len(found) >= min(most, MOST_VALUES):
            break
        text = _text(value)
        if text:
            found.append(text[:MOST_CHARACTERS])
    return Secret(tuple(found))


def _text(value: object) -> str:
    if isinstance(value, str):
        # A NUL or half a character is no text of any type.
        return value if value.isprintable() else "".join(ch for ch in value if ch.isprintable())
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _AS_WRITTEN):
        return str(value)
    return value.isoformat() if isinstance(value, _DATED) else ""
