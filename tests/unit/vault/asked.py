"""A vault to ask, and the few words that tests of questions say to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from a_vault import Bench

from privet import digest
from privet.errors import Denied
from privet.policy.decide import decide
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy, Role, Rule, Target
from privet.store.port import Select
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question
from privet.vocabulary.access import Access, Action, Principal
from privet.vocabulary.predicate import Compare

FIELDS = {
    "name": ("string", "exact, prefix_3"),
    "email": ("contact.email", "exact, domain"),
    "phones": ("'contact.phone[]'", "exact"),
    "born": ("person.dob", "year"),
    "ssn": ("us.ssn", "exact"),
    "state": ("address.state", "exact"),
    "income": ("fin.income", "bucket"),
}

ORDERS = """      - name: orders
        fides_meta: {privet: {subject: via person, ttl: 1d}}
        fields:
          - {name: person, fides_meta: {privet: {references: people.id}}}
          - {name: total, fides_meta: {privet: {type: decimal}}}
"""


def schema(*, indexed: bool = True, keep: str = "sealed") -> str:
    def field(name: str) -> str:
        kind, index = FIELDS[name]
        ours = f"type: {kind}, keep: {keep}, index: [{index if indexed else ''}], leak: equality"
        return f"          - {{name: {name}, fides_meta: {{privet: {{{ours}}}}}}}\n"

    return (
        "dataset:\n  - fides_key: t\n    collections:\n      - name: people\n"
        "        fides_meta: {privet: {subject: self}}\n        fields:\n"
        + "".join(map(field, FIELDS))
        + "      - name: orders\n"
        "        fides_meta: {privet: {subject: via person, ttl: 1d}}\n        fields:\n"
        "          - {name: person, fides_meta: {privet: {references: people.id}}}\n"
        "          - {name: total, fides_meta: {privet: {type: decimal}}}\n"
    )


PHONE, OTHER = "+12025550141", "+12025550142"
PEOPLE: list[dict[str, Any]] = [
    {
        "name": "Ann Example",
        "email": "ann@example.com",
        "phones": ["+12025550141", "+12025550142"],
        "born": "1979-12-31",
    },
    {
        "name": "Anton",
        "email": "anton@example.org",
        "phones": [],
        "born": "1980-01-01",
        "state": "CA",
        "income": "1500",
    },
    {"name": "ANNA", "email": "anna@example.com", "born": "1984-06-15", "state": "NY", "income": "1000.5"},
    {"name": "Bo", "email": "bo@example.com", "phones": [OTHER], "born": "1990-02-28", "state": "CA"},
    {"ssn": "536-90-4399", "state": "CA", "income": "250000"},
]
AGENT = Role(
    "agent",
    "sees Californians by their masks, and may search names",
    (
        Rule(effect="allow", actions=("read",), redaction="masked", where=Compare("state", "=", "CA")),
        Rule(effect="allow", actions=("search",), targets=(Target("people", "name"),)),
        Rule(effect="deny", actions=("read",), targets=(Target("people", "ssn"),)),
    ),
)
POLICY = Policy("test/1", (*BUILT_IN.roles, AGENT))


def filled(bench: Bench, **options: Any) -> Bench:
    bench.apply(schema(**options))
    ids = [digest.id_text(item.id) for item in bench.insert("people", *PEOPLE)]
    bench.insert("orders", *({"person": ids[at], "total": total} for at, total in ((0, "1.5"), (0, "10"), (3, "2.25"))))
    bench.insert("orders", {"total": "99"})
    bench.extra["ids"] = ids
    return bench


def ask(bench: Bench, sql: str, role: str = "owner", policy: Policy = POLICY, **terms: Any) -> query.Answer:
    who = Principal(id="p1", name="test", roles=(role,))
    question = read_question(sql, bench.vault.schema)
    found: dict[Action, dict[str, Any]] = {"read": {}, "search": {}}
    for source in question.sources:
        for action, permits in found.items():
            try:
                access = Access(action, source.table.name, source.table.names())
                permits[source.table.name] = decide(policy, who, access, source.table.collection)
            except Denied:
                continue
    permits_all = Permits(read=found["read"], search=found["search"])
    return bench.run(query.run(bench.vault, question, permits_all, bench.deed("queries.run"), query.Terms(**terms)))


def names(answer: query.Answer) -> list[Any]:
    return sorted(("" if row[0] is None else str(row[0])) for row in answer.rows)


def entries(bench: Bench) -> Sequence[Any]:
    return bench.vault.store.select(Select(table="audit", columns=("body", "records"), order=(("seq", True),)))
