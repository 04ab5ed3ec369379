"""What a person chose is told once to each system that it concerns; what cannot be told, or must wait, is said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from a_request import ADA, CRM, DATASETS, NOW, SHOP, Place, system

from privet.connectors.base import Choice, Connector, Waiting
from privet.errors import Conflict
from privet.rights.asked import Answer
from privet.rights.plans.concern import concerned, uses_of
from privet.rights.plans.whole import plan
from privet.rights.words import TELLING, Kind
from privet.secret import Secret
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.system import Declaration, Flow, System

NEWS = Choice(
    kind="consent", state="refused", key="newsletter", uses=("marketing.communications",), at_ms=NOW, source="center"
)


def opened(place: Place, choice: Choice = NEWS) -> Any:
    return place.open(choice.kind, choice=choice)


def test_every_system_is_told_once_with_the_same_key_however_often_it_is_asked() -> None:
    place = Place()
    place.systems["crm"].down = 1
    request = place.over(opened(place))
    assert request.state == "complete"
    assert [len(one.chosen) for one in place.systems.values()] == [1, 1]
    ((choice, people),) = place.systems["shop"].chosen.values()
    assert (choice, people) == (NEWS, {"email": [ADA["email"]]})
    assert (system(place, request.id, "shop").told, system(place, request.id, "crm").told) == (1, 0)
    assert [event for event, _ in place.told] == ["requests.run", "requests.choice", "requests.done"]
    assert request.forgotten


@pytest.mark.parametrize("kind", TELLING)
def test_a_telling_needs_no_field_by_which_she_is_looked_up(kind: Kind) -> None:
    made = plan(kind, [SHOP, CRM], ["device"])
    assert (made.seeds, made.turns, made.visits) == ((), (), ())


def test_what_was_told_is_never_canceled() -> None:
    place = Place()
    place.systems["crm"].down = 100
    request = opened(place)
    assert place.run().state == "waiting"
    assert len(place.systems["shop"].chosen) == 1
    with pytest.raises(Conflict):
        place.journal.cancel(request.id, "bob", "withdrawn", place.now)


def test_a_system_that_was_told_is_not_asked_again_while_another_is_waited_for() -> None:
    place = Place()
    place.systems["crm"].down = 8
    request = place.over(opened(place))
    assert request.state == "complete"
    assert place.systems["shop"].calls.count("tell") == 1


def test_a_system_that_cannot_be_told_remains_where_it_must_honour_the_choice() -> None:
    place = Place()
    place.systems["shop"].deaf = place.systems["crm"].deaf = True
    place.concerned = {"shop": True, "crm": False}
    request = place.over(opened(place))
    assert request.result is not None
    assert [each.dataset for each in request.result.systems] == ["shop"]
    (left,) = system(place, request.id, "shop").remaining
    assert (request.state, left.reason) == ("failed", "it cannot be told what a person chose")


def test_a_system_that_refuses_remains_even_where_it_need_not_honour_the_choice() -> None:
    place = Place()
    place.concerned = {"shop": True, "crm": False}
    place.systems["crm"].refuses = "the token is old"
    request = place.over(opened(place))
    (left,) = system(place, request.id, "crm").remaining
    assert (request.state, left.reason) == ("partial", "the token is old")


def test_what_was_not_told_is_told_by_a_retry() -> None:
    place = Place()
    place.systems["crm"].refuses = "the token is old"
    request = place.over(opened(place))
    place.systems["crm"].refuses = ""
    place.journal.retry(request.id, "bob", place.now)
    assert place.over(request).state == "complete"
    assert len(place.systems["shop"].chosen) == 1  # the same key again


def test_a_system_that_does_not_come_back_is_given_up() -> None:
    place = Place(give_up_ms=3_600_000)
    place.systems["crm"].down = 10_000
    request = place.over(opened(place))
    (left,) = system(place, request.id, "crm").remaining
    assert (request.state, left.reason.startswith("it has not answered")) == ("partial", True)


def test_what_is_left_out_is_told_nothing_and_said_so() -> None:
    place = Place()
    place.systems["crm"].refuses = "no"
    request = place.over(opened(place))
    place.journal.retry(request.id, "bob", place.now, without=["crm"])
    request = place.over(request)
    assert request.state == "partial"
    assert place.systems["crm"].calls.count("tell") == 1


def test_of_two_choices_that_wait_for_a_system_the_newer_alone_is_told_to_it() -> None:
    place = Place()
    place.systems["crm"].down = 9
    first = opened(place, replace(NEWS, state="given"))
    place.run()
    place.newest_ms = NOW + 1
    second = opened(place, replace(NEWS, at_ms=NOW + 1))
    assert (place.over(second).state, place.over(first).state) == ("complete", "complete")
    assert [choice.state for choice, _ in place.systems["shop"].chosen.values()] == ["given", "refused"]
    assert [choice.state for choice, _ in place.systems["crm"].chosen.values()] == ["refused"]
    assert [each.dataset for each in place.journal.get(first.id).result.systems] == ["shop"]  # type: ignore[union-attr]


class Desk:
    """People who are asked, and answer in our queue."""

    def __init__(self) -> None:
        self.letters: list[str] = []

    def tell(self, *said: Any) -> int:
        raise Waiting(Secret("please take Ada off the list"), tell=self.letters.append)

    def close(self) -> None: ...


def test_people_are_asked_once_and_their_answer_ends_it() -> None:
    place, people = Place(), Desk()
    inner = place.opener

    def open_(name: str) -> Any:
        connector: Connector | Desk = people if name == "crm" else inner(name)[0]
        return connector, place.systems[name].profile

    place.opener = open_
    request = opened(place)
    assert place.run().state == "waiting"
    place.now += 10_000
    (task,) = place.journal.tasks(request.id)
    assert (task.name, task.told, len(people.letters)) == ("tell:crm", "yes", 1)
    place.journal.answer(request.id, task.name, Answer(note="done"), "carol", place.now)
    request = place.over(request)
    assert (request.state, system(place, request.id, "crm").confirmed, len(people.letters)) == ("complete", True, 1)


# --- whom it concerns -----------------------------------------------------------------------------------------


def uses(**said: str) -> dict[str, frozenset[str]]:
    return uses_of(
        System(key=f"s{at}", declarations=(Declaration(categories=(), use=Purpose(use), datasets=(name,)),))
        for at, (name, use) in enumerate(said.items())
    )


OTHER = Dataset(key="stock", collections=(Collection(name="things", fields=(Field(name="x", type="string"),)),))
ALL = [*DATASETS.values(), OTHER]


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"shop": "marketing.communications.email"}, {"shop": True, "crm": False}),
        ({"shop": "marketing"}, {"shop": True, "crm": False}),
        ({"shop": "essential.service"}, {"crm": False}),
        ({"shop": "essential.service", "crm": "marketing.communications"}, {"crm": True}),
        ({}, {"shop": False, "crm": False}),
    ],
    ids=["below", "above", "other", "one", "undeclared"],
)
def test_a_consent_concerns_what_is_used_so_and_what_nobody_declares(
    said: dict[str, str], found: dict[str, bool]
) -> None:
    assert concerned(NEWS, ALL, uses(**said), DATASETS) == found


def test_a_system_without_a_connector_is_named_only_where_it_must_honour_the_choice() -> None:
    assert concerned(NEWS, ALL, uses(shop="marketing"), ()) == {"shop": True}


def test_a_restriction_concerns_all_that_holds_personal_data() -> None:
    choice = replace(NEWS, kind="restriction", key="", uses=())
    assert concerned(choice, ALL, uses(shop="essential.service"), ()) == {"shop": True, "crm": True}


def test_uses_reach_datasets_by_flows_and_by_what_the_system_holds() -> None:
    flow = Flow(key="crm", kind="dataset")
    said = Declaration(categories=(), use=Purpose("marketing"), egress=("crm",))
    held = Declaration(categories=(), use=Purpose("essential"))
    system_ = System(key="s", declarations=(said, held), datasets=("shop",), egress=(flow,))
    assert uses_of([system_]) == {"crm": frozenset({"marketing", "essential"}), "shop": frozenset({"essential"})}
