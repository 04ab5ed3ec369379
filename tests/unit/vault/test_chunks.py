"""Chunks of files: whole or not at all, verified piece by piece, gone with their record."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from a_vault import START_MS, Bench, schema
from letters import BIG, FIELDS, PDF, broken, get, person, pieces, put, rows, upload

from privet.errors import (
    Damaged,
    Gone,
    NotFound,
    StoreFailed,
)
from privet.store.port import Delete, Insert, Put, Row, Store, Unit, Update
from privet.vault import records
from privet.vault.blobs import chunks, files
from privet.vault.people import erasure


@pytest.fixture
def people(bench: Bench) -> Bench:
    bench.apply(schema(*FIELDS))
    return bench


# --- what somebody with the store can do ----------------------------------------------------------------------


def swap_chunks(store: Store, chunk: list[Row]) -> None:
    pairs = [(chunk[1][2], chunk[0][0], chunk[0][1]), (chunk[0][2], chunk[1][0], chunk[1][1])]
    store.write_now(Unit((Update("chunks", ("cell",), ("file", "place"), pairs),)))


def cut_last(store: Store, chunk: list[Row]) -> None:
    store.write_now(Unit((Delete("chunks", ("file", "place"), [chunk[-1][:2]]),)))


def cut_first(store: Store, chunk: list[Row]) -> None:
    store.write_now(Unit((Delete("chunks", ("file", "place"), [chunk[0][:2]]),)))


def cut_middle_and_close_up(store: Store, chunk: list[Row]) -> None:
    moved = [(file, place - 1, cell) for file, place, cell in chunk[2:]]  # type: ignore[operator]
    store.write_now(
        Unit(
            (
                Delete("chunks", ("file", "place"), [row[:2] for row in chunk[1:]]),
                Insert("chunks", chunks.CHUNKS, moved),
            )
        )
    )


def repeat_first(store: Store, chunk: list[Row]) -> None:
    store.write_now(Unit((Put("chunks", chunks.CHUNKS, [(chunk[0][0], 2, chunk[0][2])]),)))


def change_one_bit(store: Store, chunk: list[Row]) -> None:
    cell = bytearray(chunk[2][2])  # type: ignore[arg-type]
    cell[-1] ^= 1
    store.write_now(Unit((Put("chunks", chunks.CHUNKS, [(*chunk[2][:2], bytes(cell))]),)))


@pytest.mark.parametrize("column", ["plain", "private"])
@pytest.mark.parametrize(
    "tamper",
    [swap_chunks, cut_last, cut_first, cut_middle_and_close_up, repeat_first, change_one_bit],
    ids=lambda tamper: tamper.__name__,
)
def test_a_changed_file_never_reads_to_its_end(people: Bench, column: str, tamper: Any) -> None:
    record = person(people)
    put(people, record, column)
    tamper(people.vault.store, rows(people.vault.store, 1))
    with pytest.raises(Damaged):
        get(people, record, column)


def test_a_head_moved_to_another_record_does_not_open(people: Bench) -> None:
    first, second = person(people), person(people)
    put(people, first)
    put(people, second)
    store, column = people.vault.store, people.vault.table("people").column("plain")
    heads = {row[0]: row[2] for row in rows(store) if row[1] == 0}
    moved = (chunks.head_id(column, second), 0, heads[chunks.head_id(column, first)])
    store.write_now(Unit((Put("chunks", chunks.CHUNKS, [moved]),)))
    with pytest.raises(Damaged):
        get(people, second)


def test_an_older_file_of_the_same_record_put_back_is_found_out(people: Bench) -> None:
    record = person(people)
    put(people, record)
    store = people.vault.store
    old = rows(store)
    put(people, record, sent=upload(PDF + b"the newer one"))
    now = [row[:2] for row in rows(store)]
    store.write_now(Unit((Delete("chunks", ("file", "place"), now), Insert("chunks", chunks.CHUNKS, old))))
    with pytest.raises(Damaged):
        get(people, record)


# --- whole or not at all --------------------------------------------------------------------------------------


def test_a_sender_who_breaks_off_leaves_the_former_file(people: Bench) -> None:
    record = person(people)
    put(people, record, sent=upload(PDF + b"former"))
    before = rows(people.vault.store)
    with pytest.raises(ConnectionResetError):
        put(people, record, sent=upload(broken(BIG)))
    assert rows(people.vault.store) == before
    assert get(people, record) == PDF + b"former"


class Failing:
    """A store that dies after so many units, as a process does."""

    def __init__(self, store: Store, units: int) -> None:
        self.capabilities = store.capabilities
        self._store = store
        self._left = units

    async def write(self, unit: Unit) -> None:
        if self._left == 0:
            raise StoreFailed("the store died")
        self._left -= 1
        await self._store.write(unit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.mark.parametrize("units", [0, 1, 2])
def test_a_crash_half_way_shows_no_half_file_and_the_next_start_collects_it(people: Bench, units: int) -> None:
    record = person(people)
    put(people, record, sent=upload(PDF + b"former"))
    store, before = people.vault.store, rows(people.vault.store)
    people.vault.store = Failing(store, units)  # type: ignore[assignment]
    with pytest.raises(StoreFailed):
        put(people, record)
    people.vault.store = store
    assert get(people, record) == PDF + b"former"
    assert (len(rows(store)) > len(before)) is (units > 0), "the crash left chunks that nobody holds"
    assert chunks.collect(people.vault, before_ms=START_MS + 1) == (units > 0)
    assert rows(store) == before
    assert get(people, record) == PDF + b"former"


def test_an_upload_under_way_is_not_collected(people: Bench) -> None:
    record = person(people)
    body = chunks.new_body(people.vault.table("people").column("plain"), record, START_MS)
    people.vault.store.write_now(Unit((Insert("chunks", chunks.CHUNKS, [body.seal(1, b"a", last=False)]),)))
    assert chunks.collect(people.vault, before_ms=START_MS) == 0
    assert chunks.collect(people.vault, before_ms=START_MS + 1) == 1


def test_a_record_deleted_during_its_upload_leaves_nothing(people: Bench) -> None:
    record = person(people)

    async def deleting() -> AsyncIterator[bytes]:
        async for piece in pieces(BIG):
            yield piece
        await records.delete(people.vault, people.permit("delete", "people"), [record], people.deed())

    with pytest.raises(NotFound):
        put(people, record, sent=upload(deleting()))
    assert rows(people.vault.store) == []


def test_of_two_files_at_once_the_later_one_stays_whole(people: Bench) -> None:
    record = person(people)
    second = PDF + b"second" * 100_000

    async def meanwhile() -> AsyncIterator[bytes]:
        async for piece in pieces(BIG):
            yield piece
        permit = people.permit("update", "people")
        await files.store(people.vault, permit, record, "plain", upload(second), people.deed())

    put(people, record, sent=upload(meanwhile()))
    assert get(people, record) == BIG
    assert len(rows(people.vault.store, 1)) == chunks.count(len(BIG)), "the other one is gone"


# --- gone with what it hangs on -------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["plain", "private"])
def test_a_replaced_file_is_gone(people: Bench, column: str) -> None:
    record = person(people)
    put(people, record, column)
    put(people, record, column, upload(PDF + b"new"))
    assert len(rows(people.vault.store)) == 2
    assert get(people, record, column) == PDF + b"new"


def test_a_column_that_is_emptied_lets_its_content_go(people: Bench) -> None:
    record = person(people)
    put(people, record)
    put(people, record, "private")
    permit = people.permit("update", "people")
    people.run(records.update(people.vault, permit, record, {"plain": None}, people.deed()))
    assert len(rows(people.vault.store)) == 1 + chunks.count(len(BIG))
    assert get(people, record, "private") == BIG


def test_changing_another_column_keeps_the_content(people: Bench) -> None:
    record = person(people)
    put(people, record)
    permit = people.permit("update", "people")
    people.run(records.update(people.vault, permit, record, {"name": "Ann B. Example"}, people.deed()))
    assert get(people, record) == BIG


def test_a_deleted_record_takes_its_files_along(people: Bench) -> None:
    keep, gone = person(people), person(people)
    for record in (keep, gone):
        put(people, record)
    people.run(records.delete(people.vault, people.permit("delete", "people"), [gone], people.deed()))
    assert len(rows(people.vault.store)) == 1 + chunks.count(len(BIG))
    assert get(people, keep) == BIG


def test_an_erased_person_takes_her_files_along(people: Bench) -> None:
    record = person(people)
    for column in ("plain", "private"):
        put(people, record, column)
    subject = erasure.subject_of(people.vault, people.vault.table("people"), record)
    people.run(erasure.erase(people.vault, subject, people.deed()))
    assert rows(people.vault.store) == []


def test_a_forgotten_persons_file_does_not_open_from_a_copy_of_the_store(people: Bench) -> None:
    record = person(people)
    for column in ("plain", "private"):
        put(people, record, column)
    subject = erasure.subject_of(people.vault, people.vault.table("people"), record)
    subjects = people.vault.demand_subjects()
    people.run(subjects.forget(subject))
    subjects.let_go([subject])
    with pytest.raises(Gone):
        get(people, record, "private")
    assert get(people, record, "plain") == BIG, "the teeth: a sealed column does not forget"


def test_a_file_erased_while_it_is_read_stops(people: Bench) -> None:
    record = person(people)
    put(people, record)

    async def begin() -> None:
        found = await files.read(people.vault, people.permit("read", "people"), record, "plain", people.deed())
        await anext(found.content)
        await records.delete(people.vault, people.permit("delete", "people"), [record], people.deed())
        async for _ in found.content:
            pass

    with pytest.raises(Gone):
        people.run(begin())


def test_the_files_of_a_dropped_column_are_collected(people: Bench) -> None:
    record = person(people)
    put(people, record)
    put(people, record, "private")
    people.apply(schema(*(field for field in FIELDS if not field.startswith("plain"))), allow_loss=True)
    assert chunks.collect(people.vault, before_ms=START_MS + 1) == 2  # a head and a body
    assert len(rows(people.vault.store)) == 1 + chunks.count(len(BIG))
    assert get(people, record, "private") == BIG


def test_a_head_sealed_anew_for_another_person_opens_under_her_key_only(people: Bench) -> None:
    record = person(people)
    put(people, record, "private")
    vault = people.vault
    sealer = vault.sealer(vault.table("people"))
    column, other = sealer.table.column("private"), bytes(range(16))
    vault.draw_subjects([other])
    subject = erasure.subject_of(vault, sealer.table, record)
    steps = chunks.reseal_steps(vault.store, sealer, sealer, [(record, subject)], [(record, other)])
    vault.write_now(tuple(steps))
    assert chunks.find(vault.store, sealer, column, (record, other)) is not None
    with pytest.raises(Damaged):
        chunks.find(vault.store, sealer, column, (record, subject))


def test_a_rotated_column_key_needs_the_head_alone_sealed_anew(people: Bench) -> None:
    record = person(people)
    put(people, record)
    vault = people.vault
    column = vault.table("people").column("plain")
    contents = rows(vault.store, 1)
    _, old = vault.ring.rotate("cell", column.id, now=START_MS // 1000)
    vault.refresh()
    assert get(people, record) == BIG
    sealer = vault.sealer(vault.table("people"))
    held = [(record, erasure.subject_of(vault, sealer.table, record))]
    vault.store.write_now(Unit(tuple(chunks.reseal_steps(vault.store, sealer, sealer, held, held))))
    vault.ring.destroy(old.key_id)
    vault.refresh()
    assert chunks.find(vault.store, vault.sealer(vault.table("people")), column, held[0]) is not None
    assert rows(vault.store, 1) == contents
