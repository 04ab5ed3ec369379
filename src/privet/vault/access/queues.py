"""Queues: records that a principal may see for a while. A rule reads one as `id in queue('support')`.

A row says which record stands in which queue, for whom and until when. It goes with its record, and counts no longer
once its time is over. Each has a MAC, so that who writes the database file puts nothing into a queue. One who can also
read it may put back a row that was taken out, until the row's own time is over: the entries of the audit bind each row,
so that `verify` finds it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from privet import digest
from privet.errors import Damaged, InvalidInput, LimitExceeded, NotFound
from privet.store.port import Delete, Expect, Put, Row, Select, Step
from privet.vault.access import bound
from privet.vault.access.tables import QUEUES
from privet.vault.log.audit import Deed
from privet.vault.rows import live
from privet.vault.schema import Table
from privet.vault.vault import Vault, vouch, vouched
from privet.vocabulary.predicate import And, Compare, Or, Predicate

MOST_RECORDS = 1_000  # that stand in one queue for one principal
MOST_TTL_MS, DEFAULT_TTL_MS = 7 * 86_400_000, 15 * 60_000
FRESH_MS = 1_000  # how long what was read may decide: another process may have changed it
MOST_PRINCIPALS = 10_000  # whose queues are in memory
CHUNK = 500
MINUTE_MS = 60_000
COLUMNS = tuple(column.name for column in QUEUES.columns)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_KEPT = "queues"

_stamps = count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A record that stands in a queue for a principal. `table`: the id of its table. `until_ms`: UTC milliseconds
    since 1970; at that moment it stands there no longer."""

    queue: str
    principal: str
    record: bytes
    table: bytes
    until_ms: int

    def body(self) -> bytes:
        """Return what the MAC of the row covers."""
        texts = (self.queue.encode(), self.principal.encode())
        return digest.canonical((*texts, self.record, self.table, self.until_ms.to_bytes(8, "big")))


class Held(Mapping[str, Collection[bytes]]):
    """The ids of the records that stand in each queue for one principal, at one moment. A queue that nothing stands in
    is empty, not unknown. `stamp`: a number that what stood there before, or stands there later, does not have; 0
    where nothing stands in any queue."""

    def __init__(self, places: Sequence[Place] = ()) -> None:
        found: dict[str, list[bytes]] = {}
        for place in places:
            found.setdefault(place.queue, []).append(place.record)
        self._found = found
        self.stamp = next(_stamps) if found else 0

    def __getitem__(self, queue: str) -> Collection[bytes]:
        return self._found.get(queue, ())

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


_NOTHING = Held()


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of a principal's rows at a moment, and until when it decides."""

    rows: Sequence[Row]
    places: Sequence[Place]
    held: Held
    at_ms: int
    until_ms: int


class _Kept:
    """What one open vault remembers of its queues."""

    def __init__(self) -> None:
        self.by_principal: dict[str, _Read] = {}
        self.filling = asyncio.Lock()  # so that no two calls take the last place of a queue


def held(vault: Vault, principal: str) -> Held:
    """Return what stands in queues for a principal now. `principal`: its id. Raises Damaged."""
    kept, now = _kept(vault).by_principal, vault.clock()
    found = kept.get(principal)
    if found is not None and found.at_ms <= now < found.until_ms:
        return found.held
    fresh = _read(vault, principal, now, found)
    if found is None and len(kept) >= MOST_PRINCIPALS:
        kept.pop(next(iter(kept)), None)
    kept[principal] = fresh
    return fresh.held


def _kept(vault: Vault) -> _Kept:
    found = vault.kept.get(_KEPT)
    if not isinstance(found, _Kept):
        found = vault.kept[_KEPT] = _Kept()
    return found


