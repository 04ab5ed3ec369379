"""One-time codes: what somebody types to show that she reads the mail of an address.

Nobody is looked up: a code is made for any address, so there is nothing to be told about people. What is limited gets
a code that opens nothing, by the same work. A row holds MACs and what is sealed: no address and no code.

INVARIANT: one process holds the store, so what is under way is known here, and what is over stands in the rows.
"""

from __future__ import annotations

import re
import secrets
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from privet import digest
from privet.crypto.keys import KeyRing
from privet.errors import Unauthenticated
from privet.rights.identity.person import mailbox
from privet.secret import Secret
from privet.store.port import Aggregate, Clash, Column, Delete, Put, Row, Select, Shape, Step, Store, Unit, Update
from privet.vocabulary.predicate import And, Compare, Or, Predicate

DIGITS = 8
CODE_MS, HOUR_MS = 10 * 60_000, 3_600_000
PAD_BYTES = 64  # a row does not tell how long an address is
MOST_TRIES = 5  # of one code
MOST_OF_ADDRESS = 3  # codes for one mailbox in an hour
MOST_TRIES_OF_ADDRESS = 10  # in an hour, of all its codes
MOST_OF_HOUSE = 2_000  # asks in an hour: nobody has us write to the whole world
MOST_TRIES_OF_HOUSE = 2_000
"""Tries in an hour, of all codes. Of 10**8 codes that leaves a guesser 2 in 100,000, however many addresses he has."""

CODES = Shape(
    name="center_codes",
    columns=(
        Column("id", "text", null=False),
        Column("mailbox", "blob", null=False),
        Column("proof", "blob", null=False),
        Column("sealed", "blob", null=False),
        Column("created", "int", null=False),
        Column("tries", "int", null=False),
        Column("spent", "int", null=False),
    ),
    key=("id",),
    indexes=(("mailbox",), ("created",)),
)
_COLUMNS = tuple(column.name for column in CODES.columns)
_VOID = "void"  # the row that is written where none is meant, so that every call costs the same
_ID = re.compile(r"[0-9a-f]{32}")
_CONTEXT = digest.sha256(b"privet center code 1")[:16]


class WrongCode(Unauthenticated):
    """The code opens nothing. Whether it was wrong, late, used, tried too often or never made is not told."""

    code = "wrong_code"


class Claimed(msgspec.Struct, frozen=True):
    """What a code proves once it is typed: an identity, and the language that its person reads."""

    kind: str
    value: str
    language: str

    def __repr__(self) -> str:
        return "Claimed(***)"


@dataclass(frozen=True, slots=True)
class Made:
    """A new code. `code`: None where a limit holds, so that nothing is to be sent."""

    id: str
    code: Secret[str] | None
    expires_ms: int


class Hour:
    """Whether so much was done within an hour. It is kept in memory: whoever writes rows frees no limit of it."""

    def __init__(self, most: int) -> None:
        self._times: deque[int] = deque(maxlen=most)

    def add(self, now_ms: int) -> None:
        self._times.append(now_ms)

    def full(self, now_ms: int) -> bool:
        # Times of a clock that was set back count, too, as far as that may be a correction of it.
        return len(self._times) == self._times.maxlen and abs(now_ms - self._times[0]) < HOUR_MS


