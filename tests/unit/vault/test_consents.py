"""What a person said last about a use of her data counts, and nothing that somebody else wrote there does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from a_vault import START_MS, Bench
from asked import ask as asked
from asked import filled

from privet import digest
from privet.errors import Damaged, Gone, InvalidInput, LimitExceeded, NotFound
from privet.policy.syntax import Policy, RequireConsent, Role, Rule
from privet.store.port import Delete, Insert, Select, Step, Update
from privet.vault.access import consents
from privet.vault.access.consents import MOST_TOLD, Consent, State, history, say
from privet.vault.people import erasure
from privet.vocabulary.access import Purpose
from privet.vocabulary.predicate import CONSENT, Compare, Not

NEWS = Compare(CONSENT, "=", "news")


class Ledger:
    """People in a vault that keeps their consents."""

    def __init__(self, bench: Bench) -> None:
        self.bench = filled(bench)
        self.vault = bench.vault
        consents.keep(self.vault)
        table = self.vault.table("people")
        ids = [digest.id_bytes(text) for text in bench.extra["ids"]]
        self.people = [erasure.subject_of(self.vault, table, record) for record in ids]

    def say(self, at: int, state: State, *, at_ms: int = 0, key: str = "news", **rest: Any) -> Consent:
        when = at_ms or self.bench.now[0]
        said = Consent(subject=self.people[at], key=key, state=state, at_ms=when, **rest)
        found: Consent = self.bench.run(say(self.vault, said, self.bench.deed("consents.set")))
        return found

    def agreed(self, key: str = "news") -> list[int]:
        found = self.vault.consented(key, set(self.people))
        assert found is not None
        return [at for at, subject in enumerate(self.people) if subject in found]

    def asked(self, where: Any, sql: str = "SELECT name FROM people") -> list[Any]:
        rule = Rule(effect="allow", actions=("read", "search"), where=where)
        answer = asked(self.bench, sql, "r", Policy("v", (Role("r", "", (rule,)),)))
        return sorted(row[0] or "" for row in answer.rows)


@pytest.fixture
def ledger(bench: Bench) -> Ledger:
    return Ledger(bench)


# --- what counts ------------------------------------------------------------------------------------------------


def test_only_who_gave_it_last_has_consented(ledger: Ledger) -> None:
    assert ledger.agreed() == []
    ledger.say(0, "given")
    ledger.say(1, "refused")
    ledger.say(2, "given")
    ledger.say(2, "withdrawn")
    assert ledger.agreed() == [0]
    ledger.say(2, "given")
    ledger.say(0, "withdrawn")
    assert ledger.agreed() == [2]
    assert ledger.agreed("other") == []


def test_what_was_said_earlier_and_comes_later_does_not_count(ledger: Ledger) -> None:
    ledger.say(0, "withdrawn", at_ms=START_MS - 10)
    counts = ledger.say(0, "given", at_ms=START_MS - 20)
    assert (counts.state, ledger.agreed()) == ("withdrawn", [])
    ledger.say(0, "given", at_ms=START_MS - 10)  # at the same time: the one that came last
    assert ledger.agreed() == [0]
    told = [(said.place, said.state, said.newest) for said in history(ledger.vault, ledger.people[0])]
    assert told == [(1, "withdrawn", False), (2, "given", False), (3, "given", True)]


def test_nothing_that_was_said_is_lost(ledger: Ledger) -> None:
    ledger.say(0, "given", source="web form", text="v1")
    ledger.bench.now[0] += 5
    ledger.say(0, "withdrawn", source="phone", text="v1")
    ledger.say(0, "refused", key="ads")
    found = history(ledger.vault, ledger.people[0])
    told = [(said.key, said.state, said.at_ms - START_MS, said.source, said.text, said.written_ms) for said in found]
    assert told == [
        ("ads", "refused", 5, "", "", START_MS + 5),
        ("news", "given", 0, "web form", "v1", START_MS),
        ("news", "withdrawn", 5, "phone", "v1", START_MS + 5),
    ]
    assert history(ledger.vault, ledger.people[0], "ads") == found[:1]


def test_many_are_looked_up_as_one_is(ledger: Ledger) -> None:
    for at in (1, 3):
        ledger.say(at, "given")
    assert [at for at in range(5) if ledger.vault.consented("news", {ledger.people[at]})] == [1, 3]
    assert ledger.agreed() == [1, 3]
    assert ledger.vault.consented("news", set()) == set()


def test_two_who_write_at_once_leave_one_that_counts(ledger: Ledger) -> None:
    def one(state: State) -> Any:
        said = Consent(subject=ledger.people[0], key="news", state=state, at_ms=START_MS)
        return say(ledger.vault, said, ledger.bench.deed())

    async def both() -> None:
        await asyncio.gather(*(one(state) for state in ("given", "withdrawn", "given", "refused")))

    ledger.bench.run(both())
    told = history(ledger.vault, ledger.people[0])
    assert [said.place for said in told] == [1, 2, 3, 4]
    assert ledger.agreed() == ([0] if told[-1].state == "given" else [])


# --- rules and promises -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql", ["SELECT name FROM people", "SELECT name FROM people WHERE state = 'CA' OR id IS NOT NULL"]
)
def test_a_rule_sees_consents_in_every_form(ledger: Ledger, sql: str) -> None:
    ledger.say(1, "given")
    ledger.say(2, "given")
    ledger.say(2, "withdrawn")
    assert ledger.asked(NEWS, sql) == ["Anton"]
    assert ledger.asked(Not(NEWS), sql) == ["", "ANNA", "Ann Example", "Bo"]
    ledger.say(3, "given")
    assert ledger.asked(NEWS, sql) == ["Anton", "Bo"]


def test_a_question_begins_at_the_ledger(ledger: Ledger) -> None:
    ledger.say(1, "given")
    rule = Rule(effect="allow", actions=("read", "search"), where=NEWS)
    answer = asked(ledger.bench, "SELECT name FROM people", "r", Policy("v", (Role("r", "", (rule,)),)), most=1)
    assert answer.used == "index+scan"
    assert [row[0] for row in answer.rows] == ["Anton"]
    assert any("consents" in line for line in answer.plan)


def test_a_row_that_the_store_finds_counts_only_by_its_mac(ledger: Ledger) -> None:
    ledger.say(1, "given")
    ledger.say(0, "refused")
    ledger.vault.write_now((Update("consents", ("state",), ("subject",), (("given", ledger.people[0]),)),))
    with pytest.raises(Damaged):
        ledger.asked(NEWS)


def test_a_promise_of_consent_holds_for_orders_of_the_person(ledger: Ledger) -> None:
    ledger.say(3, "given")
    rule = Rule(effect="allow", actions=("read", "search"))
    promise = RequireConsent(key="news", purposes=(Purpose("marketing"),))
    policy = Policy("v", (Role("r", "", (rule,)),), (promise,))
    # Nobody is granted marketing here: the promise binds no use, and everybody is shown.
    assert len(asked(ledger.bench, "SELECT total FROM orders", "r", policy).rows) == 4
    policy = Policy("v", (Role("r", "", (Rule(effect="allow", actions=("read", "search"), where=NEWS),)),))
    assert asked(ledger.bench, "SELECT total FROM orders", "r", policy).rows == [["2.25"]]


# --- what is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"state": "maybe"},
        {"state": "given", "key": ""},
        {"state": "given", "key": "a b"},
        {"state": "given", "at_ms": START_MS + 1},
        {"state": "given", "at_ms": -1},
        {"state": "given", "source": "ann@example.com"},
        {"state": "given", "text": "x" * 129},
    ],
    ids=str,
)
def test_what_is_no_consent_is_not_written_down(ledger: Ledger, said: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        ledger.say(0, **said)
    assert history(ledger.vault, ledger.people[0]) == []


def test_only_a_person_of_whom_something_is_held_can_consent(ledger: Ledger) -> None:
    ledger.people.append(digest.random_ids(1)[0])
    with pytest.raises(NotFound):
        ledger.say(5, "given")


def test_a_person_cannot_fill_the_ledger(ledger: Ledger) -> None:
    columns = tuple(column.name for column in consents.CONSENTS.columns)
    told = [
        Consent(subject=ledger.people[0], key="news", state="given", at_ms=1, place=at, newest=at == MOST_TOLD)
        for at in range(1, MOST_TOLD + 1)
    ]
    ledger.vault.write_now((Insert("consents", columns, [consents._row(ledger.vault, said) for said in told]),))
    with pytest.raises(LimitExceeded):
        ledger.say(0, "withdrawn")
    ledger.say(1, "given")


# --- erasure ----------------------------------------------------------------------------------------------------


def test_an_erasure_takes_what_she_said_and_she_says_nothing_after(ledger: Ledger) -> None:
    ledger.say(0, "given")
    ledger.say(1, "given")
    ledger.bench.run(erasure.erase(ledger.vault, ledger.people[0], ledger.bench.deed("erase")))
    left = ledger.vault.store.select(Select(table="consents", columns=("subject",)))
    assert left == [(ledger.people[1],)]
    with pytest.raises(Gone):
        ledger.say(0, "given")
    tombs = ledger.vault.store.select(Select(table="erasures", columns=("subject", "state")))
    assert tombs == [(ledger.people[0], "done")]


# --- who writes the file ----------------------------------------------------------------------------------------


def made(ledger: Ledger) -> Step:
    columns = tuple(column.name for column in consents.CONSENTS.columns)
    row = (ledger.people[4], "news", 1, 1, "given", START_MS, START_MS, "", "", bytes(32))
    return Insert("consents", columns, (row,))


def update(column: str, value: Any, at: int = 0) -> Callable[[Ledger], Step]:
    return lambda ledger: Update("consents", (column,), ("subject", "newest"), ((value, ledger.people[at], 1),))


@pytest.mark.parametrize(
    "tamper",
    [
        made,
        update("state", "given"),
        update("key", "news", at=2),
        lambda ledger: Update(
            "consents", ("subject",), ("subject", "newest"), ((ledger.people[4], ledger.people[1], 1),)
        ),
        update("mac", b""),
        lambda ledger: Update("consents", ("newest",), ("subject", "place"), ((1, ledger.people[0], 1),)),
    ],
    ids=["made", "another state", "of another key", "of another person", "cut", "an older one"],
)
def test_who_writes_the_file_makes_no_consent(ledger: Ledger, tamper: Callable[[Ledger], Step]) -> None:
    ledger.say(0, "given")
    ledger.say(0, "withdrawn")
    ledger.say(1, "given")
    ledger.say(2, "given", key="ads")
    ledger.vault.write_now((tamper(ledger),))
    with pytest.raises(Damaged):
        ledger.agreed()


def test_who_removes_the_newest_word_leaves_none(ledger: Ledger) -> None:
    ledger.say(0, "given")
    ledger.say(0, "withdrawn")
    ledger.vault.write_now((Delete("consents", ("subject", "place"), ((ledger.people[0], 2),)),))
    assert ledger.agreed() == []
    for ask in (lambda: history(ledger.vault, ledger.people[0]), lambda: ledger.say(0, "given")):
        with pytest.raises(Damaged):
            ask()


def test_what_is_said_is_audited_by_key_state_and_person_alone(ledger: Ledger) -> None:
    ledger.say(0, "given", source="web form")
    rows = ledger.vault.store.select(Select(table="audit", columns=("body",), order=(("seq", True),)))
    body = rows[-1][0]
    assert isinstance(body, bytes)
    assert f"consent news given subject {digest.id_text(ledger.people[0])}".encode() in body
    assert b"web form" not in body
