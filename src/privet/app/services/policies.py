"""Policies of a vault: save, show, put into force, take back."""

from __future__ import annotations

from collections.abc import Callable

from privet import digest
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Denied, InvalidInput, Unauthenticated
from privet.policy.decide import may
from privet.policy.parse import parse
from privet.vault.access import policies
from privet.vault.access.approvals import Approval
from privet.vault.access.policies import Activation, Stored
from privet.vault.vault import Vault


class SaveAsk(Ask, kw_only=True):
    """Store a policy; it decides nothing until it is activated. `file`: its name in messages."""

    vault: str = ""
    policy: str
    file: str = "policy"


class VaultAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class ShowAsk(Ask, kw_only=True):
    """Show a policy, by the names that columns have now. `version`: by default the one in force."""

    vault: str = ""
    version: int = 0


class ActivateAsk(Ask, kw_only=True):
    """Put a saved policy into force, and the organization's newest promises with it; 0: the built-in roles alone. Where
    changes need two persons this asks for the second one; once she approved it, the same call does it."""

    vault: str = ""
    version: int


class Saved(Answer, kw_only=True):
    """A saved policy. `in_force`: it decides now. `author`: the name of a principal. Times: UTC milliseconds since
    1970."""

    version: int
    roles: list[str]
    in_force: bool
    author: str
    created_ms: int


class SavedAll(Answer):
    """Every saved policy, oldest first."""

    policies: list[Saved]


class PolicyShown(Answer, kw_only=True):
    """A policy. `version` 0: there is none but the built-in roles. `name`: what the audit calls what is in force."""

    version: int
    in_force: bool
    name: str
    text: str
    author: str = ""
    created_ms: int = 0


class InForce(Answer, omit_defaults=True, kw_only=True):
    """What is in force. `state`: `active`, or `waiting` for a second person, who approves request `approval` by its
    `subject`, the hash of what will be done. `policy`, `promises`: versions, 0 for none."""

    state: str
    name: str
    policy: int
    promises: int
    two_person: bool
    seq: int
    approval: str = ""
    subject: str = ""
    waits_for: str = ""


class Change(Answer, kw_only=True):
    """One change of what is in force. `by`, `approved_by`: names of principals. Time: UTC milliseconds since 1970."""

    seq: int
    at_ms: int
    policy: int
    promises: int
    two_person: bool
    by: str
    approved_by: str


class Changes(Answer):
    """Every change of what is in force, oldest first."""

    changes: list[Change]


