"""The shelf of reports: forms in which findings are told, one a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from privet.manifest.finding import Finding
from privet.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a report is about. `findings`: in order. `sources`: file → text, to show lines of; a file that is missing
    is not shown. `rules`: rule → what it is about. `set_aside`: how many a baseline set aside. `files`: how many were
    read. `color`: for a terminal."""

    findings: Sequence[Finding]
    version: str
    tool: str = "check"
    sources: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    set_aside: int = 0
    files: int = 0
    color: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One form. `write` returns its whole text, which ends with a line break."""

    name: str
    about: str
    write: Callable[[Told], str]


REPORTS: Shelf[Report] = Shelf("privet.manifest.reports", Report, word="report")
