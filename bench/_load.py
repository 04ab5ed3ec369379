"""A load on an HTTP server, from a process of its own: `python -m bench._load REQUESTS ANSWERS`.

REQUESTS is a file of MessagePack: a `Plan`. Each connection sends a request when the answer to its last one is whole.
A `Load` is printed as JSON, and the bodies of the answers stand in ANSWERS, in the order of the requests.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import httptools
import msgspec
import uvloop


class Plan(msgspec.Struct, kw_only=True):
    """What to send, whole requests as bytes, and over how many connections to a loopback port."""

    port: int
    connections: int
    requests: list[bytes]


class Load(msgspec.Struct, kw_only=True):
    """What came of it: seconds by the clock from the first request to the last answer, answers by status."""

    seconds: float
    statuses: dict[int, int]


class Run:
    """One plan on its way."""

    def __init__(self, plan: Plan, done: asyncio.Future[None]) -> None:
        self.requests = plan.requests
        self.answers: list[bytes] = [b""] * len(plan.requests)
        self.statuses: dict[int, int] = {}
        self.sent = self.answered = 0
        self.done = done

    def take(self) -> int | None:
        """Return the place of the next request, None when all are sent."""
        at = self.sent
        if at == len(self.requests):
            return None
        self.sent += 1
        return at

    def keep(self, at: int, status: int, body: bytes) -> None:
        """Keep an answer."""
        self.answers[at] = body
        self.statuses[status] = self.statuses.get(status, 0) + 1
        self.answered += 1
        if self.answered == len(self.requests) and not self.done.done():
            self.done.set_result(None)


class Connection(asyncio.Protocol):
    """One keep-alive connection; its methods are also what the HTTP parser calls."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._at: int | None = None
        self._body: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = transport  # type: ignore[assignment]  # uvloop's own, with the same methods

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the run where an answer is still to come."""
        if self._at is not None and not self._run.done.done():
            self._run.done.set_exception(ConnectionError("the server closed a connection"))

    def send(self) -> None:
        """Send the next request, if there is one."""
        self._at = self._run.take()
        if self._at is not None and self._transport is not None:
            self._transport.write(self._run.requests[self._at])

    def on_body(self, body: bytes) -> None:
        """Keep a piece of an answer."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Keep the answer and go on."""
        assert self._at is not None
        self._run.keep(self._at, self._parser.get_status_code(), b"".join(self._body))
        self._body = []
        # A parser takes one answer after another; the next request goes out of the same event.
        self.send()


async def carry_out(plan: Plan) -> tuple[Load, list[bytes]]:
    """Return what came of a plan, and the bodies of the answers. Raises ConnectionError."""
    loop = asyncio.get_running_loop()
    run = Run(plan, loop.create_future())
    pairs = [
        await loop.create_connection(lambda: Connection(run), "127.0.0.1", plan.port) for _ in range(plan.connections)
    ]
    start = time.perf_counter()
    for _, connection in pairs:
        connection.send()
    await run.done
    spent = time.perf_counter() - start
    for transport, _ in pairs:
        transport.close()
    return Load(seconds=spent, statuses=run.statuses), run.answers


def main(requests: str, answers: str) -> None:
    """Carry out the plan in a file."""
    plan = msgspec.msgpack.decode(Path(requests).read_bytes(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        load, bodies = runner.run(carry_out(plan))
    Path(answers).write_bytes(msgspec.msgpack.encode(bodies))
    sys.stdout.write(msgspec.json.encode(load).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
