"""The example company: a person's e-mail reaches all of its eight systems, over HTTP and by commands, and truly."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections import Counter as Counts
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdf
import pytest
from company import ADA, EMAIL, PEOPLE, SHOP, Company, Dump, customer, everybody, finds, mark, opened, visitor
from counter import SEEN, Counter

from fakes import Person
from privet.app.settings import load
from privet.app.wiring import House
from privet.vault.log import history

DATASETS = {
    "people_vault",
    "shop_db",
    "newsletter_list",
    "staff_db",
    "reading_circles",
    "web_sessions",
    "events_warehouse",
    "parcels_db",
    "stripe",
    "zendesk",
}
KEPT = {"postgres invoices", "stripe charges", "stripe invoices", "stripe payment_intents", "stripe subscriptions"}
GATHERED = {
    ("people_vault", "people"): 1,
    ("shop_db", "customers"): 1,
    ("shop_db", "addresses"): 2,
    ("shop_db", "orders"): 2,
    ("shop_db", "order_lines"): 2,
    ("shop_db", "payments"): 2,
    ("shop_db", "reviews"): 2,
    ("shop_db", "invoices"): 2,
    ("newsletter_list", "subscribers"): 1,
    ("newsletter_list", "letters"): 2,
    ("reading_circles", "circles"): 2,
    ("reading_circles", "shelves"): 2,
    ("web_sessions", "sessions"): 2,
    ("events_warehouse", "page_views"): 3,
    ("parcels_db", "parcels"): 2,
    ("stripe", "customers"): 1,
    ("stripe", "charges"): 5,
    ("stripe", "payment_intents"): 5,
    ("stripe", "payment_methods"): 5,
    ("stripe", "subscriptions"): 5,
    ("stripe", "invoices"): 5,
    ("zendesk", "users"): 1,
    ("zendesk", "user_identities"): 2,
    ("zendesk", "tickets"): 5,
    ("zendesk", "ticket_comments"): 10,
}


@dataclass
class Town:
    """The company, and the counter that serves its people."""

    company: Company
    counter: Counter
    folder: Path


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    folder = tmp_path_factory.mktemp("town")
    shutil.copytree(SHOP, folder / "shop")
    counter = Counter(folder / "home", folder / "log")
    with ExitStack() as stack:
        with ThreadPoolExecutor(2) as pool:
            systems = opened(folder)
            started = pool.submit(systems.__enter__)
            counter.ok("init")
            stack.enter_context(counter.serving())
            counter.ok("vault", "create", "people", "--schema", str(SHOP / "vault/people.yml"))
            counter.ok("push", str(folder / "shop"))
            company = started.result()
            stack.push(systems)
            company.plant(_inserted(counter))
            list(pool.map(counter.put, *zip(*company.connectors().items(), strict=True)))
        yield Town(company, counter, folder)


def _inserted(counter: Counter) -> dict[int, str]:
    """Put everybody into the vault whose address is one, and return the tokens of their addresses by their place."""
    phones = {who.place: {"phone": who.phone} for who in PEOPLE if len(who.phone) == len(ADA.phone)}
    records = [{"name": f"{who.name}", "email": who.email, **phones.get(who.place, {})} for who in PEOPLE]
    path = "/v1/vaults/people/tables/people/records"
    told = counter.told("POST", path, {"records": records, "partial": True})["records"]
    return {at: one["tokens"]["email"] for at, one in enumerate(told) if "tokens" in one}


@pytest.mark.slow
def test_every_connected_system_is_what_is_declared(town: Town) -> None:
    for name in town.company.connectors():
        assert town.counter.told("POST", f"/v1/connectors/{name}/test") == {"sound": True, "faults": []}
    plan = json.loads(town.counter.ok("requests", "plan", "erasure", "--form", "json"))
    assert {visit["dataset"] for visit in plan["visits"]} == DATASETS


@pytest.mark.slow
def test_an_access_gathers_all_of_hers_from_eight_systems_and_nothing_of_anyone_else(town: Town) -> None:
    counter = town.counter
    id_ = counter.told("POST", "/v1/requests", {"kind": "access", "email": EMAIL, "verified": SEEN})["id"]
    assert counter.show(id_)["state"] == "received"
    assert json.loads(counter.ok("request", "approve", id_, "--json"))["decided_by"] == "owner"
    found = counter.wait(id_)
    assert (found["state"], found["outcome"]) == ("complete", "complete"), found
    assert {one["dataset"] for one in found["systems"]} == DATASETS
    records = counter.package(id_)
    assert dict(Counts((one["dataset"], one["collection"]) for one in records)) == GATHERED
    text = json.dumps(records, ensure_ascii=False)
    assert everybody(text) == {0: [EMAIL, ADA.phone, ADA.street, mark(ADA)]}
    assert all(everybody(json.dumps(one)).keys() <= {0} for one in records)
    circles = [one["values"]["members"] for one in records if one["collection"] == "circles"]
    assert circles == [[{"email": EMAIL, "nick": f"nick {mark(ADA)}"}]] * 2
    file = town.folder / "package.json"
    counter.ok("request", "package", id_, "-o", str(file))
    whole = json.loads(file.read_text(encoding="utf-8"))
    assert file.stat().st_mode & 0o777 == 0o600
    assert {name: sum(map(len, of.values())) for name, of in whole["systems"].items()} == dict(
        Counts(one["dataset"] for one in records)
    )
    _names_nobody(town, town.counter.told("GET", f"/v1/requests/{id_}/certificate"), id_)
    counter.told("POST", f"/v1/requests/{id_}/forget")
    assert counter.ask("GET", f"/v1/requests/{id_}/package")[0] == 410
    assert [at for at, who in enumerate(PEOPLE) if who.email.encode() in counter.bytes()] == []


@pytest.mark.slow
def test_an_erasure_leaves_nothing_of_hers_but_what_a_promise_keeps_and_others_as_they_were(town: Town) -> None:
    company, counter = town.company, town.counter
    before = company.dump()
    stores = {place.split()[0] for place, rows in before.items() if finds("\n".join(rows.values()))}
    assert stores == {"postgres", "mariadb", "mongo", "redis", "file", "stripe", "zendesk"}  # teeth: she is found there
    found = counter.finished("erasure", email=EMAIL)
    assert found["state"] == "complete", found
    assert counter.forgets(found["id"])
    by = {one["dataset"]: one for one in found["systems"]}
    assert {name: one["deleted"] + one["masked"] - one["verified"] for name, one in by.items()} == dict.fromkeys(by, 0)
    after = company.dump()
    assert {place for place, rows in after.items() if finds("\n".join(rows.values()))} <= KEPT
    _check_others(before, after)
    assert company.broken() == []
    assert after["postgres invoices"]["90011"] == before["postgres invoices"]["90011"]
    assert by["shop_db"]["kept"] == [
        {"collection": "invoices", "count": 1, "reason": "accounts law: invoices are kept for ten years"}
    ]
    assert "90012" not in after["postgres invoices"]  # older than ten years
    assert after["postgres customers"]["9001"].startswith("(9001, None, None, 'xx', ")
    assert "JB90011,90011,," in after["file parcels.csv"].values()
    raw = counter.bytes()
    for secret in (EMAIL, ADA.phone, ADA.street, mark(ADA), company.tokens[0]):
        assert secret.encode() not in raw
    tokens = [token for token in company.tokens.values() if not token.startswith("tok_nobody")]
    told = counter.ask("POST", "/v1/vaults/people/detokenize", {"tokens": tokens})[1].decode()
    assert everybody(told) == {at: [PEOPLE[at].email] for at, token in company.tokens.items() if token in tokens and at}
    again = counter.finished("access", email=EMAIL)
    assert {one["dataset"]: one["read"] for one in again["systems"] if one["read"]} == {}
    _proved(town, found["id"], "erasure", "kept because accounts law")
    entries = counter.told("GET", "/v1/vaults/people/audit?limit=200")
    assert any(one.get("verb") == "requests.erase" for one in entries["entries"])


def _check_others(before: Dump, after: Dump) -> None:
    """Demand that of all that the stores held before, nothing but hers changed, and that nothing came."""
    hers = (str(customer(ADA)), visitor(ADA), "Ada7", mark(ADA), EMAIL)
    for place, rows in before.items():
        for id_, held in rows.items():
            now = after.get(place, {}).get(id_)
            if place == "mongo circles":
                assert now is not None
                old, new = json.loads(held), json.loads(now)
                assert [one for one in old["members"] if one["email"] != EMAIL] == [
                    one for one in new["members"] if one["email"]
                ]
                assert (old["_id"], old["title"]) == (new["_id"], new["title"])
            elif now != held:
                assert finds(held) or id_.startswith(hers) or _owned(held), (place, id_)
                assert list(everybody(held)) in ([], [0]), (place, id_)
    assert not {place for place in after if place not in before} - {
        "zendesk jobs",
        "zendesk deleted_users",
        "zendesk deleted_tickets",
    }


def _owned(held: str) -> bool:
    """Return whether a row of a fake is hers by reference alone."""
    return f'"customer": "{ADA.code("cus_")}"' in held or f'"user_id": {customer(ADA)}' in held


def _proved(town: Town, id_: str, *words: str) -> None:
    """Prove a certificate by the key that is printed, on paper and as a file, and that it names nobody."""
    counter = town.counter
    shown = counter.told("GET", f"/v1/requests/{id_}/certificate")
    _names_nobody(town, shown, id_)
    out = town.folder / id_
    said = counter.ok("request", "certificate", id_, "-o", str(out))
    key = said.rpartition("its key: ")[2].strip()
    assert key == shown["key"]
    genuine = counter.ok("request", "verify", str(out.with_suffix(".json")), "--key", key)
    assert genuine.startswith("genuine:") and all(word in genuine for word in words), genuine
    forged = town.folder / f"{id_}.forged.json"
    forged.write_text(out.with_suffix(".json").read_text().replace('"zendesk"', '"zendusk"'))
    assert counter.run("request", "verify", str(forged), "--key", key).returncode != 0
    assert out.with_suffix(".pdf").read_bytes() == base64.b64decode(shown["pdf"])


def _names_nobody(town: Town, shown: dict[str, str], id_: str) -> None:
    pages = pypdf.PdfReader(io.BytesIO(base64.b64decode(shown["pdf"]))).pages
    paper = "\n".join(page.extract_text() for page in pages)
    assert id_ in paper and "zendesk" in paper
    for text in (shown["file"], paper):
        assert everybody(text) == {} and ADA.name not in text and town.company.tokens[0] not in text


@pytest.mark.slow
def test_a_system_that_lies_about_deleting_is_named_and_the_request_is_partial(town: Town) -> None:
    company, counter, who = town.company, town.counter, PEOPLE[1]
    company.zendesk.lie_about_deletes()
    try:
        found = counter.finished("erasure", email=who.email)
    finally:
        company.zendesk.lie_about_deletes(False)
    assert found["state"] == "partial", found
    assert {one["dataset"] for one in found["systems"] if one["remaining"]} == {"zendesk"}
    (lied,) = [one for one in found["systems"] if one["dataset"] == "zendesk"]
    assert any("still there" in left["reason"] for left in lied["remaining"])
    assert finds(json.dumps(company.dump()["zendesk users"]), who)
    assert not found["forgotten"]
    # It is honest again: the same request ends whole.
    counter.told("POST", f"/v1/requests/{found['id']}/retry", {})
    again = counter.wait(found["id"], "complete", "failed")
    assert (again["state"], counter.forgets(found["id"])) == ("complete", True)
    assert _left(company.dump(), who) <= KEPT


@pytest.mark.slow
def test_a_request_waits_for_a_system_that_is_down_and_ends_when_it_is_back(town: Town) -> None:
    company, counter, who = town.company, town.counter, PEOPLE[2]
    company.stripe.fail(503, times=10_000)
    id_ = counter.open("erasure", email=who.email)
    waiting = counter.wait(id_, "waiting")
    assert "stripe" in json.dumps(waiting["progress"])
    assert finds(json.dumps(company.dump()["postgres customers"]), who), "nothing is erased before all is read"
    company.stripe._faults.clear()
    counter.told("POST", f"/v1/requests/{id_}/retry", {})
    assert counter.wait(id_)["state"] == "complete"
    assert _left(company.dump(), who) <= KEPT


@pytest.mark.slow
def test_what_failed_between_two_steps_of_a_delete_is_not_taken_for_done(town: Town) -> None:
    """Zendesk hides a user at once and erases her at a second request: a look alone would not find her."""
    company, counter, who = town.company, town.counter, PEOPLE[4]
    company.zendesk.fail(503, times=10_000, path="/api/v2/deleted_")
    id_ = counter.open("erasure", email=who.email)
    counter.wait(id_, "waiting")
    assert finds(json.dumps(company.dump()["zendesk deleted_tickets"]), who)
    company.zendesk._faults.clear()
    counter.told("POST", f"/v1/requests/{id_}/retry", {})
    assert counter.wait(id_)["state"] == "complete"
    assert _left(company.dump(), who) <= KEPT


def _left(dump: Dump, who: Person) -> set[str]:
    staff = {"mariadb staff"}  # overwritten field by field there: the look-alikes work in the shop
    found = {place for place, rows in dump.items() if finds("\n".join(rows.values()), who)}
    return found - staff if not finds("\n".join(dump["mariadb staff"].values()), who) else found


HOSTILE = (
    "' OR '1'='1",
    "x' OR 1=1; DROP TABLE customers; --@example.com",
    '{"$gt": ""}',
    '{"$where": "1==1"}',
    "*",
    "session:*",
    "../../../etc/passwd",
    "%",
    "ada%",
    "a@b\r\nX-Evil: 1",
    "?email=ada@example.com&limit=100",
    '" OR email:"ada1@example.com',
    "ada\u2024b@example.com",
    "x" * 200 + "@example.com",
)


@pytest.mark.slow
def test_hostile_identities_find_nobody_and_change_nothing(town: Town) -> None:
    company, counter = town.company, town.counter
    before = company.dump()
    ids = []
    for at, text in enumerate(HOSTILE):
        for kind in ("access", "erasure"):
            body: dict[str, Any] = {"kind": kind, "approve": True, "verified": SEEN, "identities": {"email": text}}
            status, raw = counter.ask("POST", "/v1/requests", body)
            assert status in (201, 400, 422), (at, status, raw)
            assert text.encode() not in raw
            ids += [json.loads(raw)["id"]] if status == 201 else []
    for name in ("shop_db.customers.id", "email' OR '1'='1", "visitor_id"):
        status, raw = counter.ask("POST", "/v1/requests", {"kind": "access", "identities": {name: "1"}})
        assert status == (201 if name == "visitor_id" else 422), raw
    assert ids
    for id_ in ids:
        found = counter.wait(id_)
        assert sum(one["read"] for one in found["systems"]) == 0, found
        if found["kind"] == "access":
            assert counter.package(id_) == []
    assert company.dump() == before
    assert all(one.status not in (400, 500) for one in company.stripe.calls[-20:])


@pytest.mark.slow
def test_the_audit_of_the_house_tells_of_every_step_and_nobodys_name(town: Town) -> None:
    """Last: it stops the server, which alone may hold the home."""
    counter = town.counter
    id_ = counter.finished("access", email=PEOPLE[3].email)["id"]
    counter.told("POST", "/v1/verify", {})
    for process in counter.running:
        process.terminate()
        process.wait(30)
    with closing(House(load(counter.home))) as house:
        rows = [entry for batch in history.read(house.control, after=0, limit=10_000) for entry in batch]
        said = [one for entry in rows if (one := history.said(entry))]
    verbs = {str(one.get("verb")).partition(".")[2] for one in said if id_ in json.dumps(one, default=str)}
    assert {"open", "run", "done"} <= verbs
    assert everybody(json.dumps(said, default=str)) == {}
