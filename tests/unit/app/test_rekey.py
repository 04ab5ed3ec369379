"""Keys through their services: who may change them, what is shown of them, and what a server does by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from privet.app import keeper
from privet.app.services import backups, keys, records, vaults
from privet.app.services.verb import Caller, call
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Conflict, Denied, InvalidInput, NotFound, PrivetError, UnknownName
from privet.vault.log.audit import Deed
from privet.vault.upkeep import rotation
from privet.vocabulary.access import Principal
from privet.vocabulary.dataset import WINDOW_SECONDS

DAY = 86_400_000
SCHEMA = """\
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self, unique: [[name, email]]}}
        fields:
          - name: name
            fides_meta: {privet: {type: string, keep: shreddable, index: [exact], token: stored}}
          - name: email
            fides_meta: {privet: {type: contact.email, keep: sealed, index: [domain]}}
"""


def caller(role: str = "owner") -> Caller:
    """Return somebody of a role; a caller carries one call."""
    return Caller(Principal(id="p1", name=role, roles=(role,)))


class Bench:
    """A home with a vault `v`, at a time of its own."""

    def __init__(self, home: Path) -> None:
        self.now = [1_800_000_000_000]
        initialize(Settings(home=home, key_file=home / "root.key"), now_ms=self.now[0])
        self.house = House(load(home), clock=lambda: self.now[0])
        self.runner = asyncio.Runner()
        self.run(vaults.create, vaults.CreateAsk(name="v", schema=SCHEMA))
        rows = [{"name": f"Ann {n}", "email": f"ann{n}@example.com"} for n in range(5)]
        self.run(records.insert, records.InsertAsk(vault="v", table="people", records=rows))

    def run(self, service: Any, ask: Any, who: Caller | None = None) -> Any:
        return self.runner.run(service(self.house, who or caller(), ask))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Bench]:
    found = Bench(tmp_path / "home")
    yield found
    found.house.close()
    found.runner.close()


def ages(home: Bench) -> dict[str, tuple[int, str]]:
    shown = home.run(keys.list_, keys.KeysAsk(vault="v"))
    return {f"{item.purpose} {item.of}".strip(): (item.version, item.state) for item in shown.keys}


def test_keys_are_named_and_never_shown(home: Bench) -> None:
    assert ages(home) == {
        name: (1, "active")
        for name in (
            "kek",
            "record",
            "cursor",
            "idempotency",
            "audit",
            "cell people.name",
            "index people.name index exact",
            "token people.name tokens",
            "unique people.name tokens",
            "cell people.email",
            "index people.email index domain",
            "unique people unique name, email",
        )
    }
    home.now[0] += 3 * DAY
    shown = home.run(keys.list_, keys.KeysAsk(vault="v"))
    assert {item.age_days for item in shown.keys} == {3} and shown.epoch_days == 3
    text = msgspec.json.encode(shown)
    for row in home.house.vault("v").ring.rows():
        for secret in (row.wrapped, row.check):
            assert secret.hex().encode() not in text


@pytest.mark.parametrize(
    ("ask", "changed"),
    [
        ({"column": "name"}, {"cell people.name", "token people.name tokens"}),
        ({"column": "email"}, {"cell people.email"}),
        ({"column": "name", "index": "exact"}, {"index people.name index exact"}),
        ({"column": "name", "tokens": True}, {"unique people.name tokens"}),
        ({"unique": ["email", "name"]}, {"unique people unique name, email"}),
    ],
    ids=["column with tokens", "column", "index", "tokens", "unique"],
)
def test_one_thing_is_rotated(home: Bench, ask: dict[str, Any], changed: set[str]) -> None:
    assert home.run(keys.rotate, keys.RotateAsk(vault="v", table="people", **ask)).keys == len(changed)
    assert {name for name, (version, _) in ages(home).items() if version == 2} == changed


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        ({}, InvalidInput),
        ({"table": "people"}, InvalidInput),
        ({"column": "name"}, InvalidInput),
        ({"table": "people", "column": "name", "unique": ["name"]}, InvalidInput),
        ({"table": "people", "column": "name", "index": "exact", "tokens": True}, InvalidInput),
        ({"table": "people", "column": "age"}, UnknownName),
        ({"table": "people", "column": "name", "index": "year"}, NotFound),
        ({"table": "people", "unique": ["name"]}, NotFound),
    ],
)
def test_what_cannot_be_rotated_is_refused(home: Bench, ask: dict[str, Any], error: type[PrivetError]) -> None:
    with pytest.raises(error):
        home.run(keys.rotate, keys.RotateAsk(vault="v", **ask))


@pytest.mark.parametrize("service", [keys.list_, keys.rewrap, keys.advance])
def test_whoever_may_not_manage_may_not_touch_keys(home: Bench, service: Any) -> None:
    for role in ("editor", "viewer", "auditor"):
        who = caller(role)
        with pytest.raises(Denied):
            home.run(service, keys.KeysAsk(vault="v"), who)
        with pytest.raises(Denied):
            home.run(keys.rotate, keys.RotateAsk(vault="v", table="people", column="name"), who)
        with pytest.raises(Denied):
            home.run(backups.make, backups.BackupAsk(), who)


@pytest.mark.parametrize("name", ["keys.rewrap", "keys.rotate", "keys.advance", "backups.make"])
def test_a_repeated_call_is_carried_out_once(home: Bench, name: str) -> None:
    verb = next(item for item in (*keys.VERBS, *backups.VERBS) if item.name == name)
    asks = {
        "keys.rotate": keys.RotateAsk(vault="v", table="people", column="name"),
        "backups.make": backups.BackupAsk(),
    }
    ask = asks.get(name, keys.KeysAsk(vault="v"))
    home.runner.run(call(home.house, verb, caller(), ask, key="once"))
    before = ages(home), home.house.vault("v").demand_subjects().epochs
    home.runner.run(call(home.house, verb, caller(), ask, key="once"))
    assert (ages(home), home.house.vault("v").demand_subjects().epochs) == before


@pytest.mark.parametrize("name", ["..", "a/b", "../out", ".hidden", "a" * 101])
def test_a_backup_stays_in_its_folder(home: Bench, name: str) -> None:
    with pytest.raises(InvalidInput):
        home.run(backups.make, backups.BackupAsk(name=name))


def test_a_backup_of_a_name_that_is_taken_is_refused(home: Bench) -> None:
    made = home.run(backups.make, backups.BackupAsk(name="first"))
    assert made.vaults == ["v"] and Path(made.folder).name == "first"
    with pytest.raises(Conflict):
        home.run(backups.make, backups.BackupAsk(name="first"))


# --- by itself ------------------------------------------------------------------------------------------------


def test_a_window_that_is_over_is_followed_by_a_new_one(home: Bench) -> None:
    subjects = home.house.vault("v").demand_subjects()
    home.runner.run(keeper.tend(home.house, "v"))
    assert subjects.epochs[-1].epoch == 1
    home.now[0] += WINDOW_SECONDS * 1000
    home.runner.run(keeper.tend(home.house, "v"))
    assert [row.epoch for row in subjects.epochs] == [2]
    assert ages(home)["index people.name index exact"] == (2, "active")
    assert ages(home)["index people.email index domain"] == (1, "active"), "only tags of shreddable columns go"


def test_a_rotation_that_was_cut_short_is_finished(home: Bench) -> None:
    vault = home.house.vault("v")
    column = vault.table("people").column("name")
    deed = Deed(principal="t", verb="keys.rotate", policy="t", at_ms=home.now[0])
    home.runner.run(rotation._begin(vault, [("cell", column.id)], deed))
    assert rotation.unfinished(vault)
    home.runner.run(keeper.tend(home.house, "v"))
    assert not rotation.unfinished(vault)


def test_a_vault_whose_keys_are_busy_does_not_stop_the_others(home: Bench) -> None:
    home.run(vaults.create, vaults.CreateAsk(name="w", schema=SCHEMA))
    home.now[0] += WINDOW_SECONDS * 1000

    async def main() -> None:
        with home.house.vault("v").maintenance("backup"):
            task = asyncio.create_task(keeper.keep_keys(home.house, every_seconds=1e9))
            other = home.house.vault("w").demand_subjects()
            for _ in range(2000):
                if [row.epoch for row in other.epochs] == [2]:
                    break
                await asyncio.to_thread(int)
            task.cancel()
        assert [row.epoch for row in other.epochs] == [2]
        assert home.house.vault("v").demand_subjects().epochs[-1].epoch == 1

    home.runner.run(main())
