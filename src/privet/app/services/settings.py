"""Settings of a vault."""

from __future__ import annotations

from privet.app.services.policies import InForce, readable, shown, stands
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.policy.decide import may
from privet.vault.access import policies


class VaultAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class SetAsk(Ask, kw_only=True):
    """Set what is said; the rest stays. `two_person`: changes of the policy need a second person. To turn it off needs
    one, too: then this asks for her, and once she approved it, the same call does it."""

    vault: str = ""
    two_person: bool | None = None


class SettingsShown(Answer, kw_only=True):
    """The settings of a vault."""

    two_person: bool


async def get(house: House, who: Caller, ask: VaultAsk) -> SettingsShown:
    """Show the settings."""
    return SettingsShown(two_person=policies.in_force(readable(house, who, ask.vault)).activation.two_person)


async def set_(house: House, who: Caller, ask: SetAsk) -> InForce:
    """Change the settings."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    if ask.two_person is None:
        return shown(house, vault)
    deed = who.deed("settings.set", house.policy(vault).version, vault.clock())
    done = await policies.turn(vault, ask.two_person, deed, lambda principal: stands(house, principal))
    return shown(house, vault, done)


async def _set_again(house: House, who: Caller, ask: SetAsk, ids: bytes) -> InForce:
    vault = readable(house, who, ask.vault)
    return shown(house, vault)


_PATH = "/v1/vaults/{vault}/settings"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="settings.get",
        method="GET",
        path=_PATH,
        ask=VaultAsk,
        answer=SettingsShown,
        run=get,
        about="Show the settings of a vault.",
    ),
    Verb(
        name="settings.set",
        method="PUT",
        path=_PATH,
        ask=SetAsk,
        answer=InForce,
        run=set_,
        about="Change the settings of a vault.",
        changes=True,
        again=_set_again,
    ),
)
