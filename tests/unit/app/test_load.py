"""`privet import` and `privet export`: files into and out of a table."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from shell import ANN, SCHEMA, Shell, insert

from privet.app.cli.load import inert


def test_an_export_is_inert_csv_or_ndjson(shop: Shell, tmp_path: Path) -> None:
    insert(shop, ANN, {"note": "=1+1"})
    told = shop.ok("export", "--vault", "shop", "--table", "persons", "--columns", "note")
    assert [row[1] for row in csv.reader(io.StringIO(told))] == ["note", "", "'=1+1"]
    file = tmp_path / "out.ndjson"
    shop.ok("export", "--vault", "shop", "--table", "persons", "--format", "ndjson", "-o", str(file))
    assert [json.loads(line)["values"]["note"] for line in file.read_text().splitlines()] == [None, "=1+1"]
    assert file.stat().st_mode & 0o077 == 0


def test_an_export_overwrites_nothing_and_leaves_no_half_file(shop: Shell, tmp_path: Path) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine", encoding="utf-8")
    assert shop.run("export", "--vault", "shop", "--table", "persons", "-o", str(there)).exit_code == 1
    assert there.read_text() == "mine"
    absent = tmp_path / "absent.csv"
    assert (
        shop.run("export", "--vault", "shop", "--table", "persons", "--columns", "no", "-o", str(absent)).exit_code == 1
    )
    assert not absent.exists()


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1", "'=1"),
        ("+x", "'+x"),
        ("-1.5", "-1.5"),
        ("@a", "'@a"),
        ("\t=1", "'\t=1"),
        ("", ""),
        ("+12025550143", "+12025550143"),
    ],
)
def test_cells_are_no_formulas(cell: str, safe: str) -> None:
    assert inert(cell) == safe


def test_an_import_shows_its_guess_and_asks(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("full_name,email\nAnn Example,ann@example.com\nBob Sample,bob@example.com\n", encoding="utf-8")
    done = shell.run("import", str(file), "--vault", "people", "--table", "persons", text="n\n")
    assert done.exit_code == 1
    assert "contact.email" in done.stderr
    assert "ann@example.com" not in done.output
    assert shell.ok("vaults") == "none\n"


def test_an_import_by_a_schema_writes_tokens(shell: Shell, tmp_path: Path) -> None:
    file, schema = tmp_path / "people.csv", tmp_path / "people.yml"
    file.write_text("name,email\nAnn Example,ann@example.com\nBob Sample,bob@example.com\n", encoding="utf-8")
    schema.write_text(SCHEMA, encoding="utf-8")
    said = ("import", str(file), "--vault", "people", "--table", "persons", "--schema", str(schema), "--yes")
    done = shell.json(*said)
    assert (done["rows"], done["skipped"], done["left_out"]) == (2, 0, ["name"])
    tokens = (tmp_path / "people.tokens.csv").read_text()
    assert "tok_" in tokens
    assert "example.com" not in tokens
    again = shell.ok(*said)
    assert "imported 2 rows" in again
    listed = shell.json("records", "list", "--vault", "people", "--table", "persons")
    assert len(listed["records"]) == 2


def test_a_draft_is_a_schema_to_be_edited(shell: Shell, tmp_path: Path) -> None:
    file, draft = tmp_path / "people.csv", tmp_path / "draft.yml"
    file.write_text("email,kind\nann@example.com,a\nbob@example.com,b\n", encoding="utf-8")
    shell.ok("import", str(file), "--vault", "v", "--table", "t", "--draft", str(draft), "--type", "kind=text")
    assert "type: text" in draft.read_text()
    shell.ok("vault", "create", "v", "--schema", str(draft))
    shell.ok("import", str(file), "--vault", "v", "--table", "t", "--schema", str(draft), "--yes")


def test_an_import_adds_its_table_to_the_schema_that_is_there(shop: Shell, tmp_path: Path) -> None:
    insert(shop, ANN)
    before = shop.json("vault", "show", "shop")["tables"]
    file = tmp_path / "parts.csv"
    file.write_text("sku,price\nx1,2.50\nx2,3.75\n", encoding="utf-8")
    said = ("import", str(file), "--vault", "shop", "--table", "parts")
    asked = shop.run(*said, text="n\n")
    assert (asked.exit_code, "parts: new table of 2 columns" in asked.stderr) == (1, True)
    assert shop.json("vault", "show", "shop")["tables"] == before
    assert "imported 2 rows" in shop.ok(*said, "--yes")
    after = shop.json("vault", "show", "shop")["tables"]
    assert (after[: len(before)], [table["name"] for table in after]) == (before, ["persons", "parts"])
    found = shop.json("records", "list", "--vault", "shop", "--table", "persons")["records"]
    assert [record["values"]["email"] for record in found] == ["ann@example.com"]


def test_an_import_changes_no_table_that_is_there(shop: Shell, tmp_path: Path) -> None:
    file, schema = tmp_path / "people.csv", tmp_path / "people.yml"
    file.write_text("name,email\nBob Sample,bob@example.com\n", encoding="utf-8")
    said = ("import", str(file), "--vault", "shop", "--table", "persons", "--schema", str(schema), "--yes")
    schema.write_text(SCHEMA.replace("unique: true, ", ""), encoding="utf-8")
    done = shop.run(*said)
    assert (done.exit_code, "(email) is no longer unique" in done.stderr) == (1, True)
    schema.write_text(SCHEMA, encoding="utf-8")
    assert "imported 1 rows" in shop.ok(*said)


def test_a_wrong_column_of_type_is_named_by_its_option(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email\nann@example.com\n", encoding="utf-8")
    done = shell.run("import", str(file), "--vault", "v", "--table", "t", "--type", "mail=text")
    assert (done.exit_code, "at: --type" in done.stderr) == (1, True)
