"""Dates moved by some days, all of a person's by as many, so that what lies between them stays.

How many days is drawn from the request's key, from 1 up to the setting, backward or forward.
"""

from __future__ import annotations

import hmac
from datetime import date, datetime, timedelta

from privet.crypto.strategies import Context, Strategy, Value, Wanted


def _apply(value: Value, context: Context) -> Value:
    if isinstance(value, date):
        return _moved(value, context)
    if isinstance(value, str):
        return _moved_text(value, context)
    raise context.fault("expected a date or a moment", "say `null` or `random`")


def _moved(value: date, context: Context) -> date:
    most = context.number("days")
    drawn = int.from_bytes(hmac.digest(context.subkey("date_shift"), b"days", "sha256")[:16], "big") % (2 * most)
    days = drawn + 1 if drawn < most else most - drawn - 1
    try:
        return value + timedelta(days=days)
    except OverflowError:
        raise context.fault("the date lies at the end of the calendar, where none can be moved") from None


def _moved_text(value: str, context: Context) -> str:
    """Return a text in ISO 8601 with its day moved, all else as it was."""
    day = value[:10]
    try:
        datetime.fromisoformat(value)
        moved = _moved(date.fromisoformat(day), context)
    except ValueError:
        raise context.fault("expected a date or a moment in ISO 8601", "say `null` or `random`") from None
    return moved.isoformat() + value[10:]


PART = Strategy(
    name="date_shift",
    title="date shift",
    settings=(Wanted(name="days", about="by how many days at most", kind="number", default=180, least=1, most=36_500),),
    deterministic=True,
    apply=_apply,
)
