"""Where the values of a manifest stand, looked up when a finding needs one: most values never do."""

from __future__ import annotations

from collections.abc import Iterator

from privet.codec import Node, Place
from privet.manifest.finding import NOWHERE
from privet.manifest.resources import Manifest, ResourceType, Step
from privet.vocabulary.system import System

Names = tuple[str, ...]
META = ("fides_meta", "fidesops_meta")
"""The key of metadata, and the one of older files."""


class Places:
    """The places of one manifest. Steps are keys, positions, or several keys of which one is there; what is not there
    stands where the last that is there does, and `NOWHERE` where no file holds it."""

    def __init__(self, manifest: Manifest) -> None:
        self._nodes = manifest.nodes
        self._fields: dict[tuple[str, Names], Node | None] = {}

    def resource(self, kind: ResourceType, key: str, *steps: Step | Names) -> Place:
        """Return where a value of a resource stands."""
        return _down(self._nodes.get((kind, key)), steps)

    def declaration(self, system: System, at: int, *steps: Step | Names) -> Place:
        """Return where a value of the declaration at a position stands."""
        declared = system.declarations[at].at
        found = self._item(("system", system.key), "privacy_declarations", at, declared)
        return _down(found, steps) if found else parsed(declared)

    def rule(self, policy: str, name: str, *steps: Step | Names) -> Place:
        """Return where a value of a Fides rule stands."""
        node = self._nodes.get(("policy", policy))
        found = next((item for item in _items(node, "rules") if _said(item) == name), None)
        return _down(found or node, steps)

    def flow(self, system: str, word: str, key: str, *steps: Step | Names) -> Place:
        """Return where a value of a flow of a system stands. `word`: `ingress` or `egress`."""
        node = self._nodes.get(("system", system))
        found = next((item for item in _items(node, word) if _said(item, "fides_key") == key), None)
        return _down(found or node, steps)

    def held(self, dataset: str, path: Names, *steps: Step | Names) -> Place:
        """Return where a value of a dataset, or of a collection or a field of it, stands. `path`: names, from the
        collection down."""
        if (dataset, path) not in self._fields:
            self._fields[dataset, path] = self._named(dataset, path)
        return _down(self._fields[dataset, path], steps)

    def category(self, dataset: str, path: Names, category: str) -> Place:
        """Return where a category of a dataset, or of what it holds, stands."""
        return self.held(dataset, path, "data_categories", category)

    def _named(self, dataset: str, path: Names) -> Node | None:
        node = self._nodes.get(("dataset", dataset))
        for depth, name in enumerate(path):
            inner = _items(node, "fields" if depth else "collections")
            found = next((item for item in inner if _said(item) == name), None)
            if found is None:
                break
            node = found
        return node

    def _item(self, resource: tuple[ResourceType, str], key: str, at: int, place: str) -> Node | None:
        """Return the item of a list that stands at a place, or where nobody said one, at a position."""
        items = tuple(_items(self._nodes.get(resource), key))
        if place:
            return next((item for item in items if str(item.place) == place), None)
        return items[at] if at < len(items) else None


def parsed(place: str) -> Place:
    """Return a place from its text, `NOWHERE` from none.

    >>> str(parsed("shop.yml:3:7"))
    'shop.yml:3:7'
    """
    file, _, column = place.rpartition(":")
    file, _, line = file.rpartition(":")
    return Place(file, int(line), int(column)) if line.isdigit() and column.isdigit() else NOWHERE


def _items(node: Node | None, key: str) -> Iterator[Node]:
    value = node.value if node else None
    inner = value.get(key) if isinstance(value, dict) else None
    if inner is not None and isinstance(inner.value, list):
        yield from inner.value


def _said(node: Node, key: str = "name") -> str:
    named = node.value.get(key) if isinstance(node.value, dict) else None
    return "" if named is None else str(named.value)


def _down(node: Node | None, steps: tuple[Step | Names, ...]) -> Place:
    if node is None:
        return NOWHERE
    for step in steps:
        found = _step(node, step)
        if found is None:
            break
        node = found
    return node.place


def _step(node: Node, step: Step | Names) -> Node | None:
    """Return what stands below a node: of a mapping by key, of a list by position, or by the text of an item."""
    value = node.value
    if isinstance(value, dict):
        keys = step if isinstance(step, tuple) else (step,)
        return next((value[key] for key in keys if isinstance(key, str) and key in value), None)
    if not isinstance(value, list):
        return node if isinstance(step, str) and str(value) == step else None
    if isinstance(step, int):
        return value[step] if 0 <= step < len(value) else None
    return next((item for item in value if not isinstance(item.value, dict | list) and str(item.value) == step), None)
