"""The record of processing activities of article 30 GDPR as one HTML page without scripts, holes marked.

`ropa_csv` has the same entries for a spreadsheet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from privet.manifest.atlas.record import NOT_DECLARED, Entry, Part, Record, records, titles
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._page import page, shown

_HEADS: tuple[tuple[Part, str, str], ...] = (
    ("controller", "Processing as a controller", "Article 30(1)"),
    ("processor", "Processing on behalf of controllers", "Article 30(2)"),
)


def write(atlas: Atlas) -> bytes:
    """Return the page."""
    found = records(atlas)
    entries = [entry for record in found for entry in record.entries]
    lacking = sum(bool(entry.holes) for entry in entries)
    body = [
        "<header><h1>Record of processing activities</h1>",
        f'<p class="soft">Article 30 GDPR, as manifests declare it. Made {shown(atlas.made[:10])}.</p>',
        f"<p>{len(entries):,} processing activities; {lacking:,} of them lack something that the article asks for.</p>",
        "</header><main>",
        *(_record(record, alone=len(found) == 1) for record in found),
        "</main>",
        '<footer class="soft"><p>What nobody declared is marked; what is declared was not verified. '
        "This is no legal advice.</p></footer>",
    ]
    return page("Record of processing activities", "\n".join(body), styles=("_page.css", "_ropa.css"))


def _record(record: Record, *, alone: bool) -> str:
    name = record.organization.name or record.organization.key
    parts = [f"<section><h2>{shown(name)}</h2>"] if not alone or record.organization.name else ["<section>"]
    pairs = "".join(f"<dt>{shown(title)}</dt><dd{_mark(text)}>{shown(text)}</dd>" for title, text in record.contacts)
    parts.append(f"<h3>Name and contact details: article 30(1)(a), 30(2)(a)</h3>\n<dl>{pairs}</dl>")
    for part, head, article in _HEADS:
        entries = [entry for entry in record.entries if entry.part == part]
        if entries:
            parts.append(f"<h3>{head}: {article}</h3>\n{_table(part, entries)}")
    if record.left_out:
        items = "".join(f"<li>{shown(system)}: {shown(why)}</li>" for system, why in record.left_out)
        parts.append(f"<h3>Systems that are left out</h3>\n<ul>{items}</ul>")
    return "\n".join(parts) + "\n</section>"


def _table(part: Part, entries: Iterable[Entry]) -> str:
    heads = [f"{title} {letter}".strip() for letter, title in titles(part)]
    head = "".join(f'<th scope="col">{shown(title)}</th>' for title in (*heads, "Not declared"))
    lines = "\n".join(_line(heads, entry) for entry in entries)
    return f'<table class="ropa">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n</table>'


def _line(heads: Sequence[str], entry: Entry) -> str:
    first, *cells = entry.cells
    named = "".join(
        f'<td data-title="{shown(title)}"{_mark(cell)}>{shown(cell)}</td>'
        for title, cell in zip(heads[1:], cells, strict=True)
    )
    holes = ", ".join(entry.holes) or "nothing"
    return f'<tr><th scope="row">{shown(first)}</th>{named}<td data-title="Not declared">{shown(holes)}</td></tr>'


def _mark(cell: str) -> str:
    return ' class="hole"' if NOT_DECLARED in cell else ""


PART = Export(name="ropa", about="The record of article 30 GDPR, one page.", suffix=".html", write=write)
