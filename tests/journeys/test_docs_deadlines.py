"""The page on deadlines, run as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import attempt, blocks


@pytest.mark.slow
def test_the_page_on_deadlines_dates_extends_and_counts(tmp_path: Path) -> None:
    # One shell for all blocks: later ones go by names that earlier ones set.
    page = blocks("docs/howto/deadlines.md", "sh")
    script = "\n".join(f"echo '== {at}'\n{text}" for at, (_, text) in enumerate(page))
    done = attempt("sh", f"export PRIVET_HOME=home\n{script}", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [part.partition("\n")[2] for part in done.stdout.split("== ")[1:]]
    assert "1182/71" in told[1]
    assert "2025-11-03 22:59:59" in told[2] and "gdpr" in told[2]
    assert told[3].count("access  received") == 2, "listed by due date, and among the late"
    assert "complex" in told[4] and "gdpr" in told[4]
    month, _, year = told[5].partition("kind,law,")
    line = next(line for line in month.splitlines() if line.startswith("access"))
    assert line.split()[:4] == ["access", "gdpr", "DE", "1"]
    assert "denied: not_held" in year
    assert "ada@example.com" not in done.stdout
