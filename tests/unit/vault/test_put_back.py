"""Queues, consents and spent budgets that somebody with the file put back, took away or changed: verify finds each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from a_vault import START_MS, Bench, schema

from privet import digest
from privet.store.port import Cell, Delete, Insert, Row, Select, Unit, Update
from privet.vault import records
from privet.vault.access import bound, consents, queues
from privet.vault.access.budgets import Seen
from privet.vault.access.consents import Consent, State
from privet.vault.access.queues import Place
from privet.vault.access.tables import CONSENTS, QUEUES, SPENT
from privet.vault.log import history
from privet.vault.log.checkpoint import Log
from privet.vault.log.verify import Report, verify
from privet.vault.people import erasure
from privet.vault.upkeep import expiry

TTL_MS, DAY_MS = 3_600_000, 86_400_000
SHAPES = {"queues": QUEUES, "consents": CONSENTS, "spent": SPENT}


class Shelf:
    """Three people, what stands in queues, what was said, and a hand that knows the file but no key."""

    def __init__(self, bench: Bench, folder: Path) -> None:
        self.bench, self.vault = bench, bench.vault
        bench.apply(schema("name: type: person.full_name, keep: sealed"))
        self.ids = [item.id for item in bench.insert("people", *[{"name": "Ann Example"}] * 3)]
        table = self.vault.table("people")
        self.people = [erasure.subject_of(self.vault, table, id) for id in self.ids]
        self.log = Log(store=self.vault.store, ring=self.vault.ring, owner=self.vault.id, path=str(folder / "point"))
        self.log.begin()

    def put(self, at: int, ttl_ms: int = TTL_MS, queue: str = "support") -> None:
        table = self.vault.table("people")
        until = self.bench.now[0] + ttl_ms
        place = Place(queue=queue, principal="agent", record=self.ids[at], table=table.id, until_ms=until)
        self.bench.run(queues.put(self.vault, table, place, self.bench.deed("queues.put")))

    def remove(self, at: int) -> None:
        deed = self.bench.deed("queues.remove")
        self.bench.run(queues.remove(self.vault, "support", "agent", self.ids[at], deed))

    def say(self, at: int, state: State, at_ms: int = START_MS) -> None:
        said = Consent(subject=self.people[at], key="news", state=state, at_ms=at_ms)
        self.bench.run(consents.say(self.vault, said, self.bench.deed("consents.set")))

    def spend(self, first: int, count: int = 1, principal: str = "ann") -> None:
        """Have a principal be told moved counts, of which she may have some a day."""
        seen = Seen(self.vault.table("people"))
        seen.moved = frozenset(bytes([at]) for at in range(first, first + count))
        assert self.vault.meter.spend(principal, "", (seen,)) is None
        self.bench.run(self.vault.note(self.bench.deed("query")))

    def erase(self, at: int) -> None:
        self.bench.run(erasure.erase(self.vault, self.people[at], self.bench.deed("subjects.erase")))

    def delete(self, at: int) -> None:
        permit = self.bench.permit("delete", "people")
        self.bench.run(records.delete(self.vault, permit, [self.ids[at]], self.bench.deed("records.delete")))

    def later(self, ms: int) -> None:
        self.bench.now[0] += ms

    def sweep(self) -> None:
        self.bench.run(expiry.sweep(self.vault, self.bench.deed("records.expire")))

    def rows(self, table: str) -> list[Row]:
        columns = tuple(column.name for column in SHAPES[table].columns)
        return self.vault.store.select(Select(table=table, columns=columns))

    def make(self, table: str, rows: list[Row]) -> None:
        """Make `rows` all that a table holds, past the vault."""
        shape = SHAPES[table]
        columns = tuple(column.name for column in shape.columns)
        keys = [tuple(row[columns.index(name)] for name in shape.key) for row in self.rows(table)]
        steps = [*([Delete(table, shape.key, keys)] if keys else []), *([Insert(table, columns, rows)] if rows else [])]
        self.vault.store.write_now(Unit(tuple(steps)))

    def look(self) -> Report:
        self.log.advance()
        return verify(self.vault, self.log)

    def rules(self) -> set[str]:
        return {fault.rule for fault in self.look().faults}


@pytest.fixture
def shelf(bench: Bench, tmp_path: Path) -> Shelf:
    return Shelf(bench, tmp_path)


def used(shelf: Shelf) -> None:
    """Leave behind what months of use leave behind."""
    for at in range(3):
        shelf.put(at)
        shelf.say(at, "given")
    shelf.put(0, 60_001)
    shelf.put(1, queue="other")
    shelf.remove(1)
    shelf.say(1, "withdrawn")
    shelf.say(1, "given", at_ms=START_MS - 5)
    shelf.spend(0), shelf.spend(1), shelf.spend(0, 5, principal="bea")
    shelf.delete(2)
    shelf.erase(2)


@pytest.mark.parametrize("after_ms", [0, 60_001, TTL_MS - 1, TTL_MS, 10 * TTL_MS, DAY_MS - 1, DAY_MS])
def test_what_nobody_touched_is_sound(shelf: Shelf, after_ms: int) -> None:
    used(shelf)
    assert shelf.look().faults == ()
    shelf.later(after_ms)
    assert shelf.look().faults == ()
    shelf.sweep()
    assert shelf.look().faults == ()


BACK: dict[str, tuple[str, Callable[[Shelf], None], Callable[[Shelf], None], set[str]]] = {
    "a place that was taken out": ("queues", lambda s: s.put(0), lambda s: s.remove(0), {"queue.deleted"}),
    "a longer time": ("queues", lambda s: s.put(0), lambda s: s.put(0, 60_001), {"queue.old"}),
    "an emptied queue": ("queues", lambda s: None, lambda s: s.put(0), {"queue.missing"}),
    "a consent that was withdrawn": (
        "consents",
        lambda s: s.say(0, "given"),
        lambda s: s.say(0, "withdrawn"),
        {"consent.old"},
    ),
    "what was said earlier and came later": (
        "consents",
        lambda s: s.say(0, "withdrawn"),
        lambda s: s.say(0, "given", at_ms=START_MS - 5),
        {"consent.old"},
    ),
    "an emptied ledger": ("consents", lambda s: None, lambda s: s.say(0, "withdrawn"), {"consent.missing"}),
    "less that was spent": ("spent", lambda s: s.spend(0), lambda s: s.spend(1), {"budget.old"}),
    "an open budget": ("spent", lambda s: None, lambda s: s.spend(0), {"budget.missing"}),
    "an erased ledger": ("consents", lambda s: s.say(0, "given"), lambda s: s.erase(0), {"consent.erased"}),
}


@pytest.mark.parametrize("name", BACK)
def test_rows_that_are_put_back_are_found(shelf: Shelf, name: str) -> None:
    table, first, then, rules = BACK[name]
    shelf.put(1), shelf.say(1, "given"), shelf.spend(0, principal="bea")
    first(shelf)
    before = shelf.rows(table)
    then(shelf)
    assert shelf.rules() == set()
    shelf.make(table, before)
    # No other rule finds it: without these it would pass.
    assert shelf.rules() == rules


@pytest.mark.parametrize(("table", "rule"), [("queues", "queue"), ("consents", "consent")])
def test_a_row_that_was_changed_is_found_and_its_queue_or_person_named(shelf: Shelf, table: str, rule: str) -> None:
    shelf.put(0), shelf.say(0, "given")
    [row] = shelf.rows(table)
    shelf.make(table, [(*row[:-1], bytes(32))])
    [fault] = shelf.look().faults
    assert fault.rule == rule
    assert digest.id_text(shelf.ids[0] if table == "queues" else shelf.people[0]) in fault.at


def test_a_place_that_another_vault_of_the_same_keys_wrote_is_found(shelf: Shelf) -> None:
    """A row with a good MAC that no entry speaks of."""
    shelf.put(0)
    rows = shelf.rows("queues")
    shelf.make("queues", [])
    audit = shelf.vault.store.select(Select(table="audit", columns=("seq",), order=(("seq", False),), limit=1))
    shelf.vault.store.write_now(Unit((Delete("audit", ("seq",), audit),)))
    shelf.make("queues", rows)
    assert "queue.unlogged" in shelf.rules()


def test_a_place_is_found_by_its_record_in_the_audit(shelf: Shelf) -> None:
    shelf.put(0), shelf.put(1), shelf.remove(0)
    verbs = [
        (history.said(entry) or {}).get("verb")
        for batch in history.read(shelf.vault.store)
        for entry in batch
        if shelf.ids[0] in history.record_ids(entry)
    ]
    assert verbs == ["insert", "queues.put", "queues.remove"]


def test_entries_of_places_that_are_over_are_emptied_in_their_time(shelf: Shelf) -> None:
    shelf.put(0), shelf.put(1, 7 * 86_400_000), shelf.remove(0), shelf.say(0, "given")
    shelf.later(8 * 86_400_000)
    shelf.sweep()
    shelf.later(86_400_000)
    shelf.bench.run(history.expire(shelf.vault, shelf.bench.now[0] - 1, shelf.bench.deed("audit.expire")))
    assert shelf.look().faults == ()
    left = [entry for batch in history.read(shelf.vault.store) for entry in batch if entry.records]
    speaking = {
        bound.kind_of(entry.records[16:36]) for entry in left if entry.kind == history.WRITTEN and entry.records
    }
    assert bound.PLACE not in speaking
    assert bound.SAID in speaking


@pytest.mark.parametrize("ends", ["sooner", "later"])
def test_a_budget_that_was_given_another_end_is_found(shelf: Shelf, ends: str) -> None:
    """The end is no part of what the row's MAC covers: what the audit says of it counts."""
    shelf.spend(0)
    [(name, until, body)] = shelf.rows("spent")
    assert isinstance(until, int)
    shelf.make("spent", [(name, shelf.bench.now[0] if ends == "sooner" else until + 60_000, body)])
    shelf.sweep()
    assert shelf.rules() == {"budget.missing" if ends == "sooner" else "budget.old"}


