"""Credentials: further keys of a principal, narrowed and ending as each needs, and their ends one by one."""

from __future__ import annotations

import msgspec

from privet.app.identity import issue
from privet.app.identity.rows import Account, Grants
from privet.app.services.principals import KeyShown, PrivateKey, ends, narrowed, new_key, shown_secret
from privet.app.services.principals import check_grants as check
from privet.app.services.principals import show_key as show
from privet.app.services.standing import enact
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Conflict, InvalidInput, NotFound
from privet.policy.decide import may
from privet.store.port import Clash, Unit
from privet.vocabulary.access import Purpose


class CreateAsk(Ask, kw_only=True):
    """Give a principal one more key. `kind`: `api_key` or `key` (a key pair, by `algorithm`: ES256, RS256, EdDSA).
    `roles`, `purposes`, `scopes` (actions) and `vaults` narrow what the principal has; empty ones narrow nothing.
    `ttl_seconds`: how long the key lives, 0 for until it is revoked."""

    name: str = ""
    kind: str = "api_key"
    algorithm: str = "ES256"
    roles: list[str] = msgspec.field(default_factory=list)
    purposes: list[str] = msgspec.field(default_factory=list)
    scopes: list[str] = msgspec.field(default_factory=list)
    vaults: list[str] = msgspec.field(default_factory=list)
    ttl_seconds: int = 0


class NameAsk(Ask, kw_only=True):
    """Name a principal."""

    name: str = ""


class KeyAsk(Ask, kw_only=True):
    """Name a key of a principal."""

    name: str = ""
    id: str = ""


class KeyCreated(Answer, omit_defaults=True, kw_only=True):
    """A new key, shown this once: the API key, or the private one."""

    id: str
    key: str = ""
    private_key: PrivateKey | None = None


class Keys(Answer):
    """The keys of a principal, oldest first."""

    keys: list[KeyShown]


async def create(house: House, who: Caller, ask: CreateAsk) -> KeyCreated:
    """Give a principal one more key, shown this once."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    found = issue.named(house.callers, ask.name)
    grants = Grants(
        roles=tuple(ask.roles),
        purposes=tuple(Purpose(use) for use in ask.purposes),
        scopes=tuple(ask.scopes),
        vaults=tuple(ask.vaults),
    )
    check(house, grants)
    narrowed(found.grants, grants)
    now = house.clock()
    issue.check_room(house.callers, found.id, now)
    rest = {"expires_ms": ends(now, ask.ttl_seconds), "grants": grants, "made_by": house.callers.hands(who.principal)}
    made = await new_key(house, found.id, ask.kind, ask.algorithm, **rest)
    if made is None:
        raise InvalidInput("expected `api_key` or `key`", at="kind")
    deed = who.deed("credentials.create", house.policy().version, now)
    note = f"principal {found.id} key {made.credential.id}"
    await house.control.write(Unit((made.step, deed.entry(note=note), *deed.settle(b""))))
    key, private = shown_secret(house, made, ask.algorithm)
    return KeyCreated(id=made.credential.id, key=key, private_key=private)


async def list_(house: House, who: Caller, ask: NameAsk) -> Keys:
    """Show the keys of a principal."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    return _keys(house, issue.named(house.callers, ask.name))


async def revoke(house: House, who: Caller, ask: KeyAsk) -> Keys:
    """End one key of a principal at once, and the tokens that it was exchanged for."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    found = issue.named(house.callers, ask.name)
    held = next((item for item in issue.keys_of(house.callers, found.id) if item.id == ask.id), None)
    if held is None or held.revoked_ms is not None:
        raise NotFound("there is no such key, or it is revoked already")
    now = house.clock()
    deed = who.deed("credentials.revoke", house.policy().version, now)
    note = f"principal {found.id} key {held.id}"
    steps = issue.ended(house.callers, held, now)
    try:
        await enact(house, (*steps, deed.entry(note=note), *deed.settle(b"")))
    except Clash:
        raise Conflict("the key changed meanwhile", hint="look at it and try again") from None
    return _keys(house, found)


def _keys(house: House, found: Account) -> Keys:
    return Keys(keys=[show(house, held) for held in issue.keys_of(house.callers, found.id)])


async def _again(house: House, who: Caller, ask: KeyAsk, ids: bytes) -> Keys:
    return await list_(house, who, NameAsk(name=ask.name))


_PATH = "/v1/principals/{name}/credentials"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="credentials.create",
        method="POST",
        path=_PATH,
        ask=CreateAsk,
        answer=KeyCreated,
        run=create,
        about="Give a principal one more key, shown once.",
        status=201,
        changes=True,
    ),
    Verb(
        name="credentials.list",
        method="GET",
        path=_PATH,
        ask=NameAsk,
        answer=Keys,
        run=list_,
        about="Show the keys of a principal.",
    ),
    Verb(
        name="credentials.revoke",
        method="DELETE",
        path=_PATH + "/{id}",
        ask=KeyAsk,
        answer=Keys,
        run=revoke,
        about="End one key of a principal at once.",
        changes=True,
        again=_again,
    ),
)
