"""What real database servers do beyond the contract: types, schemas, collations, locks, lost connections, deadlines."""

from __future__ import annotations

import datetime
import socket
import sqlite3
import threading
import time
import tracemalloc
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from databases import PASSWORD, SqlStage

from privet.connectors.base import Batch, Change, Connector, Limits, Read, Setup
from privet.connectors.settings import driver_of
from privet.connectors.systems import SYSTEMS
from privet.errors import InvalidInput, PrivetError, Refused, Unavailable
from privet.secret import Secret
from privet.testing.sample import ADA, MASKED, ROWS, field_of
from privet.vocabulary.dataset import Collection, Dataset

QUICK = Limits(read_seconds=1)


def run(stage: SqlStage, *statements: str) -> None:
    with stage.working() as cursor:
        for statement in statements:
            cursor.execute(statement)


def table(name: str, *fields: str, key: str = "id") -> Collection:
    return Collection(name=name, fields=tuple(field_of(one, "string", primary_key=one == key) for one in fields))


def ids(connector: Connector, collection: Collection, matches: dict[str, Any]) -> list[Any]:
    dataset = Dataset(key="stage", collections=(collection,))
    pages = connector.read(Read(dataset=dataset, collection=collection, matches=matches))
    return sorted(str(one.values["id"]) for page in pages for one in page)


def erase(connector: Connector, collection: Collection, *changes: Change) -> list[int]:
    dataset = Dataset(key="stage", collections=(collection,))
    return connector.erase(dataset, [Batch(collection, changes)])


@pytest.fixture
def odd(postgres_stage: SqlStage) -> Iterator[Connector]:
    stage = postgres_stage
    run(
        stage,
        "CREATE SCHEMA odd",
        "CREATE TYPE odd.mood AS ENUM ('calm', 'cross')",
        "CREATE DOMAIN odd.mail AS varchar(60) CHECK (VALUE LIKE '%@%')",
        "CREATE TABLE odd.things (id uuid PRIMARY KEY, n bigint, mood odd.mood, mail odd.mail, born date, "
        "seen timestamptz, paid numeric(10, 2), ok boolean, raw bytea, tags text[], "
        "prefs jsonb, code character(5), addr inet)",
        "INSERT INTO odd.things VALUES ('0189f7a2-0000-7000-8000-000000000001', 9007199254740993, 'calm', "
        "'ada@example.com', '1990-01-02', '2020-01-02 03:04:05+00', 12.50, true, '\\xff00', '{a,b}', "
        "'{\"a\": 1}', 'ab', '192.0.2.1'), ('0189f7a2-0000-7000-8000-000000000002', 2, 'cross', 'bob@example.com', "
        "'infinity', 'infinity', 0, false, '\\x00', '{b}', '{}', 'cd', '192.0.2.2')",
    )
    settings = {**stage.settings, "schema": "odd"}
    connector = SYSTEMS.get("postgres").open(stage.setup(settings, Limits()))
    yield connector
    connector.close()
    run(stage, "DROP SCHEMA odd CASCADE")


THINGS = table(
    "things", *["id", "n", "mood", "mail", "born", "seen", "paid", "ok", "raw", "tags", "prefs", "code", "addr"]
)
ONE, TWO = (f"0189f7a2-0000-7000-8000-00000000000{n}" for n in (1, 2))


@pytest.mark.parametrize(
    ("name", "values", "found"),
    [
        ("id", [ONE], [ONE]),
        ("id", [uuid.UUID(ONE), TWO.upper()], [ONE, TWO]),
        ("id", ["not a uuid", 5, None, b"x"], []),
        ("n", ["9007199254740993"], [ONE]),
        ("n", [9007199254740992.0], []),
        ("mood", ["calm", "no such mood"], [ONE]),
        ("mail", ["ada@example.com", "no mail"], [ONE]),
        ("born", ["1990-01-02", "infinity", "never"], [ONE]),
        ("seen", ["2020-01-02T03:04:05+00:00"], [ONE]),
        ("paid", ["12.5", 0], [ONE, TWO]),
        ("ok", [True], [ONE]),
        ("raw", [b"\xff\x00", "text"], [ONE]),
        ("tags", ["a"], [ONE]),
        ("tags", ["b", "{a,b}"], [ONE, TWO]),
        ("code", ["ab"], [ONE]),
        ("addr", ["192.0.2.2/32", "no address"], [TWO]),
    ],
)
def test_postgres_compares_by_the_type_of_the_column(
    odd: Connector, name: str, values: list[Any], found: list[str]
) -> None:
    assert ids(odd, THINGS, {name: values}) == found


