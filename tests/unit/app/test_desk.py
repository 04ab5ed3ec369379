"""Rectifications and choices in a home: declared uses say whom a choice concerns, the vault takes what is right."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from staff import Staff

from privet.app.services import connectors, manifests, outcomes, records, vaults
from privet.connectors.base import Choice
from privet.rights.asked import Correction, Opening, Request
from privet.rights.consent.choice import Said
from privet.rights.outcome import SystemResult
from privet.store.port import Unit
from privet.vault.access import consents
from privet.vault.people import erasure

ADA, BOB = "ada@example.com", "bob@example.com"
VAULT = """
dataset:
  - fides_key: people_vault
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: name, data_categories: [user.name], fides_meta: {privet: {type: person.full_name}}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, index: [exact], token: stored}}
"""
SHOP = """
dataset:
  - fides_key: shop
    collections:
      - name: customers
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {data_type: string, identity: email}
          - {name: called, data_categories: [user.name], fides_meta: {data_type: string, length: 20}}
system:
  - fides_key: web_shop
    name: Web shop
    system_type: Service
    privacy_declarations:
      - name: Sell things
        data_categories: [user.contact.email, user.name]
        data_use: USE
        data_subjects: [customer]
        dataset_references: [shop]
"""


class Home:
    """A vault of people, and a shop's database that knows them by their addresses."""

    def __init__(self, folder: Path, use: str) -> None:
        self.staff = Staff(folder / "home")
        self.house = self.staff.house
        self.staff.run("vaults.create", vaults.CreateAsk(name="people", schema=VAULT))
        rows = [{"name": "Ada Invented", "email": ADA}, {"name": "Bob Invented", "email": BOB}]
        made = self.staff.run("records.insert", records.InsertAsk(vault="people", table="people", records=rows))
        self.ids = [one.id for one in made.records]
        self.path = folder / "shop.db"
        with sqlite3.connect(self.path) as shop:
            shop.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, called VARCHAR(20))")
            shop.executemany("INSERT INTO customers VALUES (?, ?, ?)", [(1, ADA, "Ada"), (2, BOB, "Bob")])
        shop.close()
        files = {"shop.yml": SHOP.replace("USE", use)}
        self.staff.run("manifests.push", manifests.PushAsk(files=files, base=0))
        ask = connectors.PutAsk(name="shop", kind="sqlite", datasets=["shop"], settings={"path": str(self.path)})
        self.staff.run("connectors.put", ask)

    def finished(self, kind: Any, **more: Any) -> Request:
        journal = self.house.desk.journal
        ask = Opening(kind=kind, identities={"email": ADA}, by="alice", verified="seen at the desk", **more)
        made = journal.open(ask, self.house.clock())
        self.staff.run("requests.approve", outcomes.IdAsk(id=made.id))
        self.staff.run("requests.run", outcomes.IdAsk(id=made.id))
        return journal.get(made.id)

    def said(self, at: int) -> dict[str, str]:
        vault = self.house.vault("people")
        subject = erasure.subject_of(vault, vault.table("people"), records.read_id(self.ids[at], "subject"))
        return {one.key: one.state for one in consents.history(vault, subject) if one.newest}

    def customers(self) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.path) as shop:
            return shop.execute("SELECT * FROM customers").fetchall()

    def person(self, at: int) -> dict[str, Any]:
        ask = records.GetAsk(vault="people", table="people", id=self.ids[at], redaction="plain_text")
        found: dict[str, Any] = self.staff.run("records.get", ask).values
        return found


@pytest.fixture(params=["marketing.communications.email"])
def home(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    made = Home(tmp_path, request.param)
    yield made
    made.staff.close()


def results(request: Request) -> dict[str, SystemResult]:
    assert request.result is not None
    return {each.dataset: each for each in request.result.systems}


NO = Choice(kind="consent", key="newsletter", state="refused", uses=("marketing.communications",), at_ms=1)


def test_a_choice_stands_in_the_vault_and_remains_where_the_shop_must_honour_it(home: Home) -> None:
    done = results(home.finished("consent", choice=NO))
    assert (done["vault_people"].told, done["vault_people"].remaining) == (1, ())
    assert [left.reason for left in done["shop"].remaining] == ["it cannot be told what a person chose"]
    assert (home.said(0), home.said(1)) == ({"newsletter": "refused"}, {})


def test_a_choice_that_she_changed_since_is_told_to_nobody(home: Home) -> None:
    house = home.house
    later = Said(
        person=house.handle("email", ADA),
        place=0,
        notice="newsletter",
        version=1,
        digest=bytes(32),
        language="en",
        state="given",
        at_ms=2,
        written_ms=2,
        source="api",
    )
    _, steps = house.choices.ledger.add(house.choices.ledger.chain(later.person), [later])
    house.control.write_now(Unit(tuple(steps)))
    ended = home.finished("consent", choice=NO)
    assert (ended.state, results(ended), home.said(0)) == ("complete", {}, {})


@pytest.mark.parametrize("home", ["essential.service"], indirect=True)
def test_a_choice_about_another_use_does_not_concern_the_shop(home: Home) -> None:
    ended = home.finished("objection", choice=replace(NO, kind="objection", key="", state="given"))
    assert (ended.state, "shop" in results(ended)) == ("complete", False)
    assert home.said(0) == {"objection:marketing.communications": "given"}


def test_a_restriction_concerns_all_that_holds_her_data(home: Home) -> None:
    ended = home.finished("restriction", choice=Choice(kind="restriction", state="given", at_ms=1))
    assert (ended.state, home.said(0)) == ("partial", {"restriction": "given"})
    assert [name for name, each in results(ended).items() if each.remaining] == ["shop"]


def test_what_is_right_stands_in_the_vault_and_in_the_shop(home: Home) -> None:
    ended = home.finished("rectification", corrections=[Correction(what="user.name", value="Ada Lovelace")])
    done = results(ended)
    assert (ended.state, done["shop"].corrected, done["vault_people"].corrected) == ("complete", 1, 1)
    assert (done["shop"].verified, done["vault_people"].verified) == (1, 1)
    assert home.customers() == [(1, ADA, "Ada Lovelace"), (2, BOB, "Bob")]
    assert (home.person(0)["name"], home.person(1)["name"]) == ("Ada Lovelace", "Bob Invented")


def test_a_new_address_finds_her_and_the_old_one_nobody(home: Home) -> None:
    ended = home.finished("rectification", corrections=[Correction(what="user.contact.email", value="Ada@New.example")])
    assert ended.state == "complete"
    assert home.customers()[0][1].lower() == "ada@new.example"
    assert home.person(0)["email"] == "Ada@new.example"
    assert {each.read for each in results(home.finished("access")).values()} == {0}


def test_what_does_not_fit_a_type_of_the_vault_remains_there_and_is_right_elsewhere(home: Home) -> None:
    ended = home.finished("rectification", corrections=[Correction(what="user.contact.email", value="no address")])
    done = results(ended)
    assert (ended.state, done["shop"].corrected, done["vault_people"].corrected) == ("partial", 1, 0)
    assert len(done["vault_people"].remaining) == 1


def test_what_is_too_long_for_the_shop_remains_there(home: Home) -> None:
    said = Correction(what="user.name", value="Ada Augusta King-Noel of Lovelace")
    ended = home.finished("rectification", corrections=[said])
    (left,) = results(ended)["shop"].remaining
    assert left.reason == "`called`: what is right does not fit its length of 20"
    assert home.customers()[0] == (1, ADA, "Ada")
