"""The labels of a manifest: the default taxonomy with the team's own in place."""

from __future__ import annotations

from privet.manifest.labels import Labels
from privet.vocabulary.taxonomy import Kind, Label


def own(key: str, kind: Kind = "category", parent: str | None = None) -> Label:
    return Label(key=key, kind=kind, name=key, description="ours", parent=parent)


def test_the_teams_own_labels_stand_beside_and_over_the_built_in_ones() -> None:
    labels = Labels([own("user.loyalty", parent="user"), own("user.name", parent="user")])
    assert labels.known("category", "user.loyalty") and labels.known("category", "user.contact.email")
    found = labels.get("user.name")
    assert found is not None and found.description == "ours"


def test_a_key_is_known_within_its_kind() -> None:
    labels = Labels([own("customer", "category")])
    assert labels.known("category", "customer") and labels.known("subject", "customer")
    assert not labels.known("use", "customer")


def test_a_chain_goes_up_to_the_top() -> None:
    labels = Labels([own("user.loyalty.level", parent="user.loyalty"), own("user.loyalty", parent="user")])
    assert labels.chain("category", "user.loyalty.level") == ("user.loyalty.level", "user.loyalty", "user")
    assert labels.is_within("category", "user.loyalty.level", "user") and not labels.is_within(
        "category", "user", "user.x"
    )


def test_an_unknown_key_has_those_above_it_that_its_dots_say() -> None:
    assert Labels().chain("use", "marketing.raffle.spring") == (
        "marketing.raffle.spring",
        "marketing.raffle",
        "marketing",
    )


def test_subjects_have_nothing_above_them() -> None:
    assert Labels().chain("subject", "customer.vip") == ("customer.vip",)


def test_labels_that_stand_above_each_other_end() -> None:
    labels = Labels([own("a", parent="b"), own("b", parent="a")])
    assert labels.chain("category", "a") == ("a", "b")


def test_the_nearest_key_is_named() -> None:
    labels = Labels()
    assert labels.near("category", "user.contact.emial") == "user.contact.email"
    assert labels.near("category", "zzzz") == "" and labels.near("category", "x" * 5000) == ""
