"""The page on templates, run as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from following import follow


@pytest.mark.slow
def test_the_page_runs_from_a_template_to_masked_records(tmp_path: Path) -> None:
    told = follow("docs/howto/template.md", tmp_path)
    assert "A***" in told[0] and "536-90-4399" not in told[0]
    assert "none" in told[1]  # a schema that was not changed changes nothing
