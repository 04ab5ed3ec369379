"""The guard before every verb: limits, deadlines, credentials, and the one form of every answer.

A request passes here in this order: headers, source, path, credential, principal, body. What fails at one step costs
nothing of the next; in particular nobody without a credential makes us hold a body.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol

from privet import codec, digest
from privet.app.http import problems
from privet.app.http.deadlines import Deadlines, Limit
from privet.app.http.head import check_body, credential, header_lines, sends_body, too_large
from privet.app.http.paths import NOBODY, Incoming, Paths, Reply, Route
from privet.app.http.problems import TooSlow, WrongMethod
from privet.errors import LimitExceeded, PrivetError, Unavailable
from privet.vocabulary.access import Principal

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

log = logging.getLogger("privet.http")

SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
HSTS = (b"strict-transport-security", b"max-age=31536000")
CLOSE = (b"connection", b"close")
DIRECT = "privet.direct"  # key of a scope: a `Direct`, where the server has one
_SECURITY = b"".join(b"%b: %b\r\n" % line for line in SECURITY)
_HEADS = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() + _SECURITY + b"privet-request: " for s in HTTPStatus}


class Direct(Protocol):
    """The way past ASGI's messages for what is whole: measured, they cost more than the rest of the guard."""

    def whole_body(self) -> bytes | None:
        """Return the body, and hand it on no other way; None while some of it is still to come."""

    def answer(self, head: bytes, body: bytes, *, close: bool) -> bool:
        """Write a whole answer; return False, with nothing done, where its reader must be waited for first.

        `head`: status line and header lines, each with its CRLF. `close`: `head` says so.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one process takes on, and how long it waits.

    `head_seconds`: for the head of a request. `receipt_seconds`: for its body, and a second more for each
    `receipt_rate` bytes. `work_seconds`: for the verb. `stall_seconds`: for a reader to take some of its answer.
    `close_seconds`: for a connection that we closed to end.
    """

    connections: int = 16_384
    per_source: int = 512
    per_principal: int = 256
    head_seconds: float = 10.0
    receipt_seconds: float = 10.0
    receipt_rate: int = 256 << 10
    work_seconds: float = 60.0
    stall_seconds: float = 30.0
    close_seconds: float = 5.0


class Disconnected(Exception):
    """The caller went away; there is nobody to answer."""


class Places:
    """How many requests of each name are under way. Holds the names of those only."""

    def __init__(self, most: int, word: str) -> None:
        self._most = most
        self._word = word
        self._taken: dict[str, int] = {}

    def take(self, name: str) -> None:
        """Take a place. Raises LimitExceeded when all are taken."""
        taken = self._taken.get(name, 0)
        if taken >= self._most:
            raise LimitExceeded(
                f"expected at most {self._most} requests of one {self._word} at a time", hint="come back in a second"
            )
        self._taken[name] = taken + 1

    def free(self, name: str) -> None:
        """Give a place back."""
        left = self._taken[name] - 1
        if left:
            self._taken[name] = left
        else:
            del self._taken[name]


class Boundary:
    """Where errors end: inside raises, outside finds a reply. The words of foreign errors may quote values, so only
    the name of their class is logged, and nothing of them is told."""

    __slots__ = ("reply", "request")

    def __init__(self, request: str) -> None:
        self.request = request
        self.reply: Reply | None = None

    def __enter__(self) -> Boundary:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is None or not isinstance(error, Exception) or isinstance(error, Disconnected):
            return False
        if isinstance(error, PrivetError):
            told, headers = problems.problem(error, self.request), problems.headers_of(error)
            if told.status >= 500:
                log.error("request %s: %s", self.request, error.code)
        else:
            told, headers = problems.unexpected(self.request), ()
            log.error("request %s: unexpected %s", self.request, type(error).__name__)
        self.reply = Reply(told.status, codec.encode(told), problems.MEDIA, headers)
        return True


@dataclass(slots=True)
class _Exchange:
    """One request as the guard sees it. `unread`: a body is on its way that nobody took. `waits`: for more of it."""

    scope: Scope
    receive: Receive
    send: Send
    request: str
    headers: dict[bytes, bytes] = field(default_factory=dict)
    principal: str | None = None
    unread: bool = True
    waits: bool = False
    direct: Direct | None = None


