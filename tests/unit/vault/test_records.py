"""Writing and reading records: what is kept, what is refused, and what nobody may see."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from a_vault import Bench, references, schema

from privet import digest
from privet.errors import (
    Damaged,
    Denied,
    DuplicateValue,
    InvalidBatch,
    NotFound,
    StaleVersion,
    StillReferenced,
    UnknownName,
)
from privet.store.port import Select, Unit, Update
from privet.vault import listing, locate, records, reveal
from privet.vault import rows as rows_of
from privet.vault.log.audit import Retry
from privet.vault.people import erasure
from privet.vault.sight import View
from privet.vault.upkeep import expiry
from privet.vocabulary.predicate import Compare

PEOPLE = schema(
    "name: type: person.full_name, keep: sealed, index: exact, required: true",
    "email: type: contact.email, keep: sealed, index: [exact, domain], unique: true, token: stored",
    "ssn: type: us.ssn, keep: sealed, index: exact, token: stored",
    "visits: type: integer, default: 0",
    'tags: type: "string[]", index: exact',
)
ORDERS = """      - name: orders
        fides_meta: {privet: {subject: via person}}
        fields:
          - name: person
            fides_meta: {privet: {type: string, references: people.id}}
          - name: amount
            fides_meta: {privet: {type: fin.amount}}
