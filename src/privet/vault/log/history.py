"""The entries of an audit read back: as lines for others, against checkpoints, and out of their time.

Needs no key: who has a signed checkpoint and the log's public key can prove the entries of a database copy, or of
exported lines. Whether the records of the vault are what the entries say is the business of `vault.log.verify`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import msgspec

from privet import digest
from privet.crypto import merkle
from privet.crypto.merkle import Checkpoint, Frontier
from privet.errors import Damaged, InvalidInput, MalformedBody
from privet.store.port import Select, Step, Store, Update
from privet.vault.log.audit import (
    BODY,
    EXPIRED,
    READ,
    READ_SIZE,
    RECORDS,
    RUN_SIZE,
    SALT_SIZE,
    WRITTEN,
    WRITTEN_SIZE,
    Deed,
    leaf,
)
from privet.vault.vault import Vault
from privet.vocabulary.predicate import Compare

COLUMNS = ("seq", "at", "kind", "body_salt", "body", "body_hash", "records_salt", "records", "records_hash")
CHUNK = 1000
EXPIRE_MS = 365 * 86_400_000
MOST_FAULTS = 1_000
MOST_MISSING = 100_000  # entries of one gap whose places are kept, so that those behind it still line up
DELETED = bytes(20)
_PARTS = {BODY: ("body_salt", "body"), RECORDS: ("records_salt", "records")}
_SIZES = {READ: READ_SIZE, WRITTEN: WRITTEN_SIZE}
_NOTHING = b"\0"  # stands for an entry that is missing: no leaf is one byte


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was proven. `rule`: stable, for programs. `at`: which entry, record or token."""

    rule: str
    at: str
    what: str


class Faults:
    """The first MOST_FAULTS faults, and how many there are."""

    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.count = 0

    def add(self, fault: Fault) -> None:
        self.count += 1
        if len(self.found) < MOST_FAULTS:
            self.found.append(fault)


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the audit. Body, records and their salts are None once they have expired."""

    seq: int
    at_ms: int
    kind: int
    body_salt: bytes | None
    body: bytes | None
    body_hash: bytes
    records_salt: bytes | None
    records: bytes | None
    records_hash: bytes

    def leaf(self) -> bytes:
        """Return the entry's leaf data. Raises Damaged."""
        return leaf(self.at_ms, self.kind, self.body_hash, self.records_hash)


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An entry as it is exported: all that its leaf commits to. Bytes are base 64; `body` is the exact text."""

    seq: int
    at_ms: int
    kind: int
    body_salt: bytes | None
    body: str | None
    body_hash: bytes
    records_salt: bytes | None
    records: bytes | None
    records_hash: bytes


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Entries of one answer, in order. `next`: the number of the last, to go on after."""

    entries: list[Line]
    next: int


def read(store: Store, *, after: int = 0, limit: int = 0) -> Iterator[list[Entry]]:
    """Yield the entries with numbers above `after`, in order, CHUNK at a time, from one snapshot."""
    question = Select(
        table="audit", columns=COLUMNS, where=Compare("seq", ">", after), order=(("seq", True),), limit=limit
    )
    for rows in store.stream(question, rows=CHUNK):
        yield [Entry(*row) for row in rows]  # type: ignore[arg-type]  # as the shape says


def line(entry: Entry) -> Line:
    """Return an entry in its exported form. Raises Damaged for a body that is not text."""
    try:
        body = None if entry.body is None else entry.body.decode()
    except UnicodeDecodeError:
        raise Damaged("expected the entry's body as text", at=f"entry {entry.seq}") from None
    return Line(
        seq=entry.seq,
        at_ms=entry.at_ms,
        kind=entry.kind,
        body_salt=entry.body_salt,
        body=body,
        body_hash=entry.body_hash,
        records_salt=entry.records_salt,
        records=entry.records,
        records_hash=entry.records_hash,
    )


