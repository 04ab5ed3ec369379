"""Business identifier code (BIC, SWIFT code): eight or eleven characters that name a bank, its country and branch.

Whether the code is registered is left to the SWIFT directory.
"""

from __future__ import annotations

import re

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, piece
from privet.vocabulary.types._parts import prefix
from privet.vocabulary.types._tables import country_codes

_NAME = "bank.bic"
_FORM = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
# A user-assigned code of ISO 3166-1 that SWIFT uses.
_KOSOVO = "XK"
_HEAD_OFFICE = "XXX"


def normalize(value: Wire) -> str:
    """Return the code in upper case. A branch `XXX` is left out: it says the head office, as eight characters do."""
    bic = compact(value, _NAME, separators=" ")
    demand(bool(_FORM.fullmatch(bic)), "expected six letters, two characters, and three more or none", _NAME)
    known = bic[4:6] in country_codes() or bic[4:6] == _KOSOVO
    demand(known, "expected an ISO 3166-1 country in the fifth and sixth place", _NAME)
    return bic[:8] if bic[8:] == _HEAD_OFFICE else bic


PART = DataType(
    name=_NAME,
    about="Business identifier code of a bank",
    category="user.financial.bank_account",
    normalize=normalize,
    sources=("ISO 9362:2022 (structure)", "ISO 3166-1 (country codes)"),
    aliases=("bic", "swift"),
    parts=(
        prefix(4),
        piece("bank", "The business party prefix, four letters", lambda text: text[:4], length=4),
        piece("country", "The country, two letters", lambda text: text[4:6], length=2, few=True),
        piece("location", "The business party suffix, two characters", lambda text: text[6:8], length=2),
        piece("branch", "The branch, three characters", lambda text: text[8:] or None, length=3),
    ),
    indexes=("exact", "prefix_4"),
    masked=lambda text: text,
    token="none",
    headers=(
        "bic",
        "bic_code",
        "swift",
        "swift_code",
        "swift_bic",
        "bank_identifier_code",
        "bank_bic",
        "codigo_swift",
        "code_bic",
        "codigo_bic",
    ),
    proves=0.7,
    laws=("GLBA",),
    example="EXMPDEFF",
)
