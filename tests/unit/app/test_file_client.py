"""Files through a client in this process: the same methods, whether it waits or is awaited."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import io
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from privet.app.client import AsyncClient, Client
from privet.app.door import Order
from privet.app.letter import Letter, letter
from privet.app.pieces import PIECE_BYTES, pieces
from privet.app.services.files import GET, PUT
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize, wall_clock
from privet.errors import Conflict, InvalidInput, NotFound, Unauthenticated

SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: letters
        fields:
          - {name: title, fides_meta: {privet: {type: string}}}
          - {name: scan, fides_meta: {privet: {type: file}}}
"""
PDF = b"%PDF-2.0\n" + bytes(range(256)) * 5000
NAMED = {"name": "café menu.pdf", "mime": "application/pdf"}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    home = tmp_path / "home"
    initialize(Settings(home=home, key_file=home / "root.key"), now_ms=wall_clock())
    opened = House(load(home))
    yield opened
    opened.close()


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    with Client.embedded(house) as found:
        found.vaults.create(name="t", schema=SCHEMA)
        yield found


@pytest.fixture
def place(client: Client) -> dict[str, str]:
    stored = client.records.insert(vault="t", table="letters", records=[{"title": "menu"}])
    return {"vault": "t", "table": "letters", "id": stored.records[0].id, "column": "scan"}


def halves() -> Iterator[bytes]:
    yield PDF[:700_000]
    yield PDF[700_000:]


@pytest.mark.parametrize("content", [lambda: PDF, lambda: io.BytesIO(PDF), halves], ids=["bytes", "file", "pieces"])
def test_a_file_goes_in_in_any_form_and_comes_out_in_pieces(
    client: Client, place: dict[str, str], content: Callable[[], Any]
) -> None:
    shown = client.files.put(**place, **NAMED, content=content())
    assert (shown.size, shown.sha256) == (len(PDF), hashlib.sha256(PDF).hexdigest())
    found = client.files.get(**place)
    assert (found.stored.name, found.stored.mime, found.stored.size) == (*NAMED.values(), len(PDF))
    assert b"".join(found.content) == PDF


def test_an_awaited_client_takes_what_arrives(house: House, client: Client, place: dict[str, str]) -> None:
    async def arriving() -> AsyncIterator[bytes]:
        for piece in halves():
            yield piece

    async def story() -> bytes:
        async with AsyncClient.embedded(house) as other:
            await other.files.put(**place, **NAMED, content=arriving())
            found = await other.files.get(**place)
            assert found.stored.name == "café menu.pdf"
            return b"".join([piece async for piece in found.content])

    assert asyncio.run(story()) == PDF


def test_a_key_that_is_revoked_ends_what_is_under_way(house: House, client: Client, place: dict[str, str]) -> None:
    key = client.principals.create(name="ed", roles=["editor"]).key

    async def story() -> None:
        owner, other = AsyncClient.embedded(house), AsyncClient.embedded(house, key)

        async def arriving() -> AsyncIterator[bytes]:
            yield PDF[:700_000]
            await owner.principals.revoke(name="ed")
            yield PDF[700_000:]

        with pytest.raises(Unauthenticated):
            await other.files.put(**place, **NAMED, content=arriving())

    asyncio.run(story())
    with pytest.raises(NotFound):
        client.files.get(**place)


def test_a_file_is_not_replaced_where_that_is_forbidden(client: Client, place: dict[str, str]) -> None:
    client.files.put(**place, **NAMED, content=PDF, replace=False)
    with pytest.raises(Conflict):
        client.files.put(**place, **NAMED, content=PDF, replace=False)


def test_methods_say_what_they_take(client: Client, place: dict[str, str]) -> None:
    assert list(inspect.signature(client.files.put).parameters)[-1] == "content"
    assert "content" not in inspect.signature(client.files.get).parameters
    with pytest.raises(TypeError, match="lacks the argument `content`"):
        client.files.put(**place, **NAMED)
    with pytest.raises(TypeError, match="unexpected argument `content`"):
        client.files.get(**place, content=b"")


# --- what goes over the wire ------------------------------------------------------------------------------------


def sent_of(**values: object) -> Letter:
    return letter(Order(PUT, {"vault": "v", "table": "t", "id": "i", "column": "c", **values}))


def test_what_is_said_of_a_file_stands_in_no_path() -> None:
    sent = sent_of(**NAMED, content=PDF, replace=False)
    assert (sent.method, sent.target) == ("PUT", "/v1/vaults/v/tables/t/records/i/files/c")
    assert sent.headers == {
        "privet-file-name": "caf%C3%A9%20menu.pdf",
        "privet-file-type": "application/pdf",
        "privet-file-replace": "false",
        "content-length": str(len(PDF)),
    }
    assert letter(Order(GET, {"vault": "v", "table": "t", "id": "i", "column": "c"})).headers == {}


@pytest.mark.parametrize("said", [{"mime": "a/b\r\nx: y"}, {"mime": "ä/b"}, {"sha256": "\0"}])
def test_what_does_not_fit_in_a_header_line_is_refused(said: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        sent_of(name="a", content=b"", **said)


def test_content_is_cut_into_pieces_that_fit_in_memory() -> None:
    content = bytes(2 * PIECE_BYTES + 1)
    for given in (content, io.BytesIO(content)):
        assert [len(piece) for piece in pieces(given)] == [PIECE_BYTES, PIECE_BYTES, 1]
