"""A team's own categories, uses and subjects in a policy: which are known, how they are written, what they bind."""

from __future__ import annotations

from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import InvalidPolicy
from privet.policy.check import check
from privet.policy.format import write
from privet.policy.parse import parse
from privet.policy.syntax import Aim, DenyUse, Erase, Limit, Policy, Promise, RequireConsent, Target
from privet.vocabulary.access import Purpose
from privet.vocabulary.system import Declaration, System
from privet.vocabulary.taxonomy import Kind, Label


def label(key: str, kind: Kind = "category") -> Label:
    above = key.rpartition(".")[0] or None
    return Label(key=key, kind=kind, name=key, description="", parent=None if kind == "subject" else above)


OWN = (
    label("user.loyalty"),
    label("user.loyalty.Tier"),
    label("staff"),
    label("fraud.scoring", "use"),
    label("club_member", "subject"),
)


def faults(text: str) -> list[tuple[str, str]]:
    with pytest.raises(InvalidPolicy) as told:
        parse(text, labels=OWN)
    return [(fault.at, fault.hint) for fault in told.value.faults]


@pytest.mark.parametrize(
    ("text", "promise"),
    [
        (
            "deny use of user.loyalty, staff for fraud.scoring about club_member",
            DenyUse(labels=("user.loyalty", "staff"), purposes=(Purpose("fraud.scoring"),), subjects=("club_member",)),
        ),
        ("limit masked of user.loyalty to connections", Limit(redaction="masked", labels=("user.loyalty",))),
        (
            "require consent 'club' for fraud.scoring",
            RequireConsent(key="club", purposes=(Purpose("fraud.scoring"),)),
        ),
        (
            "erase user.loyalty.Tier by null_rewrite",
            Erase(targets=(Aim("user.loyalty.Tier"),), strategy="null_rewrite"),
        ),
    ],
    ids=["deny", "limit", "consent", "erase"],
)
def test_a_promise_names_them(text: str, promise: Promise) -> None:
    assert parse(text, labels=OWN).promises == (promise,)


def test_a_rule_names_them_as_its_targets_and_purposes() -> None:
    (role,) = parse("role r for fraud.scoring\nallow read on user.loyalty for fraud.scoring", labels=OWN).roles
    assert role.purposes == role.rules[0].purposes == ("fraud.scoring",)
    assert role.rules[0].targets == (Target(label="user.loyalty"),)


def test_without_them_they_are_unknown() -> None:
    with pytest.raises(InvalidPolicy):
        parse("limit masked of user.loyalty to connections")


def test_a_target_below_another_word_is_a_table() -> None:
    (role,) = parse("role r\nallow read on staff.name", labels=(*OWN, label("staff.name"))).roles
    assert role.rules[0].targets == (Target("staff", "name"),)


@pytest.mark.parametrize(
    ("text", "at", "hint"),
    [
        ("limit masked of user.loyalti to connections", "1:17", "did you mean `user.loyalty`?"),
        ("limit masked of user.contcat to connections", "1:17", "did you mean `user.contact`?"),
        ("deny use of user for fraud.scorings", "1:22", "did you mean `fraud.scoring`?"),
        ("deny use of user for marketing about club_members", "1:38", "did you mean `club_member`?"),
    ],
    ids=["own", "built in", "use", "subject"],
)
def test_the_nearest_is_sought_among_both(text: str, at: str, hint: str) -> None:
    assert [(place, said.split(" or ")[0].rstrip("?")) for place, said in faults(text)] == [(at, hint.rstrip("?"))]


def test_a_label_of_another_kind_is_unknown() -> None:
    assert [at for at, _ in faults("deny use of fraud.scoring for user.loyalty about staff")] == [
        "1:13",
        "1:31",
        "1:50",
    ]


def test_built_in_ones_are_known_beside_them_whatever_the_case() -> None:
    (promise,) = parse(
        "limit masked of USER.Contact, User.LOYALTY, user.loyalty.Tier to connections", labels=OWN
    ).promises
    assert isinstance(promise, Limit)
    assert promise.labels == ("user.contact", "user.loyalty", "user.loyalty.Tier")


_PARTS = st.text(st.sampled_from(f"{ascii_letters}0123456789_-<>"), min_size=1, max_size=12)
_KEYS = st.lists(_PARTS, min_size=1, max_size=4).map(".".join)


@given(category=_KEYS, use=_KEYS, subject=_KEYS)
def test_every_key_that_a_manifest_may_have_is_written_so_that_it_reads_the_same(
    category: str, use: str, subject: str
) -> None:
    own = (label(category), label(f"user.{category}"), label(use, "use"), label(subject, "subject"))
    policy = Policy(
        "",
        (),
        (
            DenyUse(labels=(category, f"user.{category}"), purposes=(Purpose(use),), subjects=(subject,)),
            Erase(targets=(Aim(f"user.{category}"),), strategy="hash"),
        ),
    )
    assert parse(write(policy), labels=own) == policy


def test_what_no_target_can_name_is_not_written() -> None:
    with pytest.raises(InvalidPolicy):
        write(Policy("", (), (Erase(targets=(Aim("staff"),), strategy="hash"),)))


def test_a_promise_binds_what_is_at_or_below_an_own_label() -> None:
    policy = parse("deny use of user.loyalty for fraud about club_member", labels=(*OWN, label("fraud", "use")))
    used = Declaration(
        categories=("user.loyalty.Tier",), use=Purpose("fraud.scoring"), subjects=("club_member",), datasets=()
    )
    assert [found.severity for found in check(policy, [System(key="shop", kind="", declarations=(used,))], [])] == [
        "error"
    ]
