"""Principals: the people and services that may call, and what is granted to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Literal

import msgspec

from privet.app.identity import issue
from privet.app.identity.assertion import GRANT
from privet.app.identity.issue import Issued
from privet.app.identity.rows import Account, Credential, Grants, within
from privet.app.services.standing import enact
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House, first_owner
from privet.errors import Conflict, InvalidInput, PrivetError, Unauthenticated, UnknownName
from privet.policy.decide import may
from privet.store.port import Clash, Step, Unit
from privet.vocabulary import taxonomy
from privet.vocabulary.access import Purpose

MOST_ROLES = 100
MOST_TTL_SECONDS = 10 * 366 * 86_400


class CreateAsk(Ask, kw_only=True):
    """Register a caller. `kind`: person or service. `purposes`: the data uses that are granted to it. `scopes`: actions
    and `vaults`: names that it is kept to, all by default. `attributes`: what `caller.NAME` is in conditions.
    `credential`: `api_key`, `key` (a key pair whose private half signs assertions; `algorithm`: ES256, RS256 or EdDSA)
    or `none`. `ttl_seconds`: how long that lives, 0 for until it is revoked."""

    name: str
    roles: list[str]
    kind: str = "service"
    purposes: list[str] = msgspec.field(default_factory=list)
    scopes: list[str] = msgspec.field(default_factory=list)
    vaults: list[str] = msgspec.field(default_factory=list)
    attributes: dict[str, str] = msgspec.field(default_factory=dict)
    credential: str = "api_key"
    algorithm: str = "ES256"
    ttl_seconds: int = 0


class UpdateAsk(Ask, kw_only=True):
    """Change what is granted to a principal, for every credential of it; what is not said stays."""

    name: str = ""
    roles: list[str] | None = None
    purposes: list[str] | None = None
    scopes: list[str] | None = None
    vaults: list[str] | None = None
    attributes: dict[str, str] | None = None


class ClaimAsk(Ask, kw_only=True):
    """Become the first owner of a home. `token`: what `privet init --claim-later` printed; it works once."""

    token: str
    name: str = "owner"


class PrivateKey(Answer):
    """A private key, shown this once, and what an assertion that it signs has to say: `kid` is `key_id` in the header,
    `iss` is `principal`, `aud` is `audience`."""

    private_key: str
    algorithm: str
    key_id: str
    principal: str
    audience: str
    grant_type: str


class Created(Answer, omit_defaults=True, kw_only=True):
    """The new principal. `key`, or `private_key`, is shown this once. `unknown_roles`: those that no policy in force
    has yet; they grant nothing until one has them."""

    id: str
    name: str
    roles: list[str]
    kind: str
    key: str = ""
    credential: str = ""
    private_key: PrivateKey | None = None
    unknown_roles: list[str] = msgspec.field(default_factory=list)


class KeyShown(Answer, omit_defaults=True, kw_only=True):
    """A key. `used_day`: days since 1970 of the last use, counted in UTC. `made_by`: as a principal's. What it is
    narrowed to follows; an empty list narrows nothing. Times: UTC milliseconds since 1970."""

    id: str
    kind: str
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None
    used_day: int | None = None
    made_by: list[str] = msgspec.field(default_factory=list)
    algorithm: str = ""
    roles: list[str] = msgspec.field(default_factory=list)
    purposes: list[str] = msgspec.field(default_factory=list)
    scopes: list[str] = msgspec.field(default_factory=list)
    vaults: list[str] = msgspec.field(default_factory=list)


class PrincipalShown(Answer, kw_only=True):
    """A principal. `expires_ms`: when the last of its keys ends, none for never. `used_day`: days since 1970 of the
    last use of any key, in UTC. `made_by`: ids of who made it, and of who made that one. Times: UTC milliseconds since
    1970."""

    id: str
    name: str
    kind: str
    roles: list[str]
    purposes: list[str]
    scopes: list[str]
    vaults: list[str]
    attributes: dict[str, str]
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None
    used_day: int | None
    made_by: list[str]
    keys: list[KeyShown]


class Principals(Answer):
    """Every principal, by name."""

    principals: list[PrincipalShown]


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class NameAsk(Ask, kw_only=True):
    """Name a principal."""

    name: str = ""


async def create(house: House, who: Caller, ask: CreateAsk) -> Created:
    """Register a caller and return its key, this once."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    issue.check_name(ask.name)
    if ask.kind not in ("person", "service"):
        raise InvalidInput("expected `person` or `service`", at="kind")
    grants = Grants(
        roles=tuple(ask.roles),
        purposes=tuple(Purpose(use) for use in ask.purposes),
        scopes=tuple(ask.scopes),
        vaults=tuple(ask.vaults),
        attributes=ask.attributes,
    )
    check_grants(house, grants)
    now = house.clock()
    kind: Literal["person", "service"] = "person" if ask.kind == "person" else "service"
    makers = house.callers.hands(who.principal)
    found = Account(id=issue.new_id(), name=ask.name, kind=kind, grants=grants, created_ms=now, made_by=makers)
    steps: list[Step] = [issue.new_account(house.callers, found)]
    made = await new_key(
        house, found.id, ask.credential, ask.algorithm, expires_ms=ends(now, ask.ttl_seconds), made_by=makers
    )
    steps += [made.step] if made else []
    deed = who.deed("principals.create", house.policy().version, now)
    await house.control.write(Unit((*steps, deed.entry(note=f"principal {found.id}"), *deed.settle(b""))))
    told = Created(id=found.id, name=found.name, roles=list(grants.roles), kind=found.kind)
    told.unknown_roles = _unknown(house, grants.roles)
    if made is not None:
        told.credential = made.credential.id
        told.key, told.private_key = shown_secret(house, made, ask.algorithm)
    return told


