"""The NHS number of England, Wales and the Isle of Man. Canonical: ten digits."""

from __future__ import annotations

from privet.vocabulary.checksum import weighted
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, stars, tail

NAME = "gb.nhs"
_WEIGHTS = (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)


def normalize(value: Wire) -> str:
    digits = compact_digits(value, NAME, 10)
    demand(digits != "0000000000", "expected a number other than zero", NAME)
    # A remainder that would need a check digit of ten is never issued, and no single digit can stand for it.
    demand(weighted(digits, _WEIGHTS) % 11 == 0, "expected the check digit to agree", NAME)
    return digits


PART = DataType(
    name=NAME,
    about="NHS number, United Kingdom",
    category="user.health_and_medical.record_id",
    normalize=normalize,
    sources=("NHS Data Model and Dictionary, attribute NHS NUMBER (modulus 11)", "GDPR recital 35"),
    aliases=("nhs_number",),
    parts=(tail(4),),
    indexes=("exact", "last_four"),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "masked", "last_four", "plain_text"),
    ceiling="last_four",
    keep="shreddable",
    headers=("nhs", "nhs_number", "nhs_no", "nhs_num", "national_health_service_number", "rhif_gig"),
    proves=0.6,
    laws=("UK GDPR", "GDPR Art. 9"),
    example="943 476 5919",
)
