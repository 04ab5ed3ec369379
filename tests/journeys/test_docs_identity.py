"""The page on who may call, run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from privet.app.settings import load

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "identity.md"
BLOCK = re.compile(r"^```(sh|yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_and_its_settings_are_taken(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    told = []
    for kind, block in blocks:
        if kind == "sh":
            command = ["sh", "-eu", "-c", block]
            done = subprocess.run(
                command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            told.append(done.stdout)
    assert "ctx.region  eu" in told[2]
    assert (tmp_path / "desk.key.json").stat().st_mode & 0o077 == 0
    home = tmp_path / "privet-home"
    secret = home / "oidc.secret"
    secret.touch(mode=0o600)
    with (home / "privet.yaml").open("a", encoding="utf-8") as file:
        file.write(next(block for kind, block in blocks if kind == "yaml"))
    trust = load(home).oidc
    assert trust is not None
    assert trust.roles == {"privet-admins": ("owner",), "support": ("viewer",)}
