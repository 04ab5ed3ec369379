"""integer: a whole number of 64 bits."""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire

_DIGITS = re.compile(r"[+\-]?[0-9]{1,40}")


def normalize(value: Wire) -> str:
    """Return the number in digits, without leading zeros or plus. Takes whole numbers and digits, not 1.0 or true."""
    if isinstance(value, str):
        text = value.strip()
        if not _DIGITS.fullmatch(text):
            raise InvalidValue("expected a whole number in digits", type_name="integer")
        number = int(text)
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    else:
        raise InvalidValue("expected a whole number", type_name="integer")
    if not -(1 << 63) <= number < 1 << 63:
        raise InvalidValue("expected a number of 64 bits with sign", type_name="integer")
    return str(number)


PART = DataType(
    name="integer",
    about="A whole number.",
    category="user",
    normalize=normalize,
    present=int,
    sources=("RFC 8259, section 6: int",),
    aliases=("int",),
    redactions=("redacted", "plain_text"),
    pad_bytes=24,
    order=int,
    example="42",
)
