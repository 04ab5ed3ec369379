"""Queues and consents over HTTP, under a stored policy: who sees what, for how long, and who may say so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from staff import NOW, Staff

from privet.app.services import files, queues, vaults
from privet.errors import NotFound
from privet.store.port import Delete
from privet.vault.access.queues import FRESH_MS
from privet.vault.blobs.chunks import CHUNK_BYTES
from privet.vault.log import history

SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: customers
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: name, fides_meta: {privet: {type: string, keep: sealed, token: stored}}}
          - {name: email, fides_meta: {privet: {type: contact.email, keep: sealed, unique: true}}}
          - {name: state, fides_meta: {privet: {type: address.state, index: [exact], leak: equality}}}
      - name: letters
        fides_meta: {privet: {subject: via customer}}
        fields:
          - {name: customer, fides_meta: {privet: {references: customers.id}}}
          - {name: scan, fides_meta: {privet: {type: file}}}
"""
POLICY = """
role agent
allow read, search, detokenize, export, update, delete on customers.*
    with redaction = plain_text where customers.id in queue('support')
allow read, search, update on letters.* with redaction = plain_text where letters.id in queue('support')
allow insert on customers.*

role mailer
allow read, search on customers.name with redaction = plain_text where consent('news')
"""
PEOPLE = [{"name": f"Person {at}", "email": f"p{at}@example.com", "state": "CA" if at % 2 else "NY"} for at in range(6)]
NOWHERE = "00000000-0000-7000-8000-000000000000"


class Desk(Staff):
    """A vault `d` under the policy; an agent, a mailer and a dispatcher who may manage."""

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self.run("vaults.create", vaults.CreateAsk(name="d", schema=SCHEMA))
        self.say("POST", "/policies", {"policy": POLICY}, wanted=201)
        self.say("PUT", "/policy", {"version": 1})
        self.keys = {name: self.add(name, name).key for name in ("agent", "mailer")}
        stored = self.say("POST", "/tables/customers/records", {"records": PEOPLE}, wanted=201)
        self.ids = [item["id"] for item in stored["records"]]
        self.tokens = [item["tokens"]["name"] for item in stored["records"]]

    def say(self, method: str, path: str, body: Any = None, *, key: str = "", wanted: int | None = 200) -> Any:
        """Return the answer, which has that status; a pair of both for none."""
        sent = b"" if body is None else json.dumps(body).encode()
        headers = [("content-type", "application/json")] if sent else []
        got = self.ask(method, f"/v1/vaults/d{path}", sent, key=key or self.key, headers=headers)
        if wanted is None:
            return got.status, got.body
        assert got.status == wanted, got.body
        return got.json()

    def agent(self, method: str, path: str, body: Any = None, wanted: int | None = 200) -> Any:
        return self.say(method, path, body, key=self.keys["agent"], wanted=wanted)

    def put(self, at: int, query: str = "", **rest: Any) -> Any:
        return self.say("PUT", f"/queues/support/agent/records/{self.ids[at]}{query}", **rest)

    def seen(self) -> dict[str, list[int]]:
        """Return which records each path shows the agent."""
        listed = self.agent("GET", "/tables/customers/records")["records"]
        asked = self.agent("POST", "/query", {"sql": "SELECT id FROM customers"})["rows"]
        counted = self.agent("POST", "/query", {"sql": "SELECT count(*) FROM customers"})["rows"]
        opened = self.agent("POST", "/detokenize", {"tokens": self.tokens})["values"]
        got = [self.agent("GET", f"/tables/customers/records/{id}", wanted=None)[0] == 200 for id in self.ids]
        status, lines = self.agent("GET", "/tables/customers/export", wanted=None)
        assert status == 200
        return {
            "list": [self.ids.index(item["id"]) for item in listed],
            "query": sorted(self.ids.index(row[0]) for row in asked),
            "count": list(range(counted[0][0])) if counted else [],
            "detokenize": [at for at, item in enumerate(opened) if "value" in item],
            "get": [at for at, shown in enumerate(got) if shown],
            "export": [self.ids.index(json.loads(line)["id"]) for line in lines.splitlines()],
        }

    def notes(self, vault: str = "d") -> list[dict[str, Any]]:
        """Return what the audit of the vault says."""
        store = self.house.vault(vault).store
        found = [entry for batch in history.read(store, after=0, limit=1000) for entry in batch]
        return [said for entry in found if (said := history.said(entry))]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "home")
    yield made
    made.close()
    made.runner.close()


