"""A home with requests that is killed at a numbered point, for tests; run as a program it tries every point.

    python requesting.py KIND FOLDER [weak]

Each line of its output is one killed run: the point, what it was, and what the next worker made of it. The systems:
a real SQLite database; a service that does again whatever it is asked again (`look`), each effect a line in a file; and
people, who are written to at most once.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from privet.connectors.base import Batch, Choice, Limits, Read, Record, Setup, Waiting
from privet.connectors.profile import Profile
from privet.connectors.systems import SYSTEMS
from privet.crypto.keys import KeyRing
from privet.crypto.keystores.local import LocalStore
from privet.errors import Refused
from privet.policy.parse import parse
from privet.rights import asked
from privet.rights import journal as journals
from privet.rights.asked import Answer, Correction, Opening
from privet.rights.fates.correction import corrected
from privet.rights.fates.decision import decisions
from privet.rights.journal import Journal
from privet.rights.plans.whole import plan
from privet.rights.proof.package import package
from privet.rights.run import Ground, Pace, Runner
from privet.rights.sealed import RequestKeys
from privet.secret import Secret
from privet.store.engines.sqlite import PART
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

NOW = 1_800_000_000_000
OWNER = bytes(range(16))
POLICY = "erase shop.sessions by deletion\nerase mail.subscribers by deletion\nerase user by null\n"
SECRETS = ("ada@example.com", "Ada Example", "Ada Lovelace", "1 Lane", "192.0.2.1")
CHOICE = Choice(kind="consent", state="refused", key="newsletter", uses=("marketing",), at_ms=NOW)


def column(name: str, *labels: str, type_: str = "string", **native: Any) -> Field:
    """Return a declared field."""
    return Field(name=name, type="string", labels=labels, native=Native(data_type=type_, **native))


def collection(name: str, *fields: Field) -> Collection:
    """Return a declared collection."""
    return Collection(name=name, fields=fields)


_ID = column("id", type_="integer", primary_key=True)
_EMAIL = column("email", "user.contact.email", identity="email")
_CUSTOMER = column("customer_id", type_="integer", links=(Link("shop", "customers.id", "from"),))
DATASETS = {
    "shop": Dataset(
        key="shop",
        collections=(
            collection("customers", _ID, _EMAIL, column("name", "user.name")),
            collection("orders", _ID, _CUSTOMER, column("address", "user.contact.address.street")),
            collection("sessions", _ID, _CUSTOMER, column("ip", "user.device.ip_address")),
        ),
    ),
    "mail": Dataset(key="mail", collections=(collection("subscribers", _ID, _EMAIL),)),
    "paper": Dataset(key="paper", collections=(collection("folders", _ID, _EMAIL),)),
}
TABLES = """
CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, name TEXT);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), address TEXT);
CREATE TABLE sessions (id INTEGER PRIMARY KEY, customer_id INTEGER REFERENCES customers (id), ip TEXT);
INSERT INTO customers VALUES (1, 'ada@example.com', 'Ada Example'), (2, 'bob@example.com', 'Bob Example');
INSERT INTO orders VALUES (10, 1, '1 Lane'), (11, 2, '2 Lane'), (12, 1, '1 Lane');
INSERT INTO sessions VALUES (20, 1, '192.0.2.1'), (21, 2, '192.0.2.2');
"""
SUBSCRIBERS = [(5, "ada@example.com"), (6, "ada@example.com"), (7, "bob@example.com")]


class Points:
    """Counts what happens, and kills this process at one of its points."""

    def __init__(self, kill_at: int) -> None:
        self._kill_at = kill_at
        self.count = 0
        self.name = ""

    def pass_(self, name: str) -> None:
        self.count += 1
        if self.count == self._kill_at:
            os.write(1, f"{name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)


class Watched:
    """A store or connector each of whose calls is a point before it and one after."""

    def __init__(self, inner: Any, points: Points, name: str, calls: tuple[str, ...]) -> None:
        self._inner, self._points, self._name, self._calls = inner, points, name, calls

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if name not in self._calls:
            return found

        def call(*given: Any, **more: Any) -> Any:
            self._points.pass_(f"before {self._name}.{name}")
            result = found(*given, **more)
            if isinstance(result, Iterator):
                result = iter(list(result))
            self._points.pass_(f"after {self._name}.{name}")
            return result

        return call


class Mail:
    """A service without idempotency keys: every effect is a line in a file, and being asked again is one more."""

    def __init__(self, path: Path, points: Points) -> None:
        self._path, self._points = path, points

    def done(self) -> list[str]:
        return self._path.read_text().split() if self._path.exists() else []

    def probe(self) -> None: ...
    def close(self) -> None: ...

    def describe(self) -> Dataset:
        return DATASETS["mail"]

    def read(self, ask: Read) -> Iterator[list[Record]]:
        gone = set(self.done())
        wanted = {path: {str(value) for value in values} for path, values in ask.matches.items()}
        rows = [{"id": id_, "email": email} for id_, email in SUBSCRIBERS if str(id_) not in gone]
        yield [Record(row) for row in rows if any(str(row[path]) in values for path, values in wanted.items())]

    def tell(self, dataset: Dataset, choice: Choice, identities: Any, once: str) -> int:
        self._points.pass_("before mail.choice")
        with self._path.with_suffix(".told").open("a") as file:
            file.write(f"{choice.kind} {choice.state} {once}\n")
        self._points.pass_("after mail.choice")
        return 1

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        counts = []
        for batch in batches:
            for change in batch.changes:
                with self._path.open("a") as file:
                    file.write(f"{change.key['id']}\n")
                self._points.pass_("within mail.erase")
            counts.append(len(batch.changes))
        return counts


class Paper:
    """People, who look into folders when they are told to, and say so in our queue."""

    def __init__(self, path: Path, points: Points) -> None:
        self._path, self._points = path, points

    def probe(self) -> None: ...
    def close(self) -> None: ...

    def describe(self) -> Dataset:
        raise Refused("it is paper")

    def send(self, once: str) -> None:
        self._points.pass_("before paper.tell")
        with self._path.open("a") as file:
            file.write(f"{once}\n")
        self._points.pass_("after paper.tell")

    def read(self, ask: Read) -> Iterator[list[Record]]:
        raise Waiting(Secret("please look"), tell=self.send)

    def tell(self, dataset: Dataset, choice: Choice, identities: Any, once: str) -> int:
        raise Waiting(Secret("please heed"), tell=self.send)

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        list(batches)
        raise Waiting(Secret("please erase"), tell=self.send)


class Home:
    """One process's hold on the home at a time."""

    def __init__(self, folder: Path, points: Points, now_ms: int, *, weak: bool) -> None:
        self.now_ms = now_ms
        self.folder = folder
        self.points = points
        self._weak = weak
        control = PART.open(str(folder / "control.db"))
        control.define(journals.SHAPES)
        assert PART.open_forgetful is not None
        keys = PART.open_forgetful(str(folder / "keys.db"))
        ring = KeyRing.create(LocalStore(Secret(bytes(32))), OWNER, now=1)
        ring.add("cell", OWNER, now=1)
        _same_key(ring, folder)
        found = RequestKeys(keys, ring, OWNER)
        found.store = Watched(keys, points, "keys", ("write_now",))  # type: ignore[assignment]
        self.journal = Journal(Watched(control, points, "journal", ("write_now",)), found)  # type: ignore[arg-type]
        # One thread, so that the points of every run are the same.
        pace = Pace(threads=1, clock=lambda: self.now_ms, sleep=lambda seconds: None, jitter=lambda: 0.5)
        self.runner = Runner(self.journal, self.opened, self.ground, lambda event, facts: (), pace=pace)

    def opened(self, name: str) -> Any:
        if name == "shop":
            part = SYSTEMS.get("sqlite")
            setup = Setup(name="shop", kind="sqlite", settings={"path": str(self.folder / "shop.db")}, limits=Limits())
            return Watched(part.open(setup), self.points, "shop", ("read", "erase")), part.profile
        profile = Profile(
            tried="fake",
            against="a file",
            atomic=False,
            deletes=True,
            masks=True,
            streams=True,
            reads_back=name == "mail",
            effect="nature" if self._weak or name == "paper" else "look",
        )
        if name == "mail":
            return Watched(Mail(self.folder / "mail", self.points), self.points, "mail", ("read", "erase")), profile
        return Paper(self.folder / "paper", self.points), profile

    def ground(self, request: Any, identities: Any, secret: Secret[bytes]) -> Ground:
        datasets = list(DATASETS.values())
        made = plan(request.kind, datasets, identities)
        if request.kind == "consent":
            concerned = {"shop": False, "mail": True, "paper": True}
            return Ground(datasets=DATASETS, plan=made, choice=CHOICE, concerned=concerned)
        if request.kind == "rectification":
            decider = corrected(self.journal.corrections(request.id), datasets, secret)
        else:
            decider = decisions({"org": parse(POLICY, file="org")}, datasets, secret)
        return Ground(datasets=DATASETS, plan=made, decider=decider)

    def live(self, kind: Any) -> dict[str, Any]:
        """Open, approve and run a request, or go on with it, until it is over; return what came of it."""
        self.journal.recover()
        known = self.journal.listed()
        opening = Opening(
            kind=kind,
            identities={"email": "ada@example.com"},
            by="alice",
            verified="seen at the desk",
            corrections=[Correction(what="user.name", value="Ada Lovelace")] if kind == "rectification" else (),
            choice=CHOICE if kind == "consent" else None,
        )
        request = known[0] if known else self.journal.open(opening, self.now_ms)
        if request.state == "received":
            self.journal.approve(request.id, "bob", self.now_ms)
        for _ in range(20):
            request = self.journal.get(request.id)
            if request.state in asked.OVER:
                break
            if self.runner.run_once("worker") is None:
                self._answer(request.id)
            self.now_ms += 1_000
        if request.state == "complete" and kind != "access":
            self.runner.forget()
        return self.outcome(kind, request.id)

    def _answer(self, id_: str) -> None:
        for task in self.journal.tasks(id_):
            if not task.answered:
                records = {"folders": [{"id": 3, "email": "ada@example.com"}]} if task.what == "read" else {}
                self.journal.answer(id_, task.name, Answer(records=records, erased=not records), "carol", self.now_ms)

    def outcome(self, kind: str, id_: str) -> dict[str, Any]:
        request = self.journal.get(id_)
        told, heard = _lines(self.folder / "paper"), _lines(self.folder / "mail.told")
        found: dict[str, Any] = {
            "requests": len(self.journal.listed()),
            "state": request.state,
            "reason": request.reason,
            "mail": sorted(Mail(self.folder / "mail", self.points).done()),
            "told_twice": len(told) - len(set(told)),
            "keys": len(self.journal.keys.strays([])),
            "heard": heard,
        }
        if kind == "access" and request.state == "complete":
            systems = json.loads(b"".join(package(self.journal, id_)))["systems"]
            found["package"] = {f"{d}.{c}": len(rows) for d, held in systems.items() for c, rows in held.items()}
        self.runner.close()
        for store in (self.journal.store, self.journal.keys.store):
            store.close()
        with sqlite3.connect(self.folder / "shop.db") as shop:
            found["rows"] = {
                name: shop.execute(f"SELECT * FROM {name}").fetchall() for name in ("customers", "orders", "sessions")
            }
        held = b"".join(path.read_bytes() for path in sorted(self.folder.glob("control.db*")))
        found["leaks"] = [text for text in SECRETS if text.encode() in held]
        return found


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _same_key(ring: KeyRing, folder: Path) -> None:
    """Have every process use the ring of the first."""
    path = folder / "ring"
    rows = ring.rows()
    if not path.exists():
        path.write_text(json.dumps([[r.key_id, r.wrapped.hex(), r.check.hex()] for r in rows]))
    for key_id, wrapped, check in json.loads(path.read_text()):
        row = next(row for row in rows if row.key_id == key_id)
        ring._rows[key_id] = replace(row, wrapped=bytes.fromhex(wrapped), check=bytes.fromhex(check))
    ring.forget()


