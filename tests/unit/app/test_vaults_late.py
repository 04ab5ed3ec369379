"""A vault that hangs while it is told of a choice holds up nobody but who chose, and her not for long."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from chooser import ADA, BOB, SCHEMA, Chooser

from privet.app.services import preferences, records, vaults, verbs
from privet.app.services.verb import call
from privet.rights.asked import Listing
from privet.store.port import Select

LONG = 3_600.0  # seconds: nothing in a test waits for so long
DONE = 10.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Chooser]:
    """A home whose vault `late` knows Ada alone."""
    made = Chooser(tmp_path)
    made.staff.run("vaults.create", vaults.CreateAsk(name="late", schema=SCHEMA.replace("shop", "late")))
    row = {"email": ADA, "note": "likes letters"}
    made.staff.run("records.insert", records.InsertAsk(vault="late", table="people", records=[row]))
    yield made
    made.staff.close()


@asynccontextmanager
async def hanging(home: Chooser) -> AsyncIterator[None]:
    """Have the vault `late` take no write, as while its schema is changed."""
    async with home.house.vault("late").pause():
        yield


def say(home: Chooser, email: str, **choices: str) -> asyncio.Future[Any]:
    home.staff.now += 1
    verb = next(each for each in verbs() if each.name == "preferences.set")
    ask = preferences.SetAsk(email=email, verified="said at the desk", choices=choices)
    return asyncio.ensure_future(call(home.house, verb, home.staff.caller(), ask))


def run(home: Chooser, story: Callable[[], Awaitable[None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(DONE):
            await story()

    home.staff.runner.run(within())


async def written(home: Chooser, email: str, count: int) -> None:
    """Wait until a person's choices are durable."""
    while len(home.house.choices.ledger.chain(home.house.handle("email", email)).told) < count:
        await asyncio.sleep(0)


def test_nobody_waits_for_a_vault_that_hangs_on_another_persons_choice(home: Chooser) -> None:
    home.house.choices.telling.seconds = LONG

    async def story() -> None:
        async with hanging(home):
            ada = say(home, ADA, newsletter="given")
            await written(home, ADA, 1)
            assert (await say(home, BOB, newsletter="given")).stands[0].given
            assert home.ledger(BOB) == {"newsletter": ["given"]}
            assert not ada.done()
        await ada

    run(home, story)


def test_choices_of_one_person_keep_their_order(home: Chooser) -> None:
    home.house.choices.telling.seconds = LONG

    async def story() -> None:
        async with hanging(home):
            first = say(home, ADA, newsletter="given")
            await written(home, ADA, 1)
            second = say(home, ADA, newsletter="withdrawn")
            await say(home, BOB, newsletter="given")
            assert len(home.house.choices.ledger.chain(home.house.handle("email", ADA)).told) == 1
        await first
        await second

    run(home, story)
    assert home.ledger() == {"newsletter": ["given", "withdrawn"]}
    assert home.counting(ADA) == {"newsletter": "withdrawn"}


def test_a_choice_waits_a_moment_and_its_request_tells_the_vault_again(
    home: Chooser, caplog: pytest.LogCaptureFixture
) -> None:
    home.house.choices.telling.seconds = 0.01

    async def story() -> None:
        async with hanging(home):
            for state in ("given", "withdrawn"):
                await say(home, ADA, newsletter=state)
                assert home.ledger()["newsletter"][-1] == state
        # What it was told of goes on, and is not cut off between the ledger and what the vault remembers of it.
        late = home.house.vault("late").store
        while not late.select(Select(table="consents", columns=("state",))):
            await asyncio.sleep(0)

    run(home, story)
    assert "vault late was not told of a choice in time" in caplog.text
    assert "vault late was not told of a choice at once: late" in caplog.text  # of the second: it was at the first
    assert ADA not in caplog.text
    opened = home.house.desk.journal.listed(Listing())
    assert [(one.kind, one.state) for one in opened] == [("consent", "approved")] * 2


def test_a_lock_of_a_person_is_there_only_while_somebody_needs_it(home: Chooser) -> None:
    async def story() -> None:
        async with asyncio.TaskGroup() as group:
            for person in ((b"a", b"b"), (b"b", b"a"), (b"a",), (b"b", b"b")):
                group.create_task(hold(*person))

    async def hold(*handles: bytes) -> None:
        async with home.house.choices.turn(*handles):
            assert len(home.house.choices._turns) >= len(set(handles))
            await asyncio.sleep(0)

    run(home, story)
    assert len(home.house.choices._turns) == 0
