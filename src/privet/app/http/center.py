"""The privacy centre's door: people reach what is theirs by it, and nothing else stands there."""

from __future__ import annotations

from dataclasses import replace

from privet import codec
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
    return [*routes, *(stream_route(house, stream, caller) for stream in STREAMS), described(verbs, STREAMS)]


def _bounded(route: Route) -> Route:
    """Return a route of the public: it takes small bodies, and of nobody who is unknown more than a few words."""
    return replace(route, max_body_bytes=min(route.max_body_bytes, OPEN_BYTES if route.open else MOST_BYTES))


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
