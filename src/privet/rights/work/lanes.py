"""Jobs side by side on a few threads, one at a time in a lane: a slow system holds up only what waits for it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Generic, TypeVar

T = TypeVar("T")


class Lanes(Generic[T]):
    """Jobs by lane. Used from one thread, which also gets the results."""

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._waiting: dict[str, deque[Callable[[], T]]] = {}
        self._running: dict[Future[T], str] = {}
        self._pool: ThreadPoolExecutor | None = None

    def add(self, lane: str, job: Callable[[], T]) -> None:
        """Have a job run after those of its lane. Also while results are being taken."""
        self._waiting.setdefault(lane, deque()).append(job)

    def results(self) -> Iterator[list[T]]:
        """Yield the results that have come, together, until no job is left. What a job raises is raised here, once
        the others that run have ended."""
        try:
            while self._waiting or self._running:
                ready = [lane for lane in self._waiting if lane not in self._running.values()]
                if len(ready) == 1 and not self._running:
                    yield [self._next(ready[0])()]  # nothing beside it: no thread is worth its while
                    continue
                for lane in ready[: self._threads - len(self._running)]:
                    self._running[self._start(self._next(lane))] = lane
                done, _ = wait(self._running, return_when=FIRST_COMPLETED)
                for future in done:
                    del self._running[future]
                yield [future.result() for future in done]
        finally:
            if self._pool is not None:
                self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
            self._waiting, self._running = {}, {}

    def _next(self, lane: str) -> Callable[[], T]:
        jobs = self._waiting[lane]
        job = jobs.popleft()
        if not jobs:
            del self._waiting[lane]
        return job

    def _start(self, job: Callable[[], T]) -> Future[T]:
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, "privet-request")
        return self._pool.submit(job)
