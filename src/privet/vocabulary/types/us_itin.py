"""The individual taxpayer identification number of the United States. Canonical: nine digits."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand, nine_digits, tail

NAME = "us.itin"
GROUPS = frozenset(map(str, (*range(50, 66), *range(70, 89), *range(90, 93), *range(94, 100))))


def normalize(value: Wire) -> str:
    digits = nine_digits(value, NAME)
    demand(digits[0] == "9", "expected the first digit 9", NAME)
    demand(digits[3:5] in GROUPS, "expected the fourth and fifth digit 50-65, 70-88, 90-92 or 94-99", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="Individual taxpayer identification number, United States",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "IRS Publication 1915, Understanding Your IRS Individual Taxpayer Identification Number",
        "IRM 3.21.263, IRS Individual Taxpayer Identification Number Real-Time System",
        "26 CFR 301.6109-4, truncated taxpayer identification numbers",
    ),
    aliases=("itin",),
    parts=(tail(4),),
    indexes=("exact", "last_four"),
    masked=lambda text: "***-**-" + text[5:],
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=(
        "itin",
        "us_itin",
        "itin_number",
        "individual_taxpayer_id",
        "tin",
        "numero_itin",
        "numero_de_contribuyente",
    ),
    proves=0.4,
    laws=("GLBA", "CPRA"),
    example="912-90-3456",
)
