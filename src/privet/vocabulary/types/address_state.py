"""address.state: a state, province or other subdivision of a country."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types._places import country
from privet.vocabulary.types._tables import state_names, subdivisions
from privet.vocabulary.types._text import clean, key

NAME = "address.state"


def normalize(value: Wire) -> str:
    """Return the code of ISO 3166-2, `US-CA`.

    A code without its country is read as of the United States; names are taken where the table has them, which
    is for all of the United States, Canada, Australia and Germany and for large subdivisions elsewhere.
    """
    if isinstance(value, str) and value in subdivisions():
        return value
    text = clean(value, NAME, 80)
    code = text.upper()
    for candidate in (code, f"US-{code}"):
        if candidate in subdivisions():
            return candidate
    named = state_names().get(key(text))
    if named is None:
        raise InvalidValue("expected a subdivision of ISO 3166-2", type_name=NAME)
    return named


PART = DataType(
    name=NAME,
    about="A state, province or other subdivision of a country.",
    category="user.contact.address.state",
    normalize=normalize,
    sources=("ISO 3166-2:2020", "USPS Publication 28, appendix B"),
    aliases=("state",),
    parts=(
        Part(
            name="country",
            about="The country, ISO 3166-1 alpha-2.",
            of=lambda text: text[:2],
            fix=lambda literal: country(literal, ""),
            few=True,
        ),
        Part(
            name="code",
            about="The code without its country.",
            of=lambda text: text[3:],
            fix=lambda literal: literal.strip().upper(),
            few=True,
        ),
    ),
    indexes=("exact", "country"),
    few=True,
    masked=lambda text: text,
    redactions=("redacted", "masked", "plain_text"),
    token="none",
    headers=(
        "state",
        "province",
        "region",
        "state_code",
        "state_province",
        "county",
        "shipping_state",
        "billing_state",
        "bundesland",
        "departement",
        "provincia",
        "estado",
    ),
    proves=0.5,
    laws=("GDPR", "CCPA"),
    example="US-CA",
)
