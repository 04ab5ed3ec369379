"""Values of other systems, as columns take them; statements, as changes come to them."""

from __future__ import annotations

import uuid
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.connectors.base import Change
from privet.connectors.sql.dialect import Column, Dialect, Table, changes, new, select
from privet.connectors.sql.values import NO, Kind, kind_of, turn
from privet.errors import InvalidInput, Refused

MIDNIGHT = datetime.fromisoformat("2020-02-29")
HUGE = 10**4000
ONE = uuid.UUID("0189f7a2-0000-7000-8000-000000000001")


@pytest.mark.parametrize(
    ("kind", "value", "held"),
    [
        ("integer", "12", 12),
        ("integer", "-7", -7),
        ("integer", Decimal("12"), 12),
        ("integer", 12.0, 12),
        ("integer", "012", NO),
        ("integer", "+1", NO),
        ("integer", " 1", NO),
        ("integer", "1_0", NO),
        ("integer", "١", NO),
        ("integer", True, NO),
        ("integer", 2**63, NO),
        ("integer", 12.5, NO),
        ("integer", float("inf"), NO),
        ("integer", Decimal("sNaN"), NO),
        ("integer", "9" * 5000, NO),
        ("flag", True, 1),
        ("flag", "false", 0),
        ("flag", 7, 7),
        ("decimal", "1.50", Decimal("1.50")),
        ("decimal", 0.1, Decimal("0.1")),
        ("decimal", Decimal("NaN"), NO),
        ("decimal", Decimal("1e999999"), NO),
        ("decimal", HUGE, NO),
        ("float", "0.5", 0.5),
        ("float", "nan", NO),
        ("boolean", "TRUE", True),
        ("boolean", 0, False),
        ("boolean", 2, NO),
        ("boolean", HUGE, NO),
        ("text", 12, "12"),
        ("text", ONE, str(ONE)),
        ("text", date(2020, 2, 29), "2020-02-29"),
        ("text", "a\x00b", NO),
        ("text", "\ud800", NO),
        ("text", b"a", NO),
        ("text", {"$gt": ""}, NO),
        ("text", ["a"], NO),
        ("text", None, NO),
        ("text", float("nan"), NO),
        ("text", HUGE, NO),
        ("uuid", str(ONE).upper(), str(ONE)),
        ("uuid", ONE, str(ONE)),
        ("uuid", "{" + str(ONE)[:-2] + "}", NO),
        ("uuid", "x" * 36, NO),
        ("date", "2020-02-29", date(2020, 2, 29)),
        ("date", "2021-02-29", NO),
        ("date", MIDNIGHT, NO),
        ("timestamp", "2020-02-29T01:02:03", MIDNIGHT.replace(hour=1, minute=2, second=3)),
        ("timestamp", date(2020, 2, 29), MIDNIGHT),
        ("timestamp", 5, NO),
        ("time", "01:02", time(1, 2)),
        ("time", "25:00", NO),
        ("bytes", bytearray(b"a"), b"a"),
        ("bytes", "a", NO),
        ("any", True, 1),
        ("any", "12", "12"),
        ("any", b"\xff", b"\xff"),
        ("any", 2**70, NO),
        ("other", "fine", "fine"),
    ],
)
def test_a_value_becomes_what_a_column_holds_or_no_match(kind: Kind, value: Any, held: Any) -> None:
    found = turn(kind, value)
    assert found is held if held is NO else (found == held and type(found) is type(held))


@given(
    value=st.from_type(object) | st.text() | st.integers() | st.floats() | st.decimals() | st.binary() | st.datetimes()
)
def test_no_value_makes_turning_fail(value: Any) -> None:
    for kind in ("integer", "flag", "decimal", "float", "boolean", "text", "uuid", "date", "time", "timestamp", "any"):
        turn(kind, value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column_type", "kind"),
    [
        ("bigint unsigned", "integer"),
        ("integer", "integer"),
        ("interval", "other"),
        ("character varying(40)", "text"),
        ("double precision", "float"),
        ("NUMBER(10,2)", "decimal"),
        ("timestamp with time zone", "timestamp"),
        ("text[]", "array"),
        ("ARRAY<STRING>", "array"),
        ("jsonb", "json"),
        ("STRUCT(a INTEGER)", "json"),
        ("point", "other"),
        ("inet", "other"),
        ("LONGBLOB", "bytes"),
        ("", "other"),
    ],
)
def test_a_type_is_known_by_its_name(column_type: str, kind: Kind) -> None:
    assert kind_of(column_type) == kind


