"""People's requests: open, approve, run and finish them. What is seen of them stands in `outcomes`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from privet import digest
from privet.app.services.outcomes import (
    PATH,
    IdAsk,
    RequestShown,
    certified,
    demand,
    get,
    read_kind,
    read_request,
    shown_request,
)
from privet.app.services.verb import Ask, Caller, Verb
from privet.app.wiring import House
from privet.errors import Conflict, InvalidInput, UnknownName
from privet.rights import asked
from privet.rights.asked import Opening, Request
from privet.secret import Secret
from privet.store.port import Step


class OpenAsk(Ask, kw_only=True):
    """Write a person's request down. `kind`: `access` or `erasure`. `identities`: what she is looked up by, kind →
    value; `email` and `phone_number` may stand alone. `approve`: let it run at once; `dry`: of an erasure, decide
    and count, and change nothing. `note`: sealed with the identities. `due_ms`: UTC milliseconds since 1970."""

    kind: str
    identities: dict[str, str] = msgspec.field(default_factory=dict)
    email: str = ""
    phone_number: str = ""
    approve: bool = False
    dry: bool = False
    note: str = ""
    due_ms: int = 0


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
    kind = read_kind(ask.kind)
    said = {"email": ask.email, "phone_number": ask.phone_number}
    identities = {**ask.identities, **{name: value for name, value in said.items() if value}}
    opening = Opening(
        kind=kind,
        identities=identities,
        by=who.principal.id,
        due_ms=ask.due_ms or None,
        approval=not ask.approve,
        dry=ask.dry,
        note=ask.note,
    )
    house.desk.plan(opening.kind, identities)  # what no plan can be made for is told now
    if kind == "erasure":
        house.desk.decider(Secret(digest.random_bytes(32)))
    now = house.clock()
    deed = who.deed("requests.open", house.policy().version, now)

    def beside(id_: str) -> tuple[Step, ...]:
        return (deed.entry(note=f"request {id_} {ask.kind}"), *deed.settle(digest.id_bytes(id_)))

    return shown_request(house, await asyncio.to_thread(house.desk.journal.open, opening, now, beside=beside))


async def approve(house: House, who: Caller, ask: IdAsk) -> RequestShown:
    """Let a request run."""
    demand(house, who)
    basis = await asyncio.to_thread(_basis, house, read_request(ask.id))
    return await _decided(house, who, "requests.approve", ask.id, partial(house.desk.journal.approve, basis=basis))


async def deny(house: House, who: Caller, ask: ReasonAsk) -> RequestShown:
    """Turn a request down. What identifies the person is forgotten."""
    _reason(ask.reason)
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


async def _again(house: House, who: Caller, ask: Any, ids: bytes) -> RequestShown:
    return await get(house, who, IdAsk(id=digest.id_text(ids)))


def _change(name: str, path: str, ask: type[Ask], act: Any, about: str) -> Verb:
    return Verb(
        name=f"requests.{name}",
        method="POST",
        path=f"{PATH}/{{id}}/{path}",
        ask=ask,
        answer=RequestShown,
        run=act,
        about=about,
        changes=True,
        again=_again,
    )


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
        again=_again,
    ),
    _change("approve", "approve", IdAsk, approve, "Let a request run."),
    _change("deny", "deny", ReasonAsk, deny, "Turn a request down."),
    _change("cancel", "cancel", ReasonAsk, cancel, "Stop a request that has changed nothing yet."),
    _change("retry", "retry", RetryAsk, retry, "Run a request again, or wake one that waits."),
    _change("run", "run", IdAsk, run, "Carry a request out now."),
    _change("forget", "forget", IdAsk, forget, "Forget the person of a request that is over."),
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
        again=_again,
    ),
)
