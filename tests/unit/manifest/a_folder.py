"""A folder of migrations, and what a real SQLite file holds once they have run: the oracle of what is foreseen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from privet.manifest.migrations import Foreseen, observe
from privet.manifest.source.code import Code
from privet.scanners.base import Ask
from privet.scanners.detectors import detector_of
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset

TOOLS_OWN = {"alembic_version", "django_migrations"}


def foresee(folder: Path, suffix: str, *, tool: str = "") -> Foreseen:
    """Return what a folder's files make."""
    files = [
        Code(path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8"))
        for path in sorted(folder.rglob(f"*{suffix}"))
    ]
    return observe(files, "shop", tool=tool, above=folder.as_posix())


def told(foreseen: Foreseen) -> list[str]:
    """Return the notes, as place and message."""
    return [f"{note.at.file}:{note.at.line} {note.message}" for note in foreseen.findings]


def scanned(file: Path) -> list[Collection]:
    """Return the tables that a SQLite file has."""
    dsn = Secret(f"sqlite:///{file}")
    seen = [one.collection for one in detector_of(dsn).scan(Ask(dsn=dsn, key="shop"))]
    return [collection for collection in seen if collection.name not in TOOLS_OWN]


def facts(tables: list[Collection] | Dataset, *, types: bool = True) -> dict[str, dict[str, tuple[object, ...]]]:
    """Return table → column → what both sides can know: kind of value, emptiness, primary key, references."""
    collections = tables.collections if isinstance(tables, Dataset) else tables
    return {
        table.name: {
            field.name: (
                field.native.data_type if types else "",
                field.native.length if types else None,
                field.native.nullable,
                field.native.primary_key,
                tuple(sorted((link.dataset, link.field) for link in field.native.links)),
            )
            for field in table.fields
        }
        for table in sorted(collections, key=lambda table: table.name)
    }


def run_python(folder: Path, text: str) -> str:
    """Run a program in a folder, away from this process. Returns what it prints."""
    done = subprocess.run([sys.executable, "-c", text], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
