"""The embedded engine: one SQLite file, one process, every acknowledged write on the disk.

WAL with `synchronous=FULL`, as the power-loss simulation of tests/faults demands: with NORMAL or OFF acknowledged
writes are lost. The locking VFS `unix-excl` keeps other processes out and the WAL index in our own memory, which
halves the time of a read by key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice

import apsw
import msgspec

from privet.errors import Conflict, Damaged, DuplicateValue, InvalidSchema, StoreFailed, Unavailable
from privet.store import capability
from privet.store.check import Change, Tables, change, check_select, check_shape, check_unit, shape_of, table_of
from privet.store.compile import Plan, alter, create, select_plan
from privet.store.engines._sqlite import (
    BUSY_MS,
    CHECKPOINT_PAGES,
    VFS,
    Journal,
    Transaction,
    connect,
    keep,
    lock,
    make_private,
    read_fault,
)
from privet.store.group import Group, Load
from privet.store.migrate import migrate, scripts
from privet.store.port import Engine, Row, Select, Shape, Unit
from privet.vocabulary.predicate import Value

READER_CACHE_KIB = 2_000
IDLE_READERS = 4  # reader connections that are kept for the next question
REMEMBER = "INSERT INTO privet_shapes VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET shape = excluded.shape"
BACKUP_PAGES = 500  # copied before the interpreter may look after something else


def open_store(
    path: str,
    *,
    vfs: str = VFS,
    unsafe_synchronous: str = "FULL",
    checkpoint_pages: int = CHECKPOINT_PAGES,
    journal: Journal = "wal",
) -> SqliteStore:
    """Open or create the store in the file `path`, mode 0600.

    Raises VaultBusy where somebody has it open, NewerData, Damaged, NotFound where the folder does not exist, and
    Refused where others may read the file or SQLite does not take a setting. `journal` "truncate" leaves no trace of
    a deleted row once the deletion is durable; a commit then waits for questions that are being answered. The other
    keywords are for fault tests: `unsafe_synchronous` gives durability up.
    """
    handle = lock(path)
    writer = None
    try:
        make_private(path)
        writer = connect(path, vfs, unsafe_synchronous, journal)
        store = SqliteStore(path, Transaction(writer, checkpoint_pages), vfs, handle)
        migrate(writer, scripts("sqlite"), store.save_format)
        store.load()
    except BaseException as error:
        if writer is not None:
            writer.close()
        os.close(handle)
        if isinstance(error, apsw.Error):
            raise read_fault(error) from None
        raise
    return store


class SqliteStore:
    """See `Store`. Reads run on the caller's thread, each on a connection of its own."""

    capabilities = frozenset(
        {
            capability.DURABLE,
            capability.ATOMIC_CROSS_SHARD,
            capability.ONLINE_BACKUP,
            capability.ADD_COLUMN_IN_PLACE,
        }
    )

    def __init__(self, path: str, work: Transaction, vfs: str, lock: int) -> None:
        self._path = path
        self._writer = work.writer
        self._vfs = vfs
        self._lock = lock
        self._tables: Tables = {}
        self._plans: dict[object, Plan] = {}
        self._readers: list[apsw.Connection] = []
        self._work = work
        self._group = Group(work)
        self._closed = False

    def load(self) -> None:
        """Read the shapes that the file holds."""
        cells = [row[0] for row in self._writer.execute("SELECT shape FROM privet_shapes")]
        try:
            shapes = [msgspec.json.decode(cell, type=Shape) for cell in cells if isinstance(cell, bytes)]
        except (msgspec.MsgspecError, UnicodeDecodeError):
            shapes = []
        if len(shapes) < len(cells):
            raise Damaged("the shapes of the store are damaged", hint="restore a backup")
        self._learn({shape.name: shape for shape in shapes})

    def save_format(self, number: int) -> None:
        """Back up beside the file, before a migration from format `number`."""
        path = f"{self._path}.format-{number}"
        with suppress(FileNotFoundError):
            os.unlink(path)  # of a migration that did not end: the file still has this format
        self.backup(path)

    # --- shapes -------------------------------------------------------------------------------------------

    def define(self, shapes: Sequence[Shape]) -> None:
        """See `Store`."""
        for shape in shapes:
            check_shape(shape)
        with self._group.turn():
            self._group.demand_writing()
            changes = self._changes(shapes)
            if not changes:
                return
            try:
                self._work.begin()
                for shape, step in changes:
                    self._define_one(shape, step)
                self._work.commit()
            except StoreFailed:
                self._group.fail()
                raise
            finally:
                self._work.rollback()
            self._learn({name: table.shape for name, table in self._tables.items()} | {s.name: s for s, _ in changes})

    def _changes(self, shapes: Sequence[Shape]) -> list[tuple[Shape, Change | None]]:
        changes: list[tuple[Shape, Change | None]] = []
        for shape in shapes:
            table = self._tables.get(shape.name)
            if table is None:
                changes.append((shape, None))
            elif table.shape != shape:
                changes.append((shape, change(table.shape, shape)))
        return changes

    def _define_one(self, shape: Shape, step: Change | None) -> None:
        try:
            for text in create(shape) if step is None else alter(shape, step):
                self._writer.execute(text)
            self._writer.execute(REMEMBER, (shape.name, msgspec.json.encode(shape)))
        except apsw.ConstraintError:
            raise DuplicateValue(f"rows of `{shape.name}` repeat in a new unique group") from None
        except apsw.SQLError:
            raise InvalidSchema(
                f"`{shape.name}` cannot be made so", hint="a column that joins a table with rows must take nulls"
            ) from None
        except apsw.Error:
            raise StoreFailed("the table could not be written") from None

    def _learn(self, shapes: dict[str, Shape]) -> None:
        self._tables = self._work.tables = {name: table_of(shape) for name, shape in shapes.items()}
        self._work.plans.clear()
        self._plans = {}

    # --- writes -------------------------------------------------------------------------------------------

    async def write(self, unit: Unit) -> None:
        """See `Store`."""
        await self._group.write(self._load(unit))

    def write_now(self, unit: Unit) -> None:
        """See `Store`."""
        self._group.write_now(self._load(unit))

    def _load(self, unit: Unit) -> Load:
        tables = self._tables
        return Load(unit, check_unit(unit, tables), tables)

    # --- reads --------------------------------------------------------------------------------------------

    def select(self, question: Select) -> list[Row]:
        """See `Store`."""
        text, values = self._compile(question)
        readers = self._readers
        try:
            reader = readers.pop()
        except IndexError:
            reader = self._connect_reader()
        try:
            return reader.execute(text, values).fetchall()  # type: ignore[return-value]  # our columns hold no floats
        except apsw.Error as error:
            raise read_fault(error) from None
        finally:
            if len(readers) < IDLE_READERS:
                readers.append(reader)

    def stream(self, question: Select, *, rows: int = 1000) -> Iterator[list[Row]]:
        """See `Store`. The snapshot is taken when the first list is asked for."""
        text, values = self._compile(question)
        with self._snapshot() as reader:
            try:
                cursor = reader.execute(text, values)
                while batch := list(islice(cursor, rows)):
                    yield batch
            except apsw.Error as error:
                raise read_fault(error) from None

    def _compile(self, question: Select) -> tuple[str, list[Value]]:
        values: list[Value | tuple[Value, ...]] = []
        key = (
            question.table,
            question.columns,
            shape_of(question.where, values),
            question.order,
            question.limit > 0,
            question.joins,
            # Values are listed in the order of the statement's parameters: these stand after the predicate's.
            tuple([(w.table, w.alias, w.left, w.right, shape_of(w.where, values)) for w in question.without]),
            question.group,
            question.aggregates,
            question.least > 0,
        )
        plan = self._plans.get(key)
        if plan is None:
            plan = select_plan(question, check_select(question, self._tables))
            keep(self._plans, key, plan)
        bound = plan.bind(values)
        if question.least:
            bound.append(question.least)
        if question.limit:
            bound.append(question.limit)
        return plan.text, bound

    def _connect_reader(self) -> apsw.Connection:
        self._demand_open()
        try:
            reader = apsw.Connection(self._path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=self._vfs)
            reader.set_busy_timeout(BUSY_MS)  # with a write-ahead log there is nothing to wait for
            reader.pragma("cache_size", -READER_CACHE_KIB)
            reader.pragma("query_only", True)
        except apsw.Error as error:
            raise read_fault(error) from None
        return reader

    @contextmanager
    def _snapshot(self) -> Iterator[apsw.Connection]:
        reader = self._connect_reader()
        try:
            # A transaction's snapshot begins with its first read.
            reader.execute("BEGIN; SELECT count(*) FROM sqlite_schema").fetchall()
            yield reader
        finally:
            reader.close()

    # --- the file -----------------------------------------------------------------------------------------

    def backup(self, path: str) -> None:
        """See `Store`. Raises Conflict where `path` exists, Unavailable where it cannot be written."""
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            raise Conflict("expected a new file for the backup, found one", at=path) from None
        except OSError:
            raise Unavailable("the backup cannot be written", at=path) from None
        try:
            self._copy(path)
        except (apsw.Error, OSError):
            os.unlink(path)
            raise Unavailable("the backup cannot be written", at=path) from None

    def _copy(self, path: str) -> None:
        with self._snapshot() as source:
            target = apsw.Connection(path)
            try:
                with target.backup("main", source, "main") as copy:
                    while not copy.done:
                        copy.step(BACKUP_PAGES)
            finally:
                target.close()
        for place in (path, os.path.dirname(os.path.abspath(path))):
            handle = os.open(place, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def close(self) -> None:
        """See `Store`."""
        with self._group.turn():
            if self._closed:
                return
            self._group.stop("the store is closed")
            self._closed = True
            while self._readers:
                self._readers.pop().close()
            self._writer.close()
            os.close(self._lock)

    def _demand_open(self) -> None:
        if self._closed:
            raise StoreFailed("the store is closed")


PART = Engine(
    name="sqlite",
    open=open_store,
    newest_format=len(scripts("sqlite")),
    open_forgetful=partial(open_store, journal="truncate"),
)
