"""SSN-shaped tokens: 9xx with a middle that no SSN, ITIN or ATIN has.

No SSN begins with 9 (SSA, POMS RM 10201.035); ITINs begin with 9 and have 50-65, 70-88, 90-92 or 94-99 in the middle
(IRS Publication 1915), ATINs 93. That leaves 00-49, 66-69 and 89: 55 million values, which is also why the last four
cannot be kept. The twin takes areas 773-899, which were never assigned before SSNs became random on 25 June 2011.
"""

from __future__ import annotations

import re

from privet.crypto.shapes import Choice, Shape, Source, below
from privet.errors import InvalidValue

GROUPS = (*range(50), *range(66, 70), 89)

_FORM = re.compile("([0-9]{3})(-?)([0-9]{2})\\2([0-9]{4})")
_AREAS, _TWIN_AREAS = range(900, 1000), range(773, 900)
_TWIN_GROUPS = range(1, 100)


def _make(value: str, choice: Choice, source: Source) -> str:
    dash = _match(value)[2]
    number = below(source, _size(value, Choice(looks_real=choice.looks_real)))
    if choice.looks_real:
        number, serial = divmod(number, 9999)
        area, group = divmod(number, len(_TWIN_GROUPS))
        return f"{_TWIN_AREAS[area]}{dash}{_TWIN_GROUPS[group]:02d}{dash}{serial + 1:04d}"
    number, serial = divmod(number, 10000)
    area, group = divmod(number, len(GROUPS))
    return f"{_AREAS[area]}{dash}{GROUPS[group]:02d}{dash}{serial:04d}"


def _size(value: str, choice: Choice) -> int:
    heads = len(_TWIN_AREAS) * len(_TWIN_GROUPS) if choice.looks_real else len(_AREAS) * len(GROUPS)
    serials = 9999 if choice.looks_real else 10000
    return heads if choice.keep_last_four else heads * serials


def _recognizes(text: str, choice: Choice) -> bool:
    found = _FORM.fullmatch(text)
    if found is None:
        return False
    area, group, serial = int(found[1]), int(found[3]), int(found[4])
    if choice.looks_real:
        return area in _TWIN_AREAS and group in _TWIN_GROUPS and serial > 0
    return area in _AREAS and group in GROUPS


def _match(value: str) -> re.Match[str]:
    found = _FORM.fullmatch(value)
    if found is None:
        raise InvalidValue("nine digits, with both dashes or none", type_name="us.ssn")
    return found


PART = Shape(
    name="ssn",
    about="nine digits that no SSN, ITIN or ATIN can be; dashes as the value has them",
    make=_make,
    size=_size,
    recognizes=_recognizes,
)
