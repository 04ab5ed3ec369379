"""Erase a person: her key, then her records, tags and tokens, under a ledger that outlives a crash."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from privet import digest
from privet.errors import NotFound
from privet.store.port import Delete, Put, Row, Select, Step
from privet.vault.access import consents
from privet.vault.change import delete_steps
from privet.vault.holders import release, together
from privet.vault.log.audit import Deed
from privet.vault.people.ledger import Entry
from privet.vault.rows import fetch, written_entry
from privet.vault.schema import Table
from privet.vault.vault import Vault
from privet.vocabulary.predicate import ALWAYS, Compare, In, Predicate

LEDGER = ("id", "subject", "state", "at")


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure removed."""

    records: int
    tokens: int


def subject_of(vault: Vault, table: Table, record: bytes) -> bytes:
    """Return whom a record is about. Raises NotFound if it does not exist or is about nobody."""
    rows = fetch(vault, table, [record])
    subject = rows[0][vault.sealer(table).place["subject"]] if rows else None
    if not isinstance(subject, bytes):
        raise NotFound(f"no such record in `{table.name}`, or it has no subject")
    return subject


async def erase(vault: Vault, subject: bytes, deed: Deed) -> Erased:
    """Erase everything that is held of a subject. Doing it again finds nothing and succeeds.

    The intent is durable first, in the ledger and in the database; the subject's key is forgotten next, the records
    follow: a crash in between is finished by `finish` at the next start.
    """
    # Shielded: a caller who goes away must not leave a person half erased until the next start.
    return await asyncio.shield(asyncio.ensure_future(_erase(vault, subject, deed)))


async def _erase(vault: Vault, subject: bytes, deed: Deed) -> Erased:
    entry = Entry(digest.random_ids(1)[0], subject, deed.at_ms)
    if vault.ledger is not None:
        await asyncio.to_thread(vault.ledger.append, entry)
    await vault.write((_intent(entry, "open"),))
    if vault.subjects is not None:
        await vault.subjects.forget(subject)
    found = await vault.attempt(lambda: _removal(vault, entry, deed))
    vault.let_go(subject)
    consents.forget(vault, subject)
    if vault.subjects is not None:
        vault.subjects.let_go([subject])
    return found


def finish(vault: Vault, deed: Deed) -> int:
    """Carry out what a crash cut short and what a restored backup does not know of; return how many erasures.

    For the start, before the vault serves: nobody else may write. Raises Damaged, StoreFailed.
    """
    entries = {entry.intent: entry for entry in _known(vault)}
    if vault.ledger is not None:
        told = {entry.intent: entry for entry in vault.ledger.entries()}
        for intent in entries.keys() - told.keys():
            vault.ledger.append(entries[intent])
        entries.update(told)
    if vault.subjects is not None:
        subjects = sorted({entry.subject for entry in entries.values()})
        vault.subjects.purge(subjects)
    done = {entry.intent for entry in _known(vault, state="done")}
    left = [entry for intent, entry in entries.items() if intent not in done]
    for entry in left:
        vault.write_now(_removal(vault, entry, deed)[1])
    return len(left)


def collect(vault: Vault) -> int:
    """Destroy subject keys that nothing is held of; return how many there were."""
    return vault.subjects.collect(lambda subjects: _used(vault, subjects)) if vault.subjects is not None else 0


def collect_strays(vault: Vault) -> int:
    """`collect` at the start, among the keys that were made since the last start."""
    return vault.subjects.collect_strays(lambda subjects: _used(vault, subjects)) if vault.subjects is not None else 0


def _intent(entry: Entry, state: str) -> Step:
    return Put("erasures", LEDGER, ((entry.intent, entry.subject, state, entry.at_ms),))


def _known(vault: Vault, *, state: str = "") -> list[Entry]:
    where: Predicate = Compare("state", "=", state) if state else ALWAYS
    rows = vault.store.select(Select(table="erasures", columns=("id", "subject", "at"), where=where))
    return [Entry(*row) for row in rows]  # type: ignore[arg-type]  # as the shape says


def _removal(vault: Vault, entry: Entry, deed: Deed) -> tuple[Erased, Sequence[Step]]:
    """Return what an erasure removes from the database, and the steps that do."""
    steps: list[Step] = []
    proof: list[bytes] = []
    for table in vault.schema.tables:
        rows = _rows(vault, table, entry.subject)
        steps.extend(delete_steps(vault, table, rows))
        proof += [written_entry(row[0], 0, digest.ZERO_ID) for row in rows]  # type: ignore[arg-type]
    held = _standalone(vault, entry.subject)
    steps.extend(release(vault, held))
    # Her records and she may hold the same token, which goes once all of them let go.
    steps = list(together(vault, steps))
    steps.append(Delete("consents", ("subject",), ((entry.subject,),)))
    steps.append(_intent(entry, "done"))
    steps.append(deed.entry(records=b"".join(proof), count=len(proof)))
    steps.extend(deed.settle(entry.subject))
    return Erased(len(proof), len(held)), steps


def _used(vault: Vault, subjects: Sequence[bytes]) -> set[bytes]:
    where = In("subject", tuple(subjects))
    tables = [table.rows for table in vault.schema.tables if table.collection.subject != "none"]
    # Tokens without a record are held by their subject; those of records are found by the record.
    held = Select(table="refs", group=("holder",), where=In("holder", tuple(subjects)))
    used: set[bytes] = set()
    for question in (*(Select(table=name, group=("subject",), where=where) for name in tables), held):
        rows = vault.store.select(question)
        used.update(row[0] for row in rows)  # type: ignore[misc]  # a blob: nulls are in no `In`
    return used


def _rows(vault: Vault, table: Table, subject: bytes) -> list[Row]:
    """Return every record about a subject, expired ones too."""
    if table.collection.subject == "none":
        return []
    sealer = vault.sealer(table)
    question = Select(table=table.rows, columns=sealer.physical, where=Compare("subject", "=", subject))
    rows = vault.store.select(question)
    sealer.verify(rows)
    return rows


def _standalone(vault: Vault, subject: bytes) -> list[tuple[bytes, bytes]]:
    question = Select(table="refs", columns=("token", "holder", "rows"), where=Compare("holder", "=", subject))
    return [(row[0], row[1]) for row in vault.store.select(question) if row[2] is None]  # type: ignore[misc]
