"""The preparer tax identification number of the United States. Canonical: P and eight digits."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, stars, tail

NAME = "us.ptin"


def normalize(value: Wire) -> str:
    text = compact(value, NAME, separators="-")
    demand(len(text) == 9 and text[0] == "P" and text[1:].isdigit(), "expected P and 8 digits", NAME)
    return text


PART = DataType(
    name=NAME,
    about="Preparer tax identification number, United States",
    category="user.government_id",
    normalize=normalize,
    sources=("26 CFR 1.6109-2, tax return preparers furnishing identifying numbers", "IRS Form W-12 and instructions"),
    aliases=("ptin",),
    parts=(tail(4),),
    indexes=("exact", "last_four"),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=("ptin", "us_ptin", "ptin_number", "preparer_tin", "preparer_tax_id", "paid_preparer_id"),
    proves=0.7,
    laws=("CPRA",),
    example="P01234567",
)
