"""The HTTP protocol with deadlines: what stock uvicorn leaves to the caller's good will.

A connection that sends no whole head in time, that does not read its answer, or that outlives its close is cut.
`sweep` is called once a second in place of timers for each connection; the guard has the deadline of the body.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from privet import digest
from privet.app.http import problems
from privet.app.http.guard import ANSWER, CLOSE, SECURITY, Limits
from privet.app.http.head import MOST_HEADER_BYTES, MOST_HEADERS
from privet.app.http.problems import HeadersTooLarge, TooSlow
from privet.errors import LimitExceeded, MalformedBody, PrivetError


class DeadlineProtocol(HttpToolsProtocol):
    """One connection. `limits.connections` of them are served at a time; one more is told so and closed."""

    limits = Limits()

    # Moments of the loop's clock; 0.0: not waiting for that.
    head_since = 0.0
    stalled_since = 0.0
    closing_since = 0.0
    head_bytes = waiting_bytes = 0
    head_done = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Take a connection, or refuse it where there are too many."""
        super().connection_made(transport)
        self.head_since = self.loop.time()
        if len(self.connections) > self.limits.connections:
            self.refuse(LimitExceeded("expected fewer connections at a time", hint="come back in a second"), 503)

    def data_received(self, data: bytes) -> None:
        """Read bytes; whatever comes between two requests starts the clock of the next head."""
        if self.transport.is_closing():
            return
        idle = self.cycle is None or self.cycle.response_complete
        self.head_done = False
        super().data_received(data)
        if idle and self.head_since and not self.head_done:
            # All of it belongs to one head. The parser keeps an unfinished line to itself, so lines are not enough.
            self.waiting_bytes += len(data)
            if self.waiting_bytes > MOST_HEADER_BYTES:
                self._too_large()
        if self.parser is None or self.head_since or self.timeout_keep_alive_task is not None:
            return
        if self.cycle is None or self.cycle.response_complete:
            self.head_since = self.loop.time()

    def on_message_begin(self) -> None:
        """Start the clock of a head."""
        super().on_message_begin()
        self.head_bytes = 0
        self.head_since = self.head_since or self.loop.time()

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target, as long as the head stays small."""
        self._count(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header line, as long as the head stays small."""
        self._count(name, value)
        super().on_header(name, value)
        if len(self.headers) > MOST_HEADERS:
            self._too_large()

    def on_headers_complete(self) -> None:
        """Stop the clock of the head; a connection that was refused starts no request."""
        self.head_since, self.waiting_bytes, self.head_done = 0.0, 0, True
        if not self.transport.is_closing():
            super().on_headers_complete()
            if self.cycle is not None and self.cycle.scope is self.scope:
                self.scope[ANSWER] = partial(answer, self.cycle)  # type: ignore[literal-required]  # ours alone

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, unless the connection was refused."""
        if not self.transport.is_closing() and self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request, unless the connection was refused."""
        if not self.transport.is_closing() and self.cycle is not None:
            super().on_message_complete()

    def pause_writing(self) -> None:
        """Start the clock of a reader that does not keep up."""
        self.stalled_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Stop the clock of a reader that caught up."""
        self.stalled_since = 0.0
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP with a problem."""
        self.refuse(MalformedBody("expected an HTTP request"))

    def refuse(self, error: PrivetError, status: int = 0) -> None:
        """Answer with a problem on the wire itself, past the application, and close."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            # An answer is under way; words of ours in its middle would be read as a part of it.
            self.transport.close()
            return
        told = problems.problem(error, digest.random_bytes(16).hex())
        status = status or told.status
        told = msgspec.structs.replace(told, status=status, title=HTTPStatus(status).phrase)
        body = msgspec.json.encode(told)
        lines = [*SECURITY, *problems.headers_of(error), CLOSE]
        lines += [(b"content-type", problems.MEDIA), (b"content-length", b"%d" % len(body))]
        head = b"HTTP/1.1 %d %s\r\n" % (status, told.title.encode())
        self.transport.write(head + b"".join(name + b": " + value + b"\r\n" for name, value in lines) + b"\r\n" + body)
        self.transport.close()

    def sweep(self, now: float) -> None:
        """Cut the connection if one of its deadlines is over."""
        if self.transport.is_closing():
            self.closing_since = self.closing_since or now
            if now - self.closing_since > self.limits.close_seconds:
                self.transport.abort()
        elif self.stalled_since and now - self.stalled_since > self.limits.stall_seconds:
            self.transport.abort()
        elif self.head_since and now - self.head_since > self.limits.head_seconds:
            self._cut_head()

    def _cut_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # The next head comes slowly while this one's answer is under way: let the answer out first.
            self.cycle.keep_alive = False
            self.head_since = 0.0
        else:
            self.refuse(TooSlow("expected the whole head of a request in time"))

    def _count(self, *pieces: bytes) -> None:
        self.head_bytes += sum(map(len, pieces))
        if self.head_bytes > MOST_HEADER_BYTES:
            self._too_large()

    def _too_large(self) -> None:
        self.refuse(HeadersTooLarge(f"expected a head of at most {MOST_HEADER_BYTES >> 10} kB"))


def answer(cycle: RequestResponseCycle, head: bytes, body: bytes, *, close: bool) -> bool:
    """Write a whole answer in one piece; return False, with nothing done, where its reader must be waited for first.

    `head`: status line and header lines, each with its CRLF. `close`: the caller said so in `head`. The ASGI way sends
    head and body one after the other, which is one more call of the system, and reads every constant line again.
    """
    if cycle.flow.write_paused or cycle.response_started:
        return False
    if cycle.disconnected:
        return True
    cycle.response_started = cycle.response_complete = True
    cycle.waiting_for_100_continue = False
    if not cycle.keep_alive and not close:
        head += b"connection: close\r\n"
    cycle.transport.write(head + b"\r\n" + body)
    cycle.message_event.set()
    if close or not cycle.keep_alive:
        cycle.keep_alive = False
        cycle.transport.close()
    cycle.on_response()
    return True


def sweep(connections: Iterable[Any], now: float) -> None:
    """Cut every connection that a deadline of its own is over for. `now`: the loop's clock."""
    for connection in tuple(connections):
        if isinstance(connection, DeadlineProtocol):
            connection.sweep(now)
