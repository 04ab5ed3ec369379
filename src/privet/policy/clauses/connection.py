"""Through whom: the connection to a third party that the values go to."""

from __future__ import annotations

from privet.policy.clauses import Clause
from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.clauses._words import RESERVED, name
from privet.policy.syntax import Rule


def _read(cursor: Cursor, draft: Draft) -> None:
    cursor.expect("connection")
    draft.connection = cursor.name("the name of a connection")


def _write(rule: Rule) -> str:
    return f"through connection {name(rule.connection, RESERVED)}" if rule.connection else ""


PART = Clause(
    name="connection",
    about="only for what goes through that connection, which may carry more than people may see",
    opens="through",
    form="through connection NAME",
    order=4,
    read=_read,
    write=_write,
)
