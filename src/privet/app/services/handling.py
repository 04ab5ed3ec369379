"""The queue of people's requests: what is due, whose it is, what was noted, more time, and figures of it all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from typing import Any, get_args

from privet import digest
from privet.app.identity import issue
from privet.app.inform import place_of
from privet.app.services.outcomes import (
    PATH,
    IdAsk,
    RequestShown,
    change_verb,
    demand,
    is_late,
    left_of,
    may_look,
    read_kind,
    read_request,
    shown_request,
    words_of,
)
from privet.app.services.policies import name_of
from privet.app.services.verb import Answer, Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Conflict, Denied, InvalidInput
from privet.policy.decide import may
from privet.rights import care, figures
from privet.rights.asked import ACTIVE, Listing, Request, read_extension
from privet.rights.clock import OPEN, answer_by, day_of, day_start_ms
from privet.rights.words import State
from privet.store.port import Step, Unit
from privet.vault.log.audit import Deed
from privet.vocabulary.access import Principal

MOST_LISTED = 200
FORMS: dict[str, Callable[[figures.Figures], str]] = {"text": figures.as_text, "csv": figures.as_csv}


class ListAsk(Ask, kw_only=True):
    """List requests, newest first, or those with a due date by that: `order` `due`. `state`: `open` for all that are
    not over. `assigned`: the name of who looks after them. `late`: nobody answered and the time is over. `due_before`:
    a day such as 2026-05-31. `after`: the id of the last one seen."""

    state: str = ""
    kind: str = ""
    law: str = ""
    assigned: str = ""
    late: bool = False
    due_before: str = ""
    order: str = ""
    after: str = ""
    limit: int = 50


class AssignAsk(Ask, kw_only=True):
    """Have somebody look after a request. `principal`: her name, "" for nobody; she must be granted `request`."""

    id: str = ""
    principal: str = ""


class CommentAsk(Ask, kw_only=True):
    """Note something. `text` is sealed under the request's key: it may name people, and is forgotten with them."""

    id: str = ""
    text: str


class ExtendAsk(Ask, kw_only=True):
    """Take the time that the law gives beyond the due date. `reason`: `complex` or `many_requests`. The person is
    told."""

    id: str = ""
    reason: str


class FiguresAsk(Ask, kw_only=True):
    """Count requests. `month`: such as 2026-05, or a year such as 2026; by default this month. `form`: of `table`:
    `text` or `csv`."""

    month: str = ""
    form: str = "text"


class RequestLine(Answer, kw_only=True):
    """A request in a list. `days_left`, `late`, `law`, `assigned`, `verified`: as of a request. Times: UTC milliseconds
    since 1970."""

    id: str
    kind: str
    state: str
    opened_ms: int
    due_ms: int | None
    days_left: int | None
    late: bool
    law: str
    assigned: str
    verified: str
    opened_by: str
    outcome: str


class Requests(Answer):
    """Requests, in the order that was asked for. `next`: ask for those `after` it; "" at the end."""

    requests: list[RequestLine]
    next: str


class CorrectionShown(Answer, kw_only=True):
    """What is to be set right."""

    what: str
    value: str | int | float | bool | None
    was: str | int | float | bool | None


class PersonShown(Answer, kw_only=True):
    """Whom a request is about. `uses`, `choice`: what a restriction, an objection or a consent says."""

    identities: dict[str, list[str]]
    note: str
    corrections: list[CorrectionShown]
    choice: str
    uses: list[str]


class CommentShown(Answer, kw_only=True):
    """A note on a request."""

    number: int
    by: str
    at_ms: int
    text: str


class Comments(Answer):
    """What was noted on a request, the oldest first."""

    comments: list[CommentShown]


class FigureLine(Answer, kw_only=True):
    """Figures of one kind of requests under one law from one region, "" for all. `late`: answered too late, or open and
    overdue. `median`, `mean`, `p90`: days from receipt to answer."""

    kind: str
    law: str
    region: str
    received: int
    complete: int
    partial: int
    denied: dict[str, int]
    canceled: int
    failed: int
    open: int
    late: int
    extended: int
    on_time: int
    median: float | None
    mean: float | None
    p90: int | None


class DisclosedLine(Answer, kw_only=True):
    """What is to be published of one sort of request. Source: Cal. Code Regs. tit. 11 § 7102(a)(1)."""

    request: str
    received: int
    complied: int
    denied: int
    median: float | None
    mean: float | None


class FiguresShown(Answer, kw_only=True):
    """Figures of a month or a year. `table`: the lines and their total in the form that was asked for. `disclosed`: of
    requests under the CCPA."""

    lines: list[FigureLine]
    total: FigureLine
    disclosed: list[DisclosedLine]
    table: str


async def list_(house: House, who: Caller, ask: ListAsk) -> Requests:
    """Show requests."""
    may_look(house, who)
    limit = max(1, min(ask.limit, MOST_LISTED))
    found = house.desk.journal.listed(_listing(house, ask, limit + 1))
    more = len(found) > limit
    following = found[limit - 1].id if more else ""
    return Requests(requests=[_line(house, one) for one in found[:limit]], next=following)


