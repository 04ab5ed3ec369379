"""Changes of keys that a crash cuts short, and what older copies show once the window of subject keys is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from a_vault import Bench
from turning import ROOT, ROTATIONS, TABLE, column, deeds, fill, prepared, row, served, values

from privet.crypto.keys import KeyRing
from privet.errors import Conflict, Damaged, DuplicateValue, Gone, WrongKey
from privet.store.port import Clash, Delete, Select, Step, Store, Unit
from privet.vault import records
from privet.vault.people import erasure
from privet.vault.people.subjects import SubjectStore
from privet.vault.upkeep import rotation, sweep
from privet.vault.vault import load_keys, open_vault
from privet.vocabulary.dataset import WINDOW_SECONDS


@pytest.fixture
def people(bench: Bench) -> Bench:
    return prepared(bench)


@pytest.fixture
def serving(people: Bench, tmp_path: Path) -> Iterator[Bench]:
    with served(people, tmp_path) as found:
        yield found


# --- crashes --------------------------------------------------------------------------------------------------


class Crash(Exception):
    """The process ends here."""


class Brittle:
    """A store on which the process ends before write number `left`."""

    def __init__(self, store: Store, left: list[int]) -> None:
        self._store, self._left = store, left

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def _count(self) -> None:
        if not self._left[0]:
            raise Crash
        self._left[0] -= 1

    async def write(self, unit: Unit) -> None:
        self._count()
        await self._store.write(unit)

    def write_now(self, unit: Unit) -> None:
        self._count()
        self._store.write_now(unit)


def restart(people: Bench, store: Store, keys: tuple[Store, Store]) -> Bench:
    """Return the vault as the next process opens it on what is durable."""
    identity = people.vault.id
    subjects = SubjectStore.open(keys, ROOT, identity, now=people.now[0] // 1000, made=True)
    known, lost = subjects.fill(load_keys(store))
    ring = KeyRing.load(ROOT, identity, known)
    vault = open_vault(id=identity, name="t", store=store, ring=ring, clock=lambda: people.now[0])
    vault.subjects = subjects
    rotation.recover(vault, lost, people.deed("vaults.open"))
    return Bench(vault, people.now, people.run)


@pytest.mark.parametrize(
    "name", ["shreddable column", "shreddable index", "unique", "shreddable token tags", "key-encryption key", "window"]
)
def test_a_rotation_goes_on_after_a_crash_at_any_write(people: Bench, name: str) -> None:
    made = fill(people, 12)
    ids = [item.id for item in made]
    before = values(people, ids)
    step, crashes = 0, 0
    while True:
        store, keys = people.vault.store, people.vault.demand_subjects().stores
        left = [step]
        people.vault.store = Brittle(store, left)  # type: ignore[assignment]
        subjects = people.vault.demand_subjects()
        subjects._keys, subjects._epochs = Brittle(keys[0], left), Brittle(keys[1], left)  # type: ignore[assignment]
        try:
            people.run(ROTATIONS[name](people))
            ended = True
        except Crash:
            ended, crashes = False, crashes + 1
        people = restart(people, store, keys)
        assert values(people, ids) == before
        with pytest.raises(DuplicateValue):
            people.insert(TABLE, row(99, email="ann7@example.com"))
        people.run(rotation.resume(people.vault, deeds(people)))
        if name == "window" and rotation.window_due(people.vault):
            people.run(rotation.advance(people.vault, deeds(people)))
        assert values(people, ids) == before
        assert not rotation.unfinished(people.vault)
        assert len(people.vault.demand_subjects().epochs) == 1
        [again] = people.insert(TABLE, row(7, email=f"new{step}@example.com", plain=f"other{step}"))
        assert again.tokens["name"] == made[7].tokens["name"]
        if ended:
            break
        step += 1
    assert crashes >= 2


def test_tags_whose_key_is_lost_are_made_anew_at_the_start(people: Bench) -> None:
    """A database from before the last window, put beside the present subject keys."""
    made = fill(people, 25)
    store, keys = people.vault.store, people.vault.demand_subjects().stores
    saved = [item for item in load_keys(store)]
    before = values(people, [item.id for item in made])
    old_rows = {
        name: store.select(Select(table=name, columns=columns))
        for name, columns in {"uniques": ("tag", "record"), "elements": ("index_id", "tag", "record")}.items()
    }
    assert saved and old_rows
    keys[0].write_now(Unit((drop_all_tag_keys(keys[0]),)))
    again = restart(people, store, keys)
    assert values(again, [item.id for item in made]) == before
    with pytest.raises(DuplicateValue):
        again.insert(TABLE, row(98, name="Ann 7", plain="P-7"))
    assert again.insert(TABLE, row(7, email="n@example.com", plain="o"))[0].tokens["name"] == made[7].tokens["name"]
    assert len(again.vault.store.select(Select(table="elements", columns=("tag",)))) == 2 * 26


def drop_all_tag_keys(store: Store) -> Step:
    return Delete("tag_keys", ("key_id",), store.select(Select(table="tag_keys", columns=("key_id",))))


def test_a_person_erased_during_a_rotation_stops_nobody(serving: Bench) -> None:
    people = serving
    made = fill(people, 60)
    vault = people.vault

    async def main() -> None:
        hers = [erasure.subject_of(vault, vault.table(TABLE), item.id) for item in made[::6]]
        await asyncio.gather(
            rotation.advance(vault, deeds(people)),
            *(erasure.erase(vault, one, people.deed()) for one in hers),
            rotate_later(people),
        )

    people.run(main())
    assert [people.get(TABLE, item.id) is None for item in made] == [n % 6 == 0 for n in range(60)]


async def rotate_later(people: Bench) -> None:
    await asyncio.sleep(0)
    try:
        await rotation.rotate_column(people.vault, TABLE, "name", deeds(people))
    except Conflict:
        return


def test_a_pass_takes_fewer_records_where_they_are_in_demand(people: Bench) -> None:
    """Each try of a large chunk meets one record that somebody else changes first."""
    ids = [item.id for item in fill(people, 30)]
    hot = ids[3]
    vault = people.vault
    permit = people.permit("update", TABLE)
    inner, sizes = vault.store, []

    class Hot:
        def __getattr__(self, name: str) -> Any:
            return getattr(inner, name)

        async def write(self, unit: Unit) -> None:
            updates = [len(step.rows) for step in unit.steps if type(step).__name__ == "Update"]
            if updates and updates[0] > 20:
                sizes.append(updates[0])
                raise Clash(0)
            await inner.write(unit)

    vault.store = Hot()  # type: ignore[assignment]
    people.run(rotation.rotate_column(vault, TABLE, "name", deeds(people)))
    vault.store = inner
    people.run(records.update(vault, permit, hot, {"plain": "after"}, people.deed()))
    assert sizes and not rotation.unfinished(vault)


# --- what an old copy shows -----------------------------------------------------------------------------------


def test_tags_in_an_old_copy_cannot_be_tried_once_the_window_is_over(people: Bench) -> None:
    """Whoever has the root, an old copy of the records and every present file cannot make the old tags."""
    fill(people, 5)
    vault = people.vault
    index = column(people, "name").index("exact")
    old_tags = vault.store.select(Select(table=vault.table(TABLE).rows, columns=(f"x{index.slot}",)))
    old_keys = load_keys(vault.store)
    guess = b"Ann 3"
    assert (vault.ring.index(index.id).tag(guess),) in old_tags, "the teeth: who holds the key finds the value"
    people.run(rotation.advance(vault, deeds(people)))
    ring = KeyRing(ROOT, vault.id, old_keys)
    with pytest.raises((WrongKey, Damaged, Gone)):
        ring.index(index.id)
    present, _ = vault.demand_subjects().fill(old_keys)
    assert next(item.state for item in present if item.owner == index.id and item.purpose == "index") == "destroyed"
    sealed_index = column(people, "email").index("exact")
    again = KeyRing(ROOT, vault.id, old_keys).index(sealed_index.id)
    assert again.tag(b"ann1@example.com"), "the teeth: a sealed column's index opens from an old copy"


def test_a_window_is_due_after_its_time(people: Bench) -> None:
    assert not rotation.window_due(people.vault)
    people.now[0] += WINDOW_SECONDS * 1000
    assert rotation.window_due(people.vault)
    people.run(rotation.advance(people.vault, deeds(people)))
    assert not rotation.window_due(people.vault)


def test_a_rewrap_changes_every_wrapping(people: Bench) -> None:
    fill(people, 3)
    before = {item.key_id: item.wrapped for item in people.vault.ring.rows() if item.purpose != "kek"}
    people.run(rotation.rewrap(people.vault, deeds(people)))
    after = {item.key_id: item.wrapped for item in people.vault.ring.rows() if item.purpose != "kek"}
    assert after.keys() == before.keys() and not set(after.values()) & set(before.values())


def test_the_pass_is_small_enough_to_let_others_in() -> None:
    assert sweep.CHUNK <= 200
