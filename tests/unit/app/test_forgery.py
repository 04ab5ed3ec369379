"""Whoever writes the files of a home gives nobody access by it. Every value is invented."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from privet.app.services import credentials, principals, records, vaults
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Damaged, Unauthenticated

NOW = 1_800_000_000_000
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: ssn
            fides_meta: {privet: {type: us.ssn, keep: sealed}}
"""


class Scene:
    """A home with a vault `v`, whose files a test changes while the house is closed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.key = initialize(Settings(home=home, key_file=home / "root.key"), now_ms=NOW).reveal()
        self.now = NOW
        self.house = House(load(home), clock=lambda: self.now)

    def run(self, service: Any, ask: Any) -> Any:
        who = Caller(self.house.callers.principal(self.key, self.now))
        return asyncio.run(service(self.house, who, ask))

    def change(self, file: str, statement: str, *cells: object) -> None:
        """Carry out a statement on a file behind the house's back, then open the house again."""
        self.house.close()
        with closing(sqlite3.connect(self.home / file)) as raw, raw:
            assert raw.execute(statement, cells).rowcount == 1
        self.house = House(load(self.home), clock=lambda: self.now)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "home")
    made.run(vaults.create, vaults.CreateAsk(name="v", schema=SCHEMA))
    yield made
    made.house.close()


def add(scene: Scene, name: str, *roles: str, ttl_seconds: int = 0) -> str:
    ask = principals.CreateAsk(name=name, roles=list(roles), ttl_seconds=ttl_seconds)
    return str(scene.run(principals.create, ask).key)


def test_a_principal_that_was_written_into_the_file_is_nobody(scene: Scene) -> None:
    grants = '{"roles":["owner"],"purposes":[],"scopes":[],"vaults":[],"attributes":{}}'
    into = "INSERT INTO principals (id, name, kind, grants, created, mac) VALUES ('evil', 'evil', 'person', ?, 1, ?)"
    scene.change("control.db", into, grants, bytes(32))
    key = "INSERT INTO credentials (id, principal, kind, proof, parent, grants, created, mac) "
    key += "VALUES ('evil', 'evil', 'api_key', ?, '', ?, 1, ?)"
    scene.change("control.db", key, hashlib.sha256(b"s").digest(), grants, bytes(32))
    with pytest.raises(Unauthenticated):
        scene.house.callers.principal("pvt_evil_s", NOW)


GRANTS = "grants = replace(grants, 'viewer', 'owner')"


@pytest.mark.parametrize(
    "change",
    [GRANTS, "name = 'other'", "kind = 'person'", "created = created + 1", "revoked = 1", "mac = NULL", "mac = x'00'"],
)
def test_a_principal_that_was_changed_in_the_file_is_nobody(scene: Scene, change: str) -> None:
    key = add(scene, "vic", "viewer", ttl_seconds=60)
    assert scene.house.callers.principal(key, NOW).roles == ("viewer",)
    scene.change("control.db", f"UPDATE principals SET {change} WHERE name = 'vic'")
    with pytest.raises(Unauthenticated, match="expected a valid credential"):
        scene.house.callers.principal(key, NOW)
    with pytest.raises(Damaged):
        scene.run(principals.list_, principals.NoAsk())


@pytest.mark.parametrize(
    "change",
    [
        "grants = replace(grants, '[]', '[\"owner\"]')",
        "expires = NULL",
        "expires = expires + 1",
        "created = created + 1",
        "kind = 'bearer'",
        "principal = (SELECT id FROM principals WHERE name = 'owner')",
        "parent = (SELECT id FROM credentials WHERE expires IS NULL)",
        "mac = NULL",
        "mac = (SELECT mac FROM credentials WHERE expires IS NULL)",
    ],
)
def test_a_credential_that_was_changed_in_the_file_opens_nothing(scene: Scene, change: str) -> None:
    key = add(scene, "vic", "viewer", ttl_seconds=60)
    scene.change("control.db", f"UPDATE credentials SET {change} WHERE expires IS NOT NULL")
    with pytest.raises(Unauthenticated, match="expected a valid credential"):
        scene.house.callers.principal(key, NOW)


