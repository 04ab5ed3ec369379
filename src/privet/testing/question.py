"""What every store engine answers: predicates with nulls, orders, joins, groups, limits, streams."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from privet.errors import InvalidQuery, UnknownName
from privet.store.port import Aggregate, Delete, Engine, Insert, Join, Select, Without
from privet.testing.store import SAMPLE, empty, filled, ids, people, raised, unit
from privet.vocabulary.predicate import ALWAYS, NEVER, And, Compare, In, Not, Or, Predicate


class QuestionContract:
    """What every store engine answers. Set `engine` in the class that inherits."""

    engine: Engine

    def test_null_compares_as_in_sql(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        known = [b"\x01", b"\x02", b"\x04", b"\x05", b"\x06"]
        table: list[tuple[Predicate, list[bytes]]] = [
            (Compare("age", "=", None), [b"\x03"]),
            (Compare("age", "!=", None), known),
            (Not(Compare("age", "=", None)), known),
            (Compare("age", "!=", 7), [b"\x01", b"\x04"]),
            (Not(Compare("age", "=", 7)), [b"\x01", b"\x04"]),
            (Not(In("age", (7, None))), []),
            (In("age", (7, None)), [b"\x02", b"\x05", b"\x06"]),
            (In("age", ()), []),
            (Not(In("age", ())), [b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x06"]),
            (Or((Compare("age", "=", 7), Compare("tag", "=", b"\xff"))), [b"\x02", b"\x03", b"\x05", b"\x06"]),
            (And((Compare("age", ">", 0), Not(Compare("text", "<", "c")))), [b"\x05", b"\x06"]),
            (Not(And((Compare("age", "=", 7), Compare("id", "=", b"\x03")))), known[:1] + known[1:]),
            (ALWAYS, [b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x06"]),
            (NEVER, []),
            (Not(NEVER), [b"\x01", b"\x02", b"\x03", b"\x04", b"\x05", b"\x06"]),
        ]
        for where, expected in table:
            assert ids(store, where) == expected, where

    def test_in_takes_ten_thousand_values_of_each_kind(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        many = range(10_000)
        assert ids(store, In("age", (7, *(n + 100 for n in many)))) == [b"\x02", b"\x05", b"\x06"]
        assert ids(store, In("tag", (b"\xff", None, *(b"%d" % n for n in many)))) == [b"\x03"]
        assert ids(store, In("text", ("zoë\x00", '"', *map(str, many)))) == [b"\x06"]
        assert ids(store, Or(tuple(Compare("age", "=", n) for n in range(2000)))) == [
            b"\x01",
            b"\x02",
            b"\x05",
            b"\x06",
        ]

    def test_order_puts_nulls_first_and_blobs_and_texts_by_their_bytes(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)

        def order(*order: tuple[str, bool]) -> list[int]:
            rows = store.select(Select(table="people", columns=("id",), order=(*order, ("id", True))))
            return [row[0][0] for row in rows]  # type: ignore[index, misc]  # ids are bytes

        assert order(("tag", True)) == [4, 5, 1, 6, 2, 3]
        assert order(("tag", False)) == [3, 2, 1, 6, 5, 4]
        assert order(("text", True)) == [3, 1, 2, 6, 4, 5]
        assert order(("age", False), ("text", False)) == [1, 5, 6, 2, 4, 3]

    def test_limit_cuts_the_ordered_answer(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        question = Select(table="people", columns=("id",), order=(("age", False), ("id", True)), limit=2)
        assert store.select(question) == [(b"\x01",), (b"\x02",)]

    def test_joins_are_inner_and_null_joins_nothing(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        names = ("left", "right", "id")
        store.write_now(unit(Insert("pairs", names, (("p", 7, b"\x01"), ("q", 40, b"\x02"), ("r", 1, None)))))
        question = Select(
            table="people",
            columns=("a.id", "p.left", "b.id"),
            joins=(Join("pairs", "p", "a.age", "right"), Join("people", "b", "p.id", "id")),
            where=Compare("b.text", "!=", "nobody"),
            order=(("a.id", True),),
        )
        assert store.select(question) == [
            (b"\x01", "q", b"\x02"),
            (b"\x02", "p", b"\x01"),
            (b"\x05", "p", b"\x01"),
            (b"\x06", "p", b"\x01"),
        ]
        grouped = Select(
            table="people",
            joins=question.joins,
            group=("p.left",),
            aggregates=(Aggregate("count"), Aggregate("max", "a.id")),
            order=(("p.left", False),),
        )
        assert store.select(grouped) == [("q", 1, b"\x01"), ("p", 3, b"\x06")]

    def test_what_must_not_be_there_leaves_rows_out_and_null_has_none(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        names = ("left", "right", "id")
        store.write_now(unit(Insert("pairs", names, (("p", 7, b"\x01"), ("q", 40, b"\x02"), ("r", -5, None)))))
        every, some = Without("pairs", "p", "a.age", "right"), Compare("p.left", "!=", "q")
        table: list[tuple[tuple[Without, ...], Predicate, list[int]]] = [
            ((every,), ALWAYS, [3]),
            ((replace(every, where=some),), ALWAYS, [1, 3]),
            ((replace(every, where=In("p.left", ("p", *map(str, range(20))))),), ALWAYS, [1, 3, 4]),
            ((replace(every, where=NEVER),), Compare("age", "=", 7), [2, 5, 6]),
            ((Without("pairs", "p", "id", "id"),), Compare("age", "=", 7), [5, 6]),
            ((Without("pairs", "p", "tag", "id"),), ALWAYS, [1, 2, 3, 4, 5, 6]),
            ((Without("pairs", "p", "id", "id"), replace(every, where=some)), ALWAYS, [3]),
            ((replace(every, where=Or((some, Compare("p.id", "=", None)))),), Compare("text", "!=", "ada"), []),
        ]
        for without, where, expected in table:
            question = Select(table="people", columns=("id",), without=without, where=where, order=(("id", True),))
            assert [row[0] for row in store.select(question)] == [bytes([at]) for at in expected], without
            first = replace(question, limit=1)
            assert store.select(first) == store.select(question)[:1]
            counted = Select(table="people", aggregates=(Aggregate("count"),), without=without, where=where, least=1)
            assert store.select(counted) == [(len(expected),)] * bool(expected)
        joined = Select(
            table="people",
            columns=("a.id", "p.left"),
            joins=(Join("pairs", "p", "a.age", "right"),),
            without=(Without("people", "b", "p.id", "id", Compare("b.age", "=", 7)),),
            order=(("a.id", True),),
        )
        assert store.select(joined) == [(b"\x02", "p"), (b"\x04", "r"), (b"\x05", "p"), (b"\x06", "p")]

    def test_groups_smaller_than_least_are_left_out(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        functions = (
            Aggregate("count"),
            Aggregate("count", "tag"),
            Aggregate("count_distinct", "tag"),
            Aggregate("sum", "age"),
            Aggregate("min", "text"),
            Aggregate("max", "tag"),
        )
        question = Select(table="people", group=("age",), aggregates=functions, order=(("age", True),))
        assert store.select(question) == [
            (None, 1, 1, 1, None, None, b"\xff"),
            (-5, 1, 0, 0, -5, "Åsa", None),
            (7, 3, 3, 3, 21, "bob", b"\x00\x00"),
            (40, 1, 1, 1, 40, "ada", b"\x00"),
        ]
        least = Select(table="people", group=("age",), aggregates=functions[:1], least=2)
        assert store.select(least) == [(7, 3)]
        nothing = Compare("age", "=", 0)
        assert store.select(Select(table="people", aggregates=functions, where=nothing)) == [
            (0, 0, 0, None, None, None)
        ]
        assert store.select(Select(table="people", aggregates=functions, where=nothing, least=1)) == []
        assert store.select(Select(table="people", group=("age",), where=nothing)) == []

    def test_questions_that_break_a_rule_are_refused(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        join = (Join("pairs", "p", "a.age", "right"),)
        absent = Without("pairs", "p", "age", "right")
        lacking = Select(table="people", columns=("id",), without=(absent,))
        wrong: list[tuple[type[Exception], Select]] = [
            (InvalidQuery, Select(table="people")),
            (InvalidQuery, Select(table="people", columns=("id",), group=("age",))),
            (InvalidQuery, Select(table="people", columns=("id",), least=1)),
            (InvalidQuery, Select(table="people", columns=("id",), limit=-1)),
            (InvalidQuery, Select(table="people", columns=("id",), where=Compare("age", "<", None))),
            (InvalidQuery, Select(table="people", columns=("id",), where=Compare("age", "=", "7"))),
            (InvalidQuery, Select(table="people", columns=("id",), where=Compare("age", "=", 7.0))),
            (InvalidQuery, Select(table="people", columns=("id",), where=In("tag", (b"", "x")))),
            (InvalidQuery, Select(table="people", columns=("id",), joins=join)),
            (InvalidQuery, Select(table="people", columns=("a.id",), joins=join + join)),
            (InvalidQuery, Select(table="people", columns=("id",), without=(Without("pairs", "a", "age", "right"),))),
            (InvalidQuery, Select(table="people", columns=("id",), without=(Without("pairs", "p", "age", "left"),))),
            (InvalidQuery, replace(lacking, without=(replace(absent, where=Compare("p.left", "=", 7)),))),
            (UnknownName, replace(lacking, without=(replace(absent, where=Compare("a.age", "=", 7)),))),
            (UnknownName, replace(lacking, without=(replace(absent, table="nothing"),))),
            (UnknownName, replace(lacking, without=(replace(absent, left="nothing"),))),
            (UnknownName, replace(lacking, columns=("p.id",))),
            (InvalidQuery, Select(table="people", columns=("a.id",), joins=(Join("pairs", "p", "a.age", "left"),))),
            (InvalidQuery, Select(table="people", aggregates=(Aggregate("sum", "text"),))),
            (InvalidQuery, Select(table="people", aggregates=(Aggregate("max"),))),
            (InvalidQuery, Select(table="people", group=("age",), order=(("id", True),))),
            (UnknownName, Select(table="people", columns=("name",))),
            (UnknownName, Select(table="peoples", columns=("id",))),
            (UnknownName, Select(table="people", columns=("b.id",))),
            (UnknownName, Select(table="people", columns=('id" FROM people --',))),
        ]
        for kind, question in wrong:
            raised(kind, lambda question=question: store.select(question))  # type: ignore[misc]

    def test_a_stream_reads_one_snapshot(self, tmp_path: Path) -> None:
        store = empty(self.engine, tmp_path)
        store.write_now(unit(people((b"%04d" % n, None, n, None) for n in range(1000))))
        lists = store.stream(Select(table="people", columns=("id",), order=(("id", True),)), rows=300)
        first = next(lists)
        store.write_now(unit(Delete("people", ("age",), tuple((n,) for n in range(1000))), people(SAMPLE)))
        rest = list(lists)
        assert [len(first), *map(len, rest)] == [300, 300, 300, 100]
        assert [row for rows in (first, *rest) for row in rows] == [(b"%04d" % n,) for n in range(1000)]
        assert len(ids(store)) == len(SAMPLE)
        next(store.stream(Select(table="people", columns=("id",)), rows=1))
        store.write_now(unit(Delete("people", ("id",), ((b"\x01",),))))
