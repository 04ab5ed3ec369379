"""Principals and their API keys: shown once, stored as a hash."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from privet import digest
from privet.errors import Conflict, NotFound, Unauthenticated, UnknownName
from privet.policy.roles import BUILT_IN
from privet.secret import Secret
from privet.store.port import Column, Insert, Select, Shape, Step, Store, Update
from privet.vocabulary.access import Principal
from privet.vocabulary.predicate import Compare

PREFIX = "pvt_"
SHAPE = Shape(
    name="principals",
    columns=(
        Column("id", "text", null=False),
        Column("name", "text", null=False),
        Column("roles", "text", null=False),
        Column("key_hash", "blob", null=False),
        Column("created", "int", null=False),
        Column("expires", "int"),
        Column("revoked", "int"),
    ),
    key=("id",),
    uniques=(("name",),),
)
_COLUMNS = tuple(column.name for column in SHAPE.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A principal as the control database knows it. Times: UTC milliseconds since 1970, None for never."""

    principal: Principal
    key_hash: bytes
    created_ms: int
    expires_ms: int | None
    revoked_ms: int | None


def create(
    store: Store, name: str, roles: tuple[str, ...], *, now_ms: int, ttl_seconds: int = 0
) -> tuple[Principal, Secret[str], Step]:
    """Return a new principal, its API key (shown once) and the step that stores it.

    Raises UnknownName for a role that does not exist, Conflict for a name that is taken.
    """
    for role in roles:
        if BUILT_IN.role(role) is None:
            raise UnknownName("there is no role of that name", hint=", ".join(r.name for r in BUILT_IN.roles))
    if store.select(Select(table="principals", columns=("id",), where=Compare("name", "=", name))):
        raise Conflict("a principal of that name exists already")
    identity = _text(digest.random_bytes(10))
    secret = _text(digest.random_bytes(30))
    expires = now_ms + ttl_seconds * 1000 if ttl_seconds else None
    # The secret has 240 random bits, so a plain hash is enough: there is no dictionary to try.
    row = (identity, name, ",".join(roles), digest.sha256(secret.encode()), now_ms, expires, None)
    key = Secret(f"{PREFIX}{identity}_{secret}")
    return Principal(id=identity, name=name, roles=roles), key, Insert("principals", _COLUMNS, (row,))


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def registered(store: Store) -> list[Registered]:
    """Return every principal, revoked ones too, by name."""
    rows = store.select(Select(table="principals", columns=_COLUMNS, order=(("name", True),)))
    return [_registered(row) for row in rows]


def _registered(row: tuple[object, ...]) -> Registered:
    identity, name, roles, key_hash, created, expires, revoked = row
    principal = Principal(id=str(identity), name=str(name), roles=tuple(str(roles).split(",")))
    return Registered(
        principal=principal,
        key_hash=key_hash if isinstance(key_hash, bytes) else b"",
        created_ms=created if isinstance(created, int) else 0,
        expires_ms=expires if isinstance(expires, int) else None,
        revoked_ms=revoked if isinstance(revoked, int) else None,
    )


def revoke(store: Store, name: str, now_ms: int) -> Step:
    """Return the step that ends a principal. Raises NotFound."""
    for item in registered(store):
        if item.principal.name == name and item.revoked_ms is None:
            return Update("principals", ("revoked",), ("id",), ((now_ms, item.principal.id),))
    raise NotFound("there is no such principal, or it is revoked already")


class Keyring:
    """Answers which principal an API key belongs to. Reads the store each time, so that revocation is at once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def principal(self, key: str, now_ms: int) -> Principal:
        """Return the principal of an API key. Raises Unauthenticated, the same for every cause."""
        identity, _, secret = key.removeprefix(PREFIX).partition("_")
        where = Compare("id", "=", identity)
        rows = self._store.select(Select(table="principals", columns=_COLUMNS, where=where))
        found = _registered(rows[0]) if rows else None
        given = digest.sha256(secret.encode())
        if found is None or not key.startswith(PREFIX) or not digest.same(given, found.key_hash):
            raise Unauthenticated("expected a valid API key")
        if found.revoked_ms is not None or (found.expires_ms is not None and found.expires_ms <= now_ms):
            raise Unauthenticated("expected a valid API key")
        return found.principal
