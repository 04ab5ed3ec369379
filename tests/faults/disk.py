"""A disk that remembers what was written and what was synced, and can fail: SQLite VFSes for the fault tests.

The model of power loss: what was synced is there; of what was written since, any subset of 512-byte sectors is.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator

import apsw

SECTOR = 512
Op = tuple[str, str, int, bytes]  # write, truncate, sync, delete or ack; file; place; data
Fault = Callable[[str, str, int], None]  # (write or sync, file, bytes), raises to let it fail


def no_fault(what: str, name: str, size: int) -> None:
    """Let everything through."""


class Disk(apsw.VFS):
    """A VFS over the real one. `ops` lists what happened to the database and its log, in order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.ops: list[Op] = []
        self.fault: Fault = no_fault
        super().__init__(name, "unix")

    def xOpen(self, name: object, flags: list[int]) -> apsw.VFSFile:
        return _File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        self.ops.append(("delete", os.path.basename(filename), 0, b""))
        super().xDelete(filename, syncdir)

    def ack(self) -> None:
        """Note that a caller was told that its write is durable."""
        self.ops.append(("ack", "", 0, b""))

    def crashes(self, count: int, chance: random.Random) -> Iterator[tuple[int, dict[str, bytes]]]:
        """Yield (acknowledged writes, file contents) after a loss of power, at `count` places of the history."""
        first = next(at for at, op in enumerate(self.ops) if op[0] == "ack")
        places = sorted(chance.choices(range(first, len(self.ops) + 1), k=count))
        durable: dict[str, bytearray] = {}
        pending: dict[str, list[Op]] = {}
        acks = done = 0
        for place in places:
            for op in self.ops[done:place]:
                acks += op[0] == "ack"
                _advance(op, durable, pending)
            done = place
            yield (
                acks,
                {name: _survivor(durable.get(name), pending.get(name, []), chance) for name in {*durable, *pending}},
            )


def _advance(op: Op, durable: dict[str, bytearray], pending: dict[str, list[Op]]) -> None:
    what, name = op[:2]
    if what == "sync":
        held = durable.setdefault(name, bytearray())
        for earlier in pending.pop(name, []):
            _apply(earlier, held)
    elif what == "delete":
        durable.pop(name, None)
        pending.pop(name, None)
    elif what != "ack":
        pending.setdefault(name, []).append(op)


def _apply(op: Op, held: bytearray) -> None:
    what, _, place, data = op
    if what == "truncate":
        del held[place:]
        return
    if len(held) < place:
        held.extend(bytes(place - len(held)))
    held[place : place + len(data)] = data


def _survivor(durable: bytearray | None, pending: list[Op], chance: random.Random) -> bytes:
    held = bytearray(durable or b"")
    luck = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
    for what, name, place, data in pending:
        if what == "truncate":
            if chance.random() < luck:
                _apply((what, name, place, data), held)
            continue
        for at in range(0, len(data), SECTOR):
            if chance.random() < luck:
                _apply((what, name, place + at, data[at : at + SECTOR]), held)
    return bytes(held)


class _File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: object, flags: list[int]) -> None:
        self.disk = disk
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.file = os.path.basename(str(path))
        super().__init__("unix", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.disk.fault("write", self.file, len(data))
        self.disk.ops.append(("write", self.file, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:
        self.disk.ops.append(("truncate", self.file, newsize, b""))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:
        self.disk.fault("sync", self.file, 0)
        self.disk.ops.append(("sync", self.file, 0, b""))
        super().xSync(flags)
