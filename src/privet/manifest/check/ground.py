"""What checks stand on: a manifest with what is looked up in it over and over, made ready once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

from privet.manifest.finding import Finding
from privet.manifest.labels import Labels
from privet.manifest.places import Names, Places
from privet.manifest.resources import Manifest
from privet.vocabulary.dataset import Collection as Table
from privet.vocabulary.dataset import Dataset, Field
from privet.vocabulary.laws import Law, Need, laws
from privet.vocabulary.system import Declaration, Flow, System
from privet.vocabulary.taxonomy import Kind

Say = Callable[..., Finding]
"""Makes a finding of one kind: `subject`, `message`, and what else a finding has beside its rule and severity."""

_KEY = re.compile(r"(?=.*[A-Za-z_])[\w.<>-]{1,100}", re.ASCII)
_LONGEST_NAME, _LONGEST_KEY = 80, 1_000


class Declared(NamedTuple):
    """One declaration. `at`: its position in its system. `subject`: what findings call it."""

    system: System
    at: int
    declaration: Declaration
    subject: str


class Spot(NamedTuple):
    """A dataset, a collection or a field, and the categories that stand on it. `path`: names, from the collection down;
    () for the dataset."""

    path: Names
    labels: tuple[str, ...]
    thing: Dataset | Table | Field


class Ground:
    """A manifest. `under`: laws that every system in it is under, besides those that its organization names."""

    def __init__(self, manifest: Manifest, under: Iterable[Law] = ()) -> None:
        self.manifest = manifest
        self.laws = tuple(under)
        self.labels = Labels(manifest.labels)
        self.places = Places(manifest)
        self.datasets = {dataset.key: dataset for dataset in reversed(manifest.datasets)}
        self.systems = {system.key: system for system in reversed(manifest.systems)}
        self._needs: dict[str, dict[Need, str]] = {}
        self._spots: dict[str, tuple[Spot, ...]] = {}
        self._grouped: dict[str, dict[tuple[str, ...], list[Spot]]] = {}

    @cached_property
    def declared(self) -> tuple[Declared, ...]:
        """Return every declaration of every system."""
        return tuple(
            Declared(system, at, declaration, f"system {system.key}, declaration {_called(declaration)}")
            for system in self.manifest.systems
            for at, declaration in enumerate(system.declarations)
        )

    def spots(self, dataset: str) -> tuple[Spot, ...]:
        """Return a dataset, its collections and all their fields, nested ones too; nothing for an unknown key."""
        found = self._spots.get(dataset)
        if found is None:
            known = self.datasets.get(dataset)
            found = self._spots[dataset] = tuple(_spots(known)) if known else ()
        return found

    def grouped(self, dataset: str) -> dict[tuple[str, ...], list[Spot]]:
        """Return what a dataset holds by its categories: most fields carry the same ones as others."""
        found = self._grouped.get(dataset)
        if found is None:
            found = self._grouped[dataset] = {}
            for spot in self.spots(dataset):
                if spot.labels:
                    found.setdefault(spot.labels, []).append(spot)
        return found

    def needs(self, system: System) -> dict[Need, str]:
        """Return what the laws that a system is under ask declarations to say → which laws, by which provision.

        Nothing where neither the caller nor the system's organization names a law.
        """
        found = self._needs.get(system.organization)
        if found is None:
            found = self._needs[system.organization] = {}
            for one in self._laws_of(system.organization):
                for need, provision in one.needs.items():
                    found[need] = "; ".join(filter(None, (found.get(need), f"{one.key}, {provision}")))
        return found

    def names_laws(self, system: System) -> bool:
        """Return whether it is known under which laws a system is."""
        return bool(self._laws_of(system.organization))

    def _laws_of(self, organization: str) -> tuple[Law, ...]:
        named = {key for one in self.manifest.organizations if one.key == organization for key in one.laws}
        under = (one for one in laws() if one.key in named) if named else ()
        return tuple({one.key: one for one in (*self.laws, *under)}.values())

    def chain(self, kind: Kind, key: str) -> tuple[str, ...]:
        """Return a key and all above it. One that is too long to be a key has none above it: its parts may be many."""
        return self.labels.chain(kind, key) if len(key) <= _LONGEST_KEY else (key,)

    def categories(self, declaration: Declaration) -> Iterator[str]:
        """Yield the categories of a declaration and of the datasets that it names; some several times."""
        yield from declaration.categories
        for dataset in declaration.datasets:
            for labels in self.grouped(dataset):
                yield from labels


def is_personal(categories: Iterable[str]) -> bool:
    """Return whether one of some categories is about people.

    >>> is_personal(["system.operations"]), is_personal(["user.contact"])
    (False, True)
    """
    return any(key == "user" or key[:5] == "user." for key in categories)


def flows(system: System) -> Iterator[tuple[str, Flow]]:
    """Yield what comes into a system and what goes out, each with the key that lists it."""
    yield from (("ingress", flow) for flow in system.ingress)
    yield from (("egress", flow) for flow in system.egress)


def shown(key: str) -> str:
    """Return a key as findings quote it: what cannot be one may be a value that was pasted in its place.

    >>> shown("user.contact"), shown("ann@example.com")
    ('user.contact', '…')
    """
    return key if _KEY.fullmatch(key) else "…"


def titled(name: str) -> str:
    """Return the name of a rule or a declaration on one line, cut where it is long."""
    words = " ".join(name.split())
    return words if len(words) <= _LONGEST_NAME else f"{words[: _LONGEST_NAME - 1]}…"


def dotted(dataset: str, path: Names) -> str:
    """Return how a dataset, a collection or a field is called: `crm.users.email`."""
    return ".".join((dataset, *path))


def _called(declaration: Declaration) -> str:
    # A position would make a known finding a new one as soon as another declaration comes before.
    return titled(declaration.name) or f"for {shown(declaration.use)}"


def _spots(dataset: Dataset) -> Iterator[Spot]:
    yield Spot((), dataset.labels, dataset)
    for table in dataset.collections:
        yield Spot((table.name,), table.labels, table)
        for field in table.fields:
            yield from _fields(field, (table.name,))


def _fields(field: Field, above: Names) -> Iterator[Spot]:
    path = (*above, field.name)
    yield Spot(path, field.labels, field)
    for inner in field.fields:
        yield from _fields(inner, path)
