"""The permit: what `decide` lets one caller do with the columns of one table. Spent by `vault`, made nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from privet.vocabulary.access import Action
from privet.vocabulary.predicate import Predicate


@dataclass(frozen=True, slots=True)
class Sight:
    """A redaction and the rows on which it holds."""

    redaction: str
    where: Predicate


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """`columns`: column name → sights, most revealing first (one plain sight for actions that show nothing).
    A column that is absent is denied. `rows`: the rows on which any column is permitted."""

    principal: str
    action: Action
    table: str
    columns: Mapping[str, tuple[Sight, ...]]
    rows: Predicate
    policy: str
    purpose: str

    def allows(self, column: str) -> bool:
        """Return whether anything at all is permitted on `column`."""
        return column in self.columns
