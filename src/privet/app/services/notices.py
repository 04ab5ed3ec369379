"""Notices: what people are told of uses of their data. Put, list, show, retire."""

from __future__ import annotations

from typing import Any

import msgspec

from privet.app.consent import edition_entry
from privet.app.services.policies import name_of
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Conflict, NotFound
from privet.manifest.labels import Labels
from privet.manifest.load import read_texts
from privet.policy.decide import may
from privet.rights.consent.notice import Edition, read, shown_in
from privet.rights.consent.region import read_region
from privet.store.port import Clash, Step, Unit
from privet.vocabulary import taxonomy


class PutAsk(Ask, kw_only=True):
    """Store notices: YAML or JSON, `notices:` and a list. A changed one becomes its next version, an unchanged one
    stays. `file`: its name in messages."""

    notices: str
    file: str = "notices"


class ListAsk(Ask, kw_only=True):
    """List notices. `region`: those that a person there is shown (ISO 3166, as `US-CA`; `EU`); all by default."""

    region: str = ""


class ShowAsk(Ask, kw_only=True):
    """Show a notice. `version`: by default the newest."""

    key: str = ""
    version: int = 0


class KeyAsk(Ask, kw_only=True):
    """Name a notice by its key."""

    key: str = ""


class NoticeLine(Answer, kw_only=True):
    """A notice in a list. `digest`: SHA-256 of its texts and terms, in hex. Time: UTC milliseconds since 1970."""

    key: str
    version: int
    mechanism: str
    uses: list[str]
    regions: list[str]
    honours_signal: bool
    languages: list[str]
    digest: str
    retired: bool
    created_ms: int


class Notices(Answer):
    """Notices, by key."""

    notices: list[NoticeLine] = msgspec.field(default_factory=list)


class WordsShown(Answer, kw_only=True):
    """A notice in one language."""

    title: str
    text: str


class NoticeShown(NoticeLine, kw_only=True):
    """A version of a notice, with its texts by language. `author`: who stored it."""

    texts: dict[str, WordsShown]
    author: str


async def put(house: House, who: Caller, ask: PutAsk) -> Notices:
    """Store notices, all of a file or none; answer the newest version of each."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    wanted = read(ask.notices, ask.file, _uses(house))
    now = house.clock()
    deed = who.deed("notices.put", house.policy().version, now)
    steps: list[Step] = []
    found = []
    for each in wanted:
        known = house.choices.board.versions(each.key)
        last = known[-1] if known else None
        if last is not None and last.notice.digest == each.digest and not last.retired:
            found.append(last)
            continue
        fresh = Edition(notice=each, version=len(known) + 1, author=who.principal.id, created_ms=now)
        steps += edition_entry(house, fresh, deed)
        found.append(fresh)
    await _write(house, (*steps, *deed.settle(b"")))
    return Notices([_line(edition) for edition in found])


async def list_(house: House, who: Caller, ask: ListAsk) -> Notices:
    """List the newest version of every notice, or of those that are shown in a region."""
    may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    found = house.choices.board.newest()
    return Notices([_line(edition) for edition in (shown_in(found, read_region(ask.region)) if ask.region else found)])


async def get(house: House, who: Caller, ask: ShowAsk) -> NoticeShown:
    """Show a version of a notice, with its texts."""
    may(house.policy(), who.principal, "request", who.purpose, now=house.now())
    return _shown(house, house.choices.notice(ask.key, version=ask.version))


async def retire(house: House, who: Caller, ask: KeyAsk) -> NoticeShown:
    """Ask nobody any more. What people said to it stays, and counts where policies ask for it."""
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    last = house.choices.notice(ask.key)
    if last.retired:
        return _shown(house, last)
    now = house.clock()
    deed = who.deed("notices.retire", house.policy().version, now)
    over = msgspec.structs.replace(
        last, version=last.version + 1, retired=True, author=who.principal.id, created_ms=now
    )
    await _write(house, (*edition_entry(house, over, deed), *deed.settle(b"")))
    return _shown(house, over)


async def _write(house: House, steps: tuple[Step, ...]) -> None:
    if not steps:
        return
    try:
        await house.control.write(Unit(steps))
    except Clash:
        raise Conflict("another version was stored meanwhile", hint="look at it and try again") from None


def _uses(house: House) -> frozenset[str]:
    """Return the uses that notices may name: the taxonomy's, and the manifests' own."""
    pushed = house.declared.newest()
    if pushed is None:
        return frozenset(label.key for label in taxonomy.labels("use"))
    return frozenset(Labels(read_texts(house.declared.files(pushed.version))[0].labels).keys("use"))


def _line(edition: Edition) -> NoticeLine:
    return NoticeLine(**_facts(edition))


def _shown(house: House, edition: Edition) -> NoticeShown:
    texts = {name: WordsShown(title=words.title, text=words.text) for name, words in edition.notice.texts.items()}
    return NoticeShown(**_facts(edition), texts=texts, author=name_of(house, edition.author))


def _facts(edition: Edition) -> dict[str, Any]:
    said = edition.notice
    return {
        "key": said.key,
        "version": edition.version,
        "mechanism": said.mechanism,
        "uses": list(said.uses),
        "regions": list(said.regions),
        "honours_signal": said.honours_signal,
        "languages": sorted(said.texts),
        "digest": said.digest.hex(),
        "retired": edition.retired,
        "created_ms": edition.created_ms,
    }


async def _put_again(house: House, who: Caller, ask: PutAsk, ids: bytes) -> Notices:
    may(house.policy(), who.principal, "manage", who.purpose, now=house.now())
    found = []
    for each in read(ask.notices, ask.file, _uses(house)):
        known = house.choices.board.versions(each.key)
        if not known:
            raise NotFound("there is no notice of that key")
        found.append(_line(known[-1]))
    return Notices(found)


async def _retired_again(house: House, who: Caller, ask: KeyAsk, ids: bytes) -> NoticeShown:
    return await get(house, who, ShowAsk(key=ask.key))


PATH = "/v1/notices"

VERBS: tuple[Verb, ...] = (
    Verb(
        name="notices.put",
        method="POST",
        path=PATH,
        ask=PutAsk,
        answer=Notices,
        run=put,
        about="Store what people are told of uses of their data; a changed text is the next version.",
        status=201,
        batch=True,
        changes=True,
        again=_put_again,
    ),
    Verb(
        name="notices.list",
        method="GET",
        path=PATH,
        ask=ListAsk,
        answer=Notices,
        run=list_,
        about="List notices, or those that a person of a region is shown.",
    ),
    Verb(
        name="notices.get",
        method="GET",
        path=PATH + "/{key}",
        ask=ShowAsk,
        answer=NoticeShown,
        run=get,
        about="Show a version of a notice, with its texts.",
    ),
    Verb(
        name="notices.retire",
        method="DELETE",
        path=PATH + "/{key}",
        ask=KeyAsk,
        answer=NoticeShown,
        run=retire,
        about="Ask nobody any more; what people said stays.",
        changes=True,
        again=_retired_again,
    ),
)
