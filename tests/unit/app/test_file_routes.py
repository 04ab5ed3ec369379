"""Files over HTTP: bytes in, the same bytes out, and nothing of them in a path or a query."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from wire import Answered, World

from privet.app.http.files import file_routes
from privet.app.http.guard import Guard, Limits
from privet.app.http.paths import Paths
from privet.app.http.routes import caller, make_app
from privet.app.services import principals, records, vaults
from privet.app.services.verb import Caller
from privet.app.settings import MAX_FILE_BYTES, Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Unauthenticated
from privet.store.port import Select

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
    with asyncio.Runner() as runner:
        asked = principals.CreateAsk(name="viewer", roles=["viewer"])
        viewer = runner.run(principals.create(house, who, asked)).key

        async def make() -> str:
            await vaults.create(house, who, vaults.CreateAsk(name="t", schema=SCHEMA))
            ask = records.InsertAsk(vault="t", table="letters", records=[{"title": "menu"}])
            return (await records.insert(house, who, ask)).records[0].id

        record = runner.run(make())
        path = f"/v1/vaults/t/tables/letters/records/{record}/files/scan"
        yield Desk(World(house, make_app(house)), key.reveal(), viewer, path, runner)  # type: ignore[arg-type]
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
    headers = (*NAMED, ("Content-Length", str(MAX_FILE_BYTES + 1)))
    assert desk.ask("PUT", headers=headers).status == 413


def test_who_sees_masks_only_gets_no_content_and_stores_none(desk: Desk) -> None:
    desk.ask("PUT", PDF, headers=NAMED)
    assert desk.ask("GET", key=desk.viewer).status == 403
    assert desk.ask("PUT", PDF, key=desk.viewer, headers=NAMED).status == 403


# --- as it arrives ----------------------------------------------------------------------------------------------


MEBIBYTE = bytes(1 << 20)
UNKNOWN = (("Privet-File-Name", "film.bin"),)


def stored_chunks(desk: Desk) -> int:
    house: Any = desk.world.house
    return len(house.vault("t").store.select(Select(table="chunks", columns=("place",))))


def limited(desk: Desk, **limits: float) -> None:
    house: Any = desk.world.house
    desk.world.app = make_app(house, limits=Limits(**limits))  # type: ignore[arg-type]


def feed(desk: Desk, *messages: dict[str, Any]) -> tuple[list[int], list[int]]:
    """Send messages of a body as the server asks for them.

    Returns how many chunks were stored before each of them, and the statuses of answers.
    """
    waiting, before, statuses = list(messages), [], []

    async def receive() -> dict[str, Any]:
        before.append(stored_chunks(desk))
        return waiting.pop(0)

    async def send(message: Any) -> None:
        statuses.extend([message["status"]] if "status" in message else [])

    lines = [(b"authorization", f"Bearer {desk.key}".encode()), (b"transfer-encoding", b"chunked")]
    scope = {"type": "http", "method": "PUT", "path": desk.path, "headers": [*lines, (b"privet-file-name", b"a.bin")]}
    desk.runner.run(desk.world.app(scope, receive, send))
    return before, statuses


def piece(more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": MEBIBYTE, "more_body": more}


def test_a_file_is_sealed_before_all_of_it_is_there(desk: Desk) -> None:
    before, statuses = feed(desk, piece(), piece(), piece(), piece(more=False))
    assert (before[0], before == sorted(before), statuses) == (0, True, [200])
    assert before[-1] >= 8
    assert desk.ask("GET").body == MEBIBYTE * 4


def test_an_upload_whose_sender_leaves_leaves_nothing(desk: Desk) -> None:
    before, statuses = feed(desk, piece(), piece(), piece(), {"type": "http.disconnect"})
    assert (before[-1] > 0, stored_chunks(desk), statuses) == (True, 0, [])
    assert desk.ask("GET").status == 404


def test_a_sender_who_falls_silent_is_told_and_leaves_nothing(desk: Desk) -> None:
    limited(desk, stall_seconds=0.05)
    answer = desk.ask("PUT", chunks=[MEBIBYTE] * 3, headers=UNKNOWN, stall=True)
    assert (answer.status, answer.headers["connection"], stored_chunks(desk)) == (408, "close", 0)


def test_a_file_over_the_limit_is_refused_where_no_length_was_said(desk: Desk) -> None:
    house: Any = desk.world.house
    house.settings = replace(house.settings, max_file_bytes=2 << 20)
    limited(desk)
    answer = desk.ask("PUT", chunks=[MEBIBYTE] * 3, headers=UNKNOWN)
    assert (answer.status, stored_chunks(desk)) == (413, 0)
    assert desk.ask("PUT", chunks=[MEBIBYTE] * 2, headers=UNKNOWN).status == 200


def test_a_key_that_is_revoked_ends_an_upload_that_is_under_way(desk: Desk) -> None:
    keys = iter([True, True, False])

    def authenticate(key: str) -> Any:
        if not next(keys):
            raise Unauthenticated("expected a valid API key")
        return house.callers.principal(key, START_MS)

    house: Any = desk.world.house
    desk.world.app = Guard(Paths(file_routes(house, caller)), authenticate)
    answer = desk.ask("PUT", chunks=[MEBIBYTE] * 3, headers=UNKNOWN)
    assert (answer.status, stored_chunks(desk)) == (401, 0)


def test_a_file_is_replaced_unless_its_sender_forbids_it(desk: Desk) -> None:
    keep = ("Privet-File-Replace", "false")
    assert desk.ask("PUT", PDF, headers=(*NAMED, keep)).status == 200
    assert desk.ask("PUT", b"other", headers=(*UNKNOWN, keep)).status == 409
    assert desk.ask("GET").body == PDF
    assert desk.ask("PUT", b"other", headers=UNKNOWN).status == 200
    assert desk.ask("GET").body == b"other"
    assert desk.ask("PUT", b"", headers=(*UNKNOWN, ("Privet-File-Replace", "maybe"))).status == 422


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
