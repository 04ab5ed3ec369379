"""Change keys while the vault serves: key-encryption keys, column keys, tag keys, and once a window those of people.

A rotation draws a new key for all writes, passes over what the old one made, and destroys the old one. The state lies
in the key rows: while one is `retiring` its work is not done, and `resume` goes on with it after a crash. The passes
themselves are in `vault.upkeep.sweep`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from privet.crypto.keys import KeyRow
from privet.errors import NotFound
from privet.store.port import Step
from privet.vault.log.audit import Deed
from privet.vault.people import erasure
from privet.vault.tokens import STORED
from privet.vault.upkeep.sweep import Owner, sweep, sweep_now
from privet.vault.vault import Vault, forgettable, key_steps


async def rewrap(vault: Vault, deed: Deed) -> int:
    """Wrap every key of the vault under a new key-encryption key; return how many."""
    with vault.maintenance("rewrap"):
        async with vault.pause():
            rows = vault.ring.rewrap(now=vault.clock() // 1000)
            entry = deed.entry(note="keys rewrapped", count=len(rows))
            vault.write_now((*vault.keep_keys(rows), entry, *deed.settle(b"")))
            vault.trim_keys()
    return len(rows)


async def rotate_column(vault: Vault, table: str, column: str, deed: Deed) -> int:
    """Give a column a new key, seal its values and stored tokens anew, and destroy the old one; return how many keys.

    Keys of sealed and ff1 tokens stay, because those tokens are in other people's tables. Raises UnknownName,
    Conflict while keys are being changed.
    """
    found = vault.table(table).column(column)
    if found.field.reference:
        raise NotFound(f"column `{column}` is a reference, which is not sealed")
    owners: list[Owner] = [("cell", found.id)]
    if found.field.token is not None and found.field.token.kind in STORED and found.token_id:
        owners.append(("token", found.token_id))
    return await _rotate(vault, owners, deed)


async def rotate_index(vault: Vault, table: str, column: str, index: str, deed: Deed) -> int:
    """Build an index anew under a new key and destroy the old one. Raises UnknownName, NotFound, Conflict."""
    found = vault.table(table).column(column).index(index)
    if found is None:
        raise NotFound(f"column `{table}.{column}` has no index of that name")
    return await _rotate(vault, [("index", found.id)], deed)


async def rotate_unique(vault: Vault, table: str, columns: Sequence[str], deed: Deed) -> int:
    """Claim the values of a unique set, or tag those of a compound index, anew under a new key and destroy the old one.

    Raises NotFound, Conflict.
    """
    known = vault.table(table)
    owners: list[Owner] = [("unique", unique.id) for unique in known.uniques if set(unique.columns) == set(columns)]
    owners += [("index", item.id) for item in known.compounds if set(item.targets) == set(columns)]
    if not owners:
        raise NotFound(f"`{table}` has no such unique set or compound index")
    return await _rotate(vault, owners, deed)


async def rotate_token_tags(vault: Vault, table: str, column: str, deed: Deed) -> int:
    """Give a column's deterministic tokens new tags; the tokens stay. Raises UnknownName, NotFound, Conflict."""
    found = vault.table(table).column(column)
    if not found.token_id:
        raise NotFound(f"column `{table}.{column}` has no tokens")
    return await _rotate(vault, [("unique", found.token_id)], deed)


