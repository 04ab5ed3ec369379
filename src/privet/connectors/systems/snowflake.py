"""Snowflake, by its own connector, with values bound by the server."""

from __future__ import annotations

import re
from typing import Any

from privet.connectors.base import Connector, Setup
from privet.connectors.catalog import listed
from privet.connectors.profile import Profile
from privet.connectors.settings import PASSWORD, SCHEMA, USER, driver_of, setting
from privet.connectors.sql.connector import Driver, Fault, SqlConnector, Trouble
from privet.connectors.sql.dialect import Dialect
from privet.connectors.systems import Setting, System
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Dataset

DIALECT = Dialect(
    name="snowflake",
    most=1000,
    begin_read=("BEGIN",),
    begin_write=("BEGIN",),
    columns=(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = COALESCE(NULLIF(?, ''), CURRENT_SCHEMA()) AND UPPER(table_name) = UPPER(?)"
    ),
    as_text="CAST({} AS VARCHAR)",
)
EVERYTHING = (
    "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
    "WHERE table_schema = COALESCE(NULLIF(?, ''), CURRENT_SCHEMA()) ORDER BY table_name, ordinal_position"
)
_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,128}(?:\.[A-Za-z0-9_-]{1,64}){0,4}")
_TROUBLES: dict[int, Trouble] = {
    100072: "not null",
    100078: "length",
    100035: "type",
    100038: "type",
    100040: "type",
    904: "missing",
    2003: "missing",
    2043: "missing",
    3001: "denied",
    390100: "denied",
    390201: "denied",
    604: "busy",
    625: "busy",
    630: "busy",
    250001: "lost",
    250003: "lost",
    390114: "lost",
}


def open_snowflake(setup: Setup) -> Connector:
    """Open a connector. Raises InvalidInput for settings that cannot be, Unavailable without the driver."""
    snowflake = driver_of("snowflake.connector", "snowflake")
    said = options(setup)

    def connect() -> Any:
        return snowflake.connect(**said)

    def describe(raw: Any) -> Dataset:
        cursor = raw.cursor()
        cursor.execute(EVERYTHING, (setting(setup, "schema", ""),))
        rows = [(table, name, kind, may == "YES") for table, name, kind, may in cursor.fetchall()]
        return Dataset(key=setup.name, collections=listed(rows))

    driver = Driver(
        dialect=DIALECT, connect=connect, errors=(snowflake.errors.Error, OSError), judge=judge, describe=describe
    )
    return SqlConnector(setup, driver)


def options(setup: Setup) -> dict[str, Any]:
    """Return what the driver is told. Nothing of an operator's text becomes an option that is not named here."""
    seconds = max(1, int(setup.limits.read_seconds))
    account = setting(setup, "account")
    if not _ACCOUNT.fullmatch(account):
        # It becomes part of the host's name, and nothing else of an address.
        raise InvalidInput(f"connector `{setup.name}` expects an account's identifier", at="account")
    return {
        "account": account,
        "user": setting(setup, "user"),
        "password": setting(setup, "password", ""),
        "database": setting(setup, "database"),
        "schema": setting(setup, "schema", "") or None,
        "warehouse": setting(setup, "warehouse"),
        "role": setting(setup, "role", "") or None,
        "login_timeout": max(1, int(setup.limits.connect_seconds)),
        "network_timeout": seconds,
        "autocommit": True,  # transactions begin where we say so
        "paramstyle": "qmark",  # bound by the server
        "client_telemetry_enabled": False,
        "application": "privet",
        "session_parameters": {"STATEMENT_TIMEOUT_IN_SECONDS": seconds, "LOCK_TIMEOUT": max(1, seconds // 2)},
    }


def judge(error: Exception) -> Fault:
    """Return what an error of the driver means."""
    code = getattr(error, "errno", None)
    if not isinstance(code, int) or code < 0:
        return Fault("lost")
    return Fault(_TROUBLES.get(code, "other"), "", str(code))


PART = System(
    name="snowflake",
    title="Snowflake",
    settings=(
        Setting(name="account", about="The account's identifier."),
        Setting(name="warehouse", about="Which warehouse does the work."),
        Setting(name="database", about="Name of the database."),
        SCHEMA,
        USER,
        PASSWORD,
        Setting(name="role", about="The role to take; empty: the user's own.", default=""),
    ),
    profile=Profile(
        tried="statements",
        against="statements compared with Snowflake's documents",
        atomic=True,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="transaction",
        docs=(
            "https://docs.snowflake.com/en/developer-guide/python-connector/python-connector-api",
            "https://docs.snowflake.com/en/sql-reference/transactions",
            "https://docs.snowflake.com/en/sql-reference/info-schema/columns",
            "https://docs.snowflake.com/en/sql-reference/parameters",
        ),
        limits=(
            "what was erased can be brought back by Time Travel until its time is over",
            "describe knows no keys and references: Snowflake's information schema gives no columns of them",
            "arrays and objects are read and masked only as a whole",
        ),
    ),
    open=open_snowflake,
)
