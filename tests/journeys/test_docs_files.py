"""The page on files, run as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import follow


@pytest.mark.slow
def test_the_page_runs_and_the_file_comes_back(tmp_path: Path) -> None:
    told = follow("docs/howto/files.md", tmp_path)
    assert told[1] == "offer.txt 28\nDear Ann, this is an offer.\n"
