"""The adoption taxpayer identification number of the United States. Canonical: nine digits."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand, nine_digits, tail

NAME = "us.atin"


def normalize(value: Wire) -> str:
    digits = nine_digits(value, NAME)
    demand(digits[0] == "9", "expected the first digit 9", NAME)
    demand(digits[3:5] == "93", "expected the fourth and fifth digit 93", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="Adoption taxpayer identification number, United States",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "26 CFR 301.6109-3, IRS adoption taxpayer identification numbers",
        "IRS Form W-7A and instructions",
        "26 CFR 301.6109-4, truncated taxpayer identification numbers",
    ),
    aliases=("atin",),
    parts=(tail(4),),
    indexes=("exact", "last_four"),
    masked=lambda text: "***-**-" + text[5:],
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=("atin", "us_atin", "atin_number", "adoption_taxpayer_id", "adoption_tin"),
    proves=0.7,
    laws=("GLBA", "CPRA", "COPPA"),
    example="900-93-0001",
)
