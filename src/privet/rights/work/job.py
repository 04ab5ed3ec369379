"""One request in a worker's hands: its claim, key, ground and systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from privet.connectors.base import Choice, Read, Record, Value
from privet.errors import InvalidInput, PrivetError, Unavailable
from privet.rights.asked import Request
from privet.rights.fates.decision import Decider
from privet.rights.journal import Journal
from privet.rights.sealed import RequestKey
from privet.rights.words import Address, Plan
from privet.rights.work.calls import Pace, Systems
from privet.rights.work.spool import Spool
from privet.store.port import Step
from privet.store.queue import Claim, Lost
from privet.vocabulary.dataset import Dataset

Note = Callable[[str, Mapping[str, Any]], Sequence[Step]]
"""Makes the audit's entry of an event: steps for the journal's own store, which happen with what they tell of. Where
the audit stands elsewhere, it is durable on return, and there are none. Facts are ids, names, states and counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a request is carried out on, as manifests and policy are now. `decider`: of an erasure or rectification.
    `basis`: tells this ground from others, as people approve it, "" where nobody can say. `choice`: what systems are
    told. `concerned`: datasets to tell it to; False: that one cannot be told is no fault. `counts`: whether it is what
    she said last, asked before each system is told: of two that are told at once, the older must not come last."""

    datasets: Mapping[str, Dataset]
    plan: Plan
    decider: Decider | None = None
    basis: str = ""
    choice: Choice | None = None
    concerned: Mapping[str, bool] = field(default_factory=dict)
    counts: Callable[[], bool] = field(default=lambda: True)


class Hold:
    """A worker's hold on a request, renewed by whoever keeps the beat."""

    def __init__(self, journal: Journal, claim: Claim, clock: Callable[[], int]) -> None:
        self._journal = journal
        self._clock = clock
        self.claim = claim
        self.is_lost = False

    def write(self, steps: Sequence[Step]) -> None:
        """Carry out steps. Raises Lost."""
        self._journal.write(self.claim, steps)

    def beat(self) -> None:
        """Renew the lease. Once it is lost it stays so."""
        if self.is_lost:
            return
        try:
            self.claim = self._journal.queue.beat(self.claim, self._clock())
        except (Lost, Unavailable):
            self.is_lost = True

    def demand(self) -> None:
        """Raise Lost where another worker may have the request: for before an effect outside."""
        if self.is_lost or self._clock() >= self.claim.until_ms:
            raise Lost("the lease on the request ran out")


@dataclass(slots=True, kw_only=True)
class Job:
    """What the parts of a run share. `answers`: what people said, by task. `left_out`: datasets that are passed over.
    `blocked`: datasets that could not be asked, and why."""

    request: Request
    identities: Mapping[str, Any]
    key: RequestKey
    ground: Ground
    journal: Journal
    hold: Hold
    spool: Spool
    systems: Systems
    pace: Pace
    note: Note
    answers: Mapping[str, Any]
    blocked: dict[str, PrivetError] = field(default_factory=dict)

    @property
    def left_out(self) -> frozenset[str]:
        """Return the datasets that an operator leaves out."""
        return frozenset(self.request.without)

    @property
    def people(self) -> dict[str, list[Value]]:
        """Return whom the request is about: kind → values."""
        return {kind: [given] if isinstance(given, str) else list(given) for kind, given in self.identities.items()}

    def ask(self, address: Address, matches: Mapping[str, Sequence[Value]]) -> Read:
        """Return a question to a system about the person."""
        dataset = self.ground.datasets[address.dataset]
        collection = dataset.collection(address.collection)
        if collection is None:
            hint = "put it back, or retry the request"
            raise InvalidInput(f"the manifest has no collection `{address}` any more", hint=hint)
        return Read(dataset=dataset, collection=collection, matches=matches, identities=self.people)

    def entry(self, event: str, **facts: object) -> Sequence[Step]:
        """Return the steps that tell the audit of an event of this request, together with what it is."""
        return self.note(event, {"request": self.request.id, "kind": self.request.kind, **facts})

    def answer(self, what: str, dataset: str) -> Mapping[str, Any] | None:
        """Return what a person said of a system, None where nobody was asked or answered."""
        found: Mapping[str, Any] | None = self.answers.get(f"{what}:{dataset}")
        return found

    def confirmed(self, dataset: str) -> bool:
        """Return whether a person answers for an erasure in a system."""
        return any(bool((self.answer(what, dataset) or {}).get("erased")) for what in ("read", "erase"))


@dataclass(frozen=True, slots=True)
class Told:
    """A turn at a system for which a person answered."""

    answer: Mapping[str, Any]

    def read(self, ask: Read) -> Sequence[list[Record]]:
        """Return what the person found, in one page; all of the collection: whoever gathers looks what matches."""
        found = self.answer["records"].get(ask.collection.name, ())
        return [[Record(values) for values in found]] if found else []
