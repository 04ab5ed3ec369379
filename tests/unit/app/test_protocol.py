"""The protocol of a connection, byte by byte: pieces, pipelines, heads without end, idle connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState
from wire import KEY, SmallHouse, world

from privet.app.http.head import MOST_HEADER_BYTES
from privet.app.http.slow import DeadlineProtocol, sweep

LINES = f"Host: x\r\nAuthorization: Bearer {KEY}\r\n".encode()
LIST = b"GET /v1/here/things HTTP/1.1\r\n" + LINES + b"\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.closed = False

    def write(self, data: Any) -> None:
        self.written += bytes(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None:
        return None

    def resume_reading(self) -> None:
        return None


class Line:
    """A connection to a small house."""

    def __init__(self) -> None:
        found = world()
        self.house: SmallHouse = found.house
        config = Config(found.app, http=DeadlineProtocol, ws="none", lifespan="off", interface="asgi3", log_config=None)
        config.load()
        self.state = ServerState()
        self.protocol = DeadlineProtocol(config=config, server_state=self.state, app_state={})
        self.wire = Wire()
        self.protocol.connection_made(self.wire)

    def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.protocol.data_received(piece)

    async def settle(self) -> bytes:
        """Let the requests that were sent be answered, and return the answers."""
        while self.state.tasks:
            await asyncio.wait(self.state.tasks)
            await asyncio.sleep(0)
        return self.wire.written

    def sweep(self, seconds: float) -> None:
        """See to the connection as it will be seen to in some seconds."""
        sweep(self.state.connections, self.protocol.loop.time() + seconds)


def play(story: Callable[[Line], Awaitable[None]]) -> None:
    async def run() -> None:
        await story(Line())

    asyncio.run(run())


def put(body: bytes, *lines: bytes) -> bytes:
    return b"PUT /v1/here/things HTTP/1.1\r\n" + LINES + b"".join(lines) + b"\r\n" + body


BODY = b'{"names":["a","b"]}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)


@pytest.mark.parametrize("size", [1, 7, 100, 1_000])
def test_request_is_the_same_in_whatever_pieces_it_comes(size: int) -> None:
    async def story(line: Line) -> None:
        whole = put(BODY, LENGTH)
        line.send(*(whole[at : at + size] for at in range(0, len(whole), size)))
        told = await line.settle()
        assert told.startswith(b"HTTP/1.1 200 OK\r\n")
        assert told.endswith(b'{"total":2,"place":"here"}')
        assert line.house.added == 2

    play(story)


def test_body_in_chunks_is_put_together() -> None:
    async def story(line: Line) -> None:
        line.send(
            put(b"a\r\n" + BODY[:10] + b"\r\n9\r\n" + BODY[10:] + b"\r\n0\r\n\r\n", b"Transfer-Encoding: chunked\r\n")
        )
        assert (await line.settle()).endswith(b'{"total":2,"place":"here"}')

    play(story)


def test_body_in_chunks_that_is_here_already_is_limited_too() -> None:
    async def story(line: Line) -> None:
        large = b" " * ((1 << 20) + 1)
        head = b"POST /v1/here/things HTTP/1.1\r\n" + LINES + b"Transfer-Encoding: chunked\r\n\r\n"
        line.send(head + b"%x\r\n" % len(large) + large + b"\r\n0\r\n\r\n" + LIST)
        told = await line.settle()
        assert told.startswith(b"HTTP/1.1 413 ")
        # The body was read to its end, so what follows it is a request.
        assert b"HTTP/1.1 200 OK\r\n" in told

    play(story)


def test_requests_in_one_piece_are_answered_in_order() -> None:
    async def story(line: Line) -> None:
        numbers = [b"GET /v1/numbers/%d HTTP/1.1\r\n" % number + LINES + b"\r\n" for number in range(1, 6)]
        line.send(b"".join(numbers))
        told = await line.settle()
        assert [int(part.partition(b"}")[0]) for part in told.split(b'{"number":')[1:]] == [2, 4, 6, 8, 10]

    play(story)


def test_head_in_one_piece_is_limited_with_its_target() -> None:
    async def story(line: Line) -> None:
        line.send(b"GET /v1/here/things?tags=" + b"a" * MOST_HEADER_BYTES + b" HTTP/1.1\r\n" + LINES + b"\r\n")
        assert (await line.settle()).startswith(b"HTTP/1.1 431 ")

    play(story)


@pytest.mark.parametrize("piece", [b"a" * 1_000, b"X: a\r\n" * 10], ids=["line", "lines"])
@pytest.mark.parametrize("before", [b"", LIST], ids=["first", "second"])
def test_head_without_end_is_refused(before: bytes, piece: bytes) -> None:
    async def story(line: Line) -> None:
        line.send(before)
        await line.settle()
        line.send(LIST[:40], *[piece] * 20)
        assert b"HTTP/1.1 431 " in line.wire.written
        assert line.wire.closed

    play(story)


@pytest.mark.parametrize("piece", [b"a" * 1_000, b"X: a\r\n" * 10], ids=["line", "lines"])
def test_head_without_end_behind_a_request_under_way_is_cut_off(piece: bytes) -> None:
    async def story(line: Line) -> None:
        line.send(b"GET /v1/wait HTTP/1.1\r\n" + LINES + b"\r\n")
        await line.house.entered.wait()
        line.send(LIST[:40], *[piece] * 20)
        assert line.wire.closed
        line.house.gate.set()
        await line.settle()

    play(story)


def test_idle_connection_is_closed() -> None:
    async def story(line: Line) -> None:
        line.send(LIST)
        await line.settle()
        line.sweep(1)
        assert not line.wire.closed
        line.sweep(line.protocol.timeout_keep_alive + 1)
        assert line.wire.closed

    play(story)


def test_connection_with_a_request_under_way_is_not_idle() -> None:
    async def story(line: Line) -> None:
        line.send(LIST)
        await line.settle()
        line.send(b"GET /v1/wait HTTP/1.1\r\n" + LINES + b"\r\n")
        await line.house.entered.wait()
        line.sweep(3_600)
        assert not line.wire.closed
        line.house.gate.set()
        await line.settle()

    play(story)


@pytest.mark.parametrize("piece", [b"\r\n", b"GET"], ids=["empty-line", "head"])
def test_connection_on_which_a_head_began_has_the_time_of_a_head(piece: bytes) -> None:
    async def story(line: Line) -> None:
        line.send(LIST)
        await line.settle()
        line.send(piece)
        line.sweep(line.protocol.timeout_keep_alive + 1)
        assert not line.wire.closed
        line.sweep(line.protocol.limits.head_seconds + 1)
        assert line.wire.closed
        assert b"HTTP/1.1 408 " in line.wire.written

    play(story)
