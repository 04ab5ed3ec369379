"""Laws on personal data: list them, show what one asks. None of it is legal advice."""

from __future__ import annotations

from privet.app.services.types import NoAsk
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.vocabulary import laws as rows
from privet.vocabulary.laws import Law, Period


class LawAsk(Ask, kw_only=True):
    """Name a law by its key."""

    key: str = ""


class LawShown(Answer):
    """A law in one line. `since`: ISO date."""

    key: str
    name: str
    region: str
    since: str
    source: str


class Laws(Answer):
    """Every law that Privet knows of, by key."""

    laws: list[LawShown]


class RequestShown(Answer):
    """What a law says of requests under some rights. Periods in its words, "" where it names none."""

    rights: list[str]
    within: str
    extend: str
    acknowledge: str
    source: str


class LawExplained(Answer):
    """All that is known of a law. `needs`: what a declaration must say → the provision. `signal`: since when a
    browser's opt-out signal binds, "" where it does not. `moves`: the provision by which a last day that is no working
    day moves to the next, "" where it stays. `sector`: the one sector that it is for, "" for all."""

    key: str
    name: str
    region: str
    since: str
    source: str
    url: str
    needs: dict[str, str]
    requests: list[RequestShown]
    signal: str
    moves: str = ""
    sector: str = ""


async def list_(house: House, who: Caller, ask: NoAsk) -> Laws:
    """List every law."""
    return listed(ask)


def listed(ask: NoAsk) -> Laws:
    """Return every law in one line."""
    return Laws(laws=[LawShown(law.key, law.name, law.region, str(law.since), law.source) for law in rows.laws()])


async def show(house: House, who: Caller, ask: LawAsk) -> LawExplained:
    """Show what a law asks."""
    return explained(ask)


def explained(ask: LawAsk) -> LawExplained:
    """Return all that is known of the named law."""
    law = rows.law(ask.key)
    return LawExplained(
        key=law.key,
        name=law.name,
        region=law.region,
        since=str(law.since),
        source=law.source,
        url=law.url,
        needs={need.replace("_", " "): provision for need, provision in law.needs.items()},
        requests=_requests(law),
        signal=str(law.signal) if law.signal else "",
        moves=law.moves,
        sector=law.sector,
    )


def _requests(law: Law) -> list[RequestShown]:
    return [
        RequestShown(
            rights=list(request.rights),
            within=_text(request.within),
            extend=_text(request.extend),
            acknowledge=_text(request.acknowledge),
            source=request.source,
        )
        for request in law.requests
    ]


def _text(period: Period | None) -> str:
    if period is None:
        return ""
    return f"{period.count} {period.unit.removesuffix('s') if period.count == 1 else period.unit}"


VERBS: tuple[Verb, ...] = (
    Verb(
        name="laws.list",
        method="GET",
        path="/v1/laws",
        ask=NoAsk,
        answer=Laws,
        run=list_,
        about="List the laws that Privet knows of.",
        alone=listed,
    ),
    Verb(
        name="laws.show",
        method="GET",
        path="/v1/laws/{key}",
        ask=LawAsk,
        answer=LawExplained,
        run=show,
        about="Show what a law asks.",
        alone=explained,
    ),
)