def test_postgres_gives_values_that_python_lacks_as_texts(odd: Connector) -> None:
    dataset = Dataset(key="stage", collections=(THINGS,))
    ((one,), (two,)) = (
        next(iter(odd.read(Read(dataset=dataset, collection=THINGS, matches={"id": [name]})))) for name in (ONE, TWO)
    )
    assert (two.values["born"], two.values["seen"]) == ("infinity", "infinity")
    assert one.values["born"] == datetime.date(1990, 1, 2) and one.values["prefs"] == {"a": 1}


def test_postgres_masks_every_type(odd: Connector) -> None:
    new = {
        "n": "7",
        "mood": "cross",
        "mail": "x@example.com",
        "born": "2000-01-01",
        "paid": 0,
        "ok": False,
        "raw": b"",
        "tags": [],
        "prefs": {"b": [None]},
        "code": "zz",
        "addr": None,
    }
    keys: dict[str, Any] = {"id": ONE, "mood": "calm", "code": "ab   ", "tags": "a"}
    assert erase(odd, THINGS, Change(keys, new, "k")) == [1]
    dataset = Dataset(key="stage", collections=(THINGS,))
    ((one,),) = odd.read(Read(dataset=dataset, collection=THINGS, matches={"id": [ONE]}))
    held = {**one.values, "code": str(one.values["code"]).strip()}
    now: list[Any] = [
        7,
        "cross",
        "x@example.com",
        datetime.date(2000, 1, 1),
        0,
        False,
        b"",
        [],
        {"b": [None]},
        "zz",
        None,
    ]
    assert [held[name] for name in new] == now


@pytest.mark.parametrize(
    ("values", "trouble"),
    [
        ({"mail": "no at sign"}, "check"),
        ({"mail": "x@" + "y" * 80}, "length"),
        ({"mood": "furious"}, "type"),
        ({"paid": 10**30}, "type"),
        ({"n": "canary"}, "things.n"),
    ],
)
def test_a_refusal_names_kind_and_place_and_no_value(odd: Connector, values: dict[str, Any], trouble: str) -> None:
    before = ids(odd, THINGS, {"mood": ["calm"]})
    with pytest.raises(Refused) as raised:
        erase(odd, THINGS, Change({"id": TWO}, {"mood": "calm"}, "j"), Change({"id": ONE}, values, "k"))
    said = f"{raised.value} {raised.value.hint}"
    assert trouble in said and "things" in said
    assert [value for value in values.values() if str(value) in said] == []
    assert ids(odd, THINGS, {"mood": ["calm"]}) == before


def test_a_collection_may_name_its_schema(odd: Connector, postgres_stage: SqlStage) -> None:
    with closing(postgres_stage.open()) as connector:
        named = Collection(name="odd.things", fields=THINGS.fields)
        assert ids(connector, named, {"id": [ONE]}) == [ONE]
        with pytest.raises(InvalidInput, match="no table"):
            ids(connector, THINGS, {"id": [ONE]})


def test_a_read_cannot_change_anything(postgres_stage: SqlStage) -> None:
    stage = postgres_stage
    stage.fill(ROWS)
    run(
        stage,
        "CREATE FUNCTION steal() RETURNS integer LANGUAGE sql VOLATILE AS "
        "'DELETE FROM orders WHERE id = 11 RETURNING id'",
        "CREATE VIEW trap AS SELECT steal() AS id",
    )
    try:
        with closing(stage.open()) as connector, pytest.raises(Refused):
            ids(connector, table("trap", "id"), {"id": ["11"]})
        assert len(stage.dump()["orders"]) == 3
    finally:
        run(stage, "DROP VIEW trap", "DROP FUNCTION steal")


