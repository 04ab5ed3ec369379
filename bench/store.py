"""The bare SQLite engine against a plain loop over SQLite at the same durability: batches, single inserts, reads.

Rates are by the clock, as writes wait for the disk; the two sides alternate, so that both see the same machine.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from functools import partial

import apsw

from bench import Row, against
from privet.digest import random_bytes, record_ids
from privet.store.engines.sqlite import PART
from privet.store.port import Column, Insert, Select, Shape, Store, Unit
from privet.store.port import Row as Cells
from privet.vocabulary.predicate import Compare

CELLS = tuple(f"c{n}" for n in range(6))
TAGS = tuple(f"x{n}" for n in range(4))
RECORDS = Shape(
    name="r1",
    columns=(Column("id", "blob", False), *(Column(name, "blob") for name in (*CELLS, *TAGS))),
    key=("id",),
    indexes=tuple((name,) for name in TAGS),
)
TOKENS = Shape(
    name="tokens",
    columns=(Column("token", "blob", False), Column("tag", "blob"), Column("cell", "blob")),
    key=("token",),
    uniques=(("tag",),),
)
BOUNDS = {
    "store: records/s, batches": (
        "SQLite: trees of random tags, most of whose pages change with each batch. Ours also checks the type of every "
        "cell; checkpoints that are rarer than SQLite's own pay for that."
    ),
    "store: durable single inserts": (
        "The disk: a commit waits for it once, however many records share it. A slower one raises the ratio."
    ),
    "store: reads/s by key": "A question is an object whose shape is looked up among the compiled ones: two fifths.",
    "store: records/s from a busy event loop": (
        "The steps run on the event loop, in turns with whatever else keeps it busy."
    ),
}
COLUMNS = ("id", *CELLS, *TAGS)
BATCH, BATCHES = 1000, 100
SINGLES = 6_400
WRITERS = 64


def records(count: int) -> list[Cells]:
    """Return made-up records: 6 cells of 40 bytes, 4 tags of 16."""
    ids = record_ids(count, now_ms=time.time_ns() // 1_000_000)
    return [(i, *(random_bytes(40) for _ in CELLS), *(random_bytes(16) for _ in TAGS)) for i in ids]


def tokens(count: int) -> list[Cells]:
    """Return made-up tokens."""
    return [(random_bytes(16), random_bytes(16), random_bytes(40)) for _ in range(count)]


def plain(path: str) -> apsw.Connection:
    """Return a connection as SQLite makes it, at the same durability, with the same tables."""
    connection = apsw.Connection(path)
    connection.pragma("journal_mode", "WAL")
    connection.pragma("synchronous", "FULL")
    cells = ", ".join(f"{name} BLOB" for name in (*CELLS, *TAGS))
    connection.execute(f"CREATE TABLE r1 (id BLOB PRIMARY KEY, {cells})")
    for name in TAGS:
        connection.execute(f"CREATE INDEX i{name} ON r1 ({name})")
    connection.execute("CREATE TABLE tokens (token BLOB PRIMARY KEY, tag BLOB UNIQUE, cell BLOB)")
    return connection


def unit(rows: list[Cells], more: list[Cells]) -> Unit:
    """Return the unit that a batch of records makes."""
    return Unit((Insert("r1", COLUMNS, rows), Insert("tokens", ("token", "tag", "cell"), more)))


def plain_write(connection: apsw.Connection, rows: Iterable[Cells], more: Iterable[Cells]) -> None:
    """Write a batch in one transaction."""
    with connection:
        connection.executemany(f"INSERT INTO r1 VALUES ({', '.join('?' * 11)})", rows)
        connection.executemany("INSERT INTO tokens VALUES (?, ?, ?)", more)


async def singles(store: Store, each: int) -> None:
    """Write records one unit each, from WRITERS tasks."""

    async def writer() -> None:
        for row, more in zip(records(each), tokens(each), strict=True):
            await store.write(unit([row], [more]))

    await asyncio.gather(*(writer() for _ in range(WRITERS)))


def rows() -> Iterator[Row]:
    """Yield every figure of the store."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("PRIVET_BENCH_DIR")) as folder:
        store = PART.open(os.path.join(folder, "ours"))
        store.define((RECORDS, TOKENS))
        peer = plain(os.path.join(folder, "peer"))
        yield from _batches(store, peer)
        yield _singles(store, peer)
        yield _reads(store, peer)
        yield _busy(store)
        store.close()
        peer.close()


