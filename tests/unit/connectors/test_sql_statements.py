"""What databases are told, word for word: of those whose server cannot run here this is all that is tried."""

from __future__ import annotations

import importlib
import os
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from recorded import Recorded

from privet.connectors.base import Batch, Change, Limits, Read, Setup
from privet.connectors.sql.connector import Driver, Fault, SqlConnector
from privet.connectors.sql.dialect import Dialect
from privet.connectors.systems import bigquery, mssql, oracle, snowflake
from privet.errors import InvalidInput, Refused
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset, Field, Native

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "sql"
STYLES = {"mssql": 0, "oracle": 1, "snowflake": 1, "bigquery": 2, "postgres": 0, "mysql": 0, "duckdb": 0, "sqlite": 0}


def field(name: str, *, key: bool = False) -> Field:
    return Field(name=name, type="string", native=Native(primary_key=key))


PEOPLE = Collection(
    name="people",
    fields=(field("id", key=True), field("email"), field("name"), field("born"), field("active")),
)
VISITS = Collection(name="visits", fields=(field("person", key=True), field("day", key=True), field("note")))
DATASET = Dataset(key="shop", collections=(PEOPLE, VISITS))


def connector(raw: Recorded, dialect: Dialect) -> SqlConnector:
    driver = Driver(
        dialect=dialect,
        connect=lambda: raw,
        errors=(OSError,),
        judge=lambda error: Fault("other"),
        describe=lambda raw: DATASET,
    )
    return SqlConnector(Setup(name="shop", kind=dialect.name, settings={"schema": "sales"}), driver)


def told(dialect: Dialect) -> str:
    """Return all that a database is told by one read and one erasure."""
    raw = Recorded(STYLES[dialect.name])
    open_one = connector(raw, dialect)
    matches: dict[str, Any] = {
        "email": ["ada@example.com", "it's %s ? :1"],
        "id": [1, "2", "three"],
        "active": ["true"],
    }
    list(open_one.read(Read(dataset=DATASET, collection=PEOPLE, matches=matches)))
    list(open_one.read(Read(dataset=DATASET, collection=VISITS, matches={"day": ["2020-02-29"]}, fields=("note",))))
    visits = [
        Change({"person": 1, "day": date(2020, 2, 29)}, None, "a"),
        Change({"person": 1, "day": date(2020, 3, 1)}, None, "b"),
    ]
    people = [
        Change({"id": 1}, {"email": None, "name": "x"}, "c"),
        Change({"id": 2}, {"email": None, "name": "x"}, "d"),
        Change({"id": 3}, {"name": "y"}, "e"),
        Change({"email": "bob@example.com"}, None, "f"),
    ]
    open_one.erase(DATASET, [Batch(VISITS, visits), Batch(PEOPLE, people)])
    open_one.close()
    return "\n".join(raw.said) + "\n"


