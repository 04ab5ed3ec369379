"""The National Insurance number of the United Kingdom. Canonical: two letters, six digits, a letter."""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand

NAME = "gb.nino"

_SHAPE = re.compile(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]")
UNUSED_PREFIXES = frozenset({"BG", "GB", "KN", "NK", "NT", "TN", "ZZ"})


def normalize(value: Wire) -> str:
    text = compact(value, NAME)
    demand(_SHAPE.fullmatch(text) is not None, "expected a prefix in use, 6 digits and A, B, C or D", NAME)
    demand(text[:2] not in UNUSED_PREFIXES, "expected a prefix in use", NAME)
    return text


PART = DataType(
    name=NAME,
    about="National Insurance number, United Kingdom",
    category="user.government_id.national_identification_number",
    normalize=normalize,
    sources=("HMRC National Insurance Manual, NIM39110, format and security: what a NINO looks like",),
    aliases=("nino", "national_insurance_number"),
    masked=lambda text: text[:2] + "******" + text[8:],
    redactions=("redacted", "masked", "plain_text"),
    ceiling="masked",
    keep="shreddable",
    headers=("nino", "ni_number", "ni_no", "national_insurance", "national_insurance_number", "national_insurance_no"),
    proves=0.8,
    laws=("UK GDPR", "GDPR Art. 87"),
    example="AB 12 34 56 C",
)
