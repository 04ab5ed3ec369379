"""Income of a person over a period that the column names, without its currency. A loss is below zero."""

from __future__ import annotations

from decimal import Decimal

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._money import amount, bucket, bucket_part

_NAME = "fin.income"


def normalize(value: Wire) -> str:
    """Return plain decimal text."""
    return amount(value, _NAME)


PART = DataType(
    name=_NAME,
    about="Income",
    category="user.financial",
    normalize=normalize,
    sources=(
        "ISO 20022, ActiveCurrencyAndAmount (18 digits, 5 after the point)",
        "GLBA Privacy Rule, 16 CFR 313.3(o) (personally identifiable financial information)",
    ),
    aliases=("income", "salary"),
    parts=(bucket_part(),),
    indexes=("bucket",),
    masked=bucket,
    token="none",
    pad_bytes=24,
    headers=(
        "income",
        "annual_income",
        "monthly_income",
        "salary",
        "base_salary",
        "wage",
        "gross_pay",
        "net_pay",
        "household_income",
        "earnings",
        "compensation",
        "ingresos",
        "salario",
        "revenu",
        "salaire",
        "einkommen",
        "gehalt",
    ),
    proves=0.05,
    laws=("GDPR", "GLBA"),
    order=Decimal,
    example="52000",
)
