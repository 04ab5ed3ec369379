"""A manifest as read: every resource of its files in the words of the vocabulary, and where each value stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from privet.codec import Node, Place
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.system import Facts, System
from privet.vocabulary.taxonomy import Label

Matches = Literal["ANY", "ALL", "NONE", "OTHER"]
ResourceType = Literal[
    "data_category", "data_subject", "data_use", "dataset", "organization", "policy", "system", "evaluation"
]
Step = str | int


@dataclass(frozen=True, slots=True)
class Match:
    """One of the three conditions of a rule: which declared keys it is about, and how they must match."""

    matches: Matches
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FidesRule:
    """A use that a Fides policy forbids: broken where categories, uses and subjects all match."""

    name: str
    categories: Match
    uses: Match
    subjects: Match


@dataclass(frozen=True, slots=True, kw_only=True)
class FidesPolicy:
    """A `policy` resource of Fides. Our own language is `privet.policy.syntax.Policy`."""

    key: str
    rules: tuple[FidesRule, ...]
    name: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """Whose manifest it is. `laws`: keys of the laws data that it says it is under (`meta.privet.laws`); () where it
    does not say. `facts`: what else is said, under the keys of Fides (`controller`, `data_protection_officer`, …)."""

    key: str
    name: str = ""
    description: str = ""
    laws: tuple[str, ...] = ()
    facts: Facts = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class PolicyText:
    """A `*.policy` file beside the manifests, in our own language."""

    file: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """All resources of a folder. `labels`: the team's own categories, uses and subjects, in place of built-in ones of
    the same key. `nodes`: (type, key) → the resource as written, for `place`. `evaluations`: as written, unread."""

    files: tuple[str, ...] = ()
    organizations: tuple[Organization, ...] = ()
    policies: tuple[FidesPolicy, ...] = ()
    systems: tuple[System, ...] = ()
    datasets: tuple[Dataset, ...] = ()
    labels: tuple[Label, ...] = ()
    evaluations: tuple[Mapping[str, Any], ...] = ()
    texts: tuple[PolicyText, ...] = ()
    nodes: Mapping[tuple[ResourceType, str], Node] = field(default_factory=dict, compare=False)

    def dataset(self, key: str) -> Dataset | None:
        """Return the dataset of a key, or None."""
        return next((dataset for dataset in self.datasets if dataset.key == key), None)

    def system(self, key: str) -> System | None:
        """Return the system of a key, or None."""
        return next((system for system in self.systems if system.key == key), None)

    def place(self, kind: ResourceType, key: str, *steps: Step) -> Place:
        """Return where a value stands: of the resource `key`, down keys and positions of what is written.

        Where the steps end earlier in the file than asked, the last place that exists; `Place("", 0, 0)` for a resource
        that no file holds.
        """
        node = self.nodes.get((kind, key))
        if node is None:
            return Place("", 0, 0)
        for step in steps:
            inner = node.value
            found = inner.get(step) if isinstance(inner, dict) and isinstance(step, str) else None
            if isinstance(inner, list) and isinstance(step, int) and 0 <= step < len(inner):
                found = inner[step]
            if found is None:
                break
            node = found
        return node.place
