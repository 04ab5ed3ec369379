"""The ledger of choices: rows that are only ever added, chained person by person.

Each row has a MAC over itself and the MAC of the row before: a row that was changed, dropped or moved breaks the chain.
A chain that was set back whole, or taken away, is found by the house's audit, whose entries bind its end. A person
stands there as a keyed MAC; what she is called stands nowhere. What is forgotten leaves one row, which counts what was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import cast

from privet import digest
from privet.errors import Conflict, Damaged, LimitExceeded
from privet.rights.consent.choice import FORGOTTEN, SOURCES, STATES, Said
from privet.secret import Secret
from privet.store.port import Column, Delete, Expect, Insert, Row, Select, Shape, Step, Store
from privet.vocabulary.predicate import And, Compare

CHOICES = Shape(
    name="choices",
    columns=(
        Column("person", "blob", null=False),
        Column("place", "int", null=False),
        Column("notice", "text", null=False),
        Column("version", "int", null=False),
        Column("digest", "blob", null=False),
        Column("language", "text", null=False),
        Column("state", "text", null=False),
        Column("at", "int", null=False),
        Column("written", "int", null=False),
        Column("source", "text", null=False),
        Column("how", "text", null=False),
        Column("signal", "int", null=False),
        Column("mac", "blob", null=False),
    ),
    key=("person", "place"),
)
MOST_TOLD = 10_000  # rows of one person
_COLUMNS = tuple(column.name for column in CHOICES.columns)
_START = bytes(32)
_ROWS = 1_000
_LOST = "restore a backup of the home"


@dataclass(frozen=True, slots=True)
class Chain:
    """All that a person said, in the order in which it was written down. `head`: the MAC of the last row."""

    person: bytes
    told: tuple[Said, ...] = ()
    head: bytes = _START

    @property
    def count(self) -> int:
        """Return how much she ever said, with what was forgotten."""
        return self.told[-1].place if self.told else 0


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where choices stand. `key`: of the MACs of rows."""

    store: Store
    key: Secret[bytes] = field(repr=False)

    def chain(self, person: bytes) -> Chain:
        """Return what a person said. Raises Damaged where a row is changed or missing."""
        order = (("place", True),)
        question = Select(table="choices", columns=_COLUMNS, where=Compare("person", "=", person), order=order)
        return self.checked(person, self.store.select(question))

    def chains(self) -> Iterator[tuple[bytes, list[Row]]]:
        """Yield the rows of every person, from one snapshot, unproved: `checked` proves them."""
        question = Select(table="choices", columns=_COLUMNS, order=(("person", True), ("place", True)))
        rows = (row for batch in self.store.stream(question, rows=_ROWS) for row in batch)
        for person, told in groupby(rows, itemgetter(0)):
            yield cast(bytes, person), list(told)  # a blob, as the shape says

    def checked(self, person: bytes, rows: Sequence[Row]) -> Chain:
        """Return the chain that the rows of a person are. Raises Damaged."""
        head, told = _START, list[Said]()
        for row in rows:
            said, mac = _said(row)
            follows = said.place == told[-1].place + 1 if told else said.place == 1 or said.state == FORGOTTEN
            head = self._mac(head, said)
            if not follows or said.person != person or not digest.same(mac, head):
                raise Damaged("a choice in the ledger is changed or missing", hint=_LOST)
            told.append(said)
        return Chain(person, tuple(told), head)

    def add(self, chain: Chain, fresh: Sequence[Said]) -> tuple[Chain, tuple[Step, ...]]:
        """Return a chain with more at its end, and the steps that add it; they clash where the chain has grown.

        The rows get their places here. Raises LimitExceeded.
        """
        if chain.count + len(fresh) > MOST_TOLD:
            raise LimitExceeded(f"expected at most {MOST_TOLD:,} choices of one person")
        head, told, rows = chain.head, list(chain.told), []
        for place, said in enumerate(fresh, chain.count + 1):
            placed = replace(said, person=chain.person, place=place)
            head = self._mac(head, placed)
            told.append(placed)
            rows.append(_row(placed, head))
        return Chain(chain.person, tuple(told), head), (Insert("choices", _COLUMNS, tuple(rows)),)

    def forget(self, chain: Chain, now_ms: int) -> tuple[Chain, tuple[Step, ...]]:
        """Return the chain of a person whose choices are forgotten, and the steps: one row stays, which says when and
        counts how much there was. Raises Conflict where there is nothing."""
        if not chain.told or all(said.state == FORGOTTEN for said in chain.told):
            raise Conflict("there is nothing to forget: the ledger holds no choice of that person")
        left = Said(
            person=chain.person,
            place=chain.count + 1,
            notice="",
            version=0,
            digest=b"",
            language="",
            state=FORGOTTEN,
            at_ms=now_ms,
            written_ms=now_ms,
            source="",
        )
        head = self._mac(_START, left)
        # Nobody may have added a row since: it would go unseen.
        last = And((Compare("person", "=", chain.person), Compare("place", ">", chain.count)))
        steps = (
            Expect("choices", last, False),
            Delete("choices", ("person",), ((chain.person,),)),
            Insert("choices", _COLUMNS, (_row(left, head),)),
        )
        return Chain(chain.person, (left,), head), steps

    def _mac(self, before: bytes, said: Said) -> bytes:
        return digest.mac(self.key.reveal(), before + said.body())


_CELLS = attrgetter(
    *("person", "place", "notice", "version", "digest", "language", "state", "at_ms", "written_ms", "source", "how")
)


def _row(said: Said, mac: bytes) -> Row:
    return (*_CELLS(said), int(said.signal), mac)


def _said(row: Row) -> tuple[Said, bytes]:
    """Return what a row says, and its MAC, which is not looked at yet. Raises Damaged."""
    person, place, notice, version, shown, language, state, at, written, source, how, signal, mac = row
    numbers = [number if isinstance(number, int) and 0 <= number < 1 << 63 else -1 for number in row[1:9]]
    wrong = -1 in (numbers[0], numbers[2], numbers[6], numbers[7]) or signal not in (0, 1)
    if wrong or not all(isinstance(cell, bytes) for cell in (person, shown, mac)):
        raise Damaged("a choice in the ledger is of no known form", hint=_LOST)
    if (state, source) != (FORGOTTEN, "") and (state not in STATES or source not in SOURCES):
        raise Damaged("a choice in the ledger is of no known form", hint=_LOST)
    found = Said(
        person=cast(bytes, person),
        place=cast(int, place),
        notice=str(notice),
        version=cast(int, version),
        digest=cast(bytes, shown),
        language=str(language),
        state=str(state),
        at_ms=cast(int, at),
        written_ms=cast(int, written),
        source=str(source),
        how=str(how),
        signal=signal == 1,
    )
    return found, cast(bytes, mac)
