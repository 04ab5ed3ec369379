"""Erasure and crashes: a kill after any durable step leaves a home that starts whole, and an erased person gone."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import household as place
import pytest
from household import VAULT, all_open, erase, faults, insert, opened, owner, person, values

from privet import digest
from privet.app.services import records, tokens
from privet.app.settings import load
from privet.app.wiring import House
from privet.crypto import shred
from privet.crypto.keys import KeyRing, KeyRow, KeyStore
from privet.crypto.keystores import KEYSTORES
from privet.crypto.seal import open_each
from privet.errors import PrivetError
from privet.store.port import ENGINES, Select, Unit
from privet.vault.log.audit import Deed
from privet.vault.people.ledger import Entry
from privet.vault.sealer import Sealer, shred_context
from privet.vault.upkeep import rotation
from privet.vault.vault import load_keys, load_schema


@pytest.fixture
def home(tmp_path: Path) -> Path:
    found = tmp_path / "home"
    place.make(found)
    return found


# --- a kill after each durable step ---------------------------------------------------------------------------


class Steps:
    """Copies the home after every durable step, with what was acknowledged by then."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder = home, folder
        self.acknowledged: dict[str, dict[str, Any]] = {}
        self.erased: set[str] = set()
        self.taken: list[tuple[Path, dict[str, dict[str, Any]], set[str]]] = []

    def take(self) -> None:
        target = place.copy(self.home, self.folder / f"{len(self.taken):03d}")
        self.taken.append((target, dict(self.acknowledged), set(self.erased)))

    def watch(self, house: House) -> None:
        vault = house.vault(VAULT)
        vault.store = Watched(vault.store, self)  # type: ignore[assignment]
        subjects = vault.demand_subjects()
        subjects._keys = Watched(subjects._keys, self)  # type: ignore[assignment]
        subjects._epochs = Watched(subjects._epochs, self)  # type: ignore[assignment]
        assert vault.ledger is not None
        append = vault.ledger.append

        def appended(entry: Entry) -> None:
            append(entry)
            self.take()

        vault.ledger.append = appended  # type: ignore[method-assign]


class Watched:
    """A store that copies the home after each of its writes."""

    def __init__(self, store: Any, steps: Steps) -> None:
        self._store, self._steps = store, steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, unit: Unit) -> None:
        await self._store.write(unit)
        self._steps.take()

    def write_now(self, unit: Unit) -> None:
        self._store.write_now(unit)
        self._steps.take()


async def life(house: House, steps: Steps) -> None:
    """Insert, refer, tokenize, move, rotate and erase, noting what was acknowledged."""
    [ann] = await insert(house, "people", person(1))
    steps.acknowledged[ann] = person(1)
    bo, cy = await insert(house, "people", person(2), person(3))
    steps.acknowledged.update({bo: person(2), cy: person(3)})
    [order] = await insert(house, "orders", {"owner": ann, "text": "by the door"})
    ask = tokens.TokenizeAsk(
        vault=VAULT, table="people", column="name", values=["Person 9"], subject=digest.id_text(bytes(range(16)))
    )
    await tokens.tokenize(house, owner(house), ask)
    moved = records.UpdateAsk(vault=VAULT, table="orders", id=order, values={"owner": bo})
    await records.update(house, owner(house), moved)
    await erase(house, "people", ann)
    steps.erased.add(ann)
    vault = house.vault(VAULT)
    deed = Deed(principal="test", verb="keys.advance", policy="built-in/1", at_ms=vault.clock())
    await rotation.advance(vault, deed)
    await rotation.rotate_column(vault, "people", "name", deed)
    await erase(house, "orders", order)
    steps.erased |= {bo, order}


def test_a_kill_after_any_durable_step_leaves_a_home_that_starts_whole(home: Path, tmp_path: Path) -> None:
    steps = Steps(home, tmp_path / "copies")
    house = opened(home)
    steps.watch(house)
    asyncio.run(life(house, steps))
    house.close()
    assert len(steps.taken) > 25
    for folder, acknowledged, erased in steps.taken:
        again = opened(folder)
        vault = again.vault(VAULT)
        assert faults(vault) == [], folder.name
        assert all_open(vault) == [], folder.name
        found = asyncio.run(values(again, "people"))
        assert not erased & found.keys(), folder.name
        for record, told in acknowledged.items():
            if record in found:
                assert found[record]["note"] == told["note"], folder.name
        asyncio.run(rotation.resume(vault, Deed(principal="t", verb="t", policy="t", at_ms=place.NOW)))
        assert all_open(vault) == [], folder.name
        again.close()
    present = [set(told) - gone for _, told, gone in steps.taken]
    assert present[-1], "the last person stays"


