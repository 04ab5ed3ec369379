"""The ledger of erasures, outside the database: an append-only file of MACed lines with opaque ids.

A database restored from a backup does not know who was erased since; the ledger does, and `erasure` replays it
before the vault serves. Each line's MAC covers the line before it, so a line that was changed, dropped or moved is
found. Lines cut off the end are not found here: those that the database knows are written again, the rest is the
business of the audit's checkpoints.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from privet import digest
from privet.errors import Damaged, StoreFailed


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure. `intent` and `subject`: 16 bytes each. `at_ms`: UTC milliseconds since 1970."""

    intent: bytes
    subject: bytes
    at_ms: int


class Ledger:
    """An open ledger. Any thread may append."""

    def __init__(self, path: Path, key: bytes, vault: bytes) -> None:
        """Open or make the file at `path`, mode 0600. `key`: of the MACs, 32 bytes. `vault`: its id.

        Raises Damaged where a line fails its check. A last line that was cut short by a crash is dropped: nobody was
        told that it was written.
        """
        self.path = path
        self._key = key
        self._lock = threading.Lock()
        self._failed = False
        self._head = f"privet erasures 1 {digest.id_text(vault)}\n".encode()
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            self._begin()
            self._last = digest.mac(key, self._head)
            for _, mac in self._lines():
                self._last = mac
        except BaseException:
            self.close()
            raise

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first, checked once more. Raises Damaged."""
        with self._lock:
            return [entry for entry, _ in self._lines()]

    def append(self, entry: Entry) -> None:
        """Add an entry, durable on return. Raises StoreFailed; then nothing more is taken."""
        with self._lock:
            if self._failed:
                raise StoreFailed("the erasure ledger could not be written, and takes no more")
            mac = self._mac(self._last, entry)
            fields = (str(entry.at_ms), entry.intent.hex(), entry.subject.hex(), mac.hex())
            try:
                self._write((" ".join(fields) + "\n").encode())
            except OSError:
                self._failed = True
                raise StoreFailed("the erasure ledger could not be written") from None
            self._last = mac

    def close(self) -> None:
        """Let go of the file. Idempotent."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _begin(self) -> None:
        """Write the first line of a new file; cut off a last line that is not whole."""
        with self.path.open("rb") as file:
            whole = sum(len(line) for line in file if line.endswith(b"\n"))
        os.ftruncate(self._handle, whole)
        if not whole:
            self._write(self._head)
            _sync_folder(self.path)

    def _write(self, line: bytes) -> None:
        if os.write(self._handle, line) < len(line):
            raise OSError("the disk is full")
        os.fsync(self._handle)

    def _mac(self, last: bytes, entry: Entry) -> bytes:
        parts = (last, entry.at_ms.to_bytes(8, "big"), entry.intent, entry.subject)
        return digest.mac(self._key, digest.canonical(parts))

    def _lines(self) -> Iterator[tuple[Entry, bytes]]:
        """Yield each entry with its MAC, checked."""
        last = digest.mac(self._key, self._head)
        with self.path.open("rb") as file:
            if file.readline() != self._head:
                raise Damaged("expected the erasure ledger of this vault", at=str(self.path))
            for number, line in enumerate(file, 2):
                entry, found = self._read(line, number)
                last = self._mac(last, entry)
                if not digest.same(found, last):
                    raise Damaged("a line of the erasure ledger fails its check", at=f"{self.path}:{number}")
                yield entry, last

    def _read(self, line: bytes, number: int) -> tuple[Entry, bytes]:
        try:
            at_ms, intent, subject, mac = line.decode("ascii").split()
            entry = Entry(bytes.fromhex(intent), bytes.fromhex(subject), int(at_ms))
            if not 0 <= entry.at_ms < 1 << 63 or len(entry.intent) != 16 or len(entry.subject) != 16:
                raise ValueError("out of range")
            return entry, bytes.fromhex(mac)
        except ValueError:
            raise Damaged("a line of the erasure ledger is malformed", at=f"{self.path}:{number}") from None


def _sync_folder(path: Path) -> None:
    handle = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
