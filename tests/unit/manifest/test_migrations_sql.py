"""Migrations in SQL: what is foreseen is what SQLite holds after them, and each column has the line that made it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from a_folder import facts, foresee, scanned, told
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.errors import InvalidInput
from privet.manifest.migrations import observe
from privet.manifest.source.code import Code

FILES = {
    "1_init.sql": """\
CREATE TABLE people (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email VARCHAR(80) NOT NULL UNIQUE, -- privacy: user.contact.email; subject: customer
    nick TEXT,
    born DATE,
    CHECK (length(nick) < 9)
);
CREATE TABLE IF NOT EXISTS orders (
    id INTEGER,
    person_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE,
    total NUMERIC(10, 2) DEFAULT 0,
    PRIMARY KEY (id)
);
CREATE INDEX orders_person ON orders (person_id);
CREATE TABLE lines (order_id INTEGER, n INTEGER, what TEXT,
    PRIMARY KEY (order_id, n), CONSTRAINT to_order FOREIGN KEY (order_id) REFERENCES orders);
CREATE TRIGGER one AFTER INSERT ON orders BEGIN UPDATE orders SET total = 1; DELETE FROM lines; END;
""",
    "2_more.sql": """\
ALTER TABLE people ADD COLUMN phone VARCHAR(20);
ALTER TABLE people RENAME COLUMN nick TO handle;
ALTER TABLE lines DROP COLUMN what;
ALTER TABLE orders RENAME TO sales;
""",
    "10_last.sql": """\
