"""Every route, made from the verbs: read the ask, carry it out, write the answer."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping

from privet import codec
from privet.app.http.asks import Reader
from privet.app.http.files import file_routes
from privet.app.http.guard import Guard, Limits
from privet.app.http.openapi import document
from privet.app.http.paths import NOBODY, Incoming, Paths, Reply, Route
from privet.app.http.signin import sign_in_routes
from privet.app.identity import cookie
from privet.app.services import verbs as all_verbs
from privet.app.services.files import TRANSFERS
from privet.app.services.stream import Stream
from privet.app.services.streams import STREAMS
from privet.app.services.verb import Caller, Verb, call
from privet.app.wiring import House
from privet.errors import InvalidInput
from privet.vocabulary.access import Principal, Purpose

NDJSON = b"application/x-ndjson"
_SAVED = (b"content-disposition", b"attachment")  # whatever it holds never runs as a page of ours. RFC 6266
_KEY = re.compile(rb"[\x21-\x7e]{1,255}")
_PURPOSE = re.compile(rb"[a-z][a-z0-9_.]{0,254}")


def make_app(
    house: House,
    verbs: Iterable[Verb] | None = None,
    streams: Iterable[Stream] = STREAMS,
    *,
    extra: Iterable[Route] = (),
    limits: Limits | None = None,
) -> Guard:
    """Return the ASGI application of a house. `verbs`: all of them by default. `extra`: routes of other makers."""
    routes = make_routes(house, tuple(all_verbs() if verbs is None else verbs), tuple(streams))

    def authenticate(key: str) -> Principal:
        return house.callers.principal(key, house.clock())

    return Guard(Paths([*routes, *extra]), authenticate, limits)


def make_routes(house: House, verbs: tuple[Verb, ...], streams: tuple[Stream, ...]) -> list[Route]:
    """Return every route of a house: one a verb and stream, the description, those of files and of signing in."""
    routes = [verb_route(house, verb) for verb in verbs if not verb.form]
    routes += [stream_route(house, stream) for stream in streams]
    return [*routes, openapi_route(verbs, streams), *file_routes(house, caller), *sign_in_routes(house, caller)]


def verb_route(house: House, verb: Verb, who: Callable[[Incoming], Caller] | None = None) -> Route:
    """Return the route of a verb. `who`: tells who calls; by default by the credentials of staff and services."""
    of = who or caller
    method = verb.method if verb.takes_body else "GET"
    reader = Reader(verb.name, method, verb.path, verb.ask, verb.max_keys)

    async def run(incoming: Incoming) -> Reply:
        ask = reader.read(incoming)
        key = idempotency_key(incoming.headers) if verb.changes else ""
        answer = await call(house, verb, of(incoming), ask, key=key)
        return Reply(verb.status, b"" if verb.status == 204 else codec.encode(answer))

    return Route(
        name=verb.name,
        method=verb.method,
        path=verb.path,
        run=run,
        max_body_bytes=verb.max_body_bytes if reader.body_type is not None else 0,
        open=verb.open,
    )


def stream_route(house: House, stream: Stream, who: Callable[[Incoming], Caller] | None = None) -> Route:
    """Return the route of a stream: one JSON value a line."""
    of = who or caller
    reader = Reader(stream.name, "GET", stream.path, stream.ask, 0)

    async def run(incoming: Incoming) -> Reply:
        chunks = stream.run(house, of(incoming), reader.read(incoming))
        if stream.media:
            return Reply(200, media=stream.media.encode(), headers=(_SAVED,), stream=held(incoming, chunks))
        return Reply(200, media=NDJSON, stream=lines(incoming, chunks))

    return Route(name=stream.name, method="GET", path=stream.path, run=run, streams=True)


async def lines(incoming: Incoming, chunks: AsyncGenerator[list[bytes], None]) -> AsyncGenerator[bytes, None]:
    """Yield the chunks as text, as long as the caller's credential holds."""
    try:
        async for chunk in chunks:
            # P12: a revoked key ends what is under way, too.
            incoming.recheck()
            yield b"\n".join((*chunk, b""))
    finally:
        await chunks.aclose()


async def held(incoming: Incoming, chunks: AsyncGenerator[list[bytes], None]) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a file, as long as the caller's credential holds."""
    try:
        async for chunk in chunks:
            incoming.recheck()
            yield b"".join(chunk)
    finally:
        await chunks.aclose()


def openapi_route(verbs: tuple[Verb, ...], streams: tuple[Stream, ...]) -> Route:
    """Return the route of the API's description."""
    made: list[bytes] = []

    async def run(incoming: Incoming) -> Reply:
        if not made:
            made.append(codec.encode(document(verbs, streams, TRANSFERS)))
        return Reply(200, made[0])

    return Route(name="openapi", method="GET", path="/v1/openapi.json", run=run)


def caller(incoming: Incoming) -> Caller:
    """Return who calls, for what. Raises InvalidInput for a purpose that is no label."""
    purpose = incoming.headers.get(b"privet-purpose")
    if purpose is not None and not _PURPOSE.fullmatch(purpose):
        raise InvalidInput("expected a data use such as `essential.service`", at="Privet-Purpose")
    return Caller(
        principal=incoming.principal or NOBODY,
        purpose=Purpose(purpose.decode()) if purpose else None,
        request=incoming.request,
        facts=_facts(incoming.headers),
        still=incoming.recheck,
    )


def _facts(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    session = "" if b"authorization" in headers else cookie.cookie(headers, cookie.SESSION)
    return {"cookie": session} if session else {}


def idempotency_key(headers: Mapping[bytes, bytes]) -> str:
    """Return the idempotency key, "" for none. Raises InvalidInput for one that is empty or too long."""
    key = headers.get(b"idempotency-key")
    if key is None:
        return ""
    if not _KEY.fullmatch(key):
        raise InvalidInput("expected 1 to 255 printable ASCII characters without space", at="Idempotency-Key")
    return key.decode()
