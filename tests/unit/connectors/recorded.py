"""A driver that runs nothing: it writes down what it is told, and gives a catalog."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CATALOG = {
    "people": {
        "id": ("int", "NUMBER", "INT64"),
        "email": ("varchar", "VARCHAR2", "STRING"),
        "name": ("nvarchar", "VARCHAR2", "STRING"),
        "born": ("date", "DATE", "DATE"),
        "active": ("bit", "NUMBER", "BOOL"),
    },
    "visits": {
        "person": ("int", "NUMBER", "INT64"),
        "day": ("date", "DATE", "DATE"),
        "note": ("text", "CLOB", "STRING"),
    },
}
CATALOGS = ("_schema", "all_tab_columns", "pg_attribute", "sqlite_master", "duckdb_columns")


class Recorded:
    """A connection. `said`: each statement with its values, one line each."""

    def __init__(self, style: int) -> None:
        self.style = style
        self.said: list[str] = []

    def cursor(self, *_: object, **__: object) -> Cursor:
        return Cursor(self)

    def commit(self) -> None:
        self.said.append("(commit)")

    def rollback(self) -> None:
        self.said.append("(rollback)")

    def close(self) -> None:
        self.said.append("(close)")


class Cursor:
    """A cursor of such a connection, which finds no records but those of the catalog."""

    rowcount = 1

    def __init__(self, raw: Recorded) -> None:
        self._raw = raw
        self._rows: list[tuple[str, str, str]] = []

    def execute(self, text: str, values: Sequence[Any] = ()) -> None:
        self._raw.said.append(f"{text}  <- {list(values)!r}" if values else text)
        self._rows = []
        table = next((name for name in CATALOG if any(name in str(value) for value in values)), "")
        if any(sign in text.lower() for sign in CATALOGS):
            self._rows = [(table, name, kinds[self._raw.style]) for name, kinds in CATALOG.get(table, {}).items()]

    def executemany(self, text: str, rows: Sequence[Sequence[Any]]) -> None:
        self._raw.said.append(f"{text}  <- {[list(row) for row in rows]!r}")

    def fetchone(self) -> tuple[int]:
        return (1,)

    def fetchall(self) -> list[tuple[str, str, str]]:
        return self._rows

    def fetchmany(self, _: int) -> list[tuple[str, str, str]]:
        return []

    def close(self) -> None:
        """Nothing is held."""