@pytest.mark.parametrize(("place", "cell"), [(0, bytes(32)), (1, 1 << 62), (2, bytes(90)), (2, None)])
def test_a_budget_that_was_changed_is_found_and_stops_nothing(shelf: Shelf, place: int, cell: Cell) -> None:
    shelf.spend(0), shelf.spend(0, principal="bea")
    row, other = shelf.rows("spent")
    shelf.make("spent", [(*row[:place], cell, *row[place + 1 :]), other])
    assert shelf.rules() <= {"budget", "budget.old", "budget.missing"}
    assert shelf.look().count in (1, 2)  # a row by another name, and the one that is not there


def test_the_audit_says_whose_budget_was_spent_and_no_more(shelf: Shelf) -> None:
    shelf.spend(0)
    *_, noted, kept = [entry for batch in history.read(shelf.vault.store) for entry in batch]
    assert [(history.said(entry) or {})["verb"] for entry in (noted, kept)] == ["query", "budgets.keep"]
    assert (history.said(kept) or {})["who"] == "ann"
    assert history.record_ids(kept) == []


@pytest.mark.parametrize("left", range(73))
def test_an_entry_that_was_cut_is_a_fault_and_stops_nothing(shelf: Shelf, left: int) -> None:
    shelf.put(0)
    [[seq, records]] = shelf.vault.store.select(
        Select(table="audit", columns=("seq", "records"), order=(("seq", False),), limit=1)
    )
    assert isinstance(records, bytes)
    shelf.vault.store.write_now(Unit((Update("audit", ("records",), ("seq",), ((records[:left], seq),)),)))
    assert ("audit.entry" in shelf.rules()) is (left < len(records))
