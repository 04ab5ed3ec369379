"""A server process under callers who are slow on purpose: it cuts them off and serves the others meanwhile."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from serving import Running, servers

from privet.app.client import Client

QUICK = {"head_seconds": 1.0, "receipt_seconds": 1.0, "stall_seconds": 1.0, "close_seconds": 1.0}
CROWD = 200


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    with servers(tmp_path / "home") as begin:
        yield begin


def drip(sockets: list[socket.socket], piece: bytes, seconds: float, meanwhile: Callable[[], None]) -> list[bytes]:
    """Send `piece` on every socket again and again until all are closed or the time is over.

    Returns what each closed one had been told.
    """
    told: dict[socket.socket, bytes] = {}
    selector = selectors.DefaultSelector()
    for sock in sockets:
        selector.register(sock, selectors.EVENT_READ)
        told[sock] = b""
    ended: list[bytes] = []
    until = time.monotonic() + seconds
    while len(ended) < len(sockets) and time.monotonic() < until:
        for key, _ in selector.select(0.1):
            sock: Any = key.fileobj
            got = receive(sock)
            told[sock] += got
            if not got:
                selector.unregister(sock)
                ended.append(told.pop(sock))
        for sock in told:
            try:
                sock.send(piece)
            except OSError:
                continue  # the next turn reads that it is closed
        meanwhile()
    selector.close()
    return ended


def receive(sock: socket.socket) -> bytes:
    try:
        return sock.recv(65_536)
    except ConnectionError:
        return b""


def read_all(sock: socket.socket) -> bytes:
    found = b""
    while got := receive(sock):
        found += got
    return found


@pytest.mark.slow
def test_crowd_of_slow_heads_is_cut_off_while_others_are_served(start: Start) -> None:
    server = start(**QUICK)
    served: list[str] = []
    sockets = [server.connect() for _ in range(CROWD)]
    for sock in sockets:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    with Client(server.url, server.key) as client:
        ended = drip(sockets, b"a", 8, lambda: served.append(client.health.show().status))
    for sock in sockets:
        sock.close()
    assert len(ended) == CROWD
    assert all(told == b"" or b" 408 " in told for told in ended)
    assert served
    assert set(served) == {"ok"}


@pytest.mark.slow
def test_without_a_deadline_the_crowd_would_stay(start: Start) -> None:
    server = start(**{**QUICK, "head_seconds": 3_600})
    sockets = [server.connect() for _ in range(20)]
    for sock in sockets:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
    assert drip(sockets, b"a", 3, lambda: None) == []
    for sock in sockets:
        sock.close()


@pytest.mark.slow
def test_crowd_of_slow_bodies_is_cut_off(start: Start) -> None:
    server = start(**QUICK)
    sockets = [server.connect() for _ in range(CROWD)]
    head = f"POST /v1/vaults HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\nContent-Length: 9999\r\n\r\n"
    for sock in sockets:
        sock.sendall(head.encode() + b'{"name":"')
    ended = drip(sockets, b"a", 8, lambda: None)
    for sock in sockets:
        sock.close()
    assert len(ended) == CROWD
    assert all(told == b"" or b" 408 " in told for told in ended)


@pytest.mark.slow
@pytest.mark.parametrize("piece", [b"\r\n", b"G"], ids=["empty-lines", "head"])
def test_connection_that_drips_after_an_answer_is_cut_off(start: Start, piece: bytes) -> None:
    server = start(**QUICK)
    with closing(server.connect()) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b" 200 " in receive(sock)
        assert len(drip([sock], piece, 8, lambda: None)) == 1


@pytest.mark.slow
def test_reader_that_takes_no_answer_is_cut_off(start: Start) -> None:
    server = start(**QUICK)
    question = f"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n\r\n".encode()
    with closing(server.connect()) as sock, Client(server.url, server.key) as client:
        watch = selectors.DefaultSelector()
        sock.setblocking(False)
        watch.register(sock, selectors.EVENT_WRITE)
        until = time.monotonic() + 10
        cut = False
        # Ask and never read: once the server's and the system's buffers are full, it stops reading, then cuts.
        while not cut and time.monotonic() < until:
            if watch.select(0.1):
                try:
                    sock.send(question)
                except BlockingIOError:
                    continue
                except ConnectionError:
                    cut = True
            assert client.health.show().status == "ok"
        watch.close()
    assert cut


def test_endless_head_is_refused(start: Start) -> None:
    server = start(**QUICK)
    with closing(server.connect()) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: " + b"a" * 20_000)
        assert b" 431 " in read_all(sock)
    with closing(server.connect()) as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\n" + b"X: a\r\n" * 200)
        assert b" 431 " in read_all(sock)


def test_what_is_no_http_is_a_problem_too(start: Start) -> None:
    server = start(**QUICK)
    for text in (
        b"HELLO\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00",
        b"GET \xff HTTP/1.1\r\n\r\n",
    ):
        with closing(server.connect()) as sock:
            sock.sendall(text)
            told = read_all(sock)
            assert b" 400 " in told
            assert b"x-content-type-options: nosniff" in told
            assert b"application/problem+json" in told


def test_large_body_is_refused_before_it_is_sent(start: Start) -> None:
    server = start(**QUICK)
    with closing(server.connect()) as sock:
        head = f"POST /v1/vaults HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\n"
        sock.sendall(f"{head}Content-Length: {10**10}\r\nExpect: 100-continue\r\n\r\n".encode())
        told = read_all(sock)
    assert b" 413 " in told
    assert b"100 Continue" not in told


def test_connections_beyond_the_limit_are_told(start: Start) -> None:
    server = start(**{**QUICK, "connections": 5})
    sockets = [server.connect() for _ in range(6)]
    told = [read_all(sock) for sock in sockets]
    assert sum(b" 503 " in text for text in told) == 1
    with Client(server.url, server.key) as client:
        assert client.health.show().status == "ok"
    for sock in sockets:
        sock.close()


def test_call_under_way_is_ended_when_the_server_is_told_to_stop(start: Start) -> None:
    server = start()
    body = b'{"name":"shop"}'
    head = (
        f"POST /v1/vaults HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.key}\r\nContent-Length: {len(body)}\r\n"
    )
    with closing(server.connect()) as sock:
        sock.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
        assert b"100 Continue" in receive(sock)  # the verb waits for its body
        server.process.send_signal(signal.SIGTERM)
        sock.sendall(body)
        assert b" 201 " in read_all(sock)
    assert server.process.stdout is not None
    assert server.process.stdout.read() == "closed\n"
    assert server.process.wait(10) == 0
    assert not (server.home / "privet.sock").exists()


def test_interrupt_stops_the_server_in_order(start: Start) -> None:
    server = start()
    server.process.send_signal(signal.SIGINT)
    assert server.process.stdout is not None
    assert server.process.stdout.read() == "closed\n"
    assert server.process.wait(10) == 0


def test_server_listens_on_a_private_unix_socket_as_well(start: Start) -> None:
    server = start()
    path = server.home / "privet.sock"
    assert path.stat().st_mode & 0o777 == 0o600
    with Client(f"unix:{path}", server.key) as client:
        assert client.vaults.list().vaults == []


def test_server_starts_again_after_it_was_killed(start: Start) -> None:
    first = start()
    first.process.kill()
    first.process.wait()
    assert (first.home / "privet.sock").exists()
    with Client(f"unix:{start().home}/privet.sock", first.key) as client:
        assert client.health.show().status == "ok"


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has these two")
def test_process_leaves_no_dumps(start: Start) -> None:
    server = start()
    assert (server.said["core"], server.said["dumpable"]) == ([0, 0], 0)
    for name in os.listdir(server.home):
        assert (server.home / name).stat().st_mode & 0o077 == 0, name
