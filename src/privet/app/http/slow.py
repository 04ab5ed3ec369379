"""The HTTP protocol with deadlines: what stock uvicorn leaves to the caller's good will.

A connection that sends no whole head in time, that does not read its answer, or that outlives its close is cut.
`sweep` is called once a second in place of timers for each connection; the guard has the deadline of the body.
The methods that run for every request do without uvicorn's own: docs/why/0007-past-asgi-messages.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from privet import digest
from privet.app.http import problems
from privet.app.http.guard import CLOSE, DIRECT, SECURITY, Limits
from privet.app.http.head import MOST_HEADER_BYTES, MOST_HEADERS, head_too_large
from privet.app.http.problems import TooSlow
from privet.errors import LimitExceeded, MalformedBody, PrivetError

if TYPE_CHECKING:
    from uvicorn._types import ASGIVersions, HTTPScope


class Cycle(RequestResponseCycle):
    """One request and its answer. See `guard.Direct`."""

    def whole_body(self) -> bytes | None:
        """Return the body, and hand it on no other way; None while some of it is still to come."""
        if self.more_body or self.disconnected:
            return None
        body, self.body = bytes(self.body), bytearray()
        return body

    def answer(self, head: bytes, body: bytes, *, close: bool) -> bool:
        """Write a whole answer in one piece; return False, with nothing done, where its reader must be waited for.

        The ASGI way sends head and body one after the other, and reads every constant line again.
        """
        if self.flow.write_paused or self.response_started:
            return False
        if self.disconnected:
            return True
        self.response_started = self.response_complete = True
        self.waiting_for_100_continue = False
        if not self.keep_alive and not close:
            head += b"connection: close\r\n"
        self.transport.write(b"%b\r\n%b" % (head, body))
        self.message_event.set()
        if close or not self.keep_alive:
            self.keep_alive = False
            self.transport.close()
        self.on_response()
        return True


_ASGI: ASGIVersions = {"version": "3.0", "spec_version": "2.3"}


class DeadlineProtocol(HttpToolsProtocol):
    """One connection. `limits.connections` of them are served at a time; one more is told so and closed."""

    limits = Limits()

    # Moments of the loop's clock; 0.0: not waiting for that.
    head_since = 0.0
    idle_since = 0.0
    stalled_since = 0.0
    closing_since = 0.0
    waiting_bytes = 0
    head_done = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn does
        """Take a connection, or refuse it where there are too many."""
        super().connection_made(transport)
        self.headers = []
        self.head_since = self.loop.time()
        if len(self.connections) > self.limits.connections:
            self.refuse(LimitExceeded("expected fewer connections at a time", hint="come back in a second"), 503)

    def data_received(self, data: bytes) -> None:
        """Read bytes; whatever comes between two requests starts the clock of the next head."""
        if self.transport.is_closing():
            return
        idle = self.cycle is None or self.cycle.response_complete
        within_head = idle or self.head_since
        self.idle_since, self.head_done = 0.0, False
        super().data_received(data)
        if self.head_done or self.parser is None:
            return
        if self.head_since:
            if within_head:
                self._bound_head(len(data))
        elif idle:
            self.head_since = self.loop.time()

    def on_message_begin(self) -> None:
        """Start the clock of a head."""
        self.url, self.headers, self.expect_100_continue = b"", [], False
        self.head_since = self.head_since or self.loop.time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header line; the guard counts those of a whole head, `_bound_head` those of one on its way."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Stop the clock of the head and start its request; a connection that was refused starts none."""
        self.head_since, self.waiting_bytes, self.head_done = 0.0, 0, True
        if self.transport.is_closing():
            return
        target = httptools.parse_url(self.url)
        path = target.path.decode("ascii")
        version = self.parser.get_http_version()
        scope: HTTPScope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "method": self.parser.get_method().decode("ascii"),
            "scheme": self.scheme or "http",
            "path": unquote(path) if "%" in path else path,
            "raw_path": target.path,
            "query_string": target.query or b"",
            "root_path": "",
            "headers": self.headers,
            "client": self.client,
            "server": self.server,
        }
        self.scope, before = scope, self.cycle
        self.cycle = cycle = Cycle(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        scope[DIRECT] = cycle  # type: ignore[literal-required]  # ours alone
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, self.app))

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body, unless the connection was refused."""
        if not self.transport.is_closing() and self.cycle is not None:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request, unless the connection was refused."""
        if not self.transport.is_closing() and self.cycle is not None:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on with the next request, or start the clock of an idle connection: `sweep` looks at it."""
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.idle_since = self.loop.time()

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
        elif self.idle_since and not self.head_since and now - self.idle_since > self.timeout_keep_alive:
            self.transport.close()

    def _cut_head(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            # The next head comes slowly while this one's answer is under way: let the answer out first.
            self.cycle.keep_alive = False
            self.head_since = 0.0
        else:
            self.refuse(TooSlow("expected the whole head of a request in time"))

    def _bound_head(self, size: int) -> None:
        """Refuse an unfinished head once it is too large. All of the last `size` bytes belong to it.

        The parser keeps an unfinished line to itself, so the lines that it gave are not enough.
        """
        self.waiting_bytes += size
        if self.waiting_bytes > MOST_HEADER_BYTES or len(self.headers) > MOST_HEADERS:
            self.refuse(head_too_large())


def sweep(connections: Iterable[Any], now: float) -> None:
    """Cut every connection that a deadline of its own is over for. `now`: the loop's clock."""
    for connection in tuple(connections):
        if isinstance(connection, DeadlineProtocol):
            connection.sweep(now)
