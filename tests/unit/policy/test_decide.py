"""The run-time reader: default deny, deny beats allow, the most revealing that applies, never above a ceiling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from privet.errors import Denied
from privet.policy.decide import decide, may, may_anything
from privet.policy.permit import Basis
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Budget, DenyUse, Limit, Policy, Promise, RequireConsent, Role, Rule, Span, Target
from privet.vocabulary.access import ACTIONS, Access, Action, Principal, Purpose
from privet.vocabulary.dataset import Collection, Field
from privet.vocabulary.predicate import ALWAYS, CONSENT, QUEUE, And, Attribute, Compare, In, Not, Or, Predicate

EMAIL = Field(name="email", type="contact.email", labels=("user.contact.email",))
SSN = Field(name="ssn", type="us.ssn", labels=("user.government_id.national_identification_number",))
STATE = Field(name="state", type="address.state", labels=("user.contact.address.state",))
TABLE = Collection(name="people", fields=(EMAIL, SSN, STATE))
CALIFORNIA = Compare("state", "=", "US-CA")


def policy(*rules: Rule) -> Policy:
    return Policy("v1", (Role("r", "", rules),))


def who(*roles: str, purposes: tuple[str, ...] = (), scopes: tuple[str, ...] = ()) -> Principal:
    return Principal(id="p", name="p", roles=roles, purposes=tuple(map(Purpose, purposes)), scopes=scopes)


def ask(*columns: str, purpose: str | None = None) -> Access:
    return Access("read", "people", columns, Purpose(purpose) if purpose else None)


def allow(redaction: str = "plain_text", **options: object) -> Rule:
    return Rule(effect="allow", actions=("read",), redaction=redaction, **options)  # type: ignore[arg-type]


def test_without_a_rule_everything_is_denied() -> None:
    with pytest.raises(Denied):
        decide(policy(), who("r"), ask("email"), TABLE)
    with pytest.raises(Denied):
        decide(BUILT_IN, who(), ask("email"), TABLE)


def test_a_role_that_does_not_exist_grants_nothing_and_spoils_no_other() -> None:
    both = decide(BUILT_IN, who("viewer", "nobody"), ask("email"), TABLE)
    assert both.columns == decide(BUILT_IN, who("viewer"), ask("email"), TABLE).columns
    with pytest.raises(Denied):
        decide(BUILT_IN, who("nobody"), ask("email"), TABLE)


def test_the_most_revealing_redaction_whose_rows_match_comes_first() -> None:
    permit = decide(policy(allow("masked"), allow(where=CALIFORNIA)), who("r"), ask("email"), TABLE)
    assert [(s.redaction, s.where) for s in permit.columns["email"]] == [("plain_text", CALIFORNIA), ("masked", ALWAYS)]
    assert permit.rows == ALWAYS


def test_deny_beats_allow_on_its_rows_and_columns() -> None:
    deny = Rule(effect="deny", actions=("read",), targets=(Target("people", "email"),), where=CALIFORNIA)
    permit = decide(policy(allow(), deny), who("r"), ask("email", "state"), TABLE)
    assert permit.columns["email"][0].where == Not(CALIFORNIA)
    assert permit.columns["state"][0].where == ALWAYS
    whole = Rule(effect="deny", actions=("read",), targets=(Target(label="user.contact"),))
    assert set(decide(policy(allow(), whole), who("r"), ask("email", "ssn"), TABLE).columns) == {"ssn"}


def test_no_role_sees_above_the_ceiling_of_a_type_unless_the_rule_is_unsafe() -> None:
    assert decide(policy(allow()), who("r"), ask("ssn"), TABLE).columns["ssn"][0].redaction == "last_four"
    lifted = decide(policy(allow(unsafe=True)), who("r"), ask("ssn"), TABLE)
    assert lifted.columns["ssn"][0].redaction == "plain_text"


def test_a_mask_that_the_type_does_not_know_shows_nothing() -> None:
    assert decide(policy(allow("zip3")), who("r"), ask("email"), TABLE).columns["email"][0].redaction == "redacted"


def test_a_purpose_must_be_granted_and_fit_the_rule() -> None:
    rules = policy(allow(purposes=(Purpose("essential.service"),)))
    granted = who("r", purposes=("essential",))
    assert decide(rules, granted, ask("email", purpose="essential.service.payment_processing"), TABLE).columns
    for principal, purpose in (
        (granted, None),
        (granted, "essential"),
        (granted, "marketing"),
        (who("r"), "essential.service"),
    ):
        with pytest.raises(Denied):
            decide(rules, principal, ask("email", purpose=purpose), TABLE)


def test_scopes_narrow_what_roles_allow() -> None:
    with pytest.raises(Denied):
        decide(BUILT_IN, who("owner", scopes=("insert",)), ask("email"), TABLE)


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (
            "owner",
            {"read", "insert", "update", "delete", "tokenize", "detokenize", "search", "export", "manage"}
            | {"audit", "request"},
        ),
        ("editor", {"read", "insert", "update", "delete", "tokenize", "detokenize", "search"}),
        ("viewer", {"read", "detokenize"}),
        ("tokenizer", {"tokenize"}),
        ("auditor", {"audit"}),
        ("privacy_officer", {"request"}),
    ],
)
def test_built_in_roles_allow_just_this(role: str, allowed: set[str]) -> None:
    found = set()
    for action in ACTIONS:
        try:
            may(BUILT_IN, who(role), action, None)
            found.add(action)
        except Denied:
            continue
    assert found == allowed


def test_a_viewer_sees_masks() -> None:
    permit = decide(BUILT_IN, who("viewer"), ask("email", "ssn"), TABLE)
    assert {name: sights[0].redaction for name, sights in permit.columns.items()} == {
        "email": "masked",
        "ssn": "masked",
    }


@pytest.mark.parametrize("purpose", ["marketing", "no.such.purpose", "essential.service\n"])
@pytest.mark.parametrize("grants", [(), ("essential",)], ids=["granted none", "granted another"])
def test_a_purpose_that_is_not_granted_denies_what_names_no_column(purpose: str, grants: tuple[str, ...]) -> None:
    for action in ACTIONS:
        with pytest.raises(Denied, match="purpose"):
            may(BUILT_IN, who("owner", purposes=grants), action, Purpose(purpose))
    with pytest.raises(Denied, match="purpose"):
        may_anything(BUILT_IN, who("owner", purposes=grants), Purpose(purpose))


def test_one_table_is_enough_to_be_let_in_and_a_deny_of_everything_is_not() -> None:
    one = Rule(effect="allow", actions=("read",), targets=(Target("people", "email"),))
    everything = Rule(effect="deny", actions=ACTIONS)
    may_anything(policy(one), who("r"), None)
    for rules in ((), (everything,), (one, everything)):
        with pytest.raises(Denied):
            may_anything(policy(*rules), who("r"), None)


# --- what falls away and what holds -----------------------------------------------------------------------------

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
PHONE = Field(name="phone", type="contact.phone", labels=("user.contact.phone_number",))
PAN = Field(name="pan", type="card.pan", labels=("user.financial.credit_card",))
PLAN = Field(name="plan", type="string", labels=("system.operations",))
WIDE = Collection(name="people", fields=(EMAIL, SSN, STATE, PHONE, PAN, PLAN), subject="self", about=("customer",))
REGION = Compare("state", "=", Attribute("region"))


def deny(*actions: Action, **options: object) -> Rule:
    return Rule(effect="deny", actions=actions or ("read",), **options)  # type: ignore[arg-type]


def promised(rules: Sequence[Rule], *promises: Promise) -> Policy:
    return Policy("v1", (Role("r", "", tuple(rules)),), promises)


def seen(policy: Policy, column: str, principal: Principal | None = None, **options: Any) -> list[str]:
    """Return the redactions of a column, most revealing first; none where it is denied."""
    access = Access(
        options.pop("action", "read"),
        "people",
        (column,),
        options.pop("purpose", None),
        options.pop("connection", ""),
    )
    try:
        permit = decide(policy, principal or who("r"), access, options.pop("table", WIDE), **options)
    except Denied:
        return []
    return [sight.redaction for sight in permit.columns[column]]


@pytest.mark.parametrize(
    ("where", "attributes"),
    [
        (REGION, {}),
        (REGION, {"region": "no such state"}),
        (Compare("nowhere", "=", "x"), {}),
        (Compare("state", "<", None), {}),
        (Compare("state", "=", b"\0"), {}),
        (Compare("email.nothing", "=", "x"), {}),
        (Compare("id", "=", "no id"), {}),
        (Compare("id", ">", "01a3185c-5000-7002-90ef-46e8c1c80e06"), {}),
        (Compare(QUEUE, "=", "support"), {}),
        (Or((ALWAYS, REGION)), {}),
    ],
)
def test_what_cannot_be_judged_lets_an_allow_fall_and_a_deny_hold(where: Predicate, attributes: dict[str, str]) -> None:
    principal = replace(who("r"), attributes=attributes)
    assert seen(policy(allow(where=where)), "email", principal) == []
    assert seen(policy(allow(), deny(where=where)), "email", principal) == []
    assert seen(policy(allow(), deny(where=Not(where))), "email", principal) == []


def test_attributes_and_queues_of_the_caller_are_filled_in() -> None:
    rules = policy(allow(where=And((REGION, Compare(QUEUE, "=", "support")))))
    principal, ids = replace(who("r"), attributes={"region": "NY"}), [bytes(16)]
    permit = decide(rules, principal, ask("email"), WIDE, queues={"support": ids})
    assert permit.columns["email"][0].where == And((Compare("state", "=", "NY"), In("id", (bytes(16),))))
    nothing = decide(rules, principal, ask("email"), WIDE, queues={"support": []})
    assert nothing.columns["email"][0].where == And((Compare("state", "=", "NY"), In("id", ())))


@pytest.mark.parametrize("action", ["insert", "tokenize"])
def test_a_condition_holds_on_no_record_that_is_still_to_come(action: Action) -> None:
    rule = Rule(effect="allow", actions=(action,), where=CALIFORNIA)
    assert seen(policy(rule), "email", action=action) == []
    every = Rule(effect="allow", actions=(action,))
    assert seen(policy(every, deny(action, where=CALIFORNIA)), "email", action=action) == []


def test_a_rule_holds_before_its_moment_and_a_permit_says_until_when() -> None:
    rules = policy(allow("masked"), allow(until=NOON))
    before, at = NOON - timedelta(seconds=1), NOON
    for now, shown, until in ((before, ["plain_text"], NOON), (at, ["masked"], None), (before, ["plain_text"], NOON)):
        permit = decide(rules, who("r"), ask("email"), WIDE, now=now)
        assert ([s.redaction for s in permit.columns["email"]], permit.until) == (shown, until)
    assert seen(rules, "email") == ["masked"], "without a moment no allow with `until` holds"
    fenced = policy(allow(), deny(until=NOON))
    assert [seen(fenced, "email", now=now) for now in (before, at, None)] == [[], ["plain_text"], []]


def test_a_rule_through_a_connection_holds_there_alone_and_lifts_the_ceiling() -> None:
    rules = policy(allow(connection="stripe"), allow("masked"))
    assert seen(rules, "pan", connection="stripe") == ["plain_text"]
    assert seen(rules, "pan", connection="other") == ["masked"]
    assert seen(rules, "pan") == ["masked"]
    assert seen(policy(allow()), "pan", connection="stripe") == ["masked"], "a rule that names no connection lifts none"


def test_a_part_is_shown_under_its_own_name_and_never_above_a_ceiling() -> None:
    def part(column: str, name: str, **options: object) -> Rule:
        return allow("", targets=(Target("people", column, part=name),), **options)

    assert seen(policy(part("phone", "area")), "phone") == ["area"]
    assert seen(policy(part("phone", "last_four")), "phone") == ["last_four"]
    assert seen(policy(part("phone", "area"), allow("masked")), "phone") == ["masked", "area"]
    assert seen(policy(part("phone", "area"), allow()), "phone") == ["plain_text"]
    assert seen(policy(part("ssn", "area")), "ssn") == ["redacted"]
    assert seen(policy(part("ssn", "area", unsafe=True)), "ssn") == ["area"]
    assert seen(policy(part("phone", "nothing")), "phone") == ["redacted"]
    update = Rule(effect="allow", actions=("update",), targets=(Target("people", "phone", part="area"),))
    assert seen(policy(update), "phone", action="update") == []


def test_a_deny_of_a_part_denies_all_that_may_show_it() -> None:
    area, four = (deny("read", "update", targets=(Target("people", "phone", part=p),)) for p in ("area", "last_four"))
    shown = [allow(name) for name in ("plain_text", "masked", "last_four", "last_two", "redacted")]
    assert seen(policy(*shown, area), "phone") == ["redacted"]
    assert seen(policy(*shown, four), "phone") == ["last_two"]
    update = Rule(effect="allow", actions=("update",))
    assert seen(policy(update, area), "phone", action="update") == []


def test_a_whole_record_is_deleted_only_by_a_rule_on_all_of_it() -> None:
    def rows(*rules: Rule) -> Predicate | None:
        try:
            return decide(policy(*rules), who("r"), Access("delete", "people", ()), WIDE).rows
        except Denied:
            return None

    def delete(**options: object) -> Rule:
        return Rule(effect="allow", actions=("delete",), **options)  # type: ignore[arg-type]

    assert rows(delete()) == ALWAYS
    assert rows(delete(targets=(Target("people"),), where=CALIFORNIA)) == CALIFORNIA
    assert rows(delete(targets=(Target("people", "email"),))) is None
    assert rows(delete(targets=(Target(label="user.contact"),))) is None
    assert rows(delete(), deny("delete", targets=(Target("people", "email"),))) is None
    assert rows(delete(), deny("delete", targets=(Target("orders"),))) == ALWAYS
    assert rows(delete(), deny("delete", targets=(Target(label="user.name"),))) == ALWAYS
    assert rows(delete(), deny("delete", where=CALIFORNIA)) == Not(CALIFORNIA)


def test_a_verb_that_touches_no_column_needs_a_rule_on_everything_and_no_deny() -> None:
    manage = Rule(effect="allow", actions=("manage",))
    may(policy(manage), who("r"), "manage", None)
    for rules in (
        (replace(manage, where=CALIFORNIA),),
        (replace(manage, targets=(Target("people"),)),),
        (replace(manage, targets=(Target(label="user"),)),),
        (manage, deny("manage", targets=(Target("people", "email"),), where=CALIFORNIA)),
        (replace(manage, until=NOON),),
        (replace(manage, connection="stripe"),),
    ):
        with pytest.raises(Denied):
            may(policy(*rules), who("r"), "manage", None)
    may(policy(replace(manage, until=NOON)), who("r"), "manage", None, now=NOON - timedelta(1))


@pytest.mark.parametrize("places", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_of_two_rules_that_show_the_same_the_ampler_budget_binds_wherever_it_stands(places: tuple[int, ...]) -> None:
    rules = (allow("masked", budget=Budget(5)), allow("masked", budget=Budget(9, 3600)), allow("masked", budget=None))
    free = policy(*(rules[at] for at in places))
    capped = policy(*(rules[at] for at in places if at < 2))
    assert decide(free, who("r"), ask("email"), WIDE).budgets == ()
    assert [budget for _, budget in decide(capped, who("r"), ask("email"), WIDE).budgets] == [Budget(5)]


def test_a_permit_names_its_rules_and_their_budgets() -> None:
    span = Span(5, 9, 2, 1)
    rules = policy(allow("masked", budget=Budget(5)), deny(targets=(Target(label="user.government_id"),)))
    spoken = policy(*(replace(rule, span=span) for rule in rules.roles[0].rules), allow(where=CALIFORNIA))
    permit = decide(spoken, who("r"), ask("email", "ssn"), WIDE)
    assert [str(sight.rule) for sight in permit.columns["email"]] == ["r/3", "r/1"]
    assert permit.rules == (Basis("r", 1, span), Basis("r", 3))
    assert permit.budgets == ((Basis("r", 1, span), Budget(5)),)
    assert "ssn" not in permit.columns


# --- purposes and promises --------------------------------------------------------------------------------------

ADS, NEWS = Purpose("marketing.advertising"), Purpose("marketing.communications")
BOTH = who("r", purposes=("marketing", "essential"))


def test_a_rule_without_purposes_holds_for_those_of_its_role() -> None:
    rules = Policy("v", (Role("r", "", (allow(),), (Purpose("essential"),)),))
    assert seen(rules, "email", BOTH, purpose=Purpose("essential.service")) == ["plain_text"]
    assert seen(rules, "email", BOTH, purpose=ADS) == []
    assert seen(rules, "email", BOTH) == []


@pytest.mark.parametrize(
    ("stated", "granted", "denied"),
    [
        (ADS, ("marketing",), True),
        (Purpose("marketing.advertising.serving"), ("marketing",), True),
        (Purpose("marketing"), ("marketing",), True),
        (NEWS, ("marketing",), False),
        (Purpose("essential"), ("marketing", "essential"), False),
        (None, ("marketing", "essential"), True),
        (None, (ADS,), True),
        (None, ("essential",), False),
        (None, (), False),
    ],
)
def test_a_denied_use_binds_what_a_purpose_may_mean(
    stated: Purpose | None, granted: tuple[str, ...], denied: bool
) -> None:
    principal = who("r", purposes=granted)
    promise = DenyUse(labels=("user.contact",), purposes=(ADS,))
    shown = [] if denied else ["plain_text"]
    assert seen(promised([allow()], promise), "email", principal, purpose=stated) == shown
    assert seen(policy(allow(), deny(purposes=(ADS,))), "email", principal, purpose=stated) == shown
    assert seen(promised([allow()], promise), "plan", principal, purpose=stated) == ["plain_text"]
    consent = promised([allow()], RequireConsent(key="ads", purposes=(ADS,)))
    permit = decide(consent, principal, ask("email", purpose=stated), WIDE)
    assert permit.rows == (Compare(CONSENT, "=", "ads") if denied else ALWAYS)


@pytest.mark.parametrize(
    ("about", "denied"),
    [((), True), (("customer",), True), (("employee", "customer"), True), (("employee",), False)],
)
def test_a_denied_use_about_some_people_spares_tables_about_others(about: tuple[str, ...], denied: bool) -> None:
    rules = promised([allow()], DenyUse(labels=("user",), purposes=(ADS,), subjects=("customer",)))
    table = replace(WIDE, about=about)
    assert seen(rules, "email", BOTH, purpose=ADS, table=table) == ([] if denied else ["plain_text"])


def test_consent_is_asked_of_people_and_never_for_deleting() -> None:
    rules = promised(
        [allow(), Rule(effect="allow", actions=("update", "delete"))], RequireConsent(key="k", purposes=(ADS,))
    )
    nobody = replace(WIDE, subject="none")
    assert seen(rules, "email", BOTH, purpose=ADS, table=nobody) == []
    assert seen(rules, "plan", BOTH, purpose=ADS, table=nobody) == ["plain_text"]
    for action in ("update", "delete"):
        permit = decide(rules, BOTH, Access(action, "people", ("email",), ADS), WIDE)  # type: ignore[arg-type]
        assert permit.rows == ALWAYS
    barred = promised([Rule(effect="allow", actions=("delete",))], DenyUse(labels=("user",), purposes=(ADS,)))
    assert seen(barred, "email", BOTH, purpose=ADS, action="delete") == ["plain_text"]


@pytest.mark.parametrize(
    ("limit", "rule", "column", "shown"),
    [
        ("plain_text", allow(unsafe=True), "pan", "masked"),
        ("masked", allow(), "pan", "redacted"),
        ("first_six", allow("first_six"), "pan", "redacted"),
        ("first_six", allow("last_four"), "pan", "last_four"),
        ("last_four", allow(), "ssn", "masked"),
        ("plain_text", allow("", targets=(Target("people", "phone", part="area"),)), "phone", "area"),
        ("masked", allow("", targets=(Target("people", "phone", part="area"),)), "phone", "redacted"),
    ],
)
def test_a_limit_leaves_what_reveals_less(limit: str, rule: Rule, column: str, shown: str) -> None:
    rules = promised([rule], Limit(redaction=limit, labels=("user",)))
    assert seen(rules, column) == [shown]
    assert seen(rules, column, connection="stripe") != [] and seen(rules, "plan") == seen(policy(rule), "plan")


def test_a_limit_says_nothing_of_asking() -> None:
    rules = promised(
        [Rule(effect="allow", actions=("search",), redaction="")], Limit(redaction="masked", labels=("user",))
    )
    assert seen(rules, "pan", action="search") == ["plain_text"]


def test_one_decision_is_not_that_of_another_policy_table_or_caller() -> None:
    for at in range(100):
        one, other = policy(allow("masked")), policy(allow())
        assert seen(one, "email", replace(who("r"), id=f"p{at}")) == ["masked"]
        assert seen(other, "email") == ["plain_text"]
        table = replace(WIDE, fields=(replace(EMAIL, labels=("user.name",)),))
        narrow = policy(allow(targets=(Target(label="user.contact"),)))
        assert (seen(narrow, "email"), seen(narrow, "email", table=table)) == (["plain_text"], [])
    permit = decide(one, replace(who("r"), id="another"), ask("email"), WIDE)
    assert permit.principal == "another"
