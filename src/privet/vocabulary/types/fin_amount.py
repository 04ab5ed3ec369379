"""Amount of money, without its currency, which is a column of its own. Debits and refunds are below zero."""

from __future__ import annotations

from decimal import Decimal

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._money import amount, bucket, bucket_part

_NAME = "fin.amount"


def normalize(value: Wire) -> str:
    """Return plain decimal text.

    >>> normalize("0012.50")
    '12.5'
    """
    return amount(value, _NAME)


PART = DataType(
    name=_NAME,
    about="Amount of money",
    category="user.financial",
    normalize=normalize,
    sources=("ISO 20022, ActiveCurrencyAndAmount (18 digits, 5 after the point)",),
    aliases=("amount", "money"),
    parts=(bucket_part(),),
    indexes=("bucket",),
    masked=bucket,
    token="none",
    pad_bytes=24,
    headers=(
        "amount",
        "amt",
        "total",
        "total_amount",
        "balance",
        "payment_amount",
        "transaction_amount",
        "price",
        "importe",
        "montant",
        "betrag",
        "valor",
    ),
    proves=0.05,
    laws=("GDPR", "GLBA"),
    order=Decimal,
    example="1234.5",
)