def test_each_path_shows_the_records_of_the_queue_and_no_other(desk: Desk) -> None:
    assert desk.put(1) == {
        "queue": "support",
        "principal": "agent",
        "table": "customers",
        "id": desk.ids[1],
        "until_ms": NOW + 900_000,
    }
    desk.put(4, "?ttl=1h&table=customers")
    small = "count"  # a count of few is left out for who does not see every row in the clear
    for path, found in desk.seen().items():
        assert found == ([] if path == small else [1, 4]), path
    desk.now += 900_000
    for path, found in desk.seen().items():
        assert found == ([] if path == small else [4]), path
    desk.say("DELETE", f"/queues/support/agent/records/{desk.ids[4]}")
    assert not any(desk.seen().values())


def test_what_leaves_the_vault_leaves_the_queue(desk: Desk) -> None:
    desk.put(0)
    desk.put(1)
    desk.say("POST", "/subjects/erase", {"table": "customers", "record": desk.ids[0]})
    desk.say("POST", "/tables/customers/records/delete", {"ids": [desk.ids[1]]})
    assert desk.say("GET", "/queues")["places"] == []
    desk.put(0, wanted=404)


def test_who_has_which_records_until_when_is_listed_without_a_value(desk: Desk) -> None:
    desk.put(1, "?ttl=30s")
    desk.put(2)
    found = desk.say("GET", "/queues")
    assert [
        (place["principal"], desk.ids.index(place["id"]), place["until_ms"] - NOW) for place in found["places"]
    ] == [
        ("agent", 1, 30_000),
        ("agent", 2, 900_000),
    ]
    assert "Person" not in json.dumps(found)
    assert desk.say("GET", "/queues?queue=sales")["places"] == []
    assert len(desk.say("GET", "/queues?principal=agent")["places"]) == 2
    desk.say("GET", "/queues?principal=nobody", wanted=404)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/queues/support/agent/records/{id}?ttl=8d", 422),
        ("/queues/support/agent/records/{id}?ttl=0s", 422),
        ("/queues/support/agent/records/{id}?ttl=soon", 422),
        ("/queues/support/agent/records/{id}?until=1", 422),
        ("/queues/support/agent/records/{id}?table=letters", 404),
        ("/queues/support/agent/records/{id}?table=nothing", 422),
        ("/queues/support/nobody/records/{id}", 404),
        ("/queues/a%20b/agent/records/{id}", 422),
        (f"/queues/support/agent/records/{NOWHERE}", 404),
        ("/queues/support/agent/records/no-id", 422),
    ],
)
def test_what_cannot_be_put_is_refused(desk: Desk, path: str, status: int) -> None:
    got, _ = desk.say("PUT", path.format(id=desk.ids[0]), wanted=None)
    assert got == status
    assert desk.say("GET", "/queues")["places"] == []


def test_only_who_manages_fills_a_queue_or_looks_at_it(desk: Desk) -> None:
    path = f"/queues/support/agent/records/{desk.ids[0]}"
    for method, target in (("PUT", path), ("DELETE", path), ("GET", "/queues")):
        desk.agent(method, target, wanted=403)
        for role in ("editor", "viewer", "auditor"):
            key = desk.add(f"{role}-{method.lower()}", role).key
            assert desk.say(method, target, key=key, wanted=None)[0] == 403
    assert not any(note["verb"].startswith("queues.") and note.get("note") for note in desk.notes())


