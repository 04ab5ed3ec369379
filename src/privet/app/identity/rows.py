"""Principals and credentials as the control database keeps them.

Each row has a MAC over all that it says, so that who writes the database still makes no principal. A whole old row
that is put back passes. The day of last use is left out of the MAC: it decides nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from privet import codec, digest
from privet.errors import Damaged
from privet.store.port import Cell, Column, Row, Shape
from privet.vocabulary.access import Principal, Purpose

Kind = Literal["api_key", "private_key", "bearer", "session", "claim"]
PREFIXES: dict[str, Kind] = {"pvt": "api_key", "pvb": "bearer", "pvs": "session"}
"""First word of a secret that authenticates → its kind. The others are only ever exchanged for one of these."""

PRINCIPALS = Shape(
    name="principals",
    columns=(
        Column("id", "text", null=False),
        Column("name", "text", null=False),
        Column("kind", "text", null=False),
        Column("grants", "text", null=False),
        Column("created", "int", null=False),
        Column("revoked", "int"),
        Column("made_by", "text"),
        Column("mac", "blob"),
    ),
    key=("id",),
    uniques=(("name",),),
)
CREDENTIALS = Shape(
    name="credentials",
    columns=(
        Column("id", "text", null=False),
        Column("principal", "text", null=False),
        Column("kind", "text", null=False),
        Column("proof", "blob", null=False),
        Column("parent", "text", null=False),
        Column("grants", "text", null=False),
        Column("created", "int", null=False),
        Column("expires", "int"),
        Column("revoked", "int"),
        Column("made_by", "text"),
        Column("mac", "blob"),
        Column("used", "int"),
    ),
    key=("id",),
    indexes=(("principal",),),
)
ASSERTIONS = Shape(
    name="assertions",
    columns=(Column("id", "blob", null=False), Column("expires", "int", null=False)),
    key=("id",),
)
SHAPES = (PRINCIPALS, CREDENTIALS, ASSERTIONS)
PRINCIPAL_COLUMNS = tuple(column.name for column in PRINCIPALS.columns)
CREDENTIAL_COLUMNS = tuple(column.name for column in CREDENTIALS.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What a principal has, or what a credential narrows it to: there, an empty field narrows nothing.

    `scopes`: actions; `vaults`: names; for a principal, too, an empty one of these two means all.
    """

    roles: tuple[str, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    scopes: tuple[str, ...] = ()
    vaults: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)

    def text(self) -> str:
        """Return the stored form: canonical, so that a MAC over it is one over what it says."""
        return codec.encode(
            {
                "roles": self.roles,
                "purposes": self.purposes,
                "scopes": self.scopes,
                "vaults": self.vaults,
                "attributes": dict(sorted(self.attributes.items())),
            }
        ).decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A principal as it is stored. `made_by`: ids of the principal that made it, and of all that had a hand in making
    that one. Times: UTC milliseconds since 1970."""

    id: str
    name: str
    kind: Literal["person", "service"]
    grants: Grants
    created_ms: int
    revoked_ms: int | None = None
    made_by: tuple[str, ...] = ()

    def row(self, key: bytes) -> Row:
        """Return the row. `key`: of the MACs."""
        made_by = " ".join(self.made_by)
        said = (self.id, self.name, self.kind, self.grants.text(), self.created_ms, self.revoked_ms, made_by)
        return (*said, _mac(key, "principals", said))


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a principal proves itself by.

    `proof`: SHA-256 of the secret; of a private key, the public one and its algorithm as JSON. `parent`: the
    credential that it was exchanged for, without which it does not stand, "" for none. `used_day`: days since 1970.
    `made_by`: as an account's.
    """

    id: str
    principal: str
    kind: Kind
    proof: bytes
    parent: str = ""
    grants: Grants = field(default_factory=Grants)
    created_ms: int
    expires_ms: int | None = None
    revoked_ms: int | None = None
    made_by: tuple[str, ...] = ()
    used_day: int | None = None

    def row(self, key: bytes) -> Row:
        """Return the row. `key`: of the MACs."""
        said = (
            self.id,
            self.principal,
            self.kind,
            self.proof,
            self.parent,
            self.grants.text(),
            self.created_ms,
            self.expires_ms,
            self.revoked_ms,
            " ".join(self.made_by),
        )
        return (*said, _mac(key, "credentials", said), self.used_day)


