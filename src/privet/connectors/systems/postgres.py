"""PostgreSQL, and what speaks its protocol, by psycopg. Reads come by a cursor that the server holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from privet.connectors import egress
from privet.connectors.base import Connector, Setup
from privet.connectors.egress import Names
from privet.connectors.profile import Profile
from privet.connectors.settings import (
    CA,
    HOST,
    PASSWORD,
    SCHEMA,
    TLS,
    USER,
    demand_way,
    driver_of,
    encrypted,
    number,
    setting,
)
from privet.connectors.sql.connector import Driver, Fault, SqlConnector, Trouble
from privet.connectors.sql.dialect import Dialect
from privet.connectors.sql.reflect import described
from privet.connectors.systems import Setting, System
from privet.vocabulary.dataset import Dataset

DIALECT = Dialect(
    name="postgres",
    mark="${}",  # the server's own: to find others the driver reads a statement sign by sign
    most=5000,
    begin_read=("BEGIN READ ONLY",),
    begin_write=("BEGIN",),
    # Of a domain the type below it. Dropped columns keep their place, and system columns have numbers below one.
    columns=(
        "SELECT c.relname, a.attname, format_type(CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE a.atttypid END, "
        "a.atttypmod) FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
        "JOIN pg_catalog.pg_type t ON t.oid = a.atttypid "
        "WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped"
    ),
    columns_with=("whole",),
    as_text="CAST({} AS text)",
    element="{value} = ANY({column})",
    kinds={"bit": "other", "money": "other", "citext": "text", "character": "padded", '"char"': "text"},
    # A collation may say that different texts are equal, and citext always does.
    exact='CAST({} AS text) COLLATE "C"',
    many=True,
)
_TROUBLES: dict[str, Trouble] = {
    "23502": "not null",
    "23505": "unique",
    "23P01": "unique",
    "23503": "foreign key",
    "23001": "foreign key",
    "23514": "check",
    "44000": "check",
    "P0001": "check",
    "22001": "length",
    "42804": "type",
    "42883": "type",
    "42P01": "missing",
    "42703": "missing",
    "3F000": "missing",
    "42501": "denied",
    "25006": "denied",
    "428C9": "denied",
    "3D000": "denied",
    "55P03": "busy",
    "57014": "busy",
    "25P03": "busy",
}
_CLASSES: dict[str, Trouble] = {
    "22": "type",
    "23": "check",
    "28": "denied",
    "40": "busy",
    "53": "busy",
    "08": "lost",
    "57": "lost",
}
_NOT_LET_IN = ("authentication failed", "no pg_hba.conf entry", "does not exist", "permission denied", "no password")


def open_postgres(setup: Setup, look_up: Names = egress.look_up) -> Connector:
    """Open a connector. Raises InvalidInput for settings that cannot be, Unavailable without the driver."""
    psycopg = driver_of("psycopg", "postgres")
    said = _said(setup)

    def connect() -> Any:
        places = _places(demand_way(setup, said["host"], 5432, look_up), said["host"])
        raw = psycopg.connect(**(said | places))
        _kindly(raw)
        return raw

    def connect_plainly() -> Any:
        raw = connect()
        raw.cursor_factory = psycopg.RawCursor
        return raw

    def describe(_: Any) -> Dataset:
        return described(setup, connect, "postgresql+psycopg", "postgres", "BEGIN READ ONLY")

    milliseconds = int(setup.limits.read_seconds * 1000)
    session = (
        f"SET statement_timeout = {milliseconds}; SET lock_timeout = {milliseconds // 2}; "
        f"SET idle_in_transaction_session_timeout = {milliseconds * 60}",
    )
    driver = Driver(
        dialect=replace(DIALECT, session=session),
        connect=connect_plainly,
        errors=(psycopg.Error,),
        judge=_judge,
        describe=describe,
        cursor=lambda raw: psycopg.RawServerCursor(raw, name="privet"),
    )
    return SqlConnector(setup, driver)


def _said(setup: Setup) -> dict[str, Any]:
    """Return what the driver is told. Nothing of an operator's text becomes an option that is not named here."""
    said: dict[str, Any] = {
        "host": setting(setup, "host"),
        "port": number(setup, "port", 5432),
        "dbname": setting(setup, "database"),
        "user": setting(setup, "user"),
        "password": setting(setup, "password", ""),
        "connect_timeout": max(2, int(setup.limits.connect_seconds)),
        "tcp_user_timeout": int(setup.limits.read_seconds * 1000),
        "client_encoding": "utf8",
        "application_name": "privet",
        "autocommit": True,  # transactions begin where we say so
        "prepare_threshold": None,  # a pooler in between would lose what was prepared
        "sslmode": "disable",
    }
    if encrypted(setup):
        said |= {"sslmode": "verify-full", "sslrootcert": setting(setup, "ca", "") or "system"}
    return said


