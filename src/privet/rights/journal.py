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
from privet.errors import Conflict, Damaged, InvalidInput, NotFound, UnknownName
from privet.rights.asked import MOVES, OVER, Answer, Opening, Request, Task, checked, facts, read_reason
from privet.rights.outcome import Ended, Result
from privet.rights.sealed import RequestKey, RequestKeys
from privet.rights.words import State
from privet.rights.work import earlier
from privet.secret import Secret
from privet.store import queue
from privet.store.port import Cell, Clash, Column, Expect, Insert, Row, Select, Shape, Step, Store, Unit, Update
from privet.store.queue import Claim, Queue
from privet.vocabulary.predicate import And, Compare, In, Predicate

REQUESTS = Shape(
    name="requests",
    columns=(
        Column("id", "text", null=False),
        Column("kind", "text", null=False),
        Column("state", "text", null=False),
        Column("dry", "int", null=False),
        Column("opened", "int", null=False),
        Column("updated", "int", null=False),
        Column("due", "int"),
        Column("opened_by", "text", null=False),
        Column("decided_by", "text", null=False),
        Column("reason", "text", null=False),
        Column("without", "text", null=False),
        Column("begun", "int", null=False),
        Column("forgotten", "int", null=False),
        Column("certificate", "text", null=False),
        Column("received", "int", null=False),
        Column("acknowledge", "int"),
        Column("verified", "text", null=False),
        Column("law", "text", null=False),
        Column("region", "text", null=False),
        Column("language", "text", null=False),
        Column("assigned", "text", null=False),
        Column("extended", "text", null=False),
        Column("warned", "int"),
        Column("ended", "int"),
        Column("downloads", "int", null=False),
        Column("package_until", "int"),
        Column("identities", "blob"),
        Column("approval", "blob"),
        Column("plan", "blob"),
        Column("progress", "blob"),
        Column("result", "blob"),
    ),
    key=("id",),
    indexes=(("forgotten",), ("state",)),
)
SHAPES: tuple[Shape, ...] = (*queue.SHAPES, REQUESTS)
_COLUMNS = tuple(column.name for column in REQUESTS.columns if column.name not in ("identities", "approval"))

Beside = Sequence[Step] | Callable[[str], Sequence[Step]]
"""Steps of the same store that happen with a change or not at all (an audit entry), or what makes them of the id."""


