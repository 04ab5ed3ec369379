"""Flows: one worker at a time, taken over when it is gone, and nothing lost or written twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from privet.store import queue
from privet.store.port import ENGINES, Clash, Store, Unit
from privet.store.queue import Claim, Lost, Queue

NOW = 1_800_000_000_000


@pytest.fixture(params=["memory", "sqlite"])
def flows(request: pytest.FixtureRequest, tmp_path: Path) -> Queue:
    store: Store = ENGINES.get(request.param).open(str(tmp_path / "queue.db"))
    store.define(queue.SHAPES)
    request.addfinalizer(store.close)
    return Queue(store)


def start(flows: Queue, *ids: str, due_ms: int | None = NOW) -> None:
    for id_ in ids:
        flows.store.write_now(Unit(flows.start(id_, "job", due_ms)))


def claimed(flows: Queue, now_ms: int = NOW, worker: str = "w1") -> Claim:
    found = flows.claim(now_ms, worker)
    assert found is not None
    return found


def test_the_flow_that_is_due_longest_is_claimed_first(flows: Queue) -> None:
    start(flows, "b", due_ms=NOW - 5)
    start(flows, "a", due_ms=NOW - 9)
    start(flows, "later", due_ms=NOW + 1)
    start(flows, "asleep", due_ms=None)
    assert [claimed(flows).flow for _ in range(2)] == ["a", "b"]
    assert flows.claim(NOW, "w1") is None


def test_a_flow_has_one_worker_until_its_lease_runs_out_and_is_taken_over_within_ten_seconds(flows: Queue) -> None:
    start(flows, "a")
    first = claimed(flows)
    assert flows.claim(NOW + 5_999, "w2") is None
    second = claimed(flows, NOW + 6_000, "w2")
    assert second.fence > first.fence
    assert queue.LEASE_MS <= 10_000


def test_a_beat_keeps_the_lease(flows: Queue) -> None:
    start(flows, "a")
    held = flows.beat(claimed(flows), NOW + 4_000)
    assert held.until_ms == NOW + 10_000
    assert flows.claim(NOW + 9_999, "w2") is None


def test_a_worker_that_lost_its_lease_writes_nothing(flows: Queue) -> None:
    start(flows, "a")
    zombie = claimed(flows)
    claimed(flows, NOW + 6_000, "w2")
    for attempt in (
        lambda: flows.write(zombie, (flows.note("a", "by", b"zombie"),)),
        lambda: flows.beat(zombie, NOW + 6_001),
        lambda: flows.park(zombie, None, now_ms=NOW + 6_001),
    ):
        with pytest.raises(Lost):
            attempt()
    assert flows.notes("a") == {}


class Unguarded(Queue):
    """The teeth: a queue whose writes expect nothing."""

    def guard(self, claim: Claim) -> tuple[()]:
        return ()


def test_without_the_fence_the_zombie_wins(flows: Queue) -> None:
    weak = Unguarded(flows.store)
    start(flows, "a")
    zombie = claimed(flows)
    second = claimed(flows, NOW + 6_000, "w2")
    flows.write(second, (flows.note("a", "by", b"second"),))
    weak.write(zombie, (weak.note("a", "by", b"zombie"),))
    assert flows.notes("a") == {"by": b"zombie"}


def test_one_of_many_workers_gets_a_flow(flows: Queue) -> None:
    start(flows, "a")
    assert [flows.claim(NOW, f"w{n}") is not None for n in range(5)].count(True) == 1


def test_steps_that_clash_with_a_claim_leave_the_flow_and_take_the_next(flows: Queue) -> None:
    start(flows, "a", "b")
    flows.store.write_now(Unit((flows.intend("a", "seen"),)))
    found = flows.claim(NOW, "w1", also=lambda flow: (flows.intend(flow, "seen"),))
    assert found is not None
    assert found.flow == "b"


def test_a_parked_flow_wakes_by_its_timer(flows: Queue) -> None:
    start(flows, "a")
    assert flows.park(claimed(flows), NOW + 60_000, (flows.note("a", "n", b"1"),), now_ms=NOW)
    assert flows.claim(NOW + 59_999, "w1") is None
    assert claimed(flows, NOW + 60_000).flow == "a"
    assert flows.notes("a") == {"n": b"1"}


def test_a_signal_wakes_a_flow_and_one_that_comes_while_a_worker_parks_is_not_missed(flows: Queue) -> None:
    start(flows, "a")
    held = claimed(flows)
    flows.store.write_now(Unit(flows.signal("a", "go", b"x", NOW)))
    assert not flows.park(held, None, seen=0, now_ms=NOW)
    again = claimed(flows)
    [told] = flows.signals("a")
    assert (told.name, told.body) == ("go", b"x")
    assert flows.park(again, None, seen=told.number, now_ms=NOW)
    assert flows.claim(NOW + 10**9, "w1") is None
    flows.store.write_now(Unit(flows.signal("a", "more", b"", NOW)))
    assert claimed(flows).flow == "a"


def test_an_effect_is_intended_once_and_done_once(flows: Queue) -> None:
    start(flows, "a")
    held = claimed(flows)
    flows.write(held, (flows.intend("a", "mail", b"what"),))
    with pytest.raises(Clash):
        flows.write(held, (flows.intend("a", "mail"),))
    flows.write(held, (flows.done("a", "mail", b"result"),))
    with pytest.raises(Clash) as raised:
        flows.write(held, (flows.note("a", "x", b""), flows.done("a", "mail")))
    assert raised.value.step == 1
    assert flows.effects("a")["mail"].done
    assert flows.notes("a") == {}


def test_an_effect_that_is_known_not_to_have_happened_may_be_intended_again(flows: Queue) -> None:
    start(flows, "a")
    held = claimed(flows)
    flows.write(held, (flows.intend("a", "mail"),))
    flows.write(held, (flows.drop("a", "mail"), flows.intend("a", "mail")))
    assert not flows.effects("a")["mail"].done


def test_parts_come_in_the_order_of_their_numbers(flows: Queue) -> None:
    steps = [flows.part("a", "p", number, bytes([number])) for number in (2, 0, 11, 1)]
    flows.store.write_now(Unit((*steps, flows.part("a", "q", 0, b"-"))))
    assert list(flows.parts("a", "p")) == [(n, bytes([n])) for n in (0, 1, 2, 11)]


def test_a_revoked_flow_is_nobodys(flows: Queue) -> None:
    start(flows, "a")
    held = claimed(flows)
    flows.store.write_now(Unit(flows.revoke("a")))
    with pytest.raises(Lost):
        flows.write(held, ())
    assert flows.claim(NOW + 10**9, "w2") is None


def test_what_is_kept_of_a_flow_is_dropped_with_it_and_of_no_other(flows: Queue) -> None:
    start(flows, "a", "b")
    for id_ in ("a", "b"):
        steps = (flows.note(id_, "n", b"1"), flows.intend(id_, "e"), flows.part(id_, "p", 0, b"1"))
        flows.store.write_now(Unit((*steps, *flows.signal(id_, "s", b"", NOW))))
    flows.store.write_now(Unit(flows.clear("a")))
    assert (flows.notes("a"), flows.effects("a"), flows.signals("a"), list(flows.parts("a", "p"))) == ({}, {}, [], [])
    assert len(flows.notes("b")) == len(flows.effects("b")) == len(flows.signals("b")) == 1