def _listing(house: House, ask: ListAsk, limit: int) -> Listing:
    if ask.order not in ("", "due"):
        raise InvalidInput("expected `order` as `due`, or none", at="order")
    assigned = issue.named(house.callers, ask.assigned).id if ask.assigned else ""
    before = _start_of(house, ask.due_before) if ask.due_before else None
    states = _states(ask)
    if ask.late:
        now = house.clock()
        before = now if before is None else min(before, now)
    return Listing(
        states=states,
        kind=read_kind(ask.kind) if ask.kind else "",
        law=ask.law,
        assigned=assigned,
        due_before_ms=before,
        by_due=ask.order == "due",
        after=read_request(ask.after) if ask.after else "",
        limit=limit,
    )


def _states(ask: ListAsk) -> tuple[State, ...]:
    states: tuple[State, ...] = get_args(State)
    found = ACTIVE if ask.state == "open" else tuple(one for one in states if one == ask.state)
    if ask.state and not found:
        raise InvalidInput("expected `open` or a state of requests", at="state", hint=", ".join(states))
    if not ask.late:
        return found
    late = tuple(one for one in found or OPEN if one in OPEN)
    if not late:
        raise InvalidInput("expected a state in which somebody waits, of what is late", at="state")
    return late


def _start_of(house: House, text: str) -> int:
    try:
        return day_start_ms(date.fromisoformat(text), house.settings.privacy.time_zone)
    except (ValueError, OverflowError):
        raise InvalidInput("expected a day such as 2026-05-31", at="due_before") from None


def _line(house: House, found: Request) -> RequestLine:
    return RequestLine(
        id=found.id,
        kind=found.kind,
        state=found.state,
        opened_ms=found.opened_ms,
        due_ms=found.due_ms,
        days_left=left_of(house, found),
        late=is_late(house, found),
        law=found.law,
        assigned=name_of(house, found.assigned),
        verified=found.verified,
        opened_by=name_of(house, found.opened_by),
        outcome=words_of(found, found.result) if found.result else "",
    )


async def person(house: House, who: Caller, ask: IdAsk) -> PersonShown:
    """Show whom a request is about. It names her, so it is audited before it leaves."""
    demand(house, who)
    journal, id_ = house.desk.journal, read_request(ask.id)
    identities = await asyncio.to_thread(journal.identities, id_)
    choice = journal.choice(id_)
    await house.control.write(Unit((_seen(house, who, "requests.person", id_, len(identities)),)))
    return PersonShown(
        identities={kind: held if isinstance(held, list) else [held] for kind, held in identities.items()},
        note=journal.note_of(id_),
        corrections=[CorrectionShown(**asdict(each)) for each in journal.corrections(id_)],
        choice=choice.state if choice else "",
        uses=list(choice.uses) if choice else [],
    )


async def assign(house: House, who: Caller, ask: AssignAsk) -> RequestShown:
    """Have somebody look after a request."""
    demand(house, who)
    found = _handler(house, ask.principal) if ask.principal else ""
    _, beside = _deed(house, who, "requests.assign", ask.id)
    done = await asyncio.to_thread(care.assign, house.desk.journal, read_request(ask.id), found, beside=beside)
    return shown_request(house, done)


def _handler(house: House, name: str) -> str:
    """Return the id of a principal that may handle requests. Raises NotFound, Denied."""
    found = issue.named(house.callers, name)
    grants = found.grants
    acts = Principal(
        id=found.id,
        name=found.name,
        kind=found.kind,
        roles=grants.roles,
        purposes=grants.purposes,
        scopes=grants.scopes,
        vaults=grants.vaults,
        attributes=grants.attributes,
    )
    try:
        may(house.policy(), acts, "request", None, now=house.now())
    except Denied:
        raise Conflict("expected a principal that is granted `request`", hint="role `privacy_officer`") from None
    return found.id


async def comment(house: House, who: Caller, ask: CommentAsk) -> CommentShown:
    """Note something on a request."""
    demand(house, who)
    journal, id_ = house.desk.journal, read_request(ask.id)
    deed, beside = _deed(house, who, "requests.comment", ask.id)
    made = await asyncio.to_thread(care.comment, journal, id_, ask.text, who.principal.id, deed.at_ms, beside=beside)
    return _comment(house, made)


async def comments(house: House, who: Caller, ask: IdAsk) -> Comments:
    """Show what was noted on a request. Notes may name people, so it is audited before they leave."""
    demand(house, who)
    id_ = read_request(ask.id)
    found = await asyncio.to_thread(care.comments, house.desk.journal, id_)
    await house.control.write(Unit((_seen(house, who, "requests.comments", id_, len(found)),)))
    return Comments(comments=[_comment(house, one) for one in found])


async def acknowledge(house: House, who: Caller, ask: IdAsk) -> RequestShown:
    """Write down that the person was told that her request came."""
    demand(house, who)
    deed, beside = _deed(house, who, "requests.acknowledge", ask.id)
    id_, journal = read_request(ask.id), house.desk.journal
    done = await asyncio.to_thread(care.acknowledge, journal, id_, deed.at_ms, beside=beside)
    return shown_request(house, done)


