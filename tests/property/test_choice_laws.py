"""Laws of choices: whatever is said, by whichever door, in whatever order, what counts is what a naive replay says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "app"))

from chooser import MINUTE, Chooser

from privet.app.services import audit, choices, preferences
from privet.errors import Conflict

STATES = ("given", "refused", "withdrawn")
NOTICES = ("newsletter", "ads")
OBJECTION = "objection:marketing.advertising.first_party.targeted"

_key, _state = st.sampled_from(NOTICES), st.sampled_from(STATES)
_said = st.tuples(st.just("says"), _key, _state, st.booleans())
_late = st.tuples(st.just("late"), _key, _state, st.integers(1, 30))
_device = st.tuples(st.just("device"), _key, _state, st.booleans())
_plain = st.sampled_from([("signal", region) for region in ("US-CA", "US-NY", "US-CA")] + [("join",), ("forget",)])
_steps = st.lists(st.one_of(_said, _late, _device, _plain, st.just(("reopen",))), min_size=1, max_size=14)


@dataclass
class Row:
    """What was said once, as the replay keeps it."""

    notice: str
    state: str
    at: int
    signal: bool = False
    by_signal: bool = False
    joined: bool = False


@dataclass
class Replay:
    """A list of what was said, and the rules in so many words."""

    rows: list[Row] = field(default_factory=list)

    def newest(self, notice: str) -> Row | None:
        found = None
        for row in self.rows:
            if row.notice == notice and (found is None or row.at >= found.at):
                found = row
        return found

    def signal(self, at: int) -> None:
        last = self.newest("ads")
        if last is None or (last.state == "given" and not last.signal):
            self.rows.append(Row("ads", "refused", at, signal=True, by_signal=True))

    def given(self) -> dict[str, bool]:
        news, ads = self.newest("newsletter"), self.newest("ads")
        return {
            "newsletter": news is not None and news.state == "given",
            "ads": ads is None or ads.state == "given",
        }


class Life:
    """One person's steps in a house and in the replay."""

    def __init__(self, home: Chooser, number: int) -> None:
        self.home = home
        self.email = f"p{number}@example.com"
        self.device = home.person("devices.make", choices.NoAsk(), "").device
        self.hers, self.here = Replay(), Replay()
        home.insert(self.email)

    @property
    def now(self) -> int:
        return self.home.staff.now

    def says(self, notice: str, state: str, signal: bool) -> None:
        self.home.choose(self.email, gpc=signal, **{notice: state})
        self.hers.rows.append(Row(notice, state, self.now, signal))
        if signal:
            self.hers.signal(self.now)

    def late(self, notice: str, state: str, minutes: int) -> None:
        self.home.set(self.email, choices={notice: state}, source="import", at_ms=self.now - minutes * MINUTE)
        self.hers.rows.append(Row(notice, state, self.now - (minutes + 1) * MINUTE))

    def signal(self, region: str) -> None:
        self.home.person("choices.list", choices.ListAsk(region=region), self.email, gpc=True)
        if region == "US-CA":
            self.hers.signal(self.now)

    def on_device(self, notice: str, state: str, signal: bool) -> None:
        known = self.here.newest(notice)
        ask = choices.DeviceAsk(device=self.device, choices={notice: state}, versions={notice: 1}, region="US-CA")
        self.home.person("devices.set", ask, "", gpc=signal)
        if known is None or known.joined or known.state != state:
            self.here.rows.append(Row(notice, state, self.now, signal))
        if signal:
            self.here.signal(self.now)

    def join(self) -> None:
        self.home.person("devices.join", choices.JoinAsk(device=self.device), self.email)
        said = dict.fromkeys(row.notice for row in self.here.rows)
        newest = [row for notice in said if (row := self.here.newest(notice)) is not None]
        fresh = [row for row in newest if not row.joined]
        self.hers.rows += [row for row in fresh if self.joins(row, self.hers.newest(row.notice))]
        if fresh:
            self.here.rows = [replace(row, joined=True) for row in newest if row.state != "given"]

    @staticmethod
    def joins(row: Row, before: Row | None) -> bool:
        if before is None or row.state != "given":
            return before is None or not (row.by_signal and before.state == "given" and before.signal)
        return before.state == "given"

    def forget(self) -> None:
        try:
            self.home.staff.run("preferences.forget", preferences.PersonAsk(email=self.email))
        except Conflict:
            assert not self.hers.rows
        self.hers.rows.clear()

    def step(self, name: str, *said: object) -> None:
        if name == "reopen":
            self.home.reopen()
            return
        {"says": self.says, "late": self.late, "signal": self.signal, "device": self.on_device}.get(
            name, {"join": self.join, "forget": self.forget}.get(name)
        )(*said)  # type: ignore[misc, operator]


_numbers = count()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chooser]:
    made = Chooser(tmp_path_factory.mktemp("choices"))
    yield made
    made.staff.close()


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(steps=_steps)
def test_what_counts_is_what_a_replay_of_all_that_was_said_gives(home: Chooser, steps: list[tuple[str, ...]]) -> None:
    life = Life(home, next(_numbers))
    forgotten = False
    for step in steps:
        life.step(*step)
        forgotten = forgotten or step == ("forget",)
        ask = preferences.PersonAsk(email=life.email, region="US-CA")
        found = home.staff.run("preferences.list", ask)
        assert {one.notice: one.given for one in found.stands} == life.hers.given(), step
        said = [one.state for one in found.history if one.state != "forgotten"]
        assert said == [row.state for row in life.hers.rows], step
    if not forgotten:  # what is forgotten here is followed on elsewhere
        told = home.ledger(life.email)
        for notice in NOTICES:
            last = life.hers.newest(notice)
            assert counting(home, life.email, notice) == (last.state if last else None)
        ads = life.hers.newest("ads")
        if ads is not None and ads.state != "given":
            assert told[OBJECTION][-1] == "given"
    assert home.staff.run("audit.house", audit.HouseAsk()).sound


def counting(home: Chooser, email: str, key: str) -> str | None:
    """Return what counts in the vault."""
    return home.counting(email).get(key)
