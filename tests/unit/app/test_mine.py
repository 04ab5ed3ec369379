"""What a person asks for in the privacy centre, as somebody tries it who wants what is not hers."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pyzipper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from town import ADA, CODES, EVE, PASSES, REQUESTS, Town, body
from wire import Answered

from privet.app.services import outcomes, records, vaults
from privet.rights.asked import Opening
from privet.store.port import Select, Unit, Update


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "home")
    yield made
    made.close()


# --- requests -----------------------------------------------------------------------------------------------------


def test_request_is_about_the_verified_identity_alone_and_waits_for_approval(town: Town) -> None:
    found = town.opened(town.enter("Ada@EXAMPLE.com", "de"), region="DE")
    journal = town.house.desk.journal
    request = journal.get(found["id"])
    assert journal.identities(found["id"]) == {"email": "Ada@EXAMPLE.com"} or journal.identities(found["id"]) == {
        "email": "Ada@example.com"
    }
    assert (request.state, request.verified, request.region, request.language) == ("received", "code", "DE", "de")
    assert request.opened_by.startswith("person:") and request.due_ms is not None and request.law == "gdpr"
    assert found["due_ms"] == request.due_ms and found["cancelable"] and found["counts"] is None


@pytest.mark.parametrize("more", [{"email": EVE}, {"identities": {"email": EVE}}, {"person": "x"}, {"approve": True}])
def test_nobody_else_can_be_named(town: Town, more: dict[str, Any]) -> None:
    key = town.enter()
    assert town.call("POST", REQUESTS, body(kind="access", **more), key).status in (400, 422)
    assert town.call("GET", REQUESTS, key=key).json() == {"requests": []}


def test_same_again_gives_the_request_that_is_open(town: Town) -> None:
    key = town.enter()
    first = town.opened(key)
    assert town.opened(key)["id"] == first["id"] == town.opened(town.enter())["id"]
    assert town.opened(key, kind="erasure")["id"] != first["id"]
    phone = {"what": "user.contact.phone_number", "value": "+1 212 555 0100"}
    one = town.opened(key, kind="rectification", corrections=[phone])
    assert town.opened(key, kind="rectification", corrections=[phone])["id"] == one["id"]
    two = town.opened(key, kind="rectification", corrections=[phone | {"value": "+1 212 555 0101"}])
    assert two["id"] != one["id"]
    left = town.opened(key, kind="objection", uses=["marketing.advertising"])
    assert town.opened(key, kind="objection", uses=["marketing.advertising"])["id"] == left["id"]
    assert town.opened(key, kind="objection", uses=["marketing.advertising"], lift=True)["id"] != left["id"]
    assert town.call("POST", f"{REQUESTS}/{first['id']}/cancel", b"{}", key).status == 200
    assert town.opened(key)["id"] != first["id"]


def test_two_that_ask_at_once_open_one(town: Town) -> None:
    import asyncio

    key = town.enter()

    async def both() -> list[Answered]:
        asks = [town.center.ask("POST", REQUESTS, body(kind="access"), key=key) for _ in range(5)]
        return await asyncio.gather(*asks)

    assert len({each.json()["id"] for each in town.runner.run(both())}) == 1


def test_person_has_no_more_than_some_requests_open(town: Town) -> None:
    key = town.enter()
    told = 0
    for number in range(22):
        phone = {"what": "user.contact.phone_number", "value": f"+1 212 555 01{number:02}"}
        told = town.call("POST", REQUESTS, body(kind="rectification", corrections=[phone]), key).status
    assert told == 429 and len(town.call("GET", REQUESTS, key=key).json()["requests"]) == 20


def test_person_opens_no_more_than_some_requests_a_day(town: Town) -> None:
    key = town.enter()
    for _ in range(30):
        assert town.call("POST", f"{REQUESTS}/{town.opened(key)['id']}/cancel", b"{}", key).status == 200
    assert town.call("POST", REQUESTS, body(kind="access"), key).status == 429
    town.now += 86_400_000
    town.opened(town.enter())


def test_body_of_somebody_unknown_is_small(town: Town) -> None:
    said = body(email=ADA, language="x" * 20_000)
    assert town.call("POST", CODES, said).status == 413
    assert town.call("POST", REQUESTS, b" " * (257 << 10), town.enter()).status == 413


@pytest.mark.parametrize(
    "said",
    [
        {"kind": "consent"},
        {"kind": "canary"},
        {"kind": "rectification"},
        {"kind": "access", "corrections": [{"what": "user.name", "value": "canary"}]},
        {"kind": "rectification", "corrections": [{"what": "shop.customers.canary", "value": "canary"}]},
        {"kind": "objection"},
        {"kind": "objection", "uses": ["canary"]},
        {"kind": "restriction", "uses": ["marketing"]},
        {"kind": "access", "lift": True},
        {"kind": "access", "region": "canary"},
        {"kind": "access", "region": "C4"},
    ],
)
def test_what_nobody_can_ask_for_is_refused_without_being_shown(town: Town, said: dict[str, Any]) -> None:
    told = town.call("POST", REQUESTS, body(**said), town.enter())
    assert told.status == 422 and b"canary" not in told.body


def test_her_view_is_in_her_language_and_names_no_staff(town: Town) -> None:
    key = town.enter(ADA, "de")
    found = town.opened(key)
    desk = town.house.desk
    desk.journal.deny(found["id"], "staff-canary", "manifestly_unfounded", town.now)
    told = town.call("GET", f"{REQUESTS}/{found['id']}", key=key)
    assert b"canary" not in told.body
    shown = told.json()
    english = town.call("GET", REQUESTS, key=town.enter(ADA)).json()["requests"][0]
    assert shown["state"] == "denied" and shown["why"] and not shown["cancelable"]
    assert shown["words"] == english["words"] != "Declined"  # the language of the request, not of the pass


def test_what_was_begun_is_not_canceled(town: Town) -> None:
    key = town.enter()
    found = town.opened(key, kind="erasure")
    change = (("running", 1, found["id"]),)
    town.house.control.write_now(Unit((Update("requests", ("state", "begun"), ("id",), change),)))
    assert not town.call("GET", f"{REQUESTS}/{found['id']}", key=key).json()["cancelable"]
    assert town.call("POST", f"{REQUESTS}/{found['id']}/cancel", b"{}", key).status == 409


def test_request_of_another_is_as_one_that_is_none(town: Town) -> None:
    theirs = town.opened(town.enter(EVE))["id"]
    key = town.enter(ADA)
    for method, rest in (("GET", ""), ("POST", "/cancel"), ("POST", "/package"), ("GET", "/package.zip")):
        said = b"{}" if method == "POST" else b""
        told = [
            town.call(method, f"{REQUESTS}/{id_}{rest}", said, key)
            for id_ in (theirs, str(uuid.uuid4()), "x", theirs.upper(), theirs + "%00")
        ]
        assert {each.status for each in told[:4]} == {404} and told[4].status in (400, 404)
        shown = {msgspec.json.encode({k: v for k, v in each.json().items() if k != "request"}) for each in told[:4]}
        assert len(shown) == 1
    assert town.call("GET", REQUESTS, key=key).json() == {"requests": []}
    assert town.house.desk.journal.get(theirs).state == "received"


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(id_=st.one_of(st.uuids().map(str), st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=70)))
def test_no_id_shows_a_request_of_another(town: Town, id_: str) -> None:
    found = getattr(town, "theirs", None)
    if found is None:
        found = town.theirs = town.opened(town.enter(EVE))["id"]  # type: ignore[attr-defined]
        town.mine = town.enter(ADA)  # type: ignore[attr-defined]
    from urllib.parse import quote

    for wanted in (id_, found[: len(id_) % 37] + id_[len(id_) % 37 :]):
        if wanted:
            told = town.call("GET", f"{REQUESTS}/{quote(wanted, safe='')}", key=town.mine)  # type: ignore[attr-defined]
            assert told.status in (404, 422), told.body


def test_handle_that_was_put_on_another_request_opens_no_package_of_it(town: Town) -> None:
    """Who writes rows cannot have somebody's data handed out to herself."""
    theirs = town.opened(town.enter(EVE))["id"]
    change = ((town.house.handle("email", ADA), theirs),)
    town.house.control.write_now(Unit((Update("requests", ("person",), ("id",), change),)))
    key = town.enter(ADA)
    for method, rest in (("POST", "/cancel"), ("POST", "/package"), ("GET", "/package.zip")):
        assert town.call(method, f"{REQUESTS}/{theirs}{rest}", b"{}" if method == "POST" else b"", key).status == 404


