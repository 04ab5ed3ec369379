"""The vault as a connector: found by value, token and reference; a person of whom nothing stays goes with her key."""

from __future__ import annotations

from typing import Any

import pytest
from a_vault import Bench

from privet import digest
from privet.connectors.base import Batch, Change, Read, Record
from privet.errors import InvalidInput
from privet.store.port import Select
from privet.vault.connector import VaultConnector, dataset_of
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: name, fides_meta: {privet: {type: person.full_name, keep: shreddable}}}
          - {name: email, fides_meta: {privet: {type: contact.email, index: [exact], token: stored}}}
          - {name: card, fides_meta: {privet: {type: card.pan}}}
      - name: orders
        fides_meta: {privet: {subject: customer}}
        fields:
          - {name: customer, fides_meta: {privet: {type: string, references: people}}}
          - {name: what, fides_meta: {privet: {type: string}}}
      - name: shops
        fides_meta: {privet: {subject: none}}
        fields:
          - {name: city, fides_meta: {privet: {type: string}}}
"""
ADA, BOB = "ada@example.com", "bob@example.com"


class Stand:
    """A vault with two people, and its connector."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.apply(SCHEMA)
        made = bench.insert(
            "people",
            {"name": "Ada Invented", "email": ADA, "card": "4111111111111111"},
            {"name": "Bob Invented", "email": BOB},
        )
        self.ada, self.bob = (digest.id_text(one.id) for one in made)
        self.token = made[0].tokens["email"] or ""
        orders = [{"customer": self.ada, "what": f"thing {n}"} for n in range(3)]
        self.orders = bench.insert("orders", *orders, {"customer": self.bob, "what": "other"})
        self.dataset = dataset_of(bench.vault)
        self.connector = VaultConnector(bench.vault, self.dataset, bench.deed, bench.run)

    def table(self, name: str) -> Collection:
        found = self.dataset.collection(name)
        assert found is not None
        return found

    def read(self, name: str, **matches: list[Any]) -> list[Record]:
        ask = Read(dataset=self.dataset, collection=self.table(name), matches=matches)
        return [record for page in self.connector.read(ask) for record in page]

    def erase(self, *batches: tuple[str, list[str], dict[str, Any] | None]) -> list[int]:
        made = [
            Batch(self.table(name), [Change({"id": record}, values, f"once {record}") for record in ids])
            for name, ids, values in batches
        ]
        return self.connector.erase(self.dataset, made)

    def entries(self) -> int:
        return len(self.bench.vault.store.select(Select(table="audit", columns=("at",))))

    def erased(self) -> int:
        return len(self.bench.vault.store.select(Select(table="erasures", columns=("subject",))))


@pytest.fixture
def stand(bench: Bench) -> Stand:
    return Stand(bench)


def test_it_describes_identities_and_references(stand: Stand) -> None:
    assert stand.dataset.key == "vault_t"
    people, orders = stand.table("people"), stand.table("orders")
    assert {field.name: field.native.identity for field in people.fields} == {
        "id": "",
        "name": "",
        "email": "email",
        "card": "",
    }
    assert [field.name for field in people.fields if field.native.primary_key] == ["id"]
    assert orders.fields[1].native.links == (Link("vault_t", "people.id", "from"),)
    assert people.masking is not None
    assert people.masking.strategy == "delete"
    assert stand.table("shops").masking is None


def test_what_a_manifest_says_of_the_same_dataset_holds(stand: Stand) -> None:
    link = Link("crm", "contacts.vault_id", "to")
    field = Field(name="name", type="text", native=Native(identity="full_name", links=(link,)))
    people = Collection(name="people", fields=(field,), after=("crm.contacts",), skipped=False)
    found = dataset_of(stand.bench.vault, Dataset(key="shop", collections=(people,)))
    assert found.key == "shop"
    merged = found.collections[0]
    assert (merged.after, merged.fields[1].native.identity) == (("crm.contacts",), "full_name")
    assert merged.fields[1].native.links == (link,)


@pytest.mark.parametrize("asked", ["value", "other case", "token", "id"])
def test_a_person_is_found_by_value_token_and_id(stand: Stand, asked: str) -> None:
    matches = {"email": [{"value": ADA, "other case": "ada@EXAMPLE.com", "token": stand.token}.get(asked, "x")]}
    if asked == "id":
        matches = {"id": [stand.ada]}
    (found,) = stand.read("people", **matches)
    assert found.values == {"id": stand.ada, "name": "Ada Invented", "email": ADA, "card": "4111111111111111"}
    assert found.links == {"email": stand.token}


def test_references_lead_to_her_records_and_to_nobody_elses(stand: Stand) -> None:
    found = stand.read("orders", customer=[stand.ada])
    assert sorted(record.values["what"] for record in found) == ["thing 0", "thing 1", "thing 2"]


HOSTILE = ["", "x' or 1=1", "%", "*", "tok_", "tok_AAAA", "\x00", "a" * 10_000, None, 7, {"$gt": ""}, ["x"]]


@pytest.mark.parametrize("value", HOSTILE, ids=str)
def test_what_is_no_value_matches_nothing(stand: Stand, value: Any) -> None:
    assert stand.read("people", email=[value], id=[value]) == []


def test_a_read_is_in_the_audit_before_it_leaves(stand: Stand) -> None:
    before = stand.entries()
    stand.read("people", email=[ADA])
    assert stand.entries() == before + 1


def test_a_column_that_is_not_there_is_an_error(stand: Stand) -> None:
    wrong = Collection(name="people", fields=(Field(name="nickname", type="text"),))
    with pytest.raises(InvalidInput, match="nickname"):
        list(stand.connector.read(Read(dataset=stand.dataset, collection=wrong, matches={"id": [stand.ada]})))


def test_a_person_of_whom_nothing_stays_goes_with_her_key(stand: Stand) -> None:
    orders = [digest.id_text(one.id) for one in stand.orders[:3]]
    assert stand.erase(("orders", orders, None), ("people", [stand.ada], None)) == [3, 1]
    assert stand.read("people", email=[ADA]) == stand.read("orders", customer=[stand.ada]) == []
    assert stand.erased() == 1
    assert stand.erase(("orders", orders, None), ("people", [stand.ada], None)) == [0, 0]
    assert len(stand.read("people", email=[BOB])) == 1


def test_where_something_of_hers_is_kept_she_keeps_her_key(stand: Stand) -> None:
    orders = [digest.id_text(one.id) for one in stand.orders[:2]]
    assert stand.erase(("orders", orders, None)) == [2]
    assert stand.erased() == 0
    assert len(stand.read("orders", customer=[stand.ada])) == 1
    assert len(stand.read("people", email=[ADA])) == 1


def test_masks_overwrite(stand: Stand) -> None:
    assert stand.erase(("people", [stand.ada], {"name": None, "email": "gone@example.net"})) == [1]
    (found,) = stand.read("people", id=[stand.ada])
    assert found.values == {"id": stand.ada, "name": None, "email": "gone@example.net", "card": "4111111111111111"}
    assert stand.read("people", email=[ADA]) == []
