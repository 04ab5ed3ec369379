"""The page on seeing what a policy does, run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "see.md"
BLOCK = re.compile(r"^```(sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    told = []
    for _, block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
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
    assert "last_four" in told[0] and (tmp_path / "support.html").exists()
    assert "+ may read persons.phone as plain_text" in told[1] and told[1].endswith("something changes\n")
    assert told[2] == "5 passed, 0 failed\n5 passed, 0 failed\n"
    assert "allow read on persons.name" in told[3]
