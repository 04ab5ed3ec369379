"""Who has a flag, and what the vault shows of her: nothing, by index or opened, alone or among others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from a_vault import START_MS, Bench, schema

from privet import digest
from privet.connectors.base import Read
from privet.errors import Conflict, Damaged, InvalidInput, NotFound, PrivetError
from privet.policy.decide import decide
from privet.policy.permit import Permit
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy, Role, Rule
from privet.store.port import Row, Select, Unit, Update
from privet.vault import locate, records, reveal
from privet.vault.access import consents
from privet.vault.access.consents import MOST_LISTED, Consent, in_force, listed, say, turn
from privet.vault.connector import VaultConnector, dataset_of
from privet.vault.listing import page
from privet.vault.people import erasure
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question
from privet.vault.sight import View
from privet.vocabulary.access import Access, Action, Principal, Purpose
from privet.vocabulary.flag import RESTRICTION, objection
from privet.vocabulary.predicate import Compare

FIELDS = (
    "name: type: string, keep: sealed, token: stored",
    "email: type: contact.email, keep: sealed, unique: true, index: [exact], token: random",
    "ssn: type: us.ssn, keep: sealed, token: {kind: ff1}",
    "code: type: string, keep: sealed, index: [exact], token: sealed",
    "pin: type: string, keep: transient",
    "state: type: address.state, keep: sealed, index: [exact], leak: equality",
)
LEGAL = Purpose("essential.legal_obligation")
OWNER = Principal(id="p1", name="test", roles=("owner",), purposes=(LEGAL,))
MANY = objection("marketing")


class Counting:
    """A store that counts the rows of records that it gives away."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.given = 0

    def select(self, question: Select) -> list[Row]:
        rows: list[Row] = self._store.select(question)
        self.given += len(rows) if question.table.startswith("r") and question.table != "refs" else 0
        return rows

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class People:
    """A vault of people: 0 and 1 share a name, 0 and 2 a code."""

    def __init__(self, bench: Bench, count: int = 6) -> None:
        self.bench, self.vault = bench, bench.vault
        bench.apply(schema(*FIELDS))
        consents.keep(self.vault)
        made = [
            {
                "name": f"Person {max(at, 1)}",
                "email": f"p{at}@example.com",
                "ssn": f"536-90-{4000 + at}",
                "code": f"c{at % 2 and at}",
                "state": "CA" if at % 2 else "NY",
            }
            for at in range(count)
        ]
        written = bench.insert("people", *made)
        self.ids = [item.id for item in written]
        self.tokens = [item.tokens for item in written]
        self.table = self.vault.table("people")
        self.subjects = [erasure.subject_of(self.vault, self.table, record) for record in self.ids]

    def flag(self, at: int, key: str = RESTRICTION, *, state: Any = "given", at_ms: int = START_MS) -> None:
        said = Consent(subject=self.subjects[at], key=key, state=state, at_ms=at_ms)
        self.bench.run(say(self.vault, said, self.bench.deed("flags.set")))

    def permit(self, action: Action, purpose: Purpose | None = None, who: Principal = OWNER) -> Permit:
        access = Access(action, "people", self.table.names(), purpose)
        return decide(BUILT_IN, who, access, self.table.collection, flags=in_force(self.vault))

    def got(self) -> list[int]:
        found = records.get(self.vault, self.permit("read"), self.ids, View(("name",)), self.bench.deed())
        return [self.ids.index(item.id) for item in self.bench.run(found)]

    def pages(self, limit: int = 2) -> list[int]:
        found, cursor, more = [], "", True
        while more:
            step = page(self.vault, self.permit("read"), View(("name",)), self.bench.deed(), limit=limit, cursor=cursor)
            items, cursor = self.bench.run(step)
            found += [self.ids.index(item.id) for item in items]
            more = bool(cursor)
        return found

    def ask(self, sql: str) -> query.Answer:
        permits = Permits(read={"people": self.permit("read")}, search={"people": self.permit("search")})
        question = read_question(sql, self.vault.schema)
        found: query.Answer = self.bench.run(query.run(self.vault, question, permits, self.bench.deed()))
        return found

    def opened(self, *texts: Any, column: str = "", purpose: Purpose | None = None) -> list[Any]:
        table = "people" if column else ""
        located = locate.locate(self.vault, texts, table=table, column=column)
        found = reveal.detokenize(
            self.vault, {"people": self.permit("detokenize", purpose)}, located, self.bench.deed(), texts=texts
        )
        return [type(item) if isinstance(item, PrivetError) else item for item in self.bench.run(found)]


