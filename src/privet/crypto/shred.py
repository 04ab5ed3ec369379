"""Erasure by forgetting: one key for each person, so that losing it loses every copy of what it sealed.

Subject keys are random, wrapped under the key of an epoch, which the root wraps. Each window a new epoch begins, the
surviving subject keys are rewrapped and the old epoch is dropped: backups of subject keys from before then stay shut.
Where the rows lie, how long a window is, and when a person is forgotten, is decided elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from privet import digest
from privet.crypto.keys import KeyStore, check_value
from privet.crypto.seal import CellKey, key_id
from privet.errors import Damaged, Gone, InvalidInput, WrongKey
from privet.secret import Secret

SUBJECT_KEY_BYTES = 32
EPOCH_KEY_BYTES = 64
Ready = tuple["hashlib._Hash", "hashlib._Hash"]
"""A subject's key, taken into the inner and the outer hash of HMAC. Source: RFC 2104, section 4."""

# HMAC (RFC 2104) takes a key shorter than its block of 64 bytes filled up with zeros, under two masks.
_INNER, _OUTER = bytes(b ^ 0x36 for b in range(256)), bytes(b ^ 0x5C for b in range(256))
_FILL = 64 - SUBJECT_KEY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochRow:
    """The key of one window, wrapped by the root. `check`: 16 bytes. `created`: unix seconds; both are bound."""

    epoch: int
    wrapped: bytes
    check: bytes
    created: int

    def bound(self, vault: bytes) -> bytes:
        """Return the associated data of the wrapping."""
        numbers = [n.to_bytes(8, "big") for n in (self.epoch, self.created)]
        return digest.canonical([b"privet epoch row 1", vault, *numbers, self.check])


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """One person's key, wrapped. `subject`: 16-byte opaque id. `generation`: uint32, one more for each new key.

    `wrapped` is bound to the vault, subject and generation. `epoch` is a copy of what `wrapped` says, for queries.
    """

    subject: bytes
    generation: int
    epoch: int
    wrapped: bytes


class EpochRing:
    """The epochs that still open. The caller overwrites its file with `rows()` after each change."""

    def __init__(self, store: KeyStore, vault: bytes, rows: Iterable[EpochRow]) -> None:
        """Take `rows` unproved: use `create` or `load`."""
        self._store = store
        self._vault = vault
        self._context = digest.sha256(digest.canonical([b"privet subject keys 1", vault]))[:16]
        self._rows = {row.epoch: row for row in rows}
        self._opened: dict[int, CellKey] = {}

    @classmethod
    def create(cls, store: KeyStore, vault: bytes, *, now: int) -> EpochRing:
        """Return the ring of a new vault, in epoch 1. `vault`: 16 bytes."""
        ring = cls(store, vault, [])
        ring.advance(now=now)
        return ring

    @classmethod
    def load(cls, store: KeyStore, vault: bytes, rows: Iterable[EpochRow]) -> EpochRing:
        """Return the ring over stored rows, the newest opened. Raises WrongKey if the root is not theirs."""
        ring = cls(store, vault, rows)
        if not ring._rows:
            raise Damaged("expected at least one epoch, found none")
        ring._key(ring.epoch)
        return ring

    @property
    def epoch(self) -> int:
        """Return the newest epoch, under which keys are wrapped."""
        return max(self._rows)

    def rows(self) -> tuple[EpochRow, ...]:
        """Return the row of every epoch that still opens, oldest first."""
        return tuple(self._rows[epoch] for epoch in sorted(self._rows))

    def advance(self, *, now: int) -> EpochRow:
        """Begin a new epoch and return its row. Old rows open until `drop`."""
        key = digest.random_bytes(EPOCH_KEY_BYTES)
        epoch = max(self._rows, default=0) + 1
        row = EpochRow(epoch=epoch, wrapped=b"", check=check_value(key), created=now)
        row = replace(row, wrapped=self._store.wrap(key, row.bound(self._vault)))
        self._rows[epoch] = row
        return row

    def drop(self, epoch: int) -> None:
        """Destroy an old epoch: subject keys that were not rewrapped are lost with it, in every copy."""
        if epoch == self.epoch:
            raise InvalidInput("the newest epoch cannot be dropped", hint="advance first")
        self._rows.pop(epoch, None)
        self._opened.pop(epoch, None)

    def forget(self) -> None:
        """Drop the opened epoch keys from memory; the next use asks the root again."""
        self._opened = {}

    def wrap(self, subjects: Sequence[bytes], generations: Sequence[int], keys: Sequence[bytes]) -> list[SubjectRow]:
        """Return one row for each key, under the newest epoch. All three sequences are of one length."""
        epoch = self.epoch
        texts = [_generation(g) + key for g, key in zip(generations, keys, strict=True)]
        cells = self._key(epoch).seal(self._context, subjects, texts)
        return [
            SubjectRow(subject, generation, epoch, cell)
            for subject, generation, cell in zip(subjects, generations, cells, strict=True)
        ]

    def unwrap(self, rows: Sequence[SubjectRow]) -> list[bytes]:
        """Return the 32-byte key of each row.

        Raises Gone if its epoch was dropped, Damaged if the row was changed or swapped with another.
        """
        keys = [b""] * len(rows)
        for epoch, places in _by_epoch(rows).items():
            group = [rows[at] for at in places]
            texts = self._key(epoch).open(self._context, [r.subject for r in group], [r.wrapped for r in group])
            for at, row, text in zip(places, group, texts, strict=True):
                if text[:4] != _generation(row.generation):
                    raise Damaged("a subject key is of another generation than its row says")
                keys[at] = text[4:]
        return keys

    def rewrap(self, rows: Sequence[SubjectRow]) -> list[SubjectRow]:
        """Return the rows with their keys wrapped under the newest epoch."""
        return self.wrap([r.subject for r in rows], [r.generation for r in rows], self.unwrap(rows))

    def _key(self, epoch: int) -> CellKey:
        held = self._opened.get(epoch)
        if held is not None:
            return held
        row = self._rows.get(epoch)
        if row is None:
            raise Gone(f"subject keys of epoch `{epoch}` are forgotten")
        key = self._store.unwrap(row.wrapped, row.bound(self._vault))
        if not digest.same(check_value(key), row.check):
            raise WrongKey(f"epoch `{epoch}` does not match its check value")
        return self._opened.setdefault(epoch, CellKey(key_id=epoch, suite="siv", key=Secret(key)))


