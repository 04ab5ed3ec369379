"""The shelf of clauses: what a rule may say after its targets, one clause a file, each at most once a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from privet.policy.clauses._cursor import Cursor, Draft
from privet.policy.syntax import Rule
from privet.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """One clause. `opens`: its first keyword. `form`: its grammar, for people. `order`: its position among the clauses
    of a formatted rule. `allows`: only a rule that allows may say it. `read`: the cursor, which stands after the first
    keyword → the draft's field; raises InvalidPolicy. `write`: a rule → the clause as text, "" for a rule without it.
    """

    name: str
    about: str
    opens: str
    form: str
    order: int
    allows: bool = False
    read: Callable[[Cursor, Draft], None]
    write: Callable[[Rule], str]


CLAUSES: Shelf[Clause] = Shelf("privet.policy.clauses", Clause, word="policy clause")
