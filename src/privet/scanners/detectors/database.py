"""PostgreSQL, MySQL and MariaDB by SQLAlchemy's reflection, in read-only transactions and batches of tables.

Reflection reads the catalog alone. Samples are the first rows of a table, each text cut short by the database itself.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed, plain_key, scheme, shown
from privet.scanners.classify import proposals
from privet.scanners.detectors import Detector
from privet.scanners.sample import MOST_CHARACTERS, NONE, Samples, capped
from privet.vocabulary.dataset import Collection, Field, Link
from privet.vocabulary.native import field as observed_field
from privet.vocabulary.native import look, native

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

BATCH = 500  # tables that are reflected together: what is held at a time

_DRIVERS = {
    "postgresql": ("postgresql+psycopg", "postgres"),
    "postgres": ("postgresql+psycopg", "postgres"),
    "mysql": ("mysql+pymysql", "mysql"),
    "mariadb": ("mariadb+pymysql", "mysql"),
}
"""Scheme → (how SQLAlchemy calls it, the extra that installs it)."""
_SYSTEM_SCHEMAS = frozenset({"information_schema", "pg_catalog", "pg_toast", "mysql", "performance_schema", "sys"})
# Waiting for somebody else's lock would make a scan one more thing that hangs.
_SETTINGS = {
    "postgresql": ("SET lock_timeout = '5s'", "SET statement_timeout = '60s'"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION lock_wait_timeout = 5"),
}
_PARTITIONS = (
    "SELECT c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.relispartition AND n.nspname = :schema"
)
_COLLATION = re.compile(r' (?:CHARACTER SET|COLLATE) (?:"[^"]*"|\S+)')
_LOGGER = "privet"


@dataclass(frozen=True, slots=True)
class _Table:
    """What reflection says of one table."""

    columns: Sequence[Mapping[str, Any]]
    keys: Mapping[str, Any]
    foreign: Sequence[Mapping[str, Any]]
    comment: str = ""


@dataclass(slots=True)
class _Scan:
    """One scan: its engine, what it asks, and the schema that needs no name."""

    engine: Engine
    ask: Ask
    usual: str

    def key(self, schema: str) -> str:
        if _family(self.engine) == "mysql" and schema != self.usual:
            return self.ask.keys.get(schema) or plain_key(schema)  # a database of its own, which has its own DSN
        return self.ask.dataset(schema, self.usual)


def scan(ask: Ask) -> Iterator[Observed]:
    """Yield every table, by schema and name."""
    from sqlalchemy import exc

    engine = _engine(ask)
    try:
        with _told(ask):
            found = _Scan(engine, ask, _usual(engine))
            for schema in _schemas(found):
                yield from _of_schema(found, schema)
    except exc.DBAPIError:
        # Drivers quote what they like, the password at times.
        raise Unavailable(f"the database `{shown(ask.dsn)}` failed or went away", hint="see its own log") from None
    finally:
        engine.dispose()


@contextmanager
def _told(ask: Ask) -> Iterator[None]:
    """Turn a failure to connect into an error that says what to look at."""
    from sqlalchemy import exc

    try:
        yield
    except exc.OperationalError as error:
        if error.connection_invalidated or error.statement is not None:
            raise
        hint = "check host, port, database, user and password, and that the server lets this machine in"
        raise Unavailable(f"the database `{shown(ask.dsn)}` does not answer or does not let us in", hint=hint) from None


def _engine(ask: Ask) -> Engine:
    kind, extra = _DRIVERS[scheme(ask.dsn)]
    hint = f"install `privet[{extra}]`"
    try:
        import sqlalchemy as sa
    except ModuleNotFoundError:
        raise Unavailable("expected SQLAlchemy, which is not installed", hint=hint) from None
    # At level DEBUG SQLAlchemy logs every row that it reads, so the logger of our engines says nothing at all.
    for name in ("sqlalchemy.engine.Engine", "sqlalchemy.pool.impl.QueuePool"):
        logging.getLogger(f"{name}.{_LOGGER}").disabled = True
    try:
        url = sa.make_url(ask.dsn.reveal()).set(drivername=kind)
        return sa.create_engine(
            url, pool_size=1, max_overflow=0, hide_parameters=True, logging_name=_LOGGER, pool_logging_name=_LOGGER
        )
    except (sa.exc.ArgumentError, ValueError):
        raise InvalidInput("expected a DSN as `scheme://user:password@host:port/database`") from None
    except ModuleNotFoundError:
        raise Unavailable(f"expected a driver for `{scheme(ask.dsn)}`, which is not installed", hint=hint) from None


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection that cannot write, in a transaction that is rolled back."""
    with engine.connect().execution_options(postgresql_readonly=True) as connection:
        for statement in _SETTINGS[_family(engine)]:
            connection.exec_driver_sql(statement)
        if _family(engine) == "mysql":
            connection.rollback()  # the setting is for the transactions that come
        yield connection
        connection.rollback()


def _family(engine: Engine) -> str:
    return "postgresql" if engine.dialect.name == "postgresql" else "mysql"


def _usual(engine: Engine) -> str:
    with _reading(engine):
        return engine.dialect.default_schema_name or ""


