"""The client: one method for each verb, whatever the way; errors by class; nothing done twice."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from privet import codec
from privet.app import remote
from privet.app.client import AsyncClient, Client
from privet.app.door import Order
from privet.app.http import problems
from privet.app.http.paths import path_names
from privet.app.letter import answer, letter
from privet.app.services import verbs
from privet.app.services.records import StoredAll
from privet.app.services.verb import AlreadyDone
from privet.app.settings import Settings
from privet.app.wiring import House, initialize, wall_clock
from privet.errors import (
    Conflict,
    Denied,
    InFlight,
    InvalidBatch,
    InvalidInput,
    InvalidValue,
    LimitExceeded,
    MalformedBody,
    NotFound,
    PrivetError,
    Refused,
    StoreFailed,
    Unauthenticated,
    Unavailable,
    UnknownName,
)

SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: persons
        fields:
          - name: name
            data_categories: [user.name]
            fides_meta: {privet: {type: person.full_name, keep: sealed}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact], unique: true}}
"""
ROWS = {verb.name: verb for verb in verbs()}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    home = tmp_path / "home"
    settings = Settings(home=home, key_file=home / "root.key")
    initialize(settings, now_ms=wall_clock())
    opened = House(settings)
    yield opened
    opened.close()


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with Client.embedded(house) as found:
        yield found


def order(name: str, **values: Any) -> Order:
    return Order(ROWS[name], values)


# --- in process -------------------------------------------------------------------------------------------


def test_methods_are_made_from_the_rows(client: Client) -> None:
    method = client.records.insert
    parameters = inspect.signature(method).parameters
    assert list(parameters) == ["vault", "table", "records", "partial"]
    assert parameters["vault"].default is inspect.Parameter.empty
    assert "Add records" in (method.__doc__ or "")
    assert {name.partition(".")[0] for name in ROWS} <= set(dir(client))


def test_names_that_no_row_has_are_refused(client: Client) -> None:
    with pytest.raises(AttributeError):
        _ = client.unicorns
    with pytest.raises(AttributeError):
        _ = client.records.fly
    with pytest.raises(TypeError, match="unexpected argument `colour`"):
        client.vaults.get(vault="shop", colour="red")
    with pytest.raises(TypeError, match="lacks the argument `vault`"):
        client.vaults.get()
    with pytest.raises(UnknownName):
        client.call("records.fly", {})


def test_embedded_client_keeps_and_shows_records(client: Client) -> None:
    client.vaults.create(name="shop", schema=SCHEMA)
    stored = client.records.insert(
        vault="shop", table="persons", records=[{"name": "Ada Example", "email": "ada@example.com"}]
    )
    assert isinstance(stored, StoredAll)
    shown = client.records.get(vault="shop", table="persons", id=stored.records[0].id)
    assert shown.values["email"] == "ada@example.com"
    assert [line.id for line in client.records.export(vault="shop", table="persons")] == [stored.records[0].id]


def test_export_of_one_client_may_be_left_in_the_middle(client: Client) -> None:
    client.vaults.create(name="shop", schema=SCHEMA)
    records = [{"name": "Ada Example", "email": f"ada{n}@example.com"} for n in range(5)]
    client.records.insert(vault="shop", table="persons", records=records)
    lines = client.records.export(vault="shop", table="persons")
    next(lines)
    lines.close()
    assert client.vaults.list().vaults == ["shop"]


def test_embedded_client_checks_as_strictly_as_the_wire(client: Client) -> None:
    client.vaults.create(name="shop", schema=SCHEMA)
    with pytest.raises(MalformedBody) as caught:
        client.records.insert(vault="shop", table="persons", records="Ada Example")
    assert caught.value.at == "records"
    with pytest.raises(InvalidBatch):
        client.records.insert(vault="shop", table="persons", records=[{"email": "nowhere"}])
    with pytest.raises(MalformedBody):
        client.records.insert(vault="shop", table="persons", records=[{"name": "\ud800"}])


def test_embedded_call_with_the_same_key_is_carried_out_once(client: Client) -> None:
    client.vaults.create(name="shop", schema=SCHEMA)
    values = {"vault": "shop", "table": "persons", "records": [{"name": "Ada Example", "email": "ada@example.com"}]}
    first = client.call("records.insert", values, key="k1")
    assert client.call("records.insert", values, key="k1") == first


def test_embedded_client_needs_a_key_that_holds(house: House, client: Client) -> None:
    with pytest.raises(Unauthenticated):
        Client.embedded(house, "pvt_nobody_0").vaults.list()
    made = client.principals.create(name="reader", roles=["viewer"])
    reader = Client.embedded(house, made.key)
    assert reader.vaults.list().vaults == []
    with pytest.raises(Denied):
        reader.principals.list()
    client.principals.revoke(name="reader")
    with pytest.raises(Unauthenticated):
        reader.vaults.list()
    reader.close()


def test_embedded_client_works_within_a_running_loop(client: Client) -> None:
    async def notebook() -> list[str]:
        return client.vaults.list().vaults

    assert asyncio.run(notebook()) == []


def test_embedded_async_client_is_awaited(house: House) -> None:
    async def story() -> tuple[list[str], list[str]]:
        async with AsyncClient.embedded(house) as client:
            await client.vaults.create(name="shop", schema=SCHEMA)
            lines = [line.id async for line in client.records.export(vault="shop", table="persons")]
            return (await client.vaults.list()).vaults, lines

    assert asyncio.run(story()) == (["shop"], [])


# --- what goes over the wire ------------------------------------------------------------------------------


