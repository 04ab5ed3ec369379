"""The bare SQLite engine: batches, single durable inserts, reads by key. Ratios are to a plain SQLite loop in this run."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterable

import apsw

from privet.digest import random_bytes, record_ids
from privet.store.engines.sqlite import PART
from privet.store.port import Column, Insert, Row, Select, Shape, Store, Unit
from privet.vocabulary.predicate import And, Compare

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
COLUMNS = ("id", *CELLS, *TAGS)
BATCH = 1000
SINGLES = 6_400
WRITERS = 64


def records(count: int) -> list[Row]:
    """Return made-up records: 6 cells of 40 bytes, 4 tags of 16."""
    ids = record_ids(count, now_ms=time.time_ns() // 1_000_000)
    return [(i, *(random_bytes(40) for _ in CELLS), *(random_bytes(16) for _ in TAGS)) for i in ids]


def tokens(count: int) -> list[Row]:
    """Return made-up tokens."""
    return [(random_bytes(16), random_bytes(16), random_bytes(40)) for _ in range(count)]


def load(write: Callable[[list[Row], list[Row]], object], batches: int) -> tuple[float, list[bytes]]:
    """Return seconds inside `write` and the ids of the last batch."""
    seconds, ids = 0.0, []
    for _ in range(batches):
        rows, more = records(BATCH), tokens(2 * BATCH)
        start = time.perf_counter()
        write(rows, more)
        seconds += time.perf_counter() - start
        ids = [row[0] for row in rows]
    return seconds, ids  # type: ignore[return-value]  # ids are bytes


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


def unit(rows: list[Row], more: list[Row]) -> Unit:
    """Return the unit that a batch of records makes."""
    return Unit((Insert("r1", COLUMNS, rows), Insert("tokens", ("token", "tag", "cell"), more)))


def plain_write(connection: apsw.Connection, rows: Iterable[Row], more: Iterable[Row]) -> None:
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


def rows(batches: int = 100) -> list[dict[str, object]]:
    """Return one row for each figure: work, ours, peer, ratio, goal."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("PRIVET_BENCH_DIR")) as folder:
        store = PART.open(os.path.join(folder, "ours"))
        store.define((RECORDS, TOKENS))
        peer = plain(os.path.join(folder, "peer"))
        out = [_batches(store, peer, batches), _singles(store, peer), _reads(store, peer), _busy(store)]
        store.close()
        peer.close()
    return out


def _row(work: str, ours: float, peer: float, goal: str) -> dict[str, object]:
    return {"work": work, "ours": round(ours, 1), "peer": round(peer, 1), "ratio": round(ours / peer, 2), "goal": goal}


def _batches(store: Store, peer: apsw.Connection, batches: int) -> dict[str, object]:
    theirs, _ = load(lambda rows, more: plain_write(peer, rows, more), batches)
    ours, _ = load(lambda rows, more: store.write_now(unit(rows, more)), batches)
    count = BATCH * batches
    return _row(
        f"records/s at batch {BATCH}, to {count} records (peer: plain SQLite)", count / ours, count / theirs, ">= 30000"
    )


def _singles(store: Store, peer: apsw.Connection) -> dict[str, object]:
    fresh, more = records(1000), tokens(1000)
    start = time.perf_counter()
    for row, token in zip(fresh, more, strict=True):
        plain_write(peer, [row], [token])
    theirs = len(fresh) / (time.perf_counter() - start)
    start = time.perf_counter()
    asyncio.run(singles(store, SINGLES // WRITERS))
    ours = SINGLES / (time.perf_counter() - start)
    return _row(
        f"durable single inserts/s, {WRITERS} writers (peer: a commit each)", ours, theirs, "more than a commit each"
    )


def _reads(store: Store, peer: apsw.Connection) -> dict[str, object]:
    _, ids = load(lambda rows, more: store.write_now(unit(rows, more)), 1)
    _, other = load(lambda rows, more: plain_write(peer, rows, more), 1)
    text = f"SELECT {', '.join(COLUMNS)} FROM r1 WHERE id = ?"

    def ours(key: bytes) -> object:
        return store.select(Select(table="r1", columns=COLUMNS, where=And((Compare("id", "=", key),))))

    def theirs(key: bytes) -> object:
        return peer.execute(text, (key,)).fetchall()

    return _row("µs for a read by key (peer: plain SQLite)", _micros(ours, ids), _micros(theirs, other), "<= 10")


def _micros(read: Callable[[bytes], object], ids: list[bytes]) -> float:
    best = float("inf")
    for _ in range(5):
        start = time.perf_counter()
        for key in ids:
            read(key)
        best = min(best, time.perf_counter() - start)
    return best / len(ids) * 1e6


def _busy(store: Store) -> dict[str, object]:
    """Time a batch while another thread keeps the interpreter busy, against one on an idle interpreter."""
    idle, _ = load(lambda rows, more: store.write_now(unit(rows, more)), 3)
    stop = threading.Event()

    async def crowd() -> float:
        async def spin() -> None:
            while not stop.is_set():
                sum(range(200))
                await asyncio.sleep(0)

        tasks = [asyncio.create_task(spin()) for _ in range(8)]
        seconds = 0.0
        for _ in range(3):
            work = unit(records(BATCH), tokens(2 * BATCH))
            start = time.perf_counter()
            await store.write(work)
            seconds += time.perf_counter() - start
        stop.set()
        await asyncio.gather(*tasks)
        return seconds

    busy = asyncio.run(crowd())
    return _row("records/s at batch 1000 from a busy event loop (peer: idle)", 3000 / busy, 3000 / idle, "ratio >= 0.3")


if __name__ == "__main__":
    for line in rows():
        print(line)
