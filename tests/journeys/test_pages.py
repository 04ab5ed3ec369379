"""The pages that newcomers follow, run as they stand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from following import ROOT, attempt, blocks

SET_UP = ("pip install", "./run", "privet serve")  # covered by the install, CI and process tests


def session(page: str) -> str:
    """Return the commands of a page as one script, without those that set a machine up."""
    lines = "\n".join(text for _, text in blocks(page, "sh")).splitlines()
    return "\n".join(line for line in lines if not line.startswith(SET_UP))


@pytest.mark.slow
def test_the_readme_session_runs_as_shown(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from bench.customers import write

    write(tmp_path / "customers.csv", 60)
    found = attempt("sh", session("README.md").replace("--table customers\n", "--table customers --yes\n", 1), tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert (tmp_path / "customers.tokens.csv").exists()


@pytest.mark.slow
def test_the_tutorial_runs_as_shown(tmp_path: Path) -> None:
    found = attempt("sh", session("docs/tutorial.md"), tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    tokens = (tmp_path / "people.tokens.csv").read_text(encoding="utf-8").splitlines()
    ssn = tokens[0].split(",").index("ssn")
    assert tokens[2].split(",")[ssn] == tokens[3].split(",")[ssn] != tokens[1].split(",")[ssn]
