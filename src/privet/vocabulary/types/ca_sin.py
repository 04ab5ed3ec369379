"""The social insurance number of Canada. Canonical: nine digits."""

from __future__ import annotations

from privet.vocabulary.checksum import luhn
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, tail

NAME = "ca.sin"


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 9)
    # 0 starts other numbers of the Revenue Agency, 8 starts business numbers.
    demand(digits[0] not in "08", "expected a first digit other than 0 and 8", NAME)
    demand(luhn(digits), "expected the check digit to agree", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="Social insurance number, Canada",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Employment and Social Development Canada, The Social Insurance Number Code of Practice",
        "ISO/IEC 7812-1, annex B, the Luhn formula",
    ),
    aliases=("sin",),
    parts=(tail(3),),
    indexes=("exact", "last_three"),
    masked=lambda text: "***-***-" + text[6:],
    redactions=("redacted", "masked", "last_three", "plain_text"),
    ceiling="last_three",
    keep="shreddable",
    headers=("sin", "ca_sin", "sin_number", "social_insurance_number", "canada_sin", "nas", "numero_assurance_sociale"),
    proves=0.6,
    laws=("PIPEDA",),
    example="123-456-782",
)
