"""The personal identity number of Sweden. Canonical: twelve digits, or ten with `+` for who is a hundred or more."""

from __future__ import annotations

import re

from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import compact_digits, demand, is_day, read_layout, sex, sex_by_parity, stars, tail

NAME = "se.personnummer"
_LAYOUT = re.compile(r"([0-9]{2})?([0-9]{6})([-+ ]?)([0-9]{4})")


def normalize(value: Wire) -> str:
    """Keep twelve digits or ten as they came, the hyphen left out.

    Ten digits name a century only together with today's date, and a core reads no clock; so the two spellings of
    one person stay two texts. The part `ten_digits` joins them. `+` stays: it is the only sign of the century.
    """
    match = read_layout(value, _LAYOUT, "expected 10 or 12 digits, - or + before the last 4", NAME)
    century, date, sign, serial = match[1] or "", match[2], match[3], match[4]
    demand(not century or sign != "+", "expected + only with 10 digits", NAME)
    demand(not century or 18 <= int(century) <= 21, "expected a year of 1800 to 2199", NAME)
    exists = is_day(int(century + date[:2]), int(date[2:4]), int(date[4:]))
    demand(exists, "expected a date of birth that exists", NAME)
    demand(serial[:3] != "000", "expected a birth number other than 000", NAME)
    demand(luhn(date + serial), "expected the check digit to agree", NAME)
    return century + date + (sign if sign == "+" else "") + serial


def _ten_digits(text: str) -> str:
    return text.replace("+", "")[-10:]


def _year(text: str) -> str | None:
    return text[:4] if len(text) == 12 else None


def _fix_ten_digits(literal: str) -> str:
    return _ten_digits(normalize(literal))


def _fix_year(literal: str) -> str:
    return compact_digits(literal, "year", 4)


PART = DataType(
    name=NAME,
    about="Personnummer, personal identity number, Sweden",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Folkbokföringslag (1991:481), 18 §",
        "Skatteverket, SKV 704, Personnummer",
        "Lag (2018:218) med kompletterande bestämmelser till EU:s dataskyddsförordning, 3 kap. 10 §",
    ),
    aliases=("personnummer",),
    parts=(
        Part(name="year", about="Year of birth, of 12 digits only", of=_year, fix=_fix_year, few=True),
        sex(lambda text: sex_by_parity(text[-2])),
        Part(name="ten_digits", about="The number without its century", of=_ten_digits, fix=_fix_ten_digits),
        tail(2),
    ),
    indexes=("exact", "year", "ten_digits"),
    # The last digit checks, the one before tells the sex: nothing else of the person is shown.
    masked=lambda text: stars(text, 1),
    redactions=("redacted", "masked", "last_two", "plain_text"),
    ceiling="last_two",
    keep="shreddable",
    headers=(
        "personnummer",
        "personnr",
        "pnr",
        "se_personnummer",
        "swedish_personal_number",
        "personal_identity_number",
    ),
    proves=0.9,
    laws=("GDPR", "GDPR Art. 87"),
    example="19811228-9874",
)
