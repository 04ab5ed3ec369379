"""One HTTP exchange with a system: to hosts that were allowed, by an address that was judged, within seconds.

No proxies and nothing else of the environment, no redirects, no compressed answers, and no more bytes than agreed. What
is sent or answered is neither logged nor put into an error.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from privet.connectors import egress
from privet.connectors.base import Limits
from privet.connectors.egress import PORTS, Names, Way, is_loopback
from privet.errors import Refused, TooLarge, Unavailable

MOST_BYTES = 1 << 20
WHOLE = 3  # times the seconds to wait: for one answer, however slowly it comes
FRESH_SECONDS = 60.0  # how long an address is taken as it was


class Broken(Unavailable):
    """The connection failed. `sent`: the request may have reached the system."""

    code = "connection_broken"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request. `url`: as it goes over the wire, encoded. Its repr shows none of it."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `headers`: by name in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Client:
    """Sends requests to some hosts. One for each open connector; used from one thread at a time."""

    def __init__(  # noqa: PLR0913  (each has its usual value; a bundle would only rename them)
        self,
        hosts: frozenset[str],
        limits: Limits,
        *,
        private: bool = False,
        most_bytes: int = MOST_BYTES,
        look_up: Names = egress.look_up,
        now: Callable[[], float] = time.monotonic,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`hosts`: as `host:port`. `private`: they may be in a private network. `tls`: whom to trust in place of the
        usual authorities."""
        self._hosts = hosts
        self._limits = limits
        self._private = private
        self._most = most_bytes
        self._look_up = look_up
        self._now = now
        self._tls = tls
        # Host → its connections. A pool for each host: certificates are of names, and hosts can share an address.
        self._pools: dict[str, httpx2.Client] = {}
        self._ways: dict[str, tuple[float, list[Way]]] = {}
        self._lock = threading.Lock()

    def send(self, ask: Ask) -> Answer:
        """Return what the system answers, whatever its status.

        Raises Refused where the request may not go there, Broken, TooLarge for an answer above the bytes agreed.
        """
        parts = urlsplit(ask.url)
        place = place_of(ask.url)
        if place not in self._hosts:
            raise Refused("the request is for a host that is not allowed", hint="see the connector's settings")
        if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
            raise Refused("expected https: only this machine may be asked without it")
        origin = f"{parts.scheme}://{parts.netloc}"
        target = ask.url[len(origin) :] or "/"
        broken: Broken | None = None
        for way in self._known(origin, place):
            try:
                return self._sent(way, place, target, ask)
            except Broken as error:
                broken = error
                if error.sent:
                    break
        self._ways.pop(place, None)
        raise broken or Broken("the system does not answer", sent=False)

    def close(self) -> None:
        """Let go of all connections. Idempotent."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()

    def _known(self, origin: str, place: str) -> list[Way]:
        fresh = self._ways.get(place)
        if fresh is not None and self._now() < fresh[0]:
            return fresh[1]
        found = egress.ways(origin, private=self._private, look_up=self._look_up)
        self._ways[place] = (self._now() + FRESH_SECONDS, found)
        return found

    def _pool(self, place: str) -> httpx2.Client:
        with self._lock:
            pool = self._pools.get(place)
            if pool is None:
                deadline = httpx2.Timeout(self._limits.read_seconds, connect=self._limits.connect_seconds)
                pool = httpx2.Client(
                    trust_env=False, follow_redirects=False, timeout=deadline, verify=self._tls or True
                )
                self._pools[place] = pool
            return pool

    def _sent(self, way: Way, place: str, target: str, ask: Ask) -> Answer:
        headers = {"user-agent": "privet", **ask.headers, "host": way.host, "accept-encoding": "identity"}
        until = self._now() + self._limits.read_seconds * WHOLE
        try:
            with self._pool(place).stream(
                ask.method,
                way.url.rstrip("/") + target,
                headers=headers,
                content=ask.body,
                extensions={"sni_hostname": way.name},
            ) as got:
                return Answer(got.status_code, _lower(got.headers), self._read(got, until))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
            raise Broken(_unconnected(error), sent=False) from None
        except (httpx2.HTTPError, httpx2.StreamError):
            raise Broken("the system does not answer in time, or not to the end", sent=True) from None
        except (httpx2.InvalidURL, ValueError):
            raise Refused("expected an address and headers that HTTP can carry") from None

    def _read(self, got: httpx2.Response, until: float) -> bytes:
        if got.headers.get("content-encoding", "identity").lower() != "identity":
            raise Refused("expected an answer that is not compressed, as was asked for")
        chunks, size = [], 0
        for chunk in got.iter_raw():
            size += len(chunk)
            if size > self._most:
                raise TooLarge(
                    f"expected an answer of at most {self._most} bytes, found more",
                    hint="ask for smaller pages, or raise the setting `response_bytes`",
                )
            if self._now() > until:
                raise Broken("the system takes too long for its answer", sent=True)
            chunks.append(chunk)
        return b"".join(chunks)


def place_of(url: str) -> str:
    """Return host and port of a URL.

    >>> place_of("https://api.example.com/v1"), place_of("http://[::1]:8080/")
    ('api.example.com:443', '[::1]:8080')
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{parts.port or PORTS.get(parts.scheme, 0)}"


def _unconnected(error: BaseException) -> str:
    """Return why there is no connection, by the kinds of errors alone: their words may quote what a server sent."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return "the system's certificate is not to be trusted"
        cause = cause.__cause__ or cause.__context__
    return "the system does not take the connection"


def _lower(headers: httpx2.Headers) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