class Guard:
    """The whole ASGI application. `authenticate` returns whose an API key is, or raises Unauthenticated."""

    def __init__(self, paths: Paths, authenticate: Callable[[str], Principal], limits: Limits | None = None) -> None:
        self._paths = paths
        self._authenticate = authenticate
        self._limits = limits or Limits()
        self._deadlines = Deadlines()
        self._sources = Places(self._limits.per_source, "source")
        self._principals = Places(self._limits.per_principal, "principal")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Other protocols than HTTP get nothing."""
        if scope["type"] != "http":
            return
        # Taken out: the server's side holds the scope, and a ring of objects waits for the garbage collector.
        direct = scope.pop(DIRECT, None)
        exchange = _Exchange(scope, receive, send, digest.random_bytes(16).hex(), direct=direct)
        client = scope.get("client")
        source = client[0] if client else ""
        boundary = Boundary(exchange.request)
        taken = False
        reply = None
        try:
            with boundary:
                self._sources.take(source)
                taken = True
                reply = await self._answer(exchange)
            reply = boundary.reply or reply
            assert reply is not None  # the boundary gives a reply for every error that it holds
            if not _reply_at_once(exchange, reply):
                await _reply(exchange, reply)
        except Disconnected:
            return
        finally:
            if taken:
                self._sources.free(source)
            if exchange.principal is not None:
                self._principals.free(exchange.principal)

    async def _answer(self, exchange: _Exchange) -> Reply:
        scope = exchange.scope
        target = scope.get("raw_path") or scope["path"].encode()
        exchange.headers = header_lines(scope["headers"], len(target) + len(scope.get("query_string", b"")))
        exchange.unread = sends_body(exchange.headers)
        method = scope["method"]
        try:
            route, params = self._paths.find(method, target)
        except WrongMethod as error:
            if method != "OPTIONS":
                raise
            return Reply(204, headers=problems.headers_of(error))
        incoming = self._admit(exchange, route, params)
        check_body(exchange.headers, route.max_body_bytes, json=route.takes == "json")
        if exchange.unread and route.takes != "bytes":
            self._take_whole(exchange, incoming, route.max_body_bytes)
        loop = asyncio.get_running_loop()
        began = loop.time()
        work = self._limits.work_seconds
        wait = self._limits.receipt_seconds if exchange.unread else work
        try:
            with self._deadlines.until(began + wait) as limit:
                if route.takes == "bytes":
                    incoming.content = self._arriving(exchange, incoming, route.max_body_bytes, limit)
                    limit.reschedule(began + work)
                elif exchange.unread:
                    exchange.waits = True
                    incoming.body = await self._receive(exchange, route.max_body_bytes, limit, began)
                    exchange.waits = False
                    limit.reschedule(loop.time() + work)
                    # The credential may have been revoked while the body came in.
                    incoming.recheck()
                return await route.run(incoming)
        except TimeoutError:
            if not limit.expired():
                raise
        if exchange.waits:
            raise TooSlow("expected the whole body in time")
        raise Unavailable(f"expected an answer within {work:g} seconds", hint="ask again, or for less at a time")

    def _admit(self, exchange: _Exchange, route: Route, params: Mapping[str, str]) -> Incoming:
        incoming = Incoming(
            request=exchange.request,
            params=params,
            query=exchange.scope.get("query_string", b""),
            headers=exchange.headers,
            principal=None,
            recheck=_nobody,
        )
        if not route.open:
            key = credential(exchange.headers, exchange.scope["method"])
            principal = incoming.principal = self._authenticate(key)
            self._principals.take(principal.id)
            exchange.principal = principal.id
            incoming.recheck = partial(self._authenticate, key)
        return incoming

    def _take_whole(self, exchange: _Exchange, incoming: Incoming, most: int) -> None:
        """Take the body if all of it is here, which is so for nearly every request."""
        body = exchange.direct.whole_body() if exchange.direct is not None else None
        if body is not None:
            exchange.unread = False
            if len(body) > most:
                raise too_large(most)
            incoming.body = body

    async def _receive(self, exchange: _Exchange, most: int, limit: Limit, began: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await exchange.receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > most:
                raise too_large(most)
            chunks.append(chunk)
            if not message.get("more_body", False):
                exchange.unread = False
                return b"".join(chunks)
            limit.reschedule(began + self._limits.receipt_seconds + size / self._limits.receipt_rate)

    async def _arriving(
        self, exchange: _Exchange, incoming: Incoming, most: int, limit: Limit
    ) -> AsyncGenerator[bytes, None]:
        """Yield a body as it arrives, as long as the credential holds. Only the time that we wait for it counts
        against its sender, who may not use up in one silence what many bytes have earned. Each piece gives the work
        on it as long as a whole verb."""
        loop = asyncio.get_running_loop()
        left, size = self._limits.receipt_seconds, 0
        while exchange.unread:
            asked = loop.time()
            limit.reschedule(asked + min(left + size / self._limits.receipt_rate, self._limits.stall_seconds))
            exchange.waits = True
            message = await exchange.receive()
            exchange.waits = False
            left -= loop.time() - asked
            limit.reschedule(loop.time() + self._limits.work_seconds)
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > most:
                raise too_large(most, json=False)
            exchange.unread = message.get("more_body", False)
            incoming.recheck()
            if chunk:
                yield chunk


def _nobody() -> Principal:
    return NOBODY


def _reply_at_once(exchange: _Exchange, reply: Reply) -> bool:
    """Write an answer past ASGI's messages; return False, with nothing done, where that cannot be."""
    # Lines of a route's own may hold what a caller sent, so they go where control characters are refused.
    if exchange.direct is None or reply.stream is not None or reply.headers or not reply.body:
        return False
    told = (_HEADS[reply.status], exchange.request.encode(), reply.media, len(reply.body))
    head = b"%b%b\r\ncontent-type: %b\r\ncontent-length: %d\r\n" % told
    for line in _last_lines(exchange):
        head += b"%b: %b\r\n" % line
    body = b"" if exchange.scope["method"] == "HEAD" else reply.body
    return exchange.direct.answer(head, body, close=exchange.unread)