def test_the_order_of_the_steps_matters(home: Path, tmp_path: Path) -> None:
    """The teeth: a record that is durable before its key is found by the check above."""
    house = opened(home)
    asyncio.run(insert(house, "people", person(1)))
    vault = house.vault(VAULT)
    vault.demand_subjects().purge([row[0] for row in _subjects(vault.store, vault.table("people").rows)])
    house.close()
    again = opened(home)
    assert "a record without a key" in faults(again.vault(VAULT))
    assert all_open(again.vault(VAULT)) == ["people: gone"]
    again.close()


def _subjects(store: Any, rows: str) -> list[Any]:
    return store.select(Select(table=rows, columns=("subject",)))  # type: ignore[no-any-return]


# --- kill -9 under load ---------------------------------------------------------------------------------------

CHILD = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from household import erase, insert, opened, person

async def one(house, worker):
    for turn in range(10_000):
        number = worker * 100_000 + turn
        [record] = await insert(house, "people", person(number % 9000) | {"email": f"p{number}@example.com"})
        print("put", record, flush=True)
        await insert(house, "orders", {"owner": record, "text": "by the door"})
        if turn % 3 == 0:
            await erase(house, "people", record)
            print("erased", record, flush=True)

async def main():
    house = opened(Path(sys.argv[1]))
    start = int(sys.argv[3])
    await asyncio.gather(*(one(house, start + worker) for worker in range(6)))

asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [7, 60, 150])
def test_a_kill_under_load_loses_nothing_and_brings_nobody_back(home: Path, tmp_path: Path, lines: int) -> None:
    script = tmp_path / "child.py"
    script.write_text(CHILD)
    put: set[str] = set()
    erased: set[str] = set()
    for turn in range(2):
        arguments = [sys.executable, str(script), str(home), str(Path(__file__).parent), str(turn * 10)]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            told = list(itertools.islice(child.stdout, lines))
            os.kill(child.pid, signal.SIGKILL)
            told += child.stdout.read().splitlines(keepends=True)
        for word, record in (line.split() for line in told if line.endswith("\n")):
            (put if word == "put" else erased).add(record)
    house = opened(home)
    vault = house.vault(VAULT)
    assert faults(vault) == [] and all_open(vault) == []
    rows = vault.store.select(Select(table=vault.table("people").rows, columns=("id",)))
    found = {digest.id_text(row[0]) for row in rows}  # type: ignore[arg-type]
    assert not found & erased
    # An erasure that was under way at the kill is finished, so a person may be gone whose erasure nobody was told of.
    assert len(put - erased - found) <= 12
    house.close()


# --- what an attacker finds -----------------------------------------------------------------------------------


class Attacker:
    """Holds the root key, every present file of a home and an old copy of its records."""

    def __init__(self, home: Path, old: Path, table: str, column: str) -> None:
        self.home, self.root = home, root_of(home)
        store = ENGINES.get("sqlite").open(str(old))
        self.keys = load_keys(store)
        self.vault = next(row.owner for row in self.keys if row.purpose == "kek")
        self.ring = ring_of(self.root, self.vault, self.keys)
        self.schema = load_schema(store, self.ring, self.vault)
        found = self.schema.table(table)
        self.sealer = Sealer(self.vault, found, self.ring, self.schema.suite, lambda wanted: wanted)
        self.column = found.column(column)
        self.rows = store.select(Select(table=found.rows, columns=self.sealer.physical))
        store.close()

    def texts(self) -> set[str]:
        """Return every value of the column that some key opens."""
        if self.column.field.keep != "shreddable":
            return {text for text in self.sealer.open(self.column, self.rows) if text}
        opened: set[str] = set()
        for row, key in itertools.product(self.rows, self.subject_keys()):
            opened |= self._try(row, key)
        return opened

    def _try(self, row: Any, key: bytes) -> set[str]:
        cell, context = row[self.sealer.place[self.column.cell]], self.sealer.contexts[self.column.name]
        column_key = self.ring.cell(self.column.id)
        keys = shred.cell_keys([key], shred_context(column_key, context))
        try:
            return {open_each(keys, column_key.key_id, context, [row[0]], [cell])[0].decode()}
        except PrivetError:
            return set()

    def subject_keys(self) -> set[bytes]:
        """Return every key that present files give: those that open, and any 32 bytes of the files about people."""
        folder = self.home / "vaults" / VAULT
        names = ("subjects.db", "subjects.db-journal", "epochs.db", "epochs.db-journal", "ledger", "checkpoint")
        texts = [(folder / name).read_bytes() for name in names if (folder / name).exists()]
        found = {text[at : at + 32] for text in texts for at in range(len(text) - 31)}
        keys, epochs = (ENGINES.get("sqlite").open(str(folder / name)) for name in ("subjects.db", "epochs.db"))
        rows = epochs.select(Select(table="epochs", columns=("epoch", "wrapped", "verify", "created")))
        ring = shred.EpochRing.load(
            self.root,
            self.vault,
            [shred.EpochRow(epoch=r[0], wrapped=r[1], check=r[2], created=r[3]) for r in rows],  # type: ignore[arg-type]
        )
        cells = keys.select(Select(table="subject_keys", columns=("subject", "generation", "epoch", "wrapped")))
        found |= set(ring.unwrap([shred.SubjectRow(*row) for row in cells]))  # type: ignore[arg-type]
        keys.close()
        epochs.close()
        return found


