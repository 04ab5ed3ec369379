"""The privacy centre's door: people reach what is theirs by it, and nothing else stands there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from privet import codec
from privet.app.center import principal_of
from privet.app.http.guard import Guard, Limits
from privet.app.http.head import bearer
from privet.app.http.openapi import document
from privet.app.http.paths import NOBODY, Incoming, Paths, Reply, Route
from privet.app.http.routes import stream_route, verb_route
from privet.app.services import center_verbs
from privet.app.services.mine import STREAMS
from privet.app.services.stream import Stream
from privet.app.services.verb import Caller, Verb
from privet.app.wiring import House
from privet.vocabulary.access import Principal

OPEN_BYTES, MOST_BYTES = 16 << 10, 256 << 10


def make_center(house: House, limits: Limits | None = None) -> Guard:
    """Return the ASGI application of a house's privacy centre."""
    return Guard(Paths(center_routes(house)), house.center.principal, limits)


def center_routes(house: House) -> list[Route]:
    """Return every route of the centre: one a verb and stream, and the description."""
    verbs = center_verbs()

    def caller(incoming: Incoming) -> Caller:
        return person_caller(house, incoming)

    routes = [_bounded(verb_route(house, verb, caller)) for verb in verbs]
    streams = [_lasting(house, stream_route(house, stream, caller)) for stream in STREAMS]
    return [*routes, *streams, described(verbs, STREAMS)]


def _bounded(route: Route) -> Route:
    """Return a route of the public: it takes small bodies, and of nobody who is unknown more than a few words."""
    return replace(route, max_body_bytes=min(route.max_body_bytes, OPEN_BYTES if route.open else MOST_BYTES))


def _lasting(house: House, route: Route) -> Route:
    """Return a route whose answers take their time: none outlives a pass that is ended, each one that runs out."""

    async def run(incoming: Incoming) -> Reply:
        incoming.recheck = until_ended(house, incoming)
        return await route.run(incoming)

    return replace(route, run=run)


def until_ended(house: House, incoming: Incoming) -> Callable[[], Principal]:
    """Return what raises Unauthenticated once the pass of a call is ended, and not because its time is over."""
    passes, ran_out = house.center.passes, False
    held = passes.read(bearer(incoming.headers), house.clock())
    whose = principal_of(held)

    def recheck() -> Principal:
        nonlocal ran_out
        # Nobody can end a pass whose time is over, so once it was seen unended after that it need not be looked up.
        if not ran_out:
            over = house.clock() >= held.expires_ms
            passes.demand_kept(held)
            ran_out = over
        return whose

    return recheck


def person_caller(house: House, incoming: Incoming) -> Caller:
    """Return who calls: the person of the pass, or nobody where a route needs none."""
    # The guard took the pass already; an open route looks at none, so nothing is told of one there.
    held = None
    if incoming.principal is not None:
        held = house.center.passes.read(bearer(incoming.headers), house.clock())
    # Source: Global Privacy Control, section 3.2: the signal is on where the line is exactly `1`.
    facts = {"gpc": "1"} if incoming.headers.get(b"sec-gpc") == b"1" else {}
    return Caller(
        principal=incoming.principal or NOBODY,
        request=incoming.request,
        facts=facts,
        still=incoming.recheck,
        person=held,
    )


def described(verbs: tuple[Verb, ...], streams: tuple[Stream, ...]) -> Route:
    """Return the route of the centre's description, which everybody may read."""
    made: list[bytes] = []

    async def run(incoming: Incoming) -> Reply:
        if not made:
            made.append(codec.encode(document(verbs, streams)))
        return Reply(200, made[0])

    return Route(name="openapi", method="GET", path="/v1/openapi.json", run=run, open=True)
