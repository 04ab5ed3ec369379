"""person.dob: the date of birth. Whether it lies in the past is not asked: a type has no clock."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _dates as dates
from privet.vocabulary.types._bulk import in_bulk

NAME = "person.dob"
FIRST, LAST = 1890, 2100


def normalize(value: Wire) -> str:
    """Return `YYYY-MM-DD`, from 1890 to 2100.

    The far end is a constant: a date after today is refused by whoever knows today.
    """
    text = dates.iso_date(value, NAME)
    if not FIRST <= int(text[:4]) <= LAST:
        raise InvalidValue(f"expected a year from {FIRST} to {LAST}", type_name=NAME)
    return text


PART = DataType(
    name=NAME,
    about="Date of birth.",
    category="user.demographic.date_of_birth",
    small=True,
    normalize=normalize,
    normalize_all=in_bulk(lambda texts: dates.iso_dates(texts, FIRST, LAST), normalize),
    sources=("ISO 8601-1:2019, section 5.2.2.1: calendar date, extended format", "RFC 3339, section 5.6: full-date"),
    aliases=("dob", "date_of_birth"),
    parts=(
        dates.year(FIRST, LAST),
        dates.year_month(FIRST, LAST),
        dates.decade(FIRST, LAST),
        dates.two_digits("month", "The month, 01 to 12.", 5, 12),
        dates.two_digits("day", "The day of the month, 01 to 31.", 8, 31),
    ),
    indexes=("exact", "year", "year_month", "decade"),
    masked=lambda text: f"{text[:4]}-**-**",
    redactions=("redacted", "decade", "year", "masked", "plain_text"),
    sights=(("analyst", "decade"),),
    keep="shreddable",
    shape="uuid",
    headers=(
        "dob",
        "date_of_birth",
        "birth_date",
        "birthdate",
        "birthday",
        "born_on",
        "born",
        "geburtsdatum",
        "date_de_naissance",
        "fecha_nacimiento",
        "data_di_nascita",
    ),
    proves=0.3,
    laws=("GDPR", "CCPA", "HIPAA", "GLBA"),
    order=lambda text: text,
    example="1985-04-12",
)
