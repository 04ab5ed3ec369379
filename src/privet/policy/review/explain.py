"""What roles see of a schema: of each column, for each action, how much, on which rows, for what and until when.

Each line names the rule that says so; for several roles together, which of them brings it. Callers are not known here,
so that what depends on them stands as the rule says it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from privet.policy.bind import RECORDLESS, USES, at_or_below, overlap
from privet.policy.permit import ASKING, order
from privet.policy.review.logic import FALSE, Formula, Logic, TooManyNodes
from privet.policy.review.meaning import (
    ABOUT_ALL,
    Denial,
    Grant,
    Meaning,
    Place,
    Ref,
    axioms,
    labelled,
    refs,
)
from privet.policy.review.words import Words, describe
from privet.policy.syntax import NOWHERE, DenyUse, Policy, Promise, RequireConsent, Role
from privet.vocabulary.access import ACTIONS, Action, Purpose
from privet.vocabulary.dataset import Collection, Dataset
from privet.vocabulary.flag import EXEMPT, RESTRICTION, use_of
from privet.vocabulary.predicate import ALWAYS
from privet.vocabulary.typed import field_type

LastUsed = Mapping[tuple[str, str, str, str], int]
"""(rule as `role/position`, table, column or "" for the table as a whole, action) → its last use, UTC ms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that roles show of a column. `words`: how much, on which rows, for what, until when. `unless`: denies
    that take some of it away. `barred`: where promises stand that deny it for some uses. `consents`: what people must
    have agreed to, where a promise asks for it.
    `also`: further roles that show as much; with none of them, the role alone brings it. `asked`: the redaction that
    the rule names, where a ceiling or limit shows less. `unused`: nobody used it."""

    role: str
    rule: str
    words: Words
    also: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    barred: tuple[str, ...] = ()
    consents: tuple[str, ...] = ()
    asked: str = ""
    unused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """An action on a column: its lines, most revealing first. Without any: `denied` names the rules that say so, none
    where no rule allows it."""

    table: str
    column: str
    action: Action
    lines: tuple[Line, ...] = ()
    denied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """What roles may do. `unknown`: roles that the policy lacks, which grant nothing. `unsafe`: rules
    that lift ceilings. `promises`: those of the whole organization. `held`: of each table, whose records flags hold
    back, whatever the rules say. `watched`: whether use was looked at."""

    roles: tuple[str, ...]
    cells: tuple[Cell, ...]
    unknown: tuple[str, ...] = ()
    unsafe: tuple[str, ...] = ()
    promises: tuple[str, ...] = ()
    ended: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    watched: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What to explain. `table` "": all. `purpose`: what a caller of whom all is known but the name states; None for
    any. `now`: what ended before is left out. `used`: None where nobody looked. `file`: where the rules stand.
    `promised`: promises that stand elsewhere, in those of the organization.
    `flags`: those that anybody has, None where nobody looked."""

    table: str = ""
    purpose: Purpose | None = None
    now: datetime | None = None
    used: LastUsed | None = None
    file: str = ""
    promised: tuple[Promise, ...] = ()
    actions: tuple[Action, ...] = ACTIONS
    flags: frozenset[str] | None = None


ANYTHING = Question()


def explain(policy: Policy, roles: Sequence[str], schema: Dataset, question: Question = ANYTHING) -> Matrix:
    """Return what a caller who holds the roles together may do."""
    held = [role for name in dict.fromkeys(roles) if (role := policy.role(name)) is not None]
    reader = _Explainer(policy, held, question)
    cells = tuple(cell for table in _tables(schema, question) for cell in reader.table(table))
    whole = tuple(reader.cell(Place(), action) for action in question.actions if action in ABOUT_ALL)
    return Matrix(
        roles=tuple(dict.fromkeys(roles)),
        cells=(*cells, *whole),
        unknown=tuple(name for name in dict.fromkeys(roles) if policy.role(name) is None),
        unsafe=tuple(f"{reader.at(ref)}: {_what(ref)}" for ref in reader.all() if ref.rule.unsafe),
        promises=tuple(f"{reader.at_promise(promise)}: {describe(promise).text}" for promise in policy.promises),
        ended=tuple(f"{reader.at(ref)}: {_what(ref)}" for ref in reader.all() if reader.ended(ref)),
        held=tuple(_held(_tables(schema, question), question)),
        watched=question.used is not None,
    )


def _tables(schema: Dataset, question: Question) -> Iterator[Collection]:
    return (table for table in schema.collections if question.table in ("", table.name))


def _held(tables: Iterable[Collection], question: Question) -> Iterator[str]:
    """Yield of each table about people whose records flags hold back."""
    whose = " or who ".join(_whose(question))
    if whose and any(action not in RECORDLESS for action in question.actions):
        for table in tables:
            if table.subject != "none":
                yield f"{table.name}: records are as if absent of people who {whose}"


