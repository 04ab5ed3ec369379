"""The taxonomy agrees with Fides in keys and hierarchy, and with nobody in words."""

from __future__ import annotations

import doctest
import itertools

import pytest
from fideslang.default_taxonomy import DEFAULT_TAXONOMY
from fideslang.models import DataCategory, DataSubject, DataUse

from privet.errors import UnknownName
from privet.vocabulary import taxonomy

FIDES: dict[str, list[DataCategory] | list[DataUse] | list[DataSubject]] = {
    "category": DEFAULT_TAXONOMY.data_category,
    "use": DEFAULT_TAXONOMY.data_use,
    "subject": DEFAULT_TAXONOMY.data_subject,
}


@pytest.mark.parametrize(("kind", "count"), [("category", 85), ("use", 56), ("subject", 15)])
def test_keys_and_parents_equal_those_of_fides(kind: taxonomy.Kind, count: int) -> None:
    ours = {label.key: label.parent for label in taxonomy.labels(kind)}
    theirs = {entry.fides_key: getattr(entry, "parent_key", None) for entry in FIDES[kind]}
    assert ours == theirs
    assert len(ours) == count


@pytest.mark.parametrize("kind", taxonomy.KINDS)
def test_descriptions_are_not_those_of_fides(kind: taxonomy.Kind) -> None:
    theirs = {entry.fides_key: (entry.description or "").strip().lower() for entry in FIDES[kind]}
    assert [label.key for label in taxonomy.labels(kind) if label.description.lower() == theirs[label.key]] == []


@pytest.mark.parametrize("kind", taxonomy.KINDS)
def test_every_label_has_a_name_of_its_own_and_one_sentence(kind: taxonomy.Kind) -> None:
    labels = taxonomy.labels(kind)
    assert len({label.name for label in labels}) == len(labels)
    assert [label.key for label in labels if not label.description.endswith(".") or ". " in label.description] == []


@pytest.mark.parametrize("kind", taxonomy.KINDS)
def test_parents_come_before_children(kind: taxonomy.Kind) -> None:
    seen: set[str | None] = {None}
    for label in taxonomy.labels(kind):
        assert label.parent in seen
        seen.add(label.key)


def test_a_key_belongs_to_one_kind_only() -> None:
    keys = [label.key for kind in taxonomy.KINDS for label in taxonomy.labels(kind)]
    assert len(keys) == len(set(keys))
    assert all(taxonomy.get(key).key == key for key in keys)


@pytest.mark.parametrize(
    ("label", "root", "within"),
    [
        ("user", "user", True),
        ("user.name.first", "user", True),
        ("user.name.first", "user.name", True),
        ("user.name", "user.name.first", False),
        ("user.sensor", "user.user_sensor", False),
        ("user.device.cookie_id", "user.device.cookie", False),
        ("system", "user", False),
        ("essential.service.operations.support", "essential.service", True),
        ("customer", "user", False),
    ],
)
def test_within_means_at_or_below(label: str, root: str, within: bool) -> None:
    assert taxonomy.is_within(label, root) is within


@pytest.mark.parametrize(
    ("a", "b", "ancestor"),
    [
        ("user.name", "user.name", "user.name"),
        ("user.name.first", "user.name.last", "user.name"),
        ("user.name.first", "user.name", "user.name"),
        ("user.name", "user.name.first", "user.name"),
        ("user.device.cookie", "user.device.cookie_id", "user.device"),
        ("user.name.first", "user.contact.email", "user"),
        ("system", "user", None),
        ("customer", "user.name", None),
        ("marketing.communications.email", "marketing.advertising.serving", "marketing"),
    ],
)
def test_common_ancestor_is_the_lowest_shared_label(a: str, b: str, ancestor: str | None) -> None:
    assert taxonomy.common_ancestor(a, b) == ancestor


def test_common_ancestor_does_not_mind_the_order() -> None:
    keys = [label.key for label in taxonomy.labels("use")][::3]
    for a, b in itertools.combinations(keys, 2):
        assert taxonomy.common_ancestor(a, b) == taxonomy.common_ancestor(b, a)


def test_a_misspelled_label_gets_the_nearest_as_a_hint() -> None:
    with pytest.raises(UnknownName) as caught:
        taxonomy.get("user.contact.emial")
    assert "`user.contact.emial`" in str(caught.value)
    assert "`user.contact.email`" in caught.value.hint


@pytest.mark.parametrize("label", ["", ".", "user.", "User", "user.contact.email ", "user..name"])
def test_a_label_is_known_only_by_its_exact_key(label: str) -> None:
    with pytest.raises(UnknownName):
        taxonomy.get(label)


def test_unknown_labels_are_refused_by_every_question() -> None:
    for question in (taxonomy.is_within, taxonomy.common_ancestor):
        for pair in (("user", "nobody"), ("nobody", "user")):
            with pytest.raises(UnknownName):
                question(*pair)


def test_a_value_pasted_for_a_label_is_not_repeated() -> None:
    with pytest.raises(UnknownName) as caught:
        taxonomy.get("jane.roe@example.com")
    assert "jane" not in str(caught.value) + caught.value.hint


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UnknownName):
        taxonomy.labels("law")  # type: ignore[arg-type]


def test_examples_hold() -> None:
    assert doctest.testmod(taxonomy).failed == 0
