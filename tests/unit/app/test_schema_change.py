"""Schemas through their services: what writes under way meet, and what a retry finds after a crash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from privet.app.services import files, queries, records, vaults
from privet.app.services.verb import Caller, call
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Conflict, DuplicateValue
from privet.vocabulary.access import Principal

NOW_MS = 1_800_000_000_000
CREATE = next(verb for verb in vaults.VERBS if verb.name == "vaults.create")


def schema(more: str = "") -> str:
    return f"""\
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {{privet: {{subject: self}}}}
        fields:
          - name: email
            fides_meta: {{privet: {{type: contact.email, keep: shreddable{more}}}}}
          - name: letter
            fides_meta: {{privet: {{type: file, keep: sealed}}}}
"""


def caller() -> Caller:
    return Caller(Principal(id="p1", name="owner", roles=("owner",)))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    initialize(Settings(home=tmp_path / "home", key_file=tmp_path / "home" / "root.key"), now_ms=NOW_MS)
    made = House(load(tmp_path / "home"), clock=lambda: NOW_MS)
    yield made
    made.close()


async def insert(house: House) -> str:
    ask = records.InsertAsk(vault="v", table="people", records=[{"email": "ann@example.com"}])
    return (await records.insert(house, caller(), ask)).records[0].id


async def apply(house: House, more: str) -> vaults.Changes:
    return await vaults.apply(house, caller(), vaults.SchemaAsk(vault="v", schema=schema(more)))


def test_a_write_under_way_lands_before_a_change_of_schema(house: House) -> None:
    async def run() -> None:
        await vaults.create(house, caller(), vaults.CreateAsk(name="v", schema=schema()))
        under_way = asyncio.ensure_future(insert(house))
        await asyncio.sleep(0)
        await apply(house, ", index: [exact], unique: true")
        record = await under_way
        found = await queries.run(
            house, caller(), queries.QueryAsk(vault="v", sql="select id from people where email = 'ann@example.com'")
        )
        assert [row[0] for row in found.rows] == [record]
        with pytest.raises(DuplicateValue):
            await insert(house)

    asyncio.run(run())


def test_a_file_that_arrives_across_a_change_of_schema_is_refused(house: House) -> None:
    async def run() -> None:
        await vaults.create(house, caller(), vaults.CreateAsk(name="v", schema=schema()))
        record = await insert(house)

        async def content() -> AsyncGenerator[bytes, None]:
            yield b"invented "
            await apply(house, ", index: [exact]")
            yield b"letter"

        ask = files.PutAsk(vault="v", table="people", id=record, column="letter", name="a.txt", mime="text/plain")
        with pytest.raises(Conflict):
            await files.put(house, caller(), ask, content())

    asyncio.run(run())


def test_a_schema_does_not_change_while_keys_do(house: House) -> None:
    async def run() -> None:
        await vaults.create(house, caller(), vaults.CreateAsk(name="v", schema=schema()))
        with house.vault("v").maintenance("rotation"), pytest.raises(Conflict):
            await apply(house, ", index: [exact]")
        await asyncio.wait_for(apply(house, ", index: [exact]"), 5)

    asyncio.run(run())


async def cut_short(house: House, who: Caller, ask: vaults.CreateAsk) -> None:
    """Make a vault as far as a crash lets it come that falls between the vault and its schema."""
    house.create_vault(ask.name, who.deed("vaults.create", house.policy().version, NOW_MS))
    raise OSError("the power went")


def test_a_retry_gives_a_vault_the_schema_that_a_crash_kept_from_it(house: House) -> None:
    ask = vaults.CreateAsk(name="v", schema=schema())

    async def run() -> None:
        with pytest.raises(OSError, match="power"):
            await call(house, replace(CREATE, run=cut_short), caller(), ask, key="k1")
        assert house.vault("v").schema.version == 0
        for _ in range(2):
            shown = await call(house, CREATE, caller(), ask, key="k1")
            assert [table.name for table in shown.tables] == ["people"] and shown.version == 1

    asyncio.run(run())
