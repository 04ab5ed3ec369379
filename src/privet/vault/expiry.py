"""Remove what has run out: records past their time to live, and answers kept for retries."""

from __future__ import annotations

from collections.abc import Sequence

from privet import digest
from privet.store.port import Delete, Select, Step
from privet.vault.audit import Deed
from privet.vault.change import delete_steps
from privet.vault.rows import written_entry
from privet.vault.schema import Table
from privet.vault.vault import Vault
from privet.vocabulary.predicate import Compare

CHUNK = 500


async def sweep(vault: Vault, deed: Deed) -> int:
    """Delete expired records and retry answers, a few hundred in a unit; return how many records went."""
    count = 0
    for table in vault.schema.tables:
        if table.collection.ttl_seconds:
            while removed := await _sweep_some(vault, table, deed):
                count += removed
    await _forget_answers(vault)
    return count


async def _sweep_some(vault: Vault, table: Table, deed: Deed) -> int:
    def prepare() -> tuple[int, Sequence[Step]]:
        sealer = vault.sealer(table)
        where = Compare("expires", "<=", vault.clock())
        rows = vault.store.select(Select(table=table.rows, columns=sealer.physical, where=where, limit=CHUNK))
        sealer.verify(rows)
        if not rows:
            return 0, ()
        proof = b"".join(written_entry(row[0], 0, digest.ZERO_ID) for row in rows)  # type: ignore[arg-type]
        entry = deed.entry(table.name, records=proof, count=len(rows), note="expired")
        return len(rows), (*delete_steps(vault, table, rows), entry)

    return await vault.attempt(prepare)


async def _forget_answers(vault: Vault) -> None:
    where = Compare("expires", "<=", vault.clock())
    while True:
        rows = vault.store.select(Select(table="idempotency", columns=("key",), where=where, limit=CHUNK))
        if not rows:
            return
        await vault.write((Delete("idempotency", ("key",), rows),))
