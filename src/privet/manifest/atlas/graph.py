"""The graph of a data map: people, systems, datasets and recipients, what flows between them, and where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from privet.manifest.atlas.cells import Use, flows, third_party
from privet.manifest.atlas.lineage import Lineage
from privet.manifest.atlas.names import Names
from privet.vocabulary.dataset import Dataset, every_field
from privet.vocabulary.system import Flow

NodeKind = Literal["people", "system", "dataset", "recipient"]
KINDS: tuple[NodeKind, ...] = ("people", "system", "dataset", "recipient")
EdgeKind = Literal["about", "uses", "flows", "shares", "refers", "derives"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node. `id`: its kind and key. `name`: in words, `key` where it has none. `about`: its description.
    `declared`: a file declares it, or nobody has to."""

    id: str
    kind: NodeKind
    key: str
    name: str
    about: str = ""
    declared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Arc:
    """An edge from where data is to where it goes.

    `kind`: data is "about" people; a system "uses" a dataset; data "flows" by a declared flow; it is what a system
    "shares" with third parties; a field "refers" to another dataset; data "derives" from another dataset by a job.
    `why`: purposes, or the fields that refer.
    """

    source: str
    target: str
    kind: EdgeKind
    why: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Graph:
    """Nodes by kind and key, arcs by their ends; each once."""

    nodes: tuple[Node, ...]
    arcs: tuple[Arc, ...]


def graph(names: Names, uses: Iterable[Use], datasets: Sequence[Dataset], lineage: Lineage) -> Graph:
    """Return the graph of what rows are about, of references between datasets, and of lineage."""
    drawn = _Drawn(names)
    for dataset in datasets:
        drawn.node("dataset", dataset.key)
    for use in uses:
        _draw_use(drawn, use)
    for source, target, field in _references(datasets):
        drawn.arc(drawn.node("dataset", source), drawn.node("dataset", target), "refers", field)
    for edge in lineage.edges:
        source, target = (drawn.node("dataset", spot.home) for spot in (edge.source, edge.target))
        if source != target:
            drawn.arc(source, target, "derives", edge.job)
    return drawn.whole()


def node_ids(use: Use) -> tuple[str, ...]:
    """Return the ids of all nodes that a row is about."""
    drawn = _Drawn(use.names)
    if use.dataset_key:
        drawn.node("dataset", use.dataset_key)
    _draw_use(drawn, use)
    return tuple(node.id for node in drawn.whole().nodes)


class _Drawn:
    """Nodes and arcs while they are collected."""

    def __init__(self, names: Names) -> None:
        self.names = names
        self._nodes: dict[str, Node] = {}
        self._arcs: dict[tuple[str, str, EdgeKind], dict[str, None]] = {}

    def node(self, kind: NodeKind, key: str, name: str = "") -> str:
        """Add a node unless it is there, and return its id. `name` "": what it is declared as."""
        found = f"{kind}:{key}"
        if found not in self._nodes:
            entry = self.names.entry(kind, key)
            self._nodes[found] = Node(
                id=found,
                kind=kind,
                key=key,
                name=name or (entry.name if entry else "") or key,
                about=entry.description if entry else "",
                declared=entry is not None or kind not in ("system", "dataset"),
            )
        return found

    def arc(self, source: str, target: str, kind: EdgeKind, why: str = "") -> None:
        """Add an arc, or one more reason to one that is there."""
        said = self._arcs.setdefault((source, target, kind), {})
        if why:
            said[why] = None

    def whole(self) -> Graph:
        """Return the graph in its order."""
        nodes = sorted(self._nodes.values(), key=lambda node: (KINDS.index(node.kind), node.key))
        arcs = [
            Arc(source=source, target=target, kind=kind, why=tuple(why))
            for (source, target, kind), why in sorted(self._arcs.items())
        ]
        return Graph(tuple(nodes), tuple(arcs))


def _draw_use(drawn: _Drawn, use: Use) -> None:
    if use.system is None:
        return
    system = use.system
    here = drawn.node("system", system.key)
    purpose = use.names.label(use.declaration.use) if use.declaration else ""
    for subject in use.subjects if use.declaration else ():
        drawn.arc(drawn.node("people", subject, use.names.name(subject)), here, "about", purpose)
    if use.dataset_key:
        drawn.arc(drawn.node("dataset", use.dataset_key), here, "uses", purpose)
    for flow in flows(system, use.declaration, "ingress"):
        if flow.kind != "user":  # people whose data it is are there as subjects
            drawn.arc(_far(drawn, flow), here, "flows", _what(use, flow))
    for flow in flows(system, use.declaration, "egress"):
        drawn.arc(here, _far(drawn, flow), "flows", _what(use, flow))
    if third := third_party(use.said):
        drawn.arc(here, drawn.node("recipient", third, third.removeprefix("third parties: ")), "shares", purpose)


def _far(drawn: _Drawn, flow: Flow) -> str:
    if flow.kind == "user":
        return drawn.node("recipient", "people", "The people themselves")
    if flow.kind == "dataset":
        return drawn.node("dataset", flow.key)
    return drawn.node("system", flow.key)


def _what(use: Use, flow: Flow) -> str:
    return ", ".join(use.names.name(key) for key in flow.categories)


def _references(datasets: Iterable[Dataset]) -> Iterator[tuple[str, str, str]]:
    """Yield (dataset of the field that refers, dataset that it refers to, the field), whichever is read first."""
    for dataset in datasets:
        for collection in dataset.collections:
            for path, field in every_field(collection.fields):
                for link in field.native.links:
                    if link.dataset != dataset.key:
                        yield dataset.key, link.dataset, f"{collection.name}.{path}"