async def advance(vault: Vault, deed: Deed) -> None:
    """Begin a new window: older copies of the subject keys stay shut, and tags in older copies cannot be tried.

    Going on after a crash is the same call. Raises Conflict while keys are being changed.
    """
    subjects = vault.demand_subjects()
    with vault.maintenance("window"):
        if len(subjects.epochs) == 1:
            async with vault.pause():
                subjects.begin_epoch(now=vault.clock() // 1000)
        await subjects.rewrap()
        apart = forgettable(vault.schema)
        owners: list[Owner] = [(row.purpose, row.owner) for row in _tag_keys(vault) if row.owner in apart]
        await _begin(vault, owners, deed.unsettled())
        await _finish(vault, deed)
        erasure.collect(vault)
        subjects.rewrap_tag_keys()
        subjects.end_epochs()
        await vault.write((deed.entry(note=f"subject keys in epoch {subjects.epochs[-1].epoch}"), *deed.settle(b"")))


def window_due(vault: Vault) -> bool:
    """Return whether the present window, as long as the schema says, is over, or a crash left its change half done."""
    epochs = vault.demand_subjects().epochs
    return len(epochs) > 1 or (epochs[-1].created + vault.schema.window_seconds) * 1000 <= vault.clock()


def unfinished(vault: Vault) -> list[KeyRow]:
    """Return the keys whose rotation is not done."""
    return [row for row in vault.ring.rows() if row.state == "retiring"]


async def resume(vault: Vault, deed: Deed) -> int:
    """Go on with rotations that a crash cut short; return how many keys were destroyed. Raises Conflict."""
    with vault.maintenance("rotation"):
        return await _finish(vault, deed)


def recover(vault: Vault, lost: Sequence[KeyRow], deed: Deed) -> None:
    """Bring the vault to a whole state at its start, before it serves.

    Finishes erasures, collects subject keys of nobody, and builds indexes anew whose key is `lost`: those of a
    database restored beside newer subject keys. Raises Damaged, StoreFailed.
    """
    erasure.finish(vault, deed)
    erasure.collect_strays(vault)
    if not lost:
        return
    owners = {(row.purpose, row.owner) for row in lost}
    active = {(row.purpose, row.owner) for row in vault.ring.rows() if row.state == "active"}
    fresh = [vault.ring.add(purpose, owner, now=vault.clock() // 1000) for purpose, owner in owners - active]
    # A lost key is `retiring` until its tags are gone, so that a crash in between is seen at the next start.
    marked = [replace(row, state="retiring") for row in lost]
    vault.write_now((*key_steps(marked), *vault.keep_keys(fresh)))
    vault.refresh()
    sweep_now(vault, owners, deed)
    vault.write_now(key_steps([replace(row, state="destroyed") for row in lost]))


async def _rotate(vault: Vault, owners: Sequence[Owner], deed: Deed) -> int:
    with vault.maintenance("rotation"):
        await _begin(vault, owners, deed)
        return await _finish(vault, deed)


async def _begin(vault: Vault, owners: Iterable[Owner], deed: Deed) -> None:
    """Draw new keys; those whose rotation is not done keep the ones that they have."""
    busy = {(row.purpose, row.owner) for row in unfinished(vault)}
    fresh = [owner for owner in owners if owner not in busy]
    if not fresh:
        return
    # No write may be under way that knows the old key alone: it could claim a value that a later one claims anew.
    async with vault.pause():
        changed: list[KeyRow] = []
        for purpose, owner in fresh:
            changed += vault.ring.rotate(purpose, owner, now=vault.clock() // 1000)
        vault.refresh()
        steps: tuple[Step, ...] = vault.keep_keys(changed)
        # Not awaited: a caller who goes away here must not leave a key in use that is not durable.
        vault.write_now((*steps, deed.entry(note="keys rotated", count=len(fresh)), *deed.settle(b"")))


async def _finish(vault: Vault, deed: Deed) -> int:
    """Pass over everything under retiring keys and destroy them."""
    retiring = unfinished(vault)
    if not retiring:
        return 0
    # A question that was compiled before the new key would miss records that the pass tags anew; one that reads an
    # older state of the store still opens cells under the old key.
    await vault.readers_gone()
    await sweep(vault, {(row.purpose, row.owner) for row in retiring}, deed.unsettled())
    await vault.readers_gone()
    async with vault.pause():
        rows = [vault.ring.destroy(row.key_id) for row in retiring]
        vault.refresh()
        entry = deed.unsettled().entry(note="old keys destroyed", count=len(rows))
        vault.write_now((*vault.keep_keys(rows), entry))
        vault.trim_keys()
    return len(rows)


def _tag_keys(vault: Vault) -> list[KeyRow]:
    return [row for row in vault.ring.rows() if row.purpose in ("index", "unique") and row.state == "active"]
