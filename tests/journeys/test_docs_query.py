"""The page on asking, run as it stands."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "query.md"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def follow(kind: str, block: str, where: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = ["sh", "-eu", "-c", block] if kind == "sh" else [sys.executable, "-c", block]
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_page_runs_and_tokens_join_as_values_would(tmp_path: Path) -> None:
    told = [follow(kind, block, tmp_path) for kind, block in BLOCK.findall(PAGE.read_text(encoding="utf-8"))]
    assert "Ann Example" in told[1] and "a***@example.com" in told[1]
    assert "add `index: [" in told[2]
    assert told[3].splitlines() == ["[(7,), (42,)]", "[(2, 37)]"]
    held = sqlite3.connect(tmp_path / "warehouse.db").execute("SELECT email, country FROM bought").fetchall()
    assert all(token.startswith("tok_") for row in held for token in row)
