"""Medical record number: the number under which a facility keeps a patient's record.

Every facility has a form of its own, so only the alphabet and the length are checked.
"""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import piece, stars
from privet.vocabulary.types._text import raw

_NAME = "health.mrn"
# An optional facility code that begins with a letter, then letters and digits with a digit among them.
_FORM = re.compile(r"(?:(?P<facility>[A-Z][A-Z0-9]{0,9})[-:/])?(?P<number>(?=[A-Z]*[0-9])[A-Z0-9]{3,20})")
_GROUPED = re.compile(r"[0-9]+(?:[- ][0-9]+)+")
_SHORTEST_WITH_LAST_THREE = 6


def normalize(value: Wire) -> str:
    """Return `NUMBER` or `FACILITY-NUMBER` in upper case; groups of digits alone are joined.

    >>> normalize("12-34-56"), normalize("gh:0012345")
    ('123456', 'GH-0012345')
    """
    trimmed = raw(value, _NAME).strip().upper()
    if _GROUPED.fullmatch(trimmed):
        trimmed = trimmed.replace("-", "").replace(" ", "")
    found = _FORM.fullmatch(trimmed)
    if found is None:
        raise InvalidValue(
            "expected 3 to 20 letters and digits, one digit at least, after a facility code and a hyphen or alone",
            type_name=_NAME,
        )
    return f"{found['facility']}-{found['number']}" if found["facility"] else found["number"]


def facility(mrn: str) -> str | None:
    """Return the facility code before the hyphen."""
    return mrn.partition("-")[0] if "-" in mrn else None


def last_three(mrn: str) -> str | None:
    """Return the last three characters, None of a number below six: three of five are nearly all."""
    number = mrn.rpartition("-")[2]
    return number[-3:] if len(number) >= _SHORTEST_WITH_LAST_THREE else None


def masked(mrn: str) -> str:
    """Return the last three characters of a number of six or more, the rest starred."""
    number = mrn.rpartition("-")[2]
    return stars(number, 3) if len(number) >= _SHORTEST_WITH_LAST_THREE else "*" * len(number)


PART = DataType(
    name=_NAME,
    about="Medical record number",
    category="user.health_and_medical.record_id",
    normalize=normalize,
    sources=("45 CFR 164.514(b)(2)(i)(H) (medical record numbers)", "GDPR, recital 35 (numbers for health purposes)"),
    aliases=("mrn",),
    parts=(
        piece("facility", "The facility code, where the number has one", facility, few=True),
        piece("last_three", "The last 3 characters of a number of 6 or more", last_three, length=3),
    ),
    indexes=("exact", "last_three"),
    masked=masked,
    redactions=("redacted", "last_three", "masked", "plain_text"),
    # Those who treat a patient find the record by it (45 CFR 164.506(c)); the policy says who they are.
    ceiling="plain_text",
    keep="shreddable",
    shape="uuid",
    pad_bytes=40,
    headers=(
        "mrn",
        "medical_record_number",
        "medical_record_no",
        "medical_record",
        "patient_mrn",
        "chart_number",
        "hospital_number",
        "numero_historia_clinica",
        "numero_dossier_medical",
        "patientennummer",
        "prontuario",
    ),
    proves=0.02,
    laws=("HIPAA", "GDPR", "GDPR Art. 9", "CPRA sensitive"),
    example="GH-0012345",
)