def _whose(question: Question) -> Iterator[str]:
    """Yield whom flags hold back from a caller who states the question's purpose, in the words of `vocabulary.flag`."""
    stated, flags = question.purpose, question.flags
    if (flags is None or RESTRICTION in flags) and (stated is None or not at_or_below(stated, EXEMPT)):
        yield "restricted processing" + ("" if stated else f" (unless `{EXEMPT}` is stated)")
    if flags is None:
        yield "object to " + (f"what `{stated}` may mean" if stated else "a use that a caller's purpose may mean")
        return
    uses = [use for key in sorted(flags) if (use := use_of(key)) and (stated is None or overlap(stated, use))]
    if uses:
        yield f"object to {_listed(uses)}" + ("" if stated else " (where a caller's purpose may mean that)")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _what(ref: Ref) -> str:
    words = describe(ref.rule)
    shown = f" {words.redaction}" if words.redaction else ""
    return f"{ref.rule.effect} {', '.join(ref.rule.actions)}{shown} ({ref.basis})"


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if file and line else file or f"line {line}"


@dataclass(slots=True)
class _Explainer:
    policy: Policy
    roles: list[Role]
    question: Question

    def all(self) -> Iterator[Ref]:
        """Yield every rule of every role."""
        for role in self.roles:
            for at, rule in enumerate(role.rules, start=1):
                yield Ref(role, at, rule)

    def at(self, ref: Ref) -> str:
        """Return where a rule stands: in the text, else among the rules of a built-in role."""
        return ref.basis if ref.rule.span == NOWHERE else _place(self.question.file, ref.rule.span.line)

    def at_promise(self, promise: Promise) -> str:
        """Return where a promise stands."""
        file = "promises" if promise in self.question.promised else self.question.file
        return _place(file, promise.span.line)

    def ended(self, ref: Ref) -> bool:
        until, now = ref.rule.until, self.question.now
        return until is not None and now is not None and until <= now

    def table(self, table: Collection) -> Iterator[Cell]:
        for action in self.question.actions:
            if action == "delete":
                yield self.cell(Place(table.name, "", "", table), action)
            elif action not in ABOUT_ALL:
                for column in table.fields:
                    yield self.cell(Place(table.name, column.name, "", table, column), action)

    def cell(self, place: Place, action: Action) -> Cell:
        """Return what the roles may do with one column."""
        named = sorted({rule.connection for role in self.roles for rule in role.rules if action in rule.actions})
        lines: list[Line] = []
        denied: list[str] = []
        for connection in ("", *(name for name in named if name)):
            through = [ref for role in self.roles for ref in refs(role, action, connection) if self._counts(ref)]
            try:
                more, no = _View(self, place, action, connection).lines(through)
            except TooManyNodes:  # too large to leave out what others cover: everything is shown
                more, no = _View(self, place, action, connection, precise=False).lines(through)
            lines += more
            denied += no
        barred = [] if lines else list(dict.fromkeys(denied))
        return Cell(table=place.table, column=place.column, action=action, lines=tuple(lines), denied=tuple(barred))

    def _counts(self, ref: Ref) -> bool:
        if self.ended(ref):
            return False
        stated = self.question.purpose
        if stated is None or not ref.purposes:
            return True
        meets = at_or_below if ref.rule.effect == "allow" else overlap
        return any(meets(stated, purpose) for purpose in ref.purposes)