async def save(house: House, who: Caller, ask: SaveAsk) -> Saved:
    """Store a policy."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    deed = who.deed("policies.save", house.policy(vault).version, vault.clock())
    return _saved(house, vault, await policies.save(vault, ask.policy, ask.file, deed))


async def list_(house: House, who: Caller, ask: VaultAsk) -> SavedAll:
    """Show every saved policy."""
    vault = readable(house, who, ask.vault)
    return SavedAll(policies=[_saved(house, vault, item) for item in policies.stored(vault)])


async def get(house: House, who: Caller, ask: ShowAsk) -> PolicyShown:
    """Show a policy."""
    vault = readable(house, who, ask.vault)
    active = policies.in_force(vault)
    if ask.version < 0:
        raise InvalidInput("expected a version from 1 on, or 0", at="version")
    version, name = ask.version or active.activation.policy, active.policy.version
    if not version:
        return PolicyShown(version=0, in_force=True, name=name, text="")
    found = policies.load(vault, version)
    return PolicyShown(
        version=version,
        in_force=version == active.activation.policy,
        name=name,
        text=policies.text_now(vault.schema, found),
        author=name_of(house, found.author),
        created_ms=found.created_ms,
    )


async def activate(house: House, who: Caller, ask: ActivateAsk) -> InForce:
    """Put a saved policy into force."""
    return await _activate(house, who, ask.vault, ask.version, "policies.activate")


async def retire(house: House, who: Caller, ask: VaultAsk) -> InForce:
    """Go back to the built-in roles alone."""
    return await _activate(house, who, ask.vault, 0, "policies.retire")


async def history(house: House, who: Caller, ask: VaultAsk) -> Changes:
    """Show every change of what is in force."""
    vault = readable(house, who, ask.vault)
    return Changes(
        changes=[
            Change(
                seq=item.seq,
                at_ms=item.at_ms,
                policy=item.policy,
                promises=item.promises,
                two_person=item.two_person,
                by=name_of(house, item.by),
                approved_by=name_of(house, item.approved_by),
            )
            for item in policies.history(vault)
        ]
    )


async def _activate(house: House, who: Caller, name: str, version: int, verb: str) -> InForce:
    vault = house.vault(name)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    if version < 0:
        raise InvalidInput("expected a version from 1 on, or 0", at="version")
    deed, before = who.deed(verb, house.policy(vault).version, vault.clock()), policies.in_force(vault).activation
    promises, barred = house.promises.newest(), house.callers.hands(who.principal)
    done = await policies.activate(vault, version, promises, deed, apart(house, barred), barred)
    if policies.in_force(vault).activation != before:
        house.changed(policy=True)  # what is under way counts with it, too
    return shown(house, vault, done)


def shown(house: House, vault: Vault, done: Activation | Approval | None = None) -> InForce:
    """Return what is in force, or what a change to it waits for."""
    last, name = policies.in_force(vault).activation, house.policy(vault).version
    found = InForce(
        state="active",
        name=name,
        policy=last.policy,
        promises=last.promises,
        two_person=last.two_person,
        seq=last.seq,
    )
    if isinstance(done, Approval):
        found.state, found.waits_for = "waiting", done.about
        found.approval, found.subject = digest.id_text(done.id), done.subject.hex()
    return found


def readable(house: House, who: Caller, name: str) -> Vault:
    """Return a vault whose policies the caller may read: who manages it, and who audits it. Raises Denied."""
    vault = house.vault(name)
    try:
        may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    except Denied:
        may(house.policy(vault), who.principal, "audit", who.purpose, now=house.now())
    return vault


def stands(house: House, principal: str) -> bool:
    """Return whether a principal, by id, may still act."""
    try:
        return house.callers.account(principal).revoked_ms is None
    except Unauthenticated:
        return False


def apart(house: House, hands: tuple[str, ...]) -> Callable[[str], bool]:
    """Return whether a principal, by id, may still act and is none of `hands`: those who may act as the caller."""
    return lambda principal: principal not in hands and stands(house, principal)


def name_of(house: House, principal: str) -> str:
    """Return the name of a principal by id; the id where nobody has it any more."""
    try:
        return house.callers.account(principal).name if principal else ""
    except Unauthenticated:
        return principal


def _saved(house: House, vault: Vault, found: Stored) -> Saved:
    return Saved(
        version=found.version,
        roles=[role.name for role in parse(found.text).roles],
        in_force=policies.in_force(vault).activation.policy == found.version,
        author=name_of(house, found.author),
        created_ms=found.created_ms,
    )


async def _saved_again(house: House, who: Caller, ask: SaveAsk, ids: bytes) -> Saved:
    vault = readable(house, who, ask.vault)
    return _saved(house, vault, policies.stored(vault)[-1])


async def _activated_again(house: House, who: Caller, ask: ActivateAsk | VaultAsk, ids: bytes) -> InForce:
    vault = readable(house, who, ask.vault)
    return shown(house, vault)


_PATH = "/v1/vaults/{vault}/policy"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="policies.save",
        method="POST",
        path="/v1/vaults/{vault}/policies",
        ask=SaveAsk,
        answer=Saved,
        run=save,
        about="Store a policy under the next version.",
        status=201,
        batch=True,
        changes=True,
        again=_saved_again,
    ),
    Verb(
        name="policies.list",
        method="GET",
        path="/v1/vaults/{vault}/policies",
        ask=VaultAsk,
        answer=SavedAll,
        run=list_,
        about="Show every saved policy.",
    ),
    Verb(
        name="policies.get",
        method="GET",
        path=_PATH,
        ask=ShowAsk,
        answer=PolicyShown,
        run=get,
        about="Show a policy: the one in force, or a version.",
    ),
    Verb(
        name="policies.activate",
        method="PUT",
        path=_PATH,
        ask=ActivateAsk,
        answer=InForce,
        run=activate,
        about="Put a saved policy into force, at once.",
        changes=True,
        again=_activated_again,
    ),
    Verb(
        name="policies.retire",
        method="DELETE",
        path=_PATH,
        ask=VaultAsk,
        answer=InForce,
        run=retire,
        about="Take the policy back: the built-in roles alone decide.",
        changes=True,
        again=_activated_again,
    ),
    Verb(
        name="policies.history",
        method="GET",
        path=_PATH + "/history",
        ask=VaultAsk,
        answer=Changes,
        run=history,
        about="Show every change of what is in force, and who made it.",
    ),
)
