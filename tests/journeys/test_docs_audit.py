"""The page on the audit, run as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "audit.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_page_runs_and_the_changed_copy_is_found(tmp_path: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    script = "\n".join(BLOCK.findall(PAGE.read_text(encoding="utf-8")))
    command = ["sh", "-eu", "-c", script]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "people(email: plain_text, card: masked)" in done.stdout
    assert "are not as the checkpoint proves" in done.stderr
    log = subprocess.run(
        ["git", "-C", "witness", "log", "--oneline"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert len(log.stdout.splitlines()) > 5