def prepare(folder: Path) -> None:
    """Make the systems of a new home."""
    folder.mkdir()
    with sqlite3.connect(folder / "shop.db") as shop:
        shop.executescript(TABLES)
    shop.close()


def child(kind: str, folder: Path, kill_at: int, now_ms: int, *, weak: bool) -> tuple[int, str]:
    """Live in a process of its own; return (how it ended, what it said)."""
    out, into = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(into, 1)
        try:
            told = Home(folder, Points(kill_at), now_ms, weak=weak).live(kind)
            os.write(1, json.dumps(told).encode())
        finally:
            os._exit(0)
    os.close(into)
    with os.fdopen(out) as file:
        said = file.read()
    return os.waitpid(pid, 0)[1], said


def main(kind: str, folder: Path, *, weak: bool) -> None:
    """Kill at the first point, the second, and so on, until a run has fewer; `weak`: until an effect is made twice."""
    point = 0
    # What is imported on first use is so once here, and not in each process.
    SYSTEMS.get("sqlite")
    decisions({"org": parse(POLICY, file="org")}, list(DATASETS.values()), Secret(bytes(32)))
    while True:
        point += 1
        home = folder / str(point)
        prepare(home)
        ended, said = child(kind, home, point, NOW, weak=weak)
        if not os.WIFSIGNALED(ended):
            print(json.dumps({"point": 0, "at": "the end", "outcome": json.loads(said or "null")}), flush=True)
            return
        # The next worker comes ten seconds later.
        again = child(kind, home, 0, NOW + 10_000, weak=weak)[1]
        outcome = json.loads(again or "null")
        print(json.dumps({"point": point, "at": said.strip(), "outcome": outcome}), flush=True)
        if weak and outcome and len(outcome["mail"]) > len(set(outcome["mail"])):
            return


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), weak="weak" in sys.argv[3:])
