"""The journal of people's requests: what was asked, who decided, how far it is, what came of it.

A request is a row here and a flow of the queue, of one id, changed in one unit. Which state may follow which is a
table, and every change expects the state that it comes from. What is personal (identities, tasks, answers, what was
gathered, what is to be changed) is sealed under the request's own key; rows show counts, names and codes. Whoever can
write rows still cannot make a request another, approve it, or change what came of it: that stands under seals, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import msgspec

from privet import digest
from privet.connectors.base import Choice
from privet.errors import Conflict, Damaged, InvalidInput, NotFound, UnknownName
from privet.rights.asked import (
    MOVES,
    OVER,
    Answer,
    Correction,
    Listing,
    Opening,
    Request,
    Task,
    checked,
    facts,
    read_denial,
    read_reason,
    read_verified,
)
from privet.rights.outcome import Ended, Result
from privet.rights.rows import COMMENTS, READ, REQUESTS, request_of
from privet.rights.sealed import RequestKey, RequestKeys
from privet.rights.words import GATHERING, TELLING, State
from privet.rights.work import earlier
from privet.secret import Secret
from privet.store import queue
from privet.store.port import Cell, Clash, Delete, Expect, Insert, Row, Select, Shape, Step, Store, Unit, Update
from privet.store.queue import Claim, Queue
from privet.vocabulary.predicate import And, Compare, In, Not, Or, Predicate

SHAPES: tuple[Shape, ...] = (*queue.SHAPES, REQUESTS, COMMENTS)
PACKAGE_MS = 72 * 3_600_000

Beside = Sequence[Step] | Callable[[str], Sequence[Step]]
"""Steps of the same store that happen with a change or not at all (an audit entry), or what makes them of the id."""
Letters = Callable[[str, Request, Mapping[str, Any]], Sequence[Step]]
"""Makes the steps of a letter to the person: of an event (`received`, `ready`, `done`, `partial`, `denied`, `extended`,
`told`), the request as it is then, and whom it is about. () where no letter can be written."""


class Journal:
    """All requests. Any thread may call; every method is blocking."""

    def __init__(
        self,
        store: Store,
        keys: RequestKeys,
        *,
        package_ms: int = PACKAGE_MS,
        letters: Letters = lambda event, request, identities: (),
    ) -> None:
        """Take a store in which SHAPES are defined, and the requests' keys. `package_ms`: how long a package is kept.
        `letters`: writes to the person."""
        self.store = store
        self.keys = keys
        self.queue = Queue(store)
        self.package_ms = package_ms
        self.letters = letters

    # --- what people do -------------------------------------------------------------------------------------------

    def open(self, ask: Opening, now_ms: int, *, beside: Beside = ()) -> Request:
        """Write a request down. Raises InvalidInput where it names nobody, Conflict where it is to run and nobody
        proved whose identities these are."""
        identities = checked(ask)
        if not (ask.approval or ask.verified):
            raise _unproved()
        id_ = digest.id_text(digest.record_ids(1, now_ms=now_ms)[0])
        charter = {
            "kind": ask.kind,
            "dry": ask.dry,
            "approval": ask.approval,
            "verified": ask.verified,
            "corrections": [asdict(each) for each in ask.corrections],
            "choice": asdict(ask.choice) if ask.choice else None,
        }
        sealed = self.keys.make(id_).seal_document("identities", {"of": identities, "note": ask.note, **charter})
        state: State = "received" if ask.approval else "approved"
        cells: dict[str, Any] = {
            "id": id_,
            "kind": ask.kind,
            "state": state,
            "dry": int(ask.dry),
            "opened": now_ms,
            "updated": now_ms,
            "due": ask.due_ms,
            "opened_by": ask.by,
            "decided_by": "",
            "reason": "",
            "without": "[]",
            "begun": 0,
            "forgotten": 0,
            "certificate": "",
            "received": now_ms if ask.received_ms is None else ask.received_ms,
            "acknowledge": ask.acknowledge_ms,
            "acknowledged": None,
            "verified": ask.verified,
            "law": ask.law,
            "region": ask.region,
            "language": ask.language,
            "assigned": "",
            "extended": "",
            "warned": None,
            "ended": None,
            "downloads": 0,
            "package_until": None,
            "person": ask.person or None,
            "identities": sealed,
        }
        flow = self.queue.start(id_, ask.kind, None if ask.approval else now_ms)
        told = self.letters("received", request_of(tuple(cells.get(name) for name in READ))[0], identities)
        row = Insert("requests", tuple(cells), (tuple(cells.values()),))
        self.store.write_now(Unit((row, *flow, *told, *beside_of(beside, id_))))
        return self.get(id_)

    def verify(self, id_: str, how: str, by: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Write down how it was proved whose identities a request names: a few words without personal data.

        Raises NotFound, Gone, Conflict where the request no longer waits for approval.
        """
        charter = self._sealed(id_)
        charter["verified"] = read_verified(how)
        sealed = self.keys.open(id_).seal_document("identities", charter)
        changed: dict[str, Cell] = {"verified": charter["verified"], "identities": sealed, "updated": now_ms}
        steps = (_expect(id_, ("received",)), *_set(id_, changed), *beside_of(beside, id_))
        self.commit(steps, id_, "verify")
        return self.get(id_)

    def approve(self, id_: str, by: str, now_ms: int, *, basis: str = "", beside: Beside = ()) -> Request:
        """Let a request run. `basis`: what tells the plan that was approved from another, "" for whatever it will be.

        Raises NotFound, Conflict where it waits for no approval, or nobody proved whose identities it names.
        """
        changed: dict[str, Cell] = {"decided_by": by, "updated": now_ms}
        if self.get(id_).state == "received":
            if not self._sealed(id_)["verified"]:
                raise _unproved()
            changed["approval"] = _approval(self.keys.open(id_), by, now_ms, basis)
        return self._decide("approve", id_, changed, (*self.queue.wake(id_, now_ms), *beside_of(beside, id_)))

    def deny(self, id_: str, by: str, reason: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Turn a request down for a reason of DENIALS, and forget the person."""
        changed: dict[str, Cell] = {"decided_by": by, "reason": read_denial(reason), "updated": now_ms, "ended": now_ms}
        found = replace(self.get(id_), state="denied", reason=reason, ended_ms=now_ms)
        told = () if found.forgotten else self.letters("denied", found, self.identities(id_))
        self._decide("deny", id_, changed, (*told, *beside_of(beside, id_)))
        return self.forget(id_, now_ms)

    def cancel(self, id_: str, by: str, reason: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Stop a request that has changed nothing outside yet, whoever works on it. Raises Conflict for another."""
        changed: dict[str, Cell] = {"decided_by": by, "reason": read_reason(reason), "updated": now_ms, "ended": now_ms}
        steps = (*self.queue.revoke(id_), *beside_of(beside, id_))
        self._decide("cancel", id_, changed, steps, untouched=True)
        return self.forget(id_, now_ms)

    def retry(
        self,
        id_: str,
        by: str,
        now_ms: int,
        *,
        without: Sequence[str] = (),
        basis: str = "",
        beside: Beside = (),
    ) -> Request:
        """Have a request that ended partial or failed run again from the start, or wake one that waits.

        `without`: datasets that are left out from now on, so that it ends partial at best. `basis`: as of `approve`,
        which this is again. Raises Conflict for a request in another state, Gone where its identities are forgotten.
        """
        found = self.get(id_)
        key = self.keys.open(id_)
        out = msgspec.json.encode(sorted({*found.without, *without})).decode()
        sealed = _approval(key, by, now_ms, basis)
        if found.state == "waiting":
            changed: dict[str, Cell] = {"without": out, "approval": sealed, "updated": now_ms}
            steps = (*_set(id_, changed), *self.queue.signal(id_, "retry", b"", now_ms))
            self.commit((_expect(id_, ("waiting",)), *steps, *beside_of(beside, id_)), id_, "retry")
            return self.get(id_)
        before = earlier.kept(self.queue, key, None if found.reason else found.result) if found.begun else ()
        again = (*self.queue.clear(id_), *before, *self.queue.wake(id_, now_ms), *beside_of(beside, id_))
        anew: dict[str, Cell] = {"without": out, "reason": "", "certificate": "", "decided_by": by, "updated": now_ms}
        anew |= {"approval": sealed, "ended": None, "package_until": None, "downloads": 0}
        return self._decide("retry", id_, anew, again)

    def answer(self, id_: str, name: str, said: Answer, by: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Take a person's answer to a task, and go on. The last answer counts. Raises NotFound, UnknownName."""
        task = next((task for task in self.tasks(id_) if task.name == name), None)
        if task is None:
            raise NotFound("the request has no task of that name")
        unknown = sorted(set(said.records) - set(task.collections))
        if unknown:
            raise UnknownName(
                f"`{task.dataset}` has no collection `{unknown[0]}`", hint="it has " + ", ".join(task.collections)
            )
        if said.erased and said.records:
            raise InvalidInput("expected records that were found or that all are erased, found both")
        document = {
            "records": {name: [dict(each) for each in records] for name, records in said.records.items()},
            "erased": said.erased,
            "note": said.note,
            "by": by,
            "at": now_ms,
        }
        sealed = self.keys.open(id_).seal_document(f"answer:{name}", document)
        steps = self.queue.signal(id_, f"answer:{name}", sealed, now_ms)
        self.commit((_expect(id_, ("running", "waiting")), *steps, *beside_of(beside, id_)), id_, "answer")
        return self.get(id_)

    def certify(self, id_: str, certificate: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Link a certificate (its digest or address) to a request that is over."""
        steps = (_expect(id_, OVER), *_set(id_, {"certificate": certificate, "updated": now_ms}))
        self.commit((*steps, *beside_of(beside, id_)), id_, "certify")
        return self.get(id_)

    def forget(self, id_: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Destroy the key of a request that is over, then what it sealed: no copy of it opens. Idempotent."""
        found = self.get(id_)
        if found.state not in OVER:
            raise Conflict(f"the request is `{found.state}`: its people are still needed", hint="cancel it first")
        if not found.forgotten:
            self.keys.forget([id_])
            said = Delete("request_comments", ("request",), ((id_,),))
            change = _set(id_, {"forgotten": 1, "identities": None})
            self.commit((*self.queue.clear(id_), said, *change, *beside_of(beside, id_)), id_, "forget")
        return self.get(id_)

    # --- what people see ------------------------------------------------------------------------------------------

    def get(self, id_: str) -> Request:
        """Return a request. Raises NotFound."""
        rows = self.store.select(Select(table="requests", columns=READ, where=Compare("id", "=", id_)))
        if not rows:
            raise NotFound("there is no such request")
        return self._read(rows[0])

    def listed(self, asked: Listing = Listing()) -> list[Request]:  # noqa: B008 - a frozen word
        """Return requests, newest first, or those with a due date by that, the soonest first."""
        where: list[Predicate] = [In("state", tuple(asked.states))] if asked.states else []
        said = (("kind", asked.kind), ("law", asked.law), ("assigned", asked.assigned), ("person", asked.person))
        where += [Compare(name, "=", value) for name, value in said if value]
        where += [Compare("due", "<", asked.due_before_ms)] if asked.due_before_ms is not None else []
        if asked.by_due:
            where += [Compare("due", "!=", None), *self._after_due(asked.after)]
        elif asked.after:
            where += [Compare("id", "<", asked.after)]
        order = (("due", True), ("id", True)) if asked.by_due else (("id", False),)
        question = Select(table="requests", columns=READ, where=And(tuple(where)), order=order, limit=asked.limit)
        return [self._read(row) for row in self.store.select(question)]

    def of_person(self, handle: bytes, *, limit: int = 100) -> list[Request]:
        """Return the requests of whom `handle` stands for, newest first."""
        return self.listed(Listing(person=handle, limit=limit)) if handle else []

    def identities(self, id_: str) -> dict[str, Any]:
        """Return whom a request is about: kind → value or values. Raises NotFound, Gone."""
        found: dict[str, Any] = self._sealed(id_)["of"]
        return found

    def granted(self, request: Request) -> dict[str, Any]:
        """Return whom a request is about, for the worker that carries it out.

        Raises Damaged where it is not the request that was opened, or nobody approved it or proved whose identities
        these are; NotFound, Gone.
        """
        said = self._sealed(request.id)
        if (said["kind"], said["dry"], said["verified"]) != (request.kind, request.dry, request.verified):
            raise Damaged("the request is not the one that was opened", hint="somebody changed the control database")
        if not said["verified"]:
            raise Damaged("nobody proved whose identities these are", hint="somebody changed the control database")
        if said["approval"]:
            self.keys.open(request.id).open_document("approval", self._approval(request.id))
        found: dict[str, Any] = said["of"]
        return found

    def basis(self, id_: str) -> str:
        """Return what was approved, as `approve` was told, "" where anything is."""
        cell = self._approval(id_)
        found: str = self.keys.open(id_).open_document("approval", cell)["basis"] if cell else ""
        return found

    def _approval(self, id_: str) -> bytes:
        rows = self.store.select(Select(table="requests", columns=("approval",), where=Compare("id", "=", id_)))
        cell = rows[0][0] if rows else None
        return cell if isinstance(cell, bytes) else b""

    def note_of(self, id_: str) -> str:
        """Return what was noted when the request was opened. Raises NotFound, Gone."""
        return str(self._sealed(id_)["note"])

    def corrections(self, id_: str) -> tuple[Correction, ...]:
        """Return what a rectification sets right. Raises NotFound, Gone."""
        return tuple(Correction(**each) for each in self._sealed(id_)["corrections"])

    def choice(self, id_: str) -> Choice | None:
        """Return what she said of the use of her data, None where it is not about that. Raises NotFound, Gone."""
        held = self._sealed(id_)["choice"]
        return Choice(**{**held, "uses": tuple(held["uses"])}) if held else None

    def tasks(self, id_: str) -> list[Task]:
        """Return what people are asked to do for a request. Raises NotFound, Gone."""
        self.get(id_)
        key = self.keys.open(id_)
        effects = self.queue.effects(id_)
        answered = {signal.name for signal in self.queue.signals(id_)}
        found = []
        for name, body in sorted(self.queue.notes(id_).items()):
            if name.startswith("task:"):
                task = name.removeprefix("task:")
                effect = effects.get(f"tell:{task}")
                told = "" if effect is None else "yes" if effect.done else "unknown"
                found.append(_task(task, key.open_document(name, body), told, f"answer:{task}" in answered))
        return found

    def answers(self, id_: str, key: RequestKey) -> dict[str, Any]:
        """Return the newest answer to each task, by the task's name."""
        found = {}
        for signal in self.queue.signals(id_):
            if signal.name.startswith("answer:"):
                found[signal.name.removeprefix("answer:")] = key.open_document(signal.name, signal.body)
        return found

    # --- what workers do ------------------------------------------------------------------------------------------

    def move(self, verb: str, id_: str, now_ms: int, **changed: Cell) -> tuple[Step, ...]:
        """Return the steps that move a request on, for the worker that has claimed it."""
        froms, to = MOVES[verb]
        ended: dict[str, Cell] = {"ended": now_ms} if to in OVER else {}
        return (_expect(id_, froms), *_set(id_, {"state": to, "updated": now_ms, **ended, **changed}))

    def end(self, verb: str, request: Request, now_ms: int, result: Result, **changed: Cell) -> tuple[Step, ...]:
        """Return the steps that end a request with what came of it, which a seal of the house vouches for: beside them
        the letter that tells the person."""
        until = now_ms + self.package_ms if request.kind in GATHERING and verb != "fail" else None
        ended = replace(request, state=MOVES[verb][1], updated_ms=now_ms, ended_ms=now_ms, result=result)
        ended = replace(ended, package_until_ms=until)
        changed = {**changed, "package_until": until}
        body = msgspec.json.encode(Ended(facts(ended), result))
        move = self.move(verb, request.id, now_ms, result=self.keys.vouch(request.id, body), **changed)
        event = _event(ended)
        return (*move, *(self.letters(event, ended, self.identities(request.id)) if event else ()))

    def keep(self, id_: str, now_ms: int, **changed: Cell) -> tuple[Step, ...]:
        """Return the steps that keep facts of a request that goes on in its state."""
        return _set(id_, {"updated": now_ms, **changed})

    def write(self, claim: Claim, steps: Sequence[Step]) -> None:
        """Carry out a worker's steps. Raises Lost where the request is no longer its own."""
        try:
            self.queue.write(claim, steps)
        except Clash:
            raise Conflict("the request is in another state than its worker expected") from None

    def commit(self, steps: Sequence[Step], id_: str, verb: str) -> None:
        """Carry out the steps of a verb about a request, no worker's. Raises Conflict where they expect another state,
        NotFound."""
        try:
            self.store.write_now(Unit(tuple(steps)))
        except Clash:
            found = self.get(id_)
            begun = " and has changed systems" if found.begun else ""
            raise Conflict(f"cannot {verb} a request that is `{found.state}`{begun}") from None

    def unforgotten(self) -> list[str]:
        """Return the requests that are over and whose key serves nobody: forget them. Packages are not named: when they
        were taken, or expired, is known elsewhere."""
        erased = And((Not(In("kind", GATHERING)), Compare("state", "=", "complete")))
        ended = In("state", ("denied", "canceled"))
        found = []
        for over in (erased, ended):
            where = And((Compare("forgotten", "=", 0), over))
            found += [str(row[0]) for row in self.store.select(Select(table="requests", columns=("id",), where=where))]
        return found

    def recover(self) -> int:
        """Forget the keys of requests that a crash kept from being written; return how many. For the start, alone."""
        known = [str(row[0]) for row in self.store.select(Select(table="requests", columns=("id",)))]
        strays = self.keys.strays(known)
        if strays:
            self.keys.forget(strays)
        return len(strays)

    # --- private --------------------------------------------------------------------------------------------------

    def _read(self, row: Row) -> Request:
        found, cell = request_of(row)
        if not cell:
            return found
        ended = msgspec.json.decode(self.keys.vouched(found.id, cell), type=Ended)
        return replace(found, result=ended.result, proved=ended.of == facts(found))

    def _sealed(self, id_: str) -> Any:
        self.get(id_)
        key = self.keys.open(id_)
        rows = self.store.select(Select(table="requests", columns=("identities",), where=Compare("id", "=", id_)))
        return key.open_document("identities", rows[0][0])  # type: ignore[arg-type]  # a blob, as the shape says

    def _decide(
        self,
        verb: str,
        id_: str,
        changed: Mapping[str, Cell],
        steps: Sequence[Step],
        *,
        untouched: bool = False,
    ) -> Request:
        froms, to = MOVES[verb]
        guard = _expect(id_, froms, untouched=untouched)
        self.commit((guard, *_set(id_, {"state": to, **changed}), *steps), id_, verb)
        return self.get(id_)

    def _after_due(self, id_: str) -> list[Predicate]:
        """Return what holds of those that come after a request in the order of due dates. Raises NotFound."""
        last = self.get(id_).due_ms if id_ else None
        same = And((Compare("due", "=", last), Compare("id", ">", id_)))
        return [] if last is None else [Or((Compare("due", ">", last), same))]


def beside_of(beside: Beside, id_: str) -> tuple[Step, ...]:
    """Return the steps beside a change of a request."""
    return tuple(beside(id_) if callable(beside) else beside)


def encoded(value: object) -> bytes:
    """Return what a row keeps of a plan or a progress."""
    return msgspec.json.encode(value)


def _event(ended: Request) -> str:
    """Return which letter tells a person that her request is over, "" for none: what failed, people must look into."""
    if ended.dry or ended.state == "failed" or ended.kind == "consent":
        return ""
    if ended.kind in GATHERING:
        return "ready"
    return "partial" if ended.state == "partial" else "told" if ended.kind in TELLING else "done"


def _unproved() -> Conflict:
    return Conflict(
        "nobody proved whose identities the request names",
        hint="say how she proved it: `privet requests identify ID --how 'passport seen at the desk'`",
    )


def _approval(key: RequestKey, by: str, now_ms: int, basis: str) -> bytes:
    return key.seal_document("approval", {"by": by, "at": now_ms, "basis": basis})


def _expect(id_: str, states: Sequence[State], *, untouched: bool = False) -> Step:
    where: tuple[Predicate, ...] = (Compare("id", "=", id_), In("state", tuple(states)))
    return Expect("requests", And((*where, Compare("begun", "=", 0)) if untouched else where), True)


def _set(id_: str, changed: Mapping[str, Cell]) -> tuple[Step, ...]:
    return (Update("requests", tuple(changed), ("id",), ((*changed.values(), id_),)),)


def _task(name: str, held: Mapping[str, Any], told: str, answered: bool) -> Task:
    return Task(
        name=name,
        dataset=held["dataset"],
        what=held["what"],
        text=Secret(held["text"]),
        collections=tuple(held["collections"]),
        told=told,
        answered=answered,
    )
