"""A year of people's requests on a simulated clock: each is answered in time, or somebody was warned seven days ahead.

The journal, the worker, the dates and the warnings are those of the product; systems and staff are played. A system in
twenty is down at any time, for days; some requests come by post, wait for weeks until somebody looks, or are extended.
Dates are checked by a second clock, which walks day by day and knows holidays by rules of its own.
"""

from __future__ import annotations

import heapq
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from bench import Row, most
from privet.connectors.base import Batch, Connector, Read, Record
from privet.connectors.profile import Profile
from privet.crypto.keys import KeyRing
from privet.crypto.keystores.local import LocalStore
from privet.errors import Unavailable
from privet.policy.parse import parse
from privet.rights import care, clock, journal
from privet.rights.asked import Opening, Request
from privet.rights.clock import DAY_MS, WARN_DAYS, WARN_MS, Due, Notice, Place
from privet.rights.fates.decision import decisions
from privet.rights.plans.whole import plan
from privet.rights.run import Ground, Pace, Runner
from privet.rights.sealed import RequestKeys
from privet.rights.words import Kind
from privet.secret import Secret
from privet.store.engines.memory import MemoryStore
from privet.store.engines.sqlite import open_store
from privet.store.port import Step, Store
from privet.vocabulary.dataset import Collection, Dataset, Field, Native
from privet.vocabulary.laws import law

sys.path.append(str(Path(__file__).parents[1] / "tests" / "property"))  # where the second clock is

from almanac import DAY, is_off, local_day, walked

START = int(datetime(2027, 1, 1, tzinfo=UTC).timestamp() * 1000)  # the year after has a leap day
STEP_MS = 6 * 3_600_000
SYSTEMS = 5
DOWN = 0.05
OWNER = bytes(range(16))
HOUSES = (
    (Place("DE", "", "Europe/Berlin"), "DE"),
    (Place("GB", "ENG", "Europe/London"), "GB"),
    (Place("US", "", "America/Los_Angeles"), "US-CA"),
)
KINDS: tuple[Kind, ...] = ("access", "portability", "erasure")
DONE = ("complete", "denied", "canceled")
PROFILE = Profile(
    tried="fake",
    against="memory",
    atomic=True,
    deletes=True,
    masks=True,
    streams=True,
    reads_back=True,
    effect="transaction",
)


@dataclass(frozen=True, slots=True)
class Way:
    """What a simulation does its work with; tests give worse ones."""

    answer_by: Callable[..., Due] = clock.answer_by
    warn: Callable[[Iterable[Request], int], Sequence[Notice]] = clock.warn


@dataclass(slots=True)
class Year:
    """What came of a year. Counts of requests; `warned`: not answered in time, but warned of seven days ahead.
    `unsaid`: neither. `misdated`: due on another day than the second clock says. `seconds`: CPU of all of it."""

    requests: int = 0
    on_time: int = 0
    warned: int = 0
    unsaid: int = 0
    misdated: int = 0
    waited: int = 0
    seconds: float = 0.0


class System:
    """One system: a record for each person that is asked about, and the times in which it is down."""

    def __init__(self, name: str, chance: random.Random, now: Callable[[], int]) -> None:
        fields = (
            Field(name="id", type="string", native=Native(data_type="string", primary_key=True)),
            Field(
                name="email",
                type="string",
                labels=("user.contact.email",),
                native=Native(data_type="string", identity="email"),
            ),
        )
        self.dataset = Dataset(key=name, collections=(Collection(name="people", fields=fields),))
        self.erased: set[str] = set()
        self.now = now
        self.down: list[tuple[int, int]] = []
        at = START
        while at < START + 500 * DAY_MS:  # mean 5 days down in 100
            at += int(chance.expovariate(1 / (95 * DAY_MS)))
            until = at + int(chance.uniform(1, 9) * DAY_MS)
            self.down.append((at, until))
            at = until

    def demand_up(self) -> None:
        """Raise Unavailable while it is down."""
        if any(since <= self.now() < until for since, until in self.down):
            raise Unavailable("the system does not answer")


