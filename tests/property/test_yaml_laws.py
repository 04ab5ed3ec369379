"""Laws of reading YAML: both readers say the same, scalars mean what PyYAML says, and no text harms."""

from __future__ import annotations

import datetime
import math

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from privet.codec import Node, parse_yaml
from privet.codec.block import block
from privet.codec.events import Composer
from privet.codec.tree import scalar

# Values as people write them, and as nobody should: each form that the quick reader takes, and its neighbours.
VALUES = (
    *(
        "",
        "a",
        "b c",
        "a  b   ",
        "1",
        "-1",
        "-x",
        "- x",
        "--x",
        "---",
        "...",
        "yes",
        "~",
        "null",
        "0x1F",
        "1:30",
        "1.5",
    ),
    *(
        "'q'",
        "'it''s'",
        '"d"',
        '"d e" # c',
        '"a\\n"',
        "''",
        '""',
        "'a'b",
        "x: y",
        "x:y",
        "x #c",
        "x#c",
        "#c",
        "a:",
        ": x",
    ),
    *(
        "[a, b]",
        "[]",
        "{}",
        "{a: b}",
        "{a: [1, 2], b: c}",
        "[a, ]",
        "[ a , b ] # c",
        "[-a]",
        "['x', \"y\"]",
        "[{a: 1}]",
    ),
    *("[a - b, c]", "[[a], [b]]", "[", "]", "{a}", "{a: }", "{a: b, a: c}", "[a: b]", "{a:b}", "[a, b] c", "[a, , b]"),
    *("|", ">-", "|\n      text\n", "*a", "&a b", "!!str 1", "@x", "`x", "%x", "? a", "- - a", "foo]", ",", "<<", "="),
    *("é", "\u00a0x", "x\u00a0#y", "[a\u00a0b]", "a\tb", "[\u00b2]", "\U0001f600", "\u2028", "\ufeff"),
)
KEYS = ("a", "b", "name", "k.x", "k-y", "_z", "yes", "1", '"q"', "'s'", "a b", "<<", "-k", "é")
MARKS = ("", "# c", "   ", "---", "...", "%YAML 1.1")


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Return one line: a key, an item, a mark or a blank, at some depth."""
    indent = " " * draw(st.sampled_from((0, 0, 2, 2, 4, 4, 6, 1, 3)))
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from((indent, ""))) + draw(st.sampled_from(MARKS))
    dash = draw(st.sampled_from(("", "", "- ", "- ", "-  ", "- - ", "-")))
    key = draw(st.sampled_from(("", *KEYS[:6], *KEYS)))
    gap = draw(st.sampled_from((": ", ": ", ":", ":  "))) if key else ""
    return indent + dash + key + gap + draw(st.sampled_from(("", "", *VALUES)))


TEXTS = st.builds(
    lambda body, ends, last: ends.join(body) + last,
    st.lists(lines(), max_size=10),
    st.sampled_from(("\n", "\n", "\n", "\r\n")),
    st.sampled_from(("\n", "", "\n\n")),
)


def same(left: Node, right: Node) -> bool:
    """Return whether two trees hold the same values of the same kinds, in the same order, at the same places."""
    if left.place != right.place or type(left.value) is not type(right.value):
        return False
    if isinstance(left.value, dict) and isinstance(right.value, dict):
        pairs = zip(left.items(), right.items(), strict=False)
        return len(left.value) == len(right.value) and all(a[0] == b[0] and same(a[1], b[1]) for a, b in pairs)
    if isinstance(left.value, list) and isinstance(right.value, list):
        return len(left.value) == len(right.value) and all(map(same, left.value, right.value))
    return left.value == right.value or (left.value != left.value and right.value != right.value)


@settings(max_examples=3000, deadline=None)
@given(TEXTS)
@example("a:\n- b: 1\n- c\nd:\n  - e:\n  - f:\n")
@example("  ---\n- a\n")
@example("---\n# c\na: x\n---\n")
def test_the_quick_reader_reads_as_libyaml_does_or_gives_up(text: str) -> None:
    quick = block(text, "f.yml")
    if quick is not None:
        whole, faults = Composer("f.yml", 0).read(text)
        assert not faults and same(quick, whole)


def test_the_quick_reader_takes_what_manifests_are_made_of() -> None:
    text = """---
# a manifest
dataset:
  - fides_key: shop
    name: 'The shop''s'   # quoted
    collections:
    - name: users
      fields:
        - {name: id, fides_meta: {primary_key: true, data_type: integer}}
        - name: email
          data_categories: [user.contact.email, "user.name"]
          description:
"""
    node = block(text, "f.yml")
    assert node is not None and same(node, Composer("f.yml", 0).read(text)[0])


def known(value: object) -> object:
    return "a date" if isinstance(value, datetime.date) else value


NUMBERS = st.text("0123456789+-_.:eExXbBaAfFinN", max_size=9)


@settings(max_examples=3000, deadline=None)
@given(
    NUMBERS
    | st.sampled_from(("yes", "No", "ON", "off", "True", "~", "null", "NULL", "nul", "y", ".inf", "-.INF", ".nan"))
)
def test_a_plain_scalar_means_what_pyyaml_says(text: str) -> None:
    try:
        said = yaml.load(f"- {text}\n", Loader=yaml.SafeLoader)
    except (ValueError, OverflowError, yaml.YAMLError):
        return  # PyYAML itself falls over numbers such as `0b_`
    if not isinstance(said, list) or isinstance(said[0], list | dict):
        return  # no scalar at all: `- -`, `a:`
    ours = scalar(text.strip())
    if isinstance(said[0], datetime.date):
        assert ours == text
    elif isinstance(said[0], float) and math.isnan(said[0]):
        assert isinstance(ours, float) and math.isnan(ours)
    else:
        assert (type(ours), ours) == (type(said[0]), said[0])


@settings(max_examples=1500, deadline=None)
@given(
    TEXTS | st.text(max_size=80) | st.binary(max_size=80).map(lambda body: body.decode("latin-1")),
    st.sampled_from((0, 50)),
)
def test_any_text_is_read_or_refused_with_places(text: str, aliases: int) -> None:
    node, faults = parse_yaml(text, "f.yml", aliases=aliases)
    assert node.place.line >= 1 and node.place.column >= 1
    for fault in faults:
        assert fault.place.file == "f.yml" and fault.place.line >= 1 and fault.place.column >= 1
    if not faults and aliases == 0 and "<<" not in text:  # a key as others are, where aliases are refused
        agrees_with_pyyaml(text, node)


def agrees_with_pyyaml(text: str, node: Node) -> None:
    """Keys as written and dates apart, a text that we accept is one that PyYAML reads to the same depth and length."""
    try:
        said = yaml.load(text, Loader=yaml.CSafeLoader)
    except (ValueError, TypeError, yaml.YAMLError):
        return  # merges, `=`, numbers that it falls over
    compare(node.plain(), said)


def compare(ours: object, said: object) -> None:
    if isinstance(ours, dict):
        assert isinstance(said, dict)
        if len(ours) == len(said):  # `1` and `01` are two keys as written and one as read
            for inner, other in zip(ours.values(), said.values(), strict=True):
                compare(inner, other)
    elif isinstance(ours, list):
        assert isinstance(said, list) and len(ours) == len(said)
        for inner, other in zip(ours, said, strict=True):
            compare(inner, other)
    elif not isinstance(said, datetime.date) and ours == ours:
        assert ours == said
