"""What rules mean for callers who are not known yet: who is asking, what for and when stay open, as names in formulas.

`decide` answers for one caller at one moment; this says for all of them at once on what an answer depends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from privet.errors import InvalidValue
from privet.policy.bind import RECORDLESS, at_or_below, covers, misfit, overlap
from privet.policy.permit import ASKING, SHOWING, covering, shown, shows
from privet.policy.review.logic import FALSE, TRUE, Formula, Logic
from privet.policy.syntax import Budget, Limit, Policy, Promise, Role, Rule, Target
from privet.vocabulary.access import Action, Purpose
from privet.vocabulary.dataset import Collection, Field
from privet.vocabulary.datatype import DataType
from privet.vocabulary.predicate import (
    ALWAYS,
    QUEUE,
    And,
    Attribute,
    Compare,
    In,
    Not,
    Or,
    Predicate,
    Value,
    attributes,
    comparisons,
)
from privet.vocabulary.typed import field_type

ABOUT_ALL: frozenset[Action] = frozenset({"manage", "audit", "request"})  # touch no column and no record
MOST_LISTED = 32  # values of an `in` that are told one by one
OTHER = "*"  # a connection that no rule names

Truth = tuple[Formula, Formula]  # where a condition is true, where it is false; unknown elsewhere, as in SQL


class Place(NamedTuple):
    """What rules are about: a column or a table of a schema; without a schema, all that one target covers."""

    table: str = ""
    column: str = ""
    label: str = ""
    collection: Collection | None = None
    field: Field | None = None

    def __str__(self) -> str:
        if self.label:
            return self.label
        return f"{self.table}.{self.column or '*'}" if self.table else "*"


class Shown(NamedTuple):
    """How much is shown. `lifted`: past the type's ceiling, where no schema says whether there is one. `limits`: those
    that may cap it, where none says how far."""

    redaction: str
    lifted: bool = False
    limits: tuple[str, ...] = ()
    budget: Budget | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """A rule and where it stands. `at`: among its role's rules, from 1."""

    role: Role
    at: int
    rule: Rule

    @property
    def basis(self) -> str:
        return f"{self.role.name}/{self.at}"

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """Return what the rule is for. Only an allow takes the purposes of its role."""
        return self.rule.purposes or (self.role.purposes if self.rule.effect == "allow" else ())


@dataclass(frozen=True, slots=True)
class Grant:
    """What an allow shows of a place, and where it holds."""

    ref: Ref
    shown: Shown
    holds: Formula


@dataclass(frozen=True, slots=True)
class Denial:
    """What a deny hits of a place (`part` "" for all of it), and where it holds."""

    ref: Ref
    part: str
    holds: Formula


def refs(role: Role, action: Action, connection: str) -> Iterator[Ref]:
    """Yield a role's rules for an action through a connection, "" for none."""
    for at, rule in enumerate(role.rules, start=1):
        if action in rule.actions and rule.connection in ("", connection):
            yield Ref(role, at, rule)


def on(target: Target, place: Place) -> bool:
    """Return whether a target covers a place."""
    if place.field is not None:
        return covers(target, place.table, place.field)
    if target.table not in ("", place.table) or target.column not in ("", place.column):
        return False
    return not target.label or (bool(place.label) and at_or_below(place.label, target.label))