INSERT INTO people (email) VALUES ('ann; DROP TABLE people; --@example.com');
CREATE TABLE gone (id INTEGER); DROP TABLE IF EXISTS gone;
CREATE TABLE copy AS SELECT id, email FROM people;
DROP TABLE copy;
""",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_what_is_foreseen_is_what_is_there_afterwards(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "real.db")) as database:
        for text in FILES.values():
            database.executescript(text)
    foreseen = foresee(folder, ".sql")
    assert told(foreseen) == []
    assert not foreseen.partial
    there = facts([one for one in scanned(folder / "real.db")])
    assert facts(foreseen.dataset) == there


def test_each_column_has_the_line_that_made_it_or_took_it_away(folder: Path) -> None:
    places = foresee(folder, ".sql").places
    lines = {path: f"{at.file}:{at.line}" for path, at in places.items()}
    assert lines["people"] == "1_init.sql:1"
    assert lines["people.email"] == "1_init.sql:3"
    assert lines["people.phone"] == "2_more.sql:1"
    assert lines["people.handle"] == "2_more.sql:2"
    assert lines["people.nick"] == "2_more.sql:2"
    assert lines["lines.what"] == "2_more.sql:3"
    assert lines["sales"] == lines["orders"] == "2_more.sql:4"
    assert lines["gone"] == "10_last.sql:2"


def test_a_comment_beside_a_column_is_its_annotation(folder: Path) -> None:
    people = foresee(folder, ".sql").dataset.collection("people")
    assert people is not None
    assert [field.name for field in people.fields if field.labels == ("user.contact.email",)] == ["email"]
    assert people.about == ("customer",)


def make(*texts: str) -> object:
    files = [Code(f"{at}.sql", text) for at, text in enumerate(texts)]
    return facts(observe(files, "shop").dataset)


@pytest.mark.parametrize(
    ("change", "columns"),
    [
        ("ALTER TABLE a ALTER COLUMN b TYPE bigint USING b::bigint", {"id", "b:integer"}),
        ("ALTER TABLE a ALTER COLUMN b SET NOT NULL", {"id", "b:string!"}),
        ("ALTER TABLE a MODIFY b INT NOT NULL, ADD c TEXT", {"id", "b:integer!", "c:string"}),
        ("ALTER TABLE a CHANGE COLUMN b c BOOLEAN", {"id", "c:boolean"}),
        ("ALTER TABLE a RENAME b TO c", {"id", "c:string"}),
        ("ALTER TABLE `a` DROP `b`", {"id"}),
        (
            "ALTER TABLE ONLY public.a ADD COLUMN IF NOT EXISTS b int, ADD COLUMN c int[]",
            {"id", "b:string", "c:integer[]"},
        ),
        ("ALTER TABLE a OWNER TO me; ALTER TABLE a ENABLE ROW LEVEL SECURITY", {"id", "b:string"}),
        ("ALTER TABLE a ADD UNIQUE (b); ALTER TABLE a ADD CHECK (b > 1)", {"id", "b:string"}),
        ("CREATE FUNCTION f() RETURNS void AS $$ DROP TABLE a; $$ LANGUAGE sql", {"id", "b:string"}),
    ],
)
def test_changes_of_many_dialects(change: str, columns: set[str]) -> None:
    foreseen = observe([Code("1.sql", "CREATE TABLE a (id INT PRIMARY KEY, b TEXT);"), Code("2.sql", change)], "shop")
    assert told(foreseen) == []
    (table,) = foreseen.dataset.collections
    assert {
        field.name
        + (f":{field.native.data_type}" if not field.native.primary_key else "")
        + ("!" if field.native.nullable is False and not field.native.primary_key else "")
        for field in table.fields
    } == columns


def test_tables_are_renamed_in_every_way() -> None:
    text = "CREATE TABLE a (id INT PRIMARY KEY); CREATE TABLE r (a_id INT REFERENCES a (id)); "
    for change in ("ALTER TABLE a RENAME TO z", "ALTER TABLE a RENAME AS z", "RENAME TABLE `a` TO `z`"):
        found = observe([Code("1.sql", text + change)], "shop").dataset
        assert [one.name for one in found.collections] == ["r", "z"]
        assert found.collections[0].fields[0].native.links[0].field == "z.id"


@pytest.mark.parametrize(
    ("up", "down"),
    [
        ("-- migrate:up", "-- migrate:down"),
        ("-- +goose Up", "-- +goose Down"),
        ("-- +migrate Up", "-- +migrate Down"),
    ],
)
def test_the_way_back_is_not_carried_out(up: str, down: str) -> None:
    text = f"{up}\nCREATE TABLE a (id INT);\n{down}\nDROP TABLE a;\n"
    assert set(make(text)) == {"a"}  # type: ignore[call-overload]


def test_files_of_the_way_back_are_passed_over_and_repeatable_ones_come_last() -> None:
    texts = {
        "R__views.sql": "ALTER TABLE a ADD c INT;",
        "U2__back.sql": "DROP TABLE a;",
        "V10__b.sql": "ALTER TABLE a DROP b;",
        "V2__a.sql": "ALTER TABLE a ADD b INT;",
        "V1__a.down.sql": "DROP TABLE a;",
        "V1__a.up.sql": "CREATE TABLE a (id INT);",
    }
    foreseen = observe([Code(name, text) for name, text in texts.items()], "shop")
    assert told(foreseen) == []
    assert [field.name for field in foreseen.dataset.collections[0].fields] == ["id", "c"]


def test_what_cannot_be_read_is_told_and_nothing_is_missed_for_it() -> None:
    foreseen = observe([Code("1.sql", "CREATE TABLE a (id INT);\nDO $$ BEGIN EXECUTE 'x'; END $$;\n")], "shop")
    assert told(foreseen) == ["1.sql:2 a statement about tables is in no form of SQL that can be read"]
    assert foreseen.partial


def test_a_table_that_nobody_made_is_begun_and_told() -> None:
    foreseen = observe([Code("1.sql", "ALTER TABLE a ADD b INT;")], "shop")
    assert told(foreseen) == ["1.sql:1 table `a` is changed, and made nowhere in what was read"]
    assert foreseen.partial
    assert [field.name for field in foreseen.dataset.collections[0].fields] == ["b"]


def test_a_folder_without_migrations_is_refused() -> None:
    with pytest.raises(InvalidInput, match="found none"):
        observe([Code("a.py", "print(1)")], "shop")


WORDS = (
    "CREATE TABLE ALTER a b ( ) , ; INT VARCHAR(3) REFERENCES PRIMARY KEY ADD DROP COLUMN RENAME TO ' \" ` $$ -- /* [ "
    "COMMENT ON IS 'privacy:' BEGIN END NOT NULL AS SELECT * LIKE FOREIGN CONSTRAINT TYPE MODIFY CHANGE \n"
)
PIECES = st.sampled_from(WORDS.split(" "))


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, max_size=30).map(" ".join) | st.text(max_size=60))
def test_garbage_never_raises(text: str) -> None:
    observe([Code("1.sql", text)], "shop")
