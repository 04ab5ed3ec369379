"""Phone-shaped tokens: 15 digits under +999, a country code that ITU-T E.164 assigns to nobody.

The twin lies under +878 10, universal personal telecommunications: a service that numbering plans still describe, so
that validators pass it, and that has next to no subscribers.
"""

from __future__ import annotations

import re

from privet.crypto.shapes import Choice, Shape, Source, digits
from privet.errors import InvalidValue

LEAD, TWIN_LEAD = "999", "87810"
DIGITS = 15

_VALUE = re.compile(r"\+[0-9]{7,15}")


def _lead(choice: Choice) -> str:
    return TWIN_LEAD if choice.looks_real else LEAD


def _free(choice: Choice) -> int:
    return DIGITS - len(_lead(choice)) - (4 if choice.keep_last_four else 0)


def _make(value: str, choice: Choice, source: Source) -> str:
    if not _VALUE.fullmatch(value):
        raise InvalidValue("+ and 7 to 15 digits", type_name="contact.phone")
    kept = value[-4:] if choice.keep_last_four else ""
    return f"+{_lead(choice)}{digits(source, _free(choice))}{kept}"


def _recognizes(text: str, choice: Choice) -> bool:
    form = text.isascii() and text[1:].isdecimal() and len(text) == DIGITS + 1
    return form and text.startswith(f"+{_lead(choice)}")


PART = Shape(
    name="phone",
    about="an E.164 number under +999; the last four kept if asked",
    make=_make,
    size=lambda value, choice: 10 ** _free(choice),
    recognizes=_recognizes,
)
