"""People's requests through the whole house, over a shop in a real PostgreSQL: their CPU, commits, takeover, memory."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from statistics import median_low
from typing import Any

import psycopg

from bench import Row, most
from bench._server import PRIVET, Server, folder, make_home, privet
from bench._shop import ADA, PEOPLE, POLICY, create, manifest, plant, plant_notes
from privet.app.services import connectors, manifests, requests, verbs
from privet.app.services.outcomes import IdAsk, RequestShown
from privet.app.services.verb import Caller, call
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize, wall_clock

sys.path.append(str(Path(__file__).parents[1] / "tests" / "unit" / "scanners"))  # where servers are started

TOGETHER = 20
WAIT_SECONDS = 60.0
FIDES = "Fides 2.78, 12 tables and 56 rows too, measured on its own"


class Office:
    """A home in this process, connected to the shop."""

    def __init__(self, home: Path, dsn: str) -> None:
        self.key = initialize(Settings(home=home, key_file=home / "root.key"), now_ms=wall_clock()).reveal()
        self.house = House(load(home))
        self.runner = asyncio.Runner()
        self.verbs = {verb.name: verb for verb in verbs()}
        self.commits: Counter[str] = Counter()
        self.run("manifests.push", manifests.PushAsk(files=_files(), base=0))
        ask = connectors.PutAsk(name="shop", kind="postgres", datasets=["shop"], settings=_settings(dsn))
        self.run("connectors.put", ask)
        for name, store in (("journal", self.house.control), ("keys", self.house.desk.store)):
            store._writer.set_commit_hook(partial(self._count, name))  # type: ignore[attr-defined]  # of `sqlite`

    def run(self, name: str, ask: Any) -> Any:
        """Carry a verb out as the owner."""
        principal = self.house.callers.principal(self.key, wall_clock())
        return self.runner.run(call(self.house, self.verbs[name], Caller(principal, still=lambda: principal), ask))

    def finish(self, kind: str) -> RequestShown:
        """Open a request, approve it and run it to its end. Raises RuntimeError unless that is `complete`."""
        made = self.run("requests.open", requests.OpenAsk(kind=kind, email=ADA, verified="seen at the desk"))
        self.run("requests.approve", IdAsk(id=made.id))
        found: RequestShown = self.run("requests.run", IdAsk(id=made.id))
        if found.state != "complete":
            raise RuntimeError(f"expected a request that is complete, found {found}")
        self.house.desk.runner.systems.rest()  # a worker with nothing to do lets its connections go
        return found

    def close(self) -> None:
        """Let go of the home."""
        self.house.close()
        self.runner.close()

    def _count(self, store: str) -> bool:
        self.commits[store] += 1
        return False  # go on


def rows(quick: bool) -> Iterator[Row]:
    """Yield every row of requests over the shop."""
    from servers import postgres

    with folder() as name, postgres() as dsn:
        place = Path(name)
        with psycopg.connect(dsn, autocommit=True) as shop:
            shop.execute("ALTER SYSTEM SET autovacuum = off")  # it would take transactions of its own
            shop.execute("SELECT pg_reload_conf()")
        create(dsn)
        yield from _alone(place / "alone", dsn, 3 if quick else 20)
        yield from _together(place, dsn)
        yield from _memory(place, dsn, 2_000 if quick else 100_000)


def _alone(home: Path, dsn: str, times: int) -> Iterator[Row]:
    office = Office(home, dsn)
    try:
        work = "CPU seconds: one {} through the whole house, from opening to complete (peer: " + FIDES + ")"
        for kind, goal, peer in (("access", 0.05, 1.0), ("erasure", 0.1, 3.2)):
            found = [_spent(office, dsn, kind) for _ in range(times)]
            yield most(work.format(kind), min(cpu for cpu, *_ in found), goal, peer)
            # Now and then one also renews its lease.
            journal, keys = (median_low(commits[store] for _, commits, _ in found) for store in ("journal", "keys"))
            row = most(f"transactions of the journal, with the audit: one {kind}", journal, 9)
            yield row | {"also": {"of the store of requests' keys": keys}}
            if kind == "erasure":
                changed = max(changed for *_, changed in found)
                yield most("transactions that change the shop's database: one erasure over 12 tables", changed, 1)
    finally:
        office.close()


def _spent(office: Office, dsn: str, kind: str) -> tuple[float, Counter[str], int]:
    """Return CPU seconds, commits of ours, and transactions of the shop's database that changed something."""
    plant(dsn)
    office.commits, before = Counter(), _changes(dsn)
    start = time.process_time()
    office.finish(kind)
    return time.process_time() - start, office.commits, _changes(dsn) - before


def _changes(dsn: str) -> int:
    """Return the number of the server's next changing transaction.

    `xact_commit` of `pg_stat_database` also counts what only sets a connection up, and comes late.
    Source: PostgreSQL, "System Information Functions": `pg_snapshot_xmax`.
    """
    with psycopg.connect(dsn, autocommit=True) as shop:
        row = shop.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    return int(row[0])


# --- server processes -----------------------------------------------------------------------------------------


