"""P1 and P20 for subject keys: when the power goes, no acknowledged key is lost and no forgotten one comes back.

They lie in a store whose rollback journal is cut at each commit. The weaker settings show that the simulation has
teeth: without syncs a journal that is still there undoes what was acknowledged.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import apsw
import pytest
from disk import Disk

from privet.errors import PrivetError
from privet.store.engines.sqlite import open_store
from privet.store.port import Delete, Put, Select, Unit
from privet.vault.people.subjects import SUBJECTS

UNITS = 150
STATES = 1000
COLUMNS = ("subject", "generation", "epoch", "wrapped", "run")


def subject(number: int) -> bytes:
    return number.to_bytes(16, "big")


def present(number: int, done: int) -> bool:
    """Return whether a key is there after `done` units: unit n draws key n, unit 2n + 1 forgets some."""
    forgotten = number % 3 == 1 and number * 2 + 1 < done
    return number < done and not forgotten


def unit(number: int, chance: random.Random) -> Unit:
    steps = [Put("subject_keys", COLUMNS, ((subject(number), 1, 1, chance.randbytes(40), 1),))]
    gone = (number - 1) // 2
    if number % 2 and gone % 3 == 1:
        return Unit((*steps, Delete("subject_keys", ("subject",), ((subject(gone),),))))
    return Unit((*steps,))


def history(folder: Path, synchronous: str) -> Disk:
    """Return the disk after UNITS acknowledged units."""
    disk = Disk(f"disk-{folder.name}")
    path = str(folder / "subjects")
    store = open_store(path, vfs=disk.name, unsafe_synchronous=synchronous, journal="truncate")
    store.define(SUBJECTS)
    chance = random.Random(7)
    for number in range(UNITS):
        store.write_now(unit(number, chance))
        disk.ack()
    disk.unregister()
    first = next(at for at, op in enumerate(disk.ops) if op[0] == "ack")
    kinds = {op[:2] for op in disk.ops[first:]}
    assert {("truncate", "subjects-journal"), ("write", "subjects")} <= kinds, "the journal must be one that is cut"
    assert not any("wal" in name for _, name in kinds)
    return disk


def numbers(folder: Path, files: dict[str, bytes]) -> set[int]:
    """Return which keys a store finds in the files."""
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)
        os.chmod(folder / name, 0o600)
    store = open_store(str(folder / "subjects"), journal="truncate")
    try:
        rows = store.select(Select(table="subject_keys", columns=("subject",)))
    finally:
        store.close()
    assert apsw.Connection(str(folder / "subjects")).execute("PRAGMA integrity_check").get == "ok"
    return {int.from_bytes(row[0], "big") for row in rows}


def faults(folder: Path, synchronous: str, count: int) -> int:
    """Return in how many crash states a key was lost, came back, or a unit was there in part."""
    disk = history(folder, synchronous)
    wrong = 0
    for at, (acked, files) in enumerate(disk.crashes(count, random.Random(11))):
        try:
            found = numbers(folder / f"state{at}", files)
        except (PrivetError, AssertionError, apsw.Error):
            wrong += 1
            continue
        # A unit that was under way may be there whole or not at all.
        whole = [{n for n in range(UNITS) if present(n, done)} for done in (acked, acked + 1)]
        wrong += found not in whole
    return wrong


def test_full_loses_no_key_and_brings_none_back(tmp_path: Path) -> None:
    assert faults(tmp_path, "FULL", STATES) == 0


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_weaker_settings_lose_keys_or_bring_them_back(tmp_path: Path, synchronous: str) -> None:
    assert faults(tmp_path, synchronous, 60) > 10
