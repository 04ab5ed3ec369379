"""One kind of question and all that decides it: an action on a table, for a purpose, by some roles.

Made once; each caller of those roles is then answered by look-ups, and by filling in what only she or the moment says.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from privet.errors import Denied
from privet.policy.bind import RECORDLESS, USES, Queues, at_or_below, covers, filled, fits, overlap
from privet.policy.permit import ASKING, SHOWING, Basis, Permit, Sight, covering, order, shown, shows
from privet.policy.syntax import Budget, DenyUse, Limit, Policy, RequireConsent, Rule
from privet.vocabulary.access import Access, Principal, Purpose
from privet.vocabulary.dataset import Collection, Field
from privet.vocabulary.datatype import DataType
from privet.vocabulary.flag import EXEMPT, RESTRICTION, lacks, use_of
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


# How many rows something holds on, whichever they are.
_NONE, _SOME, _ALL = 0, 1, 2

_Rows = tuple[int, tuple[int, ...]]  # a term of allows, and the terms of the denies on it


class _Term(NamedTuple):
    """When clauses hold that share it. `place`: of its condition among the board's. `ready`: its rows, None where they
    depend on the caller or the moment."""

    allows: bool
    until: datetime | None
    place: int
    ready: Predicate | None


class _Grant(NamedTuple):
    """What one clause allows of a column. `at`: its place among the clauses; `rows`: its term, and those of the denies
    on it; `covering`: the redactions that show as much."""

    redaction: str
    at: int
    rows: _Rows
    covering: frozenset[str]


class _Ground(NamedTuple):
    """The clauses that a permit rests on, as it tells them."""

    rules: tuple[Basis, ...]
    budgets: tuple[tuple[Basis, Budget], ...]


_Shown = tuple[Mapping[str, tuple[Sight, ...]], Predicate, _Ground]  # by column, the rows of any, who says so


class _Answer(NamedTuple):
    """What some columns show wherever each term holds on no row, some or all: the same, but for which rows some are.

    `columns`: in order; what an `unsettled` one shows stands at those places among `sights`, once `held`, the rows that
    no caller or moment changes, is complete. `rows`: all that counts."""

    columns: dict[str, tuple[Sight, ...]]
    unsettled: tuple[tuple[str, tuple[int, ...]], ...]
    sights: tuple[tuple[str, _Rows, Basis], ...]
    held: dict[_Rows, Predicate]
    rows: tuple[_Rows, ...]
    ground: _Ground


class _Lessened(NamedTuple):
    """What is left of a permit's columns once flags count, and of its rows. `of`: the columns."""

    of: Mapping[str, tuple[Sight, ...]]
    columns: Mapping[str, tuple[Sight, ...]]
    rows: Predicate


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
        # What `erase` and `keep` promise binds erasures, no caller.
        bound = [p for p in policy.promises if isinstance(p, DenyUse | RequireConsent) and _binds(p.purposes, uses)]
        self.lifted = access.lifted
        self.uses, self.stated = tuple(uses), access.purpose
        self.kept_back: dict[frozenset[str], Predicate] = {}
        self.lessened: dict[tuple[int, frozenset[str]], _Lessened] = {}
        self.exports: Mapping[str, str] = MappingProxyType({})  # of each column, what the roles may export of all rows
        self.barred = [promise for promise in bound if isinstance(promise, DenyUse)]
        asked = [promise for promise in bound if isinstance(promise, RequireConsent)]
        self.consents = [Compare(CONSENT, "=", p.key) for p in asked] if self.action in ASKING else []
        self.agreed = self.consents if table.subject != "none" else []
        # What a connection carries to a third party is not shown to the caller.
        limited = self.action in SHOWING and not access.connection
        self.limits = [p for p in policy.promises if isinstance(p, Limit)] if limited else []
        kinds = dict.fromkeys((c.allows, c.rule.where, c.rule.until) for c in self.clauses)
        self.conditions = list(dict.fromkeys(where for _, where, _ in kinds))
        # No record exists yet that a condition could hold on, or none on which it could be judged.
        self.fitting = [self.action not in RECORDLESS and fits(where, table) for where in self.conditions]
        self.terms = [self.term(*kind) for kind in kinds]
        self.waiting = {term.place for term in self.terms if term.ready is None}
        places = {kind: at for at, kind in enumerate(kinds)}
        self.term_of = [places[c.allows, c.rule.where, c.rule.until] for c in self.clauses]
        self.cells: dict[str, tuple[_Grant, ...]] = {}
        self.answers: dict[tuple[tuple[str, ...], tuple[int, ...]], _Answer] = {}
        self.made: dict[tuple[tuple[str, ...], tuple[str | None, ...]], _Made] = {}

    def permit(self, principal: Principal, access: Access, now: datetime | None, queues: Queues) -> Permit:
        """Return the permit of one caller at one moment. Raises Denied."""
        if self.queued or (self.times and now is None):
            return self.make(principal, access, now, queues).permit
        said = tuple([principal.attributes.get(name) for name in self.attributes]) if self.attributes else ()
        key = (access.columns, said)
        found = self.made.get(key)
        if found is None or (self.times and now is not None and not _within(found, now)):
            found = self.make(principal, access, now, queues)
            keep(self.made, key, found, MOST_PERMITS)
        permit = found.permit
        return permit if permit.principal == principal.id else replace(permit, principal=principal.id)

    # -- flags -------------------------------------------------------------------------------------------------

    def less(self, permit: Permit, flags: frozenset[str]) -> Permit:
        """Return a permit without the records of people who have one of some flags that binds its caller."""
        lacking = self.kept_back.get(flags)
        if lacking is None:
            lacking = self.lacking(flags)
            keep(self.kept_back, flags, lacking, MOST_PERMITS)
        if lacking == ALWAYS:
            return permit
        # INVARIANT: what is kept holds the columns, so that no others have the same id meanwhile.
        key = (id(permit.columns), flags)
        found = self.lessened.get(key)
        if found is None:
            found = _lessened(permit, lacking)
            keep(self.lessened, key, found, MOST_PERMITS)
        return replace(permit, columns=found.columns, rows=found.rows)

    def lacking(self, flags: Iterable[str]) -> Predicate:
        """Return the condition of the records that no flag holds back from the caller: new ones may be written."""
        if self.table.subject == "none" or self.action in RECORDLESS:
            return ALWAYS
        where: Predicate = ALWAYS
        for flag in sorted(flags):
            if self.stops(flag):
                where = both(where, lacks(flag))
        return where

    def stops(self, flag: str) -> bool:
        """Return whether a flag holds records back from the caller.

        A restricted person's data may be processed for claims and for somebody else's rights (GDPR art. 18(2)), which
        a caller has to state; to whom an objection is (art. 21) follows from her purposes, as it does for consent.
        """
        if flag == RESTRICTION:
            return self.stated is None or not at_or_below(self.stated, EXEMPT)
        return _binds((Purpose(use_of(flag)),), self.uses)

    def make(self, principal: Principal, access: Access, now: datetime | None, queues: Queues) -> _Made:
        filled = {at: self.filled(at, principal.attributes, queues) for at in self.waiting}
        wheres = [term.ready or _bound(term.allows, term.until, filled[term.place], now) for term in self.terms]
        whole = access.action == "delete" or not access.columns
        columns, rows, ground = self.whole(access, wheres) if whole else self.by_column(access, wheres)
        since, until = _between(self.times, now) if self.times and now else (None, None)
        permit = Permit(
            principal=principal.id,
            action=access.action,
            table=access.table,
            columns=columns,
            rows=rows,
            policy=self.version,
            purpose=access.purpose or "",
            rules=ground.rules,
            budgets=ground.budgets,
            until=until,
            exports=self.exports,
        )
        return _Made(permit, since)

    def ground(self, used: Iterable[int]) -> _Ground:
        rules = [self.clauses[at] for at in sorted(used)]
        budgets = tuple((clause.basis, clause.rule.budget) for clause in rules if clause.rule.budget)
        return _Ground(tuple(clause.basis for clause in rules), budgets)

    # -- rows --------------------------------------------------------------------------------------------------

    def term(self, allows: bool, where: Predicate, until: datetime | None) -> _Term:
        leaves = list(comparisons(where))
        asks = self.action not in RECORDLESS and any(leaf.target == QUEUE or any(attributes(leaf)) for leaf in leaves)
        fixed = until is None and not asks
        at = self.conditions.index(where)
        ready = _bound(allows, until, self.filled(at, {}, NO_QUEUES), None) if fixed else None
        return _Term(allows, until, at, ready)

    def filled(self, at: int, attributes: Mapping[str, str], queues: Queues) -> Predicate | None:
        """Return a condition, by its place, with what the caller says in it: NEVER and ALWAYS themselves where it is no
        or every row, None where it cannot be judged."""
        where = self.conditions[at]
        if where == ALWAYS:
            return ALWAYS
        found = filled(where, self.table, attributes, queues) if self.fitting[at] else None
        return ALWAYS if found == ALWAYS else NEVER if found == NEVER else found

    def rows(self, key: _Rows, wheres: Sequence[Predicate]) -> Predicate:
        """Return the rows of a term without those of denies, and only of people who consented to what is promised."""
        where, denied = wheres[key[0]], union([wheres[at] for at in key[1]])
        if where is NEVER or denied is ALWAYS:
            return NEVER
        if denied is not NEVER:
            where = both(where, Not(denied))
        for consent in self.agreed:
            where = both(where, consent)
        return where

    def extent(self, key: _Rows, extents: Sequence[int]) -> int:
        """Return how many rows `rows` holds."""
        allowed, denied = extents[key[0]], max((extents[at] for at in key[1]), default=_NONE)
        if allowed == _NONE or denied == _ALL:
            return _NONE
        return _SOME if allowed == _SOME or denied == _SOME or self.agreed else _ALL

    # -- columns -----------------------------------------------------------------------------------------------

    def by_column(self, access: Access, wheres: Sequence[Predicate]) -> _Shown:
        key = (access.columns, tuple([_extent(where) for where in wheres]))
        answer = self.answers.get(key)
        if answer is None:
            answer = self.answer(*key)
            keep(self.answers, key, answer, MOST_PERMITS)
        if not answer.columns:
            raise Denied(f"no role of the caller allows `{access.action}` on these columns of `{access.table}`")
        held = {key: answer.held.get(key) or self.rows(key, wheres) for key in answer.rows}
        sights = [Sight(redaction, held[key], basis) for redaction, key, basis in answer.sights]
        columns = dict(answer.columns)
        for name, places in answer.unsettled:
            columns[name] = tuple([sights[place] for place in places])
        return columns, union(held.values()), answer.ground

    def answer(self, names: Iterable[str], extents: Sequence[int]) -> _Answer:
        seen = {name: self.seen(self.cell(name), extents) for name in names}
        shown = {name: grants for name, grants in seen.items() if grants}
        ready = [term.ready or NEVER for term in self.terms]
        rows = dict.fromkeys(grant.rows for grants in shown.values() for grant in grants)
        held = {key: self.rows(key, ready) for key in rows if self.settled(key)}
        places: dict[_Grant, int] = {}
        columns: dict[str, tuple[Sight, ...]] = {}
        unsettled = []
        for name, grants in shown.items():
            if all(grant.rows in held for grant in grants):
                columns[name] = tuple(Sight(g.redaction, held[g.rows], self.clauses[g.at].basis) for g in grants)
                continue
            columns[name] = ()
            unsettled.append((name, tuple(places.setdefault(grant, len(places)) for grant in grants)))
        return _Answer(
            columns,
            tuple(unsettled),
            tuple((grant.redaction, grant.rows, self.clauses[grant.at].basis) for grant in places),
            held,
            tuple(rows),
            self.ground({grant.at for grants in shown.values() for grant in grants}),
        )

    def settled(self, key: _Rows) -> bool:
        return all(self.terms[term].ready is not None for term in (key[0], *key[1]))

    def seen(self, grants: Iterable[_Grant], extents: Sequence[int]) -> list[_Grant]:
        """Return what is shown, most revealing first, without what another grant covers anyway."""
        found: list[_Grant] = []
        everywhere: set[str] = set()
        for grant in grants:
            if not grant.covering.isdisjoint(everywhere):
                continue
            extent = self.extent(grant.rows, extents)
            if extent == _NONE:
                continue
            if extent == _ALL:
                everywhere.add(grant.redaction)
            found.append(grant)
        return found

    def cell(self, name: str) -> tuple[_Grant, ...]:
        """Return all that clauses allow of a column, most revealing first."""
        found = self.cells.get(name)
        if found is None:
            field = self.table.field(name)
            found = self.cells[name] = tuple(self.grants(field)) if field else ()
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
            yield _Grant(name, at, key, covering(kind, name))

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
        return {name: (sight,) for name in access.columns if self.table.field(name)}, rows, self.ground(used)

    def is_whole(self, clause: Clause) -> bool:
        return any(t.table in ("", self.name) and not (t.column or t.label or t.part) for t in clause.rule.targets)

    def touches(self, clause: Clause) -> bool:
        fields = self.table.fields
        return self.is_whole(clause) or any(
            covers(t, self.name, field) for t in clause.rule.targets for field in fields
        )


def _lessened(permit: Permit, lacking: Predicate) -> _Lessened:
    wheres: dict[int, Predicate] = {}

    def less(where: Predicate) -> Predicate:
        found = wheres.get(id(where))
        if found is None:
            found = wheres[id(where)] = both(where, lacking)
        return found

    columns = {
        name: tuple([Sight(redaction, less(where), rule) for redaction, where, rule in sights])
        for name, sights in permit.columns.items()
    }
    return _Lessened(permit.columns, columns, less(permit.rows))


def _bound(allows: bool, until: datetime | None, filled: Predicate | None, now: datetime | None) -> Predicate:
    """Return the rows of a condition at a moment."""
    if not holds(allows, until, now):
        return NEVER
    return filled or (NEVER if allows else ALWAYS)


def _extent(where: Predicate) -> int:
    return _NONE if where is NEVER else _ALL if where is ALWAYS else _SOME


def _between(times: Sequence[datetime], now: datetime) -> tuple[datetime | None, datetime | None]:
    """Return the last moment up to now and the first after it. `times`: ascending."""
    at = bisect_right(times, now)
    return times[at - 1] if at else None, times[at] if at < len(times) else None


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