class Meaning:
    """Rules as formulas of one pool, for one action. `limits`: the promises that cap what is shown. `direct`: not
    through a connection. `coarse`: conditions are not read: an allow may hold and a deny may not."""

    def __init__(
        self, logic: Logic, action: Action, promises: Iterable[Promise], *, direct: bool, coarse: bool = False
    ) -> None:
        self.logic = logic
        self.action = action
        self.coarse = coarse
        capped = direct and action in SHOWING
        self.limits = [promise for promise in promises if isinstance(promise, Limit)] if capped else []
        self._truths: dict[tuple[Predicate, str], tuple[Truth, Formula]] = {}

    # -- grants and denials ------------------------------------------------------------------------------------

    def grants(self, found: Iterable[Ref], place: Place) -> list[Grant]:
        """Return what allows show of a place, in the order of the rules."""
        made: dict[tuple[Ref, Shown], None] = {}
        for ref in found:
            if ref.rule.effect == "allow":
                for target in ref.rule.targets:
                    how = self._shown(ref.rule, target, place) if self._allows(ref.rule, target, place) else None
                    if how is not None:
                        made[ref, how] = None
        return [Grant(ref, how, self._allowed(ref, place)) for ref, how in made]

    def denials(self, found: Iterable[Ref], place: Place) -> list[Denial]:
        """Return what denies hit of a place, in the order of the rules."""
        made: dict[tuple[Ref, str], None] = {}
        for ref in found:
            if ref.rule.effect == "deny":
                for target in ref.rule.targets:
                    if self._denies(target, place):
                        made[ref, target.part if self.action in ASKING else ""] = None
        return [Denial(ref, part, self._denied(ref, place)) for ref, part in made]

    def hit(self, denials: Iterable[Denial], how: Shown, place: Place) -> Formula:
        """Return where denials leave nothing of what is shown."""
        return self.logic.any(self.logic.all((d.holds, self._hits(d.part, how, place))) for d in denials)

    def covers(self, more: Shown, less: Shown, place: Place, parts: Iterable[str] = ()) -> bool:
        """Return whether nothing of `less` is left to add where `more` is shown. `parts`: those that a deny of another
        role may hit: what hits `more` alone leaves something of `less`."""
        spared = (self.logic.without(self._hits(p, more, place), self._hits(p, less, place)) for p in parts)
        return self._covers(more, less, place) and all(left == FALSE for left in spared)

    def _covers(self, more: Shown, less: Shown, place: Place) -> bool:
        if more.budget not in (None, less.budget):
            return False
        if place.field is not None:
            return more.redaction in covering(field_type(place.field), less.redaction)
        if less.redaction == "redacted" or (more.redaction, more.lifted) == (less.redaction, less.lifted):
            return more.limits == less.limits or less.redaction == "redacted"
        # A limit may show less of `plain_text` than of a mask, so that under one neither covers the other.
        as_much = more.redaction in ("plain_text", less.redaction)
        return as_much and more.lifted >= less.lifted and not more.limits and not less.limits

    def _allows(self, rule: Rule, target: Target, place: Place) -> bool:
        if self.action in ABOUT_ALL:
            return target == Target() and rule.where == ALWAYS
        if self.action == "delete":
            return target.table in ("", place.table) and not (target.column or target.label or target.part)
        return on(target, place)

    def _denies(self, target: Target, place: Place) -> bool:
        if self.action in ABOUT_ALL:
            return True
        if place.collection is not None and place.field is None:
            whole = target.table in ("", place.table) and not (target.column or target.label or target.part)
            return whole or any(covers(target, place.table, field) for field in place.collection.fields)
        return on(target, place)

    def _shown(self, rule: Rule, target: Target, place: Place) -> Shown | None:
        if self.action not in ASKING:
            return None if target.part else Shown("plain_text", budget=rule.budget)
        if place.field is not None:
            limits = [p.redaction for p in self.limits if labelled(place.field, p.labels)]
            name = shown(field_type(place.field), self.action, rule, target.part, limits)
            return Shown(name, budget=rule.budget) if name else None
        if target.part:
            name = target.part if rule.redaction in ("", "plain_text") else "redacted"
        else:
            name = rule.redaction or ("plain_text" if self.action == "search" else "masked")
        lifted = bool(rule.unsafe or rule.connection) and self.action in SHOWING
        return Shown(name, lifted, tuple(sorted({p.redaction for p in self.limits})), rule.budget)

    def _hits(self, part: str, how: Shown, place: Place) -> Formula:
        if self.action not in ASKING or not part:
            return TRUE
        if place.field is not None:
            return TRUE if shows(field_type(place.field), how.redaction, part) else FALSE
        if how.redaction == "redacted":
            return FALSE
        return TRUE if how.redaction in ("plain_text", part) else self.logic.name(("shows", how.redaction, part))

    # -- where rules hold --------------------------------------------------------------------------------------

    def _allowed(self, ref: Ref, place: Place) -> Formula:
        rule, logic = ref.rule, self.logic
        if rule.where != ALWAYS and self._unjudged(rule, place):
            return FALSE
        if self.coarse:
            return TRUE
        (true, _), judged = self._truth(rule.where, place.collection)
        purposes = [logic.name(("stated", purpose)) for purpose in ref.purposes]
        timed = TRUE if rule.until is None else logic.name(("before", rule.until))
        return logic.all((true, judged, logic.any(purposes) if purposes else TRUE, timed))

    def _denied(self, ref: Ref, place: Place) -> Formula:
        rule, logic = ref.rule, self.logic
        where = TRUE
        some = rule.where != ALWAYS and not self._unjudged(rule, place)
        if self.coarse:
            return FALSE if some or ref.purposes or rule.until else TRUE
        if some:
            (_, false), judged = self._truth(rule.where, place.collection)
            where = logic.no(logic.all((false, judged)))
        purposes = [logic.name(("used", purpose)) for purpose in ref.purposes]
        # A deny holds, too, where nobody told the time.
        timed = TRUE if rule.until is None else logic.name(("not yet", rule.until))
        return logic.all((where, logic.any(purposes) if purposes else TRUE, timed))

    def _unjudged(self, rule: Rule, place: Place) -> bool:
        if self.action in RECORDLESS or self.action in ABOUT_ALL:
            return True
        table = place.collection
        return table is not None and any(misfit(leaf, table) for leaf in comparisons(rule.where))

    # -- conditions --------------------------------------------------------------------------------------------

    def _truth(self, where: Predicate, table: Collection | None) -> tuple[Truth, Formula]:
        """Return where a condition is true and false, and where it can be judged at all."""
        key = (where, table.name if table else "")
        found = self._truths.get(key)
        if found is None:
            judged = self.logic.all(self._judged(leaf) for leaf in comparisons(where))
            found = self._truths[key] = self._read(where, table), judged
        return found

    def _judged(self, leaf: Compare | In) -> Formula:
        if leaf.target == QUEUE and isinstance(leaf, Compare):
            return self.logic.name(("has queue", leaf.value))
        return self.logic.all(self.logic.name(("has", name, leaf.target)) for name in attributes(leaf))

    def _read(self, where: Predicate, table: Collection | None) -> Truth:
        logic = self.logic
        if isinstance(where, Not):
            true, false = self._read(where.item, table)
            return false, true
        if isinstance(where, And | Or):
            read = [self._read(item, table) for item in where.items]
            trues, falses = [true for true, _ in read], [false for _, false in read]
            if isinstance(where, And):
                return logic.all(trues), logic.any(falses)
            return logic.any(trues), logic.all(falses)
        return self._leaf(where, table)

    def _leaf(self, leaf: Compare | In, table: Collection | None) -> Truth:
        logic = self.logic
        if isinstance(leaf, Compare) and leaf.target == QUEUE:
            held = logic.name(("in queue", leaf.value))
            return held, logic.no(held)
        null = FALSE if leaf.target == "id" else logic.name(("null", leaf.target))
        if isinstance(leaf, Compare) and leaf.value is None:
            there = logic.no(null)
            return (null, there) if leaf.op == "=" else (there, null)
        test = self._test(leaf, table)
        return logic.without(test, null), logic.without(logic.no(test), null)

    def _test(self, leaf: Compare | In, table: Collection | None) -> Formula:
        """Return where a value that is there passes a comparison."""
        logic, field = self.logic, _field(leaf, table)
        values = leaf.values if isinstance(leaf, In) else (leaf.value,)
        fixed = sorted({_canonical(value, leaf.target, field) for value in values})
        if isinstance(leaf, In):
            if len(fixed) > MOST_LISTED:
                return logic.name(("among", leaf.target, tuple(fixed)))
            return logic.any(logic.name(("=", leaf.target, value)) for value in fixed)
        if leaf.op in ("=", "!="):
            same = logic.name(("=", leaf.target, fixed[0]))
            return same if leaf.op == "=" else logic.no(same)
        # Of several values one may be above and another below, so that no order is the negation of the other.
        if field is not None and not field.array and leaf.op in (">", ">="):
            return logic.no(logic.name(("<=" if leaf.op == ">" else "<", leaf.target, fixed[0])))
        return logic.name((leaf.op, leaf.target, fixed[0]))


