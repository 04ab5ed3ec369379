"""Gains and losses, where they are easily overlooked: limits alone, conditions that are too large to be compared."""

from __future__ import annotations

import pytest
from test_diff import changes
from test_explain import SCHEMA

from privet.policy.parse import parse
from privet.policy.review.diff import diff
from privet.policy.review.meaning import Place, on
from privet.policy.syntax import Target
from privet.vocabulary.dataset import Collection, Dataset


def test_a_limit_alone_takes_from_every_role_that_shows_as_much() -> None:
    role = "role a\nallow read on people.name with redaction = plain_text\n"
    limit = "limit plain_text of user.name to connections\n"
    for given, gained in (((role, role + limit), False), ((role + limit, role), True)):
        assert [(c.what, c.role, c.gained) for c in changes(*given)] == [
            ("allow", "a", gained),
            ("promise", "", gained),
        ]
    asking = "role a\nallow search on people.name\n"
    assert [c.what for c in changes(asking, asking + limit)] == ["promise"]


def test_what_is_too_large_to_compare_is_lost_where_it_stood_and_gained_where_it_stands() -> None:
    rows = [f"people.email = 'n{at}@example.com'" for at in range(400)]
    old = f"role a\nallow read on people.name where {' or '.join(rows)}\n"
    new = f"role a\n\nallow read on people.name where {' or '.join(reversed(rows))}\n"
    found = diff(parse(old), parse(new), SCHEMA, ("old.policy", "new.policy"))
    assert [(c.gained, c.what, c.at, c.places, c.sure) for c in found] == [
        (False, "allow", "old.policy:2", ("people.name",), False),
        (True, "allow", "new.policy:3", ("people.name",), False),
    ]
    denied = [text.replace("allow", "deny") for text in (old, new)]
    assert [(c.gained, c.what) for c in changes(*denied)] == [(True, "deny"), (False, "deny")]


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
def test_what_a_limit_hides_from_people_is_still_lost_to_connections(schema: Dataset | None) -> None:
    limit = "limit plain_text of user.contact to connections\n"
    more, less = (
        f"role a\nallow read on people.email with redaction = {name}\n{limit}" for name in ("plain_text", "masked")
    )
    assert {(c.what, c.gained) for c in changes(more, less, schema)} >= {("allow", False)}
    assert {(c.what, c.gained) for c in changes(less, more, schema)} >= {("allow", True)}


def test_records_are_deleted_whole() -> None:
    (lost,) = changes("role a\nallow delete on people.*\n", "role a\n")
    assert (lost.gained, lost.actions, lost.places) == (False, ("delete",), ("people.*",))
    (gained,) = changes("role a\ndeny delete on people.name\n", "role a\n")
    assert (gained.gained, gained.what, gained.places) == (True, "deny", ("people.*",))


def test_a_deny_of_one_part_is_not_that_of_another() -> None:
    area, serial = (f"role a\ndeny read on people.ssn.{part}\n" for part in ("area", "last_four"))
    assert [c.gained for c in changes(area, serial)] == [False, True]
    whole = "role a\ndeny read on people.ssn\n"
    assert [c.gained for c in changes(area, whole)] == [False]
    assert [c.gained for c in changes(whole, area)] == [True]


def test_a_consent_for_a_purpose_is_one_for_all_below_it_and_for_no_other_key() -> None:
    broad = "require consent 'news' for marketing\n"
    assert changes(broad, "require consent 'news' for marketing, marketing.advertising\n") == []
    narrow = "require consent 'news' for marketing.advertising\n"
    assert [c.gained for c in changes(broad, narrow)] == [True]
    assert [c.gained for c in changes(narrow, broad)] == [False]
    assert [c.gained for c in changes(broad, "require consent 'mail' for marketing\n")] == [True, False]


def test_a_deny_of_a_part_denies_writing_the_whole() -> None:
    part, whole = (f"role a\ndeny update on people.ssn{end}\n" for end in (".area", ""))
    assert changes(part, whole) == changes(whole, part) == []


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
def test_a_limit_takes_nothing_from_what_shows_nothing(schema: Dataset | None) -> None:
    role = "role a\nallow read on people.name with redaction = redacted\n"
    limit = "limit masked of user to connections\n"
    assert [c.what for c in changes(role, role + limit, schema)] == ["promise"]


