"""Drives an ASGI application in process, and a small house with verbs of its own. Everything in it is invented."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from privet.app.denials import Denials
from privet.app.http.guard import Guard, Limits
from privet.app.http.routes import make_app
from privet.app.services.stream import Stream
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.settings import Settings
from privet.errors import Damaged, Denied, InvalidValue, Unauthenticated
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy
from privet.store.port import ENGINES, Insert, Select, Store, Unit
from privet.vault.schema import FIXED
from privet.vocabulary.access import Principal
from privet.vocabulary.predicate import Compare

KEY = "pvt_owner_0123456789"
CANARY = "canary-4111111111111111"


class Keys:
    """API keys in memory, as the keyring of a house answers for them."""

    def __init__(self) -> None:
        self.known = {KEY: Principal(id="p1", name="owner", roles=("owner",))}
        self.asked = 0

    def principal(self, key: str, now_ms: int) -> Principal:
        self.asked += 1
        if key not in self.known:
            raise Unauthenticated("expected a valid API key")
        return self.known[key]


class SmallHouse:
    """As much of a house as the verbs below and the doors need."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.callers = Keys()
        self.epoch = self.policies = 0
        self.settings = Settings(home=Path(), key_file=Path())
        self.in_flight: set[bytes] = set()
        self.store: Store = ENGINES.get("memory").open("")
        self.store.define(FIXED)
        self.control = self.store
        self.denials = Denials()
        self.added = 0
        self.gate = asyncio.Event()
        self.entered = asyncio.Event()
        self.purposes: list[str | None] = []

    def clock(self) -> int:
        return self.now_ms

    def policy(self, vault: object) -> Policy:
        return BUILT_IN

    def retries(self, ask: object) -> tuple[Store, bytes]:
        return self.store, b"k" * 32


class AddAsk(Ask, kw_only=True):
    """Add things."""

    place: str = ""
    names: list[str]
    count: int = 0
    extra: dict[str, Any] = msgspec.field(default_factory=dict)


class Added(Answer, kw_only=True):
    """How many there are."""

    total: int
    place: str


class ListAsk(Ask, kw_only=True):
    """List things."""

    place: str = ""
    limit: int = 10
    deep: bool = False
    tags: list[str] = msgspec.field(default_factory=list)


class Listed(Answer, kw_only=True):
    """What was asked."""

    place: str
    limit: int
    deep: bool
    tags: list[str]


class FailAsk(Ask, kw_only=True):
    """Fail in some way."""

    how: str
    secret: str = ""


class NumberAsk(Ask, kw_only=True):
    """A number in the path."""

    number: int


class Number(Answer, kw_only=True):
    """A number."""

    number: int


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class Line(Answer, kw_only=True):
    """A line of a stream."""

    number: int


async def add(house: SmallHouse, who: Caller, ask: AddAsk) -> Added:
    house.purposes.append(who.purpose)
    house.added += len(ask.names)
    if who.retry is not None:
        row = (who.retry.key, who.retry.body_mac, b"", "done", who.retry.expires_ms)
        step = Insert("idempotency", ("key", "body_mac", "answer", "state", "expires"), (row,))
        await house.store.write(Unit((step,)))
    return Added(total=house.added, place=ask.place)


async def add_again(house: SmallHouse, who: Caller, ask: AddAsk, ids: bytes) -> Added:
    return Added(total=house.added, place=ask.place)


async def list_(house: SmallHouse, who: Caller, ask: ListAsk) -> Listed:
    return Listed(place=ask.place, limit=ask.limit, deep=ask.deep, tags=ask.tags)


async def fail(house: SmallHouse, who: Caller, ask: FailAsk) -> Number:
    faults: dict[str, Exception] = {
        "foreign": RuntimeError(f"cannot use {ask.secret}"),
        "timeout": TimeoutError(ask.secret),
        "denied": Denied("no role of the caller allows `read`"),
        "value": InvalidValue("the checksum does not fit", type_name="card.pan", at="names[0]"),
        "damaged": Damaged("a cell fails its check"),
    }
    raise faults[ask.how]


async def wait(house: SmallHouse, who: Caller, ask: NoAsk) -> Number:
    house.entered.set()
    await house.gate.wait()
    return Number(number=1)