async def extend(house: House, who: Caller, ask: ExtendAsk) -> RequestShown:
    """Take the time that the law gives beyond the due date, and tell the person."""
    demand(house, who)
    reason, id_, journal = read_extension(ask.reason), read_request(ask.id), house.desk.journal
    until = _longest(house, journal.get(id_))
    deed, beside = _deed(house, who, "requests.extend", ask.id, reason)

    def act() -> Request:
        return care.extend(journal, id_, reason, until, deed.at_ms, beside=beside)

    return shown_request(house, await asyncio.to_thread(act))


def _longest(house: House, found: Request) -> int:
    """Return until when the law lets a request take. Raises Conflict where it gives no more time."""
    place, own = place_of(house), house.desk.known().laws
    due = answer_by(found.kind, found.received_ms, place, region=found.region, own=own)
    if due.law != found.law and found.law:  # somebody named the law when the request was opened
        due = answer_by(found.kind, found.received_ms, place, asked=found.law, region=found.region, own=own)
    if due.extended_ms is None:
        raise Conflict("the law that the request is under gives no more time", hint=due.source)
    return due.extended_ms


async def figures_(house: House, who: Caller, ask: FiguresAsk) -> FiguresShown:
    """Show figures of requests. No person is in them."""
    may_look(house, who)
    form = FORMS.get(ask.form)
    if form is None:
        raise InvalidInput("expected `form` as one of " + ", ".join(FORMS), at="form")
    zone = house.settings.privacy.time_zone
    span = figures.span(ask.month or f"{day_of(house.clock(), zone):%Y-%m}", house.clock(), zone)

    def count() -> tuple[figures.Figures, tuple[figures.Disclosed, ...]]:
        found = [*care.received(house.desk.journal, span.since_ms, span.until_ms)]
        return figures.figures(found, span), figures.disclosed(found, span)

    counted, disclosed = await asyncio.to_thread(count)
    return FiguresShown(
        lines=[FigureLine(**_said(line)) for line in counted.lines],
        total=FigureLine(**_said(counted.total)),
        disclosed=[DisclosedLine(**asdict(line)) for line in disclosed],
        table=form(counted),
    )


def _said(line: figures.Line) -> dict[str, Any]:
    return {**asdict(line), "denied": dict(line.denied)}


def _comment(house: House, found: care.Comment) -> CommentShown:
    return CommentShown(number=found.number, by=name_of(house, found.by), at_ms=found.at_ms, text=found.text.reveal())


def _seen(house: House, who: Caller, verb: str, id_: str, count: int) -> Step:
    deed = who.deed(verb, house.policy().version, house.clock())
    return deed.seen(note=f"request {id_}", count=count)


def _deed(house: House, who: Caller, verb: str, id_: str, more: str = "") -> tuple[Deed, tuple[Step, ...]]:
    """Return a deed about a request, and the steps of its entry. `more`: a code."""
    request = read_request(id_)
    deed = who.deed(verb, house.policy().version, house.clock())
    note = f"request {request} {more}".strip()
    return deed, (deed.entry(note=note), *deed.settle(digest.id_bytes(request)))


async def _comment_again(house: House, who: Caller, ask: CommentAsk, ids: bytes) -> CommentShown:
    """Return the note as it was written, from the call that is made again."""
    found = [one for one in (await comments(house, who, IdAsk(id=ask.id))).comments if one.text == ask.text]
    if not found:
        raise Conflict("the note was written before")
    return found[-1]


VERBS: tuple[Verb, ...] = (
    Verb(
        name="requests.list",
        method="GET",
        path=PATH,
        ask=ListAsk,
        answer=Requests,
        run=list_,
        about="Show people's requests.",
    ),
    Verb(
        name="requests.figures",
        method="GET",
        path="/v1/request-figures",
        ask=FiguresAsk,
        answer=FiguresShown,
        run=figures_,
        about="Show figures of requests.",
    ),
    Verb(
        name="requests.person",
        method="GET",
        path=PATH + "/{id}/person",
        ask=IdAsk,
        answer=PersonShown,
        run=person,
        about="Show whom a request is about.",
    ),
    Verb(
        name="requests.comments",
        method="GET",
        path=PATH + "/{id}/comments",
        ask=IdAsk,
        answer=Comments,
        run=comments,
        about="Show what was noted on a request.",
    ),
    Verb(
        name="requests.comment",
        method="POST",
        path=PATH + "/{id}/comments",
        ask=CommentAsk,
        answer=CommentShown,
        run=comment,
        about="Note something on a request.",
        status=201,
        changes=True,
        again=_comment_again,
    ),
    change_verb("assign", AssignAsk, assign, "Have somebody look after a request."),
    change_verb("extend", ExtendAsk, extend, "Take the time that the law gives beyond the due date."),
    change_verb("acknowledge", IdAsk, acknowledge, "Write down that the person was told that her request came."),
)
