"""What a comparison of two policies says: gains and losses of each role, and nothing for other words."""

from __future__ import annotations

import pytest
from test_explain import SCHEMA

from privet.policy.parse import parse
from privet.policy.review.diff import EVERYBODY, Change, diff
from privet.policy.review.page import changes_text, sentence
from privet.vocabulary.dataset import Dataset

OLD = """
role desk
allow read on people.name, people.email with redaction = masked where people.state = 'CA'
allow tokenize on people.*
deny read on people.ssn
"""


def changes(old: str, new: str, schema: Dataset | None = SCHEMA) -> list[Change]:
    return diff(parse(old), parse(new), schema)


SAME = {
    "itself": (OLD, OLD),
    "order of rules": (
        "role a\nallow read on people.name\ndeny read on people.ssn\n",
        "role a\ndeny read on people.ssn\nallow read on people.name\n",
    ),
    "order of roles": (
        "role a\nallow read on *\nrole b\nallow read on *\n",
        "role b\nallow read on *\nrole a\nallow read on *\n",
    ),
    "split rules": (
        "role a\nallow read, export on people.name, people.email\n",
        "role a\nallow read on people.name\nallow export on people.name\nallow read, export on people.email\n",
    ),
    "a needless rule": (
        "role a\nallow read on people.*\n",
        "role a\nallow read on people.*\nallow read on people.name where people.state = 'CA'\n",
    ),
    "a needless redaction": (
        "role a\nallow read on people.* with redaction = plain_text\n",
        "role a\nallow read on people.* with redaction = plain_text\n"
        "allow read on people.name with redaction = redacted\n",
    ),
    "all, spelled out": (
        "role a\nallow all on people.*\n",
        "role a\nallow read, insert, update, delete, tokenize, detokenize, search, export on people.*\n",
    ),
    "not of or": (
        "role a\nallow read on people.name where not (people.state = 'CA' or people.email is null)\n",
        "role a\nallow read on people.name where not people.state = 'CA' and people.email is not null\n",
    ),
    "order in a list": (
        "role a\nallow read on people.name where people.state in ('CA', 'NY')\n",
        "role a\nallow read on people.name where people.state = 'NY' or people.state in ('CA')\n",
    ),
    "unequal": (
        "role a\nallow read on people.name where people.state != 'CA'\n",
        "role a\nallow read on people.name where not people.state = 'CA'\n",
    ),
    "to, and a block": ("allow read on people.name to a\n", "role a\nallow read on people.name\n"),
    "the role's purposes": (
        "role a for marketing\nallow read on people.name\n",
        "role a for marketing\nallow read on people.name for marketing\n",
    ),
    "purposes within purposes": (
        "role a\nallow read on people.name for marketing\n",
        "role a\nallow read on people.name for marketing, marketing.advertising\n",
    ),
    "an end before another": (
        "role a\nallow read on people.name until 2027-01-31\n",
        "role a\nallow read on people.name until 2027-01-31\nallow read on people.name until 2026-01-31\n",
    ),
    "an empty role": ("role a\n", "role a\nrole b\n"),
    "split promises": (
        "deny use of user.name, user.contact for marketing about customer, employee\n",
        "deny use of user.name for marketing about customer\ndeny use of user.name for marketing about employee\n"
        "deny use of user.contact for marketing about employee, customer\n",
    ),
    "a needless promise": (
        "deny use of user for marketing\n",
        "deny use of user for marketing\ndeny use of user.contact for marketing.advertising about customer\n",
    ),
}


@pytest.mark.parametrize("with_schema", [True, False], ids=["schema", "no schema"])
@pytest.mark.parametrize("what", SAME)
def test_the_same_in_other_words_is_nothing(what: str, with_schema: bool) -> None:
    old, new = SAME[what]
    assert changes(old, new, SCHEMA if with_schema else None) == []
    assert changes(new, old, SCHEMA if with_schema else None) == []


OTHER = {
    "another redaction": (
        "role a\nallow read on people.email\n",
        "role a\nallow read on people.email with redaction = domain\n",
    ),
    "other rows": (
        "role a\nallow read on people.name where people.state = 'CA'\n",
        "role a\nallow read on people.name where people.state in ('CA', 'NY')\n",
    ),
    "another purpose": (
        "role a\nallow read on people.name for marketing\n",
        "role a\nallow read on people.name for essential\n",
    ),
    "a later end": (
        "role a\nallow read on people.name until 2026-01-31\n",
        "role a\nallow read on people.name until 2027-01-31\n",
    ),
    "another budget": (
        "role a\nallow read on people.name budget 5 per minute\n",
        "role a\nallow read on people.name budget 50 per minute\n",
    ),
    "another connection": (
        "role a\nallow read on people.name through connection b\n",
        "role a\nallow read on people.name through connection c\n",
    ),
    "a ceiling lifted": (
        "role a\nallow read on people.ssn with redaction = plain_text\n",
        "role a\nallow read on people.ssn with redaction = plain_text unsafe\n",
    ),
    "a deny": ("role a\nallow read on people.*\n", "role a\nallow read on people.*\ndeny read on people.ssn\n"),
    "a deny of what another role allows": (
        "role a\nallow read on people.name\n",
        "role a\nallow read on people.name\ndeny read on people.ssn\n",
    ),
    "a missing attribute": (
        "role a\nallow read on people.name where people.state = 'CA'\n",
        "role a\nallow read on people.name where people.state = 'CA'\n"
        "    or people.state = 'CA' and people.email = caller.mail\n",
    ),
    "a condition on what no record is of": (
        "role a\nallow update on people.name\ndeny insert on people.name where people.state = 'CA'\n",
        "role a\nallow update on people.name\n",
    ),
    "another attribute": (
        "role a\nallow read on people.name where people.state = caller.state\n",
        "role a\nallow read on people.name where people.state = caller.home\n",
    ),
    "a text and an attribute of that name": (
        "role a\nallow read on people.name where people.email = caller.mail\n",
        "role a\nallow read on people.name where people.email = 'mail'\n",
    ),
    "records that are deleted": (
        "role a\nallow delete on *\n",
        "role a\nallow delete on orders.*\n",
    ),
    "a promise": ("deny use of user for marketing\n", "deny use of user.contact for marketing\n"),
    "consent": ("require consent 'a' for marketing\n", "require consent 'b' for marketing\n"),
    "a limit": ("limit plain_text of user to connections\n", "limit masked of user to connections\n"),
}


