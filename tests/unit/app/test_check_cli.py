"""`privet check` as a pipeline runs it: what it is given is damaged, missing, or of part of a tree."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from privet.app.cli.main import cli

BROKEN = "dataset:\n  - fides_key: {key}\n    collections: 5\n"


def check(*args: str) -> Result:
    return CliRunner().invoke(cli, ["check", *args], prog_name="privet")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A work tree with two broken manifests, `a.yml` and `below/b.yml`, of which one was committed."""
    before = Path.cwd()
    os.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "a.yml").write_text(BROKEN.format(key="a"))
    git = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "a.yml"), ("commit", "-qm", "first")):
        subprocess.run([*git, *words], check=True, capture_output=True)
    (tmp_path / "below" / "b.yml").write_text(BROKEN.format(key="b"))
    yield tmp_path
    os.chdir(before)


def test_a_named_baseline_must_be_there(place: Path) -> None:
    found = check("--baseline", "known.json")
    assert found.exit_code == 2 and "known.json" in found.output


def test_a_baseline_that_is_no_text_is_told(place: Path) -> None:
    (place / ".privet-baseline.json").write_bytes(b"\xff\xfe")
    found = check()
    assert found.exit_code == 2 and "expected UTF-8" in found.output


def test_a_partial_check_makes_no_baseline_and_calls_nothing_gone(place: Path) -> None:
    assert check("--write-baseline").exit_code == 0
    known = (place / ".privet-baseline.json").read_text()
    assert check("--changed-since", "HEAD", "--write-baseline").exit_code == 2
    assert (place / ".privet-baseline.json").read_text() == known
    assert "gone" not in check("--changed-since", "HEAD").output


@pytest.mark.parametrize("named", ["..", "../below/..", "{place}"])
def test_changed_files_above_the_current_folder_count(place: Path, named: str) -> None:
    (place / "elsewhere").mkdir()
    os.chdir(place / "elsewhere")
    found = check(named.format(place=place), "--changed-since", "HEAD")
    assert found.exit_code == 1 and "b.yml" in found.output and "a.yml" not in found.output


OWNER = """dataset:
  - fides_key: owner
    collections:
      - name: people
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {identity: id, primary_key: true}}
data_category:
  - {fides_key: user.loyalty, parent_key: user}
"""
USER = """dataset:
  - fides_key: user
    collections:
      - name: orders
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true}}
          - name: owner
            data_categories: [user.loyalty]
            fides_meta: {references: [{dataset: owner, field: people.id, direction: from}]}
          - name: other
            fides_meta: {references: [{dataset: nowhere, field: people.id, direction: from}]}
"""
DANGLING = [("unknown-category", "b.yml"), ("unknown-reference", "b.yml")]


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Path]:
    """A work tree where `b.yml` refers to what `a.yml` has, and to what was never there."""
    before = Path.cwd()
    os.chdir(tmp_path)
    (tmp_path / "a.yml").write_text(OWNER)
    (tmp_path / "b.yml").write_text(USER)
    git = ("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "first")):
        subprocess.run([*git, *words], check=True, capture_output=True)
    yield tmp_path
    os.chdir(before)


def told(*args: str) -> list[tuple[str, str]]:
    """Return rule and file of what is told of `b.yml`, which did not change."""
    found = check("--changed-since", "HEAD", "--format", "json", *args)
    assert found.exit_code in (0, 1), found.output
    findings = json.loads(found.output)["findings"]
    return sorted((each["rule"], each["at"]["file"]) for each in findings if each["at"]["file"] == "b.yml")


def test_what_a_deleted_file_leaves_dangling_elsewhere_is_told(company: Path) -> None:
    assert told() == []
    (company / "a.yml").unlink()
    assert set(DANGLING) < set(told())
    assert told().count(DANGLING[1]) == 1  # what dangled before is not told
    assert told("b.yml") == []


def test_what_a_changed_or_moved_file_leaves_dangling_elsewhere_is_told(company: Path) -> None:
    less = OWNER.replace("name: people", "name: persons").partition("data_category")[0]
    (company / "a.yml").write_text(less)
    assert set(told()) >= set(DANGLING)
    (company / "a.yml").rename(company / "c.yml")
    assert set(told()) >= set(DANGLING)
    (company / "c.yml").write_text(OWNER)
    assert told() == []


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "junit"])
def test_a_file_whose_name_is_no_text_is_told_in_every_form(place: Path, form: str) -> None:
    (place / os.fsdecode(b"bad\xff.yml")).write_text(BROKEN.format(key="c"))
    found = check("--format", form)
    assert found.exit_code == 1 and "expected a path in UTF-8" in found.output
    assert check("--format", form, "--output", "report").exit_code == 1


def test_a_file_that_is_no_manifest_is_not_quoted(place: Path) -> None:
    (place / "letter").write_text("Dear Ann Sample,\n")
    (place / "other.yml").symlink_to(place / "letter")
    assert "Ann" not in check("other.yml").output


def test_a_pipe_that_is_named_is_not_waited_for(place: Path) -> None:
    os.mkfifo(place / "pipe.yml")
    found = check("pipe.yml")
    assert found.exit_code == 1 and "expected a file or a folder" in found.output


def test_a_folder_without_manifests_is_no_clean_check(place: Path) -> None:
    (place / "empty").mkdir()
    (place / "empty" / "docker-compose.yml").write_text("services: {}\n")
    found = check("empty")
    assert found.exit_code == 2 and "expected manifests" in found.output


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github", "junit"])
def test_an_address_where_a_key_belongs_is_in_no_report(place: Path, form: str) -> None:
    (place / "odd.yml").write_text(
        "dataset:\n  - fides_key: ann@example.com\n    bob@example.com: 1\n    collections: []\ncid@example.com: []\n"
    )
    found = check("odd.yml", "--format", form)
    assert found.exit_code == 1
    assert "@example.com" not in found.output
