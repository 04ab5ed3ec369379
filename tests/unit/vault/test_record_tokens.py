"""The token of a whole record: one UUID for a set of its columns, shown under a permit, gone with the record."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import pytest
from a_vault import Bench, schema

from privet import digest
from privet.errors import Denied, InvalidInput, InvalidSchema, InvalidToken, NotFound, PrivetError
from privet.policy.decide import decide
from privet.policy.syntax import Policy, Role, Rule, Target
from privet.store.port import Select, Unit, Update
from privet.vault import locate, records, reveal
from privet.vault.log.checkpoint import Log
from privet.vault.log.verify import verify
from privet.vault.people import erasure
from privet.vault.reader import read_schema
from privet.vocabulary.access import Access, Principal
from privet.vocabulary.predicate import Compare

FIELDS = (
    "name: type: person.full_name, keep: shreddable, token: record",
    "email: type: contact.email, keep: sealed, token: {kind: record}",
    "tags: type: 'string[]', token: record",
    "phone: type: contact.phone, keep: sealed, token: stored",
    "state: type: address.state, keep: sealed",
)
ANN = {"name": "Ann Example", "email": "ann@example.com", "tags": ["a", "b"], "phone": "+12025550141", "state": "CA"}
BO = {"name": "Bo Example", "email": "ann@example.com", "state": "NY"}


@pytest.fixture
def people(bench: Bench) -> Bench:
    bench.apply(schema(*FIELDS))
    return bench


def detokenize(people: Bench, token: str, *, role: Role | None = None, column: str = "", redaction: str = "") -> Any:
    found = locate.locate(people.vault, [token], column=column)
    permits = {}
    for name, (table, columns) in reveal.tables_of(found).items():
        policy = Policy("test/1", (role,)) if role else None
        who = Principal(id="p1", name="test", roles=(role.name if role else "owner",))
        try:
            permits[name] = (
                decide(policy, who, Access("detokenize", name, columns), table.collection)
                if policy
                else people.permit("detokenize", name, *columns)
            )
        except Denied:
            continue
    [shown] = people.run(reveal.detokenize(people.vault, permits, found, people.deed(), redaction=redaction))
    return shown


def failure(shown: Any) -> type[PrivetError]:
    assert isinstance(shown, PrivetError)
    return type(shown)


@pytest.mark.parametrize("count", [1, 3])
def test_all_its_columns_answer_with_one_random_uuid_of_the_record(people: Bench, count: int) -> None:
    made = people.insert("people", *[ANN] * count)
    texts = [item.tokens["name"] for item in made]
    for item, text in zip(made, texts, strict=True):
        assert {item.tokens[name] for name in ("name", "email", "tags")} == {text}
        assert item.tokens["phone"] != text and uuid.UUID(str(text)).version == 4
        assert text != digest.id_text(item.id)
        found = people.get("people", item.id)
        assert found is not None and found.tokens == item.tokens
    assert len(set(texts)) == count, "equal values of two records have unlike tokens"


def test_a_column_without_a_value_has_no_token(people: Bench) -> None:
    [bo] = people.insert("people", BO)
    assert bo.tokens == {"name": bo.tokens["email"], "email": bo.tokens["email"], "tags": None, "phone": None}


def test_it_shows_the_columns_that_it_stands_for_as_one_object(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    text = str(ann.tokens["name"])
    assert detokenize(people, text) == {"name": "Ann Example", "email": "ann@example.com", "tags": ["a", "b"]}
    assert detokenize(people, text, column="email") == {"email": "ann@example.com"}
    assert detokenize(people, text, redaction="masked")["email"] == "a***@example.com"
    assert failure(detokenize(people, text, column="state")) is InvalidToken
    assert failure(detokenize(people, str(uuid.uuid4()))) is NotFound
    assert failure(detokenize(people, digest.id_text(ann.id))) is NotFound, "a record id is no token"


def test_each_column_stands_under_its_own_permit_and_row_rules_hold(people: Bench) -> None:
    texts = [str(item.tokens["email"]) for item in people.insert("people", ANN, BO)]
    allow = {"effect": "allow", "actions": ("detokenize",)}
    email = Role("a", "e-mail, whole", (Rule(**allow, targets=(Target("people", "email"),)),))  # type: ignore[arg-type]
    assert detokenize(people, texts[0], role=email) == {"email": "ann@example.com"}
    assert failure(detokenize(people, texts[0], role=email, column="name")) is Denied
    state = Role("b", "Californians", (Rule(**allow, where=Compare("state", "=", "CA")),))  # type: ignore[arg-type]
    assert detokenize(people, texts[0], role=state, column="name") == {"name": "Ann Example"}
    assert failure(detokenize(people, texts[1], role=state)) is NotFound


def test_a_change_keeps_the_token_and_it_shows_the_new_value(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    permit = people.permit("update", "people")
    changes = {"email": "new@example.com", "tags": None}
    changed = people.run(records.update(people.vault, permit, ann.id, changes, people.deed()))
    assert changed.tokens == {"email": ann.tokens["email"], "tags": None}
    shown = detokenize(people, str(ann.tokens["name"]))
    assert shown == {"name": "Ann Example", "email": "new@example.com", "tags": None}


@pytest.mark.parametrize("way", ["delete", "erase"])
def test_it_dies_with_its_record(people: Bench, way: str) -> None:
    ann, bo = people.insert("people", ANN, BO)
    if way == "delete":
        people.run(records.delete(people.vault, people.permit("delete", "people"), [ann.id], people.deed()))
    else:
        subject = people.vault.store.select(Select(table="r1", columns=("subject",), where=Compare("id", "=", ann.id)))[
            0
        ][0]
        people.run(erasure.erase(people.vault, subject, people.deed()))  # type: ignore[arg-type]
    assert failure(detokenize(people, str(ann.tokens["name"]))) is NotFound
    assert detokenize(people, str(bo.tokens["name"]), column="name") == {"name": "Bo Example"}


def test_it_is_made_with_its_record_alone(people: Bench) -> None:
    column, permit = people.vault.table("people").column("email"), people.permit("tokenize", "people")
    with pytest.raises(InvalidInput, match="stands for a whole record"):
        people.run(reveal.tokenize(people.vault, permit, column, ["ann@example.com"], people.deed()))


def test_records_that_are_there_get_one_when_the_schema_says_so(people: Bench) -> None:
    [ann] = people.insert("people", ANN)
    people.apply(schema(*FIELDS[:4], "state: type: address.state, keep: sealed, token: record"))
    found = people.get("people", ann.id)
    assert found is not None and found.tokens == {**ann.tokens, "state": ann.tokens["name"]}
    people.apply(
        schema(*(field.replace(", token: record", "").replace("{kind: record}", "stored") for field in FIELDS))
    )
    assert failure(detokenize(people, str(ann.tokens["name"]))) is NotFound
    people.apply(schema(*FIELDS))
    again = people.get("people", ann.id)
    assert again is not None and again.tokens["name"] not in (None, ann.tokens["name"])


def test_a_token_that_was_given_to_another_record_opens_nothing(people: Bench, tmp_path: Path) -> None:
    vault = people.vault
    log = Log(store=vault.store, ring=vault.ring, owner=vault.id, path=str(tmp_path / "point"))
    log.begin()
    ann, bo = people.insert("people", ANN, BO)
    assert verify(vault, log).faults == ()
    name = vault.table("people").token
    stolen = digest.id_bytes(str(ann.tokens["name"]))
    vault.store.write_now(Unit((Update("r1", (name,), ("id",), ((digest.random_ids(1)[0], ann.id), (stolen, bo.id))),)))
    with pytest.raises(PrivetError, match="fails its check"):
        detokenize(people, str(ann.tokens["name"]))
    assert {fault.rule for fault in verify(vault, log).faults} == {"record.head"}


@pytest.mark.parametrize("plan", ["{kind: record, scope: vault}", "{kind: record, shape: card}"])
def test_nothing_else_can_be_said_of_it(plan: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        read_schema(schema(f"card: type: card.pan, token: {plan}"))
    assert "is a UUID" in caught.value.faults[0].message
