"""Verification looks into files: every chunk is there and opens, and no chunk is nobody's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from a_vault import Bench, schema
from letters import BIG, FIELDS, PDF, person, put, rows, upload

from privet import digest
from privet.store.port import Delete, Put, Step, Unit
from privet.vault.blobs import chunks
from privet.vault.log.checkpoint import Log
from privet.vault.log.contents import Contents
from privet.vault.log.verify import verify
from privet.vault.rows import fetch

WEEK_MS = 7 * 86_400_000


@pytest.fixture
def people(bench: Bench, tmp_path: Path) -> Bench:
    bench.apply(schema(*FIELDS))
    vault = bench.vault
    bench.extra["log"] = Log(store=vault.store, ring=vault.ring, owner=vault.id, path=str(tmp_path / "point"))
    bench.extra["log"].begin()
    bench.extra["records"] = [person(bench), person(bench)]
    for column in ("plain", "private"):
        put(bench, bench.extra["records"][0], column)
    put(bench, bench.extra["records"][1], sent=upload(PDF))
    return bench


def found(people: Bench) -> list[tuple[str, str]]:
    return [(fault.rule, fault.what) for fault in verify(people.vault, people.extra["log"]).faults]


def write(people: Bench, *steps: Step) -> None:
    people.vault.store.write_now(Unit(steps))


def body(people: Bench, column: str = "plain") -> bytes:
    """Return the id of the content of the first record's file."""
    head = chunks.head_id(people.vault.table("people").column(column), people.extra["records"][0])
    return next(cell[:16] for file, place, cell in rows(people.vault.store) if (file, place) == (head, 0))  # type: ignore[index]


def chunk(people: Bench, place: int, column: str = "plain") -> bytes:
    held = rows(people.vault.store)
    return next(cell for file, at, cell in held if (file, at) == (body(people, column), place))  # type: ignore[return-value]


def test_sound_files_are_opened_whole(people: Bench) -> None:
    assert found(people) == []
    look = Contents(people.vault)
    sealer = people.vault.sealer(people.vault.table("people"))
    assert list(look.of_records(sealer, fetch(people.vault, sealer.table, people.extra["records"]))) == []
    assert look.count == 3


def flipped(cell: bytes) -> bytes:
    return cell[:-1] + bytes([cell[-1] ^ 1])


TAMPERINGS: dict[str, tuple[Callable[[Bench], Step], str, str]] = {
    "changed": (
        lambda p: Put("chunks", chunks.CHUNKS, ((body(p), 3, flipped(chunk(p, 3))),)),
        "file",
        "chunk 3 of its content does not open",
    ),
    "left out": (
        lambda p: Delete("chunks", ("file", "place"), ((body(p), 2),)),
        "file",
        "a chunk of its content is missing",
    ),
    "cut": (
        lambda p: Delete("chunks", ("file", "place"), ((body(p), 5),)),
        "file",
        "a chunk of its content is missing",
    ),
    "too many": (
        lambda p: Put("chunks", chunks.CHUNKS, ((body(p), 6, chunk(p, 5)),)),
        "file",
        "its content has a chunk too many",
    ),
    "of another file": (
        lambda p: Put("chunks", chunks.CHUNKS, ((body(p), 1, chunk(p, 1, "private")),)),
        "file",
        "chunk 1 of its content does not open",
    ),
    "no head": (
        lambda p: Delete("chunks", ("file",), ((head(p),),)),
        "file.chunk",
        "no record's file has it",
    ),
    "changed head": (
        lambda p: Put("chunks", chunks.CHUNKS, ((head(p), 0, flipped(head_cell(p))),)),
        "file",
        "the head of its content does not open",
    ),
    "head of nobody": (
        lambda p: Put("chunks", chunks.CHUNKS, ((bytes(range(16)), 0, head_cell(p)),)),
        "file.head",
        "it is of no file of a record",
    ),
    "chunk of nobody": (
        lambda p: Put("chunks", chunks.CHUNKS, ((digest.record_ids(1, now_ms=1)[0], 7, bytes(99)),)),
        "file.chunk",
        "no record's file has it",
    ),
}


def head(people: Bench) -> bytes:
    return chunks.head_id(people.vault.table("people").column("plain"), people.extra["records"][0])


def head_cell(people: Bench) -> bytes:
    return next(cell for file, _, cell in rows(people.vault.store) if file == head(people))  # type: ignore[return-value]


@pytest.mark.parametrize("name", TAMPERINGS)
def test_every_change_of_a_content_is_found(people: Bench, name: str) -> None:
    tamper, rule, what = TAMPERINGS[name]
    write(people, tamper(people))
    people.now[0] += 1
    assert (rule, what) in found(people)


NOBODYS = ("file.chunk", "no record's file has it")


def left_over(people: Bench) -> None:
    """Leave what an upload leaves that a crash cut short."""
    column = people.vault.table("people").column("plain")
    cut = chunks.new_body(column, people.extra["records"][0], people.now[0])
    write(people, Put("chunks", chunks.CHUNKS, (cut.seal(1, BIG[:100], last=False),)))
    people.now[0] += 1


def test_chunks_of_an_upload_that_nobody_carries_on_are_found_at_once(people: Bench) -> None:
    left_over(people)
    assert NOBODYS in found(people)


@pytest.mark.parametrize("ends", [True, False])
def test_an_upload_under_way_is_no_fault_however_long_it_takes(people: Bench, ends: bool) -> None:
    seen: list[list[tuple[str, str]]] = []

    async def slowly() -> AsyncIterator[bytes]:
        yield BIG
        for _ in range(3):
            seen.append(found(people))
            people.now[0] += WEEK_MS
        left_over(people)  # what is younger than an upload under way is none of it
        seen.append(found(people))
        if not ends:
            raise ConnectionResetError
        yield b"."

    sent = upload(slowly())
    try:
        put(people, people.extra["records"][1], sent=sent)
    except ConnectionResetError:
        assert not ends
    assert seen == [[], [], [], [NOBODYS]]
    assert found(people) == [NOBODYS]


def test_an_upload_that_ends_or_begins_while_chunks_are_looked_at_is_no_fault(people: Bench) -> None:
    look = Contents(people.vault)
    heads, bodies = look.passes()
    assert list(heads.check(people.vault.store.select(heads.question))) == []
    put(people, people.extra["records"][0])
    arriving = chunks.new_body(people.vault.table("people").column("plain"), people.extra["records"][0], people.now[0])
    write(people, Put("chunks", chunks.CHUNKS, (arriving.seal(1, BIG[:100], last=False),)))
    assert list(bodies.check(people.vault.store.select(bodies.question))) == []


def test_a_file_that_a_record_names_without_content_is_no_fault(people: Bench) -> None:
    named = {"name": "a.pdf", "mime": "application/pdf", "size": 3, "sha256": "0" * 64}
    people.insert("people", {"name": "Bo Example", "plain": named})
    assert found(people) == []
