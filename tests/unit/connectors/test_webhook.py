"""A service that keeps the webhook's protocol, and what we ask of it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from a_rest import Call, Desk, Reply, Waits, desk, reply

from privet.connectors.base import Batch, Change, Connector, Limits, Read, Setup
from privet.connectors.systems import SYSTEMS, System
from privet.connectors.systems.webhook import WebhookConnector
from privet.errors import InvalidInput, Refused, Unavailable
from privet.secret import Secret
from privet.testing.connector import DATASET, ConnectorContract, Rows, Trait
from privet.vocabulary.dataset import Field, every_field

KEY = "k" * 16 + "canary-signing-key"


class Service:
    """The other side."""

    def __init__(self, held: Desk) -> None:
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.done: dict[str, Reply] = {}
        self.effects: list[str] = []
        self.page = 1000
        self.replays = False
        held.route = self.answer

    def answer(self, call: Call) -> Reply:
        stamp, said = call.headers.get("privet-timestamp", ""), call.headers.get("privet-signature", "")
        signed = hmac.new(KEY.encode(), stamp.encode() + b"." + call.body, hashlib.sha256).hexdigest()
        if call.method != "POST" or call.target != "/hook?tenant=7" or said != f"v1={signed}":
            return reply({}, 401)
        asked = call.json
        if asked["verb"] == "describe":
            return reply({"collections": [{"name": c.name, "fields": told(c.fields)} for c in DATASET.collections]})
        if asked["verb"] == "read":
            return self.read(asked)
        return (
            self.erase(asked, call.headers["idempotency-key"] + repr(asked)) if asked["verb"] == "erase" else reply({})
        )

    def read(self, asked: dict[str, Any]) -> Reply:
        found = [
            {name: row[name] for name in asked["fields"] if name in row}
            for row in self.rows.get(asked["collection"], [])
            if any(holds(row, path, value) for path, values in asked["matches"].items() for value in values)
        ]
        begin = int(asked["next"] or 0)
        end = begin + min(self.page, asked["limit"])
        return reply({"records": found[begin:end], "next": str(end) if end < len(found) else ""})

    def erase(self, asked: dict[str, Any], key: str) -> Reply:
        if key in self.done:
            return self.done[key] if self.replays else reply({"changed": 0})
        held = self.rows.get(asked["collection"], [])
        found = [row for row in held if all(holds(row, path, value) for path, value in asked["key"].items())]
        values = asked["values"]
        if values and values.get("email", "") is None:
            return reply({"why": f"no e-mail for {found}"}, 422)
        for row in found:
            self.effects.append(key)
            if values is None:
                held.remove(row)
                continue
            for path, value in values.items():
                *above, last = path.split(".")
                inner = row
                for part in above:
                    inner = inner[part]
                inner[last] = value
        self.done[key] = reply({"changed": len(found)})
        return self.done[key]


def holds(row: Any, path: str, value: Any) -> bool:
    for part in path.split("."):
        row = row.get(part) if isinstance(row, dict) else None
    return any(str(one) == str(value) for one in (row if isinstance(row, list) else [row]))


def told(fields: tuple[Field, ...]) -> list[dict[str, Any]]:
    return [
        {
            "name": one.name,
            "data_type": one.native.data_type,
            "primary_key": one.native.primary_key,
            "fields": told(one.fields),
        }
        for one in fields
    ]


def hook(host: str, limits: Limits | None = None, key: str = KEY) -> Setup:
    return Setup(
        name="stage",
        kind="webhook",
        settings={"url": f"http://{host}/hook?tenant=7"},
        secrets={"signing_key": Secret(key)},
        limits=limits or Limits(connect_seconds=1.0, read_seconds=2.0),
    )


class HookStage:
    system: System = SYSTEMS.get("webhook")
    dataset = DATASET
    traits: frozenset[Trait] = frozenset({"nested", "anywhere", "many"})
    secrets = (KEY,)

    def __init__(self, held: Desk) -> None:
        self.held = held
        self.service = Service(held)

    def open(self, limits: Limits) -> Connector:
        return self.system.open(hook(self.held.host, limits))

    def fill(self, rows: Rows) -> None:
        self.service.rows = {name: [deepcopy(dict(row)) for row in found] for name, found in rows.items()}
        self.service.done.clear()

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        return self.service.rows

    def refused(self) -> Change | None:
        return Change({"id": 2}, {"email": None}, "refused")

    def unreachable(self) -> Connector | None:
        return self.system.open(hook("127.0.0.1:1"))


@pytest.fixture
def stage() -> Iterator[HookStage]:
    with desk() as held:
        yield HookStage(held)


class TestWebhook(ConnectorContract):
    pass


def people(stage: HookStage) -> Read:
    collection = DATASET.collections[0]
    return Read(dataset=DATASET, collection=collection, matches={"id": [1, 2, 3]})


def test_the_pages_of_the_service_are_followed(stage: HookStage) -> None:
    stage.fill({"people": [{"id": n, "email": f"{n}@example.com"} for n in (1, 2, 3)]})
    stage.service.page = 2
    pages = list(stage.open(Limits()).read(people(stage)))
    assert [one.values["id"] for page in pages for one in page] == [1, 2, 3]
    assert len(stage.held.calls) == 2


def test_an_answer_that_is_lost_is_asked_for_again_and_the_effect_is_one(stage: HookStage) -> None:
    stage.fill({"people": [{"id": 1, "email": "a@example.com"}]})
    stage.service.replays = True
    waits = Waits()
    real = stage.held.route
    lost = []

    def losing(call: Call) -> Reply | None:
        assert real is not None
        answered = real(call)
        if not lost:
            lost.append(call)
            stage.held.script.append(None)
            return reply({}, 503)
        return answered

    stage.held.route = losing
    connector = WebhookConnector(hook(stage.held.host), clock=waits.clock)
    batch = Batch(DATASET.collections[0], [Change({"id": 1}, {"name": "x"}, "once-1")])
    assert connector.erase(DATASET, [batch]) == [1]
    assert len(stage.service.effects) == 1
    assert len({call.headers["idempotency-key"] for call in stage.held.calls}) == 1


def test_another_key_is_refused(stage: HookStage) -> None:
    connector = stage.system.open(hook(stage.held.host, key="z" * 40))
    with pytest.raises(Refused):
        connector.probe()


@pytest.mark.parametrize("body", [b"[]", b'{"records": 7}', b'{"records": [7]}'])
def test_an_answer_of_another_shape_is_no_answer(stage: HookStage, body: bytes) -> None:
    stage.held.route = lambda call: (200, {"content-type": "application/json"}, body)
    with pytest.raises(InvalidInput):
        list(stage.open(Limits()).read(people(stage)))


def test_what_is_no_json_is_unavailable(stage: HookStage) -> None:
    stage.held.route = lambda call: (200, {"content-type": "application/json"}, b"<html>")
    with pytest.raises(Unavailable):
        list(stage.open(Limits()).read(people(stage)))


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.com/", "http://example.com/", "https://u:p@example.com/", "https://example.com/#a", "https://"],
)
def test_an_address_that_may_not_be_is_refused(url: str) -> None:
    setup = Setup(name="h", kind="webhook", settings={"url": url}, secrets={"signing_key": Secret(KEY)})
    with pytest.raises(InvalidInput):
        SYSTEMS.get("webhook").open(setup)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(InvalidInput):
        SYSTEMS.get("webhook").open(hook("127.0.0.1:1", key="short"))


def test_every_field_of_the_protocol_is_json(stage: HookStage) -> None:
    stage.fill({})
    list(stage.open(Limits()).read(people(stage)))
    assert json.loads(stage.held.calls[0].body)["matches"] == {"id": [1, 2, 3]}
    assert {path for path, _ in every_field(stage.open(Limits()).describe().collections[0].fields)} >= {"id", "email"}
