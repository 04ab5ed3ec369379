"""The graph of a data map as SVG: boxes in bands, arrows behind them. Places come from `atlas.layout`."""

from __future__ import annotations

from collections.abc import Iterator

from privet.drawing import NODE_HEIGHT, NODE_WIDTH, curve
from privet.manifest.atlas.graph import Arc, Graph, Node
from privet.manifest.atlas.layout import Plan, layout
from privet.manifest.exports._page import shown

KIND_WORDS = {"people": "People", "system": "System", "dataset": "Dataset", "recipient": "Recipient"}
_HEADS = {"people": "People", "system": "Systems", "dataset": "Datasets", "recipient": "Recipients"}
ARC_WORDS = {
    "about": "data about",
    "uses": "uses",
    "flows": "flows to",
    "shares": "shares with",
    "refers": "refers to",
    "derives": "feeds",
}
_LETTERS = 25
_MOST_REASONS = 8


def svg(graph: Graph) -> str:
    """Return the drawing. Node and arc n of the graph carry `data-n` and, for the ends, `data-a` and `data-b`."""
    plan = layout(graph)
    at = {node.id: number for number, node in enumerate(graph.nodes)}
    names = {node.id: node.name for node in graph.nodes}
    arcs = "\n".join(_arc(plan, arc, at, names) for arc in graph.arcs)
    nodes = "\n".join(_node(plan, number, node) for number, node in enumerate(graph.nodes))
    return (
        f'<svg id="graph" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {plan.width} {plan.height}" '
        f'data-width="{plan.width}" data-height="{plan.height}" role="group" aria-label="Graph of the data map">\n'
        f'<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>\n'
        f"<g>{''.join(_heads(plan))}</g>\n<g>\n{arcs}\n</g>\n<g>\n{nodes}\n</g>\n</svg>"
    )


def _heads(plan: Plan) -> Iterator[str]:
    for left, kind in plan.heads:
        yield f'<text class="head" x="{left}" y="22">{_HEADS[kind]}</text>'


def _node(plan: Plan, number: int, node: Node) -> str:
    left, top = plan.places[node.id]
    name = node.name if len(node.name) <= _LETTERS else node.name[: _LETTERS - 1] + "…"
    outside = "" if node.declared else " outside"
    note = "" if node.declared else ", not declared"
    said = shown(f"{KIND_WORDS[node.kind]}: {node.name}" + (f" ({node.key})" if node.key != node.name else "") + note)
    return (
        f'<g class="node {node.kind}{outside}" data-n="{number}" transform="translate({left} {top})" '
        f'tabindex="{0 if number == 0 else -1}" role="button" aria-pressed="false" aria-label="{said}">'
        f'<title>{said}</title><rect width="{NODE_WIDTH}" height="{NODE_HEIGHT}" rx="7"/>'
        f'<text x="11" y="{NODE_HEIGHT // 2 + 5}">{shown(name)}</text></g>'
    )


def _arc(plan: Plan, arc: Arc, at: dict[str, int], names: dict[str, str]) -> str:
    tip = "" if arc.kind == "uses" else ' marker-end="url(#tip)"'
    why = "".join(f"\n{reason}" for reason in arc.why[:_MOST_REASONS])
    more = f"\nand {len(arc.why) - _MOST_REASONS} more" if len(arc.why) > _MOST_REASONS else ""
    ends = (arc.target, arc.source) if arc.kind == "uses" else (arc.source, arc.target)
    word = f"{names[ends[0]]} {ARC_WORDS[arc.kind]} {names[ends[1]]}"
    if arc.kind == "about":
        word = f"{names[arc.target]}: data about {names[arc.source]}"
    return (
        f'<path class="arc {arc.kind}" data-a="{at[arc.source]}" data-b="{at[arc.target]}" '
        f'd="{curve(plan.places[arc.source], plan.places[arc.target])}"{tip}>'
        f"<title>{shown(word + why + more)}</title></path>"
    )
