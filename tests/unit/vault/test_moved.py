"""Records that go over to another person, and people who are erased while others write about them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from a_vault import Bench, schema
from folk import PEOPLE, erase, kept, person, populate, subject

from privet import digest
from privet.errors import Gone, NotFound
from privet.store.port import Select
from privet.vault import locate, records, reveal
from privet.vault.people import erasure


@pytest.fixture
def people(bench: Bench) -> Bench:
    return populate(bench)


def test_a_moved_reference_seals_the_record_and_its_followers_anew(people: Bench) -> None:
    ann, bo = person(people), person(people, "Bo", "bo@example.com")
    row = {"owner": digest.id_text(ann), "pan": "4111111111111111", "note": "by the door", "code": "C-7"}
    [made] = people.insert("orders", row)
    [line] = people.insert("lines", {"order": digest.id_text(made.id), "text": "two pairs"})
    vault = people.vault
    permit = people.permit("update", "orders")
    people.run(records.update(vault, permit, made.id, {"owner": digest.id_text(bo)}, people.deed()))
    his = subject(people, bo)
    assert subject(people, made.id, "orders") == subject(people, line.id, "lines") == his
    erase(people, ann)
    order, moved = people.get("orders", made.id), people.get("lines", line.id)
    assert order is not None and moved is not None
    assert order.values["note"] == "by the door" and moved.values["text"] == "two pairs"
    assert order.tokens == made.tokens, "the tokens stay"
    located = locate.locate(vault, [str(order.tokens["pan"]), str(order.tokens["code"])])
    shown = people.run(
        reveal.detokenize(vault, {"orders": people.permit("detokenize", "orders")}, located, people.deed())
    )
    assert [type(item) for item in shown] == [str, str]
    erase(people, bo)
    assert people.get("orders", made.id) is None and people.get("lines", line.id) is None


def test_a_record_that_is_added_while_its_parent_moves_follows_the_right_person(people: Bench) -> None:
    ann, bo = person(people), person(people, "Bo", "bo@example.com")
    [made] = people.insert("orders", {"owner": digest.id_text(ann), "note": "by the door"})

    async def race() -> Any:
        permit, deed = people.permit("update", "orders"), people.deed()
        move = records.update(people.vault, permit, made.id, {"owner": digest.id_text(bo)}, deed)
        row = {"order": digest.id_text(made.id), "text": "late"}
        add = records.insert(people.vault, people.permit("insert", "lines"), [row], people.deed())
        return await asyncio.gather(add, move)

    [[line], _] = people.run(race())
    assert subject(people, line.id, "lines") == subject(people, bo)
    assert people.get("lines", line.id) is not None


def test_nothing_is_added_for_a_person_whose_erasure_has_begun(people: Bench) -> None:
    ann = person(people)

    async def race() -> list[Any]:
        row = {"owner": digest.id_text(ann), "note": "late"}
        calls = [
            records.insert(people.vault, people.permit("insert", "orders"), [row], people.deed()) for _ in range(20)
        ]
        gone = erasure.erase(people.vault, subject(people, ann), people.deed())
        return await asyncio.gather(*calls[:10], gone, *calls[10:], return_exceptions=True)

    found = people.run(race())
    assert not [item for item in found if isinstance(item, Exception) and not isinstance(item, Gone | NotFound)]
    rows = people.vault.store.select(Select(table=people.vault.table("orders").rows, columns=("id",)))
    assert rows == [] and kept(people) == set()


def test_a_record_that_changes_while_it_is_deleted_leaves_no_claim(people: Bench) -> None:
    ann = person(people)

    async def race() -> None:
        change = records.update(
            people.vault, people.permit("update", "people"), ann, {"email": "new@example.com"}, people.deed()
        )
        await asyncio.gather(
            change, records.delete(people.vault, people.permit("delete", "people"), [ann], people.deed())
        )

    people.run(race())
    assert people.vault.store.select(Select(table="uniques", columns=("tag",))) == []
    person(people, email="new@example.com")


def test_an_expired_record_is_erased_too(bench: Bench) -> None:
    bench.apply(schema(*PEOPLE, ttl="1d"))
    ann = person(bench)
    her = subject(bench, ann)
    bench.now[0] += 2 * 86_400_000
    found = bench.run(erasure.erase(bench.vault, her, bench.deed()))
    assert found.records == 1


def test_an_erasure_goes_on_when_its_caller_goes_away(people: Bench) -> None:
    ann = person(people)
    her = subject(people, ann)

    async def main() -> None:
        call = asyncio.create_task(erasure.erase(people.vault, her, people.deed()))
        await asyncio.sleep(0)
        call.cancel()
        for _ in range(100):
            await asyncio.sleep(0)

    people.run(main())
    assert people.get("people", ann) is None and kept(people) == set()
    assert erasure.finish(people.vault, people.deed()) == 0
