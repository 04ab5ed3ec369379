"""One kind of question and all that decides it: an action on a table, for a purpose, by some roles.

Made once; each caller of those roles is then answered by look-ups, and by filling in what only she or the moment says.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from privet.errors import Denied
from privet.policy.bind import RECORDLESS, USES, Queues, at_or_below, covers, overlap, resolve
from privet.policy.permit import ASKING, SHOWING, Basis, Permit, Sight, covering, order, shown, shows
from privet.policy.syntax import Budget, DenyUse, Limit, Policy, RequireConsent, Rule
from privet.vocabulary.access import Access, Principal, Purpose
from privet.vocabulary.dataset import Collection, Field
from privet.vocabulary.datatype import DataType
from privet.vocabulary.predicate import (
    ALWAYS,
    CONSENT,
    NEVER,
    QUEUE,
    Compare,
    Not,
    Predicate,
    attributes,
    both,
    comparisons,
    union,
)
from privet.vocabulary.typed import field_type

K = TypeVar("K")
V = TypeVar("V")

MOST_PERMITS = 256  # answers that stay ready

NO_QUEUES: Queues = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Clause:
    """A rule as one role has it. `purposes`: its own; of an allow without any, its role's."""

    rule: Rule
    basis: Basis
    purposes: tuple[Purpose, ...]

    @property
    def allows(self) -> bool:
        return self.rule.effect == "allow"

    def fits(self, stated: Purpose | None, uses: Iterable[Purpose]) -> bool:
        """Return whether the rule is about a purpose. `uses`: the stated one, else all that are granted.

        An allow needs a stated purpose at or below its own. A deny holds for all that a stated purpose may mean.
        """
        if not self.purposes:
            return True
        if self.allows:
            return stated is not None and any(at_or_below(stated, root) for root in self.purposes)
        return any(overlap(use, root) for use in uses for root in self.purposes)


def holds(allows: bool, until: datetime | None, now: datetime | None) -> bool:
    return until is None or (not allows if now is None else now < until)


_Shown = tuple[dict[str, tuple[Sight, ...]], Predicate, set[int]]  # by column, the rows of any, the clauses that say so
_Rows = tuple[int, tuple[int, ...]]  # a term of allows, and the terms of the denies on it


class _Term(NamedTuple):
    """A condition that clauses share. `ready`: its rows, None where they depend on the caller or the moment."""

    allows: bool
    where: Predicate
    until: datetime | None
    ready: Predicate | None


class _Grant(NamedTuple):
    """What one clause allows of a column. `at`: its place among the clauses; `rows`: its term, and those of the denies
    on it; `covering`: the redactions that show as much; `sight`: None where it depends on the caller or the moment."""

    redaction: str
    at: int
    rows: _Rows
    covering: frozenset[str]
    sight: Sight | None


class _Cell(NamedTuple):
    """All that clauses allow of a column, most revealing first. `seen`: what that shows and the clauses that say so,
    None where it depends on the caller or the moment."""

    grants: tuple[_Grant, ...]
    seen: tuple[tuple[Sight, ...], frozenset[int]] | None


class _Asked(NamedTuple):
    """What is known of some columns beforehand: `columns` in order, with nothing yet of the `unsettled`."""

    columns: dict[str, tuple[Sight, ...]]
    unsettled: tuple[str, ...]
    used: frozenset[int]
    rows: tuple[_Rows, ...]


class _Made(NamedTuple):
    """A permit, and since when the decision is this one."""

    permit: Permit
    since: datetime | None


