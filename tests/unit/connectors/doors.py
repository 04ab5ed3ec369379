"""Doors on this machine: listeners that tell who knocked, by which name, and whether a key was ever handed over."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from fakes.mailbox import secured

HERE, ELSEWHERE = "127.0.0.2", "127.0.0.1"
"""Where a server stands that `localhost` is said to lead to, and where that name leads when it is looked up again."""


@dataclass
class Door:
    """One listener. `knocks`: connections. `names`: whom TLS was asked for. `heard`: what came after TLS was agreed."""

    port: int
    knocks: int = 0
    names: list[str | None] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wait(self) -> None:
        """Wait until one connection is over."""
        assert self.done.acquire(timeout=10)


Greeting = Callable[[socket.socket], None]
"""What the two sides say before TLS."""


def silent(peer: socket.socket) -> None:
    """Say nothing: TLS from the first byte."""


@contextmanager
def door(address: str, *, port: int = 0, certificate: object = None, greet: Greeting = silent) -> Iterator[Door]:
    """Listen at an address. `certificate`: a file, to speak TLS by; None: hang up on whoever comes."""
    context = secured(certificate) if certificate is not None else None  # type: ignore[arg-type]
    with socket.create_server((address, port)) as listener:
        found = Door(listener.getsockname()[1])
        if context is not None:
            context.sni_callback = lambda peer, name, own: found.names.append(name)
        threading.Thread(target=_serve, args=(listener, found, context, greet), daemon=True).start()
        yield found


def _serve(listener: socket.socket, found: Door, context: ssl.SSLContext | None, greet: Greeting) -> None:
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        found.knocks += 1
        with peer, suppress(OSError):
            peer.settimeout(5)
            if context is not None:
                greet(peer)
                with context.wrap_socket(peer, server_side=True) as inside:
                    found.heard.append(inside.recv(4096))
        found.done.release()


@dataclass
class Names:
    """A resolver that changes its mind: the first answer leads here, every later one elsewhere."""

    first: list[str] = field(default_factory=lambda: [HERE])
    asked: list[str] = field(default_factory=list)

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return self.first if len(self.asked) == 1 else [ELSEWHERE]
