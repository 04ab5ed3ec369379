"""Databases as detectors see them: PostgreSQL, MariaDB, SQLite and DuckDB, each a real one."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest
import sqlalchemy as sa
from servers import run_sql

from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed, key_of, shown
from privet.scanners.detectors import DETECTORS, database, detector_of, sqlite
from privet.secret import Secret
from privet.vocabulary.dataset import Field, Link, Native, every_field

USERS = """CREATE TABLE users (
  id bigint PRIMARY KEY, email varchar(40) NOT NULL, born date, ok boolean, paid numeric(10, 2), note text)"""
ORDERS = "CREATE TABLE orders (id int PRIMARY KEY, user_id bigint, FOREIGN KEY (user_id) REFERENCES users (id))"
ROW = "INSERT INTO users (id, email, born, ok) VALUES (1, 'ann@example.com', '1990-01-02', true)"


def ask(dsn: str, **more: object) -> Ask:
    return Ask(dsn=Secret(dsn), **more)  # type: ignore[arg-type]


def seen(dsn: str, **more: object) -> dict[str, Observed]:
    asked = ask(dsn, **more)
    return {one.address: one for one in detector_of(asked.dsn).scan(asked)}


def fields(one: Observed) -> dict[str, Field]:
    return dict(every_field(one.collection.fields))


@pytest.fixture
def postgres(postgres_dsn: str) -> Iterator[str]:
    run_sql(postgres_dsn, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    yield postgres_dsn
    run_sql(postgres_dsn, "DROP SCHEMA IF EXISTS billing CASCADE")


@contextmanager
def maria_database(dsn: str, name: str) -> Iterator[str]:
    run_sql(dsn, f"CREATE DATABASE {name}")
    try:
        yield dsn.replace("localhost/", f"localhost/{name}")
    finally:
        run_sql(dsn, f"DROP DATABASE {name}")


@pytest.fixture
def maria(mariadb_dsn: str) -> Iterator[str]:
    with maria_database(mariadb_dsn, "shop") as dsn:
        yield dsn


@pytest.fixture
def lite(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/shop.db"


@pytest.fixture
def duck(tmp_path: Path) -> str:
    return f"duckdb:///{tmp_path}/shop.duckdb"


def fill(dsn: str, *statements: str) -> None:
    """Run statements in whatever database it is."""
    path = dsn.partition(":///")[2]
    if dsn.startswith("sqlite"):
        with sqlite3.connect(path) as connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()
    elif dsn.startswith("duckdb"):
        with duckdb.connect(path) as found:
            for statement in statements:
                found.execute(statement)
    else:
        run_sql(dsn, *statements)


@pytest.mark.parametrize("kind", ["postgres", "maria", "lite", "duck"])
def test_tables_columns_keys_and_references_are_seen(kind: str, request: pytest.FixtureRequest) -> None:
    dsn = request.getfixturevalue(kind)
    fill(dsn, USERS, ORDERS, ROW, "CREATE VIEW adults AS SELECT id FROM users")
    found = seen(dsn, key="shop", samples=5)
    assert list(found) == ["shop.orders", "shop.users"]
    users, orders = (fields(found[name]) for name in ("shop.users", "shop.orders"))
    assert [field.native.data_type for field in users.values()] == [
        "integer",
        "string",
        "string",
        "boolean",
        "float",
        "string",
    ]
    assert (users["email"].native.nullable, users["born"].native.nullable) == (False, True)
    assert users["email"].native.length == (None if kind == "duck" else 40)  # DuckDB keeps no lengths
    assert [name for name, field in users.items() if field.native.primary_key] == ["id"]
    assert orders["user_id"].native.links == (Link("shop", "users.id", "from"),)
    proposals = found["shop.users"].proposals
    assert proposals["email"].label == "user.contact.email" and "value fits" in proposals["email"].reason
    assert found["shop.users"].notes == ()
    assert list(seen(dsn, key="shop", views=True)) == ["shop.adults", "shop.orders", "shop.users"]


@pytest.mark.parametrize("kind", ["postgres", "maria", "lite", "duck"])
def test_what_is_done_is_passed_over(kind: str, request: pytest.FixtureRequest) -> None:
    dsn = request.getfixturevalue(kind)
    fill(dsn, USERS, ORDERS)
    assert list(seen(dsn, key="shop", done={"shop.orders"})) == ["shop.users"]


@pytest.mark.parametrize("kind", ["postgres", "maria", "duck"])
def test_comments_are_descriptions(kind: str, request: pytest.FixtureRequest) -> None:
    dsn = request.getfixturevalue(kind)
    if kind == "maria":
        fill(dsn, "CREATE TABLE t (a int COMMENT 'what\n  it is') COMMENT 'all of it'")
    else:
        fill(
            dsn,
            "CREATE TABLE t (a int)",
            "COMMENT ON TABLE t IS 'all of it'",
            "COMMENT ON COLUMN t.a IS 'what\n  it is'",
        )
    (one,) = seen(dsn).values()
    assert (one.collection.description, one.collection.fields[0].description) == ("all of it", "what it is")


def test_references_cross_schemas(postgres: str) -> None:
    fill(
        postgres,
        USERS,
        "CREATE SCHEMA billing",
        "CREATE TABLE billing.invoices (id int, no int, user_id bigint REFERENCES users (id), PRIMARY KEY (id, no))",
        "CREATE TABLE billing.users (id int PRIMARY KEY)",
        "CREATE TABLE billing.lines (a int, b int, u int REFERENCES billing.users (id), "
        "FOREIGN KEY (a, b) REFERENCES billing.invoices (id, no))",
    )
    found = seen(postgres, key="shop", keys={"billing": "money"})
    assert set(found) == {"shop.users", "money.invoices", "money.lines", "money.users"}
    links = {name: field.native.links for name, field in fields(found["money.lines"]).items()}
    assert links == {
        "a": (Link("money", "invoices.id", "from"),),
        "b": (Link("money", "invoices.no", "from"),),
        "u": (Link("money", "users.id", "from"),),
    }
    assert fields(found["money.invoices"])["user_id"].native.links == (Link("shop", "users.id", "from"),)
    assert set(seen(postgres, key="shop", schemas=("billing",))) == {
        "shop_billing.invoices",
        "shop_billing.lines",
        "shop_billing.users",
    }
    with pytest.raises(InvalidInput, match="there is no schema `nowhere`"):
        seen(postgres, schemas=("nowhere",))


def test_types_of_postgresql_have_words(postgres: str) -> None:
    fill(
        postgres,
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        "CREATE DOMAIN address AS text CHECK (length(VALUE) > 3)",
        "CREATE TABLE t (m mood, a address, l text[], j jsonb, u uuid, i inet, b bytea, "
        'c varchar(9) COLLATE "C", s serial)',
    )
    (one,) = seen(postgres).values()
    found = {name: (field.native.data_type, field.native.column_type) for name, field in fields(one).items()}
    assert found["a"] == ("string", "TEXT")
    assert found["c"] == ("string", "VARCHAR(9)")
    assert [kind for kind, _ in found.values()] == [
        "string",
        "string",
        "string[]",
        "object",
        "string",
        "string",
        "",
        "string",
        "integer",
    ]


def test_a_partitioned_table_is_one(postgres: str) -> None:
    fill(
        postgres,
        "CREATE TABLE parts (id int, at date) PARTITION BY RANGE (at)",
        "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
    )
    assert list(seen(postgres, key="k")) == ["k.parts"]


def test_a_value_that_the_driver_refuses_hides_no_other(postgres: str) -> None:
    fill(postgres, USERS, "INSERT INTO users VALUES (1, 'ann@example.com', 'infinity')")
    (one,) = seen(postgres, samples=5).values()
    assert one.notes == () and "value fits" in one.proposals["email"].reason


def test_a_table_that_may_not_be_read_is_seen_without_values(postgres: str) -> None:
    fill(postgres, USERS, ROW, "DROP ROLE IF EXISTS poor", "CREATE ROLE poor LOGIN")
    (one,) = seen(postgres.replace("reader@", "poor@"), samples=5).values()
    assert one.notes == ("its values could not be read",)
    assert one.proposals["email"].reason == "by its name alone"


@pytest.mark.slow
def test_a_locked_table_does_not_hold_the_scan(postgres: str) -> None:
    fill(postgres, USERS)
    engine = sa.create_engine(postgres.replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        (one,) = seen(postgres, samples=5).values()
    engine.dispose()
    assert one.notes == ("its values could not be read",)


@pytest.mark.parametrize("kind", ["postgres", "maria"])
def test_a_scan_cannot_write(kind: str, request: pytest.FixtureRequest) -> None:
    dsn = request.getfixturevalue(kind)
    fill(dsn, USERS)
    engine = database._engine(ask(dsn))
    try:
        with (
            database._reading(engine) as connection,
            pytest.raises(sa.exc.DBAPIError, match=r"(?i)read.?only"),
        ):
            connection.exec_driver_sql(ROW)
    finally:
        engine.dispose()


def test_a_scan_of_a_file_cannot_write_and_leaves_nothing(lite: str, tmp_path: Path) -> None:
    fill(lite, USERS)
    connection = sqlite._open(tmp_path / "shop.db")
    with pytest.raises(sqlite3.OperationalError):
        connection.execute(ROW)
    connection.close()
    seen(lite, samples=5)
    assert [path.name for path in tmp_path.iterdir()] == ["shop.db"]


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_file_that_is_missing_is_not_made(scheme: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="there is no file"):
        seen(f"{scheme}:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database_is_told(scheme: str, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"no database at all, but long enough to look like one " * 40)
    with pytest.raises(Unavailable, match="cannot be read"):
        seen(f"{scheme}:///{tmp_path}/x.db")


def test_columns_of_sqlite_without_types_and_with_odd_names(lite: str) -> None:
    fill(
        lite,
        'CREATE TABLE "a ""b" (id INTEGER PRIMARY KEY, anything, "x\'y" TEXT, twice AS (id * 2), raw BLOB)',
        'CREATE TABLE c (a INTEGER REFERENCES "a ""b")',
        'INSERT INTO "a ""b" (anything) VALUES (\'ann@example.com\')',
    )
    found = seen(lite, key="k", samples=5)
    assert list(fields(found['k.a "b'])) == ["id", "anything", "x'y", "twice", "raw"]
    assert found['k.a "b'].proposals["anything"].label == "user.contact.email"
    assert fields(found["k.c"])["a"].native.links == (Link("k", 'a "b.id', "from"),)


def test_structs_of_duckdb_hold_fields(duck: str) -> None:
    fill(duck, "CREATE TABLE t (home STRUCT(city VARCHAR, pos STRUCT(lat DOUBLE))[], l VARCHAR[])")
    (one,) = seen(duck).values()
    found = {path: field.native.data_type for path, field in fields(one).items()}
    assert found == {
        "home": "object[]",
        "home.city": "string",
        "home.pos": "object",
        "home.pos.lat": "float",
        "l": "string[]",
    }


def test_other_databases_of_mysql_are_datasets_of_their_own(maria: str, mariadb_dsn: str) -> None:
    with maria_database(mariadb_dsn, "money") as other:
        fill(other, "CREATE TABLE accounts (id int PRIMARY KEY)")
        fill(maria, "CREATE TABLE t (a int, FOREIGN KEY (a) REFERENCES money.accounts (id))")
        found = seen(maria)
        assert list(found) == ["shop.t"]
        assert fields(found["shop.t"])["a"].native.links == (Link("money", "accounts.id", "from"),)
        fill(maria, "DROP TABLE t")
    with pytest.raises(InvalidInput, match="expected a database in the DSN, or --schema"):
        seen(mariadb_dsn)


# --- the DSN ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dsn", "text", "key"),
    [
        (
            "postgresql://u:hunter2@db.example.com:5432/shop?password=hunter2",
            "postgresql://db.example.com:5432/shop",
            "shop",
        ),
        ("mysql://u:hunter2/@hunter2?@h/shop", "mysql://h/shop", "shop"),
        ("postgresql+psycopg://u:hunter2@/shop?host=/run/pg", "postgresql:///shop", "shop"),
        ("sqlite:////srv/data/my shop.v2.db", "sqlite:////srv/data/my shop.v2.db", "my_shop.v2"),
        ("mongodb://u:hunter2@a:1,b:2/shop", "mongodb://a:1,b:2/shop", "shop"),
        ("mysql://u:hunter2@h", "mysql://h", "h"),
    ],
)
def test_a_dsn_is_shown_without_what_is_secret(dsn: str, text: str, key: str) -> None:
    assert (shown(Secret(dsn)), key_of(Secret(dsn))) == (text, key)


@pytest.mark.parametrize(
    "dsn",
    [
        "hunter2",
        "hunter2://x",
        "",
        "postgresql://u:hunter2@h:port/x",
        "sqlite://u:hunter2@/x",
        "duckdb://u:hunter2@/x",
    ],
)
def test_what_is_no_dsn_is_refused_without_quoting_it(dsn: str) -> None:
    with pytest.raises(InvalidInput) as error:
        seen(dsn)
    assert "hunter2" not in f"{error.value} {error.value.hint}"


@pytest.mark.parametrize("dsn", ["postgresql://u:hunter2@127.0.0.1:1/x", "mariadb://u:hunter2@127.0.0.1:1/x"])
def test_a_server_that_does_not_answer_is_told_without_its_password(dsn: str) -> None:
    with pytest.raises(Unavailable, match="does not answer") as error:
        seen(dsn)
    assert "hunter2" not in f"{error.value} {error.value.hint}"


def test_a_wrong_database_is_told(postgres_dsn: str) -> None:
    with pytest.raises(Unavailable, match="does not answer or does not let us in"):
        seen(postgres_dsn.replace("/postgres?", "/none?"))


def test_every_scheme_has_one_detector() -> None:
    schemes = [scheme for one in DETECTORS.all() for scheme in one.schemes]
    assert sorted(schemes) == sorted(set(schemes))
    assert {"postgresql", "mysql", "mariadb", "sqlite", "duckdb", "mongodb"} <= set(schemes)


def test_nothing_is_said_of_a_column_that_has_no_type(lite: str) -> None:
    fill(lite, "CREATE TABLE t (a)")
    (one,) = seen(lite).values()
    assert one.collection.fields[0].native == Native(data_type="string", nullable=True)
