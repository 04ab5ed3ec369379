"""The same policy in other words, and policies that are nearly the same. Seeded, so that a case has a number."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TypeVar

from rulebook import PURPOSES, START, case

from privet.policy.bind import misfit
from privet.policy.syntax import DenyUse, Limit, Policy, Promise, RequireConsent, Role, Rule
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Collection
from privet.vocabulary.predicate import (
    ALWAYS,
    QUEUE,
    And,
    Compare,
    In,
    Not,
    Or,
    Predicate,
    attributes,
    comparisons,
)

T = TypeVar("T")


def reworded(policy: Policy, r: Random, table: Collection) -> Policy:
    """Return a policy that means the same on a table."""
    rules = [rule for role in policy.roles for rule in role.rules]
    parts = any(target.part for rule in rules for target in rule.targets)
    roles = [replace(role, rules=_rules(role, r, table, parts=parts)) for role in policy.roles]
    promises = [part for promise in policy.promises for part in _promises(promise, r)]
    return Policy(policy.version, tuple(_shuffled(roles, r)), tuple(_shuffled(promises, r)))


def nudged(policy: Policy, r: Random) -> Policy:
    """Return a policy with one thing changed, which may or may not matter."""
    if policy.promises and r.random() < 0.2:
        return replace(policy, promises=policy.promises[1:])
    at = r.randrange(len(policy.roles))
    role = policy.roles[at]
    rules = list(role.rules)
    which = r.randrange(len(rules))
    rules[which : which + 1] = _nudged(rules[which], r)
    purposes = (r.choice(PURPOSES),) if r.random() < 0.1 else role.purposes
    roles = (*policy.roles[:at], replace(role, rules=tuple(rules), purposes=purposes), *policy.roles[at + 1 :])
    return replace(policy, roles=roles)


def _nudged(rule: Rule, r: Random) -> list[Rule]:
    other = r.choice(r.choice(case(r.randrange(10**6)).policy.roles).rules)
    return r.choice(
        (
            [],
            [rule, other],
            [replace(rule, redaction=other.redaction)],
            [replace(rule, where=other.where)],
            [replace(rule, targets=other.targets)],
            [replace(rule, purposes=other.purposes)],
            [replace(rule, until=other.until, connection=other.connection)],
            [replace(rule, unsafe=not rule.unsafe)],
            [replace(rule, effect="deny" if rule.effect == "allow" else "allow")],
            [replace(rule, actions=other.actions)],
        )
    )


# --- rules ------------------------------------------------------------------------------------------------------


def _rules(role: Role, r: Random, table: Collection, *, parts: bool) -> tuple[Rule, ...]:
    found: list[Rule] = []
    for rule in role.rules:
        found += _split(_redacted(rule), r, table)
        if r.random() < 0.3:
            found += _needless(rule, r, parts=parts)
    return tuple(_shuffled(found, r))


def _redacted(rule: Rule) -> Rule:
    parts = any(target.part for target in rule.targets)  # of which nothing but the part is ever shown
    default = rule.redaction == "" and "search" not in rule.actions and not parts
    return replace(rule, redaction="masked") if default else rule


def _split(rule: Rule, r: Random, table: Collection) -> list[Rule]:
    rule = replace(rule, actions=tuple(_shuffled(rule.actions, r)), targets=tuple(_shuffled(rule.targets, r)))
    parts = [rule]
    if r.random() < 0.5:
        parts = [replace(part, actions=(action,)) for part in parts for action in part.actions]
    if r.random() < 0.5:
        parts = [replace(part, targets=(target,)) for part in parts for target in part.targets]
    if r.random() < 0.5 and rule.purposes:
        parts = [replace(part, purposes=(purpose,)) for part in parts for purpose in part.purposes]
    whole = isinstance(rule.where, Or) and rule.where.items and _judged(rule.where, table)
    if whole and isinstance(rule.where, Or) and not {"insert", "tokenize"} & {*rule.actions}:
        parts = [replace(part, where=item) for part in parts for item in rule.where.items if item != ALWAYS]
        if any(item == ALWAYS for item in rule.where.items):
            parts.append(replace(rule, where=ALWAYS))
    return [replace(part, where=_condition(part.where, r, table)) for part in parts]


def _judged(where: Predicate, table: Collection) -> bool:
    """Return whether anybody can judge a condition, so that its pieces may stand alone."""
    leaves = list(comparisons(where))
    return not any(leaf.target == QUEUE or [*attributes(leaf)] or misfit(leaf, table) for leaf in leaves)


def _needless(rule: Rule, r: Random, *, parts: bool) -> list[Rule]:
    """Return a rule that says nothing which another does not say. `parts`: a deny of one may spare what is hidden."""
    below = tuple(Purpose(f"{purpose}.advertising") for purpose in rule.purposes if purpose == "marketing")
    kinds = [rule]
    if rule.effect == "allow" and not parts:
        kinds.append(replace(rule, redaction="redacted") if "search" not in rule.actions else rule)
    if below:
        kinds.append(replace(rule, purposes=below))
    if rule.until is None:
        kinds.append(replace(rule, until=START))
    kinds.append(replace(rule, where=rule.where if rule.where == ALWAYS else And((rule.where, rule.where))))
    return [r.choice(kinds)]


# --- conditions ---------------------------------------------------------------------------------------------------


def _condition(where: Predicate, r: Random, table: Collection) -> Predicate:
    if where == ALWAYS:
        return where  # the only one that holds where no record is
    found = _turned(where, r, table)
    return Not(Not(found)) if r.random() < 0.15 else found


def _turned(where: Predicate, r: Random, table: Collection) -> Predicate:
    if isinstance(where, Not):
        inner = where.item
        if isinstance(inner, And | Or) and inner.items and r.random() < 0.5:
            items = tuple(Not(_turned(item, r, table)) for item in inner.items)
            return Or(items) if isinstance(inner, And) else And(items)
        return Not(_turned(inner, r, table))
    if isinstance(where, And | Or):
        items = [_turned(item, r, table) for item in where.items]
        if items and r.random() < 0.3:
            items.append(r.choice(items))
        return type(where)(tuple(_shuffled(items, r)))
    return _leaf(where, r)


def _leaf(leaf: Compare | In, r: Random) -> Predicate:
    if isinstance(leaf, In):
        if leaf.target != "id" and leaf.values and r.random() < 0.5:
            return Or(tuple(Compare(leaf.target, "=", value) for value in _shuffled(leaf.values, r)))
        return replace(leaf, values=tuple(_shuffled((*leaf.values, *leaf.values[:1]), r)))
    if leaf.op == "!=" and r.random() < 0.5:
        return Not(replace(leaf, op="="))
    return leaf


# --- promises -----------------------------------------------------------------------------------------------------


def _promises(promise: Promise, r: Random) -> list[Promise]:
    found: list[Promise] = [promise]
    if isinstance(promise, DenyUse):
        found = [replace(promise, labels=(label,)) for label in promise.labels]
    elif isinstance(promise, RequireConsent):
        found = [replace(promise, purposes=(purpose,)) for purpose in promise.purposes]
    elif isinstance(promise, Limit):
        found = [replace(promise, labels=(label,)) for label in promise.labels]
    return [*found, *found[:1]] if r.random() < 0.5 else [promise]


def _shuffled(items: list[T] | tuple[T, ...], r: Random) -> list[T]:
    return r.sample(items, len(items))
