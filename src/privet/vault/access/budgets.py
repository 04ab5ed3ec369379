"""Budgets: how much one caller may be shown, look up, try and guess in a while. Spent before anything leaves.

Windows slide, for each principal, purpose and table. They stand in memory; those of more than an hour are kept in the
database as well, by the next write of the vault, whose audit binds them: `verify` finds one that was put back, so that
it would be open again. A rule that states a budget is counted by
that alone: cells shown, values tokenized or asked for. For all other rules a default holds, which spares those who may
export the same columns of every row: bulk is no news to them. A call that does not fit is refused whole and spends
nothing. One event loop spends, so that to look and to spend is one step.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from privet import digest
from privet.errors import Damaged, LimitExceeded
from privet.policy.permit import Basis, Permit, rank
from privet.store.port import Aggregate, Put, Row, Select, Step, Store
from privet.vault.access import bound
from privet.vault.access.windows import Count, Distinct
from privet.vault.log.audit import Deed
from privet.vault.schema import Column, Table
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import Compare

MINUTE_MS = 60_000
RECORDS, SHARE = 25, 1_000  # a minute: so many records, or one in so many of the table's, if that is more
LOOKUPS, LOOKUP_SHARE = 10_000, 100  # the same of values that are looked up in unique sets: one full batch
MISSES = 100  # a minute: texts that might be guessed tokens, and are none
MOST_WINDOWS = 10_000
MOST_MS = bound.MOST * MINUTE_MS
HOUR_MS, DAY_SECONDS = 3_600_000, 86_400
COUNTS = 200  # a day: different counts that are moved, see `vault.query.blur`
COLUMNS = ("name", "until", "body")
VERB = "budgets.keep"  # of entries that bind what was spent
_DISTINCT = frozenset({"records", "moved"})  # windows of different things; all others count
_QUIET = frozenset({"redacted", "masked"})
_WORDS = {1: "second", 60: "minute", 3600: "hour", 86_400: "day"}

log = logging.getLogger("privet.guard")


class Seen:
    """What one call is about to tell of one table under a permit: filled where values are opened, spent where they
    leave. `shown`: ids of records of which anything is shown. `beyond`: what the default cap counts. `cells`: what
    budgets count, by rule. `lookups`: values looked for in unique sets. `tried`: values of few that became tokens.
    `moved`: counts that are off by a number of their own, of which `most_moved` may be had a day."""

    __slots__ = (
        "_budgets",
        "beyond",
        "cells",
        "lookups",
        "misses",
        "most_moved",
        "moved",
        "permit",
        "shown",
        "table",
        "tried",
    )

    def __init__(self, table: Table | None = None, permit: Permit | None = None) -> None:
        self.table = table
        self.permit = permit
        self.shown: list[bytes] = []
        self.beyond: set[Hashable] = set()
        self.cells: dict[Basis, int] = {}
        self.lookups = self.tried = self.misses = 0
        self.moved: frozenset[bytes] = frozenset()
        self.most_moved = COUNTS
        self._budgets = dict(permit.budgets) if permit is not None and permit.budgets else {}

    def counts(self, column: Column, rule: Basis, redaction: str) -> bool:
        """Return whether cells of a column that a rule shows so have to be told to `add`."""
        return bool(self._budgets and rule in self._budgets) or self._reveals(column, redaction)

    def add(self, rule: Basis, ids: Collection[Hashable]) -> None:
        """Count cells that a rule shows. `ids`: whose they are, one a cell."""
        if rule in self._budgets:
            self.cells[rule] = self.cells.get(rule, 0) + len(ids)
        else:
            self.beyond.update(ids)

    def budgeted(self, rules: Collection[Basis]) -> bool:
        """Return whether one of some rules states a budget."""
        return any(rule in self._budgets for rule in rules)

    def asks(self, column: Column, rules: Collection[Basis], count: int) -> None:
        """Count values of a column that are looked for. `rules`: those that allow it: budgets of theirs count alone."""
        stated = [rule for rule in rules if rule in self._budgets]
        for rule in stated:
            self.cells[rule] = self.cells.get(rule, 0) + count
        if not stated and not self.free(column):
            self.lookups += count

    def makes(self, column: Column, rules: Collection[Basis], count: int) -> None:
        """Count values of a column that become tokens."""
        stated = [rule for rule in rules if rule in self._budgets]
        for rule in stated:
            self.cells[rule] = self.cells.get(rule, 0) + count
        if not stated and guessable(column) and not self.free(column):
            self.tried += count

    def merge(self, other: Seen) -> None:
        """Take over what another says of the same table under the same permit."""
        self.shown += other.shown
        self.beyond |= other.beyond
        for rule, count in other.cells.items():
            self.cells[rule] = self.cells.get(rule, 0) + count

    def free(self, column: Column) -> bool:
        """Return whether the caller may export the whole column, as far as its type's ceiling, of every row."""
        kind, exported = column.field.type, self._exported(column)
        return exported == "plain_text" or (bool(exported) and _reaches(kind, exported, data_type(kind).ceiling))

    def _exported(self, column: Column) -> str:
        return "" if self.permit is None else self.permit.exports.get(column.name, "")

    def _reveals(self, column: Column, redaction: str) -> bool:
        """Return whether personal data is shown beyond its default mask, to one who may not export it."""
        if redaction in _QUIET or (self.permit is not None and self.permit.action == "export"):
            return False
        exported = self._exported(column)
        if exported == redaction or not personal(column):
            return False
        kind = column.field.type
        return not _reaches(kind, "masked", redaction) and not (exported and _reaches(kind, exported, redaction))


