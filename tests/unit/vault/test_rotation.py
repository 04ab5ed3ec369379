"""Keys change while the vault serves: nothing fails or is missed, no value is claimed twice, old keys are gone."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from a_vault import Bench, references
from turning import ROTATIONS, TABLE, column, deeds, fill, prepared, row, served, states, values

from privet.crypto import seal
from privet.errors import Conflict, DuplicateValue, Gone, NotFound
from privet.store.port import Select
from privet.vault import locate, records, reveal
from privet.vault import rows as rows_of
from privet.vault.blobs import files
from privet.vault.locate import Located
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question
from privet.vault.upkeep import rotation, sweep
from privet.vocabulary.predicate import Compare, In


@pytest.fixture
def people(bench: Bench) -> Bench:
    return prepared(bench)


@pytest.fixture
def serving(people: Bench, tmp_path: Path) -> Iterator[Bench]:
    with served(people, tmp_path) as found:
        yield found


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
    located = locate.locate(people.vault, [str(made[3].tokens["email"]), str(made[3].tokens["code"])])
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
    copies = [copy for _, holder, _, copy in references(vault) if holder in ids]
    assert old_token not in {seal.key_id(copy) for copy in copies if copy is not None}  # type: ignore[arg-type]
    for key_id in (old, old_token):
        with pytest.raises(Gone):
            vault.ring.cell_by_id(key_id)
    assert states(people, "cell", name.id) == ["destroyed", "active"]


def test_an_old_cell_of_a_shreddable_column_needs_the_old_column_key(people: Bench) -> None:
    [made] = fill(people, 1)
    vault = people.vault
    before = rows_of.fetch(vault, vault.table(TABLE), [made.id])
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


# --- half way -------------------------------------------------------------------------------------------------


def halfway(people: Bench) -> None:
    """Draw new keys for everything and pass over nothing: what others meet during a rotation."""
    rows = people.vault.ring.rows()
    purposes = ("cell", "token", "index", "unique")
    owners: list[sweep.Owner] = [(item.purpose, item.owner) for item in rows if item.purpose in purposes]
    people.run(rotation._begin(people.vault, owners, deeds(people)))


def test_half_way_a_value_is_still_taken(people: Bench) -> None:
    made = fill(people, 3)
    halfway(people)
    for again in (row(9, email="ann1@example.com"), row(8, name="Ann 1", plain="P-1")):
        with pytest.raises(DuplicateValue):
            people.insert(TABLE, again)
        with pytest.raises(DuplicateValue):
            people.insert(TABLE, row(7), again)
    people.insert(TABLE, row(5))
    with pytest.raises(DuplicateValue):
        people.insert(TABLE, row(6, email="ann5@example.com"))
    permit = people.permit("update", TABLE)
    same = {"email": "ann1@example.com"}
    people.run(records.update(people.vault, permit, made[1].id, same, people.deed()))
    with pytest.raises(DuplicateValue):
        people.run(records.update(people.vault, permit, made[2].id, same, people.deed(), asking=people.asking(TABLE)))
    people.run(records.delete(people.vault, people.permit("delete", TABLE), [made[1].id], people.deed()))
    people.insert(TABLE, row(1))


def test_half_way_an_upsert_finds_whom_it_updates(people: Bench) -> None:
    made = fill(people, 3)
    halfway(people)
    changes = [{"email": "ann1@example.com", "plain": "found"}, row(9)]
    permits = people.permit("insert", TABLE), people.permit("update", TABLE)
    written = people.run(
        records.upsert(people.vault, permits, ["email"], changes, people.deed(), asking=people.asking("people"))
    )
    assert written[0].id == made[1].id and written[0].version == 2
    assert written[1].id not in {item.id for item in made}


def test_half_way_questions_see_old_and_new_records_alike(people: Bench) -> None:
    fixed(people)
    halfway(people)
    more = [row(n, name="Fixed", email=f"g{n}@fixed.example.com", code=f"Q-{n}", tags=["fixed"]) for n in (50, 51)]
    people.insert(TABLE, *more)
    assert people.run(asked(people, "SELECT COUNT(DISTINCT name) FROM people")).rows == [[2]]
    found = {text: people.run(asked(people, text)).rows for text in ASKED}
    assert [sorted(rows, key=str) for rows in found.values()] == [
        [[27]],
        [["Fixed", 27], ["Solid", 15]],
        [[42]],
        [[42]],
        [[42]],
    ]


def test_half_way_a_value_keeps_its_token(people: Bench) -> None:
    made = fill(people, 3)
    halfway(people)
    [again] = people.insert(TABLE, row(1, email="other@example.com", plain="other"))
    for name in ("name", "made", "hers"):
        assert again.tokens[name] == made[1].tokens[name]


def test_a_key_lives_as_long_as_readers_who_began_with_it(serving: Bench) -> None:
    people = serving
    [made] = fill(people, 1)
    vault = people.vault
    name = column(people, "name")
    old = vault.ring.cell(name.id).key_id
    before = records.fetch(vault, vault.table(TABLE), [made.id])

    async def main() -> None:
        with vault.reading():
            rotating = asyncio.create_task(rotation.rotate_column(vault, TABLE, "name", deeds(people)))
            for _ in range(200):
                await asyncio.to_thread(int)
            assert not rotating.done()
            assert vault.sealer(vault.table(TABLE)).open(name, before) == ["Ann 0"]
        await rotating

    people.run(main())
    with pytest.raises(Gone):
        vault.ring.cell_by_id(old)


# --- while the vault serves -----------------------------------------------------------------------------------


async def traffic(people: Bench, ids: list[bytes], done: asyncio.Event, faults: list[object], start: int) -> int:
    """Insert, update, look up and contend for unique values until `done`; return how many calls were made.

    `start`: numbers from here on are this one's. The values contended for are those that a pass comes to last.
    """
    vault, calls = people.vault, start
    insert, update, read = (people.permit(action, TABLE) for action in ("insert", "update", "read"))
    tokenize, detokenize = people.permit("tokenize", TABLE), people.permit("detokenize", TABLE)
    asking = people.asking(TABLE)
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
                records.insert(vault, insert, [row(n, email=f"race{number}@example.com")], people.deed(), asking=asking)
                for n in (number + 10_000_000, number + 20_000_000)
            ),
            return_exceptions=True,
        )
        lost = [item for item in same if isinstance(item, BaseException)]
        if len(lost) != 1 or not isinstance(lost[0], DuplicateValue):
            faults.append(("race", lost))
        try:
            taken = row(number, email=f"ann{old}@example.com", plain=f"x{number}")
            await records.insert(vault, insert, [taken], people.deed(), asking=asking)
            faults.append(("taken twice", old))
        except DuplicateValue:
            pass
        name = vault.table(TABLE).column("email")
        text = await reveal.tokenize(vault, tokenize, name, [f"ann{old}@example.com"], people.deed())
        if text != [shown.tokens["email"]]:
            faults.append(("another token", old))
        located = locate.locate(vault, [str(shown.tokens["email"])])
        if not isinstance(located[0], Located):
            faults.append(("no token", old))
        else:
            await reveal.detokenize(vault, {TABLE: detokenize}, located, people.deed())
    return calls - start


ASKED = {
    "SELECT COUNT(*) FROM people WHERE name = 'Fixed'": [[25]],
    "SELECT name, COUNT(*) FROM people WHERE name IN ('Fixed', 'Solid') GROUP BY name": [["Fixed", 25], ["Solid", 15]],
    "SELECT COUNT(*) FROM people WHERE tags = 'fixed'": [[40]],
    "SELECT COUNT(*) FROM people WHERE email.domain = 'fixed.example.com'": [[40]],
    "SELECT COUNT(*) FROM people WHERE code LIKE 'Q-%'": [[40]],
}


def fixed(people: Bench) -> None:
    """Add the records that the questions above ask about; they stand where a pass comes to last."""
    rows = [
        row(n, name="Fixed" if n < 25 else "Solid", email=f"f{n}@fixed.example.com", code=f"Q-{n}", tags=["fixed"])
        for n in range(40)
    ]
    people.insert(TABLE, *rows)


async def asked(people: Bench, text: str) -> query.Answer:
    """Ask one question as somebody who sees everything."""
    question = read_question(text, people.vault.schema)
    read, search = ({TABLE: people.permit(action, TABLE)} for action in ("read", "search"))
    permits = Permits(read=read, search=search)
    return await query.run(people.vault, question, permits, people.deed(), query.Terms(least=1))


async def questions(people: Bench, done: asyncio.Event, faults: list[object]) -> int:
    """Ask until `done`, by whole tags, by groups of tags, by elements, by parts and by a scan."""
    count = 0
    while not done.is_set():
        for text, wanted in ASKED.items():
            answer = await asked(people, text)
            if sorted(answer.rows, key=str) != wanted:
                faults.append((text, answer.rows, answer.used))
            count += 1
    return count


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
    fixed(people)
    faults: list[object] = []

    async def main() -> int:
        done = asyncio.Event()
        busy = [asyncio.create_task(traffic(people, ids, done, faults, n * 1_000_000)) for n in range(1, 5)]
        busy.append(asyncio.create_task(questions(people, done, faults)))
        await asyncio.sleep(0)
        for _ in range(2):
            await ROTATIONS[name](people)
        done.set()
        return sum(await asyncio.gather(*busy))

    calls = people.run(main())
    assert faults == []
    assert calls > 4
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
