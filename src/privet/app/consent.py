"""What people say to notices: written down with its proof, told to every vault at once, and to all other systems.

A choice is durable together with the request that tells it on, so that no crash lost it half told. The verbs of staff
and of the privacy centre stand in services; what counts, and the ledger itself, in `rights.consent`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from privet import digest
from privet.app.services.verb import Caller
from privet.app.telling import Telling
from privet.connectors.base import Choice
from privet.errors import Conflict, Damaged, InvalidInput, NotFound, PrivetError
from privet.near import meant
from privet.rights.asked import Opening
from privet.rights.consent import choice, ledger, notice
from privet.rights.consent.choice import STATES, Said, Source, Stands
from privet.rights.consent.ledger import Chain, Ledger
from privet.rights.consent.notice import Board, Edition
from privet.rights.consent.region import GROUPS
from privet.rights.identity.codes import Hour
from privet.rights.words import Kind
from privet.secret import Secret
from privet.store.port import Step, Unit
from privet.vault.access import bound
from privet.vault.log.audit import Deed
from privet.vault.log.history import Fault

if TYPE_CHECKING:
    from privet.app.services.requests import Times
    from privet.app.wiring import House

log = logging.getLogger("privet.consent")

OPENED_BY = "choices"  # what requests name as their opener that tell a choice: nobody waits for a letter about it
JOINED = "joined"  # how it was proved what stays on a device, and is somebody's already
_MISSING = "it was written and is not there"


@dataclass(frozen=True, slots=True)
class Person:
    """Whose choice it is. `handle`: as the ledger knows her. `identities`: kind → value, by which systems find her;
    none for a device. `how`: how she proved it."""

    handle: bytes
    identities: Mapping[str, str] = field(repr=False)
    how: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """What is said at once. `choices`: notice → state. `versions`: notice → the version that was shown, where that is
    known. `language`: it was shown in. `at_ms`: when she said it, now by default. `signal`: her browser's signal to opt
    out was on."""

    choices: Mapping[str, str]
    source: Source
    versions: Mapping[str, int] = field(default_factory=dict)
    language: str = "en"
    at_ms: int | None = None
    region: str = ""
    signal: bool = False


MOST_UNPROVED = 20_000
"""Choices in an hour of people who proved nothing, of a whole house: so nobody fills its disk from outside."""


class Choices:
    """The notices and choices of a house. `unproved`: what people said who proved nothing."""

    def __init__(self, house: House) -> None:
        house.control.define((notice.NOTICES, ledger.CHOICES))
        key = Secret(digest.mac(house.ring.raw("idempotency", house.id).reveal(), b"privet choices 1"))
        self.board = Board(house.control, key)
        self.ledger = Ledger(house.control, key)
        self.unproved = Hour(MOST_UNPROVED)
        self.telling = Telling()
        self._turns: WeakValueDictionary[bytes, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def turn(self, *handles: bytes) -> AsyncIterator[None]:
        """Let nobody else say anything for some people meanwhile.

        INVARIANT: held while a chain grows, and while vaults are told of it; one process holds a home.
        """
        async with AsyncExitStack() as held:
            for handle in sorted(set(handles)):  # everybody in one order, so that no two wait for each other
                # Whoever holds a lock or waits for it keeps it: one that is free is gone.
                await held.enter_async_context(self._turns.setdefault(handle, asyncio.Lock()))
            yield

    def notice(self, key: str, *, version: int = 0) -> Edition:
        """Return a version of a notice, the newest by default. Raises NotFound."""
        found = self.board.versions(key)
        if not found:
            known = [each.notice.key for each in self.board.newest()]
            raise NotFound("there is no notice of that key", hint=meant(key, known))
        if not 0 <= version <= len(found):
            raise NotFound(f"notice `{key}` has {len(found)} versions")
        return found[version - 1]


# --- saying -----------------------------------------------------------------------------------------------------


async def say(house: House, who: Caller, person: Person, saying: Saying) -> list[Stands]:
    """Write down what a person says, have every vault follow it, and tell all other systems; return what counts now.

    Each notice by itself, in the order given: what a crash cuts short stands for the first of them. Raises
    InvalidInput, NotFound, Conflict where she was shown another text, before anything of it is written.
    """
    demanded = _demanded(house, saying)
    retry = who.retry
    async with house.choices.turn(person.handle):
        for at, (edition, state) in enumerate(demanded, 1):
            who.retry = retry if at == len(demanded) else None  # the call is settled once all of it is written
            await _say(house, who, person, _said(house, person, edition, state, saying), saying.region)
    return stands(house, person.handle, [edition for edition, _ in demanded])


async def heed(house: House, who: Caller, person: Person, region: str) -> list[Stands]:
    """Take a browser's signal to opt out for the refusal that it is; return what counts now of the region's notices."""
    shown = notice.shown_in(house.choices.board.newest(), region)
    day = datetime.fromtimestamp(house.clock() / 1000, UTC).date()
    async with house.choices.turn(person.handle):
        told = house.choices.ledger.chain(person.handle).told
        refused = choice.refused_by_signal(choice.stands(shown, told), region, day)
        saying = Saying(choices={}, source="signal", region=region, signal=True)
        for edition in refused:
            await _say(house, who, person, _said(house, person, edition, "refused", saying), region)
    return stands(house, person.handle, shown)


async def join(house: House, who: Caller, device: Person, person: Person) -> int:
    """Make what was said on a device, by nobody that we knew, a person's; return how much that is.

    Each keeps the time at which it was said, so what was said last counts, and that it was said on a device. Whoever
    proves another identity there gets none of it; but what was refused there stays refused on the device, for pages
    that somebody sees who proves nothing.
    """
    ledger = house.choices.ledger
    async with house.choices.turn(device.handle, person.handle):
        chain = ledger.chain(device.handle)
        newest = list(choice.counts(chain.told).values())
        fresh = [said for said in newest if said.how != JOINED]
        hers = choice.counts(ledger.chain(person.handle).told)
        moving = [said for said in fresh if choice.joins(said, hers.get(said.notice))]
        for said in moving:
            moved = replace(said, person=person.handle, written_ms=house.clock())
            await _say(house, who, person, moved, "")
        if fresh:
            await _forget(house, who, chain)
            for said in newest:
                if said.state != "given":
                    await _say(house, who, device, replace(said, how=JOINED, written_ms=house.clock()), "")
    return len(moving)


async def retell(house: House, who: Caller, person: Person) -> list[str]:
    """Tell every vault what counts for a person who came into one after she chose; return of which notices."""
    async with house.choices.turn(person.handle):
        told = house.choices.ledger.chain(person.handle).told
        editions = {each.notice.key: each for each in house.choices.board.newest()}
        found = choice.counts(told)
        telling: list[Choice] = []
        for key, said in found.items():
            before = choice.counts(each for each in told if each is not said)
            telling += choice.told_as(editions[key], said, before, editions)
        await house.choices.telling.tell(house, who, person.handle, telling, person.identities)
    return list(found)


async def forget(house: House, who: Caller, handle: bytes) -> int:
    """Delete all that a person said, and return how much that was. Raises Conflict where there is nothing."""
    async with house.choices.turn(handle):
        chain = house.choices.ledger.chain(handle)
        await _forget(house, who, chain)
    return len(chain.told)


def stands(house: House, handle: bytes, editions: Sequence[Edition]) -> list[Stands]:
    """Return what counts for a person of some notices. Raises Damaged."""
    return choice.stands(editions, house.choices.ledger.chain(handle).told)


def history(house: House, handle: bytes) -> tuple[Said, ...]:
    """Return all that a person said, in the order in which it was written down. Raises Damaged."""
    return house.choices.ledger.chain(handle).told


def _demanded(house: House, saying: Saying) -> list[tuple[Edition, str]]:
    if not saying.choices:
        raise InvalidInput("expected a choice, found none", at="choices")
    if saying.at_ms is not None and not 0 <= saying.at_ms <= house.clock():
        raise InvalidInput("expected a time that has come, in UTC milliseconds since 1970", at="at_ms")
    found: list[tuple[Edition, str]] = []
    for key, state in saying.choices.items():
        edition = house.choices.notice(key)
        if state not in STATES:
            raise InvalidInput(f"expected one of {', '.join(f'`{each}`' for each in STATES)}", at=f"choices.{key}")
        if edition.notice.mechanism == "notice":
            raise InvalidInput(f"notice `{key}` leaves nothing to choose", at=f"choices.{key}")
        shown = saying.versions.get(key, 0 if saying.source == "center" else edition.version)
        if saying.source == "center" and (edition.retired or shown != edition.version):
            raise Conflict(f"she was shown another text of `{key}`", hint="show the newest, and ask again")
        found.append((house.choices.notice(key, version=shown), state))
    return found


def _said(house: House, person: Person, edition: Edition, state: str, saying: Saying) -> Said:
    now = house.clock()
    return Said(
        person=person.handle,
        place=0,
        notice=edition.notice.key,
        version=edition.version,
        digest=edition.notice.digest,
        language=edition.notice.words(saying.language)[0],
        state=state,
        at_ms=now if saying.at_ms is None else saying.at_ms,
        written_ms=now,
        source=saying.source,
        how=person.how,
        signal=saying.signal,
    )


async def _say(house: House, who: Caller, person: Person, said: Said, region: str) -> None:
    """Write one choice with its entry and the request that tells it, then have the vaults follow it."""
    chain = house.choices.ledger.chain(person.handle)
    before = choice.counts(chain.told)
    grown, steps = house.choices.ledger.add(chain, [said])
    if not person.identities:
        house.choices.unproved.add(house.clock())
    counts = choice.counts(grown.told)[said.notice] == grown.told[-1]
    deed = who.deed("choices.say", house.policy().version, house.clock())
    note = f"choice {said.notice} {said.state} v{said.version} by {said.source} person {person.handle.hex()[:32]}"
    steps = (*steps, deed.entry(records=_bound(grown), count=1, note=note), *deed.settle(b""))
    if not (counts and person.identities):
        await house.control.write(Unit(steps))
        return
    editions = {each.notice.key: each for each in house.choices.board.newest()}
    told = choice.told_as(editions[said.notice], said, before, editions)
    # Where an objection says it, too, it is the objection that may not get lost: vaults hide by it alone.
    await asyncio.to_thread(
        house.desk.journal.open, _opening(house, person, told[-1], region), house.clock(), beside=steps
    )
    await house.choices.telling.tell(house, who, person.handle, told, person.identities)


def _opening(house: House, person: Person, told: Choice, region: str) -> Opening:
    return Opening(
        kind=told.kind,
        identities=person.identities,
        by=OPENED_BY,
        approval=False,
        verified=person.how,
        person=person.handle,
        region=region,
        choice=told,
        **_times(house, told.kind, region),
    )


def _times(house: House, kind: Kind, region: str) -> Times | dict[str, Any]:
    from privet.app.services.requests import times

    try:
        return times(house, kind, house.clock(), region="EU" if region in GROUPS else region)
    except PrivetError as error:  # manifests that cannot be read must not keep a no from being written down
        log.warning("a choice is told without a date: %s", error.code)
        return {}


async def _forget(house: House, who: Caller, chain: Chain) -> None:
    left, steps = house.choices.ledger.forget(chain, house.clock())
    deed = who.deed("choices.forget", house.policy().version, house.clock())
    note = f"choices forgotten person {chain.person.hex()[:32]}"
    entry = deed.entry(records=_bound(left), count=len(chain.told), note=note)
    await house.control.write(Unit((*steps, entry, *deed.settle(b""))))


# --- proof ------------------------------------------------------------------------------------------------------


def edition_entry(house: House, edition: Edition, deed: Deed) -> tuple[Step, ...]:
    """Return the steps that store a version of a notice, with the entry that binds it."""
    stored = house.choices.board.step(edition)
    what = "retired" if edition.retired else "version"
    note = f"notice {edition.notice.key} {what} {edition.version} {edition.notice.digest.hex()}"
    return (stored, deed.entry(records=_bound_notice(edition), count=1, note=note))


def faults(house: House, newest: Mapping[bytes, bytes]) -> Iterator[Fault]:
    """Yield what of notices and choices is not as the newest entries of the house's audit bind it. `newest`: as its
    `Prover` has it."""
    expected = bound.living(newest, bound.SAID)
    yield from _faults_of_notices(house, newest, expected)
    for person, rows in house.choices.ledger.chains():
        at = f"choices of person {person.hex()[:32]}"
        expected.pop(_identity(person), None)
        try:
            item = _bound(house.choices.ledger.checked(person, rows))
        except Damaged as error:
            yield Fault("choice", at, error.message)
            continue
        yield from _compared("choice", at, newest, item)
    for id_ in expected:
        yield Fault("choice.missing", f"choices or notice {digest.id_text(id_)}", _MISSING)


def _faults_of_notices(
    house: House, newest: Mapping[bytes, bytes], expected: dict[bytes, tuple[int, bytes]]
) -> Iterator[Fault]:
    try:
        # Older versions decide nothing, and are what choices name: all of them are looked at.
        board = house.choices.board
        editions = [board.versions(each.notice.key)[-1] for each in board.newest()]
    except Damaged as error:
        yield Fault("notice", "notices", error.message)
        return
    for edition in editions:
        item = _bound_notice(edition)
        expected.pop(item[:16], None)
        yield from _compared("notice", f"notice {edition.notice.key}", newest, item)


def _compared(what: str, at: str, newest: Mapping[bytes, bytes], item: bytes) -> Iterator[Fault]:
    known = newest.get(item[:16])
    if known is None:
        yield Fault(f"{what}.unlogged", at, "no entry says that it was written")
    elif known != item[16:36]:
        yield Fault(f"{what}.old", at, "it is not as it was last written")


def _identity(person: bytes) -> bytes:
    return bound.identity("choices", person)


def _bound(chain: Chain) -> bytes:
    return bound.bind(bound.SAID, _identity(chain.person), chain.count, chain.head, chain.person[:16])


def _bound_notice(edition: Edition) -> bytes:
    key = edition.notice.key.encode()
    shown = digest.sha256(edition.notice.digest + bytes([edition.retired]))
    return bound.bind(bound.SAID, bound.identity("notice", key), edition.version, shown, digest.ZERO_ID)
