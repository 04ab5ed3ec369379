"""One verb, one row: what a service offers to every door.

A row gives the HTTP route, the OpenAPI operation, the CLI command, the audit event, the scope, the limits and the
words of the reference.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from privet import codec, digest
from privet.app.denials import denied
from privet.app.services.standing import Standing, demand_vault
from privet.errors import Denied, IdempotencyMismatch, InFlight
from privet.store.port import Select, Store
from privet.vault.log.audit import NO_GROUNDS, Deed, Grounds, Retry
from privet.vocabulary.access import Principal, Purpose
from privet.vocabulary.predicate import Compare

if TYPE_CHECKING:
    from privet.app.wiring import House
    from privet.rights.identity.passes import Pass

RETRY_MS = 7 * 86_400_000


class Ask(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What a caller sends. Fields that stand in the route come from there, the rest from the body or the query."""


class Answer(msgspec.Struct, kw_only=True):
    """What a caller gets."""


@dataclass(slots=True)
class Caller:
    """Who calls a verb, through which door, for what. `still` looks the principal up anew, and raises
    Unauthenticated once its credential ended. `person`: whom a verb of the privacy centre is about."""

    principal: Principal
    purpose: Purpose | None = None
    request: str = ""
    retry: Retry | None = None
    facts: dict[str, str] = field(default_factory=dict)
    still: Callable[[], Principal] | None = None
    person: Pass | None = None

    def deed(self, verb: str, policy: str, at_ms: int, grounds: Grounds = NO_GROUNDS) -> Deed:
        """Return what the audit will say of this call. `grounds`: the permits that it rests on."""
        return Deed(
            principal=self.principal.id,
            verb=verb,
            policy=policy,
            at_ms=at_ms,
            purpose=self.purpose or "",
            request=self.request,
            credential=self.principal.proof,
            grounds=grounds,
            retry=self.retry,
        )


Run = Callable[["House", Caller, Any], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """One thing that Privet does.

    `path`: route with `{name}` for fields of `ask`. `batch`: wider limits of body and keys. `changes`: takes an
    idempotency key. `again`: rebuilds the answer of a call that was carried out before, from the ids it settled.
    `open`: needs no credential. `alone`: answers the same without a house, for the command line before `init`.
    `own`: is about nothing but the caller, so a credential that is scoped for a vault may call it. `form`: takes the
    body as a form, too, by a route of its own. `by_query`: takes no body, whatever its method; only for asks that hold
    no value, since queries end up in other people's logs. `door`: whom it is for: `api`, staff and services; `center`,
    people, who reach nothing but the privacy centre.
    """

    name: str
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    ask: type[Ask]
    answer: type
    run: Run
    about: str
    status: int = 200
    batch: bool = False
    changes: bool = False
    again: Callable[[House, Caller, Any, bytes], Awaitable[Any]] | None = None
    open: bool = False
    alone: Callable[[Any], Any] | None = None
    own: bool = False
    form: bool = False
    by_query: bool = False
    door: Literal["api", "center"] = "api"

    @property
    def takes_body(self) -> bool:
        return self.method not in ("GET", "DELETE") and not self.by_query

    @property
    def max_body_bytes(self) -> int:
        return 32 << 20 if self.batch else 1 << 20

    @property
    def max_keys(self) -> int:
        return 1_000_000 if self.batch else 10_000


async def call(house: House, verb: Verb, who: Caller, ask: Ask, *, key: str = "") -> Any:
    """Carry out a verb once, however often it comes with the same idempotency `key`.

    Raises InFlight while the same key is being carried out, IdempotencyMismatch if it came with another body.
    """
    try:
        return await _permitted(house, verb, who, ask, key)
    except Denied:
        await denied(house, who, verb.name, ask)
        raise


async def _permitted(house: House, verb: Verb, who: Caller, ask: Ask, key: str) -> Any:
    if not (verb.own or verb.open or verb.alone):
        demand_vault(who.principal, getattr(ask, "vault", ""))
    if not verb.changes:
        standing = Standing(house, who)
        answer = await verb.run(house, who, ask)
        standing.demand()
        return answer
    if not key:
        return await verb.run(house, who, ask)
    store, secret = house.retries(ask)
    name = digest.mac(secret, digest.canonical((who.principal.id.encode(), verb.name.encode(), key.encode())))
    body_mac = digest.mac(secret, b"body" + codec.encode(ask))
    settled = _settled(store, name, house.clock())
    if settled is not None:
        if not digest.same(settled[0], body_mac):
            raise IdempotencyMismatch("this idempotency key came before with a different body")
        return await _again(house, verb, who, ask, settled[1])
    if name in house.in_flight:
        raise InFlight("a call with this idempotency key is being carried out", hint="ask again in a moment")
    house.in_flight.add(name)
    try:
        who.retry = Retry(name, body_mac, house.clock() + RETRY_MS)
        return await verb.run(house, who, ask)
    finally:
        house.in_flight.discard(name)


async def _again(house: House, verb: Verb, who: Caller, ask: Ask, ids: bytes) -> Any:
    if verb.again is None:
        return AlreadyDone()
    return await verb.again(house, who, ask, ids)


class AlreadyDone(Answer):
    """The call was carried out before, and what it showed is shown once."""

    status: str = "already_done"


def _settled(store: Store, name: bytes, now_ms: int) -> tuple[bytes, bytes] | None:
    question = Select(table="idempotency", columns=("body_mac", "answer", "expires"), where=Compare("key", "=", name))
    for body_mac, ids, expires in store.select(question):
        if isinstance(body_mac, bytes) and isinstance(ids, bytes) and isinstance(expires, int) and expires > now_ms:
            return body_mac, ids
    return None
