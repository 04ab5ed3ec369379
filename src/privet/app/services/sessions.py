"""Sessions: short-lived credentials. A service gets one for an assertion, a person by signing in; both can end it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from privet.app.denials import refused
from privet.app.identity import assertion, issue
from privet.app.identity.assertion import GRANT, Proved
from privet.app.identity.cookie import csrf_token
from privet.app.identity.rows import Account, Credential, Grants, acting
from privet.app.identity.trust import Person
from privet.app.services.principals import narrowed
from privet.app.services.standing import enact
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Denied, InvalidInput, NotFound, PrivetError, Unauthenticated
from privet.secret import Secret
from privet.store.port import Clash, Insert, Unit
from privet.vocabulary.access import ACTIONS, Principal, Purpose
from privet.vocabulary.predicate import Compare

TTL_SECONDS = 900
MOST_TTL_SECONDS = 3_600
LEAST_TTL_SECONDS = 30
PATH = "/v1/oauth/token"
MOST_SCOPE = 2_000
_SCOPES = {"role": "roles", "purpose": "purposes", "action": "scopes", "vault": "vaults"}


class ExchangeAsk(Ask, kw_only=True):
    """Exchange an assertion for a bearer token (RFC 7523). `scope`: narrows it, by words `role:NAME`, `purpose:USE`,
    `action:NAME` and `vault:NAME` with spaces between; what no word speaks of stays as the key has it.
    `ttl_seconds`: 30 to 3,600."""

    grant_type: str
    assertion: str
    scope: str = ""
    ttl_seconds: int = TTL_SECONDS


class Token(Answer, kw_only=True):
    """A bearer token, shown this once (RFC 6749, section 5.1). `expires_in`: seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class SessionShown(Answer, kw_only=True):
    """Who the caller is, and what this credential lets through. `csrf`: what a browser sends as `Privet-CSRF` with
    changes, "" for callers without a cookie."""

    id: str
    name: str
    kind: str
    roles: list[str]
    purposes: list[str]
    scopes: list[str]
    vaults: list[str]
    attributes: dict[str, str]
    csrf: str = ""


class Ended(Answer):
    """Whether the credential ended."""

    ended: bool


async def exchange(house: House, who: Caller, ask: ExchangeAsk) -> Token:
    """Exchange an assertion for a bearer token. Raises Unauthenticated, InvalidInput."""
    if ask.grant_type != GRANT:
        raise InvalidInput("expected the grant of JWT bearer assertions", at="grant_type", hint=GRANT)
    if not LEAST_TTL_SECONDS <= ask.ttl_seconds <= MOST_TTL_SECONDS:
        raise InvalidInput(f"expected {LEAST_TTL_SECONDS} to {MOST_TTL_SECONDS}", at="ttl_seconds")
    try:
        return await _exchanged(house, who, ask)
    except Unauthenticated:
        await refused(house, who, _owner(house, ask.assertion))
        raise


async def _exchanged(house: House, who: Caller, ask: ExchangeAsk) -> Token:
    now = house.clock()
    held, proved = _proved(house, ask.assertion, now)
    found = house.callers.account(held.principal)
    principal = acting(found, held)
    if found.revoked_ms is not None or principal is None:
        raise assertion.invalid()
    context = {f"ctx.{name}": value for name, value in proved.context.items()}
    grants = _narrowed(principal, held.grants, _scope(ask.scope), context)
    made = issue.secret(
        house.callers,
        "bearer",
        found.id,
        now_ms=now,
        expires_ms=now + ask.ttl_seconds * 1000,
        parent=held.id,
        grants=grants,
    )
    used = assertion.replay_id(house.callers.key, held.id, proved.token_id)
    once = Insert("assertions", ("id", "expires"), ((used, proved.expires_ms),))
    who.principal = principal
    deed = who.deed("sessions.exchange", house.policy().version, now)
    try:
        await house.control.write(Unit((once, made.step, deed.entry(note=f"key {held.id}"))))
    except Clash:
        raise assertion.invalid("expected an assertion that was not used before") from None
    return Token(
        access_token=made.secret.reveal(), token_type="Bearer", expires_in=ask.ttl_seconds, scope=_said(grants)
    )


def _owner(house: House, text: str) -> str:
    """Return the principal of the key that an assertion names, a revoked one too, "" where there is no such key."""
    with suppress(PrivetError):
        found = house.callers.credentials(Compare("id", "=", assertion.read(text).key_id))
        return found[0].principal if found else ""
    return ""


def _proved(house: House, text: str, now_ms: int) -> tuple[Credential, Proved]:
    """Return the key that signed an assertion, and what it says. Raises Unauthenticated."""
    unproved = assertion.read(text)
    try:
        held = house.callers.chain(unproved.key_id)[0]
    except Unauthenticated:
        raise assertion.invalid() from None
    if held.kind != "private_key" or not issue.stands(held, now_ms):
        raise assertion.invalid()
    proved = assertion.check(assertion.prove(unproved, held.proof), house.audiences, now_ms)
    if proved.issuer != held.principal:
        raise assertion.invalid("expected the claim `iss` to be the principal of the key")
    return held, proved


