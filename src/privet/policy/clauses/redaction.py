"""How much of a value is shown, or how precisely one may ask for it."""

from __future__ import annotations

from privet.policy.clauses import Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._words import name
from privet.policy.syntax import Rule


def _read(cursor: Cursor, draft: Draft) -> None:
    cursor.expect("redaction")
    cursor.expect("=")
    draft.redaction = cursor.redaction()


def _write(rule: Rule) -> str:
    return f"with redaction = {name(rule.redaction)}" if rule.redaction else ""


PART = Clause(
    name="redaction",
    about="the most that is shown; without it the type's mask, and of a search the whole value",
    opens="with",
    form="with redaction = NAME",
    order=1,
    allows=True,
    read=_read,
    write=_write,
)