def _read(vault: Vault, principal: str, now: int, before: _Read | None) -> _Read:
    rows = vault.store.select(Select(table="queues", columns=COLUMNS, where=Compare("principal", "=", principal)))
    same = before is not None and before.rows == rows
    places = before.places if before is not None and same else [checked(vault, row) for row in rows]
    standing = [place for place in places if place.until_ms > now]
    ends = min((place.until_ms for place in standing), default=now + FRESH_MS)
    found = Held(standing) if standing else _NOTHING
    if before is not None and same and all(place.until_ms > now or place.until_ms <= before.at_ms for place in places):
        found = before.held  # nothing ended since
    return _Read(rows, places, found, now, min(ends, now + FRESH_MS))


def checked(vault: Vault, row: Row) -> Place:
    queue, principal, record, table, until, mac = row
    place = Place(
        queue=str(queue),
        principal=str(principal),
        record=record if isinstance(record, bytes) else b"",
        table=table if isinstance(table, bytes) else b"",
        until_ms=until if isinstance(until, int) and 0 <= until < 1 << 63 else 0,
    )
    if not isinstance(mac, bytes) or len(mac) != 32:
        raise Damaged("the stored place in a queue is not as Privet wrote it", hint="restore a backup of the vault")
    vouched(vault.ring, vault.id, "place in a queue", mac + place.body())
    return place


# --- putting and removing ---------------------------------------------------------------------------------------


async def put(vault: Vault, table: Table, place: Place, deed: Deed) -> None:
    """Put a record into a queue for a principal, or change until when it stands there. Audited.

    Raises InvalidInput (a name that is none, a time that is over or too far away), NotFound (no such record),
    LimitExceeded where MOST_RECORDS stand there.
    """
    _check(place, vault.clock())
    kept = _kept(vault)

    def prepare() -> tuple[None, Sequence[Step]]:
        vault.demand_current(table)
        if not live(vault, table, [place.record]):
            raise NotFound(f"no such record in `{table.name}`")
        _demand_room(vault, place)
        mac = _mac(vault, place)
        row = (place.queue, place.principal, place.record, place.table, place.until_ms, mac)
        stands = Expect(table.rows, Compare("id", "=", place.record), True)
        return None, [stands, Put("queues", COLUMNS, (row,)), *_entry(deed, table.name, place, mac)]

    async with kept.filling:
        await vault.attempt(prepare)
    kept.by_principal.pop(place.principal, None)


def _mac(vault: Vault, place: Place) -> bytes:
    return vouch(vault.ring, vault.id, "place in a queue", place.body())[:32]


def _check(place: Place, now: int) -> None:
    if not _NAME.fullmatch(place.queue):
        raise InvalidInput("expected the name of a queue: letters, digits, `_`, `.` and `-`, at most 64", at="queue")
    if not now < place.until_ms <= now + MOST_TTL_MS:
        raise InvalidInput("expected a time from `1s` to `7d`", at="ttl")


def _demand_room(vault: Vault, place: Place) -> None:
    where = And((_of(place.queue, place.principal), Compare("until", ">", vault.clock())))
    rows = vault.store.select(Select(table="queues", columns=("record",), where=where))
    if sum(row[0] != place.record for row in rows) >= MOST_RECORDS:
        raise LimitExceeded(
            f"{MOST_RECORDS:,} records stand in the queue for this principal already",
            hint="take some out, or wait until their time is over",
        )


def _at(place: Place) -> Predicate:
    return And((_of(place.queue, place.principal), Compare("record", "=", place.record)))


def _of(queue: str, principal: str) -> Predicate:
    return And((Compare("queue", "=", queue), Compare("principal", "=", principal)))


async def remove(vault: Vault, queue: str, principal: str, record: bytes, deed: Deed) -> None:
    """Take a record out of a principal's queue. Audited. Raises NotFound where it does not stand there."""
    where = _at(Place(queue=queue, principal=principal, record=record, table=b"", until_ms=0))

    def prepare() -> tuple[None, Sequence[Step]]:
        rows = vault.store.select(Select(table="queues", columns=("owner", "until"), where=where))
        if not rows:
            raise NotFound("the record does not stand in that queue for that principal")
        name = next((table.name for table in vault.schema.tables if table.id == rows[0][0]), "")
        place = Place(queue=queue, principal=principal, record=record, table=b"", until_ms=0)
        gone = Delete("queues", ("queue", "principal", "record"), ((queue, principal, record),))
        return None, [Expect("queues", where, True), gone, *_entry(deed, name, place)]

    await vault.attempt(prepare)
    _kept(vault).by_principal.pop(principal, None)


