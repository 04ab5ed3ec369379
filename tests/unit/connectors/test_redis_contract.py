"""Redis keeps the contract of connectors, against a real server: records are hashes, nested ones JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from redises import PASSWORD, raw, server

from privet.connectors.base import Change, Connector, Limits, Setup
from privet.connectors.systems import SYSTEMS
from privet.secret import Secret
from privet.testing.connector import DATASET, ConnectorContract

PATTERNS = "people=person:{id}, orders=order:{id}:of:*, profiles=profile:{id}"


class Stage:
    """A database of a server."""

    system = SYSTEMS.get("redis")
    dataset = replace(DATASET)
    traits = frozenset({"nested", "anywhere", "many"})
    secrets = (PASSWORD,)

    def __init__(self, socket: str) -> None:
        self.socket = socket
        self.raw = raw(socket)

    def _open(self, socket: str, limits: Limits) -> Connector:
        settings = {"host": socket, "patterns": PATTERNS}
        secrets = {"password": Secret(PASSWORD)}
        return self.system.open(Setup(name="stage", kind="redis", settings=settings, secrets=secrets, limits=limits))

    def open(self, limits: Limits) -> Connector:
        return self._open(self.socket, limits)

    def fill(self, rows: Any) -> None:
        self.raw.flushdb()
        for row in rows.get("people", ()):
            self.raw.hset(f"person:{row['id']}", mapping={k: v for k, v in row.items() if k != "id" and v is not None})
        for row in rows.get("orders", ()):
            self.raw.hset(f"order:{row['id']}:of:x", mapping={k: v for k, v in row.items() if k != "id"})
        for row in rows.get("profiles", ()):
            self.raw.set(f"profile:{row['id']}", json.dumps(row))

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {"people": [], "orders": [], "profiles": []}
        for key in self.raw.keys("*"):
            kind, number = key.split(":")[:2]
            name = {"person": "people", "order": "orders", "profile": "profiles"}[kind]
            row = json.loads(self.raw.get(key)) if kind == "profile" else self.raw.hgetall(key)
            found[name].append({**row, "id": number})
        return found

    def refused(self) -> Change | None:
        return None

    def unreachable(self) -> Connector | None:
        return self._open(f"{self.socket}-none", Limits())


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    with server() as found:
        yield found


class TestRedis(ConnectorContract):
    @pytest.fixture
    def stage(self, socket: str) -> Stage:
        return Stage(socket)
