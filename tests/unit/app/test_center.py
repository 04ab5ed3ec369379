"""The privacy centre, as somebody finds it who wants what is not hers. Every person is invented."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate
from staff import NOW
from town import ADA, CODES, EVE, PASSES, REQUESTS, Town, body

from privet.app import center as centers
from privet.app.http.asks import Reader
from privet.app.http.center import center_routes
from privet.app.http.openapi import document
from privet.app.http.routes import make_routes
from privet.app.identity.cookie import SESSION
from privet.app.services import center_verbs, verbs
from privet.app.services.mine import STREAMS as PUBLIC_STREAMS
from privet.app.services.streams import STREAMS
from privet.rights.asked import Opening
from privet.rights.identity.codes import Claimed, Made
from privet.rights.identity.passes import PASS_MS

SNAPSHOT = Path(__file__).parents[2] / "golden" / "center_routes.txt"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    made = Town(tmp_path / "home")
    yield made
    made.close()


# --- what stands there --------------------------------------------------------------------------------------------


def test_route_table_is_as_it_was_agreed(town: Town) -> None:
    """A new route is a new door to the public: it is written down in tests/golden/center_routes.txt."""
    lines = [
        " ".join((r.method, r.path, r.name, str(r.max_body_bytes), *["open"] * r.open, *["stream"] * r.streams))
        for r in center_routes(town.house)
    ]
    assert "\n".join(sorted(lines)) + "\n" == SNAPSHOT.read_text()


def test_nothing_of_the_api_stands_at_the_centre_nor_the_other_way_round(town: Town) -> None:
    public = {(route.method, route.path) for route in center_routes(town.house)} - {("GET", "/v1/openapi.json")}
    ours = {(route.method, route.path) for route in make_routes(town.house, verbs(), STREAMS)}
    assert not public & ours
    assert all(path.startswith("/v1/center/") for _, path in public)
    assert not any("/center/" in path for _, path in ours)
    assert not any(verb.name.startswith("center.") for verb in verbs())
    for route in make_routes(town.house, verbs(), STREAMS):
        if route.path != "/v1/openapi.json":
            assert town.call(route.method, route.path.replace("{", "").replace("}", ""), key=town.key).status == 404


def test_description_is_valid_and_names_no_way_in_but_the_pass(town: Town) -> None:
    told = town.call("GET", "/v1/openapi.json")
    assert told.status == 200
    validate(told.json())
    assert set(told.json()["paths"]) == {row.path for row in (*center_verbs(), *PUBLIC_STREAMS)}
    validate(msgspec.json.decode(msgspec.json.encode(document(center_verbs()))))


@pytest.mark.parametrize("verb", center_verbs(), ids=lambda verb: verb.name)
def test_every_verb_of_the_centre_is_about_the_caller_alone(verb: Any) -> None:
    assert verb.own and verb.name.startswith("center.") and verb.path.startswith("/v1/center/")
    Reader(verb.name, verb.method, verb.path, verb.ask, verb.max_keys)
    fields = {field.name for field in msgspec.structs.fields(verb.ask)}
    assert verb.name == "center.codes.make" or not fields & {
        "email",
        "identities",
        "identity",
        "person",
        "phone_number",
    }


def test_only_what_needs_no_person_is_open() -> None:
    told = {verb.name for verb in center_verbs() if verb.open}
    assert {"center.codes.make", "center.passes.open"} <= told
    assert not {name for name in told if name.startswith(("center.requests", "center.packages", "center.choices"))}


def test_no_key_of_staff_opens_the_centre_and_no_pass_the_api(town: Town) -> None:
    assert town.call("GET", REQUESTS, key=town.key).status == 401
    cookie = [("cookie", f"{SESSION}={town.key}")]
    assert town.call("GET", REQUESTS, headers=cookie).status == 401
    key = town.enter()
    assert town.call("GET", REQUESTS, key=key).status == 200
    for path in ("/v1/session", "/v1/requests", "/v1/vaults"):
        assert town.ask("GET", path, key=key).status == 401
    assert town.call("GET", REQUESTS, headers=[("cookie", f"{SESSION}={key}")]).status == 401


def test_answers_are_kept_nowhere_and_read_by_no_other_site(town: Town) -> None:
    told = town.call("POST", CODES, body(email=ADA), headers=[("origin", "https://shop.example.com")], scheme="https")
    assert told.headers["cache-control"] == "no-store"
    assert told.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in told.headers["content-security-policy"]
    assert "strict-transport-security" in told.headers
    assert not any(name.startswith("access-control") for name in told.headers)
    asked = town.call("OPTIONS", REQUESTS, headers=[("origin", "https://shop.example.com")])
    assert not any(name.startswith("access-control") for name in asked.headers)


# --- codes --------------------------------------------------------------------------------------------------------


def test_answer_is_the_same_for_whoever_it_is_about(town: Town) -> None:
    town.opened(town.enter(ADA))
    said = [
        body(email=ADA),
        body(email="nobody@example.com"),
        body(email=ADA, language="tlh"),
        *[body(email=EVE)] * 5,
        body(email=EVE, language="de"),
    ]
    told = [town.call("POST", CODES, each) for each in said]
    assert {each.status for each in told} == {202}
    assert all(set(each.json()) == {"id", "expires_ms"} for each in told)
    assert len({each.json()["id"] for each in told}) == len(told)
    assert {each.json()["expires_ms"] - NOW for each in told} == {600_000}
    heads = [{name: value for name, value in each.headers.items() if name != "privet-request"} for each in told]
    assert all(head == heads[0] for head in heads) and len({len(each.body) for each in told}) == 1


@pytest.mark.parametrize(
    "email", ["", "canary", "canary@", "a@canary@example.com", "canary@example.com\r\nBcc: x@example.com"]
)
def test_text_that_is_no_address_is_refused_without_being_shown(town: Town, email: str) -> None:
    told = town.call("POST", CODES, body(email=email))
    assert told.status == 422 and b"canary" not in told.body and b"Bcc" not in told.body


def test_every_way_to_be_wrong_is_one_answer(town: Town) -> None:
    spent, late = town.make(ADA), town.make(ADA)
    assert town.call("POST", PASSES, body(id=spent[0], code=spent[1])).status == 200
    wrong = f"{(int(late[1]) + 1) % 10**8:08}"
    cases = [spent, ("0" * 32, "00000000"), ("", ""), (late[0], wrong), (spent[0], late[1]), (late[0], "é")]
    told = [town.call("POST", PASSES, body(id=id_, code=code)) for id_, code in cases]
    town.now += 600_000
    told.append(town.call("POST", PASSES, body(id=late[0], code=late[1])))
    assert {each.status for each in told} == {401}
    shown = {msgspec.json.encode({k: v for k, v in each.json().items() if k != "request"}) for each in told}
    assert len(shown) == 1 and all(each.json()["code"] == "wrong_code" for each in told)


def pairs(left: Callable[[int], float], right: Callable[[int], float], count: int) -> float:
    """Return how far from chance it is that one of two costs is the larger, in standard deviations (a sign test).

    What disturbs a machine now and then changes few of the pairs, and each side comes first in half of them.
    """
    larger = 0
    for number in range(count):
        if number % 2:
            one, two = left(number), right(number)
        else:
            two, one = right(number), left(number)
        larger += one > two
    return abs(larger - count / 2) / math.sqrt(count / 4)


class Asked:
    """What an ask for a code costs, in processor time of the whole process, whoever waits for which disk."""

    def __init__(self, town: Town) -> None:
        self.town = town

    def cost(self, address: str, language: str = "en") -> float:
        said = body(email=address, language=language)
        began = time.process_time_ns()
        assert self.town.call("POST", CODES, said).status == 202
        return time.process_time_ns() - began


PAIRS, KNOWN = 240, 30


def people(town: Town) -> list[str]:
    """Open a request of some people, and return their addresses."""
    found = [f"person{number:04}@example.com" for number in range(KNOWN)]
    for address in found:
        held = {"email": address}
        person = town.house.handle("email", address)
        opening = Opening(kind="access", identities=held, by="test", verified="seen at the desk", person=person)
        town.house.desk.journal.open(opening, town.now)
    return found


def hourly(town: Town, number: int) -> None:
    """Move the clock an hour and more on before anybody has asked a third time."""
    if number % (2 * KNOWN) == 0:
        town.now += 3 * 3_600_000


def known_or_not(town: Town) -> float:
    known, asked = people(town), Asked(town)

    def left(number: int) -> float:
        hourly(town, number)
        return asked.cost(known[number % KNOWN])

    return pairs(left, lambda number: asked.cost(f"nobody{number % KNOWN:04}@example.com"), PAIRS)


def test_time_does_not_tell_whether_a_person_is_known(town: Town) -> None:
    assert known_or_not(town) < 4.5


class Looking(centers.Center):
    """A centre that looks whether a person is known before it makes a code."""

    async def make(self, claimed: Claimed) -> Made:
        person = self._house.handle(claimed.kind, claimed.value)
        for found in self._house.desk.journal.of_person(person):
            self._house.desk.journal.identities(found.id)
        return await super().make(claimed)


def test_the_test_of_time_finds_a_centre_that_looks_people_up(town: Town) -> None:
    town.house.center = Looking(town.house)
    assert known_or_not(town) > 4.5


def test_time_does_not_tell_that_an_address_is_over_its_limit(town: Town) -> None:
    asked = Asked(town)
    for _ in range(3):
        asked.cost(ADA)
    assert pairs(lambda n: asked.cost(ADA), lambda n: asked.cost(f"n{n:02}@example.com"[-15:]), PAIRS) < 4.5


def test_time_does_not_tell_a_language_that_we_lack(town: Town) -> None:
    asked = Asked(town)
    left = pairs(
        lambda n: asked.cost(f"a{n:04}@example.com", "tlh"), lambda n: asked.cost(f"b{n:04}@example.com"), PAIRS
    )
    assert left < 4.5


# --- passes -------------------------------------------------------------------------------------------------------


def test_pass_ends_after_half_an_hour_and_when_it_is_ended(town: Town) -> None:
    one, two = town.enter(), town.enter()
    assert town.call("DELETE", PASSES, key=one).status == 204
    assert town.call("GET", REQUESTS, key=one).status == 401
    town.now += PASS_MS - 1
    assert town.call("GET", REQUESTS, key=two).status == 200
    town.now += 1
    assert town.call("GET", REQUESTS, key=two).status == 401


def test_pass_outlives_a_restart_and_opens_no_more_for_it(town: Town) -> None:
    key, spent = town.enter(), town.make(EVE)
    assert town.call("POST", PASSES, body(id=spent[0], code=spent[1])).status == 200
    town.reopen()
    assert town.call("GET", REQUESTS, key=key).status == 200
    assert town.call("POST", PASSES, body(id=spent[0], code=spent[1])).status == 401


def test_audit_says_that_a_pass_was_opened_and_not_for_whom(town: Town) -> None:
    key = town.enter("canary@example.com")
    town.opened(key)
    town.call("DELETE", PASSES, key=key)
    said = [each for each in town.notes() if each["verb"].startswith("center.")]
    assert [each["verb"] for each in said] == ["center.passes.open", "center.requests.open", "center.passes.end"]
    handle = town.house.handle("email", "canary@example.com").hex()
    assert {each["who"] for each in said} == {f"person:{handle[:32]}"}
    assert "canary" not in str(said)


def test_signal_of_the_browser_is_a_fact_of_the_call(town: Town) -> None:
    from privet.app.http.center import person_caller
    from privet.app.http.paths import Incoming

    def facts(*lines: tuple[bytes, bytes]) -> dict[str, str]:
        incoming = Incoming(
            request="r",
            params={},
            query=b"",
            headers=dict(lines),
            principal=None,
            recheck=lambda: None,  # type: ignore[arg-type,return-value]
        )
        return person_caller(town.house, incoming).facts

    assert facts((b"sec-gpc", b"1")) == {"gpc": "1"}
    assert facts() == facts((b"sec-gpc", b"0")) == facts((b"sec-gpc", b"true")) == {}