class Journal:
    """All requests. Any thread may call; every method is blocking."""

    def __init__(self, store: Store, keys: RequestKeys) -> None:
        """Take a store in which SHAPES are defined, and the requests' keys."""
        self.store = store
        self.keys = keys
        self.queue = Queue(store)

    # --- what people do -------------------------------------------------------------------------------------------

    def open(self, ask: Opening, now_ms: int, *, beside: Beside = ()) -> Request:
        """Write a request down. Raises InvalidInput where it names nobody."""
        identities = checked(ask)
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
            "identities": sealed,
        }
        flow = self.queue.start(id_, ask.kind, None if ask.approval else now_ms)
        row = Insert("requests", tuple(cells), (tuple(cells.values()),))
        self.store.write_now(Unit((row, *flow, *_beside(beside, id_))))
        return self.get(id_)

    def approve(self, id_: str, by: str, now_ms: int, *, basis: str = "", beside: Beside = ()) -> Request:
        """Let a request run. `basis`: what tells the plan that was approved from another, "" for whatever it will be.

        Raises NotFound, Conflict where it waits for no approval.
        """
        changed: dict[str, Cell] = {"decided_by": by, "updated": now_ms}
        if self.get(id_).state == "received":
            changed["approval"] = _approval(self.keys.open(id_), by, now_ms, basis)
        return self._decide("approve", id_, changed, (*self.queue.wake(id_, now_ms), *_beside(beside, id_)))

    def deny(self, id_: str, by: str, reason: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Turn a request down for a reason that is a code or a few words without personal data."""
        changed: dict[str, Cell] = {"decided_by": by, "reason": read_reason(reason), "updated": now_ms}
        self._decide("deny", id_, changed, _beside(beside, id_))
        return self.forget(id_, now_ms)

    def cancel(self, id_: str, by: str, reason: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Stop a request that has changed nothing outside yet, whoever works on it. Raises Conflict for another."""
        changed: dict[str, Cell] = {"decided_by": by, "reason": read_reason(reason), "updated": now_ms}
        steps = (*self.queue.revoke(id_), *_beside(beside, id_))
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
            self._write((_expect(id_, ("waiting",)), *steps, *_beside(beside, id_)), id_, "retry")
            return self.get(id_)
        before = earlier.kept(self.queue, key, None if found.reason else found.result) if found.begun else ()
        again = (*self.queue.clear(id_), *before, *self.queue.wake(id_, now_ms), *_beside(beside, id_))
        anew: dict[str, Cell] = {"without": out, "reason": "", "certificate": "", "decided_by": by, "updated": now_ms}
        anew["approval"] = sealed
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
        self._write((_expect(id_, ("running", "waiting")), *steps, *_beside(beside, id_)), id_, "answer")
        return self.get(id_)

    def certify(self, id_: str, certificate: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Link a certificate (its digest or address) to a request that is over."""
        steps = (_expect(id_, OVER), *_set(id_, {"certificate": certificate, "updated": now_ms}))
        self._write((*steps, *_beside(beside, id_)), id_, "certify")
        return self.get(id_)

    def forget(self, id_: str, now_ms: int, *, beside: Beside = ()) -> Request:
        """Destroy the key of a request that is over, then what it sealed: no copy of it opens. Idempotent."""
        found = self.get(id_)
        if found.state not in OVER:
            raise Conflict(f"the request is `{found.state}`: its people are still needed", hint="cancel it first")
        if not found.forgotten:
            self.keys.forget([id_])
            change = _set(id_, {"forgotten": 1, "identities": None})
            self._write((*self.queue.clear(id_), *change, *_beside(beside, id_)), id_, "forget")
        return self.get(id_)

    # --- what people see ------------------------------------------------------------------------------------------

    def get(self, id_: str) -> Request:
        """Return a request. Raises NotFound."""
        rows = self.store.select(Select(table="requests", columns=_COLUMNS, where=Compare("id", "=", id_)))
        if not rows:
            raise NotFound("there is no such request")
        return self._read(rows[0])

    def listed(self, *, states: Sequence[str] = (), kind: str = "", after: str = "", limit: int = 100) -> list[Request]:
        """Return requests, newest first. `after`: the id of the last one seen."""
        where: list[Predicate] = [In("state", tuple(states))] if states else []
        where += [Compare("kind", "=", kind)] if kind else []
        where += [Compare("id", "<", after)] if after else []
        question = Select(
            table="requests", columns=_COLUMNS, where=And(tuple(where)), order=(("id", False),), limit=limit
        )
        return [self._read(row) for row in self.store.select(question)]

    def identities(self, id_: str) -> dict[str, Any]:
        """Return whom a request is about: kind → value or values. Raises NotFound, Gone."""
        found: dict[str, Any] = self._sealed(id_)["of"]
        return found

    def granted(self, request: Request) -> dict[str, Any]:
        """Return whom a request is about, for the worker that carries it out.

        Raises Damaged where it is not the request that was opened, or nobody approved it; NotFound, Gone.
        """
        said = self._sealed(request.id)
        if (said["kind"], said["dry"]) != (request.kind, request.dry):
            raise Damaged("the request is not the one that was opened", hint="somebody changed the control database")
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
        return (_expect(id_, froms), *_set(id_, {"state": to, "updated": now_ms, **changed}))

    def end(self, verb: str, request: Request, now_ms: int, result: Result, **changed: Cell) -> tuple[Step, ...]:
        """Return the steps that end a request with what came of it, which a seal of the house vouches for."""
        ended = replace(request, state=MOVES[verb][1], updated_ms=now_ms)
        body = msgspec.json.encode(Ended(facts(ended), result))
        return self.move(verb, request.id, now_ms, result=self.keys.vouch(request.id, body), **changed)

    def keep(self, id_: str, now_ms: int, **changed: Cell) -> tuple[Step, ...]:
        """Return the steps that keep facts of a request that goes on in its state."""
        return _set(id_, {"updated": now_ms, **changed})

    def write(self, claim: Claim, steps: Sequence[Step]) -> None:
        """Carry out a worker's steps. Raises Lost where the request is no longer its own."""
        try:
            self.queue.write(claim, steps)
        except Clash:
            raise Conflict("the request is in another state than its worker expected") from None

    def unforgotten(self) -> list[str]:
        """Return the requests that are over and whose key serves nobody: forget them. Access packages are not named:
        when they were taken, or expired, is known elsewhere."""
        erased = And((Compare("kind", "=", "erasure"), Compare("state", "=", "complete")))
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
        found, cell = _request(row)
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
        self._write((guard, *_set(id_, {"state": to, **changed}), *steps), id_, verb)
        return self.get(id_)

    def _write(self, steps: Sequence[Step], id_: str, verb: str) -> None:
        try:
            self.store.write_now(Unit(tuple(steps)))
        except Clash:
            found = self.get(id_)
            begun = " and has changed systems" if found.begun else ""
            raise Conflict(f"cannot {verb} a request that is `{found.state}`{begun}") from None


def encoded(value: object) -> bytes:
    """Return what a row keeps of a plan or a progress."""
    return msgspec.json.encode(value)


def _approval(key: RequestKey, by: str, now_ms: int, basis: str) -> bytes:
    return key.seal_document("approval", {"by": by, "at": now_ms, "basis": basis})


def _expect(id_: str, states: Sequence[State], *, untouched: bool = False) -> Step:
    where: tuple[Predicate, ...] = (Compare("id", "=", id_), In("state", tuple(states)))
    return Expect("requests", And((*where, Compare("begun", "=", 0)) if untouched else where), True)


def _set(id_: str, changed: Mapping[str, Cell]) -> tuple[Step, ...]:
    return (Update("requests", tuple(changed), ("id",), ((*changed.values(), id_),)),)


def _beside(beside: Beside, id_: str) -> tuple[Step, ...]:
    return tuple(beside(id_) if callable(beside) else beside)


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


def _request(row: Row) -> tuple[Request, bytes]:
    """Return what a row says, and its sealed result."""
    cell: dict[str, Any] = dict(zip(_COLUMNS, row, strict=True))
    found = Request(
        id=cell["id"],
        kind=cell["kind"],
        state=cell["state"],
        dry=bool(cell["dry"]),
        opened_ms=cell["opened"],
        updated_ms=cell["updated"],
        due_ms=cell["due"],
        opened_by=cell["opened_by"],
        decided_by=cell["decided_by"],
        reason=cell["reason"],
        without=tuple(msgspec.json.decode(cell["without"])),
        begun=bool(cell["begun"]),
        forgotten=bool(cell["forgotten"]),
        certificate=cell["certificate"],
        received_ms=cell["received"],
        acknowledge_ms=cell["acknowledge"],
        verified=cell["verified"],
        law=cell["law"],
        region=cell["region"],
        language=cell["language"],
        assigned=cell["assigned"],
        extended=cell["extended"],
        warned_ms=cell["warned"],
        ended_ms=cell["ended"],
        downloads=cell["downloads"],
        package_until_ms=cell["package_until"],
        plan=msgspec.json.decode(cell["plan"]) if cell["plan"] else None,
        progress=msgspec.json.decode(cell["progress"]) if cell["progress"] else None,
        result=None,
    )
    return found, cell["result"] or b""
