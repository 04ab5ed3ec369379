"""Flags in a decision: whose records are as if absent, to whom and for what, whatever the rules allow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from test_decide import CALIFORNIA, TABLE, allow, who

from privet.errors import Denied
from privet.policy.decide import decide
from privet.policy.permit import Permit, unflagged
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import DenyUse, Policy, Role, Rule
from privet.vocabulary.access import Access, Action, Purpose
from privet.vocabulary.dataset import Collection
from privet.vocabulary.flag import RESTRICTION, bare, is_flag, lacks, marks, objection, use_of
from privet.vocabulary.predicate import ALWAYS, CONSENT, And, Compare, Not, Or

PEOPLE = replace(TABLE, subject="self")
NAMES = tuple(field.name for field in TABLE.fields)
RESTRICTED = frozenset({RESTRICTION})
MARKETING = objection("marketing.advertising")
LEGAL = "essential.legal_obligation"


def permit(
    *flags: str,
    action: Action = "read",
    purpose: str = "",
    granted: tuple[str, ...] = (),
    policy: Policy = BUILT_IN,
    table: Collection = PEOPLE,
    role: str = "owner",
) -> Permit:
    caller = who(role, purposes=(*granted, *((purpose,) if purpose else ())))
    access = Access(action, "people", NAMES, Purpose(purpose) if purpose else None)
    return decide(policy, caller, access, table, flags=frozenset(flags))


def lacking(found: Permit) -> set[str]:
    """Return the flags by which a permit's rows and every one of its sights hold people back: the same."""
    held = set(marks(found.rows))
    for sights in found.columns.values():
        assert all(set(marks(sight.where)) == held for sight in sights)
    return held


@pytest.mark.parametrize("action", ["read", "search", "detokenize", "export", "update", "delete"])
def test_a_restriction_holds_records_back_from_everybody(action: Action) -> None:
    assert lacking(permit(RESTRICTION, action=action)) == {RESTRICTION}


@pytest.mark.parametrize("action", ["insert", "tokenize"])
def test_data_of_a_restricted_person_may_be_stored(action: Action) -> None:
    assert lacking(permit(RESTRICTION, action=action)) == set()


@pytest.mark.parametrize(
    ("purpose", "held"),
    [("", RESTRICTED), ("essential", RESTRICTED), ("essential.service", RESTRICTED), (LEGAL, frozenset())],
)
def test_only_who_states_a_legal_obligation_is_not_stopped_by_a_restriction(purpose: str, held: frozenset[str]) -> None:
    assert lacking(permit(RESTRICTION, purpose=purpose, granted=(LEGAL,))) == held


@pytest.mark.parametrize(
    ("purpose", "granted", "binds"),
    [
        ("marketing.advertising", (), True),
        ("marketing.advertising.first_party", (), True),
        ("marketing", (), True),
        ("marketing.communications", (), False),
        ("essential.service", (), False),
        ("", ("marketing", "essential.service"), True),
        ("", ("essential.service",), False),
        ("", (), False),
        ("essential.service", ("marketing",), False),
    ],
)
def test_an_objection_binds_whoever_may_mean_its_use(purpose: str, granted: tuple[str, ...], binds: bool) -> None:
    found = permit(MARKETING, purpose=purpose, granted=granted)
    assert lacking(found) == ({MARKETING} if binds else set())


def test_every_flag_that_binds_holds_records_back() -> None:
    found = permit(RESTRICTION, MARKETING, objection("analytics"), purpose="marketing")
    assert lacking(found) == {RESTRICTION, MARKETING}


def test_a_table_about_nobody_has_nobody_to_hold_back() -> None:
    assert permit(RESTRICTION, table=TABLE) == permit(table=TABLE)


def test_conditions_and_redactions_stay_beside_the_flags() -> None:
    rules = (allow("masked"), allow(where=CALIFORNIA))
    policy = Policy("v1", (Role("r", "", rules),))
    found = permit(RESTRICTION, policy=policy, role="r").columns["email"]
    assert [(sight.redaction, sight.where) for sight in found] == [
        ("plain_text", And((CALIFORNIA, lacks(RESTRICTION)))),
        ("masked", lacks(RESTRICTION)),
    ]


def test_what_is_denied_stays_denied() -> None:
    policy = Policy("v1", (Role("r", "", (allow(),)),), (DenyUse(labels=("user",), purposes=(Purpose("marketing"),)),))
    with pytest.raises(Denied):
        permit(RESTRICTION, policy=policy, role="r", purpose="marketing")


def test_a_decision_before_a_flag_does_not_count_after_it_nor_the_other_way() -> None:
    before = permit()
    assert lacking(before) == set()
    assert lacking(permit(RESTRICTION)) == {RESTRICTION}
    assert lacking(permit(MARKETING, purpose="marketing")) == {MARKETING}
    assert permit() == before


def test_flags_do_not_make_bulk_news() -> None:
    assert permit(RESTRICTION).exports == permit().exports != {}


def test_without_its_flags_a_permit_is_as_if_nobody_had_one() -> None:
    rules = (allow("masked"), allow(where=CALIFORNIA), Rule(effect="allow", actions=("search",), where=CALIFORNIA))
    policy = Policy("v1", (Role("r", "", rules),))
    for action in ("read", "search"):
        told: dict[str, Any] = {"action": action, "policy": policy, "role": "r"}
        assert unflagged(permit(RESTRICTION, **told)) == permit(**told)


def test_only_a_flag_that_is_lacking_is_a_mark() -> None:
    given, flag = Compare(CONSENT, "=", "news"), lacks(RESTRICTION)
    assert bare(flag) == ALWAYS
    assert bare(And((given, flag))) == given
    for where in (given, Not(given), Compare(CONSENT, "=", RESTRICTION), Or((flag, given)), ALWAYS):
        assert (bare(where), marks(where)) == (where, ())


@pytest.mark.parametrize(
    ("key", "flag", "use"), [("restriction", True, ""), ("objection:a.b", True, "a.b"), ("x", False, "")]
)
def test_keys_of_flags_are_told_from_those_of_consents(key: str, flag: bool, use: str) -> None:
    assert (is_flag(key), use_of(key)) == (flag, use)
