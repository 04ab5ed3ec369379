"""The graph as a flowchart of Mermaid (drawn by release 11.17), for Markdown files that show it.

Names stand in quotes, every sign of them but letters, digits and a few others as its character code, so that none is
read as markup. Mermaid by itself draws at most 500 arrows; a larger map says so in its first line.
"""

from __future__ import annotations

import re

from privet.manifest.atlas.graph import KINDS, Arc, Node
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._cells import printable

_MOST_ARROWS = 500
_PLAIN = re.compile(r"[^\w .,:/-]")
_SHAPES = {"people": ('(["', '"])'), "system": ('["', '"]'), "dataset": ('[("', '")]'), "recipient": ('{{"', '"}}')}
_ARROWS = {"about": "-->", "uses": "---", "flows": "-->", "shares": "==>", "refers": "-.->", "derives": "-.->"}
_WORDS = {"refers": "refers to", "derives": "feeds", "shares": "shares"}


def write(atlas: Atlas) -> bytes:
    """Return the flowchart."""
    drawn = atlas.graph
    ids = {node.id: f"n{at}" for at, node in enumerate(drawn.nodes, 1)}
    lines = ["flowchart LR"]
    if len(drawn.arcs) > _MOST_ARROWS:
        lines.append(f"  %% {len(drawn.arcs)} arrows; set maxEdges of Mermaid to as many to draw them")
    for kind in KINDS:
        lines += [f"  {_node(ids[node.id], node)}" for node in drawn.nodes if node.kind == kind]
    lines += [f"  {_arc(ids, arc)}" for arc in drawn.arcs]
    lines += [f"  classDef {name} {style}" for name, style in _STYLES.items()]
    for style in _STYLES:
        named = ",".join(ids[node.id] for node in drawn.nodes if style in (node.kind, node.declared or "outside"))
        lines += [f"  class {named} {style}"] if named else []
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


_STYLES = {
    "people": "fill:#f3e8ff,stroke:#7e22ce,color:#1f1235",
    "system": "fill:#dbeafe,stroke:#1d4ed8,color:#10203f",
    "dataset": "fill:#dcfce7,stroke:#15803d,color:#0d2817",
    "recipient": "fill:#ffedd5,stroke:#c2410c,color:#3b1706",
    "outside": "stroke-dasharray:4 3",
}


def _node(mark: str, node: Node) -> str:
    before, after = _SHAPES[node.kind]
    return f"{mark}{before}{quoted(node.name)}{after}"


def _arc(ids: dict[str, str], arc: Arc) -> str:
    word = _WORDS.get(arc.kind, "")
    label = f'|"{word}"|' if word else ""
    ends = (arc.target, arc.source) if arc.kind == "uses" else (arc.source, arc.target)  # systems before what they use
    return f"{ids[ends[0]]} {_ARROWS[arc.kind]}{label} {ids[ends[1]]}"


def quoted(text: str) -> str:
    """Return text for a quoted label: unusual signs as codes.

    >>> quoted('Shop "API" <b>')
    'Shop #34;API#34; #60;b#62;'
    """
    return _PLAIN.sub(lambda found: " " if found[0].isspace() else f"#{ord(found[0])};", printable(text)) or " "


PART = Export(name="mermaid", about="A flowchart, for Markdown.", suffix=".mmd", write=write)
