"""Pages and streams of records in the order they were made. A cursor is sealed and bound to who asked for what."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator

from privet import digest
from privet.errors import Damaged, InvalidInput
from privet.policy.permit import Permit
from privet.store.port import Row, Select
from privet.vault.log.audit import Deed
from privet.vault.records import Opened, open_rows
from privet.vault.rows import not_expired
from privet.vault.schema import Table
from privet.vault.sight import View
from privet.vault.vault import Vault
from privet.vocabulary.predicate import And, Compare, Predicate


async def page(
    vault: Vault,
    permit: Permit,
    view: View,
    deed: Deed,
    *,
    limit: int,
    cursor: str = "",
) -> tuple[list[Opened], str]:
    """Return up to `limit` records after `cursor`, and the cursor of the rest ("" at the end). Audited.

    Raises InvalidInput for a cursor of another question, caller or policy.
    """
    table = vault.table(permit.table)
    bound = _bound(permit, view)
    after = _open_cursor(vault, cursor, bound) if cursor else b""
    found: list[Opened] = []
    more = True
    while more and len(found) < limit:
        rows = _rows(vault, table, after, limit - len(found) + 1)
        more = len(rows) > limit - len(found)
        rows = rows[: limit - len(found)]
        if rows:
            after = rows[-1][0]  # type: ignore[assignment]  # ids are bytes
        found += open_rows(vault, table, permit, rows, view)
    ids = b"".join(item.id for item in found)
    await vault.note(deed, table=table.name, columns=view.columns, records=ids, count=len(found))
    return found, _seal_cursor(vault, after, bound) if more else ""


async def export(
    vault: Vault, permit: Permit, view: View, deed: Deed, *, rows: int = 1000
) -> AsyncIterator[list[Opened]]:
    """Yield every record, `rows` at a time; each chunk is audited before it leaves."""
    table = vault.table(permit.table)
    after = b""
    while chunk := _rows(vault, table, after, rows):
        opened = open_rows(vault, table, permit, chunk, view)
        ids = b"".join(item.id for item in opened)
        await vault.note(deed, table=table.name, columns=view.columns, records=ids, count=len(opened))
        yield opened
        after = chunk[-1][0]  # type: ignore[assignment]  # ids are bytes


def _rows(vault: Vault, table: Table, after: bytes, limit: int) -> list[Row]:
    sealer = vault.sealer(table)
    where: Predicate = not_expired(vault, table)
    if after:
        where = And((Compare("id", ">", after), where))
    question = Select(table=table.rows, columns=sealer.physical, where=where, order=(("id", True),), limit=limit)
    rows = vault.store.select(question)
    sealer.verify(rows)
    return rows


def _bound(permit: Permit, view: View) -> bytes:
    parts = (permit.principal, permit.table, permit.policy, permit.purpose, view.redaction, *view.columns)
    return digest.sha256(digest.canonical(part.encode() for part in parts))[:16]


def _seal_cursor(vault: Vault, after: bytes, bound: bytes) -> str:
    cell = vault.ring.cell(vault.id, "cursor").seal(bound, [bytes(16)], [after])[0]
    return base64.urlsafe_b64encode(cell).decode().rstrip("=")


def _open_cursor(vault: Vault, cursor: str, bound: bytes) -> bytes:
    try:
        cell = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return vault.ring.cell(vault.id, "cursor").open(bound, [bytes(16)], [cell])[0]
    except (Damaged, binascii.Error, ValueError):
        raise InvalidInput("expected the cursor of this caller's same question", at="cursor") from None
