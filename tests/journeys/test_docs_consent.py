"""The page on consent, run as it stands."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from following import follow


@pytest.mark.slow
def test_the_page_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    told = follow("docs/howto/consent.md", tmp_path)
    assert "advertising" in told[0] and "newsletter" in told[0]
    shown, _, history = told[1].partition("{")
    assert shown.count("ann@example.com") == 1
    said = msgspec.json.decode("{" + history)["history"]
    assert [(one["state"], one["text"]) for one in said] == [
        ("given", "We write to you once a month."),
        ("withdrawn", "We write to you once a month."),
    ]
    lines = [msgspec.json.decode(line) for line in (tmp_path / "choices.ndjson").read_bytes().splitlines()]
    assert [line["how"] for line in lines] == ["signed form", "called from her number"]
    assert "sound" in told[2]