@lru_cache(maxsize=4096)
def _reaches(kind: str, most: str, redaction: str) -> bool:
    """Return whether `redaction` shows no more of a type than `most`."""
    known = data_type(kind)
    return rank(known, redaction) <= rank(known, most)


def personal(column: Column) -> bool:
    """Return whether a column says something about a person by its type or its labels.

    A basic type is labelled `user` where nobody said anything, which says as little.
    """
    return "." in column.field.type or any(label.startswith("user.") for label in column.field.labels)


def guessable(column: Column) -> bool:
    """Return whether whoever may make a column's tokens can try every value: few of them, and one token each."""
    kind, plan = data_type(column.field.type), column.field.token
    return (kind.few or kind.small) and plan is not None and plan.kind in ("stored", "ff1")


# --- charges ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Charge:
    """Things that a window counts. `name`: whose window it is. `most`: how many it takes; `share`: or one in so many
    of the table's records, if that is more. `what`: of what, for people; `%s` for the table."""

    name: tuple[Hashable, ...]
    things: Collection[Hashable]
    most: int
    seconds: int
    what: str
    table: Table | None = None
    share: int = 0

    @property
    def kept(self) -> bool:
        """Return whether the window outlives the process: a short one is open again by the time that it is back."""
        return self.seconds * 1000 > HOUR_MS


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call does not fit. `fresh`: nobody was told of this window within its own time."""

    error: LimitExceeded
    table: str
    what: str
    fresh: bool


Unsaved = dict[tuple[Hashable, ...], tuple[Distinct | Count, int]]
"""Windows by name, each with its seconds."""


# --- the meter --------------------------------------------------------------------------------------------------


class Seal(Protocol):
    """Puts a MAC of the vault before a body, and takes it off again."""

    def put(self, body: bytes) -> bytes:
        """Return what is stored."""

    def take(self, stored: object) -> bytes:
        """Return the body. Raises Damaged."""


class Meter:
    """The windows of one open vault. `seal`: for those that are kept; without it none is."""

    def __init__(self, store: Store, clock: Callable[[], int], seal: Seal | None = None) -> None:
        self._store = store
        self._clock = clock
        self._seal = seal
        self._unsaved: Unsaved = {}
        self._windows: dict[tuple[Hashable, ...], Distinct | Count] = {}
        self._sizes: dict[bytes, tuple[int, int]] = {}  # table id → (records, when they were counted)
        self._told: dict[tuple[Hashable, ...], int] = {}  # window → until when another refusal is no news
        self._refused: deque[int] = deque(maxlen=1_000)

    def spend(self, principal: str, purpose: str, seen: Sequence[Seen]) -> Refusal | None:
        """Count what a call is about to tell, or return why it may not and count nothing."""
        charges = [charge for each in seen for charge in _charges(principal, purpose, each)]
        if not charges:
            return None
        now = self._clock()
        for charge in charges:
            wait = self._wait(charge, now)
            if wait:
                return self._refuse(charge, wait, now)
        for charge in charges:
            window = self._window(charge)
            window.spend(charge.things, now)
            if charge.kept and self._seal is not None:
                self._unsaved[charge.name] = (window, charge.seconds)
        return None

    def take(self) -> Unsaved:
        """Return the windows that were spent of since the last time and are to be kept, for the next unit."""
        taken = self._unsaved
        if taken:
            self._unsaved = {}
        return taken

    def steps(self, taken: Unsaved) -> Iterator[Step]:
        """Yield the steps that keep windows as they are now, and an entry for each principal whose they are."""
        now = self._clock()
        said: dict[str, list[bytes]] = {}
        for name, (window, seconds) in taken.items():
            assert self._seal is not None  # else nothing is to be kept
            key = _key(name)
            row = (key, now + seconds * 1000, self._seal.put(key + window.body()))
            yield Put("spent", COLUMNS, (row,))
            said.setdefault(str(name[1]), []).append(_bound(*row))
        for principal, items in said.items():
            deed = Deed(principal=principal, verb=VERB, policy="", at_ms=now)
            yield deed.entry(records=b"".join(items), count=len(items))

    def state(self, row: Row) -> tuple[bytes, bytes]:
        """Return the id of a row and its state, as the newest entry that binds it must say. Raises Damaged."""
        name, until, stored = row
        if self._seal is None or not isinstance(name, bytes) or not isinstance(stored, bytes):
            raise _another()
        if self._seal.take(stored)[:32] != name:
            raise _another()
        # A moment that no number has is none that was written.
        said = _bound(name, until if isinstance(until, int) and 0 <= until <= MOST_MS else 0, stored)
        return said[:16], said[16:36]

    def give_back(self, taken: Unsaved) -> None:
        """Have windows kept by a later unit, because theirs was not carried out."""
        self._unsaved = taken | self._unsaved

    def refusals(self) -> int:
        """Return how often a cap was hit anew within the last hour."""
        since = self._clock() - HOUR_MS
        return sum(at > since for at in self._refused)

    def _wait(self, charge: _Charge, now: int) -> int:
        window = self._window(charge)
        wait = window.wait(charge.things, charge.most, now)
        if wait and charge.share and charge.table is not None:
            most = self._size(charge.table, now) // charge.share
            wait = window.wait(charge.things, most, now) if most > charge.most else wait
        return wait

    def _window(self, charge: _Charge) -> Distinct | Count:
        found = self._windows.get(charge.name)
        if found is None:
            if len(self._windows) >= MOST_WINDOWS:
                now = self._clock()
                self._windows = {name: each for name, each in self._windows.items() if not each.empty(now)}
            ms = charge.seconds * 1000
            found = Distinct(ms) if charge.name[0] in _DISTINCT else Count(ms)
            self._recall(charge, found)
            self._windows[charge.name] = found
        return found

    def _recall(self, charge: _Charge, window: Distinct | Count) -> None:
        """Fill a window with what was kept of it. Raises Damaged."""
        if not charge.kept or self._seal is None:
            return
        key = _key(charge.name)
        for (stored,) in self._store.select(Select(table="spent", columns=("body",), where=Compare("name", "=", key))):
            body = self._seal.take(stored)
            if body[:32] != key:
                raise _another()
            window.read(body[32:])

    def _size(self, table: Table, now: int) -> int:
        size, at = self._sizes.get(table.id, (0, -MINUTE_MS))
        if now - at >= MINUTE_MS:
            found = self._store.select(Select(table=table.rows, aggregates=(Aggregate("count"),)))[0][0]
            size = found if isinstance(found, int) else 0
            self._sizes[table.id] = (size, now)
        return size

    def _refuse(self, charge: _Charge, wait: int, now: int) -> Refusal:
        seconds = -(-wait // 1000)
        most = charge.most
        if charge.share and charge.table is not None:
            most = max(most, self._size(charge.table, now) // charge.share)
        per = _WORDS.get(charge.seconds, f"{charge.seconds:,} seconds")
        of = "" if charge.table is None else f" of `{charge.table.name}`"
        what = f"{most:,} {charge.what % of} a {per}"
        error = LimitExceeded(
            f"the caller may have {what}, and this would be more",
            hint=f"nothing was shown or spent; come back in {seconds:,} s, or ask for less at a time",
            retry_seconds=seconds,
        )
        fresh = self._told.get(charge.name, 0) <= now
        if fresh:
            self._told = {name: until for name, until in self._told.items() if until > now}
            self._told[charge.name] = now + charge.seconds * 1000
            self._refused.append(now)
        table = charge.table.name if charge.table is not None else ""
        return Refusal(error, table, what, fresh)


def _charges(principal: str, purpose: str, seen: Seen) -> Iterator[_Charge]:
    """Yield what a call spends."""
    table = seen.table
    whose = (principal, purpose, b"" if table is None else table.id)
    for rule, count in seen.cells.items():
        budget = dict(seen.permit.budgets)[rule] if seen.permit is not None else None
        if budget is not None:
            what = f"cells or values%s by the rule {rule}"
            yield _Charge(("rule", *whose, rule), range(count), budget.count, budget.seconds, what, table)
    if seen.beyond:
        yield _Charge(
            ("records", *whose), seen.beyond, RECORDS, 60, "records%s beyond their default mask", table, SHARE
        )
    if seen.tried:
        what = "tokens%s of values that can all be tried"
        yield _Charge(("tried", *whose), range(seen.tried), RECORDS, 60, what, table, SHARE)
    if seen.lookups:
        what = "values looked up in unique sets%s"
        yield _Charge(("lookups", *whose), range(seen.lookups), LOOKUPS, 60, what, table, LOOKUP_SHARE)
    if seen.moved:
        # Whatever the purpose: it is one person who would average them out.
        name = ("moved", principal, b"" if table is None else table.id)
        yield _Charge(name, seen.moved, seen.most_moved, DAY_SECONDS, "different moved counts%s", table)
    if seen.misses:
        yield _Charge(("misses", *whose), range(seen.misses), MISSES, 60, "tokens%s that do not exist")


def _bound(name: bytes, until_ms: int, stored: bytes) -> bytes:
    # In whole minutes, rounded up: only until when the row must be there.
    return bound.bind(bound.SPENT, identity(name), -(-until_ms // MINUTE_MS), stored[:16], digest.ZERO_ID)


def identity(name: bytes) -> bytes:
    """Return the id by which entries name what is kept of a window. `name`: as its row has it."""
    return bound.identity("spent", name)


def _another() -> Damaged:
    return Damaged("the stored count of a budget is another one's", hint="restore a backup of the vault")


def _key(name: tuple[Hashable, ...]) -> bytes:
    """Return the 32 bytes that a window is kept under."""
    parts = (part if isinstance(part, bytes) else str(part).encode() for part in name)
    return digest.sha256(digest.canonical(parts))
