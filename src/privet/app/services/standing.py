"""Whether a caller still may what it might when its answer began: for answers that take their time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from privet.errors import Denied, Unavailable
from privet.store.port import Step, Unit
from privet.vocabulary.access import Principal

if TYPE_CHECKING:
    from privet.app.services.verb import Caller
    from privet.app.wiring import House


class Standing:
    """What a caller was permitted by, as it was at one moment. To ask costs a comparison, so every chunk may."""

    __slots__ = ("_epoch", "_house", "_policies", "_who")

    def __init__(self, house: House, who: Caller) -> None:
        self._house = house
        self._who = who
        self._epoch, self._policies = house.epoch, house.policies

    def demand(self) -> None:
        """Raise Unauthenticated for a credential that ended, Unavailable where policy or principal changed.

        Whoever changed elsewhere does not stop this caller's answer.
        """
        house, who = self._house, self._who
        if house.epoch == self._epoch:
            return
        self._epoch = house.epoch
        now = who.principal if who.still is None else who.still()
        if house.policies != self._policies or now != who.principal:
            raise Unavailable("what the caller may do changed during the answer", hint="ask again")


async def enact(house: House, steps: Sequence[Step]) -> None:
    """Write a change of principals or credentials, and make it count for what is under way. Raises Clash.

    It counts where its caller goes away meanwhile, too: the store may carry it out all the same.
    """
    write = asyncio.ensure_future(house.control.write(Unit(tuple(steps))))
    write.add_done_callback(lambda _: house.changed())
    await asyncio.shield(write)


def demand_vault(principal: Principal, vault: str) -> None:
    """Raise Denied for a vault that the credential does not reach. `vault` "": what concerns no single vault."""
    if principal.vaults and vault not in principal.vaults:
        raise Denied("the credential is not scoped for this vault")