def test_a_day_of_use_that_was_changed_in_the_file_changes_nothing_else(scene: Scene) -> None:
    key = add(scene, "vic", "viewer", ttl_seconds=60)
    scene.change("control.db", "UPDATE credentials SET used = 1 WHERE expires IS NOT NULL")
    assert scene.house.callers.principal(key, NOW).name == "vic"


def test_a_key_hash_moved_to_another_principal_opens_nothing(scene: Scene) -> None:
    key = add(scene, "vic", "viewer", ttl_seconds=60)
    identity = scene.house.callers.principal(key, NOW).id
    secret = key.rpartition("_")[2]
    mine = hashlib.sha256(secret.encode()).digest()
    scene.change("control.db", "UPDATE credentials SET proof = ? WHERE expires IS NULL", mine)
    with pytest.raises(Unauthenticated):
        scene.house.callers.principal(scene.key.replace(scene.key.split("_")[2], secret), NOW)
    assert scene.house.callers.principal(key, NOW).id == identity


@pytest.mark.parametrize("table", ["principals", "credentials"])
def test_a_revocation_that_was_undone_in_the_file_stays(scene: Scene, table: str) -> None:
    key = add(scene, "vic", "viewer", ttl_seconds=60)
    if table == "principals":
        shown = scene.run(principals.revoke, principals.NameAsk(name="vic")).principals
        assert [item.revoked_ms for item in shown if item.name == "vic"] == [NOW]
    else:
        scene.run(credentials.revoke, credentials.KeyAsk(name="vic", id=key.split("_")[1]))
    scene.change("control.db", f"UPDATE {table} SET revoked = NULL WHERE revoked IS NOT NULL")
    with pytest.raises(Unauthenticated):
        scene.house.callers.principal(key, NOW)


@pytest.mark.parametrize(
    "change",
    [
        "body = substr(body, 33)",
        "body = x''",
        "body = NULL",
        "version = version + 1",
    ],
)
def test_a_schema_that_was_changed_in_the_file_opens_no_vault(scene: Scene, change: str) -> None:
    ask = records.InsertAsk(vault="v", table="people", records=[{"ssn": "536-90-4399"}])
    scene.run(records.insert, ask)
    scene.change("vaults/v/vault.db", f"UPDATE schemas SET {change}")
    with pytest.raises(Damaged):
        scene.run(records.list_, records.ListAsk(vault="v", table="people"))


def test_a_type_that_was_changed_in_the_file_lifts_no_ceiling(scene: Scene) -> None:
    schema = stored_schema(scene).replace(b'"us.ssn"', b'"string"')
    scene.change("vaults/v/vault.db", "UPDATE schemas SET body = ?", schema)
    with pytest.raises(Damaged):
        scene.house.vault("v")


def stored_schema(scene: Scene) -> bytes:
    with closing(sqlite3.connect(scene.home / "vaults/v/vault.db")) as raw:
        return bytes(raw.execute("SELECT body FROM schemas").fetchone()[0])


def test_a_change_of_schema_that_was_written_into_the_file_is_not_carried_out(scene: Scene) -> None:
    body = stored_schema(scene)
    schema = body[body.index(b"{") :].replace(b'"us.ssn"', b'"string"').replace(b'"version":1', b'"version":2')
    move = b'{"schema":' + schema + b',"tables":[],"done":{}}'
    for forged in (move, bytes(32) + move, body):
        scene.change(
            "vaults/v/vault.db", "INSERT OR REPLACE INTO meta (name, value) VALUES ('schema change', ?)", forged
        )
        with pytest.raises(Damaged):
            scene.house.vault("v")
