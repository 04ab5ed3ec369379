"""DEA registration number of a prescriber, pharmacy or maker in the United States: two letters, seven digits."""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, piece, stars, tail

_NAME = "health.dea"
# The first letter says the kind of registrant; the second is of the name, or 9 where a business address stands for it.
_FORM = re.compile(r"[A-HJ-MPRSTUX][A-Z9][0-9]{7}")


def normalize(value: Wire) -> str:
    """Return the nine characters in upper case."""
    dea = compact(value, _NAME)
    demand(bool(_FORM.fullmatch(dea)), "expected a registrant's letter, a letter or 9, and seven digits", _NAME)
    digits = [int(digit) for digit in dea[2:]]
    demand(digits[6] == (sum(digits[0:6:2]) + 2 * sum(digits[1:6:2])) % 10, "expected a check digit that fits", _NAME)
    return dea


PART = DataType(
    name=_NAME,
    about="DEA registration number",
    category="user.government_id",
    normalize=normalize,
    sources=(
        "21 CFR 1301.11 (registration)",
        "DEA Diversion Control Division, Practitioner's Manual (registration numbers)",
    ),
    aliases=("dea",),
    parts=(
        piece("registrant", "The kind of registrant, one letter", lambda text: text[0], length=1, few=True),
        tail(4),
    ),
    indexes=("exact",),
    masked=lambda text: stars(text, 4),
    redactions=("redacted", "last_four", "masked", "plain_text"),
    keep="shreddable",
    token="none",
    headers=(
        "dea",
        "dea_number",
        "dea_no",
        "dea_registration",
        "dea_registration_number",
        "prescriber_dea",
        "provider_dea",
        "pharmacy_dea",
        "numero_dea",
    ),
    proves=0.95,
    laws=("HIPAA", "GDPR"),
    example="AB1234563",
)
