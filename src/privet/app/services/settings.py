"""Settings of a vault."""

from __future__ import annotations

from privet.app.services.policies import InForce, apart, readable, shown
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.policy.decide import may
from privet.vault.access import policies
from privet.vault.access.policies import Turn


class VaultAsk(Ask, kw_only=True):
    """Name a vault."""

    vault: str = ""


class SetAsk(Ask, kw_only=True):
    """Set what is said; the rest stays. `two_person`: changes of the policy and of these settings need a second person:
    then this asks for her, and once she approved it, the same call does it. `counts_a_day`: how many different moved
    counts one caller may have of a table in a day, 0 to 100,000."""

    vault: str = ""
    two_person: bool | None = None
    counts_a_day: int | None = None


class SettingsShown(Answer, kw_only=True):
    """The settings of a vault."""

    two_person: bool
    counts_a_day: int


async def get(house: House, who: Caller, ask: VaultAsk) -> SettingsShown:
    """Show the settings."""
    found = policies.in_force(readable(house, who, ask.vault)).activation
    return SettingsShown(two_person=found.two_person, counts_a_day=found.counts_a_day)


async def set_(house: House, who: Caller, ask: SetAsk) -> InForce:
    """Change the settings."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    wanted = Turn(ask.two_person, ask.counts_a_day)
    if wanted == Turn():
        return shown(house, vault)
    deed = who.deed("settings.set", house.policy(vault).version, vault.clock())
    barred = house.callers.hands(who.principal)
    done = await policies.turn(vault, wanted, deed, apart(house, barred), barred)
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
