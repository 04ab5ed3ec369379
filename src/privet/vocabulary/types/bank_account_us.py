"""Account number at a bank in the United States: 4 to 17 digits without a check digit."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand
from privet.vocabulary.types._parts import last

_NAME = "bank.account_us"
_SHORTEST_WITH_LAST_FOUR = 8


def normalize(value: Wire) -> str:
    """Return the digits, leading zeros kept: banks count them."""
    digits = compact_digits(value, _NAME, *range(4, 18))
    demand(digits.strip("0") != "", "expected a number that is not all zeros", _NAME)
    return digits


def masked(digits: str) -> str:
    """Return six stars, whatever the length, and the last four digits of a number of eight or more."""
    return "*" * 6 + (digits[-4:] if len(digits) >= _SHORTEST_WITH_LAST_FOUR else "")


PART = DataType(
    name=_NAME,
    about="Bank account number, United States",
    category="user.financial.bank_account",
    normalize=normalize,
    sources=(
        "Nacha Operating Rules, appendix three (DFI account number, 17 positions)",
        "GLBA Safeguards Rule, 16 CFR 314.4(c)",
    ),
    aliases=("us_account", "account_number"),
    parts=(last(4, shortest=_SHORTEST_WITH_LAST_FOUR),),
    indexes=("exact", "last_four"),
    masked=masked,
    redactions=("redacted", "masked", "last_four", "plain_text"),
    # Account and routing number together are enough to draw on an account by ACH, so no role sees it whole.
    ceiling="last_four",
    keep="shreddable",
    pad_bytes=24,
    headers=(
        "account_number",
        "account_no",
        "acct_number",
        "acct_no",
        "bank_account",
        "bank_account_number",
        "dda",
        "checking_account",
        "savings_account",
        "deposit_account",
        "numero_cuenta",
        "kontonummer",
        "numero_compte",
    ),
    proves=0.02,
    laws=("GLBA", "GDPR", "HIPAA", "CPRA sensitive"),
    example="000123456789",
)
