"""Card verification code printed on a card: three or four digits. It never outlives the authorization."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits

_NAME = "card.cvv"


def normalize(value: Wire) -> str:
    """Return the digits."""
    return compact_digits(value, _NAME, 3, 4, separators="")


PART = DataType(
    name=_NAME,
    about="Card verification code",
    category="user.financial.credit_card",
    normalize=normalize,
    sources=("PCI DSS v4.0.1, requirement 3.3.1.2 (not stored after authorization)",),
    aliases=("cvv", "cvc"),
    indexes=(),
    # The same three stars for both lengths: the length tells the network.
    masked=lambda text: "***",
    ceiling="redacted",
    keep="transient",
    token="transient",
    headers=(
        "cvv",
        "cvv2",
        "cvc",
        "cvc2",
        "cid",
        "csc",
        "card_security_code",
        "card_verification_code",
        "security_code",
        "codigo_seguridad",
        "cryptogramme",
        "pruefziffer_karte",
        "codigo_de_seguranca",
    ),
    proves=0.02,
    laws=("PCI", "GDPR", "CPRA sensitive"),
    example="123",
)
