"""What explain says of a policy: each cell with the rule that decides it, and nothing that another line covers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest

from privet.policy.parse import parse
from privet.policy.review import page
from privet.policy.review.explain import Cell, Line, Matrix, Question, explain
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy
from privet.vocabulary.access import Action, Purpose
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.flag import EXEMPT, RESTRICTION, objection

SCHEMA = Dataset(
    key="shop",
    collections=(
        Collection(
            name="people",
            subject="self",
            about=("customer",),
            fields=(
                Field(name="name", type="person.full_name", labels=("user.name",)),
                Field(name="email", type="contact.email", labels=("user.contact.email",), indexes=("exact",)),
                Field(name="ssn", type="us.ssn", labels=("user.government_id",)),
                Field(name="state", type="address.state", labels=("user.contact.address.state",), indexes=("exact",)),
            ),
        ),
    ),
)
IN_FILE = Question(file="a.policy")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


def matrix(text: str, *roles: str, question: Question = IN_FILE) -> Matrix:
    return explain(parse(text), roles or ("desk",), SCHEMA, question)


def cell(found: Matrix, column: str, action: Action = "read") -> Cell:
    return next(c for c in found.cells if (c.column, c.action) == (column, action))


def lines(text: str, column: str, *roles: str, question: Question = IN_FILE) -> tuple[Line, ...]:
    return cell(matrix(text, *roles, question=question), column).lines


def test_a_cell_names_redaction_rows_purposes_end_and_the_rule() -> None:
    text = (
        "role desk\n\nallow read on people.name with redaction = masked where people.state = 'CA'\n"
        "    for essential.service budget 5 per minute until 2027-01-31\n"
    )
    (line,) = lines(text, "name")
    words = line.words
    assert (words.redaction, words.rows, words.purposes) == ("masked", "people.state = 'CA'", ("essential.service",))
    assert (words.until, words.budget, line.rule, line.role) == ("2027-01-31", "5 per minute", "a.policy:3", "desk")


def test_what_no_rule_allows_has_no_line_and_no_denial() -> None:
    found = cell(matrix("role desk\nallow read on people.name\n"), "email")
    assert (found.lines, found.denied) == ((), ())


def test_a_denied_cell_names_the_rule_that_denies() -> None:
    found = cell(matrix("role desk\nallow read on people.*\ndeny read on people.ssn\n"), "ssn")
    assert (found.lines, found.denied) == ((), ("a.policy:3",))


def test_a_deny_on_some_rows_stands_beside_what_is_left() -> None:
    text = "role desk\nallow read on people.*\ndeny read on people.ssn where people.state = 'NY'\n"
    (line,) = lines(text, "ssn")
    assert line.unless == ("denied where people.state = 'NY' by a.policy:3",)


def test_a_deny_on_rows_that_nobody_sees_is_left_out() -> None:
    text = (
        "role desk\nallow read on people.ssn where people.state = 'CA'\n"
        "deny read on people.ssn where not people.state = 'CA'\n"
    )
    (line,) = lines(text, "ssn")
    assert line.unless == ()


def test_what_a_ceiling_takes_away_is_said() -> None:
    (line,) = lines("role desk\nallow read on people.ssn with redaction = plain_text\n", "ssn")
    assert (line.words.redaction, line.asked) == ("last_four", "plain_text")


def test_rules_that_lift_a_ceiling_are_listed() -> None:
    found = matrix("role desk\nallow read on people.ssn with redaction = plain_text unsafe\n")
    assert found.unsafe == ("a.policy:2: allow read plain_text (desk/1)",)
    assert cell(found, "ssn").lines[0].words.redaction == "plain_text"


def test_a_line_that_another_covers_is_left_out() -> None:
    text = "role desk\nallow read on people.name where people.state = 'CA'\nallow read on people.name\n"
    assert [line.rule for line in lines(text, "name")] == ["a.policy:3"]


def test_of_several_roles_the_one_that_adds_a_cell_is_named() -> None:
    text = "role desk\nallow read on people.name, people.email\nrole bills\nallow read on people.name\n"
    found = matrix(text, "desk", "bills")
    (name,), (email,) = cell(found, "name").lines, cell(found, "email").lines
    assert (name.role, name.also) == ("desk", ("bills",))
    assert (email.role, email.also) == ("desk", ())


def test_a_deny_of_one_role_takes_from_what_another_allows() -> None:
    text = "role desk\nallow read on people.name\nrole bills\ndeny read on people.name\n"
    assert cell(matrix(text, "desk", "bills"), "name").denied == ("a.policy:4",)


def test_a_role_that_the_policy_lacks_is_reported() -> None:
    assert matrix("role desk\nallow read on *\n", "desk", "ghost").unknown == ("ghost",)


def test_a_connection_alone_is_shown_what_goes_through_it() -> None:
    text = "role desk\nallow read on people.ssn with redaction = plain_text through connection stripe\n"
    (line,) = lines(text, "ssn")
    assert (line.words.redaction, line.words.connection, line.asked) == ("plain_text", "stripe", "")


def test_a_promise_bars_its_uses_and_asks_for_consent() -> None:
    text = (
        "role desk\nallow read on people.ssn\n"
        "deny use of user.government_id for marketing\nrequire consent 'news' for marketing.communications\n"
    )
    (line,) = lines(text, "ssn")
    assert line.barred == ("a.policy:3",)
    assert line.consents == ("'news' for marketing.communications",)


def test_a_use_that_a_promise_bars_whole_is_denied_by_it() -> None:
    text = "role desk\nallow read on people.ssn for {}\ndeny use of user.government_id for marketing\n"
    found = cell(matrix(text.format("marketing.advertising")), "ssn")
    assert (found.lines, found.denied) == ((), ("a.policy:3",))
    (line,) = lines(text.format("marketing, essential"), "ssn")
    assert line.barred == ("a.policy:3",)


def test_the_mask_that_goes_without_saying_is_what_a_limit_takes_away() -> None:
    text = "role desk\nallow read on people.email\nlimit masked of user.contact to connections\n"
    (line,) = lines(text, "email")
    assert (line.words.redaction, line.asked) == ("redacted", "masked")


@pytest.mark.parametrize("action", ["insert", "update", "tokenize", "delete"])
def test_of_writing_no_redaction_is_said(action: Action) -> None:
    found = matrix(f"role desk\nallow {action} on people.*\n")
    (line,) = cell(found, "" if action == "delete" else "name", action).lines
    assert (line.words.redaction, line.asked) == ("", "")


def test_a_deny_of_managing_takes_all_of_it() -> None:
    for denied in ("", " on people.name where people.state = 'CA'"):
        found = matrix(f"role desk\nallow manage, audit\ndeny manage{denied}\n")
        whole = {c.action: (len(c.lines), c.denied) for c in found.cells if not c.table}
        assert whole == {"manage": (0, ("a.policy:3",)), "audit": (1, ()), "request": (0, ())}


def test_a_promise_about_others_bars_nothing() -> None:
    text = "role desk\nallow read on people.ssn\ndeny use of user for marketing about employee\n"
    assert lines(text, "ssn")[0].barred == ()


def test_a_purpose_leaves_what_holds_for_it() -> None:
    text = (
        "role desk\nallow read on people.name for marketing\nallow read on people.email for essential\n"
        "allow read on people.ssn\ndeny use of user.government_id for marketing\n"
    )
    question = Question(purpose=Purpose("marketing.advertising"), file="a.policy")
    found = matrix(text, question=question)
    shown = {c.column for c in found.cells if c.lines}
    assert shown == {"name", "ssn"}
    assert cell(found, "ssn").lines[0].barred == ("a.policy:5",)


def test_a_rule_that_ended_is_listed_and_counts_no_more() -> None:
    text = "role desk\nallow read on people.name until 2026-01-31\n"
    found = matrix(text, question=Question(now=NOW, file="a.policy"))
    assert cell(found, "name").lines == ()
    assert found.ended == ("a.policy:2: allow read (desk/1)",)


def test_what_nobody_used_is_marked() -> None:
    used = {("desk/1", "people", "name", "read"): 1, ("desk/2", "people", "", "delete"): 1}
    text = "role desk\nallow read on people.name, people.email\nallow delete, update on people.*\n"
    found = matrix(text, question=Question(used=used, file="a.policy"))
    unused = {(c.column, c.action): line.unused for c in found.cells for line in c.lines}
    assert unused["name", "read"] is False
    assert unused["email", "read"] is True
    assert unused["", "delete"] is False
    assert unused["name", "update"] is True


def test_without_a_look_at_use_nothing_is_marked() -> None:
    assert not any(line.unused for line in lines("role desk\nallow read on *\n", "name"))


def test_a_limit_caps_what_is_shown_and_not_what_a_connection_carries() -> None:
    text = (
        "role desk\nallow read on people.email with redaction = plain_text\n"
        "allow detokenize on people.email with redaction = plain_text through connection stripe\n"
        "limit plain_text of user.contact to connections\n"
    )
    found = matrix(text)
    assert cell(found, "email").lines[0].words.redaction == "masked"
    assert cell(found, "email", "detokenize").lines[0].words.redaction == "plain_text"


def test_a_condition_that_no_column_fits_allows_nothing_and_denies_all() -> None:
    text = "role desk\nallow read on people.name where people.nothing = 'x'\n"
    assert lines(text, "name") == ()
    text = "role desk\nallow read on people.name\ndeny read on people.name where people.nothing = 'x'\n"
    assert cell(matrix(text), "name").denied == ("a.policy:3",)


def test_managing_auditing_and_requests_stand_apart_from_tables() -> None:
    found = explain(BUILT_IN, ("owner",), SCHEMA)
    whole = {c.action: c for c in found.cells if not c.table}
    assert set(whole) == {"manage", "audit", "request"} and all(c.lines for c in whole.values())
    assert whole["manage"].lines[0].rule == "owner/1"


def test_a_condition_that_is_too_large_shows_every_line() -> None:
    rows = " or ".join(f"people.email = 'n{at}@example.com'" for at in range(400))
    text = f"role desk\nallow read on people.name where {rows}\nallow read on people.name\n"
    assert len(lines(text, "name")) == 2
    (line, _) = lines(f"{text}deny read on people.name where people.state = 'CA'\n", "name")
    assert line.unless == ("denied where people.state = 'CA' by a.policy:4",)
    assert cell(matrix(f"{text}deny read on people.name\n"), "name").denied == ("a.policy:4",)


# --- pages --------------------------------------------------------------------------------------------------------

LONG = (
    "role desk_of_the_whole_company\nallow read on people.* with redaction = masked\n"
    "    where people.state in ('CA', 'NY', 'WA', 'OR', 'NV', 'AZ', 'UT', 'ID') and people.email is not null\n"
    "    for essential.service.operations.support, marketing.advertising.first_party.contextual\n"
    "    until 2027-01-31 budget 5 per minute\n"
)


def test_text_fits_a_hundred_columns() -> None:
    shown = page.text(matrix(LONG, "desk_of_the_whole_company", "ghost"))
    assert max(map(len, shown.splitlines())) <= 100
    assert "ghost" in shown and "masked" in shown


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [name for name, _ in attrs if name in ("src", "href", "onclick", "action")]
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_page_is_whole_without_scripts_and_links() -> None:
    text = "role desk\nallow read on people.name where people.id in queue('<script>alert(1)</script>')\n"
    shown = page.html(matrix(text), "What <desk> may do")
    seen = _Tags()
    seen.feed(shown)
    assert not seen.open and "script" not in seen.tags and "link" not in seen.tags and not seen.links
    assert "&lt;script&gt;" in shown and "What &lt;desk&gt; may do" in shown


def test_columns_of_which_the_same_is_said_share_a_row() -> None:
    shown = page.text(matrix("role desk\nallow read, export on people.* with redaction = masked\n"))
    assert "name, email, ssn, state" in shown and "read, export" in shown


def test_a_policy_without_rules_for_the_roles_says_so() -> None:
    assert page.text(explain(Policy("v", ()), (), SCHEMA)).startswith("These roles may do nothing.")


@pytest.mark.parametrize("width", [40, 100])
def test_a_grid_folds_cells_and_leaves_empty_columns_out(width: int) -> None:
    shown = page.grid(("a", "b", "c"), [("one two three four five six seven", "", "x" * 30)], width)
    assert max(map(len, shown.splitlines())) <= width
    assert "b" not in shown.splitlines()[0]


# --- flags ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            Question(),
            "restricted processing (unless `essential.legal_obligation` is stated) or who "
            "object to a use that a caller's purpose may mean",
        ),
        (
            Question(purpose=Purpose("marketing")),
            "restricted processing or who object to what `marketing` may mean",
        ),
        (Question(purpose=Purpose(EXEMPT)), f"object to what `{EXEMPT}` may mean"),
        (Question(flags=frozenset()), None),
        (Question(flags=frozenset({RESTRICTION}), purpose=Purpose(EXEMPT)), None),
        (
            Question(flags=frozenset({objection("marketing"), objection("analytics")})),
            "object to `analytics`, `marketing` (where a caller's purpose may mean that)",
        ),
        (
            Question(
                flags=frozenset({RESTRICTION, objection("marketing"), objection("analytics")}),
                purpose=Purpose("marketing.advertising"),
            ),
            "restricted processing or who object to `marketing`",
        ),
    ],
)
def test_of_a_table_about_people_it_is_said_whose_records_flags_hide(question: Question, expected: str | None) -> None:
    told = () if expected is None else (f"people: records are as if absent of people who {expected}",)
    assert matrix("role desk\nallow read on people.name\n", question=question).held == told


def test_flags_hide_nothing_of_tables_about_nobody_nor_of_what_makes_new_records() -> None:
    things = replace(SCHEMA, collections=(replace(SCHEMA.collections[0], name="things", subject="none"),))
    policy = parse("role desk\nallow read on *\n")
    assert explain(policy, ("desk",), things, Question()).held == ()
    assert matrix("role desk\nallow read on people.name\n", question=Question(actions=("insert",))).held == ()
