"""What a database holds, by SQLAlchemy's reflection over a connection that was opened as all others are."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from privet.connectors.base import Setup
from privet.connectors.catalog import reflected, reflected_names
from privet.connectors.settings import driver_of
from privet.vocabulary.dataset import Dataset

_LOGGER = "privet"


def described(setup: Setup, connect: Callable[[], Any], url: str, extra: str, begin: str = "") -> Dataset:
    """Return the tables of the schema that is set, or of the user's own. `url`: SQLAlchemy's name of the driver."""
    sa = driver_of("sqlalchemy", extra)
    pool = driver_of("sqlalchemy.pool", extra)
    logging.getLogger(f"sqlalchemy.engine.Engine.{_LOGGER}").disabled = True
    engine = sa.create_engine(
        f"{url}://", creator=connect, poolclass=pool.NullPool, hide_parameters=True, logging_name=_LOGGER
    )
    # A connection begins nothing by itself, so what reflection sets for its transaction needs one that is begun here.
    with engine.connect() as connection:
        schema = str(setup.settings.get("schema", "")) or engine.dialect.default_schema_name or ""
        if begin:
            connection.exec_driver_sql(begin)
        names = reflected_names(connection, schema)
        found = reflected(connection, schema, names, lambda other: _key(setup, other, schema))
        if begin:
            connection.exec_driver_sql("ROLLBACK")
    return Dataset(key=setup.name, collections=tuple(found))


def _key(setup: Setup, schema: str, usual: str) -> str:
    return setup.name if schema == usual else f"{setup.name}_{schema}"
