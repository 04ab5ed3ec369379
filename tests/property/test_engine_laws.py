"""Law: the memory and the SQLite engine give the same answers, whatever units and questions come."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privet.errors import PrivetError
from privet.store.port import (
    ENGINES,
    Aggregate,
    Clash,
    Column,
    Delete,
    Expect,
    Insert,
    Join,
    Put,
    Row,
    Select,
    Shape,
    Step,
    Store,
    Unit,
    Update,
    Without,
)
from privet.vocabulary.predicate import And, Compare, In, Not, Or, Predicate

FIRST = Shape(
    name="one",
    columns=(Column("k", "blob"), Column("n", "int"), Column("t", "text"), Column("u", "blob")),
    key=("k",),
    indexes=(("n",), ("t", "n")),
    uniques=(("u", "n"),),
)
SECOND = Shape(
    name="two", columns=(Column("s", "int"), Column("k", "blob"), Column("n", "int")), key=("s",), sequence=True
)
CELLS = {
    "k": st.sampled_from([b"", b"\x00", b"a", b"ab", b"\xff"]),
    "n": st.sampled_from([-(2**63), -1, 0, 1, 7, 2**63 - 1]),
    "t": st.sampled_from(["", "a", "B", "é", "\x00", "\U0001f600", "a'\"b"]),
    "u": st.sampled_from([b"x", b"y"]),
    "s": st.integers(1, 9),
}
NULL = st.none()


def cell(name: str, *, null: bool = True) -> st.SearchStrategy[object]:
    """Return cells of a column."""
    return CELLS[name] | NULL if null and name not in ("k1", "s") else CELLS[name]


def row(names: tuple[str, ...], solid: tuple[str, ...]) -> st.SearchStrategy[Row]:
    """Return rows of the columns; `solid` ones take no null."""
    return st.tuples(*(cell(name, null=name not in solid) for name in names))  # type: ignore[arg-type]


def rows(names: tuple[str, ...], *solid: str) -> st.SearchStrategy[list[Row]]:
    """Return up to three rows."""
    return st.lists(row(names, solid), max_size=3)


def predicates(names: tuple[str, ...], prefix: str = "") -> st.SearchStrategy[Predicate]:
    """Return predicates over the columns."""

    def leaf(name: str) -> st.SearchStrategy[Predicate]:
        ops = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])
        null = st.builds(Compare, st.just(prefix + name), st.sampled_from(["=", "!="]), NULL)
        known = st.builds(Compare, st.just(prefix + name), ops, CELLS[name])
        few = st.lists(CELLS[name] | NULL, max_size=4)
        many = st.lists(CELLS[name] | NULL, min_size=17, max_size=20)
        among = st.builds(In, st.just(prefix + name), (few | many).map(tuple))
        return null | known | among  # type: ignore[return-value]

    leaves = st.one_of(*(leaf(name) for name in names))
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(Not, inner)
            | st.builds(And, st.lists(inner, max_size=3).map(tuple))
            | st.builds(Or, st.lists(inner, max_size=3).map(tuple))
        ),
        max_leaves=5,
    )


ONE, TWO = ("k", "n", "t", "u"), ("s", "k", "n")
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Insert, st.just("one"), st.just(ONE), rows(ONE, "k")),
    st.builds(Insert, st.just("two"), st.just(("k", "n")), rows(("k", "n"))),
    st.builds(Put, st.just("one"), st.just(ONE), rows(ONE, "k")),
    st.builds(Put, st.just("one"), st.just(("k", "t")), rows(("k", "t"), "k")),
    st.builds(Update, st.just("one"), st.just(("n", "u")), st.just(("k",)), rows(("n", "u", "k"), "k")),
    st.builds(
        Update,
        st.just("one"),
        st.just(("t",)),
        st.just(("n",)),
        st.lists(st.tuples(CELLS["t"], CELLS["n"]), max_size=2),
    ),
    st.builds(
        Update,
        st.just("one"),
        st.just(("k",)),
        st.just(("u",)),
        st.lists(st.tuples(CELLS["k"], CELLS["u"]), max_size=2),
    ),
    st.builds(Update, st.just("two"), st.just(("k",)), st.just(("s",)), rows(("k", "s"), "s")),
    st.builds(Delete, st.just("one"), st.just(("t",)), st.lists(st.tuples(CELLS["t"]), max_size=2)),
    st.builds(Delete, st.just("two"), st.just(("s",)), st.lists(st.tuples(CELLS["s"]), max_size=2)),
    st.builds(Expect, st.just("one"), predicates(ONE), st.booleans()),
)
UNITS = st.lists(STEPS, min_size=1, max_size=4).map(lambda steps: Unit(tuple(steps)))
FUNCTIONS = st.sampled_from(
    [
        Aggregate("count"),
        Aggregate("count", "t"),
        Aggregate("count_distinct", "n"),
        Aggregate("min", "t"),
        Aggregate("max", "u"),
    ]
)

ABSENT = st.one_of(
    *(
        st.builds(Without, st.just(table), st.just("w"), st.just(f"a.{at}"), st.just(at), predicates(names, "w."))
        for table, names in (("one", ONE), ("two", TWO))
        for at in ("k", "n")
    )
)


@st.composite
def questions(draw: st.DrawFn) -> Select:
    """Return questions with a total order, so that answers compare as lists."""
    kind = draw(st.sampled_from(["plain", "group", "join"]))
    where = draw(predicates(ONE))
    absent = tuple(draw(st.lists(ABSENT, max_size=2)))
    up = draw(st.booleans())
    if kind == "plain":
        order = (*((name, draw(st.booleans())) for name in draw(st.permutations(ONE))[:2]), ("k", up))
        limit = draw(st.integers(0, 3))
        return Select(table="one", columns=ONE, where=where, without=absent, order=order, limit=limit)
    if kind == "group":
        group = tuple(draw(st.permutations(ONE))[: draw(st.integers(0, 2))])
        functions = tuple(draw(st.lists(FUNCTIONS, min_size=1, max_size=3)))
        return Select(
            table="one",
            where=where,
            without=absent,
            group=group,
            aggregates=functions,
            least=draw(st.integers(0, 2)),
            order=tuple((name, up) for name in group),
        )
    right = draw(st.sampled_from(["k", "n"]))
    join = Join("two", "b", f"a.{right}", right)
    where = draw(predicates(ONE, "a.") | predicates(TWO, "b."))
    order = (("b.s", up), ("a.k", True))
    return Select(table="one", columns=("a.k", "b.s"), joins=(join,), where=where, without=absent, order=order)


def outcome(store: Store, work: Unit) -> object:
    """Return what became of a unit."""
    try:
        store.write_now(work)
    except Clash as clash:
        return clash.step, clash.row
    except PrivetError as error:
        return type(error)
    return "done"


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(UNITS, questions()), min_size=1, max_size=8))
def test_engines_agree_on_every_unit_and_question(history: list[tuple[Unit, Select]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stores = [ENGINES.get(name).open(str(Path(folder) / name)) for name in ("memory", "sqlite")]
        for store in stores:
            store.define((FIRST, SECOND))
        for work, question in history:
            memory, sqlite = (outcome(store, work) for store in stores)
            assert memory == sqlite
            memory, sqlite = (store.select(question) for store in stores)
            assert memory == sqlite
        for table, names, key in (("one", ONE, "k"), ("two", TWO, "s")):
            everything = Select(table=table, columns=names, order=((key, True),))
            memory, sqlite = ([r for part in s.stream(everything, rows=2) for r in part] for s in stores)
            assert memory == sqlite
        for store in stores:
            store.close()
