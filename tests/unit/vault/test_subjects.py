"""Subject keys: durable before what they seal, forgotten for good, grouped, bounded, moved with their records."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from a_vault import START_MS, Bench
from folk import ROOT, erase, kept, on_disk, person, populate, subject

from privet import digest
from privet.errors import Damaged, DuplicateValue, Gone, InvalidInput, NotFound
from privet.store.port import ENGINES, Delete, Select, Store, Unit
from privet.vault import locate, records, reveal
from privet.vault import rows as rows_of
from privet.vault.people import erasure, keycache
from privet.vault.people.subjects import SubjectStore
from privet.vault.vault import load_keys


@pytest.fixture
def people(bench: Bench) -> Bench:
    return populate(bench)


# --- inserting ------------------------------------------------------------------------------------------------


def test_each_person_has_a_durable_key_once_her_record_is_acknowledged(people: Bench) -> None:
    found = people.insert("people", {"name": "Ann", "email": "a@example.com"}, {"name": "Bo", "email": "b@example.com"})
    assert kept(people) == {subject(people, item.id) for item in found}


def test_the_key_is_durable_before_the_record_is_written(people: Bench) -> None:
    order: list[str] = []
    people.vault.store = Watched(people.vault.store, "records", order)
    keys = people.vault.demand_subjects()
    keys._keys = Watched(keys._keys, "keys", order)
    person(people)
    people.insert("people", {"name": "Bo", "email": "b@example.com"}, {"name": "Cy", "email": "c@example.com"})
    assert order == ["keys", "records", "keys", "records"]


class Watched:
    """A store that tells when a write of it is done."""

    def __init__(self, store: Store, name: str, order: list[str]) -> None:
        self._store, self._name, self._order = store, name, order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, unit: Unit) -> None:
        await self._store.write(unit)
        self._order.append(self._name)


def test_the_key_of_a_refused_insert_goes_to_the_next_person(people: Bench) -> None:
    person(people)
    for _ in range(5):
        with pytest.raises(DuplicateValue):
            person(people, name="Bo")
    people.insert("people", {"name": "Cy", "email": "c@example.com"})
    assert len(kept(people)) == 2


def test_a_record_by_reference_is_sealed_under_its_persons_key(people: Bench) -> None:
    ann = person(people)
    order = people.insert("orders", {"owner": digest.id_text(ann), "note": "by the door"})[0].id
    assert subject(people, order, "orders") == subject(people, ann)
    assert len(kept(people)) == 1
    erase(people, ann)
    assert people.get("orders", order) is None


def test_a_shreddable_value_without_a_person_is_refused(people: Bench) -> None:
    with pytest.raises(InvalidInput, match="needs a subject"):
        people.insert("orders", {"note": "of nobody"})


def test_concurrent_inserts_share_commits_of_their_keys(tmp_path: Path, people: Bench) -> None:
    engine = ENGINES.get("sqlite")
    commits = [0]

    async def main() -> None:
        vault = people.vault
        vault.subjects = SubjectStore.open(on_disk(engine, tmp_path), ROOT, vault.id, now=1, made=False)
        store, _ = vault.subjects.stores
        work = store._group._work  # type: ignore[attr-defined]  # counts the commits of the engine
        commit = work.commit
        work.commit = lambda: (commits.__setitem__(0, commits[0] + 1), commit())
        permit = people.permit("insert", "people")
        calls = [
            records.insert(vault, permit, [{"name": "Ann", "email": f"a{n}@example.com"}], people.deed())
            for n in range(64)
        ]
        await asyncio.gather(*calls)
        assert len(kept(people)) == 64
        vault.subjects.close()

    people.run(main())
    assert 0 < commits[0] < 32, commits


# --- forgetting -----------------------------------------------------------------------------------------------


def test_an_erased_person_is_gone_and_another_with_the_same_value_stays(people: Bench) -> None:
    ann, twin = person(people), person(people, email="twin@example.com")
    assert people.insert("orders", {"owner": digest.id_text(ann), "pan": "4111 1111 1111 1111"})
    erase(people, ann)
    assert people.get("people", ann) is None
    found = people.get("people", twin)
    assert found is not None and found.values["name"] == "Ann Example"
    text = found.tokens["name"]
    assert text is not None
    located = locate.locate(people.vault, [text])
    permit = people.permit("detokenize", "people")
    assert people.run(reveal.detokenize(people.vault, {"people": permit}, located, people.deed())) == ["Ann Example"]


def test_a_copy_of_the_records_does_not_open_once_the_person_is_erased(people: Bench) -> None:
    ann = person(people)
    vault = people.vault
    sealer = vault.sealer(vault.table("people"))
    rows = rows_of.fetch(vault, sealer.table, [ann])
    assert sealer.open(sealer.table.column("name"), rows) == ["Ann Example"]
    erase(people, ann)
    with pytest.raises(Gone):
        sealer.open(sealer.table.column("name"), rows)


def test_nothing_is_written_for_an_erased_person_again(people: Bench) -> None:
    ann = person(people)
    her, vault = subject(people, ann), people.vault
    erase(people, ann)
    column = vault.table("people").column("name")
    permit = people.permit("tokenize", "people")
    with pytest.raises(Gone, match="erased"):
        people.run(reveal.tokenize(vault, permit, column, ["Ann Example"], people.deed(), subject=her))
    assert kept(people) == set()


def test_tokens_that_name_a_person_go_with_her(people: Bench) -> None:
    vault, her = people.vault, bytes(range(16))
    column, permit = vault.table("people").column("name"), people.permit("tokenize", "people")
    calls: list[Coroutine[Any, Any, Any]] = [
        reveal.tokenize(vault, permit, column, ["Ann Example"], people.deed(), subject=her) for _ in range(4)
    ]

    async def together() -> list[Any]:
        return await asyncio.gather(*calls)

    texts = people.run(together())
    assert len({text for [text] in texts}) == 1
    assert kept(people) == {her}
    people.run(erasure.erase(vault, her, people.deed()))
    assert isinstance(locate.locate(vault, texts[0])[0], NotFound)


def test_readers_who_meet_a_record_during_its_erasure_do_not_fail(people: Bench) -> None:
    ann, bo = person(people), person(people, "Bo", "bo@example.com")
    vault = people.vault
    keys = vault.demand_subjects()
    people.run(keys.forget(subject(people, ann)))
    assert subject(people, bo) in kept(people) and len(kept(people)) == 1
    assert people.get("people", ann) is not None, "until her records are gone"
    keys.let_go([subject(people, ann)])
    with pytest.raises(Gone):
        people.get("people", ann)


def test_neither_the_wrapped_key_nor_the_key_stays_in_the_file(tmp_path: Path) -> None:
    stores = on_disk(ENGINES.get("sqlite"), tmp_path)
    store = SubjectStore.open(stores, ROOT, bytes(16), now=1, made=False)
    everyone = filled(store, 300)
    rows = stores[0].select(Select(table="subject_keys", columns=("subject", "wrapped")))
    wrapped: dict[Any, Any] = dict(rows)  # type: ignore[arg-type]
    keys = dict(zip(everyone, store.keys(everyone, now_ms=START_MS), strict=True))
    assert all(any(cell in text for text in contents(tmp_path)) for cell in wrapped.values()), "the teeth"
    gone = everyone[::3]
    for one in gone[:50]:
        asyncio.run(store.forget(one))
    store.purge(gone[50:])
    for one in gone:
        for text in contents(tmp_path):
            assert wrapped[one] not in text and wrapped[one][-32:] not in text
            assert keys[one] not in text
    store.close()


def test_a_write_ahead_log_would_keep_forgotten_keys(tmp_path: Path) -> None:
    """The teeth of the rule above: the same deletion in the usual journal leaves the wrapped key readable."""
    engine = ENGINES.get("sqlite")
    stores = engine.open(str(tmp_path / "subjects.db")), engine.open(str(tmp_path / "epochs.db"))
    store = SubjectStore.open(stores, ROOT, bytes(16), now=1, made=False)
    [one] = filled(store, 1)
    [(wrapped,)] = stores[0].select(Select(table="subject_keys", columns=("wrapped",)))
    asyncio.run(store.forget(one))
    assert isinstance(wrapped, bytes)
    assert any(wrapped in text for text in contents(tmp_path))
    store.close()


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir()]


def test_keys_of_nobody_are_collected(people: Bench) -> None:
    ann = person(people)
    keys, vault = people.vault.demand_subjects(), people.vault
    keys.new_subjects(3)
    held = keys.hold()
    keys.settle_now(held)
    assert erasure.collect(vault) == 0, "a write that is under way may need them"
    keys.release(held, unwritten=False)
    assert erasure.collect(vault) == 3
    assert kept(people) == {subject(people, ann)}
    people.run(records.delete(vault, people.permit("delete", "people"), [ann], people.deed()))
    assert erasure.collect(vault) == 1


def test_a_start_looks_at_the_keys_made_since_the_last_one() -> None:
    stores = memory()
    store = SubjectStore.open(stores, ROOT, bytes(16), now=1, made=False)
    first = filled(store, 3)
    asked: list[bytes] = []

    def used(subjects: Sequence[bytes]) -> set[bytes]:
        asked.extend(subjects)
        return {first[0]}

    for turn, looked in enumerate([3, 0, 2]):
        store = SubjectStore.open(stores, ROOT, bytes(16), now=1, made=True)
        assert store.collect_strays(used) == (2 if turn != 1 else 0)
        assert len(asked) == looked
        asked.clear()
        if turn == 1:
            filled(store, 2)
    assert store.collect(lambda subjects: set()) == 1


# --- the cache ------------------------------------------------------------------------------------------------


def test_opened_keys_stay_in_memory_for_minutes_only(people: Bench) -> None:
    ann = person(people)
    store, her = people.vault.demand_subjects(), [subject(people, ann)]
    [key] = people.vault.subject_keys(her)
    assert store._cache.get(her) == [key]
    people.now[0] += keycache.CACHE_MS + 1
    store.keys([], now_ms=people.now[0])
    assert store._cache.get(her) == [None]
    assert people.vault.subject_keys(her) == [key]


def test_opened_keys_in_memory_are_bounded_in_number() -> None:
    cache = keycache.KeyCache()
    for start in range(0, 3 * keycache.MOST_CACHED, 1000):
        cache.put({n.to_bytes(16, "big"): bytes(32) for n in range(start, start + 1000)})
        assert len(cache._young) + len(cache._old) <= keycache.MOST_CACHED


# --- epochs ---------------------------------------------------------------------------------------------------


def filled(store: SubjectStore, count: int) -> list[bytes]:
    found = store.new_subjects(count)
    held = store.hold()
    store.settle_now(held)
    store.release(held, unwritten=False)
    return found


def memory() -> tuple[Store, Store]:
    engine = ENGINES.get("memory")
    return engine.open(""), engine.open("")


def test_a_new_window_keeps_every_key_and_shuts_older_copies(tmp_path: Path) -> None:
    engine, stores = ENGINES.get("sqlite"), on_disk(ENGINES.get("sqlite"), tmp_path)
    store = SubjectStore.open(stores, ROOT, bytes(16), now=1, made=False)
    people = filled(store, 2500)
    keys = store.keys(people, now_ms=START_MS)
    stores[0].backup(str(tmp_path / "old.db"))
    store.begin_epoch(now=2)
    assert asyncio.run(store.rewrap()) == 2500
    assert store.end_epochs() == 1
    assert [row.epoch for row in store.epochs] == [2]
    store.close()
    again = SubjectStore.open(on_disk(engine, tmp_path), ROOT, bytes(16), now=3, made=True)
    assert again.keys(people, now_ms=START_MS) == keys
    again.close()
    (tmp_path / "subjects.db").write_bytes((tmp_path / "old.db").read_bytes())
    old = SubjectStore.open(on_disk(engine, tmp_path), ROOT, bytes(16), now=3, made=True)
    with pytest.raises(Gone):
        old.keys(people[:1], now_ms=START_MS)
    old.close()


def test_an_epoch_does_not_end_while_a_key_needs_it() -> None:
    store = SubjectStore.open(memory(), ROOT, bytes(16), now=1, made=False)
    filled(store, 3)
    store.begin_epoch(now=2)
    with pytest.raises(Damaged, match="newest epoch"):
        store.end_epochs()


def test_a_key_that_is_forgotten_while_it_is_rewrapped_stays_forgotten() -> None:
    stores = memory()
    store = SubjectStore.open(stores, ROOT, bytes(16), now=1, made=False)
    people = filled(store, 5)
    store.begin_epoch(now=2)

    async def race() -> None:
        await asyncio.gather(store.rewrap(), store.forget(people[0]))

    asyncio.run(race())
    rows = stores[0].select(Select(table="subject_keys", columns=("subject", "epoch")))
    assert {row[0] for row in rows} == set(people[1:])
    assert {row[1] for row in rows} == {2}


def test_a_vault_that_lost_its_subject_keys_does_not_open() -> None:
    with pytest.raises(Damaged, match="subject keys"):
        SubjectStore.open(memory(), ROOT, bytes(16), now=1, made=True)
    stores = memory()
    filled(SubjectStore.open(stores, ROOT, bytes(16), now=1, made=False), 1)
    with pytest.raises(Damaged, match="epochs"):
        SubjectStore.open((stores[0], memory()[1]), ROOT, bytes(16), now=1, made=False)


# --- tag keys -------------------------------------------------------------------------------------------------


def test_tag_keys_of_shreddable_columns_are_not_in_the_database(people: Bench) -> None:
    apart = {row.key_id for row in load_keys(people.vault.store) if row.state == "active" and not row.wrapped}
    purposes = [(row.purpose, row.key_id in apart) for row in people.vault.ring.rows()]
    assert all(is_apart for purpose, is_apart in purposes if purpose == "index")
    assert not any(is_apart for purpose, is_apart in purposes if purpose in ("cell", "record", "audit", "kek"))
    filled_rows, lost = people.vault.demand_subjects().fill(load_keys(people.vault.store))
    assert filled_rows == list(people.vault.ring.rows()) and not lost


def test_a_lost_tag_key_is_told(people: Bench) -> None:
    keys, _ = people.vault.demand_subjects().stores
    [row, *_] = [row for row in people.vault.ring.rows() if row.purpose == "index"]
    keys.write_now(Unit((Delete("tag_keys", ("key_id",), ((row.key_id,),)),)))
    rows, lost = people.vault.demand_subjects().fill(load_keys(people.vault.store))
    assert [item.key_id for item in lost] == [row.key_id]
    assert next(item.state for item in rows if item.key_id == row.key_id) == "destroyed"
