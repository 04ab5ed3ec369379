"""The pages that newcomers follow, run as they stand."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
import pyzipper
import yaml
from following import ROOT, attempt, blocks

SET_UP = ("pip install", "./run", "privet serve")  # covered by the install, CI and process tests


def session(page: str) -> str:
    """Return the commands of a page as one script, without those that set a machine up."""
    lines = "\n".join(text for _, text in blocks(page, "sh")).splitlines()
    return "\n".join(line for line in lines if not line.startswith(SET_UP))


def unpacked(path: Path, told: str) -> dict[str, str]:
    """Return what is in a package, by the passphrase that was printed."""
    with pyzipper.AESZipFile(path) as found:
        found.setpassword(re.findall(r"its passphrase: (\S+)", told)[-1].encode())
        return {name: found.read(name).decode() for name in found.namelist()}


@pytest.mark.slow
def test_the_readme_session_runs_as_shown(tmp_path: Path) -> None:
    sys.path.insert(0, str(ROOT))
    from bench.customers import write

    write(tmp_path / "customers.csv", 60)
    found = attempt("sh", session("README.md").replace("--table customers\n", "--table customers --yes\n", 1), tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    assert (tmp_path / "customers.tokens.csv").exists()
    assert "a***@example.com" in found.stdout and "ann@example.com" not in found.stdout
    shown = next(text for kind, text in blocks("README.md", "text") if "deny-use" in text)
    assert shown in found.stdout
    assert "no findings in 2 files" in found.stdout
    assert "vault_crm" in (tmp_path / "map.html").read_text(encoding="utf-8")
    [page] = [text for name, text in unpacked(tmp_path / "ann.zip", found.stdout).items() if name == "index.html"]
    assert "Ann Example" in page and "Bob" not in page


@pytest.mark.slow
def test_the_ci_snippet_of_the_readme_fails_where_a_promise_breaks(tmp_path: Path) -> None:
    snippet = yaml.safe_load(next(text for _, text in blocks("README.md", "yaml")))
    steps = [step["run"] for job in snippet["jobs"].values() for step in job["steps"] if "run" in step]
    commands = "\n".join(step for step in steps if not step.startswith(SET_UP))
    shop = tmp_path / "shop"
    shutil.copytree(ROOT / "examples" / "shop", shop)
    assert attempt("sh", commands, shop).returncode == 0
    systems = shop / ".fides" / "systems.yml"
    text = systems.read_text(encoding="utf-8")
    systems.write_text(text.replace("user.demographic.language]", "user.demographic.date_of_birth]"), encoding="utf-8")
    found = attempt("sh", commands, shop)
    line = text[: text.index("user.demographic.language]")].count("\n") + 1
    assert found.returncode == 1
    assert f"::error file=.fides/systems.yml,line={line}," in found.stdout


@pytest.mark.slow
def test_the_tutorial_runs_as_shown(tmp_path: Path) -> None:
    found = attempt("sh", session("docs/tutorial.md"), tmp_path)
    assert found.returncode == 0, found.stdout + found.stderr
    tokens = (tmp_path / "people.tokens.csv").read_text(encoding="utf-8").splitlines()
    ssn = tokens[0].split(",").index("ssn")
    assert tokens[2].split(",")[ssn] == tokens[3].split(",")[ssn] != tokens[1].split(",")[ssn]
    whole = " ".join(unpacked(tmp_path / "bob.zip", found.stdout).values())
    assert "Bob Example" in whole and "Cleo" not in whole
    assert "ccpa" in found.stdout and "on time" in found.stdout
