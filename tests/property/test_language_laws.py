"""Laws of the language: what is written reads as the same tree, and no text at all harms the reader."""

from __future__ import annotations

import sys
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policies import policies

from privet.errors import InvalidPolicy
from privet.policy.format import write
from privet.policy.parse import MOST_CHARACTERS, parse
from privet.policy.syntax import Policy

TEXT = """# what a support desk may do

# who answers
role support for essential.service, functional  # by telephone

# the first rule
allow read on people.name, people.phone.area with redaction = masked where people.state = 'CA' and not
    (people.born before date '1990-01-31' or people.id in queue('it''s') or people.region = caller.region);
deny read, update on user.contact where consent('news') until 2031-01-31T10:00:00+02:00  # by rule
allow all on "user".*, * through connection "to" budget 10 per minute unsafe

deny use of user.financial for marketing about customer
require consent 'news' for marketing.communications
limit plain_text of user.financial to connections
erase user.contact, shop.people.email by random (length 20, a.b 'x', c true)  # how
erase shop.people by deletion
keep shop.orders where shop.orders.state = 'open' or not shop.orders.n in (1, 2)
    for 10 years after shop.orders.placed because 'tax law'
allow audit to auditor, "where"
"""
PIECES = tuple(sorted({*TEXT.split(" "), *"'\"#(),.;*=<>‘’\n\r\0-0123", "\u202e", "\x85", "é", "''", "user.contct"}))


def latin(data: bytes) -> str:
    return data.decode("latin-1")


@settings(max_examples=400, deadline=None)
@given(policies())
def test_what_is_written_reads_as_the_same_tree(policy: Policy) -> None:
    text = write(policy)
    again = parse(text)
    assert again == policy
    assert write(again) == text


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 12), st.sampled_from(PIECES)), max_size=6))
def test_a_changed_text_is_read_or_refused_with_places(changes: list[tuple[int, int, str]]) -> None:
    text = TEXT
    for at, removed, added in changes:
        text = text[:at] + added + text[at + removed :]
    read_or_refuse(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map(" ".join) | st.binary().map(latin))
def test_garbage_is_refused_with_places(text: str) -> None:
    read_or_refuse(text)


def read_or_refuse(text: str) -> None:
    try:
        policy = parse(text, "x.policy")
    except InvalidPolicy as error:
        assert error.faults
        assert all(fault.at.startswith("x.policy:") and len(fault.message) < 200 for fault in error.faults)
        return
    written = write(policy)
    assert parse(written) == policy
    assert write(parse(written)) == written


GARBAGE = {
    "parentheses": "allow read on a.b where {}".format("(" * 50),
    "negations": "allow read on a.b where {}".format("not " * 50),
    "quotes": "'" * 51,
    "pairs of quotes": "''" * 50 + "a'\n",
    "double quotes": '"' * 51 + "\n",
    "verbs": "allow " * 20,
    "lines of verbs": "allow\n" * 20,
    "dots": "allow read on a" + ".a" * 50 + "\n",
    "actions": "allow read" + ", read" * 50 + " on *\n",
    "targets": "allow read on a.b" + ", a.b" * 50 + "\n",
    "labels": "allow read on user.contct" + ", user.contct" * 20 + "\n",
    "comments": "#" * 50 + "\n",
    "blank lines": "\n \n" * 30,
    "comments in a rule": "allow read\n# x\n on a.b\n# y\n\n",
    "aims": "keep a.b" + ", a.b" * 30 + " because 'x'\n",
    "settings": "erase a.b by c (d 1" + ", d 1" * 30 + "\n",
    "good rules": "allow read on a.b to x\n" * 20,
    "rules of many roles": "".join(f"allow read on a.b to r{at}, s\n" for at in range(20)),
    "signs": "$%&!" * 20,
    "numbers": "1" * 50 + " " + "2" * 50 + "-",
    "control characters": "\r\x85\u202e" * 10,
}


@pytest.mark.parametrize("piece", GARBAGE.values(), ids=GARBAGE)
def test_work_grows_no_faster_than_the_text(piece: str) -> None:
    few, many = calls(piece * 40), calls(piece * 160)
    assert many <= 5 * few + 1_000


def calls(text: str) -> int:
    """Return how many functions, built-in ones too, reading and writing a text calls."""
    count = 0

    def tick(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(tick)
    try:
        write(parse(text))
    except InvalidPolicy:
        pass
    finally:
        sys.setprofile(None)
    return count


def test_a_text_of_the_greatest_size_is_read_and_a_greater_one_refused() -> None:
    line = "deny audit to a\n"
    text = line * (MOST_CHARACTERS // len(line))
    assert len(parse(text).roles[0].rules) == MOST_CHARACTERS // len(line)
    with pytest.raises(InvalidPolicy, match="characters"):
        parse(text + " " * MOST_CHARACTERS)
