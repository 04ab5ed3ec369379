"""Second persons: what somebody asked for, somebody else approved, and is done once.

A request names what will be done by a hash over all of it, so that nothing else is done in its name. Each row has a
MAC: who writes the database file approves nothing; one who can also read it may put a spent approval back, until its
own time is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from privet import digest
from privet.errors import Conflict, Damaged, Denied, InvalidInput, LimitExceeded, NotFound
from privet.store.port import Delete, Expect, Insert, Put, Row, Select, Step
from privet.vault.log.audit import Deed
from privet.vault.vault import Vault, vouch, vouched
from privet.vocabulary.predicate import And, Compare, Predicate

DEFAULT_TTL_MS, MOST_TTL_MS = 86_400_000, 7 * 86_400_000
MOST_LIVING = 1_000
MOST_REASON = 500  # characters
_COLUMNS = ("id", "expires", "body")
_WHAT = "approval"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a second person is asked about.

    `kind`: a word that nothing else uses. `subject`: 32 bytes, the hash of exactly what will be done. `about`: the same
    for people, names only. `reason`: the asker's words. `barred`: principals besides the asker that cannot approve it:
    the author of a policy, and whoever had a hand in making the asker.
    """

    kind: str
    subject: bytes
    about: str = ""
    reason: str = ""
    barred: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A request, as `Wanted` describes it, and what became of it.

    `id`: 16 bytes. `asker`, `approver`: ids of principals. Times: UTC milliseconds since 1970, 0 for not yet.
    """

    id: bytes
    kind: str
    subject: bytes
    about: str
    asker: str
    asked_ms: int
    expires_ms: int
    reason: str = ""
    barred: tuple[str, ...] = ()
    approver: str = ""
    approved_ms: int = 0
    spent_ms: int = 0


@dataclass(frozen=True, slots=True)
class Second:
    """Who approves. `hands`: ids of all who may act as her, since they had a hand in making her or her key. `since_ms`:
    since when there is such a principal."""

    hands: tuple[str, ...] = ()
    since_ms: int = 0


_NOBODY_ELSE = Second()


async def ask(vault: Vault, wanted: Wanted, deed: Deed, *, ttl_ms: int = DEFAULT_TTL_MS) -> Approval:
    """Ask for a second person, as the principal of `deed`; return the request. Audited.

    The same question that waits already is returned as it stands. Raises InvalidInput for a time or a reason that is
    too long, LimitExceeded while MOST_LIVING others live.
    """
    if not 0 < ttl_ms <= MOST_TTL_MS:
        raise InvalidInput("expected a time from `1s` to `7d`", at="ttl")
    if len(wanted.reason) > MOST_REASON:
        raise InvalidInput(f"expected at most {MOST_REASON} characters", at="reason")

    def prepare() -> tuple[Approval, Sequence[Step]]:
        now = vault.clock()
        known = living(vault)
        asked = _same(known, wanted.kind, wanted.subject, deed.principal)
        if asked is not None:
            return asked, ()
        if len(known) >= MOST_LIVING:
            raise LimitExceeded(f"{MOST_LIVING:,} requests wait already", hint="withdraw some, or wait")
        made = Approval(
            id=digest.random_ids(1)[0],
            kind=wanted.kind,
            subject=wanted.subject,
            about=wanted.about,
            asker=deed.principal,
            asked_ms=now,
            expires_ms=now + ttl_ms,
            reason=wanted.reason,
            barred=wanted.barred,
        )
        return made, [*_swept(vault), Insert("approvals", _COLUMNS, (_row(vault, made),)), _entry(deed, made, "asked")]

    return await vault.attempt(prepare)


async def approve(vault: Vault, id: bytes, subject: bytes, deed: Deed, second: Second = _NOBODY_ELSE) -> Approval:
    """Approve a request as the principal of `deed`, who states what she read: its `subject`. Audited.

    Raises NotFound for a request that is unknown, over or spent, Denied for the asker, for those who are barred, and
    for whom the asker made, or who came after it was asked; Conflict where it is approved already or `subject` is
    another.
    """

    def prepare() -> tuple[Approval, Sequence[Step]]:
        row, found = _one(vault, id)
        if found.approver:
            raise Conflict("the request is approved already")
        if deed.principal == found.asker or deed.principal in found.barred:
            raise Denied("expected a second person: the caller asked for this, wrote it, or made who asked")
        if found.asker in second.hands or second.since_ms > found.asked_ms:
            raise Denied("expected a second person whom the asker did not make, and who was there before it was asked")
        if not digest.same(subject, found.subject):
            raise Conflict("expected the hash of what was asked for, found another", hint="look at the request again")
        done = replace(found, approver=deed.principal, approved_ms=vault.clock())
        return done, [*_changed(vault, row, done), _entry(deed, done, "approved"), *deed.settle(id)]

    return await vault.attempt(prepare)


async def withdraw(vault: Vault, id: bytes, deed: Deed) -> Approval:
    """Take a request back, or turn it down: it can be approved and spent no more. Audited. Raises NotFound."""

    def prepare() -> tuple[Approval, Sequence[Step]]:
        row, found = _one(vault, id)
        gone = Delete("approvals", ("id",), ((id,),))
        return found, [_unchanged(row), gone, _entry(deed, found, "withdrawn"), *deed.settle(id)]

    return await vault.attempt(prepare)


def approved(vault: Vault, kind: str, subject: bytes, by: str) -> Approval | None:
    """Return what `by` asked for and somebody approved, if it can be spent now. Raises Damaged."""
    found = _same(living(vault), kind, subject, by)
    return found if found is not None and found.approver else None


def spend(vault: Vault, id: bytes, kind: str, subject: bytes, by: str) -> tuple[Step, ...]:
    """Return the steps that spend an approval, to be carried out in one unit with what was approved: once.

    The unit clashes where somebody spent or withdrew it meanwhile. Raises NotFound for a request that is unknown,
    over or spent, Denied unless `by` asked for this, with this subject, and somebody approved it.
    """
    row, found = _one(vault, id)
    fits = found.kind == kind and found.asker == by and digest.same(found.subject, subject)
    if not fits or not found.approver:
        raise Denied("expected what a second person approved, for the one who asked")
    return _changed(vault, row, replace(found, spent_ms=vault.clock()))


def living(vault: Vault, id: bytes = b"") -> list[Approval]:
    """Return the requests that wait, or are approved and not spent, oldest first. Raises Damaged."""
    return [found for _, found in _living(vault, Compare("id", "=", id) if id else None)]


def _living(vault: Vault, where: Predicate | None = None) -> list[tuple[Row, Approval]]:
    alive = Compare("expires", ">", vault.clock())
    question = Select(table="approvals", columns=_COLUMNS, where=alive if where is None else And((alive, where)))
    found = [(row, _read(vault, row)) for row in vault.store.select(question)]
    return sorted((pair for pair in found if not pair[1].spent_ms), key=lambda pair: (pair[1].asked_ms, pair[1].id))


def _one(vault: Vault, id: bytes) -> tuple[Row, Approval]:
    found = _living(vault, Compare("id", "=", id))
    if not found:
        raise NotFound("no such request waits", hint="it may be spent, withdrawn or over")
    return found[0]


def _same(known: Sequence[Approval], kind: str, subject: bytes, by: str) -> Approval | None:
    fitting = [item for item in known if (item.kind, item.subject, item.asker) == (kind, subject, by)]
    return max(fitting, key=lambda item: (bool(item.approver), item.asked_ms), default=None)


def _row(vault: Vault, found: Approval) -> Row:
    return found.id, found.expires_ms, vouch(vault.ring, vault.id, _WHAT, msgspec.json.encode(found))


def _read(vault: Vault, row: Row) -> Approval:
    found = msgspec.json.decode(vouched(vault.ring, vault.id, _WHAT, row[2]), type=Approval)
    if (found.id, found.expires_ms) != row[:2]:
        raise Damaged("the stored approval is not as Privet wrote it", hint="restore a backup of the vault")
    return found


def _unchanged(row: Row) -> Step:
    return Expect("approvals", And((Compare("id", "=", row[0]), Compare("body", "=", row[2]))), True)


def _changed(vault: Vault, row: Row, found: Approval) -> tuple[Step, ...]:
    return _unchanged(row), Put("approvals", _COLUMNS, (_row(vault, found),))


def _entry(deed: Deed, found: Approval, word: str) -> Step:
    about = f": {found.about}" if found.about else ""
    return deed.unsettled().entry(note=f"{found.kind} {digest.id_text(found.id)} {word}{about}")


def _swept(vault: Vault) -> tuple[Step, ...]:
    over = Select(table="approvals", columns=("id",), where=Compare("expires", "<=", vault.clock()), limit=1_000)
    rows = vault.store.select(over)
    return (Delete("approvals", ("id",), rows),) if rows else ()
