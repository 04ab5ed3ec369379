"""The machine-readable zone of a passport book. Canonical: its two lines of 44 characters as one text."""

from __future__ import annotations

import re
from dataclasses import replace

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import demand, is_day, piece, stars, tail

NAME = "id.passport_mrz"

# Document, issuer, name | number, check, nationality, birth, check, sex, expiry, check, optional data, check, check.
_ZONE = re.compile(
    r"P[A-Z<] [A-Z][A-Z<]{2} [A-Z][A-Z<]{38}"
    r" [A-Z0-9][A-Z0-9<]{8} [0-9] [A-Z][A-Z<]{2} [0-9<]{6} [0-9] [FM<] [0-9]{6} [0-9] [A-Z0-9<]{14} [0-9<] [0-9]",
    re.VERBOSE,
)
_VALUES = {letter: at for at, letter in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}
_WEIGHTS = (7, 3, 1)


def normalize(value: Wire) -> str:
    """Accept two lines, or one text of 88 characters. Raises InvalidValue; the name field is not looked into."""
    if not isinstance(value, str):
        raise InvalidValue("expected text", type_name=NAME)
    lines = value.split()
    demand(len(lines) == 1 or list(map(len, lines)) == [44, 44], "expected two lines of 44 characters", NAME)
    zone = "".join(lines)
    demand(zone.isascii(), "expected the letters A-Z, digits and <", NAME)
    zone = zone.upper()
    demand(_ZONE.fullmatch(zone) is not None, "expected the fields of a passport in their places", NAME)
    _check(zone[44:])
    return zone


def _check(line: str) -> None:
    """Raise InvalidValue unless dates exist and check digits agree in the second line."""
    demand(line[9] == check_digit(line[:9]), "expected the check digit of the number", NAME)
    demand(line[19] == check_digit(line[13:19]), "expected the check digit of the date of birth", NAME)
    demand(line[27] == check_digit(line[21:27]), "expected the check digit of the date of expiry", NAME)
    optional = line[28:42]
    # An empty optional field may carry the digit 0 or none at all: part 4, section 4.2.2.2, note j.
    bare = optional == "<" * 14 and line[42] == "<"
    demand(bare or line[42] == check_digit(optional), "expected the check digit of the optional data", NAME)
    whole = line[:10] + line[13:20] + line[21:43]
    demand(line[43] == check_digit(whole), "expected the check digit of the whole line", NAME)
    demand(_is_birth(line[13:19]), "expected a date of birth that exists", NAME)
    demand(is_day(*map(int, (line[21:23], line[23:25], line[25:27]))), "expected a date of expiry that exists", NAME)


def check_digit(field: str) -> str:
    """Return the check digit of digits, letters and fillers.

    Source: ICAO Doc 9303 part 3, section 4.9.

    >>> check_digit("520727")
    '3'
    """
    return str(sum(_VALUES[letter] * _WEIGHTS[at % 3] for at, letter in enumerate(field)) % 10)


def _is_birth(text: str) -> bool:
    """Return whether the day exists as far as it is known: fillers stand for a year, month or day that is not."""
    fields = (text[:2], text[2:4], text[4:])
    if not all(field == "<<" or field.isdigit() for field in fields):
        return False
    year, month, day = (int(field.replace("<<", "00")) for field in fields)
    # Year 00 has a 29 February, month 01 has 31 days: what is unknown forbids nothing.
    return is_day(year, month if fields[1].isdigit() else 1, day if fields[2].isdigit() else 1)


def _number(text: str) -> str:
    return text[44:53].rstrip("<")


def _last_three(text: str) -> str | None:
    number = _number(text)
    return number[-3:] if len(number) >= 6 else None


def _masked(text: str) -> str:
    # Three characters of a short number would be most of it.
    number = _number(text)
    return stars(number, 3 if len(number) >= 6 else 0)


def _birth(text: str) -> str | None:
    return text[57:63] if text[57:63].isdigit() else None


def _fix_date(literal: str) -> str:
    text = literal.strip().replace("-", "")[-6:]
    demand(len(text) == 6 and text.isascii() and text.isdigit(), "expected a date as YYMMDD or YYYY-MM-DD", NAME)
    return text


PART = DataType(
    name=NAME,
    about="Machine-readable zone of a passport (TD3)",
    category="user.government_id.passport_number",
    normalize=normalize,
    sources=(
        "ICAO Doc 9303 part 3 (8th edition), section 4.9, check digits, and section 5, codes of issuers",
        "ICAO Doc 9303 part 4 (8th edition), section 4.2.2, data structure of the TD3 zone",
    ),
    aliases=("mrz", "passport_mrz"),
    parts=(
        piece("issuer", "Issuing state or body, as in the zone", lambda text: text[2:5].rstrip("<"), few=True),
        piece("number", "Document number", _number),
        Part(name="dob", about="Date of birth where wholly known, YYMMDD", of=_birth, fix=_fix_date),
        Part(name="expiry", about="Date of expiry, YYMMDD", of=lambda text: text[65:71], fix=_fix_date),
        replace(tail(3), of=_last_three, about="The last 3 characters of numbers of 6 and more"),
    ),
    indexes=("exact", "last_three"),
    masked=_masked,
    redactions=("redacted", "masked", "last_three", "plain_text"),
    ceiling="last_three",
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "mrz",
        "passport_mrz",
        "machine_readable_zone",
        "mrz_code",
        "mrz_lines",
        "zone_lisible",
        "maschinenlesbare_zone",
    ),
    proves=1.0,
    laws=("GDPR", "CPRA sensitive"),
    example="P<UTOEXAMPLE<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<<X000123454UTO8504135F3102282<<<<<<<<<<<<<<02",
)
