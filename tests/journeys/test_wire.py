"""The client against a server process: what is kept, shown, exported and refused over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Running, servers

from privet.app.client import AsyncClient, Client
from privet.errors import DuplicateValue, IdempotencyMismatch, MalformedBody, PrivetError, TooLarge, Unauthenticated

SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: persons
        fields:
          - name: name
            data_categories: [user.name]
            fides_meta: {privet: {type: person.full_name, keep: sealed}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact], unique: true}}
"""
HERE = {"vault": "shop", "table": "persons"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    with servers(tmp_path / "home") as begin:
        yield begin()


@pytest.fixture
def client(server: Running) -> Iterator[Client]:
    with Client(server.url, server.key) as found:
        found.vaults.create(name="shop", schema=SCHEMA)
        yield found


def persons(count: int) -> list[dict[str, str]]:
    # Names may hold letters that some readers of lines take for the end of one.
    return [{"name": "Ada\u2028Example", "email": f"ada{n}@example.com"} for n in range(count)]


def test_export_shows_every_record_once(client: Client) -> None:
    stored = client.records.insert(**HERE, records=[{"email": f"ada{n}@example.com"} for n in range(2_500)])
    lines = list(client.records.export(**HERE))
    assert [line.id for line in lines] == [item.id for item in stored.records]
    assert lines[2_499].values["email"] == "ada2499@example.com"


def test_async_client_shows_the_same(server: Running, client: Client) -> None:
    async def story() -> list[str]:
        async with AsyncClient(f"unix:{server.home}/privet.sock", server.key) as other:
            await other.records.insert(**HERE, records=[{"email": "ada@example.com"}])
            return [line.values["email"] async for line in other.records.export(**HERE)]

    assert asyncio.run(story()) == ["ada@example.com"]
    assert len(client.records.list(**HERE).records) == 1


def test_call_with_the_same_key_is_carried_out_once(client: Client) -> None:
    values = {**HERE, "records": [{"email": "ada@example.com"}]}
    first = client.call("records.insert", values, key="k1")
    assert client.call("records.insert", values, key="k1") == first
    with pytest.raises(IdempotencyMismatch):
        client.call("records.insert", {**HERE, "records": [{"email": "bob@example.com"}]}, key="k1")
    assert len(client.records.list(**HERE).records) == 1


def test_errors_come_back_by_class_and_place(server: Running, client: Client) -> None:
    client.records.insert(**HERE, records=[{"email": "ada@example.com"}])
    with pytest.raises(PrivetError) as caught:
        client.records.insert(**HERE, records=[{"email": "ada@example.com"}])
    found = [caught.value, *caught.value.faults]
    assert any(isinstance(error, DuplicateValue) for error in found)
    assert "ada@example.com" not in "".join(str(error) for error in found)
    with pytest.raises(MalformedBody) as place:
        client.records.insert(**HERE, records=[1])
    assert place.value.at == "records[0]"
    with Client(server.url, "pvt_nobody_0") as other, pytest.raises(Unauthenticated):
        other.vaults.list()


def test_body_above_the_limit_is_told_though_it_was_half_sent(client: Client) -> None:
    with pytest.raises(TooLarge):
        client.records.insert(**HERE, records=[{"name": "a" * (40 << 20)}])
