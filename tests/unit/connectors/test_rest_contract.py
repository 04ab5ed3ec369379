"""The declared connector keeps the contract of connectors, over a small API of our own."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from a_rest import FILE, SECRET, Desk, desk, setup

from privet.connectors.base import Change, Connector, Limits
from privet.connectors.systems import SYSTEMS, System
from privet.testing.connector import ConnectorContract, Rows, Trait
from privet.vocabulary.dataset import Dataset


class DeskStage:
    system: System = SYSTEMS.get("saas")
    traits: frozenset[Trait] = frozenset()
    secrets = (SECRET,)

    def __init__(self, held: Desk) -> None:
        self.held = held
        self.dataset: Dataset = self.open(Limits()).describe()

    def open(self, limits: Limits) -> Connector:
        return self.system.open(setup(self.held.host, FILE, limits=limits))

    def fill(self, rows: Rows) -> None:
        self.held.rows = {
            name: {str(row["id"]): deepcopy(dict(row)) for row in rows.get(name, ())} for name in ("people", "orders")
        }

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        return self.held.dump()

    def refused(self) -> Change | None:
        return Change({"id": 2}, {"email": None}, "refused")

    def unreachable(self) -> Connector | None:
        return self.system.open(setup("127.0.0.1:1"))


@pytest.fixture
def stage() -> Iterator[DeskStage]:
    with desk() as held:
        yield DeskStage(held)


class TestSaas(ConnectorContract):
    pass
