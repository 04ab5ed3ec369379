"""Whoever follows a process that was killed anywhere sends no letter twice, and says of which it does not know."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from fakes.mailbox import Box, running

DRIVER = Path(__file__).with_name("mailing.py")


def killed_everywhere(folder: Path, *more: str) -> list[dict[str, Any]]:
    """Return the runs; `sent`: how often each letter of a run came to the server."""
    box = Box()
    with running(box) as port:
        done = subprocess.run(
            [sys.executable, str(DRIVER), str(folder), str(port), *more],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in done.stdout.splitlines()]
    for run in runs:
        mine = [
            letter["Message-ID"]
            for letter, (_, to) in zip(box.letters, box.envelopes, strict=True)
            if to == [run["to"]]
        ]
        run["sent"] = sorted(Counter(mine).values())
    return runs


@pytest.mark.slow
def test_a_letter_whose_sender_is_killed_anywhere_goes_out_once_or_is_told_as_unknown(tmp_path: Path) -> None:
    runs = killed_everywhere(tmp_path)
    assert {"before server", "after server", "before control", "after control", "after keys"} <= {
        run["at"] for run in runs
    }
    assert len(runs) > 10
    for run in runs:
        state = run["states"]["done"]
        assert state in ("sent", "unknown"), run
        assert run["sent"] in ([[1]] if state == "sent" else [[], [1]]), run
        assert (run["bodies"], run["keys"]) == (0, 0), run
    unsure = [run for run in runs if run["states"]["done"] == "unknown"]
    assert {(run["at"], len(run["sent"])) for run in unsure} >= {("before server", 0), ("after server", 1)}
    assert not runs[-1]["died"]


@pytest.mark.slow
def test_sending_again_what_was_being_sent_sends_twice(tmp_path: Path) -> None:
    """The teeth."""
    assert any(2 in run["sent"] for run in killed_everywhere(tmp_path, "weak"))
