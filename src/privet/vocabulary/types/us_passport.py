"""The passport number of the United States. Canonical: nine upper-case characters."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, stars, tail

NAME = "us.passport"


def normalize(value: Wire) -> str:
    text = compact(value, NAME, separators="")
    demand(len(text) == 9 and text[1:].isdigit(), "expected a letter or digit, then 8 digits", NAME)
    return text


PART = DataType(
    name=NAME,
    about="Passport book or card number, United States",
    category="user.government_id.passport_number",
    normalize=normalize,
    sources=(
        "US Department of State, Next Generation U.S. Passport (a letter and eight digits; before it nine digits)",
        "ICAO Doc 9303 part 4, section 4.2.2, document number",
        "Cal. Civ. Code 1798.140(ae)(1)(A)",
    ),
    aliases=("passport", "us_passport"),
    parts=(tail(3),),
    indexes=("exact", "last_three"),
    masked=lambda text: stars(text, 3),
    redactions=("redacted", "masked", "last_three", "plain_text"),
    ceiling="last_three",
    keep="shreddable",
    headers=(
        *("passport", "passport_number", "passport_no", "passport_num", "us_passport", "passport_id"),
        *("numero_de_pasaporte", "pasaporte", "numero_passeport", "reisepassnummer"),
    ),
    proves=0.15,
    laws=("CPRA sensitive", "HIPAA"),
    example="A00012345",
)
