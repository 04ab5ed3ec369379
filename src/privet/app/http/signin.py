"""Routes of signing in, where other people's standards say what the wire looks like: forms, redirects, cookies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from privet import codec
from privet.app.http.asks import query_values
from privet.app.http.paths import Incoming, Reply, Route
from privet.app.identity import cookie
from privet.app.identity.oidc import Issuer
from privet.app.services import sessions
from privet.app.services.sessions import ExchangeAsk
from privet.app.services.verb import Caller, Verb, call
from privet.app.wiring import House
from privet.errors import InvalidInput, MalformedBody, NotFound, Unauthenticated

MOST_FORM_BYTES = 32 << 10
BEGIN, DONE = "/v1/sign-in", "/v1/sign-in/done"
_FORM = b"application/x-www-form-urlencoded"
_ERRORS = {"grant_type": "unsupported_grant_type", "scope": "invalid_scope"}
_EXCHANGE: Verb = next(verb for verb in sessions.VERBS if verb.form)
_FIELDS = tuple(field.name for field in msgspec.structs.fields(ExchangeAsk))


class Signed(msgspec.Struct, kw_only=True):
    """Who signed in. `csrf`: what a page sends as `Privet-CSRF` with changes."""

    csrf: str
    expires_in: int


def sign_in_routes(house: House, caller: Callable[[Incoming], Caller]) -> list[Route]:
    """Return the token endpoint, and the two ends of a sign-in by the trusted issuer."""
    return [
        Route(
            name=_EXCHANGE.name,
            method="POST",
            path=_EXCHANGE.path,
            run=_token(house, caller),
            max_body_bytes=MOST_FORM_BYTES,
            open=True,
            takes="form",
        ),
        *_by_issuer(house),
    ]


def _token(house: House, caller: Callable[[Incoming], Caller]) -> Callable[[Incoming], Any]:
    async def run(incoming: Incoming) -> Reply:
        try:
            answer = await call(house, _EXCHANGE, caller(incoming), read_form(incoming))
        except (Unauthenticated, InvalidInput) as error:
            return Reply(400, codec.encode(_refusal(error)))
        return Reply(200, codec.encode(answer))

    return run


def read_form(incoming: Incoming) -> ExchangeAsk:
    """Return the ask of a form or of JSON. Raises InvalidInput, MalformedBody.

    A parameter that nobody knows is passed over, and one that comes twice refused (RFC 6749, section 3.2).
    """
    if incoming.query:
        raise InvalidInput("expected no query beside a body", at="query")
    media = incoming.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media == b"application/json":
        return codec.decode(incoming.body, ExchangeAsk)
    if media != _FORM:
        raise MalformedBody("expected a body of `application/x-www-form-urlencoded`")
    said = {name: value for name, value in query_values(incoming.body).items() if name in _FIELDS}
    try:
        return msgspec.convert(said, ExchangeAsk, strict=False)
    except msgspec.ValidationError:
        raise MalformedBody("expected `grant_type` and `assertion`, and `ttl_seconds` as a number") from None


def _refusal(error: Unauthenticated | InvalidInput) -> dict[str, str]:
    """Return an error as OAuth tells it. Source: RFC 6749, section 5.2."""
    known = "invalid_grant" if isinstance(error, Unauthenticated) else _ERRORS.get(error.at, "invalid_request")
    return {"error": known, "error_description": error.message}


def _by_issuer(house: House) -> list[Route]:
    trust, public = house.settings.oidc, house.settings.public_url
    issuer = Issuer(trust, public + DONE) if trust is not None else None

    async def begin(incoming: Incoming) -> Reply:
        found = _known(issuer)
        now = house.clock()
        told, attempt = cookie.begin(house.callers.cookie_key, now)
        place = await found.address(attempt, now)
        # Lax: the browser sends it when the issuer sends the person back, and not with anything but that.
        line = cookie.line(cookie.ATTEMPT, told, same_site="Lax", seconds=cookie.ATTEMPT_SECONDS)
        return Reply(302, headers=((b"location", place.encode("ascii")), line))

    async def done(incoming: Incoming) -> Reply:
        found = _known(issuer)
        said = query_values(incoming.query)
        state, code = said.get("state", ""), said.get("code", "")
        now = house.clock()
        held = cookie.cookie(incoming.headers, cookie.ATTEMPT)
        attempt = cookie.resume(house.callers.cookie_key, held, str(state), now)
        if not code or said.get("iss", found.trust.issuer) != found.trust.issuer:  # RFC 9207
            raise Unauthenticated("the issuer did not sign the person in", hint="begin again")
        person = await found.person(str(code), attempt, now)
        session = (await sessions.sign_in(house, person, incoming.request)).reveal()
        lasts = found.trust.session_seconds
        lines = (
            cookie.line(cookie.SESSION, session, same_site="Strict", seconds=lasts),
            cookie.line(cookie.ATTEMPT, "", same_site="Lax", seconds=0),
        )
        return Reply(200, codec.encode(Signed(csrf=cookie.csrf_token(session), expires_in=lasts)), headers=lines)

    return [
        Route(name="sessions.begin", method="GET", path=BEGIN, run=begin, open=True),
        Route(name="sessions.done", method="GET", path=DONE, run=done, open=True),
    ]


def _known(issuer: Issuer | None) -> Issuer:
    if issuer is None:
        raise NotFound("this home trusts no issuer", hint="see `oidc` in privet.yaml")
    return issuer
