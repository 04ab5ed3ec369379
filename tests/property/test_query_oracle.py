"""Whatever is asked, the answer is that of plain Python over plaintext, whichever indexes the schema keeps."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from asking import NUMBERS, ORDERS, PARTS, PEOPLE, TABLE, Ask, Both, Fact, Spot, leaves_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from privet.app.wiring import new_ring
from privet.crypto.keystores.local import LocalStore
from privet.errors import InvalidQuery
from privet.policy.decide import decide
from privet.policy.roles import BUILT_IN
from privet.secret import Secret
from privet.store.port import ENGINES
from privet.vault import records
from privet.vault.log.audit import Deed
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question
from privet.vault.reader import read_schema
from privet.vault.upkeep import migrate
from privet.vault.vault import Vault, create_vault
from privet.vocabulary.access import Access, Action, Principal

NOW = 1_800_000_000_000
DEED = Deed(principal="p1", verb="test", policy="built-in/1", at_ms=NOW)
WHO = Principal(id="p1", name="test", roles=("owner",))
TYPES = {
    **{"name": "string", "mail": "contact.email", "born": "date", "score": "integer", "state": "address.state"},
    **{"tags": "string[]", "total": "decimal", "note": "string", "more": "json"},
}
PATHS = ", paths: {home.city: string, home.Level: integer, since: date}"
INDEXES: dict[str, dict[str, tuple[str, ...]]] = {
    "all": {
        **{"name": ("exact", "prefix_3"), "mail": ("exact", "domain"), "born": ("exact", "year", "year_month")},
        **{"score": ("exact",), "state": ("exact",), "tags": ("exact", "prefix_3")},
        **{"total": ("exact",), "note": ("exact", "prefix_3")},
        "more": ("home.city", "home.Level", "since", "since.year"),
    },
    "some": {
        **{"name": ("prefix_3",), "mail": ("domain",), "born": ("year",), "state": ("exact",), "tags": ("prefix_3",)},
        "more": ("home.city",),
    },
    "none": {},
    "sets": {"state": ("exact",), "score": ("exact",)},
    "cut": {
        **{"name": ("exact", "prefix_3"), "mail": ("domain",), "score": ("exact",), "note": ("exact",)},
        "more": ("home.city", "since.year"),
    },
}
SETS = {  # compound indexes of the case of that name
    "people": (("name", "state"), ("more.home.city", "mail.domain"), ("born.year", "more.home.Level", "score")),
    "orders": (("total", "note"),),
}
BITS = 4  # of the tags in the case `cut`: so few that unequal values share them
NAMES = ("Ann", "ann", "Anna", "Anton", "Bo", "Böe", "zoe", "an", "Ann Example", "x")
VALUES: dict[str, tuple[Any, ...]] = {
    "name": NAMES,
    "mail": tuple(f"{local}@{domain}" for local in ("ann", "Ann", "bo") for domain in ("example.com", "example.org")),
    "born": ("1979-12-31", "1980-01-01", "1980-06-15", "1999-02-28", "2001-02-28"),
    "score": (-5, 0, 3, 10, 2000),
    "state": ("US-CA", "US-NY", "US-TX"),
    "tags": NAMES,
    "total": ("-1.5", "0", "2.25", "10", "100.125"),
    "note": NAMES,
    "more": (
        {"home": {"city": "Oslo", "Level": 2}, "since": "1999-02-28"},
        {"home": {"city": "Oslo", "Level": 10}, "since": "1980-06-15"},
        {"home": {"city": "Bergen", "Level": -3}},
        {"home": {"city": None}, "since": "1999-12-31"},
        {"home": "none", "Level": 2},
        {"home": ["Oslo"]},
        "Oslo",
    ),
}


def schema(case: str) -> str:
    indexes = INDEXES[case]

    def field(name: str) -> str:
        index = ", ".join(f"{each}: {{bits: {BITS}}}" if case == "cut" else each for each in indexes.get(name, ()))
        index = f"{{{index}}}" if case == "cut" else f"[{index}]"
        ours = f"type: '{TYPES[name]}', keep: sealed, index: {index}, leak: equality" + (
            PATHS if name == "more" else ""
        )
        return f"          - {{name: {name}, fides_meta: {{privet: {{{ours}}}}}}}\n"

    def sets(table: str) -> str:
        listed = ", ".join(f"[{', '.join(targets)}]" for targets in SETS[table]) if case == "sets" else ""
        return f"        fides_meta: {{privet: {{indexes: [{listed}]}}}}\n"

    return (
        "dataset:\n  - fides_key: t\n    collections:\n"
        f"      - name: people\n{sets('people')}        fields:\n"
        + "".join(map(field, (*PEOPLE, "tags")))
        + f"      - name: orders\n{sets('orders')}        fields:\n"
        + "          - {name: person, fides_meta: {privet: {references: people.id}}}\n"
        + "".join(map(field, ORDERS))
    )


class Case:
    """One vault, filled anew for each example."""

    def __init__(self, name: str, runner: asyncio.Runner) -> None:
        store, keys = ENGINES.get("memory").open(""), LocalStore(Secret(bytes(32)))
        ring = new_ring(keys, b"vault-of-a-test!", NOW)
        self.vault: Vault = create_vault(
            id=b"vault-of-a-test!", name=name, store=store, ring=ring, clock=lambda: NOW, deed=DEED
        )
        migrate.apply(self.vault, read_schema(schema(name)), DEED)
        self.name, self.indexes, self.runner = name, INDEXES[name], runner
        self.held: dict[str, list[bytes]] = {"people": [], "orders": []}
        self.permits = Permits(read=self.permit("read"), search=self.permit("search"))

    def permit(self, action: Action) -> dict[str, Any]:
        tables = self.vault.schema.tables
        return {t.name: decide(BUILT_IN, WHO, Access(action, t.name, t.names()), t.collection) for t in tables}

    def fill(self, people: list[dict[str, Any]], orders: list[dict[str, Any]]) -> None:
        for table in ("orders", "people"):
            self.runner.run(records.delete(self.vault, self.permits.read[table], self.held[table], DEED))
        self.held["people"] = self.add("people", [{k: v for k, v in p.items() if k != "at"} for p in people])
        ids = [text(record) for record in self.held["people"]]
        made = [{**o, "person": None if o["person"] is None else ids[o["person"]]} for o in orders]
        self.held["orders"] = self.add("orders", made)

    def add(self, table: str, rows: list[dict[str, Any]]) -> list[bytes]:
        if not rows:
            return []
        permit = self.permit("insert")[table]
        return [item.id for item in self.runner.run(records.insert(self.vault, permit, rows, DEED))]

    def ask(self, ask: Ask) -> query.Answer:
        question = read_question(ask.sql(), self.vault.schema)
        return self.runner.run(query.run(self.vault, question, self.permits, DEED))


def text(record: bytes) -> str:
    found = record.hex()
    return f"{found[:8]}-{found[8:12]}-{found[12:16]}-{found[16:20]}-{found[20:]}"


@pytest.fixture(scope="module")
def cases() -> Iterator[list[Case]]:
    with asyncio.Runner() as runner:
        yield [Case(name, runner) for name in INDEXES]


# --- strategies -------------------------------------------------------------------------------------------------


def value(column: str) -> st.SearchStrategy[Any]:
    if column == "tags":
        return st.none() | st.lists(st.sampled_from(VALUES["tags"]), max_size=3)
    return st.none() | st.sampled_from(VALUES[column])


PERSON = st.fixed_dictionaries({column: value(column) for column in (*PEOPLE, "tags")})
ORDER = st.fixed_dictionaries({**{column: value(column) for column in ORDERS}, "person": st.none() | st.integers(0, 7)})


def spots(columns: tuple[str, ...]) -> st.SearchStrategy[Spot]:
    found = [Spot(column, part) for column in columns for part in ("", *PARTS.get(column, ()))]
    return st.sampled_from([spot for spot in found if spot != Spot("more")])


def literal(spot: Spot) -> st.SearchStrategy[Any]:
    if not spot.part:
        return st.sampled_from(VALUES[spot.column])
    found = [PARTS[spot.column][spot.part](v) for v in VALUES[spot.column]]
    return st.sampled_from(sorted({v for v in found if v is not None}))


@st.composite
def leaf(draw: st.DrawFn, columns: tuple[str, ...]) -> Fact:
    spot = draw(spots(columns))
    array = spot.column == "tags"
    ops = ["=", "!=", "IN", "=", "IN", "<", "<=", ">", ">=", "BETWEEN"]
    if not (array and spot.part):
        ops.append("IS NULL")
    if spot.column in ("name", "tags", "note", "mail") or spot.part == "home.city":
        ops += ["LIKE", "LIKE"]
    op = draw(st.sampled_from(ops))
    if op == "IS NULL":
        return Fact(spot, op)
    if op == "LIKE":
        return Fact(spot, op, (draw(st.sampled_from(("a", "an", "ANN", "ann", "anna", "bo", "x", "exa", "os"))),))
    count = {"IN": draw(st.integers(1, 3)), "BETWEEN": 2}.get(op, 1)
    return Fact(spot, op, tuple(draw(literal(spot)) for _ in range(count)))


@st.composite
def together(draw: st.DrawFn, columns: tuple[str, ...]) -> Both:
    """Return what a compound index answers."""
    targets = draw(st.sampled_from([targets for table in SETS.values() for targets in table]))
    pairs = [target.partition(".") for target in targets]
    asked = [Spot(column, part) for column, _, part in pairs if column in columns]
    count = draw(st.integers(1, 2))
    op = "IN" if count > 1 else "="
    facts = [Fact(spot, op, tuple(draw(literal(spot)) for _ in range(count))) for spot in asked]
    return Both("AND", tuple(facts or [draw(leaf(columns))]))


def conditions(columns: tuple[str, ...]) -> st.SearchStrategy[Any]:
    def more(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, min_size=2, max_size=3).map(tuple)
        return (
            st.builds(Both, st.just("AND"), several)
            | st.builds(Both, st.just("OR"), several)
            | st.builds(Both, st.just("NOT"), st.tuples(inner))
        )

    return st.recursive(leaf(columns) | leaf(columns) | together(columns), more, max_leaves=5)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    tables = draw(st.sampled_from((("people",), ("people",), ("orders",), ("people", "orders"), ("orders", "people"))))
    columns = tuple(column for column in (*PEOPLE, "tags", *ORDERS) if TABLE[column] in tables)
    plain = tuple(column for column in columns if column != "tags")
    where = draw(st.none() | conditions(columns))
    limit = draw(st.sampled_from((0, 0, 0, 1, 3)))
    order = draw(st.lists(st.tuples(spots(plain), st.booleans()), max_size=2, unique_by=lambda pair: pair[0]))
    if draw(st.integers(0, 2)):
        shown = draw(st.lists(spots(columns), min_size=1, max_size=3))
        return Ask(tables, (*(spot for spot, _ in order), *shown), where, order=tuple(order), limit=limit)
    group = tuple(draw(st.lists(spots(plain), max_size=2, unique=True)))
    numbers = tuple(column for column in plain if column in NUMBERS)
    sums = st.tuples(st.sampled_from(("sum", "avg")), st.sampled_from(numbers).map(Spot))
    others = st.tuples(st.sampled_from(("min", "max", "count_distinct", "count_distinct")), spots(plain))
    counted = draw(st.lists(st.just(("count", None)) | others | sums, min_size=0 if group else 1, max_size=3))
    ups = tuple((spot, draw(st.booleans())) for spot in group[:1]) if group and draw(st.booleans()) else ()
    return Ask(tables, group, where, group, tuple(counted), ups, limit)


# --- the law ----------------------------------------------------------------------------------------------------


def decided(ask: Ask, case: str) -> bool:
    """Return whether tags alone can answer."""
    indexes = INDEXES[case]

    def tagged(spot: Spot) -> bool:
        return (spot.part or "exact") in indexes.get(spot.column, ())

    def exact(test: Fact) -> bool:
        if test.op == "IS NULL":
            return not test.spot.part or tagged(test.spot)
        return test.op in ("=", "!=", "IN") and test.spot.column != "tags" and tagged(test.spot) and case != "cut"

    def whole(tree: Any, *, flip: bool) -> bool:
        if isinstance(tree, Fact):
            return exact(tree)
        if tree.word == "AND" and not flip:
            return all(whole(item, flip=False) for item in alone(list(tree.conjuncts()), case))
        return all(whole(item, flip=flip is not (tree.word == "NOT")) for item in tree.items)

    if ask.where is not None and not whole(ask.where, flip=False):
        return False
    if not (ask.group or ask.sums):
        return not ask.order
    counts = all(f == "count" or (f == "count_distinct" and spot and tagged(spot)) for f, spot in ask.sums)
    return counts and all(map(tagged, ask.group))  # the case `cut` refuses these


def alone(items: list[Any], case: str) -> list[Any]:
    """Return the items of a conjunction that no compound index answers together with others."""
    for targets in (*SETS["people"], *SETS["orders"]) if case == "sets" else ():
        chosen = []
        for target in targets:
            column, _, part = target.partition(".")
            tests = [item for item in items if isinstance(item, Fact) and item.op in ("=", "IN")]
            chosen += [test for test in tests if test.spot == Spot(column, part)][:1]
        if len(chosen) == len(targets):
            # The same condition that is said twice is one.
            said = {(test.spot, frozenset(map(str, test.values))) for test in chosen}
            items = [
                item
                for item in items
                if not (
                    isinstance(item, Fact)
                    and item.op in ("=", "IN")
                    and (item.spot, frozenset(map(str, item.values))) in said
                )
            ]
    return items


def refused(ask: Ask) -> bool:
    """Return whether the case `cut` refuses a question: its tags decide nothing."""

    def cut(spot: Spot | None) -> bool:
        return (
            spot is not None and spot.column != "tags" and (spot.part or "exact") in INDEXES["cut"].get(spot.column, ())
        )

    def flipped(tree: Any, *, flip: bool) -> bool:
        if isinstance(tree, Fact):
            return tree.op in ("=", "!=", "IN") and cut(tree.spot) and flip is not (tree.op == "!=")
        return any(flipped(item, flip=flip is not (tree.word == "NOT")) for item in tree.items)

    equal = any(test.op in ("=", "!=", "IN") and cut(test.spot) for test in leaves_of(ask.where))
    counted = any(map(cut, ask.group)) or any(f == "count_distinct" and cut(spot) for f, spot in ask.sums)
    more = len(ask.tables) > 1 or bool(ask.group or ask.sums)
    return counted or (equal and more) or (ask.where is not None and flipped(ask.where, flip=False))


def check(case: Case, ask: Ask, expected: list[tuple[Any, ...]]) -> None:
    if case.name == "cut" and refused(ask):
        with pytest.raises(InvalidQuery, match="needs whole tags"):
            case.ask(ask)
        return
    answer = case.ask(ask)
    rows = [tuple(row) for row in answer.rows]
    size = min(ask.limit or 1000, len(expected))
    assert len(rows) == size and answer.cut == (size < len(expected))
    assert not Counter(map(repr, rows)) - Counter(map(repr, expected))
    width = len(ask.order)
    at = [ask.shown.index(spot) for spot, _ in ask.order]
    if width:
        assert [[row[i] for i in at] for row in rows] == [[row[i] for i in at] for row in expected[:size]]
    assert (answer.used == "index") is decided(ask, case.name)
    if answer.used != "index" and not case.indexes and all(test.op != "IS NULL" for test in leaves_of(ask.where)):
        assert answer.used == "scan"


@settings(max_examples=90, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    people=st.lists(PERSON, max_size=8),
    orders=st.lists(ORDER, max_size=8),
    questions=st.lists(asks(), min_size=8, max_size=8),
)
def test_an_answer_is_that_of_plain_python(
    cases: list[Case], people: list[dict[str, Any]], orders: list[dict[str, Any]], questions: list[Ask]
) -> None:
    people = [{**person, "at": at} for at, person in enumerate(people)]
    orders = [
        {**o, "person": None if o["person"] is None or o["person"] >= len(people) else o["person"]} for o in orders
    ]
    expected = [ask.answer(people, orders) for ask in questions]
    for case in cases:
        case.fill(people, orders)
        for ask, rows in zip(questions, expected, strict=True):
            check(case, ask, rows)
