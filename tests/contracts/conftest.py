"""Database servers, one of each for all contracts of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pymysql
import pytest
from databases import PASSWORD, SqlStage

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit" / "scanners"))
from servers import mariadb, postgres  # servers are started there


@pytest.fixture(scope="session")
def postgres_stage() -> Iterator[SqlStage]:
    with postgres() as dsn:
        place = dsn.partition("host=")[2]
        settings = {"host": place, "database": "postgres", "user": "reader"}
        yield SqlStage(
            "postgres",
            settings,
            lambda: psycopg.connect(host=place, user="reader", dbname="postgres"),
            "%s",
            settings | {"host": "127.0.0.1", "port": 1},
        )


@pytest.fixture(scope="session")
def mariadb_stage() -> Iterator[SqlStage]:
    with mariadb() as dsn:
        place = dsn.partition("unix_socket=")[2]
        with pymysql.connect(unix_socket=place, user="root") as raw:
            cursor = raw.cursor()
            cursor.execute("CREATE DATABASE shop CHARACTER SET utf8mb4")
            cursor.execute(f"CREATE USER requests IDENTIFIED BY '{PASSWORD}'")
            cursor.execute("GRANT ALL ON shop.* TO requests")
        settings = {"host": place, "database": "shop", "user": "requests"}
        yield SqlStage(
            "mysql",
            settings,
            lambda: pymysql.connect(unix_socket=place, user="root", database="shop", charset="utf8mb4"),
            "%s",
            settings | {"host": "127.0.0.1", "port": 1},
        )