def entry(found: Line) -> Entry:
    """Return the entry of an exported line."""
    return Entry(
        found.seq,
        found.at_ms,
        found.kind,
        found.body_salt,
        None if found.body is None else found.body.encode(),
        found.body_hash,
        found.records_salt,
        found.records,
        found.records_hash,
    )


def read_lines(lines: Iterable[bytes]) -> Iterator[list[Entry]]:
    """Yield the entries of exported lines, each an entry or a page of them. Raises MalformedBody with its number."""
    batch: list[Entry] = []
    for number, text in enumerate(lines, 1):
        try:
            batch += [entry(found) for found in _lines_of(text)]
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise MalformedBody("expected exported entries of an audit", at=f"line {number}") from None
        if len(batch) >= CHUNK:
            yield batch
            batch = []
    if batch:
        yield batch


def _lines_of(text: bytes) -> list[Line]:
    try:
        return [msgspec.json.decode(text, type=Line)]
    except msgspec.ValidationError:
        return msgspec.json.decode(text, type=Page).entries


def said(found: Entry) -> dict[str, object] | None:
    """Return what an entry's body says, None once it has expired or where it is no JSON object."""
    try:
        return msgspec.json.decode(found.body, type=dict[str, object]) if found.body is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def record_ids(found: Entry) -> list[bytes]:
    """Return the ids of the records that an entry names."""
    size = _SIZES.get(found.kind, 0)
    records = found.records or b""
    return [records[at : at + 16] for at in range(0, len(records), size)] if size else []


# --- against checkpoints --------------------------------------------------------------------------------------


Run = tuple[int, int]
"""The numbers of the first and last of entries that follow each other."""
Grown = Callable[[Sequence[Sequence[bytes]]], None]
"""Told of the nodes that new leaves completed, as `Frontier.append` returns them."""


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
            for first, last in _outside(self._gone[part], self._let_go[part]):
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
                _extend(self._gone[part], found.seq)
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
            for part, first, last in _runs(records):
                self._let_go.get(part, []).append((first, last))

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


@dataclass(frozen=True, slots=True)
class Proven:
    """What entries were found to be. `size`: how many there are; `proven`: up to which the checkpoint speaks."""

    size: int
    proven: int
    root: bytes
    faults: tuple[Fault, ...]
    count: int


def prove(batches: Iterable[Sequence[Entry]], note: str, verifier: str) -> Proven:
    """Compare entries from the first on with a signed checkpoint, by the log's public key alone.

    Raises Damaged or WrongKey where the checkpoint itself is not proved, InvalidInput for a key of another form.
    """
    checkpoint = merkle.parse_checkpoint(merkle.open_note(note, verifier))
    prover = Prover((checkpoint,), lambda fresh: None)
    for batch in batches:
        prover.take(batch)
    prover.end()
    found = prover.faults
    return Proven(prover.size, checkpoint.size, prover.frontier.root(), tuple(found.found), found.count)


# --- out of their time ----------------------------------------------------------------------------------------


async def expire(vault: Vault, before_ms: int, deed: Deed) -> int:
    """Empty the entries older than `before_ms` (UTC milliseconds) and return how many that changed.

    Bodies go, and the ids of records that were shown. What was written of a record stays while it proves the newest
    state of a record that lives, or the end of one that an older entry, which stays, still speaks of. An entry of
    its own, in the same commit, says which are emptied. Raises InvalidInput for a time that is yet to come.
    """
    if before_ms > deed.at_ms:
        raise InvalidInput("expected a time that has passed", at="before_ms")
    if not _any_older(vault.store, before_ms):
        return 0
    newest = await _newest(vault.store)
    held: set[bytes] = set()
    changed = 0
    for batch in read(vault.store):
        gone = _all_going(batch, before_ms, newest, held)
        if gone:
            steps = [_empty(found.seq, parts) for found, parts in gone]
            await vault.write([*steps, deed.expired(_packed(gone), count=len(gone))])
        changed += len(gone)
        await asyncio.sleep(0)  # other calls go on
    return changed


