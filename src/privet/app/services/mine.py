"""What a person asks for in the privacy centre, and sees of it. Nothing here is about anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated, Any, get_args

import msgspec

from privet import digest
from privet.app.consent import OPENED_BY
from privet.app.services.center import PATH, NoAsk, center_verb, holder
from privet.app.services.stream import Stream
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.connectors.base import Choice
from privet.errors import InvalidInput, LimitExceeded, NotFound
from privet.policy.bind import keys
from privet.rights.asked import DENIALS, OVER, Correction, Opening, Request
from privet.rights.identity.passes import Pass
from privet.rights.words import GATHERING, Kind
from privet.store.port import Select, Step, Unit
from privet.vocabulary.predicate import And, Compare

KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != "consent")  # consent: by choices
MOST_OPEN = 20  # requests of one person that are not over
MOST_A_DAY = 30  # that one person opens: each is written of to her
DAY_MS = 86_400_000
MOST_ITEMS = 20
MOST_LISTED = 100
CENTER = "center"
_REQUEST = "/requests/{id}"
_Id = Annotated[str, msgspec.Meta(max_length=64)]
_Text = Annotated[str, msgspec.Meta(max_length=1_000)]


class CorrectionAsk(Ask, kw_only=True):
    """What is wrong: a category such as `user.contact.phone_number`, and what is right. `was`: what stands there now,
    where other values are to stay."""

    what: _Text
    value: _Text
    was: _Text | None = None


class OpenAsk(Ask, kw_only=True):
    """Ask for something. `kind`: `access`, `portability`, `rectification`, `erasure`, `restriction` or `objection`.
    `region`: ISO 3166 code of where you live. `language`: in which we write to you; by default that of the code.
    `corrections`: of a rectification. `uses`: what an objection is about. `lift`: take a restriction or an objection
    back."""

    kind: str
    region: Annotated[str, msgspec.Meta(max_length=10)] = ""
    language: Annotated[str, msgspec.Meta(max_length=35)] = ""
    corrections: list[CorrectionAsk] = msgspec.field(default_factory=list)
    uses: list[_Text] = msgspec.field(default_factory=list)
    lift: bool = False


class IdAsk(Ask, kw_only=True):
    """Name a request of yours."""

    id: _Id = ""


class Counts(Answer, kw_only=True):
    """What came of a request, in records of all systems together."""

    read: int
    deleted: int
    masked: int
    corrected: int
    told: int
    kept: int
    remaining: int


class Mine(Answer, kw_only=True):
    """A request of yours. `asked`, `words`, `why`: kind, state and reason in plain words of your language.
    `cancelable`: nothing was changed yet. `package`: what was gathered can be fetched until then. Times: UTC
    milliseconds since 1970."""

    id: str
    kind: str
    asked: str
    state: str
    words: str
    why: str
    extended: str
    opened_ms: int
    due_ms: int | None
    ended_ms: int | None
    cancelable: bool
    package_until_ms: int | None
    counts: Counts | None


class Mines(Answer):
    """Requests of yours, newest first."""

    requests: list[Mine]


class Package(Answer, kw_only=True):
    """How to open the package of a request: the passphrase of its file, until when and how often it can be fetched."""

    passphrase: str
    until_ms: int
    downloads_left: int


async def open_request(house: House, who: Caller, ask: OpenAsk) -> Mine:
    """Ask for something. Whoever asks for the same again gets the request that is open already."""
    held, now = holder(who), house.clock()
    kind = _kind(ask.kind)
    corrections, choice = _corrections(ask, kind), _choice(ask, kind, now)
    async with house.center.opening:
        found = await asyncio.to_thread(_opened, house, held, kind, corrections, choice)
        if found is not None:
            return mine(house, held, found)
        opening = _opening(house, held, ask, kind, corrections, choice)
        deed = who.deed("center.requests.open", house.policy().version, now)

        def beside(id_: str) -> tuple[Step, ...]:
            return (deed.entry(note=f"request {id_} {kind}"), *deed.settle(digest.id_bytes(id_)))

        return mine(house, held, await asyncio.to_thread(house.desk.journal.open, opening, now, beside=beside))


async def list_requests(house: House, who: Caller, ask: NoAsk) -> Mines:
    """List your requests, newest first."""
    held = holder(who)
    return Mines([mine(house, held, each) for each in await asyncio.to_thread(_newest, house, held)])


async def get_request(house: House, who: Caller, ask: IdAsk) -> Mine:
    """Show a request of yours."""
    return mine(house, holder(who), await own_request(house, who, ask.id))


async def cancel_request(house: House, who: Caller, ask: IdAsk) -> Mine:
    """Stop a request of yours that has changed nothing yet."""
    held, now = holder(who), house.clock()
    found = await own_request(house, who, ask.id, alone=True)
    deed = who.deed("center.requests.cancel", house.policy().version, now)
    beside = (deed.entry(note=f"request {found.id}"), *deed.settle(digest.id_bytes(found.id)))
    stop = house.desk.journal.cancel
    return mine(house, held, await asyncio.to_thread(stop, found.id, held.who, "withdrawn", now, beside=beside))


async def open_package(house: House, who: Caller, ask: IdAsk) -> Package:
    """Show the passphrase of what was gathered for a request of yours; that it was shown is in the audit first."""
    from privet.app.services.packages import open_for

    found = await own_request(house, who, ask.id, alone=True)
    shown = await asyncio.to_thread(open_for, house, found.id)
    deed = who.deed("center.packages.open", house.policy().version, house.clock())
    await house.control.write(Unit((deed.seen(note=f"request {found.id}"),)))
    return Package(passphrase=shown.passphrase.reveal(), until_ms=shown.until_ms, downloads_left=shown.downloads_left)


async def package_file(house: House, who: Caller, ask: IdAsk) -> AsyncGenerator[list[bytes], None]:
    """Yield the file of what was gathered for a request of yours; that it leaves is counted and in the audit first."""
    from privet.app.services.packages import stream_for

    found = await own_request(house, who, ask.id, alone=True)
    async with aclosing(await stream_for(house, who, found.id)) as pieces:
        async for piece in pieces:
            yield [piece]


async def own_request(house: House, who: Caller, id_: str, *, alone: bool = False) -> Request:
    """Return a request of the person who calls. `alone`: only one that names nobody but her, as she proved herself.

    Raises NotFound, the same for one that is another's and one that is none; Gone once it is forgotten, with `alone`.
    """
    held = holder(who)
    return await asyncio.to_thread(_own, house, held, id_, alone)


def _own(house: House, held: Pass, id_: str, alone: bool) -> Request:
    journal = house.desk.journal
    try:
        digest.id_bytes(id_)
    except ValueError:
        raise _none() from None
    where = And((Compare("id", "=", id_), Compare("person", "=", held.handle), Compare("opened_by", "!=", OPENED_BY)))
    if not journal.store.select(Select(table="requests", columns=("id",), where=where)):
        raise _none()
    found = journal.get(id_)
    # Whoever writes rows could put her handle on another's request: what is sealed says whom it names. And one that
    # staff opened may name more than she proved.
    if alone and not _names(house, held, journal.identities(id_)):
        raise _none()
    return found


def _names(house: House, held: Pass, identities: dict[str, Any]) -> bool:
    """Return whether identities are the one that she proved, and no more."""
    value = identities.get(held.kind)
    if len(identities) != 1 or not isinstance(value, str):
        return False
    return digest.same(house.handle(held.kind, value), held.handle)


def _none() -> NotFound:
    return NotFound("there is no such request")


def _newest(house: House, held: Pass) -> list[Request]:
    """Return what she asked for, newest first. What tells her choices on is none of it: those she sees apart."""
    where = And((Compare("person", "=", held.handle), Compare("opened_by", "!=", OPENED_BY)))
    journal, order = house.desk.journal, (("id", False),)
    question = Select(table="requests", columns=("id",), where=where, order=order, limit=MOST_LISTED)
    return [journal.get(str(id_)) for (id_,) in journal.store.select(question)]


def _opened(
    house: House, held: Pass, kind: Kind, corrections: Sequence[Correction], choice: Choice | None
) -> Request | None:
    """Return her open request for the same, if there is one. Raises LimitExceeded where she has too many."""
    journal = house.desk.journal
    newest = _newest(house, held)
    found = [each for each in newest if each.state not in OVER]
    for each in found:
        if each.kind == kind and not each.dry and _names(house, held, journal.identities(each.id)):
            said = journal.choice(each.id)
            alike = said is None or choice is None or (said.state, said.uses) == (choice.state, choice.uses)
            if alike and tuple(journal.corrections(each.id)) == tuple(corrections):
                return each
    if len(found) >= MOST_OPEN:
        raise LimitExceeded(f"expected at most {MOST_OPEN} open requests of a person", hint="wait for their answers")
    if sum(each.opened_ms > house.clock() - DAY_MS for each in newest) >= MOST_A_DAY:
        raise LimitExceeded(f"expected at most {MOST_A_DAY} new requests of a person a day", hint="come back tomorrow")
    return None


def _opening(
    house: House,
    held: Pass,
    ask: OpenAsk,
    kind: Kind,
    corrections: Sequence[Correction],
    choice: Choice | None,
) -> Opening:
    from privet.app.services.requests import times
    from privet.rights.letters import nearest

    region = ask.region.upper()
    return Opening(
        kind=kind,
        identities=held.identities,
        by=held.who,
        person=held.handle,
        verified=held.how,
        approval=True,
        region=region,
        language=nearest(ask.language) if ask.language else held.language,
        corrections=corrections,
        choice=choice,
        **times(house, kind, house.clock(), region=region),
    )


def _kind(text: str) -> Kind:
    found = next((kind for kind in KINDS if kind == text), None)
    if found is None:
        raise InvalidInput("expected another kind of request", at="kind", hint=", ".join(KINDS))
    return found


def _corrections(ask: OpenAsk, kind: Kind) -> tuple[Correction, ...]:
    if bool(ask.corrections) != (kind == "rectification") or len(ask.corrections) > MOST_ITEMS:
        raise InvalidInput(f"expected 1 to {MOST_ITEMS} corrections of a rectification alone", at="corrections")
    # Categories alone: addresses of fields would tell how systems are built.
    known = keys("category")
    if any(each.what not in known for each in ask.corrections):
        raise InvalidInput("expected categories such as `user.contact.phone_number`", at="corrections")
    return tuple(Correction(what=each.what, value=each.value, was=each.was) for each in ask.corrections)


def _choice(ask: OpenAsk, kind: Kind, now_ms: int) -> Choice | None:
    if bool(ask.uses) != (kind == "objection") or len(ask.uses) > MOST_ITEMS:
        raise InvalidInput(f"expected 1 to {MOST_ITEMS} uses of an objection alone", at="uses")
    known = keys("use")
    if any(use not in known for use in ask.uses):
        raise InvalidInput("expected uses such as `marketing.advertising`", at="uses")
    if kind not in ("restriction", "objection"):
        if ask.lift:
            raise InvalidInput("expected a restriction or an objection to be taken back", at="lift")
        return None
    uses = tuple(sorted(set(ask.uses)))
    return Choice(kind=kind, state="withdrawn" if ask.lift else "given", uses=uses, at_ms=now_ms, source=CENTER)


def mine(house: House, held: Pass, found: Request) -> Mine:
    """Return a request as its person sees it: no names of staff or systems, no words that staff wrote."""
    from privet.rights.letters import word

    def say(section: str, key: str) -> str:
        return word(section, key, found.language) if key else ""

    kept = found.kind in GATHERING and not found.forgotten
    return Mine(
        id=found.id,
        kind=found.kind,
        asked=say("asked", found.kind),
        state=found.state,
        words=say("states", found.state),
        why=say("denials", found.reason if found.reason in DENIALS else ""),
        extended=say("extensions", found.extended),
        opened_ms=found.opened_ms,
        due_ms=found.due_ms,
        ended_ms=found.ended_ms,
        cancelable=found.state not in OVER and not found.begun,
        package_until_ms=found.package_until_ms if kept else None,
        counts=_counts(found),
    )


def _counts(found: Request) -> Counts | None:
    if found.result is None or not found.proved:
        return None
    systems = found.result.systems
    return Counts(
        read=sum(each.read for each in systems),
        deleted=sum(each.deleted for each in systems),
        masked=sum(each.masked for each in systems),
        corrected=sum(each.corrected for each in systems),
        told=sum(each.told for each in systems),
        kept=sum(item.count for each in systems for item in each.kept),
        remaining=sum(item.count for each in systems for item in each.remaining),
    )


async def _again(house: House, who: Caller, ask: Any, ids: bytes) -> Mine:
    return await get_request(house, who, IdAsk(id=digest.id_text(ids)))


_CHANGES: dict[str, Any] = {"changes": True, "again": _again}

VERBS: tuple[Verb, ...] = (
    center_verb(
        "requests.open",
        "POST",
        "/requests",
        OpenAsk,
        Mine,
        open_request,
        "Ask for what is yours: see, take along, correct, erase, restrict or object.",
        status=201,
        **_CHANGES,
    ),
    center_verb("requests.list", "GET", "/requests", NoAsk, Mines, list_requests, "List your requests."),
    center_verb("requests.get", "GET", _REQUEST, IdAsk, Mine, get_request, "Show a request of yours."),
    center_verb(
        "requests.cancel",
        "POST",
        _REQUEST + "/cancel",
        IdAsk,
        Mine,
        cancel_request,
        "Stop a request of yours that has changed nothing yet.",
        **_CHANGES,
    ),
    center_verb(
        "packages.open",
        "POST",
        _REQUEST + "/package",
        IdAsk,
        Package,
        open_package,
        "Show the passphrase of what was gathered for a request of yours.",
    ),
)

STREAMS: tuple[Stream, ...] = (
    Stream(
        name="center.packages.file",
        path=PATH + _REQUEST + "/package.zip",
        ask=IdAsk,
        answer=bytes,
        run=package_file,
        about="Fetch what was gathered for a request of yours: an encrypted zip.",
        media="application/zip",
    ),
)
