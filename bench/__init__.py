"""Benchmarks: `python -m bench [NAME ...]`. Each module with `rows` is one; each row one line of JSON.

A row compares what we do with what published packages or servers do, measured in one run, so that the ratio holds
where the clock does not. Unless its work says otherwise a figure counts one thread's CPU time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NotRequired, TypedDict

NOTHING: Mapping[str, float] = MappingProxyType({})


class Row(TypedDict):
    """One measured line.

    With a peer: `ours` and `peer` are values a second, `ratio` is ours / peer, and `goal` the least ratio.
    Without a `ratio`: `ours` is what the work names, seconds as a rule, and `goal` the most; `peer`, if there is
    one, was measured on its own, and is shown for its own sake.
    With `least`, peer or not, `goal` is the least `ours`. A row without a goal is shown for its own sake.
    `also`: the same work measured in other ways, by what is measured.
    """

    work: str
    ours: float
    peer: float | None
    ratio: float | None
    goal: float | None
    least: NotRequired[bool]
    also: NotRequired[dict[str, float]]


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
    return most(work, seconds(call, best_of), goal)


def most(work: str, ours: float, goal: float | None, peer: float | None = None) -> Row:
    """Return the row of a figure that should be small. `peer`: the same of another, measured on its own."""
    return Row(work=work, ours=round(ours, 3), peer=peer, ratio=None, goal=goal)


def least(work: str, ours: float, peer: float | None, goal: float | None, also: Mapping[str, float] = NOTHING) -> Row:
    """Return the row of a rate that has a goal of its own, whatever the peer does."""
    row = Row(work=work, ours=round(ours), peer=None, ratio=None, goal=goal, least=True)
    if peer is not None:
        row["peer"], row["ratio"] = round(peer), round(ours / peer, 2)
    if also:
        row["also"] = {name: round(value) for name, value in also.items()}
    return row


def reached(row: Row) -> bool:
    """Return whether the row meets its goal, or has none."""
    if row["goal"] is None:
        return True
    if row.get("least"):
        return row["ours"] >= row["goal"]
    return row["ours"] <= row["goal"] if row["ratio"] is None else row["ratio"] >= row["goal"]
