"""Promises of the whole organization: save and show."""

from __future__ import annotations

from contextlib import suppress

from privet.app.services.policies import name_of
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Conflict, InvalidInput, NotFound, PrivetError
from privet.policy.decide import may
from privet.store.port import Clash, Unit
from privet.vault.access import policies, promises
from privet.vault.access.promises import Promises


class SaveAsk(Ask, kw_only=True):
    """Store promises: `deny use`, `require consent`, `limit`, `erase` and `keep`, no roles. A vault follows them from
    its next activation on. `file`: its name in messages."""

    promises: str
    file: str = "promises"


class ShowAsk(Ask, kw_only=True):
    """Show promises. `version`: by default the newest."""

    version: int = 0


class PromisesShown(Answer, kw_only=True):
    """Promises. `vaults`: by name, the version that is in force there, 0 for none. `behind`: vaults in which the newest
    is not in force yet; `privet policies activate` puts it into force. Time: UTC milliseconds since 1970."""

    version: int
    text: str
    author: str
    created_ms: int
    vaults: dict[str, int]
    behind: list[str]


async def save(house: House, who: Caller, ask: SaveAsk) -> PromisesShown:
    """Store promises."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    promises.read(ask.promises, ask.file)
    now, known = house.clock(), house.promises.newest()
    if known is not None and known.text == ask.promises:
        return _shown(house, known)
    version = known.version + 1 if known else 1
    made = Promises(version=version, text=ask.promises, author=who.principal.id, created_ms=now)
    deed = who.deed("promises.save", house.policy().version, now)
    try:
        step = house.promises.step(made)
        await house.control.write(Unit((step, deed.entry(note=f"promises {version}"), *deed.settle(b""))))
    except Clash:
        raise Conflict("other promises were saved meanwhile", hint="look at them and try again") from None
    return _shown(house, made)


async def get(house: House, who: Caller, ask: ShowAsk) -> PromisesShown:
    """Show promises."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    if ask.version < 0:
        raise InvalidInput("expected a version from 1 on, or 0", at="version")
    found = house.promises.get(ask.version) if ask.version else house.promises.newest()
    if found is None:
        raise NotFound("there are no promises of that version" if ask.version else "no promises were saved yet")
    return _shown(house, found)


def _shown(house: House, found: Promises) -> PromisesShown:
    vaults: dict[str, int] = {}
    for name in house.vault_names():
        with suppress(PrivetError):  # a vault that does not open says nothing
            vaults[name] = policies.in_force(house.vault(name)).activation.promises
    newest = house.promises.newest()
    wanted = newest.version if newest else 0
    return PromisesShown(
        version=found.version,
        text=found.text,
        author=name_of(house, found.author),
        created_ms=found.created_ms,
        vaults=vaults,
        behind=[name for name, version in vaults.items() if version != wanted],
    )


async def _saved_again(house: House, who: Caller, ask: SaveAsk, ids: bytes) -> PromisesShown:
    return await get(house, who, ShowAsk())


VERBS: tuple[Verb, ...] = (
    Verb(
        name="promises.save",
        method="POST",
        path="/v1/promises",
        ask=SaveAsk,
        answer=PromisesShown,
        run=save,
        about="Store the organization's promises.",
        status=201,
        batch=True,
        changes=True,
        again=_saved_again,
    ),
    Verb(
        name="promises.get",
        method="GET",
        path="/v1/promises",
        ask=ShowAsk,
        answer=PromisesShown,
        run=get,
        about="Show the organization's promises, and which vaults follow them.",
    ),
)
