"""The record of processing activities of article 30 GDPR as CSV: an entry a row, both parts under the same titles."""

from __future__ import annotations

from collections.abc import Iterator

from privet.manifest.atlas.record import CONTROLLER, PROCESSOR, Record, records, titles
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._cells import sheet

_HEAD = ("Article", "Organization", "Representative", "Data protection officer")
_TITLES = tuple(dict.fromkeys(title for _, title in (*CONTROLLER, *PROCESSOR)))


def write(atlas: Atlas) -> bytes:
    """Return the entries. A cell is empty where its part of the article does not ask for it."""
    lines = (line for record in records(atlas) for line in _lines(record))
    return sheet((*_HEAD, *_TITLES, "Not declared"), lines)


def _lines(record: Record) -> Iterator[tuple[str, ...]]:
    contacts = tuple(text for _, text in record.contacts)
    for entry in record.entries:
        article = "30(1)" if entry.part == "controller" else "30(2)"
        cells = dict(zip((title for _, title in titles(entry.part)), entry.cells, strict=True))
        yield (article, *contacts, *(cells.get(title, "") for title in _TITLES), ", ".join(entry.holes))


PART = Export(name="ropa_csv", about="The same record, for any spreadsheet.", suffix=".csv", write=write)