def test_request_that_names_more_than_she_proved_hands_nothing_out(town: Town) -> None:
    held = {"email": ADA, "phone_number": "+12125550100"}
    opening = Opening(
        kind="access",
        identities=held,
        by="staff",
        verified="passport seen at the desk",
        person=town.house.handle("email", ADA),
    )
    found = town.house.desk.journal.open(opening, town.now)
    key = town.enter(ADA)
    for path in ("package", "cancel"):
        assert town.call("POST", f"{REQUESTS}/{found.id}/{path}", b"{}", key).status == 404
    assert town.call("GET", f"{REQUESTS}/{found.id}/package.zip", key=key).status == 404
    assert [each["id"] for each in town.call("GET", REQUESTS, key=key).json()["requests"]] == [found.id]


def test_address_written_in_another_way_is_another_person(town: Town) -> None:
    found = town.opened(town.enter("ada@example.com"))["id"]
    for address in ("Ada@example.com", "ada+x@example.com", "a.da@example.com"):
        town.now += 3 * 3_600_000
        assert town.call("GET", f"{REQUESTS}/{found}", key=town.enter(address)).status == 404


def test_call_that_comes_again_opens_nothing_more(town: Town) -> None:
    key = town.enter()
    lines = [("idempotency-key", "once")]
    told = [town.call("POST", REQUESTS, body(kind="access"), key, headers=lines) for _ in range(2)]
    assert told[0].json() == told[1].json() and told[1].status == 201
    other = town.call("POST", REQUESTS, body(kind="access"), town.enter(EVE), headers=lines)
    assert other.json()["id"] != told[0].json()["id"]


