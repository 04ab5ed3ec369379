"""Rules on rows and parts mean the same whether a record is got, listed or asked about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from a_vault import Bench
from asked import OTHER, PHONE, filled

from privet import digest
from privet.errors import Denied, NotFound, PrivetError
from privet.policy.decide import decide
from privet.policy.permit import Permit
from privet.policy.syntax import Policy, Promise, RequireConsent, Role, Rule, Target
from privet.store.port import Select
from privet.vault import records
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question
from privet.vault.sight import View
from privet.vocabulary.access import Access, Action, Principal, Purpose
from privet.vocabulary.predicate import ALWAYS, CONSENT, QUEUE, Compare, In, Not, Or, Predicate

NEWS = RequireConsent(key="news", purposes=(Purpose("marketing"),))
EVERYBODY = ["ANNA", "Ann Example", "Anton", "Bo", ""]


def allow(where: Predicate = ALWAYS, target: str = "", part: str = "", table: str = "people") -> Rule:
    return Rule(effect="allow", actions=("read",), targets=(Target(table, target, part=part),), where=where)


def deny(where: Predicate, target: str = "", table: str = "people") -> Rule:
    return Rule(effect="deny", actions=("read",), targets=(Target(table, target),), where=where)


class Desk:
    """A caller under a policy, at a vault."""

    def __init__(self, bench: Bench, *rules: Rule, promises: Sequence[Promise] = (), purpose: str = "") -> None:
        self.bench = bench
        self.policy = Policy("v", (Role("r", "", rules),), tuple(promises))
        self.purpose = Purpose(purpose) if purpose else None
        self.who = Principal(id="p1", name="t", roles=("r",), purposes=(self.purpose,) if self.purpose else ())
        self.queues: Mapping[str, Sequence[bytes]] = {}

    def permit(self, action: Action, table: str) -> Permit:
        known = self.bench.vault.table(table)
        access = Access(action, table, known.names(), self.purpose)
        return decide(self.policy, self.who, access, known.collection, queues=self.queues)

    def got(self, table: str = "people") -> list[dict[str, Any]]:
        """Return the values of every record, as `get` shows them."""
        stored = self.bench.vault.table(table)
        rows = self.bench.vault.store.select(Select(table=stored.rows, columns=("id",)))
        view = View(stored.names())
        ids = [row[0] for row in rows]
        found = self.bench.run(
            records.get(self.bench.vault, self.permit("read", table), ids, view, self.bench.deed("get"))  # type: ignore[arg-type]
        )
        return [dict(item.values) for item in found]

    def ask(self, sql: str) -> list[list[Any]]:
        found: dict[Action, dict[str, Permit]] = {"read": {}, "search": {}}
        question = read_question(sql, self.bench.vault.schema)
        for source in question.sources:
            for action, permits in found.items():
                try:
                    permits[source.table.name] = self.permit(action, source.table.name)
                except Denied:
                    continue
        permits_all = Permits(read=found["read"], search=found["search"])
        rows: list[list[Any]] = self.bench.run(
            query.run(self.bench.vault, question, permits_all, self.bench.deed("queries.run"))
        ).rows
        return rows

    def names(self) -> list[str]:
        """Return whose records are shown; `get` and a question must agree on that."""
        by_get = [values["name"] or "" for values in self.got() if "name" in values]
        asked = [row[0] or "" for row in self.ask("SELECT name FROM people")]
        assert sorted(by_get) == sorted(asked)
        return sorted(by_get)


# --- rows -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indexed", [True, False], ids=["indexed", "not indexed"])
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (Compare("phones", "=", PHONE), ["Ann Example"]),
        (Compare("phones", "=", OTHER), ["Ann Example", "Bo"]),
        (Compare("phones", "!=", PHONE), ["Anton", "Bo"]),
        (Compare("state", "=", "CA"), ["", "Anton", "Bo"]),
        (Not(Compare("state", "=", "CA")), ["ANNA"]),
        (Compare("born", "<", "1980-01-01"), ["Ann Example"]),
        (Compare("email.domain", "!=", "example.com"), ["Anton"]),
        (Or((Compare("state", "=", None), Compare("state", "=", "NY"))), ["ANNA", "Ann Example"]),
    ],
)
def test_a_row_condition_shows_the_same_records_everywhere(
    bench: Bench, where: Predicate, expected: list[str], indexed: bool
) -> None:
    assert Desk(filled(bench, indexed=indexed), allow(where)).names() == expected


def test_a_deny_holds_where_its_condition_is_unknown(bench: Bench) -> None:
    filled(bench)
    assert Desk(bench, allow(), deny(Compare("state", "=", "NY"))).names() == ["", "Anton", "Bo"]
    assert Desk(bench, allow(), deny(Compare("phones", "=", OTHER))).names() == ["Anton"]


def test_a_queue_shows_the_records_that_stand_in_it(bench: Bench) -> None:
    ids = filled(bench).extra["ids"]
    desk = Desk(bench, allow(Compare(QUEUE, "=", "support")))
    with pytest.raises(Denied):
        desk.got()
    desk.queues = {"support": [digest.id_bytes(ids[1]), digest.id_bytes(ids[3])]}
    assert desk.names() == ["Anton", "Bo"]
    desk.queues = {"support": []}
    assert desk.names() == []


def test_a_condition_may_name_ids_and_references(bench: Bench) -> None:
    ids = filled(bench).extra["ids"]
    assert Desk(bench, allow(In("id", (ids[2],)))).names() == ["ANNA"]
    desk = Desk(bench, allow(Compare("person", "=", ids[3]), table="orders"))
    assert [values["total"] for values in desk.got("orders")] == ["2.25"]
    assert desk.ask("SELECT total FROM orders") == [["2.25"]]


def people(bench: Bench) -> list[bytes]:
    """Return whom the records are about, in the order in which they came."""
    rows = Select(table=bench.vault.table("people").rows, columns=("subject",), order=(("id", True),))
    return [row[0] for row in bench.vault.store.select(rows)]  # type: ignore[misc]  # bytes


# --- consent ----------------------------------------------------------------------------------------------------


def test_only_people_who_consented_are_shown(bench: Bench) -> None:
    agreed = set(people(filled(bench))[1:2])
    bench.vault.consents = lambda key, subjects: agreed & subjects if key == "news" else set()
    assert Desk(bench, allow(), promises=[NEWS], purpose="marketing").names() == ["Anton"]
    assert Desk(bench, allow(), promises=[NEWS], purpose="essential").names() == sorted(EVERYBODY)
    assert Desk(bench, allow(Not(Compare(CONSENT, "=", "news")))).names() == ["", "ANNA", "Ann Example", "Bo"]
    assert Desk(bench, allow(), deny(Compare(CONSENT, "=", "news"))).names() == ["", "ANNA", "Ann Example", "Bo"]
    agreed.clear()
    assert Desk(bench, allow(), promises=[NEWS], purpose="marketing").names() == []


@pytest.mark.parametrize("what", ["required", "allowed", "allowed without", "denied", "denied without"])
def test_where_no_consents_are_kept_nobody_is_shown(bench: Bench, what: str) -> None:
    news = Compare(CONSENT, "=", "news")
    rules = {
        "required": [allow()],
        "allowed": [allow(news)],
        "allowed without": [allow(Not(news))],
        "denied": [allow(), deny(news)],
        "denied without": [allow(), deny(Not(news))],
    }[what]
    promises, purpose = ([NEWS], "marketing") if what == "required" else ([], "")
    assert Desk(filled(bench), *rules, promises=promises, purpose=purpose).names() == []


def test_a_count_leaves_out_those_who_did_not_consent(bench: Bench) -> None:
    agreed = set(people(filled(bench))[1:3])
    bench.vault.consents = lambda key, subjects: agreed & subjects
    desk = Desk(bench, allow(), promises=[NEWS], purpose="marketing")
    assert desk.ask("SELECT count(*) FROM people WHERE email IS NOT NULL") == [[2]]
    assert desk.ask("SELECT state, count(*) FROM people GROUP BY state ORDER BY state") == [["US-CA", 1], ["US-NY", 1]]


# --- parts ------------------------------------------------------------------------------------------------------


def test_a_part_is_all_that_is_shown_of_a_value(bench: Bench) -> None:
    desk = Desk(filled(bench), allow(target="born", part="month"))
    assert sorted(values["born"] or "" for values in desk.got()) == ["", "01", "02", "06", "12"]
    assert sorted(row[0] or "" for row in desk.ask("SELECT born.month FROM people")) == ["", "01", "02", "06", "12"]
    assert sorted(row[0] or "" for row in desk.ask("SELECT born FROM people")) == ["", "01", "02", "06", "12"]
    for sql in ("SELECT born.year FROM people", "SELECT min(born) FROM people"):
        with pytest.raises(PrivetError):
            desk.ask(sql)


def test_a_part_that_is_a_redaction_is_shown_as_one(bench: Bench) -> None:
    desk = Desk(filled(bench), allow(target="ssn", part="last_four"), allow(target="born", part="year"))
    assert {values["ssn"] for values in desk.got()} == {None, "*****4399"}
    assert {values["born"] for values in desk.got()} == {None, "1979", "1980", "1984", "1990"}
    assert desk.ask("SELECT ssn.last_four FROM people WHERE ssn.last_four = '4399'") == [["4399"]]


def test_a_part_may_be_asked_about_and_nothing_more(bench: Bench) -> None:
    search = Rule(effect="allow", actions=("search",), targets=(Target("people", "born", part="month"),))
    desk = Desk(filled(bench), allow(target="name"), search)
    assert desk.ask("SELECT name FROM people WHERE born.month = '06'") == [["ANNA"]]
    for sql in (
        "SELECT name FROM people WHERE born = '1984-06-15'",
        "SELECT name FROM people WHERE born.year = '1984'",
        "SELECT name FROM people ORDER BY born",
        "SELECT born.month FROM people",
    ):
        with pytest.raises(Denied):
            desk.ask(sql)


# --- writing ----------------------------------------------------------------------------------------------------


def test_a_column_changes_only_on_the_rows_of_its_own_rule(bench: Bench) -> None:
    ids = [digest.id_bytes(id) for id in filled(bench).extra["ids"]]
    rules = [
        Rule(effect="allow", actions=("update",), targets=(Target("people", "name"),)),
        Rule(
            effect="allow",
            actions=("update",),
            targets=(Target("people", "income"),),
            where=Compare("state", "=", "CA"),
        ),
    ]
    permit = Desk(bench, *rules).permit("update", "people")

    def update(at: int, **changes: str) -> None:
        bench.run(records.update(bench.vault, permit, ids[at], changes, bench.deed("update")))

    update(0, name="Ann")
    update(1, name="Tony", income="2000")
    for at in (0, 2):
        with pytest.raises(NotFound):
            update(at, income="2000")
        with pytest.raises(NotFound):
            update(at, name="Ann", income="2000")