def labelled(field: Field, roots: Iterable[str]) -> bool:
    """Return whether a column is labelled at or below any root."""
    return any(at_or_below(label, root) for root in roots for label in field.labels)


def _field(leaf: Compare | In, table: Collection | None) -> Field | None:
    return table.field(leaf.target.partition(".")[0]) if table else None


def _canonical(value: Value, target: str, field: Field | None) -> tuple[str, str]:
    """Return a value so that those which compare alike are the same. Without a column, only the same ones are."""
    if isinstance(value, Attribute):
        return "caller", value.name
    if field is None or field.reference or isinstance(value, bytes):
        return type(value).__name__, value.hex() if isinstance(value, bytes) else str(value)
    return "value", _normal(value, target.partition(".")[2], field_type(field))


def _normal(value: Value, part: str, kind: DataType) -> str:
    found = kind.part(part) if part else None
    try:
        if found is not None:
            return found.fix(str(value))
        return str(value) if isinstance(value, bytes | Attribute) else kind.normalize(value)
    except InvalidValue:
        return str(value)  # the rule cannot be judged anyway


# --- what names imply ---------------------------------------------------------------------------------------------


def axioms(logic: Logic) -> Formula:
    """Return what always holds between the moments, purposes and nulls that formulas name. Raises TooManyNodes."""
    named = [name for name in logic.names if isinstance(name, tuple)]
    found = [*_moments(logic, named), *_purposes(logic, named)]
    nulls = {name[1] for name in named if name[0] == "null"}
    for target in sorted(nulls):
        whole = target.partition(".")[0]
        if whole != target and whole in nulls:
            found.append(_implies(logic, ("null", whole), ("null", target)))
    return logic.all(found)


