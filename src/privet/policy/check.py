"""The design-time reader: do declared systems, and the roles that are granted, keep the promises of a policy?

An error is a use that a promise forbids. A warning is one that a promise may forbid: a label or a purpose that is
broader than the promise's, a declaration that does not say about whom. The run-time reader denies both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

from privet.policy.bind import USES, at_or_below, covered, overlap
from privet.policy.permit import SHOWING, rank
from privet.policy.syntax import NOWHERE, DenyUse, Limit, Policy, Promise, RequireConsent, Role, Rule, Span, Target
from privet.vocabulary.access import Purpose
from privet.vocabulary.dataset import Dataset, Field
from privet.vocabulary.system import Declaration, System
from privet.vocabulary.typed import field_type

Severity = Literal["error", "warning"]

_NO_GRANTS: Mapping[str, Collection[Purpose]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A use that a promise forbids, or may forbid. `rule`: where the promise stands. `place`: what uses the data, by
    name; `at`: its file, line and column, "" for a rule of the policy, which stands at `span`. `mend`: the smallest
    change that mends it. `label`: the category that it is about, "" where it is about the use. `held`: where a dataset
    holds it (`crm.users.email`), "" for what the declaration says itself."""

    severity: Severity
    rule: Span
    place: str
    why: str
    mend: str
    at: str = field(default="", compare=False)
    span: Span = field(default=NOWHERE, compare=False)
    label: str = field(default="", compare=False)
    held: str = field(default="", compare=False)


def check(
    policy: Policy,
    systems: Iterable[System],
    datasets: Iterable[Dataset],
    granted: Mapping[str, Collection[Purpose]] = _NO_GRANTS,
) -> tuple[Finding, ...]:
    """Return what of the declarations, then of the policy's own roles, breaks or may break a promise.

    `datasets`: what declarations refer to, and what the rules' tables and columns are. `granted`: role → the purposes
    that its holders are granted.
    """
    known, using = tuple(datasets), tuple(systems)
    found: list[Finding] = []
    holdings = {dataset.key: tuple(_held(dataset)) for dataset in known}
    declared = [declaration for system in using for declaration in system.declarations]
    uses = {declaration.use for declaration in declared}
    labels = {label for declaration in declared for label in declaration.categories}
    labels.update(label for pairs in holdings.values() for _, label in pairs)
    promises = [_Ready(promise, uses, labels) for promise in policy.promises]
    for system in using:
        for at, declaration in enumerate(system.declarations):
            found += _declared(promises, system, at, declaration, holdings)
    for role in policy.roles:
        found += _granted(policy.promises, role, tuple(granted.get(role.name, ())), known)
    return tuple(dict.fromkeys(found))


# --- declarations -----------------------------------------------------------------------------------------------


def _below(declared: Iterable[str], roots: Collection[str]) -> set[str]:
    # Of what is declared, not of the taxonomy: a team has labels of its own below those that a promise names.
    stems = tuple(f"{root}." for root in roots)
    return {label for label in declared if label in roots or label.startswith(stems)}


def _above(roots: Collection[str]) -> set[str]:
    above = {label for root in roots for label in accumulate(root.split("."), "{}.{}".format)}
    return above - _below(above, roots)


class _Ready:
    """A promise with those of the declared labels that are at or below its own, and all above: a look-up for each
    declaration."""

    def __init__(self, promise: Promise, uses: Collection[str], labels: Collection[str]) -> None:
        self.promise = promise
        purposes = promise.purposes if isinstance(promise, DenyUse | RequireConsent) else ()
        denied = promise.labels if isinstance(promise, DenyUse) else ()
        self.uses = _below(uses, purposes)
        self.broad_uses = _above(purposes)
        self.labels = _below(labels, denied)
        self.broad_labels = _above(denied)


