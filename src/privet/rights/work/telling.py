"""Telling: each system hears once what a person chose, intended before and done after, so that a crash changes nothing.

What makes telling again safe is the connector's own word (`Teller.tell`): it changes nothing more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

from privet.connectors.base import Choice, Halted, Untold, Waiting
from privet.errors import Damaged, PrivetError, Unavailable
from privet.rights.outcome import Remains, SystemResult
from privet.rights.work.calls import Session
from privet.rights.work.job import Job
from privet.rights.work.lanes import Lanes
from privet.store.port import Step
from privet.store.queue import Lost

PREFIX = "choice:"  # `tell:` names the messages to people


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of telling one system. `why`: it was not told, for this reason. `unable`: because it has no way.
    `past`: she said something else since, which another request tells."""

    told: int = 0
    confirmed: bool = False
    why: str = ""
    unable: bool = False
    past: bool = False


def intend(job: Job) -> None:
    """Write down durably whom is told what, before anybody is; nothing where an earlier worker did."""
    known = job.journal.queue.effects(job.request.id)
    left = [name for name in _datasets(job) if PREFIX + name not in known]
    if not left:
        return
    choice = _choice(job)
    told = job.entry("requests.choice", choice=choice.kind, state=choice.state, datasets=len(left))
    steps = [job.journal.queue.intend(job.request.id, PREFIX + name) for name in left]
    job.hold.write((*steps, *told, *job.journal.keep(job.request.id, job.pace.clock(), begun=1)))


def tell(job: Job) -> None:
    """Tell every system that was not told yet. What did not answer, or waits for a person, is in `job.blocked`."""
    known = job.journal.queue.effects(job.request.id)
    lanes: Lanes[None] = Lanes(job.pace.threads)
    for name in _datasets(job):
        if not known[PREFIX + name].done:
            lanes.add(name, partial(_visit, job, name))
    for _ in lanes.results():
        pass


def finished(job: Job, dataset: str, said: Said) -> Step:
    """Return the step by which a system is told, or never will be."""
    return job.journal.queue.done(job.request.id, PREFIX + dataset, msgspec.json.encode(said))


def give_up(job: Job, over: Iterable[tuple[str, str]]) -> None:
    """Note as over the systems that nobody waits for any more. `over`: dataset and why."""
    known = job.journal.queue.effects(job.request.id)
    steps = [finished(job, name, Said(why=why)) for name, why in over if not known[PREFIX + name].done]
    if steps:
        job.hold.write(steps)


def results(job: Job) -> list[SystemResult]:
    """Return what came of each system. One that has no way to honour a choice, and need not, is no result."""
    known = job.journal.queue.effects(job.request.id)
    found = []
    for name in _datasets(job):
        said = msgspec.json.decode(known[PREFIX + name].body, type=Said)
        if said.past or (said.unable and not job.ground.concerned[name]):
            continue
        remaining = (Remains("", 0, said.why),) if said.why else ()
        found.append(SystemResult(dataset=name, told=said.told, confirmed=said.confirmed, remaining=remaining))
    return found


def _datasets(job: Job) -> Sequence[str]:
    return sorted(set(job.ground.concerned) - job.left_out)


def _choice(job: Job) -> Choice:
    if job.ground.choice is None:
        raise Damaged("the request does not say what was chosen", hint="open it anew")
    return job.ground.choice


def _visit(job: Job, dataset: str) -> None:
    said: Said
    if job.answer("tell", dataset) is not None:
        said = Said(confirmed=True)
    else:
        try:
            with job.systems.turn(dataset) as session:
                # INVARIANT: systems take turns, so whatever is said after this look is told after this.
                said = Said(told=_ask(job, session, dataset)) if job.ground.counts() else Said(past=True)
        except Lost:
            raise
        except PrivetError as error:
            cause = error.cause if isinstance(error, Halted) else error
            if isinstance(cause, Unavailable | Waiting):
                job.blocked[dataset] = cause
                return
            said = Said(why=cause.message, unable=isinstance(cause, Untold))
    job.hold.write((finished(job, dataset, said),))


def _ask(job: Job, session: Session, dataset: str) -> int:
    once = job.key.mac(b"choice", dataset.encode()).hex()
    attempt = 0
    while True:
        job.hold.demand()
        try:
            return session.tell(job.ground.datasets[dataset], _choice(job), job.people, once)
        except Halted as halted:
            if not isinstance(halted.cause, Unavailable):
                raise
            error: Unavailable = halted.cause
        except Unavailable as silent:
            error = silent
        attempt += 1
        session.pause_or_raise(error, attempt)
