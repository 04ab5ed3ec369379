"""A home with people in it, for tests that kill, copy and restore."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

from privet.app.services import records, subjects, vaults
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import PrivetError
from privet.store.port import Select
from privet.vault.vault import Vault
from privet.vocabulary.access import Principal

NOW = 1_800_000_000_000
VAULT = "shop"
SCHEMA = """\
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: name
            fides_meta: {privet: {type: string, keep: shreddable, index: [exact], token: stored}}
          - name: email
            fides_meta: {privet: {type: contact.email, keep: shreddable, unique: true}}
          - name: ssn
            fides_meta: {privet: {type: us.ssn, keep: shreddable, index: [exact]}}
          - name: note
            fides_meta: {privet: {type: string, keep: sealed, index: [exact]}}
      - name: orders
        fides_meta: {privet: {subject: via owner}}
        fields:
          - name: owner
            fides_meta: {privet: {references: people.id}}
          - name: text
            fides_meta: {privet: {type: string, keep: shreddable, token: stored}}
"""


def make(home: Path) -> None:
    """Make a home with one empty vault."""
    initialize(Settings(home=home, key_file=home / "root.key"), now_ms=NOW)
    house = opened(home)
    asyncio.run(vaults.create(house, owner(house), vaults.CreateAsk(name=VAULT, schema=SCHEMA)))
    house.close()


def opened(home: Path, now_ms: int = NOW) -> House:
    """Open a home at a time of its own."""
    return House(load(home), clock=lambda: now_ms)


def owner(house: House) -> Caller:
    """Return whoever may do everything."""
    return Caller(Principal(id="test", name="test", roles=("owner",)))


def person(number: int) -> dict[str, Any]:
    """Return what is known of an invented person."""
    return {
        "name": f"Person {number}",
        "email": f"person{number}@example.com",
        "ssn": f"536-90-{1000 + number:04d}",
        "note": f"note {number}",
    }


async def insert(house: House, table: str, *rows: dict[str, Any]) -> list[str]:
    """Add records and return their ids."""
    ask = records.InsertAsk(vault=VAULT, table=table, records=list(rows))
    return [str(item.id) for item in (await records.insert(house, owner(house), ask)).records]


async def erase(house: House, table: str, record: str) -> str:
    """Erase a person and return her subject id."""
    ask = subjects.EraseAsk(vault=VAULT, table=table, record=record)
    return str((await subjects.erase(house, owner(house), ask)).subject)


async def values(house: House, table: str) -> dict[str, dict[str, Any]]:
    """Return the values of every record of a table, by id. Each record is opened."""
    ask = records.ListAsk(vault=VAULT, table=table, limit=1000)
    found = await records.list_(house, owner(house), ask)
    return {str(item.id): dict(item.values) for item in found.records}


def faults(vault: Vault) -> list[str]:
    """Return what is wrong between records and subject keys: nothing, after any start."""
    named: set[Any] = set()
    for table in vault.schema.tables:
        named |= {row[0] for row in vault.store.select(Select(table=table.rows, columns=("subject",)))}
    for name in ("tokens", "refs"):
        named |= {row[0] for row in vault.store.select(Select(table=name, columns=("subject",)))}
    keys, _ = vault.demand_subjects().stores
    kept = {row[0] for row in keys.select(Select(table="subject_keys", columns=("subject",)))}
    found = ["a record without a key"] if named - kept - {None} else []
    found += ["a key without a record"] if kept - named else []
    states = vault.store.select(Select(table="erasures", columns=("state", "subject")))
    found += ["an open erasure"] if any(state != "done" for state, _ in states) else []
    erased = {subject for _, subject in states}
    assert vault.ledger is not None
    found += ["the ledger lacks an erasure"] if erased - {entry.subject for entry in vault.ledger.entries()} else []
    found += ["an erased person has a record"] if erased & named else []
    found += ["an erased person has a key"] if erased & kept else []
    return found


def copy(home: Path, target: Path) -> Path:
    """Copy a home's files as they are now: what a kill would leave."""
    shutil.copytree(home, target, ignore=shutil.ignore_patterns("*.lock"))
    return target


def all_open(vault: Vault) -> list[str]:
    """Return which tables hold a cell that does not open."""
    found = []
    for table in vault.schema.tables:
        sealer = vault.sealer(table)
        rows = vault.store.select(Select(table=table.rows, columns=sealer.physical))
        try:
            sealer.verify(rows)
            for column in table.columns:
                sealer.open(column, rows)
        except PrivetError as error:
            found.append(f"{table.name}: {error.code}")
    return found
