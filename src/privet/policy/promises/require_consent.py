"""That some purposes need the consent of the person."""

from __future__ import annotations

from collections.abc import Callable

from privet.policy.clauses._cursor import Cursor
from privet.policy.clauses._words import label, quoted
from privet.policy.promises import Vow
from privet.policy.syntax import Notes, Promise, RequireConsent, Span


def _read(cursor: Cursor) -> Callable[[Span, Notes], Promise]:
    key = cursor.content("the key of a consent in quotes")
    cursor.expect("for")
    purposes = cursor.purposes()
    return lambda span, notes: RequireConsent(key=key, purposes=purposes, span=span, notes=notes)


def _write(promise: Promise) -> str:
    if not isinstance(promise, RequireConsent):
        return ""
    return f"require consent {quoted(promise.key)} for {', '.join(map(label, promise.purposes))}"


PART = Vow(
    name="require_consent",
    about="for the purposes, or one below them, only data of people who gave that consent is used",
    opens=("require", "consent"),
    form="require consent 'KEY' for PURPOSE, …",
    read=_read,
    write=_write,
)
