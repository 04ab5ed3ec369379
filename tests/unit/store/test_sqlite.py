"""The SQLite engine's file: who may open it, which settings it demands, how its format moves on."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import apsw
import pytest

from privet.errors import Damaged, NewerData, NotFound, Refused, VaultBusy
from privet.store.check import check_select, table_of
from privet.store.compile import create, select_plan
from privet.store.engines._sqlite import VFS, connect
from privet.store.engines.sqlite import PART, open_store
from privet.store.migrate import MARK, migrate, scripts
from privet.store.port import Column, Delete, Insert, Select, Shape, Unit
from privet.vocabulary.predicate import Compare, In

SHAPE = Shape(name="one", columns=(Column("n", "int"),), key=("n",))


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "vault")


def test_every_file_of_a_store_is_private_whatever_the_umask(path: str) -> None:
    before = os.umask(0)
    try:
        store = open_store(path)
        store.define((SHAPE,))
    finally:
        os.umask(before)
    modes = {entry.name: stat.S_IMODE(entry.stat().st_mode) for entry in os.scandir(os.path.dirname(path))}
    assert {"vault", "vault-wal", "vault.lock"} <= modes.keys()
    assert set(modes.values()) == {0o600}
    store.close()


def test_a_file_that_others_may_read_is_refused(path: str) -> None:
    open_store(path).close()
    os.chmod(path, 0o640)
    with pytest.raises(Refused):
        open_store(path)


def test_a_second_opener_finds_the_vault_busy_until_the_first_closes(path: str) -> None:
    store = open_store(path)
    with pytest.raises(VaultBusy):
        open_store(path)
    store.write_now(Unit(()))
    store.close()
    open_store(path).close()


def test_a_missing_folder_is_not_found_and_other_files_are_refused_or_damaged(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        open_store(str(tmp_path / "none" / "vault"))
    text = tmp_path / "text"
    text.write_bytes(b"no database at all" * 100)
    text.chmod(0o600)
    with pytest.raises(Damaged):
        open_store(str(text))
    with pytest.raises(Damaged):
        open_store(str(text))
    other = tmp_path / "other"
    apsw.Connection(str(other)).execute("CREATE TABLE t (a)")
    other.chmod(0o600)
    with pytest.raises(Refused):
        open_store(str(other))


def test_a_database_without_a_log_is_refused() -> None:
    # SQLite keeps no log for a temporary database, whatever it is asked for.
    with pytest.raises(Refused):
        connect("", VFS, "FULL")


def test_a_newer_format_is_refused_with_both_numbers(path: str) -> None:
    open_store(path).close()
    apsw.Connection(path).execute("PRAGMA user_version = 7")
    with pytest.raises(NewerData, match=f"format 7, this program reads up to {PART.newest_format}"):
        open_store(path)


def test_migration_saves_the_old_format_once_and_runs_the_rest_in_order(path: str) -> None:
    connection = apsw.Connection(path)
    saved: list[int] = []
    steps = ["CREATE TABLE a (x); CREATE TABLE b (x)", "ALTER TABLE a RENAME TO c", "INSERT INTO c VALUES (3)"]
    migrate(connection, steps[:1], saved.append)
    assert (saved, connection.pragma("user_version"), connection.pragma("application_id")) == ([], 1, MARK)
    migrate(connection, steps, saved.append)
    migrate(connection, steps, saved.append)
    assert (saved, connection.pragma("user_version")) == ([1], 3)
    assert connection.execute("SELECT x FROM c").fetchall() == [(3,)]


def test_a_migration_that_fails_leaves_the_format_before_it(path: str) -> None:
    connection = apsw.Connection(path)
    with pytest.raises(apsw.SQLError):
        migrate(connection, ["CREATE TABLE a (x)", "CREATE TABLE b (x); SELECT * FROM none"], lambda at: None)
    assert connection.pragma("user_version") == 1
    assert not connection.table_exists("main", "b")


def test_the_newest_format_counts_the_scripts() -> None:
    assert PART.newest_format == len(scripts("sqlite")) >= 1


def test_settings_are_what_durability_and_erasure_need(path: str) -> None:
    store = open_store(path)
    store.define((SHAPE,))
    store.write_now(Unit((Insert("one", ("n",), ((1,),)),)))
    store.close()
    with open(path, "rb") as file:
        header = file.read(100)
    # SQLite file format, section 1.3: page size at 16, write version at 18 (2 is WAL), application id at 68.
    assert (int.from_bytes(header[16:18], "big"), header[18], int.from_bytes(header[68:72], "big")) == (4096, 2, MARK)


def test_erased_bytes_do_not_stay_in_the_file(path: str) -> None:
    canary = b"canary-7f3a" * 20
    store = open_store(path, checkpoint_pages=1)
    store.define((Shape(name="two", columns=(Column("n", "int"), Column("body", "blob")), key=("n",)),))
    store.write_now(Unit((Insert("two", ("n", "body"), tuple((n, canary) for n in range(50))),)))
    store.write_now(Unit((Delete("two", ("n",), tuple((n,) for n in range(50))),)))
    store.close()
    with open(path, "rb") as file:
        assert canary not in file.read()


def test_a_question_by_an_indexed_column_searches_the_index() -> None:
    shape = Shape(name="one", columns=(Column("n", "int"), Column("tag", "blob")), key=("n",), indexes=(("tag",),))
    connection = apsw.Connection("")
    for text in create(shape):
        connection.execute(text)
    many = tuple(b"%d" % n for n in range(1000))
    for where in (Compare("tag", "=", b"x"), In("tag", (b"x", b"y")), In("tag", many)):
        question = Select(table="one", columns=("n",), where=where)
        text = select_plan(question, check_select(question, {"one": table_of(shape)})).text
        plan = connection.execute("EXPLAIN QUERY PLAN " + text, ["[]"] * text.count("?")).fetchall()
        assert "SEARCH a USING COVERING INDEX one.i.tag (tag=?)" in str(plan)
