"""Queues: give a principal a few records for a while, see who has which, take them back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from privet import digest
from privet.app.identity import issue
from privet.app.services.records import read_id
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Gone, InvalidInput, NotFound
from privet.policy.decide import may
from privet.vault.access import queues
from privet.vault.access.queues import MOST_RECORDS, Place
from privet.vault.listing import open_cursor, seal_cursor
from privet.vault.rows import live
from privet.vault.schema import Table
from privet.vault.vault import Vault
from privet.vocabulary.predicate import Compare

_TTL = re.compile(r"(\d{1,6})([smhd])")
_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


class PutAsk(Ask, kw_only=True):
    """Put a record into a principal's queue. `table`: where the record is; without it every table is looked at. `ttl`:
    how long it stands there, `1s` to `7d`; putting it there again sets the time anew."""

    vault: str = ""
    queue: str = ""
    principal: str = ""
    id: str = ""
    table: str = ""
    ttl: str = "15m"


class RemoveAsk(Ask, kw_only=True):
    """Take a record out of a principal's queue."""

    vault: str = ""
    queue: str = ""
    principal: str = ""
    id: str = ""


class ListAsk(Ask, kw_only=True):
    """Show what stands in queues: in one, or for one principal, if they are named. `limit`: 1 to 1,000. `cursor`: from
    the page before."""

    vault: str = ""
    queue: str = ""
    principal: str = ""
    limit: int = 100
    cursor: str = ""


class PlaceShown(Answer, kw_only=True):
    """A record that stands in a queue. `until_ms`: UTC milliseconds since 1970. No value of it is shown."""

    queue: str
    principal: str
    table: str
    id: str
    until_ms: int


class Places(Answer):
    """What stands in queues now, by queue, principal and record, and the cursor of the next page ("" at the end)."""

    places: list[PlaceShown]
    next: str = ""


async def put(house: House, who: Caller, ask: PutAsk) -> PlaceShown:
    """Put a record into a principal's queue until its time is over."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    record, now = read_id(ask.id), vault.clock()
    found = issue.named(house.callers, ask.principal)
    table = _table(vault, ask.table, record)
    place = Place(queue=ask.queue, principal=found.id, record=record, table=table.id, until_ms=now + _ttl_ms(ask.ttl))
    deed = who.deed("queues.put", house.policy(vault).version, now)
    await queues.put(vault, table, place, deed)
    return _shown(vault, place, {found.id: found.name})


def _ttl_ms(text: str) -> int:
    found = _TTL.fullmatch(text)
    if found is None:
        raise InvalidInput("expected a time like `15m`: a number and one of s, m, h, d", at="ttl")
    return int(found[1]) * _MS[found[2]]


def _table(vault: Vault, name: str, record: bytes) -> Table:
    """Return the table that a record is in, the named one if one is. Raises NotFound, UnknownName."""
    if name:
        return vault.table(name)
    for table in vault.schema.tables:
        if live(vault, table, [record]):
            return table
    raise NotFound("no such record in any table")


async def remove(house: House, who: Caller, ask: RemoveAsk) -> Places:
    """Take a record out of a principal's queue at once."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    principal = _id(house, ask.principal)
    deed = who.deed("queues.remove", house.policy(vault).version, vault.clock())
    await queues.remove(vault, ask.queue, principal, read_id(ask.id), deed)
    return _all(house, vault, ask.queue, principal)


async def list_(house: House, who: Caller, ask: ListAsk) -> Places:
    """Show which records stand in which queue, for whom and until when."""
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    if not 1 <= ask.limit <= MOST_RECORDS:
        raise InvalidInput(f"expected 1 to {MOST_RECORDS:,}", at="limit")
    principal = _id(house, ask.principal) if ask.principal else ""
    parts = ("queues.list", who.principal.id, house.policy(vault).version, ask.queue, principal)
    bound = digest.sha256(digest.canonical(part.encode() for part in parts))[:16]
    after = _read_place(open_cursor(vault, ask.cursor, bound)) if ask.cursor else None
    found = queues.places(vault, ask.queue, principal, after=after, limit=ask.limit + 1)
    shown = _all_shown(house, vault, found[: ask.limit])
    if len(found) > ask.limit:
        shown.next = seal_cursor(vault, msgspec.json.encode(found[ask.limit - 1]), bound)
    return shown


def _read_place(raw: bytes) -> Place:
    # The cursor was sealed here, so it holds what was put into it.
    return msgspec.json.decode(raw, type=Place)


def _id(house: House, name: str) -> str:
    """Return the id of a principal, a revoked one too. Raises NotFound."""
    found = house.callers.accounts(Compare("name", "=", name))
    if not found:
        raise NotFound("there is no such principal")
    return found[0].id


def _all(house: House, vault: Vault, queue: str, principal: str) -> Places:
    """Return what stands in a queue for a principal: no more than fits into one page."""
    return _all_shown(house, vault, queues.places(vault, queue, principal))


def _all_shown(house: House, vault: Vault, found: Sequence[Place]) -> Places:
    names = {account.id: account.name for account in house.callers.accounts()}
    return Places(places=[_shown(vault, place, names) for place in found])


def _shown(vault: Vault, place: Place, names: Mapping[str, str]) -> PlaceShown:
    table = next((table.name for table in vault.schema.tables if table.id == place.table), "")
    return PlaceShown(
        queue=place.queue,
        principal=names.get(place.principal, place.principal),
        table=table,
        id=digest.id_text(place.record),
        until_ms=place.until_ms,
    )


async def _put_again(house: House, who: Caller, ask: PutAsk, ids: bytes) -> PlaceShown:
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    for place in _all(house, vault, ask.queue, _id(house, ask.principal)).places:
        if read_id(place.id) == ids:
            return place
    raise Gone("the record stood in the queue and stands there no longer")


async def _removed_again(house: House, who: Caller, ask: RemoveAsk, ids: bytes) -> Places:
    vault = house.vault(ask.vault)
    may(house.policy(vault), who.principal, "manage", who.purpose, now=house.now())
    return _all(house, vault, ask.queue, _id(house, ask.principal))


_PATH = "/v1/vaults/{vault}/queues"
_PLACE = _PATH + "/{queue}/{principal}/records/{id}"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="queues.put",
        method="PUT",
        path=_PLACE,
        ask=PutAsk,
        answer=PlaceShown,
        run=put,
        about="Put a record into a principal's queue for a while.",
        changes=True,
        again=_put_again,
        by_query=True,
    ),
    Verb(
        name="queues.remove",
        method="DELETE",
        path=_PLACE,
        ask=RemoveAsk,
        answer=Places,
        run=remove,
        about="Take a record out of a principal's queue at once.",
        changes=True,
        again=_removed_again,
    ),
    Verb(
        name="queues.list",
        method="GET",
        path=_PATH,
        ask=ListAsk,
        answer=Places,
        run=list_,
        about="Show which records stand in which queue, for whom and until when.",
    ),
)
