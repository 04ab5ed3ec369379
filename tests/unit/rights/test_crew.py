"""Many requests, workers and systems at once, at the cost of few transactions."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest
from a_request import ADA, CRM, DATASETS, SHOP, Place, packed, system

from privet.rights.run import Crew
from privet.store.engines.memory import MemoryStore
from privet.store.port import Unit
from privet.vocabulary.dataset import Dataset, Masking


@pytest.fixture
def place() -> Place:
    return Place()


class Counting(MemoryStore):
    """Counts transactions."""

    count = 0

    def write_now(self, unit: Unit) -> None:
        self.count += 1
        super().write_now(unit)


@pytest.mark.parametrize(("kind", "most"), [("access", 4), ("erasure", 7)])
def test_a_request_costs_less_than_ten_journal_transactions(kind: str, most: int) -> None:
    store = Counting()
    place = Place(store=store)
    keys = Counting()
    place.keys.store, keys._rows = keys, place.keys.store._rows  # type: ignore[attr-defined]
    place.open(kind)
    assert place.run().state == "complete"
    assert store.count <= most
    assert store.count + keys.count < 10


def test_systems_are_read_side_by_side_and_each_by_one_at_a_time(place: Place) -> None:
    names = [f"s{n}" for n in range(6)]
    collection = SHOP.collections[0]
    place.datasets = {name: Dataset(key=name, collections=(collection,)) for name in names}
    make = type(place.systems["shop"])
    rows = {"customers": [{"id": 1, "email": "ada@example.com", "name": "x"}]}
    place.systems = {name: make(rows) for name in names}
    together = threading.Barrier(6)

    class Meeting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if not self.is_set():
                self.set()
                together.wait(5)
            return True

    for each in place.systems.values():
        each.hangs = Meeting()
    place.open()
    assert place.run().state == "complete"
    assert not together.broken
    assert {each.most_at_once for each in place.systems.values()} == {1}


def test_twenty_requests_at_once_end_each_with_its_own() -> None:
    place = Place()
    for n in range(3, 23):
        place.systems["shop"].rows["customers"].append({"id": n, "email": f"p{n}@example.com", "name": f"P{n}"})
        place.systems["shop"].rows["sessions"].append({"id": 100 + n, "customer_id": n, "ip": "192.0.2.9"})
        place.systems["crm"].rows["contacts"].append({"id": f"c{n}", "customer": n, "phone": f"555-01{n:02d}"})
    opened = [
        place.open("erasure" if n % 2 else "access", identities={"email": f"p{n}@example.com"}) for n in range(3, 23)
    ]
    crew = Crew(place.runner, worker="w", slots=20)
    assert crew.tick() == 20
    assert crew.join(20)
    states = [place.journal.get(each.id).state for each in opened]
    assert states == ["complete"] * 20
    left = [row for row in place.systems["shop"].rows["sessions"] if row["id"] > 100]
    assert sorted(row["customer_id"] for row in left) == [n for n in range(3, 23) if not n % 2]
    assert {each.most_at_once for each in place.systems.values()} == {1}
    crew.close()


def test_requests_beyond_the_slots_wait_for_no_further_tick(place: Place) -> None:
    gate = threading.Event()
    place.systems["shop"].hangs = gate
    opened = [place.open().id for _ in range(5)]
    crew = Crew(place.runner, worker="w", slots=2)
    assert crew.tick() == 2
    gate.set()
    assert crew.join(10)
    assert [place.journal.get(id_).state for id_ in opened] == ["complete"] * 5
    crew.close()


def test_a_crew_takes_no_more_than_its_slots_and_nothing_once_closed(place: Place) -> None:
    gate = threading.Event()
    place.systems["shop"].hangs = gate
    for _ in range(5):
        place.open()
    crew = Crew(place.runner, worker="w", slots=2)
    assert crew.tick() == 2
    assert crew.tick() == 0
    assert not crew.is_idle()
    gate.set()
    assert crew.join(10)
    crew.close()
    assert crew.tick() == 0


def test_a_worker_that_lost_its_lease_makes_no_effect_outside(place: Place) -> None:
    request = place.open("erasure")
    decide = place.ground

    def slow(*given: Any) -> Any:
        place.now += 7_000  # longer than the lease
        return decide(*given)

    place.runner._ground = slow
    claim = place.runner.claim("w")
    assert claim is not None
    place.runner.carry(claim)
    assert all("erase" not in each.calls for each in place.systems.values())
    place.runner._ground = decide
    assert place.over(request).state == "complete"
    assert set(place.systems["shop"].erased.values()) == {1}


def test_what_cannot_be_planned_fails_with_every_fault(place: Place) -> None:
    place.open(identities={"shoe_size": "42"})
    done = place.run()
    assert done.state == "failed"
    assert "shoe_size" in done.reason


def test_identities_may_be_several(place: Place) -> None:
    request = place.open(identities={"email": ["ada@example.com", "bob@example.com"]})
    place.run()
    assert len(packed(place, request.id)["shop"]["customers"]) == 2
    assert DATASETS["shop"] is SHOP
    assert ADA["email"] == "ada@example.com"


def test_a_collection_is_deleted_by_its_own_override(place: Place) -> None:
    contacts = replace(CRM.collections[0], masking=Masking("delete"))
    place.datasets["crm"] = replace(CRM, collections=(contacts,))
    request = place.open("erasure")
    assert place.run().state == "complete"
    assert system(place, request.id, "crm").deleted == 1
    assert [row["id"] for row in place.systems["crm"].rows["contacts"]] == ["c2"]