class Link:
    """A connector to a system."""

    def __init__(self, system: System) -> None:
        self._system = system

    def probe(self) -> None:
        """See `Connector`."""
        self._system.demand_up()

    def describe(self) -> Dataset:
        """See `Connector`."""
        return self._system.dataset

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the one record of a person."""
        self._system.demand_up()
        for email in ask.matches.get("email", ()):
            if email not in self._system.erased:
                yield [Record({"id": f"id of {email}", "email": email})]
        for key in ask.matches.get("id", ()):
            email = str(key).removeprefix("id of ")
            if email not in self._system.erased:
                yield [Record({"id": key, "email": email})]

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Delete whole records."""
        self._system.demand_up()
        done = []
        for batch in batches:
            gone = {str(change.key["id"]).removeprefix("id of ") for change in batch.changes}
            done.append(len(gone - self._system.erased))
            self._system.erased |= gone
        return done

    def close(self) -> None:
        """See `Connector`."""


@dataclass
class Simulation:
    """A year. `count`: requests in it. `home`: a folder for the journal, "" to keep it in memory. `forgotten`: the
    share that staff approves only after weeks, or when warned. `extended`: the share that is given more time. The same
    seed gives the same year."""

    count: int
    way: Way = Way()
    home: str = ""
    forgotten: float = 0.04
    extended: float = 0.02
    seed: int = 6
    now: int = START
    warnings: dict[str, list[int]] = field(default_factory=dict)
    first: dict[str, tuple[Place, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.systems = {f"s{at}": System(f"s{at}", self.chance, lambda: self.now) for at in range(SYSTEMS)}
        self.datasets = {name: system.dataset for name, system in self.systems.items()}
        lines = "".join(f"erase {name}.people by deletion\n" for name in self.systems)
        self.policy = {"org.policy": parse(lines, file="org.policy")}
        store: Store = (
            open_store(str(Path(self.home) / "journal.db"), unsafe_synchronous="OFF") if self.home else MemoryStore()
        )
        store.define(journal.SHAPES)
        ring = KeyRing.create(LocalStore(Secret(bytes(32))), OWNER, now=1)
        ring.add("cell", OWNER, now=1)
        self.journal = journal.Journal(store, RequestKeys(MemoryStore(), ring, OWNER))
        pace = Pace(
            clock=lambda: self.now, sleep=lambda _: None, jitter=lambda: 0.5, tries=1, longest_ms=STEP_MS, threads=1
        )
        self.runner = Runner(self.journal, self._open, self._ground, _unnoted, pace=pace)
        self.acts: list[tuple[int, int, str, str]] = []  # (when, number, what staff does, request)
        self.numbers = iter(range(1 << 40))

    def run(self) -> Year:
        """Play it to the end of what the last request may take."""
        began = time.process_time()
        coming = sorted(START + self.chance.randrange(365 * DAY_MS) for _ in range(self.count))
        while self.now < START + 500 * DAY_MS:
            self.now += STEP_MS
            while coming and coming[0] <= self.now:
                self._come(coming.pop(0))
            self._staff()
            while self.runner.run_once("worker") is not None:
                pass
            self._tick()
        self.runner.close()
        year = self._judge(time.process_time() - began)
        self.journal.store.close()
        return year

    def _come(self, at_ms: int) -> None:
        place, region = self.chance.choice(HOUSES)
        kind = self.chance.choice(KINDS)
        posted = self.chance.randrange(1, 16) * DAY_MS if self.chance.random() < 0.02 else 0
        received = at_ms - posted
        due = self.way.answer_by(kind, received, place, region=region)
        ask = Opening(
            kind=kind,
            identities={"email": f"p{next(self.numbers)}@example.com"},
            by="person",
            due_ms=due.due_ms,
            received_ms=received,
            acknowledge_ms=due.acknowledge_ms,
            law=due.law,
            region=region,
            verified="code",
        )
        opened = self.journal.open(ask, self.now)
        self.first[opened.id] = (place, region)
        days = self.chance.uniform(0, 4) if self.chance.random() >= self.forgotten else self.chance.uniform(10, 120)
        self._later("approve", opened.id, days)
        if self.chance.random() < self.extended:
            self._later("extend", opened.id, self.chance.uniform(5, 25))

    def _later(self, what: str, id_: str, days: float) -> None:
        heapq.heappush(self.acts, (self.now + int(days * DAY_MS), next(self.numbers), what, id_))

    def _staff(self) -> None:
        while self.acts and self.acts[0][0] <= self.now:
            _, _, what, id_ = heapq.heappop(self.acts)
            found = self.journal.get(id_)
            if what == "approve" and found.state == "received":
                self.journal.approve(id_, "staff", self.now)
            elif what == "retry" and found.state in ("partial", "failed"):
                self.journal.retry(id_, "staff", self.now)
            elif what == "extend" and found.state in clock.OPEN and self.now < (found.due_ms or 0):
                self._extend(found)

    def _extend(self, found: Request) -> None:
        place, region = self.first[found.id]
        longer = self.way.answer_by(found.kind, found.received_ms, place, region=region).extended_ms
        assert longer is not None  # all of these laws give more time
        care.extend(self.journal, found.id, "complex", longer, self.now)

    def _tick(self) -> None:
        """Warn, as the worker of the house does. Staff looks at what it is warned of within two days, for the most."""
        found = self.way.warn(care.running(self.journal, self.now + WARN_MS + 1), self.now)
        for request, notices in groupby(found, lambda each: each.request):
            if not care.warned(self.journal, request, self.now):
                continue
            if any(each.event == "warning" for each in notices):
                self.warnings.setdefault(request.id, []).append(self.now)
            if self.chance.random() < 0.8:
                self._later("approve", request.id, self.chance.uniform(0, 2))
                self._later("retry", request.id, self.chance.uniform(0, 2))

    def _judge(self, seconds: float) -> Year:
        year = Year(seconds=seconds)
        for id_, (place, region) in self.first.items():
            found = self.journal.get(id_)
            assert found.due_ms is not None
            ahead = [at for at in self.warnings.get(id_, ()) if found.due_ms - at >= WARN_DAYS * DAY_MS]
            on_time = found.state in DONE and (found.ended_ms or 0) <= found.due_ms
            year.requests += 1
            year.on_time += on_time
            year.warned += not on_time and bool(ahead)
            year.unsaid += not on_time and not ahead
            year.misdated += not _is_dated(found, place, region)
            year.waited += found.ended_ms is None or found.ended_ms - found.opened_ms > 5 * DAY_MS
        return year

    def _open(self, name: str) -> tuple[Connector, Profile]:
        return Link(self.systems[name]), PROFILE

    def _ground(self, request: Request, identities: Mapping[str, Any], secret: Secret[bytes]) -> Ground:
        datasets = list(self.datasets.values())
        decider = decisions(self.policy, datasets, secret) if request.kind == "erasure" else None
        return Ground(datasets=self.datasets, plan=plan(request.kind, datasets, identities), decider=decider)


def _unnoted(event: str, facts: Mapping[str, Any]) -> Sequence[Step]:
    return ()


def _is_dated(found: Request, place: Place, region: str) -> bool:
    """Return whether a request is due on the day that the second clock says, more time counted."""
    key = {"DE": "gdpr", "GB": "uk_gdpr", "US-CA": "ccpa"}[region]
    row = law(key).request("erasure")
    assert row is not None and row.within is not None and row.extend is not None and found.due_ms is not None
    count = row.within.count + (row.extend.count if found.extended else 0)
    start = local_day(found.received_ms, place)
    last = walked(start, count, row.within.unit, place)
    while key != "ccpa" and is_off(last, place):
        last += DAY
    confirmed = True
    if row.acknowledge is not None:
        assert found.acknowledge_ms is not None
        confirmed = local_day(found.acknowledge_ms, place) == walked(
            start, row.acknowledge.count, "business days", place
        )
    return confirmed and found.law == key and local_day(found.due_ms, place) == last


def rows(quick: bool = False) -> Iterator[Row]:
    """Yield the rows of a year."""
    count = 300 if quick else 10_000
    with tempfile.TemporaryDirectory() as home:
        year = Simulation(count, home=home).run()
    told = most(
        f"of {count:,} requests of a year: neither answered in time nor warned of seven days ahead", year.unsaid, 0
    )
    told["also"] = {"in time": year.on_time, "late, but warned of": year.warned, "took over five days": year.waited}
    yield told
    yield most("requests due on another day than a clock says that walks day by day", year.misdated, 0)
    yield most("milliseconds of CPU a request, carried out, dated and watched", year.seconds / count * 1000, None)
    place = HOUSES[0][0]
    began = time.thread_time()
    for at in range(10_000):
        clock.answer_by("access", START + at * STEP_MS, place, region="DE")
    yield most("microseconds: find when a request is due", (time.thread_time() - began) * 100, None)