def test_a_call_that_comes_again_puts_once_and_tells_the_same(desk: Desk) -> None:
    target = f"/v1/vaults/d/queues/support/agent/records/{desk.ids[0]}"
    once = [("idempotency-key", "k1")]
    first = desk.ask("PUT", target, headers=once)
    desk.now += 1_000
    again = desk.ask("PUT", target, headers=once)
    assert first.status == again.status == 200 and first.json() == again.json()
    desk.now += 900_000
    assert desk.ask("PUT", target, headers=once).status == 410


def test_queues_are_in_the_audit(desk: Desk) -> None:
    desk.put(0)
    desk.say("DELETE", f"/queues/support/agent/records/{desk.ids[0]}")
    notes = [note for note in desk.notes() if note["verb"].startswith("queues.")]
    assert [note["verb"] for note in notes] == ["queues.put", "queues.remove"]
    agent = next(found.id for found in desk.house.callers.accounts() if found.name == "agent")
    assert notes[0]["note"] == f"queue support principal {agent} until {NOW + 900_000}"
    assert "Person" not in json.dumps(notes)


# --- writing ----------------------------------------------------------------------------------------------------


def test_a_record_outside_the_queue_is_changed_and_deleted_as_if_it_were_not_there(desk: Desk) -> None:
    desk.put(0)
    said = [
        desk.agent("PATCH", f"/tables/customers/records/{id}", {"values": {"name": "X"}}, wanted=None)
        for id in (desk.ids[1], NOWHERE)
    ]
    bodies = [json.loads(body) for _, body in said]
    assert [status for status, _ in said] == [404, 404]
    assert {key: value for key, value in bodies[0].items() if key != "request"} == {
        key: value for key, value in bodies[1].items() if key != "request"
    }
    assert desk.agent("POST", "/tables/customers/records/delete", {"ids": [desk.ids[1], NOWHERE]}) == {"count": 0}
    desk.agent("PATCH", f"/tables/customers/records/{desk.ids[0]}", {"values": {"name": "X"}})


def test_a_value_that_is_taken_is_refused_without_saying_so(desk: Desk) -> None:
    desk.put(0)
    taken = {"name": "New", "email": "p5@example.com", "state": "NY"}
    for method, path, body in (
        ("POST", "/tables/customers/records", {"records": [taken]}),
        ("PATCH", f"/tables/customers/records/{desk.ids[0]}", {"values": {"email": "p5@example.com"}}),
    ):
        status, answer = desk.agent(method, path, body, wanted=None)
        told = json.loads(answer)
        assert (status, told["code"]) == (409, "conflict")
        assert "unique" not in answer.decode() and "email" not in answer.decode()
        status, answer = desk.say(method, path, body, wanted=None)
        assert (status, json.loads(answer)["code"]) == (409, "duplicate_value")
    upsert = {"on": ["email"], "records": [taken]}
    desk.agent("PUT", "/tables/customers/records", upsert, wanted=403)


def test_a_file_outside_the_queue_is_neither_put_nor_got(desk: Desk) -> None:
    made = desk.say("POST", "/tables/letters/records", {"records": [{"customer": desk.ids[0]}]}, wanted=201)
    letter = made["records"][0]["id"]
    path = f"/v1/vaults/d/tables/letters/records/{letter}/files/scan"
    headers = [("privet-file-name", "a.txt"), ("privet-file-type", "text/plain")]
    assert desk.ask("PUT", path, b"text", headers=headers).status == 200
    agent = desk.keys["agent"]
    assert desk.ask("GET", path, key=agent).status == 404
    assert desk.ask("PUT", path, b"other", headers=headers, key=agent).status == 404
    desk.say("PUT", f"/queues/support/agent/records/{letter}")
    got = desk.ask("GET", path, key=agent)
    assert (got.status, got.body) == (200, b"text")
    assert desk.ask("PUT", path, b"other", headers=headers, key=agent).status == 200
    desk.say("DELETE", f"/queues/support/agent/records/{letter}")
    assert desk.ask("GET", path, key=agent).status == 404


