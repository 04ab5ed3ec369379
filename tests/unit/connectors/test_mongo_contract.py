"""MongoDB's protocol keeps the contract of connectors, against an emulation of the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mongos import raw, server

from privet.connectors.base import Change, Connector, Limits, Setup
from privet.connectors.systems import SYSTEMS
from privet.secret import Secret
from privet.testing.connector import BOB, DATASET, EVE, ConnectorContract, mask


class Stage:
    """A database of a server."""

    system = SYSTEMS.get("mongo")
    dataset = DATASET
    traits = frozenset({"nested", "anywhere", "many"})
    secrets = ("canary-mongo-password",)

    def __init__(self, port: int) -> None:
        self.port = port
        self.database = raw(port)["stage"]

    def _open(self, port: int, limits: Limits, user: str = "") -> Connector:
        settings = {"host": "127.0.0.1", "port": port, "database": "stage", **({"user": user} if user else {})}
        secrets = {"password": Secret(self.secrets[0])}
        return self.system.open(Setup(name="stage", kind="mongo", settings=settings, secrets=secrets, limits=limits))

    def open(self, limits: Limits) -> Connector:
        return self._open(self.port, limits)

    def fill(self, rows: Any) -> None:
        for collection in self.dataset.collections:
            name = collection.name
            self.database.drop_collection(name)
            self.database.create_collection(name)
            if name == "people":
                self.database[name].create_index("email", unique=True)
            if rows.get(name):
                self.database[name].insert_many([dict(row) for row in rows[name]])

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        return {
            collection.name: [
                {key: value for key, value in row.items() if key != "_id"}
                for row in self.database[collection.name].find()
            ]
            for collection in self.dataset.collections
        }

    def refused(self) -> Change | None:
        return mask({"id": BOB["id"]}, {"email": EVE["email"]})

    def unreachable(self) -> Connector | None:
        return self._open(9, Limits(connect_seconds=0.3), "reader")


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server() as found:
        yield found


class TestMongo(ConnectorContract):
    @pytest.fixture
    def stage(self, port: int) -> Stage:
        return Stage(port)
