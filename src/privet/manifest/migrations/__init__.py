"""The shelf of migrations: what the tables will be once a folder's migrations have run, one tool a file.

Files are read, never run. What only a run would tell is a note, and what was foreseen is then `partial`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from privet.codec import Place
from privet.errors import InvalidInput
from privet.manifest.finding import Finding, in_order
from privet.manifest.source.code import Code
from privet.manifest.source.ledger import Ledger
from privet.shelf import Shelf
from privet.vocabulary.dataset import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One tool's migrations. `suffix`: of its files. `fits`: whether files of that suffix are this tool's. `read`:
    carries out what the files do, in their order; the text is the path above the files, for tools that name tables by
    their folders."""

    name: str
    about: str
    suffix: str
    fits: Callable[[Sequence[Code]], bool]
    read: Callable[[Sequence[Code], Ledger, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What will be there. `places`: table, and table and column with a dot, → the line that makes it so, or takes it
    away. `partial`: some of it could not be read, so that what is missing may be there all the same."""

    dataset: Dataset
    places: Mapping[str, Place]
    findings: tuple[Finding, ...] = ()
    partial: bool = False


TOOLS: Shelf[Tool] = Shelf("privet.manifest.migrations", Tool, word="kind of migrations")

_ORDER = ("alembic", "django", "sql")


def observe(files: Sequence[Code], key: str, *, tool: str = "", above: str = "") -> Foreseen:
    """Return the dataset that a folder's migrations make. `tool`: its name, "" to find out. `above`: the path of the
    folder that the names of the files begin in. Raises InvalidInput where no tool's files are among them."""
    names = (tool,) if tool else (*_ORDER, *(name for name in TOOLS.names() if name not in _ORDER))
    for name in names:
        part = TOOLS.get(name)
        mine = [code for code in files if code.file.endswith(part.suffix)]
        if mine and part.fits(mine):
            ledger = Ledger()
            part.read(mine, ledger, above)
            return Foreseen(
                dataset=ledger.dataset(key),
                places=ledger.places(),
                findings=in_order(tuple(ledger.findings)),
                partial=ledger.partial,
            )
    raise InvalidInput(
        "expected migrations of Alembic, Django or SQL, found none",
        hint="name the folder that they stand in, as in `migrations/`",
    )