def _scope(text: str) -> Grants:
    """Return what a scope narrows a token to. Raises InvalidInput, which quotes nothing of it."""
    if len(text) > MOST_SCOPE:
        raise InvalidInput(f"expected at most {MOST_SCOPE:,} characters", at="scope")
    found: dict[str, list[str]] = {name: [] for name in _SCOPES.values()}
    for item in text.split():
        word, _, name = item.partition(":")
        if word not in _SCOPES or not name:
            raise InvalidInput("expected words such as `role:NAME`", at="scope", hint=", ".join(_SCOPES))
        found[_SCOPES[word]].append(name)
    if any(action not in ACTIONS for action in found["scopes"]):
        raise InvalidInput("expected actions that exist", at="scope", hint=", ".join(ACTIONS))
    return Grants(
        roles=tuple(found["roles"]),
        purposes=tuple(Purpose(use) for use in found["purposes"]),
        scopes=tuple(found["scopes"]),
        vaults=tuple(found["vaults"]),
    )


def _narrowed(principal: Principal, key: Grants, wanted: Grants, context: dict[str, str]) -> Grants:
    """Return what a token is narrowed to: what is wanted of what the key lets through, else what the key is kept to."""
    held = Grants(roles=principal.roles, purposes=principal.purposes, scopes=principal.scopes, vaults=principal.vaults)
    try:
        narrowed(held, wanted)
    except InvalidInput as error:
        raise InvalidInput(error.message, at="scope") from None
    return Grants(
        roles=wanted.roles or key.roles,
        purposes=wanted.purposes or key.purposes,
        scopes=wanted.scopes or key.scopes,
        vaults=wanted.vaults or key.vaults,
        attributes=context,
    )


def _said(grants: Grants) -> str:
    return " ".join(f"{word}:{item}" for word, name in _SCOPES.items() for item in getattr(grants, name))


async def sign_in(house: House, person: Person, request: str) -> Secret[str]:
    """Return a new session of a person whom the trusted issuer named. Raises Denied for one who is revoked here."""
    trust = house.settings.oidc
    assert trust is not None  # the route asks the issuer of this very section
    now, callers = house.clock(), house.callers
    grants = Grants(
        roles=person.roles,
        purposes=tuple(Purpose(use) for use in trust.purposes),
        attributes=person.attributes,
    )
    issue.check_grants(grants)
    identity = issue.person_id(trust.issuer, person.subject)
    name = f"{issue.SIGNED_IN}{person.subject}"
    new = Account(id=identity, name=name, kind="person", grants=grants, created_ms=now)
    known = callers.accounts(Compare("id", "=", identity))
    if known and known[0].revoked_ms is not None:
        raise Denied("the principal of this person is revoked")
    step = (
        issue.changed_account(callers, replace(known[0], grants=grants)) if known else issue.new_account(callers, new)
    )
    made = issue.secret(callers, "session", identity, now_ms=now, expires_ms=now + trust.session_seconds * 1000)
    who = Caller(Principal(id=identity, name=name, roles=person.roles), request=request)
    deed = who.deed("sessions.begin", house.policy().version, now)
    await enact(house, (step, made.step, deed.entry(note="signed in")))
    return made.secret


async def show(house: House, who: Caller, ask: NoAsk) -> SessionShown:
    """Show who the caller is."""
    principal = who.principal
    return SessionShown(
        id=principal.id,
        name=principal.name,
        kind=principal.kind,
        roles=list(principal.roles),
        purposes=list(principal.purposes),
        scopes=list(principal.scopes),
        vaults=list(principal.vaults),
        attributes=dict(principal.attributes),
        csrf=csrf_token(who.facts["cookie"]) if "cookie" in who.facts else "",
    )


async def end(house: House, who: Caller, ask: NoAsk) -> Ended:
    """End the caller's own bearer token or session, at once. Raises NotFound for a key."""
    found = house.callers.credentials(Compare("id", "=", who.principal.credential))
    if not found or found[0].kind not in ("bearer", "session"):
        raise NotFound("the caller has no session, but a key", hint="`credentials.revoke` ends keys")
    now = house.clock()
    deed = who.deed("sessions.end", house.policy().version, now)
    steps = issue.ended(house.callers, found[0], now)
    try:
        await enact(house, (*steps, deed.entry(note="signed out")))
    except Clash:
        raise NotFound("the session ended already") from None
    return Ended(ended=True)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="sessions.exchange",
        method="POST",
        path=PATH,
        ask=ExchangeAsk,
        answer=Token,
        run=exchange,
        about="Exchange an assertion that a service signed for a bearer token.",
        open=True,
        form=True,
    ),
    Verb(
        name="sessions.show",
        method="GET",
        path="/v1/session",
        ask=NoAsk,
        answer=SessionShown,
        run=show,
        about="Show who the caller is.",
        own=True,
    ),
    Verb(
        name="sessions.end",
        method="DELETE",
        path="/v1/session",
        ask=NoAsk,
        answer=Ended,
        run=end,
        about="End the caller's own token or session at once.",
        changes=True,
        own=True,
    ),
)
