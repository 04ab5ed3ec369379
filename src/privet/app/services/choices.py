"""Choices: what people say to notices in the privacy centre, by a pass of their own or by a browser that nobody knows.

A browser's signal to opt out comes with every call (`Sec-GPC: 1`, Global Privacy Control), and counts where a law says
so.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec

from privet import digest
from privet.app.consent import JOINED, Person, Saying, heed, history, join, retell, say
from privet.app.services.center import PATH, holder
from privet.app.services.preferences import Preferences, StandsShown, preferences, standing
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import InvalidInput, LimitExceeded
from privet.rights.consent.choice import counts
from privet.rights.consent.notice import shown_in
from privet.rights.consent.region import read_region

MOST_OF_DEVICE = 200  # choices that a device may say
MOST_AT_ONCE = 50
MOST_A_DAY = 200  # choices of one person: each is told to every system
DAY_MS = 86_400_000
DEVICE = "device"
_DEVICE = re.compile(r"[0-9a-f]{32}")
_Region = Annotated[str, msgspec.Meta(max_length=10)]
_Language = Annotated[str, msgspec.Meta(max_length=35)]
_Device = Annotated[str, msgspec.Meta(max_length=32)]
_Key = Annotated[str, msgspec.Meta(max_length=64)]
_State = Annotated[str, msgspec.Meta(max_length=16)]


class NoticesAsk(Ask, kw_only=True):
    """List notices. `region`: ISO 3166 code of where you live, such as `US-CA`. `language`: such as `de`."""

    region: _Region = ""
    language: _Language = "en"


class ListAsk(NoticesAsk, kw_only=True):
    """Show what counts for you, and all that you said."""


class SetAsk(NoticesAsk, kw_only=True):
    """Say what you choose. `choices`: notice → `given`, `refused` or `withdrawn`. `versions`: notice → the version that
    you were shown, which must be the newest."""

    choices: dict[_Key, _State]
    versions: dict[_Key, int] = msgspec.field(default_factory=dict)


class NoAsk(Ask, kw_only=True):
    """Nothing to say."""


class DeviceAsk(SetAsk, kw_only=True):
    """Say what somebody chooses who proved nothing. `device`: as it was given out; no choices: the signal alone."""

    device: _Device
    choices: dict[_Key, _State] = msgspec.field(default_factory=dict)


class JoinAsk(Ask, kw_only=True):
    """Make what was said on this device yours. `device`: as it was given out."""

    device: _Device


class NoticeTold(Answer, kw_only=True):
    """A notice as a person is shown it. `version`: to be sent back with the choice."""

    key: str
    version: int
    mechanism: str
    uses: list[str]
    title: str
    text: str
    language: str


class NoticesTold(Answer):
    """The notices of a region."""

    notices: list[NoticeTold]


class Device(Answer, kw_only=True):
    """A random id for a browser, which keeps it: whoever knows it can change what was said on it."""

    device: str


class Standings(Answer):
    """What counts now, by notice."""

    stands: list[StandsShown]


class Joined(Answer, kw_only=True):
    """How many choices became yours."""

    count: int


async def notices(house: House, who: Caller, ask: NoticesAsk) -> NoticesTold:
    """List what people of a region are told of uses of their data."""
    shown = shown_in(house.choices.board.newest(), read_region(ask.region))
    found = []
    for edition in shown:
        language, words = edition.notice.words(ask.language)
        told = NoticeTold(
            key=edition.notice.key,
            version=edition.version,
            mechanism=edition.notice.mechanism,
            uses=list(edition.notice.uses),
            title=words.title,
            text=words.text,
            language=language,
        )
        found.append(told)
    return NoticesTold(found)


async def list_(house: House, who: Caller, ask: ListAsk) -> Preferences:
    """Show what counts for you, and all that you said. A signal of your browser is heeded first."""
    person, region = _person(who), read_region(ask.region)
    if _signal(who):
        await heed(house, who, person, region)
    return preferences(house, person.handle, ask.language, region=region)


async def set_(house: House, who: Caller, ask: SetAsk) -> Preferences:
    """Say what you choose; every system is told."""
    person, region = _person(who), read_region(ask.region)
    _demand_few(house, person, len(ask.choices))
    await say(house, who, person, _saying(who, ask))
    if _signal(who):
        await heed(house, who, person, region)
    return preferences(house, person.handle, ask.language, region=region)


async def make_device(house: House, who: Caller, ask: NoAsk) -> Device:
    """Give out a random id for a browser. Nothing is kept of it before something is said on it."""
    return Device(device=digest.random_bytes(16).hex())


async def set_device(house: House, who: Caller, ask: DeviceAsk) -> Standings:
    """Say what somebody chooses who proved nothing, and what her browser signals; show what counts on the device."""
    device, region = _device(house, ask.device), read_region(ask.region)
    if (ask.choices or _signal(who)) and house.choices.unproved.full(house.clock()):
        raise LimitExceeded("too many choose who prove nothing", hint="prove who you are", retry_seconds=600)
    if ask.choices:
        told = history(house, device.handle)
        if len(told) + len(ask.choices) > MOST_OF_DEVICE:
            raise LimitExceeded(
                "expected fewer choices on one device", hint="prove who you are, and choose as yourself"
            )
        known = counts(told)
        # What is said again in the same words is no news, and a page may say it with every visit.
        told_again = {(key, said.state, said.version) for key, said in known.items() if said.how != JOINED}
        fresh = {
            key: state for key, state in ask.choices.items() if (key, state, ask.versions.get(key)) not in told_again
        }
        if fresh:
            await say(house, who, device, _saying(who, msgspec.structs.replace(ask, choices=fresh)))
    if _signal(who):
        await heed(house, who, device, region)
    return Standings(standing(house, device.handle, ask.language, region=region))


async def join_device(house: House, who: Caller, ask: JoinAsk) -> Joined:
    """Make what was said on this device yours: of two choices, the one that was said last counts; but a yes that nobody
    proved lifts no no of yours."""
    device, person = _device(house, ask.device), _person(who)
    _demand_few(house, person, len(counts(history(house, device.handle))))
    return Joined(count=await join(house, who, device, person))


def _demand_few(house: House, person: Person, count: int) -> None:
    """Raise LimitExceeded where a person says more in a day than anybody means."""
    since = house.clock() - DAY_MS
    if sum(said.written_ms > since for said in history(house, person.handle)) + count > MOST_A_DAY:
        raise LimitExceeded(f"expected at most {MOST_A_DAY} choices of a person a day", hint="come back tomorrow")


def _person(who: Caller) -> Person:
    held = holder(who)
    return Person(held.handle, held.identities, held.how)


def _device(house: House, text: str) -> Person:
    if not _DEVICE.fullmatch(text):
        raise InvalidInput("expected the id of a device, as it was given out", at="device")
    return Person(house.handle(DEVICE, text), {}, DEVICE)


def _saying(who: Caller, ask: SetAsk) -> Saying:
    if len(ask.choices) > MOST_AT_ONCE:
        raise InvalidInput(f"expected at most {MOST_AT_ONCE} choices at once", at="choices")
    return Saying(
        choices=ask.choices,
        source="center",
        versions=ask.versions,
        language=ask.language,
        region=read_region(ask.region),
        signal=_signal(who),
    )


def _signal(who: Caller) -> bool:
    return who.facts.get("gpc") == "1"


async def _set_again(house: House, who: Caller, ask: SetAsk, ids: bytes) -> Preferences:
    person = _person(who)
    await retell(house, who, person)  # a crash may have come before the vaults were told
    return preferences(house, person.handle, ask.language, region=read_region(ask.region))


def _verb(name: str, path: str, ask: type[Ask], answer: type, run: Any, about: str, **rest: Any) -> Verb:
    said: dict[str, Any] = {"method": "POST", "own": True, "door": "center", **rest}
    return Verb(name=f"center.{name}", path=PATH + path, ask=ask, answer=answer, run=run, about=about, **said)


VERBS: tuple[Verb, ...] = (
    _verb(
        "notices.list",
        "/notices",
        NoticesAsk,
        NoticesTold,
        notices,
        "List what people of a region are told of uses of their data.",
        method="GET",
        open=True,
    ),
    _verb(
        "choices.list",
        "/choices",
        ListAsk,
        Preferences,
        list_,
        "Show what counts for you, and all that you said.",
        method="GET",
    ),
    _verb(
        "choices.set",
        "/choices",
        SetAsk,
        Preferences,
        set_,
        "Say what you choose; every system is told.",
        changes=True,
        again=_set_again,
    ),
    _verb("devices.make", "/devices", NoAsk, Device, make_device, "Give out a random id for a browser.", open=True),
    _verb(
        "devices.set",
        "/devices/choices",
        DeviceAsk,
        Standings,
        set_device,
        "Say what somebody chooses who proved nothing.",
        open=True,
    ),
    _verb("devices.join", "/devices/join", JoinAsk, Joined, join_device, "Make what was said on a device yours."),
)
