"""The data map as a workbook of Excel (ECMA-376): sheets of rows, systems and fields. No cell is a formula or a link.

Cells are written as texts, by type, so that none needs an apostrophe. What is longer than a cell of Excel holds (32,767
characters) ends with an ellipsis.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

from privet.manifest.atlas.cells import TITLES
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._cells import printable
from privet.manifest.exports._fields import FIELD_TITLES, SYSTEM_TITLES, fields, systems

_MOST = 32_767
_MOST_ROWS = 1_048_576
_OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_NARROW, _WIDE = 12, 48


def write(atlas: Atlas) -> bytes:
    """Return the workbook. Its time of making is the map's, so that the same map gives the same bytes."""
    out = io.BytesIO()
    book: Any = import_module("xlsxwriter").Workbook(out, _OPTIONS)  # here, for it is slow to import
    made = datetime.fromisoformat(atlas.made).astimezone(UTC).replace(tzinfo=None)
    book.set_properties({"title": atlas.title, "created": made})
    head = book.add_format({"bold": True, "text_wrap": True, "valign": "top", "bg_color": "#E7ECF3", "bottom": 1})
    body = book.add_format({"text_wrap": True, "valign": "top"})
    _sheet(book.add_worksheet("Data map"), (head, body), TITLES, [row.cells for row in atlas.rows])
    _sheet(book.add_worksheet("Systems"), (head, body), SYSTEM_TITLES, list(systems(atlas)))
    _sheet(book.add_worksheet("Fields"), (head, body), FIELD_TITLES, list(fields(atlas))[: _MOST_ROWS - 1])
    book.close()
    return out.getvalue()


def _sheet(page: Any, formats: tuple[Any, Any], titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    head, body = formats
    page.freeze_panes(1, 1)
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    for at, title in enumerate(titles):
        page.set_column(at, at, _width(title, (line[at] for line in lines)))
        page.write_string(0, at, title, head)
    for number, line in enumerate(lines, 1):
        for at, cell in enumerate(line):
            if cell:
                page.write_string(number, at, _fit(printable(cell)), body)
            else:
                page.write_blank(number, at, None, body)
    page.autofilter(0, 0, max(len(lines), 1), len(titles) - 1)


def _width(title: str, cells: Iterable[str]) -> int:
    longest = max((len(part) for cell in cells for part in cell.split("; ")), default=0)
    return min(max(longest + 2, _NARROW, len(title) // 2 + 4), _WIDE)


def _fit(cell: str) -> str:
    return cell if len(cell) <= _MOST else cell[: _MOST - 1] + "…"


PART = Export(
    name="xlsx", about="A workbook: the 24 columns, systems, fields.", suffix=".xlsx", binary=True, write=write
)
