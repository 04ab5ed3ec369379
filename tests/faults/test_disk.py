"""P2: a write that the disk refused fails, no later write succeeds, and what was acknowledged stays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest
from disk import Disk

from privet.errors import StoreFailed
from privet.store.engines.sqlite import SqliteStore, open_store
from privet.store.port import Column, Insert, Select, Shape, Unit

SHAPE = Shape(name="one", columns=(Column("n", "int"), Column("body", "blob")), key=("n",))
ACKED = 20


def unit(n: int) -> Unit:
    """Return the unit that inserts row `n`."""
    return Unit((Insert("one", ("n", "body"), ((n, bytes(500)),)),))


def numbers(store: SqliteStore) -> list[int]:
    """Return the rows that are there."""
    return [row[0] for row in store.select(Select(table="one", columns=("n",), order=(("n", True),)))]


def full_after(size: int):
    """Return a fault: the disk takes `size` bytes more."""
    left = [size]

    def fault(what: str, name: str, count: int) -> None:
        left[0] -= count
        if what == "write" and left[0] < 0:
            raise apsw.FullError("no space")

    return fault


def no_sync(*names: str):
    """Return a fault: syncing the named files fails once, and from then on seems to work, as after a failed fsync."""
    failed: list[str] = []

    def fault(what: str, name: str, count: int) -> None:
        if what == "sync" and name in names and not failed:
            failed.append(name)
            raise apsw.IOError("sync")

    return fault


FAULTS = {
    "full at once": lambda: full_after(0),
    "full in mid commit": lambda: full_after(6000),
    "full later": lambda: full_after(60_000),
    "log not synced": lambda: no_sync("vault-wal"),
    "database not synced at a checkpoint": lambda: no_sync("vault"),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("way", ["now", "async"])
def test_a_refused_write_fails_for_good_and_acknowledged_ones_stay(tmp_path: Path, name: str, way: str) -> None:
    disk = Disk(f"disk-{name}-{way}")
    store = open_store(str(tmp_path / "vault"), vfs=disk.name, checkpoint_pages=100)
    store.define((SHAPE,))
    for n in range(ACKED):
        store.write_now(unit(n))
    disk.fault = FAULTS[name]()
    acked = list(range(ACKED))

    async def many() -> None:
        for start in range(ACKED, ACKED + 400, 8):
            batch = range(start, start + 8)
            answers = await asyncio.gather(*(store.write(unit(n)) for n in batch), return_exceptions=True)
            assert len({type(answer) for answer in answers}) == 1, "a group fails or stands as one"
            if isinstance(answers[0], StoreFailed):
                return
            acked.extend(batch)

    if way == "async":
        asyncio.run(many())
    else:
        for n in range(ACKED, ACKED + 400):
            try:
                store.write_now(unit(n))
            except StoreFailed:
                break
            acked.append(n)
    disk.fault = lambda what, file, size: None
    assert len(acked) < ACKED + 400, "the fault must strike"
    for n in (900, 901):
        with pytest.raises(StoreFailed):
            store.write_now(unit(n))
        with pytest.raises(StoreFailed):
            asyncio.run(store.write(unit(n)))
    with pytest.raises(StoreFailed):
        store.define((Shape(name="two", columns=SHAPE.columns, key=("n",)),))
    store.close()
    disk.unregister()
    again = open_store(str(tmp_path / "vault"))
    # A write that failed may be there or not: its caller was told that it is not known to be.
    assert set(acked) <= set(numbers(again))
    assert not {900, 901} & set(numbers(again))
    again.write_now(unit(900))
    again.close()
