"""The page on guard rails, run as it stands."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from following import follow


@pytest.mark.slow
def test_the_page_runs_and_the_honey_and_the_second_person_do_what_it_says(tmp_path: Path) -> None:
    told = follow("docs/howto/guardrails.md", tmp_path)
    assert "counts_a_day  500" in told[0]
    assert told[1].count("alert.honey") == 1
    (masked, clear) = (
        {row["name"]: row["ssn"] for row in csv.DictReader((tmp_path / name).open(encoding="utf-8"))}
        for name in ("masked.csv", "persons.csv")
    )
    assert clear["Ann Example"] == "536904399"
    assert masked["Ann Example"] == "*****4399"
