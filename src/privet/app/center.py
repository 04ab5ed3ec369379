"""The privacy centre of a house: who proves what, and the mail that a code goes out with."""

from __future__ import annotations

import asyncio
import logging
import secrets

from privet.app.foreign import Foreign
from privet.app.wiring import House
from privet.errors import PrivetError
from privet.rights.identity.codes import CODE_MS, CODES, Claimed, Codes, Made
from privet.rights.identity.passes import PASSES, Pass, Passes
from privet.store.port import Unit
from privet.vocabulary.access import Principal

log = logging.getLogger("privet.center")

MOST_DELAY_MS = 400  # a mail leaves at a random moment within it: who asks next does not feel that it did


class Center:
    """Codes, passes and what is being opened, of one house. For one event loop."""

    def __init__(self, house: House) -> None:
        """Raises InvalidInput, Refused for a mail server that the settings do not say right."""
        house.control.define((CODES, PASSES))
        self._house = house
        parts = (house.control, house.ring, house.id, house.handle_key)
        self.codes, self.passes = Codes(*parts), Passes(*parts)
        self._mails = house.mail.server is not None
        self.opening = asyncio.Lock()  # of two that ask for the same at once, one opens it

    async def make(self, claimed: Claimed) -> Made:
        """Make a code and have it sent to its address, after the answer. Raises StoreFailed."""
        made = await self.codes.make(claimed, self._house.clock())
        delay = secrets.randbelow(MOST_DELAY_MS) / 1000
        asyncio.get_running_loop().call_later(delay, self._send, claimed, made)
        return made

    def _send(self, claimed: Claimed, made: Made) -> None:
        from privet.app.mail import send_now

        if made.code is None or not self._mails:
            return
        code, minutes = made.code.reveal(), CODE_MS // 60_000
        send_now(self._house, to=claimed.value, language=claimed.language, code=code, minutes=minutes)

    def principal(self, key: str) -> Principal:
        """Return whose a pass is, as audits name her. Raises Unauthenticated."""
        return principal_of(self.passes.read(key, self._house.clock()))

    async def sweep(self) -> None:
        """Remove codes and passes that are over."""
        now = self._house.clock()
        steps = (*self.codes.swept(now), *self.passes.swept(now))
        if steps:
            await self._house.control.write(Unit(steps))


def principal_of(held: Pass) -> Principal:
    """Return a person as the caller of a verb: she has no role, so nothing but what is hers is open to her."""
    return Principal(id=held.who, name="person", roles=(), kind="person", credential=held.id, proof=held.how)


async def keep_center(house: House, every_seconds: float = 60.0) -> None:
    """Remove codes and passes that are over, now and from time to time, until it is cancelled."""
    while True:
        with Foreign(log, "old codes and passes stay"):
            try:
                await house.center.sweep()
            except PrivetError as error:
                log.warning("old codes and passes stay: %s", error.code)
        await asyncio.sleep(every_seconds)
