"""P16, P17: whoever follows a worker that was killed at any point of a request ends it, each effect made once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

DRIVER = Path(__file__).with_name("requesting.py")
BOB = {
    "customers": [2, "bob@example.com", "Bob Example"],
    "orders": [11, 2, "2 Lane"],
    "sessions": [21, 2, "192.0.2.2"],
}


def killed_everywhere(kind: str, folder: Path, *more: str) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, str(DRIVER), kind, str(folder), *more],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def points(runs: list[dict[str, Any]]) -> set[str]:
    return {run["at"] for run in runs}


@pytest.mark.slow
def test_an_access_that_is_killed_anywhere_gives_all_that_is_hers_once(tmp_path: Path) -> None:
    runs = killed_everywhere("access", tmp_path)
    assert len(runs) > 30
    whole = {"mail.subscribers": 2, "paper.folders": 1, "shop.customers": 1, "shop.orders": 2, "shop.sessions": 1}
    for run in runs:
        found = run["outcome"]
        assert (found["requests"], found["state"], found["reason"]) == (1, "complete", ""), run
        assert found["package"] == whole, run
        assert (found["mail"], found["told_twice"], found["leaks"]) == ([], 0, []), run


@pytest.mark.slow
def test_an_erasure_that_is_killed_anywhere_ends_complete_with_each_effect_made_once(tmp_path: Path) -> None:
    runs = killed_everywhere("erasure", tmp_path)
    assert len(runs) > 60
    assert {"within mail.erase", "before shop.erase", "after shop.erase", "after paper.tell"} <= points(runs)
    for run in runs:
        found = run["outcome"]
        assert (found["requests"], found["state"], found["reason"]) == (1, "complete", ""), run
        assert found["mail"] == ["5", "6"], run
        assert found["told_twice"] == 0, run
        assert (found["keys"], found["leaks"]) == (0, []), run
        rows = found["rows"]
        assert rows["customers"] == [[1, None, None], BOB["customers"]], run
        assert [row[2] for row in rows["orders"] if row[1] == 1] == [None, None], run
        assert BOB["orders"] in rows["orders"], run
        assert rows["sessions"] == [BOB["sessions"]], run


@pytest.mark.slow
def test_a_rectification_that_is_killed_anywhere_sets_right_what_was_named_and_nothing_else(tmp_path: Path) -> None:
    runs = killed_everywhere("rectification", tmp_path)
    assert len(runs) > 40
    assert {"before shop.erase", "after shop.erase"} <= points(runs)
    for run in runs:
        found = run["outcome"]
        assert (found["requests"], found["state"], found["reason"]) == (1, "complete", ""), run
        assert (found["mail"], found["told_twice"], found["keys"], found["leaks"]) == ([], 0, 0, []), run
        assert found["rows"] == {
            "customers": [[1, "ada@example.com", "Ada Lovelace"], BOB["customers"]],
            "orders": [[10, 1, "1 Lane"], BOB["orders"], [12, 1, "1 Lane"]],
            "sessions": [[20, 1, "192.0.2.1"], BOB["sessions"]],
        }, run


@pytest.mark.slow
def test_a_choice_whose_telling_is_killed_anywhere_is_told_to_each_under_one_key(tmp_path: Path) -> None:
    runs = killed_everywhere("consent", tmp_path)
    assert len(runs) > 20
    assert {"before mail.choice", "after mail.choice", "after paper.tell"} <= points(runs)
    for run in runs:
        found = run["outcome"]
        assert (found["requests"], found["state"], found["reason"]) == (1, "complete", ""), run
        assert len(set(found["heard"])) == 1 and found["heard"][0].startswith("consent refused "), run
        assert (found["mail"], found["told_twice"], found["keys"], found["leaks"]) == ([], 0, 0, []), run
    assert any(len(run["outcome"]["heard"]) == 2 for run in runs)  # the key is what makes telling again safe


@pytest.mark.slow
def test_without_a_look_before_asking_again_an_effect_is_made_twice(tmp_path: Path) -> None:
    """The teeth: the same service, said to be safe to ask twice."""
    runs = killed_everywhere("erasure", tmp_path, "weak")
    assert any(len(run["outcome"]["mail"]) > 2 for run in runs)
