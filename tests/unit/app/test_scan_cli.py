"""`privet scan db` and `privet drift`: a database's manifest, what changed in it since, and the patch that mends it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from privet.app.cli.main import cli
from privet.codec import read_yaml


def run(*args: str, text: str = "") -> Result:
    return CliRunner().invoke(cli, list(args), input=text, prog_name="privet")


def ok(*args: str, text: str = "") -> str:
    done = run(*args, text=text)
    assert done.exit_code == 0, done.output
    return done.stdout


def sql(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder to work in, with a database that its manifest declares, below `manifests`."""
    before = Path.cwd()
    os.chdir(tmp_path)
    sql(
        tmp_path / "shop.db",
        "CREATE TABLE users (id INTEGER PRIMARY KEY, email VARCHAR(40) NOT NULL)",
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id))",
        "CREATE TABLE alembic_version (version_num TEXT)",
        "INSERT INTO users VALUES (1, 'ann@example.com')",
    )
    (tmp_path / "manifests").mkdir()
    ok("scan", "db", "sqlite:///shop.db", "--output", "manifests/shop.yml")
    yield tmp_path
    os.chdir(before)


def plain(path: Path) -> Any:
    return read_yaml(path.read_text()).plain()["dataset"]


def test_a_scan_writes_a_manifest_that_has_no_drift(place: Path) -> None:
    (dataset,) = plain(place / "manifests" / "shop.yml")
    assert [one["name"] for one in dataset["collections"]] == ["orders", "users"]
    assert dataset["collections"][1]["fields"][1]["data_categories"] == ["user.contact.email"]
    assert ok("drift", "manifests", "--db", "sqlite:///shop.db") == "no findings\n"


def test_a_scan_says_what_it_left_out(place: Path) -> None:
    done = run("scan", "db", "sqlite:///shop.db", "--ignore", "ord*")
    assert done.stderr == (
        "1 tables, 2 columns, 1 with a proposed category; left out 2 of tools or as asked: alembic_version, orders\n"
    )


def test_a_dsn_can_come_by_standard_input(place: Path) -> None:
    assert "fides_key: shop" in ok("scan", "db", "-", text="sqlite:///shop.db\n")


def test_json_is_one_line(place: Path) -> None:
    said = ok("scan", "db", "sqlite:///shop.db", "--json", "--key", "other")
    assert said.count("\n") == 1
    assert json.loads(said)["dataset"][0]["fides_key"] == "other"


def test_a_category_needs_its_confidence(place: Path) -> None:
    said = ok("scan", "db", "sqlite:///shop.db", "--confidence", "0.9")
    assert "data_categories" not in said
    assert "- name: email  # perhaps user.contact.email, 85% sure: by its name alone" in said


def test_merging_adds_what_is_new_and_keeps_the_rest(place: Path) -> None:
    file = place / "manifests" / "shop.yml"
    file.write_text("# ours\n" + file.read_text().replace("user.contact.email]", "user.contact]  # as we see it"))
    sql(place / "shop.db", "ALTER TABLE users ADD COLUMN phone TEXT")
    done = run("scan", "db", "sqlite:///shop.db", "--merge", str(file))
    assert "added to" in done.stderr
    text = file.read_text()
    assert text.startswith("# ours\n") and "user.contact]  # as we see it" in text and "name: phone" in text
    assert "nothing to add" in run("scan", "db", "sqlite:///shop.db", "--merge", str(file)).stderr


def test_merging_makes_a_file_that_is_not_there(place: Path) -> None:
    ok("scan", "db", "sqlite:///shop.db", "--merge", "new.yml")
    assert plain(place / "new.yml")[0]["fides_key"] == "shop"


@pytest.mark.parametrize(
    "args",
    [
        ("--output", "a.yml", "--merge", "b.yml"),
        ("--resume",),
        ("--output", "manifests/shop.yml"),
        ("--schema", "other"),
    ],
    ids=["both", "resume", "there", "schema"],
)
def test_what_cannot_be_asked_is_refused(place: Path, args: tuple[str, ...]) -> None:
    assert run("scan", "db", "sqlite:///shop.db", *args).exit_code == 1


