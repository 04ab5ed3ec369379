"""The shelf of promises: what a policy says about the whole organization, one kind a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from privet.policy.clauses._cursor import Cursor
from privet.policy.syntax import Notes, Promise, Span
from privet.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Vow:
    """One kind of promise. `opens`: its first keywords; the second tells it from a rule, "" where there is no need.
    `form`: its grammar, for people. `read`: the cursor, which stands after the keywords → the promise, its span and
    notes left out; raises InvalidPolicy. `write`: a promise → its text, "" for one of another kind.
    """

    name: str
    about: str
    opens: tuple[str, str]
    form: str
    read: Callable[[Cursor], Callable[[Span, Notes], Promise]]
    write: Callable[[Promise], str]


VOWS: Shelf[Vow] = Shelf("privet.policy.promises", Vow, word="policy promise")
