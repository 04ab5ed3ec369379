"""People as systems: they are told once, answer in our queue, and their word is not taken for a look."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from a_request import CRM, Place, packed, system

from privet.connectors.base import Halted, Waiting
from privet.errors import Refused, Unavailable
from privet.rights.asked import Answer
from privet.secret import Secret
from privet.store.port import Unit
from privet.vocabulary.dataset import Dataset


@pytest.fixture
def place() -> Place:
    return Place()


class Desk:
    """A system of people. `told`: the messages that went out, by idempotency key."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.fails: Exception | None = None

    def tell(self, once: str) -> None:
        if self.fails is not None:
            raise self.fails
        self.told.append(once)

    def probe(self) -> None: ...
    def close(self) -> None: ...
    def describe(self) -> Dataset:
        return CRM

    def read(self, ask: Any) -> Any:
        raise Waiting(Secret(f"look for {ask.identities['email'][0]}"), tell=self.tell)

    def erase(self, dataset: Dataset, batches: Iterable[Any]) -> list[int]:
        count = sum(len(batch.changes) for batch in batches)
        raise Waiting(Secret(f"erase {count}"), tell=self.tell)


@pytest.fixture
def desk(place: Place) -> Desk:
    found = Desk()
    profile = replace(place.systems["crm"].profile, reads_back=False, effect="nature", atomic=False)
    place.opener = lambda name: (found, profile) if name == "crm" else place.open_system(name)
    return found


def answer(place: Place, id_: str, name: str, **said: Any) -> None:

    place.journal.answer(id_, name, Answer(**said), "carol", place.now)


def test_an_access_waits_for_people_and_goes_on_by_their_answer(place: Place, desk: Desk) -> None:
    request = place.open()
    waiting = place.run()
    assert waiting.state == "waiting"
    assert waiting.progress["waiting"] == [{"dataset": "crm", "for": "person", "task": "read:crm"}]
    [task] = place.journal.tasks(request.id)
    assert (task.told, task.answered, task.text.reveal()) == ("yes", False, "look for ada@example.com")
    records = {"contacts": [{"id": "c1", "customer": "1", "phone": "555-0101"}, {"id": "c2", "customer": 2}]}
    answer(place, request.id, "read:crm", records=records)
    assert place.run().state == "complete"
    assert [row["values"]["id"] for row in packed(place, request.id)["crm"]["contacts"]] == ["c1"]
    assert system(place, request.id, "crm").confirmed
    assert len(desk.told) == 1


def test_an_erasure_by_people_is_confirmed_by_them_once_they_found_and_erased(place: Place, desk: Desk) -> None:
    request = place.open("erasure")
    place.run()
    answer(place, request.id, "read:crm", records={"contacts": [{"id": "c1", "customer": 1, "phone": "555-0101"}]})
    waiting = place.run()
    assert waiting.state == "waiting"
    [_, task] = sorted(place.journal.tasks(request.id), key=lambda each: each.what, reverse=True)
    assert (task.what, task.text.reveal()) == ("erase", "erase 1")
    answer(place, request.id, "erase:crm", erased=True)
    assert place.run().state == "complete"
    assert system(place, request.id, "crm").confirmed
    assert len(desk.told) == len(set(desk.told)) == 2


def test_people_may_say_at_once_that_all_is_erased(place: Place, desk: Desk) -> None:
    request = place.open("erasure")
    place.run()
    answer(place, request.id, "read:crm", erased=True)
    assert place.run().state == "complete"
    assert system(place, request.id, "crm").confirmed


def test_a_message_that_surely_did_not_go_out_is_sent_later(place: Place, desk: Desk) -> None:
    desk.fails = Unavailable("the mail server does not answer")
    request = place.open()
    place.run()
    [task] = place.journal.tasks(request.id) or [None]  # type: ignore[list-item]
    assert task is None or task.told == ""
    desk.fails = None
    place.now += 3_600_000
    place.run()
    assert len(desk.told) == 1
    assert place.journal.tasks(request.id)[0].told == "yes"


def test_a_message_that_may_have_gone_out_is_not_sent_again_unless_somebody_says_so(place: Place, desk: Desk) -> None:
    desk.fails = Halted((), Unavailable("the mail server fell silent"))
    request = place.open()
    place.run()
    desk.fails = None
    assert place.journal.tasks(request.id)[0].told == "unknown"
    place.now += 86_400_000
    assert place.runner.run_once("w") is None
    place.journal.retry(request.id, "bob", place.now)
    place.run()
    assert len(desk.told) == 1
    assert place.journal.tasks(request.id)[0].told == "yes"


def test_a_retry_counts_once(place: Place, desk: Desk) -> None:
    desk.fails = Halted((), Unavailable("the mail server fell silent"))
    request = place.open()
    place.run()
    place.journal.retry(request.id, "bob", place.now)
    place.run()
    desk.fails = None
    place.systems["shop"].down = 10**6
    place.store.write_now(Unit(place.journal.queue.wake(request.id, place.now)))
    place.run()
    assert desk.told == []


def test_a_task_stands_where_its_message_is_turned_down(place: Place, desk: Desk) -> None:
    desk.fails = Refused("the mail server does not take the letter")
    request = place.open()
    waiting = place.run()
    assert waiting.progress["waiting"][0]["why"] == "the mail server does not take the letter"
    assert place.journal.tasks(request.id)[0].told == ""
    answer(place, request.id, "read:crm", records={})
    assert place.run().state == "complete"


def test_a_system_that_cannot_be_read_back_makes_an_erasure_partial(place: Place) -> None:
    place.behaving("crm", reads_back=False)
    request = place.open("erasure")
    assert place.run().state == "partial"
    assert system(place, request.id, "crm").remaining[0].reason == "nothing can be read back there"