@pytest.mark.parametrize("kind", ["postgres_stage", "mariadb_stage"])
def test_what_others_hold_locked_is_not_waited_for(kind: str, request: pytest.FixtureRequest) -> None:
    stage = request.getfixturevalue(kind)
    stage.fill(ROWS)
    people = stage.dataset.collection("people")
    with stage.working() as cursor, closing(stage.open(QUICK)) as connector:
        cursor.execute("UPDATE people SET name = 'busy' WHERE id = 1")
        begun = time.monotonic()
        with pytest.raises(Unavailable, match="in time"):
            erase(connector, people, Change({"id": 2}, {"name": "x"}, "a"), Change({"id": 1}, {"name": "x"}, "b"))
        assert time.monotonic() - begun < 3
    names = {row["id"]: row["name"] for row in stage.dump()["people"]}
    assert names[1] == "busy" and names[2] == "Canary Bob", "nothing of it was kept"


def test_a_statement_that_takes_too_long_is_ended(postgres_stage: SqlStage) -> None:
    stage = postgres_stage
    run(stage, "CREATE VIEW slow AS SELECT 1 AS id, pg_sleep(30)::text AS nap")
    try:
        with closing(stage.open(QUICK)) as connector:
            begun = time.monotonic()
            with pytest.raises(Unavailable, match="in time"):
                ids(connector, table("slow", "id", "nap"), {"nap": [""]})
            assert time.monotonic() - begun < 3
            connector.probe()
    finally:
        run(stage, "DROP VIEW slow")


def test_a_connection_that_was_cut_is_made_anew(postgres_stage: SqlStage) -> None:
    stage = postgres_stage
    stage.fill(ROWS)
    people = stage.dataset.collection("people")
    assert people
    cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'privet'"
    with closing(stage.open()) as connector:
        connector.probe()
        run(stage, cut)
        assert ids(connector, people, {"email": [ADA["email"]]}) == ["1"]
        run(stage, cut)
        assert erase(connector, people, Change({"id": 1}, {"email": MASKED}, "k")) == [1]


