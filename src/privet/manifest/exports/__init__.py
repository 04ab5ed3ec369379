"""The shelf of exports: the forms in which a data map is written, one a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from privet.manifest.atlas.whole import Atlas
from privet.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One form. `about`: what it is, for people. `suffix`: how the names of its files end. `binary`: it is no text, and
    has no place on a terminal. `write`: a map → the bytes of the file; the same map gives the same bytes.
    """

    name: str
    about: str
    suffix: str
    binary: bool = False
    write: Callable[[Atlas], bytes]


EXPORTS: Shelf[Export] = Shelf("privet.manifest.exports", Export, word="form of a data map")
