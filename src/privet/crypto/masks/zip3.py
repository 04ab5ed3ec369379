"""The first three digits of a US postal code, alone.

HIPAA (45 CFR 164.514(b)(2)(i)(B)) lets them stand only where more than 20,000 people live; a type that knows the
areas has a part `zip3` that says 000 for the others.
"""

from __future__ import annotations

import re

from privet.crypto.masks import fact
from privet.vocabulary.datatype import Mask

_ZIP = re.compile(r"([0-9]{3})[0-9]{2}(-[0-9]{4})?")


def _zip3(text: str) -> str | None:
    found = _ZIP.fullmatch(text)
    return found[1] if found else None


PART = Mask(
    name="zip3",
    about="the first three digits of a ZIP",
    reveals=15,
    apply=fact("zip3", _zip3),
)