def _schemas(scan: _Scan) -> list[str]:
    """Return the schemas that are looked at, the usual one first."""
    import sqlalchemy as sa

    asked = scan.ask.schemas
    if not asked and _family(scan.engine) == "mysql":
        if not scan.usual:
            raise InvalidInput("expected a database in the DSN, or --schema", hint="mysql://user@host/shop")
        return [scan.usual]  # the others are other people's databases
    with _reading(scan.engine) as connection:
        there = [name for name in sa.inspect(connection).get_schema_names() if name not in _SYSTEM_SCHEMAS]
    missing = [name for name in asked if name not in there]
    if missing:
        raise InvalidInput(f"there is no schema `{missing[0]}`", hint="or this user does not see it")
    return sorted(asked or there, key=lambda name: (name != scan.usual, name))


def _of_schema(scan: _Scan, schema: str) -> Iterator[Observed]:
    names = [name for name in _names(scan, schema) if f"{scan.key(schema)}.{name}" not in scan.ask.done]
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        for name, table in _tables(scan, schema, batch):
            yield _observed(scan, schema, name, table)


def _names(scan: _Scan, schema: str) -> list[str]:
    """Return the tables of a schema, sorted; of a partitioned one only the whole."""
    import sqlalchemy as sa

    with _reading(scan.engine) as connection:
        inspector = sa.inspect(connection)
        names = set(inspector.get_table_names(schema))
        if scan.ask.views:
            names |= {*inspector.get_view_names(schema)}
        if _family(scan.engine) == "postgresql":
            if scan.ask.views:
                names |= {*inspector.get_materialized_view_names(schema)}
            names -= {*connection.execute(sa.text(_PARTITIONS), {"schema": schema}).scalars()}
    return sorted(names)


def _tables(scan: _Scan, schema: str, names: list[str]) -> list[tuple[str, _Table]]:
    """Return what reflection says of some tables, but those that went away meanwhile."""
    import sqlalchemy as sa

    with _reading(scan.engine) as connection:
        if _family(scan.engine) == "postgresql":
            # Without a path every reference names its schema.
            connection.exec_driver_sql("SET LOCAL search_path = ''")
        inspector = sa.inspect(connection)  # a new one each time: it keeps all that it ever saw
        if _family(scan.engine) == "postgresql":
            return _together(inspector, schema, names)
        return [(name, table) for name in names if (table := _alone(inspector, schema, name))]


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


def _observed(scan: _Scan, schema: str, name: str, table: _Table) -> Observed:
    links: dict[str, list[Link]] = {}
    for key in table.foreign:
        dataset = scan.key(key["referred_schema"] or schema)
        for ours, theirs in zip(key["constrained_columns"], key["referred_columns"], strict=True):
            links.setdefault(ours, []).append(Link(dataset, f"{key['referred_table']}.{theirs}", "from"))
    first = set(table.keys.get("constrained_columns") or ())
    fields = tuple(
        _field(scan.engine, column, primary_key=column["name"] in first, links=tuple(links.get(column["name"], ())))
        for column in table.columns
    )
    collection = Collection(name=name, fields=fields, description=" ".join(table.comment.split()))
    samples, note = _samples(scan, schema, collection) if scan.ask.samples else ({}, "")
    return Observed(
        dataset=scan.key(schema),
        collection=collection,
        proposals=proposals(collection, samples),
        notes=(note,) if note else (),
    )


def _field(engine: Engine, column: Mapping[str, Any], *, primary_key: bool, links: tuple[Link, ...]) -> Field:
    held = native(_written(engine, column["type"]), nullable=bool(column["nullable"]), primary_key=primary_key)
    return observed_field(column["name"], replace(held, links=links), description=column.get("comment") or "")


def _written(engine: Engine, kind: Any) -> str:
    """Return the name of a type as its database writes it, of a domain that of the type below it, "" where unknown."""
    from sqlalchemy import exc

    kind = getattr(kind, "data_type", kind)
    try:
        return _COLLATION.sub("", str(kind.compile(dialect=engine.dialect)))
    except exc.CompileError:
        return ""


def _samples(scan: _Scan, schema: str, collection: Collection) -> tuple[dict[str, Samples], str]:
    """Return column → values, and why there are none."""
    import sqlalchemy as sa

    looks = {field.name: look(field.native.column_type) for field in collection.fields}
    wanted = [name for name, how in looks.items() if how != "no"]
    if not wanted:
        return {}, ""
    table = sa.table(collection.name, *(sa.column(name) for name in wanted), schema=schema)
    # As texts that the database writes: drivers refuse dates such as `infinity`, and long texts stay there.
    texts = {name: table.c[name] if looks[name] == "cut" else sa.cast(table.c[name], sa.String(100)) for name in wanted}
    columns = [sa.func.substr(text, 1, MOST_CHARACTERS).label(name) for name, text in texts.items()]
    query = sa.select(*columns).limit(scan.ask.samples)
    try:
        with _reading(scan.engine) as connection, closing(connection.execute(query)) as result:
            rows = result.fetchall()
    except sa.exc.DBAPIError:
        return {name: NONE for name in wanted}, "its values could not be read"
    by_column = zip(*rows, strict=True) if rows else ()
    return {name: capped(values, scan.ask.samples) for name, values in zip(wanted, by_column, strict=False)}, ""


PART = Detector(
    name="database",
    about="PostgreSQL, MySQL and MariaDB.",
    schemes=tuple(_DRIVERS),
    scan=scan,
)
