"""People's requests: open, approve, run and finish them. What is seen of them stands in `outcomes`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import date
from functools import partial
from typing import Any, Literal, TypedDict

import msgspec

from privet import digest
from privet.app.inform import place_of
from privet.app.services.outcomes import (
    PATH,
    IdAsk,
    RequestShown,
    again,
    certified,
    change_verb,
    demand,
    read_kind,
    read_request,
    shown_request,
)
from privet.app.services.verb import Ask, Caller, Verb
from privet.app.wiring import House
from privet.connectors.base import Choice
from privet.errors import Conflict, InvalidInput, UnknownName
from privet.rights import asked
from privet.rights.asked import Correction, Opening, Request, checked
from privet.rights.clock import answer_by, day_start_ms
from privet.rights.words import Kind
from privet.secret import Secret
from privet.store.port import Step
from privet.vocabulary import taxonomy

_REGION = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class CorrectionAsk(Ask, kw_only=True):
    """Set something right. `what`: a field's address (`dataset.collection.field`) or a category. `was`: what stands
    there now, where other values are to stay."""

    what: str
    value: str | int | float | bool | None
    was: str | int | float | bool | None = None


class OpenAsk(Ask, kw_only=True):
    """Write a person's request down. `kind`: `access`, `portability`, `rectification`, `erasure`, `restriction` or
    `objection`. `identities`: what she is looked up by, kind → value; `email` and `phone_number` may stand alone.
    `verified`: how she proved who she is, in a few words without personal data; nothing runs without. `approve`: let
    it run at once. `dry`: of an erasure or a rectification, decide and count, and change nothing. `note`: sealed with
    the identities. `corrections`: of a rectification: `what` (a field's address or a category), `value`, and `was`
    where other values are to stay. `uses`: what she objects to; `lift`: the restriction or objection is over.
    `received`: the day on which it came, such as 2026-05-31. `law`, `region` (where she lives, such as DE or US-CA):
    what gives the due date; `due_ms`: an earlier one of yours, UTC milliseconds since 1970. `language`: in which she
    is written to."""

    kind: str
    identities: dict[str, str] = msgspec.field(default_factory=dict)
    email: str = ""
    phone_number: str = ""
    verified: str = ""
    approve: bool = False
    dry: bool = False
    note: str = ""
    corrections: list[CorrectionAsk] = msgspec.field(default_factory=list)
    uses: list[str] = msgspec.field(default_factory=list)
    lift: bool = False
    received: str = ""
    law: str = ""
    region: str = ""
    due_ms: int = 0
    language: str = "en"


class IdentifyAsk(Ask, kw_only=True):
    """Say how the person proved who she is. `how`: a few words without personal data, such as `passport seen at the
    desk`: they stand in the list of requests, and stay when she is forgotten."""

    id: str = ""
    how: str


class DenyAsk(Ask, kw_only=True):
    """Say why: `identity_not_proved`, `manifestly_unfounded`, `excessive`, `not_held`, `legal_exception`,
    `others_rights`, `duplicate` or `withdrawn`. The letter to the person says it in words."""

    id: str = ""
    reason: str


class ReasonAsk(Ask, kw_only=True):
    """Say why, in a code or a few words without personal data."""

    id: str = ""
    reason: str


class RetryAsk(Ask, kw_only=True):
    """Run a request again, or wake one that waits. `without`: datasets that are left out: it ends partial at best."""

    id: str = ""
    without: list[str] = msgspec.field(default_factory=list)


class AnswerAsk(Ask, kw_only=True):
    """Answer a task. `task`: its name. `records`: what was found there, by collection; or `erased`: all of it is gone
    there. `note`: your words."""

    id: str = ""
    task: str = ""
    records: dict[str, list[dict[str, Any]]] = msgspec.field(default_factory=dict)
    erased: bool = False
    note: str = ""


async def open_(house: House, who: Caller, ask: OpenAsk) -> RequestShown:
    """Write a person's request down."""
    demand(house, who)
    now = house.clock()
    opening = _opening(house, who, ask, now)
    checked(opening)  # what nobody could mean is told before what is declared
    house.desk.plan(opening.kind, opening.identities)  # what no plan can be made for is told now
    secret = Secret(digest.random_bytes(32))
    if opening.kind == "erasure":
        house.desk.decider(secret)
    elif opening.kind == "rectification":
        house.desk.known().corrector(opening.corrections, secret)
    deed = who.deed("requests.open", house.policy().version, now)

    def beside(id_: str) -> tuple[Step, ...]:
        return (deed.entry(note=f"request {id_} {ask.kind}"), *deed.settle(digest.id_bytes(id_)))

    return shown_request(house, await asyncio.to_thread(house.desk.journal.open, opening, now, beside=beside))


def _opening(house: House, who: Caller, ask: OpenAsk, now: int) -> Opening:
    kind = read_kind(ask.kind)
    if kind == "consent":
        raise InvalidInput(
            "expected another kind: what she consents to is kept with the text that she saw",
            at="kind",
            hint="`privet preferences set` writes it down and tells every system",
        )
    said = {"email": ask.email, "phone_number": ask.phone_number}
    identities = {**ask.identities, **{name: value for name, value in said.items() if value}}
    clock = times(house, kind, _received(house, ask.received, now), law=ask.law, region=ask.region)
    if ask.due_ms and clock["due_ms"] is not None and not clock["received_ms"] <= ask.due_ms <= clock["due_ms"]:
        raise InvalidInput("expected a due date from receipt until the day that the law gives", at="due_ms")
    return Opening(
        kind=kind,
        identities=identities,
        by=who.principal.id,
        approval=not ask.approve,
        dry=ask.dry,
        note=ask.note,
        verified=ask.verified,
        region=ask.region,
        language=_language(ask.language),
        corrections=tuple(Correction(what=one.what, value=one.value, was=one.was) for one in ask.corrections),
        choice=_choice(kind, ask, now),
        person=_person(house, identities),
        received_ms=clock["received_ms"],
        law=clock["law"],
        due_ms=ask.due_ms or clock["due_ms"],
        acknowledge_ms=clock["acknowledge_ms"],
    )


class Times(TypedDict):
    """What a law says of a request's time, as `Opening` takes it."""

    received_ms: int
    law: str
    due_ms: int | None
    acknowledge_ms: int | None


def times(house: House, kind: Kind, received_ms: int, *, law: str = "", region: str = "") -> Times:
    """Return what a request is to be opened with. Raises UnknownName for a law, InvalidInput for a region."""
    if region and not _REGION.fullmatch(region):
        raise InvalidInput("expected `region` as an ISO 3166 code, such as DE or US-CA", at="region")
    due = answer_by(kind, received_ms, place_of(house), asked=law, region=region, own=house.desk.known().laws)
    return Times(received_ms=received_ms, law=due.law, due_ms=due.due_ms, acknowledge_ms=due.acknowledge_ms)


def _received(house: House, text: str, now: int) -> int:
    """Return when a request came: now, or at the start of the day that is named."""
    if not text:
        return now
    try:
        found = day_start_ms(date.fromisoformat(text), house.settings.privacy.time_zone)
    except (ValueError, OverflowError):
        raise InvalidInput("expected a day such as 2026-05-31", at="received") from None
    if not 0 <= found <= now:
        raise InvalidInput("expected a day that is not to come", at="received")
    return found


def _language(text: str) -> str:
    if not _LANGUAGE.fullmatch(text):
        raise InvalidInput("expected `language` as a tag such as en or pt-BR", at="language")
    return text


def _choice(kind: Kind, ask: OpenAsk, now: int) -> Choice | None:
    if kind not in ("restriction", "objection"):
        if ask.uses or ask.lift:
            raise InvalidInput("expected `uses` and `lift` of a restriction or an objection alone", at="uses")
        return None
    if (kind == "objection") != bool(ask.uses):
        raise InvalidInput("expected what an objection is to, and nothing of a restriction", at="uses")
    known = {label.key for label in taxonomy.labels("use")}
    if set(ask.uses) - known:
        raise UnknownName("expected uses of the taxonomy, found another", at="uses", hint="`privet taxonomy uses`")
    state: Literal["given", "withdrawn"] = "withdrawn" if ask.lift else "given"
    chosen: Literal["restriction", "objection"] = "restriction" if kind == "restriction" else "objection"
    return Choice(kind=chosen, state=state, uses=tuple(sorted(set(ask.uses))), at_ms=now, source="api")


def _person(house: House, identities: Mapping[str, str]) -> bytes:
    """Return what stands for the person where her requests are listed: of her address, else of what else was said."""
    kind = "email" if "email" in identities else min(identities, default="")
    try:
        return house.handle(kind, identities[kind]) if kind else b""
    except InvalidInput:  # an address of a shape of its own, as some system has it
        return b""


async def identify(house: House, who: Caller, ask: IdentifyAsk) -> RequestShown:
    """Say how the person proved who she is."""
    prove = house.desk.journal.verify
    return await _decided(house, who, "requests.identify", ask.id, lambda *a, **k: prove(a[0], ask.how, *a[1:], **k))


async def approve(house: House, who: Caller, ask: IdAsk) -> RequestShown:
    """Let a request run."""
    demand(house, who)
    basis = await asyncio.to_thread(_basis, house, read_request(ask.id))
    return await _decided(house, who, "requests.approve", ask.id, partial(house.desk.journal.approve, basis=basis))


async def deny(house: House, who: Caller, ask: DenyAsk) -> RequestShown:
    """Turn a request down. What identifies the person is forgotten."""
    deny_ = house.desk.journal.deny
    return await _decided(
        house, who, "requests.deny", ask.id, lambda *a, **k: deny_(a[0], a[1], ask.reason, *a[2:], **k)
    )


async def cancel(house: House, who: Caller, ask: ReasonAsk) -> RequestShown:
    """Stop a request that has changed nothing yet. What identifies the person is forgotten."""
    _reason(ask.reason)
    stop = house.desk.journal.cancel
    return await _decided(
        house, who, "requests.cancel", ask.id, lambda *a, **k: stop(a[0], a[1], ask.reason, *a[2:], **k)
    )


async def retry(house: House, who: Caller, ask: RetryAsk) -> RequestShown:
    """Run a request again, or wake one that waits."""
    demand(house, who)
    again = house.desk.journal.retry
    without = tuple(ask.without)
    # What is not declared would stand in the certificate as if it were left out, whatever somebody wrote there.
    if set(without) - house.desk.known().datasets.keys():
        raise UnknownName("expected keys of declared datasets, found another", at="without")
    basis = await asyncio.to_thread(_basis, house, read_request(ask.id))
    return await _decided(house, who, "requests.retry", ask.id, partial(again, without=without, basis=basis))


def _basis(house: House, id_: str) -> str:
    """Return what a person approves now: what the request would do as things are."""
    desk = house.desk
    found = desk.journal.get(id_)
    return "" if found.forgotten else desk.known().basis(found.kind, desk.journal.identities(id_))


async def answer(house: House, who: Caller, ask: AnswerAsk) -> RequestShown:
    """Answer a task of a system that we cannot reach."""
    said = asked.Answer(records=ask.records, erased=ask.erased, note=ask.note)
    give = house.desk.journal.answer
    return await _decided(
        house, who, "requests.answer", ask.id, lambda *a, **k: give(a[0], ask.task, said, *a[1:], **k)
    )


async def forget(house: House, who: Caller, ask: IdAsk) -> RequestShown:
    """Forget what a request that is over holds of the person: the package is gone for good."""
    demand(house, who)
    now = house.clock()
    deed = who.deed("requests.forget", house.policy().version, now)
    beside = (deed.entry(note=f"request {ask.id}"), *deed.settle(b""))
    forgotten = await asyncio.to_thread(house.desk.journal.forget, read_request(ask.id), now, beside=beside)
    return shown_request(house, forgotten)


async def run(house: House, who: Caller, ask: IdAsk) -> RequestShown:
    """Carry requests out until this one is over or waits."""
    demand(house, who)
    desk = house.desk
    desk.loop = asyncio.get_running_loop()
    found = desk.journal.get(read_request(ask.id))
    if found.state == "received":
        raise Conflict("the request waits for approval", hint=f"privet request approve {ask.id}")
    while found.state in ("approved", "running", "waiting"):  # one that waits may have been answered
        done = await asyncio.to_thread(desk.runner.run_once, who.principal.id)
        found = desk.journal.get(ask.id)
        if done is None:
            break  # a worker has it
    return await certified(house, found)


async def _decided(house: House, who: Caller, verb: str, id_: str, decide: Callable[..., Request]) -> RequestShown:
    demand(house, who)
    now = house.clock()
    deed = who.deed(verb, house.policy().version, now)
    beside = (deed.entry(note=f"request {read_request(id_)}"), *deed.settle(digest.id_bytes(id_)))
    return shown_request(house, await asyncio.to_thread(decide, id_, who.principal.id, now, beside=beside))


def _reason(text: str) -> None:
    if not text.strip():
        raise InvalidInput("expected why, without personal data", at="reason")


VERBS: tuple[Verb, ...] = (
    Verb(
        name="requests.open",
        method="POST",
        path=PATH,
        ask=OpenAsk,
        answer=RequestShown,
        run=open_,
        about="Write a person's request down.",
        status=201,
        changes=True,
        again=again,
    ),
    change_verb("approve", IdAsk, approve, "Let a request run."),
    change_verb("identify", IdentifyAsk, identify, "Say how the person proved who she is."),
    change_verb("deny", DenyAsk, deny, "Turn a request down."),
    change_verb("cancel", ReasonAsk, cancel, "Stop a request that has changed nothing yet."),
    change_verb("retry", RetryAsk, retry, "Run a request again, or wake one that waits."),
    change_verb("run", IdAsk, run, "Carry a request out now."),
    change_verb("forget", IdAsk, forget, "Forget the person of a request that is over."),
    Verb(
        name="requests.answer",
        method="POST",
        path=PATH + "/{id}/tasks/{task}",
        ask=AnswerAsk,
        answer=RequestShown,
        run=answer,
        about="Answer a task of a request.",
        batch=True,
        changes=True,
        again=again,
    ),
)
