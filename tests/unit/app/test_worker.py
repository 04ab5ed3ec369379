"""What a house does by itself: remove what has run out while it serves, and what nobody holds when it opens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.app import worker
from privet.app.services import files, principals, records, vaults, verbs
from privet.app.services.verb import RETRY_MS, Caller, call
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.store.port import Select, Store

HOUR_MS = 3_600_000
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self, ttl: 1h}}
        fields:
          - name: email
            fides_meta: {privet: {type: contact.email, keep: sealed, token: stored}}
"""
SCAN = """          - name: scan
            fides_meta: {privet: {type: file, keep: sealed}}
"""


class Bench:
    """A home with one vault `v`, its owner, a clock, and a loop to run services on."""

    def __init__(self, home: Path) -> None:
        self.now = 1_800_000_000_000
        key = initialize(Settings(home=home, key_file=home / "root.key"), now_ms=self.now)
        self.home = home
        self.house = House(load(home), clock=lambda: self.now)
        self.who = Caller(self.house.callers.principal(key.reveal(), self.now))
        self.runner = asyncio.Runner()

    def run(self, service: Any, ask: Any, *more: Any) -> Any:
        return self.runner.run(service(self.house, self.who, ask, *more))

    def keyed(self, verb: str, ask: Any, key: str) -> Any:
        found = next(each for each in verbs() if each.name == verb)
        return self.runner.run(call(self.house, found, Caller(self.who.principal), ask, key=key))

    def count(self, table: str, store: Store | None = None) -> int:
        store = store or self.house.vault("v").store
        column = {"chunks": "file", "idempotency": "key", "tokens": "token"}[table]
        return len(store.select(Select(table=table, columns=(column,))))

    def reopen(self) -> None:
        self.house.close()
        self.house = House(load(self.home), clock=lambda: self.now)

    def sweep_until(self, done: Callable[[], bool]) -> None:
        async def once() -> None:
            task = asyncio.create_task(worker.keep_sweeping(self.house))
            for _ in range(1_000):
                await asyncio.sleep(0.001)
                if done():
                    break
            task.cancel()

        self.runner.run(once())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "home")
    made.run(vaults.create, vaults.CreateAsk(name="v", schema=SCHEMA + SCAN))
    yield made
    made.house.close()
    made.runner.close()


def people(*emails: str) -> records.InsertAsk:
    return records.InsertAsk(vault="v", table="people", records=[{"email": email} for email in emails])


def test_expired_records_go_by_themselves(bench: Bench) -> None:
    bench.run(records.insert, people("ann@example.com"))
    bench.now += 2 * HOUR_MS
    bench.sweep_until(lambda: not bench.count("tokens"))
    assert bench.count("tokens") == 0


def test_answers_kept_for_retries_go_by_themselves(bench: Bench) -> None:
    bench.keyed("records.insert", people("ann@example.com"), "one")
    bench.keyed("principals.create", principals.CreateAsk(name="ed", roles=["editor"]), "two")
    control = bench.house.control
    assert bench.count("idempotency") == 1 and bench.count("idempotency", control) == 1
    bench.now += RETRY_MS + 1
    bench.sweep_until(lambda: not bench.count("idempotency") + bench.count("idempotency", control))
    assert bench.count("idempotency") == 0 and bench.count("idempotency", control) == 0


def test_a_key_works_again_once_its_answer_ran_out(bench: Bench) -> None:
    first = bench.keyed("records.insert", people("ann@example.com"), "one")
    bench.now += RETRY_MS + 1
    second = bench.keyed("records.insert", people("bob@example.com"), "one")
    assert second.records[0].id != first.records[0].id
    assert bench.keyed("records.insert", people("bob@example.com"), "one").records[0].id == second.records[0].id


def test_contents_of_a_dropped_file_column_go_at_the_next_start(bench: Bench) -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"a letter"

    [ann] = bench.run(records.insert, people("ann@example.com")).records
    ask = files.PutAsk(vault="v", table="people", id=ann.id, column="scan", name="a.txt", mime="text/plain")
    bench.run(files.put, ask, content())
    assert bench.count("chunks") == 2
    bench.reopen()
    assert bench.count("chunks") == 2
    bench.run(vaults.apply, vaults.SchemaAsk(vault="v", schema=SCHEMA, allow_loss=True))
    bench.now += HOUR_MS // 2
    bench.reopen()
    assert bench.count("chunks") == 0


class Strange(Exception):
    """Nobody foresaw it, and it quotes a value."""


def turns(duty: Callable[[House, float], Coroutine[Any, Any, None]], house: House, done: Callable[[], bool]) -> bool:
    """Return whether a duty went on until something was done; it is ended then."""

    async def once() -> bool:
        task = asyncio.create_task(duty(house, 0.001))
        for _ in range(5_000):
            await asyncio.sleep(0.001)
            if done() or task.done():
                break
        went_on = done() and not task.done()
        task.cancel()
        return went_on

    return asyncio.run(once())


class Failing:
    """A clock that fails strangely the first times that a duty asks for it."""

    def __init__(self, clock: Callable[[], int], times: int = 2) -> None:
        self.clock, self.left, self.asked = clock, times, 0

    def __call__(self) -> int:
        self.asked += 1
        if self.left:
            self.left -= 1
            raise Strange("ann@example.com")
        return self.clock()


@pytest.mark.parametrize("duty", [worker.keep_clock, worker.keep_sweeping])
def test_an_error_that_nobody_foresaw_ends_no_duty_and_is_logged_by_its_class(
    bench: Bench, caplog: pytest.LogCaptureFixture, duty: Any
) -> None:
    clock = bench.house.clock = Failing(bench.house.clock)
    assert turns(duty, bench.house, lambda: clock.asked > 4)
    assert "unexpected Strange" in caplog.text and "ann@" not in caplog.text


def test_an_error_in_one_vault_keeps_no_duty_from_the_next(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.run(vaults.create, vaults.CreateAsk(name="w", schema=SCHEMA))
    failing, sound = bench.house.vault("v"), bench.house.vault("w")
    failing.clock, sound.clock = Failing(failing.clock, 1_000_000), Failing(sound.clock, 0)
    assert turns(worker.keep_expiring, bench.house, lambda: sound.clock.asked > 2)  # type: ignore[attr-defined]
    assert "old audit entries of vault v stay: unexpected Strange" in caplog.text and "ann@" not in caplog.text


def test_an_error_in_a_round_of_requests_does_not_end_them(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    async def keep(house: House, every_seconds: float) -> None:
        await worker.keep_requests(house, "test", every_seconds)

    clock = Failing(bench.house.clock)
    assert bench.house.desk.journal.store is not None
    bench.house.clock = clock
    assert turns(keep, bench.house, lambda: clock.asked > 4)
    assert "people's requests stand still: unexpected Strange" in caplog.text and "ann@" not in caplog.text