@pytest.fixture
def people(bench: Bench) -> People:
    return People(bench)


# --- who has one ------------------------------------------------------------------------------------------------


def test_a_flag_is_in_force_while_somebody_has_it(people: People) -> None:
    assert in_force(people.vault) == frozenset()
    people.flag(0)
    people.flag(1)
    people.flag(1, MANY)
    assert in_force(people.vault) == {RESTRICTION, MANY}
    people.flag(0, state="withdrawn")
    assert in_force(people.vault) == {RESTRICTION, MANY}
    people.flag(1, state="withdrawn")
    assert in_force(people.vault) == {MANY}
    people.flag(1, MANY, state="refused")
    assert in_force(people.vault) == frozenset()


def test_what_is_in_force_is_read_again_after_a_restart(people: People) -> None:
    people.flag(0)
    people.flag(2, MANY)
    people.flag(3, objection("analytics"))
    people.flag(3, objection("analytics"), state="withdrawn")
    consents.keep(people.vault)
    assert in_force(people.vault) == {RESTRICTION, MANY}
    assert listed(people.vault, MANY) == {people.subjects[2]}


def test_what_was_said_earlier_and_comes_later_lifts_nothing(people: People) -> None:
    people.flag(0)
    people.flag(0, state="withdrawn", at_ms=START_MS - 1)
    assert people.got() == [1, 2, 3, 4, 5]


def test_who_waits_for_a_change_of_one_flag_hears_of_no_other(people: People) -> None:
    in_force(people.vault)
    before = turn(people.vault, (RESTRICTION,))
    people.flag(0, MANY)
    assert turn(people.vault, (RESTRICTION,)) == before
    people.flag(0)
    assert turn(people.vault, (RESTRICTION,)) != before


def test_an_objection_to_nothing_is_none(people: People) -> None:
    with pytest.raises(InvalidInput):
        people.flag(0, objection(""))


@pytest.mark.parametrize("change", [("state", "refused"), ("key", "news"), ("mac", bytes(32))])
def test_who_writes_the_file_lifts_no_flag_that_is_read(people: People, change: tuple[str, Any]) -> None:
    people.flag(0)
    name, value = change
    said = (people.subjects[0], RESTRICTION, 1)
    step = Update("consents", (name,), ("subject", "key", "place"), ((value, *said),))
    people.vault.store.write_now(Unit((step,)))
    if name == "key":
        assert {rule.rule for rule in _faults(people)} >= {"consent"}
        return
    consents.keep(people.vault)
    with pytest.raises(Damaged):
        in_force(people.vault)


def _faults(people: People) -> Iterator[Any]:
    from privet.vault.log.beside import faults

    return faults(people.vault, {})


# --- what is shown ----------------------------------------------------------------------------------------------


def test_a_restricted_person_is_as_if_absent(people: People) -> None:
    people.flag(2)
    assert people.got() == people.pages() == [0, 1, 3, 4, 5]
    assert len(people.ask("SELECT id FROM people").rows) == 5
    people.flag(2, state="withdrawn")
    assert people.got() == people.pages() == [0, 1, 2, 3, 4, 5]


def test_counts_and_groups_are_made_by_the_store_and_right(people: People) -> None:
    people.flag(2)
    people.flag(3)
    count = people.ask("SELECT count(*) FROM people")
    assert (count.rows, count.used) == ([[4]], "index")
    groups = people.ask("SELECT state, count(*) FROM people GROUP BY state")
    assert (sorted(groups.rows), groups.used) == ([["US-CA", 2], ["US-NY", 2]], "index")
    assert (groups.perturbed, groups.suppressed) == (False, False)


def test_a_page_reads_no_more_for_one_who_is_held_back(bench: Bench) -> None:
    people = People(bench, 40)
    people.flag(3)
    watched: Any = Counting(people.vault.store)
    people.vault.store = watched
    step = page(people.vault, people.permit("read"), View(("name",)), bench.deed(), limit=10)
    assert len(bench.run(step)[0]) == 10
    assert watched.given == 11


