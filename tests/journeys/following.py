"""Pages of the documentation, followed as a reader does: their blocks, one after the other, in one folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: str, *kinds: str) -> list[tuple[str, str]]:
    """Return (kind, text) of each block of a page, by its path from the root, that is of one of `kinds`."""
    found = BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
    return [(kind, text) for kind, text in found if kind in kinds]


def attempt(kind: str, text: str, where: Path) -> subprocess.CompletedProcess[str]:
    """Run a block of `sh` or `python` in a folder, with this Privet on the path and no settings of ours."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PRIVET_")}
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    command = ["sh", "-eu", "-c", text] if kind == "sh" else [sys.executable, "-c", text]
    return subprocess.run(command, cwd=where, env=environment, capture_output=True, text=True, timeout=300, check=False)


def follow(page: str, where: Path) -> list[str]:
    """Run each block of `sh` and `python` of a page; return what each printed. Every one must succeed."""
    told = []
    for kind, text in blocks(page, "sh", "python"):
        done = attempt(kind, text, where)
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(done.stdout)
    return told
