"""Month in which a card expires.

It is not compared with today's date: a core has no clock, and old cards stay on file.
"""

from __future__ import annotations

import re

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import demand
from privet.vocabulary.types import _dates as dates
from privet.vocabulary.types._text import raw

_NAME = "card.expiry"
_FIRST, _LAST = 2000, 2099
_YEAR_FIRST = re.compile(r"(20[0-9]{2})-([0-9]{2})")
_MONTH_FIRST = re.compile(r"([0-9]{2}) ?/ ?((?:20)?[0-9]{2})")


def normalize(value: Wire) -> str:
    """Return `YYYY-MM` for `MM/YY`, `MM/YYYY` and `YYYY-MM`. Years are 2000 to 2099: `26` is 2026.

    >>> normalize("04/27")
    '2027-04'
    """
    trimmed = raw(value, _NAME).strip()
    if found := _YEAR_FIRST.fullmatch(trimmed):
        year, month = found.groups()
    elif found := _MONTH_FIRST.fullmatch(trimmed):
        month, year = found.groups()
    else:
        raise InvalidValue("expected MM/YY, MM/YYYY or YYYY-MM with a year from 2000 to 2099", type_name=_NAME)
    demand("01" <= month <= "12", "expected a month from 01 to 12", _NAME)
    return f"20{year[-2:]}-{month}"


def masked(month: str) -> str:
    """Return the year alone, in the form on the card."""
    return f"**/{month[2:4]}"


PART = DataType(
    name=_NAME,
    about="Card expiry month",
    category="user.financial.credit_card",
    normalize=normalize,
    sources=("ISO/IEC 7813:2006 (expiration date)", "PCI DSS v4.0.1, requirement 3 (cardholder data)"),
    aliases=("expiry", "card_expiration"),
    parts=(
        dates.year(_FIRST, _LAST),
        dates.two_digits("month", "The month.", 5, 12),
    ),
    indexes=("year",),
    few=True,
    masked=masked,
    redactions=("redacted", "masked", "year", "plain_text"),
    shape="uuid",
    headers=(
        "expiry",
        "expiry_date",
        "exp_date",
        "expiration",
        "expiration_date",
        "card_expiry",
        "card_exp",
        "cc_exp",
        "valid_thru",
        "good_thru",
        "fecha_vencimiento",
        "fecha_caducidad",
        "date_expiration",
        "gueltig_bis",
        "validade",
    ),
    proves=0.4,
    laws=("PCI", "GDPR"),
    order=lambda text: text,
    example="2031-04",
)
