"""decimal: an exact number, given back as text so that no reader rounds it."""

from __future__ import annotations

import re
from decimal import Decimal

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._bulk import in_bulk

_NUMBER = re.compile(r"([+\-]?)([0-9]{0,40})(?:\.([0-9]{0,40}))?(?:[eE]([+\-]?[0-9]{1,2}))?")
_MOST_DIGITS = 38
_CANONICAL = re.compile(r"(?:0|[1-9][0-9]{0,37})(?:\.[0-9]{0,37}[1-9])?")


def normalize(value: Wire) -> str:
    """Return plain decimal notation without exponent, leading or trailing zeros: `1e3` gives `1000`, `1.50` `1.5`.

    At most 38 digits on either side of the point. A float is taken as the shortest text that reads back as it.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InvalidValue("expected a number", type_name="decimal")
    if isinstance(value, int) and abs(value) >= 10**_MOST_DIGITS:
        raise InvalidValue(f"expected at most {_MOST_DIGITS} digits before the point", type_name="decimal")
    text = value.strip() if isinstance(value, str) else repr(value)
    match = _NUMBER.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        raise InvalidValue("expected a decimal number", type_name="decimal")
    plain = format(Decimal(text), "f")
    whole, _, fraction = plain.lstrip("+-").partition(".")
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if len(whole) > _MOST_DIGITS or len(fraction) > _MOST_DIGITS:
        raise InvalidValue(f"expected at most {_MOST_DIGITS} digits on either side of the point", type_name="decimal")
    number = f"{whole or '0'}.{fraction}" if fraction else whole or "0"
    return f"-{number}" if plain.startswith("-") and number != "0" else number


PART = DataType(
    name="decimal",
    about="An exact decimal number.",
    category="user",
    normalize=normalize,
    normalize_all=in_bulk(lambda texts: [text if _CANONICAL.fullmatch(text) else "" for text in texts], normalize),
    sources=("RFC 8259, section 6: numbers", "ISO/IEC 9075-2: exact numeric types"),
    aliases=("number",),
    redactions=("redacted", "plain_text"),
    pad_bytes=24,
    order=Decimal,
    example="12.5",
)
