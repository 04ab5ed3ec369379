"""New values of the kind of old ones, drawn from random bytes. What is drawn says nothing of what was there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

from privet.crypto.shapes import below, digits
from privet.crypto.strategies import Context, Value
from privet.errors import InvalidValue

_SYMBOLS = "abcdefghijklmnopqrstuvwxyz234567"
_LONG, _SHORT = 16, 4  # characters of a drawn text; the fewest before an at sign
_DOMAIN = "@erased.invalid"  # RFC 2606: no server has it
_LEAD = "999"  # a country code that ITU-T E.164 assigns to nobody
_PHONE_DIGITS, _FEWEST_PHONE = 15, 7
_FIRST_DAY, _DAYS = date(1930, 1, 1), 29_220  # eighty years
_TURNS = 64
_TEXT_UUID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_PHONE = re.compile(r"\+[0-9]{7,15}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Source = Callable[[int], bytes]


def drawn(value: Value, context: Context, source: Source) -> Value:
    """Return another value of the same kind. Raises InvalidValue for kinds of which none can be drawn."""
    if isinstance(value, bool):
        hint = "say `constant` or `null`"
        raise context.fault("a boolean has two values, so that one that is drawn tells the old one or is it", hint)
    draw = next((draw for kind, draw in _DRAWS if isinstance(value, kind)), None)
    if draw is None:
        raise context.fault(f"no value of `{type(value).__name__}` can be drawn", "say `null`")
    for _ in range(_TURNS):
        made = draw(value, context, source)
        if made != value:
            return made
    raise context.fault("there is no other value of that length")


def symbols(source: Source, count: int) -> str:
    """Return `count` characters of 5 random bits each."""
    number = below(source, 32**count)
    return "".join(_SYMBOLS[number >> 5 * at & 31] for at in range(count))


# --- texts ----------------------------------------------------------------------------------------------------


def _text(value: str, context: Context, source: Source) -> str:
    room = context.length if context.length is not None else 10**6
    if context.kind == "email" or _EMAIL.fullmatch(value):
        return _email(room, context, source)
    if context.kind == "phone" or _PHONE.fullmatch(value):
        return _phone(value, room, context, source)
    if _TEXT_UUID.fullmatch(value):
        return str(_uuid(UUID(value), context, source))
    moment = _moment(value)
    if moment is not None:
        return _moment_text(value, moment, context, source)
    if value.isascii() and value.isdecimal():
        return digits(source, len(value))
    return symbols(source, max(1, min(_LONG, room)))


def _email(room: int, context: Context, source: Source) -> str:
    count = min(_LONG, room - len(_DOMAIN))
    if count < _SHORT:
        raise _short(context, _SHORT + len(_DOMAIN))
    return symbols(source, count) + _DOMAIN


def _phone(value: str, room: int, context: Context, source: Source) -> str:
    sign = "+" if value.startswith("+") else ""
    count = min(_PHONE_DIGITS, room - len(sign))
    if count < _FEWEST_PHONE:
        raise _short(context, _FEWEST_PHONE + len(sign))
    return sign + _LEAD + digits(source, count - len(_LEAD))


def _short(context: Context, fewest: int) -> InvalidValue:
    return context.fault(f"expected a length of {fewest} or more, found {context.length}", "say `null` or `constant`")


def _moment(value: str) -> datetime | None:
    """Return the moment that a text says in ISO 8601, None for other texts."""
    if not _DAY.match(value):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _moment_text(value: str, moment: datetime, context: Context, source: Source) -> str:
    if len(value) == len("2020-01-31"):
        return _date(moment.date(), context, source).isoformat()
    made = _datetime(moment, context, source)
    zone = "Z" if value.endswith("Z") else ""
    return made.isoformat(sep=value[10], timespec=_spec(value)).removesuffix("+00:00" if zone else "") + zone


def _spec(value: str) -> str:
    return "seconds" if "." not in value else "milliseconds" if len(value.split(".")[1].rstrip("Z")) == 3 else "auto"


# --- other kinds ----------------------------------------------------------------------------------------------


def _integer(value: int, context: Context, source: Source) -> int:
    return 1 + below(source, max(2, context.most(value)))


def _float(value: float, context: Context, source: Source) -> float:
    return below(source, 10**8) / 100


def _decimal(value: Decimal, context: Context, source: Source) -> Decimal:
    exponent = value.as_tuple().exponent
    before, after = context.digits or (6, max(0, -exponent) if isinstance(exponent, int) else 0)
    return Decimal(below(source, 10 ** (min(before, 12) + after))).scaleb(-after)


def _date(value: date, context: Context, source: Source) -> date:
    return _FIRST_DAY + timedelta(days=below(source, _DAYS))


def _datetime(value: datetime, context: Context, source: Source) -> datetime:
    day = _date(value.date(), context, source)
    return datetime.combine(day, _time(value.timetz(), context, source))


def _time(value: time, context: Context, source: Source) -> time:
    seconds = below(source, 86_400)
    return time(seconds // 3600, seconds // 60 % 60, seconds % 60, tzinfo=value.tzinfo)


def _uuid(value: UUID, context: Context, source: Source) -> UUID:
    return UUID(bytes=source(16), version=4)


def _bytes(value: bytes, context: Context, source: Source) -> bytes:
    return source(max(1, min(_LONG, context.length or _LONG)))


# A datetime is a date, so it stands first.
_DRAWS: tuple[tuple[type, Callable[[Value, Context, Source], Value]], ...] = (
    (str, _text),
    (int, _integer),
    (float, _float),
    (Decimal, _decimal),
    (datetime, _datetime),
    (date, _date),
    (time, _time),
    (UUID, _uuid),
    (bytes, _bytes),
)
