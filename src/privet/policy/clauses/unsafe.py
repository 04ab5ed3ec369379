"""That a rule may show more than the ceiling of a data type."""

from __future__ import annotations

from privet.policy.clauses import Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.syntax import Rule


def _read(cursor: Cursor, draft: Draft) -> None:
    draft.unsafe = True


def _write(rule: Rule) -> str:
    return "unsafe" if rule.unsafe else ""


PART = Clause(
    name="unsafe",
    about="lifts the ceilings of data types; every report lists it",
    opens="unsafe",
    form="unsafe",
    order=7,
    allows=True,
    read=_read,
    write=_write,
)
