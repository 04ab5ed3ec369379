"""The SQLite engine's file and its one writing transaction: locks, settings, faults. Reads are the engine's."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from typing import Literal

import apsw

from privet.errors import (
    Damaged,
    InvalidQuery,
    NotFound,
    PrivetError,
    Refused,
    StoreFailed,
    Unavailable,
    VaultBusy,
)
from privet.store.check import Tables, check_unit, shape_of
from privet.store.compile import Plan, step_plan, step_text
from privet.store.group import Load
from privet.store.port import Clash, Expect, Step, Update
from privet.vocabulary.predicate import Value

VFS = "unix-excl"
PAGE_BYTES = 4096
WRITER_CACHE_KIB = 32_000  # at 16 MB to write 80,000 imported rows costs a fifth more: pages are read back
CHECKPOINT_PAGES = 16_000  # 64 MB of log; at 1,000 pages half of a bulk load's time went into checkpoints
BUSY_MS = 30_000  # without a write-ahead log a commit waits for readers, and readers for a commit
Journal = Literal["wal", "truncate"]
SYNCHRONOUS = {"OFF": 0, "NORMAL": 1, "FULL": 2}
MOST_PLANS = 2_000  # compiled questions that are kept


def lock(path: str) -> int:
    """Return the handle that holds the lock beside the file. Raises VaultBusy, NotFound or Refused.

    The kernel lets the lock go when the process dies, so a stale one never stands in the way.
    """
    try:
        handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise NotFound("the folder of the store does not exist", at=path) from None
    except OSError:
        raise Refused("the lock beside the store cannot be opened", at=path) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise VaultBusy(
            "the store is open elsewhere", at=path, hint="close it, or reach it through its socket"
        ) from None
    return handle


def make_private(path: str) -> None:
    """Create the file with mode 0600, whatever the umask. SQLite gives its log the mode of the file."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        if os.stat(path).st_mode & 0o077:
            raise Refused("others may read or write the store", at=path, hint="chmod 600 and look who did") from None
    except OSError:
        raise Refused("the file of the store cannot be made", at=path) from None


def connect(path: str, vfs: str, synchronous: str, journal: Journal = "wal") -> apsw.Connection:
    """Return the writing connection, its settings read back. Raises Refused where one is not as demanded.

    `journal` "truncate": a rollback journal that is cut and synced at each commit, so that no copy of a deleted row
    stays behind; a write-ahead log keeps them until it is overwritten.
    """
    writer = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE, vfs=vfs)
    try:
        if vfs != VFS:
            # A VFS written in Python has no shared memory; SQLite then keeps the WAL index to one connection.
            writer.pragma("locking_mode", "EXCLUSIVE")
        writer.config(apsw.SQLITE_DBCONFIG_DQS_DML, 0)
        writer.config(apsw.SQLITE_DBCONFIG_DQS_DDL, 0)
        writer.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
        writer.pragma("page_size", PAGE_BYTES)
        writer.pragma("cache_size", -WRITER_CACHE_KIB)
        writer.pragma("foreign_keys", False)
        # What undoes one unit of a group stays in memory, where it would else spill into a file beside the store.
        writer.pragma("temp_store", 2)
        writer.pragma("secure_delete", True)
        # macOS answers a plain fsync before the drive has written; elsewhere these change nothing.
        writer.pragma("fullfsync", True)
        writer.pragma("checkpoint_fullfsync", True)
        writer.wal_autocheckpoint(0)
        writer.set_busy_timeout(0 if journal == "wal" else BUSY_MS)
        found = writer.pragma("journal_mode", journal)
        writer.pragma("synchronous", synchronous)
        if found != journal or writer.pragma("synchronous") != SYNCHRONOUS[synchronous]:
            raise Refused(f"SQLite does not keep a journal of kind `{journal}` with full synchronization here", at=path)
    except BaseException:
        writer.close()
        raise
    return writer


def read_fault(error: apsw.Error) -> PrivetError:
    """Return our error for SQLite's, whose own text is dropped."""
    if isinstance(error, apsw.CorruptError | apsw.NotADBError):
        return Damaged("the file of the store is damaged", hint="restore a backup")
    if isinstance(error, apsw.BusyError | apsw.LockedError):
        return VaultBusy("another program holds the file of the store")
    if isinstance(error, apsw.SQLError | apsw.TooBigError):
        return InvalidQuery("the question is too large, or its sum exceeds 64 bits")
    return Unavailable("the store cannot be read")


