"""`python -m bench`: every benchmark, or the named ones; a JSON line a row on stdout, the verdict on stderr."""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys

import bench


def main(names: list[str]) -> int:
    """Run the benchmarks and return the exit code: 0, or 2 for a name that does not exist."""
    known = sorted(info.name for info in pkgutil.iter_modules(bench.__path__) if not info.name.startswith("_"))
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"bench: expected one of {', '.join(known)}", file=sys.stderr)
        return 2
    for name in names or known:
        rows = getattr(importlib.import_module(f"bench.{name}"), "rows", None)
        for row in rows() if rows else ():
            print(json.dumps(row), flush=True)
            print(f"{'ok' if bench.reached(row) else 'short':5} {row['work']}", file=sys.stderr, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
