"""Conditions as ordered decision diagrams: two are equal exactly where they always agree. Bounded in size.

Knows nothing of policies: a variable is any hashable name, and what names imply is told as axioms.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import reduce

FALSE, TRUE = 0, 1
MOST_NAMES, MOST_NODES = 250, 60_000  # a diagram is walked as deep as it has names

Formula = int


class TooManyNodes(Exception):
    """A condition is too large to be compared. Whoever compares then says that it cannot tell."""


class Logic:
    """A pool of formulas. Formulas of one pool are equal as numbers where they agree on everything."""

    def __init__(self) -> None:
        self.names: dict[Hashable, int] = {}  # name → level
        self._nodes: list[tuple[int, Formula, Formula]] = [(MOST_NAMES, 0, 0), (MOST_NAMES, 1, 1)]
        self._known: dict[tuple[int, Formula, Formula], Formula] = {}
        self._asked: dict[tuple[Formula, Formula, Formula], Formula] = {}

    def name(self, name: Hashable) -> Formula:
        """Return the formula that holds where `name` does. Raises TooManyNodes."""
        level = self.names.setdefault(name, len(self.names))
        if level >= MOST_NAMES:
            raise TooManyNodes
        return self._node(level, FALSE, TRUE)

    def no(self, item: Formula) -> Formula:
        """Return the negation. Raises TooManyNodes."""
        return self._choose(item, FALSE, TRUE)

    def all(self, items: Iterable[Formula]) -> Formula:
        """Return the conjunction. Raises TooManyNodes."""
        return reduce(lambda left, right: self._choose(left, right, FALSE), items, TRUE)

    def any(self, items: Iterable[Formula]) -> Formula:
        """Return the disjunction. Raises TooManyNodes."""
        return reduce(lambda left, right: self._choose(left, TRUE, right), items, FALSE)

    def without(self, item: Formula, other: Formula) -> Formula:
        """Return where `item` holds and `other` does not. Raises TooManyNodes."""
        return self._choose(other, FALSE, item)

    def _node(self, level: int, low: Formula, high: Formula) -> Formula:
        if low == high:
            return low
        key = (level, low, high)
        found = self._known.get(key)
        if found is None:
            if len(self._nodes) >= MOST_NODES:
                raise TooManyNodes
            found = self._known[key] = len(self._nodes)
            self._nodes.append(key)
        return found

    def _choose(self, test: Formula, then: Formula, other: Formula) -> Formula:
        """Return `then` where `test` holds, else `other`."""
        if test == TRUE or then == other:
            return then
        if test == FALSE:
            return other
        key = (test, then, other)
        found = self._asked.get(key)
        if found is None:
            level = min(self._nodes[test][0], self._nodes[then][0], self._nodes[other][0])
            low = self._choose(*(self._branch(item, level, 1) for item in key))
            high = self._choose(*(self._branch(item, level, 2) for item in key))
            found = self._asked[key] = self._node(level, low, high)
        return found

    def _branch(self, item: Formula, level: int, side: int) -> Formula:
        node = self._nodes[item]
        return node[side] if node[0] == level else item
