"""Approvals: what waits for a second person."""

from __future__ import annotations

from privet import digest
from privet.app.services.policies import name_of
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import InvalidInput
from privet.policy.decide import may
from privet.vault.access import approvals
from privet.vault.access.approvals import Approval, Second
from privet.vault.vault import Vault


class VaultAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class ApproveAsk(Ask, kw_only=True):
    """Approve a request. `subject`: its hash, as the list shows it, so that nothing else is approved."""

    vault: str = ""
    id: str = ""
    subject: str


class IdAsk(Ask, kw_only=True):
    """Name a request."""

    vault: str = ""
    id: str = ""


class ApprovalShown(Answer, kw_only=True):
    """A request. `about`: what will be done. `subject`: the hash of exactly that. `asked_by`, `approved_by`: names of
    principals, the second one empty while it waits. Times: UTC milliseconds since 1970."""

    id: str
    kind: str
    about: str
    reason: str
    subject: str
    asked_by: str
    approved_by: str
    asked_ms: int
    expires_ms: int


class Approvals(Answer):
    """Every request that waits, or is approved and not used yet, oldest first."""

    approvals: list[ApprovalShown]


async def list_(house: House, who: Caller, ask: VaultAsk) -> Approvals:
    """Show what waits."""
    vault = _vault(house, who, ask.vault)
    return Approvals(approvals=[shown(house, item) for item in approvals.living(vault)])


async def approve(house: House, who: Caller, ask: ApproveAsk) -> ApprovalShown:
    """Be the second person: neither of the two may have made the other, or a key of hers, even through others."""
    vault = _vault(house, who, ask.vault)
    deed = who.deed("approvals.approve", house.policy(vault).version, vault.clock())
    second = Second(house.callers.hands(who.principal), house.callers.account(who.principal.id).created_ms)
    return shown(house, await approvals.approve(vault, _id(ask.id), _hash(ask.subject), deed, second))


async def withdraw(house: House, who: Caller, ask: IdAsk) -> ApprovalShown:
    """Take a request back, or turn it down."""
    vault = _vault(house, who, ask.vault)
    deed = who.deed("approvals.withdraw", house.policy(vault).version, vault.clock())
    return shown(house, await approvals.withdraw(vault, _id(ask.id), deed))


def shown(house: House, found: Approval) -> ApprovalShown:
    """Return a request in its wire form."""
    return ApprovalShown(
        id=digest.id_text(found.id),
        kind=found.kind,
        about=found.about,
        reason=found.reason,
        subject=found.subject.hex(),
        asked_by=name_of(house, found.asker),
        approved_by=name_of(house, found.approver),
        asked_ms=found.asked_ms,
        expires_ms=found.expires_ms,
    )


def _vault(house: House, who: Caller, name: str) -> Vault:
    vault = house.vault(name)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    return vault


def _id(text: str) -> bytes:
    try:
        return digest.id_bytes(text)
    except ValueError:
        raise InvalidInput("expected the id of a request (a UUID)", at="id") from None


def _hash(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise InvalidInput("expected the 64 hex digits of a hash", at="subject")
    return found


_PATH = "/v1/vaults/{vault}/approvals"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="approvals.list",
        method="GET",
        path=_PATH,
        ask=VaultAsk,
        answer=Approvals,
        run=list_,
        about="Show what waits for a second person.",
    ),
    Verb(
        name="approvals.approve",
        method="PUT",
        path=_PATH + "/{id}",
        ask=ApproveAsk,
        answer=ApprovalShown,
        run=approve,
        about="Approve what somebody else asked for.",
        changes=True,
    ),
    Verb(
        name="approvals.withdraw",
        method="DELETE",
        path=_PATH + "/{id}",
        ask=IdAsk,
        answer=ApprovalShown,
        run=withdraw,
        about="Take a request back, or turn it down.",
        changes=True,
    ),
)
