"""Calls to connectors that cannot take a worker with them: one connection a system, deadlines, retries, breakers.

Each open connector has a thread of its own, on which all its calls run one after the other. A call that outlasts its
deadline is left behind with its thread and its connection; a system that has left too many behind is asked no more
until one of them comes back. Whoever wants a system takes its turn.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Literal, TypeVar

from privet.connectors.base import Batch, Choice, Connector, Read, Record, Untold, Value
from privet.connectors.profile import Profile
from privet.errors import PrivetError, Refused, Unavailable
from privet.vocabulary.dataset import Dataset

T = TypeVar("T")
Opener = Callable[[str], tuple[Connector, Profile]]


def _wall_clock() -> int:
    return time.time_ns() // 1_000_000


def _jitter() -> float:
    return secrets.randbelow(1 << 20) / (1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long, how often, how many. Seconds of deadlines are over those that a connector keeps by itself.

    `open_`, `page_`, `erase_seconds`: of one call. `turn_seconds`: to wait for a system that another request reads.
    `tries`: of a call to a system that does not answer, `pause_seconds` after the first, doubling. `failures` in a row
    make a breaker rest a system for `rest_seconds`. `left_behind`: hanging calls of one system. `threads`: systems read
    at once for one request. `backoff_ms` to `longest_ms`: until a request that waits for a system tries again, for
    `give_up_ms` in all. `looks`: how often is read back before something is said to remain.
    """

    open_seconds: float = 15.0
    page_seconds: float = 30.0
    erase_seconds: float = 300.0
    turn_seconds: float = 120.0
    tries: int = 3
    pause_seconds: float = 0.2
    failures: int = 5
    rest_seconds: float = 30.0
    left_behind: int = 3
    threads: int = 8
    backoff_ms: int = 5_000
    longest_ms: int = 900_000
    give_up_ms: int = 7 * 86_400_000
    looks: int = 3
    chunk_bytes: int = 1 << 18
    clock: Callable[[], int] = _wall_clock
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = _jitter


class Hung(Unavailable):
    """A call outlasted its deadline. It is not known whether it took effect."""

    code = "deadline_exceeded"


class Faulty(Refused):
    """A connector failed in a way that it should not: a fault of the connector, named by its class alone."""

    code = "connector_fault"


class Systems:
    """The systems of the datasets, opened when they are first wanted. Any thread may call."""

    def __init__(self, opener: Opener, pace: Pace) -> None:
        self._opener = opener
        self._pace = pace
        self._lock = threading.Lock()
        self._systems: dict[str, _System] = {}

    @contextmanager
    def turn(self, dataset: str) -> Iterator[Session]:
        """Have a system to oneself. Raises Unavailable where its turn does not come, or while its breaker rests."""
        with self._lock:
            system = self._systems.setdefault(dataset, _System(dataset, self._opener, self._pace))
        if not system.lock.acquire(timeout=self._pace.turn_seconds):
            raise Unavailable("the system is busy with other requests")
        try:
            system.demand()
            yield Session(system)
        finally:
            system.lock.release()

    def forget(self, dataset: str) -> None:
        """Let go of a system's connection once its turn is over: its settings changed."""
        with self._lock:
            system = self._systems.pop(dataset, None)
        if system is not None:
            with system.lock:
                system.drop()

    def rest(self) -> None:
        """Let go of every connection that nobody uses."""
        with self._lock:
            systems = list(self._systems.values())
        for system in systems:
            if system.lock.acquire(blocking=False):
                try:
                    system.drop()
                finally:
                    system.lock.release()


