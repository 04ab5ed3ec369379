"""Rows beside records as the audit binds them: by an id and twenty bytes of state, as it binds a record.

Without that, whoever writes the database file could put an older row back, whose MAC is good. A binding is two items
of a written entry: one says what the row is now, its twin, whose id has the last bit set, whose row it is.
"""

from __future__ import annotations

from collections.abc import Mapping

from privet import digest

# The first bits of a state's number: above every version of a record, which is what stands there for records.
PLACE, SAID, SPENT = 0b1000 << 28, 0b1100 << 28, 0b1101 << 28
GONE = 0b0010 << 28
MOST = (1 << 28) - 1
DELETED = bytes(20)  # the state of a record that was deleted, and of a row that was let go


def identity(what: str, *parts: bytes) -> bytes:
    """Return the id by which entries name a row: 16 bytes, the last bit clear."""
    found = digest.sha256(digest.canonical((b"privet bound 1", what.encode(), *parts)))
    return found[:15] + bytes([found[15] & 0xFE])


def bind(kind: int, id: bytes, number: int, mac: bytes, owner: bytes) -> bytes:
    """Return the items that say what a row is from now on. `number`: up to MOST. `owner`: 16 bytes, whose it is."""
    return _item(id, kind | number, mac[:16]) + _item(twin(id), kind, owner)


def loosen(kind: int, id: bytes, owner: bytes) -> bytes:
    """Return the items that say that a row is no more."""
    return id + DELETED + _item(twin(id), kind | GONE, owner)


def twin(id: bytes) -> bytes:
    """Return the id beside an id."""
    return id[:15] + bytes([id[15] ^ 1])


def kind_of(state: bytes) -> int:
    """Return the kind of a row, 0 for the state of a record, and for what is no state: entries may have been cut."""
    whole = len(state) == len(DELETED)
    return (state[0] & 0b11010000) << 24 if whole and state[0] & 0b10000000 else 0


def is_gone(state: bytes) -> bool:
    """Return whether a state says that what it is of is no more."""
    return state == DELETED or bool(kind_of(state) and state[0] & 0b00100000)


def living(newest: Mapping[bytes, bytes], kind: int) -> dict[bytes, tuple[int, bytes]]:
    """Return id → number and owner of the rows of a kind that stand by their newest entries."""
    return {
        id: (int.from_bytes(state[:4], "big") & MOST, newest.get(twin(id), DELETED)[4:])
        for id, state in newest.items()
        if kind_of(state) == kind and not id[15] & 1
    }


def owner_of(id: bytes, state: bytes) -> bytes:
    """Return the record that an item of a written entry is about, b"" where it is about none."""
    kind = kind_of(state)
    if not kind:
        return id
    return state[4:] if kind == PLACE and id[15] & 1 else b""


def _item(id: bytes, number: int, rest: bytes) -> bytes:
    return id + number.to_bytes(4, "big") + rest
