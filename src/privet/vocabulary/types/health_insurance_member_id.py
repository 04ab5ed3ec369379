"""Member number that a health insurer gave out. Every insurer has a form of its own."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand
from privet.vocabulary.types._parts import last

_NAME = "health.insurance_member_id"
_SHORTEST_WITH_LAST_FOUR = 8


def normalize(value: Wire) -> str:
    """Return letters and digits in upper case without spaces and hyphens."""
    member = compact(value, _NAME)
    demand(5 <= len(member) <= 30, "expected 5 to 30 letters and digits", _NAME)
    demand(any(mark.isdigit() for mark in member), "expected a digit", _NAME)
    return member


def masked(member: str) -> str:
    """Return six stars, whatever the length, and the last four characters of a number of eight or more."""
    return "*" * 6 + (member[-4:] if len(member) >= _SHORTEST_WITH_LAST_FOUR else "")


PART = DataType(
    name=_NAME,
    about="Health insurance member number",
    category="user.health_and_medical.insurance_beneficiary_id",
    normalize=normalize,
    sources=(
        "45 CFR 164.514(b)(2)(i)(I) (health plan beneficiary numbers)",
        "ASC X12N 270/271, loop 2100C, NM109 (member identification number)",
        "GDPR, recital 35 (numbers for health purposes)",
    ),
    aliases=("member_id",),
    parts=(last(4, shortest=_SHORTEST_WITH_LAST_FOUR),),
    indexes=("exact", "last_four"),
    masked=masked,
    redactions=("redacted", "masked", "last_four", "plain_text"),
    # Billing staff send it with every claim (45 CFR 164.506(c)).
    ceiling="plain_text",
    keep="shreddable",
    pad_bytes=32,
    headers=(
        "member_id",
        "member_number",
        "insurance_id",
        "insurance_member_id",
        "subscriber_id",
        "policy_number",
        "health_plan_id",
        "beneficiary_id",
        "insurance_number",
        "numero_poliza",
        "numero_assure",
        "versichertennummer",
        "numero_beneficiario",
    ),
    proves=0.02,
    laws=("HIPAA", "GDPR", "GDPR Art. 9", "CPRA sensitive"),
    example="XYZ123456789",
)
