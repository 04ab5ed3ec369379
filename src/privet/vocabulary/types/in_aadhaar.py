"""The Aadhaar number of India. Canonical: twelve digits."""

from __future__ import annotations

from privet.vocabulary.checksum import verhoeff
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, tail

NAME = "in.aadhaar"


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 12)
    demand(digits[0] not in "01", "expected a first digit other than 0 and 1", NAME)
    demand(digits != digits[::-1], "expected a number that is not the same backwards", NAME)
    demand(verhoeff(digits), "expected the check digit to agree", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="Aadhaar number, India",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "UIDAI, A UID Numbering Scheme (2010)",
        "Aadhaar (Sharing of Information) Regulations 2016, regulation 6",
        "UIDAI, What is masked Aadhaar (the first eight digits are replaced)",
    ),
    aliases=("aadhaar",),
    parts=(tail(4),),
    indexes=("exact", "last_four"),
    masked=lambda text: "**** **** " + text[8:],
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=("aadhaar", "aadhar", "aadhaar_number", "aadhaar_no", "adhaar", "uid_number", "uidai", "aadhaar_sankhya"),
    proves=0.7,
    laws=("DPDP", "Aadhaar Act"),
    example="2341 2341 2346",
)
