"""A request moves as its table says, is decided by people, and is forgotten at its end."""

from __future__ import annotations

from typing import Any

import pytest
from a_request import ADA, NOW, Place

from privet.errors import Conflict, Damaged, Gone, InvalidInput, NotFound, UnknownName
from privet.rights.asked import MOVES, OVER, Answer, Listing, Opening
from privet.rights.outcome import Kept, Remains, Result, SystemResult, added
from privet.store.port import Clash, Insert, Select, Unit, Update
from privet.vocabulary.predicate import Compare

SEEN = "passport seen at the desk"


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_request_waits_for_approval_by_default(place: Place) -> None:
    request = place.journal.open(Opening(kind="access", identities=ADA, by="alice", due_ms=NOW + 9, verified=SEEN), NOW)
    assert (request.state, request.opened_by, request.due_ms) == ("received", "alice", NOW + 9)
    assert place.runner.run_once("w") is None
    assert place.journal.approve(request.id, "bob", NOW).decided_by == "bob"
    assert place.runner.run_once("w") is not None


def test_a_request_without_approval_is_due_at_once(place: Place) -> None:
    request = place.journal.open(Opening(kind="access", identities=ADA, by="alice", approval=False, verified=SEEN), NOW)
    assert request.state == "approved"
    assert place.run().state == "complete"


@pytest.mark.parametrize(
    "identities",
    [{}, {"email": ""}, {"email": " "}, {"email": []}, {"email": "a\0b"}, {"email": "x" * 1001}, {"email": 7}],
    ids=["none", "empty", "blank", "no values", "nul", "long", "no text"],
)
def test_a_request_names_somebody(place: Place, identities: Any) -> None:
    with pytest.raises(InvalidInput):
        place.journal.open(Opening(kind="access", identities=identities, by="a"), NOW)
    assert place.journal.listed() == []


def test_identities_are_sealed_in_the_journal_and_open_for_whoever_may_ask(place: Place) -> None:
    request = place.open(identities={"email": ["ada@example.com", "ada@example.org"]}, note="called on 555-0101")
    assert place.journal.identities(request.id) == {"email": ["ada@example.com", "ada@example.org"]}
    assert place.journal.note_of(request.id) == "called on 555-0101"
    assert not held_in_clear(place, b"example.com", b"555-0101")


def held_in_clear(place: Place, *values: bytes) -> list[bytes]:
    dump = repr([list(rows.by_key.values()) for rows in place.store._rows.values()]).encode()  # type: ignore[attr-defined]
    return [value for value in values if value in dump]


def force(place: Place, id_: str, state: str) -> None:
    place.store.write_now(Unit((Update("requests", ("state",), ("id",), ((state, id_),)),)))


ACTS: dict[str, Any] = {
    "approve": lambda place, id_: place.journal.approve(id_, "b", NOW),
    "deny": lambda place, id_: place.journal.deny(id_, "b", "not_held", NOW),
    "cancel": lambda place, id_: place.journal.cancel(id_, "b", "withdrawn", NOW),
    "retry": lambda place, id_: place.journal.retry(id_, "b", NOW),
}


@pytest.mark.parametrize("state", ["received", "approved", "running", "waiting", *OVER])
@pytest.mark.parametrize("verb", ACTS)
def test_people_can_do_what_the_table_says_and_nothing_else(place: Place, verb: str, state: str) -> None:
    request = place.open()
    force(place, request.id, state)
    froms, to = MOVES[verb]
    if state in froms:
        assert ACTS[verb](place, request.id).state == to
    elif (verb, state) == ("retry", "waiting"):
        assert ACTS[verb](place, request.id).state == "waiting"
    else:
        with pytest.raises(Conflict):
            ACTS[verb](place, request.id)
        assert place.journal.get(request.id).state == state


@pytest.mark.parametrize("verb", sorted({*MOVES} - {*ACTS}))
@pytest.mark.parametrize("state", ["received", "approved", "running", "waiting", *OVER])
def test_workers_move_a_request_as_the_table_says(place: Place, verb: str, state: str) -> None:
    request = place.open()
    force(place, request.id, state)
    froms, to = MOVES[verb]
    unit = Unit(place.journal.move(verb, request.id, NOW))
    if state in froms:
        place.store.write_now(unit)
        assert place.journal.get(request.id).state == to
        return
    with pytest.raises(Clash):
        place.store.write_now(unit)