def test_a_file_that_is_under_way_ends_when_its_record_leaves_the_queue(desk: Desk) -> None:
    made = desk.say("POST", "/tables/letters/records", {"records": [{"customer": desk.ids[0]}]}, wanted=201)
    letter = made["records"][0]["id"]
    headers = [("privet-file-name", "a.bin")]
    content = bytes(3 * CHUNK_BYTES)
    path = f"/v1/vaults/d/tables/letters/records/{letter}/files/scan"
    assert desk.ask("PUT", path, content, headers=headers).status == 200
    who, ask = desk.caller(desk.keys["agent"]), files.GetAsk(vault="d", table="letters", id=letter, column="scan")

    async def pieces(*, leaves: bool) -> int:
        found = await files.get(desk.house, who, ask)
        size = len(await anext(found.content))
        if leaves:
            gone = queues.RemoveAsk(vault="d", queue="support", principal="agent", id=letter)
            await queues.remove(desk.house, desk.caller(), gone)
        async for piece in found.content:
            size += len(piece)
        return size

    desk.say("PUT", f"/queues/support/agent/records/{letter}")
    assert desk.runner.run(pieces(leaves=False)) == len(content)
    with pytest.raises(NotFound):
        desk.runner.run(pieces(leaves=True))


# --- consents ---------------------------------------------------------------------------------------------------


def names(desk: Desk) -> list[str]:
    rows = desk.say("POST", "/query", {"sql": "SELECT name FROM customers"}, key=desk.keys["mailer"])["rows"]
    listed = desk.say("GET", "/tables/customers/records?columns=name", key=desk.keys["mailer"])["records"]
    assert sorted(row[0] for row in rows) == sorted(item["values"]["name"] for item in listed)
    return sorted(row[0] for row in rows)


def test_a_mailer_sees_who_consented_and_from_the_next_request_on_nobody_who_took_it_back(desk: Desk) -> None:
    assert names(desk) == []
    path = f"/subjects/{desk.ids[2]}/consents/news"
    told = desk.say("PUT", path, {"table": "customers", "state": "given", "source": "web form", "text": "v3"})
    assert (told["state"], told["newest"], told["at_ms"]) == ("given", True, NOW)
    assert names(desk) == ["Person 2"]
    subject = told["subject"]
    desk.say("PUT", f"/subjects/{subject}/consents/news", {"state": "withdrawn"})
    assert names(desk) == []
    found = desk.say("GET", f"/subjects/{subject}/consents")["consents"]
    assert [(item["state"], item["source"], item["newest"]) for item in found] == [
        ("given", "web form", False),
        ("withdrawn", "", True),
    ]
    assert desk.say("GET", f"/subjects/{desk.ids[2]}/consents?table=customers")["consents"] == found


def test_who_may_not_change_records_gives_nobodys_consent(desk: Desk) -> None:
    path = f"/subjects/{desk.ids[2]}/consents/news"
    for name in ("agent", "mailer"):
        desk.say("PUT", path, {"table": "customers", "state": "given"}, key=desk.keys[name], wanted=403)
        desk.say("GET", f"/subjects/{desk.ids[2]}/consents?table=customers", key=desk.keys[name], wanted=403)
    for role in ("viewer", "tokenizer", "auditor"):
        key = desk.add(f"a-{role}", role).key
        desk.say("PUT", path, {"table": "customers", "state": "given"}, key=key, wanted=403)
    assert names(desk) == []


def test_an_erased_person_has_no_consents_and_can_give_none(desk: Desk) -> None:
    told = desk.say("PUT", f"/subjects/{desk.ids[2]}/consents/news", {"table": "customers", "state": "given"})
    desk.say("POST", "/subjects/erase", {"subject": told["subject"]})
    assert desk.say("GET", f"/subjects/{told['subject']}/consents")["consents"] == []
    desk.say("PUT", f"/subjects/{told['subject']}/consents/news", {"state": "given"}, wanted=410)


