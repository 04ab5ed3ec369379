"""Entries against signed checkpoints: what was changed, cut, moved or put in, without any key of the vault.

Who has a checkpoint and the log's public key can prove the entries of a database copy, or of exported lines. Whether
the records of the vault are what the entries say is the business of `vault.log.verify`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from privet import digest
from privet.crypto import merkle
from privet.crypto.merkle import TILE_HEIGHT, TILE_WIDTH, Checkpoint, Frontier
from privet.errors import Damaged
from privet.vault.log.audit import BODY, EXPIRED, RECORDS, SALT_SIZE, WRITTEN, WRITTEN_SIZE
from privet.vault.log.checkpoint import Tiler
from privet.vault.log.history import Entry, Fault, Faults
from privet.vault.log.runs import Run, extend, outside, unpacked

MOST_MISSING = 100_000  # entries of one gap whose places are kept, so that those behind it still line up
_NOTHING = b"\0"  # stands for an entry that is missing: no leaf is one byte

Grown = Callable[[Sequence[Sequence[bytes]]], None]
"""Told of the nodes that new leaves completed, as `Frontier.append` returns them."""
ReadTile = Callable[[int, int], bytes]
"""(level, place) → the hashes of a stored tile, b"" where there is none."""


@dataclass(slots=True)
class Prover:
    """Takes entries in order and finds where they are not what was proven.

    `newest`: record id → version and head MAC (20 bytes) of its newest written entry, DELETED for a deleted one.
    """

    checkpoints: Sequence[Checkpoint]
    grown: Grown
    faults: Faults = field(default_factory=Faults)
    newest: dict[bytes, bytes] = field(default_factory=dict)
    frontier: Frontier = field(default_factory=Frontier)
    _next: int = 1  # the number of the entry that should come now
    _gone: dict[int, list[Run]] = field(default_factory=lambda: {BODY: [], RECORDS: []})  # what entries lack
    _let_go: dict[int, list[Run]] = field(default_factory=lambda: {BODY: [], RECORDS: []})  # what expired, they say

    @property
    def size(self) -> int:
        """Return the number of the last entry."""
        return self._next - 1

    def take(self, entries: Sequence[Entry]) -> None:
        """Take the entries that follow."""
        leaves: list[bytes] = []
        for found in entries:
            leaves += self._gap(found)
            leaves.append(self._leaf(found))
            self._remember(found)
        self._append(leaves)

    def end(self) -> None:
        """Say what can be said only when every entry was taken."""
        for checkpoint in self.checkpoints:
            if checkpoint.size > self.size:
                self._fault("audit.cut", f"entry {checkpoint.size}", f"the log ends at {self.size:,}, before it")
        for part, name in ((BODY, "body"), (RECORDS, "list of records")):
            for first, last in outside(self._gone[part], self._let_go[part]):
                what = f"from here to entry {last:,} the {name} is gone, and no entry says that it expired"
                self._fault("audit.emptied", f"entry {first}", what)

    def _gap(self, found: Entry) -> list[bytes]:
        missing = found.seq - self._next
        if missing < 0:
            self._fault("audit.order", f"entry {found.seq}", f"expected entry {self._next:,} here")
            return []
        if missing:
            self._fault("audit.missing", f"entry {self._next}", f"{missing:,} entries from here on are missing")
        self._next = found.seq + 1
        return [_NOTHING] * missing if missing <= MOST_MISSING else []

    def _leaf(self, found: Entry) -> bytes:
        for part, name, salt, text, expected in (
            (BODY, "body", found.body_salt, found.body, found.body_hash),
            (RECORDS, "list of records", found.records_salt, found.records, found.records_hash),
        ):
            if text is None and salt is None:
                extend(self._gone[part], found.seq)
            elif text is None or salt is None or len(salt) != SALT_SIZE or digest.sha256(salt + text) != expected:
                self._fault("audit.entry", f"entry {found.seq}", f"its {name} is not what was written")
        try:
            return found.leaf()
        except Damaged:
            self._fault("audit.entry", f"entry {found.seq}", "its time, kind or hashes are not what was written")
            return _NOTHING

    def _remember(self, found: Entry) -> None:
        records = found.records or b""
        if found.kind == WRITTEN:
            for at in range(0, len(records), WRITTEN_SIZE):
                self.newest[records[at : at + 16]] = records[at + 16 : at + WRITTEN_SIZE]
        elif found.kind == EXPIRED:
            for part, run in unpacked(records):
                self._let_go.get(part, []).append(run)

    def _append(self, leaves: Sequence[bytes]) -> None:
        """Append leaves, looking at the root where a checkpoint was signed."""
        start = self.frontier.size
        stops = {c.size for c in self.checkpoints if start < c.size < start + len(leaves)}
        for stop in (*sorted(stops), start + len(leaves)):
            self.grown(self.frontier.append(leaves[self.frontier.size - start : stop - start]))
            for checkpoint in self.checkpoints:
                if checkpoint.size == stop and not digest.same(checkpoint.root, self.frontier.root()):
                    self._fault("audit.root", f"entry {stop}", "the entries up to here are not those that were signed")

    def _fault(self, rule: str, at: str, what: str) -> None:
        self.faults.add(Fault(rule, at, what))


class Tiles:
    """Compares the nodes of entries with the tiles that were stored, as far as a checkpoint proves them."""

    def __init__(self, tile: ReadTile, proven: int, faults: Faults) -> None:
        self._tile = tile
        self._proven = proven
        self._faults = faults
        self._tiler = Tiler()

    def grown(self, fresh: Sequence[Sequence[bytes]]) -> None:
        for level, place, hashes in self._tiler.take(fresh):
            if len(hashes) == 32 * TILE_WIDTH:
                self._compare(level, place, hashes)

    def end(self) -> None:
        """Look at the tiles that are not full, once every entry was taken."""
        for level, place, hashes in self._tiler.edges():
            self._compare(level, place, hashes)

    def _compare(self, level: int, place: int, hashes: bytes) -> None:
        first = place * TILE_WIDTH
        wanted = 32 * max(0, min(len(hashes) // 32, (self._proven >> TILE_HEIGHT * level) - first))
        stored = self._tile(level, place)
        if stored[:wanted] == hashes[:wanted]:
            return
        at = next(at for at in range(0, wanted, 32) if stored[at : at + 32] != hashes[at : at + 32])
        where = f"entry {first + at // 32 + 1}" if level == 0 else f"tile {place} of level {level}"
        self._faults.add(Fault("audit.tile", where, "it is not what was appended to the log"))


@dataclass(frozen=True, slots=True)
class Proven:
    """What entries were found to be. `size`: how many there are; `proven`: up to which the kept checkpoint speaks."""

    size: int
    proven: int
    root: bytes
    faults: tuple[Fault, ...]
    count: int

    @property
    def tail(self) -> Run | None:
        """Return the numbers of the first and last entry that nothing proves, None where all are proven."""
        return (self.proven + 1, self.size) if self.size > self.proven else None


def prove(
    batches: Iterable[Sequence[Entry]], note: str, verifier: str, *, own: str = "", tile: ReadTile | None = None
) -> Proven:
    """Compare entries from the first on with a signed checkpoint, by the log's public key alone.

    `own`: the checkpoint that lay beside a copy, which must be signed, fit the entries, and not be older than the one
    that was kept. `tile`: reads the tiles of a copy. Raises Damaged or WrongKey where the checkpoint itself is not
    proved, InvalidInput for a key of another form.
    """
    checkpoints = [merkle.parse_checkpoint(merkle.open_note(note, verifier))]
    faults = Faults()
    if own:
        checkpoints += _beside(own, verifier, checkpoints[0], faults)
    tiles = None if tile is None else Tiles(tile, max(c.size for c in checkpoints), faults)
    prover = Prover(checkpoints, _unheard if tiles is None else tiles.grown, faults)
    for batch in batches:
        prover.take(batch)
    prover.end()
    if tiles is not None:
        tiles.end()
    return Proven(prover.size, checkpoints[0].size, prover.frontier.root(), tuple(faults.found), faults.count)


def _unheard(fresh: Sequence[Sequence[bytes]]) -> None:
    """Nobody listens: there are no tiles to compare."""


def _beside(own: str, verifier: str, kept: Checkpoint, faults: Faults) -> list[Checkpoint]:
    try:
        found = merkle.parse_checkpoint(merkle.open_note(own, verifier))
    except Damaged as error:
        faults.add(Fault("audit.checkpoint", "checkpoint", error.message))
        return []
    if found.size < kept.size:
        what = f"it proves {found.size:,} entries, and one that was kept proves {kept.size:,}: it is older than it was"
        faults.add(Fault("audit.checkpoint", "checkpoint", what))
    return [found]
