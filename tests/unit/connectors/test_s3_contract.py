"""A bucket keeps the contract of connectors, against moto's emulation of Amazon S3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from clouds import SECRETS, moto, raw
from sheet_stages import KINDS, Kind, Row

from privet.connectors.base import Change, Connector, Limits, Setup
from privet.connectors.systems import SYSTEMS
from privet.testing.connector import ConnectorContract


class Stage:
    """A bucket with one object a collection."""

    system = SYSTEMS.get("s3")
    secrets = tuple(secret.reveal() for secret in SECRETS.values())

    def __init__(self, url: str, kind: Kind) -> None:
        self.url = url
        self.raw = raw("s3", url)
        self.kind = kind
        self.dataset = kind.dataset
        self.traits = kind.traits
        self.bucket = f"stage-{uuid4()}"
        self.raw.create_bucket(Bucket=self.bucket)

    def setup(self, url: str, limits: Limits) -> Setup:
        settings = {"bucket": self.bucket, "prefix": "data", "endpoint": url}
        return Setup(name="stage", kind="s3", settings=settings, secrets=SECRETS, limits=limits)

    def open(self, limits: Limits) -> Connector:
        return self.system.open(self.setup(self.url, limits))

    def fill(self, rows: Any) -> None:
        for collection in self.dataset.collections:
            data = self.kind.write(collection, rows.get(collection.name, ()))
            self.raw.put_object(Bucket=self.bucket, Key=f"data/{collection.name}{self.kind.ending}", Body=data)

    def dump(self) -> dict[str, list[Row]]:
        found = {}
        for item in self.raw.list_objects_v2(Bucket=self.bucket)["Contents"]:
            name = item["Key"].removeprefix("data/")
            assert name.endswith(self.kind.ending)
            data = self.raw.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read()
            found[name.split(".")[0]] = self.kind.read(data)
        return found

    def refused(self) -> Change | None:
        return None

    def unreachable(self) -> Connector | None:
        return self.system.open(self.setup("http://127.0.0.1:9", Limits(connect_seconds=0.2, read_seconds=0.2)))


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with moto() as found:
        yield found


class TestS3(ConnectorContract):
    @pytest.fixture(params=["jsonl.gz", "parquet"])
    def stage(self, request: pytest.FixtureRequest, url: str) -> Stage:
        return Stage(url, KINDS[request.param])
