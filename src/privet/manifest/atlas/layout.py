"""Where the nodes of a graph stand: people, systems, datasets and recipients in bands from left to right.

A band is cut into columns of at most ROWS nodes. Within a band, nodes stand near those that they are joined to: each
takes the mean height of its neighbours, a few times over (the barycenter heuristic of Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from privet.manifest.atlas.graph import KINDS, Graph

ROWS = 36
NODE_WIDTH, NODE_HEIGHT = 200, 36
_ROW, _COLUMN, _BAND = 48, 232, 130
_SWEEPS = 4
MARGIN = 24
HEAD = 40


@dataclass(frozen=True, slots=True)
class Plan:
    """`places`: node → left and top edge. `heads`: (x, kind) of each band. `width`, `height`: of all."""

    places: Mapping[str, tuple[int, int]]
    heads: tuple[tuple[int, str], ...]
    width: int
    height: int


def layout(graph: Graph) -> Plan:
    """Return a place for every node. The same graph has the same plan."""
    bands = [[node.id for node in graph.nodes if node.kind == kind] for kind in KINDS]
    _order(bands, _neighbours(graph))
    places: dict[str, tuple[int, int]] = {}
    heads: list[tuple[int, str]] = []
    tallest = max((min(len(band), ROWS) for band in bands), default=0)
    left = MARGIN
    for kind, band in zip(KINDS, bands, strict=True):
        if not band:
            continue
        heads.append((left, kind))
        columns = -(-len(band) // ROWS)
        rows = -(-len(band) // columns)
        for at, node in enumerate(band):
            gap = (tallest - min(rows, len(band))) * _ROW // 2
            places[node] = (left + at // rows * _COLUMN, HEAD + gap + at % rows * _ROW)
        left += (columns - 1) * _COLUMN + NODE_WIDTH + _BAND
    width = max(left - _BAND + MARGIN, NODE_WIDTH)
    return Plan(places, tuple(heads), width, HEAD + tallest * _ROW + MARGIN)


def _neighbours(graph: Graph) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for arc in graph.arcs:
        found[arc.source].append(arc.target)
        found[arc.target].append(arc.source)
    return found


def _order(bands: list[list[str]], neighbours: Mapping[str, Sequence[str]]) -> None:
    heights: dict[str, float] = {}
    for band in bands:
        _level(band, heights)
    for sweep in range(_SWEEPS):
        for band in bands if sweep % 2 == 0 else reversed(bands):
            mates = set(band)
            means = {node: _mean(node, neighbours[node], mates, heights) for node in band}
            band.sort(key=lambda node: (means[node], node))
            _level(band, heights)


def _level(band: Sequence[str], heights: dict[str, float]) -> None:
    """Give the nodes of a band heights from 0 to 1, so that bands of different length compare."""
    for at, node in enumerate(band):
        heights[node] = (at + 0.5) / len(band)


def _mean(node: str, joined: Sequence[str], mates: set[str], heights: Mapping[str, float]) -> float:
    outside = [heights[other] for other in joined if other not in mates]
    return sum(outside) / len(outside) if outside else heights[node]
