"""The run-time reader: may this caller do this, on which columns and rows, and how much is shown?

Default deny; deny beats allow; among the allows of a cell the most revealing redaction whose rows match wins, capped
by the data type's ceiling unless the rule says `unsafe`.
"""

from __future__ import annotations

from collections.abc import Iterable

from privet.errors import Denied, UnknownName
from privet.policy.permit import Permit, Sight
from privet.policy.syntax import Policy, Rule, Target
from privet.vocabulary import taxonomy
from privet.vocabulary.access import ACTIONS, Access, Action, Principal, Purpose
from privet.vocabulary.dataset import Collection, Field
from privet.vocabulary.datatype import DataType, data_type, reveals_more
from privet.vocabulary.predicate import ALWAYS, NEVER, Not, Predicate, both, either

SHOWING: frozenset[Action] = frozenset({"read", "detokenize", "export"})


def decide(policy: Policy, principal: Principal, access: Access, table: Collection) -> Permit:
    """Return a permit for the part of `access` that the policy allows.

    Columns that are not allowed are left out; the caller refuses or skips them. Raises Denied if none is left,
    naming action and table only. `table` is the schema that the columns belong to.
    """
    rules = _rules(policy, principal, access)
    columns: dict[str, tuple[Sight, ...]] = {}
    rows: Predicate = NEVER
    for name in access.columns:
        field = table.field(name)
        sights = _sights(rules, access.action, access.table, field) if field else ()
        if sights:
            columns[name] = sights
            for sight in sights:
                rows = either(rows, sight.where)
    if access.columns and not columns:
        raise Denied(f"no role of the caller allows `{access.action}` on these columns of `{access.table}`")
    if not access.columns:
        rows = _rows(rules, access)
    return Permit(
        principal=principal.id,
        action=access.action,
        table=access.table,
        columns=columns,
        rows=rows,
        policy=policy.version,
        purpose=access.purpose or "",
    )


def may(policy: Policy, principal: Principal, action: Action, purpose: Purpose | None) -> None:
    """Raise Denied unless some role of the caller allows `action` at all: for verbs that touch no column.

    Raises it for a stated purpose that is not granted, too.
    """
    access = Access(action, "", (), purpose)
    _rows(_rules(policy, principal, access), access)


def may_anything(policy: Policy, principal: Principal, purpose: Purpose | None) -> None:
    """Raise Denied unless some role of the caller allows some action on some table: for what every insider may see."""
    for action in ACTIONS:
        if principal.scopes and action not in principal.scopes:
            continue
        rules = _rules(policy, principal, Access(action, "", (), purpose))
        tables = {target.table for rule in rules for target in rule.targets}
        if any(_allowed(rules, table) != NEVER for table in tables):
            return
    raise Denied("no role of the caller allows anything")


def may_state(principal: Principal, purpose: Purpose | None) -> None:
    """Raise Denied for a purpose that is not granted to the caller."""
    if purpose is not None and not _granted(purpose, principal.purposes):
        raise Denied("the stated purpose is not granted to the caller")


def _rules(policy: Policy, principal: Principal, access: Access) -> list[Rule]:
    may_state(principal, access.purpose)
    if principal.scopes and access.action not in principal.scopes:
        raise Denied(f"the credential is not scoped for `{access.action}`")
    found = []
    for name in principal.roles:
        role = policy.role(name)
        if role is None:
            raise Denied("a role of the caller does not exist in the policy in force")
        found += [rule for rule in role.rules if access.action in rule.actions and _for(rule, access.purpose)]
    return found


def _granted(purpose: Purpose, granted: Iterable[Purpose]) -> bool:
    try:
        return any(taxonomy.is_within(purpose, root) for root in granted)
    except UnknownName:
        return False  # what the taxonomy does not name is granted to nobody


def _for(rule: Rule, purpose: Purpose | None) -> bool:
    if not rule.purposes:
        return True
    return purpose is not None and _granted(purpose, rule.purposes)


def _rows(rules: list[Rule], access: Access) -> Predicate:
    """Return the rows of a table on which an action that names no column is allowed. Raises Denied for none."""
    allowed = _allowed(rules, access.table)
    if allowed == NEVER:
        raise Denied(f"no role of the caller allows `{access.action}`")
    return allowed


def _allowed(rules: list[Rule], table: str) -> Predicate:
    fitting = [rule for rule in rules if any(target.table in ("", table) for target in rule.targets)]
    allowed: Predicate = NEVER
    for rule in fitting:
        if rule.effect == "allow":
            allowed = either(allowed, rule.where)
    for rule in fitting:
        if rule.effect == "deny":
            allowed = NEVER if rule.where == ALWAYS else both(allowed, Not(rule.where))
    return allowed


def _sights(rules: list[Rule], action: Action, table: str, field: Field) -> tuple[Sight, ...]:
    fitting = [rule for rule in rules if any(_covers(target, table, field) for target in rule.targets)]
    denied: Predicate = NEVER
    for rule in fitting:
        if rule.effect == "deny":
            denied = either(denied, rule.where)
    if denied == ALWAYS:
        return ()
    kind = data_type(field.type)
    by_redaction: dict[str, Predicate] = {}
    for rule in fitting:
        if rule.effect == "allow":
            redaction = _redaction(kind, rule, action)
            by_redaction[redaction] = either(by_redaction.get(redaction, NEVER), rule.where)
    if denied != NEVER:
        by_redaction = {name: both(where, Not(denied)) for name, where in by_redaction.items()}
    order = sorted(by_redaction, key=lambda name: _rank(kind, name), reverse=True)
    return tuple(Sight(name, by_redaction[name]) for name in order)


def _redaction(kind: DataType, rule: Rule, action: Action) -> str:
    if action == "search":
        return rule.redaction  # how precisely one may ask; the ceiling caps what is shown
    return _capped(kind, rule) if action in SHOWING else "plain_text"


def _capped(kind: DataType, rule: Rule) -> str:
    if rule.redaction not in kind.redactions:
        return "redacted"  # a mask that the type does not know shows nothing
    if rule.unsafe or not reveals_more(kind, rule.redaction, kind.ceiling):
        return rule.redaction
    return kind.ceiling


def _rank(kind: DataType, redaction: str) -> int:
    return kind.redactions.index(redaction) if redaction in kind.redactions else 0


def _covers(target: Target, table: str, field: Field) -> bool:
    if target.table not in ("", table) or target.column not in ("", field.name):
        return False
    return not target.label or any(taxonomy.is_within(label, target.label) for label in field.labels)
