"""One value in the place of all: what settings say, turned into the kind of the field."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from privet.crypto.strategies import Context, Strategy, Value, Wanted
from privet.errors import InvalidValue


def _apply(value: Value, context: Context) -> Value:
    said = context.settings["value"]
    if isinstance(value, bool) or isinstance(said, bool):
        if type(value) is type(said):
            return said
        raise _unfit(value, context)
    turn = next((turn for kind, turn in _TURNS if isinstance(value, kind)), None)
    try:
        made = turn(str(said)) if turn else None
    except (ValueError, InvalidOperation):
        raise _unfit(value, context) from None
    if made is None:
        raise _unfit(value, context)
    if isinstance(made, datetime) and value.tzinfo is not None and made.tzinfo is None:
        return made.replace(tzinfo=UTC)
    return made


def _unfit(value: Value, context: Context) -> InvalidValue:
    return context.fault(f"the constant is none of the field, which holds `{type(value).__name__}`")


# A datetime is a date, so it stands first.
_TURNS = (
    (str, str),
    (int, int),
    (float, float),
    (Decimal, Decimal),
    (datetime, datetime.fromisoformat),
    (date, date.fromisoformat),
)

PART = Strategy(
    name="constant",
    title="one value for all",
    settings=(Wanted(name="value", about="what stands there afterwards", kind="any", required=True),),
    deterministic=True,
    constant=True,
    makes="said",
    apply=_apply,
)
