"""Keys change while the vault serves: nothing fails or is missed, no value is claimed twice, old keys are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Bench, schema

from privet.app.wiring import new_ring
from privet.crypto import seal
from privet.crypto.keys import KeyRing, Purpose
from privet.crypto.keystores.local import LocalStore
from privet.errors import Conflict, Damaged, DuplicateValue, Gone, NotFound, WrongKey
from privet.secret import Secret
from privet.store.port import ENGINES, Clash, Delete, Select, Step, Store, Unit
from privet.vault import erasure, files, records, reveal, rotation, sweep, tokens
from privet.vault.audit import Deed
from privet.vault.subjects import SubjectStore
from privet.vault.tokens import Located
from privet.vault.vault import create_vault, load_keys, open_vault
from privet.vocabulary.predicate import Compare, In

ROOT = LocalStore(Secret(bytes(range(32))))
FIELDS = (
    "name: type: string, keep: shreddable, index: exact, token: stored",
    "email: type: contact.email, keep: sealed, index: [exact, domain], unique: true, token: stored",
    "code: type: string, keep: shreddable, token: random",
    "made: type: string, keep: sealed, token: {kind: stored, scope: consumer}",
    "hers: type: string, keep: shreddable, token: {kind: stored, scope: consumer}",
    "tags: type: 'string[]', keep: shreddable, index: exact",
    "paper: type: file, keep: shreddable",
    "plain: type: string",
)
TABLE = "people"


@pytest.fixture
def people(bench: Bench) -> Bench:
    bench.apply(schema(*FIELDS, unique="[[name, plain]]"))
    return bench


@pytest.fixture
def serving(people: Bench, tmp_path: Path) -> Iterator[Bench]:
    """The same vault on the engine that commits on a thread of its own, so that calls run side by side."""
    engine = ENGINES.get("sqlite")
    assert engine.open_forgetful is not None
    keys = LocalStore(Secret(bytes(range(32))))
    store = engine.open(str(tmp_path / "vault.db"))
    stores = engine.open_forgetful(str(tmp_path / "subjects.db")), engine.open_forgetful(str(tmp_path / "epochs.db"))
    vault = create_vault(
        id=people.vault.id,
        name="t",
        store=store,
        ring=new_ring(keys, people.vault.id, people.now[0]),
        clock=lambda: people.now[0],
        deed=people.deed(),
    )
    vault.subjects = SubjectStore.open(stores, ROOT, vault.id, now=people.now[0] // 1000, made=False)
    found = Bench(vault, people.now, people.run)
    found.apply(schema(*FIELDS, unique="[[name, plain]]"))
    yield found
    vault.close()


def row(number: int, **more: Any) -> dict[str, Any]:
    return {
        "name": f"Ann {number % 40}",
        "email": f"ann{number}@example.com",
        "code": f"C-{number}",
        "made": f"M-{number % 7}",
        "hers": f"H-{number % 7}",
        "tags": [f"t{number % 5}", "all"],
        "plain": f"P-{number}",
        **more,
    }


def fill(people: Bench, count: int) -> list[records.Written]:
    return people.insert(TABLE, *(row(n) for n in range(count)))


def deeds(people: Bench) -> Deed:
    return people.deed("keys.rotate")


def values(people: Bench, ids: list[bytes]) -> list[dict[str, Any]]:
    out = []
    for record in ids:
        found = people.get(TABLE, record)
        assert found is not None
        out.append({"values": dict(found.values), "tokens": dict(found.tokens), "version": found.version})
    return out


def states(people: Bench, purpose: Purpose, owner: bytes) -> list[str]:
    stored = sorted(load_keys(people.vault.store), key=lambda item: item.version)
    return [item.state for item in stored if (item.purpose, item.owner) == (purpose, owner)]


def column(people: Bench, name: str) -> Any:
    return people.vault.table(TABLE).column(name)


ROTATIONS: dict[str, Callable[[Bench], Awaitable[Any]]] = {
    "sealed column": lambda b: rotation.rotate_column(b.vault, TABLE, "email", deeds(b)),
    "shreddable column": lambda b: rotation.rotate_column(b.vault, TABLE, "name", deeds(b)),
    "random tokens": lambda b: rotation.rotate_column(b.vault, TABLE, "code", deeds(b)),
    "file column": lambda b: rotation.rotate_column(b.vault, TABLE, "paper", deeds(b)),
    "index": lambda b: rotation.rotate_index(b.vault, TABLE, "email", "domain", deeds(b)),
    "shreddable index": lambda b: rotation.rotate_index(b.vault, TABLE, "name", "exact", deeds(b)),
    "array index": lambda b: rotation.rotate_index(b.vault, TABLE, "tags", "exact", deeds(b)),
    "unique": lambda b: rotation.rotate_unique(b.vault, TABLE, ["email"], deeds(b)),
    "unique pair": lambda b: rotation.rotate_unique(b.vault, TABLE, ["plain", "name"], deeds(b)),
    "token tags": lambda b: rotation.rotate_token_tags(b.vault, TABLE, "email", deeds(b)),
    "shreddable token tags": lambda b: rotation.rotate_token_tags(b.vault, TABLE, "name", deeds(b)),
    "consumer token tags": lambda b: rotation.rotate_token_tags(b.vault, TABLE, "hers", deeds(b)),
    "key-encryption key": lambda b: rotation.rewrap(b.vault, deeds(b)),
    "window": lambda b: rotation.advance(b.vault, deeds(b)),
}


def upload(people: Bench, record: bytes, content: bytes) -> None:
    async def pieces() -> Any:
        yield content

    sent = files.Upload(content=pieces(), name="a.pdf", mime="application/pdf")
    permit = people.permit("update", TABLE)
    people.run(files.store(people.vault, permit, record, "paper", sent, people.deed()))


@pytest.mark.parametrize("name", ROTATIONS)
def test_values_tokens_and_claims_stay_what_they_were(people: Bench, name: str) -> None:
    made = fill(people, 30)
    ids = [item.id for item in made]
    before = values(people, ids)
    people.run(ROTATIONS[name](people))
    assert values(people, ids) == before
    assert not rotation.unfinished(people.vault)
    with pytest.raises(DuplicateValue):
        people.insert(TABLE, row(99, email="ann7@example.com"))
    with pytest.raises(DuplicateValue):
        people.insert(TABLE, row(98, name="Ann 7", plain="P-7"))
    [again] = people.insert(TABLE, row(7, email="new@example.com", plain="other"))
    assert again.tokens["name"] == made[7].tokens["name"], "deterministic tokens stay so"
    assert again.tokens["hers"] == made[7].tokens["hers"]
    assert again.tokens["made"] == made[7].tokens["made"]
    assert again.tokens["email"] != made[7].tokens["email"]
    located = tokens.locate(people.vault, [str(made[3].tokens["email"]), str(made[3].tokens["code"])])
    permits = {TABLE: people.permit("detokenize", TABLE)}
    shown = people.run(reveal.detokenize(people.vault, permits, located, people.deed()))
    assert [type(item) for item in shown] == [str, str]


def test_a_rotated_column_is_sealed_under_the_new_key_alone(people: Bench) -> None:
    ids = [item.id for item in fill(people, 450)]
    vault, name = people.vault, column(people, "name")
    old, old_token = vault.ring.cell(name.id).key_id, vault.ring.cell(name.token_id, "token").key_id
    assert people.run(rotation.rotate_column(vault, TABLE, "name", deeds(people))) == 2
    cells = vault.store.select(Select(table=vault.table(TABLE).rows, columns=(name.cell,)))
    new = vault.ring.cell(name.id).key_id
    assert new != old and {seal.key_id(item[0]) for item in cells} == {new}  # type: ignore[arg-type]
    copies = vault.store.select(Select(table="refs", columns=("cell",), where=In("holder", tuple(ids))))
    assert old_token not in {seal.key_id(item[0]) for item in copies if item[0] is not None}  # type: ignore[arg-type]
    for key_id in (old, old_token):
        with pytest.raises(Gone):
            vault.ring.cell_by_id(key_id)
    assert states(people, "cell", name.id) == ["destroyed", "active"]


def test_an_old_cell_of_a_shreddable_column_needs_the_old_column_key(people: Bench) -> None:
    [made] = fill(people, 1)
    vault = people.vault
    before = records.fetch(vault, vault.table(TABLE), [made.id])
    people.run(rotation.rotate_column(vault, TABLE, "name", deeds(people)))
    with pytest.raises(Gone):
        vault.sealer(vault.table(TABLE)).open(column(people, "name"), before)


def test_a_rebuilt_index_has_no_old_tag_left(people: Bench) -> None:
    fill(people, 60)
    vault = people.vault
    index, tags = column(people, "name").index("exact"), column(people, "tags").index("exact")

    def held() -> set[Any]:
        plain = vault.store.select(Select(table=vault.table(TABLE).rows, columns=(f"x{index.slot}",)))
        where = Compare("index_id", "=", tags.id)
        return {*plain, *vault.store.select(Select(table="elements", columns=("tag",), where=where))}

    before = held()
    people.run(rotation.rotate_index(vault, TABLE, "name", "exact", deeds(people)))
    people.run(rotation.rotate_index(vault, TABLE, "tags", "exact", deeds(people)))
    assert len(held()) == len(before) and not held() & before
    wanted = vault.ring.index(tags.id).tag(b"t3")
    assert (
        len(vault.store.select(Select(table="elements", columns=("record",), where=Compare("tag", "=", wanted)))) == 12
    )


def test_a_file_stays_readable_under_a_new_column_key(people: Bench) -> None:
    [made] = fill(people, 1)
    content = b"%PDF-2.0\n" + bytes(300_000)
    upload(people, made.id, content)
    people.run(ROTATIONS["file column"](people))

    async def read() -> bytes:
        permit = people.permit("read", TABLE)
        found = await files.read(people.vault, permit, made.id, "paper", people.deed())
        return b"".join([piece async for piece in found.content])

    assert people.run(read()) == content
    heads = people.vault.store.select(Select(table="chunks", columns=("cell",), where=Compare("place", "=", 0)))
    assert len(heads) == 1


def test_what_does_not_exist_is_not_rotated(people: Bench) -> None:
    for wrong in (
        rotation.rotate_index(people.vault, TABLE, "email", "year", deeds(people)),
        rotation.rotate_unique(people.vault, TABLE, ["plain"], deeds(people)),
        rotation.rotate_token_tags(people.vault, TABLE, "plain", deeds(people)),
    ):
        with pytest.raises(NotFound):
            people.run(wrong)


def test_a_second_change_of_keys_waits_its_turn(serving: Bench) -> None:
    people = serving
    fill(people, 20)

    async def both() -> list[Any]:
        first = rotation.rotate_column(people.vault, TABLE, "name", deeds(people))
        second = rotation.rotate_column(people.vault, TABLE, "email", deeds(people))
        return await asyncio.gather(first, second, return_exceptions=True)

    first, second = people.run(both())
    assert first == 2 and isinstance(second, Conflict)


# --- while the vault serves -----------------------------------------------------------------------------------


async def traffic(people: Bench, ids: list[bytes], done: asyncio.Event, faults: list[object], start: int) -> int:
    """Insert, update, look up and contend for unique values until `done`; return how many calls were made.

    `start`: numbers from here on are this one's. The values contended for are those that a pass comes to last.
    """
    vault, calls = people.vault, start
    insert, update, read = (people.permit(action, TABLE) for action in ("insert", "update", "read"))
    tokenize, detokenize = people.permit("tokenize", TABLE), people.permit("detokenize", TABLE)
    sealer_view = records.View(vault.table(TABLE).names())
    while not done.is_set():
        calls += 1
        number = calls
        [made] = await records.insert(vault, insert, [row(number)], people.deed())
        chosen = ids[calls * 7 % len(ids)]
        await records.update(vault, update, chosen, {"plain": f"U-{calls}"}, people.deed())
        if found_by_tag(people, "email", f"ann{number}@example.com") != [made.id]:
            faults.append(("missed", number))
        old = len(ids) - 1 - calls * 11 % 60
        if found_by_tag(people, "email", f"ann{old}@example.com") != [ids[old]]:
            faults.append(("missed", old))
        [shown] = await records.get(vault, read, [ids[old]], sealer_view, people.deed())
        if shown.values["email"] != "a***@example.com" and shown.values["email"] != f"ann{old}@example.com":
            faults.append(("wrong", old))
        same = await asyncio.gather(
            *(
                records.insert(vault, insert, [row(n, email=f"race{number}@example.com")], people.deed())
                for n in (number + 10_000_000, number + 20_000_000)
            ),
            return_exceptions=True,
        )
        lost = [item for item in same if isinstance(item, BaseException)]
        if len(lost) != 1 or not isinstance(lost[0], DuplicateValue):
            faults.append(("race", lost))
        try:
            taken = row(number, email=f"ann{old}@example.com", plain=f"x{number}")
            await records.insert(vault, insert, [taken], people.deed())
            faults.append(("taken twice", old))
        except DuplicateValue:
            pass
        name = vault.table(TABLE).column("email")
        text = await reveal.tokenize(vault, tokenize, name, [f"ann{old}@example.com"], people.deed())
        if text != [shown.tokens["email"]]:
            faults.append(("another token", old))
        located = tokens.locate(vault, [str(shown.tokens["email"])])
        if not isinstance(located[0], Located):
            faults.append(("no token", old))
        else:
            await reveal.detokenize(vault, {TABLE: detokenize}, located, people.deed())
    return calls - start


def found_by_tag(people: Bench, name: str, value: str) -> list[bytes]:
    """Look a value up as a query does: by its tags under every key that lives."""
    vault = people.vault
    index = column(people, name).index("exact")
    tags = tuple(tagger.tag(value.encode()) for tagger in vault.ring.indexes(index.id))
    rows = vault.store.select(Select(table=vault.table(TABLE).rows, columns=("id",), where=In(f"x{index.slot}", tags)))
    return [item[0] for item in rows]  # type: ignore[misc]


@pytest.mark.parametrize("name", [name for name in ROTATIONS if name != "file column"])
def test_other_calls_go_on_during_a_rotation(serving: Bench, name: str) -> None:
    people = serving
    ids = [item.id for item in fill(people, 620)]
    faults: list[object] = []

    async def main() -> int:
        done = asyncio.Event()
        busy = [asyncio.create_task(traffic(people, ids, done, faults, n * 1_000_000)) for n in range(1, 5)]
        await asyncio.sleep(0)
        for _ in range(2):
            await ROTATIONS[name](people)
        done.set()
        return sum(await asyncio.gather(*busy))

    calls = people.run(main())
    assert faults == []
    assert calls > 3
    vault = people.vault
    rows = vault.store.select(Select(table=vault.table(TABLE).rows, columns=("id",)))
    claimed = vault.store.select(Select(table="uniques", columns=("tag", "record")))
    assert len(claimed) == 2 * len(rows) and {item[1] for item in claimed} == {item[0] for item in rows}
    everything = [item for part in range(0, len(rows), 200) for item in rows[part : part + 200]]
    view = records.View(vault.table(TABLE).names())
    permit = people.permit("read", TABLE)
    found = people.run(records.get(vault, permit, [item[0] for item in everything], view, people.deed()))  # type: ignore[misc]
    assert len(found) == len(rows)


def test_a_change_that_races_the_pass_loses_nothing(serving: Bench) -> None:
    """An update read the record before the pass wrote it, and writes afterwards: it must see the new cells."""
    people = serving
    ids = [item.id for item in fill(people, 8)]
    permit = people.permit("update", TABLE)

    async def main() -> None:
        changes = [
            records.update(people.vault, permit, record, {"plain": f"U-{turn}"}, people.deed(), version=turn + 1)
            for turn in range(1)
            for record in ids
        ]
        rotate = rotation.rotate_column(people.vault, TABLE, "name", deeds(people))
        await asyncio.gather(*changes[:4], rotate, *changes[4:])

    people.run(main())
    for item in values(people, ids):
        assert item["values"]["plain"] == "U-0" and item["version"] == 2


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
    people.now[0] += rotation.WINDOW_MS
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