class Board:
    """Every clause that one kind of question is decided by: an action on a table for a purpose, by some roles."""

    def __init__(
        self,
        policy: Policy,
        clauses: Iterable[Clause],
        uses: Iterable[Purpose],
        access: Access,
        table: Collection,
    ) -> None:
        """Take the clauses of the caller's roles that fit the access. `uses`: all that its purpose may mean."""
        self.version = policy.version
        self.table = table
        self.name = access.table
        self.action = access.action
        self.clauses = [c for c in clauses if any(t.table in ("", access.table) for t in c.rule.targets)]
        self.times = sorted({c.rule.until for c in self.clauses if c.rule.until is not None})
        leaves = [leaf for clause in self.clauses for leaf in comparisons(clause.rule.where)]
        self.attributes = tuple(dict.fromkeys(name for leaf in leaves for name in attributes(leaf)))
        self.queued = any(leaf.target == QUEUE for leaf in leaves)
        bound = [p for p in policy.promises if not isinstance(p, Limit) and _binds(p.purposes, uses)]
        self.lifted = access.lifted
        self.exports: Mapping[str, str] = MappingProxyType({})  # of each column, what the roles may export of all rows
        self.barred = [promise for promise in bound if isinstance(promise, DenyUse)]
        asked = [promise for promise in bound if isinstance(promise, RequireConsent)]
        self.consents = [Compare(CONSENT, "=", p.key) for p in asked] if self.action in ASKING else []
        # What a connection carries to a third party is not shown to the caller.
        limited = self.action in SHOWING and not access.connection
        self.limits = [p for p in policy.promises if isinstance(p, Limit)] if limited else []
        kinds = dict.fromkeys((c.allows, c.rule.where, c.rule.until) for c in self.clauses)
        self.terms = [_Term(*kind, ready=self.ready(*kind)) for kind in kinds]
        places = {kind: at for at, kind in enumerate(kinds)}
        self.term_of = [places[c.allows, c.rule.where, c.rule.until] for c in self.clauses]
        self.settled: dict[_Rows, Predicate] = {}
        self.cells: dict[str, _Cell] = {}
        self.asked: dict[tuple[str, ...], _Asked] = {}
        self.made: dict[tuple[tuple[str, ...], tuple[str | None, ...]], _Made] = {}

    def permit(self, principal: Principal, access: Access, now: datetime | None, queues: Queues) -> Permit:
        """Return the permit of one caller at one moment. Raises Denied."""
        if self.queued or (self.times and now is None):
            return self.make(principal, access, now, queues).permit
        key = (access.columns, tuple([principal.attributes.get(name) for name in self.attributes]))
        found = self.made.get(key)
        if found is None or (self.times and now is not None and not _within(found, now)):
            found = self.make(principal, access, now, queues)
            keep(self.made, key, found, MOST_PERMITS)
        permit = found.permit
        return permit if permit.principal == principal.id else replace(permit, principal=principal.id)

    def make(self, principal: Principal, access: Access, now: datetime | None, queues: Queues) -> _Made:
        wheres = [self.bound(term, principal, now, queues) if term.ready is None else term.ready for term in self.terms]
        whole = access.action == "delete" or not access.columns
        columns, rows, used = self.whole(access, wheres) if whole else self.by_column(access, wheres)
        rules = [self.clauses[at] for at in sorted(used)]
        permit = Permit(
            principal=principal.id,
            action=access.action,
            table=access.table,
            columns=columns,
            rows=rows,
            policy=self.version,
            purpose=access.purpose or "",
            rules=tuple([clause.basis for clause in rules]),
            budgets=tuple([(clause.basis, clause.rule.budget) for clause in rules if clause.rule.budget]),
            until=next((time for time in self.times if now is not None and now < time), None),
            exports=self.exports,
        )
        return _Made(permit, max((time for time in self.times if now is not None and time <= now), default=None))

    # -- rows --------------------------------------------------------------------------------------------------

    def ready(self, allows: bool, where: Predicate, until: datetime | None) -> Predicate | None:
        """Return the rows of a condition, None where they depend on the caller or the moment."""
        if until is not None:
            return None
        if where == ALWAYS:
            return ALWAYS
        leaves = list(comparisons(where))
        if self.action not in RECORDLESS and any(leaf.target == QUEUE or any(attributes(leaf)) for leaf in leaves):
            return None
        return self.resolved(allows, where, {}, NO_QUEUES)

    def bound(self, term: _Term, principal: Principal, now: datetime | None, queues: Queues) -> Predicate:
        if not holds(term.allows, term.until, now):
            return NEVER
        return self.resolved(term.allows, term.where, principal.attributes, queues)

    def resolved(self, allows: bool, where: Predicate, attributes: Mapping[str, str], queues: Queues) -> Predicate:
        """Return the rows of a condition: NEVER and ALWAYS themselves where it is no or every row."""
        if where == ALWAYS:
            return ALWAYS
        found = None if self.action in RECORDLESS else resolve(where, self.table, attributes, queues)
        if found is None:
            return NEVER if allows else ALWAYS
        return ALWAYS if found == ALWAYS else NEVER if found == NEVER else found

    def rows(self, key: _Rows, wheres: Sequence[Predicate]) -> Predicate:
        """Return the rows of a term without those of denies, and only of people who consented to what is promised."""
        where, denied = wheres[key[0]], union([wheres[at] for at in key[1]])
        if where is NEVER or denied is ALWAYS:
            return NEVER
        if denied is not NEVER:
            where = both(where, Not(denied))
        for consent in self.consents if self.table.subject != "none" else ():
            where = both(where, consent)
        return where

    # -- columns -----------------------------------------------------------------------------------------------

    def by_column(self, access: Access, wheres: Sequence[Predicate]) -> _Shown:
        asked = self.asked.get(access.columns)
        if asked is None:
            asked = self.ask(access.columns)
            keep(self.asked, access.columns, asked, MOST_PERMITS)
        columns, used = dict(asked.columns), set(asked.used)
        held, sights = dict(self.settled), dict[tuple[str, int, _Rows], Sight]()
        for name in asked.unsettled:
            columns[name], more = self.seen(self.cells[name].grants, wheres, held, sights)
            used |= more
            if not columns[name]:
                del columns[name]
        if not columns:
            raise Denied(f"no role of the caller allows `{access.action}` on these columns of `{access.table}`")
        # What nobody needed stands under something that holds on every row.
        return columns, union([held.get(key, NEVER) for key in asked.rows]), used

    def ask(self, names: Iterable[str]) -> _Asked:
        cells = {name: self.cells.get(name) or self.cell(name) for name in names}
        settled = [cell.seen for cell in cells.values() if cell.seen]
        return _Asked(
            columns={n: c.seen[0] if c.seen else () for n, c in cells.items() if c.seen is None or c.seen[0]},
            unsettled=tuple(name for name, cell in cells.items() if cell.seen is None),
            used=frozenset().union(*(used for _, used in settled)),
            rows=tuple(dict.fromkeys(grant.rows for cell in cells.values() for grant in cell.grants)),
        )

    def seen(
        self,
        grants: Iterable[_Grant],
        wheres: Sequence[Predicate],
        held: dict[_Rows, Predicate],
        sights: dict[tuple[str, int, _Rows], Sight],
    ) -> tuple[tuple[Sight, ...], frozenset[int]]:
        """Return what is shown, most revealing first, without what another sight covers anyway."""
        found: list[Sight] = []
        used: set[int] = set()
        everywhere: set[str] = set()
        for redaction, at, key, as_much, settled in grants:
            if everywhere and not as_much.isdisjoint(everywhere):
                continue
            sight = settled or self.sight((redaction, at, key), wheres, held, sights)
            if sight.where is NEVER:
                continue
            if sight.where is ALWAYS:
                everywhere.add(redaction)
            found.append(sight)
            used.add(at)
        return tuple(found), frozenset(used)

    def sight(
        self,
        name: tuple[str, int, _Rows],
        wheres: Sequence[Predicate],
        held: dict[_Rows, Predicate],
        sights: dict[tuple[str, int, _Rows], Sight],
    ) -> Sight:
        found = sights.get(name)
        if found is None:
            redaction, at, key = name
            where = held.get(key)
            if where is None:
                where = held[key] = self.rows(key, wheres)
            found = sights[name] = Sight(redaction, where, self.clauses[at].basis)
        return found

    def cell(self, name: str) -> _Cell:
        field = self.table.field(name)
        grants = tuple(self.grants(field)) if field else ()
        seen = self.seen(grants, (), self.settled, {}) if all(grant.sight for grant in grants) else None
        found = self.cells[name] = _Cell(grants, seen)
        return found

    def grants(self, field: Field) -> Iterator[_Grant]:
        if self.action in USES and any(self.bars(promise, field) for promise in self.barred):
            return
        if self.consents and self.table.subject == "none" and _labelled(field, ("user",)):
            return  # data about somebody, in a table that does not say about whom: nobody there has consented
        kind = field_type(field)
        limits = [p.redaction for p in self.limits if _labelled(field, p.labels)]
        names = dict.fromkeys(
            (shown(kind, self.action, clause.rule, target.part, limits, lifted=self.lifted), at)
            for at, clause in enumerate(self.clauses)
            for target in clause.rule.targets
            if clause.allows and covers(target, self.name, field)
        )
        # Of two rules that show the same the ampler one decides, whichever stands first.
        ordered = sorted(
            (pair for pair in names if pair[0]),
            key=lambda pair: (order(kind, pair[0]), _ample(self.clauses[pair[1]].rule.budget)),
            reverse=True,
        )
        known: set[tuple[str, _Rows]] = set()
        for name, at in ordered:
            key = (self.term_of[at], self.denies(kind, name, field))
            if (name, key) in known:
                continue
            known.add((name, key))
            settled = None
            if all(self.terms[term].ready is not None for term in (key[0], *key[1])):
                settled = self.sight((name, at, key), [term.ready or NEVER for term in self.terms], self.settled, {})
            yield _Grant(name, at, key, covering(kind, name), settled)

    def bars(self, promise: DenyUse, field: Field) -> bool:
        about = self.table.about
        if promise.subjects and about and not set(promise.subjects).intersection(about):
            return False
        return _labelled(field, promise.labels)

    def denies(self, kind: DataType, name: str, field: Field) -> tuple[int, ...]:
        """Return the terms of the denies that hit a redaction. A deny of a part hits what may show that part."""
        parts = {
            at: [target.part for target in clause.rule.targets if covers(target, self.name, field)]
            for at, clause in enumerate(self.clauses)
            if not clause.allows
        }
        asks = self.action in ASKING
        hits = [at for at, hit in parts.items() if any(not asks or shows(kind, name, part) for part in hit)]
        return tuple(dict.fromkeys(self.term_of[at] for at in hits))

    # -- whole records -----------------------------------------------------------------------------------------

    def whole(self, access: Access, wheres: Sequence[Predicate]) -> _Shown:
        """Return the rows on which an action on whole records is allowed: no column of them may be denied."""
        held = [(at, clause, wheres[self.term_of[at]]) for at, clause in enumerate(self.clauses)]
        used = {at for at, clause, where in held if clause.allows and where is not NEVER and self.is_whole(clause)}
        allowed = union(where for at, _, where in held if at in used)
        denied = union(where for _, clause, where in held if not clause.allows and self.touches(clause))
        if allowed is NEVER or denied is ALWAYS:
            raise Denied(f"no role of the caller allows `{access.action}`")
        rows = allowed if denied is NEVER else both(allowed, Not(denied))
        sight = Sight("plain_text", rows, self.clauses[min(used)].basis)
        return {name: (sight,) for name in access.columns if self.table.field(name)}, rows, used

    def is_whole(self, clause: Clause) -> bool:
        return any(t.table in ("", self.name) and not (t.column or t.label or t.part) for t in clause.rule.targets)

    def touches(self, clause: Clause) -> bool:
        fields = self.table.fields
        return self.is_whole(clause) or any(
            covers(t, self.name, field) for t in clause.rule.targets for field in fields
        )


def _within(made: _Made, now: datetime) -> bool:
    until = made.permit.until
    return (made.since is None or made.since <= now) and (until is None or now < until)


def _binds(purposes: Iterable[Purpose], uses: Iterable[Purpose]) -> bool:
    """Return whether a promise on purposes is about any use. A use that is stated broadly may be each that is below."""
    wanted = tuple(purposes)
    return any(overlap(use, root) for use in uses for root in wanted)


def _labelled(field: Field, roots: Iterable[str]) -> bool:
    return any(at_or_below(label, root) for root in roots for label in field.labels)


def keep(held: dict[K, V], key: K, value: V, most: int) -> None:
    """Put something among what stays ready; the oldest goes when there are too many."""
    if len(held) >= most:
        held.pop(next(iter(held)), None)
    held[key] = value


def _ample(budget: Budget | None) -> float:
    """Return how much a budget allows in a second, without end where there is none."""
    return math.inf if budget is None else budget.count / budget.seconds