@pytest.fixture
def stolen(home: Path, tmp_path: Path) -> Path:
    """A home with two people, one of them erased, and an old copy of its records from before."""
    house = opened(home)
    ann, _ = asyncio.run(insert(house, "people", person(1), person(2)))
    house.vault(VAULT).store.backup(str(tmp_path / "old.db"))
    asyncio.run(erase(house, "people", ann))
    house.close()
    return tmp_path / "old.db"


def test_whoever_holds_the_root_and_an_old_copy_cannot_open_an_erased_person(home: Path, stolen: Path) -> None:
    found = Attacker(home, stolen, "people", "name").texts()
    assert "Person 1" not in found
    assert "Person 2" in found, "the teeth: the attack opens whoever was not erased"


def test_a_sealed_column_opens_from_an_old_copy(home: Path, stolen: Path) -> None:
    """The teeth: what `keep: sealed` does not promise."""
    assert Attacker(home, stolen, "people", "note").texts() == {"note 1", "note 2"}


def test_an_erased_persons_number_cannot_be_tried_once_the_window_is_over(home: Path, stolen: Path) -> None:
    """Tags of a small domain fall to whoever holds their key, so that key goes with the window."""
    before = present_tag_keys(home)
    assert tried(home, stolen, before) == {"536901001", "536901002"}, "the teeth: until then they can be tried"
    house = opened(home)
    vault = house.vault(VAULT)
    deed = Deed(principal="t", verb="keys.advance", policy="t", at_ms=place.NOW)
    asyncio.run(rotation.advance(vault, deed))
    house.close()
    assert tried(home, stolen, present_tag_keys(home)) == set()


def root_of(home: Path) -> KeyStore:
    """Return the root key of a home."""
    return KEYSTORES.get("local").open(str(load(home).key_file), None)


def ring_of(root: KeyStore, vault: bytes, rows: Sequence[KeyRow]) -> KeyRing:
    """Return the keys of a copy of a vault's database. Tag keys of shreddable columns are not in it."""
    known = [row if row.wrapped else replace(row, state="destroyed") for row in rows]
    return KeyRing.load(root, vault, known)


def present_tag_keys(home: Path) -> list[Any]:
    """Return every tag key that the root opens in the present files of a home."""
    house = opened(home)
    ring = house.vault(VAULT).ring
    rows = [row for row in ring.rows() if row.purpose == "index" and row.state != "destroyed"]
    found = [tagger for row in rows for tagger in ring.indexes(row.owner)]
    house.close()
    return found


def tried(home: Path, old: Path, taggers: list[Any]) -> set[str]:
    """Return which of some guesses have a tag in an old copy, under keys of the present and of the copy itself."""
    store = ENGINES.get("sqlite").open(str(old))
    rows = load_keys(store)
    vault = next(row.owner for row in rows if row.purpose == "kek")
    schema = load_schema(store, ring_of(root_of(home), vault, rows), vault)
    index = schema.table("people").column("ssn").index("exact")
    assert index is not None
    assert not next(row for row in rows if row.owner == index.id).wrapped, "the copy holds no key of it"
    tags = {row[0] for row in store.select(Select(table=schema.table("people").rows, columns=(f"x{index.slot}",)))}
    store.close()
    guesses = [f"5369010{n:02d}" for n in range(100)]
    return {guess for tagger in taggers for guess in guesses if tagger.tag(guess.encode()) in tags}
