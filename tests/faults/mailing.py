"""A home that sends letters and is killed at a numbered point, for tests; run as a program it tries every point.

    python mailing.py FOLDER PORT [weak]

Each line of its output is one killed run: the point, whom it wrote to, and what the next process made of it. The mail
server at PORT of this machine, without TLS, is another's. `weak`: the next process sends again what was being sent.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from privet.app import mail, outbox
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.store.port import Select, Store, Unit, Update

NOW = 1_800_000_000_000
REQUEST = "01900000-0000-7000-8000-000000000001"


class Counter:
    """Counts the points that a run comes by, and ends the process at one of them as kill -9 does."""

    def __init__(self, fatal: int, told: int) -> None:
        self._fatal, self._told, self._seen = fatal, told, 0

    def pass_by(self, what: str) -> None:
        """Tell what the point is, and die there where it is the fatal one."""
        os.write(self._told, f"{what}\n".encode())
        if self._seen == self._fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        self._seen += 1


class Counted:
    """A store, or a mail server, of which each effect is a point before and one after."""

    def __init__(self, inner: Any, name: str, verb: str, counter: Counter) -> None:
        self._inner, self._name, self._verb, self._counter = inner, name, verb, counter

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._around(found) if name == self._verb else found

    def _around(self, effect: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **named: Any) -> Any:
            self._counter.pass_by(f"before {self._name}")
            found = effect(*args, **named)
            self._counter.pass_by(f"after {self._name}")
            return found

        return counted


def opened(home: Path, counter: Counter | None) -> House:
    """Return the house, its effects counted."""
    house = House(load(home), clock=lambda: NOW)
    if counter is not None:
        control: Any = Counted(house.mail.store, "control", "write_now", counter)
        server: Any = Counted(house.mail.server, "server", "send", counter)
        keys: Any = Counted(house.mail.keys._store, "keys", "write_now", counter)
        house.mail.store, house.mail.server, house.mail.keys._store = control, server, keys
    return house


def life(house: House, store: Store, to: str) -> None:
    """Have a letter written down, unless it is, and send what is due."""
    steps = mail.post(house, "done", request=REQUEST, to=to, asked="erasure")
    if steps:
        store.write_now(Unit(steps))
    outbox.carry(house)


def first(home: Path, to: str, fatal: int, told: int) -> None:
    """Live until the fatal point, or to the end."""
    house = opened(home, Counter(fatal, told))
    outbox.recover(house)
    life(house, house.mail.store, to)
    house.close()


def second(home: Path, to: str, told: int, *, weak: bool) -> None:
    """Tell what the next process finds and does."""
    house = opened(home, None)
    if weak:
        rows = house.mail.store.select(Select(table="letters", columns=("id", "state")))
        again = [("waiting", id_, "sending") for id_, state in rows if state == "sending"]
        house.control.write_now(Unit((Update("letters", ("state",), ("id", "state"), again),)))
    outbox.recover(house)
    life(house, house.control, to)
    kept = house.control.select(Select(table="letters", columns=("key", "body")))
    keys = {row[0] for row in house.desk.store.select(Select(table="letter_keys", columns=("key",)))}
    found = {
        "states": mail.posted(house, REQUEST),
        "bodies": sum(body is not None for _, body in kept),
        "keys": len(keys & {key for key, _ in kept}),
    }
    os.write(told, json.dumps(found).encode())
    house.close()


def new_home(home: Path, port: int) -> None:
    """Make a home whose mail server is on this machine."""
    initialize(Settings(home=home, key_file=home / "root.key"), now_ms=NOW)
    lines = ["mail:", "  host: localhost", f"  port: {port}", "  security: none", "  sender: privacy@example.com"]
    with (home / "privet.yaml").open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def apart(work: Callable[[int], None]) -> tuple[str, bool]:
    """Do some work in a process of its own; return what it told, and whether it was killed."""
    reading, told = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        work(told)
        os._exit(0)
    os.close(told)
    with os.fdopen(reading) as lines:
        said = lines.read()
    _, status = os.waitpid(child, 0)
    return said, os.WIFSIGNALED(status)


def every_point(folder: Path, port: int, *, weak: bool) -> None:
    """Kill a process at each point, and print what follows."""
    new, number, died = folder / "new", 0, True
    apart(lambda told: new_home(new, port))
    while died:
        home, to = folder / f"home-{number}", f"run-{number}@example.com"
        shutil.copytree(new, home)
        seen, died = apart(partial(first, home, to, number))
        found, _ = apart(partial(second, home, to, weak=weak))
        at = seen.splitlines()[-1]
        print(json.dumps({"at": at, "died": died, "to": to, **json.loads(found)}), flush=True)
        if weak and at == "after server":  # what the next process does then is all that it shows
            return
        number += 1


if __name__ == "__main__":
    every_point(Path(sys.argv[1]), int(sys.argv[2]), weak="weak" in sys.argv[3:])
