"""Packages: what a request for access, or for a copy to take along, gathered: an encrypted zip, or record by record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from privet import codec
from privet.app.denials import watched
from privet.app.services.outcomes import IdAsk, demand, read_request
from privet.app.services.standing import Standing, demand_vault
from privet.app.services.stream import Stream
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Gone, NotFound
from privet.policy.decide import may
from privet.rights import care
from privet.rights.asked import Request
from privet.rights.words import GATHERING
from privet.secret import Secret
from privet.store.port import Select, Unit
from privet.vault.log.audit import Deed
from privet.vocabulary.predicate import And, Compare

LINES = 500
PIECE_BYTES = 1 << 18
PATH = "/v1/requests/{id}"
EXPIRER = "privet"  # who an entry names where nobody asked


class PackageAsk(Ask, kw_only=True):
    """Show the package of a request that is over."""

    id: str = ""


class Line(Answer, kw_only=True):
    """One record of the person. `bond`: `own`, or `referred` where one of hers refers to it."""

    dataset: str
    collection: str
    bond: str
    values: dict[str, Any]


class PassphraseShown(Answer, kw_only=True):
    """What opens a package. `until_ms`: it can be fetched until then, UTC milliseconds since 1970."""

    passphrase: str
    until_ms: int
    downloads_left: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What a person needs to open a package, until when it can be fetched, and how often."""

    passphrase: Secret[str]
    until_ms: int
    downloads_left: int


# --- the file --------------------------------------------------------------------------------------------------------


def open_for(house: House, id_: str) -> Opened:
    """Return what opens a package; whose it is, and the audit, are the caller's business. Blocking.

    Raises NotFound where there is none (yet), Gone once it lapsed, or is forgotten.
    """
    from privet.rights.packet.whole import passphrase

    found = _gathered(house, id_)
    until = found.package_until_ms
    if found.forgotten or until is None or house.clock() >= until:
        raise Gone("the package is no longer handed out", hint="open a new request")
    left = max(0, house.settings.privacy.downloads - found.downloads)
    return Opened(passphrase(house.desk.journal, id_), until, left)


async def stream_for(house: House, who: Caller, id_: str) -> AsyncGenerator[bytes, None]:
    """Return the pieces of a package's zip; whose it is, is the caller's business.

    Counted and in the audit, durably, before this returns. Raises NotFound, and Gone where it lapsed, was handed out as
    often as the settings allow, or is forgotten.
    """
    pieces = await asyncio.to_thread(_packet, house, id_)
    now = house.clock()
    entry = who.deed("requests.package_file", house.policy().version, now).seen(note=f"request {id_}")
    most = house.settings.privacy.downloads
    await asyncio.to_thread(care.handed, house.desk.journal, id_, now, most=most, beside=(entry,))
    return _pieces(pieces)


def expire(house: House, now_ms: int) -> list[str]:
    """Forget the requests whose packages lapsed, each with an entry in the audit; return which. Blocking.

    From then on no copy of a package's spool opens, and its passphrase cannot be derived anew.
    """
    where = And((Compare("package_until", "<=", now_ms), Compare("forgotten", "=", 0)))
    rows = house.desk.journal.store.select(Select(table="requests", columns=("id",), where=where))
    lapsed = [str(row[0]) for row in rows]
    for id_ in lapsed:
        deed = Deed(principal=EXPIRER, verb="requests.expire", policy=house.policy().version, at_ms=now_ms)
        house.desk.journal.forget(id_, now_ms, beside=(deed.seen(note=f"request {id_}"),))
    return lapsed


async def file(house: House, who: Caller, ask: PackageAsk) -> AsyncGenerator[list[bytes], None]:
    """Yield the zip of a package, for those who handle requests."""
    async with watched(house, who, "requests.package_file", ask):
        demand_vault(who.principal, "")  # a package concerns no single vault
        demand(house, who)
    standing = Standing(house, who)
    pieces = await stream_for(house, who, read_request(ask.id))
    try:
        async for piece in pieces:
            standing.demand()
            yield [piece]
    finally:
        await pieces.aclose()


async def passphrase_(house: House, who: Caller, ask: IdAsk) -> PassphraseShown:
    """Show what opens a package; that it was shown is in the audit first."""
    demand(house, who)
    id_ = read_request(ask.id)
    found = await asyncio.to_thread(open_for, house, id_)
    deed = who.deed("requests.passphrase", house.policy().version, house.clock())
    await house.control.write(Unit((deed.seen(note=f"request {id_}"),)))
    return PassphraseShown(
        passphrase=found.passphrase.reveal(), until_ms=found.until_ms, downloads_left=found.downloads_left
    )


def _gathered(house: House, id_: str) -> Request:
    found = house.desk.journal.get(id_)
    if found.kind not in GATHERING or found.state not in ("complete", "partial"):
        raise NotFound("the request has no package", hint="an access that is complete or partial has one")
    return found


def _packet(house: House, id_: str) -> Iterator[bytes]:
    from privet.app.disclosure import disclosure, words_of
    from privet.rights.packet.whole import packet

    found = _gathered(house, id_)
    about, words = disclosure(house), words_of(house, found.language)
    return packet(house.desk.journal, id_, about, words, now_ms=house.clock())


async def _pieces(packed: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    while piece := await asyncio.to_thread(_gathered_piece, packed):
        yield piece


def _gathered_piece(packed: Iterator[bytes]) -> bytes:
    held = bytearray()
    for piece in packed:
        held += piece
        if len(held) >= PIECE_BYTES:
            break
    return bytes(held)


# --- record by record ------------------------------------------------------------------------------------------------


async def lines(house: House, who: Caller, ask: PackageAsk) -> AsyncGenerator[list[bytes], None]:
    """Yield every record of a package; that it leaves is in the audit first.

    Raises Denied, NotFound where there is none, Gone once it is forgotten.
    """
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
        path=f"{PATH}/package",
        ask=PackageAsk,
        answer=Line,
        run=lines,
        about="Show what an access request gathered, one JSON value a line.",
    ),
    Stream(
        name="requests.package_file",
        path=f"{PATH}/package.zip",
        ask=PackageAsk,
        answer=bytes,
        run=file,
        about="Hand out the package of a request: an encrypted zip with a page to read.",
        media="application/zip",
    ),
)
VERBS: tuple[Verb, ...] = (
    Verb(
        name="requests.passphrase",
        method="GET",
        path=f"{PATH}/passphrase",
        ask=IdAsk,
        answer=PassphraseShown,
        run=passphrase_,
        about="Show what opens the package of a request.",
    ),
)
