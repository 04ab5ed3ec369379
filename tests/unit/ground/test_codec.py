"""Strict JSON and YAML: what a lenient parser lets through is refused, and no error shows what was sent."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.codec import decode, encode, read_yaml
from privet.errors import MalformedBody, PrivetError, TooLarge

CANARY = "canary-4111"


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}',
        b'[{"x": {"a": 1, "b": 1, "a": 3}}]',
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'"\\ud800"',
        b'"\\udc00 canary-4111"',
        b'"\\u0000"',
        b'{"a": "\x00"}',
        b"\xff\xfe",
        b"{",
        b"",
        b"[1,]",
        "\ufeff{}".encode("utf-16"),
    ],
    ids=repr,
)
def test_what_is_not_strict_json_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody) as caught:
        decode(body, object)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(("depth", "fits"), [(64, True), (65, False), (100_000, False)])
def test_depth_is_bounded(depth: int, fits: bool) -> None:
    body = b"[" * depth + b"]" * depth
    if fits:
        assert decode(body, list) is not None
    else:
        with pytest.raises(TooLarge):
            decode(body, list)


@pytest.mark.parametrize("text", ["[{: not one", 'of "these" \\ [{: counts'], ids=["plain", "escaped"])
def test_what_strings_hold_counts_for_neither_depth_nor_keys(text: str) -> None:
    value = [{text: [text]}] * 200
    assert decode(encode(value), object, max_keys=200) == value


def test_keys_are_counted() -> None:
    body = encode({str(i): i for i in range(50)})
    assert len(decode(body, dict, max_keys=50)) == 50
    with pytest.raises(TooLarge):
        decode(body, dict, max_keys=49)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=4), inner, max_size=4
        )
    ),
    max_leaves=20,
)


@given(json_values)
def test_every_strict_value_passes(value: object) -> None:
    assert decode(encode(value), object) == value


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    count: int
    kind: list[str] = []


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b'{"count": "canary-4111"}', "count"),
        (b'{"count": 1, "kind": ["a", 5]}', "kind[1]"),
        (b'{"count": 1, "canary-4111": 2}', ""),
        (b"{}", ""),
    ],
)
def test_a_wrong_shape_names_its_place_and_never_the_value(body: bytes, place: str) -> None:
    with pytest.raises(MalformedBody) as caught:
        decode(body, Shape)
    assert caught.value.at == place and CANARY not in str(caught.value)


def test_yaml_keeps_places() -> None:
    node = read_yaml("a:\n  - b: 1\n    c: 2020-01-01\n", "f.yml")
    assert node.plain() == {"a": [{"b": 1, "c": "2020-01-01"}]}
    inner = node.value["a"].value[0].value["c"]  # type: ignore[index, union-attr, call-overload]
    assert str(inner.place) == "f.yml:3:8"


@pytest.mark.parametrize(
    "text",
    ["a: 1\na: 2\n", "a: &x 1\nb: *x\n", "a: !!python/object:os.system 1\n", "? [1]\n: 2\n", "a: [1\n", "a: b: c\n"],
)
def test_yaml_that_could_mislead_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(PrivetError) as caught:
        read_yaml(text, "f.yml")
    assert caught.value.at.startswith("f.yml:")
