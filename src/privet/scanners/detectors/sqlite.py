"""SQLite files by their own catalog, opened read-only."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote

from privet.connectors.catalog import quoted, sqlite_collection, sqlite_names
from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed, shown
from privet.scanners.classify import proposals
from privet.scanners.detectors import Detector
from privet.scanners.sample import MOST_CHARACTERS, Samples, capped
from privet.secret import Secret
from privet.vocabulary.dataset import Collection
from privet.vocabulary.native import look


def scan(ask: Ask) -> Iterator[Observed]:
    """Yield every table, by name."""
    if ask.schemas and set(ask.schemas) != {"main"}:
        raise InvalidInput("a SQLite file has one schema, `main`", at="--schema")
    try:
        with closing(_open(path_of(ask.dsn))) as database:
            key = ask.dataset("main", "main")
            for name in sqlite_names(database, views=ask.views):
                if f"{key}.{name}" not in ask.done:
                    yield _observed(database, name, key, ask)
    except sqlite3.Error:
        hint = "is it a SQLite file, and does no other process write to it?"
        raise Unavailable(f"the database `{shown(ask.dsn)}` cannot be read", hint=hint) from None


def path_of(dsn: Secret[str]) -> Path:
    """Return the file that a DSN names: `sqlite:///relative.db`, `sqlite:////srv/absolute.db`. Raises InvalidInput."""
    rest = unquote(dsn.reveal().partition("://")[2].partition("?")[0])
    name = rest[1:]
    # Before the third slash stands a host or a password, which is not to be told.
    if not name or name == ":memory:" or not rest.startswith("/"):
        raise InvalidInput("expected a file in the DSN", hint="as in `sqlite:///shop.db`, or with four slashes from /")
    if not Path(name).is_file():
        raise InvalidInput(f"there is no file `{name}`")
    return Path(name)


def _open(path: Path) -> sqlite3.Connection:
    # INVARIANT: a scan leaves no file behind and changes none, so no path without mode=ro.
    database = sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=5)
    database.text_factory = lambda raw: raw.decode("utf-8", "replace")
    database.execute("PRAGMA query_only = ON")
    return database


def _observed(database: sqlite3.Connection, name: str, key: str, ask: Ask) -> Observed:
    collection = sqlite_collection(database, name, key)
    samples, note = _samples(database, collection, ask.samples) if ask.samples else ({}, "")
    said = proposals(collection, samples)
    return Observed(dataset=key, collection=collection, proposals=said, notes=(note,) if note else ())


def _samples(database: sqlite3.Connection, collection: Collection, most: int) -> tuple[dict[str, Samples], str]:
    # A column without a type, or of one that the catalog does not know, holds anything, text as a rule.
    wanted = [one.name for one in collection.fields if look(one.native.column_type or "TEXT") != "no"]
    if not wanted:
        return {}, ""
    # Cut only what is text: substr() would make text of numbers, too.
    columns = ", ".join(
        f"CASE typeof({q}) WHEN 'text' THEN substr({q}, 1, {MOST_CHARACTERS}) WHEN 'blob' THEN NULL ELSE {q} END"
        for q in map(quoted, wanted)
    )
    try:
        rows = database.execute(f"SELECT {columns} FROM {quoted(collection.name)} LIMIT {most:d}").fetchall()
    except sqlite3.Error:
        return {}, "its values could not be read"
    by_column = zip(*rows, strict=True) if rows else ()
    return {name: capped(values, most) for name, values in zip(wanted, by_column, strict=False)}, ""


PART = Detector(name="sqlite", about="A SQLite file.", schemes=("sqlite",), scan=scan)
