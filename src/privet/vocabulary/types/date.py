"""date: a day of the calendar."""

from __future__ import annotations

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Wire
from privet.vocabulary.types import _dates as dates

FIRST, LAST = 1, 9999


def normalize(value: Wire) -> str:
    """Return `YYYY-MM-DD`, from year 0001 to 9999 of the Gregorian calendar."""
    text = dates.iso_date(value, "date")
    if text.startswith("0000"):
        raise InvalidValue("expected a year from 0001", type_name="date")
    return text


PART = DataType(
    name="date",
    about="A day of the calendar.",
    category="user",
    small=True,
    normalize=normalize,
    sources=("ISO 8601-1:2019, section 5.2.2.1", "RFC 3339, section 5.6: full-date"),
    parts=(dates.year(FIRST, LAST), dates.year_month(FIRST, LAST), dates.decade(FIRST, LAST)),
    indexes=("exact", "year", "year_month", "decade"),
    masked=lambda text: f"{text[:4]}-**-**",
    redactions=("redacted", "decade", "year", "masked", "plain_text"),
    headers=("date", "day", "datum", "fecha"),
    laws=("HIPAA",),
    order=lambda text: text,
    example="2024-02-29",
)
