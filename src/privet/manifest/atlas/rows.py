"""Rows of the data map: one for each use of a dataset by a system, in words under the columns of `cells`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from privet.manifest.atlas.cells import COLUMNS, TITLES, Use
from privet.manifest.atlas.names import Names
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row: what it is about, and its cells in the order of COLUMNS."""

    use: Use
    cells: tuple[str, ...]

    def cell(self, title: str) -> str:
        """Return the cell under a title."""
        return self.cells[TITLES.index(title)]


def rows(names: Names, systems: Sequence[System], datasets: Sequence[Dataset]) -> tuple[Row, ...]:
    """Return the rows of systems by key, their declarations and datasets as they stand, then of unused datasets."""
    return tuple(row_of(use) for use in _uses(names, systems, datasets))


def row_of(use: Use) -> Row:
    """Return the row of one use."""
    return Row(use=use, cells=tuple(column.read(use) for column in COLUMNS))


def _uses(names: Names, systems: Sequence[System], datasets: Sequence[Dataset]) -> Iterator[Use]:
    known = {dataset.key: dataset for dataset in datasets}
    used: set[str] = set()
    for system in sorted(systems, key=lambda system: system.key):
        declared = {key for declaration in system.declarations for key in declaration.datasets}
        held = [key for key in system.datasets if key not in declared]
        used.update(declared, held)
        for declaration in system.declarations:
            for key in declaration.datasets or ("",):
                yield Use(names=names, system=system, declaration=declaration, dataset=known.get(key), dataset_key=key)
        for key in held if held or system.declarations else [""]:
            yield Use(names=names, system=system, dataset=known.get(key), dataset_key=key)
    for key in sorted(known.keys() - used):
        yield Use(names=names, dataset=known[key], dataset_key=key)
