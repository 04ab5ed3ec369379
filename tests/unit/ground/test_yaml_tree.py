"""YAML as a tree: places, all faults at once, aliases within bounds."""

from __future__ import annotations

import pytest

from privet.codec import MAX_DEPTH, parse_yaml, read_yaml
from privet.errors import MalformedBody


def faults(text: str, aliases: int = 0) -> list[tuple[str, str]]:
    return [(str(fault.place), fault.message) for fault in parse_yaml(text, "f.yml", aliases=aliases)[1]]


def test_every_duplicate_key_is_told_with_its_place() -> None:
    assert faults("a: 1\nb:\n  c: 1\n  c: 2\na: 3\n") == [
        ("f.yml:4:3", "key `c` stands twice"),
        ("f.yml:5:1", "key `a` stands twice"),
    ]


def test_several_faults_are_raised_as_one_that_holds_all() -> None:
    with pytest.raises(MalformedBody) as caught:
        read_yaml("a: 1\na: 2\na: 3\n", "f.yml")
    assert caught.value.at == "f.yml:2:1" and [fault.at for fault in caught.value.faults] == ["f.yml:2:1", "f.yml:3:1"]


def test_an_alias_stands_for_the_value_of_its_anchor_and_keeps_its_place() -> None:
    node = read_yaml("a: &x [1, 2]\nb: *x\n", "f.yml", aliases=10)
    assert node.plain() == {"a": [1, 2], "b": [1, 2]}
    assert isinstance(node.value, dict) and str(node.value["b"].place) == "f.yml:1:4"


def test_merges_stand_below_explicit_keys_and_earlier_ones_above_later() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz: {<<: [*x, *y], c: 3}\n"
    assert read_yaml(text, aliases=20).plain()["z"] == {"a": 1, "b": 1, "c": 3}


def test_without_leave_no_alias_is_read() -> None:
    assert faults("a: &x 1\nb: *x\nc: *x\n") == [
        ("f.yml:2:4", "expected YAML without aliases"),
        ("f.yml:3:4", "expected YAML without aliases"),
    ]


def test_an_alias_bomb_is_a_fault() -> None:
    text = "a0: &a0 [1, 1]\n" + "".join(f"a{at}: &a{at} [*a{at - 1}, *a{at - 1}]\n" for at in range(1, 40))
    found = faults(text, aliases=100_000)
    assert len(found) == 1 and found[0][1].startswith("alias bomb")


def test_merges_count_against_the_bound() -> None:
    text = (
        "a: &a {"
        + ", ".join(f"k{at}: 1" for at in range(30))
        + "}\n"
        + "".join(f"b{at}: {{<<: *a}}\n" for at in range(9))
    )
    assert faults(text, aliases=200)[-1][1].startswith("alias bomb")


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("a: &x [*x]\n", "f.yml:1:8", "expected an alias of an anchor above it, found one of none"),
        ("a: *x\n", "f.yml:1:4", "expected an alias of an anchor above it, found one of none"),
        ("a: &x 1\nb: {<<: *x}\n", "f.yml:1:4", "expected `<<` to name a mapping, or a list of mappings"),
        ("a: !!str 1\n", "f.yml:1:4", "expected YAML without tags"),
        ("a: 1\n---\nb: 1\n", "f.yml:2:1", "expected one document, found another"),
        ("? [1]\n: 2\n", "f.yml:1:3", "expected a plain key"),
        ("a:\n\t- b\n", "f.yml:2:1", "expected YAML"),
        ("a: \x07\n", "f.yml:1:4", "expected YAML of printable characters in UTF-8"),
        ("a: \ud800\n", "f.yml:1:4", "expected YAML of printable characters in UTF-8"),
    ],
    ids=["alias of itself", "alias of none", "merge of text", "tag", "documents", "key", "tab", "control", "surrogate"],
)
def test_what_is_no_plain_yaml_is_told_with_its_place(text: str, place: str, message: str) -> None:
    assert faults(text, aliases=100) == [(place, message)]


@pytest.mark.parametrize(
    "text", ["[" * 5000, "{a: " * 5000, "- " * 5000, "".join(f"{' ' * at}a:\n" for at in range(200))]
)
def test_a_text_that_is_too_deep_is_refused(text: str) -> None:
    assert f"expected YAML of depth at most {MAX_DEPTH}, found more" in faults(text)[0][1]


def test_a_deep_text_within_the_bound_is_read() -> None:
    text = "".join(f"{' ' * at}a:\n" for at in range(MAX_DEPTH))
    assert parse_yaml(text)[1] == ()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: b: c\n", "needs quotes"),
        ("a: 'b\n", "closing quote"),
        ("a: [b, c\n", "closing bracket"),
        ("a: @b\n", "needs quotes"),
        ("a: 1\n b: 2\n", "needs quotes; a key stands on a line of its own"),
        ("- a\nb: c\n", "indented"),
    ],
)
def test_common_faults_say_what_to_do(text: str, hint: str) -> None:
    assert hint in parse_yaml(text)[1][0].hint


def test_keys_are_text_as_written() -> None:
    assert read_yaml("on: 1\n1: 2\nnull: 3\n").plain() == {"on": 1, "1": 2, "null": 3}


def test_windows_line_ends_keep_places() -> None:
    node = read_yaml("a:\r\n  - b: 1\r\n", "f.yml")
    assert node.plain() == {"a": [{"b": 1}]}


@pytest.mark.parametrize("text", ["9" * 5000, "0x" + "f" * 5000, "1" + ":1" * 5000], ids=["decimal", "hex", "sixties"])
def test_a_number_too_large_to_hold_is_text(text: str) -> None:
    assert read_yaml(f"a: {text}\n").plain() == {"a": text}
