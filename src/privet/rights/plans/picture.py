"""A plan as a picture: SVG that needs nothing else. Collections stand in the order in which they are read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import pairwise

from privet.drawing import HEAD, MARGIN, NODE_HEIGHT, NODE_WIDTH, curve, draw
from privet.rights.plans.shown import fields_of, nodes, ways
from privet.rights.words import Address, Edge, Plan

_LETTERS = 25
_LEGEND = 30
_MOST_ROUTED = 200  # collections; beyond, arrows run behind boxes, or empty places would be most of the picture
_STYLE = """
svg { background: #ffffff; font-family: system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
text { fill: #1a2230; font-size: 13px; }
.head { font-weight: 600; fill: #566070; }
.soft { fill: #566070; font-size: 10.5px; }
.mark { font-size: 10.5px; font-weight: 600; text-anchor: end; fill: #a3231a; }
rect { stroke-width: 1.3; }
.identity rect { fill: #f0e6fd; stroke: #7c3aed; }
.own rect { fill: #def5e5; stroke: #1a7f42; }
.referred rect { fill: #e0ecfd; stroke: #2563c9; stroke-dasharray: 5 3; }
.unreached rect { fill: #f6f7f9; stroke: #566070; stroke-dasharray: 2 3; }
path { fill: none; stroke: #1a7f42; stroke-width: 1.4; opacity: .7; }
path.up { stroke: #2563c9; stroke-dasharray: 5 3; }
path.seed { stroke: #7c3aed; }
#tip path { fill: #566070; stroke: none; opacity: 1; }
"""
Spot = tuple[int, int]
Places = Mapping[str, Spot]
Way = tuple[tuple[Address, Address], list[Edge]]

_KINDS = (
    ("own", "hers"),
    ("referred", "hers refers to it: shown, never erased"),
    ("unreached", "not reached"),
)


def picture(plan: Plan) -> str:
    """Return the picture. Titles say by which fields, and why what is not reached is not."""
    boxes = nodes(plan)
    arrows = list(ways(plan))
    bands, heads = _bands(plan, boxes, arrows)
    ends = [(f"identity:{seed.identity}", _id(seed.address)) for seed in plan.seeds]
    ends += [(_id(source), _id(target)) for (source, target), _ in arrows]
    stops = _stops(bands, ends) if len(boxes) <= _MOST_ROUTED else [[source, target] for source, target in ends]
    joined: defaultdict[str, list[str]] = defaultdict(list)
    for one, other in (pair for way in stops for pair in pairwise(way)):
        joined[one].append(other)
        joined[other].append(one)
    drawn = draw(bands, joined)
    paths = [[drawn.places[stop] for stop in way] for way in stops]
    width = max(drawn.width, 640)
    height = drawn.height + _LEGEND
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{_said(_title(plan))}">',
        f"<title>{_said(_title(plan))}</title><style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" '
        'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>',
        *(
            f'<text class="head" x="{left}" y="{HEAD - 18}">{_said(head)}</text>'
            for left, head in zip(drawn.lefts, heads, strict=True)
            if left is not None
        ),
        *(_arrow("seed", path, seed.field) for seed, path in zip(plan.seeds, paths, strict=False)),
        *(_way(edges, path) for (_, edges), path in zip(arrows, paths[len(plan.seeds) :], strict=True)),
        *(_box("identity", drawn.places[f"identity:{kind}"], kind, "identity") for kind in plan.identities),
        *_collections(plan, boxes, drawn.places),
        *_legend(drawn.height),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _title(plan: Plan) -> str:
    return f"How an {plan.kind} request reads" + (" and erases" if plan.visits else "") + " collections"


def _bands(plan: Plan, boxes: Mapping[Address, str], arrows: Iterable[Way]) -> tuple[list[list[str]], list[str]]:
    """Return the boxes by steps: after what they are read after, or, of what is referred to, after what refers to it.

    What is referred to waits, when it is read, for more than what refers to it; drawn so, its arrows would be long.
    """
    into: defaultdict[Address, list[Address]] = defaultdict(list)
    for (source, target), _ in arrows:
        into[target].append(source)
    ends: list[int] = []
    depth: dict[Address, int] = {}
    steps: defaultdict[int, list[str]] = defaultdict(list)
    for turn in plan.turns:
        at = max((ends[one] for one in turn.after), default=0)
        if turn.bond == "referred":
            at = max((depth[one] + 1 for member in turn.members for one in into[member] if one in depth), default=at)
        ends.append(at + bool(turn.members))
        for member in turn.members:
            if member not in depth:
                depth[member] = at
                steps[at].append(_id(member))
    bands = [[f"identity:{kind}" for kind in plan.identities], *(steps[at] for at in sorted(steps))]
    bands.append([_id(address) for address, kind in boxes.items() if kind == "unreached"])
    return bands, ["Identity", *(f"Step {number}" for number in range(1, len(steps) + 1)), "Not reached"]


def _collections(plan: Plan, boxes: Mapping[Address, str], places: Places) -> Iterator[str]:
    erased = {address: f"erased {at}." for visit in plan.visits for at, address in enumerate(visit.order, 1)}
    why = {gap.address: f": {gap.why}" + (f"; {gap.hint}" if gap.hint else "") for gap in plan.unreached}
    for address, kind in boxes.items():
        mark = erased.get(address, "")
        said = f"{address}{why.get(address, '')}" + (f" ({mark} in {address.dataset})" if mark else "")
        yield _box(kind, places[_id(address)], address.collection, address.dataset, mark=mark, said=said)


def _box(kind: str, place: Spot, name: str, under: str, *, mark: str = "", said: str = "") -> str:
    return (
        f'<g class="{kind}" transform="translate({place[0]} {place[1]})"><title>{_said(said or name)}</title>'
        f'<rect width="{NODE_WIDTH}" height="{NODE_HEIGHT}" rx="7"/><text x="10" y="16">{_short(name)}</text>'
        f'<text class="soft" x="10" y="30">{_short(under)}</text>'
        + (f'<text class="mark" x="{NODE_WIDTH - 9}" y="30">{_said(mark)}</text>' if mark else "")
        + "</g>"
    )


def _stops(bands: list[list[str]], ends: Iterable[tuple[str, str]]) -> list[list[str]]:
    """Return the boxes that each arrow goes through. One that passes bands by gets an empty place in each of them, so
    that it does not run behind a box."""
    band = {box: number for number, boxes in enumerate(bands) for box in boxes}
    found = []
    for number, (source, target) in enumerate(ends):
        between = range(band[source] + 1, band[target])
        for at in between:
            bands[at].append(f"way:{number}:{at}")
        found.append([source, *(f"way:{number}:{at}" for at in between), target])
    return found


def _way(edges: Sequence[Edge], path: Sequence[Spot]) -> str:
    return _arrow("up" if all(edge.way == "up" for edge in edges) else "down", path, fields_of(edges))


def _arrow(kind: str, path: Sequence[Spot], said: str) -> str:
    line = ""
    for at, (source, target) in enumerate(pairwise(path)):
        line += curve(source, target)
        if at < len(path) - 2:
            line += f"H{target[0] + NODE_WIDTH}"
    if len(path) == 2 and path[0] == path[1]:
        x, y = path[0][0] + NODE_WIDTH, path[0][1] + NODE_HEIGHT // 2
        line = f"M{x} {y - 9}C{x + 34} {y - 22} {x + 34} {y + 22} {x} {y + 9}"
    return f'<path class="{kind}" d="{line}" marker-end="url(#tip)"><title>{_said(said)}</title></path>'


def _legend(top: int) -> Iterator[str]:
    left = MARGIN
    for kind, words in _KINDS:
        yield (
            f'<g class="{kind}" transform="translate({left} {top - 4})"><rect width="16" height="12" rx="3"/>'
            f'<text class="soft" x="22" y="10">{words}</text></g>'
        )
        left += 40 + 6 * len(words)


def _id(address: Address) -> str:
    return f"{len(address.dataset)}:{address}"


def _short(text: str) -> str:
    return _said(text if len(text) <= _LETTERS else text[: _LETTERS - 1] + "…")


def _said(text: str) -> str:
    return escape("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))
