"""The page that puts a policy into force, run as it stands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from following import follow


@pytest.mark.slow
def test_the_page_runs(tmp_path: Path) -> None:
    told = follow("docs/howto/activate.md", tmp_path)
    assert told[2] == "2 passed, 0 failed\n"
    assert "support_agent" in told[3]
    seen = told[4]
    assert "a***@example.com" in seen
    assert "Ann Example" not in seen
    assert "b***@example.com" not in seen
    assert "in place of" in told[7]
    assert json.loads((tmp_path / "waits.json").read_text())["state"] == "waiting"
    assert "bea" in told[8].splitlines()[-1]
    assert "behind" in told[9]
