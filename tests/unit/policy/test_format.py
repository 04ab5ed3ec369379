"""The canonical text: golden pairs, published forms, comments, and trees that no text can say."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path

import pytest

from privet.errors import InvalidPolicy
from privet.policy.clauses import CLAUSES
from privet.policy.format import WIDTH, promise_line, rule_lines, write
from privet.policy.parse import parse
from privet.policy.promises import VOWS
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Budget, DenyUse, Policy, Role, Rule, Target
from privet.vocabulary.access import Purpose
from privet.vocabulary.predicate import CONSENT, NEVER, And, Compare, In, Predicate

GOLDEN = Path(__file__).parents[2] / "golden" / "policies"
PAIRS = sorted(GOLDEN.glob("*.policy"))


def published() -> list[tuple[str, str]]:
    """Return (rule as published, canonical rule)."""
    blocks = (GOLDEN / "published.txt").read_text(encoding="utf-8").strip().split("\n\n")[1:]
    found = []
    for block in blocks:
        address, _, rule, canonical = block.split("\n")
        assert address.startswith("https://")
        found.append((rule, canonical.removeprefix("=> ")))
    return found


@pytest.mark.parametrize("path", PAIRS, ids=[path.stem for path in PAIRS])
def test_a_policy_has_the_canonical_form_that_stands_beside_it(path: Path) -> None:
    """Written anew by `PRIVET_GOLDEN=write`."""
    policy = parse(path.read_text(encoding="utf-8"), path.name)
    text = write(policy)
    canonical = path.with_suffix(".canonical")
    if os.environ.get("PRIVET_GOLDEN") == "write":
        canonical.write_text(text, encoding="utf-8")
    assert text == canonical.read_text(encoding="utf-8")
    assert parse(text) == policy
    assert write(parse(text)) == text


def test_there_are_golden_policies() -> None:
    assert len(PAIRS) >= 5


@pytest.mark.parametrize(("rule", "canonical"), published(), ids=[rule for rule, _ in published()])
def test_a_published_rule_is_read_as_it_stands(rule: str, canonical: str) -> None:
    read = parse(f"role r\n{rule}").roles[0].rules[0]
    assert " ".join(line.strip() for line in rule_lines(read)) == canonical
    assert parse(f"role r\n{canonical}").roles[0].rules[0] == read


def test_the_built_in_roles_can_be_written_and_read() -> None:
    text = write(BUILT_IN)
    assert parse(text, version=BUILT_IN.version) == BUILT_IN
    assert "# sees every column under its default mask\nrole viewer\n" in text
    assert {role.name: role.about for role in parse(text).roles} == {role.name: role.about for role in BUILT_IN.roles}


def test_no_comment_is_lost() -> None:
    text = (GOLDEN / "comments.policy").read_text(encoding="utf-8")
    comments = [line[line.index("#") :].strip() for line in text.split("\n") if "#" in line]
    written = write(parse(text))
    assert len(comments) == written.count("#")
    assert [comment for comment in comments if comment not in written] == []


def test_a_policy_that_says_nothing_keeps_its_comments() -> None:
    assert write(parse("")) == ""
    assert write(parse("\n\n# later\n\n\n# or never")) == "# later\n\n# or never\n"


def test_rules_for_several_roles_stand_once_and_in_the_order_of_the_text() -> None:
    text = "allow audit to b\nallow manage to a, b\nallow audit to a\n"
    policy = parse(text)
    assert [role.name for role in policy.roles] == ["a", "b"]
    assert [len(role.rules) for role in policy.roles] == [2, 2]
    assert policy.roles[0].rules[0] is policy.roles[1].rules[1]
    assert write(policy) == text


def test_the_order_of_rules_made_by_hand_agrees_with_each_role() -> None:
    first, second = (Rule(effect="allow", actions=(a,), redaction="", roles=("a", "b")) for a in ("audit", "manage"))
    policy = Policy("", (Role("a", "", (first, second, second)), Role("b", "", (first, second, second))))
    assert write(policy).splitlines() == ["allow audit to a, b", *["allow manage to a, b"] * 2]
    with pytest.raises(InvalidPolicy, match="each role"):
        write(Policy("", (Role("a", "", (first, second)), Role("b", "", (second, first)))))
    with pytest.raises(InvalidPolicy, match="each role"):
        write(Policy("", (Role("a", "", (first,)),)))


def test_no_line_of_a_long_rule_is_wider_than_the_page() -> None:
    columns = tuple(Target("customers", f"column_{at}") for at in range(40))
    lines = rule_lines(Rule(effect="allow", actions=("read",), targets=columns, redaction="masked"))
    assert len(lines) > 5
    assert all(len(line) <= WIDTH for line in lines)


def test_a_rule_is_one_line_while_it_fits_and_each_line_of_a_longer_one_is_filled() -> None:
    def lines(*names: str) -> list[str]:
        columns = tuple(Target("customers", name) for name in names)
        return rule_lines(Rule(effect="allow", actions=("read",), targets=columns, redaction=""))

    short = "allow read on customers.a, customers."
    fits = "b" * (WIDTH - len(short))
    assert lines("a", fits) == [short + fits]
    assert lines("a", fits + "b") == ["allow read on customers.a,", f"    customers.{fits}b"]
    full = lines("a", "b" * 62, "c")
    assert full == [f"allow read on customers.a, customers.{'b' * 62},", "    customers.c"] and len(full[0]) == WIDTH
    many = lines(*("b" * (at % 9 + 1) for at in range(60)))
    assert len(many) > 5 and many[0].startswith("allow read on customers.b,")
    assert all(len(line) <= WIDTH for line in many)
    for line, following in pairwise(many):
        assert len(line) + 1 + len(following.split()[0]) > WIDTH


def test_each_clause_of_a_long_rule_stands_on_a_line_of_its_own() -> None:
    text = (
        "allow detokenize on customers.first_name, customers.last_name, customers.email, customers.phone, "
        "customers.born where customers.state = 'CA' for essential.service budget 10 per day until 2031-01-31"
    )
    assert rule_lines(parse(f"role r\n{text}").roles[0].rules[0]) == [
        "allow detokenize on customers.first_name, customers.last_name, customers.email, customers.phone,",
        "    customers.born",
        "    where customers.state = 'CA'",
        "    for essential.service",
        "    budget 10 per day",
        "    until 2031-01-31",
    ]


def test_what_a_role_made_by_hand_is_about_becomes_a_comment() -> None:
    rule = Rule(effect="allow", actions=("audit",), redaction="")
    assert write(Policy("", (Role("r", "one\ntwo", (rule,)), Role("s", "", ())))) == (
        "# one\n# two\nrole r\nallow audit\n\nrole s\n"
    )


def test_a_moment_is_written_as_a_date_where_it_is_the_first_of_its_day() -> None:
    for moment, text in (
        (datetime(2027, 1, 31, tzinfo=UTC), "2027-01-31"),
        (datetime(2027, 1, 31, 2, tzinfo=timezone(timedelta(hours=2))), "2027-01-31"),
        (datetime(2027, 1, 31, 18, tzinfo=UTC), "2027-01-31T18:00:00Z"),
    ):
        rule = Rule(effect="allow", actions=("audit",), redaction="", until=moment)
        assert rule_lines(rule) == [f"allow audit until {text}"]
        assert parse(f"role r\n{rule_lines(rule)[0]}").roles[0].rules[0].until == moment


def test_a_condition_is_written_with_the_least_parentheses_that_keep_its_tree() -> None:
    for text in (
        "t.a = 1 and (t.b = 2 or t.c = 3)",
        "t.a = 1 and t.b = 2 or t.c = 3",
        "(t.a = 1 or t.b = 2) or t.c = 3",
        "(t.a = 1 and t.b = 2) and t.c = 3",
        "not (t.a = 1 and t.b = 2)",
        "not t.a = 1 and not not t.b = 2",
        "not (t.a = 1 or t.b = 2)",
        "t.a not in (1, 'x', true, false)",
        "t.id not in queue('desk')",
        "not consent('news')",
        "t.a is null and t.b is not null",
        "t.a before date '2020-02-29' or t.a < '2020-02-30' or t.a after date '2020-02-29'",
        "t.a <= '2020-02-29'",
        "t.a.year >= caller.first_year",
    ):
        line = f"allow read on t.* where {text}"
        assert " ".join(piece.strip() for piece in rule_lines(parse(f"role r\n{line}").roles[0].rules[0])) == line


CONDITIONS: dict[str, Predicate] = {
    "one item": And((Compare("a", "=", 1),)),
    "never": NEVER,
    "bytes": Compare("a", "=", b"x"),
    "float": Compare("a", "=", 1.5),
    "no values": In("a", ()),
    "line break": Compare("a", "=", "x\ny"),
    "quote in a name": Compare('a"b', "=", 1),
    "empty name": Compare("a..b", "=", 1),
}


@pytest.mark.parametrize("where", CONDITIONS.values(), ids=CONDITIONS)
def test_a_condition_that_no_text_can_say_is_refused(where: Predicate) -> None:
    with pytest.raises(InvalidPolicy):
        rule_lines(Rule(effect="allow", actions=("read",), targets=(Target("t"),), where=where))


RULES: dict[str, dict[str, object]] = {
    "a condition on columns of several tables": {
        "targets": (Target("t"), Target("u")),
        "where": Compare("a", "=", 1),
    },
    "a category within a table": {"targets": (Target("t", label="user"),)},
    "a part of every column": {"targets": (Target("t", part="year"),)},
    "a budget of seven seconds": {"budget": Budget(1, 7)},
    "a budget of nothing": {"budget": Budget(0)},
}


@pytest.mark.parametrize("given", RULES.values(), ids=RULES)
def test_a_rule_that_no_text_can_say_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(InvalidPolicy):
        rule_lines(Rule(effect="allow", actions=("read",), **given))  # type: ignore[arg-type]


def test_a_condition_that_names_no_column_needs_no_table() -> None:
    rule = Rule(effect="allow", actions=("read",), redaction="", where=Compare(CONSENT, "=", "news"))
    assert rule_lines(rule) == ["allow read on * where consent('news')"]


def test_moments_are_written_in_utc() -> None:
    rule = Rule(effect="allow", actions=("audit",), redaction="", until=datetime(2027, 1, 31, 0, 0, 1, 5, UTC))
    assert rule_lines(rule) == ["allow audit until 2027-01-31T00:00:01.000005Z"]


def test_a_promise_is_one_line() -> None:
    promise = DenyUse(labels=("user",), purposes=(Purpose("marketing"),), subjects=("customer",))
    assert promise_line(promise) == "deny use of user for marketing about customer"


PAGE = Path(__file__).parents[3] / "docs" / "howto" / "policy.md"


def test_the_page_on_policies_shows_a_canonical_one() -> None:
    shown = PAGE.read_text(encoding="utf-8").split("```text\n")[1].split("```")[0]
    assert write(parse(shown)) == shown
    assert shown == (GOLDEN / "support.policy").read_text(encoding="utf-8")


def test_the_page_on_policies_gives_the_form_of_every_clause_and_promise() -> None:
    page = PAGE.read_text(encoding="utf-8")
    forms = [clause.form for clause in CLAUSES.all()] + [vow.form for vow in VOWS.all()]
    assert [form for form in forms if form not in page] == []
