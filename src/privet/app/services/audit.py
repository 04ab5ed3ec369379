"""The audit: what was done, the signed checkpoint of it, proofs, and whether the vault is what it proves."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from privet import digest
from privet.app import consent, witness
from privet.app.denials import policy_name
from privet.app.services.records import read_id
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.crypto import merkle
from privet.crypto.merkle import Checkpoint
from privet.errors import Conflict, InvalidInput, PolicyDamaged
from privet.policy.decide import may
from privet.store.port import Unit
from privet.vault.log import history, search
from privet.vault.log.audit import EXPIRED, READ, WRITTEN
from privet.vault.log.checkpoint import Log
from privet.vault.log.history import Entry, Page
from privet.vault.log.verify import Report, verify_log
from privet.vault.log.verify import verify as look_at
from privet.vault.vault import Vault
from privet.vocabulary.predicate import Compare

MAX_ENTRIES = 1_000
_AGO = re.compile(r"([1-9]\d{0,5})([dhm])")
_UNIT_MS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000}
KINDS = {READ: "read", WRITTEN: "written", EXPIRED: "expired"}


class AuditAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class EntriesAsk(Ask, kw_only=True):
    """Show entries with numbers above `after`, `limit` of them at most."""

    vault: str = ""
    after: int = 0
    limit: int = 100


class TailAsk(EntriesAsk, kw_only=True):
    """Show entries with numbers above `after`, `limit` of them at most.

    `follow`: leave out what following itself writes, so that nothing new stays nothing new. On the command line: go on
    until Ctrl-C, from the newest entries if `after` names none.
    """

    follow: bool = False


class SearchAsk(Ask, kw_only=True):
    """Find entries, newest first. What is left out is not asked.

    `who`: name or id of a principal. `verb`: a verb, or a noun for all of its verbs. `record`: an id. `since`, `until`:
    a date or time (UTC unless it says otherwise), or how long ago: `90d`, `12h`, `5m`. `before`: go on below the number
    that the last answer named.
    """

    vault: str = ""
    who: str = ""
    verb: str = ""
    table: str = ""
    column: str = ""
    record: str = ""
    stated: str = ""
    since: str = ""
    until: str = ""
    denied: bool = False
    before: int = 0
    limit: int = 100


class ProofAsk(Ask, kw_only=True):
    """Prove entry `seq` (from 1). `size`: of an older checkpoint that the log must only add to."""

    vault: str = ""
    seq: int = 0
    size: int = 0


class VerifyAsk(Ask, kw_only=True):
    """Look at a whole vault. `checkpoint`: a signed one that was kept elsewhere; `key`: the log's public key.

    `witness`: what a witness holds; the newest checkpoint of this log counts. That of `privet.yaml` counts anyway.
    """

    vault: str = ""
    checkpoint: str = ""
    key: str = ""
    witness: str = ""


class HouseAsk(Ask, kw_only=True):
    """Look at the home's own audit: of principals, credentials, vaults. `witness`: as of `verify`."""

    witness: str = ""


class EntryShown(Answer, omit_defaults=True):
    """An entry: what was done to which records. Empty where it has expired. Time: UTC milliseconds since 1970.

    `rules`: as `role/position`. `shown`: the most that was shown of each column. `denied`: it was not permitted, or
    `count` further ones were not.
    """

    seq: int
    at_ms: int
    kind: str
    who: str = ""
    verb: str = ""
    credential: str = ""
    policy: str = ""
    rules: list[str] = msgspec.field(default_factory=list)
    purpose: str = ""
    request: str = ""
    denied: bool = False
    table: str = ""
    columns: list[str] = msgspec.field(default_factory=list)
    shown: dict[str, str] = msgspec.field(default_factory=dict)
    note: str = ""
    count: int = 0
    records: list[str] = msgspec.field(default_factory=list)
    expired: bool = False


class Tail(Answer):
    """Entries in order, and the number to go on after."""

    entries: list[EntryShown]
    next: int


class Found(Answer):
    """Entries that fit, newest first, and the number to go on below: 0 where there are no more."""

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
    """What was looked at. `sound`: nothing was found. `tail`: entries that no checkpoint proves yet, from `tail_first`
    to `tail_last`. `witnessed`: up to which entry a checkpoint that was kept elsewhere speaks.

    `count`: how many faults there are; `faults` holds the first.
    """

    sound: bool
    entries: int
    proven: int
    witnessed: int
    tail: int
    tail_first: int
    tail_last: int
    records: int
    count: int
    faults: list[FaultShown]


async def tail(house: House, who: Caller, ask: TailAsk) -> Tail:
    """Show what was done, oldest first."""
    vault = _vault(house, who, ask.vault)
    found = _read(vault, ask)
    last = found[-1].seq if found else ask.after
    entries = [_shown(entry) for entry in found]
    if ask.follow:
        entries = [entry for entry in entries if (entry.who, entry.verb) != (who.principal.id, "audit.tail")]
    if entries or not ask.follow:
        await _note(house, who, vault, "audit.tail", len(entries))
    return Tail(entries=entries, next=last)


async def find(house: House, who: Caller, ask: SearchAsk) -> Found:
    """Find entries, newest first."""
    vault = _vault(house, who, ask.vault)
    _check_limit(ask.limit)
    named = house.callers.accounts(Compare("name", "=", ask.who)) if ask.who else ()
    wanted = search.Wanted(
        principals=[ask.who, *(account.id for account in named)] if ask.who else (),
        verb=ask.verb,
        table=ask.table,
        column=ask.column,
        record=read_id(ask.record, "record") if ask.record else b"",
        purpose=ask.stated,
        since_ms=moment(ask.since, house.clock(), "since"),
        until_ms=moment(ask.until, house.clock(), "until"),
        denied=ask.denied,
    )
    entries, below = await asyncio.to_thread(search.search, vault.store, wanted, before=ask.before, limit=ask.limit)
    await _note(house, who, vault, "audit.search", len(entries))
    return Found(entries=[_shown(entry) for entry in entries], next=below)


