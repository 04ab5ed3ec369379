"""Who may be a second person: somebody else, whom the first did not make, nor was made by, who was there before."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from staff import Staff, claims, exchange, signed

from privet import digest
from privet.app.services import approvals, credentials, exports, principals, settings
from privet.app.services.principals import CreateAsk
from privet.errors import Denied
from privet.store.port import Unit, Update
from privet.vocabulary.predicate import Compare

Pair = tuple[str, str]  # the keys of who asks and who approves


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    yield made
    made.close()


def owner(staff: Staff, name: str, by: str = "") -> str:
    """Return the key of a new owner. `by`: the key of who makes it."""
    made: principals.Created = staff.run("principals.create", CreateAsk(name=name, roles=["owner"]), key=by)
    return made.key


def another_key(staff: Staff, name: str, by: str) -> str:
    made: credentials.KeyCreated = staff.run("credentials.create", credentials.CreateAsk(name=name), key=by)
    return made.key


def ask(staff: Staff, key: str) -> approvals.ApprovalShown:
    found: approvals.ApprovalShown = staff.run("exports.ask", exports.WantAsk(vault="v", table="people"), key=key)
    return found


def approve(staff: Staff, asked: approvals.ApprovalShown, key: str) -> None:
    staff.run("approvals.approve", approvals.ApproveAsk(vault="v", id=asked.id, subject=asked.subject), key=key)


def through_a_third(staff: Staff) -> Pair:
    ann = owner(staff, "ann")
    return ann, owner(staff, "cyd", by=owner(staff, "bea", by=ann))


def by_a_key_of_hers(staff: Staff) -> Pair:
    ann, _ = owner(staff, "ann"), owner(staff, "bea")
    return ann, another_key(staff, "bea", by=ann)


def by_what_a_key_of_hers_made(staff: Staff) -> Pair:
    ann, key = by_a_key_of_hers(staff)
    return ann, owner(staff, "cyd", by=key)


def by_a_token_of_her_key(staff: Staff) -> Pair:
    ann = owner(staff, "ann")
    staff.add("worker", "owner", credential="key")
    asked = credentials.CreateAsk(name="worker", kind="key")
    held = staff.run("credentials.create", asked, key=ann).private_key
    return ann, exchange(staff, signed(held, claims(held))).access_token


SAME_HANDS: dict[str, Callable[[Staff], Pair]] = {
    "asked and approved": lambda staff: (staff.key, staff.key),
    "made who approves": lambda staff: (staff.key, owner(staff, "bea")),
    "made who asks": lambda staff: (owner(staff, "bea"), staff.key),
    "made who made who approves": through_a_third,
    "made a key of who approves": by_a_key_of_hers,
    "made a key of who asks": lambda staff: by_a_key_of_hers(staff)[::-1],  # type: ignore[return-value]  # a pair
    "made a key of who made who approves": by_what_a_key_of_hers_made,
    "made the key that a token was exchanged for": by_a_token_of_her_key,
}


@pytest.mark.parametrize("what", SAME_HANDS)
def test_the_same_hands_are_no_second_person(staff: Staff, what: str) -> None:
    first, second = SAME_HANDS[what](staff)
    staff.now += 1
    asked = ask(staff, first)
    with pytest.raises(Denied):
        approve(staff, asked, second)


def test_two_whom_a_third_made_are_two_persons(staff: Staff) -> None:
    ann, bea = owner(staff, "ann"), owner(staff, "bea")
    approve(staff, ask(staff, ann), bea)


def test_who_came_after_it_was_asked_approves_nothing(staff: Staff) -> None:
    asked = ask(staff, owner(staff, "ann"))
    staff.now += 1
    late = owner(staff, "bea")
    with pytest.raises(Denied):
        approve(staff, asked, late)


def test_who_makes_a_key_of_the_asker_after_approving_spends_nothing(staff: Staff) -> None:
    ann, bea = owner(staff, "ann"), owner(staff, "bea")
    approve(staff, ask(staff, ann), bea)
    key = another_key(staff, "ann", by=bea)
    path = "/v1/vaults/v/tables/people/export?clear=true"
    assert staff.ask("GET", path, key=key).status == 403
    assert staff.ask("GET", path, key=ann).status == 200


def test_a_setting_that_needs_two_is_not_turned_off_by_one(staff: Staff) -> None:
    ann, bea = owner(staff, "ann"), owner(staff, "bea")
    staff.run("settings.set", settings.SetAsk(vault="v", two_person=True))
    waits = staff.run("settings.set", settings.SetAsk(vault="v", two_person=False), key=ann)
    asked = approvals.ApproveAsk(vault="v", id=waits.approval, subject=waits.subject)
    with pytest.raises(Denied):
        staff.run("approvals.approve", asked, key=staff.key)
    staff.run("approvals.approve", asked, key=bea)
    key = another_key(staff, "ann", by=bea)
    with pytest.raises(Denied):
        staff.run("settings.set", settings.SetAsk(vault="v", two_person=False), key=key)
    assert staff.run("settings.set", settings.SetAsk(vault="v", two_person=False), key=ann).two_person is False


def test_the_list_says_who_made_whom_and_a_restart_forgets_nothing(staff: Staff) -> None:
    ann = owner(staff, "ann")
    owner(staff, "bea", by=ann)
    staff.reopen()
    shown = {each.name: each for each in staff.run("principals.list", principals.NoAsk()).principals}
    assert shown["owner"].made_by == []
    assert shown["ann"].made_by == [shown["owner"].id]
    assert shown["bea"].made_by == [shown["ann"].id, shown["owner"].id]
    assert shown["bea"].keys[0].made_by == shown["bea"].made_by


def test_a_row_from_before_makers_were_kept_is_of_nobody_and_still_proves_itself(staff: Staff) -> None:
    key = owner(staff, "ann")
    callers = staff.house.callers
    old = replace(callers.accounts(Compare("name", "=", "ann"))[0], made_by=())
    said = (old.id, old.name, old.kind, old.grants.text(), old.created_ms, old.revoked_ms)
    parts = [b"" if cell is None else b"=" + str(cell).encode() for cell in said]
    mac = digest.mac(callers.key, digest.canonical([b"principals", *parts]))
    step = Update("principals", ("made_by", "mac"), ("id",), ((None, mac, old.id),))
    staff.house.control.write_now(Unit((step,)))
    staff.reopen()
    assert staff.status(key) == 200
    spoiled = Update("principals", ("made_by",), ("id",), (("", old.id),))
    staff.house.control.write_now(Unit((spoiled,)))
    staff.reopen()
    assert staff.status(key) == 401


def test_a_row_does_not_lose_who_made_it(staff: Staff) -> None:
    key = owner(staff, "ann")
    identity = staff.house.callers.accounts(Compare("name", "=", "ann"))[0].id
    for made_by in (None, ""):
        step = Update("principals", ("made_by",), ("id",), ((made_by, identity),))
        staff.house.control.write_now(Unit((step,)))
        staff.reopen()
        assert staff.status(key) == 401
