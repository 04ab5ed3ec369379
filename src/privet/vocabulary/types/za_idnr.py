"""The identity number of South Africa. Canonical: thirteen digits."""

from __future__ import annotations

from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, is_day, stars, tail

NAME = "za.idnr"


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 13)
    exists = is_day(int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    demand(exists, "expected a date of birth that exists", NAME)
    demand(digits[10] in "01", "expected an eleventh digit of 0, citizen, or 1, permanent resident", NAME)
    demand(luhn(digits), "expected the check digit to agree", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="Identity number, South Africa",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=("Identification Act 68 of 1997, section 7", "Department of Home Affairs, Identity documents"),
    aliases=("za_id", "south_african_id"),
    parts=(tail(4),),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=("za_id", "sa_id", "sa_id_number", "rsa_id", "rsa_id_number", "south_african_id", "identiteitsnommer"),
    proves=0.9,
    laws=("POPIA",),
    example="7503305044089",
)
