"""Benchmarks: `python -m bench [NAME ...]`. Each module with `rows` is one; each row one line of JSON.

A row compares what we do with what published packages do, measured in one run on one thread's CPU time, so that the
ratio holds where the clock does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypedDict


class Row(TypedDict):
    """One measured line.

    With a peer: `ours` and `peer` are values a second, `ratio` is ours / peer, and `goal` the least ratio.
    Without (`peer` and `ratio` None): `ours` is CPU seconds for the work named, `goal` the most.
    A row without a goal is shown for its own sake.
    """

    work: str
    ours: float
    peer: float | None
    ratio: float | None
    goal: float | None


def seconds(work: Callable[[], object], best_of: int = 5) -> float:
    """Return the least CPU seconds that one call took."""
    best = float("inf")
    for _ in range(best_of):
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
    return best


def against(
    work: str, ours: tuple[Callable[[], object], int], peer: tuple[Callable[[], object], int], goal: float | None
) -> Row:
    """Return the row that compares two (call, values it works on); calls alternate, so both see the same machine."""
    rates = [0.0, 0.0]
    for _ in range(5):
        for at, (call, count) in enumerate((ours, peer)):
            rates[at] = max(rates[at], count / seconds(call, 1))
    ratio = rates[0] / rates[1]
    return Row(work=work, ours=round(rates[0]), peer=round(rates[1]), ratio=round(ratio, 1), goal=goal)


def within(work: str, call: Callable[[], object], goal: float | None, best_of: int = 5) -> Row:
    """Return the row of a call's CPU seconds."""
    return Row(work=work, ours=round(seconds(call, best_of), 3), peer=None, ratio=None, goal=goal)


def reached(row: Row) -> bool:
    """Return whether the row meets its goal, or has none."""
    if row["goal"] is None:
        return True
    return row["ours"] <= row["goal"] if row["ratio"] is None else row["ratio"] >= row["goal"]
