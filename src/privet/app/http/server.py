"""The server process: hardened, on TCP and on a Unix socket at once, drained when it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import logging
import os
import resource
import signal
import socket
import ssl
import stat
import sys
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from pathlib import Path

import uvloop
from uvicorn import Config, Server

from privet.app.http.address import is_loopback
from privet.app.http.center import make_center
from privet.app.http.guard import Guard, Limits
from privet.app.http.routes import make_app
from privet.app.http.slow import DeadlineProtocol, sweep
from privet.app.uds import answers, short
from privet.app.wiring import House
from privet.errors import Refused, Unavailable, VaultBusy

log = logging.getLogger("privet.http")

BACKLOG = 2_048
DRAIN_SECONDS = 20
MOST_FILES = 65_536
SPARE_FILES = 256
GC_THRESHOLDS = (10_000, 20, 20)
_PR_SET_DUMPABLE = 4  # linux/prctl.h


def serve(  # noqa: PLR0913  (where to listen and how; a bundle would only rename it)
    house: House,
    host: str,
    port: int,
    uds: Path | None,
    *,
    ready: Callable[[tuple[str, ...]], None],
    limits: Limits | None = None,
    tls: ssl.SSLContext | None = None,
    center: tuple[str, int] | None = None,
) -> None:
    """Serve a house until SIGTERM or SIGINT; what is under way then has DRAIN_SECONDS to end. The caller closes it.

    `host` "": no TCP address. `port` 0: any free one. `uds`: None for no Unix socket. `tls`: of TCP addresses; None
    for plain HTTP. `center`: host and port of the privacy centre, None for none. `ready` gets the addresses once
    requests are taken, the centre's last. Raises Refused (an address that others reach without TLS), VaultBusy
    (somebody answers on the Unix socket), Unavailable (the address is taken).
    """
    for each in (host, center[0] if center else ""):
        if each:
            demand_safe(each, tls=tls is not None)
    harden()
    limits = limits or Limits()
    connections = min(limits.connections, max(64, raise_file_limit() - SPARE_FILES))
    sockets = [listen(host, port)] if host else []
    try:
        if uds is not None:
            sockets.append(listen_unix(uds))
        config = configured(make_app(house, limits=limits), replace(limits, connections=connections))
        public = None
        if center is not None:
            sockets.append(listen(*center))
            # However many people come, half of all connections stay for staff and services.
            half = replace(limits, connections=connections // 2)
            public = sockets[-1], configured(make_center(house, half), half)
        names = tuple(f"unix:{uds}" if s.family == socket.AF_UNIX else _name(s, tls) for s in sockets)
        calm_collector()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_Server(config, lambda: ready(names), tls, limits, public).serve(sockets))
    finally:
        for sock in sockets:
            sock.close()
        if uds is not None and any(sock.family == socket.AF_UNIX for sock in sockets):
            uds.unlink(missing_ok=True)


def configured(app: Guard, limits: Limits) -> Config:
    """Return how an application is served. `limits.connections`: of the whole process, when one more comes here."""
    return Config(
        app,
        http=type("Protocol", (DeadlineProtocol,), {"limits": limits}),
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level=logging.ERROR,  # a warning for all that is no HTTP lets anybody fill the log
        access_log=False,
        proxy_headers=False,
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=DRAIN_SECONDS,
    )


class _Server(Server):
    """Uvicorn's server with a sweep each second, and a stop that returns to the caller.

    Stock uvicorn raises the signal again after the drain, so the process would die before it closes its stores.
    """

    def __init__(
        self,
        config: Config,
        ready: Callable[[], None],
        tls: ssl.SSLContext | None,
        limits: Limits,
        public: tuple[socket.socket, Config] | None,
    ) -> None:
        """`public`: the socket of the privacy centre, and what is served there."""
        super().__init__(config)
        self._public = public
        self._ready = ready
        self._tls = tls
        self._limits = limits

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        # Stock uvicorn speaks TLS on all sockets or none, and waits a minute for each handshake.
        self.servers = [await self._listen(sock) for sock in sockets or ()]
        self.started = True
        self._ready()

    async def _listen(self, sock: socket.socket) -> asyncio.Server:
        # What comes through the Unix socket stays on this machine.
        tls = None if sock.family == socket.AF_UNIX else self._tls
        wait = None if tls is None else self._limits.head_seconds
        config = self._public[1] if self._public is not None and sock is self._public[0] else self.config
        if not config.loaded:
            config.load()
        loop = asyncio.get_running_loop()
        return await loop.create_server(
            partial(self._connection, config), sock=sock, ssl=tls, ssl_handshake_timeout=wait, backlog=BACKLOG
        )

    def _connection(self, config: Config) -> asyncio.Protocol:
        kind = config.http_protocol_class
        return kind(config=config, server_state=self.server_state, app_state={})  # type: ignore[call-arg]  # ours

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            sweep(self.server_state.connections, asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


def demand_safe(host: str, *, tls: bool, root: bool | None = None) -> None:
    """Raise Refused for an address that other machines reach, unless it speaks TLS and no root answers there.

    `root`: whether this process runs as root; None: look.
    """
    is_root = os.geteuid() == 0 if root is None else root
    if not is_loopback(host) and not tls:
        raise Refused(
            "expected a loopback address to listen on: requests would cross the network in the clear",
            hint="serve with --tls-cert and --tls-key, or let a TLS proxy on this machine forward to 127.0.0.1",
        )
    if is_root and not is_loopback(host):
        raise Refused("expected not to run as root where other machines reach", hint="run as a user of its own")
    if is_root:
        log.warning("running as root; a user of its own is safer")


def harden() -> None:
    """Keep this process's memory and files to itself: no core dumps, no debugger, no file that others read."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        # Source: prctl(2). Without it another process of the same user may read this one's memory.
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
            raise Refused("the system did not let the process forbid dumps of its memory")


def calm_collector() -> None:
    """Let the garbage collector look less often, and never at what stays for good: measured, a tenth of a request."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


def raise_file_limit() -> int:
    """Allow as many open files as the system lets us, MOST_FILES at most, and return how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        # macOS names a hard limit that it does not grant; the soft one then stays.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return min(soft, MOST_FILES) if soft != resource.RLIM_INFINITY else MOST_FILES


def listen(host: str, port: int) -> socket.socket:
    """Return a TCP socket bound to an address. Raises Unavailable where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise Unavailable("the address to listen on is taken", hint="set another port by `listen`") from None
    return sock


def listen_unix(path: Path) -> socket.socket:
    """Return a Unix socket of mode 0600 at `path`, in place of a stale one.

    Raises VaultBusy where somebody answers there, Refused where something else than a socket stands.
    """
    if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
        raise Refused("a file that is no socket stands where the Unix socket belongs", hint="move it away")
    if answers(path):
        raise VaultBusy("another process answers on the Unix socket", hint="stop it, or let it do the work")
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)  # the mode counts from the first moment, so it is not set afterwards
    try:
        with short(path) as name:
            sock.bind(name)
    except OSError:
        sock.close()
        raise Refused("the Unix socket cannot be made", hint="its name may have 50 characters") from None
    finally:
        os.umask(before)
    return sock


def _name(sock: socket.socket, tls: ssl.SSLContext | None) -> str:
    host, port = sock.getsockname()[:2]
    scheme = "http" if tls is None else "https"
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
