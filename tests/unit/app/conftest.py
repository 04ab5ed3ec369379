"""A home of its own for each test of the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from shell import SCHEMA, Shell

sys.path.append(str(Path(__file__).resolve().parents[2]))  # fakes of other people's servers


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    made = Shell(tmp_path / "home")
    made.ok("init")
    return made


@pytest.fixture
def shop(shell: Shell, tmp_path: Path) -> Shell:
    schema = tmp_path / "shop.yml"
    schema.write_text(SCHEMA, encoding="utf-8")
    shell.ok("vault", "create", "shop", "--schema", str(schema))
    return shell
