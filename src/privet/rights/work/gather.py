"""Gathering: the turns of a plan, side by side where it allows, into the spool by the page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from privet.connectors.base import Record
from privet.errors import PrivetError
from privet.rights.plans.reach import Guard, Reach, Taken, Wanted
from privet.rights.words import Address, Turn
from privet.rights.work import deciding
from privet.rights.work.earlier import Asked
from privet.rights.work.job import Job, Told
from privet.rights.work.lanes import Lanes
from privet.store.queue import Lost


class Gathered:
    """What a gathering kept in the spool. `again`: numbers of records that came more than once; the last counts."""

    def __init__(self, reach: Reach) -> None:
        self.reach = reach
        self.again: dict[Address, set[int]] = {}
        self._highest: dict[Address, int] = {}

    def is_new(self, taken: Taken) -> bool:
        """Note a record; return whether it comes for the first time."""
        # INVARIANT: numbers of a collection ascend, and one thread at a time gathers from its dataset.
        if taken.number > self._highest.get(taken.address, -1):
            self._highest[taken.address] = taken.number
            return True
        self.again.setdefault(taken.address, set()).add(taken.number)
        return False


def gather_shown(job: Job, guard: Guard) -> Gathered:
    """Gather what is shown to a person: what is hers and what that refers to."""
    gathered = Gathered(_reach(job, guard))

    def keep(wanted: Wanted, page: list[Record]) -> None:
        for taken in gathered.reach.take(wanted, page):
            gathered.is_new(taken)
            job.spool.add(f"records:{taken.address}", [taken.number, taken.bond, taken.record.values])

    _Gathering(job, gathered.reach, job.ground.plan.turns, keep).run()
    return gathered


def gather_hers(job: Job, guard: Guard, before: Asked) -> Gathered:
    """Gather what an erasure may change: her own records, whole. `before`: what an earlier attempt asked."""
    gathered = Gathered(_reach(job, guard))
    for member in {member for turn in job.ground.plan.turns for member in turn.members}:
        gathered.reach.again(member, before.get(str(member), {}))

    def keep(wanted: Wanted, page: list[Record]) -> None:
        for record in page:
            # One by one, because what is taken shows of arrays only what matches, and decisions want them whole.
            for taken in gathered.reach.take(wanted, (record,)):
                if gathered.is_new(taken):
                    job.spool.add(f"own:{taken.address}", [record.values, record.links])
            if gathered.reach.is_others(wanted.address, record):
                # Somebody else's is found again when the system is read back, and is as it must be.
                job.spool.add(f"rest:{wanted.address}", deciding.mark(job, wanted.address, record))

    turns = [turn for turn in job.ground.plan.turns if turn.bond == "own"]
    _Gathering(job, gathered.reach, turns, keep).run()
    return gathered


def _reach(job: Job, guard: Guard) -> Reach:
    return Reach(job.ground.plan, job.ground.datasets.values(), job.identities, guard=guard)


class _Gathering:
    def __init__(
        self, job: Job, reach: Reach, turns: Iterable[Turn], keep: Callable[[Wanted, list[Record]], None]
    ) -> None:
        self._job = job
        self._reach = reach
        self._keep = keep
        self._left = {turn.number: turn for turn in turns}
        self._open: dict[int, int] = {}  # turn → how many of its jobs run
        self._lanes: Lanes[int] = Lanes(job.pace.threads)

    def run(self) -> None:
        self._begin()
        for numbers in self._lanes.results():
            for number in numbers:
                self._open[number] -= 1
            self._begin()

    def _begin(self) -> None:
        """Start whatever turn has nothing before it that is still open; a circle's, until nothing new is wanted."""
        moved = True
        while moved:
            moved = False
            for turn in list(self._left.values()):
                if self._open.get(turn.number) or any(number in self._left for number in turn.after):
                    continue
                if not self._ask(turn):
                    del self._left[turn.number]
                    moved = True

    def _ask(self, turn: Turn) -> bool:
        by_dataset: dict[str, list[Wanted]] = {}
        while self._reach.more(turn) and not by_dataset:
            for wanted in self._reach.asks(turn):
                if wanted.address.dataset not in self._job.left_out:
                    by_dataset.setdefault(wanted.address.dataset, []).append(wanted)
        for dataset, group in by_dataset.items():
            self._lanes.add(dataset, partial(self._read, turn.number, dataset, group))
        self._open[turn.number] = len(by_dataset)
        return bool(by_dataset)

    def _read(self, number: int, dataset: str, group: Sequence[Wanted]) -> int:
        for wanted, page in self._pages(dataset, group):
            self._keep(wanted, page)
        return number

    def _pages(self, dataset: str, group: Sequence[Wanted]) -> Iterator[tuple[Wanted, list[Record]]]:
        """Yield pages of a dataset; where it cannot be asked, note why and end."""
        job = self._job
        if dataset in job.blocked:
            return
        answer = job.answer("read", dataset)
        try:
            if answer is not None:
                for wanted in group:
                    for page in Told(answer).read(job.ask(wanted.address, wanted.matches)):
                        yield wanted, page
                return
            with job.systems.turn(dataset) as session:
                for wanted in group:
                    job.hold.demand()
                    for page in session.read(job.ask(wanted.address, wanted.matches)):
                        yield wanted, page
        except Lost:
            raise
        except PrivetError as error:
            job.blocked[dataset] = error
