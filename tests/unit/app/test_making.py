"""Making a vault touches nothing that lies there already. Every value is invented."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.app.services import records, vaults
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Conflict, StoreFailed
from privet.store.port import Delete, Put, Store, Unit

NOW = 1_800_000_000_000
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: note
            fides_meta: {privet: {type: string, keep: shreddable}}
"""


class Full:
    """A store whose disk is full."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    def write_now(self, unit: Unit) -> None:
        raise StoreFailed("the disk is full")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class Yard:
    """A home and its owner."""

    def __init__(self, home: Path) -> None:
        self.home = home
        key = initialize(Settings(home=home, key_file=home / "root.key"), now_ms=NOW)
        self.house = House(load(home), clock=lambda: NOW)
        self.who = Caller(self.house.callers.principal(key.reveal(), NOW))

    def run(self, service: Any, ask: Any) -> Any:
        return asyncio.run(service(self.house, self.who, ask))

    def make(self) -> None:
        self.run(vaults.create, vaults.CreateAsk(name="v", schema=SCHEMA))

    def reopen(self) -> None:
        self.house.close()
        self.house = House(load(self.home), clock=lambda: NOW)

    def lay(self, step: Any) -> None:
        self.house.control.write_now(Unit((step,)))
        self.reopen()

    def notes(self) -> list[Any]:
        found = self.run(records.list_, records.ListAsk(vault="v", table="people"))
        return [record.values["note"] for record in found.records]


@pytest.fixture
def yard(tmp_path: Path) -> Iterator[Yard]:
    made = Yard(tmp_path / "home")
    yield made
    made.house.close()


def held(folder: Path) -> list[str]:
    """Return the open files of this process below `folder`."""
    found = []
    for handle in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{handle}"))
        except OSError:
            continue
    return [path for path in found if path.startswith(str(folder))]


def test_an_unlisted_vault_keeps_its_keys_when_its_name_is_given_again(yard: Yard) -> None:
    yard.make()
    yard.run(records.insert, records.InsertAsk(vault="v", table="people", records=[{"note": "kept"}]))
    rows = yard.house.vault("v").id
    yard.lay(Delete("vaults", ("name",), (("v",),)))
    yard.make()
    assert yard.notes() == []

    (aside,) = (path for path in (yard.home / "vaults").iterdir() if path.name != "v")
    assert aside.name == f"v.unlisted-{NOW}"
    yard.house.close()
    (yard.home / "vaults" / "v").rename(yard.home / "vaults" / "second")
    aside.rename(yard.home / "vaults" / "v")
    yard.house = House(load(yard.home), clock=lambda: NOW)
    yard.lay(Put("vaults", ("name", "id", "created"), (("v", rows, NOW),)))
    assert yard.notes() == ["kept"]


def test_each_unlisted_folder_is_kept_apart(yard: Yard) -> None:
    for text in ("one", "two"):
        folder = yard.home / "vaults" / "v"
        folder.mkdir(parents=True)
        (folder / "mine").write_text(text, encoding="utf-8")
        yard.make()
        yard.house.control.write_now(Unit((Delete("vaults", ("name",), (("v",),)),)))
        yard.reopen()
        folder.rename(yard.home / "vaults" / f"made-{text}")
    found = sorted(path for path in (yard.home / "vaults").iterdir() if ".unlisted-" in path.name)
    assert [(path / "mine").read_text(encoding="utf-8") for path in found] == ["one", "two"]


def test_a_creation_cut_short_holds_no_file_and_leaves_the_name_free(yard: Yard) -> None:
    control = yard.house.control
    yard.house.control = Full(control)
    with pytest.raises(StoreFailed):
        yard.make()
    yard.house.control = control
    assert held(yard.home / "vaults") == []
    yard.make()
    assert yard.house.vault_names() == ["v"]
    assert (yard.home / "vaults" / f"v.unlisted-{NOW}" / "vault.db").exists()


def test_a_listed_vault_is_not_made_again(yard: Yard) -> None:
    yard.make()
    with pytest.raises(Conflict):
        yard.make()
    assert [path.name for path in (yard.home / "vaults").iterdir()] == ["v"]
