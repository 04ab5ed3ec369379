"""The decade of a date, alone, as `1980s`."""

from __future__ import annotations

import re

from privet.crypto.masks import fact
from privet.vocabulary.datatype import Mask

_DATE = re.compile(r"([0-9]{3})[0-9]-[0-9]{2}(?![0-9])")


def _decade(text: str) -> str | None:
    found = _DATE.match(text)
    return f"{found[1]}0s" if found else None


PART = Mask(
    name="decade",
    about="the decade",
    reveals=5,
    apply=fact("decade", _decade),
)
