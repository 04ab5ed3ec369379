"""The engine without a disk: dicts under one lock. Keeps every rule of the port but durability.

A unit writes an undo list as it goes, so that a clash leaves no trace. Questions run on the answer's own copy, so a
stream reads one snapshot.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from typing import cast

import msgspec

from privet.errors import Conflict, Damaged, DuplicateValue, InvalidSchema, StoreFailed, Unavailable
from privet.store import capability
from privet.store.check import Tables, change, check_select, check_shape, check_unit, table_of
from privet.store.engines._memory import Rows, Taken, answer, matches
from privet.store.port import Cell, Clash, Delete, Engine, Expect, Insert, Put, Row, Select, Shape, Step, Unit, Update

FORMAT = 1


class _Dump(msgspec.Struct, frozen=True):
    """What a backup holds."""

    format: int
    tables: list[tuple[Shape, int, list[tuple[object, ...]]]]


def open_store(path: str) -> MemoryStore:
    """Return a store that holds the backup at `path`, or nothing where there is no such file.

    Raises Damaged where the file is no backup of this engine.
    """
    store = MemoryStore()
    if os.path.isfile(path):
        with open(path, "rb") as file:
            data = file.read()
        try:
            dump = msgspec.msgpack.decode(data, type=_Dump)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise Damaged("expected a backup of the memory engine", at=path) from None
        store.fill(dump.tables)
    return store


class MemoryStore:
    """See `Store`."""

    capabilities = frozenset({capability.ATOMIC_CROSS_SHARD, capability.ONLINE_BACKUP, capability.ADD_COLUMN_IN_PLACE})

    def __init__(self) -> None:
        self._rows: dict[str, Rows] = {}
        self._lock = threading.Lock()
        self._closed = False

    def fill(self, tables: Sequence[tuple[Shape, int, list[tuple[object, ...]]]]) -> None:
        """Take over the tables of a backup: shape, last number of its sequence, rows."""
        for shape, last, rows in tables:
            # A backup holds what units brought, and those were checked.
            self._rows[shape.name] = Rows(table_of(shape), cast("list[Row]", rows), last)

    def define(self, shapes: Sequence[Shape]) -> None:
        """See `Store`."""
        for shape in shapes:
            check_shape(shape)
        with self._lock:
            self._demand_open()
            made = {shape.name: self._made(shape) for shape in shapes}
            self._rows = {**self._rows, **made}

    def _made(self, shape: Shape) -> Rows:
        old = self._rows.get(shape.name)
        if old is None:
            return Rows(table_of(shape), (), 0)
        plan = change(old.table.shape, shape)
        if old.by_key and any(not column.null for column in plan.added):
            raise InvalidSchema(f"`{shape.name}` has rows, so a new column must take nulls")
        places = {name: at for at, name in enumerate(old.table.kinds)}
        keep = [places.get(column.name) for column in shape.columns]
        rows = [tuple(None if at is None else row[at] for at in keep) for row in old.by_key.values()]
        try:
            return Rows(table_of(shape), rows, old.last)
        except Taken:
            raise DuplicateValue(f"rows of `{shape.name}` repeat in a new unique group") from None

    async def write(self, unit: Unit) -> None:
        """See `Store`."""
        self.write_now(unit)

    def write_now(self, unit: Unit) -> None:
        """See `Store`."""
        with self._lock:
            self._demand_open()
            check_unit(unit, self._tables())
            undo: list[tuple[Rows, Row | None, Row | None]] = []
            lasts = {step.table: self._rows[step.table].last for step in unit.steps}
            try:
                for at, step in enumerate(unit.steps):
                    self._step(at, step, undo)
            except Clash:
                for rows, old, new in reversed(undo):
                    rows.swap(new, old)
                for name, last in lasts.items():
                    self._rows[name].last = last
                raise

    def _step(self, at: int, step: Step, undo: list[tuple[Rows, Row | None, Row | None]]) -> None:
        rows = self._rows[step.table]
        if isinstance(step, Expect):
            scope = check_select(Select(table=step.table, columns=rows.table.shape.key), self._tables())
            if any(matches(step.where, scope, row) for row in rows.candidates(step.where)) is not step.found:
                raise Clash(at)
            return
        for place, cells in enumerate(step.rows):
            try:
                for old, new in _swaps(rows, step, cells):
                    rows.swap(old, new)
                    undo.append((rows, old, new))
            except Taken:
                raise Clash(at, place) from None

    def select(self, question: Select) -> list[Row]:
        """See `Store`."""
        with self._lock:
            self._demand_open()
            scope = check_select(question, self._tables())
            return answer(question, scope, self._rows)

    def stream(self, question: Select, *, rows: int = 1000) -> Iterator[list[Row]]:
        """See `Store`."""
        found = self.select(question)
        for at in range(0, len(found), rows):
            yield found[at : at + rows]

    def backup(self, path: str) -> None:
        """See `Store`. Raises Conflict where `path` exists, Unavailable where it cannot be written."""
        with self._lock:
            self._demand_open()
            held = self._rows.values()
            tables = [
                (rows.table.shape, rows.last, cast("list[tuple[object, ...]]", [*rows.by_key.values()]))
                for rows in held
            ]
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            raise Conflict("expected a new file for the backup, found one", at=path) from None
        except OSError:
            raise Unavailable("the backup cannot be written", at=path) from None
        with open(handle, "wb") as file:
            file.write(msgspec.msgpack.encode(_Dump(FORMAT, tables)))
            file.flush()
            os.fsync(handle)

    def close(self) -> None:
        """See `Store`."""
        with self._lock:
            self._closed = True
            self._rows = {}

    def _tables(self) -> Tables:
        return {name: rows.table for name, rows in self._rows.items()}

    def _demand_open(self) -> None:
        if self._closed:
            raise StoreFailed("the store is closed")


def _swaps(rows: Rows, step: Insert | Put | Update | Delete, cells: Row) -> Iterator[tuple[Row | None, Row | None]]:
    """Yield (old, new) for one row of a step: what goes and what comes."""
    names = rows.table.kinds
    if isinstance(step, Insert | Put):
        given: dict[str, Cell] = dict(zip(step.columns, cells, strict=True))
        if rows.table.shape.sequence:
            rows.last += 1
            given[rows.table.shape.key[0]] = rows.last
        new = tuple([given.get(name) for name in names])
        yield rows.by_key.get(rows.key_of(new)) if isinstance(step, Put) else None, new
        return
    cut = len(step.columns) if isinstance(step, Update) else 0
    found = rows.equal(step.match, cells[cut:])
    if not isinstance(step, Update):
        yield from ((old, None) for old in found)
        return
    if not found:
        raise Taken
    cells_by_name = dict(zip(step.columns, cells[:cut], strict=True))
    for old in found:
        yield old, tuple([cells_by_name.get(name, cell) for name, cell in zip(names, old, strict=True)])


PART = Engine(name="memory", open=open_store, newest_format=FORMAT)
