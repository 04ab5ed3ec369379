"""The page on queues and consents, run as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import follow


@pytest.mark.slow
def test_the_page_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    told = follow("docs/howto/queues.md", tmp_path)
    assert "Bob" not in told[1] and told[1].count("Ann Example") == 1
    assert "a***@example.com" in told[1]
    assert told[2].count("ann@example.com") == 1
    assert told[2].index("ann@example.com") < told[2].index("withdrawn")
    assert told[3].count("Bob Example") == 1 and "Ann" not in told[3]
    assert told[3].count("A***le") == 1
