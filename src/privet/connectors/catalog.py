"""What databases say of themselves: tables as collections, columns as fields, keys and references.

Reads catalogs alone, never a record. Callers bring an open connection, and say which dataset a schema belongs to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from privet.vocabulary.dataset import Collection, Field, Link, Native
from privet.vocabulary.native import field, native

if TYPE_CHECKING:
    from sqlite3 import Connection as SqliteConnection

    from duckdb import DuckDBPyConnection
    from sqlalchemy import Connection

SYSTEM_SCHEMAS = frozenset({"information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys"})

Keyed = Callable[[str], str]
"""Schema → key of its dataset."""


def quoted(name: str) -> str:
    """Return a name as it stands in a statement of standard SQL.

    >>> quoted('no 1')
    '"no 1"'
    """
    return '"' + name.replace('"', '""') + '"'


# --- SQLite ---------------------------------------------------------------------------------------------------

_HIDDEN = 1  # of a virtual table; generated columns (2, 3) are columns
# Tables that belong to virtual ones hold what those show.
_NAMES = (
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ({}) AND name NOT LIKE 'sqlite\\_%' "
    "ESCAPE '\\' ORDER BY name"
)


def sqlite_names(database: SqliteConnection, *, views: bool = False) -> list[str]:
    """Return the names of the tables of a SQLite file, sorted."""
    kinds = "'table', 'virtual', 'view'" if views else "'table', 'virtual'"
    return [name for (name,) in database.execute(_NAMES.format(kinds)).fetchall()]


def sqlite_collection(database: SqliteConnection, name: str, key: str) -> Collection:
    """Return a table of a SQLite file. `key`: of its dataset.

    Not by SQLAlchemy: its reflection searches the whole catalog anew for each table, which takes hours at 100,000.
    """
    links = _sqlite_links(database, name, key)
    fields = tuple(
        field(
            column,
            replace(
                native(kind, nullable=not (required or first), primary_key=bool(first)),
                links=links.get(column.casefold(), ()),
            ),
        )
        for _, column, kind, required, _, first, hidden in database.execute(f"PRAGMA table_xinfo({quoted(name)})")
        if hidden != _HIDDEN
    )
    return Collection(name=name, fields=fields)


def _sqlite_links(database: SqliteConnection, name: str, key: str) -> dict[str, tuple[Link, ...]]:
    """Return column, in one case, → its references."""
    found: dict[str, tuple[Link, ...]] = {}
    rows = database.execute(f"PRAGMA foreign_key_list({quoted(name)})").fetchall()
    for _, at, table, ours, theirs, *_ in rows:
        target = theirs or _sqlite_primary(database, table, at)  # a reference without columns means the primary key
        if target:
            links = found.get(ours.casefold(), ())
            found[ours.casefold()] = (*links, Link(key, f"{table}.{target}", "from"))
    return found


def _sqlite_primary(database: SqliteConnection, table: str, at: int) -> str:
    rows = database.execute(f"PRAGMA table_info({quoted(table)})")
    keys = sorted((first, column) for _, column, _, _, _, first in rows if first)
    return str(keys[at][1]) if at < len(keys) else ""


# --- DuckDB ---------------------------------------------------------------------------------------------------

_HERE = "database_name = current_database() AND NOT internal"
_DUCK_TABLES = f"SELECT table_name, comment FROM duckdb_tables() WHERE {_HERE} AND schema_name = ? ORDER BY 1"
_DUCK_VIEWS = f"SELECT view_name, comment FROM duckdb_views() WHERE {_HERE} AND schema_name = ? ORDER BY 1"
_DUCK_SCHEMAS = f"SELECT DISTINCT schema_name FROM duckdb_tables() WHERE {_HERE} UNION SELECT 'main' ORDER BY 1"
_DUCK_COLUMNS = (
    f"SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() WHERE {_HERE} "
    "AND schema_name = ? AND table_name = ? ORDER BY column_index"
)
_DUCK_CONSTRAINTS = (
    "SELECT constraint_type, constraint_column_names, referenced_table, referenced_column_names "
    "FROM duckdb_constraints() WHERE database_name = current_database() AND schema_name = ? AND table_name = ? "
    "AND constraint_type IN ('PRIMARY KEY', 'FOREIGN KEY')"
)


def duckdb_schemas(database: DuckDBPyConnection) -> list[str]:
    """Return the schemas of a DuckDB file, `main` among them."""
    return [name for (name,) in database.execute(_DUCK_SCHEMAS).fetchall()]


def duckdb_names(database: DuckDBPyConnection, schema: str, *, views: bool = False) -> list[tuple[str, str]]:
    """Return the tables of a schema of a DuckDB file with their comments, sorted."""
    tables = database.execute(_DUCK_TABLES, [schema]).fetchall()
    if views:
        tables = sorted([*tables, *database.execute(_DUCK_VIEWS, [schema]).fetchall()])
    return [(name, comment or "") for name, comment in tables]


def duckdb_collection(database: DuckDBPyConnection, schema: str, name: str, key: str, comment: str = "") -> Collection:
    """Return a table of a DuckDB file. `key`: of its dataset.

    Not by SQLAlchemy: its dialect for DuckDB reads PostgreSQL's catalogs, of which DuckDB lacks `pg_collation`.
    """
    first: set[str] = set()
    links: dict[str, list[Link]] = {}
    for kind, ours, table, theirs in database.execute(_DUCK_CONSTRAINTS, [schema, name]).fetchall():
        if kind == "PRIMARY KEY":
            first.update(ours)
            continue
        for mine, other in zip(ours, theirs, strict=True):  # DuckDB has no references between schemas
            links.setdefault(mine, []).append(Link(key, f"{table}.{other}", "from"))
    fields = tuple(
        _duckdb_field(
            column,
            replace(
                native(kind, nullable=bool(nullable), primary_key=column in first), links=tuple(links.get(column, ()))
            ),
            about or "",
        )
        for column, kind, nullable, about in database.execute(_DUCK_COLUMNS, [schema, name]).fetchall()
    )
    return Collection(name=name, fields=fields, description=" ".join(comment.split()))


def _duckdb_field(name: str, held: Native, about: str) -> Field:
    inner: tuple[Field, ...] = ()
    if held.column_type.upper().startswith("STRUCT"):
        import duckdb

        kind: Any = duckdb.sqltype(held.column_type)
        while kind.id in ("list", "array"):
            kind = kind.children[0][1]
        inner = tuple(_duckdb_field(part, native(str(type_)), "") for part, type_ in kind.children)
    return field(name, held, description=about, fields=inner)


# --- PostgreSQL, MySQL, MariaDB and others that SQLAlchemy reflects -------------------------------------------

_PARTITIONS = (
    "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relispartition AND n.nspname = :schema"
)
_COLLATION = re.compile(r' (?:CHARACTER SET|COLLATE) (?:"[^"]*"|\S+)')


@dataclass(frozen=True, slots=True)
class _Table:
    """What reflection says of one table."""

    columns: Sequence[Mapping[str, Any]]
    keys: Mapping[str, Any]
    foreign: Sequence[Mapping[str, Any]]
    comment: str = ""


def reflected_names(connection: Connection, schema: str, *, views: bool = False) -> list[str]:
    """Return the tables of a schema, sorted; of a partitioned one only the whole."""
    import sqlalchemy as sa

    inspector = sa.inspect(connection)
    names = set(inspector.get_table_names(schema))
    if views:
        names |= {*inspector.get_view_names(schema)}
    if connection.dialect.name == "postgresql":
        if views:
            names |= {*inspector.get_materialized_view_names(schema)}
        names -= {*connection.execute(sa.text(_PARTITIONS), {"schema": schema}).scalars()}
    return sorted(names)


def reflected(connection: Connection, schema: str, names: list[str], keyed: Keyed) -> list[Collection]:
    """Return some tables of a schema, but those that went away meanwhile."""
    import sqlalchemy as sa

    if connection.dialect.name == "postgresql":
        # Without a path every reference names its schema.
        connection.exec_driver_sql("SET LOCAL search_path = ''")
    inspector = sa.inspect(connection)  # a new one each time: it keeps all that it ever saw
    if connection.dialect.name == "postgresql":
        found = _together(inspector, schema, names)
    else:
        found = [(name, table) for name in names if (table := _alone(inspector, schema, name))]
    return [_reflected(connection, schema, name, table, keyed) for name, table in found]


def _together(inspector: Any, schema: str, names: list[str]) -> list[tuple[str, _Table]]:
    from sqlalchemy.engine.reflection import ObjectKind

    said = {"schema": schema, "filter_names": names, "kind": ObjectKind.ANY}
    columns = inspector.get_multi_columns(**said)
    keys, foreign = inspector.get_multi_pk_constraint(**said), inspector.get_multi_foreign_keys(**said)
    comments = inspector.get_multi_table_comment(**said)
    return [
        (
            name,
            _Table(
                columns[schema, name],
                keys.get((schema, name)) or {},
                foreign.get((schema, name)) or (),
                (comments.get((schema, name)) or {}).get("text") or "",
            ),
        )
        for name in names
        if (schema, name) in columns
    ]


def _alone(inspector: Any, schema: str, name: str) -> _Table | None:
    from sqlalchemy import exc

    try:
        return _Table(
            inspector.get_columns(name, schema),
            inspector.get_pk_constraint(name, schema),
            inspector.get_foreign_keys(name, schema),
            inspector.get_table_comment(name, schema).get("text") or "",
        )
    except exc.NoSuchTableError:
        return None
    finally:
        inspector.clear_cache()


def _reflected(connection: Connection, schema: str, name: str, table: _Table, keyed: Keyed) -> Collection:
    links: dict[str, list[Link]] = {}
    for key in table.foreign:
        dataset = keyed(key["referred_schema"] or schema)
        for ours, theirs in zip(key["constrained_columns"], key["referred_columns"], strict=True):
            links.setdefault(ours, []).append(Link(dataset, f"{key['referred_table']}.{theirs}", "from"))
    first = set(table.keys.get("constrained_columns") or ())
    fields = tuple(
        field(
            column["name"],
            replace(
                native(
                    _written(connection, column["type"]),
                    nullable=bool(column["nullable"]),
                    primary_key=column["name"] in first,
                ),
                links=tuple(links.get(column["name"], ())),
            ),
            description=column.get("comment") or "",
        )
        for column in table.columns
    )
    return Collection(name=name, fields=fields, description=" ".join(table.comment.split()))


def _written(connection: Connection, kind: Any) -> str:
    """Return the name of a type as its database writes it, of a domain that of the type below it, "" where unknown."""
    from sqlalchemy import exc

    kind = getattr(kind, "data_type", kind)
    try:
        return _COLLATION.sub("", str(kind.compile(dialect=connection.dialect)))
    except exc.CompileError:
        return ""


# --- all others: rows of the information schema ---------------------------------------------------------------


def listed(rows: Iterable[tuple[str, str, str, bool]]) -> tuple[Collection, ...]:
    """Return the tables of rows of table, column, type and whether it may be absent; keys are not known."""
    tables: dict[str, list[tuple[str, str, bool | None]]] = {}
    for table, column, kind, nullable in rows:
        tables.setdefault(table, []).append((column, kind, nullable))
    return tuple(
        Collection(name=name, fields=tuple(field(column, native(kind, nullable=may)) for column, kind, may in columns))
        for name, columns in tables.items()
    )
