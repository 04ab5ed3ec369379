"""What other people's CI runs: the action of this repository, and its hooks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from following import ROOT

SHOP = ROOT / "examples" / "shop"
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def act(where: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the step that checks, as a runner does: inputs reach it as environment."""
    install, check = ACTION["runs"]["steps"]
    assert "pip install" in install["run"]
    said = {name: str(setting["default"]) for name, setting in ACTION["inputs"].items()} | inputs
    names = {variable: value.split("inputs.")[1].split(" ")[0] for variable, value in check["env"].items()}
    environment = {"PATH": PATH} | {variable: said[name] for variable, name in names.items()}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", check["run"]]
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, check=False, timeout=100)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    shutil.copytree(SHOP, tmp_path / "shop")
    return tmp_path / "shop"


def broken(shop: Path) -> Path:
    systems = shop / ".fides" / "systems.yml"
    text = systems.read_text(encoding="utf-8")
    systems.write_text(text.replace("user.demographic.language]", "user.demographic.date_of_birth]"), encoding="utf-8")
    return shop


@pytest.mark.slow
def test_the_action_passes_a_sound_repository_and_annotates_a_broken_one(shop: Path) -> None:
    assert act(shop).returncode == 0
    found = act(broken(shop), output="out.sarif", format="sarif")
    assert found.returncode == 1
    assert "date_of_birth" in (shop / "out.sarif").read_text(encoding="utf-8")
    assert "::error file=.fides/systems.yml" in act(shop).stdout


@pytest.mark.slow
def test_an_input_of_the_action_is_never_a_command(shop: Path) -> None:
    for name in ("path", "changed-since", "format", "output", "strict"):
        act(shop, **{name: "$(touch ran); touch ran; `touch ran`"})
    assert not (shop / "ran").exists()


@pytest.mark.slow
@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_every_hook_runs_on_the_example(hook: dict[str, str], shop: Path) -> None:
    command = [*hook["entry"].split(), *(["juniper.policy"] if "pass_filenames" not in hook else [])]
    done = subprocess.run(
        command, cwd=shop, env={"PATH": PATH}, capture_output=True, text=True, check=False, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
