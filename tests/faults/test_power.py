"""P1: no acknowledged write is lost when the power goes. The weaker settings show that the simulation has teeth."""

from __future__ import annotations

import os
import random
from pathlib import Path

import apsw
import pytest
from disk import Disk

from privet.errors import PrivetError
from privet.store.engines.sqlite import open_store
from privet.store.port import Column, Insert, Put, Select, Shape, Unit

UNITS = 120
STATES = 1000
SHAPES = (
    Shape(name="one", columns=(Column("n", "int"), Column("body", "blob")), key=("n",)),
    Shape(name="two", columns=(Column("n", "int"), Column("tag", "blob")), key=("n",), uniques=(("tag",),)),
)


def history(folder: Path, synchronous: str) -> Disk:
    """Return the disk after UNITS acknowledged units, each a row in two tables, with checkpoints in between."""
    disk = Disk(f"disk-{folder.name}")
    store = open_store(str(folder / "vault"), vfs=disk.name, unsafe_synchronous=synchronous, checkpoint_pages=60)
    store.define(SHAPES)
    chance = random.Random(7)
    for n in range(UNITS):
        store.write_now(
            Unit(
                (
                    Insert("one", ("n", "body"), ((n, chance.randbytes(300)),)),
                    Insert("two", ("n", "tag"), ((n, chance.randbytes(16)),)),
                    Put("one", ("n", "body"), ((-1, n.to_bytes(8, "big")),)),
                )
            )
        )
        disk.ack()
    disk.unregister()
    first = next(at for at, op in enumerate(disk.ops) if op[0] == "ack")
    assert ("write", "vault") in {op[:2] for op in disk.ops[first:]}, "the history must hold checkpoints"
    return disk


def found(folder: Path, files: dict[str, bytes]) -> tuple[list[int], list[int], int]:
    """Return what a store reads from the files: the numbers in both tables, and the counter."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
        os.chmod(folder / name, 0o600)
    store = open_store(str(folder / "vault"))
    try:
        one, two = (store.select(Select(table=t, columns=("n",), order=(("n", True),))) for t in ("one", "two"))
        counter = store.select(Select(table="one", columns=("body",), order=(("n", True),), limit=1))
    finally:
        store.close()
    numbers = [row[0] for row in one][1:]
    assert apsw.Connection(str(folder / "vault")).execute("PRAGMA integrity_check").get == "ok"
    return numbers, [row[0] for row in two], int.from_bytes(counter[0][0], "big")


def losses(folder: Path, synchronous: str, count: int) -> tuple[int, int]:
    """Return in how many crash states acknowledged units were lost, and in how many a unit was there in part."""
    disk = history(folder, synchronous)
    lost = torn = 0
    for at, (acked, files) in enumerate(disk.crashes(count, random.Random(11))):
        try:
            one, two, counter = found(folder / f"state{at}", files)
        except (PrivetError, AssertionError, apsw.Error):
            lost += 1
            continue
        lost += len(one) < acked
        torn += one != two or one != list(range(len(one))) or counter != len(one) - 1
    return lost, torn


def test_full_loses_no_acknowledged_unit_and_tears_none(tmp_path: Path) -> None:
    assert losses(tmp_path, "FULL", STATES) == (0, 0)


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_weaker_settings_lose_acknowledged_units(tmp_path: Path, synchronous: str) -> None:
    lost, _ = losses(tmp_path, synchronous, 60)
    assert lost > 20
