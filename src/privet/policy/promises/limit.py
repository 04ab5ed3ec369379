"""That some data is shown so fully to connections alone."""

from __future__ import annotations

from collections.abc import Callable

from privet.policy.clauses._cursor import Cursor
from privet.policy.clauses._words import label, name
from privet.policy.promises import Vow
from privet.policy.syntax import Limit, Notes, Promise, Span


def _read(cursor: Cursor) -> Callable[[Span, Notes], Promise]:
    redaction = cursor.redaction()
    cursor.expect("of")
    labels = cursor.labels("category")
    cursor.expect("to")
    cursor.expect("connections")
    return lambda span, notes: Limit(redaction=redaction, labels=labels, span=span, notes=notes)


def _write(promise: Promise) -> str:
    if not isinstance(promise, Limit):
        return ""
    return f"limit {name(promise.redaction)} of {', '.join(map(label, promise.labels))} to connections"


PART = Vow(
    name="limit",
    about="of data labelled at or below the categories, that redaction and what reveals more is for connections alone",
    opens=("limit", ""),
    form="limit REDACTION of CATEGORY, … to connections",
    read=_read,
    write=_write,
)
