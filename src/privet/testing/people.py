"""What every connector to people does: it asks a person once, in words that name what is wanted and tell nothing of
others, takes the answer as the system's, and asks nothing twice however often it is tried again.

Such a part reads and erases nothing itself, so `ConnectorContract` is not for it. The suite puts requests of two people
before a worker of Privet's own, in memory, and looks at the messages that went out and at the tasks in the queue.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from privet.connectors.base import Batch, Change, Choice, Connector, Read, Waiting
from privet.connectors.systems import System
from privet.crypto.keys import KeyRing
from privet.crypto.keystores.local import LocalStore
from privet.errors import PrivetError, Refused
from privet.policy.parse import parse
from privet.rights import journal as journals
from privet.rights.asked import Answer, Opening, Request, Task
from privet.rights.fates.decision import decisions
from privet.rights.journal import Journal
from privet.rights.plans.whole import plan
from privet.rights.proof.package import package
from privet.rights.run import Ground, Pace, Runner
from privet.rights.sealed import RequestKeys
from privet.secret import Secret
from privet.store.port import ENGINES
from privet.testing.sample import ADA, BOB, CANARIES, HOSTILE, ORDERS, PEOPLE
from privet.vocabulary.dataset import Dataset

PAPER = Dataset(key="stage", collections=(PEOPLE, ORDERS))
HOUR = 3_600_000
NO = Choice(kind="consent", state="withdrawn", key="canary letter", uses=("marketing",), at_ms=1)
LINES = tuple(value for value in HOSTILE if isinstance(value, str) and value.strip("\0").strip())


class PeopleStage(Protocol):
    """One set-up, and whoever is told. `secrets`: what stands in the set-up and must stand in no task and no error."""

    system: System
    secrets: tuple[str, ...]

    def open(self) -> Connector:
        """Return a new connector. The stage closes none."""

    def told(self) -> Sequence[str] | None:
        """Return the messages that went out, each as one text; None where people look into our queue instead."""


class PeopleContract:
    """What every connector to people keeps. Give the class that inherits a fixture `stage`."""

    # --- the words --------------------------------------------------------------------------------------------

    def test_a_question_waits_for_a_person_and_gives_nothing_before(self, stage: PeopleStage) -> None:
        connector = stage.open()
        given = []
        try:
            given += list(connector.read(_asks(ADA)))
        except Waiting as waiting:
            assert given == [] and waiting.task.reveal().strip()
            assert waiting.task.reveal().strip() not in _shown(waiting)
        else:
            raise AssertionError("expected to wait for a person")
        connector.close()
        connector.close()

    def test_a_question_names_the_person_and_where_to_look(self, stage: PeopleStage) -> None:
        said = _words(stage, lambda connector: list(connector.read(_asks(ADA))))
        assert [value for value in (ADA["email"], ADA["phone"], "people", "orders") if str(value) not in said] == []

    def test_an_erasure_names_each_record_and_what_becomes_of_it(self, stage: PeopleStage) -> None:
        batches = [
            Batch(ORDERS, [Change({"id": 4711}, None, "a"), Change({"id": 4712}, None, "b")]),
            Batch(PEOPLE, [Change({"id": 4713}, {"name": "gone", "phone": None}, "c")]),
        ]
        lines = _words(stage, lambda connector: connector.erase(PAPER, iter(batches))).splitlines()
        for key, words in {"4711": ["orders"], "4712": ["orders"], "4713": ["people", "name", "gone", "phone"]}.items():
            (line,) = [line for line in lines if key in line]
            assert [word for word in words if word not in line] == [], line

    def test_a_choice_is_told_with_the_person_it_is_about(self, stage: PeopleStage) -> None:
        tell = getattr(stage.open(), "tell", None)
        if tell is not None:
            said = _words(stage, lambda _: tell(PAPER, NO, {"email": [ADA["email"]]}, "once"))
            assert [word for word in (NO.key, "marketing", str(ADA["email"])) if word not in said] == []

    def test_what_one_person_is_asked_tells_nothing_of_another(self, stage: PeopleStage) -> None:
        connector = stage.open()
        calls: list[Callable[[Connector], object]] = [
            lambda held: list(held.read(_asks(ADA))),
            lambda held: held.erase(PAPER, [Batch(PEOPLE, [Change({"email": ADA["email"]}, None, "a")])]),
            lambda held: list(held.read(_asks(BOB))),
        ]
        *_, said = [_words(stage, call, connector) for call in calls]
        assert str(BOB["email"]) in said
        assert [value for value in (ADA["email"], ADA["phone"], ADA["name"]) if str(value) in said] == []

    def test_a_value_is_no_line_of_the_words(self, stage: PeopleStage) -> None:
        plain = _words(stage, lambda connector: list(connector.read(_asks({"email": "a"}))))
        shape = len(plain.splitlines())
        for value in LINES:
            said = _words(stage, lambda connector, value=value: list(connector.read(_asks({"email": value}))))  # type: ignore[misc]
            assert len(said.splitlines()) == shape, "a value began a line"
            assert all(sign.isprintable() for line in said.splitlines() for sign in line), (
                "a value holds what is unseen"
            )

    def test_no_error_tells_values_or_secrets(self, stage: PeopleStage) -> None:
        many = [Change({"email": f"canary.{n}@example.com"}, None, str(n)) for n in range(100_000)]
        try:
            stage.open().erase(PAPER, [Batch(PEOPLE, many)])
        except PrivetError as error:
            assert [sign for sign in (*CANARIES, *stage.secrets) if sign in _shown(error)] == []
        try:
            stage.open().describe()
        except Refused as error:
            assert [sign for sign in stage.secrets if sign in _shown(error)] == []

    # --- the worker -------------------------------------------------------------------------------------------

    def test_asking_tells_nobody_before_the_worker_says_so(self, stage: PeopleStage) -> None:
        before = _told(stage)
        _words(stage, lambda connector: list(connector.read(_asks(ADA))))
        _words(stage, lambda connector: connector.erase(PAPER, [Batch(PEOPLE, [Change({"id": 1}, None, "a")])]))
        assert _told(stage) == before

    def test_trying_again_asks_nothing_twice(self, stage: PeopleStage) -> None:
        desk = _Desk(stage)
        before = len(_told(stage))
        request = desk.opened("access", ADA)
        for _ in range(4):
            desk.tried(request)
        (task,) = desk.journal.tasks(request.id)
        new = _told(stage)[before:]
        assert len(new) == (0 if stage.told() is None else 1), "a person is told once"
        assert all(str(ADA["email"]) in message for message in new)
        assert task.told == ("" if stage.told() is None else "yes")

    def test_two_requests_are_two_tasks_that_tell_nothing_of_each_other(self, stage: PeopleStage) -> None:
        desk = _Desk(stage)
        before = len(_told(stage))
        texts = [desk.task(desk.opened("access", person)).text.reveal() for person in (ADA, BOB)]
        for said in (texts, _told(stage)[before:]):
            for mine, others in zip(said, ((ADA, BOB), (BOB, ADA)), strict=False):
                assert str(others[0]["email"]) in mine and str(others[1]["email"]) not in mine

    def test_an_answer_is_taken_as_what_the_system_holds(self, stage: PeopleStage) -> None:
        desk = _Desk(stage)
        request = desk.opened("access", ADA)
        found = {"people": [dict(ADA)], "orders": [{"id": 11, "person_id": 1, "note": "a lamp"}]}
        desk.answered(request, Answer(records=found))
        assert desk.tried(request).state == "complete"
        packed = json.loads(b"".join(package(desk.journal, request.id)))["systems"]["stage"]
        held = {name: [row["values"]["id"] for row in rows] for name, rows in packed.items() if rows}
        assert held == {"people": [1], "orders": [11]}

    def test_an_erasure_is_asked_of_what_was_found_and_ends_by_the_answer(self, stage: PeopleStage) -> None:
        desk = _Desk(stage)
        before = len(_told(stage))
        request = desk.opened("erasure", ADA)
        desk.answered(request, Answer(records={"people": [dict(ADA)]}))
        for _ in range(3):
            assert desk.tried(request).state == "waiting", "nobody has said that it is done"
        task = desk.task(request)
        assert task.what == "erase" and "delete" in task.text.reveal()
        desk.answered(request, Answer(erased=True))
        ended = desk.tried(request)
        assert ended.state == "complete" and ended.result is not None
        assert not stage.system.profile.reads_back, "what a person says is no look into the system"
        assert len(_told(stage)) - before in ((0,) if stage.told() is None else (2,))


class _Desk:
    """A journal, a worker and the one system, in memory, at a time of our own."""

    def __init__(self, stage: PeopleStage) -> None:
        self.now = 1_800_000_000_000
        self.stage = stage
        ring = KeyRing.create(LocalStore(Secret(bytes(32))), bytes(16), now=1)
        ring.add("cell", bytes(16), now=1)
        engine = ENGINES.get("memory")
        store = engine.open("")
        store.define(journals.SHAPES)
        self.journal = Journal(store, RequestKeys(engine.open(""), ring, bytes(16)))
        pace = Pace(clock=lambda: self.now, sleep=lambda seconds: None, jitter=lambda: 0.5)
        opens = lambda name: (stage.open(), stage.system.profile)  # noqa: E731  (two words, used once)
        self.runner = Runner(self.journal, opens, self.ground, lambda event, facts: (), pace=pace)

    def ground(self, request: Request, identities: Mapping[str, Any], secret: Secret[bytes]) -> Ground:
        policy = {"stage.policy": parse("erase stage.people by deletion\n", file="stage.policy")}
        decider = decisions(policy, [PAPER], secret) if request.kind == "erasure" else None
        return Ground(datasets={"stage": PAPER}, plan=plan(request.kind, [PAPER], identities), decider=decider)

    def opened(self, kind: Any, person: Mapping[str, Any]) -> Request:
        """Open and approve a request, and let the worker come as far as it can."""
        ask = Opening(kind=kind, identities={"email": str(person["email"])}, by="a", verified="seen")
        request = self.journal.open(ask, self.now)
        if request.state == "received":
            self.journal.approve(request.id, "b", self.now)
        return self.tried(request)

    def tried(self, request: Request) -> Request:
        """Let the worker try again, later, whether or not somebody answered."""
        self.now += HOUR
        if self.journal.get(request.id).state == "waiting":
            self.journal.retry(request.id, "b", self.now)
        self.runner.run_once("worker")
        return self.journal.get(request.id)

    def task(self, request: Request) -> Task:
        """Return the one task of a request that nobody answered."""
        (found,) = [task for task in self.journal.tasks(request.id) if not task.answered]
        return found

    def answered(self, request: Request, said: Answer) -> None:
        self.journal.answer(request.id, self.task(request).name, said, "c", self.now)


def _asks(person: Mapping[str, Any]) -> Read:
    known = {"email": "email", "phone": "phone_number"}
    matches = {field: [person[field]] for field in known if field in person}
    identities = {known[field]: values for field, values in matches.items()}
    return Read(dataset=PAPER, collection=PEOPLE, matches=matches, identities=identities)


def _words(stage: PeopleStage, call: Callable[[Connector], object], connector: Connector | None = None) -> str:
    """Return the words of the task that a call waits for; they hold no secret."""
    try:
        call(connector or stage.open())
    except Waiting as waiting:
        assert [sign for sign in (*CANARIES, *stage.secrets) if sign in _shown(waiting)] == []
        said = waiting.task.reveal()
        assert [secret for secret in stage.secrets if secret in said] == []
        return said
    raise AssertionError("expected to wait for a person")


def _told(stage: PeopleStage) -> list[str]:
    return list(stage.told() or ())


def _shown(error: PrivetError) -> str:
    return "".join(traceback.format_exception(error, limit=0)) + f"{error!r} {error} {error.hint} {error.at}"
