"""Packages: what an access request gathered, to its end of the house one record at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from itertools import islice
from typing import Any

from privet import codec
from privet.app.denials import watched
from privet.app.services.standing import Standing, demand_vault
from privet.app.services.stream import Stream
from privet.app.services.verb import Answer, Ask, Caller
from privet.app.wiring import House
from privet.policy.decide import may
from privet.store.port import Unit

LINES = 500


class PackageAsk(Ask, kw_only=True):
    """Show the package of an access request that is over."""

    id: str = ""


class Line(Answer, kw_only=True):
    """One record of the person. `bond`: `own`, or `referred` where one of hers refers to it."""

    dataset: str
    collection: str
    bond: str
    values: dict[str, Any]


async def lines(house: House, who: Caller, ask: PackageAsk) -> AsyncGenerator[list[bytes], None]:
    """Yield every record of a package; that it leaves is in the audit first.

    Raises Denied, NotFound where there is none, Gone once it is forgotten.
    """
    from privet.app.services.outcomes import read_request
    from privet.rights.proof.package import entries

    async with watched(house, who, "requests.package", ask):
        demand_vault(who.principal, "")  # a package concerns no single vault
        may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    standing = Standing(house, who)
    found = await asyncio.to_thread(entries, house.desk.journal, read_request(ask.id))
    deed = who.deed("requests.package", house.policy().version, house.clock())
    await house.control.write(Unit((deed.seen(note=f"request {read_request(ask.id)}"),)))
    while chunk := await asyncio.to_thread(lambda: list(islice(found, LINES))):
        standing.demand()
        yield [codec.encode(Line(dataset=d, collection=c, bond=b, values=v)) for d, c, b, v in chunk]


STREAMS: tuple[Stream, ...] = (
    Stream(
        name="requests.package",
        path="/v1/requests/{id}/package",
        ask=PackageAsk,
        answer=Line,
        run=lines,
        about="Show what an access request gathered, one JSON value a line.",
    ),
)
