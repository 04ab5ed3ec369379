"""Erasing, rectifying: a visit to each dataset, in the plan's order, intended before, done after: no crash repeats one.

What makes asking again safe is the connector's own word (`Profile.effect`): one transaction, its nature, an idempotency
key; or, where nothing does, a look at what took effect before.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from privet.connectors.base import Batch, Change, Halted, Read, Waiting
from privet.errors import PrivetError, Refused, Unavailable
from privet.rights.outcome import Remains, SystemResult
from privet.rights.words import Address
from privet.rights.work import deciding
from privet.rights.work.calls import Session
from privet.rights.work.job import Job
from privet.rights.work.lanes import Lanes
from privet.rights.work.verify import Seen, read_back, undone
from privet.store.port import Step
from privet.store.queue import Lost

PREFIX = "erase:"
# Visits that end within this time share a write; one whose end a crash loses is asked again, which changes nothing.
TOGETHER_MS = 1_000
LEFT_OUT = "it is left out of the request"
Decided = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Visited:
    """What came of a visit: `error` None where the system took it all."""

    dataset: str
    error: PrivetError | None = None


def intended(decided: Decided) -> list[str]:
    """Return the datasets that something is to be changed in, in the plan's order."""
    return [visit["dataset"] for visit in decided["visits"] if _count(decided, visit["dataset"])]


def erase(job: Job, decided: Decided, *, again: bool) -> dict[str, str]:
    """Make every visit that is not done, and return which systems refused and why, those of earlier workers too.

    `again`: an earlier worker may have asked already. What did not answer, or waits for a person, is in `job.blocked`.
    """
    known = job.journal.queue.effects(job.request.id)
    visits = {visit["dataset"]: visit for visit in decided["visits"]}
    failed = {name: known[PREFIX + name].body.decode() for name in intended(decided)}
    left = [name for name in failed if not known[PREFIX + name].done]
    lanes: Lanes[Visited] = Lanes(job.pace.threads)
    started: set[str] = set()

    def begin() -> None:
        for name in left:
            if name not in started and not any(before in left for before in visits[name]["after"]):
                started.add(name)
                lanes.add(name, partial(_visit, job, decided, visits[name], again))

    begin()
    since, unwritten = job.pace.clock(), dict[str, str]()
    for done in lanes.results():
        over = {each.dataset: _reason(each.error) for each in done if not _waits(job, each)}
        failed.update(over)
        unwritten.update(over)
        left = [name for name in left if name not in over]
        if unwritten and job.pace.clock() - since >= TOGETHER_MS:
            job.hold.write([finished(job, name, reason) for name, reason in unwritten.items()])
            unwritten.clear()
        begin()
    if unwritten:
        job.hold.write([finished(job, name, reason) for name, reason in unwritten.items()])
    return {name: reason for name, reason in failed.items() if reason}


def finished(job: Job, dataset: str, reason: str = "") -> Step:
    """Return the step by which a visit is over; `reason`: why the system took not all of it."""
    return job.journal.queue.done(job.request.id, PREFIX + dataset, reason.encode())


def look(job: Job, decided: Decided, failed: Mapping[str, str]) -> list[SystemResult]:
    """Read every system back and return what came of the request there; those that do not answer are blocked."""
    lanes: Lanes[SystemResult] = Lanes(job.pace.threads)
    for dataset in decided["asked"]:
        lanes.add(dataset, partial(_look, job, decided, dataset, failed.get(dataset, "")))
    return [result for results in lanes.results() for result in results]


def foreseen(decided: Decided) -> list[SystemResult]:
    """Return what would come of a request in each system: for a dry run."""
    return [_result(decided, dataset) for dataset in decided["asked"]]


def told(job: Job, decided: Decided, dataset: str) -> Sequence[Step]:
    """Return the steps that tell the audit of a visit before it is made; none for one that is not."""
    if dataset in job.left_out or job.confirmed(dataset):
        return ()
    if job.request.kind == "rectification":
        return job.entry("requests.rectify", dataset=dataset, corrects=decided["corrects"].get(dataset, 0))
    counts = {"deletes": decided["deletes"].get(dataset, 0), "masks": decided["masks"].get(dataset, 0)}
    return job.entry("requests.erase", dataset=dataset, **counts)


def _visit(job: Job, decided: Decided, visit: Decided, again: bool) -> Visited:
    dataset = visit["dataset"]
    if dataset in job.left_out:
        return Visited(dataset, Refused(LEFT_OUT))
    if job.confirmed(dataset):
        return Visited(dataset)
    try:
        job.hold.demand()
        steps = told(job, decided, dataset) if again else ()  # the first time it was told with the decision
        if steps:
            job.hold.write(steps)
        with job.systems.turn(dataset) as session:
            _ask(job, session, visit, again)
    except Lost:
        raise
    except PrivetError as error:
        return Visited(dataset, error)
    return Visited(dataset)


