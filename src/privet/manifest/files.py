"""Which files hold manifests: YAML and policies below the paths that were named. `load` reads what they say."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from privet.codec import Place
from privet.manifest.finding import Finding

YAML = (".yml", ".yaml")
POLICY = ".policy"
LARGEST_BYTES = 10_000_000

# Folders of tools, full of files that nobody here wrote.
_SKIPPED = frozenset(
    {
        ".git",
        ".hg",
        ".mypy_cache",
        ".nox",
        ".pytest_cache",
        ".ruff_cache",
        ".svn",
        ".terraform",
        ".tox",
        ".venv",
        "__pycache__",
        "node_modules",
        "site-packages",
        "venv",
    }
)


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read. `name`: as findings show it. `named`: somebody named it, rather than a folder above it."""

    path: Path
    name: str
    named: bool

    @property
    def is_policy(self) -> bool:
        return self.path.suffix == POLICY


def sources(paths: Sequence[Path], *, root: Path) -> tuple[list[Source], list[Finding]]:
    """Return the files at and below `paths`, each once, by name within each path; and what could not be looked at.

    Hidden folders are looked into as well; those of tools (`.git`, `node_modules`, …) are not, unless they are named.
    """
    found: dict[tuple[int, int], Source] = {}
    findings = []
    for path in paths:
        folder = path.is_dir()
        closed: list[str] = []
        entries = [(each, not folder) for each in (below(path, (*YAML, POLICY), closed) if folder else (path,))]
        findings += [unopened(each, root) for each in closed]
        for each, named in entries:
            try:
                status = each.stat()
            except OSError:
                findings.append(unreadable(shown(each, root), "expected a file or folder that can be read"))
                continue
            if stat.S_ISREG(status.st_mode):
                found.setdefault((status.st_dev, status.st_ino), Source(each, shown(each, root), named))
            elif named:
                findings.append(unreadable(shown(each, root), "expected a file or a folder"))
    return list(found.values()), findings


def stood_below(name: str, paths: Sequence[Path], *, root: Path) -> bool:
    """Return whether a file that is gone would be read with these paths. `name`: its path from `root`."""
    full = Path(os.path.abspath(root / name))
    if full.suffix not in (*YAML, POLICY):
        return False
    tops = (Path(os.path.abspath(path)) for path in paths)
    return any(full.is_relative_to(top) and _SKIPPED.isdisjoint(full.relative_to(top).parts) for top in tops)


def shown(path: Path, root: Path) -> str:
    """Return a path as findings show it: from `root` on where it stands below."""
    full = Path(os.path.abspath(path))
    base = Path(os.path.abspath(root))
    return full.relative_to(base).as_posix() if full.is_relative_to(base) else path.as_posix()


def read(source: Source) -> str | Finding:
    """Return the text of a file, or why it cannot be read. Nothing that could hang, as a pipe does."""
    if source.name != _in_utf8(source.name):
        return unreadable(source.name, "expected a path in UTF-8", "rename it")
    try:
        # Without a wait: opening a pipe would last until somebody writes to it.
        with open(os.open(source.path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return unreadable(source.name, "expected a file")
            body = file.read(LARGEST_BYTES + 1)
    except OSError:
        return unreadable(source.name, "expected a file that can be read")
    if len(body) > LARGEST_BYTES:
        return unreadable(source.name, f"expected a file of at most {LARGEST_BYTES // 10**6} MB", "split it up")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        place = Place(source.name, line, column)
        return unreadable(source.name, "expected text in UTF-8", "save it as UTF-8", place)


def unreadable(name: str, message: str, hint: str = "", at: Place | None = None) -> Finding:
    """Return the finding about a file or folder that says nothing to us."""
    name = _in_utf8(name)
    return Finding(
        rule="unreadable-file",
        severity="error",
        subject=f"file {name}",
        message=message,
        at=at or Place(name, 1, 1),
        hint=hint,
    )


def _in_utf8(name: str) -> str:
    """Return a path with what is no UTF-8 replaced: Python holds such bytes as halves of characters."""
    return name.encode("utf-8", "replace").decode()


def unopened(folder: str, root: Path) -> Finding:
    """Return the finding about a folder that cannot be looked into."""
    return unreadable(shown(Path(folder), root), "expected a folder that can be looked into")


def below(folder: Path, suffixes: tuple[str, ...], closed: list[str]) -> Iterator[Path]:
    """Yield what stands below a folder under names that end so, by name; folders of tools are left out.

    `closed`: takes the folders that cannot be looked into.
    """
    seen: set[tuple[int, int]] = set()

    def note(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # gone meanwhile
            closed.append(str(error.filename))

    for above, folders, files in os.walk(folder, followlinks=True, onerror=note):
        status = os.stat(above)
        if (status.st_dev, status.st_ino) in seen:  # a link to a folder above it, or to one that was looked at
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if name not in _SKIPPED)
        yield from (Path(above, name) for name in sorted(files) if name.endswith(suffixes))
