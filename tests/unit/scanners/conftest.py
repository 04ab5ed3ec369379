"""Database servers, one of each for all tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers import mariadb, postgres


@pytest.fixture(scope="session")
def postgres_dsn() -> Iterator[str]:
    with postgres() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def mariadb_dsn() -> Iterator[str]:
    with mariadb() as dsn:
        yield dsn
