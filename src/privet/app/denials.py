"""Attempts that were denied, and credentials that were not taken: each leaves an audit entry; of many, one entry says
how many more there were."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from privet.errors import Denied, NotFound, PrivetError, UnknownName
from privet.policy.bind import keys
from privet.store.port import Step, Unit
from privet.vault.log.audit import Deed
from privet.vault.vault import Vault

if TYPE_CHECKING:
    from privet.app.services.verb import Caller
    from privet.app.wiring import House

MOST = 30  # entries of one principal in one vault within WINDOW_MS; what comes above that is counted
WINDOW_MS = 60_000
MORE = "denials.more"  # the verb of an entry that counts
REFUSED, MORE_REFUSED = "auth.refused", "auth.more"


@dataclass(slots=True)
class _Window:
    """What one principal was denied since `began_ms`. `more`: attempts that no entry names yet."""

    began_ms: int
    written: int = 0
    more: int = 0


class Denials:
    """How many attempts of each principal were denied lately. Only principals that are known get here, and nobody, so
    it is no larger than they are many; `due` lets go of what is over."""

    def __init__(self) -> None:
        self._windows: dict[tuple[str, str, str], _Window] = {}

    def take(self, vault: str, principal: str, now_ms: int, more: str = MORE) -> bool:
        """Return whether a denial gets an entry of its own; else it is counted. `vault`: "" for the house. `more`: the
        verb of the entry that counts; what has another one is counted apart."""
        key = (vault, principal, more)
        window = self._windows.setdefault(key, _Window(now_ms))
        # A clock that was set back must not hold a window open.
        if not 0 <= now_ms - window.began_ms < WINDOW_MS and not window.more:
            window = self._windows[key] = _Window(now_ms)
        if window.written < MOST:
            window.written += 1
            return True
        window.more += 1
        return False

    def due(self, now_ms: int, *, every: bool = False) -> Iterator[tuple[str, str, str, int]]:
        """Yield vault, principal, verb and count of attempts that no entry names, once their time is over, and let go.

        `every`: of all windows, open ones too.
        """
        for key, window in list(self._windows.items()):
            if every or not 0 <= now_ms - window.began_ms < WINDOW_MS:
                del self._windows[key]
                if window.more:
                    yield (*key, window.more)


@asynccontextmanager
async def watched(house: House, who: Caller, verb: str, ask: object) -> AsyncIterator[None]:
    """Leave an entry where what is done inside is denied."""
    try:
        yield
    except Denied:
        await denied(house, who, verb, ask)
        raise


async def denied(house: House, who: Caller, verb: str, ask: object, table: str = "") -> None:
    """Write the entry of a denied attempt, or count it. Names stand in it only where the vault knows them.

    `table`: where the ask names none. Raises what the store raises: what cannot be audited is not answered.
    """
    principal, now = who.principal, house.clock()
    vault = _vault(house, str(getattr(ask, "vault", "")))
    if not principal.id or not house.denials.take(vault.name if vault else "", principal.id, now):
        return
    purpose = who.purpose if who.purpose in keys("use") else ""
    deed = Deed(
        principal=principal.id,
        verb=verb,
        policy=policy_name(house, vault),
        at_ms=now,
        purpose=purpose or "",
        request=who.request,
        credential=principal.proof,
    )
    table, columns = _known(vault, table or str(getattr(ask, "table", "")), ask)
    await _write(house, vault, deed.denied(table, columns))


async def refused(house: House, who: Caller, principal: str = "") -> None:
    """Write the entry of a credential that was not taken, or count it: nothing of what it says stands there.

    `principal`: whose key it names, "" where there is no such key. Raises what the store raises.
    """
    now = house.clock()
    # A name is no proof: what others send in it must not use up the entries of its own denials.
    if house.denials.take("", principal, now, MORE_REFUSED):
        policy = policy_name(house, None)
        deed = Deed(principal=principal, verb=REFUSED, policy=policy, at_ms=now, request=who.request)
        await _write(house, None, deed.denied())


def counted(house: House, *, every: bool = False) -> Iterator[tuple[Vault | None, Step]]:
    """Yield where each entry that counts further denials belongs (None: the house), and the step that writes it."""
    now = house.clock()
    for name, principal, more, count in house.denials.due(now, every=every):
        vault = _vault(house, name)
        deed = Deed(principal=principal, verb=more, policy=policy_name(house, vault), at_ms=now)
        yield vault, deed.denied(count=count)


async def flush(house: House) -> None:
    """Write the entries that count further denials and whose time has come."""
    for vault, step in counted(house):
        await _write(house, vault, step)


async def _write(house: House, vault: Vault | None, step: Step) -> None:
    if vault is None:
        await house.control.write(Unit((step,)))
    else:
        await vault.write((step,))


def _vault(house: House, name: str) -> Vault | None:
    if not name:
        return None
    try:
        return house.vault(name)
    except NotFound:
        return None


def policy_name(house: House, vault: Vault | None) -> str:
    """Return what an entry calls the policy in force, "" where that cannot be read, which is told, too."""
    with suppress(PrivetError):
        return str(house.policy(vault).version)
    return ""


def _known(vault: Vault | None, table: str, ask: object) -> tuple[str, tuple[str, ...]]:
    """Return the table and columns of an ask, as far as the vault has them: other text may be anything."""
    if vault is None or not table:
        return "", ()
    try:
        known = vault.table(table).names()
    except UnknownName:
        return "", ()
    asked = {name.strip() for name in str(getattr(ask, "columns", "") or getattr(ask, "column", "")).split(",")}
    return table, tuple(name for name in known if name in asked)
