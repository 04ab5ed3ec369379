"""The page of the documentation that the rows are written to: a table a module, the machine, what bounds each row."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import apsw
import numpy as np
from cryptography.hazmat.backends.openssl import backend

from bench import Row, reached

HEAD = """\
# Performance

<!-- Written by `python -m bench --write docs/performance.md`; edit the benchmarks, not this file. -->

Every figure is of one run on one machine.
With a peer, both sides ran in turns in that run, and the ratio is what carries over to other machines.
Most figures count CPU time, because the clock of a shared machine tells more about its other users.
"by the clock" is said where the clock was used.

A goal is the least rate or ratio, or the most seconds or megabytes, that we set ourselves before we measured.
Where a row is short of it, the row says so.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one module."""

    module: ModuleType
    rows: Sequence[Row]


def yardstick() -> float:
    """Return the CPU milliseconds of a loop that is always the same: how fast the machine is now."""
    best = float("inf")
    for _ in range(5):
        start = time.process_time()
        sum(at * at for at in range(300_000))
        best = min(best, time.process_time() - start)
    return best * 1000


def page(sections: Sequence[Section], speed: tuple[float, float]) -> str:
    """Return the page. `speed`: the yardstick before and after the run."""
    parts = [HEAD, "## The machine\n", *(f"- {fact}" for fact in machine(speed)), ""]
    for section in sections:
        if section.rows:
            parts += _section(section)
    return "\n".join(parts).replace("\n\n\n", "\n\n").rstrip() + "\n"


def machine(speed: tuple[float, float]) -> Iterator[str]:
    """Yield what is to be known of the machine, its name left out."""
    yield f"{os.cpu_count()} cores, {_processor()}, {platform.system()} {platform.release().split('-')[0]}"
    yield f"Python {platform.python_version()}, {backend.openssl_version_text()}, SQLite {apsw.sqlite_lib_version()}"
    yield f"numpy {np.__version__}"
    before, after = speed
    yield (
        f"A fixed loop of Python took {before:.1f} ms before the run and {after:.1f} ms after it. "
        "If they differ much, the machine changed its speed in between."
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _section(section: Section) -> Iterator[str]:
    name = section.module.__name__.rpartition(".")[2]
    lines = (section.module.__doc__ or "").strip()
    yield f"## {name}\n"
    yield f"{lines}\n"
    yield "| work | ours | peer | ratio | goal | |"
    yield "|---|--:|--:|--:|--:|---|"
    for row in section.rows:
        verdict = "" if row["goal"] is None else "reached" if reached(row) else "**short**"
        cells = (row["work"], *(_number(row[key]) for key in ("ours", "peer", "ratio")), _goal(row), verdict)
        yield f"| {' | '.join(cells)} |"
    yield from ("", *_notes(section), "")


def _notes(section: Section) -> Iterator[str]:
    bounds: dict[str, str] = getattr(section.module, "BOUNDS", {})
    for start, text in bounds.items():
        fitting = [row for row in section.rows if row["work"].startswith(start)]
        if fitting:
            yield f"- **{start}**: {text}"
    for row in section.rows:
        if "also" in row:
            also = ", ".join(f"{name} {_number(value)}" for name, value in row["also"].items())
            yield f"- {row['work']}: {also}."


def _goal(row: Row) -> str:
    if row["goal"] is None:
        return ""
    if row.get("least"):
        return f"≥ {_number(row['goal'])}"
    return f"≤ {_number(row['goal'])}" if row["ratio"] is None else f"≥ {_number(row['goal'])} ×"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:g}"
