"""PostgreSQL, MySQL and MariaDB by SQLAlchemy's reflection, in read-only transactions and batches of tables.

Reflection reads the catalog alone. Samples are the first rows of a table, each text cut short by the database itself.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from privet.connectors.catalog import SYSTEM_SCHEMAS, reflected, reflected_names
from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed, plain_key, scheme, shown
from privet.scanners.classify import proposals
from privet.scanners.detectors import Detector
from privet.scanners.sample import MOST_CHARACTERS, NONE, Samples, capped
from privet.vocabulary.dataset import Collection
from privet.vocabulary.native import look

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
# Waiting for somebody else's lock would make a scan one more thing that hangs.
_SETTINGS = {
    "postgresql": ("SET lock_timeout = '5s'", "SET statement_timeout = '60s'"),
    "mysql": ("SET SESSION TRANSACTION READ ONLY", "SET SESSION lock_wait_timeout = 5"),
}
_LOGGER = "privet"


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
        there = [name for name in sa.inspect(connection).get_schema_names() if name not in SYSTEM_SCHEMAS]
    missing = [name for name in asked if name not in there]
    if missing:
        raise InvalidInput(f"there is no schema `{missing[0]}`", hint="or this user does not see it")
    return sorted(asked or there, key=lambda name: (name != scan.usual, name))


def _of_schema(scan: _Scan, schema: str) -> Iterator[Observed]:
    with _reading(scan.engine) as connection:
        there = reflected_names(connection, schema, views=scan.ask.views)
    names = [name for name in there if f"{scan.key(schema)}.{name}" not in scan.ask.done]
    for start in range(0, len(names), BATCH):
        with _reading(scan.engine) as connection:
            batch = reflected(connection, schema, names[start : start + BATCH], scan.key)
        for collection in batch:
            yield _observed(scan, schema, collection)


def _observed(scan: _Scan, schema: str, collection: Collection) -> Observed:
    samples, note = _samples(scan, schema, collection) if scan.ask.samples else ({}, "")
    return Observed(
        dataset=scan.key(schema),
        collection=collection,
        proposals=proposals(collection, samples),
        notes=(note,) if note else (),
    )


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
