"""DuckDB files by their own catalog, opened read-only.

Not by SQLAlchemy: its dialect for DuckDB reads PostgreSQL's catalogs, of which DuckDB lacks `pg_collation`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed, shown
from privet.scanners.classify import proposals
from privet.scanners.detectors import Detector
from privet.scanners.detectors.sqlite import path_of
from privet.scanners.sample import MOST_CHARACTERS, Samples, capped
from privet.vocabulary.dataset import Collection, Field, Link, Native
from privet.vocabulary.native import field, look, native

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_HERE = "database_name = current_database() AND NOT internal"
_TABLES = f"SELECT table_name, comment FROM duckdb_tables() WHERE {_HERE} AND schema_name = ? ORDER BY 1"
_VIEWS = f"SELECT view_name, comment FROM duckdb_views() WHERE {_HERE} AND schema_name = ? ORDER BY 1"
_SCHEMAS = f"SELECT DISTINCT schema_name FROM duckdb_tables() WHERE {_HERE} UNION SELECT 'main' ORDER BY 1"
_COLUMNS = (
    f"SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE {_HERE} "
    "AND schema_name = ? AND table_name = ? ORDER BY column_index"
)
_CONSTRAINTS = (
    "SELECT constraint_type, constraint_column_names, referenced_table, referenced_column_names "
    "FROM duckdb_constraints() WHERE database_name = current_database() AND schema_name = ? AND table_name = ? "
    "AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')"
)


def scan(ask: Ask) -> Iterator[Observed]:
    """Yield every table, by schema and name."""
    try:
        import duckdb
    except ModuleNotFoundError:
        hint = "install `privet[duckdb]`"
        raise Unavailable("expected a driver for `duckdb`, which is not installed", hint=hint) from None
    path = path_of(ask.dsn)
    try:
        # What a file's views and defaults name elsewhere (files, URLs) stays out of reach.
        with closing(duckdb.connect(str(path), read_only=True, config={"enable_external_access": False})) as database:
            for schema in _schemas(database, ask):
                yield from _of_schema(database, schema, ask)
    except duckdb.Error:
        hint = "is it a DuckDB file, and does no other process write to it?"
        raise Unavailable(f"the database `{shown(ask.dsn)}` cannot be read", hint=hint) from None


def _schemas(database: DuckDBPyConnection, ask: Ask) -> list[str]:
    there = [name for (name,) in database.execute(_SCHEMAS).fetchall()]
    missing = [name for name in ask.schemas if name not in there]
    if missing:
        raise InvalidInput(f"there is no schema `{missing[0]}`")
    return sorted(ask.schemas or there, key=lambda name: (name != "main", name))


def _of_schema(database: DuckDBPyConnection, schema: str, ask: Ask) -> Iterator[Observed]:
    key = ask.dataset(schema, "main")
    tables = database.execute(_TABLES, [schema]).fetchall()
    if ask.views:
        tables = sorted([*tables, *database.execute(_VIEWS, [schema]).fetchall()])
    for name, comment in tables:
        if f"{key}.{name}" not in ask.done:
            collection = _collection(database, schema, name, key, comment or "")
            samples, note = _samples(database, schema, collection, ask.samples) if ask.samples else ({}, "")
            said = proposals(collection, samples)
            yield Observed(dataset=key, collection=collection, proposals=said, notes=(note,) if note else ())


def _collection(database: DuckDBPyConnection, schema: str, name: str, key: str, comment: str) -> Collection:
    first: set[str] = set()
    links: dict[str, list[Link]] = {}
    for kind, ours, table, theirs in database.execute(_CONSTRAINTS, [schema, name]).fetchall():
        if kind == "PRIMARY KEY":
            first.update(ours)
            continue
        for mine, other in zip(ours, theirs, strict=True):  # DuckDB has no references between schemas
            links.setdefault(mine, []).append(Link(key, f"{table}.{other}", "from"))
    fields = tuple(
        _field(
            column,
            replace(
                native(kind, nullable=bool(nullable), primary_key=column in first), links=tuple(links.get(column, ()))
            ),
            about or "",
        )
        for column, kind, nullable, about in database.execute(_COLUMNS, [schema, name]).fetchall()
    )
    return Collection(name=name, fields=fields, description=" ".join(comment.split()))


def _field(name: str, held: Native, about: str) -> Field:
    inner: tuple[Field, ...] = ()
    if held.column_type.upper().startswith("STRUCT"):
        import duckdb

        kind: Any = duckdb.sqltype(held.column_type)
        while kind.id in ("list", "array"):
            kind = kind.children[0][1]
        inner = tuple(_field(part, native(str(type_)), "") for part, type_ in kind.children)
    return field(name, held, description=about, fields=inner)


def _samples(
    database: DuckDBPyConnection, schema: str, collection: Collection, most: int
) -> tuple[dict[str, Samples], str]:
    import duckdb

    looks = {one.name: look(one.native.column_type) for one in collection.fields}
    wanted = [name for name, how in looks.items() if how != "no"]
    if not wanted:
        return {}, ""
    columns = ", ".join(
        f"substr({_quoted(name)}, 1, {MOST_CHARACTERS})" if looks[name] == "cut" else _quoted(name) for name in wanted
    )
    try:
        table = f"{_quoted(schema)}.{_quoted(collection.name)}"
        rows = database.execute(f"SELECT {columns} FROM {table} LIMIT {most:d}").fetchall()
    except duckdb.Error:
        return {}, "its values could not be read"
    by_column = zip(*rows, strict=True) if rows else ()
    return {name: capped(values, most) for name, values in zip(wanted, by_column, strict=False)}, ""


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


PART = Detector(name="duckdb", about="A DuckDB file.", schemes=("duckdb",), scan=scan)
