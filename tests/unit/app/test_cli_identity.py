"""Keys that are shown once, tokens for private keys, and the first owner, by the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from shell import Shell

from privet.app.settings import load
from privet.app.wiring import House


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Path]:
    before = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    os.chdir(before)


def test_a_private_key_goes_to_a_file_and_not_to_the_terminal(shell: Shell, here: Path) -> None:
    done = shell.run("principals", "create", "worker", "--role", "viewer", "--credential", "key")
    assert done.exit_code == 0, done.output
    assert "PRIVATE" not in done.output
    path = here / "worker.key.json"
    assert "BEGIN PRIVATE KEY" in json.loads(path.read_text(encoding="utf-8"))["private_key"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_file_of_a_key_is_not_overwritten(shell: Shell, here: Path) -> None:
    (here / "worker.key.json").write_text("mine", encoding="utf-8")
    done = shell.run("principals", "create", "worker", "--role", "viewer", "--credential", "key")
    assert done.exit_code == 1
    assert (here / "worker.key.json").read_text(encoding="utf-8") == "mine"
    assert "worker" not in shell.ok("principals", "list")


def test_a_name_that_is_a_path_gets_no_file(shell: Shell, here: Path) -> None:
    done = shell.run("principals", "create", "../worker", "--role", "viewer", "--credential", "key")
    assert done.exit_code == 1
    assert not list(here.parent.glob("worker*"))


def test_a_token_of_a_private_key_calls_as_its_principal(shell: Shell, here: Path) -> None:
    shell.ok("principals", "create", "worker", "--role", "viewer", "--credential", "key")
    token = shell.ok("token", "worker.key.json", "--ctx", "desk=7", "--ttl-seconds", "60").strip()
    shell.env["PRIVET_API_KEY"] = token
    said = shell.json("sessions", "show")
    assert (said["name"], said["attributes"]) == ("worker", {"ctx.desk": "7"})


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"private_key":"x"}', '{"private_key": 7}'])
def test_a_file_that_is_no_key_says_so_and_quotes_nothing(shell: Shell, here: Path, text: str) -> None:
    (here / "x.json").write_text(text, encoding="utf-8")
    done = shell.run("token", "x.json")
    assert done.exit_code == 1
    assert "expected a file of a private key" in done.output


def test_a_home_without_an_owner_is_claimed_once(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    token = shell.json("init", "--claim-later")["claim_token"]
    assert not (shell.home / "cli.key").exists()
    assert shell.run("vaults", "list").exit_code == 1
    made = shell.json("principals", "claim", token, "--name", "ann")
    assert made["name"] == "ann"
    assert (shell.home / "cli.key").read_text(encoding="utf-8").strip() == made["key"]
    assert shell.ok("vaults", "list")
    assert shell.run("principals", "claim", token).exit_code == 1
    assert shell.run("init", "--claim-later").exit_code == 1


def test_a_claim_takes_its_token_from_standard_input(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    token = shell.json("init", "--claim-later")["claim_token"]
    assert shell.json("principals", "claim", "-", text=token)["name"] == "owner"


def test_a_home_that_waits_for_its_owner_has_no_credential_in_its_files(tmp_path: Path) -> None:
    shell = Shell(tmp_path / "home")
    token = shell.json("init", "--claim-later")["claim_token"]
    secret = token.rpartition("_")[2].encode()
    assert not any(secret in path.read_bytes() for path in shell.home.rglob("*") if path.is_file())
    house = House(load(shell.home))
    assert house.callers.accounts() == []
    house.close()
