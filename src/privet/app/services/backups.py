"""Backups: copy the home while it serves."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

from privet.app import backup
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import InvalidInput
from privet.policy.decide import may
from privet.store.port import Unit

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class BackupAsk(Ask, kw_only=True):
    """Copy everything to the folder `name` in the home's `backups`; by default it is named after the time."""

    name: str = ""


class BackupShown(Answer):
    """A finished copy. `folder`: where it lies on the machine that serves."""

    folder: str
    vaults: list[str]
    size_bytes: int


async def make(house: House, who: Caller, ask: BackupAsk) -> BackupShown:
    """Copy the home."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    now = house.clock()
    name = ask.name or datetime.fromtimestamp(now / 1000, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
    if not _NAME.fullmatch(name):
        raise InvalidInput("expected the name of a backup in letters, digits, `.`, `_` and `-`", at="name")
    for vault in house.vault_names():
        house.vault(vault)  # opened here: the copying thread only reads
    deed = who.deed("backups.make", house.policy().version, now)
    await house.control.write(Unit((deed.entry(note=f"backup {name}"),)))
    found = await asyncio.to_thread(backup.make, house, house.settings.home / backup.BACKUPS / name)
    await house.control.write(Unit(deed.settle(found.folder.name.encode())))
    return BackupShown(folder=str(found.folder), vaults=list(found.vaults), size_bytes=found.size_bytes)


async def _again(house: House, who: Caller, ask: BackupAsk, ids: bytes) -> BackupShown:
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    folder = house.settings.home / backup.BACKUPS / ids.decode()
    return BackupShown(folder=str(folder), vaults=house.vault_names(), size_bytes=0)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="backups.make",
        method="POST",
        path="/v1/backups",
        ask=BackupAsk,
        answer=BackupShown,
        run=make,
        about="Copy the home, while it serves, to a folder of its machine.",
        changes=True,
        again=_again,
    ),
)
