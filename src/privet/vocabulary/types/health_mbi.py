"""Medicare beneficiary identifier (MBI) of the United States: eleven characters, each place with its own alphabet."""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, stars, tail

_NAME = "health.mbi"
# CMS leaves out S, L, O, I, B and Z, which read like digits.
_LETTER = "AC-HJKMNP-RT-Y"
_FORM = re.compile(rf"[1-9][{_LETTER}][0-9{_LETTER}][0-9][{_LETTER}][0-9{_LETTER}][0-9][{_LETTER}]{{2}}[0-9]{{2}}")


def normalize(value: Wire) -> str:
    """Return the eleven characters in upper case, without the hyphens of the printed card."""
    mbi = compact(value, _NAME)
    demand(bool(_FORM.fullmatch(mbi)), "expected 11 characters of the kind that CMS sets for each place", _NAME)
    return mbi


PART = DataType(
    name=_NAME,
    about="Medicare beneficiary identifier",
    category="user.health_and_medical.insurance_beneficiary_id",
    normalize=normalize,
    sources=(
        "CMS, Understanding the Medicare Beneficiary Identifier Format",
        "45 CFR 164.514(b)(2)(i)(I) (health plan beneficiary numbers)",
    ),
    aliases=("mbi",),
    parts=(tail(4),),
    indexes=("exact", "last_four"),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "last_four", "masked", "plain_text"),
    # It took the place of the SSN on the Medicare card (42 USC 405(c)(2)(C)(xiii)) and is guarded as one.
    ceiling="masked",
    keep="shreddable",
    headers=(
        "mbi",
        "medicare_id",
        "medicare_number",
        "medicare_beneficiary_id",
        "medicare_beneficiary_identifier",
        "hicn",
        "medicare_no",
        "numero_medicare",
    ),
    proves=0.95,
    laws=("HIPAA", "GDPR", "GDPR Art. 9", "CPRA sensitive"),
    example="1EG4TE5MK73",
)