def moment(text: str, now_ms: int, at: str) -> int:
    """Return the UTC milliseconds of a date, a time, or how long ago; 0 for "". Raises InvalidInput.

    >>> moment("1970-01-02", 0, "since"), moment("2h", 7_200_001, "since")
    (86400000, 1)
    """
    if not text:
        return 0
    ago = _AGO.fullmatch(text)
    if ago:
        return max(1, now_ms - int(ago.group(1)) * _UNIT_MS[ago.group(2)])
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("expected a date, a time, or how long ago, as `90d`", at=at) from None
    return max(1, int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000))


async def export(house: House, who: Caller, ask: EntriesAsk) -> Page:
    """Show entries with all that their proofs need."""
    vault = _vault(house, who, ask.vault)
    found = _read(vault, ask)
    await _note(house, who, vault, "audit.export", len(found))
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
    vault = _verifiable(house, who, ask.vault)
    log = house.vault_log(ask.vault)
    witnessed = _of_witness(house, log, ask.witness)
    witnessed += [_witnessed(log, ask)] if ask.checkpoint or ask.key else []
    with vault.reading():
        found = await asyncio.to_thread(look_at, vault, log, witnessed=witnessed)
    await _note(house, who, vault, "audit.verify", found.count)
    return _verified(found, witnessed)


async def verify_house(house: House, who: Caller, ask: HouseAsk) -> Verified:
    """Look at every entry of the home's own audit, and at the notices and choices that they bind."""
    may(house.policy(), who.principal, "audit", who.purpose)
    witnessed = _of_witness(house, house.log, ask.witness)
    found = await asyncio.to_thread(verify_log, house.log, partial(consent.faults, house), witnessed=witnessed)
    deed = who.deed("audit.house", house.policy().version, house.clock())
    await house.control.write(Unit((deed.seen(count=found.count),)))
    return _verified(found, witnessed)


def _verified(found: Report, witnessed: Sequence[Checkpoint]) -> Verified:
    return Verified(
        sound=not found.count,
        entries=found.entries,
        proven=found.proven,
        witnessed=max((checkpoint.size for checkpoint in witnessed), default=0),
        tail=found.tail,
        tail_first=found.proven + 1 if found.tail else 0,
        tail_last=found.entries if found.tail else 0,
        records=found.records,
        count=found.count,
        faults=[FaultShown(rule=fault.rule, at=fault.at, what=fault.what) for fault in found.faults],
    )


def _vault(house: House, who: Caller, name: str) -> Vault:
    """Return a vault whose audit the caller may see. Raises Denied, NotFound."""
    vault = house.vault(name)
    may(house.policy(vault), who.principal, "audit", who.purpose, now=house.now())
    return vault


def _verifiable(house: House, who: Caller, name: str) -> Vault:
    """Return a vault that the caller may verify; by the built-in roles where its own policy cannot be read: what is
    wrong with it must come out, and no value does. Raises Denied, NotFound."""
    try:
        return _vault(house, who, name)
    except PolicyDamaged:
        may(house.policy(), who.principal, "audit", who.purpose, now=house.now())
        return house.vault(name)


def _read(vault: Vault, ask: EntriesAsk) -> list[Entry]:
    _check_limit(ask.limit)
    return [entry for batch in history.read(vault.store, after=ask.after, limit=ask.limit) for entry in batch]


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MAX_ENTRIES:
        raise InvalidInput(f"expected a limit of 1 to {MAX_ENTRIES:,}", at="limit")


async def _note(house: House, who: Caller, vault: Vault, verb: str, count: int) -> None:
    await vault.note(who.deed(verb, policy_name(house, vault), vault.clock()), count=count)


def _shown(entry: Entry) -> EntryShown:
    said: dict[str, Any] = history.said(entry) or {}
    columns, shown = said.get("columns", []), said.get("shown", [])
    each = [shown] * len(columns) if isinstance(shown, str) else shown
    said["shown"] = {name: most for name, most in zip(columns, each, strict=False) if most}
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


def _of_witness(house: House, log: Log, given: str) -> list[Checkpoint]:
    """Return the newest checkpoint of a log that each witness holds: the one of `privet.yaml`, and what was given."""
    configured = house.witness.newest(log) if house.witness is not None else None
    found = [configured] if configured is not None else []
    if given:
        note = witness.notes(given).get(log.origin, "")
        if not note:
            raise InvalidInput(f"the witness holds no checkpoint of `{log.origin}`", at="witness")
        found.append(witness.proved(note, log.verifier))
    return found


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
        name="audit.search",
        method="GET",
        path=_AUDIT + "/search",
        ask=SearchAsk,
        answer=Found,
        run=find,
        about="Find entries by who, verb, table, column, record, purpose and time, newest first.",
    ),
    Verb(
        name="audit.export",
        method="GET",
        path=_AUDIT + "/entries",
        ask=EntriesAsk,
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
    Verb(
        name="audit.house",
        method="POST",
        path="/v1/verify",
        ask=HouseAsk,
        answer=Verified,
        run=verify_house,
        about="Look at the home's own audit.",
    ),
)
