"""The data map as one HTML page: a graph to look at, search, filters and a table. It loads nothing and sends nothing.

Without scripts the graph and the table are still there; the script adds search, filters, zoom and selection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from privet.manifest.atlas.cells import TITLES
from privet.manifest.atlas.graph import node_ids
from privet.manifest.atlas.rows import Row
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._page import page, shown
from privet.manifest.exports._svg import KIND_WORDS, svg
from privet.vocabulary.dataset import every_field

_SHOWN = (
    ("Fides Dataset", "Dataset"),
    ("Purpose of Processing", "Purpose"),
    ("Categories of Individuals", "Individuals"),
    ("Categories of Personal Data (Fides Taxonomy)", "Personal data"),
    ("Categories of Recipients", "Recipients"),
    ("Retention Schedule", "Retention"),
    ("Art. 6 lawful basis", "Lawful basis"),
    ("Third Country Transfers", "Transfers"),
)
"""The columns of the table beside the system: title of the 24, shorter one."""

_FILTERS = (("s", "System"), ("u", "Purpose"), ("c", "Personal data"), ("p", "Individuals"))
_LEGEND = (
    ("about", "data about people"),
    ("uses", "uses a dataset"),
    ("flows", "flows"),
    ("shares", "third parties"),
    ("refers", "refers to"),
    ("derives", "lineage"),
)


def write(atlas: Atlas) -> bytes:
    """Return the page."""
    keys = [_keys(row) for row in atlas.rows]
    body = "\n".join(
        (
            _head(atlas),
            _tools(atlas, {key for found in keys for key in found}),
            '<main><section aria-labelledby="graph-title">',
            '<h2 id="graph-title">Graph</h2>',
            _legend(),
            f'<div id="stage">{svg(atlas.graph)}{_BUTTONS}</div>',
            '<section id="panel" aria-live="polite" hidden></section></section>',
            '<section aria-labelledby="table-title"><h2 id="table-title">Uses of data</h2>',
            '<p id="status" class="soft" role="status"></p>',
            _table(atlas.rows),
            "</section>",
            _lineage(atlas),
            "</main>",
            '<dialog id="details" aria-labelledby="details-title"></dialog>',
            '<footer class="soft"><p>An empty cell: no manifest says it. This is no legal advice.</p></footer>',
        )
    )
    data = {"titles": TITLES, "rows": _rows(atlas, keys), "nodes": _nodes(atlas), "words": KIND_WORDS}
    return page(atlas.title, body, styles=("_page.css", "_map.css"), script="_map.js", data=data)


def _head(atlas: Atlas) -> str:
    counts = (
        (len(atlas.systems), "systems"),
        (sum(len(system.declarations) for system in atlas.systems), "declared uses"),
        (len(atlas.datasets), "datasets"),
        (sum(1 for data in atlas.datasets for table in data.collections for _ in every_field(table.fields)), "fields"),
    )
    said = ", ".join(f"{count:,} {word}" for count, word in counts)
    return (
        f'<header><a class="skip" href="#table-title">To the table</a><h1>{shown(atlas.title)}</h1>'
        f'<p class="soft">{said}. Made {shown(atlas.made[:10])}.</p></header>'
    )


def _tools(atlas: Atlas, keys: set[str]) -> str:
    parts = ['<form id="tools" role="search" hidden>']
    parts.append('<label>Search<input id="search" type="search" autocomplete="off" spellcheck="false"></label>')
    for letter, title in _FILTERS:
        found = sorted(key[2:] for key in keys if key.startswith(f"{letter}:"))
        options = "".join(
            f'<option value="{letter}:{shown(key)}">{shown(_option(atlas, letter, key))}</option>' for key in found
        )
        parts.append(f'<label>{title}<select data-filter><option value="">all</option>{options}</select></label>')
    parts.append('<button type="reset">Show all</button></form>')
    return "".join(parts)


def _option(atlas: Atlas, letter: str, key: str) -> str:
    return atlas.names.titled("system", key) if letter == "s" else atlas.names.label(key)


_BUTTONS = (
    '<div id="zoom" hidden><button type="button" data-zoom="in" aria-label="Zoom in">+</button>'
    '<button type="button" data-zoom="out" aria-label="Zoom out">\N{MINUS SIGN}</button>'
    '<button type="button" data-zoom="fit">Fit</button></div>'
)


def _legend() -> str:
    items = "".join(
        f'<li><svg width="34" height="10" aria-hidden="true"><path class="arc {kind}" d="M1 5H33"/></svg>{word}</li>'
        for kind, word in _LEGEND
    )
    return (
        f'<ul class="legend">{items}<li><svg width="18" height="12" aria-hidden="true" class="node outside">'
        '<rect x="1" y="1" width="16" height="10" rx="3"/></svg>not declared</li></ul>'
    )


def _table(rows: Iterable[Row]) -> str:
    titles = "".join(f'<th scope="col">{title}</th>' for title in ("System", *(short for _, short in _SHOWN)))
    lines = "\n".join(_line(number, row) for number, row in enumerate(rows))
    return f'<table id="rows">\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>'


def _line(number: int, row: Row) -> str:
    system = row.cell("Fides System") or "no system"
    cells = "".join(_cell(short, row.cell(title)) for title, short in _SHOWN)
    return (
        f'<tr><th scope="row"><button type="button" data-row="{number}" title="Show all columns">'
        f"{shown(system)}</button></th>{cells}</tr>"
    )


def _cell(title: str, text: str) -> str:
    if not text:
        return '<td class="empty"></td>'
    return f'<td data-title="{title}">{shown(text)}</td>'


def _lineage(atlas: Atlas) -> str:
    edges = [edge for edge in atlas.lineage.edges if edge.source.field or edge.target.field]
    if not edges:
        return ""
    lines = "\n".join(
        f'<tr><td data-title="From">{shown(str(edge.source))}</td><td data-title="To">{shown(str(edge.target))}</td>'
        f'<td data-title="How">{_how(direct=edge.direct, masked=edge.masked)}</td>'
        f'<td data-title="Job">{shown(edge.job)}</td></tr>'
        for edge in edges
    )
    head = "".join(f'<th scope="col">{title}</th>' for title in ("From", "To", "How", "Job"))
    return (
        '<section aria-labelledby="lineage-title"><h2 id="lineage-title">Lineage of columns</h2>\n'
        f'<table id="lineage"><thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></section>'
    )


def _how(*, direct: bool, masked: bool) -> str:
    return ("value" if direct else "influence") + (", masked" if masked else "")


# --- data of the script -----------------------------------------------------------------------------------------


def _keys(row: Row) -> list[str]:
    """Return what filters find a row by: its keys, and those above them."""
    use = row.use
    found = [f"s:{use.system.key}"] if use.system else []
    found += [f"u:{key}" for key in (_chain(use.declaration.use) if use.declaration else ())]
    found += [f"c:{key}" for label in use.categories for key in _chain(label)]
    found += [f"p:{key}" for key in use.subjects]
    return list(dict.fromkeys(found))


def _chain(key: str) -> Iterator[str]:
    parts = key.split(".")
    for end in range(1, len(parts) + 1):
        yield ".".join(parts[:end])


def _rows(atlas: Atlas, keys: list[list[str]]) -> list[dict[str, Any]]:
    at = {node.id: number for number, node in enumerate(atlas.graph.nodes)}
    return [
        {"k": found, "n": [at[node] for node in node_ids(row.use)], "c": row.cells}
        for row, found in zip(atlas.rows, keys, strict=True)
    ]


def _nodes(atlas: Atlas) -> list[dict[str, Any]]:
    datasets = {dataset.key: dataset for dataset in atlas.datasets}
    found: list[dict[str, Any]] = []
    for node in atlas.graph.nodes:
        said: dict[str, Any] = {"kind": node.kind, "key": node.key, "name": node.name, "about": node.about}
        dataset = datasets.get(node.key) if node.kind == "dataset" else None
        if dataset is not None:
            said["fields"] = [
                [f"{table.name}.{path}", atlas.names.labels(field.labels)]
                for table in dataset.collections
                for path, field in every_field(table.fields)
            ]
        found.append(said)
    return found


PART = Export(name="html", about="One page: graph, search, filters, table.", suffix=".html", write=write)
