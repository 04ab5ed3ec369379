"""A simulated year: every request is answered in time or warned of seven days ahead. Worse clocks are caught."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench.clock import Simulation, Way

from privet.rights import clock
from privet.rights.asked import Request
from privet.rights.clock import DAY_MS, Due, Notice, Place


def played(way: Way, count: int = 60) -> Any:
    """Return what comes of a year with one request a week. Half of them wait for staff that forgets them."""
    return Simulation(count, way=way, forgotten=0.5).run()


@pytest.mark.slow
def test_every_request_of_a_year_is_answered_in_time_or_warned_of() -> None:
    year = Simulation(300).run()
    assert year.requests == 300
    assert (year.unsaid, year.misdated) == (0, 0)
    assert year.on_time + year.warned == 300
    assert year.waited > 20, "systems and staff did hold some of them up"


def test_a_year_of_forgetful_staff_has_late_requests_and_warnings_of_all() -> None:
    year = played(Way())
    assert (year.unsaid, year.misdated) == (0, 0)
    assert year.warned >= 3


def test_a_clock_that_warns_six_days_ahead_is_caught() -> None:
    def late(requests: Iterable[Request], now_ms: int) -> Sequence[Notice]:
        return [each for each in clock.warn(requests, now_ms) if (each.request.due_ms or 0) - now_ms <= 6 * DAY_MS]

    assert played(Way(warn=late)).unsaid > 0


def test_a_clock_that_forgets_what_was_extended_is_caught() -> None:
    def never(requests: Iterable[Request], now_ms: int) -> Sequence[Notice]:
        return [each for each in clock.warn(requests, now_ms) if not each.request.extended]

    assert Simulation(60, way=Way(warn=never), forgotten=1.0, extended=1.0).run().unsaid > 0


@pytest.mark.parametrize("change", [{"country": "", "state": ""}, {"time_zone": "UTC"}], ids=["holidays", "zones"])
def test_a_clock_that_forgets_holidays_or_zones_is_caught(change: dict[str, str]) -> None:
    def forgetful(kind: Any, received_ms: int, place: Place, **more: Any) -> Due:
        return clock.answer_by(kind, received_ms, replace(place, **change), **more)

    assert played(Way(answer_by=forgetful)).misdated > 0
