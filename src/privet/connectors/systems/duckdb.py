"""DuckDB files. While a connector has a file open, no other process may write to it: DuckDB locks it whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from privet.connectors.base import Connector, Setup
from privet.connectors.catalog import duckdb_collection, duckdb_names
from privet.connectors.profile import Profile
from privet.connectors.settings import SCHEMA, driver_of, setting
from privet.connectors.sql.connector import Driver, Fault, SqlConnector, Trouble
from privet.connectors.sql.dialect import Dialect
from privet.connectors.systems import Setting, System
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Dataset

CONFIG = {"enable_external_access": "false", "autoinstall_known_extensions": "false", "lock_configuration": "true"}
"""A file's views name other files and URLs, which stay out of reach."""

DIALECT = Dialect(
    name="duckdb",
    most=10_000,
    begin_read=("BEGIN TRANSACTION READ ONLY",),
    begin_write=("BEGIN TRANSACTION",),
    columns=(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = current_database() "
        "AND schema_name = coalesce(nullif(?, ''), current_schema()) AND lower(table_name) = lower(?)"
    ),
    as_text="CAST({} AS VARCHAR)",
    element="list_contains({column}, {value})",
    span="batch",
)
_KINDS: tuple[tuple[str, Trouble], ...] = (
    ("not null", "not null"),
    ("foreign key", "foreign key"),
    ("duplicate key", "unique"),
    ("check", "check"),
)


def open_duckdb(setup: Setup) -> Connector:
    """Open a connector to a file. Raises InvalidInput where there is none, Unavailable without the driver."""
    duckdb = driver_of("duckdb", "duckdb")
    path = Path(setting(setup, "path"))
    if not path.is_file():
        raise InvalidInput(f"connector `{setup.name}` names a file that is not there", at="path")
    schema = setting(setup, "schema", "") or "main"

    def connect() -> Any:
        return _Raw(duckdb.connect(str(path), config=CONFIG))

    def describe(raw: Any) -> Dataset:
        held = raw.held
        found = (duckdb_collection(held, schema, name, setup.name, said) for name, said in duckdb_names(held, schema))
        return Dataset(key=setup.name, collections=tuple(found))

    driver = Driver(
        dialect=DIALECT,
        connect=connect,
        errors=(duckdb.Error,),
        judge=_judge,
        describe=describe,
        count=lambda cursor: int(cursor.fetchone()[0]),
    )
    return SqlConnector(setup, driver)


class _Raw:
    """A connection whose cursor is itself: what DuckDB calls a cursor is one more connection, outside of the
    transaction. `held`: DuckDB's own."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def cursor(self) -> _Cursor:
        return _Cursor(self.held)

    def close(self) -> None:
        self.held.close()


class _Cursor:
    """What a connection of DuckDB answers."""

    def __init__(self, held: Any) -> None:
        self.execute = held.execute
        self.fetchone, self.fetchmany, self.fetchall = held.fetchone, held.fetchmany, held.fetchall

    def close(self) -> None:
        """Keep the connection, which goes on."""


def _judge(error: Exception) -> Fault:
    name = type(error).__name__
    if name == "ConstraintException":
        text = str(error).lower()
        return Fault(next((trouble for sign, trouble in _KINDS if sign in text), "check"))
    if name in ("ConversionException", "OutOfRangeException", "TypeMismatchException", "InvalidTypeException"):
        return Fault("type")
    if name in ("CatalogException", "BinderException"):
        return Fault("missing")
    if name == "TransactionException":
        return Fault("busy")
    return Fault("lost" if name in ("IOException", "ConnectionException", "FatalException") else "other", code=name)


PART = System(
    name="duckdb",
    title="DuckDB",
    settings=(Setting(name="path", about="The file."), SCHEMA),
    profile=Profile(
        tried="server",
        against="DuckDB 2.0.0",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="nature",
        docs=(
            "https://duckdb.org/docs/stable/sql/statements/transactions",
            "https://duckdb.org/docs/stable/sql/indexes",
            "https://duckdb.org/docs/stable/connect/concurrency",
        ),
        limits=(
            "each collection is a transaction of its own: within one, DuckDB takes a record for referred to although "
            "what referred to it is deleted",
            "fields inside of a STRUCT are read and masked only with the whole",
        ),
    ),
    open=open_duckdb,
)
