"""What numbers and codes that name a person or a body have in common: spelling, tails, years, sex, dates.

The rule of each number is the business of its own type.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Part, Wire

_TAILS = {2: "last_two", 3: "last_three", 4: "last_four"}
_SEXES = {"f": "female", "female": "female", "m": "male", "male": "male"}
_THREE_TWO_FOUR = re.compile(r"([0-9]{3})([- ]?)([0-9]{2})\2([0-9]{4})")
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)

# Typeset and spreadsheet spellings of a hyphen and a space; a look-alike digit or letter is refused instead.
_FOLD = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212"), "-") | dict.fromkeys(
    map(ord, "\u00a0\u2007\u2009\u202f"), " "
)


def compact(value: Wire, type_name: str, *, separators: str = " -", also: str = "") -> str:
    """Return `value` in upper case, without the `separators` between its letters A-Z and digits 0-9.

    `also`: further characters that the code may hold. Raises InvalidValue on anything else, on a separator at
    either end, and on what is not text: a JSON number has lost its leading zeros.
    """
    if not isinstance(value, str):
        raise InvalidValue("expected text", type_name=type_name)
    text = value.strip()
    if text.isascii() and text.isalnum():
        return text.upper()
    if not text:
        raise InvalidValue("expected text that is not empty", type_name=type_name)
    folded = text.translate(_FOLD)
    bare = folded.translate(_without(separators))
    plain = bare.translate(_without(also)) if also else bare
    # Upper case comes last: some letters outside ASCII turn into ASCII ones in upper case.
    if folded[0] in separators or folded[-1] in separators or not plain.isascii() or not (plain or "0").isalnum():
        raise InvalidValue("expected letters A-Z and digits 0-9, separators only between them", type_name=type_name)
    return bare.upper()


def compact_digits(value: Wire, type_name: str, *lengths: int, separators: str = " -") -> str:
    """Return `value` as digits alone, of one of `lengths`. Raises InvalidValue on anything else."""
    text = compact(value, type_name, separators=separators)
    if len(text) not in lengths or not text.isdigit():
        raise InvalidValue(f"expected {' or '.join(map(str, lengths))} digits", type_name=type_name)
    return text


def demand(holds: bool, rule: str, type_name: str) -> None:
    """Raise InvalidValue with `rule` unless it holds."""
    if not holds:
        raise InvalidValue(rule, type_name=type_name)


def is_day(year: int, month: int, day: int) -> bool:
    """Return whether the day exists in the Gregorian calendar.

    A two-digit `year` stands for no century, so 29 February passes in each year that 4 divides.
    """
    if not 1 <= month <= 12:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0 or year < 100)
    return 1 <= day <= (29 if leap and month == 2 else _DAYS[month - 1])


def read_layout(value: Wire, layout: re.Pattern[str], rule: str, type_name: str) -> re.Match[str]:
    """Return how trimmed `value` matches `layout`, with typeset hyphens and spaces read as plain ones.

    Raises InvalidValue with `rule` where it does not match.
    """
    if not isinstance(value, str):
        raise InvalidValue("expected text", type_name=type_name)
    match = layout.fullmatch(value.strip().translate(_FOLD))
    if match is None:
        raise InvalidValue(rule, type_name=type_name)
    return match


def nine_digits(value: Wire, type_name: str) -> str:
    """Return a United States taxpayer number as digits. Hyphens or spaces stand as 3-2-4, both or neither."""
    if isinstance(value, str) and len(value) == 9 and value.isascii() and value.isdigit():
        return value
    match = read_layout(value, _THREE_TWO_FOUR, "expected 9 digits, plain or as 3-2-4", type_name)
    return match[1] + match[3] + match[4]


def stars(text: str, shown: int) -> str:
    """Return `text` with all but its last `shown` characters as stars.

    >>> stars("213800KUD8LA", 3)
    '*********8LA'
    """
    hidden = len(text) - shown
    return "*" * hidden + text[hidden:]


def tail(count: int) -> Part:
    """Return the part that is the last 2, 3 or 4 characters."""
    name = _TAILS[count]

    def fix(literal: str) -> str:
        text = literal.strip().upper()
        demand(len(text) == count and text.isascii() and text.isalnum(), f"expected {count} letters or digits", name)
        return text

    # Two characters split the world into a hundred or so groups: that is few, and the schema must say so.
    return Part(name=name, about=f"The last {count} characters", of=lambda text: text[-count:], fix=fix, few=count == 2)


def piece(
    name: str, about: str, of: Callable[[str], str | None], *, length: int = 0, few: bool = False, also: str = ""
) -> Part:
    """Return a part whose literals are letters, digits and `also`, of exactly `length` unless that is 0."""

    def fix(literal: str) -> str:
        text = compact(literal, name, also=also)
        demand(length in (0, len(text)), f"expected {length} letters or digits", name)
        return text

    return Part(name=name, about=about, of=of, fix=fix, few=few)


def year(of: Callable[[str], str | None]) -> Part:
    """Return the part that is the year of birth with its century. No range is answered: ids have no order."""

    def fix(literal: str) -> str:
        return compact_digits(literal, "year", 4)

    return Part(name="year", about="Year of birth, four digits", of=of, fix=fix, few=True)


def short_year(of: Callable[[str], str | None]) -> Part:
    """Return the part that is the year of birth where the number does not say its century.

    A literal of four digits asks for its last two.
    """

    def fix(literal: str) -> str:
        return compact_digits(literal, "year", 2, 4)[-2:]

    return Part(name="year", about="Year of birth, two digits as written in the number", of=of, fix=fix, few=True)


def sex(of: Callable[[str], str | None]) -> Part:
    """Return the part that is the registered sex that the number states: `female`, `male` or nothing."""

    def fix(literal: str) -> str:
        word = _SEXES.get(literal.strip().lower(), "")
        demand(bool(word), "expected `female` or `male`", "sex")
        return word

    return Part(name="sex", about="Registered sex as the number states it", of=of, fix=fix, few=True)


def sex_by_parity(digit: str) -> str:
    """Return `male` for an odd digit and `female` for an even one, the habit of most European registers."""
    return "male" if int(digit) % 2 else "female"


@cache
def _without(characters: str) -> dict[int, None]:
    return dict.fromkeys(map(ord, characters))
