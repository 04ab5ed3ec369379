"""The ways over HTTP: to a URL or a Unix socket, with deadlines and retries, without redirects or proxies.

A call is sent again only where that cannot do it twice: every verb that changes something carries an idempotency
key, drawn here unless the caller brought one.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, aclosing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2

from privet import digest
from privet.app.door import Order
from privet.app.http.address import is_loopback
from privet.app.letter import Letter, answer, decoded, letter, stored
from privet.app.pieces import Fetched, arriving, pieces
from privet.app.services.stream import Stream
from privet.app.uds import short
from privet.errors import (
    InFlight,
    InvalidInput,
    LimitExceeded,
    PrivetError,
    Refused,
    StoreFailed,
    Unavailable,
)
from privet.secret import Secret
from privet.vault.blobs.files import Download

CONNECT_SECONDS = 5.0
READ_SECONDS = 70.0  # the server gives a verb 60
ATTEMPTS = 5
FIRST_WAIT_SECONDS = 0.1
UNIX = "unix:"


def worth_repeating(error: PrivetError) -> bool:
    """Return whether the same call may pass a little later."""
    return isinstance(error, Unavailable | InFlight | LimitExceeded) and not isinstance(error, StoreFailed)


def waits(deadline: float) -> Iterator[float]:
    """Yield how long to wait before each further attempt, doubling, until `deadline` of the monotonic clock."""
    for attempt in range(ATTEMPTS - 1):
        # Half of it by chance, so that many callers do not come back at once.
        chance = digest.random_bytes(1)[0] / 255
        wait = FIRST_WAIT_SECONDS * 2**attempt * (0.5 + chance / 2)
        if time.monotonic() + wait > deadline:
            return
        yield wait


def _base(url: str) -> tuple[str, str | None]:
    """Return (base URL, path of a Unix socket or None). Raises Refused, InvalidInput."""
    if url.startswith(UNIX):
        return "http://localhost", url.removeprefix(UNIX).removeprefix("//")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InvalidInput("expected a server as `https://…`, `http://…` or `unix:/path`", at="url")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise Refused("plain HTTP would show the key and the data to the network", hint="use `https://`")
    return url.rstrip("/"), None


def _settings(base: str, key: str | Secret[str]) -> dict[str, Any]:
    text = key.reveal() if isinstance(key, Secret) else key
    return {
        "base_url": base,
        "headers": {"authorization": f"Bearer {text}", "accept-encoding": "identity"},
        "timeout": httpx2.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
        "follow_redirects": False,
        "trust_env": False,
    }


def _trust(ca: Path | None) -> ssl.SSLContext | bool:
    """Return what a server's certificate is verified by. Raises Refused for a file without certificates."""
    if ca is None:
        return True
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        raise Refused("expected certificates in PEM", at=str(ca)) from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _silent(error: httpx2.TransportError) -> PrivetError:
    return _untrusted(error) or Unavailable("the server does not answer", hint="is `privet serve` running?")