def test_letter_puts_each_value_where_the_route_reads_it() -> None:
    sent = letter(order("records.insert", vault="a b", table="t/u", records=[{"name": "Ada"}]))
    assert (sent.method, sent.target) == ("POST", "/v1/vaults/a%20b/tables/t%2Fu/records")
    assert sent.content == b'{"records":[{"name":"Ada"}]}'
    assert len(sent.headers["idempotency-key"]) == 36


def test_letter_of_a_question_has_a_query_and_no_key() -> None:
    sent = letter(order("records.list", vault="v", table="t", limit=5, cursor="a&b"))
    assert sent.target == "/v1/vaults/v/tables/t/records?limit=5&cursor=a%26b"
    assert (sent.content, "idempotency-key" in sent.headers) == (None, False)


def test_letter_keeps_the_key_and_the_purpose_that_were_given() -> None:
    given = Order(ROWS["records.insert"], {"vault": "v", "table": "t", "records": []}, "mine", "essential.service")
    headers = letter(given).headers
    assert (headers["idempotency-key"], headers["privet-purpose"]) == ("mine", "essential.service")


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_letter_refuses_names_that_would_change_the_path(name: str) -> None:
    with pytest.raises(InvalidInput):
        letter(order("vaults.get", vault=name))


@pytest.mark.parametrize("url", ["http://vault.example.com", "http://192.0.2.1:7461", "http://0.0.0.0"])
def test_key_is_not_sent_over_a_network_in_the_clear(url: str) -> None:
    with pytest.raises(Refused):
        Client(url, "pvt_a_b")


@pytest.mark.parametrize("url", ["", "vault.example.com", "ftp://vault.example.com", "https://user@vault.example.com"])
def test_address_of_another_shape_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        Client(url, "pvt_a_b")


def test_client_does_not_show_its_key() -> None:
    client = Client("https://vault.example.com", "pvt_canary_1")
    assert "canary" not in repr(client) + repr(vars(client))


# --- errors and attempts ----------------------------------------------------------------------------------


def every_error() -> list[type[PrivetError]]:
    found: list[type[PrivetError]] = []
    waiting = [PrivetError]
    while waiting:
        kind = waiting.pop()
        if kind.__module__ in ("privet.errors", "privet.app.http.problems"):
            found.append(kind)
        waiting += kind.__subclasses__()
    return found


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.code)
def test_problem_comes_back_as_the_error_that_it_was(kind: type[PrivetError]) -> None:
    error = problems.made(kind, "expected one thing, found another", at="here", hint="try that")
    told = problems.problem(error, "r1")
    back = problems.error_of(codec.encode(told), told.status)
    assert (type(back), back.code, back.message, back.at, back.hint) == (
        kind,
        kind.code,
        error.message,
        error.at,
        error.hint,
    )


def test_faults_come_back_with_their_places() -> None:
    faults = tuple(InvalidValue("not one", type_name="us.ssn", at=f"records[{n}]") for n in range(150))
    told = problems.problem(InvalidBatch("150 records break a rule", faults=faults), "r1")
    back = problems.error_of(codec.encode(told), 422)
    assert len(back.faults) == problems.MOST_FAULTS
    assert (type(back.faults[99]), back.faults[99].at) == (InvalidValue, "records[99]")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"<html>Bad Gateway</html>", 502, Unavailable),
        (b'{"title":"Not Found","status":404,"code":"made_later","request":"r"}', 404, NotFound),
        (b'{"title":"Conflict","status":409,"code":"made_later","request":"r"}', 409, Conflict),
    ],
    ids=["proxy", "newer-404", "newer-409"],
)
def test_unknown_problem_becomes_the_nearest_error(body: bytes, status: int, kind: type[PrivetError]) -> None:
    assert type(problems.error_of(body, status)) is kind


def test_answer_that_is_shown_once_comes_back_as_such() -> None:
    assert isinstance(answer(order("principals.create"), 201, b'{"status":"already_done"}'), AlreadyDone)


def test_redirect_is_not_followed() -> None:
    with pytest.raises(Unavailable):
        answer(order("vaults.list"), 307, b"")


def test_answer_of_another_program_is_no_answer() -> None:
    with pytest.raises(Unavailable):
        answer(order("vaults.list"), 200, b"hello")


@pytest.mark.parametrize(
    ("error", "repeated"),
    [
        (Unavailable(""), True),
        (InFlight(""), True),
        (LimitExceeded(""), True),
        (StoreFailed(""), False),
        (Conflict(""), False),
        (Denied(""), False),
        (InvalidInput(""), False),
    ],
    ids=lambda item: type(item).__name__,
)
def test_only_what_may_pass_later_is_sent_again(error: PrivetError, repeated: bool) -> None:
    assert remote.worth_repeating(error) is repeated


def test_attempts_wait_longer_each_time_and_end() -> None:
    found = list(remote.waits(time.monotonic() + 60))
    assert len(found) == remote.ATTEMPTS - 1
    for at, wait in enumerate(found):
        assert 0.05 * 2**at <= wait <= 0.1 * 2**at
    assert list(remote.waits(time.monotonic())) == []


def test_dead_server_is_asked_again_and_then_told(tmp_path: Path) -> None:
    pauses: list[float] = []
    with Client(f"unix:{tmp_path}/none.sock", "pvt_a_b", pause=pauses.append) as client, pytest.raises(Unavailable):
        client.vaults.create(name="shop")
    assert len(pauses) == remote.ATTEMPTS - 1


def test_every_verb_that_changes_something_can_be_sent_again() -> None:
    for verb in ROWS.values():
        given = {name: "x" for name in path_names(verb.path)}
        assert ("idempotency-key" in letter(Order(verb, given)).headers) is verb.changes
