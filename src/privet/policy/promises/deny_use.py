"""That some data is not used for some purposes."""

from __future__ import annotations

from collections.abc import Callable

from privet.policy.clauses._cursor import Cursor
from privet.policy.clauses._words import label
from privet.policy.promises import Vow
from privet.policy.syntax import DenyUse, Notes, Promise, Span


def _read(cursor: Cursor) -> Callable[[Span, Notes], Promise]:
    cursor.expect("of")
    labels = cursor.labels("category")
    cursor.expect("for")
    purposes = cursor.purposes()
    subjects = cursor.labels("subject") if cursor.skip("about") else ()
    return lambda span, notes: DenyUse(labels=labels, purposes=purposes, subjects=subjects, span=span, notes=notes)


def _write(promise: Promise) -> str:
    if not isinstance(promise, DenyUse):
        return ""
    labels, purposes, subjects = (
        ", ".join(map(label, keys)) for keys in (promise.labels, promise.purposes, promise.subjects)
    )
    return f"deny use of {labels} for {purposes}" + (f" about {subjects}" if subjects else "")


PART = Vow(
    name="deny_use",
    about="data labelled at or below the categories is not used for the purposes, or for one below them",
    opens=("deny", "use"),
    form="deny use of CATEGORY, … for PURPOSE, … [about SUBJECT, …]",
    read=_read,
    write=_write,
)
