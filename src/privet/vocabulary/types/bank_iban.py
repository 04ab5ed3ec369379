"""International bank account number (IBAN): country, two check digits, and the country's own account number.

The structure of each country is checked, check digits inside the national number are not: their rules are the banks'.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from privet.vocabulary.checksum import mod_97_10
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact, demand, piece, tail

_NAME = "bank.iban"
_KINDS = {"n": "[0-9]", "a": "[A-Z]", "c": "[A-Z0-9]"}


@dataclass(frozen=True, slots=True)
class _Structure:
    national: re.Pattern[str]
    bank: slice


def normalize(value: Wire) -> str:
    """Return the IBAN in upper case without spaces."""
    iban = compact(value, _NAME)
    structure = _structures().get(iban[:2])
    demand(structure is not None, "expected a country in the IBAN registry", _NAME)
    national = structure is not None and structure.national.fullmatch(iban, 4)
    demand(bool(national), "expected the length and the characters that the country's IBAN has", _NAME)
    # ISO 7064 MOD 97-10 computes 02 to 98; 00, 01 and 99 also leave the remainder 1, and are nobody's.
    demand("02" <= iban[2:4] <= "98" and mod_97_10(iban[4:] + iban[:4]), "expected check digits that fit", _NAME)
    return iban


def masked(iban: str) -> str:
    """Return the country and the last four characters.

    >>> masked("GB82WEST12345698765432")
    'GB** … 5432'
    """
    return f"{iban[:2]}** … {iban[-4:]}"


def bank(iban: str) -> str | None:
    """Return the bank identifier inside the national number."""
    structure = _structures().get(iban[:2])
    return iban[4:][structure.bank] if structure else None


def account(iban: str) -> str | None:
    """Return what follows the bank identifier: branch, account, and check digits if any."""
    structure = _structures().get(iban[:2])
    return iban[4:][structure.bank.stop :] if structure else None


@cache
def _structures() -> dict[str, _Structure]:
    lines = (resources.files("privet.vocabulary") / "data" / "iban.txt").read_text("ascii").splitlines()
    found = {}
    for line in lines:
        if line.startswith("#"):
            continue
        country, shape, place = line.split()
        # re compiles 89 patterns in some milliseconds, once.
        pattern = "".join(f"{_KINDS[kind]}{{{count}}}" for count, kind in re.findall(r"([0-9]+)([nac])", shape))
        first, _, length = place.partition("+")
        found[country] = _Structure(re.compile(pattern), slice(int(first), int(first) + int(length)))
    return found


PART = DataType(
    name=_NAME,
    about="International bank account number",
    category="user.financial.bank_account",
    normalize=normalize,
    sources=(
        "ISO 13616-1:2020 (structure, check digits)",
        "ISO/IEC 7064, MOD 97-10",
        "SWIFT IBAN Registry, release 101 (national structures)",
    ),
    aliases=("iban",),
    parts=(
        piece("country", "The country, two letters", lambda text: text[:2], length=2, few=True),
        piece("bank", "The bank identifier", bank),
        piece("account", "The rest of the national number", account),
        tail(4),
    ),
    indexes=("exact", "country", "bank", "last_four"),
    masked=masked,
    redactions=("redacted", "last_four", "masked", "plain_text"),
    # An IBAN is printed on invoices and needs a mandate to be drawn on (Regulation (EU) 260/2012, article 5).
    ceiling="plain_text",
    keep="shreddable",
    shape="iban",
    pad_bytes=40,
    headers=(
        "iban",
        "iban_number",
        "iban_code",
        "bank_iban",
        "account_iban",
        "international_bank_account_number",
        "numero_iban",
        "codigo_iban",
        "code_iban",
        "rekeningnummer",
        "numer_iban",
    ),
    proves=1.0,
    laws=("GDPR", "GLBA"),
    example="GB82WEST12345698765432",
)
