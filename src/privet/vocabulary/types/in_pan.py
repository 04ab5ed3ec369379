"""The permanent account number of India. Canonical: five letters, four digits, a letter."""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.identifier import compact, demand

NAME = "in.pan"

HOLDERS = {
    "A": "association_of_persons",
    "B": "body_of_individuals",
    "C": "company",
    "F": "firm",
    "G": "government",
    "H": "hindu_undivided_family",
    "J": "artificial_juridical_person",
    "L": "local_authority",
    "P": "individual",
    "T": "trust",
}
_SHAPE = re.compile(r"[A-Z]{5}[0-9]{4}[A-Z]")


def normalize(value: Wire) -> str:
    # The rule of the last letter was never published, so it stands unchecked.
    text = compact(value, NAME)
    demand(_SHAPE.fullmatch(text) is not None, "expected 5 letters, 4 digits and a letter", NAME)
    demand(text[3] in HOLDERS, "expected a fourth letter that names a kind of holder", NAME)
    demand(text[5:9] != "0000", "expected a serial of 0001 to 9999", NAME)
    return text


def _fix_holder(literal: str) -> str:
    word = literal.strip()
    holder = HOLDERS.get(word.upper(), word.lower().replace(" ", "_"))
    demand(holder in HOLDERS.values(), "expected a kind of holder or its letter", "holder_type")
    return holder


PART = DataType(
    name=NAME,
    about="Permanent account number, India",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Income Tax Department of India, Permanent Account Number: structure of PAN",
        "Income-tax Act 1961, section 139A; Income-tax Rules 1962, rule 114",
    ),
    aliases=("permanent_account_number",),
    parts=(
        Part(
            name="holder_type",
            about="Kind of holder: individual, company, trust and seven more",
            of=lambda text: HOLDERS[text[3]],
            fix=_fix_holder,
            few=True,
        ),
    ),
    masked=lambda text: f"{text[:2]}***{text[5:9]}*",
    redactions=("redacted", "masked", "plain_text"),
    ceiling="masked",
    keep="shreddable",
    headers=("in_pan", "pan_number", "pan_no", "pan_card", "permanent_account_number", "income_tax_pan", "pan_sankhya"),
    proves=0.7,
    laws=("DPDP",),
    example="ABCPX1234K",
)