def test_a_connection_that_is_cut_in_the_middle_changes_nothing(postgres_stage: SqlStage) -> None:
    stage = postgres_stage
    stage.fill(ROWS)
    people = stage.dataset.collection("people")
    assert people

    def batches() -> Iterator[Batch]:
        yield Batch(people, [Change({"id": 1}, {"name": "x"}, "a")])
        run(stage, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'privet'")
        yield Batch(people, [Change({"id": 2}, {"name": "x"}, "b")])

    with closing(stage.open()) as connector:
        with pytest.raises(Unavailable):
            connector.erase(stage.dataset, batches())
        assert {row["name"] for row in stage.dump()["people"]} >= {"Canary Ada", "Canary Bob"}
        assert connector.erase(stage.dataset, [Batch(people, [Change({"id": 1}, {"name": "x"}, "a")])]) == [1]


def test_a_fault_of_the_caller_between_batches_changes_nothing(postgres_stage: SqlStage) -> None:
    stage = postgres_stage
    stage.fill(ROWS)
    people = stage.dataset.collection("people")
    assert people

    def batches() -> Iterator[Batch]:
        yield Batch(people, [Change({"id": 1}, {"name": "x"}, "a")])
        raise KeyboardInterrupt

    with closing(stage.open()) as connector:
        with pytest.raises(KeyboardInterrupt):
            connector.erase(stage.dataset, batches())
        assert "Canary Ada" in {row["name"] for row in stage.dump()["people"]}
        connector.probe()


def test_whom_a_collation_takes_for_her_is_read_but_not_erased(mariadb_stage: SqlStage) -> None:
    stage = mariadb_stage
    emails = ("ada@example.com", "ADA@example.com", "áda@example.com")
    others = [{"id": number, "email": email, "name": "n"} for number, email in enumerate(emails, 1)]
    stage.fill({"people": others})
    people = stage.dataset.collection("people")
    assert people
    with closing(stage.open()) as connector:
        assert ids(connector, people, {"email": ["ada@example.com"]}) == ["1", "2", "3"]
        assert erase(connector, people, Change({"email": "ada@example.com"}, None, "k")) == [1]
    assert sorted(row["id"] for row in stage.dump()["people"]) == [2, 3]


def test_mariadb_does_not_cut_what_does_not_fit(mariadb_stage: SqlStage) -> None:
    stage = mariadb_stage
    stage.fill(ROWS)
    people = stage.dataset.collection("people")
    assert people
    with closing(stage.open()) as connector, pytest.raises(Refused, match="length"):
        erase(connector, people, Change({"id": 1}, {"name": "x" * 201}, "k"))
    assert "Canary Ada" in {row["name"] for row in stage.dump()["people"]}


@pytest.mark.parametrize("kind", ["postgres_stage", "mariadb_stage"])
def test_a_wrong_password_is_no_breakdown(kind: str, request: pytest.FixtureRequest) -> None:
    stage = request.getfixturevalue(kind)
    settings = {**stage.settings, "user": "nobody-of-that-name"}
    with closing(SYSTEMS.get(stage.system.name).open(stage.setup(settings, QUICK))) as connector:
        with pytest.raises(Refused, match="let us in") as raised:
            connector.probe()
        assert PASSWORD not in str(raised.value)


@pytest.mark.parametrize("kind", ["postgres_stage", "mariadb_stage"])
def test_a_long_read_is_never_held_whole(kind: str, request: pytest.FixtureRequest) -> None:
    stage = request.getfixturevalue(kind)
    mark = stage.mark
    with stage.working() as cursor:
        cursor.execute("CREATE TABLE long_one (id int PRIMARY KEY, person int, note varchar(200))")
        rows = [(n, 7, f"note {n} " + "x" * 180) for n in range(40_000)]
        cursor.executemany(f"INSERT INTO long_one VALUES ({mark}, {mark}, {mark})", rows)
    del rows
    long_one = table("long_one", "id", "person", "note")
    dataset = Dataset(key="stage", collections=(long_one,))
    try:
        with closing(stage.open(Limits(page=500))) as connector:
            tracemalloc.start()
            count = sum(map(len, connector.read(Read(dataset=dataset, collection=long_one, matches={"person": [7]}))))
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert count == 40_000 and peak < 3_000_000, peak
    finally:
        run(stage, "DROP TABLE long_one")


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_server_that_does_not_encrypt_is_told_nothing(kind: str) -> None:
    """A server on loopback that is asked for TLS all the same, and has none."""
    heard: list[bytes] = []
    # A greeting of MySQL's protocol, version 10, which offers everything but TLS.
    greeting = b"\x0a8.0.0\x00\x01\x00\x00\x00" + b"12345678\x00" + b"\xff\xf7\x21\x02\x00\xff\xc7\x15" + bytes(10)
    greeting += b"123456789012\x00mysql_native_password\x00"

    def serve(listener: socket.socket) -> None:
        peer, _ = listener.accept()
        with closing(peer):
            peer.settimeout(5)
            if kind == "mysql":
                peer.sendall(len(greeting).to_bytes(3, "little") + b"\x00" + greeting)
            else:
                heard.append(peer.recv(8))  # PostgreSQL's own: may we speak TLS?
                peer.sendall(b"N")
            heard.append(peer.recv(4096))

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        settings = {
            "host": "127.0.0.1",
            "port": listener.getsockname()[1],
            "database": "shop",
            "user": "requests",
            "tls": "verify-full",
        }
        setup = Setup(
            name="shop", kind=kind, settings=settings, secrets={"password": Secret("hunter2")}, limits=Limits()
        )
        with closing(SYSTEMS.get(kind).open(setup)) as connector, pytest.raises(PrivetError):
            connector.probe()
        thread.join(10)
    assert b"requests" not in b"".join(heard) and b"hunter2" not in b"".join(heard)


@pytest.mark.parametrize("kind", ["postgres", "mysql", "oracle"])
def test_a_server_elsewhere_is_not_reached_unprotected(kind: str) -> None:
    settings = {"host": "db.example.com", "database": "shop", "user": "requests", "tls": "off"}
    with pytest.raises(Refused, match="another machine"):
        SYSTEMS.get(kind).open(Setup(name="shop", kind=kind, settings=settings))


@pytest.mark.parametrize("kind", ["postgres", "mysql", "oracle", "mssql", "sqlite", "duckdb"])
def test_a_setting_that_lacks_is_named(kind: str) -> None:
    with pytest.raises(InvalidInput, match="lacks the setting"):
        SYSTEMS.get(kind).open(Setup(name="shop", kind=kind))


def test_a_driver_that_lacks_is_named_with_its_extra() -> None:
    with pytest.raises(Unavailable) as raised:
        driver_of("no_such_driver", "postgres")
    assert raised.value.hint == "install `privet[postgres]`"


# --- SQLite ---------------------------------------------------------------------------------------------------


def lite(path: Path, **more: bool) -> Connector:
    return SYSTEMS.get("sqlite").open(Setup(name="shop", kind="sqlite", settings={"path": str(path), **more}))


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_what_sqlite_erased_is_in_no_file(journal: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA journal_mode = {journal}")
        raw.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT COLLATE NOCASE, note)")
        raw.executemany("INSERT INTO people VALUES (?, ?, ?)", [(n, f"canary{n}@example.com", n) for n in range(500)])
        raw.commit()
        people = table("people", "id", "email", "note")
        gone = [Change({"id": number}, None, str(number)) for number in range(250)]
        masked = [Change({"id": number}, {"email": "x"}, str(number)) for number in range(250, 500)]
        with closing(lite(path, vacuum=True)) as connector:
            assert erase(connector, people, *gone) == [250]
            assert erase(connector, people, *masked) == [250]
        held = b"".join(file.read_bytes() for file in tmp_path.iterdir())
        assert b"canary" not in held


def test_a_column_without_a_type_is_asked_for_both_text_and_number(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, code)")
        raw.executemany("INSERT INTO people VALUES (?, ?)", [(1, 12), (2, "12"), (3, b"12"), (4, 12.5)])
        raw.commit()
    with closing(lite(path)) as connector:
        people = table("people", "id", "code")
        assert ids(connector, people, {"code": ["12"]}) == ["1", "2"]
        assert ids(connector, people, {"code": [12]}) == ["1", "2"]
        assert ids(connector, people, {"code": [b"12"]}) == ["3"]


def test_sqlite_reads_while_another_writes_and_waits_no_longer_than_it_may(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT)")
        raw.execute("INSERT INTO people VALUES (1, 'ada@example.com')")
        raw.execute("BEGIN IMMEDIATE")
        setup = Setup(name="shop", kind="sqlite", settings={"path": str(path)}, limits=Limits(connect_seconds=0.2))
        people = table("people", "id", "email")
        with closing(SYSTEMS.get("sqlite").open(setup)) as connector:
            assert ids(connector, people, {"id": [1]}) == ["1"]
            with pytest.raises(Unavailable, match="in time"):
                erase(connector, people, Change({"id": 1}, None, "k"))
            raw.execute("ROLLBACK")
            assert erase(connector, people, Change({"id": 1}, None, "k")) == [1]


def test_a_store_of_privet_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vault.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE privet_shapes (name, shape)")
    with closing(lite(path)) as connector, pytest.raises(Refused, match="Privet itself"):
        connector.probe()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    for name in ("sqlite", "duckdb"):
        path = tmp_path / f"{name}.db"
        path.write_bytes(b"canary " * 1000)
        with closing(SYSTEMS.get(name).open(Setup(name="shop", kind=name, settings={"path": str(path)}))) as connector:
            with pytest.raises(Unavailable) as raised:
                connector.probe()
            assert "canary" not in str(raised.value)
        assert path.read_bytes() == b"canary " * 1000
        with pytest.raises(InvalidInput, match="not there"):
            SYSTEMS.get(name).open(Setup(name="shop", kind=name, settings={"path": str(path) + "x"}))