def test_a_denied_request_is_forgotten_at_once(place: Place) -> None:
    request = place.journal.open(Opening(kind="erasure", identities=ADA, by="alice"), NOW)
    denied = place.journal.deny(request.id, "bob", "identity_not_proved", NOW)
    assert (denied.state, denied.reason, denied.forgotten) == ("denied", "identity_not_proved", True)
    with pytest.raises(Gone):
        place.journal.identities(request.id)


def test_a_request_that_changed_systems_is_not_canceled(place: Place) -> None:
    place.systems["crm"].down = 9
    request = place.open("erasure")
    place.run()
    place.store.write_now(Unit((Update("requests", ("begun",), ("id",), ((1, request.id),)),)))
    with pytest.raises(Conflict, match="has changed systems"):
        place.journal.cancel(request.id, "bob", "withdrawn", NOW)


def test_a_worker_writes_nothing_to_a_request_that_was_canceled_under_it(place: Place) -> None:
    request = place.open()
    claim = place.runner.claim("w")
    assert claim is not None
    place.journal.cancel(request.id, "bob", "withdrawn", NOW)
    assert place.runner.carry(claim).state == "canceled"
    assert place.journal.queue.notes(request.id) == {}


def test_requests_are_listed_newest_first_by_state_and_kind_and_page(place: Place) -> None:
    ids = []
    for number in range(5):
        place.now += 1
        ids.append(place.open("access" if number % 2 else "erasure").id)
    newest = ids[::-1]
    assert [each.id for each in place.journal.listed()] == newest
    assert [each.id for each in place.journal.listed(Listing(limit=2))] == newest[:2]
    assert [each.id for each in place.journal.listed(Listing(after=newest[1], limit=2))] == newest[2:4]
    assert [each.id for each in place.journal.listed(Listing(kind="access"))] == [ids[3], ids[1]]
    assert place.journal.listed(Listing(states=["waiting"])) == []


def test_what_is_not_there_is_not_found(place: Place) -> None:
    for act in (*ACTS.values(), lambda p, id_: p.journal.get(id_), lambda p, id_: p.journal.tasks(id_)):
        with pytest.raises(NotFound):
            act(place, "01a3185c-5000-7000-8000-000000000009")


def test_steps_beside_a_change_happen_with_it_or_not_at_all(place: Place) -> None:
    def beside(id_: str) -> tuple[Insert, ...]:
        return (Insert("flow_signals", ("flow", "name"), ((f"audit:{id_}", "x"),)),)

    request = place.journal.open(Opening(kind="access", identities=ADA, by="a", verified=SEEN), NOW, beside=beside)
    place.journal.approve(request.id, "b", NOW, beside=beside)
    with pytest.raises(Conflict):
        place.journal.approve(request.id, "b", NOW, beside=beside)
    rows = place.store.select(Select(table="flow_signals", columns=("flow",)))
    assert rows == [(f"audit:{request.id}",)] * 2


def test_nothing_is_forgotten_before_it_is_over_and_forgetting_twice_is_no_fault(place: Place) -> None:
    request = place.open()
    with pytest.raises(Conflict):
        place.journal.forget(request.id, NOW)
    place.run()
    assert place.journal.forget(request.id, NOW).forgotten
    assert place.journal.forget(request.id, NOW).forgotten
    assert place.journal.get(request.id).result is not None


def test_after_forgetting_nothing_personal_opens_from_an_older_copy_of_the_journal(place: Place) -> None:
    request = place.open()
    place.run()
    copied = {name: list(rows.by_key.values()) for name, rows in place.store._rows.items()}  # type: ignore[attr-defined]
    place.journal.forget(request.id, NOW)
    with pytest.raises(Gone):
        place.keys.open(request.id)
    dump = repr(copied).encode()
    assert b"ada@example.com" not in dump and b"1 Lane" not in dump
    assert place.keys.store.select(Select(table="request_keys", columns=("request",))) == []


def test_a_key_whose_request_was_never_written_is_forgotten_at_the_start(place: Place) -> None:
    kept = place.open()
    place.keys.make("01a3185c-5000-7000-8000-000000000001")
    assert place.journal.recover() == 1
    assert place.keys.strays([kept.id]) == []


def test_a_request_that_ended_partial_runs_again_from_the_start(place: Place) -> None:
    place.systems["crm"].refuses = "no"
    request = place.open("erasure")
    assert place.run().state == "partial"
    place.systems["crm"].refuses = ""
    assert place.journal.retry(request.id, "bob", NOW).state == "approved"
    assert place.run().state == "complete"


