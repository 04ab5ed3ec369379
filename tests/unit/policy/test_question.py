"""What a question to explain leaves out, and what it says of several tables."""

from __future__ import annotations

from dataclasses import replace

from test_explain import NOW, SCHEMA, cell

from privet.policy.parse import parse
from privet.policy.review.explain import Matrix, Question, explain
from privet.policy.syntax import Limit, Policy
from privet.vocabulary.access import ACTIONS, Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field

ORDERS = Collection(name="orders", fields=(Field(name="note", type="text", labels=("user.content",)),))
BOTH = Dataset(key="shop", collections=(*SCHEMA.collections, ORDERS))


def asked(text: str, question: Question, *roles: str) -> Matrix:
    return explain(parse(text), roles or ("desk",), BOTH, replace(question, file="a.policy"))


def test_one_table_is_explained_where_one_is_asked_about() -> None:
    text = "role desk\nallow read, delete on *\n"
    assert {c.table for c in asked(text, Question()).cells} == {"people", "orders", ""}
    assert {c.table for c in asked(text, Question(table="orders")).cells} == {"orders", ""}
    some = asked(text, Question(table="orders", actions=("read", "audit"))).cells
    assert [(c.table, c.column, c.action) for c in some] == [("orders", "note", "read"), ("", "", "audit")]


def test_every_action_on_every_column_has_a_cell_and_deleting_one_of_the_whole_record() -> None:
    found = asked("role desk\nallow read on *\n", Question(table="people")).cells
    columns = ("name", "email", "ssn", "state")
    expected = [
        ("people", column, action)
        for action in ACTIONS
        if action not in ("delete", "manage", "audit", "request")
        for column in columns
    ]
    expected += [("people", "", "delete"), ("", "", "manage"), ("", "", "audit"), ("", "", "request")]
    assert sorted((c.table, c.column, c.action) for c in found) == sorted(expected)


def test_what_ends_now_has_ended_and_what_ends_later_has_not() -> None:
    text = "role desk\nallow read on people.name until 2026-06-01\nallow read on people.email until 2026-06-02\n"
    found = asked(text, Question(now=NOW))
    assert found.ended == ("a.policy:2: allow read (desk/1)",)
    assert (cell(found, "name").lines, len(cell(found, "email").lines)) == ((), 1)
    assert asked(text, Question()).ended == ()


def test_the_most_revealing_line_comes_first_whatever_the_order_of_rules() -> None:
    text = (
        "role desk\nallow read on people.email with redaction = domain where people.state = 'CA'\n"
        "allow read on people.email with redaction = masked where people.state = 'NY'\n"
        "allow read on people.email with redaction = plain_text where people.state = 'WA'\n"
    )
    shown = [line.words.redaction for line in cell(asked(text, Question()), "email").lines]
    assert shown == ["plain_text", "masked", "domain"]


def test_what_a_search_leaves_unsaid_is_the_whole_value_and_of_reading_the_mask() -> None:
    found = asked("role desk\nallow search on people.ssn\nallow read on people.name\n", Question())
    (search,), (read,) = cell(found, "ssn", "search").lines, cell(found, "name").lines
    assert (search.words.redaction, search.asked) == ("plain_text", "")
    assert (read.words.redaction, read.asked) == ("masked", "")


def test_a_broad_purpose_leaves_out_narrower_allows_and_keeps_narrower_denies() -> None:
    text = (
        "role desk\nallow read on people.name for marketing.advertising\nallow read on people.email\n"
        "deny read on people.email for marketing.advertising\n"
    )
    found = asked(text, Question(purpose=Purpose("marketing")))
    assert cell(found, "name").lines == ()
    (line,) = cell(found, "email").lines
    assert line.unless == ("denied for marketing.advertising by a.policy:4",)


def test_a_rule_for_several_purposes_counts_for_each() -> None:
    text = "role desk\nallow read on people.name for essential, marketing\n"
    for purpose, counts in (("essential", 1), ("marketing", 1), ("personalize", 0)):
        assert len(cell(asked(text, Question(purpose=Purpose(purpose))), "name").lines) == counts


def test_a_deny_for_other_purposes_than_a_line_is_for_is_left_out() -> None:
    text = "role desk\nallow read on people.name for marketing\ndeny read on people.name for essential\n"
    (line,) = cell(asked(text, Question()), "name").lines
    assert line.unless == ()


def test_a_role_that_shows_less_or_of_fewer_records_is_not_named_beside_one_that_shows_more() -> None:
    text = (
        "role desk\nallow read on people.email with redaction = plain_text\n"
        "role bills\nallow read on people.email with redaction = domain\n"
        "role sales\nallow read on people.email with redaction = plain_text where people.state = 'CA'\n"
        "role chief\nallow read on people.email with redaction = plain_text\n"
    )
    (line,) = cell(asked(text, Question(), "desk", "bills", "sales", "chief"), "email").lines
    assert (line.role, line.also) == ("desk", ("chief",))


def test_a_place_is_file_and_line_or_what_is_known_of_them() -> None:
    text = "role desk\n\nallow read on people.name\n"
    made = Policy("v", (), (Limit(redaction="plain_text", labels=("user",)),))
    assert cell(asked(text, Question()), "name").lines[0].rule == "a.policy:3"
    assert cell(explain(parse(text), ("desk",), BOTH), "name").lines[0].rule == "line 3"
    said = "limit plain_text of user to connections"
    assert explain(made, (), BOTH, Question(file="a.policy")).promises == (f"a.policy: {said}",)
    organization = Question(file="a.policy", promised=made.promises)
    assert explain(made, (), BOTH, organization).promises == (f"promises: {said}",)