class Codes:
    """The codes of one house. For one event loop."""

    def __init__(self, store: Store, ring: KeyRing, house: bytes, key: Secret[bytes]) -> None:
        """Take a store in which CODES is defined. `key`: of handles."""
        self.store = store
        self._cell = ring.cell(house)
        self._house = house
        self._key = key
        self._making: Counter[bytes] = Counter()
        self._trying: Counter[bytes] = Counter()
        self._asks, self._guesses = Hour(MOST_OF_HOUSE), Hour(MOST_TRIES_OF_HOUSE)
        store.write_now(Unit((Put("center_codes", _COLUMNS, (self._void(),)),)))

    async def make(self, claimed: Claimed, now_ms: int) -> Made:
        """Make a code for a canonical address. The same is done, and the same told, where a limit holds.

        Raises StoreFailed.
        """
        id_, code = digest.random_bytes(16).hex(), f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        box, proof = mailbox(self._key, claimed.value), self._proof(id_, now_ms, code)
        free = self._made(now_ms, box) < MOST_OF_ADDRESS
        nobody = digest.random_bytes(64)
        # What is limited costs a row, too, so that the time does not tell: it is of no mailbox, and no code fits it.
        held = (box, proof) if free else (nobody[:32], nobody[32:])
        row: Row = (id_, *held, self._seal(id_, claimed), now_ms, 0, int(not free))
        if self._asks.full(now_ms) or self._made(now_ms) >= MOST_OF_HOUSE:
            free, row = False, self._void()  # of the house, not of an address; and nobody fills the disk
        else:
            self._asks.add(now_ms)
        self._making[box] += 1
        try:
            await self.store.write(Unit((Put("center_codes", _COLUMNS, (row,)),)))
        finally:
            _release(self._making, box)
        return Made(id_, Secret(code) if free else None, now_ms + CODE_MS)

    async def take(self, id_: str, code: str, now_ms: int, beside: Callable[[Claimed], Sequence[Step]]) -> Claimed:
        """Spend a code and return what it proves. `beside`: steps that happen with it or not at all.

        A try counts before anybody learns what came of it. Raises WrongCode, StoreFailed.
        """
        row, known = self._row(id_)
        _, box, proof, sealed, created, *_ = row
        assert isinstance(box, bytes) and isinstance(proof, bytes) and isinstance(sealed, bytes)
        assert isinstance(created, int)
        right = digest.same(self._proof(id_, created, "".join(code.split())), proof)
        live = self._live(row, now_ms)
        if live:
            self._guesses.add(now_ms)
        opened = self._open(id_, sealed) if live and right else None
        steps: tuple[Step, ...] = self._counted(row, known=known, live=live, right=right, now_ms=now_ms)
        self._trying[box] += live
        try:
            await self.store.write(Unit((*steps, *beside(opened)) if opened else steps))
        except Clash:
            raise wrong() from None
        finally:
            _release(self._trying, box, live)
        if opened is None:
            raise wrong()
        return opened

    def _live(self, row: Row, now_ms: int) -> bool:
        """Return whether a try of this code may come to anything."""
        _, box, _, _, created, tries, spent = row
        assert isinstance(box, bytes) and isinstance(created, int) and isinstance(tries, int)
        free = self._tried(now_ms, box) < MOST_TRIES_OF_ADDRESS and self._tried(now_ms) < MOST_TRIES_OF_HOUSE
        free = free and not self._guesses.full(now_ms)
        return free and not spent and tries < MOST_TRIES and created <= now_ms < created + CODE_MS

    def _counted(self, row: Row, *, known: bool, live: bool, right: bool, now_ms: int) -> tuple[Step, ...]:
        """Return the step that counts a try: one row is changed, whatever comes of it."""
        id_, created, tries = row[0], row[4], row[5]
        assert isinstance(created, int) and isinstance(tries, int)
        if live:
            # Of tries at the same moment one finds the row as it read it; the others count as wrong, unseen.
            change = ((tries + 1, int(right), id_, tries, 0),)
            return (Update("center_codes", ("tries", "spent"), ("id", "tries", "spent"), change),)
        # A clock that was set back would let a code live longer: one that is seen before it was made is spent.
        early = known and now_ms < created
        return (Update("center_codes", ("spent",), ("id",), ((1, id_ if early else _VOID),)),)

    def swept(self, now_ms: int) -> tuple[Step, ...]:
        """Return the steps that remove what no limit counts any more."""
        old = Or((Compare("created", "<=", now_ms - HOUR_MS - CODE_MS), Compare("created", ">", now_ms + HOUR_MS)))
        where = And((old, Compare("id", "!=", _VOID)))
        rows = self.store.select(Select(table="center_codes", columns=("id",), where=where))
        return (Delete("center_codes", ("id",), tuple(rows)),) if rows else ()

    def _made(self, now_ms: int, box: bytes | None = None) -> int:
        """Return how many codes were made within an hour, for one mailbox or all. Never too few; one that is being
        written may count twice."""
        under_way = self._making.total() if box is None else self._making[box]
        return self._sum(Aggregate("count"), now_ms - HOUR_MS, now_ms, box) + under_way

    def _tried(self, now_ms: int, box: bytes | None = None) -> int:
        """Return how many tries there were of codes that may have been tried within an hour."""
        under_way = self._trying.total() if box is None else self._trying[box]
        return self._sum(Aggregate("sum", "tries"), now_ms - HOUR_MS - CODE_MS, now_ms, box) + under_way

    def _sum(self, wanted: Aggregate, after_ms: int, now_ms: int, box: bytes | None) -> int:
        # Rows of a clock that was set back count, too, as far as that may be a correction of it.
        where: list[Predicate] = [Compare("created", ">", after_ms), Compare("created", "<=", now_ms + HOUR_MS)]
        where += [Compare("mailbox", "=", box)] if box is not None else []
        rows = self.store.select(Select(table="center_codes", aggregates=(wanted,), where=And(tuple(where))))
        return int(rows[0][0] or 0)

    def _row(self, id_: str) -> tuple[Row, bool]:
        """Return the row of an id and whether there is one; else the row that opens nothing."""
        wanted = id_ if _ID.fullmatch(id_) else _VOID
        rows = self.store.select(Select(table="center_codes", columns=_COLUMNS, where=Compare("id", "=", wanted)))
        if rows and wanted != _VOID:
            return rows[0], True
        return self._void(), False

    def _void(self) -> Row:
        return _VOID, bytes(32), digest.random_bytes(32), b"", 0, 0, 1

    def _proof(self, id_: str, created_ms: int, code: str) -> bytes:
        # With its time: whoever writes rows lets no code live longer.
        made = str(created_ms).encode()
        parts = (b"code", id_.encode("utf-8", "replace"), made, code.encode("utf-8", "replace"))
        return digest.mac(self._key.reveal(), digest.canonical(parts))

    def _place(self, id_: str) -> bytes:
        return digest.sha256(digest.canonical((self._house, id_.encode())))[:16]

    def _seal(self, id_: str, claimed: Claimed) -> bytes:
        return self._cell.seal_one(_CONTEXT, self._place(id_), msgspec.json.encode(claimed), PAD_BYTES)

    def _open(self, id_: str, sealed: bytes) -> Claimed:
        body = self._cell.open(_CONTEXT, [self._place(id_)], [sealed])[0]
        return msgspec.json.decode(body, type=Claimed)


def wrong() -> WrongCode:
    """Return the one error of everything that opens nothing."""
    return WrongCode("expected the code of the newest mail, within its time", hint="ask for another code")


def _release(counted: Counter[bytes], box: bytes, count: int = 1) -> None:
    counted[box] -= count
    if not counted[box]:
        del counted[box]
