"""One claim of one request, from where the last worker stopped to its end, or to where it has to wait.

An access gathers into the package. An erasure or rectification gathers and decides everything before it changes
anything: what was gathered by a value that is changed could not be found again. What a person chose is told to each
system, and nothing is gathered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from privet.rights.journal import encoded
from privet.rights.outcome import Remains, Result, SystemResult, added
from privet.rights.plans.reach import Guard
from privet.rights.words import CHANGING, GATHERING
from privet.rights.work import deciding, earlier, erasing, telling
from privet.rights.work.earlier import DECIDED
from privet.rights.work.gather import Gathered, gather_hers, gather_shown
from privet.rights.work.job import Job
from privet.rights.work.waits import Waits, again, waits
from privet.store.port import Cell, Step

PACKAGE, SEEN = "package", "seen"
UNREAD = "systems_unreadable"


class Course:
    """A run through one claim. Raises Lost, StoreFailed, and what `ground` and guards raise."""

    def __init__(self, job: Job, guard: Guard) -> None:
        self._job = job
        self._guard = guard
        signals = job.journal.queue.signals(job.request.id)
        known = int(job.journal.queue.notes(job.request.id).get(SEEN, b"0"))
        self._seen = signals[-1].number if signals else 0
        self._is_woken = any(signal.name == "retry" and signal.number > known for signal in signals)

    def run(self) -> None:
        """Carry the request as far as it goes."""
        if self._is_woken:
            # Durable before anything is done again: a signal counts once.
            seen = self._job.journal.queue.note(self._job.request.id, SEEN, str(self._seen).encode())
            self._job.hold.write((*again(self._job), seen))
        if self._job.request.kind in GATHERING:
            self._access()
        elif self._job.request.kind in CHANGING:
            self._change()
        else:
            self._tell()

    # --- access ---------------------------------------------------------------------------------------------------

    def _access(self) -> None:
        job = self._job
        job.spool.begin()
        gathered = gather_shown(job, self._guard)
        held = self._waits("read")
        if held.shown:
            self._park(held)
            return
        results = self._shown(gathered, held.over)
        steps = job.spool.steps()
        document = {
            "chunks": job.spool.chunks,
            "again": {str(address): sorted(numbers) for address, numbers in gathered.again.items()},
            "parts": [[a.dataset, a.collection] for a in sorted({a for t in job.ground.plan.turns for a in t.members})],
        }
        package = job.journal.queue.note(job.request.id, PACKAGE, job.key.seal_document(PACKAGE, document))
        self._end(results, (*steps, package))

    def _shown(self, gathered: Gathered, over: Mapping[str, str]) -> list[SystemResult]:
        job = self._job
        counts: Counter[str] = Counter()
        others: Counter[str] = Counter()
        for address, count in gathered.reach.counts.items():
            counts[address.dataset] += count.own + count.referred
            others[address.dataset] += count.others
        members = {address.dataset for turn in job.ground.plan.turns for address in turn.members}
        return [
            SystemResult(
                dataset=dataset,
                read=counts[dataset],
                others=others[dataset],
                confirmed=job.answer("read", dataset) is not None,
                remaining=(Remains("", 0, over[dataset]),) if dataset in over else (),
            )
            for dataset in sorted(members)
        ]

    # --- telling --------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        job = self._job
        telling.intend(job)
        telling.tell(job)
        held = self._waits("tell")
        telling.give_up(job, held.over.items())
        if held.shown:
            self._park(held)
            return
        self._end(telling.results(job))

    # --- erasure and rectification --------------------------------------------------------------------------------

    def _change(self) -> None:
        job = self._job
        cell = job.journal.queue.notes(job.request.id).get(DECIDED)
        if cell is None:
            decided = self._decide()
        else:
            decided = job.key.open_document(DECIDED, cell)
            job.spool.begin(decided["chunks"])
        if decided is None:
            return
        failed = erasing.erase(job, decided, again=cell is not None)
        held = self._waits("erase")
        failed.update(self._give_up(held))
        if held.shown:
            self._park(held)
            return
        results = erasing.look(job, decided, failed)
        held = self._waits("look")
        if held.shown:
            self._park(held)
            return
        self._end([_unseen(result, held.over) for result in results])

    def _decide(self) -> dict[str, Any] | None:
        """Gather and decide, durably; None where the request ended, or waits."""
        job = self._job
        job.spool.begin()
        gathered = gather_hers(job, self._guard, earlier.asked(job.journal.queue, job.key))
        held = self._waits("read")
        if held.shown:
            self._park(held)
            return None
        if held.over:
            # Erasing the rest would cut the ways that lead from it to what cannot be read now.
            unread = [SystemResult(dataset=name, remaining=(Remains("", 0, why),)) for name, why in held.over.items()]
            self._end(unread, reason=UNREAD)
            return None
        decided = deciding.decide(job, gathered.reach)
        if job.request.dry:
            self._end(erasing.foreseen(decided))
            return None
        spooled = (*job.spool.drop("own:"), *job.spool.steps())
        kept = job.key.seal_document(DECIDED, decided | {"chunks": job.spool.chunks})
        visits = erasing.intended(decided)
        changed = {**self._plan(), "begun": int(bool(visits) or job.request.begun)}
        job.hold.write(
            (
                *spooled,
                job.journal.queue.note(job.request.id, DECIDED, kept),
                *(job.journal.queue.intend(job.request.id, erasing.PREFIX + dataset) for dataset in visits),
                *(step for dataset in visits for step in erasing.told(job, decided, dataset)),
                *job.journal.keep(job.request.id, job.pace.clock(), **changed),
            )
        )
        return decided

    def _give_up(self, held: Waits) -> dict[str, str]:
        """Note as over the visits that nobody waits for any more."""
        known = self._job.journal.queue.effects(self._job.request.id) if held.over else {}
        over = {}
        for dataset, why in held.over.items():
            effect = known.get(erasing.PREFIX + dataset)
            if effect is not None and not effect.done:
                over[dataset] = why
        if over:
            self._job.hold.write([erasing.finished(self._job, dataset, why) for dataset, why in over.items()])
        return over

    # --- all ------------------------------------------------------------------------------------------------------

    def _waits(self, what: str) -> Waits:
        held = waits(self._job, what, patient=not self._is_woken)
        self._job.blocked.clear()
        return held

    def _plan(self) -> dict[str, Cell]:
        return {"plan": encoded(self._job.ground.plan)}

    def _park(self, held: Waits) -> None:
        job = self._job
        now = job.pace.clock()
        progress = encoded({"waiting": held.shown})
        move = job.journal.move("wait", job.request.id, now, progress=progress, **self._plan())
        job.journal.queue.park(job.hold.claim, held.due_ms, (*held.steps, *move), seen=self._seen, now_ms=now)

    def _end(self, systems: Iterable[SystemResult], steps: Sequence[Step] = (), *, reason: str = "") -> None:
        job = self._job
        found = [*systems]
        for dataset in sorted(job.left_out & job.ground.datasets.keys()):
            found = _left_out(found, dataset)
        result = Result(tuple(found))
        if job.request.kind in CHANGING and not job.request.dry:
            result = Result(added(job.request.result, result.systems, begun=job.request.begun))
        verb = "complete" if result.whole else "fail" if _is_nothing(result) else "partial"
        now = job.pace.clock()
        counts = {each.dataset: _counts(each) for each in result.systems}
        told = job.entry("requests.done", outcome=verb, dry=job.request.dry, counts=counts)
        changed = {"progress": None, "reason": reason, **self._plan()}
        move = job.journal.end(verb, job.request, now, result, **changed)
        job.hold.write((*steps, *move, *told, *job.journal.queue.leave(job.request.id)))


def _counts(each: SystemResult) -> list[int]:
    """Return what the audit is told of a system: read, deleted, masked, verified; corrected or told where any is."""
    more = [count for count in (each.corrected, each.told) if count]
    return [each.read, each.deleted, each.masked, each.verified, *more]


def _is_nothing(result: Result) -> bool:
    return all(each.remaining and not each.done for each in result.systems)


def _unseen(result: SystemResult, over: Mapping[str, str]) -> SystemResult:
    why = over.get(result.dataset)
    return _more(result, f"it could not be read back: {why}") if why else result


def _left_out(systems: Sequence[SystemResult], dataset: str) -> list[SystemResult]:
    rest = [each for each in systems if each.dataset != dataset]
    found = next((each for each in systems if each.dataset == dataset), SystemResult(dataset=dataset))
    told = any(each.reason == erasing.LEFT_OUT for each in found.remaining)
    return [*rest, found if told else _more(found, erasing.LEFT_OUT)]


def _more(result: SystemResult, why: str) -> SystemResult:
    return replace(result, remaining=(*result.remaining, Remains("", 0, why)))
