"""Passes: what a person shows after she proved who she is. A row holds a hash and what is sealed, nothing more."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import msgspec

from privet import digest
from privet.crypto.keys import KeyRing
from privet.errors import Damaged, Unauthenticated
from privet.rights.identity.codes import PAD_BYTES, Claimed
from privet.rights.identity.person import handle
from privet.secret import Secret
from privet.store.port import Column, Delete, Insert, Select, Shape, Step, Store
from privet.vocabulary.predicate import Compare

PASS_MS = 30 * 60_000
PREFIX = "pvp_"
PASSES = Shape(
    name="center_passes",
    columns=(
        Column("proof", "blob", null=False),
        Column("sealed", "blob", null=False),
        Column("expires", "int", null=False),
    ),
    key=("proof",),
    indexes=(("expires",),),
)
_CONTEXT = digest.sha256(b"privet center pass 1")[:16]


class _Body(msgspec.Struct, frozen=True):
    claimed: Claimed
    id: str
    how: str
    created: int
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """A verified identity, and nothing beside it. `how`: it was proved. `handle`: what rows know her by."""

    id: str
    handle: bytes
    kind: str
    value: Secret[str]
    how: str
    language: str
    created_ms: int
    expires_ms: int
    proof: bytes

    @property
    def who(self) -> str:
        """Return what the audit calls her."""
        return f"person:{self.handle.hex()[:32]}"

    @property
    def identities(self) -> dict[str, str]:
        """Return kind → value of what she proved. Every call site is a place to review."""
        return {self.kind: self.value.reveal()}


class Passes:
    """The passes of one house. Any thread may call."""

    def __init__(self, store: Store, ring: KeyRing, house: bytes, key: Secret[bytes]) -> None:
        """Take a store in which PASSES is defined. `key`: of handles."""
        self.store = store
        self._cell = ring.cell(house)
        self._house = house
        self._key = key

    def new(self, claimed: Claimed, now_ms: int, *, how: str) -> tuple[Secret[str], Pass, Step]:
        """Return a pass for what was proved just now, its secret, and the step that stores it."""
        text = PREFIX + base64.urlsafe_b64encode(digest.random_bytes(32)).rstrip(b"=").decode()
        proof = _proof(text)
        body = _Body(claimed, digest.random_bytes(8).hex(), how, now_ms, now_ms + PASS_MS)
        sealed = self._cell.seal_one(_CONTEXT, self._place(proof), msgspec.json.encode(body), PAD_BYTES)
        step = Insert("center_passes", ("proof", "sealed", "expires"), ((proof, sealed, body.expires),))
        return Secret(text), self._pass(body, proof), step

    def read(self, text: str, now_ms: int) -> Pass:
        """Return whose a pass is. Raises Unauthenticated for one that is unknown, over or revoked."""
        proof = _proof(text)
        where = Compare("proof", "=", proof)
        rows = self.store.select(Select(table="center_passes", columns=("sealed",), where=where))
        if not rows or not isinstance(rows[0][0], bytes):
            raise nobody()
        try:
            opened = self._cell.open(_CONTEXT, [self._place(proof)], [rows[0][0]])[0]
        except Damaged:
            raise nobody() from None
        body = msgspec.json.decode(opened, type=_Body)
        if not body.created <= now_ms < body.expires:
            raise nobody()
        return self._pass(body, proof)

    def demand_kept(self, held: Pass) -> None:
        """Raise Unauthenticated for a pass that was revoked or removed. One that merely ran out is kept a while."""
        where = Compare("proof", "=", held.proof)
        if not self.store.select(Select(table="center_passes", columns=("proof",), where=where)):
            raise nobody()

    def ended(self, held: Pass) -> Step:
        """Return the step that revokes a pass."""
        return Delete("center_passes", ("proof",), ((held.proof,),))

    def swept(self, now_ms: int) -> tuple[Step, ...]:
        """Return the steps that remove passes that are over."""
        where = Compare("expires", "<=", now_ms)
        rows = self.store.select(Select(table="center_passes", columns=("proof",), where=where))
        return (Delete("center_passes", ("proof",), tuple(rows)),) if rows else ()

    def _pass(self, body: _Body, proof: bytes) -> Pass:
        claimed = body.claimed
        return Pass(
            id=body.id,
            handle=handle(self._key, claimed.kind, claimed.value),
            kind=claimed.kind,
            value=Secret(claimed.value),
            how=body.how,
            language=claimed.language,
            created_ms=body.created,
            expires_ms=body.expires,
            proof=proof,
        )

    def _place(self, proof: bytes) -> bytes:
        return digest.sha256(digest.canonical((self._house, proof)))[:16]


def nobody() -> Unauthenticated:
    """Return the error for a pass that is unknown, over or revoked."""
    return Unauthenticated("expected a valid pass", hint="ask for a code, and open a pass by it")


def _proof(text: str) -> bytes:
    # The secret has 256 random bits, so a plain hash is enough: there is no dictionary to try.
    return digest.sha256(text.encode())
