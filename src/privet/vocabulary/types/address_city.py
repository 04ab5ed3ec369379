"""address.city: a city, town or village."""

from __future__ import annotations

import unicodedata

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._text import clean, prefix

NAME = "address.city"
_SIGNS = frozenset(" '’ʼ‘`´-‐‑–.,()/&·\u200c\u200d")


def normalize(value: Wire) -> str:
    """Return the name trimmed, in NFC, with single spaces; its case stays. Digits may stand beside letters."""
    text = clean(value, NAME, 100)
    letters = 0
    for ch in text:
        if ch.isalpha():
            letters += 1
        elif not ch.isdigit() and ch not in _SIGNS and unicodedata.category(ch) not in ("Mn", "Mc"):
            raise InvalidValue("expected letters, digits and the signs of names", type_name=NAME)
    if not letters:
        raise InvalidValue("expected at least one letter", type_name=NAME)
    return text


PART = DataType(
    name=NAME,
    about="A city, town or village.",
    category="user.contact.address.city",
    small=True,
    normalize=normalize,
    sources=("UPU S42: town", "Unicode Standard Annex 15: NFC"),
    aliases=("city",),
    parts=(prefix(3),),
    masked=lambda text: text,
    redactions=("redacted", "first_initial", "masked", "plain_text"),
    keep="shreddable",
    shape="uuid",
    pad_bytes=32,
    headers=(
        "city",
        "town",
        "locality",
        "municipality",
        "city_name",
        "shipping_city",
        "billing_city",
        "village",
        "stadt",
        "ort",
        "ville",
        "ciudad",
        "cidade",
        "citta",
    ),
    proves=0.1,
    laws=("GDPR", "CCPA", "HIPAA"),
    example="Wellington",
)
