"""Countries and how callers write them. Not a part of the shelf."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import Wire
from privet.vocabulary.types._tables import country_codes, country_names
from privet.vocabulary.types._text import clean, key


def country(value: Wire, type_name: str) -> str:
    """Return the alpha-2 code of an alpha-2 or alpha-3 code or an English name. Source: ISO 3166-1."""
    if isinstance(value, str) and value in country_codes():
        return value
    text = clean(value, type_name, 80)
    word = key(text)
    code = country_names().get(word) or country_names().get(word.removeprefix("the"))
    if code is None:
        raise InvalidValue("expected a country of ISO 3166-1", type_name=type_name)
    return code