def new_subject_keys(count: int) -> list[bytes]:
    """Return `count` random keys of 32 bytes, drawn in one call."""
    pool = digest.random_bytes(SUBJECT_KEY_BYTES * count)
    return [pool[at : at + SUBJECT_KEY_BYTES] for at in range(0, len(pool), SUBJECT_KEY_BYTES)]


def cell_keys(subject_keys: Sequence[bytes], context: bytes) -> list[bytes]:
    """Return, for each 32-byte subject key, the 32-byte key of her cells in the column of `context` (16 bytes).

    HKDF-Expand of RFC 5869 with SHA-256 and one block of output, `context` as its info. The extract step is left
    out, because subject keys are uniform (section 3.3). Deriving is safe here: the parent is what gets forgotten.
    """
    return ready_cell_keys(make_ready(subject_keys), context)


def make_ready(subject_keys: Sequence[bytes]) -> list[Ready]:
    """Return the subject keys for `ready_cell_keys`: for people with cells in several columns."""
    if set(map(len, subject_keys)) - {SUBJECT_KEY_BYTES}:
        raise InvalidInput(f"expected subject keys of {SUBJECT_KEY_BYTES} bytes")
    sha256, inner, outer = hashlib.sha256, b"\x36" * _FILL, b"\x5c" * _FILL
    return [(sha256(key.translate(_INNER) + inner), sha256(key.translate(_OUTER) + outer)) for key in subject_keys]


def ready_cell_keys(subjects: Iterable[Ready], context: bytes) -> list[bytes]:
    """Return what `cell_keys` does."""
    info, keys = context + b"\x01", []
    # Written out, since a call of hmac.digest costs twice as much.
    for inner, outer in subjects:
        first, second = inner.copy(), outer.copy()
        first.update(info)
        second.update(first.digest())
        keys.append(second.digest())
    return keys


def _generation(number: int) -> bytes:
    return number.to_bytes(4, "big")


def _by_epoch(rows: Sequence[SubjectRow]) -> dict[int, list[int]]:
    # The cell is asked, not the column beside it: only the cell is proved by opening.
    places: dict[int, list[int]] = {}
    for at, row in enumerate(rows):
        places.setdefault(key_id(row.wrapped), []).append(at)
    return places
