"""What stays ready between two decisions, what a permit says of itself, and what an export would show."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from test_decide import ADS, BOTH, CALIFORNIA, NOON, REGION, WIDE, allow, ask, deny, policy, promised, who

from privet.errors import Denied
from privet.policy import permit as sights
from privet.policy.decide import decide
from privet.policy.permit import NO_RULE, Sight, covering
from privet.policy.syntax import Budget, Limit, Policy, Role, Rule, Target
from privet.vocabulary.access import Access
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import ALWAYS, QUEUE, And, Compare, In, Not, Or

BEFORE, DAY = NOON - timedelta(seconds=1), timedelta(days=1)


def export(redaction: str = "plain_text", **options: object) -> Rule:
    return Rule(effect="allow", actions=("export",), redaction=redaction, **options)  # type: ignore[arg-type]


# --- what stays ready -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "now"),
    [
        ((allow(),), None),
        ((allow(),), NOON),
        ((allow(where=REGION),), None),
        ((allow("masked"), allow(until=NOON)), BEFORE),
        ((allow("masked"), allow(until=NOON)), NOON),
        ((allow("masked"), allow(until=NOON), allow(until=NOON + 2 * DAY)), NOON + DAY),
    ],
)
def test_an_answer_stays_ready_while_it_holds(rules: tuple[Rule, ...], now: datetime | None) -> None:
    given, caller = policy(*rules), replace(who("r"), attributes={"region": "NY"})
    first = decide(given, caller, ask("email"), WIDE, now=now)
    assert decide(given, caller, ask("email"), WIDE, now=now) is first


def test_an_answer_ends_at_each_moment_of_a_rule_in_either_direction() -> None:
    given = policy(allow("masked"), allow("domain", until=NOON), allow(until=NOON + DAY))
    moments = (BEFORE, NOON, NOON + DAY, NOON, BEFORE, NOON + 2 * DAY)
    permits = [decide(given, who("r"), ask("email"), WIDE, now=now) for now in moments]
    assert [permit.until for permit in permits] == [NOON, NOON + DAY, None, NOON + DAY, NOON, None]
    shown = [permit.columns["email"][0].redaction for permit in permits]
    assert shown == ["plain_text", "plain_text", "masked", "plain_text", "plain_text", "masked"]


def test_a_record_that_leaves_a_queue_leaves_the_permit() -> None:
    given = policy(allow(where=Compare(QUEUE, "=", "desk")))
    for ids in ([bytes(16)], [], [bytes(16)]):
        permit = decide(given, who("r"), ask("email"), WIDE, queues={"desk": ids})
        assert permit.columns["email"][0].where == In("id", tuple(ids))
    with pytest.raises(Denied):
        decide(given, who("r"), ask("email"), WIDE)
    with pytest.raises(Denied):
        outside = policy(allow(where=Compare(QUEUE, "!=", "desk")))
        decide(outside, who("r"), ask("email"), WIDE, queues={"desk": [bytes(16)]})


def test_what_depends_on_the_caller_is_filled_in_beside_what_does_not() -> None:
    queue = Compare(QUEUE, "=", "desk")
    given = policy(allow(where=And((CALIFORNIA, queue))), allow("masked", where=Or((CALIFORNIA, REGION))))
    caller = replace(who("r"), attributes={"region": "NY"})
    permit = decide(given, caller, ask("email"), WIDE, queues={"desk": [bytes(16)]})
    assert [sight.where for sight in permit.columns["email"]] == [
        And((CALIFORNIA, In("id", (bytes(16),)))),
        Or((CALIFORNIA, Compare("state", "=", "NY"))),
    ]


def test_a_permit_rests_on_all_rules_that_show_something_and_on_no_other() -> None:
    queue = Compare(QUEUE, "=", "desk")
    given = policy(
        allow(where=queue, budget=Budget(5)),
        allow("domain", budget=Budget(7)),
        allow("masked", where=REGION),
        allow("redacted"),
    )
    caller = replace(who("r"), attributes={"region": "NY"})
    for ids, places in (([bytes(16)], [1, 2, 3]), ([], [1, 2, 3]), (None, [2, 3])):
        queues = {} if ids is None else {"desk": ids}
        permit = decide(given, caller, ask("email"), WIDE, queues=queues)
        assert [basis.place for basis in permit.rules] == places
        assert [basis.place for basis, _ in permit.budgets] == [at for at in places if at in (1, 2)]
        assert {sight.rule.place for sight in permit.columns["email"]} == set(places)


def test_what_depends_on_the_caller_changes_rows_and_columns_of_each_answer() -> None:
    queue = Compare(QUEUE, "=", "desk")
    given = policy(allow(where=queue), allow("masked", where=CALIFORNIA))
    first, none, last = (
        decide(given, who("r"), ask("email"), WIDE, queues=queues)
        for queues in ({"desk": [bytes(16)]}, {}, {"desk": [bytes(15) + b"x"]})
    )
    assert [sight.redaction for sight in none.columns["email"]] == ["masked"]
    assert none.rows == CALIFORNIA
    for permit, held in ((first, bytes(16)), (last, bytes(15) + b"x")):
        assert permit.rows == Or((In("id", (held,)), CALIFORNIA))
        assert [sight.where for sight in permit.columns["email"]] == [In("id", (held,)), CALIFORNIA]


def test_a_deny_that_depends_on_the_caller_takes_its_rows_or_all() -> None:
    queue = Compare(QUEUE, "=", "desk")
    given = policy(allow(), deny(where=queue))
    permit = decide(given, who("r"), ask("email"), WIDE, queues={"desk": [bytes(16)]})
    assert permit.rows == Not(In("id", (bytes(16),)))
    with pytest.raises(Denied):
        decide(given, who("r"), ask("email"), WIDE)  # a queue that nobody knows of may hold any record


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_denies_each_takes_its_rows_and_one_of_all_rows_everything(turned: bool) -> None:
    queue, ids = Compare(QUEUE, "=", "desk"), In("id", (bytes(16),))
    some, other = deny(where=CALIFORNIA), deny(where=queue)
    denies = (other, some) if turned else (some, other)
    wheres = (ids, CALIFORNIA) if turned else (CALIFORNIA, ids)
    lower = allow("masked", where=REGION)
    caller = replace(who("r"), attributes={"region": "NY"})
    permit = decide(policy(allow(), lower, *denies), caller, ask("email"), WIDE, queues={"desk": [bytes(16)]})
    assert permit.columns["email"][0].where == Not(Or(wheres))
    # Beneath a redaction that some rows lack, a lower one is still shown.
    assert [sight.redaction for sight in permit.columns["email"]] == ["plain_text", "masked"]
    with pytest.raises(Denied):
        decide(policy(allow(), lower, *denies), caller, ask("email"), WIDE)


def test_an_answer_to_one_caller_is_not_that_of_another_attribute() -> None:
    given = policy(allow(where=REGION))
    for state in ("CA", "NY", "CA"):
        permit = decide(given, replace(who("r"), attributes={"region": state}), ask("email"), WIDE)
        assert permit.columns["email"][0].where == Compare("state", "=", state)


def test_an_answer_about_some_columns_is_not_that_about_others() -> None:
    given = policy(allow(targets=(Target("people", "email"),)), allow("masked", targets=(Target("people", "phone"),)))
    for _ in range(2):
        assert set(decide(given, who("r"), ask("email"), WIDE).columns) == {"email"}
        assert set(decide(given, who("r"), ask("phone", "email", "ssn"), WIDE).columns) == {"phone", "email"}


# --- what a permit says -----------------------------------------------------------------------------------------


def test_a_permit_names_caller_action_table_purpose_and_version() -> None:
    permit = decide(promised([allow()]), BOTH, ask("email", purpose=ADS), WIDE)
    assert (permit.principal, permit.action, permit.table) == ("p", "read", "people")
    assert (permit.purpose, permit.policy) == (ADS, "v1")
    assert decide(promised([allow()]), BOTH, ask("email"), WIDE).purpose == ""
    assert permit.allows("email") and not permit.allows("ssn")


def test_a_rule_is_named_by_its_role_and_its_place_there() -> None:
    given = Policy("v", (Role("a", "", (deny("update"), allow("masked"))), Role("b", "", (allow(),))))
    permit = decide(given, who("b", "a"), ask("email"), WIDE)
    assert [str(sight.rule) for sight in permit.columns["email"]] == ["b/1"]
    assert [str(basis) for basis in decide(given, who("a"), ask("email"), WIDE).rules] == ["a/2"]
    assert Sight("masked", ALWAYS).rule == NO_RULE


def test_a_deletion_rests_on_every_rule_that_allows_it_and_names_the_first() -> None:
    rules = [Rule(effect="allow", actions=("delete",), where=where) for where in (CALIFORNIA, ALWAYS)]
    permit = decide(policy(allow(), *rules), who("r"), Access("delete", "people", ("email", "nothing")), WIDE)
    assert [str(basis) for basis in permit.rules] == ["r/2", "r/3"]
    assert {name: str(sight.rule) for name, (sight,) in permit.columns.items()} == {"email": "r/2"}


def test_what_a_sight_on_every_row_covers_is_left_out() -> None:
    here = {"where": CALIFORNIA}
    for rules, expected in (
        ([allow("masked"), allow(**here), allow("domain", **here), allow("redacted")], ["plain_text", "masked"]),
        ([allow("domain"), allow("masked", **here), allow("redacted")], ["masked", "domain"]),
        ([allow("domain", **here), allow("masked", **here)], ["masked", "domain"]),
        ([allow("domain", **here), allow("domain", **here)], ["domain"]),
    ):
        permit = decide(policy(*rules), who("r"), ask("email"), WIDE)
        assert [sight.redaction for sight in permit.columns["email"]] == expected


def test_a_part_alone_says_more_than_nothing_and_less_than_a_mask() -> None:
    part = allow("", targets=(Target("people", "phone", part="area"),))
    permit = decide(policy(allow("redacted"), part, allow("masked")), who("r"), ask("phone"), WIDE)
    assert [sight.redaction for sight in permit.columns["phone"]] == ["masked", "area"]
    permit = decide(policy(allow("redacted"), replace(part, redaction="plain_text")), who("r"), ask("phone"), WIDE)
    assert permit.columns["phone"][0].redaction == "area"


def test_what_covers_a_redaction_shows_at_least_as_much() -> None:
    kind = data_type("contact.phone")
    for at, name in enumerate(kind.redactions):
        assert covering(kind, name) == set(kind.redactions[at:])
    assert covering(kind, "area") == {"area", "plain_text"}


# --- ceilings that two persons lifted, and what an export would show --------------------------------------------


def exports(given: Policy, *scopes: str) -> dict[str, str]:
    """Return what a permit to read says of exports, to a caller whose every attribute is known."""
    caller = replace(who("r", scopes=scopes), attributes={"region": "CA"})
    return dict(decide(given, caller, ask("email"), WIDE, now=BEFORE).exports)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ((), {}),
        ((export(targets=(Target("people", "email"),)),), {"email": "plain_text"}),
        ((export("masked", targets=(Target("people", "email"),)),), {"email": "masked"}),
        ((export(targets=(Target("people", "ssn"),)),), {"ssn": "last_four"}),
        ((export(where=CALIFORNIA),), {}),
        ((export(where=REGION),), {}),
        ((export(until=NOON),), {}),
        ((export(where=Compare(QUEUE, "=", "desk")),), {}),
        (
            (export("masked", targets=(Target("people", "email"),)), export(where=CALIFORNIA)),
            {"email": "masked"},
        ),
        ((export(targets=(Target("people", "email"),)), deny("export", where=CALIFORNIA)), {}),
    ],
)
def test_a_permit_says_what_the_roles_may_export_of_every_row(
    rules: tuple[Rule, ...], expected: dict[str, str]
) -> None:
    assert exports(policy(allow("masked"), *rules)) == expected


def test_what_a_credential_may_not_export_no_permit_says() -> None:
    given = policy(allow("masked"), export("masked", targets=(Target("people", "email"),)))
    for _ in range(2):
        assert exports(given, "read") == {}
        assert exports(given, "read", "export") == exports(given) == {"email": "masked"}
    assert decide(given, who("r"), Access("export", "people", ("email",)), WIDE).exports == {}


def test_two_persons_lift_the_ceiling_of_a_type_for_one_access_alone() -> None:
    given = policy(export())
    for lifted, shown in ((False, "last_four"), (True, "plain_text"), (False, "last_four")):
        access = Access("export", "people", ("ssn",), lifted=lifted)
        assert decide(given, who("r"), access, WIDE).columns["ssn"][0].redaction == shown
    masked = policy(export("masked"))
    assert decide(masked, who("r"), replace(access, lifted=True), WIDE).columns["ssn"][0].redaction == "masked"
    limited = promised([export()], Limit(redaction="plain_text", labels=("user",)))
    assert decide(limited, who("r"), replace(access, lifted=True), WIDE).columns["ssn"][0].redaction == "masked"


@pytest.mark.parametrize(
    ("rule", "lifted", "expected"),
    [
        (Rule(effect="allow", actions=("read",)), False, "last_four"),
        (Rule(effect="allow", actions=("read",)), True, "plain_text"),
        (Rule(effect="allow", actions=("read",), unsafe=True), False, "plain_text"),
        (Rule(effect="allow", actions=("read",), connection="stripe"), False, "plain_text"),
    ],
)
def test_a_ceiling_holds_unless_the_rule_or_a_second_person_lifts_it(rule: Rule, lifted: bool, expected: str) -> None:
    ssn = data_type("us.ssn")
    assert sights.shown(ssn, "read", rule, "", (), lifted=lifted) == expected
    if not lifted:
        assert sights.shown(ssn, "read", rule, "", ()) == expected
