"""Pages and streams of records in the order they were made. A cursor is sealed and bound to who asked for what."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Callable

from privet import digest
from privet.errors import Damaged, InvalidInput
from privet.policy.permit import Permit
from privet.vault import candidates
from privet.vault.access.budgets import Seen
from privet.vault.log.audit import Deed
from privet.vault.records import Opened, open_rows
from privet.vault.sight import View
from privet.vault.vault import Vault
from privet.vocabulary.predicate import ALWAYS

MOST_OPENED = 10_000  # candidates that one page opens; the cursor goes on where it stopped


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

    Fewer come, with a cursor, where rules that no index answers leave more than MOST_OPENED to be looked at. Raises
    InvalidInput for a cursor of another question, caller or policy.
    """
    table = vault.table(permit.table)
    bound = _bound(permit, view)
    after = open_cursor(vault, cursor, bound) if cursor else b""
    found: list[Opened] = []
    more, opened, size, seen = True, 0, limit, Seen(table, permit)
    while more and len(found) < limit and opened < MOST_OPENED:
        rows, more = candidates.page(vault, permit, after, size)
        part, room = Seen(table, permit), limit - len(found)
        shown = open_rows(vault, permit, rows, view, part)
        if len(shown) > room:
            kept, part = frozenset(item.id for item in shown[:room]), Seen(table, permit)
            shown, more = open_rows(vault, permit, [row for row in rows if row[0] in kept], view, part), True
            after = shown[-1].id
        elif rows:
            after = rows[-1][0]  # type: ignore[assignment]  # ids are bytes
        found += shown
        seen.merge(part)
        opened += size
        # Where most candidates fall away, few at a time would take many looks.
        size = min(2 * size, MOST_OPENED - opened)
    ids = b"".join(item.id for item in found)
    await vault.note(deed, table=table.name, columns=view.columns, records=ids, count=len(found), seen=(seen,))
    # Whether there is more must not tell of rows that the caller may not see: with them, a full page never is the last.
    more = more or (len(found) == limit and permit.rows != ALWAYS)
    return found, seal_cursor(vault, after, bound) if more else ""


async def export(
    vault: Vault, permit: Callable[[], Permit], view: View, deed: Deed, *, rows: int = 1000
) -> AsyncGenerator[list[Opened], None]:
    """Yield every record, `rows` at a time; each chunk is audited before it leaves.

    `permit`: what the caller may see now, asked for before each chunk; what it raises ends the export.
    """
    after = b""
    more = True
    while more:
        allowed = permit()
        table = vault.table(allowed.table)
        chunk, more = candidates.page(vault, allowed, after, rows)
        if not chunk:
            return
        seen = Seen(table, allowed)
        opened = open_rows(vault, allowed, chunk, view, seen)
        ids = b"".join(item.id for item in opened)
        await vault.note(deed, table=table.name, columns=view.columns, records=ids, count=len(opened), seen=(seen,))
        yield opened
        after = chunk[-1][0]  # type: ignore[assignment]  # ids are bytes


def _bound(permit: Permit, view: View) -> bytes:
    parts = (permit.principal, permit.table, permit.policy, permit.purpose, view.redaction, *view.columns)
    return digest.sha256(digest.canonical(part.encode() for part in parts))[:16]


def seal_cursor(vault: Vault, after: bytes, bound: bytes) -> str:
    """Return the cursor of what comes after a place. `bound`: 16 bytes that say who asked for what."""
    cell = vault.ring.cell(vault.id, "cursor").seal(bound, [bytes(16)], [after])[0]
    return base64.urlsafe_b64encode(cell).decode().rstrip("=")


def open_cursor(vault: Vault, cursor: str, bound: bytes) -> bytes:
    """Return the place that a cursor stands at. Raises InvalidInput for that of another question or caller."""
    try:
        cell = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        return vault.ring.cell(vault.id, "cursor").open(bound, [bytes(16)], [cell])[0]
    except (Damaged, binascii.Error, ValueError):
        raise InvalidInput("expected the cursor of this caller's same question", at="cursor") from None
