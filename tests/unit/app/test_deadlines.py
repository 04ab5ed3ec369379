"""Deadlines that share one timer: each ends its own task's work, and nothing else."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import pytest

from privet.app.http.deadlines import Deadlines

SOON, LATER = 0.01, 3_600.0


async def wait(deadlines: Deadlines, seconds: float, moved_to: float | None = None) -> str:
    """Wait for ever, or until a deadline."""
    loop = asyncio.get_running_loop()
    try:
        with deadlines.until(loop.time() + seconds) as limit:
            if moved_to is not None:
                limit.reschedule(loop.time() + moved_to)
            await asyncio.Event().wait()
    except TimeoutError:
        return "over" if limit.expired() else "other"
    return "ended"


def test_work_ends_at_its_deadline() -> None:
    assert asyncio.run(wait(Deadlines(), SOON)) == "over"


def test_deadline_that_is_over_already_ends_the_work() -> None:
    assert asyncio.run(wait(Deadlines(), -1.0)) == "over"


def test_deadline_before_the_others_is_kept() -> None:
    async def story() -> str:
        deadlines = Deadlines()
        long = asyncio.ensure_future(wait(deadlines, LATER))
        await asyncio.sleep(0)
        found = await wait(deadlines, SOON)
        assert not long.done()
        long.cancel()
        return found

    assert asyncio.run(story()) == "over"


def test_deadline_after_the_others_is_kept() -> None:
    async def story() -> list[str]:
        deadlines = Deadlines()
        return await asyncio.gather(*(wait(deadlines, SOON * n) for n in (1, 2, 3)))

    assert asyncio.run(story()) == ["over"] * 3


@pytest.mark.parametrize(("first", "then"), [(LATER, SOON), (SOON, 5 * SOON)], ids=["earlier", "later"])
def test_deadline_can_be_moved(first: float, then: float) -> None:
    async def story() -> float:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert await wait(Deadlines(), first, moved_to=then) == "over"
        return loop.time() - begun

    assert asyncio.run(story()) >= then


def test_task_that_somebody_else_cancelled_stays_cancelled() -> None:
    async def story() -> None:
        task = asyncio.ensure_future(wait(Deadlines(), LATER))
        await asyncio.sleep(0)
        task.cancel()
        await task

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(story())


def test_timeout_of_the_work_itself_is_told_apart() -> None:
    async def story() -> bool:
        limit = Deadlines().until(math.inf)
        with pytest.raises(TimeoutError), limit:
            raise TimeoutError
        return limit.expired()

    assert asyncio.run(story()) is False


def test_many_deadlines_share_a_timer() -> None:
    class Loop(asyncio.SelectorEventLoop):
        timers = 0

        def call_at(self, when: float, callback: Callable[..., object], *args: object, **rest: object) -> object:  # type: ignore[override]
            self.timers += 1
            return super().call_at(when, callback, *args, **rest)  # type: ignore[arg-type]

    async def story() -> int:
        deadlines, loop = Deadlines(), asyncio.get_running_loop()
        for number in range(1_000):
            with deadlines.until(loop.time() + LATER + number):
                continue
        assert isinstance(loop, Loop)
        return loop.timers

    with asyncio.Runner(loop_factory=Loop) as runner:
        assert runner.run(story()) == 1


def test_next_event_loop_has_deadlines_too() -> None:
    deadlines = Deadlines()

    async def story() -> None:
        with deadlines.until(asyncio.get_running_loop().time() + LATER):
            return

    asyncio.run(story())
    assert asyncio.run(wait(deadlines, SOON)) == "over"
