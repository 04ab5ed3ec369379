"""Looking a value up by writing it: a unique column refuses what it holds, so that who writes it learns what is there.

Only a caller who may search the columns of the set on every row is told that a value is taken, and each value that is
tried counts as looked up. All others learn that a write was refused, not why.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from privet.errors import Conflict, Denied, DuplicateValue
from privet.policy.permit import Permit, unflagged
from privet.vault.query.question import kind_of, shows_all
from privet.vault.rows import Written
from privet.vault.schema import Table, Unique
from privet.vocabulary.predicate import ALWAYS

Asking = Callable[[], Sequence[Permit]]
"""The permits of a caller to read and to search a table, as far as there are any: made when they are needed."""


def nobody() -> Sequence[Permit]:
    """Return the permits of who may ask nothing."""
    return ()


def may_look_up(table: Table, names: Collection[str], asking: Asking) -> bool:
    """Return whether a caller may ask about every one of some columns, by whole values, on every row."""
    permits = asking()
    return all(any(_whole(table, permit, name) for permit in permits) for name in names)


def _whole(table: Table, permit: Permit, name: str) -> bool:
    kind = kind_of(table.column(name))
    sights = permit.columns.get(name, ())
    return any(sight.where == ALWAYS and shows_all(kind, sight.redaction) for sight in sights)


def _unflagged(asking: Asking) -> Asking:
    return lambda: [unflagged(permit) for permit in asking()]


def touched(table: Table, names: Collection[str]) -> list[Unique]:
    """Return the unique sets that some columns belong to."""
    return [unique for unique in table.uniques if not set(unique.columns).isdisjoint(names)]


def demand(table: Table, unique: Unique, asking: Asking) -> None:
    """Raise Denied unless a caller may find records by a unique set, but for those that flags hold back: these cannot
    be changed, and whoever writes what they hold is told no more than that the write was refused."""
    if not may_look_up(table, unique.columns, _unflagged(asking)):
        raise Denied(
            f"no role of the caller allows to find records of `{table.name}` by ({', '.join(unique.columns)})",
            hint="it needs `search` on every column of the set, on every row",
        )


@contextmanager
def discreet(table: Table, names: Collection[str], asking: Asking) -> Iterator[None]:
    """Let a DuplicateValue through to a caller who may know of it; for any other it becomes a plain Conflict."""
    try:
        yield
    except DuplicateValue:
        if _told(table, names, asking):
            raise
        raise _refused("") from None


def discreetly(table: Table, names: Collection[str], asking: Asking, written: Sequence[Written]) -> list[Written]:
    """Return what became of the items of a batch, as `discreet` tells it."""
    if not any(isinstance(item.error, DuplicateValue) for item in written) or _told(table, names, asking):
        return list(written)
    return [
        replace(item, error=_refused(item.error.at)) if isinstance(item.error, DuplicateValue) else item
        for item in written
    ]


def _told(table: Table, names: Collection[str], asking: Asking) -> bool:
    columns = {name for unique in touched(table, names) for name in unique.columns}
    return may_look_up(table, columns, asking)


def _refused(at: str) -> Conflict:
    return Conflict("the write was refused", at=at)
