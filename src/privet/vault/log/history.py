"""The entries of an audit read back: as lines for others, for when something was last used, and out of their time.

Needs no key. Whether entries are what a checkpoint proves is the business of `vault.log.prover`, which of them fit a
question that of `vault.log.search`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from privet.errors import Damaged, InvalidInput, MalformedBody
from privet.store.port import Select, Step, Store, Update
from privet.vault.access.bound import is_gone, owner_of
from privet.vault.log.audit import BODY, EXPIRED, READ, READ_SIZE, RECORDS, WRITTEN, WRITTEN_SIZE, Deed, leaf
from privet.vault.log.runs import Run, extend, packed
from privet.vault.vault import Vault
from privet.vocabulary.predicate import Compare

COLUMNS = ("seq", "at", "kind", "body_salt", "body", "body_hash", "records_salt", "records", "records_hash")
CHUNK = 1000
EXPIRE_MS = 365 * 86_400_000
MOST_FAULTS = 1_000
_PARTS = {BODY: ("body_salt", "body"), RECORDS: ("records_salt", "records")}
_SIZES = {READ: READ_SIZE, WRITTEN: WRITTEN_SIZE}


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
    if found.kind != WRITTEN:
        return [id for id, _ in _items(found)]
    return [owner for id, state in _items(found) if (owner := owner_of(id, state))]


def _items(found: Entry) -> list[tuple[bytes, bytes]]:
    """Return the ids that an entry names, each with what it says of it."""
    size = _SIZES.get(found.kind, 0)
    records = found.records or b""
    return (
        [(records[at : at + 16], records[at + 16 : at + size]) for at in range(0, len(records), size)] if size else []
    )


# --- last use --------------------------------------------------------------------------------------------------


Use = tuple[str, str, str, str]
"""A rule as `role/position`, a table, a column ("" for a table as a whole), an action."""


class _Grounds(msgspec.Struct):
    """What an entry says of its grounds, as it is written: equal texts are looked into once."""

    table: msgspec.Raw = msgspec.Raw()
    columns: msgspec.Raw = msgspec.Raw()
    actions: msgspec.Raw = msgspec.Raw()
    rules: msgspec.Raw = msgspec.Raw()
    by: msgspec.Raw = msgspec.Raw()
    denied: msgspec.Raw = msgspec.Raw()


def last_used(vault: Vault, since_ms: int) -> Mapping[Use, int]:
    """Return when each rule last let an action on a column pass, in UTC milliseconds, of entries from `since_ms` on.

    What rests on several rules counts as use of each. Takes some seconds for a million entries: not for an event loop.
    """
    decoder = msgspec.json.Decoder(_Grounds)
    latest: dict[tuple[bytes, ...], int] = {}
    question = Select(table="audit", columns=("at", "body"), where=Compare("at", ">=", since_ms))
    for rows in vault.store.stream(question, rows=CHUNK):
        for at, body in rows:
            if not isinstance(body, bytes) or not isinstance(at, int):
                continue
            try:
                said = decoder.decode(body)
            except (msgspec.DecodeError, UnicodeDecodeError):
                continue  # `verify` says that it was changed
            if said.denied or not said.rules:
                continue
            key = tuple(bytes(raw) for raw in (said.table, said.columns, said.actions, said.rules, said.by))
            latest[key] = max(at, latest.get(key, 0))
    found: dict[Use, int] = {}
    for key, at in latest.items():
        for use in _uses(*(msgspec.json.decode(raw) if raw else () for raw in key)):
            found[use] = max(at, found.get(use, 0))
    return found


def _uses(
    table: Sequence[str], columns: Sequence[str], actions: Sequence[str], rules: Sequence[str], by: Sequence[list[int]]
) -> Iterator[Use]:
    for at, column in enumerate(columns or ("",)):
        # An entry of several tables names each column with its own.
        name, _, rest = (str(table), "", column) if table else column.partition(".")
        for rule in (rules[place] for place in by[at]) if by else rules:
            for action in actions:
                yield rule, name, rest, action


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
            await vault.write([*steps, deed.expired(_runs_of(gone), count=len(gone))])
        changed += len(gone)
        await asyncio.sleep(0)  # other calls go on
    return changed


async def _newest(store: Store) -> dict[bytes, int]:
    """Return record id → the number of the newest entry that says what was written of it."""
    newest: dict[bytes, int] = {}
    for batch in read(store):
        for found in batch:
            if found.kind == WRITTEN:
                newest.update(dict.fromkeys((id for id, _ in _items(found)), found.seq))
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
            held.update(id for id, _ in _items(found))
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
    return any(
        newest.get(record) == found.seq and (not is_gone(state) or record in held) for record, state in _items(found)
    )


def _empty(seq: int, parts: Sequence[int]) -> Step:
    columns = tuple(name for part in parts for name in _PARTS[part])
    return Update("audit", columns, ("seq",), ((*(None for _ in columns), seq),))


def _runs_of(gone: Sequence[tuple[Entry, Sequence[int]]]) -> bytes:
    out: list[bytes] = []
    for part in (BODY, RECORDS):
        runs: list[Run] = []
        for found, parts in gone:
            if part in parts:
                extend(runs, found.seq)
        out.append(packed(part, runs))
    return b"".join(out)
