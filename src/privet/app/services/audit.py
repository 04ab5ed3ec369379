"""The audit: what was done, the signed checkpoint of it, proofs, and whether the vault is what it proves."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import msgspec

from privet import digest
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.crypto import merkle
from privet.crypto.merkle import Checkpoint
from privet.errors import Conflict, InvalidInput
from privet.policy.decide import may
from privet.vault.log import history
from privet.vault.log.audit import EXPIRED, READ, WRITTEN
from privet.vault.log.checkpoint import Log
from privet.vault.log.history import Entry, Page
from privet.vault.log.verify import verify as look_at
from privet.vault.vault import Vault

MAX_ENTRIES = 1_000
KINDS = {READ: "read", WRITTEN: "written", EXPIRED: "expired"}


class AuditAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class TailAsk(Ask, kw_only=True):
    """Show entries with numbers above `after`, `limit` of them at most."""

    vault: str = ""
    after: int = 0
    limit: int = 100


class ProofAsk(Ask, kw_only=True):
    """Prove entry `seq` (from 1). `size`: of an older checkpoint that the log must only add to."""

    vault: str = ""
    seq: int = 0
    size: int = 0


class VerifyAsk(Ask, kw_only=True):
    """Look at a whole vault. `checkpoint`: a signed one that was kept elsewhere; `key`: the log's public key."""

    vault: str = ""
    checkpoint: str = ""
    key: str = ""


class EntryShown(Answer, omit_defaults=True):
    """An entry: what was done to which records. Empty where it has expired. Time: UTC milliseconds since 1970."""

    seq: int
    at_ms: int
    kind: str
    who: str = ""
    verb: str = ""
    policy: str = ""
    purpose: str = ""
    request: str = ""
    table: str = ""
    columns: list[str] = msgspec.field(default_factory=list)
    note: str = ""
    count: int = 0
    records: list[str] = msgspec.field(default_factory=list)
    expired: bool = False


class Tail(Answer):
    """Entries in order, and the number to go on after."""

    entries: list[EntryShown]
    next: int


class CheckpointShown(Answer):
    """The last signed checkpoint (a C2SP note), the key that proves it, and how many entries it proves."""

    note: str
    key: str
    size: int


class ProofShown(Answer):
    """That an entry stands in the log of a checkpoint. Hashes are base 64, ordered as RFC 9162 says.

    `leaf`: the entry's leaf hash. `consistency`: that the log only adds to its first `size` entries.
    """

    seq: int
    leaf: str
    inclusion: list[str]
    size: int
    consistency: list[str]
    note: str
    key: str


class FaultShown(Answer):
    """One thing that is not as it was proven."""

    rule: str
    at: str
    what: str


class Verified(Answer):
    """What was looked at. `sound`: nothing was found. `tail`: entries that no checkpoint proves yet.

    `count`: how many faults there are; `faults` holds the first.
    """

    sound: bool
    entries: int
    proven: int
    tail: int
    records: int
    count: int
    faults: list[FaultShown]


async def tail(house: House, who: Caller, ask: TailAsk) -> Tail:
    """Show what was done, oldest first."""
    vault = _vault(house, who, ask.vault)
    found = await _entries(house, who, vault, ask, "audit.tail")
    return Tail(entries=[_shown(entry) for entry in found], next=found[-1].seq if found else ask.after)


async def export(house: House, who: Caller, ask: TailAsk) -> Page:
    """Show entries with all that their proofs need."""
    vault = _vault(house, who, ask.vault)
    found = await _entries(house, who, vault, ask, "audit.export")
    lines = [history.line(entry) for entry in found]
    return Page(entries=lines, next=found[-1].seq if found else ask.after)


async def checkpoint(house: House, who: Caller, ask: AuditAsk) -> CheckpointShown:
    """Show the last signed checkpoint: keep it elsewhere, and the log can never deny what it proves."""
    _vault(house, who, ask.vault)
    log = house.vault_log(ask.vault)
    return CheckpointShown(note=log.note, key=log.verifier, size=log.last.size)


