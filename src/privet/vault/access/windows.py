"""Windows of budgets: what was counted within a while, up to now. Each can be written down and read back.

Reads no clock: callers bring the moment, in UTC milliseconds since 1970.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable
from typing import TypeVar

import msgspec

from privet.errors import Damaged

SLICES = 60  # of a window of counts: what was counted within one ends together


class Distinct:
    """Different things within a window: one that comes again counts once, from then on. Only bytes are written down."""

    def __init__(self, ms: int) -> None:
        self._ms = ms
        self._held: dict[Hashable, int] = {}  # INVARIANT: in the order of their times

    def wait(self, things: Collection[Hashable], most: int, now: int) -> int:
        """Return 0 if `things` fit, else in how many milliseconds they may, the whole window if they never do."""
        self.empty(now)
        new = sum(thing not in self._held for thing in things)
        over = len(self._held) + new - most
        if over <= 0:
            return 0
        if len(things) > most:
            return self._ms
        leaving = [at for thing, at in self._held.items() if thing not in things]
        return max(1, leaving[over - 1] + self._ms - now)

    def spend(self, things: Collection[Hashable], now: int) -> None:
        for thing in things:
            self._held.pop(thing, None)
            self._held[thing] = now

    def empty(self, now: int) -> bool:
        """Let go of what is over; return whether nothing is left."""
        while self._held and self._held[first := next(iter(self._held))] + self._ms <= now:
            del self._held[first]
        return not self._held

    def body(self) -> bytes:
        """Return what is held, to be read back by `read`."""
        return msgspec.json.encode([(thing, at) for thing, at in self._held.items() if isinstance(thing, bytes)])

    def read(self, body: bytes) -> None:
        """Hold what `body` gave, in place of all that is held."""
        self._held = dict(_read(body, list[tuple[bytes, int]]))


class Count:
    """How many within a window, told in slices: what a slice holds is over together, when its last is."""

    def __init__(self, ms: int) -> None:
        self._ms = ms
        self._slices: deque[list[int]] = deque()  # [begun, last, count]
        self._total = 0

    def wait(self, things: Collection[Hashable], most: int, now: int) -> int:
        """Return 0 if as many as `things` fit, else in how many milliseconds they may."""
        self.empty(now)
        over = self._total + len(things) - most
        if over <= 0:
            return 0
        for _, last, count in self._slices:
            over -= count
            if over <= 0:
                return max(1, last + self._ms - now)
        return self._ms

    def spend(self, things: Collection[Hashable], now: int) -> None:
        if self._slices and now - self._slices[-1][0] < self._ms // SLICES:
            self._slices[-1][1] = max(self._slices[-1][1], now)
            self._slices[-1][2] += len(things)
        else:
            self._slices.append([now, now, len(things)])
        self._total += len(things)

    def empty(self, now: int) -> bool:
        """Let go of what is over; return whether nothing is left."""
        while self._slices and self._slices[0][1] + self._ms <= now:
            self._total -= self._slices.popleft()[2]
        return not self._slices

    def body(self) -> bytes:
        """Return what is held, to be read back by `read`."""
        return msgspec.json.encode(list(self._slices))

    def read(self, body: bytes) -> None:
        """Hold what `body` gave, in place of all that is held."""
        self._slices = deque([begun, last, count] for begun, last, count in _read(body, list[tuple[int, int, int]]))
        self._total = sum(count for _, _, count in self._slices)


A = TypeVar("A")


def _read(body: bytes, kind: type[A]) -> A:
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError:
        raise Damaged("the stored count of a budget cannot be read") from None
