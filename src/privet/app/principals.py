"""Principals and their API keys: shown once, stored as a hash.

Each row has a MAC over all its cells, so that who writes the database still makes no principal.
A whole old row that is put back passes.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace

from privet import digest
from privet.crypto.keys import KeyRing
from privet.errors import Conflict, Damaged, NotFound, Unauthenticated, UnknownName
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
        Column("mac", "blob"),
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

    def said(self) -> bytes:
        """Return all that the row says, unambiguous: what its MAC is over."""
        times = (self.created_ms, self.expires_ms, self.revoked_ms)
        who = self.principal
        parts = [who.id.encode(), who.name.encode(), ",".join(who.roles).encode(), self.key_hash]
        return digest.canonical([*parts, *(b"" if time is None else str(time).encode() for time in times)])


class Keyring:
    """The principals of a house. Reads the store each time, so that revocation is at once."""

    def __init__(self, store: Store, ring: KeyRing, house: bytes) -> None:
        """Answer from `store`. `ring`, `house`: the keys and the id of the house, under which rows are MACed."""
        self.store = store
        self._key = digest.mac(ring.raw("idempotency", house).reveal(), b"privet principals 1")

    def mac(self, item: Registered) -> bytes:
        """Return the MAC that the row of a principal has."""
        return digest.mac(self._key, item.said())

    def principal(self, key: str, now_ms: int) -> Principal:
        """Return the principal of an API key. Raises Unauthenticated, the same for every cause."""
        identity, _, secret = key.removeprefix(PREFIX).partition("_")
        where = Compare("id", "=", identity)
        rows = self.store.select(Select(table="principals", columns=_COLUMNS, where=where))
        found, mac = _registered(rows[0]) if rows else (None, b"")
        given = digest.sha256(secret.encode())
        if found is None or not key.startswith(PREFIX) or not digest.same(given, found.key_hash):
            raise Unauthenticated("expected a valid API key")
        if not digest.same(mac, self.mac(found)):
            raise Unauthenticated("expected a valid API key")
        if found.revoked_ms is not None or (found.expires_ms is not None and found.expires_ms <= now_ms):
            raise Unauthenticated("expected a valid API key")
        return found.principal


def create(
    callers: Keyring, name: str, roles: tuple[str, ...], *, now_ms: int, ttl_seconds: int = 0
) -> tuple[Principal, Secret[str], Step]:
    """Return a new principal, its API key (shown once) and the step that stores it.

    Raises UnknownName for a role that does not exist, Conflict for a name that is taken.
    """
    for role in roles:
        if BUILT_IN.role(role) is None:
            raise UnknownName("there is no role of that name", hint=", ".join(r.name for r in BUILT_IN.roles))
    if callers.store.select(Select(table="principals", columns=("id",), where=Compare("name", "=", name))):
        raise Conflict("a principal of that name exists already")
    identity = _text(digest.random_bytes(10))
    secret = _text(digest.random_bytes(30))
    expires = now_ms + ttl_seconds * 1000 if ttl_seconds else None
    # The secret has 240 random bits, so a plain hash is enough: there is no dictionary to try.
    principal, key_hash = Principal(id=identity, name=name, roles=roles), digest.sha256(secret.encode())
    made = Registered(principal=principal, key_hash=key_hash, created_ms=now_ms, expires_ms=expires, revoked_ms=None)
    row = (identity, name, ",".join(roles), key_hash, now_ms, expires, None, callers.mac(made))
    return principal, Secret(f"{PREFIX}{identity}_{secret}"), Insert("principals", _COLUMNS, (row,))


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode().rstrip("=").lower()


def registered(callers: Keyring) -> list[Registered]:
    """Return every principal, revoked ones too, by name. Raises Damaged for a row that fails its MAC."""
    rows = callers.store.select(Select(table="principals", columns=_COLUMNS, order=(("name", True),)))
    found = [_registered(row) for row in rows]
    if not all(digest.same(mac, callers.mac(item)) for item, mac in found):
        raise Damaged("a row of `principals` is not as Privet wrote it", hint="restore a backup of the home")
    return [item for item, _ in found]


def _registered(row: tuple[object, ...]) -> tuple[Registered, bytes]:
    """Return what a row says, and its MAC, not yet checked."""
    identity, name, roles, key_hash, created, expires, revoked, mac = row
    principal = Principal(id=str(identity), name=str(name), roles=tuple(filter(None, str(roles).split(","))))
    item = Registered(
        principal=principal,
        key_hash=key_hash if isinstance(key_hash, bytes) else b"",
        created_ms=created if isinstance(created, int) else 0,
        expires_ms=expires if isinstance(expires, int) else None,
        revoked_ms=revoked if isinstance(revoked, int) else None,
    )
    return item, mac if isinstance(mac, bytes) else b""


def revoke(callers: Keyring, name: str, now_ms: int) -> Step:
    """Return the step that ends a principal. Raises NotFound, Damaged."""
    for item in registered(callers):
        if item.principal.name == name and item.revoked_ms is None:
            mac = callers.mac(replace(item, revoked_ms=now_ms))
            return Update("principals", ("revoked", "mac"), ("id",), ((now_ms, mac, item.principal.id),))
    raise NotFound("there is no such principal, or it is revoked already")
