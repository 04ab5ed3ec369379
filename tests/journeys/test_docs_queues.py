"""The page on queues and consents, run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "queues.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    told = []
    for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        command = ["sh", "-eu", "-c", block]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(done.stdout)
    assert "Bob" not in told[1] and told[1].count("Ann Example") == 1
    assert "a***@example.com" in told[1]
    assert told[2].count("ann@example.com") == 1
    assert told[2].index("ann@example.com") < told[2].index("withdrawn")
