"""The permit: what `decide` lets one caller do with the columns of one table. Spent by `vault`, made nowhere else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from privet.policy.syntax import NOWHERE, Budget, Rule, Span
from privet.vocabulary.access import Action
from privet.vocabulary.datatype import DataType
from privet.vocabulary.flag import bare, marks
from privet.vocabulary.predicate import Predicate

SHOWING: frozenset[Action] = frozenset({"read", "detokenize", "export"})
ASKING: frozenset[Action] = SHOWING | {"search"}


@dataclass(frozen=True, slots=True)
class Basis:
    """The rule that a decision rests on. `place`: its position among the rules of its role, from 1; `span`: where it
    stands in the policy's text."""

    role: str
    place: int
    span: Span = NOWHERE

    def __str__(self) -> str:
        return f"{self.role}/{self.place}"


NO_RULE = Basis("", 0)


# A named tuple, for each caller gets new ones, and a frozen dataclass takes three times as long to make.
class Sight(NamedTuple):
    """A redaction and the rows on which it holds. `redaction`: a mask that the type lists, or one of its parts, which
    is then all that is shown or asked about. `rule`: who says so."""

    redaction: str
    where: Predicate
    rule: Basis = NO_RULE


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """`columns`: column name → sights, most revealing first (plain ones for actions that show nothing).
    A column that is absent is denied. `rows`: the rows on which any column is permitted; of a deletion, those that
    may be deleted whole. `rules`: what the permit rests on. `budgets`: those of its rules that state one. `until`: the
    earliest moment, UTC, at which the decision may be another; None where time changes nothing. `exports`: column →
    what the caller may export of it on every row, for bulk to be no news."""

    principal: str
    action: Action
    table: str
    columns: Mapping[str, tuple[Sight, ...]]
    rows: Predicate
    policy: str
    purpose: str
    rules: tuple[Basis, ...] = ()
    budgets: tuple[tuple[Basis, Budget], ...] = ()
    until: datetime | None = None
    exports: Mapping[str, str] = field(default_factory=dict)

    def allows(self, column: str) -> bool:
        """Return whether anything at all is permitted on `column`."""
        return column in self.columns


def unflagged(permit: Permit) -> Permit:
    """Return what would be permitted if nobody had a flag: to reason about, never to open anything by."""
    if not marks(permit.rows):
        return permit
    columns = {
        name: tuple([sight._replace(where=bare(sight.where)) for sight in sights])
        for name, sights in permit.columns.items()
    }
    return replace(permit, columns=columns, rows=bare(permit.rows))


# --- what reveals more ------------------------------------------------------------------------------------------


def rank(kind: DataType, name: str) -> float:
    """Return how much a redaction shows, from 0 on. A part that is no redaction counts as just below the whole."""
    if name in kind.redactions:
        return kind.redactions.index(name)
    return len(kind.redactions) - 1.5 if kind.part(name) else 0


def order(kind: DataType, name: str) -> float:
    """Return what sights are sorted by. A part alone is shown only where nothing of the whole value is."""
    return rank(kind, name) if name in kind.redactions else 0.5


def shows(kind: DataType, name: str, part: str) -> bool:
    """Return whether a redaction may show a part, everything for part "". Where nobody can say it counts as shown."""
    if not part:
        return True
    return name != "redacted" and (part not in kind.redactions or rank(kind, name) >= rank(kind, part))


def covering(kind: DataType, name: str) -> frozenset[str]:
    """Return the redactions that leave nothing for this one to add on the same row."""
    if name not in kind.redactions:
        return frozenset((name, "plain_text"))
    return frozenset(more for more in kind.redactions if rank(kind, more) >= rank(kind, name))


def shown(kind: DataType, action: Action, rule: Rule, part: str, limits: Iterable[str], *, lifted: bool = False) -> str:
    """Return what an allow shows of a column, or of a part of it: a redaction or a part, "" for nothing at all.

    `limits`: redactions of the column that are for connections alone, with all that reveals more. `lifted`: the type's
    ceiling does not hold.
    """
    if action not in ASKING:
        return "" if part else "plain_text"
    if part:
        plain = kind.part(part) is not None and rule.redaction in ("", "plain_text")
        name = part if plain else "redacted"
    else:
        said = rule.redaction or ("plain_text" if action == "search" else "masked")
        name = said if said in kind.redactions else "redacted"  # a mask that the type does not know shows nothing
    if action == "search":
        return name  # how precisely one may ask; ceilings and limits cap what is shown
    if not (lifted or rule.unsafe or rule.connection) and rank(kind, name) > rank(kind, kind.ceiling):
        name = kind.ceiling if name in kind.redactions else "redacted"
    for limit in limits:
        name = limited(kind, name, limit)
    return name


def limited(kind: DataType, name: str, limit: str) -> str:
    """Return what is left of a redaction where `limit` and what reveals more are for connections alone."""
    if rank(kind, name) < rank(kind, limit):
        return name
    fits = name in kind.redactions and "masked" in kind.redactions and rank(kind, "masked") < rank(kind, limit)
    return "masked" if fits else "redacted"
