"""Erase a person: her key, then her records, tags and tokens, under a ledger that outlives a crash."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from privet import digest
from privet.errors import NotFound
from privet.store.port import Insert, Put, Select, Step
from privet.vault import tokens
from privet.vault.audit import Deed
from privet.vault.records import delete_steps, fetch, written_entry
from privet.vault.schema import Table
from privet.vault.vault import Vault
from privet.vocabulary.predicate import Compare

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

    The intent is durable first, the subject's key is forgotten next, the records follow: a crash in between is
    finished by `finish` at the next start.
    """
    intent = digest.random_ids(1)[0]
    await vault.write((Insert("erasures", LEDGER, ((intent, subject, "open", deed.at_ms),)),))
    return await _carry_out(vault, intent, subject, deed)


async def finish(vault: Vault, deed: Deed) -> int:
    """Carry out the erasures that a crash cut short; return how many there were."""
    open_ones = vault.store.select(
        Select(table="erasures", columns=("id", "subject"), where=Compare("state", "=", "open"))
    )
    for intent, subject in open_ones:
        await _carry_out(vault, intent, subject, deed)  # type: ignore[arg-type]
    return len(open_ones)


async def _carry_out(vault: Vault, intent: bytes, subject: bytes, deed: Deed) -> Erased:
    vault.forget_subject(subject)

    def prepare() -> tuple[Erased, Sequence[Step]]:
        steps: list[Step] = []
        proof: list[bytes] = []
        for table in vault.schema.tables:
            found = _record_ids(vault, table, subject)
            for at in range(0, len(found), 1000):
                rows = fetch(vault, table, found[at : at + 1000])
                steps.extend(delete_steps(vault, table, rows))
                proof += [written_entry(row[0], 0, digest.ZERO_ID) for row in rows]  # type: ignore[arg-type]
        held = _standalone(vault, subject)
        steps.extend(tokens.release(vault, held))
        steps.append(Put("erasures", LEDGER, ((intent, subject, "done", deed.at_ms),)))
        steps.append(deed.entry(records=b"".join(proof), count=len(proof)))
        steps.extend(deed.settle(subject))
        return Erased(len(proof), len(held)), steps

    return await vault.attempt(prepare)


def _record_ids(vault: Vault, table: Table, subject: bytes) -> list[bytes]:
    if table.collection.subject == "none":
        return []
    question = Select(table=table.rows, columns=("id",), where=Compare("subject", "=", subject))
    return [row[0] for row in vault.store.select(question)]  # type: ignore[misc]


def _standalone(vault: Vault, subject: bytes) -> list[tuple[bytes, bytes]]:
    question = Select(table="refs", columns=("token", "holder", "rows"), where=Compare("subject", "=", subject))
    return [(row[0], row[1]) for row in vault.store.select(question) if row[2] is None]  # type: ignore[misc]
