"""The rows of requests and of what is said of them: their shape, and what a row says. Who writes them is `journal`."""

from __future__ import annotations

from typing import Any

import msgspec

from privet.rights.asked import Request
from privet.store.port import Column, Row, Shape

REQUESTS = Shape(
    name="requests",
    columns=(
        Column("id", "text", null=False),
        Column("kind", "text", null=False),
        Column("state", "text", null=False),
        Column("dry", "int", null=False),
        Column("opened", "int", null=False),
        Column("updated", "int", null=False),
        Column("due", "int"),
        Column("opened_by", "text", null=False),
        Column("decided_by", "text", null=False),
        Column("reason", "text", null=False),
        Column("without", "text", null=False),
        Column("begun", "int", null=False),
        Column("forgotten", "int", null=False),
        Column("certificate", "text", null=False),
        Column("received", "int", null=False),
        Column("acknowledge", "int"),
        Column("acknowledged", "int"),
        Column("verified", "text", null=False),
        Column("law", "text", null=False),
        Column("region", "text", null=False),
        Column("language", "text", null=False),
        Column("assigned", "text", null=False),
        Column("extended", "text", null=False),
        Column("warned", "int"),
        Column("ended", "int"),
        Column("downloads", "int", null=False),
        Column("package_until", "int"),
        Column("person", "blob"),
        Column("identities", "blob"),
        Column("approval", "blob"),
        Column("plan", "blob"),
        Column("progress", "blob"),
        Column("result", "blob"),
    ),
    key=("id",),
    indexes=(("forgotten",), ("state", "due"), ("due",), ("received",), ("package_until",), ("person",)),
)
COMMENTS = Shape(
    name="request_comments",
    columns=(
        Column("request", "text", null=False),
        Column("number", "int", null=False),
        Column("by", "text", null=False),
        Column("at", "int", null=False),
        Column("body", "blob", null=False),
    ),
    key=("request", "number"),
)
"""What people note while they look after a request: sealed under its key, and gone with it."""

_UNSEEN = ("person", "identities", "approval")
READ = tuple(column.name for column in REQUESTS.columns if column.name not in _UNSEEN)
SEEN = tuple(name for name in READ if name not in ("plan", "progress", "result"))
"""Columns that say how a request stands, for whoever goes through many."""


def request_of(row: Row, columns: tuple[str, ...] = READ) -> tuple[Request, bytes]:
    """Return what a row of some columns, READ or SEEN, says, and its sealed result."""
    cell: dict[str, Any] = dict(zip(columns, row, strict=True))
    found = Request(
        id=cell["id"],
        kind=cell["kind"],
        state=cell["state"],
        dry=bool(cell["dry"]),
        opened_ms=cell["opened"],
        updated_ms=cell["updated"],
        due_ms=cell["due"],
        opened_by=cell["opened_by"],
        decided_by=cell["decided_by"],
        reason=cell["reason"],
        without=tuple(msgspec.json.decode(cell["without"])),
        begun=bool(cell["begun"]),
        forgotten=bool(cell["forgotten"]),
        certificate=cell["certificate"],
        received_ms=cell["received"],
        acknowledge_ms=cell["acknowledge"],
        acknowledged_ms=cell["acknowledged"],
        verified=cell["verified"],
        law=cell["law"],
        region=cell["region"],
        language=cell["language"],
        assigned=cell["assigned"],
        extended=cell["extended"],
        warned_ms=cell["warned"],
        ended_ms=cell["ended"],
        downloads=cell["downloads"],
        package_until_ms=cell["package_until"],
        plan=_decoded(cell.get("plan")),
        progress=_decoded(cell.get("progress")),
        result=None,
    )
    return found, cell.get("result") or b""


def _decoded(cell: bytes | None) -> Any:
    return msgspec.json.decode(cell) if cell else None
