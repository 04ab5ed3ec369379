"""What for: the data uses that a rule is about."""

from __future__ import annotations

from privet.policy.clauses import Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._words import label
from privet.policy.syntax import Rule


def _read(cursor: Cursor, draft: Draft) -> None:
    draft.purposes = cursor.purposes()


def _write(rule: Rule) -> str:
    return "for " + ", ".join(map(label, rule.purposes)) if rule.purposes else ""


PART = Clause(
    name="purposes",
    about="the caller states one of these purposes, or one below; without it, those granted to the role",
    opens="for",
    form="for PURPOSE, …",
    order=3,
    read=_read,
    write=_write,
)
