"""Counts that are moved: who subtracts two of them learns next to nothing, and asking again teaches nothing more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import count

import pytest
from asked import schema as text

from privet import digest
from privet.vault.query.blur import MOST, Blur, drawn
from privet.vault.query.question import TRUE, Place, Question
from privet.vault.query.tally import Group
from privet.vault.query.wording import read_question
from privet.vault.reader import read_schema
from privet.vault.schema import EMPTY, merge

KEY = digest.sha256(b"a vault of a test")
LEAST = 5
_ids = count()
SCHEMA = merge(EMPTY, read_schema(text()), lambda: next(_ids).to_bytes(16))
Moved = Callable[..., int | None]


@cache
def asked(sql: str) -> Question:
    return read_question(sql, SCHEMA)


def moved(where: str, size: int, *, key: bytes = KEY) -> int | None:
    """Return the count of people that is shown, None where the group is left out."""
    question = asked(f"SELECT count(*) FROM people{' WHERE ' + where if where else ''}")
    return shown(question, Group(size, [size], [(True, size)]), key=key)


def shown(question: Question, group: Group, *, key: bytes = KEY) -> int | None:
    blur = Blur(key, question, TRUE, LEAST)
    return next((found.cells[-1] for found in blur.applied([group])), None)  # type: ignore[return-value]


# --- the draw ----------------------------------------------------------------------------------------------------


def test_the_odds_between_neighbours_are_three_to_two_wherever_one_looks() -> None:
    size = 1 << 16
    seeds = ((place << 112).to_bytes(16, "big") + bytes((sign,)) for place in range(size) for sign in (0, 1))
    found = Counter(drawn(seed) for seed in seeds)
    assert set(found) == set(range(-MOST, MOST + 1))
    for step in range(MOST):
        assert found[step] == found[-step]
        # Each count is a whole number of `size` places: two of them may be cut off at the ends of a run.
        assert abs(2 * found[step] - 3 * found[step + 1]) <= 12
    assert found.total() == 2 * size


def test_a_count_is_moved_by_little() -> None:
    found = [moved(f"name = 'p{at}'", 1_000) for at in range(300)]
    assert all(number is not None and abs(number - 1_000) <= MOST for number in found)
    assert len(set(found)) > MOST


# --- subtracting -------------------------------------------------------------------------------------------------


TRIES = 4_000


def guessed(count_of: Moved) -> float:
    """Return how often somebody is right who says, of a person in each of many vaults, whether she is among the
    Californians: by whether counting without her gives less."""
    right = 0
    for at in range(TRIES):
        key, there = digest.sha256(at.to_bytes(4, "big")), at % 2
        first = count_of("state = 'CA'", 50, key=key)
        second = count_of("state = 'CA' AND name != 'Bo'", 50 - there, key=key)
        assert first is not None and second is not None
        right += (first - second >= 1) == there
    return right / TRIES


def test_subtracting_two_counts_does_not_tell_who_is_in_them() -> None:
    assert 0.5 < guessed(moved) < 0.58


def test_exact_counts_tell_it_every_time() -> None:
    assert guessed(lambda where, size, key: size) == 1.0


def test_a_count_that_changed_by_one_does_not_move_by_one() -> None:
    steps = [moved("", size + 1) - moved("", size) for size in range(100, 400)]  # type: ignore[operator]
    assert steps.count(1) < len(steps) / 4


# --- asking again ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("state = 'CA' AND name = 'Bo'", "name = 'Bo' AND state = 'CA'"),
        ("state = 'CA'", "state IN ('CA', 'CA')"),
        ("state = 'CA'", "state = 'CA' AND state = 'CA'"),
        ("state = 'CA'", "NOT (NOT state = 'CA')"),
        ("NOT (state = 'CA' OR name = 'Bo')", "state != 'CA' AND name != 'Bo'"),
        ("NOT (state = 'CA' AND name = 'Bo')", "name != 'Bo' OR NOT state = 'CA'"),
        ("state = 'CA' AND (name = 'Bo' AND born.year = 1990)", "(state = 'CA' AND name = 'Bo') AND born.year = 1990"),
        ("name IS NOT NULL", "NOT name IS NULL"),
    ],
)
def test_the_same_in_other_words_is_moved_alike(one: str, other: str) -> None:
    keys = [digest.sha256(bytes((at,))) for at in range(40)]
    assert [moved(one, 100, key=key) for key in keys] == [moved(other, 100, key=key) for key in keys]


def test_what_means_something_else_is_moved_on_its_own() -> None:
    keys = [digest.sha256(bytes((at,))) for at in range(40)]
    wheres = ("state = 'CA'", "state = 'NY'", "state != 'CA'", "name = 'CA'", "state > 'CA'", "state IS NULL", "")
    found = [tuple(moved(where, 100, key=key) for key in keys) for where in wheres]
    assert len(set(found)) == len(wheres)


def test_a_group_counts_as_many_as_the_question_for_it_alone() -> None:
    question = asked("SELECT state, count(*) FROM people GROUP BY state")
    for at in range(40):
        key = digest.sha256(bytes((at,)))
        for label, where in (("US-CA", "state = 'CA'"), (None, "state IS NULL")):
            group = Group(100, [label, 100], [(True, 0), (True, 100)], texts={Place("people", "state"): label})
            assert shown(question, group, key=key) == moved(where, 100, key=key)


# --- small groups ------------------------------------------------------------------------------------------------


def test_no_group_below_the_least_is_shown_and_no_count_is_below_it() -> None:
    for size in range(60):
        found = [moved(f"name = 'p{at}'", size) for at in range(60)]
        assert size >= LEAST or found == [None] * 60
        assert all(number is None or number >= LEAST for number in found)


def test_the_line_itself_is_no_sharp_one() -> None:
    found = [moved(f"name = 'p{at}'", LEAST + MOST) for at in range(100)]
    assert None in found and len(set(found)) > 2
