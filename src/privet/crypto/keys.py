"""The key hierarchy: root → key-encryption key of a vault → random data keys. Reads nothing: callers keep the rows.

Data keys are drawn at random and wrapped; none is derived from a key that is kept, so destroying a row destroys
the key. A key is wrapped by AES-256-SIV, whose authors made it for this job (RFC 5297, section 1.3.4: deterministic
key wrapping), because AES-KW (RFC 3394) has no place for associated data and so could not bind a key to its row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV

from privet import digest
from privet.crypto.index import Tagger
from privet.crypto.seal import CellKey
from privet.errors import Conflict, Damaged, Gone, InvalidInput, NotFound, Refused, WrongKey
from privet.secret import Secret

Purpose = Literal["kek", "cell", "token", "index", "unique", "record", "audit", "idempotency", "cursor"]
State = Literal["active", "retiring", "destroyed"]

KEY_SIZES: Mapping[Purpose, Mapping[str, int]] = MappingProxyType(
    {
        "kek": {"siv": 64},
        "cell": {"siv": 64, "gcm": 32},
        "token": {"siv": 64, "gcm": 32, "ff1": 32},
        "index": {"cmac": 32},
        "unique": {"cmac": 32},
        "record": {"cmac": 32},
        "audit": {"ed25519": 32},
        "idempotency": {"hmac": 32},
        "cursor": {"siv": 64},
    }
)
"""Purpose → suite → bytes of a key. The first suite of a purpose is its default."""


class KeyStore(Protocol):
    """A root key that never leaves its provider.

    `context` is bound to the blob: `unwrap` with another one fails. `unwrap` raises WrongKey for a blob of another
    root, Damaged for one that was changed, Unavailable where the provider does not answer.
    """

    @property
    def name(self) -> str: ...
    def wrap(self, key: bytes, context: bytes) -> bytes: ...
    def unwrap(self, blob: bytes, context: bytes) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Provider:
    """A kind of root on the shelf. `open`: (address, secret or None) → the store; the address is public."""

    name: str
    about: str
    open: Callable[[str, Secret[str] | None], KeyStore]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One key as it is stored. All fields but `state` and `wrapped` are bound into the wrapping.

    `key_id`: uint32, unique in the vault, never used again. `owner`: 16 bytes, UUID of the column, index or vault.
    `version`: counts from 1 within (purpose, owner). `check`: 16 bytes that recognize the key and tell nothing else.
    `created`: seconds since 1970. `wrapped`: empty once destroyed.
    """

    key_id: int
    purpose: Purpose
    owner: bytes
    version: int
    suite: str
    state: State
    wrapped: bytes
    check: bytes
    created: int

    def bound(self) -> bytes:
        """Return the associated data of the wrapping."""
        numbers = [n.to_bytes(8, "big") for n in (self.key_id, self.version, self.created)]
        words = [self.purpose.encode(), self.suite.encode()]
        return digest.canonical([b"privet key row 1", *numbers, *words, self.owner, self.check])


