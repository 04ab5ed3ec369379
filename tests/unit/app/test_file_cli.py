"""`privet file put` and `privet file get` on a real home."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from shell import Shell

from privet.app.cli.main import cli

SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: letters
        fields:
          - {name: title, fides_meta: {privet: {type: string}}}
          - {name: scan, fides_meta: {privet: {type: file}}}
"""
PDF = b"%PDF-2.0\n" + bytes(range(256)) * 5000


@pytest.fixture
def place(shell: Shell, tmp_path: Path) -> tuple[str, ...]:
    """The options that name the column of a record."""
    schema = tmp_path / "t.yml"
    schema.write_text(SCHEMA, encoding="utf-8")
    shell.ok("vault", "create", "t", "--schema", str(schema))
    here = ("--vault", "t", "--table", "letters")
    stored = shell.json("records", "insert", *here, "--records", '{"title": "menu"}')
    return (*here, "--id", stored["records"][0]["id"], "--column", "scan")


@pytest.fixture
def pdf(tmp_path: Path) -> Path:
    path = tmp_path / "café menu.pdf"
    path.write_bytes(PDF)
    return path


def test_a_file_goes_in_and_comes_out(shell: Shell, place: tuple[str, ...], pdf: Path, tmp_path: Path) -> None:
    shown = shell.json("file", "put", *place, str(pdf))
    digest = hashlib.sha256(PDF).hexdigest()
    assert (shown["name"], shown["mime"], shown["size"], shown["sha256"]) == (
        "café menu.pdf",
        "application/pdf",
        len(PDF),
        digest,
    )
    out = tmp_path / "back.pdf"
    assert shell.json("files", "get", *place, "--output", str(out))["sha256"] == digest
    assert out.read_bytes() == PDF
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_file_passes_through_pipes(shell: Shell, place: tuple[str, ...]) -> None:
    args = ["file", "put", *place, "-", "--name", "menu.pdf", "--json"]
    done = CliRunner().invoke(cli, args, input=PDF, env=shell.env)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["mime"] == "application/pdf"
    assert CliRunner().invoke(cli, ["file", "get", *place], env=shell.env).stdout_bytes == PDF


def test_standard_input_needs_a_name(shell: Shell, place: tuple[str, ...]) -> None:
    assert shell.run("file", "put", *place, "-", text="x").exit_code == 1


def test_nothing_is_overwritten_without_a_yes(shell: Shell, place: tuple[str, ...], pdf: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("other", encoding="utf-8")
    shell.ok("file", "put", *place, str(pdf))
    refused = shell.run("file", "put", *place, str(other))
    assert (refused.exit_code, "--yes" in refused.stderr) == (1, True)
    refused = shell.run("file", "get", *place, "--output", str(other))
    assert (refused.exit_code, other.read_text(), "--yes" in refused.stderr) == (1, "other", True)
    shell.ok("file", "get", *place, "--output", str(other), "--yes")
    assert other.read_bytes() == PDF
    other.write_text("other", encoding="utf-8")
    assert shell.json("file", "put", *place, str(other), "--yes")["size"] == 5


def test_a_file_that_does_not_come_whole_leaves_no_trace(shell: Shell, place: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert shell.run("file", "get", *place, "--output", str(out / "a.pdf")).exit_code == 1
    assert list(out.iterdir()) == []


def test_bytes_take_the_place_of_a_file_only(shell: Shell, place: tuple[str, ...], pdf: Path) -> None:
    shell.ok("file", "put", *place, str(pdf))
    refused = shell.run("file", "get", *place, "--output", "/dev/null", "--yes")
    assert refused.exit_code == 1
    assert not Path("/dev/null").is_file()