def test_nothing_of_a_person_lies_in_the_clear(town: Town) -> None:
    id_, code = town.make("canary@example.com")
    key = str(town.call("POST", PASSES, body(id=id_, code=code)).json()["pass"])
    town.opened(key)
    town.call("POST", CODES, body(email="canary@example.com"))
    found = b"".join(path.read_bytes() for path in sorted(town.home.rglob("*")) if path.is_file())
    for word in ("canary", code, key[4:]):
        assert word.encode() not in found, word
    assert id_.encode() in found  # the search finds what is there


def test_codes_and_passes_that_are_over_are_swept(town: Town) -> None:
    town.enter()
    town.now += 2 * 3_600_000
    town.runner.run(town.house.center.sweep())
    left = [
        town.house.control.select(Select(table=name, columns=(key,)))
        for name, key in (("center_codes", "id"), ("center_passes", "proof"))
    ]
    assert [len(rows) for rows in left] == [1, 0]


# --- packages -----------------------------------------------------------------------------------------------------

PEOPLE = """
dataset:
  - fides_key: people_vault
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: name, data_categories: [user.name], fides_meta: {privet: {type: person.full_name}}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, index: [exact]}}
          - {name: note, data_categories: [user], fides_meta: {privet: {type: string}}}
"""


def gathered(town: Town, key: str, notes: int = 0) -> str:
    """Return the id of a request of hers that is approved and over. `notes`: of 4,000 characters that it finds."""
    town.run("vaults.create", vaults.CreateAsk(name="people", schema=PEOPLE))
    rows = [{"name": "Ada Invented", "email": ADA}, {"name": "Eve Invented", "email": EVE}]
    rows += [{"name": "Ada Invented", "email": ADA, "note": os.urandom(2_000).hex()} for _ in range(notes)]
    town.run("records.insert", records.InsertAsk(vault="people", table="people", records=rows))
    found: str = town.opened(key)["id"]
    for step in ("approve", "run"):
        town.run(f"requests.{step}", outcomes.IdAsk(id=found))
    return found


