"""Conditions on a row, shared by policies, queries and stores.

A target is a name that the reader resolves: `customers.email.domain` in a policy or question, a physical column
in a store. Values are what the level compares: texts and numbers above, tags and integers below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Operator = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Attribute:
    """In place of a value: an attribute of the caller (`caller.region`), known when the caller is."""

    name: str


Value = str | int | float | bytes | bool | Attribute | None


@dataclass(frozen=True, slots=True)
class Compare:
    """`target op value`. A comparison with None is `is null` (=) or `is not null` (!=)."""

    target: str
    op: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    """`target in (values…)`. No values: nothing matches."""

    target: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class And:
    """Every item holds. No items: always true."""

    items: tuple[Predicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Or:
    """Some item holds. No items: never true."""

    items: tuple[Predicate, ...] = ()


@dataclass(frozen=True, slots=True)
class Not:
    """The item does not hold. Null compares as in SQL: neither it nor its negation holds."""

    item: Predicate


Predicate = Compare | In | And | Or | Not

QUEUE = "@queue"  # target: `QUEUE = name` holds for records that stand in that queue for the caller
CONSENT = "@consent"  # target: `CONSENT = key` holds for records whose person has consented; unknown people have not
ALWAYS = And()
NEVER = Or()


def both(left: Predicate, right: Predicate) -> Predicate:
    """Return the conjunction, flattened, without needless ALWAYS."""
    items: list[Predicate] = []
    for side in (left, right):
        items.extend(side.items if isinstance(side, And) else (side,))
    return items[0] if len(items) == 1 else And(tuple(items))


def either(left: Predicate, right: Predicate) -> Predicate:
    """Return the disjunction, flattened; ALWAYS on either side absorbs the other."""
    if ALWAYS in (left, right):
        return ALWAYS
    items: list[Predicate] = []
    for side in (left, right):
        items.extend(side.items if isinstance(side, Or) else (side,))
    return items[0] if len(items) == 1 else Or(tuple(items))


def targets(predicate: Predicate) -> Iterator[str]:
    """Yield every target that the predicate names, in reading order, repeats included."""
    if isinstance(predicate, And | Or):
        for item in predicate.items:
            yield from targets(item)
    elif isinstance(predicate, Not):
        yield from targets(predicate.item)
    else:
        yield predicate.target


def rewritten(predicate: Predicate, change: Callable[[Compare | In], Predicate | None]) -> Predicate | None:
    """Return the predicate with each comparison changed, None as soon as `change` returns None."""
    if isinstance(predicate, Compare | In):
        return change(predicate)
    if isinstance(predicate, Not):
        item = rewritten(predicate.item, change)
        return None if item is None else Not(item)
    items: list[Predicate] = []
    for old in predicate.items:
        new = rewritten(old, change)
        if new is None:
            return None
        items.append(new)
    return And(tuple(items)) if isinstance(predicate, And) else Or(tuple(items))


def comparisons(predicate: Predicate) -> Iterator[Compare | In]:
    """Yield every comparison, in reading order, repeats included."""
    if isinstance(predicate, And | Or):
        for item in predicate.items:
            yield from comparisons(item)
    elif isinstance(predicate, Not):
        yield from comparisons(predicate.item)
    else:
        yield predicate


def attributes(leaf: Compare | In) -> Iterator[str]:
    """Yield the name of every attribute of the caller that a comparison reads."""
    for value in leaf.values if isinstance(leaf, In) else (leaf.value,):
        if isinstance(value, Attribute):
            yield value.name


def union(wheres: Iterable[Predicate]) -> Predicate:
    """Return the disjunction, flattened: NEVER and ALWAYS themselves where it is none or all."""
    items: list[Predicate] = []
    for where in wheres:
        if where is ALWAYS:
            return ALWAYS
        items.extend(where.items if isinstance(where, Or) else (where,))
    return NEVER if not items else items[0] if len(items) == 1 else Or(tuple(items))
