"""A purpose that nobody granted is denied before anything is done, and who has no role sees no vault."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from privet.app.services import audit, backups, keys, principals, records, subjects, tokens, vaults
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Denied
from privet.store.port import Select
from privet.vault.log import history
from privet.vocabulary.access import Principal, Purpose

NOW = 1_800_000_000_000
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: note
            fides_meta: {privet: {type: string, keep: sealed, token: stored}}
"""
GRANTED = Purpose("essential")
UNASKED = [
    pytest.param(Purpose("marketing"), id="not granted"),
    pytest.param(Purpose("no.such.purpose"), id="unknown"),
    pytest.param(Purpose("not a label\n"), id="malformed"),
]
ASKS: dict[str, tuple[Any, Any]] = {
    "vaults.create": (vaults.create, vaults.CreateAsk(name="w")),
    "vaults.list": (vaults.list_, vaults.NoAsk()),
    "vaults.get": (vaults.get, vaults.VaultAsk(vault="v")),
    "vaults.plan": (vaults.plan, vaults.SchemaAsk(vault="v", schema=SCHEMA)),
    "vaults.apply": (vaults.apply, vaults.SchemaAsk(vault="v", schema=SCHEMA)),
    "principals.create": (principals.create, principals.CreateAsk(name="new", roles=["viewer"])),
    "principals.list": (principals.list_, principals.NoAsk()),
    "principals.revoke": (principals.revoke, principals.NameAsk(name="owner")),
    "backups.make": (backups.make, backups.BackupAsk(name="b")),
    "keys.list": (keys.list_, keys.KeysAsk(vault="v")),
    "keys.rewrap": (keys.rewrap, keys.KeysAsk(vault="v")),
    "keys.rotate": (keys.rotate, keys.RotateAsk(vault="v", table="people", column="note")),
    "keys.advance": (keys.advance, keys.KeysAsk(vault="v")),
    "subjects.erase": (subjects.erase, subjects.EraseAsk(vault="v", subject="0" * 8 + "-0000-0000-0000-" + "0" * 12)),
    "audit.tail": (audit.tail, audit.TailAsk(vault="v")),
    "audit.export": (audit.export, audit.TailAsk(vault="v")),
    "audit.verify": (audit.verify, audit.VerifyAsk(vault="v")),
    "records.list": (records.list_, records.ListAsk(vault="v", table="people")),
    "tokens.detokenize": (tokens.detokenize, tokens.DetokenizeAsk(vault="v", tokens=["no token"])),
}


class Office:
    """A home with a vault `v` and its owner."""

    def __init__(self, home: Path) -> None:
        key = initialize(Settings(home=home, key_file=home / "root.key"), now_ms=NOW)
        self.house = House(load(home), clock=lambda: NOW)
        self.owner = self.house.callers.principal(key.reveal(), NOW)
        self.ask(vaults.create, vaults.CreateAsk(name="v", schema=SCHEMA))

    def ask(self, service: Any, ask: Any, who: Caller | None = None) -> Any:
        return asyncio.run(service(self.house, who or Caller(self.owner), ask))

    def entries(self) -> list[Any]:
        stores = (self.house.control, self.house.vault("v").store)
        return [entry for store in stores for batch in history.read(store, after=0, limit=1000) for entry in batch]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path / "home")
    yield made
    made.house.close()


@pytest.mark.parametrize("purpose", UNASKED)
@pytest.mark.parametrize("grants", [(), (GRANTED,)], ids=["granted none", "granted another"])
def test_a_purpose_that_was_not_granted_is_denied_and_leaves_no_entry(
    office: Office, purpose: Purpose, grants: tuple[Purpose, ...]
) -> None:
    before = len(office.entries())
    who = Caller(replace(office.owner, purposes=grants), purpose=purpose)
    for name, (service, ask) in ASKS.items():
        with pytest.raises(Denied):
            office.ask(service, ask, who)
            pytest.fail(name)
    assert len(office.entries()) == before
    assert not office.house.control.select(Select(table="idempotency", columns=("key",)))


@pytest.mark.parametrize("name", ["vaults.get", "vaults.list", "audit.tail", "keys.list", "principals.list"])
def test_a_purpose_below_a_granted_one_is_stated(office: Office, name: str) -> None:
    who = Caller(replace(office.owner, purposes=(GRANTED,)), purpose=Purpose("essential.service"))
    office.ask(*ASKS[name], who)


def of_roles(*roles: str, scopes: tuple[str, ...] = ()) -> Caller:
    return Caller(Principal(id="p", name="p", roles=roles, scopes=scopes))


@pytest.mark.parametrize("name", ["vaults.get", "vaults.list"])
@pytest.mark.parametrize(
    "who",
    [of_roles(), of_roles(""), of_roles("no-such-role"), of_roles("viewer", scopes=("manage",))],
    ids=["no role", "an empty role", "an unknown role", "a scope that no role fills"],
)
def test_who_may_do_nothing_sees_no_vault(office: Office, name: str, who: Caller) -> None:
    with pytest.raises(Denied):
        office.ask(*ASKS[name], who)


@pytest.mark.parametrize("name", ["vaults.get", "vaults.list"])
@pytest.mark.parametrize("role", ["owner", "editor", "viewer", "tokenizer", "auditor"])
def test_each_built_in_role_sees_the_vaults(office: Office, name: str, role: str) -> None:
    office.ask(*ASKS[name], of_roles(role))


def test_a_principal_registered_without_roles_sees_no_vault(office: Office) -> None:
    made = office.ask(principals.create, principals.CreateAsk(name="nobody", roles=[]))
    who = office.house.callers.principal(made.key, NOW)
    assert who.roles == ()
    with pytest.raises(Denied):
        office.ask(*ASKS["vaults.list"], Caller(who))
