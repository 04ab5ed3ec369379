"""Remove what has run out: records past their time to live, places in queues, budgets, answers kept for retries."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from privet import digest
from privet.store.port import Clash, Delete, Expect, Select, Step, Store, Unit
from privet.vault.access import queues
from privet.vault.change import delete_steps
from privet.vault.log.audit import Deed
from privet.vault.rows import may_expire, written_entry
from privet.vault.schema import Table
from privet.vault.vault import Vault
from privet.vocabulary.predicate import And, Compare, In

CHUNK = 500


async def sweep(vault: Vault, deed: Deed) -> int:
    """Delete what has run out, a few hundred in a unit; return how many records went."""
    count = 0
    for table in vault.schema.tables:
        while may_expire(vault, table) and (removed := await _sweep_some(vault, table, deed)):
            count += removed
    await queues.sweep(vault, deed)
    await _forget(vault.store, "spent", "name", "until", vault.clock())
    await forget_answers(vault.store, vault.clock())
    return count


async def _sweep_some(vault: Vault, table: Table, deed: Deed) -> int:
    def prepare() -> tuple[int, Sequence[Step]]:
        vault.demand_current(table)
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


async def forget_answers(store: Store, now_ms: int) -> None:
    """Delete retry answers that ran out before `now_ms`."""
    await _forget(store, "idempotency", "key", "expires", now_ms)


async def _forget(store: Store, table: str, key: str, end: str, now_ms: int) -> None:
    where = Compare(end, "<=", now_ms)
    while rows := store.select(Select(table=table, columns=(key,), where=where, limit=CHUNK)):
        # A row that was given another end meanwhile stays.
        same = (Expect(table, And((In(key, tuple(row[0] for row in rows)), Compare(end, ">", now_ms))), False),)
        with suppress(Clash):
            await store.write(Unit((*same, Delete(table, (key,), rows))))
