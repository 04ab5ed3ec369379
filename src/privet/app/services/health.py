"""Health: whether this process takes reads and writes."""

from __future__ import annotations

from privet import __version__
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Unavailable
from privet.store.port import Put, Unit


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class Health(Answer):
    """Ready for reads and writes."""

    status: str
    version: str


async def health(house: House, who: Caller, ask: NoAsk) -> Health:
    """Answer once a write is durable. Raises StoreFailed where none can be, Unavailable where no audit is signed."""
    if house.unsequenced:
        raise Unavailable("an audit is not signed", hint="`privet audit verify` says what is wrong")
    beat = house.clock().to_bytes(8, "big")
    await house.control.write(Unit((Put("meta", ("name", "value"), (("heartbeat", beat),)),)))
    return Health(status="ok", version=__version__)


VERBS: tuple[Verb, ...] = (
    Verb(
        name="health.show",
        method="GET",
        path="/healthz",
        ask=NoAsk,
        answer=Health,
        run=health,
        about="Answer once a write is durable.",
        open=True,
    ),
)
