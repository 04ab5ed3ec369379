"""Verification: what a sound vault looks like, what is found, and what time and writers may change meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from a_vault import START_MS, Bench, schema

from privet import digest
from privet.crypto import merkle
from privet.errors import Damaged, InvalidInput, MalformedBody, WrongKey
from privet.store.port import Insert, Row, Select, Store, Unit, Update
from privet.vault import records, reveal
from privet.vault.log import history, prover
from privet.vault.log.checkpoint import Log
from privet.vault.log.verify import Report, verify, verify_log
from privet.vault.people import erasure
from privet.vault.sight import View
from privet.vocabulary.predicate import Compare

PEOPLE = schema(
    "name: type: person.full_name, keep: sealed, index: exact",
    "email: type: contact.email, keep: sealed, index: exact, unique: true, token: stored",
    'tags: type: "string[]", index: exact',
)
YEAR_MS = 365 * 86_400_000


class Meddled:
    """A store where something is written after the first rows of a table were read."""

    def __init__(self, store: Store, table: str, meddle: Callable[[], None]) -> None:
        self._store = store
        self._table = table
        self._meddle: Callable[[], None] | None = meddle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def stream(self, question: Select, *, rows: int = 1000) -> Iterator[list[Row]]:
        for batch in self._store.stream(question, rows=rows):
            yield batch
            if question.table == self._table and self._meddle is not None:
                meddle, self._meddle = self._meddle, None
                meddle()


@pytest.fixture
def people(bench: Bench) -> Bench:
    bench.apply(PEOPLE)
    return bench


@pytest.fixture
def log(people: Bench, tmp_path: Path) -> Log:
    made = Log(store=people.vault.store, ring=people.vault.ring, owner=people.vault.id, path=str(tmp_path / "point"))
    made.begin()
    return made


def person(at: int) -> dict[str, Any]:
    return {"name": "Ann Example", "email": f"ann{at}@example.com", "tags": ["a", f"b{at}"]}


def add(people: Bench, count: int, *, start: int = 0) -> list[bytes]:
    return [item.id for item in people.insert("people", *[person(start + at) for at in range(count)])]


def rename(people: Bench, record: bytes, at: int) -> None:
    permit = people.permit("update", "people")
    people.run(records.update(people.vault, permit, record, {"email": f"new{at}@example.com"}, people.deed()))


def delete(people: Bench, *ids: bytes) -> None:
    people.run(records.delete(people.vault, people.permit("delete", "people"), ids, people.deed()))


def row_of(people: Bench, record: bytes) -> tuple[tuple[str, ...], Row]:
    names = people.vault.sealer(people.vault.table("people")).physical
    question = Select(table="r1", columns=names, where=Compare("id", "=", record))
    return names, people.vault.store.select(question)[0]


def rules(report: Report) -> set[str]:
    return {fault.rule for fault in report.faults}


def test_a_vault_in_use_is_sound(people: Bench, log: Log) -> None:
    ids = add(people, 5)
    rename(people, ids[0], 0)
    delete(people, ids[1])
    subject = erasure.subject_of(people.vault, people.vault.table("people"), ids[2])
    people.run(erasure.erase(people.vault, subject, people.deed()))
    people.get("people", ids[3])
    log.advance()
    report = verify(people.vault, log)
    assert report.faults == ()
    assert (report.records, report.tail, report.root) == (3, 0, log.last.root)


@pytest.mark.parametrize("suite", ["siv", "gcm"])
def test_tokens_of_every_kind_are_sound(bench: Bench, tmp_path: Path, suite: str) -> None:
    kinds = ("random", "record", "{kind: stored, shape: uuid, scope: consumer}", "{kind: sealed}")
    fields = [f"f{at}: type: contact.email, keep: sealed, token: {kind}" for at, kind in enumerate(kinds)]
    fields += [
        "card: type: card.pan, keep: sealed, token: {kind: stored, shape: card, looks_real: true}",
        "home: type: contact.email, keep: shreddable, unique: true, token: {kind: stored, scope: consumer}",
        "code: type: card.cvv, keep: transient, token: transient",
    ]
    text = schema(*fields).replace(
        "    collections:", f"    fides_meta: {{privet: {{suite: {suite}}}}}\n    collections:"
    )
    bench.apply(text)
    log = Log(store=bench.vault.store, ring=bench.vault.ring, owner=bench.vault.id, path=str(tmp_path / "point"))
    log.begin()
    mails = {f"f{at}": "ann@example.com" for at in range(len(kinds))}
    row = {**mails, "card": "4111111111111111", "code": "123"}
    bench.insert("people", {**row, "home": "a@example.com"}, {**row, "home": "b@example.com"}, {"f0": None})
    assert verify(bench.vault, log).faults == ()


def test_the_tail_is_told_apart_from_what_is_proven(people: Bench, log: Log) -> None:
    proven = log.advance().size
    add(people, 2)
    report = verify(people.vault, log)
    assert (report.entries, report.proven, report.tail, report.count) == (proven + 1, proven, 1, 0)


def test_a_fault_names_the_record_and_no_value(people: Bench, log: Log) -> None:
    ids = add(people, 3)
    log.advance()
    people.vault.store.write_now(Unit((Update("r1", ("mac",), ("id",), ((bytes(16), ids[1]),)),)))
    found = verify(people.vault, log)
    assert {fault.at for fault in found.faults} == {f"record {digest.id_text(ids[1])} of `people`"}
    assert "example.com" not in str(found.faults)


def test_every_changed_cell_is_found_among_many(people: Bench, log: Log) -> None:
    ids = add(people, 40)
    log.advance()
    names, _ = row_of(people, ids[0])
    name = next(name for name in names if name.startswith("c") and name[1:].isdigit())
    for record in (ids[3], ids[4], ids[31]):
        cell = row_of(people, record)[1][names.index(name)]
        assert isinstance(cell, bytes)
        changed = cell[:-1] + bytes([cell[-1] ^ 1])
        people.vault.store.write_now(Unit((Update("r1", (name,), ("id",), ((changed, record),)),)))
    found = verify(people.vault, log).faults
    assert [(fault.rule, fault.at.split()[1]) for fault in found] == [
        ("record.cell", digest.id_text(record)) for record in sorted((ids[3], ids[4], ids[31]))
    ]


def test_records_that_change_while_they_are_looked_at_are_no_fault(people: Bench, log: Log) -> None:
    ids = add(people, 8)
    plain = people.vault.store

    def meddle() -> None:
        rename(people, ids[0], 1)
        delete(people, ids[1], ids[2])
        add(people, 3, start=20)

    for table in ("audit", "r1", "uniques", "elements", "tokens", "refs"):
        people.vault.store = log.store = Meddled(plain, table, meddle)  # type: ignore[assignment]
        assert verify(people.vault, log).faults == (), table
        people.vault.store = log.store = plain
        delete(people, *(row[0] for row in plain.select(Select(table="r1", columns=("id",)))))  # type: ignore[arg-type]
        ids = add(people, 8)


def test_a_record_that_was_changed_is_found_while_others_change(people: Bench, log: Log) -> None:
    ids = add(people, 4)
    names, old = row_of(people, ids[3])
    rename(people, ids[3], 3)
    now = row_of(people, ids[3])[1]
    people.vault.store.write_now(Unit((Update("r1", names[1:], ("id",), ((*old[1:], ids[3]),)),)))
    assert old != now
    meddled = Meddled(people.vault.store, "r1", lambda: rename(people, ids[0], 0))
    people.vault.store = log.store = meddled  # type: ignore[assignment]
    found = [fault for fault in verify(people.vault, log).faults if fault.rule.startswith("record")]
    assert {fault.at.split()[1] for fault in found} == {digest.id_text(ids[3])}


def test_a_record_that_is_gone_is_found_while_others_change(people: Bench, log: Log) -> None:
    ids = add(people, 4)
    people.vault.store.write_now(Unit((Update("r1", ("id",), ("id",), ((bytes(15) + b"x", ids[3]),)),)))
    meddled = Meddled(people.vault.store, "r1", lambda: rename(people, ids[0], 0))
    people.vault.store = log.store = meddled  # type: ignore[assignment]
    assert {"record.missing", "record.unlogged"} <= rules(verify(people.vault, log))


def test_a_kept_checkpoint_of_another_log_proves_nothing(people: Bench, log: Log) -> None:
    other = merkle.Checkpoint("privet/other", 1, log.last.root)
    assert rules(verify(people.vault, log, witnessed=[other])) == {"audit.checkpoint"}


def test_a_checkpoint_file_that_was_changed_is_a_fault(people: Bench, log: Log) -> None:
    Path(log.path).write_text("nothing\n", encoding="utf-8")
    assert rules(verify(people.vault, log)) == {"audit.checkpoint"}


def test_a_log_is_looked_at_without_its_records(people: Bench, log: Log) -> None:
    add(people, 2)
    log.advance()
    assert verify_log(log).count == 0
    people.vault.store.write_now(Unit((Update("audit", ("at",), ("seq",), ((1, 1),)),)))
    assert rules(verify_log(log)) == {"audit.root", "audit.tile"}


# --- people who may be forgotten ------------------------------------------------------------------------------

FORGETTABLE = schema(
    "name: type: person.full_name, keep: shreddable, index: exact",
    "email: type: contact.email, keep: shreddable, index: exact, unique: true, token: stored",
    'tags: type: "string[]", index: exact',
)


@pytest.fixture
def forgettable(bench: Bench, tmp_path: Path) -> tuple[Bench, Log, list[bytes]]:
    bench.apply(FORGETTABLE)
    log = Log(store=bench.vault.store, ring=bench.vault.ring, owner=bench.vault.id, path=str(tmp_path / "point"))
    log.begin()
    ids = add(bench, 4)
    rename(bench, ids[0], 0)
    log.advance()
    return bench, log, ids


def test_a_vault_of_forgettable_values_is_sound_before_and_after(forgettable: tuple[Bench, Log, list[bytes]]) -> None:
    people, log, ids = forgettable
    assert verify(people.vault, log).faults == ()
    subject = erasure.subject_of(people.vault, people.vault.table("people"), ids[1])
    people.run(erasure.erase(people.vault, subject, people.deed()))
    log.advance()
    report = verify(people.vault, log)
    assert (report.faults, report.records) == ((), 3)


@pytest.mark.parametrize(("table", "rule"), [("tokens", "token"), ("refs", "ref")])
def test_a_changed_copy_of_a_forgettable_value_is_found(
    forgettable: tuple[Bench, Log, list[bytes]], table: str, rule: str
) -> None:
    people, log, ids = forgettable
    for record in ids[2:]:  # so that their tokens have two holders each
        her = erasure.subject_of(people.vault, people.vault.table("people"), record)
        found = people.get("people", record)
        assert found is not None
        column, permit = people.vault.table("people").column("email"), people.permit("tokenize", "people")
        people.run(reveal.tokenize(people.vault, permit, column, [found.values["email"]], people.deed(), subject=her))
    names = ("cell", "token", "holder")
    first, second = people.vault.store.select(Select(table=table, columns=names, order=(("token", True),), limit=2))
    swapped = ((first[0], *second[1:]), (second[0], *first[1:]))
    people.vault.store.write_now(Unit((Update(table, ("cell",), ("token", "holder"), swapped),)))
    assert rules(verify(people.vault, log)) >= {rule}


def test_a_tag_that_leads_to_the_token_of_another_value_is_found(forgettable: tuple[Bench, Log, list[bytes]]) -> None:
    people, log, _ = forgettable
    first, second = people.vault.store.select(Select(table="tokens", columns=("tag", "token"), limit=2))
    away, back = ((bytes(16), first[1]),), ((first[0], second[1]), (second[0], first[1]))
    steps = [Update("tokens", ("tag",), ("token",), rows) for rows in (away, back)]
    people.vault.store.write_now(Unit(tuple(steps)))
    assert rules(verify(people.vault, log)) >= {"token"}


def test_a_record_whose_person_was_forgotten_is_found(forgettable: tuple[Bench, Log, list[bytes]]) -> None:
    people, log, ids = forgettable
    subject = erasure.subject_of(people.vault, people.vault.table("people"), ids[2])
    assert people.vault.subjects is not None
    people.vault.subjects.purge([subject])
    found = verify(people.vault, log).faults
    assert {fault.at.split()[1] for fault in found if fault.rule == "record.cell"} == {digest.id_text(ids[2])}


# --- out of their time ----------------------------------------------------------------------------------------


@pytest.fixture
def aged(people: Bench, log: Log) -> tuple[Bench, Log, list[bytes]]:
    """A vault with a year behind it: six records, the first changed, the second deleted, all read."""
    ids = add(people, 6)
    late = add(people, 2, start=10)
    rename(people, ids[0], 0)
    delete(people, ids[1])
    delete(people, *late)
    view = View(("name",))
    people.run(records.get(people.vault, people.permit("read", "people"), ids, view, people.deed()))
    log.advance()
    people.now[0] = START_MS + YEAR_MS
    people.get("people", ids[0])
    return people, log, ids


def expire(people: Bench) -> int:
    return people.run(history.expire(people.vault, START_MS + 1, people.deed("audit.expire")))


def entries(people: Bench) -> list[history.Entry]:
    return [entry for batch in history.read(people.vault.store) for entry in batch]


def test_expired_entries_are_empty_and_the_vault_stays_sound(aged: tuple[Bench, Log, list[bytes]]) -> None:
    people, log, _ = aged
    assert expire(people) > 0
    assert expire(people) == 0
    old = [entry for entry in entries(people) if entry.at_ms <= START_MS]
    assert {(entry.body, entry.body_salt) for entry in old} == {(None, None)}
    assert all(entry.records is None for entry in old if entry.kind == history.READ)
    log.advance()
    assert verify(people.vault, log).faults == ()


def test_what_still_speaks_of_a_record_stays(aged: tuple[Bench, Log, list[bytes]]) -> None:
    people, _, ids = aged
    late = [record for entry in entries(people) for record in history.record_ids(entry) if record not in ids]
    expire(people)
    written = [entry for entry in entries(people) if entry.kind == history.WRITTEN and entry.at_ms <= START_MS]
    kept = {record for entry in written for record in history.record_ids(entry)}
    # The first insert still proves four records, so the end of the second record must stay provable too.
    assert kept == set(ids)
    assert kept.isdisjoint(late)


def test_nothing_comes_back_after_its_entries_expired(aged: tuple[Bench, Log, list[bytes]]) -> None:
    people, log, ids = aged
    names, row = row_of(people, ids[3])
    delete(people, ids[3])
    people.now[0] += 2 * YEAR_MS
    people.run(history.expire(people.vault, people.now[0], people.deed("audit.expire")))
    log.advance()
    assert verify(people.vault, log).count == 0
    people.vault.store.write_now(Unit((Insert("r1", names, (row,)),)))
    assert rules(verify(people.vault, log)) & {"record.deleted", "record.unlogged"}


def test_entries_that_are_emptied_by_another_hand_are_found(aged: tuple[Bench, Log, list[bytes]]) -> None:
    people, log, _ = aged
    expire(people)
    log.advance()
    kept = next(e for e in entries(people) if e.at_ms <= START_MS and e.records)
    empty = Update("audit", ("records_salt", "records"), ("seq",), ((None, None, kept.seq),))
    people.vault.store.write_now(Unit((empty,)))
    assert "audit.emptied" in rules(verify(people.vault, log))


def test_a_time_to_come_expires_nothing(people: Bench) -> None:
    with pytest.raises(InvalidInput):
        people.run(history.expire(people.vault, people.now[0] + 1, people.deed("audit.expire")))


# --- offline --------------------------------------------------------------------------------------------------


def exported(people: Bench) -> list[bytes]:
    return [msgspec.json.encode(history.line(entry)) for entry in entries(people)]


def test_exported_lines_are_proved_by_the_public_key_alone(people: Bench, log: Log) -> None:
    add(people, 3)
    log.advance()
    add(people, 1, start=9)
    lines = exported(people)
    found = prover.prove(history.read_lines(lines), log.note, log.verifier)
    assert (found.size, found.proven, found.count) == (len(lines), len(lines) - 1, 0)


def test_exported_lines_that_were_changed_are_found(people: Bench, log: Log) -> None:
    add(people, 3)
    log.advance()
    lines = exported(people)
    for changed in (
        lines[:-1],
        [*lines[:1], *lines[2:]],
        [*lines[:1], lines[2], lines[1], *lines[3:]],
        [lines[0].replace(b"vault made", b"vault mode"), *lines[1:]],
        [],
    ):
        assert prover.prove(history.read_lines(changed), log.note, log.verifier).count > 0


def test_a_note_of_another_key_proves_nothing(people: Bench, log: Log) -> None:
    other = merkle.verifier_key(log.origin, bytes(32))
    with pytest.raises(WrongKey):
        prover.prove([], log.note, other)
    with pytest.raises(Damaged):
        prover.prove([], log.note.replace(f"\n{log.last.size}\n", "\n9\n"), log.verifier)


def test_a_line_that_is_no_entry_is_named_by_its_number(people: Bench) -> None:
    lines = [*exported(people), b'{"seq": "canary@example.com"}']
    with pytest.raises(MalformedBody) as caught:
        list(history.read_lines(lines))
    assert caught.value.at == f"line {len(lines)}"
    assert "canary" not in str(caught.value)