class Session:
    """One turn at a system."""

    def __init__(self, system: _System) -> None:
        self._system = system

    def profile(self) -> Profile:
        """Return the connector's profile; opens it. Raises what opening raises."""
        return self._system.tried(lambda: self._system.open()[1])

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the pages of a read. Where the system falls silent it begins again: records may come twice."""
        attempt = 0
        while True:
            try:
                yield from self._system.pages(ask)
            except Unavailable as error:
                attempt += 1
                self._system.pause_or_raise(error, attempt)
            else:
                return

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> Sequence[int]:
        """Ask once for changes. Whoever asks again knows why that is safe (`Profile.effect`)."""
        return self._system.call(lambda: self._system.open()[0].erase(dataset, batches), "erase")

    def tell(self, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Value]], once: str) -> int:
        """Tell once what a person chose. Raises Untold where the connector is no `Teller`."""

        def told() -> int:
            tell = getattr(self._system.open()[0], "tell", None)
            if tell is None:
                raise Untold("it cannot be told what a person chose", hint="tell it by a webhook, or a manual task")
            found: int = tell(dataset, choice, identities, once)
            return found

        return self._system.call(told, "erase")

    def pause_or_raise(self, error: Unavailable, attempt: int) -> None:
        """Wait before another try, or raise where it was the last, hangs, or the breaker rests."""
        self._system.pause_or_raise(error, attempt)

    def afresh(self) -> None:
        """Drop the connection, so that what is read next is seen as by anybody else."""
        self._system.drop()


class _System:
    def __init__(self, dataset: str, opener: Opener, pace: Pace) -> None:
        self.lock = threading.Lock()
        self._dataset = dataset
        self._opener = opener
        self._pace = pace
        self._hand: _Hand | None = None
        self._opened: tuple[Connector, Profile] | None = None
        self._left: list[_Hand] = []
        self._failures = 0
        self._rests_until = 0

    def demand(self) -> None:
        """Raise Unavailable while the breaker rests or too many calls hang."""
        if self._pace.clock() < self._rests_until:
            raise Unavailable("the system did not answer several times and is left alone for a while")
        self._left = [hand for hand in self._left if hand.alive]
        if len(self._left) >= self._pace.left_behind:
            raise Unavailable("calls to the system hang and none comes back")

    def open(self) -> tuple[Connector, Profile]:
        """Return the connector, on its own thread."""
        if self._opened is None:
            self._opened = self._opener(self._dataset)
        return self._opened

    def pages(self, ask: Read) -> Iterator[list[Record]]:
        pages, page = self.call(lambda: _first(self.open()[0].read(ask)), "page")
        try:
            while page is not None:
                yield page
                page = self.call(lambda: next(pages, None), "page")
        finally:
            if page is not None and hasattr(pages, "close"):
                self.call(pages.close, "page")  # a reader that stopped early holds its place in the system

    def tried(self, call: Callable[[], T]) -> T:
        attempt = 0
        while True:
            try:
                return self.call(call, "page")
            except Unavailable as error:
                attempt += 1
                self.pause_or_raise(error, attempt)

    def pause_or_raise(self, error: Unavailable, attempt: int) -> None:
        if attempt >= self._pace.tries or isinstance(error, Hung):
            raise error
        self.demand()
        self._pace.sleep(self._pace.pause_seconds * 2 ** (attempt - 1) * (0.5 + self._pace.jitter()))

    def call(self, call: Callable[[], T], kind: Literal["page", "erase"]) -> T:
        """Return what a call returns. Raises what it raises, Hung after its deadline, Faulty for what is no error of
        ours: such text may quote values."""
        seconds = self._pace.erase_seconds if kind == "erase" else self._pace.page_seconds
        if self._opened is None:
            seconds += self._pace.open_seconds
        if self._hand is None:
            self._hand = _Hand(self._dataset)
        future = self._hand.do(call)
        try:
            error = future.exception(seconds)
        except TimeoutError:
            self._leave()
            error = Hung("the system did not answer within the deadline")
        if error is None:
            self._failures = 0
            value: T = future.result()
            return value
        self._count(error)
        if isinstance(error, PrivetError):
            raise error
        self.drop()
        raise Faulty(f"the connector failed by `{type(error).__name__}`") from None

    def _count(self, error: BaseException) -> None:
        if not isinstance(error, Unavailable):
            return
        self.drop()
        self._failures += 1
        if self._failures >= self._pace.failures:
            self._rests_until = self._pace.clock() + int(self._pace.rest_seconds * 1000)
            self._failures = 0

    def _leave(self) -> None:
        assert self._hand is not None
        self._left.append(self._hand)
        self._hand.end(self._opened[0] if self._opened else None)
        self._hand = self._opened = None

    def drop(self) -> None:
        """Close the connection, on its own thread, and wait for nobody."""
        if self._hand is not None:
            self._hand.end(self._opened[0] if self._opened else None)
        self._hand = self._opened = None


class _Hand:
    """The thread of one open connector. A daemon: one that hangs must not keep the process."""

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"privet-{name}", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def do(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._calls.put((future, call))
        return future

    def end(self, connector: Connector | None) -> None:
        if connector is not None:
            self.do(connector.close)
        self._calls.put(None)

    def _work(self) -> None:
        while (item := self._calls.get()) is not None:
            future, call = item
            with _Told(future):
                future.set_result(call())


class _Told:
    """Hands whatever is raised to the one who waits for it."""

    def __init__(self, future: Future[Any]) -> None:
        self._future = future

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if error is not None:
            self._future.set_exception(error)
        return True


def _first(pages: Iterable[list[Record]]) -> tuple[Iterator[list[Record]], list[Record] | None]:
    found = iter(pages)
    return found, next(found, None)
