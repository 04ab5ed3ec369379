"""A TCP door on this machine to a server that listens on a Unix socket alone."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def relay(path: str, address: str = "127.0.0.1") -> Iterator[int]:
    """Give the port of a door whose bytes go to a socket and come back."""
    with socket.create_server((address, 0)) as listener:
        threading.Thread(target=_serve, args=(listener, path), daemon=True).start()
        yield listener.getsockname()[1]


def _serve(listener: socket.socket, path: str) -> None:
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        behind = socket.socket(socket.AF_UNIX)
        behind.connect(path)
        for come, go in ((peer, behind), (behind, peer)):
            threading.Thread(target=_carry, args=(come, go), daemon=True).start()


def _carry(come: socket.socket, go: socket.socket) -> None:
    with suppress(OSError):
        while some := come.recv(1 << 16):
            go.sendall(some)
    with suppress(OSError):
        go.shutdown(socket.SHUT_WR)
