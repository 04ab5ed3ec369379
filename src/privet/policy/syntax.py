"""The tree of a policy: what the parser makes, the formatter writes and both readers walk.

Two trees are equal when they mean the same word for word: where a node stood in a text (`span`) and what was written
about it (`about`, `notes`) do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NamedTuple

from privet.vocabulary.access import Action, Purpose
from privet.vocabulary.predicate import ALWAYS, Predicate

Effect = Literal["allow", "deny"]
Unit = Literal["years", "months", "days"]
DELETION = ("deletion", "delete")  # the strategy that overwrites nothing, by its name and as Fides has it


class Span(NamedTuple):
    """A piece of a text. `start`, `end`: code points from 0, `end` excluded. `line`, `column`: of `start`, from 1.
    A plain tuple, because a tree has several for each rule and frozen classes take twice as long to make."""

    start: int
    end: int
    line: int
    column: int


NOWHERE = Span(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Notes:
    """What people wrote about a node, for the formatter: lines above it (`# …`, "" for an empty one), a comment beside
    its end, lines below it (of a policy alone)."""

    above: tuple[str, ...] = ()
    beside: str = ""
    below: tuple[str, ...] = ()


NO_NOTES = Notes()


@dataclass(frozen=True, slots=True)
class Target:
    """What a rule is about. `table` "" means every table; `column` "" means every column; `part` narrows to a part of
    the column's values; `label` narrows to columns labelled at or below a taxonomy category."""

    table: str = ""
    column: str = ""
    label: str = ""
    part: str = ""
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `count` cells shown, or values tokenized or asked for, in `seconds`."""

    count: int
    seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One allow or deny.

    `redaction` "": what the action shows when nothing is said: `masked` for read, detokenize and export, the whole
    value as the precision of search. `purposes` empty: the purposes granted to the role. `connection`: holds only for
    what goes through the connection of that name. `until`: holds before that moment, UTC; None for always. `unsafe`
    lifts type ceilings. `roles`: of a rule that stands outside a `role` block and says `to`; () inside one. Such a rule
    is among the rules of each role that it names, so that readers need not look elsewhere.
    """

    effect: Effect
    actions: tuple[Action, ...]
    targets: tuple[Target, ...] = (Target(),)
    redaction: str = "plain_text"
    where: Predicate = ALWAYS
    purposes: tuple[Purpose, ...] = ()
    connection: str = ""
    budget: Budget | None = None
    until: datetime | None = None
    unsafe: bool = False
    roles: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)
    notes: Notes = field(default=NO_NOTES, compare=False)


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of rules. `purposes`: what the role is granted for; () for whatever its holders are granted."""

    name: str
    about: str = field(compare=False)
    rules: tuple[Rule, ...]
    purposes: tuple[Purpose, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)
    notes: Notes = field(default=NO_NOTES, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DenyUse:
    """A promise: data labelled at or below `labels` is not used for `purposes` (at or below), about `subjects` if any
    are named. Binds declared systems and callers alike."""

    labels: tuple[str, ...]
    purposes: tuple[Purpose, ...]
    subjects: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)
    notes: Notes = field(default=NO_NOTES, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequireConsent:
    """A promise: for `purposes` (at or below) only data of people who consented to `key` is used."""

    key: str
    purposes: tuple[Purpose, ...]
    span: Span = field(default=NOWHERE, compare=False)
    notes: Notes = field(default=NO_NOTES, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A promise: of data labelled at or below `labels`, `redaction` and what reveals more is shown to connections
    alone, whatever a rule says."""

    redaction: str
    labels: tuple[str, ...]
    span: Span = field(default=NOWHERE, compare=False)
    notes: Notes = field(default=NO_NOTES, compare=False)


@dataclass(frozen=True, slots=True)
class Aim:
    """What of declared datasets a promise about erasures is about: fields labelled at or below `label`, or what stands
    at `path`: a dataset, then its collection, then a field of it. Names hold no dots, but what stands between dots may
    be one name of a dataset: `bind` tells."""

    label: str = ""
    path: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        return self.label or ".".join(self.path)


@dataclass(frozen=True, slots=True)
class Term:
    """How long something is kept: `count` units from the moment that a field holds."""

    count: int
    unit: Unit
    after: Aim


@dataclass(frozen=True, slots=True, kw_only=True)
class Erase:
    """A promise: an erasure overwrites `targets` by a masking strategy; DELETION deletes whole records."""

    targets: tuple[Aim, ...]
    strategy: str
    settings: tuple[tuple[str, str | int | bool], ...] = ()
    span: Span = field(default=NOWHERE, compare=False)
    notes: Notes = field(default=NO_NOTES, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """A promise: an erasure leaves `targets` as they are, for a reason. `where`: in those records alone; its targets
    stand below the dataset (`invoices.status`). `term`: for so long; None for always."""

    targets: tuple[Aim, ...]
    reason: str
    where: Predicate = ALWAYS
    term: Term | None = None
    span: Span = field(default=NOWHERE, compare=False)
    notes: Notes = field(default=NO_NOTES, compare=False)


Promise = DenyUse | RequireConsent | Limit | Erase | Keep


@dataclass(frozen=True, slots=True)
class Policy:
    """Every role and promise in force, under one version that audit entries name."""

    version: str
    roles: tuple[Role, ...]
    promises: tuple[Promise, ...] = ()
    notes: Notes = field(default=NO_NOTES, compare=False)

    def role(self, name: str) -> Role | None:
        """Return the role called `name`, or None."""
        return next((role for role in self.roles if role.name == name), None)
