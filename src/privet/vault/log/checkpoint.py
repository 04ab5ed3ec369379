"""The sequencer of an audit: appends entries to their Merkle log and signs what it appended.

Tiles lie in the database beside the entries, the signed checkpoint in a file outside it. The tiles become durable
first, so the database is never older than the checkpoint unless somebody put an older one back. Every entry up to
the checkpoint's size is proven; the tail after it is not, until the next advance. What the entries say, and whether
they are still what was proven, is the business of `vault.log.history` and `vault.log.verify`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from privet import digest
from privet.crypto import merkle
from privet.crypto.keys import KeyRing
from privet.crypto.merkle import TILE_HEIGHT, TILE_WIDTH, Checkpoint, Frontier
from privet.errors import Conflict, Damaged, InvalidInput, NotFound, Refused, Unavailable
from privet.store.port import Aggregate, Put, Row, Select, Store, Unit
from privet.vault.log.audit import leaf
from privet.vocabulary.predicate import And, Compare

CHUNK = 4096  # entries appended in one unit: 16 tiles, some 128 kB
TILES = ("level", "place", "hashes")
_LEAF_COLUMNS = ("seq", "at", "kind", "body_hash", "records_hash")
_TILE_BYTES = 32 * TILE_WIDTH


@dataclass(frozen=True, slots=True)
class Proof:
    """That entry `seq` stands in the log of `checkpoint`, and that this log only adds to its first `old` entries.

    `note`: the checkpoint, signed. `inclusion`, `consistency`: hashes as RFC 9162 orders them, the second empty where
    `old` is 0 or the whole.
    """

    note: str
    checkpoint: Checkpoint
    leaf_hash: bytes
    inclusion: Sequence[bytes]
    old: int
    consistency: Sequence[bytes]


class Tiler:
    """Cuts the nodes of a growing tree into tiles. Holds the tile at the right edge of each tile level."""

    def __init__(self) -> None:
        self._edges: list[tuple[int, bytes]] = []  # place and hashes of the tile that is not full, by tile level

    def take(self, fresh: Sequence[Sequence[bytes]]) -> list[tuple[int, int, bytes]]:
        """Return (level, place, hashes) of every tile that `fresh`, as `Frontier.append` returns it, changes."""
        changed: list[tuple[int, int, bytes]] = []
        for level, nodes in enumerate(fresh[::TILE_HEIGHT]):
            place, held = self._edges[level] if level < len(self._edges) else (0, b"")
            hashes = held + b"".join(nodes)
            cuts = range(0, len(hashes), _TILE_BYTES)
            changed += [(level, place + i, hashes[at : at + _TILE_BYTES]) for i, at in enumerate(cuts)]
            full = len(hashes) // _TILE_BYTES
            self._edges[level : level + 1] = [(place + full, hashes[full * _TILE_BYTES :])]
        return changed

    def edges(self) -> list[tuple[int, int, bytes]]:
        """Return (level, place, hashes) of the tiles that are begun and not full."""
        return [(level, place, hashes) for level, (place, hashes) in enumerate(self._edges) if hashes]

    def copy(self) -> Tiler:
        """Return a tiler that goes on from here by itself."""
        found = Tiler()
        found._edges = list(self._edges)
        return found

    def restore(self, level: int, place: int, hashes: bytes) -> None:
        """Go on from a tile of the next level, counting from 0, that an earlier tiler began."""
        if level != len(self._edges):
            raise ValueError("expected the tile levels in order, from 0")
        self._edges.append((place, hashes))


class Log:
    """The Merkle log over the `audit` table of one store. One process advances it at a time; any thread may call.

    `owner`: UUID of the vault or house. `path`: the file of the signed checkpoint, outside the store.
    """

    def __init__(self, *, store: Store, ring: KeyRing, owner: bytes, path: str) -> None:
        self.store = store
        self.origin = f"privet/{digest.id_text(owner)}"
        self.path = path
        self._ring = ring
        self._owner = owner
        self._lock = threading.Lock()
        self._frontier = Frontier()
        self._tiler = Tiler()
        self._note = ""
        self._last = Checkpoint(self.origin, 0, merkle.EMPTY_ROOT)

    @property
    def verifier(self) -> str:
        """Return the public key that proves this log's checkpoints, as `name+id+key`."""
        return merkle.verifier_key(self.origin, self._seed())

    def certify(self, text: str) -> str:
        """Return `text` (whole lines) as a note signed by this log's key: for certificates, which begin otherwise than
        checkpoints do."""
        if not text.startswith("privet certificate "):
            raise InvalidInput("expected the text of a certificate")
        return merkle.sign_note(text, self.origin, self._seed())

    @property
    def last(self) -> Checkpoint:
        """Return the last signed checkpoint."""
        return self._last

    @property
    def note(self) -> str:
        """Return the last signed checkpoint as a note. "" before the first."""
        return self._note

    def begin(self) -> Checkpoint:
        """Sign the first checkpoint of a new log. Whatever stands at `path` is written over."""
        with self._lock:
            self._append_all()
            return self._sign()

    def resume(self) -> Checkpoint:
        """Go on from the checkpoint at `path`.

        Raises Refused if the audit holds fewer entries than it proves, Damaged if it is missing, or does not prove
        what the store holds.
        """
        with self._lock:
            note, found = self.read()
            held = self.count()
            if held < found.size:
                raise Refused(
                    f"the audit holds {held:,} entries and its checkpoint proves {found.size:,}: "
                    "the database is older than it was",
                    at=self.path,
                    hint="put the newest database back",
                )
            self._frontier = self._restored(found)
            self._note, self._last = note, found
            return found

    def read(self) -> tuple[str, Checkpoint]:
        """Return the note at `path` and what it says, proved by this log's key. Raises Damaged, WrongKey."""
        try:
            with open(self.path, encoding="utf-8") as file:
                note = file.read()
        except (FileNotFoundError, UnicodeDecodeError):
            raise Damaged(
                "expected the audit's signed checkpoint, found none",
                at=self.path,
                hint="put the file back: without it nobody can tell whether the database is the newest",
            ) from None
        except OSError:
            raise Unavailable("the audit's checkpoint cannot be read", at=self.path) from None
        found = merkle.parse_checkpoint(merkle.open_note(note, self.verifier))
        if found.origin != self.origin:
            raise Damaged(f"expected the checkpoint of `{self.origin}`, found that of another log", at=self.path)
        return note, found

    def count(self) -> int:
        """Return the number of the newest entry."""
        found = self.store.select(Select(table="audit", aggregates=(Aggregate("max", "seq"),)))[0][0]
        return found if isinstance(found, int) else 0

    def advance(self) -> Checkpoint:
        """Append every entry that came since, sign, and return the checkpoint; the last one if nothing came.

        Raises Damaged where an entry is missing, StoreFailed, Unavailable (the file cannot be written).
        """
        with self._lock:
            return self._sign() if self._append_all() or self._last.size < self._frontier.size else self._last

    def prove(self, seq: int, *, old: int = 0) -> Proof:
        """Return the proof of entry `seq` (from 1) in the last checkpoint. `old`: a size that the asker trusts.

        Raises NotFound beyond the checkpoint, Conflict for an `old` beyond it, Damaged if the tiles do not prove it.
        """
        with self._lock:
            note, last = self._note, self._last
        if not 1 <= seq <= last.size:
            raise NotFound(f"the last checkpoint proves entries 1 to {last.size:,}", hint="a newer entry follows soon")
        if not 0 <= old <= last.size:
            raise Conflict(f"expected an older size of at most {last.size:,}")
        source = merkle.tile_source(self.tile)
        found = source(0, seq - 1)
        inclusion = merkle.inclusion(source, seq - 1, last.size)
        consistency = merkle.consistency(source, old, last.size) if 0 < old < last.size else []
        # Tiles that were changed must not leave as a proof.
        merkle.verify_inclusion(found, seq - 1, last.size, inclusion, last.root)
        merkle.verify_consistency(old, merkle.root(source, old), last.size, last.root, consistency)
        return Proof(note, last, found, inclusion, old, consistency)

    def tile(self, level: int, place: int) -> bytes:
        """Return the hashes of a stored tile, b"" where there is none."""
        return tile(self.store, level, place)

    def _seed(self) -> bytes:
        return self._ring.raw("audit", self._owner).reveal()

    def _append_all(self) -> bool:
        grown = False
        while rows := self._fresh():
            self._append(rows)
            grown = True
        return grown

    def _fresh(self) -> list[Row]:
        return self.store.select(
            Select(
                table="audit",
                columns=_LEAF_COLUMNS,
                where=Compare("seq", ">", self._frontier.size),
                order=(("seq", True),),
                limit=CHUNK,
            )
        )

    def _append(self, rows: Sequence[Row]) -> None:
        frontier, tiler = Frontier(self._frontier.size, self._frontier.edge), self._tiler.copy()
        for at, row in enumerate(rows, frontier.size + 1):
            if row[0] != at:
                raise Damaged(f"entry {at:,} of the audit is missing", hint="`verify` says what else is")
        fresh = frontier.append([leaf(*row[1:]) for row in rows])  # type: ignore[arg-type]  # as the shape says
        tiles: list[Row] = list(tiler.take(fresh))
        self.store.write_now(Unit((Put("tiles", TILES, tiles),)))
        # INVARIANT: what may be signed is durable.
        self._frontier, self._tiler = frontier, tiler

    def _restored(self, found: Checkpoint) -> Frontier:
        """Return the right edge of the log at a checkpoint, proved by its root."""
        source = merkle.tile_source(self.tile)
        if not digest.same(merkle.root(source, found.size), found.root):
            raise Damaged("the audit's tiles do not lead to the root of its checkpoint", at=self.path)
        size, tiler = found.size, Tiler()
        # INVARIANT: every hash of a tile at the right edge lies under the root that was just proved.
        for level in range(-(-size.bit_length() // TILE_HEIGHT)):
            place, more = divmod(size >> TILE_HEIGHT * level, TILE_WIDTH)
            tiler.restore(level, place, self.tile(level, place)[: 32 * more])
        self._tiler = tiler
        levels = range(size.bit_length())
        return Frontier(size, [source(at, (size >> at) - 1) if size >> at & 1 else None for at in levels])

    def _sign(self) -> Checkpoint:
        made = Checkpoint(self.origin, self._frontier.size, self._frontier.root())
        note = merkle.sign_note(made.text(), self.origin, self._seed())
        replace_file(self.path, note)
        self._note, self._last = note, made
        return made


def tile(store: Store, level: int, place: int) -> bytes:
    """Return the hashes of a stored tile, b"" where there is none."""
    where = And((Compare("level", "=", level), Compare("place", "=", place)))
    rows = store.select(Select(table="tiles", columns=("hashes",), where=where))
    found = rows[0][0] if rows else b""
    return found if isinstance(found, bytes) else b""


def replace_file(path: str, text: str) -> None:
    """Write a file whole or not at all, mode 0600, durable on return. Raises Unavailable."""
    fresh = f"{path}.new"
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
        folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError:
        raise Unavailable("the audit's checkpoint cannot be written", at=path) from None