@pytest.mark.parametrize("with_schema", [True, False], ids=["schema", "no schema"])
@pytest.mark.parametrize("what", OTHER)
def test_another_meaning_is_a_change(what: str, with_schema: bool) -> None:
    old, new = OTHER[what]
    assert changes(old, new, SCHEMA if with_schema else None)


def test_a_value_in_another_form_is_no_change_where_the_type_is_known() -> None:
    old = "role a\nallow read on people.name where people.state = 'CA'\n"
    new = "role a\nallow read on people.name where people.state = 'California'\n"
    assert changes(old, new) == [] and changes(old, new, None)


def test_a_ceiling_hides_a_change_that_shows_nothing_more() -> None:
    old = "role a\nallow read on people.ssn with redaction = last_four\n"
    new = "role a\nallow read on people.ssn with redaction = plain_text\n"
    assert changes(old, new) == [] and changes(old, new, None)


def test_a_gain_names_role_action_column_redaction_rows_and_rule() -> None:
    new = OLD.replace("masked where", "plain_text where")
    (change,) = changes(OLD, new)
    assert (change.gained, change.role, change.actions) == (True, "desk", ("read",))
    assert change.places == ("people.name", "people.email")
    assert (change.words.redaction, change.words.rows, change.at) == ("plain_text", "people.state = 'CA'", "new:3")


def test_a_deny_that_goes_is_named_as_what_no_longer_hits() -> None:
    old = "role a\nallow read on people.*\ndeny read on people.ssn\n"
    found = changes(old, "role a\nallow read on people.*\n")
    assert [(c.what, c.gained, c.why) for c in found] == [
        ("allow", True, "no longer denied by old:3"),
        ("deny", True, ""),
    ]


def test_a_role_that_comes_or_goes_stands_where_it_is_written() -> None:
    one, two = "role a\nallow read on people.name\n", "\nrole b\nallow read on people.name\n"
    found = [c for c in changes(one, two) if c.what == "role"]
    assert {(c.role, c.gained, c.at) for c in found} == {("a", False, "old:1"), ("b", True, "new:2")}


def test_a_role_that_goes_is_named() -> None:
    found = changes("role a\nallow read on people.name\n", "role b\n")
    assert {(c.role, c.what, c.gained) for c in found} == {("a", "role", False), ("a", "allow", False)}


def test_a_promise_is_everybodys() -> None:
    (change,) = changes("", "deny use of user for marketing\n")
    assert (change.role, change.gained, change.what) == (EVERYBODY, False, "promise")


@pytest.mark.parametrize(
    ("promise", "places"),
    [
        ("deny use of user.name, user.contact for marketing, essential", ("user.name", "user.contact")),
        ("limit plain_text of user.name to connections", ("user.name",)),
        ("require consent 'news' for marketing, essential", ("news",)),
    ],
)
def test_the_places_of_a_promise_are_what_it_is_about(promise: str, places: tuple[str, ...]) -> None:
    (change,) = changes("", promise)
    assert change.places == places


def test_a_condition_that_is_too_large_is_shown_as_a_change_that_may_be_none() -> None:
    rows = [f"people.email = 'n{at}@example.com'" for at in range(400)]
    old = f"role a\nallow read on people.name where {' or '.join(rows)}\n"
    new = f"role a\nallow read on people.name where {' or '.join(reversed(rows))}\n"
    found = changes(old, new)
    assert found and not any(change.sure for change in found)
    assert "cannot tell" in sentence(found[0])
    assert changes(old, old) == []


def test_a_long_list_of_values_is_compared_as_one() -> None:
    values = [f"'n{at}@example.com'" for at in range(5_000)]
    old = f"role a\nallow read on people.name where people.email in ({', '.join(values)})\n"
    new = f"role a\nallow read on people.name where people.email in ({', '.join(reversed(values))})\n"
    assert changes(old, new) == []


def test_text_is_narrow_and_says_who_gains_and_loses() -> None:
    shown = changes_text(changes(OLD, "role desk\nallow read on people.* with redaction = plain_text\n"))
    assert max(map(len, shown.splitlines())) <= 100
    assert "role desk\n" in shown and "  + may read" in shown and "  - may no longer tokenize" in shown


def test_no_changes_are_no_text() -> None:
    assert changes_text([]) == ""


def test_what_a_deny_of_a_part_in_another_role_would_spare_is_a_change() -> None:
    old = "role a\nallow read on people.email with redaction = plain_text\nrole b\ndeny read on people.email.domain\n"
    new = old.replace("role b", "allow read on people.email with redaction = redacted\nrole b")
    assert [(change.role, change.words.redaction) for change in changes(old, new)] == [("a", "redacted")]