class _View:
    """A column through one connection, or none. `precise`: leave out what other lines cover."""

    def __init__(
        self, owner: _Explainer, place: Place, action: Action, connection: str, *, precise: bool = True
    ) -> None:
        self.owner, self.place, self.action, self.connection = owner, place, action, connection
        self.precise = precise
        self.logic = Logic()
        self.meaning = Meaning(self.logic, action, owner.policy.promises, direct=not connection, coarse=not precise)

    def lines(self, found: Iterable[Ref]) -> tuple[list[Line], list[str]]:
        """Return the lines of the column, and the rules that deny what others would allow. Raises TooManyNodes."""
        kept = list(found)
        denials = self.meaning.denials(kept, self.place)
        bars, names = self._bars()
        grants = [(at, g) for at, g in enumerate(self.meaning.grants(kept, self.place))]
        grants.sort(key=lambda pair: (-self._order(pair[1]), _narrow(pair[1].ref), pair[0]))
        chosen: list[tuple[Grant, Formula]] = []
        lost: list[str] = []
        for _, grant in grants:
            left = self._left(grant, denials, bars)
            if not self._ever(left):
                lost += [*(self.owner.at(d.ref) for d in denials), *names]
            elif not self._covered(grant, left, chosen):
                chosen.append((grant, left))
        every = [(grant, self._left(grant, denials, bars)) for _, grant in grants]
        mine = [pair for pair in chosen if pair[0].ref.rule.connection == self.connection or not self.connection]
        return [self._line(grant, left, denials, names, every) for grant, left in mine], lost

    def _order(self, grant: Grant) -> float:
        field = self.place.field
        return order(field_type(field), grant.shown.redaction) if field and self.action in ASKING else 0

    def _left(self, grant: Grant, denials: Sequence[Denial], bars: Formula) -> Formula:
        hit = self.meaning.hit(denials, grant.shown, self.place)
        return self.logic.without(self.logic.without(grant.holds, hit), bars if self.precise else FALSE)

    def _ever(self, formula: Formula) -> bool:
        return formula != FALSE and self.logic.all((formula, axioms(self.logic))) != FALSE

    def _covered(self, grant: Grant, left: Formula, by: Iterable[tuple[Grant, Formula]]) -> bool:
        if not self.precise:
            return False
        more = [held for other, held in by if self.meaning.covers(other.shown, grant.shown, self.place)]
        return not self._ever(self.logic.without(left, self.logic.any(more)))

    def _bars(self) -> tuple[Formula, list[str]]:
        """Return for which uses promises forbid the column, and where they stand."""
        field, table = self.place.field, self.place.collection
        if field is None or table is None or self.action not in USES:
            return FALSE, []
        found, names = [], []
        for promise in self.owner.policy.promises:
            others = isinstance(promise, DenyUse) and promise.subjects and table.about
            if not isinstance(promise, DenyUse) or not labelled(field, promise.labels):
                continue
            if others and not set(promise.subjects).intersection(table.about):
                continue
            stated = self.owner.question.purpose
            if stated is None or any(overlap(stated, purpose) for purpose in promise.purposes):
                uses = [self.logic.name(("used", purpose)) for purpose in promise.purposes]
                found.append(self.logic.any(uses))
                names.append(self.owner.at_promise(promise))
        return self.logic.any(found), names

    # -- words ---------------------------------------------------------------------------------------------------

    def _line(
        self,
        grant: Grant,
        left: Formula,
        denials: Sequence[Denial],
        bars: Iterable[str],
        every: Iterable[tuple[Grant, Formula]],
    ) -> Line:
        ref = grant.ref
        words = describe(ref.rule, ref.purposes)
        said, shown = words.redaction or ("" if self.action == "search" else "masked"), grant.shown.redaction
        asks = self.action in ASKING
        whole = self.action in ("insert", "update", "tokenize", "delete", *ABOUT_ALL)
        words = replace(words, redaction="" if whole else shown)
        others: dict[str, list[tuple[Grant, Formula]]] = {}
        for other, held in every:
            if other.ref.role.name != ref.role.name:
                others.setdefault(other.ref.role.name, []).append((other, held))
        hits = [d for d in denials if not self.precise or self._ever(self.logic.all((grant.holds, d.holds)))]
        return Line(
            role=ref.role.name,
            rule=self.owner.at(ref),
            words=words,
            also=tuple(name for name, pairs in others.items() if self._covered(grant, left, pairs)),
            unless=tuple(_unless(self.owner.at(d.ref), d) for d in hits),
            barred=tuple(bars),
            consents=self._consents(ref),
            asked=said if asks and said and said != shown and not _is_part(ref, shown) else "",
            unused=self._unused(ref),
        )

    def _consents(self, ref: Ref) -> tuple[str, ...]:
        """Return what people must have agreed to for what the line is used for."""
        stated, promises = self.owner.question.purpose, self.owner.policy.promises
        asked = [p for p in promises if isinstance(p, RequireConsent)] if self.action in ASKING else []
        uses = [stated] if stated else list(ref.purposes)
        return tuple(
            f"'{p.key}' for {', '.join(p.purposes)}"
            for p in asked
            if not uses or any(overlap(use, purpose) for use in uses for purpose in p.purposes)
        )

    def _unused(self, ref: Ref) -> bool:
        used = self.owner.question.used
        if used is None:
            return False
        places = [(self.place.table, column, self.action) for column in (self.place.column, "")]
        return not any((ref.basis, *place) in used for place in places)


def _narrow(ref: Ref) -> bool:
    rule = ref.rule
    return bool(rule.where != ALWAYS or ref.purposes or rule.until or rule.budget)


def _unless(at: str, denial: Denial) -> str:
    words = describe(denial.ref.rule)
    rows = f" where {words.rows}" if words.rows else ""
    part = f" of its {denial.part}" if denial.part else ""
    uses = f" for {', '.join(words.purposes)}" if words.purposes else ""
    return f"denied{part}{rows}{uses} by {at}"


def _is_part(ref: Ref, shown: str) -> bool:
    return any(target.part == shown for target in ref.rule.targets)
