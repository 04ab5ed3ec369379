"""What a server does with keys by itself: finish rotations, and begin a new window of subject keys when one is over."""

from __future__ import annotations

import asyncio
import logging

from privet.app.wiring import HOUSE, House
from privet.errors import PrivetError
from privet.vault.log.audit import Deed
from privet.vault.upkeep import rotation

log = logging.getLogger("privet.keeper")


async def keep_keys(house: House, every_seconds: float = 3600.0) -> None:
    """Tend the keys of every vault, now and from time to time, until it is cancelled."""
    while True:
        for name in house.vault_names():
            try:
                await tend(house, name)
            except PrivetError as error:
                log.warning("the keys of vault %s are not changed: %s", name, error.code)
        await asyncio.sleep(every_seconds)


async def tend(house: House, name: str) -> None:
    """Go on with what a crash cut short in one vault, and begin a new window if one is due.

    Raises Conflict while somebody else changes or copies keys.
    """
    vault = house.vault(name)
    policy = house.policy(vault).version
    if rotation.unfinished(vault):
        await rotation.resume(vault, Deed(principal=HOUSE, verb="keys.rotate", policy=policy, at_ms=vault.clock()))
    if rotation.window_due(vault):
        await rotation.advance(vault, Deed(principal=HOUSE, verb="keys.advance", policy=policy, at_ms=vault.clock()))
