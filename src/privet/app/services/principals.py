"""Principals: who may call, and their API keys."""

from __future__ import annotations

from privet.app import principals
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import InvalidInput
from privet.policy.decide import may
from privet.store.port import Unit


class CreateAsk(Ask, kw_only=True):
    """Register a caller. `ttl_seconds`: how long its key lives, 0 for until it is revoked."""

    name: str
    roles: list[str]
    ttl_seconds: int = 0


class Created(Answer):
    """The new principal. `key` is shown this once."""

    id: str
    name: str
    roles: list[str]
    key: str


class PrincipalShown(Answer):
    """A principal. Times: UTC milliseconds since 1970."""

    id: str
    name: str
    roles: list[str]
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None


class Principals(Answer):
    """Every principal, by name."""

    principals: list[PrincipalShown]


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class NameAsk(Ask, kw_only=True):
    """Name a principal."""

    name: str = ""


async def create(house: House, who: Caller, ask: CreateAsk) -> Created:
    """Register a caller and return its API key, this once."""
    may(house.policy(), who.principal, "manage", who.purpose)
    if not ask.name or len(ask.name) > 100 or not ask.name.isprintable():
        raise InvalidInput("expected a name of 1 to 100 printable characters", at="name")
    now = house.clock()
    principal, key, step = principals.create(
        house.callers, ask.name, tuple(ask.roles), now_ms=now, ttl_seconds=ask.ttl_seconds
    )
    deed = who.deed("principals.create", house.policy().version, now)
    await house.control.write(Unit((step, deed.entry(note=f"principal {principal.id}"), *deed.settle(b""))))
    return Created(id=principal.id, name=principal.name, roles=list(principal.roles), key=key.reveal())


async def list_(house: House, who: Caller, ask: NoAsk) -> Principals:
    """Show every principal."""
    may(house.policy(), who.principal, "manage", who.purpose)
    return Principals(
        principals=[
            PrincipalShown(
                id=item.principal.id,
                name=item.principal.name,
                roles=list(item.principal.roles),
                created_ms=item.created_ms,
                expires_ms=item.expires_ms,
                revoked_ms=item.revoked_ms,
            )
            for item in principals.registered(house.callers)
        ]
    )


async def revoke(house: House, who: Caller, ask: NameAsk) -> Principals:
    """End a principal's access at once."""
    may(house.policy(), who.principal, "manage", who.purpose)
    now = house.clock()
    deed = who.deed("principals.revoke", house.policy().version, now)
    step = principals.revoke(house.callers, ask.name, now)
    await house.control.write(Unit((step, deed.entry(note="revoked"), *deed.settle(b""))))
    return await list_(house, who, NoAsk())


async def _listed_again(house: House, who: Caller, ask: NameAsk, ids: bytes) -> Principals:
    return await list_(house, who, NoAsk())


VERBS: tuple[Verb, ...] = (
    Verb(
        name="principals.create",
        method="POST",
        path="/v1/principals",
        ask=CreateAsk,
        answer=Created,
        run=create,
        about="Register a caller and show its API key once.",
        status=201,
        changes=True,
    ),
    Verb(
        name="principals.list",
        method="GET",
        path="/v1/principals",
        ask=NoAsk,
        answer=Principals,
        run=list_,
        about="Show every principal.",
    ),
    Verb(
        name="principals.revoke",
        method="DELETE",
        path="/v1/principals/{name}",
        ask=NameAsk,
        answer=Principals,
        run=revoke,
        about="End a principal's access at once.",
        changes=True,
        again=_listed_again,
    ),
)
