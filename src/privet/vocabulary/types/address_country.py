"""address.country: a country or territory."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._places import country

NAME = "address.country"


def normalize(value: Wire) -> str:
    """Return the alpha-2 code of ISO 3166-1; takes alpha-2, alpha-3 and English names."""
    return country(value, NAME)


PART = DataType(
    name=NAME,
    about="A country or territory.",
    category="user.contact.address.country",
    normalize=normalize,
    sources=("ISO 3166-1:2020",),
    aliases=("country",),
    few=True,
    masked=lambda text: text,
    redactions=("redacted", "masked", "plain_text"),
    token="none",
    headers=(
        "country",
        "country_code",
        "country_name",
        "country_iso",
        "nation",
        "shipping_country",
        "billing_country",
        "land",
        "pays",
        "pais",
        "paese",
    ),
    proves=0.6,
    laws=("GDPR", "CCPA"),
    example="NZ",
)
