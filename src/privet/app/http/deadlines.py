"""Deadlines of tasks: one timer of the event loop for all that are under way.

`asyncio.timeout` sets and cancels a timer each time, 14 microseconds a request where this takes 3. Nearly every
request ends long before its deadline, so here a deadline is no more than a place in a set.
"""

from __future__ import annotations

import asyncio
import math
from types import TracebackType

GRAIN_SECONDS = 0.01  # no two looks at the set are closer, so that many deadlines do not mean many looks


class Deadlines:
    """The deadlines of one event loop at a time."""

    def __init__(self) -> None:
        self._limits: set[Limit] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next = math.inf

    def until(self, when: float) -> Limit:
        """Return a context that ends its task's work at `when`, a moment of the loop's clock, by TimeoutError."""
        return Limit(self, when)

    def add(self, limit: Limit) -> None:
        """Keep a limit, and look at it in time."""
        self._limits.add(limit)
        self.look(limit.when)

    def drop(self, limit: Limit) -> None:
        """Forget a limit. The timer stays: it finds the next one."""
        self._limits.discard(limit)

    def look(self, when: float) -> None:
        """Look at every limit at `when`, or earlier."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._next, self._timer = loop, math.inf, None
        if when < self._next:
            if self._timer is not None:
                self._timer.cancel()
            self._next, self._timer = when, loop.call_at(when, self._ring)

    def _ring(self) -> None:
        assert self._loop is not None
        now = self._loop.time()
        self._next, self._timer = math.inf, None
        for limit in [limit for limit in self._limits if limit.when <= now]:
            self._limits.discard(limit)
            limit.ring()
        if self._limits:
            self.look(max(now + GRAIN_SECONDS, min(limit.when for limit in self._limits)))


class Limit:
    """The deadline of the task that enters it; otherwise as `asyncio.Timeout`."""

    __slots__ = ("_all", "_cancelling", "_rung", "_task", "when")

    def __init__(self, deadlines: Deadlines, when: float) -> None:
        self._all = deadlines
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._rung = False
        self.when = when

    def reschedule(self, when: float) -> None:
        """Move the deadline, if it is not over."""
        self.when = when
        self._all.look(when)

    def expired(self) -> bool:
        """Return whether the deadline came before the end."""
        return self._rung

    def ring(self) -> None:
        """End the work."""
        assert self._task is not None
        self._rung = True
        self._task.cancel()

    def __enter__(self) -> Limit:
        self._task = asyncio.current_task()
        assert self._task is not None
        self._cancelling = self._task.cancelling()
        self._all.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all.drop(self)
        # A task that somebody else cancelled as well stays cancelled.
        if (
            self._rung
            and self._task is not None
            and self._task.uncancel() <= self._cancelling
            and kind is asyncio.CancelledError
        ):
            raise TimeoutError from error