def test_both_outlive_a_restart(desk: Desk) -> None:
    desk.put(3)
    desk.say("PUT", f"/subjects/{desk.ids[2]}/consents/news", {"table": "customers", "state": "given"})
    desk.reopen()
    assert desk.seen()["list"] == [3]
    assert names(desk) == ["Person 2"]


def test_what_another_process_changes_counts_within_a_second(desk: Desk) -> None:
    desk.put(3)
    assert desk.seen()["list"] == [3]
    desk.house.vault("d").write_now((Delete("queues", ("queue",), (("support",),)),))
    desk.now += FRESH_MS
    assert desk.seen()["list"] == []


# --- pages of places ---------------------------------------------------------------------------------------------


def pages(desk: Desk, query: str = "", *, limit: int = 2, key: str = "") -> list[list[tuple[str, str, str]]]:
    """Return every page of a list, each place as queue, principal and record."""
    found, cursor = [], ""
    while True:
        path = f"/v1/vaults/d/queues?limit={limit}{query}{f'&cursor={cursor}' if cursor else ''}"
        answered = desk.ask("GET", path, **({"key": key} if key else {}))
        assert answered.status == 200, answered.body
        page = answered.json()
        found.append([(place["queue"], place["principal"], place["id"]) for place in page["places"]])
        cursor = page["next"]
        if not cursor:
            return found


@pytest.fixture
def full(desk: Desk) -> Desk:
    """Seven places in two queues, for two principals."""
    for queue, principal, at in (
        *(("support", "agent", at) for at in range(3)),
        *(("support", "mailer", at) for at in range(2)),
        *(("billing", "agent", at) for at in range(2)),
    ):
        desk.say("PUT", f"/queues/{queue}/{principal}/records/{desk.ids[at]}?ttl=15m")
    return desk


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
def test_pages_of_places_are_the_whole_list_in_its_order(full: Desk, limit: int) -> None:
    found = pages(full, limit=limit)
    [whole] = pages(full, limit=1_000)
    assert [place for page in found for place in page] == whole
    assert len(whole) == 7
    assert {len(page) for page in found[:-1]} <= {limit}
    assert whole[0][0] == "billing"


def test_a_page_goes_on_where_places_came_and_went(full: Desk) -> None:
    first = full.ask("GET", "/v1/vaults/d/queues?limit=3").json()
    last = first["places"][-1]
    full.say("DELETE", f"/queues/{last['queue']}/{last['principal']}/records/{last['id']}")
    full.say("PUT", f"/queues/archive/agent/records/{full.ids[5]}?ttl=15m")
    rest = full.ask("GET", f"/v1/vaults/d/queues?limit=10&cursor={first['next']}").json()
    seen = [place["id"] for page in (first, rest) for place in page["places"]]
    assert (len(seen), rest["next"]) == (7, "")


def test_named_queues_and_principals_are_paged_too(full: Desk) -> None:
    assert [len(page) for page in pages(full, "&queue=support")] == [2, 2, 1]
    assert [len(page) for page in pages(full, "&principal=agent&queue=support")] == [2, 1]


def test_a_cursor_is_of_one_question_and_one_caller(full: Desk) -> None:
    cursor = full.ask("GET", "/v1/vaults/d/queues?limit=1").json()["next"]
    other = full.add("olga", "owner").key
    for query, key in (("", other), ("&queue=support", full.key), ("&principal=agent", full.key)):
        assert full.ask("GET", f"/v1/vaults/d/queues?limit=1{query}&cursor={cursor}", key=key).status == 422
    assert full.ask("GET", "/v1/vaults/d/queues?cursor=abc").status == 422


@pytest.mark.parametrize("limit", [0, -1, 1_001])
def test_a_page_of_places_has_bounds(full: Desk, limit: int) -> None:
    assert full.ask("GET", f"/v1/vaults/d/queues?limit={limit}").status == 422


