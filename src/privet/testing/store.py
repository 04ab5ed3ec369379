"""What every store engine does with shapes, units and many callers. Questions are the business of `question`."""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from privet.errors import Conflict, DuplicateValue, InvalidInput, InvalidSchema, StoreFailed, UnknownName
from privet.store import capability
from privet.store.port import (
    Clash,
    Column,
    Delete,
    Engine,
    Expect,
    Insert,
    Put,
    Row,
    Select,
    Shape,
    Step,
    Store,
    Unit,
    Update,
)
from privet.vocabulary.predicate import ALWAYS, NEVER, And, Compare, In, Predicate

PEOPLE = Shape(
    name="people",
    columns=(Column("id", "blob"), Column("tag", "blob"), Column("age", "int"), Column("text", "text")),
    key=("id",),
    indexes=(("tag",), ("age", "text")),
)
PAIRS = Shape(
    name="pairs",
    columns=(Column("left", "text"), Column("right", "int"), Column("once", "blob"), Column("id", "blob")),
    key=("left", "right"),
    uniques=(("once",), ("id", "right")),
)
LOG = Shape(name="log", columns=(Column("key", "int"), Column("body", "blob", False)), key=("key",), sequence=True)
SHAPES = (PEOPLE, PAIRS, LOG)
COLUMNS = ("id", "tag", "age", "text")
SAMPLE: tuple[Row, ...] = (
    (b"\x01", b"\x00", 40, "ada"),
    (b"\x02", b"\x00\x00", 7, "bob"),
    (b"\x03", b"\xff", None, None),
    (b"\x04", None, -5, "Åsa"),
    (b"\x05", b"", 7, "\U0001f600"),
    (b"\x06", b"\x00", 7, "zoë\x00"),
)


