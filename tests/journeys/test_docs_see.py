"""The page on seeing what a policy does, run as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import follow


@pytest.mark.slow
def test_the_page_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    told = follow("docs/howto/see.md", tmp_path)
    assert "last_four" in told[0] and (tmp_path / "support.html").exists()
    assert "+ may read persons.phone as plain_text" in told[1] and told[1].endswith("something changes\n")
    assert told[2] == "5 passed, 0 failed\n5 passed, 0 failed\n"
    assert "allow read on persons.name" in told[3]