class KeyRing:
    """The keys of one vault. Opened keys stay in memory until `forget`; changes are returned for the caller to keep.

    Reads may come from many threads; changes from one at a time.
    """

    def __init__(self, store: KeyStore, vault: bytes, rows: Iterable[KeyRow]) -> None:
        """Take `rows` unproved: use `create` or `load`."""
        self._store = store
        self._vault = vault
        self._rows: dict[int, KeyRow] = {}
        self._named: dict[tuple[Purpose, bytes], list[int]] = {}
        self._active: dict[tuple[Purpose, bytes], int] = {}
        for row in rows:
            if row.key_id in self._rows:
                raise Damaged(f"expected one row for key `{row.key_id}`, found two")
            self._place(row)
        self.forget()

    @classmethod
    def create(cls, store: KeyStore, vault: bytes, *, now: int) -> KeyRing:
        """Return the ring of a new vault, with a key-encryption key only. `vault`: 16 bytes. `now`: unix seconds."""
        ring = cls(store, _owner(vault), [])
        row, key = ring._draw("kek", vault, "siv", now)
        ring._place(replace(row, wrapped=store.wrap(key, row.bound())))
        return ring

    @classmethod
    def load(cls, store: KeyStore, vault: bytes, rows: Iterable[KeyRow]) -> KeyRing:
        """Return the ring over stored rows, its key-encryption key opened.

        Raises WrongKey if the root does not belong to the rows, Damaged if rows clash or none holds that key.
        """
        ring = cls(store, _owner(vault), rows)
        if ("kek", vault) not in ring._active:
            raise Damaged("expected an active key-encryption key of the vault, found none")
        ring.raw("kek", vault)
        return ring

    def rows(self) -> tuple[KeyRow, ...]:
        """Return every row, destroyed ones too, by key id."""
        return tuple(self._rows[key_id] for key_id in sorted(self._rows))

    def add(self, purpose: Purpose, owner: bytes, *, suite: str = "", now: int) -> KeyRow:
        """Draw the first key of (purpose, owner) and return its row. An empty suite takes the purpose's default.

        Raises Conflict where an active key exists, InvalidInput for a suite that the purpose does not have.
        """
        if (purpose, _owner(owner)) in self._active:
            raise Conflict(f"expected no active `{purpose}` key of this owner, found one", hint="rotate it")
        row, key = self._draw(purpose, owner, suite, now)
        row = replace(row, wrapped=self._wrap(key, row))
        self._place(row)
        return row

    def cell(self, owner: bytes, purpose: Purpose = "cell") -> CellKey:
        """Return the key that seals new cells of a column (or, by `purpose`, tokens or cursors)."""
        return self._cell(self._current(purpose, owner))

    def cell_by_id(self, key_id: int) -> CellKey:
        """Return the key that a cell names. Raises WrongKey if the vault never had it, Gone if it is destroyed."""
        cell = self._cells.get(key_id)
        return cell if cell is not None else self._cell(self._row(key_id))

    def index(self, owner: bytes, purpose: Purpose = "index") -> Tagger:
        """Return the tagger under the newest key of an index."""
        return self._tagger(self._current(purpose, owner))

    def indexes(self, owner: bytes, purpose: Purpose = "index") -> tuple[Tagger, ...]:
        """Return every living tagger of an index, newest first: two during a rebuild, else one."""
        living = [r for r in self._of(purpose, owner) if r.state != "destroyed"]
        return tuple(self._tagger(row) for row in sorted(living, key=lambda r: -r.version))

    def raw(self, purpose: Purpose, owner: bytes) -> Secret[bytes]:
        """Return the newest key itself, for machines that are not cells or tags."""
        return self._open(self._current(purpose, owner))

    def rotate(self, purpose: Purpose, owner: bytes, *, now: int) -> tuple[KeyRow, KeyRow]:
        """Draw a new key for writes and return (new row, old row, now retiring). Old cells stay readable."""
        if purpose == "kek":
            raise InvalidInput("a key-encryption key is changed by `rewrap`")
        old = self._current(purpose, owner)
        row, key = self._draw(purpose, owner, old.suite, now)
        row, old = replace(row, wrapped=self._wrap(key, row)), replace(old, state="retiring")
        self._place(old)
        self._place(row)
        return row, old

    def destroy(self, key_id: int) -> KeyRow:
        """Forget a data key for good and return its row without the key: what it sealed never opens again."""
        row = self._row(key_id)
        if row.purpose == "kek":
            raise InvalidInput("a key-encryption key is destroyed by `rewrap`")
        row = replace(row, state="destroyed", wrapped=b"")
        self._place(row)
        self._drop(key_id)
        return row

    def rewrap(self, *, now: int) -> tuple[KeyRow, ...]:
        """Draw a new key-encryption key, wrap every data key under it, and return the changed rows.

        The old key-encryption key comes back destroyed: keep all the rows in one transaction, or none.
        """
        old = self._current("kek", self._vault)
        kek, secret = self._draw("kek", self._vault, old.suite, now)
        kek = replace(kek, wrapped=self._store.wrap(secret, kek.bound()))
        living = [r for r in self._rows.values() if r.purpose != "kek" and r.state != "destroyed"]
        moved = [replace(r, wrapped=_wrap(secret, kek.key_id, self._open(r).reveal(), r)) for r in living]
        changed = (replace(old, state="destroyed", wrapped=b""), kek, *moved)
        for row in changed:
            self._place(row)
        self._drop(old.key_id)
        return changed

    def forget(self) -> None:
        """Drop every opened key from memory; the next use asks the root again. Callers decide how often."""
        self._opened: dict[int, Secret[bytes]] = {}
        self._cells: dict[int, CellKey] = {}
        self._taggers: dict[int, Tagger] = {}

    def _draw(self, purpose: Purpose, owner: bytes, suite: str, now: int) -> tuple[KeyRow, bytes]:
        suites = KEY_SIZES[purpose]
        suite = suite or next(iter(suites))
        if suite not in suites:
            raise InvalidInput(f"expected a suite of `{purpose}` keys, found `{suite}`", hint=", ".join(suites))
        key_id = max(self._rows, default=0) + 1
        if key_id > 0xFFFFFFFF:
            raise Refused("the vault has used up its key ids")
        key = digest.random_bytes(suites[suite])
        version = max((r.version for r in self._of(purpose, owner)), default=0) + 1
        row = KeyRow(
            key_id=key_id,
            purpose=purpose,
            owner=owner,
            version=version,
            suite=suite,
            state="active",
            wrapped=b"",
            check=check_value(key),
            created=now,
        )
        return row, key

    def _place(self, row: KeyRow) -> None:
        # INVARIANT: at most one active row for each (purpose, owner).
        name = (row.purpose, row.owner)
        if row.key_id not in self._rows:
            self._named.setdefault(name, []).append(row.key_id)
        self._rows[row.key_id] = row
        if row.state == "active":
            if self._active.setdefault(name, row.key_id) != row.key_id:
                raise Damaged(f"expected one active `{row.purpose}` key of an owner, found two")
        elif self._active.get(name) == row.key_id:
            del self._active[name]

    def _of(self, purpose: Purpose, owner: bytes) -> list[KeyRow]:
        return [self._rows[key_id] for key_id in self._named.get((purpose, owner), ())]

    def _row(self, key_id: int) -> KeyRow:
        row = self._rows.get(key_id)
        if row is None:
            raise WrongKey(f"expected a key of this vault, found the unknown key id `{key_id}`")
        return row

    def _current(self, purpose: Purpose, owner: bytes) -> KeyRow:
        key_id = self._active.get((purpose, owner))
        if key_id is None:
            raise NotFound(f"expected an active `{purpose}` key of this owner, found none")
        return self._rows[key_id]

    def _wrap(self, key: bytes, row: KeyRow) -> bytes:
        kek = self._current("kek", self._vault)
        return _wrap(self._open(kek).reveal(), kek.key_id, key, row)

    def _open(self, row: KeyRow) -> Secret[bytes]:
        held = self._opened.get(row.key_id)
        if held is not None:
            return held
        if row.state == "destroyed":
            raise Gone(f"key `{row.key_id}` is destroyed")
        key = self._store.unwrap(row.wrapped, row.bound()) if row.purpose == "kek" else self._unwrap(row)
        if not digest.same(check_value(key), row.check):
            raise WrongKey(f"key `{row.key_id}` does not match its check value")
        return self._opened.setdefault(row.key_id, Secret(key))

    def _unwrap(self, row: KeyRow) -> bytes:
        kek = self._row(int.from_bytes(row.wrapped[:4], "big"))
        if kek.purpose != "kek":
            raise Damaged(f"key row `{row.key_id}` is changed: the key that it names cannot wrap keys")
        try:
            return AESSIV(self._open(kek).reveal()).decrypt(row.wrapped[4:], [row.bound()])
        except (InvalidTag, ValueError):
            raise Damaged(f"key row `{row.key_id}` fails its check: changed, or swapped with another") from None

    def _cell(self, row: KeyRow) -> CellKey:
        held = self._cells.get(row.key_id)
        if held is not None:
            return held
        key = self._open(row)
        if row.suite == "siv":
            return self._cells.setdefault(row.key_id, CellKey(key_id=row.key_id, suite="siv", key=key))
        if row.suite == "gcm":
            return self._cells.setdefault(row.key_id, CellKey(key_id=row.key_id, suite="gcm", key=key))
        raise WrongKey(f"expected a key that seals cells, found one of suite `{row.suite}`")

    def _tagger(self, row: KeyRow) -> Tagger:
        held = self._taggers.get(row.key_id)
        if held is not None:
            return held
        if row.suite != "cmac":
            raise WrongKey(f"expected a key that makes tags, found one of suite `{row.suite}`")
        return self._taggers.setdefault(row.key_id, Tagger(self._open(row).reveal()))

    def _drop(self, key_id: int) -> None:
        for cache in (self._opened, self._cells, self._taggers):
            cache.pop(key_id, None)


def check_value(key: bytes) -> bytes:
    """Return 16 bytes by which a key is recognized: HMAC-SHA-256 of a fixed text, which tells nothing of the key."""
    return digest.mac(key, b"privet key check 1")[:16]


def _wrap(kek: bytes, kek_id: int, key: bytes, row: KeyRow) -> bytes:
    return kek_id.to_bytes(4, "big") + AESSIV(kek).encrypt(key, [row.bound()])


def _owner(owner: bytes) -> bytes:
    if len(owner) != 16:
        raise InvalidInput(f"expected the 16 bytes of a UUID, found {len(owner)}")
    return owner
