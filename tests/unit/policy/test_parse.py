"""What a text means, and what is said of one that means nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from privet.errors import InvalidInput, InvalidPolicy
from privet.policy.clauses import CLAUSES
from privet.policy.clauses._words import KEYWORDS, RESERVED, STARTERS, redactions
from privet.policy.parse import parse
from privet.policy.promises import VOWS
from privet.policy.syntax import Budget, DenyUse, Limit, RequireConsent, Rule, Target
from privet.vocabulary.access import ACTIONS, Purpose
from privet.vocabulary.predicate import ALWAYS, CONSENT, QUEUE, And, Attribute, Compare, In, Not, Or, Predicate


def rule(text: str) -> Rule:
    return parse(f"role r\n{text}").roles[0].rules[0]


def faults(text: str, file: str = "") -> list[tuple[str, str, str]]:
    with pytest.raises(InvalidPolicy) as caught:
        parse(text, file)
    return [(fault.at, str(fault.message), fault.hint) for fault in caught.value.faults]


# --- what texts mean ----------------------------------------------------------------------------------------

TARGETS = {
    "*": Target(),
    "customers.*": Target("customers"),
    "customers.email": Target("customers", "email"),
    "customers.phones.*": Target("customers", "phones"),
    "customers.phone.area": Target("customers", "phone", part="area"),
    "customers.notes.home.city": Target("customers", "notes", part="home.city"),
    "user.contact": Target(label="user.contact"),
    "user": Target(label="user"),
    "SYSTEM": Target(label="system"),
    '"user".contact': Target("user", "contact"),
    '"first table"."a column".*': Target("first table", "a column"),
    "limit.where": Target("limit", "where"),
}


@pytest.mark.parametrize(("text", "target"), TARGETS.items(), ids=TARGETS)
def test_a_target_means(text: str, target: Target) -> None:
    assert rule(f"allow read on {text}").targets == (target,)


def test_actions_and_their_published_spellings() -> None:
    said = rule("ALLOW Read, create, TOKENIZATION, detokenization, manage on *").actions
    assert said == ("read", "insert", "tokenize", "detokenize", "manage")
    everything = rule("allow all on *").actions
    assert set(ACTIONS) - set(everything) == {"manage", "audit", "request"}


def test_only_verbs_that_published_rules_leave_without_tables_need_none() -> None:
    assert rule("allow tokenization").targets == (Target(),)
    assert rule("deny manage, audit").targets == (Target(),)
    assert faults("role r\nallow read, tokenize")[0][:2] == ("2:21", "expected `on`, found the end")


CONDITIONS: dict[str, Predicate] = {
    "t.a = 'it''s'": Compare("a", "=", "it's"),
    "t.a = ‘it's’": Compare("a", "=", "it's"),
    "t.a <> -5": Compare("a", "!=", -5),
    "t.a >= 1.50": Compare("a", ">=", "1.50"),
    "t.a = 007": Compare("a", "=", "007"),
    "t.a = TRUE": Compare("a", "=", True),
    "t.a is null": Compare("a", "=", None),
    "t.a is not null": Compare("a", "!=", None),
    "t.a before date '2020-02-29'": Compare("a", "<", "2020-02-29"),
    "t.a after date '2020-02-29'": Compare("a", ">", "2020-02-29"),
    "t.a.year in (1990, '1991')": In("a.year", (1990, "1991")),
    "t.a not in ('x')": Not(In("a", ("x",))),
    "t.id in queue('desk')": Compare(QUEUE, "=", "desk"),
    "consent('news')": Compare(CONSENT, "=", "news"),
    "t.a = caller.region": Compare("a", "=", Attribute("region")),
    "caller.level < t.a": Compare("a", ">", Attribute("level")),
    "caller.level <= t.a": Compare("a", ">=", Attribute("level")),
    "caller.level > t.a": Compare("a", "<", Attribute("level")),
    "caller.level >= t.a": Compare("a", "<=", Attribute("level")),
    "caller.level = t.a": Compare("a", "=", Attribute("level")),
    "caller.level.of.desk != t.a": Compare("a", "!=", Attribute("level.of.desk")),
    "t.a < 1 and t.b <= 2 and t.c > 3": And((Compare("a", "<", 1), Compare("b", "<=", 2), Compare("c", ">", 3))),
    "t.a = 1 or t.b = 2 and not t.c = 3": Or(
        (Compare("a", "=", 1), And((Compare("b", "=", 2), Not(Compare("c", "=", 3)))))
    ),
    "(t.a = 1 or t.b = 2) and t.c = 3": And((Or((Compare("a", "=", 1), Compare("b", "=", 2))), Compare("c", "=", 3))),
}


@pytest.mark.parametrize(("text", "condition"), CONDITIONS.items(), ids=CONDITIONS)
def test_a_condition_means(text: str, condition: Predicate) -> None:
    assert rule(f"allow read on t.* where {text}").where == condition


def test_clauses_stand_in_any_order() -> None:
    said = rule(
        "allow detokenize on t.a until 2027-01-31 unsafe budget 10 per day through connection bank "
        "for essential, marketing where t.b = 1 with redaction = LAST_FOUR"
    )
    assert said == Rule(
        effect="allow",
        actions=("detokenize",),
        targets=(Target("t", "a"),),
        redaction="last_four",
        where=Compare("b", "=", 1),
        purposes=(Purpose("essential"), Purpose("marketing")),
        connection="bank",
        budget=Budget(10, 86_400),
        until=datetime(2027, 1, 31, tzinfo=UTC),
        unsafe=True,
    )


def test_a_rule_that_says_nothing_more_leaves_the_rest_to_the_action() -> None:
    said = rule("allow read on t.a")
    assert (said.redaction, said.where, said.purposes, said.unsafe) == ("", ALWAYS, (), False)


def test_a_redaction_may_stand_in_quotes_and_the_published_default_is_the_mask() -> None:
    assert rule('allow read on t.a with redaction = "last_four"').redaction == "last_four"
    assert rule("allow read on t.a with redaction = DEFAULT").redaction == "masked"


def test_moments_are_taken_to_utc() -> None:
    assert rule("allow audit until 2027-01-31t18:00:00.5+02:00").until == datetime(2027, 1, 31, 16, 0, 0, 500_000, UTC)


def test_rules_outside_a_block_are_among_those_of_each_role_they_name() -> None:
    policy = parse("allow audit to b, a\nrole b\nallow manage")
    b, a = policy.roles
    assert (b.name, a.name) == ("b", "a")
    assert [rule.actions for rule in b.rules] == [("manage",), ("audit",)]
    assert a.rules == b.rules[1:]
    assert a.rules[0].roles == ("b", "a")


def test_promises() -> None:
    policy = parse(
        "deny use of user.financial, user.contact for marketing about customer, patient\n"
        "require consent 'news' for marketing.communications; limit PLAIN_TEXT of user to connections"
    )
    assert policy.promises == (
        DenyUse(
            labels=("user.financial", "user.contact"),
            purposes=(Purpose("marketing"),),
            subjects=("customer", "patient"),
        ),
        RequireConsent(key="news", purposes=(Purpose("marketing.communications"),)),
        Limit(redaction="plain_text", labels=("user",)),
    )


def test_a_promise_ends_the_block_of_a_role() -> None:
    policy = parse("role r\nallow audit\nlimit masked of user to connections\nallow manage to s")
    assert [role.name for role in policy.roles] == ["r", "s"]


def test_a_comment_right_above_a_role_says_what_it_is_about() -> None:
    policy = parse("# a heading\n\n# who answers\n# the telephone\nrole r\n# next\n\nrole s")
    assert [role.about for role in policy.roles] == ["who answers the telephone", ""]


def test_nodes_know_where_they_stand() -> None:
    text = "# é\r\nrole r\r\n  allow read on t.a,\r\n    t.b; limit masked of user to connections"
    policy = parse(text)
    said = policy.roles[0].rules[0]
    assert text[said.span.start : said.span.end] == "allow read on t.a,\r\n    t.b"
    assert (said.span.line, said.span.column) == (3, 3)
    second = said.targets[1].span
    assert (text[second.start : second.end], second.line, second.column) == ("t.b", 4, 5)
    assert (policy.roles[0].span.line, policy.promises[0].span.column) == (2, 10)


def test_the_version_is_what_the_caller_says() -> None:
    assert parse("", version="7").version == "7"


# --- what is said of texts that mean nothing ----------------------------------------------------------------


def test_five_faults_in_five_rules_are_five_faults() -> None:
    text = """role support
