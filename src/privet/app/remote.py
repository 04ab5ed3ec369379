"""The ways over HTTP: to a URL or a Unix socket, with deadlines and retries, without redirects or proxies.

A call is sent again only where that cannot do it twice: every verb that changes something carries an idempotency
key, drawn here unless the caller brought one.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx2
import msgspec

from privet import codec, digest
from privet.app.door import Order
from privet.app.http.address import is_loopback
from privet.app.http.paths import path_names
from privet.app.http.problems import error_of
from privet.app.services.export import Stream
from privet.app.services.verb import AlreadyDone
from privet.errors import (
    InFlight,
    InvalidInput,
    LimitExceeded,
    MalformedBody,
    PrivetError,
    Refused,
    StoreFailed,
    Unavailable,
)
from privet.secret import Secret

CONNECT_SECONDS = 5.0
READ_SECONDS = 70.0  # the server gives a verb 60
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 0.1
UNIX = "unix:"
_ALREADY_DONE = codec.encode(AlreadyDone())


@dataclass(frozen=True, slots=True)
class Letter:
    """A call as HTTP carries it."""

    method: str
    target: str
    headers: dict[str, str]
    content: bytes | None


def letter(order: Order) -> Letter:
    """Return the request of an order. Raises InvalidInput, MalformedBody for values that HTTP cannot carry."""
    row = order.row
    method, changes = ("GET", False) if isinstance(row, Stream) else (row.method, row.changes)
    rest = dict(order.values)
    target = row.path
    for name in path_names(row.path):
        target = target.replace(f"{{{name}}}", _segment(name, rest.pop(name)))
    headers = {}
    if order.purpose:
        headers["privet-purpose"] = order.purpose
    if changes:
        headers["idempotency-key"] = order.key or digest.id_text(digest.random_ids(1)[0])
    if method in ("GET", "DELETE"):
        query = urlencode(list(_pairs(rest)))
        return Letter(method, f"{target}?{query}" if query else target, headers, None)
    headers["content-type"] = "application/json"
    return Letter(method, target, headers, body_of(rest))


def body_of(values: Mapping[str, Any]) -> bytes:
    """Return values as JSON. Raises MalformedBody for text that is not Unicode."""
    try:
        return codec.encode(values)
    except UnicodeEncodeError:
        raise MalformedBody("expected text without lone surrogates") from None


def _segment(name: str, value: object) -> str:
    text = str(value)
    # Clients and proxies resolve dots and drop empty segments: the call would go to another path.
    if text in ("", ".", ".."):
        raise InvalidInput("expected a name", at=name)
    return quote(text, safe="")


def _pairs(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if item is not None:
                yield name, str(item).lower() if isinstance(item, bool) else str(item)


def answer(order: Order, status: int, body: bytes) -> Any:
    """Return the answer in a response, AlreadyDone for a call whose answer is shown once. Raises what it tells of."""
    if 300 <= status < 400:
        raise Unavailable("the server answers with a redirect, which is not followed", hint="name its own address")
    if not 200 <= status < 300:
        raise error_of(body, status)
    if status == 204:
        return None
    if body == _ALREADY_DONE and order.row.answer is not AlreadyDone:
        return AlreadyDone()
    return _decoded(body, order.row.answer)


def _decoded(body: bytes, kind: type) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Unavailable("expected an answer of this version of Privet, found another") from None


def worth_repeating(error: PrivetError) -> bool:
    """Return whether the same call may pass a little later."""
    return isinstance(error, Unavailable | InFlight | LimitExceeded) and not isinstance(error, StoreFailed)


def waits(deadline: float) -> Iterator[float]:
    """Yield how long to wait before each further attempt, doubling, until `deadline` of the monotonic clock."""
    for attempt in range(ATTEMPTS - 1):
        # Half of it by chance, so that many callers do not come back at once.
        chance = digest.random_bytes(1)[0] / 255
        wait = FIRST_WAIT_SECONDS * 2**attempt * (0.5 + chance / 2)
        if time.monotonic() + wait > deadline:
            return
        yield wait


def _base(url: str) -> tuple[str, str | None]:
    """Return (base URL, path of a Unix socket or None). Raises Refused, InvalidInput."""
    if url.startswith(UNIX):
        return "http://localhost", url.removeprefix(UNIX).removeprefix("//")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InvalidInput("expected a server as `https://…`, `http://…` or `unix:/path`", at="url")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Refused("plain HTTP would show the key and the data to the network", hint="use `https://`")
    return url.rstrip("/"), None


def _settings(url: str, key: str | Secret[str]) -> tuple[dict[str, Any], str | None]:
    base, uds = _base(url)
    text = key.reveal() if isinstance(key, Secret) else key
    return {
        "base_url": base,
        "headers": {"authorization": f"Bearer {text}", "accept-encoding": "identity"},
        "timeout": httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        "follow_redirects": False,
        "trust_env": False,
    }, uds


def _silent() -> Unavailable:
    return Unavailable("the server does not answer", hint="is `privet serve` running?")


def _broken() -> Unavailable:
    return Unavailable("the stream broke off before its end", hint="begin it again")


class HttpDoor:
    """The way over HTTP that waits."""

    def __init__(
        self, url: str, key: str | Secret[str], deadline_seconds: float, pause: Callable[[float], object]
    ) -> None:
        settings, uds = _settings(url, key)
        self._http = httpx2.Client(transport=httpx2.HTTPTransport(uds=uds, trust_env=False), **settings)
        self._deadline_seconds = deadline_seconds
        self._pause = pause

    def call(self, order: Order) -> Any:
        """Return the answer, after further attempts where the server is away or busy."""
        sent = letter(order)
        pauses = waits(time.monotonic() + self._deadline_seconds)
        while True:
            try:
                return self._once(order, sent)
            except PrivetError as error:
                wait = next(pauses, None) if worth_repeating(error) else None
                if wait is None:
                    raise
            self._pause(wait)

    def _once(self, order: Order, sent: Letter) -> Any:
        try:
            got = self._http.request(sent.method, sent.target, headers=sent.headers, content=sent.content)
        except httpx2.TransportError:
            raise _silent() from None
        return answer(order, got.status_code, got.content)

    def stream(self, order: Order) -> Iterator[Any]:
        """Yield the answers. Raises Unavailable where the stream breaks off: it is not begun again."""
        sent = letter(order)
        rest = b""
        try:
            with self._http.stream(sent.method, sent.target, headers=sent.headers) as got:
                if got.status_code != 200:
                    answer(order, got.status_code, got.read())
                for chunk in got.iter_bytes():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield _decoded(line, order.row.answer)
                if rest:
                    raise _broken()
        except httpx2.TransportError:
            raise _broken() from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class AsyncHttpDoor:
    """The way over HTTP that is awaited."""

    def __init__(
        self, url: str, key: str | Secret[str], deadline_seconds: float, pause: Callable[[float], Awaitable[object]]
    ) -> None:
        settings, uds = _settings(url, key)
        self._http = httpx2.AsyncClient(transport=httpx2.AsyncHTTPTransport(uds=uds, trust_env=False), **settings)
        self._deadline_seconds = deadline_seconds
        self._pause = pause

    async def call(self, order: Order) -> Any:
        """Return the answer, after further attempts where the server is away or busy."""
        sent = letter(order)
        pauses = waits(time.monotonic() + self._deadline_seconds)
        while True:
            try:
                return await self._once(order, sent)
            except PrivetError as error:
                wait = next(pauses, None) if worth_repeating(error) else None
                if wait is None:
                    raise
            await self._pause(wait)

    async def _once(self, order: Order, sent: Letter) -> Any:
        try:
            got = await self._http.request(sent.method, sent.target, headers=sent.headers, content=sent.content)
        except httpx2.TransportError:
            raise _silent() from None
        return answer(order, got.status_code, got.content)

    async def stream(self, order: Order) -> AsyncIterator[Any]:
        """Yield the answers. Raises Unavailable where the stream breaks off: it is not begun again."""
        sent = letter(order)
        rest = b""
        try:
            async with self._http.stream(sent.method, sent.target, headers=sent.headers) as got:
                if got.status_code != 200:
                    answer(order, got.status_code, await got.aread())
                async for chunk in got.aiter_bytes():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield _decoded(line, order.row.answer)
                if rest:
                    raise _broken()
        except httpx2.TransportError:
            raise _broken() from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
