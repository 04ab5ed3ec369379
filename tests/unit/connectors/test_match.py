"""What holds a value and what becomes of it, without any system."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.connectors.base import Change
from privet.connectors.match import Edits, Wanted, leaves, put, steps, text
from privet.errors import InvalidInput
from privet.vocabulary.dataset import Collection, Field, Native


def _collection(*names: str, email: str = "") -> Collection:
    native = {name: Native(identity="email") if name == email else Native() for name in names}
    return Collection(name="c", fields=tuple(Field(name=name, type="string", native=native[name]) for name in names))


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (12, "12"),
        (12.0, "12"),
        (Decimal("12.50"), "12.5"),
        (Decimal("1E+999999"), "1E+999999"),
        (-0.5, "-0.5"),
        (float("inf"), None),
        (float("nan"), None),
        (False, "false"),
        (date(2024, 2, 3), "2024-02-03"),
        (datetime(2024, 2, 3, tzinfo=UTC), "2024-02-03T00:00:00+00:00"),
        (UUID("0F8FAD5B-D9CB-469F-A165-70867728950E"), "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ("0F8FAD5B-D9CB-469F-A165-70867728950E", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ("Ada", "Ada"),
        (b"a", None),
        ([1], None),
        ({}, None),
        (None, None),
    ],
    ids=str,
)
def test_the_text_form(value: Any, form: str | None) -> None:
    assert text(value) == form


def test_addresses_of_people_compare_without_case_and_nothing_else_does() -> None:
    wanted = Wanted(_collection("email", "name", email="email"), {"email": ["ADA@example.com"], "name": ["Ada"]})
    assert wanted.holds({"email": "ada@EXAMPLE.com"}) and not wanted.holds({"name": "ada"})


def test_every_part_of_a_key_must_hold_and_null_is_nothing_there() -> None:
    edits = Edits(_collection("a", "b"), [Change({"a": 1, "b": None}, None, "1"), Change({"a": None}, None, "2")])
    assert [edits.of(row) for row in ({"a": 1}, {"a": "1", "b": None}, {"a": 1, "b": 0}, {}, {"b": None})] == [
        [0],
        [0],
        [],
        [],
        [],
    ]


def test_changes_are_made_one_after_the_other() -> None:
    changes = [Change({"a": 1}, {"b": "m"}, "1"), Change({"b": "x"}, None, "2"), Change({"a": 1}, {"a": 2}, "3")]
    edits = Edits(_collection("a", "b"), changes)
    assert edits.apply({"a": 1, "b": "x"}) == ({"a": 2, "b": "m"}, [0, 2])
    assert edits.apply({"a": 9, "b": "x"}) == (None, [1])
    assert edits.apply({"a": 9, "b": "y"}) == ({"a": 9, "b": "y"}, [])


@pytest.mark.parametrize(
    ("value", "path", "new", "made"),
    [
        ({"a": 1}, "a", None, {"a": None}),
        ({"a": 1}, "b", None, {"a": 1}),
        ({"a": [{"b": 1}, {"c": 2}, 3]}, "a.b", 0, {"a": [{"b": 0}, {"c": 2}, 3]}),
        ({"a": [1, [2]]}, "a", 0, {"a": [0, [0]]}),
        ({"a": [1]}, "a", None, {"a": None}),
        ({"a": [1, 2]}, "a", [9], {"a": [9]}),
        ({"a": {"b": {"c": 1}}}, "a.b", "x", {"a": {"b": "x"}}),
        ({"a": 1}, "a", True, {"a": True}),
    ],
    ids=str,
)
def test_a_mask_changes_what_is_there(value: Any, path: str, new: Any, made: Any) -> None:
    before = repr(value)
    found = put(value, steps(path), new)
    assert found == made and repr(found) == repr(made) and repr(value) == before


def test_what_is_declared_nowhere_and_a_change_without_a_key_are_refused() -> None:
    with pytest.raises(InvalidInput):
        Wanted(_collection("a"), {"b": ["canary"]})
    for change in (Change({"b": 1}, None, ""), Change({"a": 1}, {"b": 1}, ""), Change({}, None, "")):
        with pytest.raises(InvalidInput):
            Edits(_collection("a"), [change])


def test_a_name_that_reads_as_a_path_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"a\.b"):
        Wanted(_collection("a.b"), {"a.b": ["x"]})


_TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from("abc"), _TREES), st.lists(st.sampled_from("abc"), min_size=1, max_size=3))
def test_after_a_mask_nothing_but_the_mask_is_found_there(tree: Any, along: list[str]) -> None:
    path = tuple(along)
    now = put(tree, path, "MASK")
    assert all(leaf == "MASK" for leaf in leaves(now, path))
    assert put(now, path, "MASK") is now
    others = [way for way in ("a", "b", "c") if way != path[0]]
    assert all(list(leaves(now, (way,))) == list(leaves(tree, (way,))) for way in others)
