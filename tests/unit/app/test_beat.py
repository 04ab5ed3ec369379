"""Health: what it says of stores and audits, and how little it writes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from privet.app.services import health
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import StoreFailed, Unavailable
from privet.store.port import Select
from privet.vault.log.audit import Deed
from privet.vocabulary.access import Principal
from privet.vocabulary.predicate import Compare

START_MS = 1_800_000_000_000
NOBODY = Caller(Principal(id="", name="nobody", roles=()))


class Clock:
    def __init__(self) -> None:
        self.now_ms = START_MS

    def __call__(self) -> int:
        return self.now_ms


class Watched:
    """A house with a vault, and how often health wrote to each of its stores."""

    def __init__(self, home: Path) -> None:
        initialize(Settings(home=home, key_file=home / "root.key"), now_ms=START_MS)
        self.clock = Clock()
        self.house = House(load(home), clock=self.clock)
        deed = Deed(principal="p1", verb="vaults.create", policy="built-in/1", at_ms=START_MS)
        self.house.create_vault("v", deed)
        self.runner = asyncio.Runner()

    def ask(self, times: int = 1) -> list[str]:
        async def crowd() -> list[health.Health]:
            return await asyncio.gather(*(health.health(self.house, NOBODY, health.NoAsk()) for _ in range(times)))

        return [found.status for found in self.runner.run(crowd())]

    def beats(self) -> list[int]:
        where = Compare("name", "=", health.BEAT)
        rows = [log.store.select(Select(table="meta", columns=("value",), where=where)) for log in self.house.logs()]
        return [int.from_bytes(found[0][0]) if found else 0 for found in rows]  # type: ignore[arg-type]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / "home")
    yield made
    made.house.close()
    made.runner.close()


def test_every_store_is_tried_once_in_ten_seconds_whoever_asks(watched: Watched) -> None:
    assert watched.ask() == ["ok"]
    assert watched.beats() == [START_MS, START_MS]
    watched.clock.now_ms += health.EVERY_MS - 1
    assert watched.ask(50) == ["ok"] * 50
    assert watched.beats() == [START_MS, START_MS]
    watched.clock.now_ms += 1
    assert watched.ask(50) == ["ok"] * 50
    assert watched.beats() == [START_MS + health.EVERY_MS] * 2


def test_a_crowd_that_comes_at_once_writes_once(watched: Watched) -> None:
    before = (watched.house.settings.home / "control.db-wal").stat().st_size
    watched.ask()
    once = (watched.house.settings.home / "control.db-wal").stat().st_size - before
    watched.clock.now_ms += health.EVERY_MS
    assert watched.ask(200) == ["ok"] * 200
    assert (watched.house.settings.home / "control.db-wal").stat().st_size - before <= 2 * once


def test_a_clock_that_was_set_back_is_no_excuse(watched: Watched) -> None:
    watched.ask()
    watched.clock.now_ms -= 3_600_000
    watched.ask()
    assert watched.beats() == [watched.clock.now_ms] * 2


@pytest.mark.parametrize("place", [0, 1], ids=["control", "vault"])
def test_a_store_that_writes_no_more_turns_health_red_at_once(watched: Watched, place: int) -> None:
    assert watched.ask() == ["ok"]
    watched.house.logs()[place].store.close()
    with pytest.raises(StoreFailed):
        watched.ask()


def test_an_audit_that_is_not_signed_turns_health_red(watched: Watched) -> None:
    watched.house.unsequenced["privet/x"] = "store_failed"
    with pytest.raises(Unavailable):
        watched.ask()
