"""What an erasure leaves as it is: whether a record is one of those that a promise keeps, and still is.

Three answers: yes, no, and that it cannot be told, because a value is missing or is none that can be compared. What
cannot be told is kept: a record that should have been kept is gone for good, one that should not is told and can go.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from privet.policy.syntax import Unit
from privet.vocabulary.predicate import ALWAYS, And, In, Not, Operator, Or, Predicate, comparisons

Value = Any

Truth = bool | None
"""None: it cannot be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One promise as it is about one collection. `path`: the field that is kept with all below it, "" for the whole
    record. `where`: its targets are dotted paths of the collection. `count`, `unit`, `after`: for how long from the
    moment in which field; "" for always."""

    reason: str
    rule: str
    path: str = ""
    where: Predicate = ALWAYS
    count: int = 0
    unit: Unit = "years"
    after: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the fields that it depends on."""
        named = [leaf.target for leaf in comparisons(self.where)]
        return tuple(dict.fromkeys([*named, self.after] if self.after else named))


def holds(hold: Hold, values: Mapping[str, Value], now: datetime) -> Truth:
    """Return whether a record is kept at a moment. `values`: the record's."""
    found = truth(hold.where, values)
    if found is False or not hold.after:
        return found
    lasts = _lasts(hold, _at(values, hold.after), now)
    return False if lasts is False else True if found and lasts else None


# --- conditions -----------------------------------------------------------------------------------------------


def truth(where: Predicate, values: Mapping[str, Value]) -> Truth:
    """Return whether a condition holds of a record, as SQL has it, but for what a record does not say at all."""
    if isinstance(where, Not):
        found = truth(where.item, values)
        return None if found is None else not found
    if isinstance(where, And):
        return _all(truth(item, values) for item in where.items)
    if isinstance(where, Or):
        return _any(truth(item, values) for item in where.items)
    there = _at(values, where.target)
    if isinstance(where, In):
        return _any(_compared(there, "=", value) for value in where.values)
    return _compared(there, where.op, where.value)


def _all(items: Iterable[Truth]) -> Truth:
    found = list(items)
    return False if False in found else None if None in found else True


def _any(items: Iterable[Truth]) -> Truth:
    found = list(items)
    return True if True in found else None if None in found else False


def _compared(found: Sequence[Value], op: Operator, wanted: Value) -> Truth:
    """Return whether some of the values that stand somewhere compare; None where none stands there."""
    if not found:
        return None
    if wanted is None:
        empty = all(value is None for value in found)
        return empty if op == "=" else not empty
    if op == "!=":
        same = _any(_equal(value, wanted) for value in found)
        return None if same is None else not same
    if op == "=":
        return _any(_equal(value, wanted) for value in found)
    return _any(_ordered(value, op, wanted) for value in found)


def _equal(value: Value, wanted: Value) -> Truth:
    if value is None:
        return None
    if isinstance(wanted, bool) or isinstance(value, bool):
        said = _TRUTHS.get(str(value).lower())
        asked = _TRUTHS.get(str(wanted).lower())
        return None if said is None or asked is None else said == asked
    pairs = (_number(value), _number(wanted)), (_moment(value), _moment(wanted))
    alike = [left == right for left, right in pairs if left is not None and right is not None]
    if isinstance(value, str) and isinstance(wanted, str):
        return _same_text(value, wanted, alike=True in alike)
    if alike:
        return alike[0]
    return _same_text(str(value), str(wanted)) if isinstance(value, str | UUID) else None


def _same_text(text: str, wanted: str, *, alike: bool = False) -> Truth:
    """Return whether texts are one. `alike`: they say the same number or moment, in other words perhaps."""
    if text.rstrip(" ") == wanted.rstrip(" "):  # CHAR(n) is filled up with spaces
        return True
    # Many a database compares without case: whether these are one is its own to say.
    return None if alike or text.strip().casefold() == wanted.strip().casefold() else False


_TRUTHS = {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}


def _ordered(value: Value, op: Operator, wanted: Value) -> Truth:
    if value is None or isinstance(value, bool) or isinstance(wanted, bool):
        return None
    left: Any
    right: Any
    left, right = _number(value), _number(wanted)
    if left is None or right is None:
        left, right = _moment(value), _moment(wanted)
    if left is None or right is None:
        if not isinstance(value, str) or not isinstance(wanted, str) or _moment(wanted) is not None:
            return None
        left, right = value, wanted
    return bool({"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op])


def _number(value: Value) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def _moment(value: Value) -> datetime | None:
    """Return a date's first moment, or a moment, UTC where no zone is said; None for what is neither."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip()) if len(value.strip()) >= len("2020-01-31") else None
        except ValueError:
            return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None


# --- how long -------------------------------------------------------------------------------------------------


def _lasts(hold: Hold, found: Sequence[Value], now: datetime) -> Truth:
    """Return whether the time is not over. Of several moments the last one counts."""
    ends = [_end(value, hold.count, hold.unit) for value in found]
    known = [end for end in ends if end is not None]
    if any(now < end for end in known):
        return True
    return False if known and len(known) == len(ends) else None


def _end(value: Value, count: int, unit: Unit) -> datetime | None:
    """Return the first moment at which nothing is kept any more. A date counts as its whole day."""
    moment = _moment(value)
    if moment is None:
        return None
    whole = not isinstance(value, datetime) and (not isinstance(value, str) or len(value.strip()) == len("2020-01-31"))
    try:
        end = moment + timedelta(days=count) if unit == "days" else _months(moment, count * _MONTHS[unit])
        return end + timedelta(days=1) if whole else end
    except (ValueError, OverflowError):
        return datetime.max.replace(tzinfo=UTC)


_MONTHS = {"years": 12, "months": 1}


def _months(moment: datetime, count: int) -> datetime:
    """Return the same day so many months later, or the last day of that month."""
    years, month = divmod(moment.month - 1 + count, 12)
    year = moment.year + years
    if year > date.max.year:
        raise OverflowError
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


# --- values of records ----------------------------------------------------------------------------------------


def _at(values: Value, path: str) -> list[Value]:
    """Return what stands at a dotted path, through lists; nothing where the record does not say it."""
    found: list[Value] = [values]
    for name in path.split("."):
        below: list[Value] = []
        for one in _flat(found):
            if isinstance(one, Mapping) and name in one:
                below.append(one[name])
        found = below
    return list(_flat(found))


def _flat(values: Iterable[Value]) -> Iterable[Value]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value