def test_more_people_than_are_listed_are_held_back_all_the_same(bench: Bench) -> None:
    people = People(bench, MOST_LISTED + 8)
    for at in range(MOST_LISTED + 1):
        people.flag(at)
    expected = list(range(MOST_LISTED + 1, MOST_LISTED + 8))
    for _ in range(2):
        assert listed(people.vault, RESTRICTION) is None
        assert people.pages(100) == people.got() == expected
        assert people.ask("SELECT count(*) FROM people").rows == [[7]]
        shown = [item["code"] for item in (people.tokens[1], people.tokens[MOST_LISTED + 4])]
        assert people.opened(*shown) == [NotFound, f"c{MOST_LISTED + 4}" if MOST_LISTED % 2 else NotFound]
        held, free = people.tokens[1]["email"], people.tokens[MOST_LISTED + 4]["email"]
        assert people.opened(held, free) == [NotFound, f"p{MOST_LISTED + 4}@example.com"]
        consents.keep(people.vault)


@pytest.fixture
def many(bench: Bench) -> People:
    """People of whom more are restricted than are listed: all but the last six. The last but two was, once."""
    people = People(bench, MOST_LISTED + 7)
    for at in range(MOST_LISTED + 1):
        people.flag(at)
    people.flag(-3)
    people.flag(-3, state="withdrawn")
    assert listed(people.vault, RESTRICTION) is None
    return people


def test_the_store_counts_without_many_and_is_right(many: People) -> None:
    count = many.ask("SELECT count(*) FROM people")
    assert (count.rows, count.used) == ([[6]], "index")
    assert "permitted rows: people without the flag: consents" in count.plan
    groups = many.ask("SELECT state, count(*) FROM people GROUP BY state")
    assert (sorted(groups.rows), groups.used) == ([["US-CA", 3], ["US-NY", 3]], "index")
    found = many.ask("SELECT id FROM people WHERE state = 'CA' ORDER BY id LIMIT 2")
    assert [row[0] for row in found.rows] == [digest.id_text(many.ids[at]) for at in (-6, -4)]
    many.flag(-3, at_ms=START_MS)
    assert many.ask("SELECT count(*) FROM people").rows == [[5]]


def test_a_page_reads_no_more_for_many_who_are_held_back(many: People) -> None:
    watched: Any = Counting(many.vault.store)
    many.vault.store = watched
    step = page(many.vault, many.permit("read"), View(("name",)), many.bench.deed(), limit=5)
    assert len(many.bench.run(step)[0]) == 5
    assert watched.given == 6


def test_alternatives_that_a_flag_holds_back_are_counted_in_the_store(many: People) -> None:
    state = [Compare("state", "=", name) for name in ("CA", "NY")]
    rules = tuple(Rule(effect="allow", actions=("read", "search"), where=where) for where in state)
    policy = Policy("test", (Role("owner", "", rules),))

    def permit(action: Action) -> Permit:
        access = Access(action, "people", many.table.names())
        return decide(policy, OWNER, access, many.table.collection, flags=in_force(many.vault))

    permits = Permits(read={"people": permit("read")}, search={"people": permit("search")})
    question = read_question("SELECT count(*) FROM people", many.vault.schema)
    found = many.bench.run(query.run(many.vault, question, permits, many.bench.deed()))
    assert (found.rows, found.used) == ([[6]], "index")


@pytest.mark.parametrize("change", [("state", "refused"), ("state", "no word at all")])
def test_who_writes_the_file_lifts_nothing_that_the_store_goes_by(many: People, change: tuple[str, str]) -> None:
    name, value = change
    step = Update("consents", (name,), ("subject", "key", "place"), ((value, many.subjects[-7], RESTRICTION, 1),))
    assert many.ask("SELECT count(*) FROM people").rows == [[6]]
    many.vault.store.write_now(Unit((step,)))
    for sql in ("SELECT count(*) FROM people", "SELECT id FROM people"):
        with pytest.raises(Damaged):
            many.ask(sql)
    with pytest.raises(Damaged):
        many.pages(100)


# --- tokens -----------------------------------------------------------------------------------------------------


def test_a_token_alone_and_among_others_is_held_back_with_its_person(people: People) -> None:
    people.flag(2)
    texts = [held["email"] for held in people.tokens]
    assert people.opened(*texts) == [NotFound if at == 2 else f"p{at}@example.com" for at in range(6)]
    assert [people.opened(text)[0] for text in texts] == people.opened(*texts)
    assert people.opened(texts[2], purpose=LEGAL) == ["p2@example.com"]


def test_a_value_that_two_share_is_shown_while_one_of_them_is_free(people: People) -> None:
    shared = people.tokens[0]["name"]
    assert people.tokens[1]["name"] == shared
    people.flag(0)
    assert people.opened(shared) == ["Person 1"]
    people.flag(1)
    assert people.opened(shared) == [NotFound]


