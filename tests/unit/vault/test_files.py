"""Files of records: what is stored is what is shown, to those who may see it."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from a_vault import START_MS, Bench, schema, subject_keys
from letters import BIG, FIELDS, PDF, PNG, audit_count, get, person, pieces, put, rows, upload

from privet import digest
from privet.app.wiring import new_ring
from privet.crypto.keystores.local import LocalStore
from privet.errors import (
    Denied,
    InvalidInput,
    InvalidValue,
    NotFound,
    PrivetError,
    TooLarge,
)
from privet.secret import Secret
from privet.store.port import ENGINES, Select
from privet.vault import rows as rows_of
from privet.vault.blobs import chunks, files
from privet.vault.blobs.chunks import CHUNK_BYTES
from privet.vault.log.audit import Deed
from privet.vault.vault import Vault, create_vault
from privet.vocabulary.predicate import ALWAYS


@pytest.fixture
def people(bench: Bench) -> Bench:
    bench.apply(schema(*FIELDS))
    return bench


# --- what is stored is shown ----------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["plain", "private"])
@pytest.mark.parametrize(
    "size",
    [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 4 * CHUNK_BYTES, 4 * CHUNK_BYTES + 1],
)
def test_a_file_reads_back_at_every_size_around_a_chunk(people: Bench, column: str, size: int) -> None:
    record = person(people)
    content = digest.random_bytes(size)
    stored = put(people, record, column, upload(content, name="data.bin", mime="application/octet-stream"))
    assert stored == files.Stored("data.bin", "application/octet-stream", size, hashlib.sha256(content).hexdigest())
    assert get(people, record, column) == content


def test_the_record_names_the_file_and_its_hash_can_be_asked_for(people: Bench) -> None:
    record = person(people)
    stored = put(people, record)
    found = people.get("people", record)
    assert found is not None and found.version == 2
    assert found.values["plain"] == {
        "name": "letter.pdf",
        "mime": "application/pdf",
        "size": len(BIG),
        "sha256": stored.sha256,
    }
    sealer = people.vault.sealer(people.vault.table("people"))
    row = rows_of.fetch(people.vault, sealer.table, [record])[0]
    [tag] = sealer.tags["plain"]
    assert row[sealer.place[tag.name]] == tag.taggers[0].tag(stored.sha256.encode())


def test_no_content_lies_open_in_the_store(people: Bench) -> None:
    put(people, person(people), sent=upload(PDF + b"canary-of-a-file" * 40_000))
    assert all(b"canary" not in row[2] for row in rows(people.vault.store))  # type: ignore[operator]


def test_equal_files_of_two_records_share_no_bytes(people: Bench) -> None:
    for _ in range(2):
        put(people, person(people))
    cells = [row[2] for row in rows(people.vault.store, 1)]
    assert len(set(cells)) == len(cells)


def test_pieces_of_any_size_make_the_same_file(people: Bench) -> None:
    record = person(people)
    for size in (7_001, CHUNK_BYTES, len(BIG)):
        put(people, record, sent=upload(pieces(BIG, size)))
        assert get(people, record) == BIG


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"size": 5}, InvalidInput),
        ({"sha256": "0" * 64}, InvalidInput),
        ({"sha256": "no hash"}, InvalidValue),
        ({"size": files.LIMIT_BYTES + 1}, TooLarge),
        ({"name": "../letter.pdf"}, InvalidValue),
        ({"mime": "pdf"}, InvalidValue),
        ({"mime": "image/png"}, InvalidInput),
        ({"mime": "text/plain"}, InvalidInput),
    ],
    ids=["size", "hash", "no-hash", "too-large", "folder", "no-type", "png", "text"],
)
def test_a_file_that_is_not_what_its_sender_says_leaves_nothing(
    people: Bench, said: dict[str, Any], error: type[PrivetError]
) -> None:
    record = person(people)
    with pytest.raises(error):
        put(people, record, sent=upload(**said))
    assert rows(people.vault.store) == []
    found = people.get("people", record)
    assert found is not None and (found.version, found.values["plain"]) == (1, None)


def test_a_photo_is_an_image(people: Bench) -> None:
    record = person(people)
    with pytest.raises(InvalidValue):
        put(people, record, "photo")
    put(people, record, "photo", upload(PNG + bytes(100), name="face.png", mime="image/png"))
    assert get(people, record, "photo") == PNG + bytes(100)


@pytest.mark.parametrize("column", ["name", "many"])
def test_a_column_of_another_type_holds_no_file(people: Bench, column: str) -> None:
    with pytest.raises(InvalidInput):
        put(people, person(people), column)


def test_a_record_that_does_not_exist_holds_no_file(people: Bench) -> None:
    with pytest.raises(NotFound):
        put(people, bytes(16))
    with pytest.raises(NotFound):
        get(people, bytes(16))


def test_a_record_without_content_has_none_to_show(people: Bench) -> None:
    known = {"name": "a.pdf", "mime": "application/pdf", "size": 3, "sha256": "0" * 64}
    [named] = people.insert("people", {"plain": known})
    for record in (person(people), named.id):
        with pytest.raises(NotFound):
            get(people, record)


# --- who sees it ----------------------------------------------------------------------------------------------


def test_content_is_shown_in_plain_text_only(people: Bench) -> None:
    record = person(people)
    put(people, record)
    with pytest.raises(Denied):
        get(people, record, role="viewer")


def test_a_type_whose_ceiling_hides_it_shows_no_content_to_its_owner(people: Bench) -> None:
    record = person(people)
    put(people, record, "print", upload(b"template", name="a.wsq", mime="application/octet-stream"))
    with pytest.raises(Denied):
        get(people, record, "print")


def test_a_caller_who_may_not_write_the_column_stores_nothing(people: Bench) -> None:
    record = person(people)
    permit = people.permit("update", "people", "name")
    with pytest.raises(Denied):
        people.run(files.store(people.vault, permit, record, "plain", upload(), people.deed()))
    assert rows(people.vault.store) == []


def test_the_audit_knows_of_a_file_before_its_first_byte_leaves(people: Bench) -> None:
    record = person(people)
    put(people, record)
    before = audit_count(people)

    async def begin() -> None:
        found = await files.read(people.vault, people.permit("read", "people"), record, "plain", people.deed())
        assert audit_count(people) == before + 1
        assert await anext(found.content)
        await found.content.aclose()

    people.run(begin())


def test_a_file_that_may_not_be_seen_leaves_no_audit_of_being_read(people: Bench) -> None:
    record = person(people)
    put(people, record)
    before = audit_count(people)
    with pytest.raises(Denied):
        get(people, record, role="viewer")
    assert audit_count(people) == before


# --- big files ------------------------------------------------------------------------------------------------


def on_disk(path: Path) -> Vault:
    store = ENGINES.get("sqlite").open(str(path / "vault.db"))
    ring = new_ring(LocalStore(Secret(bytes(range(32)))), b"vault-of-a-test!", START_MS)
    deed = Deed(principal="p1", verb="make", policy="built-in/1", at_ms=START_MS)
    return create_vault(id=b"vault-of-a-test!", name="t", store=store, ring=ring, clock=lambda: START_MS, deed=deed)


def many(block: bytes, count: int) -> Iterable[bytes]:
    for _ in range(count):
        yield block


async def arriving(block: bytes, count: int) -> AsyncIterator[bytes]:
    for piece in many(block, count):
        yield piece


@pytest.mark.parametrize("column", ["plain", "private"])
def test_a_file_of_fifty_megabytes_passes_through_little_memory(bench: Bench, tmp_path: Path, column: str) -> None:
    people = Bench(on_disk(tmp_path), bench.now, bench.run)
    people.vault.subjects = subject_keys(people.vault.id, START_MS)
    people.apply(schema(*FIELDS))
    record = person(people)
    block, count = digest.random_bytes(64 << 10), 800
    sent = upload(arriving(block, count), name="film.bin", mime="application/octet-stream")

    async def through() -> tuple[int, str]:
        found = await files.read(people.vault, people.permit("read", "people"), record, column, people.deed())
        size, whole = 0, hashlib.sha256()
        async for piece in found.content:
            size += len(piece)
            whole.update(piece)
        return size, whole.hexdigest()

    tracemalloc.start()
    stored = put(people, record, column, sent)
    size, found = people.run(through())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    people.vault.store.close()
    assert (size, found) == (50 << 20, stored.sha256)
    assert peak < 16 << 20, peak


def test_a_file_over_the_limit_is_refused_before_it_is_all_read(people: Bench) -> None:
    record, block = person(people), bytes(16 << 20)
    taken = files._Taken(chunks.new_body(people.vault.table("people").column("plain"), record, START_MS), "a/b")
    taken.size = files.LIMIT_BYTES - len(block) + 1
    with pytest.raises(TooLarge):
        taken.add(block)
    assert people.vault.store.select(Select(table="chunks", columns=("place",), where=ALWAYS)) == []
