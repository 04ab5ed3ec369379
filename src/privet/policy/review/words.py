"""What a rule or promise says, in the pieces that tables of people show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from privet.errors import InvalidPolicy
from privet.policy.clauses import CLAUSES
from privet.policy.format import promise_line
from privet.policy.syntax import Promise, Rule
from privet.vocabulary.access import Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Texts as the language writes them, "" for what is not said. `text`: of a promise, all of it."""

    redaction: str = ""
    rows: str = ""
    purposes: tuple[str, ...] = ()
    until: str = ""
    budget: str = ""
    connection: str = ""
    unsafe: bool = False
    text: str = ""


def describe(item: Rule | Promise, purposes: tuple[Purpose, ...] = ()) -> Words:
    """Return the words of a rule or promise. `purposes`: of the rule, with those of its role."""
    if not isinstance(item, Rule):
        return Words(text=promise_line(item))
    return Words(
        redaction=item.redaction if item.effect == "allow" else "",
        rows=_clause("where", item),
        purposes=tuple(purposes or item.purposes),
        until=_clause("until", item),
        budget=_clause("budget", item),
        connection=item.connection,
        unsafe=item.unsafe,
    )


@cache
def _opens(name: str) -> str:
    return CLAUSES.get(name).opens


def _clause(name: str, rule: Rule) -> str:
    try:
        text = CLAUSES.get(name).write(rule)
    except InvalidPolicy:  # a tree that no text says: made by a program, not by `parse`
        return "a condition that the language cannot write"
    return text.removeprefix(_opens(name)).strip()
