"""A folder of files keeps the contract of connectors, in every format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sheet_stages import KINDS, Kind, Row

from privet.connectors.base import Change, Connector, Limits, Setup
from privet.connectors.systems import SYSTEMS
from privet.testing.connector import ConnectorContract


class Stage:
    """A folder with one file a collection."""

    system = SYSTEMS.get("files")
    secrets = ()

    def __init__(self, folder: Path, kind: Kind) -> None:
        self.folder = folder
        self.kind = kind
        self.dataset = kind.dataset
        self.traits = kind.traits

    def open(self, limits: Limits) -> Connector:
        return self.system.open(Setup(name="stage", kind="files", settings={"folder": str(self.folder)}, limits=limits))

    def fill(self, rows: Any) -> None:
        for collection in self.dataset.collections:
            data = self.kind.write(collection, rows.get(collection.name, ()))
            (self.folder / f"{collection.name}{self.kind.ending}").write_bytes(data)

    def dump(self) -> dict[str, list[Row]]:
        assert all(path.name.endswith(self.kind.ending) for path in self.folder.iterdir())
        return {path.name.split(".")[0]: self.kind.read(path.read_bytes()) for path in self.folder.iterdir()}

    def refused(self) -> Change | None:
        return None

    def unreachable(self) -> Connector | None:
        setup = Setup(name="stage", kind="files", settings={"folder": str(self.folder / "none")})
        return self.system.open(setup)


class TestFiles(ConnectorContract):
    @pytest.fixture(params=KINDS)
    def stage(self, request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
        return Stage(tmp_path, KINDS[request.param])
