"""Lint of labels: categories, uses and subjects that the taxonomy does not have, wherever they are written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from privet.codec import Place
from privet.manifest.check.ground import Declared, Ground, Say, Spot, flows, shown, titled
from privet.manifest.check.renamed import successor
from privet.manifest.finding import Finding, about
from privet.manifest.places import META, Names, Places
from privet.manifest.resources import FidesPolicy, FidesRule, ResourceType, Step
from privet.vocabulary.system import Declaration, Facts, Flow, System
from privet.vocabulary.taxonomy import KINDS, Kind, Label

_WORDS: dict[Kind, str] = {"category": "data category", "use": "data use", "subject": "data subject"}
_RESOURCES: dict[Kind, ResourceType] = {"category": "data_category", "use": "data_use", "subject": "data_subject"}


class _Where(Protocol):
    """A thing that labels are written on."""

    @property
    def subject(self) -> str: ...

    def place(self, places: Places, *steps: Step | Names) -> Place: ...


class _Written(NamedTuple):
    """A label, what it is written on, and the steps from there to the value that holds it."""

    key: str
    where: _Where
    steps: tuple[Step | Names, ...]


def unknown_category(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield categories that the taxonomy does not have."""
    yield from _unknown(ground, say, "category")


def unknown_use(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield uses that the taxonomy does not have."""
    yield from _unknown(ground, say, "use")


def unknown_subject(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield subjects that the taxonomy does not have."""
    yield from _unknown(ground, say, "subject")


def deprecated_label(ground: Ground, say: Say) -> Iterator[Finding]:
    """Yield keys of older taxonomies, with what each is called now."""
    for kind in KINDS:
        old = _Old(ground, kind)
        for written in _written(ground, kind, old.is_old):
            new = old.successor(written.key)
            yield say(
                subject=written.where.subject,
                message=f"`{shown(written.key)}` is a {_WORDS[kind]} of an older Fides taxonomy",
                at=written.where.place(ground.places, *written.steps),
                length=len(written.key),
                hint=f"write `{new}`" if new else "nothing has taken its place: write the one that is meant",
            )


def _unknown(ground: Ground, say: Say, kind: Kind) -> Iterator[Finding]:
    old = _Old(ground, kind)
    for written in _written(ground, kind, lambda key: not ground.labels.known(kind, key) and not old.is_old(key)):
        yield say(
            subject=written.where.subject,
            message=f"`{shown(written.key)}` is no {_WORDS[kind]} of the taxonomy, nor of this manifest",
            at=written.where.place(ground.places, *written.steps),
            length=len(written.key),
            hint=_hint(ground, kind, written.key),
        )


def _hint(ground: Ground, kind: Kind, key: str) -> str:
    other = ground.labels.get(key)
    if other is not None:
        return f"it is a {_WORDS[other.kind]}"
    near = ground.labels.near(kind, key)
    return f"did you mean `{near}`?" if near else f"add it under `{_RESOURCES[kind]}:`, or write one that exists"


class _Old:
    """What old keys of one kind are called now, each looked up once. A team's own key is never old."""

    def __init__(self, ground: Ground, kind: Kind) -> None:
        self._labels, self._kind = ground.labels, kind
        self._found: dict[str, str | None] = {label.key: None for label in ground.manifest.labels if label.kind == kind}

    def is_old(self, key: str) -> bool:
        return self.successor(key) is not None

    def successor(self, key: str) -> str | None:
        if key not in self._found:
            self._found[key] = successor(self._kind, key, lambda new: self._labels.known(self._kind, new))
        return self._found[key]


# --- where labels are written -----------------------------------------------------------------------------------


def _written(ground: Ground, kind: Kind, wanted: Callable[[str], bool]) -> Iterator[_Written]:
    """Yield the labels of a kind that are wanted, as often as they are written."""
    for one in ground.declared:
        for step, keys in _declared(one.declaration, kind):
            yield from (_Written(key, _OnDeclaration(one), (step, key)) for key in keys if wanted(key))
    if kind == "category":
        yield from _flowing(ground, wanted)
        yield from _held(ground, wanted)
    if kind == "subject":
        yield from _held_about(ground, wanted)
    for policy in ground.manifest.policies:
        for rule in policy.rules:
            step, keys = _condition(rule, kind)
            yield from (_Written(key, _OnRule(policy, rule), (step, "values", key)) for key in keys if wanted(key))
    for label in ground.manifest.labels:
        if label.kind == kind and label.parent and wanted(label.parent):
            yield _Written(label.parent, _OnLabel(label), ("parent_key",))


def _flowing(ground: Ground, wanted: Callable[[str], bool]) -> Iterator[_Written]:
    for system in ground.manifest.systems:
        for word, flow in flows(system):
            where = _OnFlow(system, word, flow)
            yield from (_Written(key, where, ("data_categories", key)) for key in flow.categories if wanted(key))


def _held(ground: Ground, wanted: Callable[[str], bool]) -> Iterator[_Written]:
    for dataset in ground.datasets:
        for labels, spots in ground.grouped(dataset).items():
            for key in filter(wanted, labels):
                yield from (_Written(key, _OnSpot(dataset, spot), ("data_categories", key)) for spot in spots)


def _held_about(ground: Ground, wanted: Callable[[str], bool]) -> Iterator[_Written]:
    for key, dataset in ground.datasets.items():
        for table in dataset.collections:
            where = _OnSpot(key, Spot((table.name,), table.labels, table))
            yield from (
                _Written(about, where, (META, "privet", "about", about)) for about in table.about if wanted(about)
            )


def _declared(said: Declaration, kind: Kind) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if kind == "use":
        return (("data_use", (said.use,)),)
    if kind == "subject":
        return (("data_subjects", said.subjects),)
    return ("data_categories", said.categories), ("shared_categories", texts(said.facts, "shared_categories"))


def _condition(rule: FidesRule, kind: Kind) -> tuple[str, tuple[str, ...]]:
    if kind == "use":
        return "data_uses", rule.uses.values
    if kind == "subject":
        return "data_subjects", rule.subjects.values
    return "data_categories", rule.categories.values


class _OnDeclaration(NamedTuple):
    one: Declared

    @property
    def subject(self) -> str:
        return self.one.subject

    def place(self, places: Places, *steps: Step | Names) -> Place:
        return places.declaration(self.one.system, self.one.at, *steps)


class _OnFlow(NamedTuple):
    system: System
    word: str
    flow: Flow

    @property
    def subject(self) -> str:
        return f"system {self.system.key}, {self.word} {self.flow.key}"

    def place(self, places: Places, *steps: Step | Names) -> Place:
        return places.flow(self.system.key, self.word, self.flow.key, *steps)


class _OnSpot(NamedTuple):
    dataset: str
    spot: Spot

    @property
    def subject(self) -> str:
        return about(self.dataset, self.spot.path)

    def place(self, places: Places, *steps: Step | Names) -> Place:
        return places.held(self.dataset, self.spot.path, *steps)


class _OnRule(NamedTuple):
    policy: FidesPolicy
    rule: FidesRule

    @property
    def subject(self) -> str:
        return f"policy {self.policy.key}, rule {titled(self.rule.name)}"

    def place(self, places: Places, *steps: Step | Names) -> Place:
        return places.rule(self.policy.key, self.rule.name, *steps)


class _OnLabel(NamedTuple):
    label: Label

    @property
    def subject(self) -> str:
        return f"{_RESOURCES[self.label.kind]} {self.label.key}"

    def place(self, places: Places, *steps: Step | Names) -> Place:
        return places.resource(_RESOURCES[self.label.kind], self.label.key, *steps)


def texts(facts: Facts, key: str) -> tuple[str, ...]:
    """Return a list of texts that a manifest says beside the words of the vocabulary; () for anything else."""
    found = facts.get(key)
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list | tuple) else ()
