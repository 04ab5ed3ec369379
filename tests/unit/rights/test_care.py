"""A request is looked after: assigned, noted on, given more time, warned of; nothing of it moves the request itself."""

from __future__ import annotations

from typing import Any

import pytest
from a_request import ADA, NOW, Place

from privet.connectors.base import Choice
from privet.errors import Conflict, Damaged, Gone, InvalidInput, NotFound
from privet.rights import care
from privet.rights.asked import DENIALS, EXTENSIONS, OVER, Correction, Listing, Opening, Request
from privet.store.port import Clash, Select, Unit, Update
from privet.vocabulary.predicate import Compare

DAY = 86_400_000
SEEN = "passport seen at the desk"


@pytest.fixture
def place() -> Place:
    return Place()


def received(place: Place, kind: Any = "access", **more: Any) -> Request:
    said: dict[str, Any] = {"identities": ADA, "by": "alice", "due_ms": NOW + 30 * DAY, **more}
    return place.journal.open(Opening(kind=kind, **said), NOW)


def forced(place: Place, id_: str, **cells: Any) -> None:
    place.store.write_now(Unit((Update("requests", tuple(cells), ("id",), ((*cells.values(), id_),)),)))


# --- proof of who she is --------------------------------------------------------------------------------------------


def test_nobody_approves_what_nobody_proved(place: Place) -> None:
    request = received(place)
    with pytest.raises(Conflict, match="nobody proved"):
        place.journal.approve(request.id, "bob", NOW)
    assert place.journal.verify(request.id, SEEN, "bob", NOW).verified == SEEN
    assert place.journal.approve(request.id, "bob", NOW).state == "approved"
    assert place.run().state == "complete"


def test_nothing_is_opened_to_run_at_once_that_nobody_proved(place: Place) -> None:
    with pytest.raises(Conflict, match="nobody proved"):
        received(place, approval=False)
    assert place.journal.listed() == []


@pytest.mark.parametrize("cells", [{}, {"verified": SEEN}], ids=["as it is", "a proof in the row"])
def test_what_nobody_proved_never_runs_whatever_rows_say(place: Place, cells: dict[str, Any]) -> None:
    """Teeth: the same request, proved, runs when its row is pushed on in this way."""
    request = received(place)
    key = place.keys.open(request.id)
    approval = key.seal_document("approval", {"by": "mallory", "at": NOW, "basis": ""})
    forced(place, request.id, state="approved", approval=approval, **cells)
    place.store.write_now(Unit(place.journal.queue.wake(request.id, NOW)))
    found = place.run()
    assert (found.state, found.reason.partition(":")[0]) == ("failed", "damaged")
    assert not any(system.calls for system in place.systems.values())
    proved = received(place, verified=SEEN)
    approval = place.keys.open(proved.id).seal_document("approval", {"by": "mallory", "at": NOW, "basis": ""})
    forced(place, proved.id, state="approved", approval=approval)
    place.store.write_now(Unit(place.journal.queue.wake(proved.id, NOW)))
    assert place.run().state == "complete"


@pytest.mark.parametrize("how", ["", " ", "x" * 201, "a\nb"], ids=["none", "blank", "long", "two lines"])
def test_a_proof_is_a_few_words(place: Place, how: str) -> None:
    request = received(place)
    with pytest.raises(InvalidInput):
        place.journal.verify(request.id, how, "bob", NOW)


def test_a_proof_comes_before_the_approval(place: Place) -> None:
    request = received(place, verified=SEEN)
    place.journal.approve(request.id, "bob", NOW)
    with pytest.raises(Conflict):
        place.journal.verify(request.id, "another", "bob", NOW)


# --- what kinds of requests say -------------------------------------------------------------------------------------


