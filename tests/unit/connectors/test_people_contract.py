"""Every connector to people keeps their contract, and a connector that asks twice, gossips or guesses does not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fakes.mailbox import PASSWORD, USER, Authority, Box, running, strict
from privet.connectors.base import Connector, Limits, Read, Record, Setup, Waiting
from privet.connectors.systems import SYSTEMS, System
from privet.connectors.systems._people import People
from privet.errors import Unavailable
from privet.secret import Secret
from privet.testing import PeopleContract


class LetterStage:
    """People who get letters, at a mail server that demands TLS and a login."""

    system: System = SYSTEMS.get("email")
    secrets = (PASSWORD,)

    def __init__(self, box: Box, port: int, trusted: Path) -> None:
        self.box, self.port, self.trusted = box, port, trusted

    def open(self) -> Connector:
        settings: dict[str, str | int] = {
            "host": "localhost",
            "port": self.port,
            "user": USER,
            "ca_file": str(self.trusted),
        }
        settings |= {"sender": "privacy@example.com", "recipient": "archive@example.com"}
        secrets = {"password": Secret(PASSWORD)}
        limits = Limits(connect_seconds=2, read_seconds=2)
        return self.system.open(Setup(name="archive", kind="email", settings=settings, secrets=secrets, limits=limits))

    def told(self) -> Sequence[str] | None:
        return [str(letter.get_content()) for letter in self.box.letters]


class QueueStage:
    """People who look into our queue."""

    system: System = SYSTEMS.get("manual")
    secrets = ()

    def open(self) -> Connector:
        return self.system.open(Setup(name="archive", kind="manual", settings={"instructions": "Room 3."}))

    def told(self) -> Sequence[str] | None:
        return None


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("letters"))


@pytest.fixture(scope="module")
def office(authority: Authority) -> Iterator[LetterStage]:
    box = Box()
    with running(box, **strict(authority.certificate("localhost"))) as port:
        yield LetterStage(box, port, authority.path)


class TestEmail(PeopleContract):
    @pytest.fixture
    def stage(self, office: LetterStage) -> LetterStage:
        office.box.letters.clear()
        return office


class TestManual(PeopleContract):
    @pytest.fixture
    def stage(self) -> QueueStage:
        return QueueStage()


# --- teeth --------------------------------------------------------------------------------------------------------


class Honest(People):
    """Tells people by a list. What follows does it worse."""

    def __init__(self, sent: list[str]) -> None:
        super().__init__("archive", "", self.send)
        self.sent = sent

    def send(self, once: str, text: str) -> None:
        self.sent.append(text)


class Hasty(Honest):
    """Tells people as soon as it is asked, every time."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        try:
            return super().read(ask)
        except Waiting as waiting:
            self.sent.append(waiting.task.reveal())
            raise Waiting(waiting.task) from None


class Unsure(Honest):
    """Says that a message did not go out, which did."""

    def send(self, once: str, text: str) -> None:
        self.sent.append(text)
        raise Unavailable("the mail server does not answer")


class Guesses(Honest):
    """Takes a person whom nobody asked for one who holds nothing."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        yield from ()


class Vague(Honest):
    """Does not say whom it is about."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        raise Waiting(Secret("Please look in people and orders.\n"), tell=lambda once: self.send(once, "Please look."))


class Gossips(Honest):
    """Says whom else it was asked about."""

    def __init__(self, sent: list[str]) -> None:
        super().__init__(sent)
        self.heard: list[str] = []

    def read(self, ask: Read) -> Iterator[list[Record]]:
        self.heard += [str(value) for values in ask.matches.values() for value in values]
        raise Waiting(Secret("people, orders: " + ", ".join(self.heard)))


class Plain(Honest):
    """Puts values into its words as they are."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        values = [str(value) for values in ask.matches.values() for value in values]
        raise Waiting(Secret("people, orders\n" + "\n".join(values)))


class Shouts(Honest):
    """Puts the task into the error itself."""

    def read(self, ask: Read) -> Iterator[list[Record]]:
        waiting = Waiting(Secret("a task"))
        waiting.message = f"look for {ask.matches}"
        waiting.args = (waiting.message,)
        raise waiting


class WeakStage:
    system: System = SYSTEMS.get("manual")
    secrets = ()

    def __init__(self) -> None:
        self.kind: type[Honest] = Honest
        self.sent: list[str] = []

    def open(self) -> Connector:
        return self.kind(self.sent)

    def told(self) -> Sequence[str] | None:
        return self.sent


Check = Callable[[PeopleContract, Any], None]
CASES: tuple[tuple[type[Honest], Check], ...] = (
    (Hasty, PeopleContract.test_asking_tells_nobody_before_the_worker_says_so),
    (Hasty, PeopleContract.test_trying_again_asks_nothing_twice),
    (Unsure, PeopleContract.test_trying_again_asks_nothing_twice),
    (Guesses, PeopleContract.test_a_question_waits_for_a_person_and_gives_nothing_before),
    (Guesses, PeopleContract.test_trying_again_asks_nothing_twice),
    (Vague, PeopleContract.test_a_question_names_the_person_and_where_to_look),
    (Vague, PeopleContract.test_two_requests_are_two_tasks_that_tell_nothing_of_each_other),
    (Gossips, PeopleContract.test_what_one_person_is_asked_tells_nothing_of_another),
    (Plain, PeopleContract.test_a_value_is_no_line_of_the_words),
    (Shouts, PeopleContract.test_a_question_names_the_person_and_where_to_look),
)


@pytest.mark.parametrize(("weak", "check"), CASES, ids=[f"{one.__name__}-{what.__name__}" for one, what in CASES])
def test_a_weak_connector_to_people_is_caught(weak: type[Honest], check: Check) -> None:
    stage = WeakStage()
    check(PeopleContract(), stage)
    stage.kind = weak
    with pytest.raises((AssertionError, ValueError)):
        check(PeopleContract(), stage)
