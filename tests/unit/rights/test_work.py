"""The parts that a worker is made of: lanes, the spool, and what counts as written."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from a_request import request_id

from privet.rights.sealed import RequestKey
from privet.rights.work.lanes import Lanes
from privet.rights.work.spool import Spool, stored
from privet.rights.work.verify import alike
from privet.secret import Secret
from privet.store import queue
from privet.store.engines.memory import MemoryStore
from privet.store.port import Unit
from privet.store.queue import Queue

KEY = RequestKey(request_id(1), Secret(bytes(64)))


# --- lanes ------------------------------------------------------------------------------------------------------------


def test_jobs_of_a_lane_run_in_order_and_those_of_others_beside_them() -> None:
    lanes: Lanes[str] = Lanes(4)
    meet = threading.Barrier(3)
    ran: list[str] = []

    def job(name: str) -> str:
        if name.endswith("1"):
            meet.wait(5)
        ran.append(name)
        return name

    for name in ("a1", "b1", "c1", "a2", "a3"):
        lanes.add(name[0], lambda name=name: job(name))  # type: ignore[misc]
    found = {name for together in lanes.results() for name in together}
    assert found == {"a1", "b1", "c1", "a2", "a3"}
    assert [name for name in ran if name[0] == "a"] == ["a1", "a2", "a3"]


def test_a_job_alone_needs_no_thread() -> None:
    lanes: Lanes[str] = Lanes(4)
    lanes.add("a", lambda: threading.current_thread().name)
    assert list(lanes.results()) == [[threading.current_thread().name]]


def test_jobs_may_be_added_while_results_come() -> None:
    lanes: Lanes[int] = Lanes(2)
    lanes.add("a", lambda: 3)
    found = []
    for results in lanes.results():
        for number in results:
            found.append(number)
            if number:
                lanes.add("a", lambda number=number: number - 1)  # type: ignore[misc]
    assert found == [3, 2, 1, 0]


def test_what_a_job_raises_comes_once_the_others_have_ended() -> None:
    lanes: Lanes[int] = Lanes(2)
    begun, failing, ended = threading.Event(), threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        failing.wait(5)
        ended.set()
        return 1

    def bad() -> int:
        begun.wait(5)
        failing.set()
        raise KeyError("x")

    lanes.add("slow", slow)
    lanes.add("bad", bad)
    with pytest.raises(KeyError):
        list(lanes.results())
    assert ended.is_set()


# --- the spool --------------------------------------------------------------------------------------------------------


class Desk:
    """A spool over a store of its own; `writes`: how often it wrote by itself."""

    def __init__(self, chunk_bytes: int = 100) -> None:
        self.store = MemoryStore()
        self.store.define(queue.SHAPES)
        self.queue = Queue(self.store)
        self.writes = 0
        self.spool = Spool(self.queue, KEY, self.write, chunk_bytes=chunk_bytes)

    def write(self, steps: Any) -> None:
        self.writes += 1
        self.store.write_now(Unit(tuple(steps)))


def test_little_stays_in_memory_until_the_workers_own_write() -> None:
    desk = Desk()
    desk.spool.begin()
    desk.spool.add("a", {"n": 1})
    desk.spool.add("a", {"n": 2})
    assert list(desk.spool.read("a")) == [{"n": 1}, {"n": 2}]
    assert desk.writes == 0
    desk.write(desk.spool.steps())
    assert desk.spool.chunks == {"a": 1}
    assert list(stored(desk.queue, KEY, "a", 1)) == [{"n": 1}, {"n": 2}]


def test_what_is_durable_is_read_from_memory_until_it_grows() -> None:
    desk = Desk()
    desk.spool.begin()
    asked: list[Any] = []
    select = desk.store.select
    desk.store.select = lambda question: (asked.append(question), select(question))[1]  # type: ignore[method-assign]
    desk.spool.add("a", 1)
    desk.write(desk.spool.steps())
    assert (list(desk.spool.read("a")), asked) == ([1], [])
    desk.spool.add("a", 2)
    assert list(desk.spool.read("a")) == [1, 2]
    desk.write(desk.spool.steps())
    assert list(desk.spool.read("a")) == [1, 2]
    assert asked
    desk.write(desk.spool.drop("a"))
    assert list(desk.spool.read("a")) == []


def test_much_is_written_meanwhile_and_read_in_its_order_while_more_is_added() -> None:
    desk = Desk()
    desk.spool.begin()
    for number in range(200):
        desk.spool.add("a", number)
    assert desk.writes
    read = []
    for number in desk.spool.read("a"):
        read.append(number)
        desk.spool.add("b", "x" * 60)
    assert read == list(range(200))
    assert len(list(desk.spool.read("b"))) == 200


def test_a_new_beginning_leaves_nothing_of_an_attempt_before() -> None:
    desk = Desk()
    desk.spool.begin()
    for number in range(200):
        desk.spool.add("old", number)
    desk.spool.begin()
    desk.spool.add("new", 1)
    desk.write(desk.spool.steps())
    assert desk.queue.part_names(KEY.request) == ["new"]


def test_a_later_worker_goes_on_with_what_is_durable() -> None:
    desk = Desk()
    desk.spool.begin()
    desk.spool.add("a", 1)
    desk.write(desk.spool.steps())
    later = Spool(desk.queue, KEY, desk.write, chunk_bytes=100)
    later.begin({"a": 1})
    assert list(later.read("a")) == [1]


def test_parts_are_dropped_from_memory_and_store() -> None:
    desk = Desk()
    desk.spool.begin()
    for number in range(100):
        desk.spool.add("own:x", number)
    desk.spool.add("kept", 1)
    desk.write((*desk.spool.drop("own:"), *desk.spool.steps()))
    assert desk.queue.part_names(KEY.request) == ["kept"]
    assert list(desk.spool.read("own:x")) == []


# --- what counts as written -------------------------------------------------------------------------------------------

ALIKE = [
    (None, None),
    (None, ""),
    ("", None),
    ("gone", "gone"),
    ("gone", "gone   "),
    (12, "12"),
    ("12", 12),
    (Decimal("1.50"), 1.5),
    (True, 1),
    (False, "false"),
    (date(2000, 1, 1), "2000-01-01"),
    ("2000-01-01", date(2000, 1, 1)),
    (date(2000, 1, 1), datetime(2000, 1, 1, tzinfo=UTC)),
    (datetime(2000, 1, 1, 12, tzinfo=UTC), "2000-01-01T12:00:00+00:00"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    ([1, "a"], ["1", "a"]),
    ({"a": 1}, {"a": "1"}),
]
OTHERWISE = [
    (None, "ada@example.com"),
    (None, 0),
    ("abcdef", "abc"),
    ("abc", "ABC"),
    ("007", "7"),
    (12, 13),
    ("gone", None),
    (False, None),
    (date(2000, 1, 1), date(2000, 1, 2)),
    ([1], [1, 2]),
    ({"a": 1}, {"a": 1, "b": 2}),
    ([None], ["x"]),
]


@pytest.mark.parametrize(("wanted", "held"), ALIKE)
def test_what_a_system_shows_in_another_type_is_what_was_written(wanted: Any, held: Any) -> None:
    assert alike(wanted, held)


@pytest.mark.parametrize(("wanted", "held"), OTHERWISE)
def test_anything_else_was_not_written(wanted: Any, held: Any) -> None:
    assert not alike(wanted, held)
