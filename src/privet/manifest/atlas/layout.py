"""Where the nodes of a data map stand: people, systems, datasets and recipients in bands from left to right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from privet.drawing import draw
from privet.manifest.atlas.graph import KINDS, Graph


@dataclass(frozen=True, slots=True)
class Plan:
    """`places`: node → left and top edge. `heads`: (x, kind) of each band. `width`, `height`: of all."""

    places: Mapping[str, tuple[int, int]]
    heads: tuple[tuple[int, str], ...]
    width: int
    height: int


def layout(graph: Graph) -> Plan:
    """Return a place for every node. The same graph has the same plan."""
    joined: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for arc in graph.arcs:
        joined[arc.source].append(arc.target)
        joined[arc.target].append(arc.source)
    drawn = draw([[node.id for node in graph.nodes if node.kind == kind] for kind in KINDS], joined)
    heads = tuple((left, kind) for left, kind in zip(drawn.lefts, KINDS, strict=True) if left is not None)
    return Plan(drawn.places, heads, drawn.width, drawn.height)
