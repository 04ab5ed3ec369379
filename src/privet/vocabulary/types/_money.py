"""What amounts of money have in common: spelling, and buckets that say their size. Not a part of the shelf."""

from __future__ import annotations

import re
from decimal import Decimal

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Part, Wire
from privet.vocabulary.identifier import demand

# ISO 20022, ActiveCurrencyAndAmount: 18 digits in all, 5 of them after the point at most.
_WHOLE, _FRACTION = 18, 5
_FORM = re.compile(rf"([+-]?)0*([0-9]{{1,{_WHOLE}}})(?:\.([0-9]{{1,{_FRACTION}}}?)0*)?")
# Digits that every double keeps from text to text and back. Source: IEEE 754-2019, 5.12.2.
_SAFE_DIGITS = 15
_STEPS = (1, 2, 5)


def amount(value: Wire, type_name: str) -> str:
    """Return plain decimal text: no exponent, no leading `+`, no zeros that say nothing. -0 is 0.

    A float is taken if its digits are surely those that were written: at most fifteen.
    """
    found = _FORM.fullmatch(_written(value, type_name))
    if found is None:
        raise InvalidValue(
            f"expected a decimal number with a point, no grouping, at most {_FRACTION} digits after it",
            type_name=type_name,
        )
    sign, whole, fraction = found.group(1), found.group(2), (found.group(3) or "").rstrip("0")
    demand(len(whole) + len(fraction) <= _WHOLE, f"expected at most {_WHOLE} digits", type_name)
    plain = f"{whole}.{fraction}" if fraction else whole
    return f"-{plain}" if sign == "-" and plain != "0" else plain


def bucket(text: str) -> str:
    """Return the bucket of a canonical amount: 1, 2 or 5 times a power of ten, lower bound included.

    Buckets below zero mirror those above it, so there the bound nearer to zero is the one included.

    >>> bucket("1234.5"), bucket("0.5"), bucket("-20")
    ('1000..2000', '0..1', '-50..-20')
    """
    size = _size(abs(Decimal(text)))
    return _named(-size if text.startswith("-") else size, negative=text.startswith("-"))


def bucket_part() -> Part:
    """Return the part that says the size of an amount. It covers the buckets of a range, whose ends may be empty."""
    return Part(
        name="bucket",
        about="The size: between 1, 2 or 5 times a power of ten and the next",
        of=bucket,
        fix=_fix,
        few=True,
        cover=_cover,
    )


def _written(value: Wire, type_name: str) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidValue("expected a number", type_name=type_name)
    if isinstance(value, int):
        # Python refuses to write very long numbers; these are past every bound anyway.
        demand(abs(value) < 10**_WHOLE, f"expected at most {_WHOLE} digits", type_name)
        return str(value)
    text = format(Decimal(repr(value)), "f")
    digits = text.strip("-").replace(".", "").strip("0")
    demand(len(digits) <= _SAFE_DIGITS, f"expected text, or a number of at most {_SAFE_DIGITS} digits", type_name)
    return text


# A bucket above zero is known by its number: 0 is 0..1, 1 is 1..2, 2 is 2..5, 3 is 5..10, 4 is 10..20 and so on.


def _size(magnitude: Decimal) -> int:
    if magnitude < 1:
        return 0
    power = magnitude.adjusted()
    leading = int(magnitude.scaleb(-power))
    return 3 * power + (1 if leading < _STEPS[1] else 2 if leading < _STEPS[2] else 3)


def _bound(size: int) -> int:
    """Return the lower bound of a bucket by its number."""
    if size == 0:
        return 0
    power, step = divmod(size - 1, 3)
    return int(_STEPS[step] * 10**power)


def _named(size: int, *, negative: bool) -> str:
    low, high = _bound(abs(size)), _bound(abs(size) + 1)
    return f"-{high}..-{low}" if negative and low else f"-{high}..{low}" if negative else f"{low}..{high}"


def _fix(literal: str) -> str:
    trimmed = literal.strip()
    if trimmed not in _ALL:
        raise InvalidValue("expected a bucket such as `1000..2000`", type_name="bucket")
    return trimmed


def _cover(lowest: str, highest: str) -> list[str]:
    first = _ALL.index(bucket(lowest)) if lowest else 0
    final = _ALL.index(bucket(highest)) if highest else len(_ALL) - 1
    return list(_ALL[first : final + 1])


_SIZES = range(3 * _WHOLE + 1)
_ALL = tuple(_named(-size, negative=True) for size in reversed(_SIZES)) + tuple(
    _named(size, negative=False) for size in _SIZES
)
