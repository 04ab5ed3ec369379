"""The tax file number of Australia. Canonical: nine digits, eight for old numbers."""

from __future__ import annotations

from privet.vocabulary.checksum import weighted
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, stars, tail

NAME = "au.tfn"
_WEIGHTS = (1, 4, 3, 7, 5, 8, 6, 9, 10)
# Published accounts of the old numbers disagree: these weights, or the first eight of nine. Either is accepted,
# because a refused number cannot be put right by who holds it.
_OLD_WEIGHTS = (10, 7, 8, 4, 6, 3, 5, 1)


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 8, 9)
    demand(digits.strip("0") != "", "expected a number other than zero", NAME)
    agrees = weighted(digits, _WEIGHTS) % 11 == 0 or (len(digits) == 8 and weighted(digits, _OLD_WEIGHTS) % 11 == 0)
    demand(agrees, "expected the check digit to agree", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="Tax file number, Australia",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=(
        "Australian Taxation Office, Tax file number algorithm (weights 1, 4, 3, 7, 5, 8, 6, 9, 10, modulus 11)",
        "Privacy (Tax File Number) Rule 2015",
    ),
    aliases=("tfn",),
    parts=(tail(4),),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=("tfn", "au_tfn", "tfn_number", "tax_file_number", "tax_file_no", "australian_tax_number"),
    proves=0.6,
    laws=("Privacy Act (AU)",),
    example="123 456 782",
)