@pytest.mark.parametrize(
    ("target", "place", "expected"),
    [
        (Target(), Place("people", "name"), True),
        (Target("people"), Place("people", "name"), True),
        (Target("people", "name"), Place("people", "name"), True),
        (Target("", "name"), Place("people", "name"), True),
        (Target("orders"), Place("people", "name"), False),
        (Target("orders", "name"), Place("people", "name"), False),
        (Target("people", "email"), Place("people", "name"), False),
        (Target(label="user.contact"), Place("", "", "user.contact.email"), True),
        (Target(label="user.contact.email"), Place("", "", "user.contact"), False),
        (Target(label="user.contact"), Place("people", "name"), False),
        (Target(), Place("", "", "user.contact"), True),
        (Target("people"), Place("", "", "user.contact"), False),
    ],
)
def test_without_a_schema_a_target_covers_what_it_surely_covers(target: Target, place: Place, expected: bool) -> None:
    assert on(target, place) is expected


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
def test_the_whole_value_covers_a_mask_and_no_mask_another_that_nobody_compared(schema: Dataset | None) -> None:
    whole = "role a\nallow read on people.email with redaction = plain_text\n"
    assert changes(whole, f"{whole}allow read on people.email with redaction = domain\n", schema) == []
    domain = "role a\nallow read on people.email with redaction = domain\n"
    assert [c.gained for c in changes(domain, whole, schema)] == [True]
    assert [c.gained for c in changes(whole, domain, schema)] == [False]
    lifted = "role a\nallow read on people.ssn with redaction = plain_text unsafe\n"
    capped = "role a\nallow read on people.ssn with redaction = plain_text\n"
    assert [c.gained for c in changes(capped, lifted, schema)] == [True]
    assert [c.gained for c in changes(lifted, capped, schema)] == [False]


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
def test_a_part_is_shown_or_it_is_not(schema: Dataset | None) -> None:
    unsaid, plain, nothing = (
        f"role a\nallow read on people.email.domain{said}\n"
        for said in ("", " with redaction = plain_text", " with redaction = redacted")
    )
    assert changes(unsaid, plain, schema) == []
    assert [c.gained for c in changes(nothing, plain, schema)] == [True]
    assert [c.gained for c in changes(plain, nothing, schema)] == [False]
    redacted = "role a\nallow read on people.email with redaction = redacted\n"
    assert changes(nothing, redacted, schema) == []


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
def test_what_is_unsaid_is_the_mask_of_reading_and_the_whole_value_of_asking(schema: Dataset | None) -> None:
    for action, meant, other in (("read", "masked", "plain_text"), ("search", "plain_text", "masked")):
        unsaid = f"role a\nallow {action} on people.email\n"
        assert changes(unsaid, f"{unsaid.strip()} with redaction = {meant}\n", schema) == []
        assert changes(unsaid, f"{unsaid.strip()} with redaction = {other}\n", schema) != []


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
def test_an_allow_that_a_denied_part_takes_away_was_none(schema: Dataset | None) -> None:
    denied = "role a\ndeny read on people.email.domain\n"
    for shown, told in (("plain_text", False), ("domain", False), ("redacted", True)):
        allowed = f"role a\nallow read on people.email with redaction = {shown}\ndeny read on people.email.domain\n"
        assert bool(changes(allowed, denied, schema)) is told


def test_a_part_of_nothing_is_nothing() -> None:
    part = "role a\nallow read on people.name where people.email.domain is null\n"
    either = "role a\nallow read on people.name where people.email.domain is null or people.email is null\n"
    assert changes(part, either) == []
    whole = "role a\nallow read on people.name where people.email is null\n"
    assert [c.gained for c in changes(whole, either)] == [True]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("people.email > 'a@example.com'", "not people.email <= 'a@example.com'"),
        ("people.email >= 'a@example.com'", "not people.email < 'a@example.com'"),
        ("people.email.domain = 'EXAMPLE.com'", "people.email.domain = 'example.com'"),
        ("people.email = 'ann@EXAMPLE.com'", "people.email in ('ann@example.com')"),
    ],
)
def test_conditions_that_hold_on_the_same_records_are_the_same(one: str, other: str) -> None:
    first, second = (f"role a\nallow read on people.name where {where}\n" for where in (one, other))
    assert changes(first, second) == []


def test_what_touches_no_column_has_no_place() -> None:
    (lost,) = changes("role a\nallow manage\n", "role a\n")
    assert (lost.actions, lost.places) == (("manage",), ())


def test_a_promise_of_one_kind_says_nothing_of_another() -> None:
    use, consent = "deny use of user for marketing\n", "require consent 'user.name' for marketing\n"
    assert [c.gained for c in changes(use, use + consent)] == [False]


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
def test_of_writing_no_redaction_counts_and_no_part_is_written(schema: Dataset | None) -> None:
    plain = "role a\nallow update on people.email\n"
    assert changes(plain, "role a\nallow update on people.email with redaction = masked\n", schema) == []
    assert changes("role a\n", "role a\nallow update on people.email.domain\n", schema) == []


@pytest.mark.parametrize("schema", [SCHEMA, None], ids=["schema", "no schema"])
def test_a_deny_takes_from_an_allow_only_what_both_may_be_for(schema: Dataset | None) -> None:
    allowed = "role a\nallow read on people.name for marketing\n"
    for purpose, taken in (("essential.service", False), ("marketing.advertising", True), ("marketing", True)):
        found = changes(allowed, f"{allowed}deny read on people.name for {purpose}\n", schema)
        assert {c.what for c in found} == ({"allow", "deny"} if taken else {"deny"}), purpose


def test_records_of_a_table_without_columns_are_kept_by_a_deny_of_all_of_it() -> None:
    empty = Dataset(key="d", collections=(Collection(name="people", fields=()),))
    allowed = "role a\nallow delete on people.*\n"
    for denied, taken in (("people.*", True), ("*", True), ("orders.*", False), ("people.name", False)):
        found = changes(allowed, f"{allowed}deny delete on {denied}\n", empty)
        assert ("allow" in [c.what for c in found]) is taken, denied


@pytest.mark.parametrize(
    ("target", "deletes"),
    [("people.*", True), ("*", True), ("orders.*", False), ("people.name", False), ("user", False)],
)
def test_records_are_deleted_by_a_rule_on_all_of_their_table_alone(target: str, deletes: bool) -> None:
    found = changes("role a\n", f"role a\nallow delete on {target}\n")
    assert ("allow" in [c.what for c in found]) is deletes


@pytest.mark.parametrize(
    ("target", "deletes"), [("people.*", True), ("*", True), ("people.name", False), ("user", False)]
)
def test_without_a_schema_too_no_record_is_deleted_by_a_rule_on_some_columns(target: str, deletes: bool) -> None:
    assert bool(changes("role a\n", f"role a\nallow delete on {target}\n", None)) is deletes