@pytest.mark.parametrize("column", ["ssn", "code"])
def test_a_computed_token_is_held_back_with_any_who_has_its_value_and_no_other(people: People, column: str) -> None:
    texts = [held[column] for held in people.tokens]
    hint = column if column == "ssn" else ""
    before = people.opened(*texts, column=hint)
    people.flag(0)
    held = {"ssn": {0}, "code": {0, 2, 4}}[column]
    found = people.opened(*texts, column=hint)
    assert found == [NotFound if at in held else before[at] for at in range(6)]
    assert [people.opened(text, column=hint)[0] for text in texts] == found


def test_a_token_of_nobody_is_held_back_where_somebody_restricted_has_its_value(people: People) -> None:
    def token(text: str) -> str:
        made = reveal.tokenize(
            people.vault, people.permit("tokenize"), people.table.column("name"), [text], people.bench.deed()
        )
        return str(people.bench.run(made)[0])

    free, hers = token("Somebody Else"), token("Person 3")
    people.flag(3)
    assert people.opened(free, hers) == ["Somebody Else", NotFound]
    assert people.opened(free) == ["Somebody Else"]


def test_a_token_that_a_person_holds_without_a_record_is_held_back_with_her(people: People) -> None:
    def made(column: str, at: int) -> str:
        step = reveal.tokenize(
            people.vault,
            people.permit("tokenize"),
            people.table.column(column),
            [f"value {at}"],
            people.bench.deed(),
            subject=people.subjects[at],
        )
        return str(people.bench.run(step)[0])

    texts = [made(column, at) for column in ("name", "pin") for at in (3, 4)]
    people.flag(3)
    assert people.opened(*texts) == [NotFound, "value 4", NotFound, "value 4"]


# --- writing, and her own rights --------------------------------------------------------------------------------


def change(people: People, at: int, **values: Any) -> Any:
    step = records.update(people.vault, people.permit("update"), people.ids[at], values, people.bench.deed())
    return people.bench.run(step)


def test_a_restricted_record_is_neither_changed_nor_deleted_and_new_ones_may_come(people: People) -> None:
    people.flag(2)
    with pytest.raises(NotFound):
        change(people, 2, state="NY")
    change(people, 3, state="NY")
    deed = people.bench.deed()
    assert people.bench.run(records.delete(people.vault, people.permit("delete"), people.ids[2:4], deed)) == 1
    people.bench.insert("people", {"name": "New Example"})


def upsert(people: People, email: str) -> Any:
    permits = (people.permit("insert"), people.permit("update"))
    step = records.upsert(
        people.vault,
        permits,
        ["email"],
        [{"email": email, "state": "TX"}],
        people.bench.deed(),
        asking=lambda: [people.permit("read"), people.permit("search")],
    )
    return people.bench.run(step)


def test_an_upsert_changes_whom_no_flag_holds_back(people: People) -> None:
    people.flag(2)
    assert upsert(people, "p3@example.com")[0].id == people.ids[3]
    with pytest.raises(Conflict) as told:
        upsert(people, "p2@example.com")
    assert told.value.code == "conflict"
    people.flag(2, state="withdrawn")
    assert upsert(people, "p2@example.com")[0].id == people.ids[2]


def test_her_own_requests_reach_a_restricted_person(people: People) -> None:
    people.flag(2)
    dataset = dataset_of(people.vault)
    run: Any = people.bench.run
    connector = VaultConnector(people.vault, dataset, people.bench.deed, run)
    table = dataset.collection("people")
    assert table is not None
    ask = Read(dataset=dataset, collection=table, matches={"email": ("p2@example.com",)})
    found: Sequence[Any] = [record for batch in connector.read(ask) for record in batch]
    assert [record.values["email"] for record in found] == ["p2@example.com"]


def test_a_restricted_person_is_erased_as_others_are(people: People) -> None:
    people.flag(2)
    people.flag(2, MANY)
    people.flag(3, MANY)
    before = turn(people.vault, (RESTRICTION,))
    assert in_force(people.vault) == {RESTRICTION, MANY}
    people.bench.run(erasure.erase(people.vault, people.subjects[2], people.bench.deed("subjects.erase")))
    assert in_force(people.vault) == {MANY}
    assert turn(people.vault, (RESTRICTION,)) != before
    assert listed(people.vault, MANY) == {people.subjects[3]}
    consents.keep(people.vault)
    assert in_force(people.vault) == {MANY}
    people.flag(3, MANY, state="withdrawn")
    assert people.got() == [0, 1, 3, 4, 5]
