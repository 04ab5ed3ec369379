"""A support agent sees masked names in California and the last four digits of numbers in her queue, and nothing else.

Over real HTTP she tries every route, every form of question and every error. All that reaches her, headers and the
server's log with it, is searched for what she may not know. A wider policy makes the same walk find it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import PAPER, PEOPLE, QUEUED, SCHEMA, WIDER, Desk, opened

ROUTES = Path(__file__).parents[1] / "golden" / "routes.txt"


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with opened(tmp_path_factory.mktemp("agent")) as made:
        yield made


@pytest.fixture
def desk(office: Desk) -> Desk:
    office.heard.clear()
    for at in QUEUED:
        office.queue(at)
    return office


# What she says to each route, and what she is told. `{record}` is a record that is none of hers.
NO = {403, 404}
TRIES: dict[str, tuple[Any, set[int]]] = {
    "approvals.approve": ({"subject": "00" * 32}, NO | {422}),
    "approvals.list": (None, NO),
    "approvals.withdraw": (None, NO),
    "audit.checkpoint": (None, NO),
    "audit.export": (None, NO),
    "audit.house": ({}, NO),
    "audit.proof": (None, NO),
    "audit.search": (None, NO),
    "audit.tail": (None, NO),
    "audit.verify": ({}, NO),
    "backups.make": ({}, NO | {400, 422}),
    "connectors.get": (None, NO),
    "connectors.kind": (None, {200, 404, 422}),
    "connectors.kinds": (None, {200}),
    "connectors.list": (None, NO),
    "connectors.put": ({"kind": "sqlite", "datasets": ["x"]}, NO),
    "connectors.remove": (None, NO),
    "connectors.test": ({}, NO),
    "consents.list": (None, NO),
    "consents.set": ({"state": "given", "table": "people"}, NO),
    "credentials.create": ({}, NO),
    "credentials.list": (None, NO),
    "credentials.revoke": (None, NO),
    "exports.ask": ({"table": "people", "reason": "because"}, NO),
    "files.get": (None, NO),
    "files.put": (PAPER, NO),
    "flags.lift": (None, NO),
    "flags.list": (None, NO),
    "flags.set": ({"table": "people"}, NO),
    "health.show": (None, {200}),
    "honey.add": ({"table": "people"}, NO | {400, 422}),
    "honey.list": (None, NO),
    "honey.remove": (None, NO),
    "keys.advance": ({}, NO | {422}),
    "keys.list": (None, NO),
    "keys.rewrap": ({}, NO | {422}),
    "keys.rotate": ({}, NO | {400, 422}),
    "openapi": (None, {200}),
    "laws.list": (None, {200}),
    "laws.show": (None, {200, 404, 422}),
    "manifests.check": ({}, NO),
    "manifests.diff": (None, NO | {400, 422}),
    "manifests.get": (None, NO | {400, 422}),
    "manifests.impact": (None, NO | {400, 422}),
    "manifests.list": (None, NO),
    "manifests.map": (None, NO),
    "manifests.vaults": (None, NO),
    "manifests.push": ({"files": {"a.yml": "system: []"}}, NO),
    "notices.get": (None, NO),
    "notices.list": (None, NO),
    "notices.put": ({"notices": ""}, NO),
    "notices.retire": (None, NO),
    "policies.activate": ({"version": 0}, NO),
    "policies.diff": ({"old": 0, "new": 1}, NO),
    "policies.explain": ({"roles": ["support_agent"]}, NO),
    "policies.get": (None, NO),
    "policies.history": (None, NO),
    "policies.list": (None, NO),
    "policies.retire": (None, NO),
    "policies.save": ({"policy": WIDER}, NO),
    "policies.suggest": ({"text": "support reads names"}, {400, 422} | NO),
    "policies.test": ({"suite": "", "policy": 1}, {400, 422} | NO),
    "principals.claim": ({"token": "pvt_claim_0"}, {400, 401, 403, 404, 409, 422}),
    "preferences.export": (None, NO),
    "preferences.forget": ({"email": "a@example.com"}, NO),
    "preferences.list": ({"email": "a@example.com"}, NO),
    "preferences.set": ({"email": "a@example.com", "verified": "x", "choices": {}}, NO),
    "preferences.tell": ({"email": "a@example.com"}, NO),
    "principals.create": ({"name": "other", "roles": ["owner"]}, NO),
    "principals.list": (None, NO),
    "principals.revoke": (None, NO),
    "principals.update": ({"roles": ["owner"]}, NO),
    "promises.get": (None, NO),
    "promises.save": ({"policy": WIDER}, NO | {400, 422}),
    "queries.explain": ({"sql": "SELECT note FROM people"}, NO),
    "queries.run": ({"sql": "SELECT note FROM people"}, NO),
    "queues.list": (None, NO),
    "queues.put": (None, NO),
    "queues.remove": (None, NO),
    "records.delete": ({"ids": ["{record}"]}, NO),
    "records.export": (None, NO),
    "records.get": (None, NO),
    "records.insert": ({"records": [{"note": "x"}]}, NO),
    "records.list": (None, {200}),
    "records.update": ({"values": {"name": "Mallory Example"}}, NO),
    "records.upsert": ({"on": ["email"], "records": [{"email": PEOPLE[0]["email"], "name": "Mallory Example"}]}, NO),
    "requests.acknowledge": ({}, NO),
    "requests.answer": ({}, NO),
    "requests.approve": ({}, NO),
    "requests.assign": ({"principal": "owner"}, NO),
    "requests.cancel": ({"reason": "x"}, NO),
    "requests.certificate": (None, NO),
    "requests.comment": ({"text": "x"}, NO),
    "requests.comments": (None, NO),
    "requests.deny": ({"reason": "x"}, NO),
    "requests.extend": ({"reason": "complex"}, NO),
    "requests.figures": (None, NO),
    "requests.forget": ({}, NO),
    "requests.get": (None, NO),
    "requests.identify": ({"how": "x"}, NO),
    "requests.list": (None, NO),
    "requests.open": ({"kind": "access", "email": "ada@example.com"}, NO),
    "requests.package": (None, NO),
    "requests.package_file": (None, NO),
    "requests.passphrase": (None, NO),
    "requests.person": (None, NO),
    "requests.plan": (None, NO),
    "requests.retry": ({}, NO),
    "requests.run": ({}, NO),
    "requests.tasks": (None, NO),
    "sessions.begin": (None, {302, 400, 404}),
    "sessions.done": (None, {400, 404}),
    "sessions.end": (None, {200, 204, 400, 401, 403, 404, 409}),
    "sessions.exchange": ({"grant_type": "x", "assertion": "y"}, {400, 401, 422}),
    "sessions.show": (None, {200}),
    "settings.get": (None, NO),
    "settings.set": ({"two_person": False}, NO),
    "subjects.erase": ({"subject": "{record}"}, NO | {422}),
    "tokens.detokenize": ({"tokens": ["{token}"]}, {200}),
    "tokens.tokenize": ({"column": "phone", "values": [PEOPLE[0]["phone"]]}, NO),
    "types.list": (None, {200}),
    "types.show": (None, {200, 404, 422}),
    "vaults.apply": ({"schema": SCHEMA}, NO),
    "vaults.create": ({"name": "mine"}, NO),
    "vaults.get": (None, {200}),
    "vaults.list": (None, {200}),
    "vaults.plan": ({"schema": SCHEMA}, NO),
}


def routes() -> list[tuple[str, str, str]]:
    """Return (method, path, name) of every route."""
    lines = [line.split() for line in ROUTES.read_text().splitlines() if line]
    return [(line[0], line[1], line[2]) for line in lines]


def walk(desk: Desk) -> Iterator[tuple[str, int, set[int]]]:
    """Yield (route, status, statuses that are right) for the agent, about a record that is none of hers."""
    record = desk.ids[0]
    places = {
        **{"vault": "shop", "table": "people", "name": "owner", "column": "paper", "queue": "support", "key": "news"},
        "flag": "restriction",
        **{"kind": "sqlite", "task": "shop.read"},
        **{"principal": "agent", "seq": "1", "version": "1", "field": "people.name", "subject": record, "id": record},
    }
    for method, path, name in routes():
        body, right = TRIES[name]
        if isinstance(body, dict | list):
            text = json.dumps(body).replace("{record}", record).replace("{token}", desk.tokens[0]["name"])
            body = json.loads(text)
        headers = {"Privet_File_Name": "x.pdf"} if name == "files.put" else {}
        status, _ = desk.ask(method, path.format(**places), body, **headers)
        yield name, status, right
        if method == "GET" and status == 200:
            desk.ask("HEAD", path.format(**places))


# --- every route --------------------------------------------------------------------------------------------------


def test_no_route_tells_her_of_another_record(desk: Desk) -> None:
    assert set(TRIES) == {name for _, _, name in routes()}, "say what the support agent gets of a new route"
    wrong = {name: status for name, status, right in walk(desk) if status not in right}
    assert wrong == {}
    assert desk.leaks() == set()


def test_a_wider_policy_makes_the_same_walk_sing(tmp_path: Path) -> None:
    with opened(tmp_path) as desk:
        desk.rule(WIDER)
        for _ in walk(desk):
            continue
        found = desk.leaks()
    assert desk.ids[0] in found and PEOPLE[0]["ssn"].replace("-", "") in found and PEOPLE[0]["note"] in found
    assert "parchment" in found  # the file's name, and what is in it


# --- records ------------------------------------------------------------------------------------------------------

RECORDS = "/v1/vaults/shop/tables/people/records"


def alike(one: tuple[int, Any], other: tuple[int, Any]) -> bool:
    """Return whether two answers are the same but for the number of their request."""
    (status, told), (second, more) = one, other
    return status == second and {**told, "request": ""} == {**more, "request": ""}


def test_a_record_that_is_not_hers_is_as_one_that_is_not_there(desk: Desk) -> None:
    nowhere, hidden = "01a2010b-8998-7fff-8955-5d378fb8cf5b", desk.ids[0]
    tries: list[tuple[str, str, Any]] = [
        ("GET", RECORDS + "/{}", None),
        ("GET", RECORDS + "/{}?columns=name", None),
        ("GET", RECORDS + "/{}?columns=ssn&redaction=last_four", None),
        ("PATCH", RECORDS + "/{}", {"values": {"name": "Mallory Example"}}),
        ("PATCH", RECORDS + "/{}", {"values": {"name": "Mallory Example"}, "version": 1}),
        ("PATCH", RECORDS + "/{}", {"values": {"email": PEOPLE[2]["email"]}}),
        ("GET", RECORDS + "/{}/files/paper", None),
    ]
    for method, path, body in tries:
        there, none = (desk.ask(method, path.format(record), body) for record in (hidden, nowhere))
        assert there[0] in NO and alike(there, none), (method, path)
    # A Californian's name is hers to see, and not to change; one in her queue is.
    assert desk.ask("GET", f"{RECORDS}/{desk.ids[5]}")[0] == 200
    seen = desk.ask("PATCH", f"{RECORDS}/{desk.ids[5]}", {"values": {"name": "Cal Example"}})
    assert alike(seen, desk.ask("PATCH", f"{RECORDS}/{nowhere}", {"values": {"name": "Cal Example"}}))
    assert desk.ask("PATCH", f"{RECORDS}/{desk.ids[4]}", {"values": {"name": "Cal Example"}})[0] == 200
    assert desk.leaks() == set()


def test_pages_hold_californians_and_her_queue_alone(desk: Desk) -> None:
    mine = [desk.ids[at] for at, person in enumerate(PEOPLE) if person["state"] == "CA" or at in QUEUED]
    for limit in (1, 5, 31, 50):
        found: list[str] = []
        cursor, more = "", True
        while more:
            status, page = desk.ask("GET", f"{RECORDS}?limit={limit}&cursor={cursor}")
            assert status == 200
            found += [item["id"] for item in page["records"]]
            cursor = page["next"]
            more = bool(cursor)
            assert not more or len(page["records"]) == limit
        assert found == mine
    assert desk.leaks() == set()


def test_nobody_elses_cursor_works(desk: Desk) -> None:
    owners = desk.own("GET", f"{RECORDS}?limit=3")["next"]
    hers = desk.ask("GET", f"{RECORDS}?limit=3")[1]["next"]
    for cursor in (owners, hers[:-2] + "AA", "AAAA", hers + "&columns=name"):
        status, told = desk.ask("GET", f"{RECORDS}?limit=3&cursor={cursor}")
        assert (status, told["code"]) in ((400, "invalid_input"), (422, "invalid_input"))
    assert desk.leaks() == set()


def test_a_record_leaves_her_with_her_queue(desk: Desk) -> None:
    stranger = desk.ids[4]
    assert desk.ask("GET", f"{RECORDS}/{stranger}")[1]["values"] == {"ssn": f"*****{PEOPLE[4]['ssn'][-4:]}"}
    desk.own("DELETE", f"/v1/vaults/shop/queues/support/agent/records/{stranger}")
    assert desk.ask("GET", f"{RECORDS}/{stranger}")[0] == 404
    assert desk.query(f"SELECT ssn FROM people WHERE id = '{stranger}'")[1]["rows"] == []


def test_tokens_of_others_are_as_none(desk: Desk) -> None:
    unknown = "tok_" + "a" * len(desk.tokens[0]["name"].removeprefix("tok_"))
    sent = [desk.tokens[0]["name"], unknown, desk.tokens[1]["name"], desk.tokens[1]["phone"]]
    status, told = desk.ask("POST", "/v1/vaults/shop/detokenize", {"tokens": sent})
    assert status == 200
    hidden, none, hers, phone = told["values"]
    assert hidden["error"]["code"] == "not_found"
    assert {**hidden["error"], "at": ""} == {**none["error"], "at": ""} or none["error"]["code"] == "invalid_token"
    assert hers["value"] == "Q***le" and "value" not in phone
    assert desk.leaks() == set()


# --- questions ----------------------------------------------------------------------------------------------------

REFUSED = (
    "SELECT phone FROM people",
    "SELECT note FROM people",
    "SELECT born.year FROM people",
    "SELECT name FROM people WHERE name = 'Quillon Fernwhistle'",
    "SELECT name FROM people WHERE name IN ('Quillon Fernwhistle', 'Rowena Inglewick')",
    "SELECT name FROM people WHERE name LIKE 'Quil%'",
    "SELECT name FROM people WHERE NOT name = 'Quillon Fernwhistle'",
    "SELECT name FROM people WHERE name > 'M'",
    "SELECT name FROM people WHERE email = 'quillon.fernwhistle@coast.example'",
    "SELECT name FROM people WHERE email LIKE 'quillon%'",
    "SELECT name FROM people WHERE ssn = '602-12-4001'",
    "SELECT ssn FROM people WHERE ssn > '602-12-4001'",
    "SELECT name FROM people WHERE phone.area = '415'",
    "SELECT name FROM people WHERE phone IS NULL",
    "SELECT name FROM people WHERE born BETWEEN '1950-01-01' AND '1960-01-01'",
    "SELECT name FROM people WHERE state = 'NY'",
    "SELECT name FROM people WHERE state IS NOT NULL",
    "SELECT name FROM people ORDER BY name",
    "SELECT name FROM people ORDER BY born DESC",
    "SELECT name FROM people ORDER BY ssn LIMIT 1",
    "SELECT count(*) FROM people GROUP BY state",
    "SELECT count(*) FROM people GROUP BY name",
    "SELECT count(DISTINCT ssn) FROM people",
    "SELECT count(*) FROM people WHERE ssn = '602-12-4001'",
    "SELECT min(born) FROM people",
    "SELECT max(ssn) FROM people",
    "SELECT min(name), max(name) FROM people",
    "SELECT sum(total) FROM orders",
    "SELECT count(*) FROM orders",
    "SELECT p.name FROM orders o JOIN people p ON o.person = p.id",
    "SELECT redaction(phone, 'redacted') FROM people",
)


def test_she_asks_about_nothing_that_a_mask_hides(desk: Desk) -> None:
    for sql in REFUSED:
        for ask in ({"sql": sql}, {"sql": sql, "explain": True}, {"sql": sql, "redaction": "plain_text"}):
            status, told = desk.ask("POST", "/v1/vaults/shop/query", ask)
            assert (status, told["code"]) == (403, "denied"), sql
        assert desk.ask("POST", "/v1/vaults/shop/query/explain", {"sql": sql})[0] == 403, sql
    assert desk.leaks() == set()


def test_faults_of_a_question_quote_nothing(desk: Desk) -> None:
    for sql in (
        "SELECT name FROM people WHERE ssn = 'Zebedee'",
        "SELECT name FROM people WHERE passport = 'Zebedee'",
        "SELECT name FROM nobody WHERE 'Zebedee'",
        "SELECT name FROM people; DROP TABLE people -- Zebedee",
        "SELECT upper(name) FROM people WHERE email.domain = 'lakes.example' OR 1 = 1",
    ):
        status, _ = desk.query(sql)
        assert status in (400, 403, 422), sql
    assert desk.leaks() == set()


def test_what_she_asks_is_answered_of_her_records_alone(desk: Desk) -> None:
    californian = [at for at, person in enumerate(PEOPLE) if person["state"] == "CA"]
    mine = {desk.ids[at] for at in (*californian, *QUEUED)}
    status, told = desk.query("SELECT id, name, email, ssn FROM people ORDER BY id")
    assert status == 200 and {row[0] for row in told["rows"]} == mine
    assert desk.query("SELECT id FROM people WHERE email.domain = 'lakes.example'")[1]["rows"] == []
    assert len(desk.query("SELECT id FROM people WHERE email.domain = 'coast.example'")[1]["rows"]) == len(californian)
    assert len(desk.query("SELECT id FROM people WHERE ssn.last_four = '4004'")[1]["rows"]) == 1
    assert desk.query("SELECT id FROM people WHERE ssn.last_four = '4002'")[1]["rows"] == []
    hidden = ", ".join(f"'{identity}'" for at, identity in enumerate(desk.ids) if identity not in mine)
    assert desk.query(f"SELECT id, name FROM people WHERE id IN ({hidden})")[1]["rows"] == []
    clear = desk.query("SELECT name, email FROM people", redaction="plain_text")[1]["rows"]
    assert all("***" in cell for row in clear for cell in row if cell)
    assert desk.leaks() == set()


def test_subtracting_counts_tells_her_nothing(desk: Desk) -> None:
    """Of her own thirty-one she gets a moved count, the same each time; of fewer than five people none at all."""
    sql = "SELECT count(*) FROM people"
    _, first = desk.query(sql)
    assert first["perturbed"] and first["suppressed"]
    assert desk.query(sql)[1]["rows"] == first["rows"]
    assert all(abs(row[0] - 31) <= 12 for row in first["rows"])
    for rest in (
        "WHERE ssn.last_four = '4001'",
        "WHERE ssn.last_four = '4002'",
        "WHERE email.domain = 'lakes.example'",
        f"WHERE id = '{desk.ids[0]}'",
        f"WHERE id = '{desk.ids[1]}'",
        "WHERE ssn IS NOT NULL",
    ):
        _, told = desk.query(f"{sql} {rest}")
        assert (told["rows"], told["suppressed"]) == ([], True), rest
    exact = [desk.query(f"{sql} WHERE id != '{desk.ids[at]}'")[1]["rows"] for at in (0, 1)]
    assert all(not rows or rows[0][0] >= 5 for rows in exact)
    grouped = desk.query("SELECT email.domain, count(*) FROM people GROUP BY email.domain")[1]
    assert grouped["suppressed"] and all(row[0] == "coast.example" for row in grouped["rows"])
    assert desk.leaks() == set()


# --- writing ------------------------------------------------------------------------------------------------------


def test_what_is_taken_is_refused_without_a_reason(desk: Desk) -> None:
    def write(records: list[dict[str, str]], **more: Any) -> tuple[int, Any]:
        return desk.ask("POST", RECORDS, {"records": records, **more})

    taken = [write([{"email": PEOPLE[at]["email"]}]) for at in (0, 1)]
    assert all(status == 409 and told["code"] == "conflict" for status, told in taken)
    assert alike(*taken)
    twice = write([{"email": "new@example.com"}, {"email": "new@example.com"}])
    assert twice[0] == 409 and twice[1]["code"] == "conflict"
    part = write([{"email": PEOPLE[0]["email"]}, {"email": "other@example.com"}], partial=True)
    assert part[0] == 201 and part[1]["records"][0]["error"]["code"] == "conflict"
    assert set(part[1]["records"][1]) <= {"id", "version", "tokens"}
    for on in (["email"], ["ssn"], ["name"]):
        status, told = desk.ask("PUT", RECORDS, {"on": on, "records": [{"email": PEOPLE[0]["email"], "name": "M E"}]})
        assert status in (403, 404, 422) and "taken" not in told["detail"]
    assert desk.leaks() == set()


def test_a_call_that_comes_again_shows_no_more(desk: Desk) -> None:
    body = {"records": [{"email": "again@example.com", "name": "Again Example"}]}
    first = desk.ask("POST", RECORDS, body, Idempotency_Key="k1")
    assert first[0] == 201
    assert desk.ask("POST", RECORDS, body, Idempotency_Key="k1") == first
    other = desk.ask("POST", RECORDS, {"records": [{"email": PEOPLE[0]["email"]}]}, Idempotency_Key="k1")
    assert other[0] in (409, 422)
    # What she wrote is nobody's in California, so it is hers to write and not to read.
    identity = first[1]["records"][0]["id"]
    assert desk.ask("GET", f"{RECORDS}/{identity}")[0] == 404
    assert desk.leaks() == set()
