"""Verbs that touch no column: what lets a caller in, and what keeps her out."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from test_decide import CALIFORNIA, NOON, allow, deny, policy, who

from privet.errors import Denied
from privet.policy.decide import may, may_anything
from privet.policy.syntax import Policy, Target
from privet.vocabulary.access import Principal, Purpose

EMAIL, CONTACT = Target("people", "email"), Target(label="user.contact")


def let_in(given: Policy, caller: Principal, purpose: str = "") -> bool:
    with suppress(Denied):
        may_anything(given, caller, Purpose(purpose) if purpose else None)
        return True
    return False


@pytest.mark.parametrize(
    ("allowed", "denied", "expected"),
    [
        (EMAIL, Target(), False),
        (EMAIL, Target("people"), False),
        (EMAIL, EMAIL, False),
        (EMAIL, Target("", "email"), False),
        (EMAIL, Target("people", "ssn"), True),
        (EMAIL, Target("orders"), True),
        (EMAIL, Target("people", "email", part="domain"), True),
        (EMAIL, CONTACT, True),
        (Target("people"), EMAIL, True),
        (Target(), Target("people"), True),
        (CONTACT, Target(), False),
        (CONTACT, CONTACT, False),
        (Target(label="user.contact.email"), CONTACT, False),
        (CONTACT, Target(label="user.contact.email"), True),
        (CONTACT, Target("people"), True),
    ],
)
def test_a_deny_of_all_that_is_allowed_keeps_out(allowed: Target, denied: Target, expected: bool) -> None:
    rule = allow(targets=(allowed,))
    assert let_in(policy(rule, deny(targets=(denied,))), who("r")) is expected
    assert let_in(policy(rule, deny(targets=(denied,), where=CALIFORNIA)), who("r"))
    assert let_in(policy(rule, deny("export", targets=(denied,))), who("r"))


def test_one_target_that_nothing_denies_lets_in() -> None:
    both = allow(targets=(EMAIL, Target("people", "ssn")))
    assert let_in(policy(both, deny(targets=(EMAIL,))), who("r"))
    assert not let_in(policy(both, deny(targets=(EMAIL,)), deny(targets=(Target("people", "ssn"),))), who("r"))


def test_what_the_credential_is_not_scoped_for_lets_nobody_in() -> None:
    assert let_in(policy(allow()), who("r", scopes=("read",)))
    assert not let_in(policy(allow()), who("r", scopes=("audit",)))
    manage = replace(allow(), actions=("manage", "audit"))
    may(policy(manage), who("r", scopes=("manage",)), "manage", None)
    with pytest.raises(Denied, match="not scoped for `audit`"):
        may(policy(manage), who("r", scopes=("manage",)), "audit", None)


def test_a_purpose_is_granted_with_all_below_it_and_only_if_the_taxonomy_has_it() -> None:
    caller = who("r", purposes=("essential.service", "no.such"))
    assert let_in(policy(allow()), caller, "essential.service.payment_processing")
    assert not let_in(policy(allow()), caller, "essential")
    assert not let_in(policy(allow()), caller, "no.such")


def test_what_has_ended_lets_nobody_in_and_keeps_nobody_out() -> None:
    ended, going = NOON + timedelta(seconds=1), NOON - timedelta(seconds=1)
    for now, expected in ((going, True), (NOON, False), (ended, False), (None, False)):
        with suppress(Denied):
            may_anything(policy(allow(until=NOON)), who("r"), None, now=now)
            assert expected
            continue
        assert not expected
    may_anything(policy(allow(), deny(until=NOON)), who("r"), None, now=ended)
    with pytest.raises(Denied):
        may_anything(policy(allow(), deny(until=NOON)), who("r"), None, now=going)
