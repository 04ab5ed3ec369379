"""Whom a rule outside any `role` block is for."""

from __future__ import annotations

from privet.policy.clauses import Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._words import RESERVED, name
from privet.policy.syntax import Rule


def _read(cursor: Cursor, draft: Draft) -> None:
    start = cursor.at
    draft.roles = cursor.names("the name of a role")
    if len(set(draft.roles)) < len(draft.roles):
        cursor.note(cursor.fault("expected each role once, found one twice", at=start))


def _write(rule: Rule) -> str:
    return "to " + ", ".join(name(role, RESERVED) for role in rule.roles) if rule.roles else ""


PART = Clause(
    name="roles",
    about="the roles of a rule that stands before any `role` line",
    opens="to",
    form="to ROLE, …",
    order=8,
    read=_read,
    write=_write,
)
