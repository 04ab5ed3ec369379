"""The run-time reader: may this caller do this, on which columns and rows, and how much is shown?

Default deny; deny beats allow; among the allows of a cell the most revealing redaction whose rows match wins, capped
by the data type's ceiling and by `limit`. What cannot be judged (a missing attribute, a null, a moment that nobody
told) makes an allow fall away and a deny hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from privet.errors import Denied
from privet.policy.bind import Queues, at_or_below, keys
from privet.policy.board import NO_QUEUES, Board, Clause, holds, keep
from privet.policy.permit import Basis, Permit, Sight
from privet.policy.syntax import Policy, Target
from privet.vocabulary.access import ACTIONS, Access, Action, Principal, Purpose
from privet.vocabulary.dataset import Collection
from privet.vocabulary.predicate import ALWAYS, Predicate

MOST_POLICIES, MOST_BOARDS = 32, 1024  # how many of each stay ready
NO_FLAGS: frozenset[str] = frozenset()


def decide(  # noqa: PLR0913  (all that a decision reads; a bundle would only rename it)
    policy: Policy,
    principal: Principal,
    access: Access,
    table: Collection,
    *,
    now: datetime | None = None,
    queues: Queues = NO_QUEUES,
    flags: frozenset[str] = NO_FLAGS,
) -> Permit:
    """Return a permit for the part of `access` that the policy allows.

    Columns that are not allowed are left out; the caller refuses or skips them. Raises Denied if none is left,
    naming action and table only. `table`: the schema that the columns belong to. `now`: UTC; without it no allow with
    `until` holds and every deny does. `queues`: the ids of the records that stand in each queue for the caller.
    `flags`: those that anybody has, see `vocabulary.flag`: the records of whoever has one that binds the caller are as
    if absent.
    """
    _demand_scope(principal, access.action)
    plan = _PLANS.get(id(policy)) or _plan(policy)
    key = (
        id(table),
        access.table,
        access.action,
        access.purpose,
        access.connection,
        access.lifted,
        principal.roles,
        principal.purposes,
        not principal.scopes or "export" in principal.scopes,
    )
    board = plan.boards.get(key)
    if board is None:
        may_state(principal, access.purpose)
        board = Board(policy, plan.clauses(principal, access), _uses(principal, access.purpose), access, table)
        board.exports = _exports(policy, principal, access, table)
        keep(plan.boards, key, board, MOST_BOARDS)
    permit = board.permit(principal, access, now, queues)
    return board.less(permit, flags) if flags else permit


def _exports(policy: Policy, principal: Principal, access: Access, table: Collection) -> dict[str, str]:
    """Return what of each column the caller's roles may export of every row, whoever and whenever she is.

    What depends on the caller, the moment or the record falls away, so that one answer serves all of a board. Flags
    do not count: bulk is no news to her because there are some records less.
    """
    if access.action == "export" or (principal.scopes and "export" not in principal.scopes):
        return {}
    whole = replace(access, action="export", columns=tuple(field.name for field in table.fields))
    clauses, uses = _plan(policy).clauses(principal, whole), _uses(principal, access.purpose)
    try:
        permit = Board(policy, clauses, uses, whole, table).permit(
            replace(principal, attributes={}), whole, None, NO_QUEUES
        )
    except Denied:
        return {}
    sights = {name: next((s for s in held if s.where == ALWAYS), None) for name, held in permit.columns.items()}
    return {name: sight.redaction for name, sight in sights.items() if sight}


def may(
    policy: Policy, principal: Principal, action: Action, purpose: Purpose | None, *, now: datetime | None = None
) -> None:
    """Raise Denied unless some role of the caller allows `action` on everything and nothing denies any of it.

    For verbs that touch no column of their own: there is no record that a condition could hold on. Raises Denied for
    a stated purpose that is not granted, too.
    """
    _demand_scope(principal, action)
    may_state(principal, purpose)
    held = _held(policy, principal, action, purpose, now)
    whole = any(clause.rule.where == ALWAYS and Target() in clause.rule.targets for clause in held if clause.allows)
    if not whole or any(not clause.allows for clause in held):
        raise Denied(f"no role of the caller allows `{action}`")


def may_anything(policy: Policy, principal: Principal, purpose: Purpose | None, *, now: datetime | None = None) -> None:
    """Raise Denied unless some role of the caller allows some action on some table: for what every insider may see."""
    may_state(principal, purpose)
    for action in ACTIONS:
        if principal.scopes and action not in principal.scopes:
            continue
        held = _held(policy, principal, action, purpose, now)
        denied = [t for c in held if not c.allows and c.rule.where == ALWAYS for t in c.rule.targets]
        allowed = [target for clause in held if clause.allows for target in clause.rule.targets]
        if any(not any(_contains(deny, target) for deny in denied) for target in allowed):
            return
    raise Denied("no role of the caller allows anything")


def of_person(action: Action, who: str, table: Collection, rows: Predicate, policy: str) -> Permit:
    """Return a permit for the records of one person, whose request was approved: every column in the clear.

    No role grants it and no type's ceiling holds it back. `rows`: a condition that only her records meet. `who`: the
    id of whoever carries the request out; `policy`: the version in force, both for the audit.
    """
    columns = {field.name: (Sight("plain_text", ALWAYS),) for field in table.fields}
    return Permit(principal=who, action=action, table=table.name, columns=columns, rows=rows, policy=policy, purpose="")


def may_state(principal: Principal, purpose: Purpose | None) -> None:
    """Raise Denied for a purpose that is not granted to the caller. What the taxonomy lacks is granted to nobody."""
    if purpose is None:
        return
    if purpose not in keys("use") or not any(at_or_below(purpose, granted) for granted in principal.purposes):
        raise Denied("the stated purpose is not granted to the caller")


def _demand_scope(principal: Principal, action: Action) -> None:
    if principal.scopes and action not in principal.scopes:
        raise Denied(f"the credential is not scoped for `{action}`")


def _held(
    policy: Policy, principal: Principal, action: Action, purpose: Purpose | None, now: datetime | None
) -> list[Clause]:
    clauses = _plan(policy).clauses(principal, Access(action, "", (), purpose))
    return [clause for clause in clauses if holds(clause.allows, clause.rule.until, now)]


def _contains(outer: Target, inner: Target) -> bool:
    if outer.table not in ("", inner.table) or outer.column not in ("", inner.column) or outer.part:
        return False
    return not outer.label or bool(inner.label and at_or_below(inner.label, outer.label))


# --- a policy made ready ----------------------------------------------------------------------------------------


_Key = tuple[int, str, Action, Purpose | None, str, bool, tuple[str, ...], tuple[Purpose, ...], bool]


class _Plan:
    """The rules of a policy by role and action, and the boards that were made of them."""

    def __init__(self, policy: Policy) -> None:
        self.policy = policy
        self.boards: dict[_Key, Board] = {}
        self.rules: dict[str, dict[Action, list[Clause]]] = {}
        for role in policy.roles:
            held = self.rules.setdefault(role.name, {})
            for at, rule in enumerate(role.rules, start=1):
                basis = Basis(role.name, at, rule.span)
                clause = Clause(rule, basis, rule.purposes or (role.purposes if rule.effect == "allow" else ()))
                for action in rule.actions:
                    held.setdefault(action, []).append(clause)

    def clauses(self, principal: Principal, access: Access) -> Iterator[Clause]:
        """Yield the clauses of a caller's roles for an action that fit purpose and connection."""
        for name in principal.roles:
            # Roles are of one vault, callers of many: a role that is unknown here grants nothing and spoils no other.
            for clause in self.rules.get(name, {}).get(access.action, ()):
                fits = clause.rule.connection in ("", access.connection)
                if fits and clause.fits(access.purpose, _uses(principal, access.purpose)):
                    yield clause


def _uses(principal: Principal, purpose: Purpose | None) -> tuple[Purpose, ...]:
    return principal.purposes if purpose is None else (purpose,)


_PLANS: dict[int, _Plan] = {}


def _plan(policy: Policy) -> _Plan:
    found = _PLANS.get(id(policy))
    if found is None:
        # INVARIANT: the plan holds its policy, so that no other has the same id while the plan is kept.
        found = _Plan(policy)
        keep(_PLANS, id(policy), found, MOST_POLICIES)
    return found
