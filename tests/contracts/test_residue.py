"""What stays in the files of embedded databases, and what their own limits make of an erasure."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from privet.connectors.base import Batch, Change, Setup
from privet.connectors.systems import SYSTEMS
from privet.testing.sample import field_of
from privet.vocabulary.dataset import Collection, Dataset

PEOPLE = Collection(name="people", fields=(field_of("id", "integer", primary_key=True), field_of("email", "string")))
STAGE = Dataset(key="stage", collections=(PEOPLE,))
GONE, MASKED = Change({"id": 2}, None, "a"), Change({"id": 3}, {"email": "x"}, "b")


def filled(path: Path, journal: str) -> None:
    with closing(sqlite3.connect(path)) as raw:
        raw.execute(f"PRAGMA journal_mode = {journal}")
        raw.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, email TEXT)")
        raw.execute("CREATE INDEX by_email ON people (email)")
        raw.executemany("INSERT INTO people VALUES (?, ?)", [(n, f"canary{n}@example.com") for n in range(9)])
        raw.commit()


def left(folder: Path) -> list[int]:
    held = b"".join(file.read_bytes() for file in folder.iterdir())
    return [n for n in range(9) if f"canary{n}@".encode() in held]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_what_sqlite_erases_is_overwritten_at_once(journal: str, tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    filled(path, journal)
    setup = Setup(name="shop", kind="sqlite", settings={"path": str(path)})
    with closing(SYSTEMS.get("sqlite").open(setup)) as connector:
        assert connector.erase(STAGE, [Batch(PEOPLE, [GONE, MASKED])]) == [2]
        assert left(tmp_path) == [0, 1, 4, 5, 6, 7, 8], "while the connector is still open"


def test_without_that_sqlite_leaves_it_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "shop.db"
    filled(path, "delete")
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA secure_delete = OFF")
        raw.execute("DELETE FROM people WHERE id = 2")
        raw.commit()
    assert 2 in left(tmp_path)


def test_duckdb_takes_a_record_for_referred_to_within_the_transaction_that_deleted_what_refers(tmp_path: Path) -> None:
    """Why the connector makes a transaction of each collection. Source: DuckDB's documents, Indexes, Limitations."""
    with closing(duckdb.connect(str(tmp_path / "shop.duckdb"))) as raw:
        raw.execute("CREATE TABLE people (id INTEGER PRIMARY KEY)")
        raw.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, person_id INTEGER REFERENCES people (id))")
        raw.execute("INSERT INTO people VALUES (1)")
        raw.execute("INSERT INTO orders VALUES (11, 1)")
        raw.begin()
        raw.execute("DELETE FROM orders")
        with pytest.raises(duckdb.ConstraintException):
            raw.execute("DELETE FROM people")