async def one(house: SmallHouse, who: Caller, ask: NoAsk) -> Number:
    return Number(number=1)


async def double(house: SmallHouse, who: Caller, ask: NumberAsk) -> Number:
    return Number(number=2 * ask.number)


async def count(house: SmallHouse, who: Caller, ask: NumberAsk) -> AsyncGenerator[list[bytes], None]:
    if ask.number == 13:
        raise Denied("no role of the caller allows `export`")
    for number in range(ask.number):
        if number == 500:
            raise Damaged("a cell fails its check")
        yield [msgspec.json.encode(Line(number=number))]


def _verb(name: str, method: Any, path: str, ask: type[Ask], answer: type, run: Any, **rest: Any) -> Verb:
    return Verb(name=name, method=method, path=path, ask=ask, answer=answer, run=run, about=f"Does {name}.", **rest)


VERBS = (
    _verb("things.add", "POST", "/v1/{place}/things", AddAsk, Added, add, status=201, changes=True, again=add_again),
    _verb("things.load", "PUT", "/v1/{place}/things", AddAsk, Added, add, batch=True),
    _verb("things.list", "GET", "/v1/{place}/things", ListAsk, Listed, list_),
    _verb("things.fail", "POST", "/v1/fail", FailAsk, Number, fail),
    _verb("things.wait", "GET", "/v1/wait", NoAsk, Number, wait),
    _verb("things.double", "GET", "/v1/numbers/{number}", NumberAsk, Number, double),
    _verb(
        "things.open", "GET", "/open", NoAsk, Listed, lambda house, who, ask: list_(house, who, ListAsk()), open=True
    ),
)
STREAMS = (
    Stream(name="things.count", path="/v1/count/{number}", ask=NumberAsk, answer=Line, run=count, about="Counts."),
)


@dataclass
class Answered:
    """What came back."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    ended: bool = False
    cookies: list[str] = field(default_factory=list)

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


@dataclass
class World:
    """An application over a small house."""

    house: SmallHouse
    app: Guard

    async def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        *,
        key: str | None = KEY,
        headers: Sequence[tuple[str, str]] = (),
        chunks: Sequence[bytes] | None = None,
        source: str = "127.0.0.1",
        scheme: str = "http",
        stall: bool = False,
        leave_after: int = 0,
        heard: Callable[[int], Awaitable[None]] | None = None,
    ) -> Answered:
        """Send a request. `chunks`: send them without a length. `stall`: the rest of the body never comes.
        `leave_after`: the caller goes away after that many chunks of the answer. `heard`: what it does after each, told
        how many came."""
        lines = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        if key is not None:
            lines.append((b"authorization", f"Bearer {key}".encode()))
        if chunks is not None:
            lines.append((b"transfer-encoding", b"chunked"))
        elif body:
            lines.append((b"content-length", str(len(body)).encode()))
        waiting = [body] if chunks is None else list(chunks)
        path, _, query = target.partition("?")
        got, gone = Answered(), asyncio.Event()
        sent = 0

        async def receive() -> dict[str, Any]:
            if waiting:
                more = len(waiting) > 1 or stall
                return {"type": "http.request", "body": waiting.pop(0), "more_body": more}
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal sent
            if message["type"] == "http.response.start":
                got.status = message["status"]
                got.headers = {name.decode(): value.decode() for name, value in message["headers"]}
                got.cookies = [value.decode() for name, value in message["headers"] if name == b"set-cookie"]
                return
            got.body += message.get("body", b"")
            got.ended = not message.get("more_body", False)
            sent += 1
            if sent == leave_after:
                gone.set()
            if heard is not None:
                await heard(sent)
            await asyncio.sleep(0)

        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": lines,
            "client": (source, 1),
            "scheme": scheme,
        }
        await self.app(scope, receive, send)
        return got


def world(limits: Limits | None = None) -> World:
    """Return a new world."""
    house = SmallHouse()
    return World(house, make_app(house, VERBS, STREAMS, limits=limits))  # type: ignore[arg-type]


def settled(house: SmallHouse) -> int:
    """Return how many idempotency keys the house knows."""
    return len(house.store.select(Select(table="idempotency", columns=("key",), where=Compare("state", "=", "done"))))
