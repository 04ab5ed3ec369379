"""The page on asking, run as it stands."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from following import follow


@pytest.mark.slow
def test_the_page_runs_and_tokens_join_as_values_would(tmp_path: Path) -> None:
    told = follow("docs/howto/query.md", tmp_path)
    assert "Ann Example" in told[1] and "a***@example.com" in told[1]
    assert "add `index: [" in told[2]
    assert told[3].splitlines() == ["[(7,), (42,)]", "[(2, 37)]"]
    held = sqlite3.connect(tmp_path / "warehouse.db").execute("SELECT email, country FROM bought").fetchall()
    assert all(token.startswith("tok_") for row in held for token in row)