def _together(place: Path, dsn: str) -> Iterator[Row]:
    plant(dsn)
    home = make_home(place)
    with privet(home) as server:
        files = {"files": _files(), "base": 0}
        server.ask("POST", "/v1/manifests", files, status=201)
        body = {"kind": "postgres", "datasets": ["shop"], "settings": _settings(dsn)}
        server.ask("PUT", "/v1/connectors/shop", body)
        _wait(home, [_opened(server, 0)])  # imports and plans are made once
        start = time.perf_counter()
        bodies = [_open(PEOPLE[at % len(PEOPLE)]) for at in range(TOGETHER)]
        sent = server.load([server.request("POST", "/v1/requests", body) for body in bodies], status=201)
        _wait(home, [json.loads(answer)["id"] for answer in sent.answers])
        taken = time.perf_counter() - start
        work = f"seconds by the clock: {TOGETHER} accesses at once, from the first call to the last complete"
        yield most(f"{work} (peer: {FIDES})", taken, 3.0, 78.0)
        yield most(
            f"seconds by the clock: from kill -9 of a server in mid-access to complete, `privet worker` standing by "
            f"(peer: {FIDES})",
            _taken_over(server, home, dsn),
            10.0,
            277.0,
        )


def _taken_over(server: Server, home: Path, dsn: str) -> float:
    worker = subprocess.Popen([*PRIVET, "--home", str(home), "worker"], stdout=subprocess.PIPE, text=True)
    try:
        assert worker.stdout is not None
        worker.stdout.readline()  # it says that it waits
        with psycopg.connect(dsn) as shop:
            shop.execute("LOCK TABLE orders")
            id_ = _opened(server, 0)
            _until(lambda: _state(home, id_) == "running" and _blocked(dsn))
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
            start = time.perf_counter()
        _wait(home, [id_])
        return time.perf_counter() - start
    finally:
        worker.terminate()
        worker.wait()
        if worker.stdout is not None:
            worker.stdout.close()


def _blocked(dsn: str) -> bool:
    with psycopg.connect(dsn) as shop:
        question = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool((shop.execute(question).fetchone() or (0,))[0])


def _open(email: str) -> dict[str, Any]:
    return {"kind": "access", "email": email, "approve": True, "verified": "seen at the desk"}


def _opened(server: Server, at: int) -> str:
    id_: str = json.loads(server.ask("POST", "/v1/requests", _open(PEOPLE[at]), status=201))["id"]
    return id_


def _wait(home: Path, ids: list[str]) -> None:
    """Wait until requests are complete. Raises TimeoutError."""
    for id_ in ids:
        _until(lambda: _state(home, id_) == "complete")  # noqa: B023  (called at once)


def _until(happened: Any) -> None:
    start = time.perf_counter()
    while not happened():
        if time.perf_counter() - start > WAIT_SECONDS:
            raise TimeoutError("a request is not where it should be by now")
        time.sleep(0.02)


def _state(home: Path, id_: str) -> str:
    """Return the state of a request, as whoever holds the home says; "" while nobody does."""
    key = (home / "cli.key").read_text().strip()
    with suppress(OSError, http.client.HTTPException), _line(home) as line:
        line.request("GET", f"/v1/requests/{id_}", headers={"authorization": f"Bearer {key}", "host": "localhost"})
        state: str = json.loads(line.getresponse().read()).get("state", "")
        return state
    return ""


@contextmanager
def _line(home: Path) -> Iterator[http.client.HTTPConnection]:
    line = http.client.HTTPConnection("localhost", timeout=5)
    line.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        line.sock.connect(str(load(home).socket))
        yield line
    finally:
        line.close()


def _files() -> dict[str, str]:
    return {"shop.yml": manifest(), "erase.policy": POLICY}


def _settings(dsn: str) -> dict[str, str | int | bool]:
    return {"host": dsn.partition("host=")[2], "database": "postgres", "user": "reader"}


# --- many records ---------------------------------------------------------------------------------------------


def _memory(place: Path, dsn: str, count: int) -> Iterator[Row]:
    plant(dsn)
    plant_notes(dsn, count)
    code = f"from bench._house import measured; measured({str(place / 'large')!r}, {dsn!r}, {count})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after, taken = map(float, done.stdout.split())
    work = f"an access that gathers {count:,} records into its package"
    yield most(f"CPU seconds: {work}", taken, None)
    yield most(f"megabytes: what a process holds at most for {work}, {before:,.0f} of them before", after, None)


def measured(home: str, dsn: str, count: int) -> None:
    """Print megabytes before and after, and CPU seconds, of an access to many records."""
    office = Office(Path(home), dsn)
    before, start = peak(), time.process_time()
    found = office.finish("access")
    taken = time.process_time() - start
    office.close()
    if sum(one.read for one in found.systems) < count:
        raise RuntimeError("expected all of the records")
    print(before, peak(), taken)


def peak() -> float:
    """Return the most MiB that this process held; what `getrusage` says counts that of the one which started it, too.

    Source: proc(5), `status`, VmHWM.
    """
    with Path("/proc/self/status").open() as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