def _waits(job: Job, visited: Visited) -> bool:
    """Return whether a visit is not over, and note why."""
    error = visited.error.cause if isinstance(visited.error, Halted) else visited.error
    if not isinstance(error, Unavailable | Waiting):
        return False
    job.blocked[visited.dataset] = error
    return True


def _reason(error: PrivetError | None) -> str:
    return "" if error is None else error.message


def _ask(job: Job, session: Session, visit: Decided, again: bool) -> None:
    looks = session.profile().effect == "look"
    attempt = 0
    while True:
        job.hold.demand()
        batches = list(_left(job, session, visit)) if looks and again else _batches(job, visit)
        try:
            session.erase(job.ground.datasets[visit["dataset"]], batches)
            return
        except Halted as halted:
            if not isinstance(halted.cause, Unavailable):
                raise
            error: Unavailable = halted.cause
        except Unavailable as silent:
            error = silent
        attempt += 1
        again = True
        session.pause_or_raise(error, attempt)


def _batches(job: Job, visit: Decided) -> Iterator[Batch]:
    """Yield the batches of a visit: circles are cut first, then collections go in their order."""
    for name, field in visit["cuts"]:
        address, found = _found(job, visit, name)
        for page in deciding.changes(job, address):
            cuts = [
                Change(each.key, {field: None}, job.key.mac(b"cut", field.encode(), each.once.encode()).hex())
                for each in page
                if each.values is None
            ]
            if cuts:
                yield Batch(found.collection, cuts, found)
    for name in visit["order"]:
        address, found = _found(job, visit, name)
        for page in deciding.changes(job, address):
            yield Batch(found.collection, page, found)


def _left(job: Job, session: Session, visit: Decided) -> Iterator[Batch]:
    """Yield the batches of what did not take effect yet, in a system that would do it twice."""
    for batch in _batches(job, visit):
        left = undone(job, session, Address(visit["dataset"], batch.collection.name), batch.changes)
        if left:
            yield replace(batch, changes=left)


def _found(job: Job, visit: Decided, name: str) -> tuple[Address, Read]:
    address = Address(visit["dataset"], name)
    return address, job.ask(address, deciding.asked(job, address))


def _look(job: Job, decided: Decided, dataset: str, refused: str) -> SystemResult:
    result = _result(decided, dataset)
    if refused:
        rest = (*result.remaining, Remains("", 0, refused))
        result = replace(result, deleted=0, masked=0, corrected=0, remaining=rest)
    if dataset in job.left_out:
        return result
    if job.confirmed(dataset) or job.answer("read", dataset) is not None:
        return replace(result, confirmed=True)
    try:
        seen = _read_back(job, dataset)
    except Lost:
        raise
    except Unavailable as error:
        job.blocked[dataset] = error
        return result
    except PrivetError as error:
        unread = Remains("", 0, f"it could not be read back: {error.message}")
        return replace(result, remaining=(*result.remaining, unread))
    if seen is None:
        unread = Remains("", result.changed, "nothing can be read back there")
        return replace(result, remaining=(*result.remaining, unread))
    # What cannot be changed by itself may have gone with what it belonged to.
    left = (one for one in result.remaining if one.collection not in seen.gone)
    return replace(result, verified=seen.verified, remaining=(*left, *seen.remaining))


def _read_back(job: Job, dataset: str) -> Seen | None:
    """Look at a system, some times while it is slow to show what it did; None where it shows nothing."""
    for attempt in range(job.pace.looks):
        if attempt:
            job.pace.sleep(job.pace.pause_seconds * 2**attempt * (0.5 + job.pace.jitter()))
        with job.systems.turn(dataset) as session:
            session.afresh()
            if not session.profile().reads_back:
                return None
            seen = read_back(job, session, dataset)
        if not seen.remaining:
            break
    return seen


def _result(decided: Decided, dataset: str) -> SystemResult:
    return SystemResult(
        dataset=dataset,
        read=decided["read"].get(dataset, 0),
        deleted=decided["deletes"].get(dataset, 0),
        masked=decided["masks"].get(dataset, 0),
        corrected=decided["corrects"].get(dataset, 0),
        others=decided["others"].get(dataset, 0),
        kept=deciding.kept(decided, dataset),
        remaining=deciding.remains(decided, dataset),
    )


def _count(decided: Decided, dataset: str) -> int:
    deletes: int = decided["deletes"].get(dataset, 0)
    masks: int = decided["masks"].get(dataset, 0)
    corrects: int = decided["corrects"].get(dataset, 0)
    return deletes + masks + corrects
