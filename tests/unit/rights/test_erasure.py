"""An erasure happens as it was decided, once, and is looked at again; what is not so is said."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from a_request import CRM, Place, column, system

from privet.errors import Gone, Unavailable
from privet.rights.outcome import Kept
from privet.store.port import Unit
from privet.vocabulary.dataset import Collection, Dataset, Link


@pytest.fixture
def place() -> Place:
    return Place()


def test_an_erasure_deletes_masks_and_is_seen_to_have_done_so(place: Place) -> None:
    request = place.open("erasure")
    done = place.run()
    assert done.state == "complete"
    assert done.result is not None
    assert done.result.words == "complete"
    shop, crm = system(place, request.id, "shop"), system(place, request.id, "crm")
    assert (shop.deleted, shop.masked, shop.verified) == (1, 3, 4)
    assert (crm.masked, crm.verified) == (1, 1)
    rows = place.systems["shop"].rows
    assert rows["customers"][0] == {"id": 1, "email": None, "name": "gone"}
    assert rows["customers"][1]["email"] == "bob@example.com"
    assert [row["id"] for row in rows["sessions"]] == [21]


def test_an_erasure_is_forgotten_at_its_end(place: Place) -> None:
    request = place.open("erasure")
    done = place.run()
    assert done.forgotten
    with pytest.raises(Gone):
        place.journal.identities(request.id)


def test_an_end_that_a_crash_kept_from_being_forgotten_is_forgotten_later(place: Place) -> None:
    place.open("erasure")
    place.runner._forget_if_over = lambda id_: None  # type: ignore[method-assign]
    assert not place.run().forgotten
    assert place.runner.forget() == 1
    assert place.runner.forget() == 0


def test_a_promise_keeps_records_and_the_request_is_complete_all_the_same(place: Place) -> None:
    place.systems["shop"].rows["orders"][0]["status"] = "open"
    request = place.open("erasure")
    done = place.run()
    assert done.state == "complete"
    assert done.result is not None
    assert done.result.words == "complete, 1 record kept because it is unpaid"
    assert system(place, request.id, "shop").kept == (Kept("orders", 1, "it is unpaid"),)
    assert place.systems["shop"].rows["orders"][0]["address"] == "1 Lane"
    assert place.systems["shop"].rows["orders"][2]["address"] is None


def test_a_system_that_lies_about_deleting_is_caught(place: Place) -> None:
    place.systems["shop"].lies = True
    request = place.open("erasure")
    done = place.run()
    assert done.state == "partial"
    remaining = {(each.collection, each.count): each.reason for each in system(place, request.id, "shop").remaining}
    assert "still there" in remaining["sessions", 1]
    assert "`email`" in remaining["customers", 1]
    assert system(place, request.id, "crm").remaining == ()
    assert not done.forgotten


def test_a_mask_that_the_system_cuts_short_is_a_failure(place: Place) -> None:
    place.systems["shop"].cuts_at = 2
    place.open("erasure")
    done = place.run()
    assert done.state == "partial"
    assert done.result is not None
    assert "`name` does not hold what was to be written" in str(done.result)


def test_a_record_that_comes_while_she_is_erased_remains(place: Place) -> None:
    class Late(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if "erase" in place.systems["shop"].calls and len(place.systems["shop"].rows["orders"]) == 3:
                place.systems["shop"].rows["orders"].append({"id": 99, "customer_id": 1, "address": "9 Lane"})
            return True

    place.systems["shop"].hangs = Late()
    request = place.open("erasure")
    assert place.run().state == "partial"
    [left] = system(place, request.id, "shop").remaining
    assert (left.collection, left.count) == ("orders", 1)


def test_reading_back_is_on_a_new_connection_and_tries_again_where_a_system_is_slow_to_show_it(place: Place) -> None:
    shop = place.systems["shop"]
    seen: list[int] = []
    original = type(shop)._fail

    def slow(self: Any) -> None:
        original(self)
        if self is shop and shop.calls[-1:] == ["read sessions"] and "erase" in shop.calls:
            seen.append(1)
            ghost = {"id": 20, "customer_id": 1, "ip": "192.0.2.1"}
            shop.rows["sessions"] = [*([ghost] if len(seen) < 3 else []), {"id": 21, "customer_id": 2, "ip": "-"}]

    shop._fail = slow.__get__(shop)  # type: ignore[method-assign]
    place.open("erasure")
    assert place.run().state == "complete"
    assert len(place.slept) == 1
    assert shop.calls.index("close") > shop.calls.index("erase")


def test_a_dry_run_decides_and_counts_and_changes_nothing(place: Place) -> None:
    before = json.dumps({name: each.rows for name, each in place.systems.items()})
    request = place.open("erasure", dry=True)
    done = place.run()
    assert (done.state, done.dry, done.begun) == ("complete", True, False)
    assert (system(place, request.id, "shop").deleted, system(place, request.id, "shop").masked) == (1, 3)
    assert json.dumps({name: each.rows for name, each in place.systems.items()}) == before
    assert all("erase" not in each.calls for each in place.systems.values())


def test_everything_of_an_erasure_is_told_to_the_audit_before_it_happens(place: Place) -> None:
    place.open("erasure")

    def note(event: str, facts: object) -> tuple[()]:
        if event == "requests.erase":
            raise Unavailable("the audit cannot be written")
        return ()

    place.runner._note = note
    assert place.run().state == "waiting"
    assert all("erase" not in each.calls for each in place.systems.values())


def test_what_is_told_to_the_audit_holds_no_value(place: Place) -> None:
    place.open("erasure")
    place.run()
    assert [event for event, _ in place.told] == ["requests.run", "requests.erase", "requests.erase", "requests.done"]
    assert not any(value in repr(place.told) for value in ("ada", "Lane", "555-", "192.0.2"))


def test_nothing_personal_stands_in_the_journal_in_clear_at_any_time(place: Place) -> None:
    seen: list[str] = []
    write = place.store.write_now

    def watched(unit: Unit) -> None:
        write(unit)
        seen.append(repr([list(rows.by_key.values()) for rows in place.store._rows.values()]))  # type: ignore[attr-defined]

    place.store.write_now = watched  # type: ignore[method-assign]
    place.systems["crm"].lies = True
    for kind in ("access", "erasure"):
        place.open(kind)
        place.run()
    assert len(seen) > 8
    assert not [value for value in ("ada@", "Ada E", "Lane", "555-01", "192.0.2") for text in seen if value in text]


def test_a_read_only_field_with_personal_data_remains(place: Place) -> None:
    fields = tuple(replace(f, native=replace(f.native, read_only=f.name == "phone")) for f in CRM.collections[0].fields)
    place.datasets["crm"] = replace(CRM, collections=(replace(CRM.collections[0], fields=fields),))
    request = place.open("erasure")
    assert place.run().state == "partial"
    [left] = system(place, request.id, "crm").remaining
    assert "phone" in left.reason


def test_a_circle_of_references_is_cut_before_records_go() -> None:
    place = Place(policy="erase web.pages by deletion\n")
    link = Link("web", "pages.id", "from")
    fields = (
        column("id", type_="integer", primary_key=True),
        column("email", "user.contact.email", identity="email"),
        column("parent", type_="integer", links=(link,), nullable=True),
    )
    place.datasets = {"web": Dataset(key="web", collections=(Collection(name="pages", fields=fields),))}
    rows = [{"id": 1, "email": "ada@example.com", "parent": 2}, {"id": 2, "email": "ada@example.com", "parent": 1}]
    place.systems = {"web": type(next(iter(place.systems.values())))({"pages": rows})}
    batches: list[Any] = []
    opened = place.open_system

    def watched(name: str) -> Any:
        connector, profile = opened(name)
        erase = connector.erase

        def noted(dataset: Dataset, given: Iterable[Any]) -> list[int]:
            held = list(given)
            batches.extend([[change.values for change in batch.changes] for batch in held])
            return erase(dataset, held)

        connector.erase = noted  # type: ignore[method-assign]
        return connector, profile

    place.opener = watched
    place.open("erasure")
    assert place.run().state == "complete"
    assert batches == [[{"parent": None}, {"parent": None}], [None, None]]


def test_a_change_that_its_own_connection_alone_sees_is_caught(place: Place) -> None:
    shop = place.systems["shop"]

    def uncommitted(name: str) -> Any:
        if name != "shop":
            return place.open_system(name)
        return type(shop)(shop.rows).open(), shop.profile

    place.opener = uncommitted
    place.open("erasure")
    assert place.run().state == "partial"
    assert shop.rows["customers"][0]["email"] == "ada@example.com"


@pytest.mark.parametrize("effect", ["transaction", "look"])
def test_a_system_that_answers_to_references_alone_is_read_back_by_them(place: Place, effect: str) -> None:
    place.behaving("crm", by_any=False, effect=effect)
    place.behaving("shop", by_any=False, effect=effect).stops_after = 1
    place.open("erasure")
    assert place.run().state == "complete"
    if effect == "look":
        assert set(place.systems["shop"].erased.values()) == {1}


def test_a_lie_of_a_system_that_answers_to_references_alone_is_caught(place: Place) -> None:
    place.behaving("crm", by_any=False).lies = True
    request = place.open("erasure")
    assert place.run().state == "partial"
    [left] = system(place, request.id, "crm").remaining
    assert "phone" in left.reason
