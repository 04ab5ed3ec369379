"""Workers: they claim requests that are due and carry each as far as it goes. Planning and deciding are others'.

Any worker goes on where another stopped: its lease runs out six seconds after its last beat, and the fence of the next
claim shuts it out. What a request does is in `work`.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any

from privet.errors import Conflict, Gone, PrivetError, StoreFailed, Unavailable
from privet.rights.asked import Request
from privet.rights.journal import Journal, encoded
from privet.rights.plans.reach import Guard
from privet.rights.words import GATHERING
from privet.rights.work.calls import Opener, Pace, Systems
from privet.rights.work.course import Course
from privet.rights.work.job import Ground, Hold, Job, Note
from privet.rights.work.spool import Spool
from privet.secret import Secret
from privet.store.queue import BEAT_MS, Claim, Lost

log = logging.getLogger("privet.rights")

LONGEST_REASON = 1_000

Grounds = Callable[[Request, Mapping[str, Any], Secret[bytes]], Ground]
"""(request, its identities, key material for masks) → what it is carried out on, as manifests and policy are now."""

__all__ = ["Crew", "Ground", "Grounds", "Note", "Opener", "Pace", "Runner"]


class Outdated(Conflict):
    """Manifests or policies changed between approval and run, so that nobody approved what would be done now."""

    code = "plan_changed"


class Runner:
    """Carries requests out. Any number of threads may call."""

    def __init__(
        self,
        journal: Journal,
        opener: Opener,
        ground: Grounds,
        note: Note,
        *,
        pace: Pace | None = None,
        guard: Guard | None = None,
    ) -> None:
        """`opener`: dataset → its connector and profile, opened. `guard`: how many records are too many."""
        self.journal = journal
        self.pace = pace or Pace()
        self.systems = Systems(opener, self.pace)
        self._ground = ground
        self._note = note
        self._guard = guard or Guard()
        self._beats = _Beats()

    def run_once(self, worker: str) -> Request | None:
        """Claim the request that is due the longest and carry it as far as it goes; None where none is due.

        Raises StoreFailed where the journal cannot be written any more.
        """
        claim = self.claim(worker)
        return None if claim is None else self.carry(claim)

    def claim(self, worker: str) -> Claim | None:
        """Take a request, which runs from then on."""
        now = self.pace.clock()
        return self.journal.queue.claim(now, worker, also=lambda flow: self.journal.move("run", flow, now))

    def carry(self, claim: Claim) -> Request:
        """Carry a claimed request as far as it goes, and return it as it is then. Raises StoreFailed."""
        hold = Hold(self.journal, claim, self.pace.clock)
        request = self.journal.get(claim.flow)
        caught = _Caught()
        with suppress(Lost), self._beats.during(hold):
            with caught:
                self._carry(request, hold)
            if caught.error is not None:
                self._settle(request, hold, caught.error)
        self._forget_if_over(request.id)
        return self.journal.get(request.id)

    def forget(self) -> int:
        """Forget the requests whose key serves nobody any more; return how many. See `Journal.unforgotten`."""
        ended = self.journal.unforgotten()
        for request in ended:
            self.journal.forget(request, self.pace.clock())
        return len(ended)

    def close(self) -> None:
        """Let go of every system. Idempotent."""
        self._beats.close()
        self.systems.rest()

    def _carry(self, request: Request, hold: Hold) -> None:
        key = self.journal.keys.open(request.id)
        identities = self.journal.granted(request)
        ground = self._ground(request, identities, key.secret("masking"))
        approved = self.journal.basis(request.id)
        if approved and approved != ground.basis and not request.begun:
            raise Outdated(
                "what the request would do has changed since it was approved", hint="look at the plan, retry"
            )
        told = self._note("requests.run", {"request": request.id, "kind": request.kind, "dry": request.dry})
        if told:
            hold.write(told)
        job = Job(
            request=request,
            identities=identities,
            key=key,
            ground=ground,
            journal=self.journal,
            hold=hold,
            spool=Spool(self.journal.queue, key, hold.write, chunk_bytes=self.pace.chunk_bytes),
            systems=self.systems,
            pace=self.pace,
            note=self._note,
            answers=self.journal.answers(request.id, key),
        )
        Course(job, self._guard).run()

    def _settle(self, request: Request, hold: Hold, error: Exception) -> None:
        """Write down why a request cannot go on, so that no worker takes it again and again."""
        now = self.pace.clock()
        if isinstance(error, Lost | StoreFailed):
            raise error
        if isinstance(error, Unavailable):
            # Something of ours: the key store, the audit, the manifests. Nothing is wrong with the request.
            progress = encoded({"waiting": [{"for": "us", "why": error.message}]})
            steps = self.journal.move("wait", request.id, now, progress=progress)
            self.journal.queue.park(hold.claim, now + self.pace.backoff_ms, steps, now_ms=now)
            return
        known = isinstance(error, PrivetError)
        reason = _told(error) if isinstance(error, PrivetError) else _fault(error)
        log.log(logging.WARNING if known else logging.ERROR, "request %s cannot go on: %s", request.id, reason)
        # What has begun is not undone by a fault of ours: some of it may be done, and people must look.
        verb = "partial" if self.journal.get(request.id).begun else "fail"
        steps = self.journal.move(verb, request.id, now, reason=reason, progress=None, ended=now)
        hold.write((*steps, *self.journal.queue.leave(request.id)))

    def _forget_if_over(self, request: str) -> None:
        found = self.journal.get(request)
        if found.kind not in GATHERING and found.state == "complete":
            self.journal.forget(request, self.pace.clock())


class Crew:
    """The loop of a worker process: up to `slots` requests at once, each on a thread of its own."""

    def __init__(self, runner: Runner, *, worker: str, slots: int = 4) -> None:
        """`worker`: a name that no other process has."""
        self.runner = runner
        self._worker = worker
        self._slots = slots
        self._threads: list[threading.Thread] = []
        self._number = 0
        self._is_closed = False

    def tick(self) -> int:
        """Take what is due as far as there are slots; return how many were started. Call it each second.

        Raises StoreFailed where the journal cannot be written any more.
        """
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        started = 0
        while len(self._threads) < self._slots and not self._is_closed:
            self._number += 1
            claim = self.runner.claim(f"{self._worker}/{self._number}")
            if claim is None:
                break
            thread = threading.Thread(target=self._carry, args=(claim,), name=f"privet-request-{self._number}")
            thread.daemon = True
            thread.start()
            self._threads.append(thread)
            started += 1
        if not self._threads:
            self.runner.systems.rest()
        self.runner.forget()
        return started

    def is_idle(self) -> bool:
        """Return whether no request is being carried."""
        return not any(thread.is_alive() for thread in self._threads)

    def join(self, seconds: float) -> bool:
        """Wait for what is being carried; return whether all of it ended."""
        for thread in self._threads:
            thread.join(seconds)
        return self.is_idle()

    def close(self, grace_seconds: float = 10.0) -> None:
        """Take nothing more, and let go of the systems. What does not end in time goes on with another worker."""
        self._is_closed = True
        self.join(grace_seconds)
        self.runner.close()

    def _carry(self, claim: Claim) -> None:
        """Carry a request; where there were more than slots, then others, which need not wait for the next tick."""
        found: Claim | None = claim
        with suppress(StoreFailed):  # a store that failed stops the process by its own ways
            while found is not None:
                with suppress(Conflict, Gone):  # somebody ended the request
                    self.runner.carry(found)
                is_full = len(self._threads) == self._slots
                found = self.runner.claim(claim.worker) if is_full and not self._is_closed else None


class _Beats:
    """Renews the leases of all that is being carried in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holds: list[Hold] = []
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def during(self, hold: Hold) -> Iterator[None]:
        with self._lock:
            self._holds.append(hold)
            if self._thread is None and not self._over.is_set():
                self._thread = threading.Thread(target=self._beat, name="privet-beats", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._holds.remove(hold)

    def close(self) -> None:
        self._over.set()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_MS / 1000):
            with self._lock:
                holds = list(self._holds)
            for hold in holds:
                hold.beat()


class _Caught:
    """Keeps whatever error comes, for the one place that must write down any."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.error = error
        return error is None or self.error is not None


def _told(error: PrivetError) -> str:
    faults = "; ".join(str(fault) for fault in error.faults)
    return f"{error.code}: {error.message}{f': {faults}' if faults else ''}"[:LONGEST_REASON]


def _fault(error: Exception) -> str:
    """Return where an error came from that is none of ours; its text may quote a value."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    return f"fault: {type(error).__name__}{place}"
