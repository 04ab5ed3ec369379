"""`python -m bench [--quick] [--write FILE] [NAME ...]`: every benchmark, or the named ones.

A JSON line a row on stdout, the verdict on stderr. `--write`: put the rows, the machine and what bounds each row into
a page of the documentation as well. `--quick`: little work, for those that can, to see that they still run.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import bench
from bench._page import Section, page, yardstick


def main(argv: Sequence[str]) -> int:
    """Run the benchmarks and return the exit code: 0, or 2 for a name that does not exist."""
    known = sorted(info.name for info in pkgutil.iter_modules(bench.__path__) if not info.name.startswith("_"))
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="little work, for those that can")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the page of the documentation")
    given = parser.parse_args(argv)
    unknown = [name for name in given.names if name not in known]
    if unknown:
        print(f"bench: expected one of {', '.join(known)}", file=sys.stderr)
        return 2
    before = yardstick()
    sections = []
    for name in given.names or known:
        module = importlib.import_module(f"bench.{name}")
        if not hasattr(module, "rows"):
            continue  # a program of its own, which makes data or shows the product
        if given.quick and "quick" not in inspect.signature(module.rows).parameters:
            print(f"left  {name}: has no quick way", file=sys.stderr)
            continue
        sections.append(Section(module, tuple(_printed(module, quick=given.quick))))
    if given.write is not None:
        given.write.write_text(page(sections, (before, yardstick())), encoding="utf-8")
    return 0


def _printed(module: ModuleType, *, quick: bool) -> Iterator[bench.Row]:
    for row in module.rows(quick=True) if quick else module.rows():
        print(json.dumps(row), flush=True)
        print(f"{'ok' if bench.reached(row) else 'short':5} {row['work']}", file=sys.stderr, flush=True)
        yield row


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
