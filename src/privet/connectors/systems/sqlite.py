"""SQLite files, by Python's own driver.

What is erased is overwritten, and the log is emptied. What no setting overwrites are copies that SQLite itself left in
unused places of a page when it moved records to another, long before: only rewriting the whole file removes those.
"""

from __future__ import annotations

import re
import sqlite3
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from privet.connectors.base import Connector, Setup
from privet.connectors.catalog import sqlite_collection, sqlite_names
from privet.connectors.profile import Profile
from privet.connectors.settings import setting
from privet.connectors.sql.connector import Driver, Fault, SqlConnector, Trouble
from privet.connectors.sql.dialect import Dialect
from privet.connectors.systems import Setting, System
from privet.errors import InvalidInput, Refused, Unavailable
from privet.vocabulary.dataset import Dataset

DIALECT = Dialect(
    name="sqlite",
    most=10_000,
    # Without secure_delete a deleted record stays readable in the file until its place is needed.
    session=("PRAGMA foreign_keys = ON", "PRAGMA secure_delete = ON", "PRAGMA trusted_schema = OFF"),
    begin_read=("PRAGMA query_only = ON", "BEGIN"),
    begin_write=("PRAGMA query_only = OFF", "BEGIN IMMEDIATE"),
    columns=(
        "SELECT m.name, x.name, x.type FROM sqlite_master m JOIN pragma_table_xinfo(m.name) x "
        "WHERE m.type IN ('table', 'view') AND m.name = ? COLLATE NOCASE AND x.hidden <> 1"
    ),
    columns_with=("table",),
    as_text="CAST({} AS TEXT)",
    # A column holds what was put there, whatever its type says.
    holds={
        "boolean": "flag",
        "decimal": "any",
        "float": "any",
        "uuid": "any",
        "date": "any",
        "time": "any",
        "timestamp": "any",
        "json": "any",
        "array": "any",
        "other": "any",
    },
    exact="{} COLLATE BINARY",
    settle=("PRAGMA wal_checkpoint(TRUNCATE)",),
    many=True,
)
_TROUBLES: dict[str, Trouble] = {
    "SQLITE_CONSTRAINT_NOTNULL": "not null",
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_ROWID": "unique",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign key",
    "SQLITE_CONSTRAINT_CHECK": "check",
    "SQLITE_CONSTRAINT_TRIGGER": "check",
    "SQLITE_CONSTRAINT_DATATYPE": "type",
    "SQLITE_MISMATCH": "type",
    "SQLITE_TOOBIG": "length",
    "SQLITE_BUSY": "busy",
    "SQLITE_BUSY_SNAPSHOT": "busy",
    "SQLITE_LOCKED": "busy",
    "SQLITE_READONLY": "denied",
    "SQLITE_PERM": "denied",
    "SQLITE_AUTH": "denied",
    "SQLITE_CANTOPEN": "lost",
    "SQLITE_NOTADB": "lost",
    "SQLITE_IOERR": "lost",
}
_COLUMN = re.compile(r"(?:NOT NULL|UNIQUE) constraint failed: (\w+\.\w+)")


def open_sqlite(setup: Setup) -> Connector:
    """Open a connector to a file. Raises InvalidInput where there is none."""
    path = Path(setting(setup, "path"))
    if not path.is_file():
        raise InvalidInput(f"connector `{setup.name}` names a file that is not there", at="path")

    dialect = DIALECT
    if setup.settings.get("vacuum"):
        dialect = replace(DIALECT, settle=("VACUUM", *DIALECT.settle))

    def connect() -> sqlite3.Connection:
        return _connect(setup, path)

    def describe(database: sqlite3.Connection) -> Dataset:
        found = (sqlite_collection(database, name, setup.name) for name in sqlite_names(database))
        return Dataset(key=setup.name, collections=tuple(found))

    return SqlConnector(
        setup, Driver(dialect=dialect, connect=connect, errors=(sqlite3.Error,), judge=_judge, describe=describe)
    )


def _connect(setup: Setup, path: Path) -> sqlite3.Connection:
    try:
        # mode=rw: a file that went away is not made anew, empty.
        raw = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=rw",
            uri=True,
            timeout=setup.limits.connect_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        raw.text_factory = lambda text: text.decode("utf-8", "replace")
        ours = raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'privet_shapes'").fetchone()
    except sqlite3.OperationalError as error:
        if _judge(error).trouble == "busy":
            raise
        raise Unavailable(
            f"the file of `{setup.name}` cannot be opened", hint="it must be there, and ours to write"
        ) from None
    if ours:
        raw.close()
        raise Refused(f"`{setup.name}` names a store of Privet itself", hint="its records are the vault's")
    return raw


def _judge(error: Exception) -> Fault:
    code = str(getattr(error, "sqlite_errorname", ""))
    trouble = _TROUBLES.get(code) or _TROUBLES.get("_".join(code.split("_")[:2]), "other")
    column = _COLUMN.match(str(error)) if trouble in ("not null", "unique") else None
    return Fault(trouble, column[1] if column else "", code)


PART = System(
    name="sqlite",
    title="SQLite",
    settings=(
        Setting(name="path", about="The file."),
        Setting(
            name="vacuum",
            about="Rewrite the file after an erasure, so that no byte stays; not for tables known by their rowid.",
            default=False,
        ),
    ),
    profile=Profile(
        tried="server",
        against=f"SQLite {sqlite3.sqlite_version}",
        atomic=True,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="transaction",
        docs=(
            "https://www.sqlite.org/lang_transaction.html",
            "https://www.sqlite.org/pragma.html",
            "https://www.sqlite.org/rescode.html",
        ),
        limits=(
            "a read that is under way keeps the log from being emptied until the next erasure",
            "without `vacuum`, copies that SQLite left in unused places of the file before the erasure may stay",
        ),
    ),
    open=open_sqlite,
)
