"""MySQL and MariaDB, by PyMySQL. Reads come as a stream that the server sends as fast as they are taken."""

from __future__ import annotations

import ssl
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
from privet.errors import InvalidInput, Refused
from privet.vocabulary.dataset import Dataset

DIALECT = Dialect(
    name="mysql",
    quotes=("`", "`"),
    mark="%s",
    most=5000,
    begin_read=("START TRANSACTION READ ONLY",),
    begin_write=("START TRANSACTION",),
    columns=(
        "SELECT table_name, column_name, column_type FROM information_schema.columns "
        "WHERE table_schema = COALESCE(NULLIF(%s, ''), DATABASE()) AND table_name = %s"
    ),
    as_text="CAST({} AS CHAR)",
    kinds={"tinyint(1)": "flag", "bit(1)": "flag", "bit": "other", "set": "text"},
    # Most collations take `ada` for `Áda`.
    exact="CONVERT({} USING utf8mb4) COLLATE utf8mb4_bin",
)
_TROUBLES: dict[int, Trouble] = {
    1048: "not null",
    1364: "not null",
    1062: "unique",
    1586: "unique",
    1216: "foreign key",
    1217: "foreign key",
    1451: "foreign key",
    1452: "foreign key",
    3819: "check",
    4025: "check",
    1644: "check",
    1406: "length",
    1264: "type",
    1265: "type",
    1292: "type",
    1366: "type",
    1054: "missing",
    1146: "missing",
    1044: "denied",
    1045: "denied",
    1049: "denied",
    1142: "denied",
    1143: "denied",
    1290: "denied",
    1698: "denied",
    1792: "denied",
    1040: "busy",
    1205: "busy",
    1213: "busy",
    1969: "busy",
    3024: "busy",
    1053: "lost",
    1317: "busy",
    2003: "lost",
    2006: "lost",
    2013: "lost",
    2026: "lost",
}


def open_mysql(setup: Setup, look_up: Names = egress.look_up) -> Connector:
    """Open a connector. Raises InvalidInput for settings that cannot be, Unavailable without the driver."""
    pymysql, cursors = driver_of("pymysql", "mysql"), driver_of("pymysql.cursors", "mysql")
    said = {**_said(setup), "client_flag": driver_of("pymysql.constants.CLIENT", "mysql").FOUND_ROWS}

    def connect() -> Any:
        addresses = demand_way(setup, setting(setup, "host"), 3306, look_up)
        raw = pymysql.connect(**said, defer_connect=True)
        try:
            raw.connect(egress.connected(addresses, said["port"], said["connect_timeout"]) if addresses else None)
        except OSError:
            raise pymysql.err.OperationalError(2003, "nobody takes the connection") from None
        if said.get("ssl") is not None and not raw._secure:
            raw.close()  # old drivers go on in the clear with a server that cannot encrypt
            raise Refused(f"the server of `{setup.name}` does not encrypt", hint="give it a certificate")
        return raw

    def describe(_: Any) -> Dataset:
        return described(setup, connect, "mysql+pymysql", "mysql")

    driver = Driver(
        dialect=replace(DIALECT, session=_session(setup)),
        connect=connect,
        errors=(pymysql.Error,),
        judge=_judge,
        describe=describe,
        cursor=lambda raw: raw.cursor(cursors.SSCursor),
        drop=_drop,
    )
    return SqlConnector(setup, driver)


def _session(setup: Setup) -> tuple[str, ...]:
    seconds = max(1, int(setup.limits.read_seconds))
    # Strict: what does not fit is an error and is not cut. Nothing but a read may take long, since it is sent as fast
    # as it is taken: how long it may be silent is the driver's business.
    return (
        "SET SESSION sql_mode = 'STRICT_ALL_TABLES', "
        f"innodb_lock_wait_timeout = {max(1, seconds // 2)}, lock_wait_timeout = {max(1, seconds // 2)}",
    )


def _said(setup: Setup) -> dict[str, Any]:
    """Return what the driver is told. Nothing of an operator's text becomes an option that is not named here."""
    host = setting(setup, "host")
    said: dict[str, Any] = {
        "user": setting(setup, "user"),
        "password": setting(setup, "password", ""),
        "database": setting(setup, "database"),
        "charset": "utf8mb4",
        "connect_timeout": max(1, int(setup.limits.connect_seconds)),
        "read_timeout": max(1, int(setup.limits.read_seconds)),
        "write_timeout": max(1, int(setup.limits.read_seconds)),
        "autocommit": True,  # transactions begin where we say so
        "local_infile": False,  # a server could ask for any file of ours
    }
    said |= {"unix_socket": host} if host.startswith("/") else {"host": host, "port": number(setup, "port", 3306)}
    if not encrypted(setup):
        return said | {"ssl_disabled": True}
    try:
        return said | {"ssl": ssl.create_default_context(cafile=setting(setup, "ca", "") or None)}
    except (OSError, ssl.SSLError):
        raise InvalidInput(f"connector `{setup.name}` names certificates that cannot be read", at="ca") from None


def _drop(raw: Any) -> None:
    if raw._result is not None:
        raw._result.unbuffered_active = False  # else the driver would take all that is still to come
    raw.close()


def _judge(error: Exception) -> Fault:
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if type(error).__name__ == "InterfaceError" and not code:
        return Fault("lost")
    text = str(error.args[1]) if code == 2013 and len(error.args) > 1 else ""
    trouble = "busy" if "timed out" in text else _TROUBLES.get(code, "other")
    return Fault(trouble, "", str(code or ""))


PART = System(
    name="mysql",
    title="MySQL and MariaDB",
    settings=(
        HOST,
        Setting(name="port", about="Port of the server.", default=3306),
        Setting(name="database", about="Name of the database."),
        USER,
        PASSWORD,
        SCHEMA,
        TLS,
        CA,
    ),
    profile=Profile(
        tried="server",
        against="MariaDB 10.11",
        atomic=True,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="transaction",
        docs=(
            "https://dev.mysql.com/doc/refman/8.4/en/commit.html",
            "https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html",
            "https://mariadb.com/kb/en/start-transaction/",
            "https://pymysql.readthedocs.io/en/latest/modules/connections.html",
        ),
        limits=(
            "tables of engines without transactions (MyISAM) keep what was done before a failure",
            "fields inside of json columns are read and masked only with the whole",
        ),
    ),
    open=open_mysql,
)