TABLE = Table(
    name='"people"',
    called="people",
    columns={
        "id": Column('"id"', "integer"),
        "email": Column('"email"', "text"),
        "tags": Column('"tags"', "array", "text"),
        "prefs": Column('"prefs"', "json"),
        "mood": Column('"mood"', "other"),
    },
    inner=frozenset({"prefs.email"}),
)
PLAIN = Dialect(name="plain", most=4)


def test_values_beyond_a_statement_go_to_the_next() -> None:
    asked = select(PLAIN, TABLE, ("id",), {"id": range(6), "email": ["a", "b", "b"]})
    assert asked == [
        ('SELECT "id" FROM "people" WHERE "id" IN (?, ?, ?, ?)', (0, 1, 2, 3)),
        ('SELECT "id" FROM "people" WHERE "id" IN (?, ?) OR "email" IN (?, ?)', (4, 5, "a", "b")),
    ]


def test_where_no_value_can_be_held_nothing_is_asked() -> None:
    assert select(PLAIN, TABLE, ("id",), {"id": ["x"], "email": [None]}) == []


def test_what_cannot_be_asked_is_an_error_and_not_silence() -> None:
    with pytest.raises(InvalidInput, match="array"):
        select(PLAIN, TABLE, ("id",), {"tags": ["a"]})
    with pytest.raises(InvalidInput, match="inside of an object"):
        select(PLAIN, TABLE, ("id",), {"prefs.email": ["a"]})
    with pytest.raises(InvalidInput, match="inside of an object"):
        list(changes(PLAIN, TABLE, [Change({"id": 1}, {"prefs.email": None}, "k")]))


def test_neighbours_alike_go_together_and_the_order_stays() -> None:
    asked = [
        Change({"id": 1}, None, "a"),
        Change({"id": "2"}, None, "b"),
        Change({"id": 3}, {"email": "x"}, "c"),
        Change({"id": 4}, {"email": "y"}, "d"),
        Change({"id": 5}, {"email": None}, "e"),
        Change({"id": "no number"}, {"email": None}, "f"),
        Change({"id": 6}, None, "g"),
        Change({"id": 7}, {}, "h"),
    ]
    assert list(changes(Dialect(name="plain"), TABLE, asked)) == [
        ('DELETE FROM "people" WHERE ("id" IN (?, ?))', [(1, 2)]),
        ('UPDATE "people" SET "email" = ? WHERE ("id" = ?)', [("x", 3), ("y", 4)]),
        ('UPDATE "people" SET "email" = NULL WHERE ("id" = ?)', [(5,)]),
        ('DELETE FROM "people" WHERE ("id" = ?)', [(6,)]),
    ]


def test_a_key_that_is_absent_finds_only_with_one_that_is_not() -> None:
    asked = [Change({"id": 1, "email": None}, None, "a"), Change({"id": None, "email": None}, None, "b")]
    assert list(changes(PLAIN, TABLE, asked)) == [
        ('DELETE FROM "people" WHERE ("id" = ?) AND "email" IS NULL', [(1,)]),
    ]


def test_one_and_true_are_not_the_same_new_value() -> None:
    asked = [Change({"id": 1}, {"mood": 1}, "a"), Change({"id": 2}, {"mood": True}, "b")]
    assert [rows for _, rows in changes(PLAIN, TABLE, asked)] == [[("1", 1), ("true", 2)]]


def test_a_new_value_that_a_field_cannot_hold_is_refused_by_name() -> None:
    assert new(TABLE, "tags", ["a", None, 1]) == ["a", None, "1"]
    assert new(TABLE, "prefs", {"a": [1]}) == '{"a": [1]}'
    assert new(TABLE, "id", None) is None
    for path, value in {"id": "canary", "tags": "canary", "email": {"canary": 1}, "mood": ["canary"]}.items():
        with pytest.raises(Refused, match=f"people.{path}") as raised:
            new(TABLE, path, value)
        assert "canary" not in str(raised.value)
