"""Personal identification number of a card: 4 to 12 digits. Nobody may keep it, so it is held in passing only."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits

_NAME = "card.pin"


def normalize(value: Wire) -> str:
    """Return the digits."""
    return compact_digits(value, _NAME, *range(4, 13), separators="")


PART = DataType(
    name=_NAME,
    about="Card PIN",
    category="user.financial.credit_card",
    normalize=normalize,
    sources=("ISO 9564-1:2017 (PIN length, 4 to 12 digits)", "PCI DSS v4.0.1, requirement 3.3.1.3 (not stored)"),
    aliases=("pin",),
    indexes=(),
    ceiling="redacted",
    keep="transient",
    token="transient",
    headers=("pin", "pin_code", "card_pin", "atm_pin", "debit_pin", "geheimzahl", "code_pin", "codigo_pin", "nip"),
    proves=0.0,
    laws=("PCI", "GDPR", "CPRA sensitive"),
    example="4929",
)