def test_drift_tells_a_new_column_and_its_patch_mends_it(place: Path) -> None:
    sql(place / "shop.db", "ALTER TABLE users ADD COLUMN phone VARCHAR(20)", "DROP TABLE orders")
    done = run("drift", "manifests", "--db", "sqlite:///shop.db", "--patch", "fix.patch", "--format", "json")
    assert done.exit_code == 1, done.output
    assert [(one["rule"], one["severity"]) for one in json.loads(done.stdout)["findings"]] == [
        ("missing-collection", "error"),
        ("undeclared-field", "error"),
    ]
    subprocess.run(["git", "init", "-q", "."], check=True, cwd=place)
    subprocess.run(["git", "apply", "fix.patch"], check=True, cwd=place)
    assert ok("drift", "manifests", "--db", "sqlite:///shop.db") == "no findings\n"
    again = run("drift", "manifests", "--db", "sqlite:///shop.db", "--patch", "fix.patch")
    assert "nothing to mend" in again.stderr and (place / "fix.patch").read_text() == ""


def test_the_patch_of_a_database_that_nobody_declares_is_a_new_file(place: Path) -> None:
    (place / "empty").mkdir()
    done = run("drift", "empty", "--db", "sqlite:///shop.db", "--patch", "fix.patch")
    assert done.exit_code == 1 and "undeclared-dataset" in done.stdout
    subprocess.run(["git", "init", "-q", "."], check=True, cwd=place)
    subprocess.run(["git", "apply", "fix.patch"], check=True, cwd=place)
    assert plain(place / "empty" / "shop.yml")[0]["fides_key"] == "shop"


def test_a_database_of_another_name_is_the_only_dataset_or_the_named_one(place: Path) -> None:
    (place / "shop.db").rename(place / "copy.db")
    ok("drift", "manifests", "--db", "sqlite:///copy.db")
    (place / "manifests" / "other.yml").write_text("dataset:\n- fides_key: other\n  collections: []\n")
    assert "undeclared-dataset" in run("drift", "manifests", "--db", "sqlite:///copy.db").stdout
    ok("drift", "manifests", "--db", "sqlite:///copy.db", "--dataset", "shop")
    ok("drift", "manifests", "--db", "sqlite:///copy.db", "--dataset", "main=shop")
    assert run("drift", "manifests", "--db", "sqlite:///copy.db", "--dataset", "none").exit_code == 2


def test_drift_against_a_file_that_a_scan_wrote(place: Path) -> None:
    sql(place / "shop.db", "ALTER TABLE users ADD COLUMN phone TEXT")
    ok("scan", "db", "sqlite:///shop.db", "--output", "seen.yml")
    done = run("drift", "manifests", "--observed", "seen.yml")
    assert done.exit_code == 1 and "undeclared-field" in done.stdout


def test_tables_can_be_left_out(place: Path) -> None:
    sql(place / "shop.db", "CREATE TABLE tmp_1 (a INTEGER)")
    assert run("drift", "manifests", "--db", "sqlite:///shop.db").exit_code == 1
    ok("drift", "manifests", "--db", "sqlite:///shop.db", "--ignore", "tmp_*")


def test_warnings_fail_where_it_is_strict(place: Path) -> None:
    file = place / "manifests" / "shop.yml"
    reference = "references: [{dataset: shop, field: users.id, direction: from}], "
    file.write_text(file.read_text().replace(reference, ""))
    assert "undeclared-reference" in ok("drift", "manifests", "--db", "sqlite:///shop.db")
    assert run("drift", "manifests", "--db", "sqlite:///shop.db", "--strict").exit_code == 1


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--db", "sqlite:///shop.db", "--observed", "manifests/shop.yml"),
        ("--db", "sqlite:///none.db"),
        ("--db", "hunter2"),
        ("--db", "sqlite:///shop.db", "--format", "none"),
    ],
    ids=["neither", "both", "missing", "no-dsn", "form"],
)
def test_drift_that_cannot_run_exits_with_2(place: Path, args: tuple[str, ...]) -> None:
    done = run("drift", "manifests", *args)
    assert done.exit_code == 2, done.output
    assert "hunter2" not in done.output