def test_an_answer_belongs_to_a_task_and_its_collections(place: Place) -> None:
    request = place.open()
    with pytest.raises(NotFound):
        place.journal.answer(request.id, "read:crm", Answer(), "bob", NOW)
    place.store.write_now(
        Unit(
            (
                place.journal.queue.note(
                    request.id,
                    "task:read:crm",
                    place.keys.open(request.id).seal_document(
                        "task:read:crm", {"dataset": "crm", "what": "read", "text": "…", "collections": ["contacts"]}
                    ),
                ),
            )
        )
    )
    with pytest.raises(UnknownName):
        place.journal.answer(request.id, "read:crm", Answer(records={"contract": []}), "bob", NOW)
    with pytest.raises(InvalidInput):
        place.journal.answer(request.id, "read:crm", Answer(records={"contacts": [{}]}, erased=True), "bob", NOW)


def test_a_certificate_is_linked_to_what_is_over(place: Place) -> None:
    request = place.open()
    with pytest.raises(Conflict):
        place.journal.certify(request.id, "sha256:00", NOW)
    place.run()
    assert place.journal.certify(request.id, "sha256:00", NOW).certificate == "sha256:00"


def test_an_outcome_is_said_in_words() -> None:
    kept = (Kept("orders", 3, "tax law"), Kept("bills", 1, "tax law"))
    whole = Result((SystemResult(dataset="shop", kept=kept),))
    assert whole.words == "complete, 4 records kept because tax law"
    left = Result((SystemResult(dataset="shop", remaining=(Remains("orders", 1, "it is still there"),)),))
    assert left.words == "partial, 1 record remains"


def test_what_was_done_before_a_retry_is_still_done() -> None:
    before = Result((SystemResult(dataset="a", deleted=2, verified=2), SystemResult(dataset="b", masked=1)))
    [a, b] = added(before, [SystemResult(dataset="a", deleted=1, verified=1)], begun=True)
    assert (a.deleted, a.verified, b.masked) == (3, 3, 1)


@pytest.mark.parametrize(
    "change",
    [{"kind": "access"}, {"dry": 0}, {"state": "approved"}, {"approval": b"x" * 60}, {"verified": "somebody"}],
    ids=["another kind", "no dry run", "nobody approved", "a made up approval", "another proof"],
)
def test_who_writes_rows_makes_no_request_another_and_approves_none(place: Place, change: dict[str, Any]) -> None:
    request = place.journal.open(Opening(kind="erasure", identities=ADA, by="alice", dry=True, verified=SEEN), NOW)
    if change.keys() & {"kind", "dry", "verified"}:
        place.journal.approve(request.id, "bob", NOW)
    cells = {"state": "approved", **change}
    place.store.write_now(Unit((Update("requests", tuple(cells), ("id",), ((*cells.values(), request.id),)),)))
    place.store.write_now(Unit((Update("flows", ("due",), ("id",), ((NOW, request.id),)),)))
    found = place.run()
    assert (found.state, found.reason.partition(":")[0]) == ("failed", "damaged")
    assert not any(system.calls for system in place.systems.values())


def test_who_writes_rows_swaps_no_approvals(place: Place) -> None:
    approved = place.open("erasure")
    other = place.journal.open(Opening(kind="erasure", identities={"email": "bob@example.com"}, by="alice"), NOW)
    question = Select(table="requests", columns=("approval",), where=Compare("id", "=", approved.id))
    cells = ("approved", place.store.select(question)[0][0], other.id)
    place.store.write_now(Unit((Update("requests", ("state", "approval"), ("id",), (cells,)),)))
    place.store.write_now(Unit((Update("flows", ("due",), ("id",), ((NOW - 1, other.id),)),)))
    assert (place.run().id, place.journal.get(other.id).state) == (other.id, "failed")


def test_a_result_belongs_to_its_request_as_it_ended(place: Place) -> None:
    first, second = place.open(), place.open(identities={"email": "bob@example.com"})
    place.run(), place.run()
    assert place.journal.get(first.id).proved
    for name, cell in (("updated", NOW + 1), ("decided_by", "mallory"), ("without", '["crm"]'), ("state", "partial")):
        place.store.write_now(Unit((Update("requests", (name,), ("id",), ((cell, first.id),)),)))
        assert not place.journal.get(first.id).proved, name
    question = Select(table="requests", columns=("result",), where=Compare("id", "=", second.id))
    (result,) = place.store.select(question)[0]
    for made_up in (result, b'{"systems": []}'):
        place.store.write_now(Unit((Update("requests", ("result",), ("id",), ((made_up, first.id),)),)))
        with pytest.raises(Damaged):
            place.journal.get(first.id)
