"""Orders: circles are found however long they are, and cut where it matters least."""

from __future__ import annotations

from privet.rights.plans.order import circles, cut


def test_what_leads_to_others_comes_first_and_lower_numbers_where_it_is_free() -> None:
    assert circles([[2], [2], [], []]) == [[0], [1], [2], [3]]
    assert circles([[], [0], [1]]) == [[2], [1], [0]]


def test_a_circle_of_any_length_is_one() -> None:
    count = 50_000
    assert circles([[(at + 1) % count] for at in range(count)]) == [list(range(count))]
    assert len(circles([[at + 1] if at + 1 < count else [] for at in range(count)])) == count


def test_nothing_is_cut_without_a_circle() -> None:
    assert cut(3, {(2, 1): 0, (1, 0): 0}) == ([2, 1, 0], [])


def test_what_only_follows_a_circle_is_not_cut_from_it() -> None:
    order, lost = cut(3, {(0, 1): 0, (1, 0): 0, (0, 2): 0})
    assert order.index(0) < order.index(2)
    assert len(lost) == 1


def test_what_matters_less_is_cut() -> None:
    assert cut(2, {(0, 1): 1, (1, 0): 0}) == ([0, 1], [(1, 0)])
    assert cut(2, {(0, 1): 0, (1, 0): 1}) == ([1, 0], [(0, 1)])


def test_a_thing_that_leads_to_itself_is_told() -> None:
    assert cut(1, {(0, 0): 0}) == ([0], [(0, 0)])
