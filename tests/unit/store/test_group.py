"""Units of many callers share a commit, and a clash in one is no business of the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import TypeVar

import pytest

from privet.errors import StoreFailed
from privet.store.group import MOST_ROWS, MOST_UNITS, Group, Load
from privet.store.port import Clash, Unit

T = TypeVar("T")


class Recorder:
    """A `Work` that keeps what was committed, clashes on rows of 13 and waits for `gate` before a commit ends."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.broken = False
        self.open: list[int] = []
        self.commits: list[list[int]] = []

    def begin(self) -> None:
        assert self.open == []

    def carry(self, load: Load, *, alone: bool) -> None:
        if load.rows == 13:
            raise Clash(0, 0)
        self.open.append(load.rows)

    def commit(self) -> None:
        assert self.gate.wait(10)
        if self.broken:
            raise StoreFailed("broken")
        self.commits.append(self.open)
        self.open = []

    def rollback(self) -> None:
        self.open = []

    def tidy(self) -> None:
        assert self.open == []


def finish(work: Coroutine[object, object, T]) -> T:
    """Return what a coroutine returns; a caller that was forgotten fails the test in place of holding it up."""

    async def bounded() -> T:
        return await asyncio.wait_for(work, 10)

    return asyncio.run(bounded())


def load(rows: int) -> Load:
    """Return a load that says it has `rows` rows."""
    return Load(Unit(()), rows, {})


def test_units_that_wait_for_a_commit_share_the_next_one() -> None:
    work = Recorder()
    group = Group(work)

    async def run() -> None:
        work.gate.clear()
        first = asyncio.create_task(group.write(load(1)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        rest = [asyncio.create_task(group.write(load(n))) for n in range(2, 8)]
        await asyncio.sleep(0)
        work.gate.set()
        await asyncio.gather(first, *rest)

    finish(run())
    assert work.commits == [[1], [2, 3, 4, 5, 6, 7]]


def test_a_clash_is_its_own_units_alone() -> None:
    work = Recorder()
    group = Group(work)

    async def run() -> list[object]:
        return await asyncio.gather(*(group.write(load(n)) for n in (1, 13, 2)), return_exceptions=True)

    answers = finish(run())
    assert [type(answer) for answer in answers] == [type(None), Clash, type(None)]
    assert work.commits == [[1, 2]]
    with pytest.raises(Clash):
        group.write_now(load(13))
    assert work.commits == [[1, 2]]


@pytest.mark.parametrize(("each", "most"), [(1, MOST_UNITS), (MOST_ROWS // 2, 2), (MOST_ROWS * 3, 1)])
def test_a_group_is_bounded_in_units_and_rows(each: int, most: int) -> None:
    work = Recorder()
    group = Group(work)

    async def run() -> None:
        await asyncio.gather(*(group.write(load(each)) for _ in range(MOST_UNITS + 5)))

    finish(run())
    assert max(map(len, work.commits)) == most
    assert sum(map(len, work.commits)) == MOST_UNITS + 5


def test_a_failed_commit_fails_its_group_and_everything_after() -> None:
    work = Recorder()
    group = Group(work)
    group.write_now(load(1))
    work.broken = True

    async def run() -> list[object]:
        return await asyncio.gather(*(group.write(load(n)) for n in (2, 3)), return_exceptions=True)

    assert {type(answer) for answer in finish(run())} == {StoreFailed}
    work.broken = False
    with pytest.raises(StoreFailed):
        group.write_now(load(4))
    assert {type(answer) for answer in finish(run())} == {StoreFailed}
    assert work.commits == [[1]]


def test_threads_and_loops_write_beside_each_other_and_nobody_is_forgotten() -> None:
    work = Recorder()
    group = Group(work)

    def plain() -> None:
        for _ in range(200):
            group.write_now(load(1))

    def looped() -> None:
        async def one() -> None:
            for _ in range(20):
                await group.write(load(2))

        async def many() -> None:
            await asyncio.gather(*(one() for _ in range(10)))

        finish(many())

    threads = [threading.Thread(target=target, daemon=True) for target in (plain, looped, plain, looped)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive(), "a caller was forgotten"
    assert sorted(row for commit in work.commits for row in commit) == [1] * 400 + [2] * 400


def test_a_loop_that_ended_in_mid_write_does_not_block_the_next() -> None:
    work = Recorder()
    group = Group(work)
    work.gate.clear()

    async def give_up() -> None:
        tasks = [asyncio.create_task(group.write(load(1)))]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(group.write(load(n))) for n in (2, 3)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()

    finish(give_up())
    work.gate.set()

    async def go_on() -> None:
        await group.write(load(4))

    finish(go_on())
    with group.turn():
        group.stop("over")
    assert work.commits == [[1], [4]]


def test_stop_carries_out_what_is_queued() -> None:
    work = Recorder()
    group = Group(work)

    async def run() -> None:
        task = asyncio.create_task(group.write(load(1)))
        await asyncio.sleep(0)
        with group.turn():
            group.stop("over")
        await task
        with pytest.raises(StoreFailed):
            await group.write(load(2))

    finish(run())
    assert work.commits == [[1]]
