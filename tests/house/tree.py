"""What the house tests read: files, syntax trees, shelves."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "privet"


@dataclass(frozen=True)
class Shelf:
    """A shelf as the source declares it."""

    package: str
    dotted: bool

    @property
    def folder(self) -> Path:
        return ROOT / "src" / Path(*self.package.split("."))


def python_files() -> list[Path]:
    """Return every Python file of ours, generated ones and environments left out."""
    return [path for top in ("src", "tests", "bench", "docs") for path in sorted((ROOT / top).rglob("*.py"))]


@cache
def syntax(path: Path) -> ast.Module:
    """Return the tree of a file."""
    return ast.parse(path.read_text(), str(path))


def known_files() -> list[Path]:
    """Return the files that a commit would hold: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    paths = [ROOT / name.decode() for name in listed.split(b"\0") if name]
    return [path for path in paths if path.is_file()]


def _shelves() -> Iterator[Shelf]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(syntax(path)) if "Shelf(" in path.read_text() else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).split("[")[0] == "Shelf" and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant):
                    dotted = any(k.arg == "dotted" and ast.unparse(k.value) == "True" for k in node.keywords)
                    yield Shelf(str(first.value), dotted)


SHELVES = tuple(_shelves())
