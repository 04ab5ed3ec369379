"""The page that puts a policy into force, run as it stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "activate.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_page_runs(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    told = []
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        done = subprocess.run(
            ["sh", "-eu", "-c", block],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(done.stdout)
    assert "2 of 2" in told[2] or "2 pass" in told[2], told[2]
    assert "support_agent" in told[3]
    seen = told[4]
    assert "a***@example.com" in seen
    assert "Ann Example" not in seen
    assert "b***@example.com" not in seen
    assert "in place of" in told[7]
    assert json.loads((tmp_path / "waits.json").read_text())["state"] == "waiting"
    assert "bea" in told[8].splitlines()[-1]
    assert "behind" in told[9]
