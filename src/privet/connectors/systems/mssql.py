"""Microsoft SQL Server, by pymssql. Its driver encrypts, but cannot be told which certificates to believe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from privet.connectors import egress
from privet.connectors.base import Connector, Setup
from privet.connectors.egress import Names
from privet.connectors.profile import Profile
from privet.connectors.settings import HOST, PASSWORD, SCHEMA, USER, demand_way, driver_of, here, number, setting
from privet.connectors.sql.connector import Driver, Fault, SqlConnector, Trouble
from privet.connectors.sql.dialect import Dialect
from privet.connectors.sql.reflect import described
from privet.connectors.systems import Setting, System
from privet.errors import InvalidInput, Refused
from privet.vocabulary.dataset import Dataset

DIALECT = Dialect(
    name="mssql",
    quotes=("[", "]"),
    mark="%s",
    session=("SET XACT_ABORT ON", "SET IMPLICIT_TRANSACTIONS OFF"),
    begin_read=("BEGIN TRANSACTION",),
    begin_write=("BEGIN TRANSACTION",),
    commit="COMMIT TRANSACTION",
    rollback="IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION",  # some errors have ended it
    columns=(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS "
        "WHERE TABLE_SCHEMA = COALESCE(NULLIF(%s, ''), SCHEMA_NAME()) AND TABLE_NAME = %s"
    ),
    as_text="CAST({} AS NVARCHAR(4000))",
    kinds={
        "bit": "flag",
        "money": "decimal",
        "smallmoney": "decimal",
        "timestamp": "bytes",
        "rowversion": "bytes",
        "text": "other",
        "ntext": "other",
    },
    exact="{} COLLATE Latin1_General_100_BIN2",
)
_TROUBLES: dict[int, Trouble] = {
    515: "not null",
    2601: "unique",
    2627: "unique",
    2628: "length",
    8152: "length",
    241: "type",
    245: "type",
    8114: "type",
    207: "missing",
    208: "missing",
    229: "denied",
    230: "denied",
    262: "denied",
    3906: "denied",
    4060: "denied",
    18456: "denied",
    1205: "busy",
    1222: "busy",
    20003: "busy",
    20002: "lost",
    20006: "lost",
    20009: "lost",
    20047: "lost",
}
_TLS = Setting(
    name="tls",
    about="`unverified`: encrypted, but any server is believed; must be said for a server on another machine.",
    default="",
)


def open_mssql(setup: Setup, look_up: Names = egress.look_up) -> Connector:
    """Open a connector. Raises InvalidInput and Refused for settings that cannot be, Unavailable without the driver."""
    pymssql = driver_of("pymssql", "mssql")
    said = options(setup)

    def connect() -> Any:
        host, sign, instance = setting(setup, "host").partition("\\")  # what follows names an instance
        # The driver looks no name up, and loses nothing: it compares the name with no certificate.
        address, *_ = demand_way(setup, host, look_up=look_up) or (host,)
        return pymssql.connect(**(said | {"server": f"{address}{sign}{instance}"}))

    def describe(_: Any) -> Dataset:
        return described(setup, connect, "mssql+pymssql", "mssql")

    session = (*DIALECT.session, f"SET LOCK_TIMEOUT {int(setup.limits.read_seconds * 500)}")
    driver = Driver(
        dialect=replace(DIALECT, session=session),
        connect=connect,
        errors=(pymssql.Error, OSError),
        judge=judge,
        describe=describe,
    )
    return SqlConnector(setup, driver)


def options(setup: Setup) -> dict[str, Any]:
    """Return what the driver is told. Nothing of an operator's text becomes an option that is not named here."""
    tls, host = setting(setup, "tls", ""), setting(setup, "host")
    if tls not in ("", "unverified"):
        raise InvalidInput(f"connector `{setup.name}` expects `unverified`, or nothing, in the setting `tls`")
    if not tls and not here(host):
        hint = (
            "reach it by a tunnel that ends on this machine, or say `unverified`, knowing that any server is believed"
        )
        raise Refused(f"connector `{setup.name}`: the driver cannot verify a server on another machine", hint=hint)
    return {
        "server": host,
        "port": str(number(setup, "port", 1433)),
        "database": setting(setup, "database"),
        "user": setting(setup, "user"),
        "password": setting(setup, "password", ""),
        "login_timeout": max(1, int(setup.limits.connect_seconds)),
        "timeout": max(1, int(setup.limits.read_seconds)),
        "appname": "privet",
        "autocommit": True,  # transactions begin where we say so
        "encryption": "require" if tls else "request",
        "tds_version": "7.4",
        "arraysize": setup.limits.page,
    }


def judge(error: Exception) -> Fault:
    """Return what an error of the driver means."""
    first = error.args[0] if error.args else 0
    code, said = first if isinstance(first, tuple) else (first, error.args[-1] if error.args else "")
    if code == 547:  # one number for both
        return Fault("check" if "CHECK" in str(said) else "foreign key")
    found = _TROUBLES.get(code, "other") if isinstance(code, int) else "lost"
    return Fault(found, "", str(code) if isinstance(code, int) else "")


PART = System(
    name="mssql",
    title="Microsoft SQL Server",
    settings=(
        HOST,
        Setting(name="port", about="Port of the server.", default=1433),
        Setting(name="database", about="Name of the database."),
        USER,
        PASSWORD,
        SCHEMA,
        _TLS,
    ),
    profile=Profile(
        tried="statements",
        against="statements compared with the documents of SQL Server 2022",
        atomic=True,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="transaction",
        docs=(
            "https://learn.microsoft.com/en-us/sql/t-sql/language-elements/begin-transaction-transact-sql",
            "https://learn.microsoft.com/en-us/sql/t-sql/statements/set-xact-abort-transact-sql",
            "https://learn.microsoft.com/en-us/sql/t-sql/statements/set-lock-timeout-transact-sql",
            "https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors",
            "https://pymssql.readthedocs.io/en/stable/ref/pymssql.html",
        ),
        limits=(
            "a read is kept from changing anything by being rolled back: there are no read-only transactions",
            "the driver compares the server's name with no certificate; of several addresses the first is taken",
        ),
    ),
    open=open_mssql,
)