def _against(work: str, ours: float, peer: float, goal: float) -> Row:
    return Row(work=work, ours=round(ours), peer=round(peer), ratio=round(ours / peer, 2), goal=goal)


def _batches(store: Store, peer: apsw.Connection) -> Iterator[Row]:
    spent, cpu = [0.0, 0.0], 0.0
    for _ in range(BATCHES):
        batch, more = records(BATCH), tokens(2 * BATCH)
        for at, write in enumerate((partial(_write, store), partial(plain_write, peer))):
            start, start_cpu = time.perf_counter(), time.thread_time()
            write(batch, more)
            spent[at] += time.perf_counter() - start
            cpu += (time.thread_time() - start_cpu) * (at == 0)
    count = BATCH * BATCHES
    name = f"store: records/s, batches of {BATCH} to {count}, 4 tags and 2 tokens each (peer: plain SQLite)"
    yield _against(name, count / spent[0], count / spent[1], 0.9)
    name = "store: CPU seconds for 30,000 records in batches"
    yield Row(work=name, ours=round(cpu / count * 30_000, 2), peer=None, ratio=None, goal=1.5)


def _write(store: Store, batch: list[Cells], more: list[Cells]) -> None:
    store.write_now(unit(batch, more))


def _singles(store: Store, peer: apsw.Connection) -> Row:
    fresh, more = records(1000), tokens(1000)
    start = time.perf_counter()
    for row, token in zip(fresh, more, strict=True):
        plain_write(peer, [row], [token])
    theirs = len(fresh) / (time.perf_counter() - start)
    start = time.perf_counter()
    asyncio.run(singles(store, SINGLES // WRITERS))
    ours = SINGLES / (time.perf_counter() - start)
    # The slower the disk syncs, the higher the ratio: 1.2 is for a virtual disk that syncs in 0.1 ms.
    return _against(f"store: durable single inserts/s, {WRITERS} writers (peer: a commit each)", ours, theirs, 1.2)


def _reads(store: Store, peer: apsw.Connection) -> Row:
    batch, more = records(BATCH), tokens(BATCH)
    ids = [row[0] for row in batch]
    _write(store, batch, more)
    plain_write(peer, batch, more)
    text = f"SELECT {', '.join(COLUMNS)} FROM r1 WHERE id = ?"

    def ours() -> None:
        for key in ids:
            store.select(Select(table="r1", columns=COLUMNS, where=Compare("id", "=", key)))

    def theirs() -> None:
        for key in ids:
            peer.execute(text, (key,)).fetchall()

    return against("store: reads/s by key, 11 columns (peer: plain SQLite)", (ours, len(ids)), (theirs, len(ids)), 0.35)


def _busy(store: Store) -> Row:
    """Time batches while tasks keep the event loop busy, against batches on an idle interpreter."""
    work = [unit(records(BATCH), tokens(2 * BATCH)) for _ in range(20)]
    start = time.perf_counter()
    for one in work[:10]:
        store.write_now(one)
    idle = time.perf_counter() - start

    async def crowd() -> float:
        busy = True

        async def spin() -> None:
            while busy:
                sum(range(200))
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(spin()) for _ in range(8)]
        start = time.perf_counter()
        for one in work[10:]:
            await store.write(one)
        spent = time.perf_counter() - start
        busy = False
        await asyncio.gather(*tasks)
        return spent

    busy = asyncio.run(crowd())
    return _against("store: records/s from a busy event loop (peer: idle)", BATCH * 10 / busy, BATCH * 10 / idle, 0.3)