def _write_fault() -> StoreFailed:
    return StoreFailed("the store could not make a write durable")


class Transaction:
    """The one writing connection. See `privet.store.group.Work`."""

    def __init__(self, writer: apsw.Connection, checkpoint_pages: int) -> None:
        self.tables: Tables = {}
        self.plans: dict[object, Plan] = {}
        self.writer = writer
        self._checkpoint_pages = checkpoint_pages
        self._cursor = writer.cursor()
        self._log_pages = 0

    def begin(self) -> None:
        """See `Work`."""
        try:
            self._cursor.execute("BEGIN IMMEDIATE")
        except apsw.Error:
            raise _write_fault() from None

    def carry(self, load: Load, *, alone: bool) -> None:
        """See `Work`."""
        if load.tables is not self.tables:
            check_unit(load.unit, self.tables)  # `define` came between
        # One row is undone by its own statement.
        savepoint = not alone and load.rows > 1
        try:
            if savepoint:
                self._cursor.execute("SAVEPOINT unit")
            for at, step in enumerate(load.unit.steps):
                self._step(at, step)
            if savepoint:
                self._cursor.execute("RELEASE unit")
        except Clash:
            if savepoint:
                self._undo_unit()
            raise
        except apsw.Error:
            raise _write_fault() from None

    def commit(self) -> None:
        """See `Work`."""
        try:
            self._cursor.execute("COMMIT")
        except apsw.Error:
            raise _write_fault() from None

    def rollback(self) -> None:
        """See `Work`."""
        # Where it fails the store has failed already; opening anew undoes what is not committed.
        with suppress(apsw.Error):
            if self.writer.in_transaction:
                self._cursor.execute("ROLLBACK")

    def tidy(self) -> None:
        """See `Work`. Checkpoints a long log: SQLite's own way would hide a failed fsync of the database file."""
        self._log_pages += self.writer.status(apsw.SQLITE_DBSTATUS_CACHE_WRITE, True)[0]
        if self._log_pages < self._checkpoint_pages:
            return
        self._log_pages = 0
        try:
            self.writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error:
            raise _write_fault() from None

    def _undo_unit(self) -> None:
        try:
            self._cursor.execute("ROLLBACK TO unit")
            self._cursor.execute("RELEASE unit")
        except apsw.Error:
            raise _write_fault() from None

    def _step(self, at: int, step: Step) -> None:
        if isinstance(step, Expect):
            self._expect(at, step)
        elif isinstance(step, Update):
            self._update(at, step)
        elif step.rows:
            before = self.writer.total_changes()
            try:
                self._cursor.executemany(self._text(step), step.rows)
            except apsw.ConstraintError:
                # Each row before the one that clashed counts as one change.
                raise Clash(at, self.writer.total_changes() - before) from None

    def _update(self, at: int, step: Update) -> None:
        text = self._text(step)
        for place, row in enumerate(step.rows):
            try:
                self._cursor.execute(text, row)
            except apsw.ConstraintError:
                raise Clash(at, place) from None
            if not self.writer.changes():
                raise Clash(at, place)

    def _expect(self, at: int, step: Expect) -> None:
        values: list[Value | tuple[Value, ...]] = []
        key = (Expect, step.table, shape_of(step.where, values))
        plan = self.plans.get(key)
        if plan is None:
            plan = keep(self.plans, key, step_plan(step, self.tables[step.table]))
        if bool(self._cursor.execute(plan.text, plan.bind(values)).get) is not step.found:
            raise Clash(at)

    def _text(self, step: Step) -> str:
        key = (type(step), step.table, getattr(step, "columns", ()), getattr(step, "match", ()))
        plan = self.plans.get(key)
        if plan is None:
            plan = keep(self.plans, key, Plan(step_text(step, self.tables[step.table]), ()))
        return plan.text


def keep(plans: dict[object, Plan], key: object, plan: Plan) -> Plan:
    """Remember a plan, within MOST_PLANS."""
    if len(plans) >= MOST_PLANS:
        plans.clear()
    plans[key] = plan
    return plan
