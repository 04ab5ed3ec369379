"""Honey records: invented people whom nobody has a reason to look at. Who is shown one raises an alert.

The marks stand together in one sealed cell, padded, so that who reads the database file sees neither which records
are marked nor, below a thousand, how many; one who can also write it may put an older cell back. No entry of the audit
names a marked record for being one: the alert stands beside the entry of the call, and holds no id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable

from privet import digest
from privet.crypto.keys import KeyRing
from privet.crypto.seal import CellKey
from privet.errors import Damaged, LimitExceeded
from privet.secret import Secret
from privet.store.port import Put, Select, Step, Store
from privet.vocabulary.predicate import Compare

MOST = 10_000
PAD_BYTES = 1 << 16
_NAME = "honey"  # in a vault's `meta`
_MARK_BYTES = 32


class Honey:
    """The marks of one open vault. Read once: one process holds a vault, and what is marked here is known here."""

    def __init__(self, store: Store, ring: KeyRing, vault: bytes) -> None:
        self._store = store
        self._ring = ring
        self._vault = vault
        self.changing = asyncio.Lock()
        self._marks: frozenset[bytes] | None = None  # table id 16, record id 16
        self._records: frozenset[bytes] = frozenset()

    def hits(self, records: Iterable[bytes]) -> bool:
        """Return whether one of these record ids is marked. Raises Damaged."""
        if self._marks is None:
            self.marks()
        return not self._records.isdisjoint(records)

    def marks(self) -> frozenset[bytes]:
        """Return every mark: the table's id and the record's, 16 bytes each. Raises Damaged."""
        if self._marks is None:
            self.take(self._read())
        return self._marks or frozenset()

    def take(self, marks: Collection[bytes]) -> None:
        """Go by these marks from now on: once they are durable."""
        self._marks = frozenset(marks)
        self._records = frozenset(mark[16:] for mark in marks)

    def step(self, marks: Collection[bytes]) -> Step:
        """Return the step that stores marks in place of those that are there. Raises LimitExceeded above MOST."""
        if len(marks) > MOST:
            raise LimitExceeded(f"expected at most {MOST:,} honey records", hint="remove some")
        text = b"".join(sorted(marks))
        cell = self._key().seal(self._vault, [digest.ZERO_ID], [text], PAD_BYTES)[0]
        return Put("meta", ("name", "value"), ((_NAME, cell),))

    def _read(self) -> list[bytes]:
        where = Compare("name", "=", _NAME)
        rows = self._store.select(Select(table="meta", columns=("value",), where=where))
        if not rows:
            return []
        cell = rows[0][0]
        if not isinstance(cell, bytes):
            raise Damaged("the stored marks are not as Privet wrote them", hint="restore a backup of the vault")
        text = self._key().open(self._vault, [digest.ZERO_ID], [cell])[0]
        return [text[at : at + _MARK_BYTES] for at in range(0, len(text), _MARK_BYTES)]

    def _key(self) -> CellKey:
        raw = self._ring.raw("idempotency", self._vault).reveal()
        parts = [digest.mac(raw, b"privet honey records %d" % at) for at in (1, 2)]
        return CellKey(0, "siv", Secret(b"".join(parts)))