async def proof(house: House, who: Caller, ask: ProofAsk) -> ProofShown:
    """Prove an entry, and that the log only adds to an older one."""
    _vault(house, who, ask.vault)
    log = house.vault_log(ask.vault)
    found = log.prove(ask.seq, old=ask.size)
    return ProofShown(
        seq=ask.seq,
        leaf=_text(found.leaf_hash),
        inclusion=[_text(node) for node in found.inclusion],
        size=ask.size,
        consistency=[_text(node) for node in found.consistency],
        note=found.note,
        key=log.verifier,
    )


async def verify(house: House, who: Caller, ask: VerifyAsk) -> Verified:
    """Look at every entry and record of a vault, and at all that hangs on them."""
    vault = _vault(house, who, ask.vault)
    log = house.vault_log(ask.vault)
    witnessed = [_witnessed(log, ask)] if ask.checkpoint or ask.key else []
    with vault.reading():
        found = await asyncio.to_thread(look_at, vault, log, witnessed=witnessed)
    await vault.note(who.deed("audit.verify", house.policy(vault).version, vault.clock()), count=found.count)
    return Verified(
        sound=not found.count,
        entries=found.entries,
        proven=found.proven,
        tail=found.tail,
        records=found.records,
        count=found.count,
        faults=[FaultShown(rule=fault.rule, at=fault.at, what=fault.what) for fault in found.faults],
    )


def _vault(house: House, who: Caller, name: str) -> Vault:
    """Return a vault whose audit the caller may see. Raises Denied, NotFound."""
    vault = house.vault(name)
    may(house.policy(vault), who.principal, "audit", who.purpose)
    return vault


async def _entries(house: House, who: Caller, vault: Vault, ask: TailAsk, verb: str) -> list[Entry]:
    if not 1 <= ask.limit <= MAX_ENTRIES:
        raise InvalidInput(f"expected a limit of 1 to {MAX_ENTRIES:,}", at="limit")
    found = [entry for batch in history.read(vault.store, after=ask.after, limit=ask.limit) for entry in batch]
    deed = who.deed(verb, house.policy(vault).version, vault.clock())
    await vault.note(deed, count=len(found))
    return found


def _shown(entry: Entry) -> EntryShown:
    said: dict[str, Any] = history.said(entry) or {}
    said = {name: value for name, value in said.items() if name in EntryShown.__struct_fields__}
    return msgspec.convert(
        {
            **said,
            "seq": entry.seq,
            "at_ms": entry.at_ms,
            "kind": KINDS.get(entry.kind, "unknown"),
            "records": [digest.id_text(record) for record in history.record_ids(entry)],
            "expired": entry.body is None,
        },
        EntryShown,
    )


def _witnessed(log: Log, ask: VerifyAsk) -> Checkpoint:
    """Return a checkpoint that the asker kept, proved by the asker's key."""
    if not ask.checkpoint or not ask.key:
        raise InvalidInput("expected a checkpoint and the key that proves it", at="checkpoint")
    found = merkle.parse_checkpoint(merkle.open_note(ask.checkpoint, ask.key))
    if found.origin != log.origin:
        raise Conflict(f"expected a checkpoint of `{log.origin}`, found one of another log", at="checkpoint")
    return found


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


_AUDIT = "/v1/vaults/{vault}/audit"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="audit.tail",
        method="GET",
        path=_AUDIT,
        ask=TailAsk,
        answer=Tail,
        run=tail,
        about="Show what was done, oldest first.",
    ),
    Verb(
        name="audit.export",
        method="GET",
        path=_AUDIT + "/entries",
        ask=TailAsk,
        answer=Page,
        run=export,
        about="Show entries with all that their proofs need.",
    ),
    Verb(
        name="audit.checkpoint",
        method="GET",
        path=_AUDIT + "/checkpoint",
        ask=AuditAsk,
        answer=CheckpointShown,
        run=checkpoint,
        about="Show the last signed checkpoint and the key that proves it.",
    ),
    Verb(
        name="audit.proof",
        method="GET",
        path=_AUDIT + "/proof/{seq}",
        ask=ProofAsk,
        answer=ProofShown,
        run=proof,
        about="Prove an entry, and that the log only adds to an older one.",
    ),
    Verb(
        name="audit.verify",
        method="POST",
        path="/v1/vaults/{vault}/verify",
        ask=VerifyAsk,
        answer=Verified,
        run=verify,
        about="Look at every entry and record, and at all that hangs on them.",
    ),
)
