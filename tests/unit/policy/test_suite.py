"""Tests of policies: what they ask, what they say when they fail, and every fault of a file at once."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from itertools import count

import pytest
from test_explain import SCHEMA

from privet.errors import InvalidPolicy, MalformedBody
from privet.policy.parse import parse
from privet.policy.review.suite import Result, junit, open_suite, report, run
from privet.vault.schema import EMPTY, merge
from privet.vault.sight import judge

POLICY = """
role desk
allow read on people.name with redaction = masked where people.state = 'CA' for essential
allow read on people.email with redaction = domain where people.id in queue('desk')
allow read on people.ssn with redaction = last_four where people.state = caller.region until 2031-01-31
allow detokenize on people.ssn with redaction = plain_text through connection stripe
allow insert, delete on people.*
deny delete on people.* where people.state = 'NY'
role chief
allow manage
require consent 'news' for marketing
"""
HEAD = "schema: people.yml\ntests:\n"


def results(tests: str, policy: str = POLICY) -> list[Result]:
    made = count()
    tables = merge(EMPTY, SCHEMA, lambda: next(made).to_bytes(16))
    suite = open_suite(HEAD + tests, "a.tests.yml")
    return run(suite, parse(policy), SCHEMA, lambda where, table: judge(where, tables.table(table.name)))


def faults(tests: str, policy: str = POLICY) -> list[str]:
    with pytest.raises(InvalidPolicy) as caught:
        results(tests, policy)
    return [f"{fault}" for fault in caught.value.faults]


READ = "action: read, table: people"
IN_CALIFORNIA = f"{READ}, row: {{state: CA}}"
IN_WASHINGTON = f"{READ}, row: {{state: WA}}"
LEGAL = "essential.legal_obligation"
PASSING = {
    "rows and purposes": f"as: desk, purpose: essential.service, {IN_CALIFORNIA}, expect: {{name: masked}}",
    "other rows": f"as: desk, purpose: essential, {IN_WASHINGTON}, expect: {{name: denied}}",
    "no value": f"as: desk, purpose: essential, {READ}, expect: {{name: denied}}",
    "no purpose": f"as: desk, {IN_CALIFORNIA}, expect: {{name: denied}}",
    "no grant": f"as: desk, granted: [marketing], purpose: essential, {IN_CALIFORNIA}, expect: denied",
    "a queue": f"as: desk, {READ}, queues: [desk], expect: {{email: domain}}",
    "no queue": f"as: desk, {READ}, expect: {{email: denied}}",
    "an attribute": f"as: desk, attributes: {{region: WA}}, {IN_WASHINGTON}, expect: {{ssn: last_four}}",
    "no attribute": f"as: desk, {IN_WASHINGTON}, expect: {{ssn: denied}}",
    "an end": f"as: desk, at: 2031-02-01, attributes: {{region: WA}}, {IN_WASHINGTON}, expect: denied",
    "a connection": "as: desk, through: stripe, action: detokenize, table: people, expect: {ssn: plain_text}",
    "no connection": "as: desk, action: detokenize, table: people, expect: denied",
    "writing": "as: desk, action: insert, table: people, expect: {name: allowed, ssn: allowed}",
    "a whole record": "as: desk, action: delete, table: people, row: {state: CA}, expect: allowed",
    "a record that is kept": "as: desk, action: delete, table: people, row: {state: NY}, expect: denied",
    "consent": f"as: desk, purpose: marketing, consents: [news], {READ}, queues: [desk], expect: {{email: domain}}",
    "no consent": f"as: desk, purpose: marketing, {READ}, queues: [desk], expect: {{email: denied}}",
    "a restriction": f"as: desk, flags: [restriction], {READ}, queues: [desk], expect: {{email: denied}}",
    "a legal obligation": f"as: desk, purpose: {LEGAL}, flags: [restriction], {READ}, queues: [desk],"
    " expect: {email: domain}",
    "an objection": f"as: desk, purpose: marketing, consents: [news], flags: ['objection:marketing'], {READ},"
    " queues: [desk], expect: {email: denied}",
    "an objection to another use": f"as: desk, purpose: marketing, consents: [news], flags: ['objection:analytics'],"
    f" {READ}, queues: [desk], expect: {{email: domain}}",
    "deleting under a restriction": "as: desk, action: delete, table: people, row: {state: CA}, flags: [restriction],"
    " expect: denied",
    "managing": "as: chief, action: manage, expect: allowed",
    "not managing": "as: desk, action: [manage, audit], expect: denied",
}


@pytest.mark.parametrize("what", PASSING)
def test_a_test_asks_what_it_says(what: str) -> None:
    assert all(result.sound for result in results(f"  - {{{PASSING[what]}}}\n"))


def test_a_failing_test_says_where_what_and_by_which_rule() -> None:
    (found,) = results(
        "  - {name: n, as: desk, action: read, table: people, queues: [desk], expect: {email: masked}}\n"
    )
    assert found.at == "a.tests.yml:3:5"
    assert found.faults == ("expected `people.email` masked, found domain, by desk/2",)


def test_each_action_of_a_list_is_a_test_of_its_own() -> None:
    assert len(results("  - {as: desk, action: [read, export, search], table: people, expect: denied}\n")) == 3


def test_every_fault_is_told_at_once_with_its_place() -> None:
    found = faults(
        "  - {as: dusk, action: reed, table: persons, expect: denied}\n"
        "  - {as: desk, action: read, table: people, row: {stat: CA}, expect: {email: domains}}\n"
        "  - {as: desk, action: read, table: people, row: {state: Nowhere}, expect: {emial: domain}}\n"
        "  - {as: desk, action: read, table: people, at: tomorrow, expct: denied}\n"
        "  - {as: desk, action: insert, table: people, expect: {name: masked}}\n"
        "  - {as: desk, purpose: markting, action: read, expect: denied}\n"
        "  - just text\n"
    )
    assert [int(place.split(":")[1]) for place in found] == [3] * 3 + [4] * 2 + [5] * 2 + [6] * 3 + [7] + [8] * 2 + [9]
    assert found[0] == "a.tests.yml:3:24: expected an action, found none of that name"
    assert not any("Nowhere" in fault or "tomorrow" in fault or "dusk" in fault for fault in found)


def test_a_key_that_stands_twice_is_refused() -> None:
    with pytest.raises(MalformedBody) as caught:
        open_suite(HEAD + "  - {as: desk, as: chief}\n", "a.tests.yml")
    assert caught.value.at == "a.tests.yml:3:16"


@pytest.mark.parametrize(
    "text", ["tests: []\n", "- a\n", "schema: a\ntests: {}\n", "schema: a\n", "polcy: x\nschema: a\n"]
)
def test_a_file_without_tests_is_refused(text: str) -> None:
    with pytest.raises(InvalidPolicy):
        run(open_suite(text, "a.yml"), parse(POLICY), SCHEMA, lambda where, table: lambda read: True)


def test_a_report_counts_and_names_what_failed() -> None:
    told = report([Result(name="one", at="a:1:1"), Result(name="two", at="a:2:1", faults=("expected this",))])
    assert told == "a:2:1: two\n  expected this\n1 passed, 1 failed\n"


def test_junit_is_xml_whatever_the_names() -> None:
    told = junit([Result(name='a "<b>"', at="x:3:1", faults=("1 < 2",)), Result(name="b", at="x:4:1")])
    root = ET.fromstring(told)
    (suite,) = root
    assert suite.attrib["tests"] == "2" and suite.attrib["failures"] == "1"
    assert [case.attrib["name"] for case in suite] == ['a "<b>"', "b"]
    assert suite[0][0].attrib["message"] == "1 < 2"