async def _reply(exchange: _Exchange, reply: Reply) -> None:
    if reply.stream is not None:
        await _stream(exchange, reply, reply.stream)
        return
    lines = _lines(exchange, reply)
    if reply.status != 204:
        lines.append((b"content-length", b"%d" % len(reply.body)))
    body = b"" if exchange.scope["method"] == "HEAD" else reply.body
    await exchange.send({"type": "http.response.start", "status": reply.status, "headers": lines})
    await exchange.send({"type": "http.response.body", "body": body, "more_body": False})


def _lines(exchange: _Exchange, reply: Reply) -> list[tuple[bytes, bytes]]:
    lines = [*SECURITY, *reply.headers, (b"privet-request", exchange.request.encode())]
    if reply.body or reply.stream is not None:
        lines.append((b"content-type", reply.media))
    return lines + _last_lines(exchange)


def _last_lines(exchange: _Exchange) -> list[tuple[bytes, bytes]]:
    lines = []
    if exchange.unread:
        # Whatever of the body still comes must not be taken for the next request, nor hold the connection.
        lines.append(CLOSE)
    if exchange.scope.get("scheme") == "https":
        lines.append(HSTS)
    return lines


async def _stream(exchange: _Exchange, reply: Reply, chunks: AsyncGenerator[bytes, None]) -> None:
    """Send what `chunks` yields until it ends or the caller goes away.

    The first chunk is made before the status line leaves, so that what fails there is told as a problem. What fails
    later ends the answer without its closing chunk, which every HTTP client reports as a broken transfer.
    """
    start = {"type": "http.response.start", "status": reply.status, "headers": _lines(exchange, reply)}
    gone = asyncio.ensure_future(_disconnect(exchange.receive))
    boundary = Boundary(exchange.request)
    started = False
    try:
        with boundary:
            async for chunk in chunks:
                if gone.done():
                    return
                if not started:
                    await exchange.send(start)
                    started = True
                await exchange.send({"type": "http.response.body", "body": chunk, "more_body": True})
            if not started:
                await exchange.send(start)
            await exchange.send({"type": "http.response.body", "body": b"", "more_body": False})
            return
    finally:
        gone.cancel()
        await chunks.aclose()
    if not started:
        assert boundary.reply is not None  # it gives one for every error that it holds
        await _reply(exchange, boundary.reply)


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
