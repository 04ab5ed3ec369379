"""Who may not search a unique column is not told that a value is taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from a_vault import Bench, schema

from privet import digest
from privet.errors import Conflict, Denied, DuplicateValue, NotFound, PrivetError
from privet.policy.decide import decide
from privet.policy.permit import Permit
from privet.policy.syntax import Policy, Role, Rule, Target
from privet.vault import records
from privet.vault.access.lookup import Asking, nobody
from privet.vocabulary.access import Access, Action, Principal
from privet.vocabulary.predicate import Compare

WRITE = Rule(effect="allow", actions=("insert", "update"))


def rule(action: Action, column: str = "email", **rest: Any) -> Rule:
    return Rule(effect="allow", actions=(action,), targets=(Target("people", column),), **rest)


class Door:
    """People with unique addresses, and a caller under rules."""

    def __init__(self, bench: Bench, *rules: Rule) -> None:
        fields = (
            "name: type: string, index: [exact]",
            "email: type: contact.email, unique: true",
            "note: type: string",
        )
        bench.apply(schema(*fields))
        self.bench, self.vault = bench, bench.vault
        self.policy = Policy("v", (Role("r", "", (WRITE, *rules)),))
        people = ({"name": "Ann", "email": "ann@example.com"}, {"name": "Bo", "email": "bo@example.com"})
        self.ann, self.bo = (item.id for item in bench.insert("people", *people))

    def permit(self, action: Action) -> Permit:
        table = self.vault.table("people")
        who = Principal(id="p", name="p", roles=("r",))
        return decide(self.policy, who, Access(action, "people", table.names()), table.collection)

    def asking(self) -> Sequence[Permit]:
        found = []
        for action in ("read", "search"):
            try:
                found.append(self.permit(action))  # type: ignore[arg-type]  # two of the actions
            except Denied:
                continue
        return found

    def insert(self, *rows: dict[str, Any], partial: bool = False, asking: Asking | None = None) -> Any:
        permit, asks = self.permit("insert"), asking or self.asking
        return self.bench.run(records.insert(self.vault, permit, rows, self.bench.deed(), partial=partial, asking=asks))

    def update(self, record: bytes, **changes: Any) -> Any:
        permit = self.permit("update")
        return self.bench.run(
            records.update(self.vault, permit, record, changes, self.bench.deed(), asking=self.asking)
        )

    def upsert(self, **row: Any) -> Any:
        permits = (self.permit("insert"), self.permit("update"))
        return self.bench.run(
            records.upsert(self.vault, permits, ["email"], [row], self.bench.deed(), asking=self.asking)
        )


def error_of(call: Any) -> PrivetError:
    with pytest.raises(PrivetError) as caught:
        call()
    return caught.value


TOLD = [
    pytest.param([rule("search")], id="search"),
    pytest.param([rule("read", redaction="plain_text")], id="read in the clear"),
]
UNTOLD = [
    pytest.param([], id="nothing"),
    pytest.param([rule("read", redaction="masked")], id="read by the mask"),
    pytest.param([rule("search", redaction="domain")], id="search by a part"),
    pytest.param([rule("search", where=Compare("name", "=", "Ann"))], id="search on some rows"),
    pytest.param([rule("search", "name")], id="search another column"),
]


@pytest.mark.parametrize("rules", TOLD)
def test_who_may_search_is_told_of_a_value_that_is_taken(bench: Bench, rules: list[Rule]) -> None:
    door = Door(bench, *rules)
    for call in (
        lambda: door.insert({"email": "ann@example.com"}),
        lambda: door.update(door.ann, email="bo@example.com"),
    ):
        assert isinstance(error_of(call), DuplicateValue)
    fresh, taken = door.insert({"email": "cy@example.com"}, {"email": "bo@example.com"}, partial=True)
    assert fresh.error is None and isinstance(taken.error, DuplicateValue)
    assert door.upsert(email="ann@example.com", note="x")[0].id == door.ann


@pytest.mark.parametrize("rules", UNTOLD)
def test_who_may_not_is_told_that_the_write_was_refused_and_no_more(bench: Bench, rules: list[Rule]) -> None:
    door = Door(bench, *rules)
    for call in (
        lambda: door.insert({"email": "ann@example.com"}),
        lambda: door.insert({"email": "x@example.com"}, {"email": "ann@example.com"}),
        lambda: door.update(door.ann, email="bo@example.com"),
    ):
        error = error_of(call)
        assert (type(error), error.message, error.hint, error.at) == (Conflict, "the write was refused", "", "")
        assert error.__cause__ is None
    fresh, taken = door.insert({"email": "cy@example.com"}, {"email": "bo@example.com"}, partial=True)
    assert fresh.error is None
    assert (type(taken.error), taken.error.at) == (Conflict, "records[1]")


@pytest.mark.parametrize("rules", UNTOLD)
def test_who_may_not_search_finds_no_record_by_upsert(bench: Bench, rules: list[Rule]) -> None:
    door = Door(bench, *rules)
    for email in ("ann@example.com", "nobody@example.com"):
        assert isinstance(error_of(lambda email=email: door.upsert(email=email, note="x")), Denied)  # type: ignore[misc]


def test_who_says_nothing_of_searching_is_told_nothing(bench: Bench) -> None:
    door = Door(bench, rule("search"))
    error = error_of(lambda: door.insert({"email": "ann@example.com"}, asking=nobody))
    assert type(error) is Conflict


def test_writing_other_columns_needs_no_search(bench: Bench) -> None:
    door = Door(bench)
    door.update(door.ann, note="x")
    door.insert({"name": "Ann", "email": "new@example.com"})


def test_a_record_that_is_not_there_is_not_found_before_a_value_is_looked_up(bench: Bench) -> None:
    door = Door(bench, rule("search"))
    assert isinstance(error_of(lambda: door.update(digest.random_ids(1)[0], email="bo@example.com")), NotFound)
