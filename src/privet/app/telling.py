"""Telling vaults at once what a person chose: side by side, and for a moment, since one of them may hang.

Who does not follow in time is told by the request that was opened for the choice; so is whoever fails.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from privet.app.foreign import Foreign
from privet.app.services.verb import Caller
from privet.connectors.base import Choice
from privet.errors import PrivetError
from privet.vocabulary.dataset import Dataset

if TYPE_CHECKING:
    from privet.app.wiring import House

log = logging.getLogger("privet.consent")

TELL_SECONDS = 2.0  # how long a call waits for vaults
MOST_LATE = 1_000  # people of whom one vault is being told: more of them wait for their requests


class Telling:
    """What the vaults of a house are being told. `seconds`: how long a call waits for that. For one event loop."""

    def __init__(self, seconds: float = TELL_SECONDS) -> None:
        self.seconds = seconds
        self._under_way: dict[str, dict[bytes, asyncio.Task[None]]] = {}

    async def tell(
        self, house: House, who: Caller, handle: bytes, told: Sequence[Choice], identities: Mapping[str, str]
    ) -> None:
        """Have every vault follow choices of a person, in their order, and wait for them, but not long."""
        try:
            known = await asyncio.to_thread(house.desk.known)
        except PrivetError as error:
            log.warning("no vault was told of a choice at once: %s", error.code)
            return
        tasks: dict[asyncio.Task[None], str] = {}
        for dataset, name in known.vaults.items():
            late = self._under_way.setdefault(name, {})
            # While a vault still works on what she said before, it hears nothing newer: the order stays hers.
            if handle in late or len(late) >= MOST_LATE:
                log.warning("vault %s was not told of a choice at once: late", name)
                continue
            work = _tell(house, who, name, known.datasets[dataset], told, identities)
            late[handle] = task = asyncio.create_task(work)
            task.add_done_callback(partial(_over, late, handle))
            tasks[task] = name
        # Nobody is cancelled: a vault that wrote a choice down must also hear that it did.
        unfinished = (await asyncio.wait(tasks, timeout=self.seconds))[1] if tasks else ()
        for task in unfinished:
            log.warning("vault %s was not told of a choice in time", tasks[task])


def _over(late: dict[bytes, asyncio.Task[None]], handle: bytes, task: asyncio.Task[None]) -> None:
    del late[handle]


async def _tell(
    house: House, who: Caller, name: str, dataset: Dataset, told: Sequence[Choice], identities: Mapping[str, str]
) -> None:
    from privet.vault.connector import tell

    values = {kind: (value,) for kind, value in identities.items()}
    with Foreign(log, f"vault {name} was not told of a choice at once"):
        try:
            vault = house.vault(name)
            deed = who.deed("choices.tell", house.policy(vault).version, vault.clock()).unsettled()
            for each in told:
                await tell(vault, dataset, each, values, deed)
        except PrivetError as error:
            log.warning("vault %s was not told of a choice at once: %s", name, error.code)