def test_person_fetches_what_is_hers_and_nobody_else_does(town: Town) -> None:
    key, eve = town.enter(ADA), town.enter(EVE)
    id_ = gathered(town, key)
    shown = town.call("GET", f"{REQUESTS}/{id_}", key=key).json()
    assert shown["state"] == "complete" and shown["counts"]["read"] == 1 and shown["package_until_ms"] > town.now
    told = town.call("POST", f"{REQUESTS}/{id_}/package", b"{}", key).json()
    file = town.call("GET", f"{REQUESTS}/{id_}/package.zip", key=key)
    assert file.status == 200 and file.headers["content-type"] == "application/zip" and file.ended
    assert file.headers["content-disposition"] == "attachment"
    with pyzipper.AESZipFile(io.BytesIO(file.body)) as packed:
        packed.setpassword(told["passphrase"].encode())
        held = packed.read("records.json")
    assert b"Ada Invented" in held and b"Eve" not in held
    assert (
        town.call("POST", f"{REQUESTS}/{id_}/package", b"{}", key).json()["downloads_left"]
        == told["downloads_left"] - 1
    )
    for method, path in (("POST", "package"), ("GET", "package.zip")):
        assert town.call(method, f"{REQUESTS}/{id_}/{path}", b"{}" if method == "POST" else b"", eve).status == 404
    said = [each for each in town.notes() if each["verb"] in ("center.packages.open", "requests.package_file")]
    assert len(said) == 3 and {each["who"] for each in said} == {f"person:{town.house.handle('email', ADA).hex()[:32]}"}


def test_package_that_lapsed_is_gone(town: Town) -> None:
    id_ = gathered(town, town.enter(ADA))
    town.now += 73 * 3_600_000
    key = town.enter(ADA)
    assert town.call("POST", f"{REQUESTS}/{id_}/package", b"{}", key).status == 410
    assert town.call("GET", f"{REQUESTS}/{id_}/package.zip", key=key).status == 410


def fetched(town: Town, id_: str, key: str, then: Callable[[], Awaitable[object]]) -> Answered:
    """Return what comes of a package where something happens after its first piece."""

    async def heard(count: int) -> None:
        if count == 1:
            await then()

    return town.call("GET", f"{REQUESTS}/{id_}/package.zip", key=key, heard=heard)


def test_pass_that_is_ended_ends_the_download_that_it_began(town: Town) -> None:
    key, other = town.enter(), town.enter()
    id_ = gathered(town, key, notes=400)

    async def end() -> None:
        assert (await town.center.ask("DELETE", PASSES, key=key)).status == 204

    got = fetched(town, id_, key, end)
    assert got.status == 200 and not got.ended
    whole = town.call("GET", f"{REQUESTS}/{id_}/package.zip", key=other)
    assert whole.ended and len(got.body) < len(whole.body)


@pytest.mark.parametrize("swept", [False, True])
def test_pass_that_runs_out_ends_no_download(town: Town, swept: bool) -> None:
    key = town.enter()
    id_ = gathered(town, key, notes=400)

    async def heard(count: int) -> None:
        if count == 1:
            town.now += 31 * 60_000
        if count == 2 and swept:
            await town.house.center.sweep()

    got = town.call("GET", f"{REQUESTS}/{id_}/package.zip", key=key, heard=heard)
    assert got.status == 200 and got.ended
    assert town.call("GET", f"{REQUESTS}/{id_}/package.zip", key=key).status == 401


def test_pass_that_was_ended_just_before_it_ran_out_ends_the_download(town: Town) -> None:
    key = town.enter()
    id_ = gathered(town, key, notes=400)

    async def end() -> None:
        assert (await town.center.ask("DELETE", PASSES, key=key)).status == 204
        town.now += 31 * 60_000

    assert not fetched(town, id_, key, end).ended
