"""Oracle Database, by python-oracledb in its thin mode, which needs no client of Oracle's."""

from __future__ import annotations

import ssl
from typing import Any

from privet.connectors.base import Connector, Setup
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
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Dataset

DIALECT = Dialect(
    name="oracle",
    mark=":{}",
    most=1000,  # of one list
    longest=4000,
    begin_read=("SET TRANSACTION READ ONLY",),
    commit="",
    rollback="",
    probe="SELECT 1 FROM DUAL",
    # An empty text is absent, so COALESCE sees it.
    columns=(
        "SELECT table_name, column_name, data_type FROM all_tab_columns "
        "WHERE owner = COALESCE(:1, SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA')) AND UPPER(table_name) = UPPER(:2)"
    ),
    as_text="TO_CHAR(SUBSTR({}, 1, 4000))",
    kinds={"date": "timestamp", "clob": "other", "nclob": "other", "long": "other"},
    many=True,
)
_TROUBLES: dict[int, Trouble] = {
    1400: "not null",
    1407: "not null",
    1: "unique",
    2291: "foreign key",
    2292: "foreign key",
    2290: "check",
    20000: "check",
    12899: "length",
    1438: "length",
    1722: "type",
    1858: "type",
    1861: "type",
    932: "type",
    904: "missing",
    942: "missing",
    1017: "denied",
    1031: "denied",
    1456: "denied",
    28000: "denied",
    54: "busy",
    60: "busy",
    8177: "busy",
    30006: "busy",
    3136: "lost",
    3113: "lost",
    3114: "lost",
    12541: "lost",
    12514: "lost",
}


def open_oracle(setup: Setup) -> Connector:
    """Open a connector. Raises InvalidInput for settings that cannot be, Unavailable without the driver."""
    oracledb = driver_of("oracledb", "oracle")
    said = options(setup)

    def connect() -> Any:
        demand_way(setup, setting(setup, "host"), 1521)
        raw = oracledb.connect(**said)
        raw.call_timeout = int(setup.limits.read_seconds * 1000)
        raw.outputtypehandler = _whole(oracledb)
        return raw

    def describe(_: Any) -> Dataset:
        return described(setup, connect, "oracle+oracledb", "oracle")

    driver = Driver(dialect=DIALECT, connect=connect, errors=(oracledb.Error, OSError), judge=judge, describe=describe)
    return SqlConnector(setup, driver)


def options(setup: Setup) -> dict[str, Any]:
    """Return what the driver is told. Nothing of an operator's text becomes an option that is not named here."""
    said: dict[str, Any] = {
        "host": setting(setup, "host"),
        "port": number(setup, "port", 1521),
        "service_name": setting(setup, "database"),
        "user": setting(setup, "user"),
        "password": setting(setup, "password", ""),
        "tcp_connect_timeout": setup.limits.connect_seconds,
        "protocol": "tcp",
    }
    if encrypted(setup):
        try:
            context = ssl.create_default_context(cafile=setting(setup, "ca", "") or None)
        except (OSError, ssl.SSLError):
            raise InvalidInput(f"connector `{setup.name}` names certificates that cannot be read", at="ca") from None
        said |= {"protocol": "tcps", "ssl_context": context, "ssl_server_dn_match": True}
    return said


def _whole(oracledb: Any) -> Any:
    """Return what makes large objects come as texts and bytes, and numbers exact."""
    kinds = {
        oracledb.DB_TYPE_CLOB: oracledb.DB_TYPE_LONG,
        oracledb.DB_TYPE_NCLOB: oracledb.DB_TYPE_LONG_NVARCHAR,
        oracledb.DB_TYPE_BLOB: oracledb.DB_TYPE_LONG_RAW,
    }

    def handler(cursor: Any, metadata: Any) -> Any:
        kind = kinds.get(metadata.type_code)
        return cursor.var(kind, arraysize=cursor.arraysize) if kind is not None else None

    return handler


def judge(error: Exception) -> Fault:
    """Return what an error of the driver means."""
    said = error.args[0] if error.args else None
    code, full = getattr(said, "code", 0), str(getattr(said, "full_code", ""))
    if full.startswith("DPY-"):  # the driver's own: 4024 is its deadline, 4011 and 6xxx the connection
        return Fault("busy" if full == "DPY-4024" else "lost", "", full)
    return Fault(_TROUBLES.get(code, "other"), "", full)


PART = System(
    name="oracle",
    title="Oracle Database",
    settings=(
        HOST,
        Setting(name="port", about="Port of the listener.", default=1521),
        Setting(name="database", about="Name of the service."),
        USER,
        PASSWORD,
        SCHEMA,
        TLS,
        CA,
    ),
    profile=Profile(
        tried="statements",
        against="statements compared with the documents of Oracle Database 23ai",
        atomic=True,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="transaction",
        docs=(
            "https://docs.oracle.com/en/database/oracle/oracle-database/23/sqlrf/SET-TRANSACTION.html",
            "https://docs.oracle.com/en/database/oracle/oracle-database/23/refrn/ALL_TAB_COLUMNS.html",
            "https://docs.oracle.com/en/error-help/db/",
            "https://python-oracledb.readthedocs.io/en/latest/api_manual/module.html",
            "https://python-oracledb.readthedocs.io/en/latest/api_manual/connection.html",
        ),
        limits=(
            "texts of more than 4,000 bytes are not compared whole",
            "the driver looks the server's name up once more after its addresses were judged: what leads elsewhere by "
            "then is held off by the certificate alone",
        ),
    ),
    open=open_oracle,
)
