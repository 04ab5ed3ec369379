"""timestamp: an instant, in UTC."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from privet.errors import InvalidValue
from privet.vocabulary.datatype import DataType, Part, Wire
from privet.vocabulary.types import _dates as dates
from privet.vocabulary.types._text import raw

FIRST, LAST = 1, 9999
_RFC_3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?([Zz]|[+\-][0-9]{2}:[0-9]{2})"
)
# A question about days may reach over this many; longer ranges have months and years.
_MOST_DAYS = 3700


def normalize(value: Wire) -> str:
    """Return RFC 3339 in UTC with `Z`; six decimals of a second, or none where they are zero.

    An offset is required, because a local time alone is no instant. Leap seconds are refused, and so are more
    than six decimals unless the rest is zero.
    """
    match = _RFC_3339.fullmatch(raw(value, "timestamp").strip())
    if match is None:
        raise InvalidValue("expected an instant as YYYY-MM-DDThh:mm:ssZ or with an offset", type_name="timestamp")
    day, clock, fraction, offset = match[1], match[2], match[3] or "", match[4]
    if fraction[6:].strip("0"):
        raise InvalidValue("expected at most microseconds", type_name="timestamp")
    try:
        local = datetime.fromisoformat(f"{day}T{clock}.{fraction[:6]:0<6}{'+00:00' if offset in 'Zz' else offset}")
        instant = local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidValue("expected a day and a time that exist", type_name="timestamp") from None
    # isoformat leaves the decimals out where they are zero.
    return instant.replace(tzinfo=None).isoformat() + "Z"


def _days(lowest: str, highest: str) -> Sequence[str]:
    """Return every day from one instant to another. Raises InvalidValue above ten years."""
    if not lowest or not highest:
        raise InvalidValue("expected both ends of a range of days")
    low, high = date.fromisoformat(lowest[:10]), date.fromisoformat(highest[:10])
    if (high - low).days >= _MOST_DAYS:
        raise InvalidValue("expected a range of at most ten years")
    return [(low + timedelta(days=at)).isoformat() for at in range((high - low).days + 1)]


PART = DataType(
    name="timestamp",
    about="An instant, in UTC.",
    category="user",
    normalize=normalize,
    sources=("RFC 3339, section 5.6", "ISO 8601-1:2019, section 5.4"),
    aliases=("datetime",),
    parts=(
        dates.year(FIRST, LAST),
        dates.year_month(FIRST, LAST),
        dates.decade(FIRST, LAST),
        Part(
            name="date",
            about="The day, in UTC.",
            of=lambda text: text[:10],
            fix=lambda literal: dates.iso_date(literal, "date"),
            cover=_days,
        ),
    ),
    indexes=("exact", "date", "year_month", "year"),
    masked=lambda text: text[:10],
    redactions=("redacted", "decade", "year", "masked", "plain_text"),
    pad_bytes=32,
    headers=("timestamp", "created_at", "updated_at", "occurred_at", "time", "datetime", "zeitstempel", "horodatage"),
    laws=("HIPAA",),
    # Without the Z, because "." sorts before it: an instant without decimals comes first in its second.
    order=lambda text: text[:-1],
    example="2024-02-29T12:30:00Z",
)
