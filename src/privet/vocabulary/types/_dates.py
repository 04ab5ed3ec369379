"""Calendar dates, and the parts that answer ranges over them. Not a part of the shelf."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Part, Wire
from privet.vocabulary.types._text import raw

_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MONTH = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")


def iso_date(value: Wire, type_name: str) -> str:
    """Return `YYYY-MM-DD` of a day that the calendar has. Other spellings are refused: 04/05/1985 has two readings."""
    text = raw(value, type_name).strip()
    if not _ISO.fullmatch(text):
        raise InvalidValue("expected a date as YYYY-MM-DD", type_name=type_name)
    try:
        date.fromisoformat(text)
    except ValueError:
        raise InvalidValue("expected a day that the calendar has", type_name=type_name) from None
    return text


def iso_dates(texts: Sequence[str], first: int, last: int) -> list[str]:
    """Return those texts that are `YYYY-MM-DD` of a day in the years `first` to `last`, "" for each other."""
    low, high = f"{first:04}", f"{last:04}-99"
    try:
        # The calendar reads other forms, too, but writes this one alone.
        days = map(str, map(date.fromisoformat, texts))
        return [text if text == day and low <= text <= high else "" for text, day in zip(texts, days, strict=True)]
    except ValueError:
        return [text if _is_day(text) and low <= text <= high else "" for text in texts]


def _is_day(text: str) -> bool:
    try:
        return str(date.fromisoformat(text)) == text
    except ValueError:
        return False


def year(first: int, last: int) -> Part:
    """Return the part `year`, which answers ranges. An empty end of a range reaches to `first` or `last`."""

    def cover(lowest: str, highest: str) -> Sequence[str]:
        low, high = int(lowest[:4] or first), int(highest[:4] or last)
        return [f"{at:04}" for at in range(low, high + 1)]

    return Part(name="year", about="The year.", of=lambda text: text[:4], fix=_fix_year, few=True, cover=cover)


def decade(first: int, last: int) -> Part:
    """Return the part `decade`, `1980s`, which answers ranges. An empty end of a range reaches to `first` or `last`."""

    def cover(lowest: str, highest: str) -> Sequence[str]:
        low, high = int(lowest[:4] or first), int(highest[:4] or last)
        return [f"{at:03}0s" for at in range(low // 10, high // 10 + 1)]

    def fix(literal: str) -> str:
        if not re.fullmatch(r"[0-9]{3}0s?", literal):
            raise InvalidValue("expected a decade as 1980s")
        return f"{literal[:4]}s"

    return Part(name="decade", about="The decade.", of=lambda text: f"{text[:3]}0s", fix=fix, few=True, cover=cover)


def year_month(first: int, last: int) -> Part:
    """Return the part `year_month`, `1985-04`, which answers ranges, as `year` does."""

    def cover(lowest: str, highest: str) -> Sequence[str]:
        low, high = _months(lowest or f"{first:04}-01"), _months(highest or f"{last:04}-12")
        return [f"{at // 12:04}-{at % 12 + 1:02}" for at in range(low, high + 1)]

    def fix(literal: str) -> str:
        if not _MONTH.fullmatch(literal):
            raise InvalidValue("expected a month as YYYY-MM")
        return literal

    return Part(name="year_month", about="Year and month.", of=lambda text: text[:7], fix=fix, cover=cover)


def two_digits(label: str, about: str, start: int, highest: int) -> Part:
    """Return a part of two digits at `start` of the text, from 01 to `highest`."""

    def fix(literal: str) -> str:
        if not re.fullmatch(r"[0-9]{1,2}", literal) or not 1 <= int(literal) <= highest:
            raise InvalidValue(f"expected a number from 1 to {highest}")
        return f"{int(literal):02}"

    return Part(name=label, about=about, of=lambda text: text[start : start + 2], fix=fix, few=True)


def _months(text: str) -> int:
    return int(text[:4]) * 12 + int(text[5:7]) - 1


def _fix_year(literal: str) -> str:
    if not re.fullmatch(r"[0-9]{4}", literal):
        raise InvalidValue("expected a year of four digits")
    return literal
