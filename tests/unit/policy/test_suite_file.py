"""Files of tests: what they may name, and what is said where nothing was shown."""

from __future__ import annotations

import pytest
from test_suite import faults, results

from privet.errors import InvalidPolicy
from privet.policy.review.suite import Result, junit, open_suite

TEST = "tests:\n  - {as: desk, action: manage, expect: denied}\n"


def test_a_file_names_a_policy_and_a_schema_or_a_template() -> None:
    suite = open_suite(f"policy: p\nschema: s\n{TEST}", "a.yml")
    assert (suite.policy, suite.schema, suite.template) == ("p", "s", "")
    suite = open_suite(f"template: t\n{TEST}", "a.yml")
    assert (suite.policy, suite.schema, suite.template) == ("", "", "t")
    with pytest.raises(InvalidPolicy) as caught:
        open_suite(TEST, "a.yml")
    assert [fault.message for fault in caught.value.faults] == ["expected `schema` or `template`"]
    assert caught.value.message == "1 fault in the tests"


def test_what_is_denied_is_so_by_no_rule() -> None:
    assert [
        found.faults
        for found in results(
            "  - {as: desk, action: read, table: people, expect: {ssn: last_four}}\n"
            "  - {as: desk, action: manage, expect: allowed}\n"
            "  - {as: chief, action: manage, expect: denied}\n"
            "  - {as: chief, action: delete, table: people, expect: allowed}\n"
        )
    ] == [
        ("expected `people.ssn` last_four, found denied",),
        ("expected `the vault` allowed, found denied",),
        ("expected `the vault` denied, found allowed",),
        ("expected `people` allowed, found denied",),
    ]


def test_a_test_without_a_name_is_called_by_its_number() -> None:
    found = results(
        "  - {as: desk, action: manage, expect: denied}\n  - {name: n, as: desk, action: audit, expect: denied}\n"
    )
    assert [result.name for result in found] == ["test 1", "n"]
    told = junit([Result(name="n", at="a:1:1"), Result(name="m", at="a:2:1")])
    assert '<testsuite name="policy" ' in told and 'line="1"/>\n<testcase' in told


def test_a_fault_hints_at_the_one_name_that_is_nearest() -> None:
    with pytest.raises(InvalidPolicy) as caught:
        results("  - {as: desk, action: insrt, table: people, expect: denied}\n")
    assert [fault.hint for fault in caught.value.faults][:1] == ["did you mean `insert`?"]


def test_names_and_values_are_a_mapping_and_moments_are_dates() -> None:
    told = faults(
        "  - {as: desk, action: read, table: people, row: text, expect: denied}\n"
        "  - {as: desk, action: read, table: people, at: someday, expect: denied}\n"
    )
    assert [fault.split(": ")[1] for fault in told] == [
        "expected names and values",
        "expected a date (`2027-01-31`) or a moment (`2027-01-31T18:00:00Z`)",
    ]
