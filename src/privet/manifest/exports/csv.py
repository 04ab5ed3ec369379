"""The data map as CSV: the 24 columns that compliance teams know, a row for each use of a dataset by a system."""

from __future__ import annotations

from privet.manifest.atlas.cells import TITLES
from privet.manifest.atlas.whole import Atlas
from privet.manifest.exports import Export
from privet.manifest.exports._cells import sheet


def write(atlas: Atlas) -> bytes:
    """Return the rows; cells that a spreadsheet would take for a formula begin with an apostrophe."""
    return sheet(TITLES, (row.cells for row in atlas.rows))


PART = Export(name="csv", about="The 24 columns, for any spreadsheet.", suffix=".csv", write=write)
