"""What a person chose stands in the vault's ledger once, for each person that the vault knows by her identities."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from a_vault import START_MS as NOW
from a_vault import Bench

from privet import digest
from privet.connectors.base import Batch, Change, Choice, Read, Record, Untold
from privet.store.port import Select
from privet.vault.access import consents
from privet.vault.connector import VaultConnector, dataset_of, keys_of
from privet.vault.people import erasure
from privet.vocabulary.dataset import Collection

SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: name, fides_meta: {privet: {type: person.full_name}}}
          - {name: email, fides_meta: {privet: {type: contact.email, index: [exact], token: stored}}}
      - name: letters
        fides_meta: {privet: {subject: person}}
        fields:
          - {name: person, fides_meta: {privet: {type: string, references: people}}}
          - {name: sent_to, fides_meta: {privet: {type: contact.email, index: [exact]}}}
      - name: places
        fides_meta: {privet: {subject: none}}
        fields:
          - {name: email, fides_meta: {privet: {type: contact.email, index: [exact]}}}
"""
ADA, BOB = "ada@example.com", "bob@example.com"
NEWS = Choice(kind="consent", state="refused", key="newsletter", at_ms=NOW - 5, source="center", text="v1 en 0a")


class Told:
    """A vault with two people who is told what they chose."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.apply(SCHEMA)
        made = bench.insert("people", {"name": "Ada Invented", "email": ADA}, {"name": "Bob Invented", "email": BOB})
        self.ada, self.bob = (one.id for one in made)
        self.token = made[0].tokens["email"] or ""
        bench.insert("letters", {"person": digest.id_text(self.bob), "sent_to": "bob@work.example.com"})
        bench.insert("places", {"email": ADA})
        self.dataset = dataset_of(bench.vault)
        self.connector = VaultConnector(bench.vault, self.dataset, bench.deed, bench.run)

    def tell(self, choice: Choice, *emails: str) -> int:
        return self.connector.tell(self.dataset, choice, {"email": emails}, "once")

    def said(self, record: bytes) -> list[tuple[str, str, bool]]:
        whom = erasure.subject_of(self.bench.vault, self.bench.vault.table("people"), record)
        return [(one.key, one.state, one.newest) for one in consents.history(self.bench.vault, whom)]


@pytest.fixture
def told(bench: Bench) -> Told:
    return Told(bench)


@pytest.mark.parametrize("by", ["value", "other case", "token"])
def test_whoever_has_a_record_by_that_identity_is_meant(told: Told, by: str) -> None:
    email = {"value": ADA, "other case": "ada@EXAMPLE.com", "token": told.token}[by]
    assert told.tell(NEWS, email) == 1
    assert told.said(told.ada) == [("newsletter", "refused", True)]
    assert told.said(told.bob) == []


def test_a_record_of_hers_elsewhere_leads_to_her(told: Told) -> None:
    assert told.tell(NEWS, "bob@work.example.com", BOB) == 1
    assert told.said(told.bob) == [("newsletter", "refused", True)]


def test_a_vault_that_knows_nobody_is_told_of_nobody(told: Told) -> None:
    assert told.tell(NEWS, "eve@example.com") == 0
    assert told.connector.tell(told.dataset, NEWS, {"device": ["x"]}, "once") == 0


def test_the_same_again_is_not_written_again(told: Told) -> None:
    for _ in range(3):
        assert told.tell(NEWS, ADA) == 1
    assert len(told.said(told.ada)) == 1


def test_of_two_what_was_said_later_counts(told: Told) -> None:
    told.tell(NEWS, ADA)
    told.tell(replace(NEWS, state="given", at_ms=NOW - 9), ADA)
    assert told.said(told.ada) == [("newsletter", "refused", True), ("newsletter", "given", False)]


@pytest.mark.parametrize(
    ("choice", "keys"),
    [
        (NEWS, ("newsletter",)),
        (Choice(kind="restriction", state="given", at_ms=NOW), ("restriction",)),
        (
            Choice(kind="objection", state="given", uses=("marketing", "analytics"), at_ms=NOW),
            ("objection:marketing", "objection:analytics"),
        ),
    ],
    ids=["consent", "restriction", "objection"],
)
def test_each_kind_of_choice_stands_under_its_own_keys(told: Told, choice: Choice, keys: tuple[str, ...]) -> None:
    assert keys_of(choice) == keys
    told.tell(choice, ADA)
    assert {key for key, _, _ in told.said(told.ada)} == set(keys)


def test_a_no_to_a_notice_that_is_told_as_an_objection_stands_as_its_consent_too(told: Told) -> None:
    """Whoever crashed between writing a no down and telling it left an objection alone to be told."""
    no = Choice(kind="objection", state="given", key="ads", uses=("marketing",), at_ms=NOW - 5, text="v1 en 0a")
    told.tell(no, ADA)
    assert set(told.said(told.ada)) == {("objection:marketing", "given", True), ("ads", "refused", True)}
    told.tell(replace(no, state="withdrawn", at_ms=NOW - 4), ADA)
    assert ("ads", "given", True) in told.said(told.ada)


def test_a_no_that_was_told_as_it_was_said_is_not_told_again_by_its_objection(told: Told) -> None:
    no = Choice(kind="consent", state="withdrawn", key="ads", uses=("marketing",), at_ms=NOW - 5, text="v1 en 0a")
    told.tell(no, ADA)
    told.tell(replace(no, kind="objection", state="given"), ADA)
    assert [state for key, state, _ in told.said(told.ada) if key == "ads"] == ["withdrawn"]


@pytest.mark.parametrize("choice", [replace(NEWS, key=""), Choice(kind="objection", state="given", at_ms=NOW)], ids=str)
def test_a_choice_that_names_nothing_is_refused(told: Told, choice: Choice) -> None:
    with pytest.raises(Untold):
        told.tell(choice, ADA)


def test_what_she_chose_is_in_the_audit_before_anybody_may_rely_on_it(told: Told) -> None:
    told.tell(NEWS, ADA)
    (body,) = told.bench.vault.store.select(Select(table="audit", columns=("body",), order=(("seq", False),), limit=1))
    assert b"requests.choice" in body[0] and b"newsletter refused" in body[0]
    assert ADA.encode() not in body[0]


def test_a_record_is_set_right_and_found_by_what_is_right(told: Told) -> None:
    people = told.dataset.collection("people")
    assert people is not None
    change = Change({"id": digest.id_text(told.ada)}, {"email": "ada@new.example.com"}, "once")
    assert told.connector.erase(told.dataset, [Batch(people, [change])]) == [1]
    assert [one.values["name"] for one in _read(told, people, "ada@new.example.com")] == ["Ada Invented"]
    assert _read(told, people, ADA) == []


def _read(told: Told, people: Collection, email: str) -> list[Record]:
    ask: Any = Read(dataset=told.dataset, collection=people, matches={"email": [email]})
    return [record for page in told.connector.read(ask) for record in page]
