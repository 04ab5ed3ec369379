"""Migrations as files of SQL in the natural order of their names: plain, Flyway, dbmate, goose, sql-migrate."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from privet.manifest.migrations import Tool
from privet.manifest.source import ddl
from privet.manifest.source.code import Code
from privet.manifest.source.ledger import Ledger

# Flyway's undo scripts; what others call the way back.
_BACK = re.compile(r"U[0-9][0-9._]*__|.*(?:[._-]|^)(?:down|undo|rollback|revert)\.sql$", re.I)
_MARK = re.compile(r"[ \t]*--[ \t]*(?:migrate:|\+goose[ \t]+|\+migrate[ \t]+)(up|down)\b", re.I)
_NUMBER = re.compile(r"([0-9]+)")


def fits(files: Sequence[Code]) -> bool:
    """Return whether these may be migrations: every file of SQL may."""
    return bool(files)


def read(files: Sequence[Code], ledger: Ledger, above: str) -> None:
    """Carry out the way forth of every file."""
    for code in sorted(files, key=lambda code: _order(code.file)):
        if not _BACK.match(PurePosixPath(code.file).name):
            ddl.apply(ledger, Code(code.file, forth(code.text)))


def forth(text: str) -> str:
    """Return a text with the lines of its way back blank, so that the others keep their numbers.

    >>> forth("-- migrate:up\\nCREATE TABLE a (b INT);\\n-- migrate:down\\nDROP TABLE a;")
    '-- migrate:up\\nCREATE TABLE a (b INT);\\n\\n'
    """
    back = False
    lines = []
    for line in text.split("\n"):
        mark = _MARK.match(line)
        if mark is not None:
            back = mark[1].lower() == "down"
        # Lines of psql's own (`\connect`, `\restrict`) are no SQL.
        lines.append("" if back or line.startswith("\\") else line)
    return "\n".join(lines)


def _order(file: str) -> tuple[object, ...]:
    """Return what files sort by: folder, Flyway's repeatable ones last, then numbers as numbers."""
    path = PurePosixPath(file)
    folder = tuple(_natural(part) for part in path.parts[:-1])
    return folder, path.name.startswith("R__"), _natural(path.name)


def _natural(name: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        (0, int(part), "") if part.isdecimal() else (1, 0, part.lower()) for part in _NUMBER.split(name) if part
    )


PART = Tool(name="sql", about="Files of SQL in the order of their names", suffix=".sql", fits=fits, read=read)
