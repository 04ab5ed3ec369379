"""Card-shaped tokens: as many digits as the card, and a Luhn sum that is never right, so that none is a card.

The twin passes Luhn and begins with 9, which ISO/IEC 7812-1 leaves to national bodies.
"""

from __future__ import annotations

from privet.crypto.shapes import Choice, Shape, Source, below, digits
from privet.errors import InvalidValue
from privet.vocabulary.checksum import luhn

_DOUBLED = str.maketrans("0123456789", "0246813579")


def _make(value: str, choice: Choice, source: Source) -> str:
    _expect_card(value)
    kept = value[-4:] if choice.keep_last_four else ""
    lead = "9" if choice.looks_real else ""
    head = lead + digits(source, len(value) - len(kept) - 1 - len(lead))
    # The digit before none or four others is one that Luhn does not double: it moves the sum by itself.
    right = -_luhn_sum(f"{head}0{kept}") % 10
    digit = right if choice.looks_real else (right + 1 + below(source, 9)) % 10
    return f"{head}{digit}{kept}"


def _size(value: str, choice: Choice) -> int:
    _expect_card(value)
    free = len(value) - 1 - (4 if choice.keep_last_four else 0)
    size: int = 10 ** (free - 1) if choice.looks_real else 9 * 10**free
    return size


def _recognizes(text: str, choice: Choice) -> bool:
    if not _is_form(text):
        return False
    return luhn(text) and text[0] == "9" if choice.looks_real else not luhn(text)


def _luhn_sum(digits: str) -> int:
    # ISO/IEC 7812-1, annex B: every second digit from the right is doubled, and its own digits are added.
    return sum(map(int, digits[-1::-2])) + sum(map(int, digits[-2::-2].translate(_DOUBLED)))


def _is_form(text: str) -> bool:
    return text.isascii() and text.isdecimal() and 12 <= len(text) <= 19


def _expect_card(value: str) -> None:
    if not _is_form(value):
        raise InvalidValue("12 to 19 digits", type_name="card.pan")


PART = Shape(
    name="card",
    about="digits of a card's length that fail Luhn; the last four kept if asked",
    make=_make,
    size=_size,
    recognizes=_recognizes,
)
