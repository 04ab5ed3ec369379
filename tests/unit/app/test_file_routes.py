"""Files over HTTP: bytes in, the same bytes out, and nothing of them in a path or a query."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from wire import Answered, World

from privet.app import principals
from privet.app.http.files import MOST_BYTES
from privet.app.http.routes import make_app
from privet.app.services import records, vaults
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.store.port import Unit

START_MS = 1_800_000_000_000
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: letters
        fields:
          - name: title
            fides_meta: {privet: {type: string}}
          - name: scan
            fides_meta: {privet: {type: file}}
"""
PDF = b"%PDF-2.0\n" + bytes(range(256)) * 3000
NAMED = (("Privet-File-Name", "caf%C3%A9%20menu.pdf"), ("Privet-File-Type", "application/pdf"))


@dataclass
class Desk:
    """A house with one record, and how to ask it."""

    world: World
    key: str
    viewer: str
    path: str
    runner: asyncio.Runner

    def ask(self, method: str, body: bytes = b"", *, key: str = "", **more: object) -> Answered:
        target = str(more.pop("path", self.path))
        return self.runner.run(self.world.ask(method, target, body, key=key or self.key, **more))  # type: ignore[arg-type]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    home = tmp_path / "home"
    key = initialize(Settings(home=home, key_file=home / "root.key"), now_ms=START_MS)
    house = House(load(home), clock=lambda: START_MS)
    who = Caller(house.callers.principal(key.reveal(), START_MS))
    _, viewer, step = principals.create(house.callers, "viewer", ("viewer",), now_ms=START_MS)
    house.control.write_now(Unit((step,)))
    with asyncio.Runner() as runner:

        async def make() -> str:
            await vaults.create(house, who, vaults.CreateAsk(name="t", schema=SCHEMA))
            ask = records.InsertAsk(vault="t", table="letters", records=[{"title": "menu"}])
            return (await records.insert(house, who, ask)).records[0].id

        record = runner.run(make())
        path = f"/v1/vaults/t/tables/letters/records/{record}/files/scan"
        yield Desk(World(house, make_app(house)), key.reveal(), viewer.reveal(), path, runner)  # type: ignore[arg-type]
    house.close()


def test_a_file_comes_back_as_it_went_in(desk: Desk) -> None:
    put = desk.ask("PUT", PDF, headers=NAMED)
    assert put.status == 200
    shown = put.json()
    digest = hashlib.sha256(PDF).hexdigest()
    assert (shown["name"], shown["mime"], shown["size"], shown["sha256"], shown["version"]) == (
        "café menu.pdf",
        "application/pdf",
        len(PDF),
        digest,
        2,
    )
    got = desk.ask("GET")
    assert (got.status, got.body, got.ended) == (200, PDF, True)
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-length"] == str(len(PDF))
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''caf%C3%A9%20menu.pdf"
    assert got.headers["privet-file-sha256"] == digest
    assert got.headers["x-content-type-options"] == "nosniff"


def test_an_empty_file_comes_back_empty(desk: Desk) -> None:
    assert desk.ask("PUT", headers=(("Privet-File-Name", "empty"),)).status == 200
    got = desk.ask("GET")
    assert (got.status, got.body, got.ended) == (200, b"", True)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ((), 422),
        ((("Privet-File-Name", "%FF"),), 422),
        ((("Privet-File-Name", "..%2Fa"),), 422),
        ((("Privet-File-Name", "a.png"), ("Privet-File-Type", "image/png")), 422),
        ((*NAMED, ("Privet-File-Sha256", "0" * 64)), 422),
    ],
    ids=["no-name", "no-utf-8", "folder", "other-kind", "other-hash"],
)
def test_a_file_that_breaks_a_rule_is_refused(desk: Desk, headers: tuple[tuple[str, str], ...], status: int) -> None:
    answer = desk.ask("PUT", PDF, headers=headers)
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert desk.ask("GET").status == 404


def test_a_query_is_refused_so_that_no_name_gets_into_a_log(desk: Desk) -> None:
    for method in ("PUT", "GET"):
        assert desk.ask(method, path=desk.path + "?name=a", headers=NAMED).status == 422


def test_a_body_over_the_limit_is_refused_unread(desk: Desk) -> None:
    headers = (*NAMED, ("Content-Length", str(MOST_BYTES + 1)))
    assert desk.ask("PUT", headers=headers).status == 413


def test_who_sees_masks_only_gets_no_content_and_stores_none(desk: Desk) -> None:
    desk.ask("PUT", PDF, headers=NAMED)
    assert desk.ask("GET", key=desk.viewer).status == 403
    assert desk.ask("PUT", PDF, key=desk.viewer, headers=NAMED).status == 403


def test_files_need_a_credential(desk: Desk) -> None:
    for method in ("PUT", "GET"):
        assert desk.ask(method, key="pvt_unknown", headers=NAMED).status == 401


def test_a_record_or_column_that_is_not_there_has_no_file(desk: Desk) -> None:
    assert desk.ask("GET", path=desk.path.replace("scan", "title")).status == 422
    assert (
        desk.ask(
            "GET",
            path=desk.path.rpartition("/records/")[0] + f"/records/{'0' * 8}-0000-7000-8000-{'0' * 12}/files/scan",
        ).status
        == 404
    )
