"""`privet drift --migrations`: a pull request that adds columns is told of them before it merges."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from privet.app.cli.main import cli
from privet.app.foresee import codes

SHOP = Path(__file__).resolve().parents[3] / "examples" / "shop"
MIGRATIONS = ("--migrations", "database/migrations")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    shutil.copytree(SHOP, tmp_path / "shop")
    os.chdir(tmp_path / "shop")
    yield tmp_path / "shop"
    os.chdir(before)


def drift(*args: str) -> Result:
    return CliRunner().invoke(cli, ["drift", ".fides", "--dataset", "shop_db", *args], prog_name="privet")


def told(*args: str) -> list[tuple[Any, ...]]:
    findings = json.loads(drift(*MIGRATIONS, "--format", "json", *args).stdout)["findings"]
    return [(one["rule"], one["at"]["file"], one["at"]["line"]) for one in findings]


def test_the_example_has_no_drift(shop: Path) -> None:
    done = drift(*MIGRATIONS)
    assert (done.exit_code, done.stdout) == (0, "no findings\n")


def test_two_new_columns_are_told_with_file_and_line_and_mended_by_the_patch(shop: Path) -> None:
    more = "ALTER TABLE customers\n  ADD COLUMN phone VARCHAR(40),\n  ADD COLUMN birthday DATE;\n"
    (shop / "database" / "migrations" / "0002_more.sql").write_text(more, encoding="utf-8")
    assert told() == [
        ("undeclared-field", "database/migrations/0002_more.sql", 2),
        ("undeclared-field", "database/migrations/0002_more.sql", 3),
    ]
    done = drift(*MIGRATIONS, "--patch", "p.diff")
    assert done.exit_code == 1
    assert "it seems to hold `user.contact.phone_number`" in done.stdout
    patch = (shop / "p.diff").read_text()
    assert "+            data_categories: [user.contact.phone_number]" in patch


def test_what_is_taken_away_is_told_where_it_is(shop: Path) -> None:
    less = "DROP TABLE reviews;\nALTER TABLE orders DROP COLUMN total_cents;\n"
    (shop / "database" / "migrations" / "0002_less.sql").write_text(less, encoding="utf-8")
    assert told() == [
        ("missing-collection", "database/migrations/0002_less.sql", 1),
        ("missing-field", "database/migrations/0002_less.sql", 2),
    ]


def test_what_cannot_be_read_makes_nothing_missing(shop: Path) -> None:
    text = "DROP TABLE reviews;\nDO $$ BEGIN EXECUTE 'x'; END $$;\n"
    (shop / "database" / "migrations" / "0002_do.sql").write_text(text, encoding="utf-8")
    assert drift(*MIGRATIONS).exit_code == 0
    assert told() == [
        ("missing-collection", "database/migrations/0002_do.sql", 1),
        ("unread-migration", "database/migrations/0002_do.sql", 2),
    ]


@pytest.mark.parametrize("args", [(), (*MIGRATIONS, "--db", "sqlite:///x.db"), ("--migrations", ".fides")])
def test_what_to_compare_with_is_one_thing(shop: Path, args: tuple[str, ...]) -> None:
    assert drift(*args).exit_code == 2


def test_the_dataset_must_be_clear(shop: Path) -> None:
    done = CliRunner().invoke(cli, ["drift", ".fides", *MIGRATIONS], prog_name="privet")
    assert done.exit_code == 2
    assert "--dataset KEY" in done.stderr


def test_folders_of_tools_are_left_out(tmp_path: Path) -> None:
    for name in ("a.sql", ".hidden/b.sql", "node_modules/c.sql", "in/d.sql", "e.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    found, findings = codes(tmp_path, (".sql",), root=tmp_path)
    assert [code.file for code in found] == ["a.sql", "in/d.sql"]
    assert findings == []


def test_a_pipe_among_migrations_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.py")
    found, (fault,) = codes(tmp_path, (".py",), root=tmp_path)
    assert not found and fault.message == "expected a file"


def test_a_folder_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """Root opens closed folders as well, so this one's path is longer than the system takes."""
    before = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(20):
            os.mkdir("d" * 250)
            os.chdir("d" * 250)
        found, (fault,) = codes(tmp_path, (".sql",), root=tmp_path)
    finally:
        os.chdir(before)
    assert not found
    assert (fault.severity, fault.rule) == ("error", "unreadable-file")
