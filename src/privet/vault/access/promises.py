"""The promises of the whole organization: texts that never change, each under a number.

The control database keeps them; a vault keeps a copy of those that were put into force there. Both rows have a MAC
under a key of the store that they stand in.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from privet import digest
from privet.crypto.keys import KeyRing
from privet.errors import Damaged, InvalidPolicy
from privet.policy.bind import faults
from privet.policy.parse import parse
from privet.policy.syntax import Policy
from privet.store.port import Insert, Select, Step, Store
from privet.vault.vault import vouch, vouched
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.predicate import ALWAYS, Compare

_COLUMNS = ("version", "created", "body")
_WHAT = "promises"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promises:
    """`version`: from 1. `author`: the id of a principal. `created_ms`: UTC milliseconds since 1970."""

    version: int
    text: str
    author: str
    created_ms: int

    @property
    def hash(self) -> bytes:
        """Return what an activation names them by."""
        return digest.sha256(msgspec.json.encode(self))


@dataclass(frozen=True, slots=True)
class Shelf:
    """Where promises stand: a store, and the ring and id of the house or vault that it belongs to."""

    store: Store
    ring: KeyRing
    owner: bytes

    def newest(self) -> Promises | None:
        """Return the promises of the highest number, None where there are none. Raises Damaged."""
        order = (("version", False),)
        rows = self.store.select(Select(table="promises", columns=_COLUMNS, order=order, limit=1))
        return self._read(rows[0][0], rows[0][2]) if rows else None

    def get(self, version: int) -> Promises | None:
        """Return the promises of a number. Raises Damaged."""
        where = Compare("version", "=", version)
        rows = self.store.select(Select(table="promises", columns=_COLUMNS, where=where))
        return self._read(version, rows[0][2]) if rows else None

    def history(self) -> list[Promises]:
        """Return all of them, oldest first. Raises Damaged."""
        order = (("version", True),)
        rows = self.store.select(Select(table="promises", columns=_COLUMNS, where=ALWAYS, order=order))
        return [self._read(row[0], row[2]) for row in rows]

    def step(self, promises: Promises) -> Step:
        """Return the step that stores promises; it clashes where that number is taken."""
        body = vouch(self.ring, self.owner, _WHAT, msgspec.json.encode(promises))
        return Insert("promises", _COLUMNS, ((promises.version, promises.created_ms, body),))

    def _read(self, version: object, stored: object) -> Promises:
        found = msgspec.json.decode(vouched(self.ring, self.owner, _WHAT, stored), type=Promises)
        if found.version != version:
            raise Damaged("the stored promises stand under another number")
        return found


def read(text: str, file: str) -> Policy:
    """Return the promises that a text says. Raises InvalidPolicy, holding every fault."""
    found = parse(text, file)
    wrong = [
        InvalidPolicy("the organization's promises hold no roles", hint="save rules as the policy of a vault", at=place)
        for place in (f"{file}:{(role.rules[0] if role.rules else role).span.line}:1" for role in found.roles)
    ]
    # Whether a type has the redaction of a `limit` is another answer in each vault; where it has not, less is shown.
    wrong += [
        InvalidPolicy(fault.message, hint=fault.hint, at=f"{file}:{fault.span.line}:{fault.span.column}")
        for fault in faults(Policy("", (), found.promises), Dataset(key="", collections=()))
    ]
    if wrong:
        raise InvalidPolicy(wrong[0].message, hint=wrong[0].hint, at=wrong[0].at, faults=tuple(wrong))
    return found