def raised(kind: type[Exception], call: Callable[[], object]) -> Exception:
    """Return the error of `kind` that the call must raise."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"expected {kind.__name__}")


def unit(*steps: Step) -> Unit:
    """Return a unit of the steps."""
    return Unit(steps)


def clash_of(store: Store, work: Unit) -> tuple[int, int]:
    """Return step and row of the Clash that the unit must meet."""
    error = raised(Clash, lambda: store.write_now(work))
    assert isinstance(error, Clash)
    return error.step, error.row


def ids(store: Store, where: Predicate = ALWAYS) -> list[bytes]:
    """Return the ids of the people that match, ascending."""
    rows = store.select(Select(table="people", columns=("id",), where=where, order=(("id", True),)))
    return [row[0] for row in rows]  # type: ignore[misc]  # ids are bytes


def people(rows: Iterable[Row]) -> Insert:
    """Return the step that inserts whole rows of people."""
    return Insert("people", COLUMNS, tuple(rows))


def empty(engine: Engine, folder: Path) -> Store:
    """Return a new store with SHAPES defined."""
    store = engine.open(str(folder / "store"))
    store.define(SHAPES)
    return store


def filled(engine: Engine, folder: Path) -> Store:
    """Return a new store that holds SAMPLE."""
    store = empty(engine, folder)
    store.write_now(unit(people(SAMPLE)))
    return store


class StoreContract:
    """What every store engine keeps but for questions. Set `engine` in the class that inherits."""

    engine: Engine

    # --- writes -------------------------------------------------------------------------------------------

    def test_inserted_rows_come_back_cell_for_cell(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        assert store.select(Select(table="people", columns=COLUMNS, order=(("id", True),))) == list(SAMPLE)

    def test_columns_that_an_insert_leaves_out_are_null(self, tmp_path: Path) -> None:
        store = empty(self.engine, tmp_path)
        store.write_now(unit(Insert("people", ("id",), ((b"k",),))))
        assert store.select(Select(table="people", columns=COLUMNS)) == [(b"k", None, None, None)]

    def test_insert_clashes_at_the_row_whose_key_exists(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        rows: tuple[Row, ...] = ((b"\x09", None, 1, None), (b"\x03", None, 1, None))
        assert clash_of(store, unit(Delete("log", ("key",), ((1,),)), people(rows))) == (1, 1)
        assert ids(store) == [row[0] for row in SAMPLE]

    def test_a_clash_in_a_later_step_undoes_the_earlier_ones(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        work = unit(
            people([(b"\x09", None, 1, None)]),
            Update("people", ("age",), ("id",), ((99, b"\x01"),)),
            Put("people", ("id", "age"), ((b"\x02", 99),)),
            Delete("people", ("id",), ((b"\x03",),)),
            Insert("log", ("body",), ((b"x",),)),
            Expect("people", Compare("age", "=", 12345), True),
        )
        assert clash_of(store, work) == (5, 0)
        assert store.select(Select(table="people", columns=COLUMNS, order=(("id", True),))) == list(SAMPLE)
        assert store.select(Select(table="log", columns=("key",))) == []

    def test_a_unique_group_clashes_unless_it_holds_a_null(self, tmp_path: Path) -> None:
        store = empty(self.engine, tmp_path)
        names = ("left", "right", "once", "id")
        store.write_now(
            unit(Insert("pairs", names, (("a", 1, b"t", b"i"), ("a", 2, None, b"i"), ("a", 3, None, None))))
        )
        store.write_now(unit(Insert("pairs", names, (("b", 3, None, None),))))
        assert clash_of(store, unit(Insert("pairs", names, (("c", 4, b"u", None), ("c", 5, b"t", None))))) == (0, 1)
        assert clash_of(store, unit(Insert("pairs", names, (("c", 2, b"u", b"i"),)))) == (0, 0)
        update = Update("pairs", ("once",), ("left", "right"), ((b"v", "a", 2), (b"t", "a", 3)))
        assert clash_of(store, unit(update)) == (0, 1)
        once = store.select(Select(table="pairs", columns=("once",), where=Compare("once", "!=", None)))
        assert once == [(b"t",)]

    def test_put_replaces_a_row_whole_and_clashes_on_the_unique_of_another(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        store.write_now(unit(Put("people", ("id", "age"), ((b"\x01", 41), (b"\x07", 1)))))
        rows = store.select(Select(table="people", columns=COLUMNS, where=In("id", (b"\x01", b"\x07"))))
        assert sorted(rows, key=repr) == [(b"\x01", None, 41, None), (b"\x07", None, 1, None)]
        store.write_now(unit(Insert("pairs", ("left", "right", "once"), (("a", 1, b"t"), ("a", 2, b"u")))))
        store.write_now(unit(Put("pairs", ("left", "right", "once"), (("a", 1, b"t"),))))
        assert clash_of(store, unit(Put("pairs", ("left", "right", "once"), (("a", 3, b"v"), ("a", 2, b"t"))))) == (
            0,
            1,
        )

    def test_update_changes_every_match_and_clashes_where_there_is_none(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        store.write_now(unit(Update("people", ("text", "age"), ("age",), (("seven", 8, 7),))))
        assert len(ids(store, And((Compare("age", "=", 8), Compare("text", "=", "seven"))))) == 3
        work = unit(Update("people", ("age",), ("id",), ((1, b"\x01"), (2, b"nobody"), (3, b"\x02"))))
        assert clash_of(store, work) == (0, 1)
        assert ids(store, Compare("age", "=", 1)) == []

    def test_delete_removes_every_match_and_none_is_no_fault(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        store.write_now(unit(Delete("people", ("age",), ((7,), (12345,)))))
        assert ids(store) == [b"\x01", b"\x03", b"\x04"]

    def test_expect_lets_a_unit_through_only_in_the_state_it_names(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        there, absent = Compare("id", "=", b"\x01"), Compare("id", "=", b"none")
        store.write_now(unit(Expect("people", there, True), Expect("people", absent, False)))
        assert clash_of(store, unit(Expect("people", there, True), Expect("people", there, False))) == (1, 0)
        assert clash_of(store, unit(Expect("people", absent, True))) == (0, 0)
        assert clash_of(store, unit(people([(b"new", None, 0, None)]), Expect("people", NEVER, True))) == (1, 0)

    def test_a_unit_sees_its_own_steps(self, tmp_path: Path) -> None:
        store = empty(self.engine, tmp_path)
        add = people([(b"k", None, 1, None)])
        there = Expect("people", Compare("id", "=", b"k"), True)
        store.write_now(unit(add, there, Delete("people", ("id",), ((b"k",),)), add))
        assert ids(store) == [b"k"]

    def test_a_sequence_counts_from_one_without_gaps_and_never_again(self, tmp_path: Path) -> None:
        store = empty(self.engine, tmp_path)
        add = Insert("log", ("body",), ((b"a",), (b"b",)))
        store.write_now(unit(add))
        assert clash_of(store, unit(add, Expect("log", NEVER, True))) == (1, 0)
        store.write_now(unit(add))
        numbers = Select(table="log", columns=("key",), order=(("key", True),))
        assert store.select(numbers) == [(1,), (2,), (3,), (4,)]
        store.write_now(unit(Delete("log", ("key",), ((4,), (3,)))))
        store.write_now(unit(Insert("log", ("body",), ((b"c",),))))
        assert store.select(numbers) == [(1,), (2,), (5,)]

    def test_wrong_names_and_cells_are_refused_before_anything_is_done(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        wrong: list[tuple[type[Exception], Step]] = [
            (UnknownName, Insert("person", ("id",), ((b"k",),))),
            (UnknownName, Insert("people", ("id", "ages"), ((b"k", 1),))),
            (InvalidInput, Insert("people", ("age",), ((1,),))),
            (InvalidInput, Insert("people", ("id", "age"), ((b"k", "1"),))),
            (InvalidInput, Insert("people", ("id", "age"), ((b"k", 2**63),))),
            (InvalidInput, Insert("people", ("id", "text"), ((b"k", "\ud800"),))),
            (InvalidInput, Insert("people", ("id", "tag"), (("k", None),))),
            (InvalidInput, Insert("people", ("id",), ((None,),))),
            (InvalidInput, Insert("people", ("id",), ((b"k", 1),))),
            (InvalidInput, Insert("log", ("key", "body"), ((9, b"x"),))),
            (InvalidInput, Insert("log", ("body",), ((None,),))),
            (InvalidInput, Put("log", ("body",), ((b"x",),))),
            (InvalidInput, Update("people", ("age",), ("tag",), ((1, None),))),
            (InvalidInput, Delete("people", ("tag",), ((None,),))),
            (InvalidInput, Delete("people", (), ((),))),
            (UnknownName, Expect("people", Compare("nobody", "=", 1), False)),
        ]
        for kind, step in wrong:
            first = people([(b"first", None, None, None)])
            raised(kind, lambda first=first, step=step: store.write_now(unit(first, step)))  # type: ignore[misc]
        assert ids(store) == [row[0] for row in SAMPLE]

    # --- shapes -------------------------------------------------------------------------------------------

    def test_define_adds_and_drops_columns_indexes_and_uniques(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        columns = (PEOPLE.columns[0], PEOPLE.columns[2], Column("more", "text"))
        thinner = Shape(name="people", columns=columns, key=("id",), indexes=(("more",),), uniques=(("more", "age"),))
        store.define((thinner,))
        store.define((thinner,))
        raised(UnknownName, lambda: store.select(Select(table="people", columns=("tag",))))
        store.write_now(unit(Update("people", ("more",), ("id",), (("m", b"\x01"), ("m", b"\x02")))))
        assert clash_of(store, unit(Update("people", ("more",), ("id",), (("m", b"\x05"),)))) == (0, 0)
        assert store.select(Select(table="people", columns=("id",), where=Compare("more", "=", "m"), limit=9)) != []
        store.define((PEOPLE,))
        assert store.select(Select(table="people", columns=("tag",), limit=1)) == [(None,)]
        assert store.select(Select(table="pairs", columns=("id",))) == []

    def test_define_refuses_what_would_break_rows_and_does_nothing(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        twice = Shape(name="people", columns=PEOPLE.columns, key=("id",), uniques=(("age",),))
        new = Shape(name="fresh", columns=(Column("id", "blob"),), key=("id",))
        raised(DuplicateValue, lambda: store.define((new, twice)))
        raised(UnknownName, lambda: store.select(Select(table="fresh", columns=("id",))))
        solid = Shape(name="people", columns=(*PEOPLE.columns, Column("more", "int", False)), key=("id",))
        other = Shape(name="people", columns=(PEOPLE.columns[0], Column("age", "text")), key=("id",))
        keyed = Shape(name="people", columns=PEOPLE.columns, key=("id", "age"))
        for shape in (solid, other, keyed):
            raised(InvalidSchema, lambda shape=shape: store.define((new, shape)))  # type: ignore[misc]
        wrong = (
            Shape(name="People", columns=PEOPLE.columns, key=("id",)),
            Shape(name="sqlite_x", columns=PEOPLE.columns, key=("id",)),
            Shape(name="x", columns=PEOPLE.columns, key=()),
            Shape(name="x", columns=PEOPLE.columns, key=("none",)),
            Shape(name="x", columns=PEOPLE.columns, key=("id",), sequence=True),
            Shape(name="x", columns=(*PEOPLE.columns, PEOPLE.columns[0]), key=("id",)),
        )
        for shape in wrong:
            raised(InvalidSchema, lambda shape=shape: store.define((shape,)))  # type: ignore[misc]
        assert len(ids(store)) == len(SAMPLE)
        store.write_now(unit(people([(b"still", None, None, None)])))
        store.define(
            (Shape(name="log", columns=(*LOG.columns, Column("more", "int", False)), key=("key",), sequence=True),)
        )

    # --- many callers -------------------------------------------------------------------------------------

    def test_of_many_writers_of_one_unique_value_exactly_one_wins(self, tmp_path: Path) -> None:
        store = empty(self.engine, tmp_path)

        async def claim(number: int) -> bool:
            try:
                await store.write(
                    unit(
                        Insert("log", ("body",), ((b"%d" % number,),)),
                        Insert("pairs", ("left", "right", "once"), (("w", number, b"prize %d" % (number % 10)),)),
                    )
                )
            except Clash as clash:
                assert (clash.step, clash.row) == (1, 0)
                return False
            assert store.select(Select(table="pairs", columns=("left",), where=Compare("right", "=", number)))
            return True

        async def race() -> list[bool]:
            return await asyncio.gather(*(claim(number) for number in range(300)))

        won = asyncio.run(race())
        assert sum(won) == 10
        keys = store.select(Select(table="log", columns=("key",), order=(("key", True),)))
        assert keys == [(n,) for n in range(1, 11)]
        store.write_now(unit(people(SAMPLE)))

    def test_a_cancelled_writer_harms_nobody(self, tmp_path: Path) -> None:
        store = empty(self.engine, tmp_path)

        async def run() -> None:
            def add(n: int) -> asyncio.Task[None]:
                return asyncio.create_task(store.write(unit(people([(b"%d" % n, None, n, None)]))))

            tasks = [add(n) for n in range(50)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            answers = await asyncio.gather(*tasks, return_exceptions=True)
            assert [answer for answer in answers[1::2] if answer is not None] == []
            await add(99)

        for _ in range(2):
            store.write_now(unit(Delete("people", ("age",), tuple((n,) for n in range(100)))))
            asyncio.run(run())
        assert len(ids(store)) >= 26

    # --- the end ------------------------------------------------------------------------------------------

    def test_a_backup_opens_equal_and_private_and_never_overwrites(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        if capability.ONLINE_BACKUP not in store.capabilities:
            return
        store.write_now(unit(Insert("log", ("body",), ((b"a",), (b"b",)))))
        path = str(tmp_path / "copy")
        store.backup(path)
        store.write_now(unit(people([(b"later", None, None, None)])))
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        raised(Conflict, lambda: store.backup(path))
        copy = self.engine.open(path)
        assert copy.select(Select(table="people", columns=COLUMNS, order=(("id", True),))) == list(SAMPLE)
        copy.write_now(unit(Insert("log", ("body",), ((b"c",),))))
        assert copy.select(Select(table="log", columns=("key", "body"))) == [(1, b"a"), (2, b"b"), (3, b"c")]
        copy.close()

    def test_a_durable_store_opens_again_with_its_shapes_and_rows(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        store.close()
        if capability.DURABLE not in store.capabilities:
            return
        again = self.engine.open(str(tmp_path / "store"))
        assert again.select(Select(table="people", columns=COLUMNS, order=(("id", True),))) == list(SAMPLE)
        assert clash_of(again, unit(people(SAMPLE[:1]))) == (0, 0)

    def test_a_closed_store_refuses(self, tmp_path: Path) -> None:
        store = filled(self.engine, tmp_path)
        store.close()
        store.close()
        raised(StoreFailed, lambda: store.write_now(unit(people([(b"k", None, None, None)]))))
        raised(StoreFailed, lambda: store.select(Select(table="people", columns=("id",))))
