"""The pages that newcomers follow, run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SET_UP = ("pip install", "./run", "privet serve")  # covered by the install, CI and process tests


def blocks(page: str) -> str:
    text = "\n".join(BLOCK.findall((ROOT / page).read_text(encoding="utf-8")))
    return "\n".join(line for line in text.splitlines() if not line.startswith(SET_UP))


def follow(script: str, where: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = ["sh", "-eu", "-c", script]
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_the_readme_session_runs_as_shown(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from bench.customers import write

    write(tmp_path / "customers.csv", 60)
    found = follow(blocks("README.md").replace("--table customers\n", "--table customers --yes\n", 1), tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert (tmp_path / "customers.tokens.csv").exists()


@pytest.mark.slow
def test_the_tutorial_runs_as_shown(tmp_path: Path) -> None:
    found = follow(blocks("docs/tutorial.md"), tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    tokens = (tmp_path / "people.tokens.csv").read_text(encoding="utf-8").splitlines()
    ssn = tokens[0].split(",").index("ssn")
    assert tokens[2].split(",")[ssn] == tokens[3].split(",")[ssn] != tokens[1].split(",")[ssn]
