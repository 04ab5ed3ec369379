"""Which records are kept, for how long, and what is kept because it cannot be told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from privet.policy.parse import parse
from privet.policy.syntax import Keep, Unit
from privet.rights.fates.holds import Hold, Truth, holds, truth
from privet.vocabulary.predicate import Compare, Predicate, rewritten

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)


def condition(text: str) -> Predicate:
    (found,) = parse(f"keep d.c where {text} because 'x'").promises
    assert isinstance(found, Keep)
    made = rewritten(found.where, lambda leaf: type(leaf)(leaf.target.removeprefix("c."), *_rest(leaf)))
    assert made is not None
    return made


def _rest(leaf: Any) -> tuple[Any, ...]:
    return (leaf.op, leaf.value) if isinstance(leaf, Compare) else (leaf.values,)


@pytest.mark.parametrize(
    ("text", "values", "said"),
    [
        ("d.c.s = 'open'", {"s": "open"}, True),
        ("d.c.s = 'open'", {"s": "paid"}, False),
        ("d.c.s = 'open'", {"s": "open   "}, True),
        ("d.c.s = 'open'", {"s": "OPEN"}, None),
        ("d.c.s = 'open'", {"s": None}, None),
        ("d.c.s = 'open'", {}, None),
        ("d.c.s != 'open'", {"s": "paid"}, True),
        ("d.c.s is null", {"s": None}, True),
        ("d.c.s is null", {"s": ""}, False),
        ("d.c.s is null", {}, None),
        ("d.c.s is not null", {"s": None}, False),
        ("d.c.n = 5", {"n": 5}, True),
        ("d.c.n = 5", {"n": "5"}, True),
        ("d.c.n = 5", {"n": Decimal("5.0")}, True),
        ("d.c.n = '02139'", {"n": "2139"}, None),
        ("d.c.n in (1, 2)", {"n": 2}, True),
        ("d.c.n in (1, 2)", {"n": 3}, False),
        ("d.c.n in (1, 2)", {"n": None}, None),
        ("d.c.n > 5", {"n": 6}, True),
        ("d.c.n > 5", {"n": "x"}, None),
        ("d.c.n >= 1.5", {"n": Decimal("1.5")}, True),
        ("d.c.b = true", {"b": 1}, True),
        ("d.c.b = true", {"b": False}, False),
        ("d.c.b = true", {"b": "maybe"}, None),
        ("d.c.t before date '2020-01-31'", {"t": date(2020, 1, 30)}, True),
        ("d.c.t before date '2020-01-31'", {"t": "2020-01-31"}, False),
        ("d.c.t after date '2020-01-31'", {"t": datetime(2020, 1, 31, 1, tzinfo=UTC)}, True),
        ("d.c.t after date '2020-01-31'", {"t": "last year"}, None),
        ("d.c.a.b = 'x'", {"a": {"b": "x"}}, True),
        ("d.c.a.b = 'x'", {"a": [{"b": "y"}, {"b": "x"}]}, True),
        ("d.c.a.b = 'x'", {"a": []}, None),
        ("d.c.s = 'a' and d.c.n = 1", {"s": "b"}, False),
        ("d.c.s = 'a' and d.c.n = 1", {"s": "a"}, None),
        ("d.c.s = 'a' or d.c.n = 1", {"s": "a"}, True),
        ("d.c.s = 'a' or d.c.n = 1", {"s": "b"}, None),
        ("not d.c.s = 'a'", {"s": "b"}, True),
        ("not d.c.s = 'a'", {}, None),
    ],
)
def test_a_condition_holds_does_not_or_cannot_be_told(text: str, values: dict[str, Any], said: Truth) -> None:
    assert truth(condition(text), values) is said


def kept(count: int, unit: Unit, value: object) -> Truth:
    hold = Hold(reason="law", rule="", count=count, unit=unit, after="t")
    return holds(hold, {"t": value}, NOW)


@pytest.mark.parametrize(
    ("count", "unit", "value", "said"),
    [
        (10, "years", date(2016, 1, 15), True),
        (10, "years", date(2016, 1, 14), False),
        (10, "years", "2016-01-15", True),
        (10, "years", datetime(2016, 1, 15, 12, 0, 1, tzinfo=UTC), True),
        (10, "years", datetime(2016, 1, 15, 12, tzinfo=UTC), False),
        (10, "years", "2016-01-15T12:00:00Z", False),
        (1, "months", date(2025, 12, 31), True),
        (15, "days", date(2025, 12, 31), True),
        (14, "days", date(2025, 12, 31), False),
        (9999, "years", date(2020, 1, 1), True),
        (10, "years", None, None),
        (10, "years", "long ago", None),
        (10, "years", 1_452_859_200, None),
        (10, "years", [date(2001, 1, 1), date(2020, 1, 1)], True),
        (10, "years", [date(2001, 1, 1), None], None),
    ],
)
def test_it_is_kept_for_so_long(count: int, unit: Unit, value: object, said: Truth) -> None:
    assert kept(count, unit, value) is said


def test_a_record_that_does_not_say_since_when_is_kept_to_be_safe() -> None:
    assert holds(Hold(reason="law", rule="", count=1, unit="days", after="t"), {}, NOW) is None


def test_a_leap_day_ends_with_february() -> None:
    hold = Hold(reason="law", rule="", count=1, unit="years", after="t")
    leap = {"t": date(2024, 2, 29)}
    assert holds(hold, leap, datetime(2025, 2, 28, 23, tzinfo=UTC)) is True
    assert holds(hold, leap, datetime(2025, 3, 1, tzinfo=UTC)) is False


def test_condition_and_time_must_both_hold() -> None:
    hold = Hold(reason="law", rule="", where=condition("d.c.s = 'open'"), count=1, unit="years", after="t")
    new, old = NOW - timedelta(days=1), NOW - timedelta(days=1000)
    assert holds(hold, {"s": "open", "t": new}, NOW) is True
    assert holds(hold, {"s": "open", "t": old}, NOW) is False
    assert holds(hold, {"s": "paid", "t": new}, NOW) is False
    assert holds(hold, {"s": None, "t": new}, NOW) is None
    assert holds(hold, {"s": None, "t": old}, NOW) is False
    assert hold.reads == ("s", "t")
