"""A plan as people and programs read it: text for a terminal, JSON, Mermaid. The picture is in `picture`."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict

from privet.rights.words import CARRIES, Address, Bond, Edge, Plan, Turn, Visit

_INDENT = "       "
_MOST_WAYS = 4
_MOST_ARROWS = 500  # what Mermaid draws unless it is told more
_PLAIN = re.compile(r"[^\w .,:/-]")


def shown(plan: Plan) -> str:
    """Return the plan for a terminal: what is read in which order and by what, what is erased, what is not reached."""
    lines = [f"{plan.kind.capitalize()}, starting from {_listed(plan.identities)}"]
    into = _into(plan)
    for bond, head in (("own", "What is hers, read in this order"), ("referred", "What hers refers to, shown alone")):
        turns = [turn for turn in plan.turns if turn.bond == bond and turn.members]
        if turns:
            lines += ["", head]
        for turn in turns:
            lines += _turn(turn, into)
    if plan.visits:
        lines += ["", f"What is hers, {'erased' if plan.kind == 'erasure' else 'set right'} in this order"]
        for visit in plan.visits:
            lines += _visit(visit)
    if plan.unreached:
        lines += ["", "Not reached"]
    for gap in plan.unreached:
        lines.append(f"  {gap.address}: {gap.why}")
        lines += [f"{_INDENT}→ {gap.hint}"] if gap.hint else []
    if plan.notes:
        lines += ["", "To know", *(f"  - {note}" for note in plan.notes)]
    return "\n".join(map(_printable, lines)) + "\n"


def as_json(plan: Plan) -> bytes:
    """Return the plan as JSON: collections as `{"dataset": …, "collection": …}`, all else as the words have it."""
    return (json.dumps(asdict(plan), ensure_ascii=False, indent=2) + "\n").encode("utf-8", "replace")


def mermaid(plan: Plan) -> str:
    """Return a flowchart of Mermaid: collections by dataset, what leads to what by which fields."""
    boxes = nodes(plan)
    ids = {address: f"n{at}" for at, address in enumerate(boxes, 1)}
    arrows = list(ways(plan))
    lines = ["flowchart LR"]
    if len(arrows) + len(plan.seeds) > _MOST_ARROWS:
        lines.append(f"  %% {len(arrows) + len(plan.seeds)} arrows; set maxEdges of Mermaid to as many to draw them")
    lines += [f'  i{at}(["{_quoted(kind)}"])' for at, kind in enumerate(plan.identities, 1)]
    by_dataset: defaultdict[str, list[Address]] = defaultdict(list)
    for address in boxes:
        by_dataset[address.dataset].append(address)
    for at, (key, members) in enumerate(by_dataset.items(), 1):
        lines.append(f'  subgraph d{at} ["{_quoted(key)}"]')
        lines += [f'    {ids[address]}["{_quoted(address.collection)}"]:::{boxes[address]}' for address in members]
        lines.append("  end")
    starts = {kind: f"i{at}" for at, kind in enumerate(plan.identities, 1)}
    lines += [f'  {starts[seed.identity]} -->|"{_quoted(seed.field)}"| {ids[seed.address]}' for seed in plan.seeds]
    for (source, target), edges in arrows:
        line = "-.->" if all(edge.way == "up" for edge in edges) else "-->"
        lines.append(f'  {ids[source]} {line}|"{_quoted(fields_of(edges))}"| {ids[target]}')
    lines += [f"  classDef {name} {style}" for name, style in _STYLES.items()]
    return "\n".join(lines) + "\n"


_STYLES = {
    "own": "fill:#def5e5,stroke:#1a7f42,color:#0d2817",
    "referred": "fill:#e0ecfd,stroke:#2563c9,color:#10203f,stroke-dasharray:5 3",
    "unreached": "fill:#f6f7f9,stroke:#566070,color:#1a2230,stroke-dasharray:2 3",
}


def nodes(plan: Plan) -> dict[Address, str]:
    """Return collection → "own", "referred" or "unreached", in the order in which they are first read."""
    found: dict[Address, str] = {}
    for turn in plan.turns:
        for member in turn.members:
            found.setdefault(member, turn.bond)
    for gap in plan.unreached:
        found.setdefault(gap.address, "unreached")
    return found


def ways(plan: Plan) -> Iterator[tuple[tuple[Address, Address], list[Edge]]]:
    """Yield each pair of collections of which one leads to the other, with the edges: those back to where records
    were found from are left out, since every reference would be drawn twice."""
    pairs: defaultdict[tuple[Address, Address], list[Edge]] = defaultdict(list)
    for edge in plan.edges:
        pairs[edge.source, edge.target].append(edge)
    for (source, target), edges in pairs.items():
        back = {(edge.target_field, edge.source_field) for edge in pairs.get((target, source), ()) if edge.way != "up"}
        left = [edge for edge in edges if edge.way != "up" or (edge.source_field, edge.target_field) not in back]
        if left:
            yield (source, target), left


def fields_of(edges: Iterable[Edge]) -> str:
    """Return by which fields records are found, in words."""
    found = [f"{edge.source_field} → {edge.target_field}" for edge in edges]
    return ", ".join(found[:_MOST_WAYS]) + (f" and {len(found) - _MOST_WAYS} more" if len(found) > _MOST_WAYS else "")


def _into(plan: Plan) -> Mapping[tuple[Address, Bond], list[str]]:
    """Return by what each collection is read in its turns."""
    found: defaultdict[tuple[Address, Bond], list[str]] = defaultdict(list)
    read = {(member, turn.bond) for turn in plan.turns for member in turn.members}
    for seed in plan.seeds:
        found[seed.address, "own"].append(f"{seed.field} = her {seed.identity}")
    for edge in plan.edges:
        said = f"{edge.target_field} = {edge.source}.{edge.source_field}"
        for bond in dict.fromkeys(ends for bond, ends in CARRIES[edge.way].items() if (edge.source, bond) in read):
            found[edge.target, bond].append(said)
    return found


def _turn(turn: Turn, into: Mapping[tuple[Address, Bond], list[str]]) -> Iterator[str]:
    for at, member in enumerate(turn.members):
        yield f"  {turn.number + 1 if not at else '':>3}  {member}"
        by = into.get((member, turn.bond), [])
        yield from (f"{_INDENT}by {one}" for one in by[:_MOST_WAYS])
        if len(by) > _MOST_WAYS:
            yield f"{_INDENT}and {len(by) - _MOST_WAYS} more"
    if turn.again:
        yield f"{_INDENT}again and again, until nothing new comes"


def _visit(visit: Visit) -> Iterator[str]:
    yield f"  {visit.dataset}" + (f" (after {_listed(visit.after)})" if visit.after else "")
    for cut in visit.cuts:
        yield f"{_INDENT}first {cut.address.collection}.{cut.field} becomes null where records are deleted"
    yield from (f"  {at:>3}  {address.collection}" for at, address in enumerate(visit.order, 1))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _quoted(text: str) -> str:
    """Return text for a quoted label of Mermaid: unusual signs as codes, so that none is read as markup."""
    return _PLAIN.sub(lambda found: f"#{ord(found[0])};", _printable(text)) or " "