def _places(addresses: Sequence[str], host: str) -> dict[str, str]:
    """Return what keeps the driver from looking a name up again: it tries the addresses in turn, and the certificate
    must be of the name at each."""
    if not addresses:
        return {}
    return {"host": ",".join([host] * len(addresses)), "hostaddr": ",".join(addresses)}


def _kindly(raw: Any) -> None:
    """Make a connection give dates that Python has no value for, such as `infinity`, as texts."""
    psycopg = driver_of("psycopg", "postgres")
    for name in ("date", "timestamp", "timestamptz", "time", "timetz", "interval"):
        oid = psycopg.adapters.types[name].oid
        loader = psycopg.adapters.get_loader(oid, psycopg.pq.Format.TEXT)
        raw.adapters.register_loader(oid, _loader(psycopg, loader))


_LOADERS: dict[type, type] = {}


def _loader(psycopg: Any, usual: Any) -> type:
    if usual not in _LOADERS:

        class Kind(psycopg.adapt.Loader):  # type: ignore[misc]  # psycopg is imported late, so its classes are unknown
            def __init__(self, oid: int, context: Any = None) -> None:
                super().__init__(oid, context)
                self._usual = usual(oid, context)

            def load(self, data: Any) -> Any:
                try:
                    return self._usual.load(data)
                except psycopg.DataError:
                    return bytes(data).decode()

        _LOADERS[usual] = Kind
    return _LOADERS[usual]


def _judge(error: Exception) -> Fault:
    code = getattr(error, "sqlstate", None) or ""
    if not code:
        # Where a connection fails, the driver knows the server's words alone.
        text = str(error)
        denied = any(sign in text for sign in _NOT_LET_IN) and type(error).__name__ == "OperationalError"
        return Fault("denied" if denied else "busy" if "timeout expired" in text else "lost")
    trouble = _TROUBLES.get(code) or _CLASSES.get(code[:2], "other")
    diag = getattr(error, "diag", None)
    names = [getattr(diag, name, None) for name in ("column_name", "constraint_name")]
    return Fault(trouble, next((name for name in names if name), ""), code)


PART = System(
    name="postgres",
    title="PostgreSQL",
    settings=(
        HOST,
        Setting(name="port", about="Port of the server.", default=5432),
        Setting(name="database", about="Name of the database."),
        USER,
        PASSWORD,
        SCHEMA,
        TLS,
        CA,
    ),
    profile=Profile(
        tried="server",
        against="PostgreSQL 18",
        atomic=True,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="transaction",
        docs=(
            "https://www.postgresql.org/docs/current/sql-begin.html",
            "https://www.postgresql.org/docs/current/errcodes-appendix.html",
            "https://www.postgresql.org/docs/current/libpq-connect.html",
            "https://www.psycopg.org/psycopg3/docs/advanced/cursors.html",
        ),
        limits=("fields inside of json columns are read and masked only with the whole",),
    ),
    open=open_postgres,
)
