"""Every database of which a real one runs here keeps the connectors' contract."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import duckdb
import pytest
from databases import SqlStage

from privet.connectors.systems.duckdb import CONFIG
from privet.testing import ConnectorContract


class TestSqlite(ConnectorContract):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> SqlStage:
        path = tmp_path / "shop.db"
        sqlite3.connect(path).close()
        path.touch()
        return SqlStage("sqlite", {"path": str(path)}, lambda: sqlite3.connect(path), "?", None)


class TestDuckdb(ConnectorContract):
    @pytest.fixture
    def stage(self, tmp_path: Path) -> SqlStage:
        path = tmp_path / "shop.duckdb"

        def raw() -> duckdb.DuckDBPyConnection:
            connection = duckdb.connect(str(path), config=CONFIG)
            connection.begin()
            return connection

        return SqlStage("duckdb", {"path": str(path)}, raw, "?", None)


class TestPostgres(ConnectorContract):
    @pytest.fixture
    def stage(self, postgres_stage: SqlStage) -> SqlStage:
        return postgres_stage


class TestMariadb(ConnectorContract):
    @pytest.fixture
    def stage(self, mariadb_stage: SqlStage) -> SqlStage:
        return mariadb_stage
