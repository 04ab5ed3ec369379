"""A vault of people with files, and the few words that tests of files say to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from a_vault import Bench

from privet.store.port import Row, Select, Store
from privet.vault.blobs import chunks, files
from privet.vocabulary.predicate import Compare

PDF = b"%PDF-2.0\n"
PNG = b"\x89PNG\r\n\x1a\n"
FIELDS = (
    "name: type: string",
    "plain: type: file, index: hash",
    "private: type: file, keep: shreddable",
    "photo: type: person.photo",
    "print: type: person.biometric",
    'many: type: "file[]"',
)
BIG = PDF + bytes(range(256)) * 4096  # five chunks


async def pieces(content: bytes, size: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def broken(content: bytes) -> AsyncIterator[bytes]:
    async for piece in pieces(content):
        yield piece
    raise ConnectionResetError


def upload(content: bytes | AsyncIterator[bytes] = BIG, **said: Any) -> files.Upload:
    arriving = pieces(content) if isinstance(content, bytes) else content
    return files.Upload(**{"content": arriving, "name": "letter.pdf", "mime": "application/pdf", **said})


def put(bench: Bench, record: bytes, column: str = "plain", sent: files.Upload | None = None) -> files.Stored:
    permit = bench.permit("update", "people")
    _, stored = bench.run(files.store(bench.vault, permit, record, column, sent or upload(), bench.deed("files.put")))
    return stored


def get(bench: Bench, record: bytes, column: str = "plain", *, role: str = "owner") -> bytes:
    async def whole() -> bytes:
        permit = bench.permit("read", "people", role=role)
        found = await files.read(bench.vault, permit, record, column, bench.deed("files.get"))
        return b"".join([piece async for piece in found.content])

    return bench.run(whole())


def person(bench: Bench) -> bytes:
    [written] = bench.insert("people", {"name": "Ann Example"})
    return written.id


def rows(store: Store, place: int = 0) -> list[Row]:
    """Return the rows of chunks from `place` on, in order."""
    where = Compare("place", ">=", place)
    return store.select(
        Select(table="chunks", columns=chunks.CHUNKS, where=where, order=(("file", True), ("place", True)))
    )


def audit_count(bench: Bench) -> int:
    return len(bench.vault.store.select(Select(table="audit", columns=("seq",))))
