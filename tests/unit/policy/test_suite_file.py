"""Files of tests: what they may name, and what is said where nothing was shown."""

from __future__ import annotations

from itertools import count

import pytest
from test_suite import faults, results

from privet.errors import InvalidPolicy
from privet.policy.parse import parse
from privet.policy.review.suite import Result, junit, open_suite, run
from privet.vault.schema import EMPTY, merge
from privet.vault.sight import judge
from privet.vocabulary.dataset import Collection, Dataset, Field, Reference

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


READ = "as: desk, action: read, table: people"


def test_a_record_that_is_denied_is_so_with_every_column() -> None:
    (found,) = results(f"  - {{{READ}, queues: [desk], expect: denied}}\n")
    assert found.faults == ("expected `people.email` denied, found domain, by desk/2",)


@pytest.mark.parametrize("expect", ["", "{}", "[]", "false", "null"])
def test_a_test_that_expects_nothing_is_refused(expect: str) -> None:
    told = faults(f"  - {{{READ}, expect: {expect}}}\n")
    assert told == ["a.tests.yml:3:5: expected `expect`: columns and how they are shown, or `denied`"]


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("{action: read, table: people, expect: denied}", "expected `as`"),
        ("{as: desk, table: people, expect: denied}", "expected `action`"),
        ("{as: desk, action: read, expect: denied}", "expected `table`"),
        (f"{{{READ}, name: [a], expect: denied}}", "expected text"),
        (f"{{{READ}, through: {{a: b}}, expect: denied}}", "expected text"),
        (f"{{{READ}, queues: [[a]], expect: denied}}", "expected text"),
        (f"{{{READ}, expect: shown}}", "expected `denied`, or columns and how they are shown"),
        (f"{{{READ}, expect: allowed}}", "expected `denied`, or columns and how they are shown"),
        (f"{{{READ}, expect: {{nobody: masked}}}}", "expected a column of the table"),
        (
            f"{{{READ}, purpose: [essential, marketing], expect: denied}}",
            "expected a purpose of the taxonomy, found several",
        ),
        (
            "{as: desk, action: read, table: [people, people], expect: denied}",
            "expected a table of the schema, found several",
        ),
    ],
)
def test_a_fault_of_a_test_is_told_once(test: str, message: str) -> None:
    assert [fault.split(": ", 1)[1] for fault in faults(f"  - {test}\n")] == [message]


def test_a_stated_purpose_counts_as_granted_unless_others_are() -> None:
    asked = "as: desk, purpose: essential.service, action: read, table: people, row: {state: CA}"
    for granted, expected in (("", "masked"), ("granted: [essential],", "masked"), ("granted: marketing,", "denied")):
        (found,) = results(f"  - {{{granted} {asked}, expect: {{name: {expected}}}}}\n")
        assert found.sound


def test_a_moment_without_a_zone_is_utc_and_one_with_a_zone_is_itself() -> None:
    asked = "attributes: {region: WA}, row: {state: WA}, action: read, as: desk, table: people"
    for at, expected in (
        ("2031-01-30T23:59:59", "last_four"),
        ("2031-01-31", "denied"),
        ("'2031-01-31T00:30:00+01:00'", "last_four"),
        ("'2031-01-30T23:30:00-01:00'", "denied"),
    ):
        (found,) = results(f"  - {{{asked}, at: {at}, expect: {{ssn: {expected}}}}}\n")
        assert found.sound, at


GUESTS = Dataset(
    key="d",
    collections=(
        Collection(
            name="guests",
            subject="self",
            fields=(
                Field(name="name", type="person.full_name", labels=("user.name",)),
                Field(
                    name="mails", type="contact.email", labels=("user.contact.email",), array=True, indexes=("exact",)
                ),
                Field(name="host", type="string", reference=Reference("guests")),
            ),
        ),
    ),
)
HOST = "00000000-0000-4000-8000-000000000007"


def outcomes(where: str, *rows: str) -> list[bool]:
    """Return for each record whether a condition shows the name."""
    made = count()
    tables = merge(EMPTY, GUESTS, lambda: next(made).to_bytes(16))
    tests = "".join(
        f"  - {{as: desk, action: read, table: guests, row: {row}, expect: {{name: masked}}}}\n" for row in rows
    )
    policy = parse(f"role desk\nallow read on guests.name where {where}\n")
    suite = open_suite(f"schema: s\ntests:\n{tests}", "a.yml")
    return [r.sound for r in run(suite, policy, GUESTS, lambda p, t: judge(p, tables.table(t.name)))]


def test_of_several_values_a_condition_needs_one_and_a_value_alone_is_one_of_them() -> None:
    rows = ("{mails: [a@example.com, b@EXAMPLE.com]}", "{mails: b@example.com}", "{mails: [a@example.com]}", "{}")
    assert outcomes("guests.mails = 'b@example.com'", *rows) == [True, True, False, False]


def test_a_value_that_is_null_is_none() -> None:
    assert outcomes("guests.mails is null", "{mails: null}", "{}", "{mails: a@example.com}") == [True, True, False]


def test_a_reference_is_the_id_of_a_record() -> None:
    assert outcomes(f"guests.host = '{HOST}'", f"{{host: {HOST}}}", "{}") == [True, False]


def test_a_key_like_no_other_has_no_hint() -> None:
    with pytest.raises(InvalidPolicy) as caught:
        results(f"  - {{{READ}, expect: denied, zzz: 1}}\n  - {{{READ}, expect: denied, tabel: people}}\n")
    assert [fault.hint for fault in caught.value.faults] == ["", "did you mean `table`?"]
