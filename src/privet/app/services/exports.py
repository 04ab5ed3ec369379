"""Exports in the clear: what a type's ceiling keeps from everybody leaves once, when a second person agreed.

This asks for her; `approvals` is where she agrees, and the stream of `records.export` where it leaves.
"""

from __future__ import annotations

from typing import Any

from privet import digest
from privet.app.services.approvals import ApprovalShown, shown
from privet.app.services.records import chosen, permit
from privet.app.services.verb import Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Denied, InvalidInput
from privet.vault.access import approvals
from privet.vault.access.approvals import Wanted
from privet.vault.log.audit import Deed
from privet.vault.vault import Vault

KIND = "export"
TTL_MS = 86_400_000


class WantAsk(Ask, kw_only=True):
    """Ask a second person for an export in the clear. `kind`: `export`. `columns`: comma-separated, all by default.
    `reason`: your words to her."""

    vault: str = ""
    kind: str = KIND
    table: str
    columns: str = ""
    reason: str = ""


async def want(house: House, who: Caller, ask: WantAsk) -> ApprovalShown:
    """Ask for what one may export, without the ceilings of its types."""
    if ask.kind != KIND:
        raise InvalidInput(f"expected `{KIND}`: policies and settings ask by their own verbs", at="kind")
    vault = house.vault(ask.vault)
    columns = chosen(vault, ask.table, ask.columns)
    permit(house, vault, who, "export", ask.table, columns, lifted=True)
    about = f"every record of `{ask.table}` in the clear: {', '.join(columns)}"
    what, barred = subject(vault, ask.table, columns), house.callers.hands(who.principal)
    wanted = Wanted(kind=KIND, subject=what, about=about, reason=ask.reason, barred=barred)
    deed = who.deed("exports.ask", house.policy(vault).version, vault.clock())
    return shown(house, await approvals.ask(vault, wanted, deed, ttl_ms=TTL_MS))


def subject(vault: Vault, table: str, columns: tuple[str, ...]) -> bytes:
    """Return the hash of an export in the clear: which columns of which table of which vault, by their ids."""
    known = vault.table(table)
    ids = sorted({known.column(name).id for name in columns})
    return digest.sha256(digest.canonical((b"privet export in the clear 1", vault.id, known.id, *ids)))


async def spend(house: House, who: Caller, vault: Vault, allowed: Any, columns: tuple[str, ...], deed: Deed) -> None:
    """Use up the approval of an export in the clear, in one unit with the entry that tells of it. Raises Denied."""
    wanted = subject(vault, allowed.table, columns)
    found = approvals.approved(vault, KIND, wanted, deed.principal)
    # With a key of the asker's that the approver made, one person would be both.
    if found is None or found.approver in house.callers.hands(who.principal):
        raise Denied(
            "expected what a second person approved: an export in the clear needs one each time",
            hint="ask by `privet exports ask`, and have somebody else approve it within 24 h",
        )
    steps = approvals.spend(vault, found.id, KIND, wanted, deed.principal)
    note = f"bulk disclosure in the clear, approved by {found.approver}"
    await vault.write((*steps, deed.seen(allowed.table, columns, note=note)))


VERBS: tuple[Verb, ...] = (
    Verb(
        name="exports.ask",
        method="POST",
        path="/v1/vaults/{vault}/approvals",
        ask=WantAsk,
        answer=ApprovalShown,
        run=want,
        about="Ask a second person for an export without the ceilings of types.",
    ),
)
