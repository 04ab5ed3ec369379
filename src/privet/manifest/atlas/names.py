"""Plain words beside keys, and what resources say that the vocabulary has no word for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from privet.manifest.resources import Manifest, ResourceType
from privet.vocabulary import taxonomy
from privet.vocabulary.dataset import Dataset, every_field
from privet.vocabulary.system import Facts, System

_UNSAID = frozenset({"", "not defined", "none", "n/a"})
"""Texts that stand where nobody said anything; Fides writes the second by itself."""


class Names:
    """The names of labels, systems and datasets of one map."""

    def __init__(self, manifest: Manifest, systems: Iterable[System], datasets: Iterable[Dataset]) -> None:
        self._manifest = manifest
        built_in = (label for kind in taxonomy.KINDS for label in taxonomy.labels(kind))
        self._labels = {label.key: label for label in (*built_in, *manifest.labels)}
        self._entries: dict[tuple[str, str], System | Dataset] = {("system", each.key): each for each in systems}
        self._entries |= {("dataset", each.key): each for each in datasets}

    def name(self, key: str) -> str:
        """Return a label's name, or its key where it has none."""
        label = self._labels.get(key)
        return (label.name if label else "") or key

    def described(self, key: str) -> taxonomy.Label | None:
        """Return a label's entry, or None of an unknown one."""
        return self._labels.get(key)

    def label(self, key: str) -> str:
        """Return a label's name with its key, as in `Postal address (user.contact.address)`."""
        return beside(self.name(key), key)

    def labels(self, keys: Iterable[str]) -> str:
        """Return several labels in one text."""
        return together(self.label(key) for key in keys)

    def entry(self, kind: str, key: str) -> System | Dataset | None:
        """Return the declared "system" or "dataset" of a key, or None."""
        return self._entries.get((kind, key))

    def titled(self, kind: str, key: str) -> str:
        """Return the name of a "system" or "dataset" with its key."""
        entry = self.entry(kind, key)
        return beside(entry.name if entry else "", key)

    def said(self, kind: ResourceType, key: str) -> Facts:
        """Return a resource as a file has it, without places; empty where no file has it."""
        node = self._manifest.nodes.get((kind, key))
        plain = node.plain() if node is not None else None
        return plain if isinstance(plain, Mapping) else {}


def beside(name: str, key: str) -> str:
    """Return a name with its key, one of them where both say the same.

    >>> beside("E-mail address", "user.contact.email"), beside("", "crm"), beside("crm", "crm")
    ('E-mail address (user.contact.email)', 'crm', 'crm')
    """
    return f"{name} ({key})" if name and name != key else key


def together(texts: Iterable[str]) -> str:
    """Return texts in one, each once, the empty ones left out."""
    return "; ".join(dict.fromkeys(text for text in texts if text))


def text_of(facts: Facts, *keys: str) -> str:
    """Return what stands under the first of some keys that says anything: a text, or the texts of a list."""
    for key in keys:
        found = together(_texts(facts.get(key)))
        if found:
            return found
    return ""


def flag_of(facts: Facts, *keys: str) -> str:
    """Return "yes" or "no" as the first key says that holds a flag, "" where none does."""
    for key in keys:
        if isinstance(facts.get(key), bool):
            return "yes" if facts[key] else "no"
    return ""


def inner(facts: Facts, key: str) -> Facts:
    """Return a mapping within facts, empty where there is none."""
    found = facts.get(key)
    return found if isinstance(found, Mapping) else {}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item)
    elif str(value).strip().lower() not in _UNSAID:
        yield str(value).strip()


def holds(dataset: Dataset) -> tuple[str, ...]:
    """Return every category of what a dataset holds, sorted."""
    found = set(dataset.labels)
    for collection in dataset.collections:
        found.update(collection.labels)
        found.update(label for _, field in every_field(collection.fields) for label in field.labels)
    return tuple(sorted(found))
