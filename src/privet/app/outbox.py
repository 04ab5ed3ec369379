"""Sends the letters that wait, each at most once: marked before the mail server is asked, and tried again only where it
surely did not take it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from privet.app.foreign import Foreign
from privet.connectors.base import Halted
from privet.connectors.post import Post, TurnedDown
from privet.errors import Damaged, Gone, PrivetError
from privet.store.port import Clash, Select, Step, Unit, Update
from privet.vocabulary.predicate import And, Compare, In, Predicate

if TYPE_CHECKING:
    from privet.app.wiring import House

log = logging.getLogger("privet.mail")

GIVE_UP_MS = 48 * 3_600_000
BACKOFF_MS, LONGEST_MS = 60_000, 3_600_000
STRAY_MS = 3_600_000  # a key that no letter has after so long came without one
MOST_A_ROUND = 100
_OPEN = ("waiting", "sending")
_COLUMNS = ("id", "request", "event", "tries", "made", "key", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A letter that is to be sent. `event`: its kind and what tells it from others."""

    id: str
    request: str
    event: str
    tries: int
    made: int
    key: str
    body: bytes


async def keep_letters(house: House, every_seconds: float = 1.0) -> None:
    """Send what is due, until it is cancelled; a letter that is being sent then comes to its end first."""
    try:
        await _recover(house, every_seconds)
        while True:
            with Foreign(log, "letters stand still"):
                try:
                    await asyncio.to_thread(carry, house)
                except PrivetError as error:
                    log.warning("letters stand still: %s", error.code)
            await asyncio.sleep(every_seconds)
    finally:
        house.mail.close()


async def _recover(house: House, every_seconds: float) -> None:
    """Recover, however often that fails: before it, nobody may send."""
    while True:
        with Foreign(log, "letters stand still"):
            try:
                await asyncio.to_thread(recover, house)
                return
            except PrivetError as error:
                log.warning("letters stand still: %s", error.code)
        await asyncio.sleep(every_seconds)


def recover(house: House) -> int:
    """Write down that nobody knows whether what was being sent went out; return how many. For the start, alone."""
    question = Select(table="letters", columns=_COLUMNS, where=Compare("state", "=", "sending"))
    rows = [_row(row) for row in house.mail.store.select(question)]
    for row in rows:
        _over(house, row, "sending", "unknown")
        log.warning("a letter `%s` may have gone out, and is not sent again", row.event)
    _forget_strays(house)
    return len(rows)


def _forget_strays(house: House) -> None:
    """Destroy the keys of letters that ended as the process did, and old ones of letters that were never written."""
    keys = house.mail.keys
    held = keys.held()
    known = house.mail.store.select(Select(table="letters", columns=("key", "state"), where=In("key", tuple(held))))
    states = {str(key): str(state) for key, state in known}
    old = house.clock() - STRAY_MS  # a younger one may be of a letter that is being written now
    keys.forget([key for key, made in held.items() if (states[key] not in _OPEN if key in states else made < old)])


def carry(house: House) -> int:
    """Send what is due now, oldest first; return how many letters went out.

    Stops at the first one for which the server does not answer: the next round, a second later, goes on with others.
    """
    mail, sent = house.mail, 0
    if mail.server is None:
        return 0
    with mail.turn:
        for row in _due(house):
            state = "" if mail.is_closed else _send(house, mail.server, row)
            sent += state == "sent"
            if state in ("", "waiting"):
                break
    return sent


def _due(house: House) -> list[_Row]:
    where: Predicate = And((Compare("state", "=", "waiting"), Compare("due", "<=", house.clock())))
    question = Select(table="letters", columns=_COLUMNS, where=where, order=(("due", True),), limit=MOST_A_ROUND)
    return [_row(row) for row in house.mail.store.select(question)]


def _send(house: House, server: Post, row: _Row) -> str:
    """Send one letter, and return its state then."""
    try:
        said = house.mail.keys.open(row.key).open_document("letter", row.body)
    except (Gone, Damaged) as error:  # its key is gone or the row was changed: it says nothing that could be sent
        log.error("a letter `%s` cannot be opened: %s", row.event, error.code)
        return _over(house, row, "waiting", "refused")
    entry = house.desk.entry("letters.send", {"request": row.request, "letter": row.event})
    try:
        house.mail.store.write_now(Unit((*_turn(row, "waiting", {"state": "sending"}), *entry)))
    except Clash:
        return "sending"  # somebody else was faster
    try:
        with Foreign(log, f"a letter `{row.event}` may have gone out, and is not sent again") as foreign:
            server.send(row.id, to=said["to"], subject=said["subject"], text=said["text"])
        if foreign.came:
            return _over(house, row, "sending", "unknown")
    except Halted as error:
        log.warning("a letter `%s` may have gone out, and is not sent again: %s", row.event, error.cause.code)
        return _over(house, row, "sending", "unknown")
    except TurnedDown as error:
        log.warning("a letter `%s` is not taken: %s", row.event, error.code)
        return _over(house, row, "sending", "refused")
    except PrivetError as error:  # no answer, or settings that somebody must mend
        return _later(house, row, error)
    return _over(house, row, "sending", "sent")


def _later(house: House, row: _Row, error: PrivetError) -> str:
    """Have a letter that surely did not go out tried again, each time later, until patience ends."""
    now = house.clock()
    if now - row.made >= GIVE_UP_MS:
        log.error("a letter `%s` is given up: %s", row.event, error.code)
        return _over(house, row, "sending", "given_up")
    due = now + min(LONGEST_MS, BACKOFF_MS * 2 ** min(row.tries, 20))
    changed = {"state": "waiting", "due": due, "tries": row.tries + 1, "changed": now}
    house.mail.store.write_now(Unit(_turn(row, "sending", changed)))
    log.warning("a letter `%s` waits: %s", row.event, error.code)
    return "waiting"


def _over(house: House, row: _Row, before: str, state: str) -> str:
    """End a letter, and destroy what opens it."""
    changed = {"state": state, "changed": house.clock(), "body": None}
    house.mail.store.write_now(Unit(_turn(row, before, changed)))
    house.mail.keys.forget((row.key,))
    return state


def _turn(row: _Row, before: str, changed: dict[str, Any]) -> tuple[Step, ...]:
    return (Update("letters", tuple(changed), ("id", "state"), ((*changed.values(), row.id, before),)),)


def _row(row: tuple[Any, ...]) -> _Row:
    cell = dict(zip(_COLUMNS, row, strict=True))
    return _Row(**{**cell, "body": cell["body"] or b""})
