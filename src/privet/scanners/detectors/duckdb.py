"""DuckDB files by their own catalog, opened read-only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING

from privet.connectors.catalog import duckdb_collection, duckdb_names, duckdb_schemas, quoted
from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed, shown
from privet.scanners.classify import proposals
from privet.scanners.detectors import Detector
from privet.scanners.detectors.sqlite import path_of
from privet.scanners.sample import MOST_CHARACTERS, Samples, capped
from privet.vocabulary.dataset import Collection
from privet.vocabulary.native import look

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


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
    there = duckdb_schemas(database)
    missing = [name for name in ask.schemas if name not in there]
    if missing:
        raise InvalidInput(f"there is no schema `{missing[0]}`")
    return sorted(ask.schemas or there, key=lambda name: (name != "main", name))


def _of_schema(database: DuckDBPyConnection, schema: str, ask: Ask) -> Iterator[Observed]:
    key = ask.dataset(schema, "main")
    for name, comment in duckdb_names(database, schema, views=ask.views):
        if f"{key}.{name}" not in ask.done:
            collection = duckdb_collection(database, schema, name, key, comment)
            samples, note = _samples(database, schema, collection, ask.samples) if ask.samples else ({}, "")
            said = proposals(collection, samples)
            yield Observed(dataset=key, collection=collection, proposals=said, notes=(note,) if note else ())


def _samples(
    database: DuckDBPyConnection, schema: str, collection: Collection, most: int
) -> tuple[dict[str, Samples], str]:
    import duckdb

    looks = {one.name: look(one.native.column_type) for one in collection.fields}
    wanted = [name for name, how in looks.items() if how != "no"]
    if not wanted:
        return {}, ""
    columns = ", ".join(
        f"substr({quoted(name)}, 1, {MOST_CHARACTERS})" if looks[name] == "cut" else quoted(name) for name in wanted
    )
    try:
        table = f"{quoted(schema)}.{quoted(collection.name)}"
        rows = database.execute(f"SELECT {columns} FROM {table} LIMIT {most:d}").fetchall()
    except duckdb.Error:
        return {}, "its values could not be read"
    by_column = zip(*rows, strict=True) if rows else ()
    return {name: capped(values, most) for name, values in zip(wanted, by_column, strict=False)}, ""


PART = Detector(name="duckdb", about="A DuckDB file.", schemes=("duckdb",), scan=scan)
