"""The year of a date, alone."""

from __future__ import annotations

import re

from privet.crypto.masks import fact
from privet.vocabulary.datatype import Mask

_DATE = re.compile(r"([0-9]{4})-[0-9]{2}(?![0-9])")


def _year(text: str) -> str | None:
    found = _DATE.match(text)
    return found[1] if found else None


PART = Mask(
    name="year",
    about="the year",
    reveals=15,
    apply=fact("year", _year),
)