def _held(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield (place, label) of all that a dataset is labelled with, down to nested fields."""
    for label in dataset.labels:
        yield dataset.key, label
    for table in dataset.collections:
        place = f"{dataset.key}.{table.name}"
        for label in table.labels:
            yield place, label
        for column in table.fields:
            yield from _labelled(column, place)


def _labelled(column: Field, above: str) -> Iterator[tuple[str, str]]:
    place = f"{above}.{column.name}"
    for label in column.labels:
        yield place, label
    for inner in column.fields:
        yield from _labelled(inner, place)


def _declared(
    promises: Sequence[_Ready],
    system: System,
    at: int,
    declaration: Declaration,
    holdings: Mapping[str, Sequence[tuple[str, str]]],
) -> Iterator[Finding]:
    place = f"system `{system.key}`, declaration {declaration.name or at + 1}"
    labels = [("", label) for label in declaration.categories]
    labels += [pair for key in declaration.datasets for pair in holdings.get(key, ())]
    for ready in promises:
        broad = declaration.use in ready.broad_uses
        if not broad and declaration.use not in ready.uses:
            continue
        promise = ready.promise
        if isinstance(promise, RequireConsent) and any(at_or_below(label, "user") for _, label in labels):
            yield from _unconsented(promise, declaration, place, broad=broad)
        elif isinstance(promise, DenyUse):
            yield from _denied(ready, promise, declaration, labels, place)


def _unconsented(promise: RequireConsent, declaration: Declaration, place: str, *, broad: bool) -> Iterator[Finding]:
    if promise.key in declaration.consents or declaration.legal_basis.lower() == "consent":
        return
    wanted = f"the consent `{promise.key}`"
    yield Finding(
        severity="warning" if broad else "error",
        rule=promise.span,
        place=place,
        why=f"`{declaration.use}` {'may need' if broad else 'needs'} consent to `{promise.key}`, and names none",
        mend=f"name {'the narrower use that is meant' if broad else 'consent as its legal basis'}, or {wanted}",
        at=declaration.at,
    )


def _denied(
    ready: _Ready, promise: DenyUse, declaration: Declaration, labels: Iterable[tuple[str, str]], place: str
) -> Iterator[Finding]:
    about = set(promise.subjects)
    if about and declaration.subjects and not about.intersection(declaration.subjects):
        return
    silent = bool(about) and not declaration.subjects
    for where, label in labels:
        broad = label in ready.broad_labels
        if not broad and label not in ready.labels:
            continue
        doubts = [
            f"`{label}` may hold what is denied" if broad else "",
            f"`{declaration.use}` may be a use that is denied" if declaration.use in ready.broad_uses else "",
            "it does not say about whom" if silent else "",
        ]
        doubt = ", and ".join(filter(None, doubts))
        held = f" in `{where}`" if where else ""
        yield Finding(
            severity="warning" if doubt else "error",
            rule=promise.span,
            place=place,
            why=f"{doubt}{held}" if doubt else f"`{label}`{held} is not to be used for `{declaration.use}`",
            mend=_mend(label, where, broad=broad, silent=silent),
            at=declaration.at,
            label=label,
            held=where,
        )


def _mend(label: str, where: str, *, broad: bool, silent: bool) -> str:
    if broad:
        return f"write the labels that are meant in place of `{label}`"
    if silent:
        return "add `data_subjects`"
    return f"leave the dataset of `{where}` out" if where else f"leave `{label}` out"


# --- roles ------------------------------------------------------------------------------------------------------


def _granted(
    promises: Iterable[Promise], role: Role, granted: Sequence[Purpose], datasets: Sequence[Dataset]
) -> Iterator[Finding]:
    kept = tuple(promises)
    for at, rule in enumerate(role.rules, start=1):
        if rule.effect == "deny":
            continue
        place = f"role `{role.name}`, rule {at}"
        purposes = rule.purposes or role.purposes or tuple(granted)
        for promise in kept:
            if isinstance(promise, DenyUse) and USES.intersection(rule.actions):
                yield from _denied_rule(promise, rule, purposes, place, datasets)
            if isinstance(promise, Limit) and SHOWING.intersection(rule.actions) and not rule.connection:
                yield from _unlimited(promise, rule, place, datasets)


def _denied_rule(
    promise: DenyUse, rule: Rule, purposes: Iterable[Purpose], place: str, datasets: Sequence[Dataset]
) -> Iterator[Finding]:
    for purpose in purposes:
        roots = [root for root in promise.purposes if overlap(purpose, root)]
        if not roots:
            continue
        within = any(at_or_below(purpose, root) for root in roots)
        for label, named in _touched(rule, promise.labels, datasets, promise.subjects):
            sure = within and named
            yield Finding(
                severity="error" if sure else "warning",
                rule=promise.span,
                place=place,
                why=f"`{label}` is not to be used for `{purpose}`"
                if sure
                else f"what it covers for `{purpose}` may hold `{label}`, which is denied there",
                mend=f"leave `{label}` out, or `{purpose}`"
                if sure
                else f"name columns other than `{label}`, or a purpose beside `{roots[0]}`",
                span=rule.span,
            )


def _unlimited(promise: Limit, rule: Rule, place: str, datasets: Sequence[Dataset]) -> Iterator[Finding]:
    for label, sure in _touched(rule, promise.labels, datasets, (), above=promise.redaction):
        yield Finding(
            severity="error" if sure else "warning",
            rule=promise.span,
            place=place,
            why=f"`{promise.redaction}` of `{label}` is for connections alone",
            mend="add `through connection …`, or show a redaction that reveals less",
            span=rule.span,
        )


def _touched(
    rule: Rule, labels: tuple[str, ...], datasets: Sequence[Dataset], subjects: tuple[str, ...], above: str = ""
) -> Iterator[tuple[str, bool]]:
    """Yield (label, whether the rule names it) of what a rule covers of some labels.

    A rule names a label by a target at or below it, or by a column. `subjects`: leave out tables about others.
    `above`: leave out what the rule shows less of than this redaction.
    """
    for target in rule.targets:
        for root in labels if target.label else ():
            if overlap(target.label, root) and _by_name(rule, above):
                yield (target.label, True) if at_or_below(target.label, root) else (root, False)
        for dataset in datasets if not target.label else ():
            for table, column in covered(dataset, [target]):
                others = subjects and table.about and not set(subjects).intersection(table.about)
                if not others and _reaches(rule, target, column, above):
                    held = [label for label in column.labels for root in labels if at_or_below(label, root)]
                    yield from ((label, bool(target.column)) for label in held)


def _by_name(rule: Rule, above: str) -> bool:
    return not above or rule.redaction in (above, "plain_text")


def _reaches(rule: Rule, target: Target, column: Field, above: str) -> bool:
    """Return whether a rule shows as much of a column as a redaction does."""
    if not above:
        return True
    kind = field_type(column)
    shown = target.part or rule.redaction or "masked"
    return shown != "redacted" and rank(kind, shown) >= rank(kind, above)