"""
ANN: dict[str, Any] = {"name": "Ann Example", "email": "ann@example.com", "ssn": "536-90-4399", "tags": ["a", "b"]}
BOB: dict[str, Any] = {"name": "Bob Example", "email": "bob@example.com", "ssn": "536-90-4399"}


@pytest.fixture
def people(bench: Bench) -> Bench:
    bench.apply(PEOPLE + ORDERS)
    return bench


def test_a_record_reads_back_as_it_was_sent(people: Bench) -> None:
    [written] = people.insert("people", ANN)
    found = people.get("people", written.id)
    assert found is not None
    assert found.values == {
        "name": "Ann Example",
        "email": "ann@example.com",
        "ssn": "*****4399",  # the type's ceiling: no role sees a whole SSN
        "visits": 0,
        "tags": ["a", "b"],
    }


def test_one_record_and_a_batch_write_the_same_bytes(people: Bench) -> None:
    fields = {key: value for key, value in ANN.items() if key != "tags"}
    people.apply(
        (PEOPLE + ORDERS).replace(
            '          - name: tags\n            fides_meta: {privet: {type: "string[]", index: exact}}\n', ""
        ),
        allow_loss=True,
    )
    table = people.vault.table("people")
    sealer = people.vault.sealer(table)
    [alone] = people.insert("people", fields)
    assert any(plan.fits for plan in people.vault.plans.values())  # type: ignore[attr-defined]
    pair = people.insert("people", {**fields, "email": "x@example.com"}, {**fields, "email": "y@example.com"})
    rows = rows_of.fetch(people.vault, table, [alone.id, pair[0].id])
    sealer.verify(rows)
    one, other = (dict(zip(sealer.physical, row, strict=True)) for row in rows)
    same = {"x", "t"}
    for column in table.columns:
        if column.name == "email":
            continue
        for name in [tag.name for tag in sealer.tags[column.name]] + ([column.token] if column.token_slot else []):
            assert one[name] == other[name] and name[0] in same
        texts = sealer.open(column, rows)
        assert texts[0] == texts[1]
    assert alone.tokens["ssn"] == pair[1].tokens["ssn"]


@pytest.mark.parametrize("partial", [False, True])
def test_an_atomic_batch_keeps_nothing_and_a_partial_one_the_rest(people: Bench, partial: bool) -> None:
    bad = {**BOB, "email": "no-at-sign", "ssn": "000-00-0000"}
    if partial:
        written = people.insert("people", ANN, bad, partial=True)
        assert written[0].error is None and written[1].error is not None
    else:
        with pytest.raises(InvalidBatch) as caught:
            people.insert("people", ANN, bad)
        assert [fault.at for fault in caught.value.faults] == ["records[1].email", "records[1].ssn"]
        assert "no-at-sign" not in str(caught.value.faults)
    count = len(people.vault.store.select(Select(table=people.vault.table("people").rows, columns=("id",))))
    assert count == (1 if partial else 0)


def test_a_missing_required_value_and_an_unknown_column_are_named(people: Bench) -> None:
    with pytest.raises(InvalidBatch) as caught:
        people.insert("people", {"email": "ann@example.com", "nickname": "x"})
    assert {fault.at for fault in caught.value.faults} == {"records[0].name", "records[0].nickname"}


@pytest.mark.parametrize("alone", [True, False])
def test_a_unique_value_is_held_once(people: Bench, alone: bool) -> None:
    people.insert("people", ANN)
    again = [{**BOB, "email": "ANN@EXAMPLE.COM".replace("ANN", "ann")}]
    with pytest.raises(DuplicateValue):
        people.insert("people", *again, *([] if alone else [BOB]))
    with pytest.raises(DuplicateValue):
        people.insert("people", BOB, {**ANN, "email": "bob@example.com"})


def test_an_update_changes_what_it_names_and_counts_versions(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    permit = people.permit("update", "people")
    changed = people.run(
        records.update(people.vault, permit, ann.id, {"email": "zoe@example.com"}, people.deed(), version=1)
    )
    assert changed.version == 2 and changed.tokens["email"] != ann.tokens["email"]
    found = people.get("people", ann.id)
    assert found is not None and found.values["email"] == "zoe@example.com" and found.values["name"] == "Ann Example"
    with pytest.raises(StaleVersion):
        people.run(records.update(people.vault, permit, ann.id, {"visits": 3}, people.deed(), version=1))
    people.insert("people", {**BOB, "email": "ann@example.com"})  # the old value is free again


def test_an_upsert_finds_its_record_by_the_unique_set(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    permits = people.permit("insert", "people"), people.permit("update", "people")
    rows = [{"email": "ann@example.com", "visits": 7}, BOB]
    first, second = people.run(
        records.upsert(people.vault, permits, ["email"], rows, people.deed(), asking=people.asking("people"))
    )
    assert (first.id, first.version) == (ann.id, 2) and second.version == 1
    found = people.get("people", ann.id)
    assert found is not None and found.values["visits"] == 7 and found.values["name"] == "Ann Example"
    with pytest.raises(UnknownName):
        people.run(records.upsert(people.vault, permits, ["name"], rows, people.deed(), asking=people.asking("people")))


def test_references_point_to_records_and_hold_them(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    text = digest.id_text(ann.id)
    [order] = people.insert("orders", {"person": text, "amount": "12.50"})
    found = people.get("orders", order.id)
    assert found is not None and found.values == {"person": text, "amount": "12.5"}
    with pytest.raises(NotFound):
        people.insert("orders", {"person": digest.id_text(bytes(16)), "amount": "1"})
    with pytest.raises(StillReferenced):
        people.run(records.delete(people.vault, people.permit("delete", "people"), [ann.id], people.deed()))


def test_a_deleted_record_takes_its_tags_and_lone_tokens_along(people: Bench) -> None:
    ann, bob = people.insert("people", ANN, BOB)
    assert people.run(records.delete(people.vault, people.permit("delete", "people"), [ann.id], people.deed())) == 1
    assert people.get("people", ann.id) is None
    assert {row[1] for row in references(people.vault)} == {bob.id}
    located = locate.locate(people.vault, [ann.tokens["email"] or "", ann.tokens["ssn"] or ""])
    assert isinstance(located[0], NotFound) and not isinstance(located[1], Exception)
    assert people.vault.store.select(Select(table="elements", columns=("record",))) == []


def test_equal_values_have_equal_tokens_and_show_under_a_permit(people: Bench) -> None:
    ann, bob = people.insert("people", ANN, BOB)
    assert ann.tokens["ssn"] == bob.tokens["ssn"] and ann.tokens["email"] != bob.tokens["email"]
    texts = [ann.tokens["ssn"] or "", ann.tokens["email"] or "", "tok_garbage"]
    for role, expected in (
        ("owner", ["*****4399", "ann@example.com"]),
        ("viewer", ["***-**-4399", "a***@example.com"]),
    ):
        located = locate.locate(people.vault, texts)
        permits = {"people": people.permit("detokenize", "people", "ssn", "email", role=role)}
        shown = people.run(reveal.detokenize(people.vault, permits, located, people.deed()))
        assert shown[:2] == expected and isinstance(shown[2], Exception)
    denied = people.run(reveal.detokenize(people.vault, {}, locate.locate(people.vault, texts), people.deed()))
    assert all(isinstance(item, Exception) for item in denied)


def test_tokenizing_needs_no_right_to_read(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    column = people.vault.table("people").column("ssn")
    permit = people.permit("tokenize", "people", "ssn", role="tokenizer")
    made = people.run(reveal.tokenize(people.vault, permit, column, ["536904399", None], people.deed()))
    assert made == [ann.tokens["ssn"], None]
    with pytest.raises(Denied):
        people.permit("read", "people", "ssn", role="tokenizer")
    with pytest.raises(InvalidBatch) as caught:
        people.run(reveal.tokenize(people.vault, permit, column, ["536904399", "nonsense"], people.deed()))
    assert caught.value.faults[0].at == "values[1]"


def test_an_erased_person_is_gone_and_a_shared_value_still_works(people: Bench) -> None:
    ann, bob = people.insert("people", ANN, BOB)
    people.insert("orders", {"person": digest.id_text(ann.id), "amount": "3"})
    subject = erasure.subject_of(people.vault, people.vault.table("people"), ann.id)
    erased = people.run(erasure.erase(people.vault, subject, people.deed("erase")))
    assert erased.records == 2
    assert people.get("people", ann.id) is None and people.get("people", bob.id) is not None
    located = locate.locate(people.vault, [ann.tokens["email"] or "", bob.tokens["ssn"] or ""])
    assert isinstance(located[0], NotFound) and not isinstance(located[1], Exception)
    assert people.run(erasure.erase(people.vault, subject, people.deed("erase"))).records == 0


def test_records_expire_and_are_swept(bench: Bench) -> None:
    bench.apply(schema("name: type: person.full_name, keep: sealed", ttl="1h"))
    [old] = bench.insert("people", {"name": "Ann Example"})
    bench.now[0] += 3_600_001
    [new] = bench.insert("people", {"name": "Bob Example"})
    assert bench.get("people", old.id) is None and bench.get("people", new.id) is not None
    assert bench.run(expiry.sweep(bench.vault, bench.deed("sweep"))) == 1
    rows = bench.vault.store.select(Select(table=bench.vault.table("people").rows, columns=("id",)))
    assert rows == [(new.id,)]


def test_pages_follow_each_other_and_a_cursor_is_bound_to_its_question(people: Bench) -> None:
    rows = [{**BOB, "email": f"p{i}@example.com"} for i in range(7)]
    written = people.insert("people", *rows)
    permit = people.permit("read", "people")
    view, seen, cursor, last = View(("email",)), [], "", ""
    for _ in range(3):
        page, cursor = people.run(listing.page(people.vault, permit, view, people.deed(), limit=3, cursor=cursor))
        seen += [item.id for item in page]
        last = cursor or last
    assert seen == [item.id for item in written] and cursor == ""
    with pytest.raises(Exception, match="cursor"):
        people.run(listing.page(people.vault, permit, View(("name",)), people.deed(), limit=3, cursor=last))


@pytest.mark.parametrize("kind", ["cell", "tag", "swap", "version"])
def test_a_changed_row_fails_closed(people: Bench, kind: str) -> None:
    ann, bob = people.insert("people", ANN, BOB)
    table = people.vault.table("people")
    sealer = people.vault.sealer(table)
    email = table.column("email")
    rows = {row[0]: row for row in people.vault.store.select(Select(table=table.rows, columns=sealer.physical))}
    name = {"cell": email.cell, "tag": f"x{email.indexes[0].slot}", "swap": email.cell, "version": "version"}[kind]
    cell = rows[ann.id][sealer.place[name]]
    if kind == "cell":
        cell = cell[:-1] + bytes([cell[-1] ^ 1])  # type: ignore[index, operator]
    elif kind == "version":
        cell = 9
    else:
        cell = rows[bob.id][sealer.place[name]]
    people.vault.store.write_now(Unit((Update(table.rows, (name,), ("id",), ((cell, ann.id),)),)))
    with pytest.raises(Damaged):
        people.get("people", ann.id)
    assert people.get("people", bob.id) is not None


def test_every_answer_has_an_entry_before_it(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    before = len(people.vault.store.select(Select(table="audit", columns=("seq",))))
    people.get("people", ann.id)
    rows = people.vault.store.select(
        Select(table="audit", columns=("body", "records"), where=Compare("seq", ">", before))
    )
    assert len(rows) == 1 and b"ann" not in rows[0][0].lower() and rows[0][1] == ann.id  # type: ignore[union-attr]


def test_row_rules_hold_for_writing_too(people: Bench) -> None:
    ann, bob = people.insert("people", ANN, BOB)
    only_bob = replace(people.permit("update", "people"), rows=Compare("email", "=", "bob@example.com"))
    with pytest.raises(NotFound):
        people.run(records.update(people.vault, only_bob, ann.id, {"visits": 3}, people.deed()))
    people.run(records.update(people.vault, only_bob, bob.id, {"visits": 3}, people.deed()))
    permits = people.permit("insert", "people"), only_bob
    with pytest.raises(DuplicateValue):
        people.run(
            records.upsert(
                people.vault, permits, ["email"], [{**ANN, "visits": 1}], people.deed(), asking=people.asking("people")
            )
        )
    assert people.run(records.delete(people.vault, only_bob, [ann.id, bob.id], people.deed())) == 1
    assert people.get("people", ann.id) is not None


def test_tokens_of_each_consumer_go_with_their_record(bench: Bench) -> None:
    bench.apply(schema("code: type: string, keep: sealed, token: {kind: stored, scope: consumer}"))
    [one] = bench.insert("people", {"code": "c"})
    assert one.tokens["code"]
    bench.run(records.delete(bench.vault, bench.permit("delete", "people"), [one.id], bench.deed()))
    for name, column in (("tokens", "token"), ("refs", "token")):
        assert bench.vault.store.select(Select(table=name, columns=(column,))) == []


@pytest.mark.parametrize("kind", ["wide", "expiry"])
def test_a_head_without_lengths_cannot_be_read_two_ways(people: Bench, kind: str) -> None:
    [ann] = people.insert("people", ANN)
    table = people.vault.table("people")
    sealer = people.vault.sealer(table)
    row = rows_of.fetch(people.vault, table, [ann.id])[0]
    tags = [name for name, _ in sealer.items if name[0] == "x"]
    first = next(name for name in tags if row[sealer.place[name]] is not None)
    names = [name for name, _ in sealer.items]
    follower = names[names.index(first) + 1]
    label = dict(sealer.items)[follower]
    following = row[sealer.place[follower]]
    if kind == "expiry":
        step = Update(table.rows, ("expires",), ("id",), ((0, ann.id),))
    else:
        item = following[5:21] if follower[0] == "c" else following  # type: ignore[index]
        swallowed = row[sealer.place[first]] + label + item  # type: ignore[operator]
        step = Update(table.rows, (first, follower), ("id",), ((swallowed, None, ann.id),))
    people.vault.store.write_now(Unit((step,)))
    with pytest.raises(Damaged):
        people.get("people", ann.id)


def test_a_reference_is_a_record_id_in_one_form(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    with pytest.raises(InvalidBatch) as caught:
        people.insert("orders", {"person": "abc", "amount": "1"})
    assert caught.value.faults[0].at == "records[0].person"
    text = digest.id_text(ann.id)
    [order] = people.insert("orders", {"person": text.upper(), "amount": "1"})
    found = people.get("orders", order.id)
    assert found is not None and found.values["person"] == text


def test_a_record_is_not_deleted_while_another_comes_to_refer_to_it(people: Bench) -> None:
    [ann] = people.insert("people", ANN)

    async def race() -> list[object]:
        delete = records.delete(people.vault, people.permit("delete", "people"), [ann.id], people.deed())
        row = {"person": digest.id_text(ann.id), "amount": "1"}
        insert = records.insert(people.vault, people.permit("insert", "orders"), [row], people.deed())
        return await asyncio.gather(delete, insert, return_exceptions=True)

    found = people.run(race())
    orders = people.vault.store.select(Select(table=people.vault.table("orders").rows, columns=("id",)))
    assert sum(isinstance(item, Exception) for item in found) == 1
    assert (people.get("people", ann.id) is None) is (orders == [])


def test_only_tokens_of_the_columns_asked_for_are_shown(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    permit = people.permit("read", "people", "name", "email")
    [found] = people.run(records.get(people.vault, permit, [ann.id], View(("name", "ssn")), people.deed()))
    assert found.tokens == {} and set(found.values) == {"name"}


def test_a_retry_is_answered_in_the_order_in_which_it_was_sent(people: Bench) -> None:
    retry = Retry(b"k" * 32, b"b" * 32, people.now[0] + 10_000)
    deed = replace(people.deed("insert"), retry=retry)
    permit = people.permit("insert", "people")
    bad = {**ANN, "email": "no-at-sign"}
    first = people.run(records.insert(people.vault, permit, [bad, BOB], deed, partial=True))
    [row] = people.vault.store.select(Select(table="idempotency", columns=("answer",)))
    settled = row[0]
    assert isinstance(settled, bytes)
    ids = [settled[at : at + 16] for at in range(0, len(settled), 16)]
    again = records.present(people.vault, people.vault.table("people"), ids, "p1")
    assert [item.id for item in again] == [item.id for item in first]
    assert again[0].error is not None and again[1].tokens == first[1].tokens


def test_a_unique_value_keeps_the_token_that_it_had_before_its_record(people: Bench) -> None:
    column = people.vault.table("people").column("email")
    permit = people.permit("tokenize", "people", "email")
    [token] = people.run(reveal.tokenize(people.vault, permit, column, ["ann@example.com"], people.deed()))
    plain = {key: value for key, value in ANN.items() if key != "tags"}
    assert people.insert("people", plain)[0].tokens["email"] == token


def test_values_at_typed_paths_of_json_are_what_their_types_say(bench: Bench) -> None:
    bench.apply(schema("more: type: json, keep: sealed, paths: {contact.email: contact.email, born: person.dob}"))
    sent = {"contact": {"email": "Ann@EXAMPLE.com", "other": 1}, "born": "1985-02-03"}
    [one] = bench.insert("people", {"more": sent})
    found = bench.get("people", one.id)
    assert found is not None
    assert found.values["more"] == {"contact": {"email": "Ann@example.com", "other": 1}, "born": "1985-02-03"}
    bench.insert("people", {"more": {"contact": None}}, {"more": [1]}, {})
    with pytest.raises(InvalidBatch) as caught:
        bench.insert("people", {"more": {"contact": {"email": "nobody"}, "born": "soon"}})
    places = [fault.at for fault in caught.value.faults]
    assert places == ["records[0].more.contact.email", "records[0].more.born"]
    assert "nobody" not in str(caught.value.faults)
