"""What Privet asks of a store: tables of opaque cells, units of work that happen whole or not at all.

Callers describe tables as `Shape`, changes as `Unit` and questions as `Select`; engines compile them. A store never
sees a key, a value or an English name: table and column names are machine-made (`r7`, `c3`, `x4`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from privet.errors import PrivetError
from privet.shelf import Shelf
from privet.vocabulary.predicate import ALWAYS, Predicate

Kind = Literal["blob", "int", "text"]
Cell = bytes | int | str | None
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A physical column."""

    name: str
    kind: Kind
    null: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A physical table. `key`: columns that are never null and together never repeat. `sequence`: the one key
    column is an integer that the engine assigns, ascending from 1; a unit that clashes leaves no gap, and a number
    is not given twice even when its row was deleted. `indexes`: column groups that are looked up; `uniques`:
    column groups that never repeat (a group that holds a null never clashes)."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sequence: bool = False
    indexes: tuple[tuple[str, ...], ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Insert:
    """Add rows; columns that are not named stay null. A key or unique group that exists already clashes. All key
    columns are named, unless the table is a sequence: then the key is not."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Put:
    """Add rows, or replace those with the same key whole: columns that are not named become null. A unique group
    that another row holds clashes. Not for sequences."""

    table: str
    columns: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Update:
    """Set columns where others match. Each row holds the new cells, then the `match` cells (none of them null).
    A row that matches nothing clashes, and so does a key or unique group that another row holds."""

    table: str
    columns: tuple[str, ...]
    match: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove rows whose `match` columns equal the cells of a row (none of them null). Matching nothing is no fault."""

    table: str
    match: tuple[str, ...]
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True)
class Expect:
    """Go on only if some row matches (`found`), or if none does (`not found`); else it clashes."""

    table: str
    where: Predicate
    found: bool


Step = Insert | Put | Update | Delete | Expect


@dataclass(frozen=True, slots=True)
class Unit:
    """Steps that happen in order and together, or not at all."""

    steps: tuple[Step, ...]


class Clash(PrivetError):
    """A unit met a state that it did not expect; nothing of it was done. `step` and `row` say where."""

    code = "clash"

    def __init__(self, step: int, row: int = 0) -> None:
        super().__init__("the unit of work met a state that it did not expect")
        self.step = step
        self.row = row


@dataclass(frozen=True, slots=True)
class Join:
    """An inner join: `alias.right = left`, where `left` is a column of an earlier table (`alias.column`)."""

    table: str
    alias: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Without:
    """Leaves out what has a row elsewhere: one of `table` with `alias.right = left` that `where` holds on. `left` is a
    column of the question's own tables, of which a null equals nothing; `where` names columns of `alias` alone."""

    table: str
    alias: str
    left: str
    right: str
    where: Predicate = ALWAYS


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`count` of rows (column ""), or `count`, `count_distinct`, `min`, `max` or `sum` (integers only) of the cells of
    a physical column that are not null. The last three are null where there is no such cell."""

    function: Literal["count", "count_distinct", "min", "max", "sum"]
    column: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """A question. Columns are `name`, or `alias.name` once there are joins (the first table's alias is `a`).

    With `aggregates` or `group` the answer's columns are `group` then `aggregates`, and `columns` is empty;
    `least` leaves out groups of fewer rows. `order`: (column, ascending) pairs, of `group` where there is one; nulls
    come first ascending and last descending, texts compare by their UTF-8 bytes. `limit` 0: no limit. A value is
    compared only with a column of its kind, and None only by `=` and `!=`.
    """

    table: str
    columns: tuple[str, ...] = ()
    where: Predicate = ALWAYS
    joins: tuple[Join, ...] = ()
    without: tuple[Without, ...] = ()
    group: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()
    least: int = 0
    order: tuple[tuple[str, bool], ...] = ()
    limit: int = 0


class Store(Protocol):
    """An open database. Reads see every acknowledged write. Seven verbs and what it can do.

    A table, column or alias that is not defined raises UnknownName; a cell of the wrong kind InvalidInput, before
    anything of the unit is done; a question that breaks its rules InvalidQuery. After `close`, or after a write that
    could not be made durable, writes raise StoreFailed. Any thread may call.
    """

    capabilities: frozenset[str]

    def define(self, shapes: Sequence[Shape]) -> None:
        """Make the tables be as described: creates what is missing, adds columns and indexes, drops indexes and
        columns that are no longer described. Tables that are not named stay. Durable on return, whole or not at all.
        Raises InvalidSchema where a key or a column's kind changes or a column without nulls joins a table with
        rows, DuplicateValue where rows repeat in a new unique group."""

    async def write(self, unit: Unit) -> None:
        """Carry out a unit, durable on return. Raises Clash (nothing done) or StoreFailed (the store writes no
        more). Concurrent callers share one commit."""

    def write_now(self, unit: Unit) -> None:
        """`write` for a caller without an event loop."""

    def select(self, question: Select) -> list[Row]:
        """Return every row of the answer."""

    def stream(self, question: Select, *, rows: int = 1000) -> Iterator[list[Row]]:
        """Yield the answer in lists of at most `rows`, from one snapshot, in bounded memory."""

    def backup(self, path: str) -> None:
        """Write a consistent copy to a new file at `path`, mode 0600, while writes go on."""

    def close(self) -> None:
        """Finish what is queued and let go of the database. Idempotent."""


@dataclass(frozen=True, slots=True)
class Engine:
    """A part of the shelf: how to open a store at a path, and the newest format of stored data that it reads.

    `open_forgetful` opens a store whose deleted rows leave no trace in its files; None where `open` does that already.
    """

    name: str
    open: Callable[[str], Store]
    newest_format: int
    open_forgetful: Callable[[str], Store] | None = None


ENGINES: Shelf[Engine] = Shelf("privet.store.engines", Engine, word="store engine")
