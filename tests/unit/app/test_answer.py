"""Whole bodies and answers past the ASGI messages: one write, and the connection as HTTP says."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from uvicorn.protocols.http.flow_control import FlowControl

from privet.app.http.slow import Cycle

HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n"


class Wire(asyncio.Transport):
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True


class Exchange:
    """A request whose answer is due."""

    def __init__(self, *, keep_alive: bool = True) -> None:
        self.wire = Wire()
        self.completed = 0
        self.flow = FlowControl(self.wire)
        self.cycle = Cycle(
            scope={"type": "http", "method": "GET"},  # type: ignore[typeddict-item]  # all that it reads
            transport=self.wire,
            flow=self.flow,
            logger=logging.getLogger("test"),
            access_logger=logging.getLogger("test"),
            access_log=False,
            default_headers=[],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=self.complete,
        )

    def complete(self) -> None:
        self.completed += 1


def test_head_and_body_leave_in_one_write() -> None:
    exchange = Exchange()
    assert exchange.cycle.answer(HEAD, b"{}", close=False)
    assert exchange.wire.written == [HEAD + b"\r\n{}"]
    assert (exchange.completed, exchange.wire.closed, exchange.cycle.response_complete) == (1, False, True)


def test_connection_that_the_caller_ends_is_closed_and_told_so() -> None:
    exchange = Exchange(keep_alive=False)
    assert exchange.cycle.answer(HEAD, b"{}", close=False)
    assert exchange.wire.written == [HEAD + b"connection: close\r\n\r\n{}"]
    assert exchange.wire.closed


def test_connection_that_the_guard_ends_is_closed_and_told_so_once() -> None:
    exchange = Exchange()
    head = HEAD + b"connection: close\r\n"
    assert exchange.cycle.answer(head, b"{}", close=True)
    assert exchange.wire.written == [head + b"\r\n{}"]
    assert exchange.wire.closed


@pytest.mark.parametrize("what", ["paused", "started"])
def test_answer_that_must_wait_or_has_begun_is_left_to_asgi(what: str) -> None:
    exchange = Exchange()
    exchange.cycle.response_started = what == "started"
    if what == "paused":
        exchange.flow.pause_writing()
    assert not exchange.cycle.answer(HEAD, b"{}", close=False)
    assert (exchange.wire.written, exchange.completed) == ([], 0)


def test_caller_who_went_away_gets_nothing() -> None:
    exchange = Exchange()
    exchange.cycle.disconnected = True
    assert exchange.cycle.answer(HEAD, b"{}", close=False)
    assert exchange.wire.written == []


def test_whole_body_is_handed_on_once() -> None:
    exchange = Exchange()
    exchange.cycle.body += b"{}"
    assert exchange.cycle.whole_body() is None
    exchange.cycle.more_body = False
    assert exchange.cycle.whole_body() == b"{}"
    assert exchange.cycle.body == b""


def test_body_of_a_caller_who_went_away_is_not_whole() -> None:
    exchange = Exchange()
    exchange.cycle.more_body, exchange.cycle.disconnected = False, True
    assert exchange.cycle.whole_body() is None