def _untrusted(error: BaseException) -> Refused | None:
    """Return what to raise where a certificate was the reason, None where it was not."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, ssl.SSLCertVerificationError):
        seen = seen.__cause__ or seen.__context__
    if seen is None:
        return None
    hint = "name those who vouch for it by --ca or PRIVET_CA_FILE, or ask for it under the name that it holds"
    return Refused("the server's certificate is not to be trusted", hint=hint)


def _other_size() -> InvalidInput:
    return InvalidInput("expected as many bytes as `size` says, found another number", at="size")


def _broken(error: httpx2.TransportError | None = None) -> PrivetError:
    untrusted = _untrusted(error) if error is not None else None
    return untrusted or Unavailable("the stream broke off before its end", hint="begin it again")


def _is_file(order: Order) -> bool:
    return isinstance(order.row, Stream) and bool(order.row.media)


class HttpDoor:
    """The way over HTTP that waits."""

    def __init__(
        self,
        url: str,
        key: str | Secret[str],
        deadline_seconds: float,
        pause: Callable[[float], object],
        ca: Path | None = None,
    ) -> None:
        base, uds = _base(url)
        verify = _trust(ca)
        self._link = ExitStack()
        name = self._link.enter_context(short(Path(uds))) if uds is not None else None
        transport = httpx2.HTTPTransport(verify=verify, uds=name, trust_env=False)
        self._http = httpx2.Client(transport=transport, **_settings(base, key))
        self._deadline_seconds = deadline_seconds
        self._pause = pause

    def call(self, order: Order) -> Any:
        """Return the answer, after further attempts where the server is away or busy."""
        sent = letter(order)
        pauses = waits(time.monotonic() + self._deadline_seconds)
        while True:
            try:
                return self._once(order, sent)
            except PrivetError as error:
                wait = next(pauses, None) if worth_repeating(error) else None
                if wait is None:
                    raise
            self._pause(wait)

    def _once(self, order: Order, sent: Letter) -> Any:
        try:
            got = self._http.request(sent.method, sent.target, headers=sent.headers, content=sent.content)
        except httpx2.TransportError as error:
            raise _silent(error) from None
        return answer(order, got.status_code, got.content)

    def stream(self, order: Order) -> Iterator[Any]:
        """Yield the answers. Raises Unavailable where the stream breaks off: it is not begun again."""
        sent = letter(order)
        rest = b""
        try:
            with self._http.stream(sent.method, sent.target, headers=sent.headers) as got:
                if got.status_code != 200:
                    answer(order, got.status_code, got.read())
                if _is_file(order):
                    yield from got.iter_bytes()
                    return
                for chunk in got.iter_bytes():
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        yield decoded(line, order.row.answer)
                if rest:
                    raise _broken()
        except httpx2.TransportError as error:
            raise _broken(error) from None

    def put(self, order: Order) -> Any:
        """Send a file as it is read. It is not sent again: what was read is gone."""
        sent, content = letter(order), pieces(order.values["content"])
        try:
            got = self._http.request(sent.method, sent.target, headers=sent.headers, content=content)
        except httpx2.LocalProtocolError:
            raise _other_size() from None
        except httpx2.TransportError as error:
            raise _silent(error) from None
        return answer(order, got.status_code, got.content)

    def get(self, order: Order) -> Fetched:
        """Return a file, whose content raises Unavailable where it breaks off."""
        content = self._begun(order)
        return Fetched(next(content), content)

    def _begun(self, order: Order) -> Iterator[Any]:
        """Yield what is known of a file, then its pieces: so begun, it lets the connection go when it is closed."""
        sent = letter(order)
        try:
            with self._http.stream(sent.method, sent.target, headers=sent.headers) as got:
                if got.status_code != 200:
                    answer(order, got.status_code, got.read())
                yield stored(got.headers)
                yield from got.iter_raw()
        except httpx2.TransportError as error:
            raise _broken(error) from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._link.close()


class AsyncHttpDoor:
    """The way over HTTP that is awaited."""

    def __init__(
        self,
        url: str,
        key: str | Secret[str],
        deadline_seconds: float,
        pause: Callable[[float], Awaitable[object]],
        ca: Path | None = None,
    ) -> None:
        base, uds = _base(url)
        verify = _trust(ca)
        self._link = ExitStack()
        name = self._link.enter_context(short(Path(uds))) if uds is not None else None
        transport = httpx2.AsyncHTTPTransport(verify=verify, uds=name, trust_env=False)
        self._http = httpx2.AsyncClient(transport=transport, **_settings(base, key))
        self._deadline_seconds = deadline_seconds
        self._pause = pause

    async def call(self, order: Order) -> Any:
        """Return the answer, after further attempts where the server is away or busy."""
        sent = letter(order)
        pauses = waits(time.monotonic() + self._deadline_seconds)
        while True:
            try:
                return await self._once(order, sent)
            except PrivetError as error:
                wait = next(pauses, None) if worth_repeating(error) else None
                if wait is None:
                    raise
            await self._pause(wait)

    async def _once(self, order: Order, sent: Letter) -> Any:
        try:
            got = await self._http.request(sent.method, sent.target, headers=sent.headers, content=sent.content)
        except httpx2.TransportError as error:
            raise _silent(error) from None
        return answer(order, got.status_code, got.content)

    async def stream(self, order: Order) -> AsyncIterator[Any]:
        """Yield the answers. Raises Unavailable where the stream breaks off: it is not begun again."""
        sent = letter(order)
        rest = b""
        try:
            async with self._http.stream(sent.method, sent.target, headers=sent.headers) as got:
                if got.status_code != 200:
                    answer(order, got.status_code, await got.aread())
                async with aclosing(got.aiter_bytes()) as chunks:
                    async for chunk in chunks:
                        if _is_file(order):
                            yield chunk
                            continue
                        *lines, rest = (rest + chunk).split(b"\n")
                        for line in lines:
                            yield decoded(line, order.row.answer)
                if rest:
                    raise _broken()
        except httpx2.TransportError as error:
            raise _broken(error) from None

    async def put(self, order: Order) -> Any:
        """Send a file as it is read. It is not sent again: what was read is gone."""
        sent, content = letter(order), arriving(order.values["content"])
        try:
            got = await self._http.request(sent.method, sent.target, headers=sent.headers, content=content)
        except httpx2.LocalProtocolError:
            raise _other_size() from None
        except httpx2.TransportError as error:
            raise _silent(error) from None
        return answer(order, got.status_code, got.content)

    async def get(self, order: Order) -> Download:
        """Return a file, whose content raises Unavailable where it breaks off."""
        content = self._begun(order)
        return Download(await anext(content), content)

    async def _begun(self, order: Order) -> AsyncGenerator[Any, None]:
        """Yield what is known of a file, then its pieces: so begun, it lets the connection go when it is closed."""
        sent = letter(order)
        try:
            async with self._http.stream(sent.method, sent.target, headers=sent.headers) as got:
                if got.status_code != 200:
                    answer(order, got.status_code, await got.aread())
                yield stored(got.headers)
                async with aclosing(got.aiter_raw()) as content:
                    async for piece in content:
                        yield piece
        except httpx2.TransportError as error:
            raise _broken(error) from None

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()
        self._link.close()
