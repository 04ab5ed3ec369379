"""Durable work: flows that any worker carries on where the last one stopped. What a flow does is its callers' business.

A flow is claimed under a lease with a fence, a number that grows with every claim. Every write of a worker expects
its own fence, so one that lost its lease, however late it wakes, writes nothing. What is kept of a flow: steps
(facts by name), effects (the outbox: intended, then done), signals (what others tell it, in order), parts (opaque
chunks by number). Its timer is `due`. Time is an argument, in UTC milliseconds; cells are opaque.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from privet.errors import Conflict
from privet.store.port import Clash, Column, Delete, Expect, Insert, Put, Row, Select, Shape, Step, Store, Unit, Update
from privet.vocabulary.predicate import And, Compare, Predicate

LEASE_MS = 6_000
BEAT_MS = 2_000
CANDIDATES = 16  # flows looked at in one claim: as many workers may race for the first ones

SHAPES: tuple[Shape, ...] = (
    Shape(
        name="flows",
        columns=(
            Column("id", "text", null=False),
            Column("kind", "text", null=False),
            Column("due", "int"),
            Column("worker", "text", null=False),
            Column("lease", "int", null=False),
            Column("fence", "int", null=False),
        ),
        key=("id",),
        indexes=(("due",),),
    ),
    Shape(
        name="flow_steps",
        columns=(Column("flow", "text", null=False), Column("name", "text", null=False), Column("body", "blob")),
        key=("flow", "name"),
    ),
    Shape(
        name="flow_effects",
        columns=(
            Column("flow", "text", null=False),
            Column("name", "text", null=False),
            Column("done", "int", null=False),
            Column("body", "blob"),
        ),
        key=("flow", "name"),
    ),
    Shape(
        name="flow_signals",
        columns=(
            Column("number", "int", null=False),
            Column("flow", "text", null=False),
            Column("name", "text", null=False),
            Column("body", "blob"),
        ),
        key=("number",),
        sequence=True,
        indexes=(("flow",),),
    ),
    Shape(
        name="flow_parts",
        columns=(
            Column("flow", "text", null=False),
            Column("part", "text", null=False),
            Column("number", "int", null=False),
            Column("body", "blob", null=False),
        ),
        key=("flow", "part", "number"),
    ),
)
_KEPT = ("flow_steps", "flow_effects", "flow_signals", "flow_parts")


class Lost(Conflict):
    """The lease on a flow ran out and another worker has it: nothing was written."""

    code = "lease_lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One worker's hold on a flow. `until_ms`: when it runs out unless `beat` renews it."""

    flow: str
    kind: str
    worker: str
    fence: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Signal:
    """What somebody told a flow. Numbers ascend over all flows."""

    number: int
    name: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens outside, once: intended before it is asked for, `done` when it is known to have happened."""

    name: str
    done: bool
    body: bytes


class Queue:
    """The flows in a store. Any thread may call; what returns steps leaves the writing of them to the caller."""

    def __init__(self, store: Store) -> None:
        """Take a store in which SHAPES are defined."""
        self.store = store

    # --- workers --------------------------------------------------------------------------------------------------

    def claim(
        self, now_ms: int, worker: str, *, lease_ms: int = LEASE_MS, also: Callable[[str], Sequence[Step]] | None = None
    ) -> Claim | None:
        """Take the flow that has been due the longest and that nobody holds; None where there is none.

        `also`: flow → steps that happen with the claim; a flow for which they clash is passed over.
        """
        free: Predicate = And((Compare("due", "<=", now_ms), Compare("lease", "<=", now_ms)))
        columns = ("id", "kind", "fence")
        question = Select(table="flows", columns=columns, where=free, order=(("due", True),), limit=CANDIDATES)
        for flow, kind, fence in self.store.select(question):
            claim = Claim(
                flow=str(flow), kind=str(kind), worker=worker, fence=_int(fence) + 1, until_ms=now_ms + lease_ms
            )
            change = Update(
                "flows",
                ("worker", "lease", "fence"),
                ("id", "fence"),
                ((worker, claim.until_ms, claim.fence, flow, fence),),
            )
            guard = Expect("flows", And((Compare("id", "=", flow), free)), True)
            try:
                self.store.write_now(Unit((guard, change, *(also(claim.flow) if also else ()))))
            except Clash:
                continue  # somebody was faster
            return claim
        return None

    def beat(self, claim: Claim, now_ms: int, *, lease_ms: int = LEASE_MS) -> Claim:
        """Renew a lease. Raises Lost."""
        held = replace(claim, until_ms=now_ms + lease_ms)
        self.write(claim, (Update("flows", ("lease",), ("id",), ((held.until_ms, claim.flow),)),))
        return held

    def write(self, claim: Claim, steps: Sequence[Step]) -> None:
        """Carry out a worker's steps in one unit. Raises Lost, with nothing done, where the flow is another's.

        Raises Clash, with its place in `steps`, where they meet a state that they did not expect.
        """
        guard = self.guard(claim)
        try:
            self.store.write_now(Unit((*guard, *steps)))
        except Clash as clash:
            if clash.step < len(guard):
                raise Lost("the lease on the flow ran out and another worker has it") from None
            raise Clash(clash.step - len(guard), clash.row) from None

    def guard(self, claim: Claim) -> tuple[Step, ...]:
        """Return the steps before a worker's own by which it writes nothing once it lost its lease."""
        held = (
            Compare("id", "=", claim.flow),
            Compare("fence", "=", claim.fence),
            Compare("worker", "=", claim.worker),
        )
        return (Expect("flows", And(held), True),)

    def park(self, claim: Claim, due_ms: int | None, steps: Sequence[Step] = (), *, seen: int = 0, now_ms: int) -> bool:
        """Write the last steps of a claim and let go of the flow until `due_ms` (None: until a signal).

        `seen`: number of the newest signal that the worker knows. Where a newer one came meanwhile the flow is due at
        once, so that no signal is missed; returns whether it sleeps. Raises Lost, Clash as `write` does.
        """
        newer = And((Compare("flow", "=", claim.flow), Compare("number", ">", seen)))
        quiet = Expect("flow_signals", newer, False)
        try:
            self.write(claim, (quiet, *steps, *self.leave(claim.flow, due_ms)))
        except Clash as clash:
            if clash.step:
                raise Clash(clash.step - 1, clash.row) from None
            self.write(claim, (*steps, *self.leave(claim.flow, now_ms)))
            return False
        return True

    def leave(self, flow: str, due_ms: int | None = None) -> tuple[Step, ...]:
        """Return the step by which a worker lets go of a flow, over for good unless it is due again."""
        return (Update("flows", ("due", "worker", "lease"), ("id",), ((due_ms, "", 0, flow),)),)

    # --- everybody ------------------------------------------------------------------------------------------------

    def start(self, flow: str, kind: str, due_ms: int | None) -> tuple[Step, ...]:
        """Return the step that adds a flow, due at a time or (None) once it is woken."""
        columns = ("id", "kind", "due", "worker", "lease", "fence")
        return (Insert("flows", columns, ((flow, kind, due_ms, "", 0, 0),)),)

    def wake(self, flow: str, due_ms: int | None) -> tuple[Step, ...]:
        """Return the step that makes a flow due at another time. Not while a worker holds it: see `signal`."""
        return (Update("flows", ("due",), ("id",), ((due_ms, flow),)),)

    def signal(self, flow: str, name: str, body: bytes, now_ms: int) -> tuple[Step, ...]:
        """Return the steps that tell a flow something and make it due."""
        return (Insert("flow_signals", ("flow", "name", "body"), ((flow, name, body),)), *self.wake(flow, now_ms))

    def revoke(self, flow: str) -> tuple[Step, ...]:
        """Return the steps that end a flow whoever holds it: its worker's next write is lost."""
        rows = self.store.select(Select(table="flows", columns=("fence",), where=Compare("id", "=", flow)))
        fence = _int(rows[0][0]) if rows else 0
        columns = ("due", "worker", "lease", "fence")
        return (Update("flows", columns, ("id", "fence"), ((None, "", 0, fence + 1, flow, fence),)),)

    def held(self, flow: str, now_ms: int) -> bool:
        """Return whether a worker holds a flow now."""
        where = And((Compare("id", "=", flow), Compare("lease", ">", now_ms)))
        return bool(self.store.select(Select(table="flows", columns=("id",), where=where)))

    # --- what is kept of a flow -----------------------------------------------------------------------------------

    def note(self, flow: str, name: str, body: bytes) -> Step:
        """Return the step that keeps a fact, in place of the one of that name."""
        return Put("flow_steps", ("flow", "name", "body"), ((flow, name, body),))

    def notes(self, flow: str) -> dict[str, bytes]:
        """Return the facts of a flow by name."""
        rows = self._of("flow_steps", ("name", "body"), flow)
        return {str(name): _bytes(body) for name, body in rows}

    def unnote(self, flow: str, names: Sequence[str]) -> Step:
        """Return the step that drops facts."""
        return Delete("flow_steps", ("flow", "name"), [(flow, name) for name in names])

    def intend(self, flow: str, name: str, body: bytes = b"") -> Step:
        """Return the step by which an effect is about to be asked for. Clashes where it was intended before."""
        return Insert("flow_effects", ("flow", "name", "done", "body"), ((flow, name, 0, body),))

    def done(self, flow: str, name: str, body: bytes = b"") -> Step:
        """Return the step by which an intended effect is known to have happened."""
        return Update("flow_effects", ("done", "body"), ("flow", "name", "done"), ((1, body, flow, name, 0),))

    def drop(self, flow: str, name: str) -> Step:
        """Return the step by which an intended effect is known not to have happened: it may be intended again."""
        return Delete("flow_effects", ("flow", "name", "done"), ((flow, name, 0),))

    def effects(self, flow: str) -> dict[str, Effect]:
        """Return the effects of a flow by name."""
        rows = self._of("flow_effects", ("name", "done", "body"), flow)
        return {str(name): Effect(str(name), bool(done), _bytes(body)) for name, done, body in rows}

    def signals(self, flow: str) -> list[Signal]:
        """Return what a flow was told, oldest first."""
        question = Select(
            table="flow_signals",
            columns=("number", "name", "body"),
            where=Compare("flow", "=", flow),
            order=(("number", True),),
        )
        return [Signal(_int(number), str(name), _bytes(body)) for number, name, body in self.store.select(question)]

    def part(self, flow: str, part: str, number: int, body: bytes) -> Step:
        """Return the step that keeps a chunk."""
        return Put("flow_parts", ("flow", "part", "number", "body"), ((flow, part, number, body),))

    def parts(self, flow: str, part: str) -> Iterator[tuple[int, bytes]]:
        """Yield the chunks of a part in order, one in memory at a time."""
        number = -1
        while True:
            where = And((Compare("flow", "=", flow), Compare("part", "=", part), Compare("number", ">", number)))
            question = Select(
                table="flow_parts", columns=("number", "body"), where=where, order=(("number", True),), limit=1
            )
            rows = self.store.select(question)
            if not rows:
                return
            number = _int(rows[0][0])
            yield number, _bytes(rows[0][1])

    def part_names(self, flow: str) -> list[str]:
        """Return which parts a flow has, sorted."""
        question = Select(
            table="flow_parts", group=("part",), where=Compare("flow", "=", flow), order=(("part", True),)
        )
        return [str(row[0]) for row in self.store.select(question)]

    def clear(self, flow: str, *, signals: bool = True) -> tuple[Step, ...]:
        """Return the steps that drop everything that is kept of a flow, the flow itself aside."""
        return tuple(Delete(table, ("flow",), ((flow,),)) for table in _KEPT if signals or table != "flow_signals")

    def _of(self, table: str, columns: tuple[str, ...], flow: str) -> list[Row]:
        return self.store.select(Select(table=table, columns=columns, where=Compare("flow", "=", flow)))


def _int(cell: object) -> int:
    assert isinstance(cell, int)  # as the shape says
    return cell


def _bytes(cell: object) -> bytes:
    return cell if isinstance(cell, bytes) else b""
