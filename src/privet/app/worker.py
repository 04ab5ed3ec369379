"""What a server does by itself: sign the audits each second, and let what has run out go: records, answers, entries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import groupby

from privet.app.denials import flush
from privet.app.foreign import Foreign
from privet.app.identity import issue
from privet.app.inform import to_house
from privet.app.wiring import House
from privet.errors import Conflict, PrivetError
from privet.rights import care
from privet.rights.clock import WARN_MS, warn
from privet.store.port import Step, Unit
from privet.vault.log.audit import Deed
from privet.vault.log.history import EXPIRE_MS, expire
from privet.vault.upkeep.expiry import forget_answers, sweep

log = logging.getLogger("privet.worker")

STOP_SECONDS = 5.0  # how long a request that is under way may take to come to a step's end
PRINCIPAL = "privet"  # who an entry names where nobody asked


async def keep_sequenced(house: House, every_seconds: float = 1.0) -> None:
    """Advance the log of the house and of every open vault, until it is cancelled.

    Where a log cannot be advanced, `house.unsequenced` says so, and health with it, until it can; so it does from
    when this ends.
    """
    try:
        while True:
            await sequence(house)
            await asyncio.sleep(every_seconds)
    finally:
        house.unsequenced["sequencer"] = "stopped"


async def sequence(house: House) -> None:
    """Advance every log once, off the event loop."""
    with suppress(PrivetError):  # what cannot be written now turns health red by itself
        await flush(house)
    for each in house.logs():
        try:
            await asyncio.to_thread(each.advance)
        except PrivetError as error:
            if house.unsequenced.get(each.origin) != error.code:
                log.warning("the audit of %s is not signed: %s", each.origin, error.code)
            house.unsequenced[each.origin] = error.code
        else:
            house.unsequenced.pop(each.origin, None)


async def keep_witnessed(house: House, every_seconds: float = 60.0) -> None:
    """Give the witness the checkpoints of logs that grew, until it is cancelled; nothing where there is no witness.

    Where the witness fails, `house.unwitnessed` says why, and health with it, until it works.
    """
    if house.witness is None:
        return
    try:
        while True:
            await witness(house)
            await asyncio.sleep(every_seconds)
    finally:
        house.unwitnessed = "stopped"


async def witness(house: House) -> None:
    """Give the witness the newest checkpoints once, off the event loop."""
    assert house.witness is not None
    try:
        await asyncio.to_thread(house.witness.keep, house.logs())
    except PrivetError as error:
        if house.unwitnessed != error.code:
            log.warning("the audit's witness fails: %s", error.code)
        house.unwitnessed = error.code
    else:
        house.unwitnessed = ""


async def keep_expiring(house: House, every_seconds: float = 86_400.0, keep_ms: int = EXPIRE_MS) -> None:
    """Empty entries older than `keep_ms` in every vault, until it is cancelled."""
    while True:
        with _going_on("old audit entries stay"):
            for name in house.vault_names():
                with _going_on(f"old audit entries of vault {name} stay"):
                    await _expire(house, name, keep_ms)
        await asyncio.sleep(every_seconds)


async def _expire(house: House, name: str, keep_ms: int) -> None:
    vault = house.vault(name)
    now = vault.clock()
    deed = Deed(principal=PRINCIPAL, verb="audit.expire", policy=house.policy(vault).version, at_ms=now)
    await expire(vault, now - keep_ms, deed)


async def keep_requests(house: House, name: str, every_seconds: float = 1.0) -> None:
    """Carry people's requests out, until it is cancelled; what is under way then goes on with whoever comes next."""
    desk = house.desk
    desk.loop = asyncio.get_running_loop()
    crew = desk.crew(name)
    try:
        await asyncio.to_thread(desk.journal.recover)
        while True:
            with _going_on("people's requests stand still"):
                await asyncio.to_thread(crew.tick)
            await asyncio.sleep(every_seconds)
    finally:
        crew.close(STOP_SECONDS)


async def keep_clock(house: House, every_seconds: float = 60.0) -> None:
    """Warn of requests whose time runs out, and let go of packages whose time is over, until it is cancelled."""
    while True:
        with _going_on("nobody is warned of requests that are due"):
            await asyncio.to_thread(tick_clock, house)
        await asyncio.sleep(every_seconds)


def tick_clock(house: House) -> None:
    """Do what `keep_clock` does once. Blocking. A warning is in the audit, whether or not anybody takes letters."""
    from privet.app.services import packages

    journal, now = house.desk.journal, house.clock()
    _acknowledge(house, now)
    watched = (*care.running(journal, now + WARN_MS + 1), *care.unacknowledged(journal))
    for request, notices in groupby(warn({each.id: each for each in watched}.values(), now), lambda each: each.request):
        beside: list[Step] = []
        for notice in notices:
            deed = Deed(principal=PRINCIPAL, verb="requests.warn", policy=house.policy().version, at_ms=now)
            beside += [deed.seen(note=f"request {request.id} {notice.event}"), *to_house(house, notice, now)]
        care.warned(journal, request, now, beside=beside)
    packages.expire(house, now)


def _acknowledge(house: House, now: int) -> None:
    """Write down of which requests the letter that confirms their receipt went out."""
    if house.settings.mail is None:
        return
    from privet.app.mail import posted

    for found in care.unacknowledged(house.desk.journal):
        if posted(house, found.id).get("received") == "sent":
            deed = Deed(principal=PRINCIPAL, verb="requests.acknowledge", policy=house.policy().version, at_ms=now)
            with suppress(Conflict):  # somebody did so by hand meanwhile
                beside = (deed.entry(note=f"request {found.id}"),)
                care.acknowledge(house.desk.journal, found.id, now, beside=beside)


async def keep_sweeping(house: House, every_seconds: float = 3600.0) -> None:
    """Remove expired records and answers kept for retries, now and from time to time, until it is cancelled."""
    while True:
        with _going_on("expired records stay"):
            for name in house.vault_names():
                with _going_on(f"expired records of vault {name} stay"):
                    await _sweep(house, name)
        with _going_on("old answers and tokens of the house stay"):
            await forget_answers(house.control, house.clock())
            await keep_callers(house)
        await asyncio.sleep(every_seconds)


async def keep_callers(house: House) -> None:
    """Write down the days on which keys were used, and remove tokens, sessions and assertions that are over."""
    steps = (*house.callers.noted(), *issue.swept(house.callers, house.clock()))
    if steps:
        await house.control.write(Unit(steps))


async def _sweep(house: House, name: str) -> None:
    vault = house.vault(name)
    deed = Deed(principal=PRINCIPAL, verb="records.expire", policy=house.policy(vault).version, at_ms=vault.clock())
    await sweep(vault, deed)


@contextmanager
def _going_on(what: str) -> Iterator[None]:
    """Hold what goes wrong in a round of a duty, and log what it comes to: the next round is tried all the same."""
    with Foreign(log, what):
        try:
            yield
        except PrivetError as error:
            log.warning("%s: %s", what, error.code)