async def update(house: House, who: Caller, ask: UpdateAsk) -> Principals:
    """Change what is granted to a principal."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    found = issue.named(house.callers, ask.name)
    old = found.grants
    grants = Grants(
        roles=old.roles if ask.roles is None else tuple(ask.roles),
        purposes=old.purposes if ask.purposes is None else tuple(Purpose(use) for use in ask.purposes),
        scopes=old.scopes if ask.scopes is None else tuple(ask.scopes),
        vaults=old.vaults if ask.vaults is None else tuple(ask.vaults),
        attributes=old.attributes if ask.attributes is None else ask.attributes,
    )
    check_grants(house, grants)
    await _put(house, who, "principals.update", replace(found, grants=grants), f"principal {found.id}")
    return await list_(house, who, NoAsk())


async def list_(house: House, who: Caller, ask: NoAsk) -> Principals:
    """Show every principal and its keys."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    return Principals(principals=[_shown(house, found) for found in house.callers.accounts()])


async def revoke(house: House, who: Caller, ask: NameAsk) -> Principals:
    """End a principal's access at once, with all its credentials."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    found = issue.named(house.callers, ask.name)
    await _put(house, who, "principals.revoke", replace(found, revoked_ms=house.clock()), f"principal {found.id}")
    return await list_(house, who, NoAsk())


async def claim(house: House, who: Caller, ask: ClaimAsk) -> Created:
    """Become the first owner of a home, and get an API key, this once."""
    issue.check_name(ask.name)
    now = house.clock()
    spent = issue.spend_claim(house.callers, ask.token.strip(), now)
    key, steps = first_owner(house.callers, ask.name, now)
    deed = who.deed("principals.claim", house.policy().version, now)
    try:
        await enact(house, (*spent, *steps, deed.entry(note="owner made"), *deed.settle(b"")))
    except Clash:
        raise Unauthenticated("expected a valid first-admin token") from None  # another claim came first
    found = issue.named(house.callers, ask.name)
    held = issue.keys_of(house.callers, found.id)[0]
    return Created(id=found.id, name=found.name, roles=["owner"], kind=found.kind, key=key.reveal(), credential=held.id)


def check_grants(house: House, grants: Grants) -> None:
    """Raise UnknownName for a purpose or vault that does not exist, InvalidInput for a bad scope, attribute or role.

    Roles are of one vault, and come and go with its policy: whether there is one of that name shows when it is used.
    """
    issue.check_grants(grants)
    names = house.vault_names()
    if any(vault not in names for vault in grants.vaults):
        raise UnknownName("there is no vault of that name", at="vaults")
    for use in grants.purposes:
        if taxonomy.get(use).kind != "use":
            raise UnknownName("expected data uses", at="purposes")
    if len(grants.roles) > MOST_ROLES or not all(role.isprintable() and 0 < len(role) <= 100 for role in grants.roles):
        raise InvalidInput(f"expected at most {MOST_ROLES} names of roles, each of 1 to 100 characters", at="roles")


def _unknown(house: House, roles: Sequence[str]) -> list[str]:
    """Return those of `roles` that no policy in force has."""
    left = [role for role in roles if house.policy().role(role) is None]
    for name in house.vault_names() if left else ():
        with suppress(PrivetError):  # a vault that does not open has no roles to offer
            policy = house.policy(house.vault(name))
            left = [role for role in left if policy.role(role) is None]
    return left


def ends(now_ms: int, ttl_seconds: int) -> int | None:
    """Return when a key ends that is made now. Raises InvalidInput."""
    if not 0 <= ttl_seconds <= MOST_TTL_SECONDS:
        raise InvalidInput("expected 0, or a number of seconds up to ten years", at="ttl_seconds")
    return now_ms + ttl_seconds * 1000 if ttl_seconds else None


async def new_key(house: House, owner: str, kind: str, algorithm: str, **rest: object) -> Issued | None:
    """Return a new key of a principal, not stored yet, or None for the kind `none`. `rest`: more fields of the
    Credential. Raises InvalidInput."""
    now = house.clock()
    if kind == "api_key":
        return issue.secret(house.callers, "api_key", owner, now_ms=now, **rest)
    if kind == "key":
        make = partial(issue.private_key, house.callers, owner, algorithm, now_ms=now, **rest)
        return await asyncio.to_thread(make)  # an RSA key takes a second
    if kind != "none":
        raise InvalidInput("expected `api_key`, `key` or `none`", at="credential")
    return None


def shown_secret(house: House, made: Issued, algorithm: str) -> tuple[str, PrivateKey | None]:
    """Return (API key, private key) of a new credential, as they are shown once; one of them is empty."""
    held = made.credential
    if held.kind == "api_key":
        return made.secret.reveal(), None
    return "", PrivateKey(
        private_key=made.secret.reveal(),
        algorithm=algorithm,
        key_id=held.id,
        principal=held.principal,
        audience=house.audience,
        grant_type=GRANT,
    )


def show_key(house: House, held: Credential) -> KeyShown:
    """Return a key as it is listed."""
    grants = held.grants
    algorithm = ""
    if held.kind == "private_key":
        algorithm = str(msgspec.json.decode(held.proof)["alg"])
    return KeyShown(
        id=held.id,
        kind="key" if held.kind == "private_key" else held.kind,
        created_ms=held.created_ms,
        expires_ms=held.expires_ms,
        revoked_ms=held.revoked_ms,
        used_day=house.callers.used_day(held),
        made_by=list(held.made_by),
        algorithm=algorithm,
        roles=list(grants.roles),
        purposes=list(grants.purposes),
        scopes=list(grants.scopes),
        vaults=list(grants.vaults),
    )


def narrowed(owner: Grants, by: Grants) -> Grants:
    """Return `by`, which narrows what `owner` has. Raises InvalidInput where it would add to it."""
    for name in ("roles", "scopes", "vaults"):
        mine, wanted = getattr(owner, name), getattr(by, name)
        if not set(wanted) <= set(mine) and (mine or name == "roles"):
            raise InvalidInput(f"expected {name} that the principal has", at=name)
    if within(by.purposes, owner.purposes) != by.purposes:
        raise InvalidInput("expected purposes that are granted to the principal", at="purposes")
    return by


def _shown(house: House, found: Account) -> PrincipalShown:
    keys = [show_key(house, held) for held in issue.keys_of(house.callers, found.id)]
    living = [key.expires_ms for key in keys if key.revoked_ms is None]
    days = [key.used_day for key in keys if key.used_day is not None]
    grants = found.grants
    return PrincipalShown(
        id=found.id,
        name=found.name,
        kind=found.kind,
        roles=list(grants.roles),
        purposes=list(grants.purposes),
        scopes=list(grants.scopes),
        vaults=list(grants.vaults),
        attributes=dict(grants.attributes),
        created_ms=found.created_ms,
        expires_ms=None if None in living else max((end for end in living if end is not None), default=None),
        revoked_ms=found.revoked_ms,
        used_day=max(days, default=None),
        made_by=list(found.made_by),
        keys=keys,
    )


async def _put(house: House, who: Caller, verb: str, found: Account, note: str) -> None:
    """Store a principal that changed, and make it count at once."""
    deed = who.deed(verb, house.policy().version, house.clock())
    step = issue.changed_account(house.callers, found)
    try:
        await enact(house, (step, deed.entry(note=note), *deed.settle(b"")))
    except Clash:
        raise Conflict("the principal changed meanwhile", hint="look at it and try again") from None


async def _listed_again(house: House, who: Caller, ask: Ask, ids: bytes) -> Principals:
    return await list_(house, who, NoAsk())


_PATH = "/v1/principals"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="principals.create",
        method="POST",
        path=_PATH,
        ask=CreateAsk,
        answer=Created,
        run=create,
        about="Register a caller and show its key once.",
        status=201,
        changes=True,
    ),
    Verb(
        name="principals.list",
        method="GET",
        path=_PATH,
        ask=NoAsk,
        answer=Principals,
        run=list_,
        about="Show every principal and its keys.",
    ),
    Verb(
        name="principals.update",
        method="PATCH",
        path=_PATH + "/{name}",
        ask=UpdateAsk,
        answer=Principals,
        run=update,
        about="Change what is granted to a principal, at once.",
        changes=True,
        again=_listed_again,
    ),
    Verb(
        name="principals.revoke",
        method="DELETE",
        path=_PATH + "/{name}",
        ask=NameAsk,
        answer=Principals,
        run=revoke,
        about="End a principal's access at once.",
        changes=True,
        again=_listed_again,
    ),
    Verb(
        name="principals.claim",
        method="POST",
        path="/v1/claim",
        ask=ClaimAsk,
        answer=Created,
        run=claim,
        about="Become the first owner of a home by its first-admin token.",
        status=201,
        changes=True,
        open=True,
    ),
)