@pytest.mark.parametrize("name", STYLES)
def test_what_a_database_is_told(name: str) -> None:
    dialect = importlib.import_module(f"privet.connectors.systems.{name}").DIALECT
    path, now = GOLDEN / f"{name}.sql", told(dialect)
    if os.environ.get("PRIVET_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(now)
    assert now == path.read_text()


@pytest.mark.parametrize("name", STYLES)
def test_no_value_stands_in_a_statement(name: str) -> None:
    dialect = importlib.import_module(f"privet.connectors.systems.{name}").DIALECT
    statements = [line.partition("  <- ")[0] for line in told(dialect).splitlines()]
    assert [text for text in statements if "example.com" in text or "it's" in text or "2020" in text] == []


def test_names_of_the_catalog_are_quoted() -> None:
    for name in STYLES:
        dialect = importlib.import_module(f"privet.connectors.systems.{name}").DIALECT
        begin, end = dialect.quotes
        hostile = f"a{end}; DROP TABLE x; --%s"
        quoted = dialect.quoted(hostile)
        assert quoted.startswith(begin) and quoted.endswith(end)
        inner = quoted[1:-1].replace(end * 2, "")
        assert end not in inner and ("%s" not in inner.replace("%%", "") or dialect.mark != "%s")
        for bad in ("", "a\x00b", "a\nb", "a\u202eb"):
            with pytest.raises(InvalidInput):
                dialect.quoted(bad)


def setup(kind: str, **settings: Any) -> Setup:
    usual = {"host": "db.example.com", "database": "shop", "user": "requests"}
    return Setup(
        name="shop", kind=kind, settings={**usual, **settings}, secrets={"password": Secret("pw")}, limits=Limits()
    )


def test_the_driver_of_sql_server_is_told_no_more_than_it_must() -> None:
    with pytest.raises(Refused, match="cannot verify"):
        mssql.options(setup("mssql"))
    assert mssql.options(setup("mssql", tls="unverified", extra="x")) == {
        "server": "db.example.com",
        "port": "1433",
        "database": "shop",
        "user": "requests",
        "password": "pw",
        "login_timeout": 5,
        "timeout": 10,
        "appname": "privet",
        "autocommit": True,
        "encryption": "require",
        "tds_version": "7.4",
        "arraysize": 1000,
    }
    assert mssql.options(setup("mssql", host="127.0.0.1"))["encryption"] == "request"


def test_the_driver_of_oracle_verifies_the_server() -> None:
    said = oracle.options(setup("oracle", extra="x"))
    context = said.pop("ssl_context")
    assert context.check_hostname and context.verify_mode.name == "CERT_REQUIRED"
    assert said == {
        "host": "db.example.com",
        "port": 1521,
        "service_name": "shop",
        "user": "requests",
        "password": "pw",
        "tcp_connect_timeout": 5.0,
        "protocol": "tcps",
        "ssl_server_dn_match": True,
    }
    with pytest.raises(Refused):
        oracle.options(setup("oracle", tls="off"))


def test_the_driver_of_snowflake_binds_by_the_server_within_deadlines() -> None:
    said = snowflake.options(setup("snowflake", account="ab12345", warehouse="small", schema="sales", insecure_mode=1))
    assert said["paramstyle"] == "qmark" and said["autocommit"] is True
    assert said["session_parameters"] == {"STATEMENT_TIMEOUT_IN_SECONDS": 10, "LOCK_TIMEOUT": 5}
    assert (said["login_timeout"], said["network_timeout"]) == (5, 10)
    assert "insecure_mode" not in said


def test_a_key_of_bigquery_that_is_none_is_refused_without_a_word_of_it() -> None:
    for key in ("hunter2", "{}", "[1]", '{"type": "service_account", "private_key": "hunter2"}'):
        one = Setup(
            name="shop",
            kind="bigquery",
            settings={"project": "p", "schema": "sales"},
            secrets={"key": Secret(key)},
        )
        with pytest.raises(InvalidInput) as raised:
            bigquery.open_bigquery(one)
        assert "hunter2" not in f"{raised.value!r}{raised.value.hint}"


@pytest.mark.parametrize(
    ("judge", "error", "trouble"),
    [
        (mssql.judge, OSError((547, b"The DELETE statement conflicted with the REFERENCE constraint")), "foreign key"),
        (mssql.judge, OSError(547, b"The UPDATE statement conflicted with the CHECK constraint"), "check"),
        (mssql.judge, OSError((515, b"Cannot insert the value NULL into column")), "not null"),
        (mssql.judge, OSError((1222, b"Lock request time out period exceeded.")), "busy"),
        (mssql.judge, OSError("Connection is closed."), "lost"),
        (snowflake.judge, OSError("no number"), "lost"),
        (bigquery.judge, OSError("no code"), "lost"),
    ],
)
def test_an_error_is_judged_by_its_number(judge: Any, error: Exception, trouble: str) -> None:
    assert judge(error).trouble == trouble


def test_an_error_of_oracle_is_judged_by_its_number() -> None:
    class Said:
        def __init__(self, code: int, full_code: str) -> None:
            self.code, self.full_code = code, full_code

    cases = {(1407, "ORA-01407"): "not null", (2292, "ORA-02292"): "foreign key", (12899, "ORA-12899"): "length"}
    cases |= {(0, "DPY-4024"): "busy", (0, "DPY-6005"): "lost", (54, "ORA-00054"): "busy", (9, "ORA-00009"): "other"}
    for (code, full), trouble in cases.items():
        assert oracle.judge(ValueError(Said(code, full))).trouble == trouble, full


@pytest.mark.parametrize("name", STYLES)
def test_a_part_says_what_it_was_written_from_and_tried_against(name: str) -> None:
    part = importlib.import_module(f"privet.connectors.systems.{name}").PART
    assert all(page.startswith("https://") for page in part.profile.docs) and len(part.profile.docs) >= 3
    assert part.profile.atomic == (importlib.import_module(f"privet.connectors.systems.{name}").DIALECT.span == "call")
    seen = name in ("postgres", "mysql", "sqlite", "duckdb")
    assert part.profile.level == ("gold" if seen else "bronze")
    assert part.profile.untried == ("" if seen else "not tried against the vendor")
    assert [one.name for one in part.settings if one.secret] in (["password"], ["key"], [])
