"""The basic types: known answers, and the laws that every one of the shelf's types without a dot keeps."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.errors import InvalidValue
from privet.vocabulary.datatype import TYPES, Wire

BASIC = ["string", "text", "integer", "decimal", "boolean", "date", "timestamp", "json", "file"]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES: st.SearchStrategy[Wire] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@pytest.mark.parametrize(
    ("type_name", "sent", "canonical"),
    [
        ("string", "  two  words ", "two  words"),
        ("string", "", ""),
        ("string", "e\u0301", "é"),
        ("text", "a\r\nb\rc", "a\nb\nc"),
        ("integer", 42, "42"),
        ("integer", "-007", "-7"),
        ("integer", "-0", "0"),
        ("integer", 2**63 - 1, "9223372036854775807"),
        ("decimal", "1.50", "1.5"),
        ("decimal", "1e3", "1000"),
        ("decimal", "-0.00", "0"),
        ("decimal", ".5", "0.5"),
        ("decimal", 0.1, "0.1"),
        ("decimal", 1e-7, "0.0000001"),
        ("decimal", 10, "10"),
        ("boolean", True, "true"),
        ("boolean", "FALSE", "false"),
        ("date", "2024-02-29", "2024-02-29"),
        # RFC 3339, section 5.8: the examples of the page.
        ("timestamp", "1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000Z"),
        ("timestamp", "1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57Z"),
        ("timestamp", "1937-01-01t12:00:27.870+00:20", "1937-01-01T11:40:27.870000Z"),
        ("timestamp", "2024-02-29 12:30:00.000000000Z", "2024-02-29T12:30:00Z"),
        ("json", {"b": [1, None, True], "a": "é"}, '{"a":"é","b":[1,null,true]}'),
        ("json", '{"b": 1, "a": 2}', '{"a":2,"b":1}'),
        ("json", "plain words", '"plain words"'),
        ("json", None, "null"),
    ],
)
def test_canonical_form(type_name: str, sent: Wire, canonical: str) -> None:
    assert TYPES.get(type_name).normalize(sent) == canonical


@pytest.mark.parametrize(
    ("type_name", "sent"),
    [
        ("string", 1),
        ("string", "a\x00b"),
        ("string", "abc\u202edef"),
        ("integer", True),
        ("integer", 1.0),
        ("integer", "1.0"),
        ("integer", 2**63),
        ("integer", "٤٢"),
        ("decimal", "NaN"),
        ("decimal", float("inf")),
        ("decimal", "1e99"),
        ("decimal", "."),
        ("decimal", True),
        ("boolean", 1),
        ("boolean", "yes"),
        ("date", "2023-02-29"),
        ("date", "0000-01-01"),
        ("date", "12/04/1985"),
        ("timestamp", "1990-12-31T23:59:60Z"),
        ("timestamp", "2024-01-01T00:00:00"),
        ("timestamp", "0001-01-01T00:00:00+01:00"),
        ("timestamp", "2024-01-01T00:00:00.1234567Z"),
        ("json", float("nan")),
        ("json", '{"a":1,"a":2}'),
        ("file", {"name": "a/b.png", "mime": "image/png", "size": 1, "sha256": "ab" * 32}),
        ("file", {"name": "a.png", "mime": "image", "size": 1, "sha256": "ab" * 32}),
        ("file", {"name": "a.png", "mime": "image/png", "size": 1, "sha256": "ab"}),
        ("file", {"name": "a.png", "mime": "image/png", "size": 1}),
    ],
)
def test_refused(type_name: str, sent: Wire) -> None:
    with pytest.raises(InvalidValue) as caught:
        TYPES.get(type_name).normalize(sent)
    if isinstance(sent, str) and len(sent) > 4:
        assert sent not in str(caught.value)


@pytest.mark.parametrize(
    ("type_name", "sent"),
    [
        pytest.param("decimal", 10**5000, id="decimal of 5,001 digits"),
        pytest.param("integer", 10**5000, id="integer of 5,001 digits"),
        pytest.param("string", "a" * 4097, id="string of 4,097 characters"),
        pytest.param("text", "a" * (1 << 20) + "b", id="text above 1 MiB"),
        pytest.param("json", "[" * 66 + "]" * 66, id="66 levels"),
        pytest.param("json", "[" * 100_000 + "]" * 100_000, id="100,000 levels"),
        pytest.param("json", "\ud800", id="lone surrogate"),
        pytest.param("json", 10**5000, id="json number of 5,001 digits"),
    ],
)
def test_too_much_is_refused(type_name: str, sent: Wire) -> None:
    with pytest.raises(InvalidValue):
        TYPES.get(type_name).normalize(sent)


def test_json_may_be_64_levels_deep_and_no_deeper() -> None:
    json_type = TYPES.get("json")
    assert json_type.normalize("[" * 64 + "]" * 64) == "[" * 64 + "]" * 64
    deep: list[Wire] = []
    for _ in range(64):
        deep = [deep]
    with pytest.raises(InvalidValue):
        json_type.normalize(deep)


def test_instants_sort_by_time_with_and_without_decimals() -> None:
    order = TYPES.get("timestamp").order
    assert order is not None
    early, late = "2024-01-01T00:00:00Z", "2024-01-01T00:00:00.000001Z"
    assert sorted([late, early], key=lambda text: str(order(text))) == [early, late]


def test_timestamp_answers_ranges_by_day_month_and_year() -> None:
    low, high = "2023-12-31T10:00:00Z", "2024-01-01T09:00:00Z"
    found = {}
    for name in ("date", "year_month", "year"):
        part = TYPES.get("timestamp").part(name)
        assert part is not None and part.cover is not None
        found[name] = list(part.cover(low, high))
    assert found == {
        "date": ["2023-12-31", "2024-01-01"],
        "year_month": ["2023-12", "2024-01"],
        "year": ["2023", "2024"],
    }


def test_a_range_of_days_without_end_is_refused() -> None:
    part = TYPES.get("timestamp").part("date")
    assert part is not None and part.cover is not None
    with pytest.raises(InvalidValue):
        part.cover("2024-01-01T00:00:00Z", "")
    with pytest.raises(InvalidValue):
        part.cover("1900-01-01T00:00:00Z", "2024-01-01T00:00:00Z")


def test_file_shows_kind_and_size_when_masked() -> None:
    file = TYPES.get("file")
    text = file.normalize({"name": "jane.png", "mime": "image/png", "size": 9, "sha256": "AB" * 32})
    assert file.masked(text) == "image/png, 9 bytes"
    assert file.present(text) == json.loads(text)


@pytest.mark.parametrize("type_name", BASIC)
@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_normalizing_twice_changes_nothing_and_presenting_loses_nothing(type_name: str, value: Wire) -> None:
    datatype = TYPES.get(type_name)
    try:
        text = datatype.normalize(value)
    except InvalidValue:
        return
    assert datatype.normalize(text) == text
    assert datatype.normalize(datatype.present(text)) == text
    datatype.masked(text)
    for part in datatype.parts:
        part.of(text)
