"""The D-U-N-S number of a business. Canonical: nine digits."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.identifier import compact_digits, demand

NAME = "org.duns"


def normalize(value: Wire) -> str:
    # The old check digit was given up in 2006, so the digits say nothing more.
    digits = compact_digits(value, NAME, 9)
    demand(digits != "000000000", "expected a number other than zero", NAME)
    return digits


def _plain(text: str) -> str:
    # A public directory of bodies: the mask hides nothing.
    return text


PART = DataType(
    name=NAME,
    about="D-U-N-S number of a business",
    category="user.contact.organization",
    normalize=normalize,
    sources=("Dun & Bradstreet, What is a D-U-N-S Number (nine digits, no check digit)", "FAR 4.605 before April 2022"),
    aliases=("duns",),
    masked=_plain,
    redactions=("redacted", "masked", "plain_text"),
    token="none",
    headers=("duns", "duns_number", "duns_no", "d_u_n_s", "dnb_number", "numero_duns", "duns_nummer"),
    proves=0.05,
    laws=(),
    example="15-048-3782",
)
