"""Flags: what holds a person's records back, whatever the rules allow. Who has one, a vault's ledger says.

`restriction` (GDPR art. 18) holds them back from everybody but those who state a legal obligation; `objection:USE`
(art. 21) from whoever may mean that use. A condition names a flag as it names a consent, negated.
"""

from __future__ import annotations

from privet.vocabulary.predicate import ALWAYS, CONSENT, And, Compare, Not, Predicate

RESTRICTION = "restriction"
OBJECTION = "objection:"
EXEMPT = "essential.legal_obligation"  # the purpose that a restriction does not hold back


def objection(use: str) -> str:
    """Return the flag of those who object to a use."""
    return OBJECTION + use


def is_flag(key: str) -> bool:
    """Return whether a key of the ledger is kept for flags.

    >>> is_flag("restriction"), is_flag("objection:marketing"), is_flag("restrictions")
    (True, True, False)
    """
    return key == RESTRICTION or key.startswith(OBJECTION)


def use_of(key: str) -> str:
    """Return the use that an objection is to, "" for a restriction."""
    return key.removeprefix(OBJECTION) if key.startswith(OBJECTION) else ""


def lacks(key: str) -> Predicate:
    """Return the condition of records whose person does not have a flag; where that is unknown it does not hold."""
    return Not(Compare(CONSENT, "=", key))


def marks(where: Predicate) -> tuple[str, ...]:
    """Return the flags that every record of a condition lacks."""
    return tuple(key for item in _items(where) if (key := _mark(item)))


def bare(where: Predicate) -> Predicate:
    """Return a condition without what it says of flags, itself where it says nothing."""
    items = _items(where)
    kept = tuple(item for item in items if not _mark(item))
    if len(kept) == len(items):
        return where
    return ALWAYS if not kept else kept[0] if len(kept) == 1 else And(kept)


def _items(where: Predicate) -> tuple[Predicate, ...]:
    return where.items if isinstance(where, And) else (where,)


def _mark(item: Predicate) -> str:
    """Return the flag that a condition says is lacking, "" where it says something else."""
    leaf = item.item if isinstance(item, Not) else None
    if not isinstance(leaf, Compare) or leaf.target != CONSENT or not isinstance(leaf.value, str):
        return ""
    return leaf.value if is_flag(leaf.value) else ""
