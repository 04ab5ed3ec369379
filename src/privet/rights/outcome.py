"""What came of a request, system by system, in counts and reasons. No values, so that everybody may see it. No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Kept:
    """Records, or fields of records, that a promise keeps, and why. Does not stand in the way of `complete`."""

    collection: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True)
class Remains:
    """What is not done and why; `collection` "" for the whole system."""

    collection: str
    count: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemResult:
    """What came of a request in one system, in records. `verified`: seen to be as it must be, by reading back.
    `confirmed`: a person answered for it, because nothing can be read there. `others`: records of other people that
    were come across and left out. `corrected`: set right. `told`: what she chose was set on them."""

    dataset: str
    read: int = 0
    deleted: int = 0
    masked: int = 0
    verified: int = 0
    confirmed: bool = False
    others: int = 0
    kept: tuple[Kept, ...] = ()
    remaining: tuple[Remains, ...] = ()
    corrected: int = 0
    told: int = 0

    @property
    def done(self) -> bool:
        """Return whether anything was read, changed or told there."""
        return bool(self.read or self.changed or self.told or self.confirmed)

    @property
    def changed(self) -> int:
        """Return how many records were changed or deleted."""
        return self.deleted + self.masked + self.corrected


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a request: counts and reasons, no values."""

    systems: tuple[SystemResult, ...] = ()

    @property
    def whole(self) -> bool:
        """Return whether nothing remains."""
        return not any(system.remaining for system in self.systems)

    @property
    def words(self) -> str:
        """Return the outcome in a sentence."""
        said = "complete" if self.whole else "partial"
        left = sum(item.count for system in self.systems for item in system.remaining)
        if not self.whole:
            said += f", {_counted(left)} {'remains' if left == 1 else 'remain'}" if left else ", some systems remain"
        reasons: dict[str, int] = {}
        for system in self.systems:
            for item in system.kept:
                reasons[item.reason] = reasons.get(item.reason, 0) + item.count
        return said + "".join(f", {_counted(count)} kept because {why}" for why, count in sorted(reasons.items()))


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of a request, and what it was then, by name."""

    of: dict[str, Any]
    result: Result


def _counted(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"


def added(before: Result | None, now: Iterable[SystemResult], *, begun: bool) -> tuple[SystemResult, ...]:
    """Return what came of a request that ran before: what was done then is still done, what remained is said anew.

    `begun`: it had changed something, so that nothing may lead any more to a system that is not among those of `now`:
    what remained there remains.
    """
    then = {system.dataset: system for system in before.systems} if before else {}
    found = []
    for system in now:
        old = then.pop(system.dataset, SystemResult(dataset=system.dataset))
        found.append(
            replace(
                system,
                deleted=system.deleted + old.deleted,
                masked=system.masked + old.masked,
                corrected=system.corrected + old.corrected,
                verified=system.verified + old.verified,
            )
        )
    rest = then.values() if begun else [replace(old, remaining=()) for old in then.values()]
    return (*found, *(old for old in rest if old.changed or old.remaining))
