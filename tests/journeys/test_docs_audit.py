"""The page on the audit, run as it stands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from following import attempt, blocks


@pytest.mark.slow
def test_the_page_runs_and_the_changed_copy_is_found(tmp_path: Path) -> None:
    script = "\n".join(text for _, text in blocks("docs/howto/audit.md", "sh"))
    done = attempt("sh", script, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "people(email: plain_text, card: masked)" in done.stdout
    assert "are not as the checkpoint proves" in done.stderr
    log = subprocess.run(
        ["git", "-C", "witness", "log", "--oneline"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert len(log.stdout.splitlines()) > 5
