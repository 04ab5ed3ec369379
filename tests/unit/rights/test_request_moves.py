"""Whatever people and workers do to a request, in whatever order, it is where the table of moves says, and it changes
or shows nothing of anybody before her identity was proved and somebody said yes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from a_request import ADA, NOW, Place
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.errors import PrivetError
from privet.rights import care
from privet.rights.asked import MOVES, OVER, Opening, Request
from privet.rights.journal import Journal

DAY = 86_400_000
VERBS = ("verify", "approve", "deny", "cancel", "retry", "forget", "work", "break", "mend")
TENDING = ("assign", "extend", "acknowledge", "comment", "warn")


class Story:
    """A request, and what a reader of the table alone expects of it."""

    def __init__(self, kind: Any, *, proved: bool, journal: type[Journal] = Journal) -> None:
        self.place = Place()
        self.place.journal.__class__ = journal
        said: dict[str, Any] = {"identities": ADA, "by": "alice", "due_ms": NOW + 30 * DAY, "acknowledge_ms": NOW}
        opening = Opening(kind=kind, verified="seen at the desk" if proved else "", **said)
        self.id = self.place.journal.open(opening, NOW).id
        self.proved, self.approved = proved, False
        self.seen = {"received"}

    @property
    def request(self) -> Request:
        return self.place.journal.get(self.id)

    def do(self, verb: str) -> None:
        before = self.request
        done = False
        with suppress(PrivetError):
            self._act(verb)
            done = True
        self._check(verb, before, self.request, done=done)

    def _act(self, verb: str) -> None:
        place, journal, id_ = self.place, self.place.journal, self.id
        place.now += 1000
        if verb == "work":
            place.now += 3_600_000
            place.runner.run_once("worker")
        elif verb in ("break", "mend"):
            place.systems["crm"].refuses = "no" if verb == "break" else ""
        else:
            {
                "verify": lambda: journal.verify(id_, "by phone", "bob", place.now),
                "approve": lambda: journal.approve(id_, "bob", place.now),
                "deny": lambda: journal.deny(id_, "bob", "not_held", place.now),
                "cancel": lambda: journal.cancel(id_, "bob", "withdrawn", place.now),
                "retry": lambda: journal.retry(id_, "bob", place.now),
                "forget": lambda: journal.forget(id_, place.now),
                "assign": lambda: care.assign(journal, id_, "carol"),
                "extend": lambda: care.extend(journal, id_, "complex", NOW + 90 * DAY, place.now),
                "acknowledge": lambda: care.acknowledge(journal, id_, place.now),
                "comment": lambda: care.comment(journal, id_, "x", "bob", place.now),
                "warn": lambda: care.warned(journal, journal.get(id_), place.now),
            }[verb]()

    def _check(self, verb: str, before: Request, after: Request, *, done: bool) -> None:
        self.proved |= verb == "verify" and done
        self.approved |= verb == "approve" and done
        if verb in MOVES and done and (verb, before.state) != ("retry", "waiting"):
            froms, to = MOVES[verb]
            assert before.state in froms and after.state == to
        elif verb != "work":
            assert after.state == before.state
        if after.state not in ("received", "denied", "canceled"):
            assert self.proved and self.approved, "it went on unproved or without a yes"
        if any(system.calls for system in self.place.systems.values()):
            assert self.proved and self.approved, "a system was asked"
        assert (after.state in OVER) == (after.ended_ms is not None)
        assert after.downloads == 0 and (after.due_ms or 0) >= (before.due_ms or 0)
        if before.forgotten:
            assert after.forgotten and after.state == before.state


ACTS = st.lists(st.sampled_from((*VERBS, *TENDING)), max_size=14)


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(["access", "portability", "erasure"]), proved=st.booleans(), verbs=ACTS)
def test_no_order_of_verbs_leads_where_the_table_does_not(kind: str, proved: bool, verbs: list[str]) -> None:
    story = Story(kind, proved=proved)
    for verb in verbs:
        story.do(verb)


class Trusting(Journal):
    """Teeth: a journal that takes a yes for what nobody proved."""

    def _sealed(self, id_: str) -> Any:
        return {**super()._sealed(id_), "verified": self.get(id_).verified or "nobody looked"}


class Forgetful(Journal):
    """Teeth: a journal that does not say when a request was over."""

    def move(self, verb: str, id_: str, now_ms: int, **changed: Any) -> Any:
        return super().move(verb, id_, now_ms, **{**changed, "ended": None})


@pytest.mark.parametrize(
    ("journal", "verbs"),
    [(Trusting, ["approve"]), (Forgetful, ["verify", "approve", "work"])],
    ids=["no proof asked", "no end"],
)
def test_a_journal_that_breaks_a_rule_is_caught(journal: type[Journal], verbs: list[str]) -> None:
    def told() -> None:
        story = Story("access", proved=False, journal=journal)
        for verb in verbs:
            story.do(verb)

    with pytest.raises(AssertionError):
        told()
