"""ABA routing number of a bank in the United States: nine digits, the last a check digit.

Whether the number is in use today is left to the directory of the Federal Reserve Banks.
"""

from __future__ import annotations

from privet.vocabulary.checksum import weighted
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand, piece, tail
from privet.vocabulary.types._parts import prefix

_NAME = "bank.routing_aba"
_WEIGHTS = (3, 7, 1, 3, 7, 1, 3, 7, 1)
# Government, the twelve districts, their thrifts (+20), electronic use (+60), traveler's checks.
_FIRST_TWO = frozenset((*range(0, 13), *range(21, 33), *range(61, 73), 80))


def normalize(value: Wire) -> str:
    """Return the nine digits."""
    digits = compact_digits(value, _NAME, 9)
    demand(digits != "000000000", "expected a number that is not all zeros", _NAME)
    demand(int(digits[:2]) in _FIRST_TWO, "expected a first pair of 00-12, 21-32, 61-72 or 80", _NAME)
    demand(weighted(digits, _WEIGHTS) % 10 == 0, "expected a check digit that fits", _NAME)
    return digits


def district(digits: str) -> str | None:
    """Return the Federal Reserve district, 01 to 12; None for government numbers and traveler's checks."""
    pair = int(digits[:2]) % 20
    return f"{pair:02d}" if digits[:2] not in ("00", "80") else None


PART = DataType(
    name=_NAME,
    about="ABA routing number",
    category="user.financial.bank_account",
    normalize=normalize,
    sources=(
        "ABA Routing Number Policy and Procedures (structure, check digit)",
        "12 CFR 229, appendix A (Federal Reserve routing symbols)",
    ),
    aliases=("routing", "aba"),
    parts=(
        prefix(4),
        piece("frb", "Federal Reserve district, 01 to 12", district, length=2, few=True),
        piece("institution", "The bank in its district, four digits", lambda text: text[4:8], length=4),
        tail(4),
    ),
    indexes=("exact", "prefix_4"),
    masked=lambda text: text,
    redactions=("redacted", "last_four", "masked", "plain_text"),
    token="none",
    headers=(
        "routing",
        "routing_number",
        "routing_no",
        "aba",
        "aba_number",
        "aba_routing",
        "routing_transit_number",
        "rtn",
        "transit_number",
        "numero_ruta",
        "numero_de_ruta",
        "bankleitzahl_us",
    ),
    proves=0.7,
    laws=("GLBA",),
    example="123456780",
)
