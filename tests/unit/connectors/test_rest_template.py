"""Placeholders: whatever a value is, it stays one value."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.connectors.rest.template import (
    Body,
    Filling,
    Missing,
    Unfit,
    body,
    filled,
    form,
    header_text,
    path_text,
    plain_text,
    text,
)
from privet.errors import InvalidInput

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ["..", ".", "../x", "a/b", "a?b=c", "#", "%2e%2e", "\r\nX: y", "\x00", '"', "'", "\\", "<id>", "{}"]
    ),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


def safe(value: Any) -> bool:
    return "\\ud8" not in repr(value).lower() and not re.search("[\ud800-\udfff]", repr(value))


@given(TEXTS)
def test_a_value_in_a_path_is_one_segment_of_it(value: str) -> None:
    try:
        made = path_text(text("/people/<id>/notes"), Filling({"id": value}))
    except Unfit:
        assert not value.strip(". ") or re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]", value)
        return
    top, people, segment, notes = made.split("/")
    assert (top, people, notes) == ("", "people", "notes")
    assert unquote(segment) == value and re.fullmatch(r"[A-Za-z0-9_~%-]+", segment)


@given(TEXTS)
def test_a_value_in_a_header_begins_no_other(value: str) -> None:
    try:
        made = header_text(text("Custom <x>"), Filling({"x": value}))
    except Unfit:
        return
    assert made.isprintable() and made.isascii() and made == f"Custom {value}".strip()


@given(VALUES, TEXTS)
def test_a_bare_value_in_a_body_keeps_its_type_and_its_place(value: Any, other: str) -> None:
    template = body('{"a": <x>, "b": "<y>", "c": [1, <x>], "d": {"e": "kept"}}')
    made = filled(template, Filling({"x": value, "y": other}, frozenset())) if value is not None else None
    if made is None:
        with pytest.raises(Missing):
            filled(template, Filling({"x": value, "y": other}))
        return
    assert made == {"a": value, "b": other, "c": [1, value], "d": {"e": "kept"}}
    if safe(value) and safe(other):
        assert json.loads(json.dumps(made)) == json.loads(json.dumps({**made}))


@given(st.dictionaries(st.text(min_size=1, max_size=8), VALUES, max_size=4))
def test_members_come_in_the_place_of_their_placeholder_and_nowhere_else(members: dict[str, Any]) -> None:
    template = body('{"properties": {<masked_object_fields>, "kept": 1}, "other": 2}')
    made = filled(template, Filling({"masked_object_fields": members}))
    assert set(made) == {"properties", "other"}
    assert made["properties"] == {**members, "kept": 1}


@given(TEXTS)
def test_a_value_within_quotes_of_a_query_language_stays_within(value: str) -> None:
    source = text("SELECT Id FROM Contact WHERE Email = '<email>' AND Kind = \"<email>\"")
    try:
        made = plain_text(source, Filling({"email": value}))
    except Unfit:
        return
    found = re.fullmatch(
        r"SELECT Id FROM Contact WHERE Email = '((?:[^'\\]|\\.)*)' AND Kind = \"((?:[^\"\\]|\\.)*)\"", made, re.DOTALL
    )
    assert found is not None
    assert [re.sub(r"\\(.)", r"\1", part, flags=re.DOTALL) for part in found.groups()] == [value, value]


@given(TEXTS)
def test_a_value_in_json_text_within_json_stays_within_both(value: str) -> None:
    template = body('{"query": "mutation { forget(id: \\"<id>\\") }"}')
    try:
        made = filled(template, Filling({"id": value}))["query"]
    except Unfit:
        return
    found = re.fullmatch(r'mutation \{ forget\(id: "((?:[^"\\]|\\.)*)"\) \}', made, re.DOTALL)
    assert found is not None and re.sub(r"\\(.)", r"\1", found[1], flags=re.DOTALL) == value


@pytest.mark.parametrize("value", ["a OR email:*", "a b", "*", "x)", "a,b", 'a"', "a'", "a:b", "a<b", "\\"])
def test_a_value_without_quotes_in_a_longer_text_is_plain(value: str) -> None:
    source = text("type:user email:<email>")
    with pytest.raises(InvalidInput) as told:
        plain_text(source, Filling({"email": value}))
    assert value not in told.value.message.replace("`<email>`", "") or len(value) == 1
    assert plain_text(source, Filling({"email": "o-brien+x@example.com"})) == "type:user email:o-brien+x@example.com"
    assert plain_text(source, Filling({"email": value}, trusted=frozenset({"email"}))).endswith(value)


@pytest.mark.parametrize("value", ["", ".", "..", "...", " ", "a\nb", "\x00", "\ud800", b"x", "x" * 2001])
def test_what_cannot_stand_in_a_path_is_unfit(value: Any) -> None:
    with pytest.raises(Unfit):
        path_text(text("/people/<id>"), Filling({"id": value}))


def test_values_are_written_as_apis_do() -> None:
    source = text("<x>")
    for value, said in ((True, "true"), (7, "7"), (1.5, "1.5"), (["a"], '["a"]')):
        assert plain_text(source, Filling({"x": value})) == said


def test_what_nobody_gives_is_missing_and_what_is_optional_left_out() -> None:
    with pytest.raises(Missing) as told:
        path_text(text("/a/<id>"), Filling({}))
    assert "`<id>`" in told.value.message
    made = filled(body('{"a": <x?>, "b": "<x?>", "c": "n: <x?>", "d": [<x?>, 1]}'), Filling({}))
    assert made == {"c": "n: ", "d": [1]}


def test_a_name_with_dots_goes_into_objects() -> None:
    assert plain_text(text("<row.id>"), Filling({"row": {"id": 7}})) == "7"
    assert plain_text(text("<row.id>"), Filling({"row.id": 8, "row": {"id": 7}})) == "8"


@pytest.mark.parametrize("source", ["{", '{"a": }', '{"a": 1} x', "{<a> <b>}", '{"a": <b> <c>}', '"\x00"'])
def test_what_is_no_json_is_refused(source: str) -> None:
    with pytest.raises(InvalidInput):
        body(source)


@given(st.text(alphabet='{}[],:"<>ab?\\ 1', max_size=30))
def test_any_body_is_read_or_refused(source: str) -> None:
    try:
        made = body(source)
    except InvalidInput:
        return
    assert isinstance(made, Body)


def test_commas_before_a_closing_bracket_are_passed_over() -> None:
    assert filled(body('{"values": ["<user_id>",],}'), Filling({"user_id": 1})) == {"values": ["1"]}


def test_forms_nest_by_brackets() -> None:
    assert form({"a": {"b": [1, {"c": None}]}}) == [("a[b][0]", "1"), ("a[b][1][c]", "")]
    with pytest.raises(InvalidInput):
        form([1])