allow raed on people.name
allow read people.name
allow read on people.name with redaction = maskd
allow read on people.name where people.state = CA
allow read on user.contct for markting
"""
    assert faults(text, "support.policy") == [
        ("support.policy:2:7", "expected an action, found another word", "did you mean `read`?"),
        ("support.policy:3:12", "expected `on`, found another word", "`on *` is every column of every table"),
        (
            "support.policy:4:44",
            "expected a redaction that a type lists, found none of that name",
            "did you mean `masked`?",
        ),
        ("support.policy:5:48", "expected a literal, found another word", "texts stand in single quotes"),
        (
            "support.policy:6:15",
            "expected a category of the taxonomy, found none of that name",
            "did you mean `user.contact` or `user.content`?",
        ),
        (
            "support.policy:6:31",
            "expected a purpose of the taxonomy, found none of that name",
            "did you mean `marketing`?",
        ),
    ]


def test_the_error_is_the_first_fault_and_holds_them_all() -> None:
    with pytest.raises(InvalidPolicy) as caught:
        parse("alow\nrole\n", "x.policy")
    error = caught.value
    assert isinstance(error, InvalidInput)
    assert error.code == "invalid_policy"
    assert str(error) == (
        "x.policy:1:1: expected `role`, `allow`, `deny`, `require`, `limit`, `erase` or `keep`, found another word"
    )
    assert error.hint == "did you mean `allow`?"
    assert [fault.at for fault in error.faults] == ["x.policy:1:1", "x.policy:3:1"]


FAULTS = {
    "allow": "expected an action, found the end",
    "allow read, read on *": "expected each action once, found one twice",
    "allow all, read on *": "expected each action once, found one twice",
    "allow read on people": "expected `.` and a column, found the end",
    "allow read on people.": "expected the name of a column or part, or `*`, found the end",
    "allow read on user.*": "expected a category, found `.`",
    "allow read on user.contact.*": "expected a category, found `.`",
    'allow read on "a.b".c': "expected a name of 1 to 63 characters without dots, quotes and line breaks",
    'allow read on "".c': "expected a name of 1 to 63 characters without dots, quotes and line breaks",
    "allow read on 'a'.b": "expected a column, a category or `*`, found a text",
    "allow read on *,": "expected a column, a category or `*`, found the end",
    "allow read on t.a unsafe unsafe": "expected each clause once, found `unsafe` twice",
    "allow read on t.a with masked": "expected `redaction`, found another word",
    "allow read on t.a for": "expected a purpose, found the end",
    'allow read on t.a for "marketing"': "expected a purpose, found a name in quotes",
    "deny use of for marketing": "expected a category, found `for`",
    "allow read on t.a through bank": "expected `connection`, found another word",
    "allow read on t.a through connection where": "expected the name of a connection, found `where`",
    "allow read on t.a budget 0 per day": "expected a whole number from 1 to 999,999,999, found a number",
    "allow read on t.a budget 1.5 per day": "expected a whole number from 1 to 999,999,999, found a number",
    "allow read on t.a budget 1000000000 per day": "expected a whole number from 1 to 999,999,999, found a number",
    "allow read on t.a budget x per day": "expected a whole number from 1 to 999,999,999, found another word",
    "allow read on t.a budget 10 a day": "expected `per`, found another word",
    "allow read on t.a budget 10 per week": "expected `second`, `minute`, `hour` or `day`, found another word",
    "allow read on t.a until tomorrow": "expected a date (`2027-01-31`) or a moment (`2027-01-31T18:00:00Z`), "
    "found another word",
    "allow read on t.a until 2027-02-30": "expected a date (`2027-01-31`) or a moment (`2027-01-31T18:00:00Z`), "
    "found one that no calendar has",
    "allow read on t.a until 2027-02-03T10:00:00": "expected a date (`2027-01-31`) or a moment "
    "(`2027-01-31T18:00:00Z`), found one without its zone",
    "allow read on t.a until 0001-01-01T00:00:00+14:00": "expected a date (`2027-01-31`) or a moment "
    "(`2027-01-31T18:00:00Z`), found one that no calendar has",
    f'allow read on {"a" * 64}.b, "{"a" * 64}".c': "expected a name of 1 to 63 characters without dots, quotes and "
    "line breaks",
    "allow read on t.a to s": "a rule below a `role` line says no `to`",
    "deny read on t.a unsafe": "a rule that denies says no `unsafe`",
    "deny read on t.a with redaction = masked": "a rule that denies says no `with`",
    "deny read on t.a budget 1 per day": "a rule that denies says no `budget`",
    "allow read on t.a where": "expected a column, as in `table.column`, found the end",
    "allow read on t.a where a = 1": "expected `.`, found `=`",
    "allow read on t.a where u.a = 1": "expected a column of the rule's table, found one of another",
    "allow read on t.a, u.a where t.a = 1": "expected targets of one table where a condition names columns, "
    "found others",
    "allow read on user where t.a = 1": "expected targets of one table where a condition names columns, found others",
    "allow read on t.a where t.a": "expected a comparison (`=`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `is`, `before`, "
    "`after`), found the end",
    "allow read on t.a where t.a = t.b": "expected a literal, found another word",
    "allow read on t.a where t.a = null": "expected a literal, found `null`",
    "allow read on t.a where t.a in ()": "expected a literal, found `)`",
    "allow read on t.a where t.a in (caller.x)": "expected a literal, found `caller`",
    "allow read on t.a where t.a in queue('x')": "expected the `id` of the table before `in queue`, found another "
    "column",
    "allow read on t.a where t.id in queue(x)": "expected the name of a queue in quotes, found another word",
    "allow read on t.a where consent()": "expected the key of a consent in quotes, found `)`",
    "allow read on t.a where caller.a = caller.b": "expected a column of the rule's table, found one of another",
    "allow read on t.a where caller.a in (1)": "expected a comparison of the attribute with a column, found `in`",
    "allow read on t.a where t.a before '2020-01-01'": "expected `date`, found a text",
    "allow read on t.a where t.a before date '2020-13-01'": "expected a date as in '2020-01-31'",
    "allow read on t.a where t.a = " + "1" * 41: "expected a number of at most 40 digits",
    "allow read on t.a where " + "(" * 65: "expected at most 64 levels of `not` and parentheses",
    "allow read on t.a where " + "not " * 65: "expected at most 64 levels of `not` and parentheses",
    "allow read on t.a where (t.a = 1": "expected `)`, found the end",
    "allow read on t.a where t.a = 1 t": "expected a clause or the next rule, found another word",
    "allow read on t.a where t.a = 'x": "expected a literal, found a quote that nothing closes on its line",
    "allow read on t.a wehre t.a = 1": "expected a clause or the next rule, found another word",
    "allow read on t.a @": "expected a clause or the next rule, found a sign that the language lacks",
    "role r": "expected each role once, found one twice",
    "role allow": "expected the name of a role, found `allow`",
    "role s to": "expected the end of the statement, found `to`",
    "deny use of marketing for marketing": "expected a category of the taxonomy, found none of that name",
    "deny use of user for marketing about cutsomer": "expected a subject category of the taxonomy, found none of that "
    "name",
    "require consent news for marketing": "expected the key of a consent in quotes, found another word",
    "limit masked of user": "expected `to`, found the end",
    "allow audit to r, r": "expected each role once, found one twice",
    "allow audit\u202e": "expected no control characters, found one that hides text",
    "allow audit # x\rdeny audit": "expected no control characters, found one that hides text",
}


@pytest.mark.parametrize(("text", "message"), FAULTS.items(), ids=[text[:60] for text in FAULTS])
def test_a_fault_says_what_was_expected(text: str, message: str) -> None:
    assert faults(f"role r\n{text}")[0][1] == message


def test_the_deepest_condition_is_read() -> None:
    said = rule("allow read on t.a where " + "(" * 32 + "not " * 32 + "t.a = 1" + ")" * 32)
    assert isinstance(said.where, Not)


def test_numbers_and_names_of_the_greatest_length_are_read() -> None:
    assert rule("allow read on t.a budget 999999999 per second").budget == Budget(999_999_999, 1)
    assert rule("allow read on t.a budget 01 per hour").budget == Budget(1, 3600)
    assert rule(f"allow read on t.a where t.a = -{'1' * 40}").where == Compare("a", "=", -int("1" * 40))
    assert rule(f'allow read on "{"a" * 63}".b').targets == (Target("a" * 63, "b"),)


def test_only_a_plain_whole_number_is_one() -> None:
    for text, value in (("0", 0), ("-0", "-0"), ("10", 10), ("-10", -10), ("01", "01"), ("1.0", "1.0"), ("-01", "-01")):
        assert rule(f"allow read on t.a where t.a = {text}").where == Compare("a", "=", value)


def test_after_many_faults_nothing_near_is_looked_for() -> None:
    hints = [hint for _, _, hint in faults("allow raed\n" * 120)]
    assert hints == ["did you mean `read`?"] * 100 + [""] * 20


def test_what_is_near_is_said_whatever_the_case_and_at_most_two() -> None:
    assert faults("ALLWO audit")[0][2] == "did you mean `allow`?"
    two = faults("role r\nallow read on user.contct")[0][2]
    assert two == "did you mean `user.contact` or `user.content`?"


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("allow x\nallow y", ["2:7", "3:7"]),
        ("allow x; allow y", ["2:7", "2:16"]),
        ("allow x allow y", ["2:7"]),
        ("allow x\non t.allow\nallow y", ["2:7", "4:7"]),
        ("allow x\non t.\nallow y", ["2:7"]),
        ("allow x\nrole\nallow y", ["2:7", "4:1", "4:7"]),
        ("x\nrole", ["2:1", "3:5"]),
    ],
)
def test_after_a_fault_reading_goes_on_at_the_next_statement(text: str, places: list[str]) -> None:
    found = [at for at, _, _ in faults(f"role r\n{text}")]
    assert found == places


def test_a_rule_of_no_role_is_refused() -> None:
    assert faults("allow audit") == [
        (
            "1:1",
            "expected a rule of some role, found one of none",
            "a rule stands below a `role` line, or names its roles with `to`",
        )
    ]


def test_the_vault_before_a_table_is_known_by_the_condition_alone() -> None:
    assert rule("allow read on shop.t.* where t.a = 1").targets == (Target("t"),)
    assert rule("allow read on shop.t.*").targets == (Target("shop", "t"),)
    for text in (
        "allow read on shop.t where t.a = 1",
        "allow read on shop.t.*, shop.u.* where t.a = 1",
        "allow read on shop.t.* where shop.a = 1 and t.a = 1",
        "allow read on shop.t.* where t.a = 1 and shop.a = 1",
    ):
        assert faults(f"role r\n{text}")


@pytest.mark.parametrize(
    "text",
    [
        "allow read on t.a where t.a = 078-05-1120",
        "allow read on t.a where t.a = ann@example.com",
        "allow read on ann@example.com",
        "allow read on t.a where t.a before date 'Ann Example'",
        "allow ann_example on t.a",
        "allow read on t.a for ann_example with redaction = ann_example",
        "ann_example",
        "allow read on t.a where t.a = 'ann@example.com",
    ],
)
def test_no_fault_repeats_what_was_written(text: str) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        parse(f"role r\n{text}", "x.policy")
    told = " ".join(f"{fault} {fault.hint}" for fault in (caught.value, *caught.value.faults))
    assert not any(secret in told for secret in ("078", "1120", "ann", "Ann"))


def test_a_fault_that_has_no_next_step_hints_at_none() -> None:
    assert faults("role r\nallow read, read on *") == [("2:13", "expected each action once, found one twice", "")]
    assert faults("role r\nallow audit to")[0][2] == ""
    assert faults("role r\nallow zzzzzz")[0][2] == "", "nothing is near"


def test_faults_have_an_end() -> None:
    assert len(faults("allow\n" * 5_000)) == 1_000


# --- the shelves --------------------------------------------------------------------------------------------


def test_what_opens_a_clause_or_promise_is_a_keyword() -> None:
    assert {clause.opens for clause in CLAUSES.all()} <= RESERVED
    assert {vow.opens[0] for vow in VOWS.all()} <= set(STARTERS)
    assert {vow.opens[1] for vow in VOWS.all()} - {""} <= KEYWORDS


def test_clauses_are_told_apart_by_their_first_word_and_have_an_order() -> None:
    clauses = CLAUSES.all()
    assert len({clause.opens for clause in clauses}) == len({clause.order for clause in clauses}) == len(clauses) == 8
    assert all(clause.form.startswith(clause.opens) for clause in clauses)


def test_a_clause_and_a_promise_are_called_what_their_files_are_called() -> None:
    assert all(CLAUSES.get(clause.name) is clause for clause in CLAUSES.all())
    assert all(VOWS.get(vow.name) is vow for vow in VOWS.all())


def test_every_redaction_of_a_type_is_known() -> None:
    assert {"plain_text", "masked", "redacted", "last_four", "zip3"} <= redactions()


# --- places -------------------------------------------------------------------------------------------------------


def test_every_span_is_the_piece_of_the_text_that_its_node_was_read_from() -> None:
    pieces = (
        "role desk for marketing",
        "allow read on people.name, people.email.domain, user.contact with redaction = masked",
        "deny use of user for marketing",
        "require consent 'news' for marketing",
        "limit plain_text of user to connections",
    )
    text = f"\n  {pieces[0]}\n{pieces[1]} ;\n\n" + "\n".join(pieces[2:]) + "\n"
    found = parse(text)
    (role,) = found.roles
    nodes = (role, *role.rules, *found.promises)
    assert tuple(text[node.span.start : node.span.end] for node in nodes) == pieces
    targets = role.rules[0].targets
    assert [text[t.span.start : t.span.end] for t in targets] == ["people.name", "people.email.domain", "user.contact"]
    for span in (node.span for node in (*nodes, *targets)):
        before = text[: span.start].split("\n")
        assert (span.line, span.column) == (len(before), len(before[-1]) + 1)


@pytest.mark.parametrize("text", ["'text'", '"name"', "12", "2027-01-31", "'open", "?", "(", "*", "name", "true", "on"])
def test_a_statement_begins_with_a_word_that_begins_one(text: str) -> None:
    for before in ("", "role a\n", "role a\nallow read on *;\n"):
        with pytest.raises(InvalidPolicy) as caught:
            parse(before + text)
        assert len(caught.value.faults) == 1


def test_an_empty_line_between_statements_is_kept_in_a_text_without_comments() -> None:
    (role,) = parse("role a\nallow read on *\n\nallow insert on *\n\n\nallow update on *\nallow delete on *\n").roles
    assert [rule.notes.above for rule in role.rules] == [(), ("",), ("",), ()]


@pytest.mark.parametrize("target", ["people.name", "people.name.family", "people.*", "*", "user.contact"])
def test_the_first_word_of_a_condition_is_a_vault_only_where_all_targets_begin_with_one(target: str) -> None:
    for table in ("x", "vault", "family"):
        with pytest.raises(InvalidPolicy):
            parse(f"role a\nallow read on {target} where {table}.state = 'CA'\n")
