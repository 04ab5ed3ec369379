"""Where the boxes of a drawing stand: in bands from left to right, with curves between them.

A band is cut into columns of at most ROWS boxes. Within a band, boxes stand near those that they are joined to: each
takes the mean height of its neighbours, a few times over (the barycenter heuristic of Sugiyama, Tagawa and Toda, 1981).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ROWS = 36
NODE_WIDTH, NODE_HEIGHT = 200, 36
MARGIN = 24
HEAD = 40
_ROW, _COLUMN, _BAND = 48, 232, 130
_SWEEPS = 4
_BOW = 36


@dataclass(frozen=True, slots=True)
class Drawing:
    """`places`: box → left and top edge. `lefts`: left edge of each band, None of an empty one. `width`, `height`: of
    all."""

    places: Mapping[str, tuple[int, int]]
    lefts: tuple[int | None, ...]
    width: int
    height: int


def draw(bands: Sequence[Sequence[str]], joined: Mapping[str, Sequence[str]]) -> Drawing:
    """Return a place for every box. `joined`: box → those that it has a curve with. The same input has one drawing."""
    ordered = [list(band) for band in bands]
    _order(ordered, joined)
    places: dict[str, tuple[int, int]] = {}
    lefts: list[int | None] = []
    tallest = max((min(len(band), ROWS) for band in ordered), default=0)
    left = MARGIN
    for band in ordered:
        lefts.append(left if band else None)
        if not band:
            continue
        columns = -(-len(band) // ROWS)
        rows = -(-len(band) // columns)
        for at, node in enumerate(band):
            gap = (tallest - min(rows, len(band))) * _ROW // 2
            places[node] = (left + at // rows * _COLUMN, HEAD + gap + at % rows * _ROW)
        left += (columns - 1) * _COLUMN + NODE_WIDTH + _BAND
    width = max(left - _BAND + MARGIN, NODE_WIDTH)
    return Drawing(places, tuple(lefts), width, HEAD + tallest * _ROW + MARGIN)


def curve(source: tuple[int, int], target: tuple[int, int]) -> str:
    """Return an SVG path between the facing sides of two boxes, on the right of both where they are in one column."""
    (from_x, from_y), (to_x, to_y) = source, target
    from_y, to_y = from_y + NODE_HEIGHT // 2, to_y + NODE_HEIGHT // 2
    if from_x == to_x:
        side = from_x + NODE_WIDTH
        bow = side + _BOW + min(abs(to_y - from_y) // 10, _BOW)
        return f"M{side} {from_y}C{bow} {from_y} {bow} {to_y} {side} {to_y}"
    if from_x < to_x:
        from_x += NODE_WIDTH
    else:
        to_x += NODE_WIDTH
    middle = (from_x + to_x) // 2
    return f"M{from_x} {from_y}C{middle} {from_y} {middle} {to_y} {to_x} {to_y}"


def _order(bands: Sequence[list[str]], joined: Mapping[str, Sequence[str]]) -> None:
    heights: dict[str, float] = {}
    for band in bands:
        _level(band, heights)
    for sweep in range(_SWEEPS):
        for band in bands if sweep % 2 == 0 else reversed(bands):
            mates = set(band)
            means = {node: _mean(node, joined[node], mates, heights) for node in band}
            band.sort(key=lambda node: (means[node], node))
            _level(band, heights)


def _level(band: Sequence[str], heights: dict[str, float]) -> None:
    """Give the boxes of a band heights from 0 to 1, so that bands of different length compare."""
    for at, node in enumerate(band):
        heights[node] = (at + 0.5) / len(band)


def _mean(node: str, joined: Sequence[str], mates: set[str], heights: Mapping[str, float]) -> float:
    outside = [heights[other] for other in joined if other not in mates]
    return sum(outside) / len(outside) if outside else heights[node]