def test_corrections_and_choices_are_sealed_and_come_back_as_they_were(place: Place) -> None:
    wrong = (Correction(what="user.name", value="Ada Invented", was="Ada Example"), Correction(what="a.b.c", value=7))
    asked = received(place, "rectification", corrections=wrong)
    choice = Choice(kind="objection", state="given", uses=("marketing",), at_ms=NOW, source="api")
    objected = received(place, "objection", choice=choice)
    assert place.journal.corrections(asked.id) == wrong
    assert place.journal.choice(objected.id) == choice
    assert place.journal.choice(asked.id) is None
    dump = repr([list(rows.by_key.values()) for rows in place.store._rows.values()])  # type: ignore[attr-defined]
    assert "Ada Invented" not in dump


RESTRICTION = Choice(kind="restriction", state="given", at_ms=NOW)
WRONG = (Correction(what="user.name", value="x"),)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("rectification", {}),
        ("erasure", {"corrections": WRONG}),
        ("rectification", {"corrections": WRONG * 101}),
        ("rectification", {"corrections": (Correction(what="user.name", value="x" * 10_001),)}),
        ("restriction", {}),
        ("objection", {"choice": RESTRICTION}),
        ("access", {"choice": RESTRICTION}),
        ("access", {"dry": True}),
        ("flight", {}),
    ],
)
def test_an_opening_says_what_its_kind_needs_and_no_more(place: Place, kind: str, more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        received(place, kind, **more)


# --- ends -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["", "not verified", "because of 555-0101", *EXTENSIONS])
def test_a_request_is_denied_for_a_reason_of_the_list_alone(place: Place, reason: str) -> None:
    request = received(place)
    with pytest.raises(InvalidInput):
        place.journal.deny(request.id, "bob", reason, NOW)
    assert place.journal.get(request.id).state == "received"


@pytest.mark.parametrize("reason", DENIALS)
def test_a_denied_request_has_an_end(place: Place, reason: str) -> None:
    denied = place.journal.deny(received(place).id, "bob", reason, NOW + 5)
    assert (denied.state, denied.reason, denied.ended_ms) == ("denied", reason, NOW + 5)


def test_every_end_is_written_down_and_a_retry_takes_it_back(place: Place) -> None:
    canceled = place.journal.cancel(received(place).id, "bob", "withdrawn", NOW + 7)
    assert canceled.ended_ms == NOW + 7
    place.systems["crm"].refuses = "no"
    request = place.open("erasure")
    assert place.run().ended_ms == place.now
    again = place.journal.retry(request.id, "bob", NOW)
    assert (again.state, again.ended_ms) == ("approved", None)


def test_a_person_finds_her_own_requests_and_nobody_elses(place: Place) -> None:
    hers = [received(place, person=b"a" * 32).id, received(place, "erasure", person=b"a" * 32).id]
    received(place, person=b"b" * 32)
    received(place)
    assert {one.id for one in place.journal.of_person(b"a" * 32)} == {*hers}
    assert place.journal.of_person(b"") == []
    assert place.journal.of_person(b"c" * 32) == []


def test_the_queue_goes_by_due_dates_and_pages(place: Place) -> None:
    days = [9, 3, 3, 27, 1]
    ids = [received(place, due_ms=NOW + day * DAY, law="gdpr" if day == 3 else "ccpa").id for day in days]
    received(place, due_ms=None)
    order = [ids[4], *sorted(ids[1:3]), ids[0], ids[3]]

    def listed(**asked: Any) -> list[str]:
        return [one.id for one in place.journal.listed(Listing(by_due=True, **asked))]

    assert listed() == order
    assert listed(limit=2) == order[:2]
    for at in range(5):
        assert listed(after=order[at]) == order[at + 1 :]
    assert listed(law="gdpr") == order[1:3]
    assert listed(due_before_ms=NOW + 3 * DAY) == order[:1]


# --- looking after it -------------------------------------------------------------------------------------------------


def test_a_request_is_assigned_until_it_is_over(place: Place) -> None:
    request = received(place, verified=SEEN)
    assert care.assign(place.journal, request.id, "carol").assigned == "carol"
    assert [one.id for one in place.journal.listed(Listing(assigned="carol"))] == [request.id]
    assert care.assign(place.journal, request.id, "").assigned == ""
    place.journal.deny(request.id, "bob", "duplicate", NOW)
    with pytest.raises(Conflict):
        care.assign(place.journal, request.id, "carol")


def test_more_time_is_taken_once_and_before_the_time_is_over(place: Place) -> None:
    request = received(place)
    later = NOW + 90 * DAY
    extended = care.extend(place.journal, request.id, "complex", later, NOW)
    assert (extended.due_ms, extended.extended, extended.state) == (later, "complex", "received")
    with pytest.raises(Conflict, match="before"):
        care.extend(place.journal, request.id, "complex", later + DAY, NOW)
    late = received(place)
    with pytest.raises(Conflict, match="late"):
        care.extend(place.journal, late.id, "complex", later, NOW + 30 * DAY)
    with pytest.raises(Conflict):
        care.extend(place.journal, received(place, due_ms=None).id, "complex", later, NOW)
    for reason, until in (("busy", later), ("complex", NOW + 30 * DAY), ("complex", NOW + DAY)):
        with pytest.raises(InvalidInput):
            care.extend(place.journal, late.id, reason, until, NOW)
    place.journal.deny(late.id, "bob", "duplicate", NOW)
    with pytest.raises(Conflict):
        care.extend(place.journal, late.id, "complex", later, NOW)


def test_receipt_is_confirmed_once(place: Place) -> None:
    request = received(place, acknowledge_ms=NOW + 10 * DAY)
    assert [one.id for one in care.unacknowledged(place.journal)] == [request.id]
    assert care.acknowledge(place.journal, request.id, NOW + 1).acknowledged_ms == NOW + 1
    assert [*care.unacknowledged(place.journal)] == []
    with pytest.raises(Conflict):
        care.acknowledge(place.journal, request.id, NOW + 2)


def test_notes_are_sealed_numbered_and_forgotten_with_the_person(place: Place) -> None:
    request = received(place)
    for at in range(3):
        care.comment(place.journal, request.id, f"she called from 555-010{at}", "bob", NOW + at)
    found = care.comments(place.journal, request.id)
    assert [(one.number, one.by, one.at_ms, one.text.reveal()[-1]) for one in found] == [
        (at + 1, "bob", NOW + at, str(at)) for at in range(3)
    ]
    dump = repr([list(rows.by_key.values()) for rows in place.store._rows.values()])  # type: ignore[attr-defined]
    assert "555-010" not in dump
    place.journal.deny(request.id, "bob", "duplicate", NOW)
    assert place.store.select(Select(table="request_comments", columns=("number",))) == []
    for act in (
        lambda: care.comments(place.journal, request.id),
        lambda: care.comment(place.journal, request.id, "x", "bob", NOW),
    ):
        with pytest.raises(Gone):
            act()


@pytest.mark.parametrize("text", ["", " ", "x" * 10_001], ids=["none", "blank", "long"])
def test_a_note_says_something(place: Place, text: str) -> None:
    with pytest.raises(InvalidInput):
        care.comment(place.journal, received(place).id, text, "bob", NOW)


def test_who_writes_rows_moves_no_note_and_changes_no_author(place: Place) -> None:
    first, other = received(place), received(place)
    for id_ in (first.id, first.id, other.id):
        care.comment(place.journal, id_, "a note", "bob", NOW)
    forged = Update("request_comments", ("by",), ("request",), (("mallory", other.id),))
    place.store.write_now(Unit((forged,)))
    assert [one.by for one in care.comments(place.journal, other.id)] == ["bob"]
    [(body,)] = place.store.select(
        Select(table="request_comments", columns=("body",), where=Compare("request", "=", other.id))
    )
    swap = Update("request_comments", ("body",), ("request", "number"), ((body, first.id, 2),))
    place.store.write_now(Unit((swap,)))
    with pytest.raises(Damaged):
        care.comments(place.journal, first.id)


def test_a_package_is_fetched_as_often_and_as_long_as_it_may_be(place: Place) -> None:
    place.open()
    done = place.run()
    forced(place, done.id, package_until=NOW + DAY)
    for count in (1, 2):
        assert care.handed(place.journal, done.id, NOW, most=2).downloads == count
    with pytest.raises(Gone):
        care.handed(place.journal, done.id, NOW, most=2)
    with pytest.raises(Gone):
        care.handed(place.journal, done.id, NOW + DAY, most=9)
    assert place.journal.get(done.id).proved


@pytest.mark.parametrize("state", ["received", "approved", "running", "waiting", *OVER])
def test_looking_after_a_request_never_moves_it(place: Place, state: str) -> None:
    request = received(place, acknowledge_ms=NOW)
    forced(place, request.id, state=state)
    before = place.journal.get(request.id)
    for act in (
        lambda: care.assign(place.journal, request.id, "carol"),
        lambda: care.acknowledge(place.journal, request.id, NOW),
        lambda: care.extend(place.journal, request.id, "complex", NOW + 90 * DAY, NOW),
        lambda: care.warned(place.journal, before, NOW),
        lambda: care.comment(place.journal, request.id, "x", "bob", NOW),
    ):
        try:
            act()
        except Conflict:
            assert state in OVER and state != "failed"
    after = place.journal.get(request.id)
    assert (after.state, after.updated_ms, after.reason) == (before.state, before.updated_ms, before.reason)


def test_a_warning_of_a_request_that_went_on_meanwhile_is_not_written_down(place: Place) -> None:
    request = received(place)
    assert care.warned(place.journal, request, NOW)
    assert not care.warned(place.journal, request, NOW + 1)
    assert place.journal.get(request.id).warned_ms == NOW


def test_what_is_late_and_soon_due_is_counted(place: Place) -> None:
    for days in (-1, 3, 30):
        received(place, due_ms=NOW + days * DAY)
    place.journal.deny(received(place, due_ms=NOW - DAY).id, "bob", "duplicate", NOW)
    assert (care.counted(place.journal), care.counted(place.journal, NOW)) == (3, 1)
    assert care.counted(place.journal, NOW + 7 * DAY) == 2
    assert len([*care.running(place.journal, NOW + 7 * DAY)]) == 2


def test_what_is_not_there_is_not_looked_after(place: Place) -> None:
    id_ = "01a3185c-5000-7000-8000-000000000009"
    for act in (care.comments, lambda j, i: care.assign(j, i, "x"), lambda j, i: care.handed(j, i, NOW, most=5)):
        with pytest.raises(NotFound):
            act(place.journal, id_)


def test_a_letter_is_written_in_the_unit_of_what_it_tells(place: Place) -> None:
    told: list[tuple[str, str, Any]] = []

    def letters(event: str, request: Request, identities: Any) -> tuple[()]:
        told.append((event, request.state, identities["email"]))
        return ()

    place.journal.letters = letters
    request = place.open("erasure")
    place.run()
    denied = received(place)
    care.extend(place.journal, denied.id, "complex", NOW + 90 * DAY, NOW)
    place.journal.deny(denied.id, "bob", "not_held", NOW)
    place.open("access"), place.run()
    place.open("erasure", dry=True), place.run()
    events = [event for event, _, _ in told]
    assert events == ["received", "done", "received", "extended", "denied", "received", "ready", "received"]
    assert {email for _, _, email in told} == {"ada@example.com"}
    assert place.journal.get(request.id).forgotten


def test_a_letter_that_cannot_be_written_stops_what_it_tells(place: Place) -> None:
    place.journal.letters = lambda event, request, identities: (Update("requests", ("due",), ("id",), ((1, "none"),)),)
    with pytest.raises(Clash):
        received(place)
    assert place.journal.listed() == []
