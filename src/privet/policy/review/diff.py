"""Who gains and who loses what, from one policy to another. Empty where two texts mean the same.

With a schema it compares column by column; without one, target by target, for any schema that both policies fit. Each
role is compared alone, what it allows and what it denies, so that callers of several roles are covered too. Where a
condition is too large to be compared, every rule that differs in words is shown as a change that nobody can be sure of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from privet.policy.bind import at_or_below
from privet.policy.permit import ASKING
from privet.policy.review.logic import FALSE, TRUE, Formula, Logic, TooManyNodes
from privet.policy.review.meaning import (
    ABOUT_ALL,
    Denial,
    Grant,
    Meaning,
    Place,
    Ref,
    atoms,
    axioms,
    connections,
    on,
    refs,
)
from privet.policy.review.words import Words, describe
from privet.policy.syntax import DELETION, Aim, DenyUse, Erase, Keep, Limit, Policy, Promise, RequireConsent, Role
from privet.vocabulary.access import ACTIONS, Action
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.predicate import ALWAYS

What = Literal["allow", "deny", "role", "promise"]
EVERYBODY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that somebody gains or loses. `role`: EVERYBODY for a promise. `rule`: the rule, role or promise that
    says so, with its file and line in `at`. `words`: what it says. `sure`: False where a condition was too large to
    tell. `why`: where the rule itself is not what changed."""

    gained: bool
    role: str
    what: What
    actions: tuple[Action, ...] = ()
    places: tuple[str, ...] = ()
    words: Words = field(default_factory=Words)
    at: str = ""
    why: str = ""
    sure: bool = True


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two policies, and its name in places."""

    policy: Policy
    file: str

    def at(self, line: int) -> str:
        return f"{self.file}:{line}" if line else self.file


def diff(
    old: Policy, new: Policy, schema: Dataset | None = None, files: tuple[str, str] = ("old", "new")
) -> list[Change]:
    """Return what changes, role by role, then promises; empty: nothing."""
    sides = Side(old, files[0]), Side(new, files[1])
    names = dict.fromkeys(role.name for side in reversed(sides) for role in side.policy.roles)
    found: list[Change] = []
    for name in names:
        found += _role(sides, name, schema)
    found += _promises(*sides)
    return _merged(found)


# --- roles ------------------------------------------------------------------------------------------------------


def _role(sides: tuple[Side, Side], name: str, schema: Dataset | None) -> Iterator[Change]:
    then, now = (side.policy.role(name) for side in sides)
    same_limits = _kept(sides[0].policy, Limit) == _kept(sides[1].policy, Limit)
    found: list[Change] = []
    for action in ACTIONS:
        if not same_limits or atoms(then, action) != atoms(now, action):
            try:
                found += _Pair(sides, name, action, schema).changes()
            except TooManyNodes:
                found += _unsure(sides, name, action)
    if found and (then is None or now is None):  # a role that says nothing is as good as none
        side, role = (sides[1], now) if now else (sides[0], then)
        yield Change(gained=now is not None, role=name, what="role", at=side.at(role.span.line if role else 0))
    yield from found


def _unsure(sides: tuple[Side, Side], name: str, action: Action) -> Iterator[Change]:
    """Yield each rule of one side alone as a change that may be none."""
    both = [atoms(side.policy.role(name), action) for side in sides]
    for side, own, others, newer in ((sides[0], both[0], both[1], False), (sides[1], both[1], both[0], True)):
        for rule in sorted(own - others, key=lambda rule: rule.span):
            yield Change(
                gained=newer == (rule.effect == "allow"),
                role=name,
                what=rule.effect,
                actions=(action,),
                places=tuple(str(Place(t.table, t.column, t.label)) for t in rule.targets),
                words=describe(rule),
                at=side.at(rule.span.line),
                why="its condition is too large to be compared",
                sure=False,
            )


class _Pair:
    """One role and one action, before and after."""

    def __init__(self, sides: tuple[Side, Side], name: str, action: Action, schema: Dataset | None) -> None:
        self.sides = sides
        self.name = name
        self.action = action
        self.schema = schema
        self.logic = Logic()
        rules = (rule for side in sides for role in side.policy.roles for rule in role.rules)
        denied = (rule for rule in rules if rule.effect == "deny" and action in rule.actions)
        self.parted = [target for rule in denied for target in rule.targets if target.part]
        self.facts: tuple[int, Formula] = (0, TRUE)  # of how many names, and what they imply

    def changes(self) -> Iterator[Change]:
        """Yield what the role gains and loses. Raises TooManyNodes."""
        roles = [side.policy.role(self.name) or Role(self.name, "", ()) for side in self.sides]
        found: dict[Change, None] = {}
        for connection in connections(side.policy for side in self.sides):
            held = [list(refs(role, self.action, connection)) for role in roles]
            meanings = [
                Meaning(self.logic, self.action, side.policy.promises, direct=not connection) for side in self.sides
            ]
            for place in self.places(ref for refs_ in held for ref in refs_):
                grants = [m.grants(h, place) for m, h in zip(meanings, held, strict=True)]
                denials = [m.denials(h, place) for m, h in zip(meanings, held, strict=True)]
                for newer in (True, False):
                    view = _View(self, place, newer, meanings, grants, denials)
                    found.update(dict.fromkeys((*view.allows(), *view.denies())))
        yield from found

    def places(self, found: Iterable[Ref]) -> list[Place]:
        if self.action in ABOUT_ALL:
            return [Place()]
        if self.schema is None:
            targets = [target for ref in found for target in ref.rule.targets]
            return list(dict.fromkeys(Place(t.table, t.column, t.label) for t in targets))
        if self.action == "delete":
            return [Place(table.name, "", "", table) for table in self.schema.collections]
        return [Place(t.name, f.name, "", t, f) for t in self.schema.collections for f in t.fields]

    def parts(self, place: Place) -> set[str]:
        """Return the parts of a place that any role is denied: whoever holds it may hold this one, too."""
        # Without a schema, nobody knows which categories a column is labelled with.
        return {target.part for target in self.parted if self.schema is None or on(target, place)}

    def ever(self, formula: Formula) -> bool:
        """Return whether a formula holds for any caller, record and moment at all."""
        if formula == FALSE:
            return False
        if self.facts[0] != len(self.logic.names):
            facts = axioms(self.logic)  # which may name more
            self.facts = len(self.logic.names), facts
        return self.logic.all((formula, self.facts[1])) != FALSE


@dataclass(frozen=True, slots=True)
class _View:
    """A place from the side of those rules that may be new (`newer`), or gone. Each list: [old, new]."""

    pair: _Pair
    place: Place
    newer: bool
    meanings: list[Meaning]
    grants: list[list[Grant]]
    denials: list[list[Denial]]

    def allows(self) -> Iterator[Change]:
        """Yield what allows of this side show and the other side does not."""
        here, there = int(self.newer), int(not self.newer)
        own, other, logic = self.meanings[here], self.meanings[there], self.pair.logic
        for grant in self.grants[here]:
            left = logic.without(grant.holds, own.hit(self.denials[here], grant.shown, self.place))
            parts = self.pair.parts(self.place)
            known = [g for g in self.grants[there] if other.covers(g.shown, grant.shown, self.place, parts)]
            shown = [logic.without(g.holds, other.hit(self.denials[there], g.shown, self.place)) for g in known]
            if self.pair.ever(logic.without(left, logic.any(shown))):
                allowed = not self.pair.ever(logic.without(left, logic.any(g.holds for g in known)))
                yield self.change(grant.ref, gained=self.newer, shown=grant, blamed=there if allowed else -1)

    def denies(self) -> Iterator[Change]:
        """Yield what denies of this side hit and the other side does not: it matters to whoever holds another role."""
        here, there, logic = int(self.newer), int(not self.newer), self.pair.logic
        for denial in self.denials[here]:
            others = [d.holds for d in self.denials[there] if d.part in ("", denial.part)]
            if self.pair.ever(logic.without(denial.holds, logic.any(others))):
                yield self.change(denial.ref, gained=not self.newer, shown=None, blamed=-1)

    def change(self, ref: Ref, *, gained: bool, shown: Grant | None, blamed: int) -> Change:
        rule, why = ref.rule, ""
        if blamed >= 0:
            lines = sorted({d.ref.rule.span.line for d in self.denials[blamed]})
            named = ", ".join(self.pair.sides[blamed].at(line) for line in lines)
            why = f"{'no longer' if self.newer else 'now'} denied by {named}" if named else ""
        words = describe(rule, ref.purposes)
        if shown is not None and self.pair.action in ASKING:
            words = replace(words, redaction=shown.shown.redaction)
        return Change(
            gained=gained,
            role=self.pair.name,
            what=rule.effect,
            actions=(self.pair.action,),
            places=(str(self.place),) if self.place != Place() or self.pair.action not in ABOUT_ALL else (),
            words=words,
            at=self.pair.sides[int(self.newer)].at(rule.span.line),
            why=why,
        )


# --- promises ---------------------------------------------------------------------------------------------------

_Small = tuple[str, ...]  # a promise about one thing: its kind, then what decides whether another says as much


def _promises(old: Side, new: Side) -> Iterator[Change]:
    for side, other, newer in ((old, new, False), (new, old, True)):
        known = [small for promise in other.policy.promises for small in _smalls(promise)]
        for promise in side.policy.promises:
            left = [small for small in _smalls(promise) if not any(_says(more, small) for more in known)]
            if left:
                yield Change(
                    gained=not newer,
                    role=EVERYBODY,
                    what="promise",
                    places=tuple(dict.fromkeys(small[1] for small in left)),
                    words=describe(promise),
                    at=side.at(promise.span.line),
                )


def _kept(policy: Policy, kind: type) -> set[_Small]:
    return {small for promise in policy.promises if isinstance(promise, kind) for small in _smalls(promise)}


def _smalls(promise: Promise) -> Iterator[_Small]:
    if isinstance(promise, DenyUse):
        for label in promise.labels:
            for purpose in promise.purposes:
                for subject in promise.subjects or ("",):
                    yield "use", label, purpose, subject
    elif isinstance(promise, RequireConsent):
        for purpose in promise.purposes:
            yield "consent", promise.key, purpose
    elif isinstance(promise, Erase | Keep):
        for aim in promise.targets:
            yield _of_erasures(promise, aim)
    else:
        for label in promise.labels:
            yield "limit", label, promise.redaction


def _of_erasures(promise: Erase | Keep, aim: Aim) -> _Small:
    """Return what a promise says of one aim. The words are canonical, so that the same ones mean the same."""
    if isinstance(promise, Erase):
        strategy = DELETION[0] if promise.strategy in DELETION else promise.strategy
        alone = replace(promise, targets=(aim,), strategy=strategy, settings=tuple(sorted(promise.settings)))
        return "erase", str(aim), describe(alone).text
    always = describe(replace(promise, targets=(aim,), where=ALWAYS, term=None)).text
    return "keep", str(aim), describe(replace(promise, targets=(aim,))).text, always


def _says(more: _Small, less: _Small) -> bool:
    """Return whether one small promise says all that another does."""
    if more[0] != less[0]:
        return False
    if more[0] == "erase":
        return more == less
    if more[0] == "keep":  # what is kept always is kept under each condition, too
        return more[1:3] == less[1:3] or more[2] == less[3]
    if more[0] == "use":
        broader = at_or_below(less[1], more[1]) and at_or_below(less[2], more[2])
        return broader and more[3] in ("", less[3])
    if more[0] == "consent":
        return more[1] == less[1] and at_or_below(less[2], more[2])
    return more[2] == less[2] and at_or_below(less[1], more[1])


# --- putting together -------------------------------------------------------------------------------------------


def _merged(changes: Iterable[Change]) -> list[Change]:
    """Return changes of the same rule as one: of several actions, then of several places."""
    by_place: dict[Change, list[Action]] = {}
    for change in changes:
        by_place.setdefault(replace(change, actions=()), []).extend(change.actions)
    by_rule: dict[Change, list[str]] = {}
    for change, actions in by_place.items():
        key = replace(change, actions=tuple(dict.fromkeys(actions)), places=())
        by_rule.setdefault(key, []).extend(change.places)
    return [replace(change, places=tuple(dict.fromkeys(places))) for change, places in by_rule.items()]
