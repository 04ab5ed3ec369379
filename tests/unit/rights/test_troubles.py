"""Systems that are silent, hang, refuse, stop half way or are faulty hold up a request no longer than they must."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from a_request import NOW, Place, packed, system

from privet.errors import Refused, StoreFailed, Unavailable
from privet.rights.plans.reach import Guard
from privet.rights.run import Pace, Runner
from privet.rights.work.calls import Systems
from privet.store.port import Unit


@pytest.fixture
def place() -> Place:
    return Place()


@pytest.mark.parametrize("kind", ["access", "erasure"])
def test_a_system_that_stumbles_is_asked_again_at_once(place: Place, kind: str) -> None:
    place.systems["crm"].down = 2
    place.open(kind)
    assert place.run().state == "complete"
    assert place.slept == [0.2, 0.4]


@pytest.mark.parametrize("kind", ["access", "erasure"])
def test_a_system_that_is_down_is_waited_for_and_the_request_resumes(place: Place, kind: str) -> None:
    place.systems["crm"].down = 100
    request = place.open(kind)
    waiting = place.run()
    assert waiting.state == "waiting"
    assert [each["dataset"] for each in waiting.progress["waiting"]] == ["crm"]
    assert place.runner.run_once("w") is None
    assert kind == "access" or place.systems["shop"].erased == {}, "nothing is erased before all is gathered"
    place.systems["crm"].down = 0
    assert place.over(request).state == "complete"


def test_the_pauses_between_tries_grow(place: Place) -> None:
    place.systems["crm"].down = 10**6
    place.open()
    pauses = []
    for _ in range(4):
        waiting = place.run()
        until = waiting.progress["waiting"][0]["until_ms"]
        pauses.append(until - place.now)
        place.now = until
    assert pauses == sorted(pauses)
    assert pauses[-1] > 4 * pauses[0]


def test_somebody_can_wake_a_request_that_waits(place: Place) -> None:
    place.systems["crm"].down = 3
    request = place.open()
    assert place.run().state == "waiting"
    place.journal.retry(request.id, "bob", place.now)
    assert place.run().state == "complete"


def test_patience_ends_and_says_what_is_missing(place: Place) -> None:
    place.systems["crm"].down = 10**6
    access, erasure = place.open("access"), place.open("erasure")
    place.run()
    place.run()
    place.now += 8 * 86_400_000
    place.run()
    place.run()
    assert place.journal.get(access.id).state == "partial"
    assert place.journal.get(erasure.id).state == "failed"
    assert place.systems["shop"].erased == {}
    assert "not answered for 7 days" in system(place, erasure.id, "crm").remaining[0].reason


def test_a_system_that_goes_down_between_reading_and_erasing_holds_up_only_itself(place: Place) -> None:
    shop, crm = place.systems["shop"], place.systems["crm"]
    fail = shop._fail

    def failing() -> None:
        if shop.calls and shop.calls[-1] == "erase" and place.now == NOW:
            raise Unavailable("the system does not answer")
        fail()

    shop._fail = failing  # type: ignore[method-assign]
    request = place.open("erasure")
    waiting = place.run()
    assert waiting.state == "waiting"
    assert waiting.begun
    assert crm.rows["contacts"][0]["phone"] is None
    assert place.over(request).state == "complete"
    assert crm.calls.count("erase") == 1


def test_a_system_that_does_not_let_us_in_makes_an_access_partial(place: Place) -> None:
    def refusing(name: str) -> Any:
        if name == "crm":
            raise Refused("the system does not let us in")
        return place.open_system(name)

    place.opener = refusing
    request = place.open()
    assert place.run().state == "partial"
    assert packed(place, request.id)["shop"]["customers"]
    assert system(place, request.id, "crm").remaining[0].reason == "the system does not let us in"


def test_an_erasure_begins_nothing_while_a_system_cannot_be_read_unless_it_is_left_out(place: Place) -> None:
    def refusing(name: str) -> Any:
        if name == "crm":
            raise Refused("the system does not let us in")
        return place.open_system(name)

    place.opener = refusing
    request = place.open("erasure")
    assert place.run().state == "failed"
    assert place.systems["shop"].erased == {}
    place.journal.retry(request.id, "bob", place.now, without=["crm"])
    done = place.run()
    assert done.state == "partial"
    assert system(place, request.id, "shop").verified == 4
    assert [each.reason for each in system(place, request.id, "crm").remaining] == ["it is left out of the request"]


def test_a_system_that_refuses_the_erasure_is_partial_and_says_why(place: Place) -> None:
    place.systems["shop"].refuses = "`customers` is still referred to"
    request = place.open("erasure")
    assert place.run().state == "partial"
    shop = system(place, request.id, "shop")
    assert (shop.deleted, shop.masked, shop.verified) == (0, 0, 0)
    assert "`customers` is still referred to" in {each.reason for each in shop.remaining}
    assert system(place, request.id, "crm").verified == 1


@pytest.mark.parametrize("effect", ["nature", "key", "look"])
def test_a_system_that_stops_half_way_goes_on_without_doing_anything_twice(place: Place, effect: str) -> None:
    shop = place.behaving("shop", atomic=False, effect=effect)
    shop.stops_after = 2
    place.open("erasure")
    assert place.run().state == "complete"
    assert shop.calls.count("erase") == 2
    if effect != "nature":
        assert set(shop.erased.values()) == {1}


def test_a_system_that_hangs_takes_no_worker_with_it() -> None:
    place = Place(page_seconds=0.05, open_seconds=0.05)
    gate = place.systems["crm"].hangs = threading.Event()
    request = place.open()
    waiting = place.run()
    assert waiting.state == "waiting"
    assert "deadline" in waiting.progress["waiting"][0]["why"]
    gate.set()
    place.systems["crm"].hangs = None
    assert place.over(request).state == "complete"


def test_a_system_with_too_many_hanging_calls_is_asked_no_more() -> None:
    place = Place(page_seconds=0.02, open_seconds=0.02)
    gate = place.systems["crm"].hangs = threading.Event()
    systems = Systems(place.open_system, place.runner.pace)
    for _ in range(3):
        with systems.turn("crm") as session, pytest.raises(Unavailable, match="deadline"):
            session.profile()
    with pytest.raises(Unavailable, match="none comes back"), systems.turn("crm"):
        pass
    gate.set()


def test_a_breaker_rests_a_system_that_failed_often_and_tries_it_again_later(place: Place) -> None:
    place.systems["crm"].down = 10**6
    systems = Systems(place.open_system, Pace(clock=lambda: place.now, sleep=place.slept.append, failures=4))
    for _ in range(2):
        with pytest.raises(Unavailable), systems.turn("crm") as session:
            session.profile()
    left = place.systems["crm"].down
    with pytest.raises(Unavailable, match="left alone"), systems.turn("crm") as session:
        session.profile()
    assert place.systems["crm"].down == left
    place.systems["crm"].down = 0
    place.now += 30_001
    with systems.turn("crm") as session:
        assert session.profile().against == "memory"


def test_a_fault_of_a_connector_is_named_by_its_class_and_never_by_its_text(place: Place) -> None:
    def broken() -> None:
        raise ValueError("ada@example.com is no number")

    place.systems["crm"]._fail = broken  # type: ignore[method-assign]
    request = place.open()
    assert place.run().state == "partial"
    [left] = system(place, request.id, "crm").remaining
    assert left.reason == "the connector failed by `ValueError`"


def test_a_fault_of_ours_ends_the_request_and_tells_place_and_class_only(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("ada@example.com")

    place.runner._ground = broken  # type: ignore[assignment]
    place.open()
    done = place.run()
    assert done.state == "failed"
    assert done.reason.startswith("fault: KeyError at test_troubles.py:")
    assert "ada@" not in caplog.text


def test_a_request_that_gathers_too_much_fails_before_it_changes_anything(place: Place) -> None:
    runner = Runner(
        place.journal, place.open_system, place.ground, place.note, pace=place.runner.pace, guard=Guard(records=1)
    )
    place.open("erasure")
    done = runner.run_once("w")
    assert done is not None
    assert done.state == "failed"
    assert done.reason.startswith("too_many: ")
    assert place.systems["shop"].erased == {}


def test_a_store_that_fails_stops_the_worker(place: Place) -> None:
    def failing(unit: Unit) -> None:
        raise StoreFailed("the disk is full")

    place.open()
    claim = place.runner.claim("w")
    assert claim is not None
    place.store.write_now = failing  # type: ignore[method-assign]
    with pytest.raises(StoreFailed):
        place.runner.carry(claim)


def test_a_retry_finds_what_only_records_that_are_erased_by_now_led_to(place: Place) -> None:
    place.systems["crm"].refuses = "no rights"
    request = place.open("erasure")
    assert place.run().state == "partial"
    place.journal.retry(request.id, "bob", place.now)
    assert place.run().state == "partial", "it still refuses"
    place.systems["crm"].refuses = ""
    place.journal.retry(request.id, "bob", place.now)
    assert place.run().state == "complete"
    assert [row["phone"] for row in place.systems["crm"].rows["contacts"]] == [None, "555-0102"]
    assert (system(place, request.id, "shop").masked, system(place, request.id, "crm").masked) == (3, 1)


def test_what_remains_where_nothing_leads_any_more_still_remains(place: Place) -> None:
    place.systems["crm"].refuses = "no rights"
    request = place.open("erasure")
    place.run()
    del place.datasets["crm"]
    place.journal.retry(request.id, "bob", place.now)
    assert place.run().state == "partial"
    assert system(place, request.id, "crm").remaining
    assert not place.journal.get(request.id).forgotten