async def _newest(store: Store) -> dict[bytes, int]:
    """Return record id → the number of the newest entry that says what was written of it."""
    newest: dict[bytes, int] = {}
    for batch in read(store):
        for found in batch:
            if found.kind == WRITTEN:
                newest.update(dict.fromkeys(record_ids(found), found.seq))
        await asyncio.sleep(0)  # other calls go on
    return newest


def _all_going(
    batch: Sequence[Entry], before_ms: int, newest: dict[bytes, int], held: set[bytes]
) -> list[tuple[Entry, Sequence[int]]]:
    """Return the entries of a batch that go, with their parts; fills `held` for the batches that follow."""
    gone: list[tuple[Entry, Sequence[int]]] = []
    for found in batch:
        parts = _goes(found, newest, held) if found.at_ms < before_ms else ()
        if found.kind == WRITTEN and RECORDS not in parts:
            held.update(record_ids(found))
        if parts:
            gone.append((found, parts))
    return gone


def _any_older(store: Store, before_ms: int) -> bool:
    """Return whether the first entry that still has a body is old enough."""
    first = Select(table="audit", columns=("at",), where=Compare("body", "!=", None), order=(("seq", True),), limit=1)
    return any(isinstance(row[0], int) and row[0] < before_ms for row in store.select(first))


def _goes(found: Entry, newest: dict[bytes, int], held: set[bytes]) -> tuple[int, ...]:
    """Return which parts of an old entry go now. `held`: the records that older entries, which stay, speak of."""
    keep = found.kind == EXPIRED or (found.kind == WRITTEN and _speaks(found, newest, held))
    body = () if found.body is None else (BODY,)
    return body if keep or found.records is None else (*body, RECORDS)


def _speaks(found: Entry, newest: dict[bytes, int], held: set[bytes]) -> bool:
    records = found.records or b""
    for at in range(0, len(records), WRITTEN_SIZE):
        record = records[at : at + 16]
        deleted = records[at + 16 : at + WRITTEN_SIZE] == DELETED
        if newest.get(record) == found.seq and (not deleted or record in held):
            return True
    return False


def _empty(seq: int, parts: Sequence[int]) -> Step:
    columns = tuple(name for part in parts for name in _PARTS[part])
    return Update("audit", columns, ("seq",), ((*(None for _ in columns), seq),))


# --- runs of entries ------------------------------------------------------------------------------------------


def _packed(gone: Sequence[tuple[Entry, Sequence[int]]]) -> bytes:
    out: list[bytes] = []
    for part in (BODY, RECORDS):
        runs: list[Run] = []
        for found, parts in gone:
            if part in parts:
                _extend(runs, found.seq)
        out += [b"%c%b%b" % (part, first.to_bytes(8, "big"), last.to_bytes(8, "big")) for first, last in runs]
    return b"".join(out)


def _runs(records: bytes) -> Iterator[tuple[int, int, int]]:
    for at in range(0, len(records), RUN_SIZE):
        run = records[at : at + RUN_SIZE]
        yield run[0], int.from_bytes(run[1:9], "big"), int.from_bytes(run[9:], "big")


def _extend(runs: list[Run], seq: int) -> None:
    if runs and runs[-1][1] == seq - 1:
        runs[-1] = (runs[-1][0], seq)
    else:
        runs.append((seq, seq))


def _outside(runs: Iterable[Run], allowed: Iterable[Run]) -> Iterator[Run]:
    """Yield what of ascending `runs` no run of `allowed` covers."""
    cover = sorted(allowed)
    at = 0
    for start, end in runs:
        first = start
        while first <= end:
            while at < len(cover) and cover[at][1] < first:
                at += 1
            if at == len(cover) or cover[at][0] > end:
                yield first, end
                break
            if cover[at][0] > first:
                yield first, cover[at][0] - 1
            first = cover[at][1] + 1