# --- flags ------------------------------------------------------------------------------------------------------


def test_a_restriction_hides_a_person_from_the_next_request_on_and_is_told_once_lifted(desk: Desk) -> None:
    path = f"/tables/customers/records/{desk.ids[2]}"
    told = desk.say("PUT", f"/subjects/{desk.ids[2]}/flags/restriction", {"table": "customers", "source": "letter"})
    assert (told["in_force"], told["at_ms"], told["source"]) == (True, NOW, "letter")
    desk.say("GET", path, wanted=404)
    assert len(desk.say("GET", "/tables/customers/records")["records"]) == 5
    assert desk.say("POST", "/query", {"sql": "SELECT count(*) FROM customers"})["rows"] == [[5]]
    assert "error" in desk.say("POST", "/detokenize", {"tokens": desk.tokens[2:3]})["values"][0]
    desk.reopen()
    desk.say("GET", path, wanted=404)
    flags = f"/subjects/{told['subject']}/flags"
    desk.say("DELETE", f"{flags}/restriction?source=phone")
    desk.say("GET", path)
    desk.say("DELETE", f"{flags}/restriction", wanted=409)
    assert [(said["set"], said["in_force"], said["source"]) for said in desk.say("GET", flags)["flags"]] == [
        (True, False, "letter"),
        (False, False, "phone"),
    ]
    notes = [(note["verb"], note["note"]) for note in desk.notes() if note["verb"] in ("flags.set", "flags.lift")]
    about = f"subject {told['subject']}"
    assert notes == [
        ("flags.set", f"consent restriction given {about}"),
        ("flags.lift", f"consent restriction withdrawn {about}"),
    ]


@pytest.mark.parametrize("flag", ["restrictions", "objection", "objection:", "objection:nothing.known", "news"])
def test_what_is_no_flag_is_not_set(desk: Desk, flag: str) -> None:
    desk.say("PUT", f"/subjects/{desk.ids[2]}/flags/{flag}", {"table": "customers"}, wanted=422)


@pytest.mark.parametrize("flag", ["restriction", "objection:marketing"])
def test_no_consent_is_given_under_the_name_of_a_flag(desk: Desk, flag: str) -> None:
    body = {"table": "customers", "state": "withdrawn"}
    desk.say("PUT", f"/subjects/{desk.ids[2]}/consents/{flag}", body, wanted=422)


def test_who_may_not_change_records_sets_and_lifts_no_flag(desk: Desk) -> None:
    path = f"/subjects/{desk.ids[2]}/flags/restriction"
    told = desk.say("PUT", path, {"table": "customers"})
    lifted = f"/subjects/{told['subject']}/flags/restriction"
    keys = [*desk.keys.values(), *(desk.add(f"a-{role}", role).key for role in ("viewer", "tokenizer", "auditor"))]
    for key in keys:
        desk.say("PUT", path, {"table": "customers"}, key=key, wanted=403)
        desk.say("DELETE", lifted, key=key, wanted=403)
    for key in keys[:-1]:
        desk.say("GET", f"/subjects/{told['subject']}/flags", key=key, wanted=403)


def test_an_objection_stops_who_may_mean_its_use_and_no_other(desk: Desk) -> None:
    ann = desk.add("ann", "owner", purposes=["marketing", "essential.service"]).key
    desk.say("PUT", f"/subjects/{desk.ids[2]}/flags/objection:marketing", {"table": "customers"})
    path = f"/v1/vaults/d/tables/customers/records/{desk.ids[2]}"
    said = {"marketing": 404, "marketing.advertising": 404, "": 404, "essential.service": 200}
    for purpose, status in said.items():
        headers = [("privet-purpose", purpose)] if purpose else []
        assert desk.ask("GET", path, key=ann, headers=headers).status == status
    desk.say("GET", f"/tables/customers/records/{desk.ids[2]}")