def _moments(logic: Logic, named: list[tuple[str, ...]]) -> Iterator[Formula]:
    times: list[datetime] = sorted({name[1] for name in named if name[0] in ("before", "not yet")})  # type: ignore[misc]
    for at, time in enumerate(times):
        yield _implies(logic, ("before", time), ("not yet", time))
        if at:
            for word in ("before", "not yet"):
                yield _implies(logic, (word, times[at - 1]), (word, time))


def _purposes(logic: Logic, named: list[tuple[str, ...]]) -> Iterator[Formula]:
    known = sorted({name[1] for name in named if name[0] in ("stated", "used")})
    for left in known:
        yield _implies(logic, ("stated", left), ("used", left))
        for right in known:
            if left == right:
                continue
            if at_or_below(left, right):
                yield _implies(logic, ("stated", left), ("stated", right))
                yield _implies(logic, ("used", left), ("used", right))
            elif not overlap(left, right):
                both = (logic.name(("stated", left)), logic.name(("used", right)))
                yield logic.no(logic.all(both))


def _implies(logic: Logic, left: tuple[object, ...], right: tuple[object, ...]) -> Formula:
    return logic.no(logic.without(logic.name(left), logic.name(right)))


# --- rules as they are compared ---------------------------------------------------------------------------------


def atoms(role: Role | None, action: Action) -> frozenset[Rule]:
    """Return a role's rules for an action, one for each target, so that the same ones are equal however written."""
    found = set()
    for rule in role.rules if role else ():
        if action in rule.actions:
            own = rule.purposes or (role.purposes if role and rule.effect == "allow" else ())
            for target in rule.targets:
                found.add(replace(rule, actions=(action,), targets=(target,), purposes=tuple(sorted({*own})), roles=()))
    return frozenset(found)


def connections(policies: Iterable[Policy]) -> list[str]:
    """Return "" for none, every connection that rules name, and OTHER for those that none does."""
    named = {rule.connection for policy in policies for role in policy.roles for rule in role.rules}
    return ["", *sorted(named - {""}), OTHER]