def _entry(deed: Deed, table: str, place: Place, mac: bytes = b"") -> Iterator[Step]:
    """Yield the steps of the audit. `mac`: of the row, b"" for one that is taken out."""
    note = f"queue {place.queue} principal {place.principal}"
    note += f" until {place.until_ms}" if mac else ""
    yield deed.entry(table, records=_bound(place, mac) if mac else _loose(place), count=1, note=note)
    yield from deed.settle(place.record)


def _bound(place: Place, mac: bytes) -> bytes:
    # In whole minutes, rounded up: only until when the row must be there, the MAC covers the moment.
    return bound.bind(
        bound.PLACE,
        identity(place.queue, place.principal, place.record),
        -(-place.until_ms // MINUTE_MS),
        mac,
        place.record,
    )


def _loose(place: Place) -> bytes:
    return bound.loosen(bound.PLACE, identity(place.queue, place.principal, place.record), place.record)


def identity(queue: str, principal: str, record: bytes) -> bytes:
    """Return the id by which entries name a place."""
    return bound.identity("place", queue.encode(), principal.encode(), record)


def state(place: Place, row: Row) -> tuple[bytes, bytes]:
    """Return the id of a row and its state, as the newest entry that binds it must say. `row`: that `place` is of."""
    mac = row[-1]
    assert isinstance(mac, bytes)  # `checked` looked at it
    said = _bound(place, mac)
    return said[:16], said[16:36]


# --- looking and letting go -------------------------------------------------------------------------------------


def places(
    vault: Vault, queue: str = "", principal: str = "", *, after: Place | None = None, limit: int = 0
) -> list[Place]:
    """Return what stands in queues now, in the order of queue, principal and record. "" means any, 0 all. `after`: the
    place before the first. Raises Damaged."""
    asked = (("queue", queue), ("principal", principal))
    where: list[Predicate] = [Compare(name, "=", value) for name, value in asked if value]
    where.append(Compare("until", ">", vault.clock()))
    if after is not None:
        where.append(_behind(after))
    order = (("queue", True), ("principal", True), ("record", True))
    question = Select(table="queues", columns=COLUMNS, where=And(tuple(where)), order=order, limit=limit)
    return [checked(vault, row) for row in vault.store.select(question)]


def _behind(place: Place) -> Predicate:
    queue, principal = Compare("queue", "=", place.queue), Compare("principal", "=", place.principal)
    return Or(
        (
            Compare("queue", ">", place.queue),
            And((queue, Compare("principal", ">", place.principal))),
            And((queue, principal, Compare("record", ">", place.record))),
        )
    )


async def sweep(vault: Vault, deed: Deed) -> None:
    """Remove the rows whose time is over. Audited."""
    key = QUEUES.key

    def prepare() -> tuple[int, Sequence[Step]]:
        over = Compare("until", "<=", vault.clock())
        rows = vault.store.select(Select(table="queues", columns=(*key, "mac"), where=over, limit=CHUNK))
        if not rows:
            return 0, ()
        places = [Place(queue=str(q), principal=str(p), record=r, table=b"", until_ms=0) for q, p, r, _ in rows]  # type: ignore[arg-type]  # a blob, as the shape says
        # A row that is put there anew meanwhile stays.
        same = [
            Expect("queues", And((_at(place), Compare("mac", "=", row[-1]))), True)
            for place, row in zip(places, rows, strict=True)
        ]
        entry = deed.entry(records=b"".join(map(_loose, places)), count=len(rows), note="places whose time is over")
        return len(rows), (*same, Delete("queues", key, [row[:-1] for row in rows]), entry)

    while await vault.attempt(prepare):
        continue
