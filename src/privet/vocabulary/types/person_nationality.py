"""person.nationality: the country whose national a person is."""

from __future__ import annotations

from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types._places import country

NAME = "person.nationality"


def normalize(value: Wire) -> str:
    """Return the alpha-2 code of ISO 3166-1; takes alpha-2, alpha-3 and English names of countries."""
    return country(value, NAME)


PART = DataType(
    name=NAME,
    about="The country whose national a person is.",
    category="user.demographic",
    normalize=normalize,
    sources=("ISO 3166-1:2020", "California Civil Code 1798.140(ae): citizenship is sensitive personal information"),
    aliases=("nationality", "citizenship"),
    few=True,
    masked=lambda text: text,
    redactions=("redacted", "masked", "plain_text"),
    token="none",
    headers=(
        "nationality",
        "citizenship",
        "country_of_citizenship",
        "national_of",
        "staatsangehoerigkeit",
        "nationalite",
        "nacionalidad",
        "cittadinanza",
    ),
    proves=0.6,
    laws=("GDPR", "CPRA sensitive"),
    example="NZ",
)