def account(row: Row, key: bytes) -> Account:
    """Return the principal in a row. Raises Damaged for one that Privet did not write so."""
    *said, mac = row
    _prove(key, "principals", tuple(said), mac)
    identity, name, kind, grants, created, revoked, made_by = _as_any(said)
    return Account(
        id=identity,
        name=name,
        kind=kind,
        grants=_grants(grants),
        created_ms=created,
        revoked_ms=revoked,
        made_by=tuple((made_by or "").split()),
    )


def credential(row: Row, key: bytes) -> Credential:
    """Return the credential in a row. Raises Damaged for one that Privet did not write so."""
    *said, mac, used = row
    _prove(key, "credentials", tuple(said), mac)
    identity, principal, kind, proof, parent, grants, created, expires, revoked, made_by = _as_any(said)
    return Credential(
        id=identity,
        principal=principal,
        kind=kind,
        proof=proof,
        parent=parent,
        grants=_grants(grants),
        created_ms=created,
        expires_ms=expires,
        revoked_ms=revoked,
        made_by=tuple((made_by or "").split()),
        used_day=used if isinstance(used, int) else None,
    )


def acting(found: Account, held: Credential) -> Principal | None:
    """Return who acts by a credential: what the principal has now, as far as the credential lets it through.

    None where the two share no action or no vault. Attributes of the principal win over those of the credential.
    """
    scopes = _meet(found.grants.scopes, held.grants.scopes)
    vaults = _meet(found.grants.vaults, held.grants.vaults)
    if scopes is None or vaults is None:
        return None
    roles, purposes = found.grants.roles, found.grants.purposes
    return Principal(
        id=found.id,
        name=found.name,
        kind=found.kind,
        credential=held.id,
        proof=held.kind,
        roles=tuple(r for r in roles if r in held.grants.roles) if held.grants.roles else roles,
        purposes=within(held.grants.purposes, purposes) if held.grants.purposes else purposes,
        scopes=scopes,
        vaults=vaults,
        attributes={**held.grants.attributes, **found.grants.attributes},
    )


def within(wanted: tuple[Purpose, ...], granted: tuple[Purpose, ...]) -> tuple[Purpose, ...]:
    """Return the purposes of `wanted` that stand at or below a granted one.

    >>> within((Purpose("essential.service"), Purpose("essentials")), (Purpose("essential"),))
    ('essential.service',)
    """
    return tuple(use for use in wanted if any(use == root or use.startswith(f"{root}.") for root in granted))


def _meet(left: tuple[str, ...], right: tuple[str, ...]) -> tuple[str, ...] | None:
    if not left or not right:
        return left or right
    return tuple(item for item in left if item in right) or None


def _mac(key: bytes, table: str, said: tuple[Cell, ...]) -> bytes:
    if said[-1] is None:
        said = said[:-1]  # a row from before it was written down who made it
    parts = [b"" if cell is None else b"=" + (cell if isinstance(cell, bytes) else str(cell).encode()) for cell in said]
    return digest.mac(key, digest.canonical([table.encode(), *parts]))


def _prove(key: bytes, table: str, said: tuple[Cell, ...], mac: Cell) -> None:
    if not isinstance(mac, bytes) or not digest.same(mac, _mac(key, table, said)):
        raise Damaged(f"a row of `{table}` is not as Privet wrote it", hint="restore a backup of the home")


def _as_any(said: list[Cell]) -> tuple[Any, ...]:
    # The MAC proves that `row` wrote these cells, so they have the kinds that it gave them.
    return tuple(said)


def _grants(text: str) -> Grants:
    said: Any = codec.read_json(text.encode(), max_keys=10_000)
    return Grants(
        roles=tuple(said["roles"]),
        purposes=tuple(Purpose(use) for use in said["purposes"]),
        scopes=tuple(said["scopes"]),
        vaults=tuple(said["vaults"]),
        attributes=said["attributes"],
    )
