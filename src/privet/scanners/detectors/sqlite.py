"""SQLite files by their own catalog, opened read-only.

Not by SQLAlchemy: its reflection searches the whole catalog anew for each table, which takes hours at 100,000 tables.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote, unquote

from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed, shown
from privet.scanners.classify import proposals
from privet.scanners.detectors import Detector
from privet.scanners.sample import MOST_CHARACTERS, Samples, capped
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Link
from privet.vocabulary.native import field, look, native

_HIDDEN = 1  # of a virtual table; generated columns (2, 3) are columns
# Tables that belong to virtual ones hold what those show.
_NAMES = (
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ({}) AND name NOT LIKE 'sqlite\\_%' "
    "ESCAPE '\\' ORDER BY name"
)


def scan(ask: Ask) -> Iterator[Observed]:
    """Yield every table, by name."""
    if ask.schemas and set(ask.schemas) != {"main"}:
        raise InvalidInput("a SQLite file has one schema, `main`", at="--schema")
    try:
        with closing(_open(path_of(ask.dsn))) as database:
            key = ask.dataset("main", "main")
            for name in _names(database, views=ask.views):
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


def _names(database: sqlite3.Connection, *, views: bool) -> list[str]:
    kinds = "'table', 'virtual', 'view'" if views else "'table', 'virtual'"
    return [name for (name,) in database.execute(_NAMES.format(kinds))]


def _observed(database: sqlite3.Connection, name: str, key: str, ask: Ask) -> Observed:
    links = _links(database, name, key)
    fields = tuple(
        field(
            column,
            replace(
                native(kind, nullable=not (required or first), primary_key=bool(first)),
                links=links.get(column.casefold(), ()),
            ),
        )
        for _, column, kind, required, _, first, hidden in database.execute(f"PRAGMA table_xinfo({_quoted(name)})")
        if hidden != _HIDDEN
    )
    collection = Collection(name=name, fields=fields)
    samples, note = _samples(database, collection, ask.samples) if ask.samples else ({}, "")
    said = proposals(collection, samples)
    return Observed(dataset=key, collection=collection, proposals=said, notes=(note,) if note else ())


def _links(database: sqlite3.Connection, name: str, key: str) -> dict[str, tuple[Link, ...]]:
    """Return column, in one case, → its references."""
    found: dict[str, tuple[Link, ...]] = {}
    rows = database.execute(f"PRAGMA foreign_key_list({_quoted(name)})").fetchall()
    for _, at, table, ours, theirs, *_ in rows:
        target = theirs or _primary(database, table, at)  # a reference without columns means the primary key
        if target:
            links = found.get(ours.casefold(), ())
            found[ours.casefold()] = (*links, Link(key, f"{table}.{target}", "from"))
    return found


def _primary(database: sqlite3.Connection, table: str, at: int) -> str:
    rows = database.execute(f"PRAGMA table_info({_quoted(table)})")
    keys = sorted((first, column) for _, column, _, _, _, first in rows if first)
    return str(keys[at][1]) if at < len(keys) else ""


def _samples(database: sqlite3.Connection, collection: Collection, most: int) -> tuple[dict[str, Samples], str]:
    # A column without a type, or of one that the catalog does not know, holds anything, text as a rule.
    wanted = [one.name for one in collection.fields if look(one.native.column_type or "TEXT") != "no"]
    if not wanted:
        return {}, ""
    # Cut only what is text: substr() would make text of numbers, too.
    columns = ", ".join(
        f"CASE typeof({q}) WHEN 'text' THEN substr({q}, 1, {MOST_CHARACTERS}) WHEN 'blob' THEN NULL ELSE {q} END"
        for q in map(_quoted, wanted)
    )
    try:
        rows = database.execute(f"SELECT {columns} FROM {_quoted(collection.name)} LIMIT {most:d}").fetchall()
    except sqlite3.Error:
        return {}, "its values could not be read"
    by_column = zip(*rows, strict=True) if rows else ()
    return {name: capped(values, most) for name, values in zip(wanted, by_column, strict=False)}, ""


def _quoted(name: str) -> str:
    return '"' + re.sub('"', '""', name) + '"'


PART = Detector(name="sqlite", about="A SQLite file.", schemes=("sqlite",), scan=scan)
