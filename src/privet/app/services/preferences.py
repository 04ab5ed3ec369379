"""Preferences: what people said to notices, as staff write it down, look it up and hand it to auditors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from itertools import islice

import msgspec

from privet import codec
from privet.app.consent import Person, Saying, forget, history, retell, say, stands
from privet.app.denials import watched
from privet.app.services.standing import Standing, demand_vault
from privet.app.services.stream import Stream
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Damaged, InvalidInput
from privet.policy.decide import may
from privet.rights.asked import LONGEST_IDENTITY, LONGEST_REASON
from privet.rights.consent.choice import FORGOTTEN, Said, Source, Stands, counts
from privet.rights.consent.notice import Edition, shown_in
from privet.rights.consent.region import read_region
from privet.store.port import Unit

LINES = 500
SOURCES: dict[str, Source] = {"api": "api", "import": "import"}


class SetAsk(Ask, kw_only=True):
    """Write down what a person said. `email`: who she is, or `identities`: kind → value. `choices`: notice → `given`,
    `refused` or `withdrawn`. `verified`: how it was proved that she said it, in a few words without personal data.
    `versions`: notice → the version that she was shown, the newest by default; `language`: in which. `at_ms`: when she
    said it, now by default. `source`: `api`, or `import` for what another system had, which says `at_ms`."""

    choices: dict[str, str]
    verified: str
    email: str = ""
    identities: dict[str, str] = msgspec.field(default_factory=dict)
    versions: dict[str, int] = msgspec.field(default_factory=dict)
    language: str = "en"
    at_ms: int | None = None
    source: str = "api"
    region: str = ""


class PersonAsk(Ask, kw_only=True):
    """Name a person. `email`: her address, or `identities`: kind → value. `region`: of which notices it is shown what
    counts; all by default."""

    email: str = ""
    identities: dict[str, str] = msgspec.field(default_factory=dict)
    region: str = ""


class NoAsk(Ask, kw_only=True):
    """Show the choices of everybody."""


class StandsShown(Answer, kw_only=True):
    """What counts for one notice. `given`: the use may go on. `by`: `choice`, or `silence` where she said nothing and
    the mechanism decides. `version`: the newest of the notice; `said_ms`: UTC milliseconds since 1970, 0 for never."""

    notice: str
    version: int
    mechanism: str
    title: str
    text: str
    language: str
    given: bool
    by: str
    state: str
    said_ms: int


class SaidShown(Answer, kw_only=True):
    """What a person said once, and the words that she was shown. `signal`: her browser's signal to opt out was on.
    `counts`: it is what counts for its notice. `state` `forgotten`: all before was forgotten. Times: UTC milliseconds
    since 1970."""

    notice: str
    state: str
    at_ms: int
    written_ms: int
    source: str
    how: str
    signal: bool
    counts: bool
    version: int
    language: str
    digest: str
    title: str
    text: str


class Preferences(Answer, kw_only=True):
    """What counts for a person, and all that she said, in the order in which it was written down."""

    stands: list[StandsShown]
    history: list[SaidShown]


class Forgotten(Answer, kw_only=True):
    """How many choices were forgotten."""

    count: int


class Told(Answer, kw_only=True):
    """Of which notices vaults were told."""

    notices: list[str]


class Line(Answer, kw_only=True):
    """A choice of somebody. `person`: a keyed MAC of who she is, in hex."""

    person: str
    place: int
    notice: str
    version: int
    digest: str
    language: str
    state: str
    at_ms: int
    written_ms: int
    source: str
    how: str
    signal: bool


async def set_(house: House, who: Caller, ask: SetAsk) -> Preferences:
    """Write down what a person said, and have every system follow it."""
    may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    person = _person(house, ask.email, ask.identities, ask.verified)
    if ask.source not in SOURCES:
        raise InvalidInput("expected `api` or `import`", at="source")
    if ask.source == "import" and ask.at_ms is None:
        # As said now, an old list would lift every no since.
        raise InvalidInput("expected the time at which an import was said", at="at_ms", hint="UTC milliseconds")
    saying = Saying(
        choices=ask.choices,
        source=SOURCES[ask.source],
        versions=ask.versions,
        language=ask.language,
        at_ms=ask.at_ms,
        region=read_region(ask.region),
    )
    await say(house, who, person, saying)
    return preferences(house, person.handle, ask.language)


async def list_(house: House, who: Caller, ask: PersonAsk) -> Preferences:
    """Show what counts for a person, and all that she said, with the words that she was shown."""
    may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    person = _person(house, ask.email, ask.identities, "asked")
    found = preferences(house, person.handle, "en", region=read_region(ask.region))
    deed = who.deed("preferences.list", house.policy().version, house.clock())
    note = f"choices person {person.handle.hex()[:32]}"
    await house.control.write(Unit((deed.seen(count=len(found.history), note=note),)))
    return found


async def tell(house: House, who: Caller, ask: PersonAsk) -> Told:
    """Tell every vault what counts for a person: for one who came into a vault after she chose."""
    may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    found = await retell(house, who, _person(house, ask.email, ask.identities, "asked"))
    deed = who.deed("preferences.tell", house.policy().version, house.clock())
    await house.control.write(Unit((deed.seen(count=len(found)), *deed.settle(b""))))
    return Told(notices=found)


async def forget_(house: House, who: Caller, ask: PersonAsk) -> Forgotten:
    """Delete all that a person said. One row stays, which counts what was; systems that were told follow it on."""
    may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    return Forgotten(count=await forget(house, who, _person(house, ask.email, ask.identities, "asked").handle))


async def lines(house: House, who: Caller, ask: NoAsk) -> AsyncGenerator[list[bytes], None]:
    """Yield every choice, person by person; that they leave is in the audit first. Raises Denied, Damaged."""
    async with watched(house, who, "preferences.export", ask):
        demand_vault(who.principal, "")
        may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    standing = Standing(house, who)
    deed = who.deed("preferences.export", house.policy().version, house.clock())
    await house.control.write(Unit((deed.seen(note="every choice"),)))
    ledger = house.choices.ledger
    found = (said for person, rows in ledger.chains() for said in ledger.checked(person, rows).told)
    while chunk := await asyncio.to_thread(lambda: list(islice(found, LINES))):
        standing.demand()
        yield [codec.encode(_line(said)) for said in chunk]


def preferences(house: House, handle: bytes, language: str, *, region: str = "") -> Preferences:
    """Return what counts for a person, and all that she said. `region`: of which notices it is said what counts, ""
    for all that are not retired. Raises Damaged."""
    told = history(house, handle)
    counting = set(counts(told).values())
    versions: dict[str, list[Edition]] = {}
    return Preferences(
        stands=standing(house, handle, language, region=region),
        history=[_said(house, said, versions, counting=said in counting) for said in told],
    )


def standing(house: House, handle: bytes, language: str, *, region: str = "") -> list[StandsShown]:
    """Return what counts for a person. `region`: of which notices, "" for all that are not retired. Raises Damaged."""
    newest = house.choices.board.newest()
    shown = shown_in(newest, region) if region else [edition for edition in newest if not edition.retired]
    return [_stands(each, language) for each in stands(house, handle, shown)]


def _stands(each: Stands, language: str) -> StandsShown:
    tongue, words = each.edition.notice.words(language)
    return StandsShown(
        notice=each.edition.notice.key,
        version=each.edition.version,
        mechanism=each.edition.notice.mechanism,
        title=words.title,
        text=words.text,
        language=tongue,
        given=each.given,
        by="choice" if each.said else "silence",
        state=each.said.state if each.said else "",
        said_ms=each.said.at_ms if each.said else 0,
    )


def _said(house: House, said: Said, versions: dict[str, list[Edition]], *, counting: bool) -> SaidShown:
    title, text = _words(house, said, versions)
    return SaidShown(
        notice=said.notice,
        state=said.state,
        at_ms=said.at_ms,
        written_ms=said.written_ms,
        source=said.source,
        how=said.how,
        signal=said.signal,
        counts=counting,
        version=said.version,
        language=said.language,
        digest=said.digest.hex(),
        title=title,
        text=text,
    )


def _words(house: House, said: Said, versions: dict[str, list[Edition]]) -> tuple[str, str]:
    """Return the words that she was shown. Raises Damaged where they are not there any more."""
    if said.state == FORGOTTEN:
        return "", ""
    if said.notice not in versions:
        versions[said.notice] = house.choices.board.versions(said.notice)
    found = next((each for each in versions[said.notice] if each.version == said.version), None)
    if found is None or found.notice.digest != said.digest or said.language not in found.notice.texts:
        raise Damaged("the words that a choice names are not there as they were", hint="restore a backup of the home")
    words = found.notice.texts[said.language]
    return words.title, words.text


def _line(said: Said) -> Line:
    return Line(
        person=said.person.hex(),
        place=said.place,
        notice=said.notice,
        version=said.version,
        digest=said.digest.hex(),
        language=said.language,
        state=said.state,
        at_ms=said.at_ms,
        written_ms=said.written_ms,
        source=said.source,
        how=said.how,
        signal=said.signal,
    )


def _person(house: House, email: str, identities: dict[str, str], how: str) -> Person:
    found = {**identities, **({"email": email} if email else {})}
    if len(found) != 1 or any(not value.strip() or len(value) > LONGEST_IDENTITY for value in found.values()):
        raise InvalidInput("expected one identity, by which she chooses", at="identities", hint="such as her email")
    if not how.strip() or len(how) > LONGEST_REASON:
        raise InvalidInput(f"expected 1 to {LONGEST_REASON} characters on how it was proved", at="verified")
    kind, value = next(iter(found.items()))
    return Person(house.handle(kind, value), found, how)


async def _set_again(house: House, who: Caller, ask: SetAsk, ids: bytes) -> Preferences:
    may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    person = _person(house, ask.email, ask.identities, ask.verified)
    await retell(house, who, person)  # a crash may have come before the vaults were told
    return preferences(house, person.handle, ask.language)


PATH = "/v1/preferences"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="preferences.set",
        method="POST",
        path=PATH,
        ask=SetAsk,
        answer=Preferences,
        run=set_,
        about="Write down what a person said to notices, and have every system follow it.",
        changes=True,
        again=_set_again,
    ),
    Verb(
        name="preferences.list",
        method="POST",
        path=PATH + "/list",
        ask=PersonAsk,
        answer=Preferences,
        run=list_,
        about="Show what counts for a person, and all that she said, with the words that she was shown.",
    ),
    Verb(
        name="preferences.tell",
        method="POST",
        path=PATH + "/tell",
        ask=PersonAsk,
        answer=Told,
        run=tell,
        about="Tell every vault what counts for a person who came into one after she chose.",
        changes=True,
    ),
    Verb(
        name="preferences.forget",
        method="POST",
        path=PATH + "/forget",
        ask=PersonAsk,
        answer=Forgotten,
        run=forget_,
        about="Delete all that a person said to notices.",
        changes=True,
    ),
)

STREAMS: tuple[Stream, ...] = (
    Stream(
        name="preferences.export",
        path=PATH,
        ask=NoAsk,
        answer=Line,
        run=lines,
        about="Show the choices of everybody, one JSON value a line, without saying who anybody is.",
    ),
)
