"""DynamoDB keeps the contract of connectors, against moto's emulation."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from clouds import SECRETS, moto, raw

from privet.connectors.base import Change, Connector, Limits, Setup
from privet.connectors.systems import SYSTEMS
from privet.testing.connector import DATASET, ConnectorContract

KEYS = {"people": "N", "orders": "N", "profiles": "S"}
INDEXES = {"people": {"email": "S"}, "orders": {"person_id": "N"}, "profiles": {}}


class Stage:
    """The tables of an account."""

    system = SYSTEMS.get("dynamodb")
    dataset = DATASET
    traits = frozenset({"nested", "anywhere"})
    secrets = tuple(secret.reveal() for secret in SECRETS.values())

    def __init__(self, url: str) -> None:
        self.url = url
        self.raw = raw("dynamodb", url)
        for name in self.raw.list_tables()["TableNames"]:
            self.raw.delete_table(TableName=name)
        for name, kind in KEYS.items():
            self._make(f"x-{name}", kind, INDEXES[name])

    def _make(self, name: str, kind: str, indexes: dict[str, str]) -> None:
        listed = [
            {
                "IndexName": f"by_{key}",
                "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
            for key in indexes
        ]
        types = {"id": kind, **indexes}
        self.raw.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": held} for key, held in types.items()],
            BillingMode="PAY_PER_REQUEST",
            **({"GlobalSecondaryIndexes": listed} if listed else {}),
        )

    def _open(self, url: str, limits: Limits) -> Connector:
        settings = {"prefix": "x-", "endpoint": url}
        return self.system.open(Setup(name="stage", kind="dynamodb", settings=settings, secrets=SECRETS, limits=limits))

    def open(self, limits: Limits) -> Connector:
        return self._open(self.url, limits)

    def fill(self, rows: Any) -> None:
        for name in KEYS:
            for item in self.raw.scan(TableName=f"x-{name}")["Items"]:
                self.raw.delete_item(TableName=f"x-{name}", Key={"id": item["id"]})
            for row in rows.get(name, ()):
                item = {key: TypeSerializer().serialize(value) for key, value in row.items() if value is not None}
                self.raw.put_item(TableName=f"x-{name}", Item=item)

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        found = {}
        for name in KEYS:
            items = self.raw.scan(TableName=f"x-{name}")["Items"]
            found[name] = [{key: _read(held) for key, held in item.items()} for item in items]
        return found

    def refused(self) -> Change | None:
        return None

    def unreachable(self) -> Connector | None:
        return self._open("http://127.0.0.1:9", Limits(connect_seconds=0.2, read_seconds=0.2))


def _read(held: Any) -> Any:
    value = TypeDeserializer().deserialize(held)
    return int(value) if isinstance(value, Decimal) else value


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with moto() as found:
        yield found


class TestDynamoDB(ConnectorContract):
    @pytest.fixture
    def stage(self, url: str) -> Stage:
        return Stage(url)
