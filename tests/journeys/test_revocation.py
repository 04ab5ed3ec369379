"""What one process takes back ends, within a second, what another one reads through a third: P12, with real processes.

A reader's process asks a server over and over; a command takes the reader's right back through the server's socket.
The clock is `time.monotonic`, which counts the same in every process of one machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from serving import SERVER, Running, servers

from privet import digest
from privet.app.client import Client

SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: note, fides_meta: {privet: {type: string, keep: sealed, token: stored}}}
"""
POLICY = """
role desk
allow read, detokenize on people.note with redaction = plain_text where people.id in queue('cases')

role reader
allow read, detokenize, export on people.note with redaction = plain_text

role mailer
allow read on people.note with redaction = plain_text where consent('news')
"""
NARROWER = """
role desk
allow read, detokenize on people.note with redaction = plain_text where people.id in queue('cases')
"""
RECORDS = 6_000  # of a kilobyte: more than sockets and the server hold for a reader who does not read
SECOND = 1.0

# Calls one verb until it is refused or shows nothing; says when it was last shown something.
READER = """
import json, sys, time
from privet.app.client import Client
from privet.errors import PrivetError

url, key, name, values, seconds = sys.argv[1:]
noun, verb = name.split(".")
client = Client(url, key, deadline_seconds=0)
began = last = time.monotonic()
calls, code = 0, ""
while not code and time.monotonic() - began < float(seconds):
    try:
        found = getattr(getattr(client, noun), verb)(**json.loads(values))
        if verb == "export":
            for line in found:
                last = time.monotonic()
        elif not getattr(found, "records", True):
            code = "nothing"
        elif noun == "tokens" and found.values[0].error:
            code = found.values[0].error.code
        else:
            last = time.monotonic()
    except PrivetError as error:
        code = error.code
    calls += 1
    if calls == 1:
        print("reading", flush=True)
print(json.dumps({"last": last, "code": code, "calls": calls}), flush=True)
"""

# Begins an export, reads on when it is told to, and says how far it came.
HALTING = """
import json, sys
from privet.app.client import Client
from privet.errors import PrivetError

url, key = sys.argv[1:]
lines = Client(url, key, deadline_seconds=0).records.export(vault="shop", table="people")
next(lines)
count, code = 1, ""
print("reading", flush=True)
sys.stdin.readline()
try:
    for line in lines:
        count += 1
except PrivetError as error:
    code = error.code
print(json.dumps({"count": count, "code": code}), flush=True)
"""


class Shop:
    """A served home with a vault, whose owner is `own`."""

    def __init__(self, server: Running) -> None:
        self.home = server.home
        self.url = f"unix:{server.home / 'privet.sock'}"
        self.own = Client(self.url, server.key)
        self.own.vaults.create(name="shop", schema=SCHEMA)
        for text in (POLICY, NARROWER):
            self.own.policies.save(vault="shop", policy=text)
        self.ids: list[str] = []
        self.tokens: list[str] = []

    def fill(self, count: int) -> None:
        notes = [{"note": f"{at:04}" + "x" * 1_000} for at in range(count)]
        made = self.own.records.insert(vault="shop", table="people", records=notes).records
        self.ids = [item.id for item in made]
        self.tokens = [item.tokens["note"] for item in made]

    def reader(self, role: str = "reader", **more: Any) -> tuple[str, str]:
        """Return name and key of a new principal, under the wider policy."""
        self.own.policies.activate(vault="shop", version=1)
        name = f"{role}-{digest.random_bytes(4).hex()}"
        return name, self.own.principals.create(name=name, roles=[role], **more).key

    def run(self, *args: str) -> None:
        """Run a command in a process of its own, as the owner."""
        command = [sys.executable, "-m", "privet.app.cli.main", "--home", str(self.home), *args]
        subprocess.run(command, capture_output=True, check=True, timeout=60)

    @contextmanager
    def reads(self, code: str, *args: str) -> Iterator[subprocess.Popen[str]]:
        """Run a reader; yield it once it was shown something."""
        command = [sys.executable, "-c", code, self.url, *args]
        reader = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert reader.stdout is not None
        try:
            assert reader.stdout.readline() == "reading\n"
            yield reader
        finally:
            reader.kill()
            reader.communicate()

    def late(self, key: str, what: str, end: tuple[str, ...], seconds: float = 20.0) -> tuple[float, str]:
        """Return how long after the end of a command a reader was last shown something, and why it stopped."""
        asked: dict[str, Any] = {
            "records.get": {"table": "people", "id": self.ids[0]},
            "tokens.detokenize": {"tokens": self.tokens[:1]},
        }
        values = {"vault": "shop", **asked.get(what, {"table": "people"})}
        with self.reads(READER, key, what, json.dumps(values), str(seconds)) as reader:
            self.run(*end)
            done = time.monotonic()
            assert reader.stdout is not None
            said = json.loads(reader.stdout.readline())
        return said["last"] - done, said["code"]


@contextmanager
def opened(folder: Path, count: int, code: str = SERVER) -> Iterator[Shop]:
    with servers(folder / "home", code) as begin:
        shop = Shop(begin())
        shop.fill(count)
        yield shop
        shop.own.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with opened(tmp_path_factory.mktemp("revocation"), RECORDS) as made:
        yield made


def command(end: str, name: str, key: str) -> tuple[str, ...]:
    """Return the command that takes a right back. `name`, `key`: of a reader."""
    return {
        "principal": ("principals", "revoke", name),
        "grants": ("principals", "update", name, "--role", "desk"),
        "key": ("credentials", "revoke", name, key.split("_")[1]),
        "policy": ("policies", "activate", "2", "--vault", "shop"),
    }[end]


@pytest.mark.parametrize(
    ("what", "end", "code"),
    [
        ("records.list", "principal", "unauthenticated"),
        ("records.export", "key", "unauthenticated"),
        ("tokens.detokenize", "policy", "denied"),
    ],
)
def test_a_reader_in_another_process_stops_within_a_second(shop: Shop, what: str, end: str, code: str) -> None:
    name, key = shop.reader()
    late, why = shop.late(key, what, command(end, name, key))
    assert late < SECOND
    # An answer that was under way is broken off instead.
    assert why in (code, "unavailable")


@pytest.mark.parametrize(("what", "code"), [("records.get", "not_found"), ("records.list", "nothing")])
def test_a_record_that_is_taken_out_of_a_queue_is_shown_no_more_within_a_second(
    shop: Shop, what: str, code: str
) -> None:
    name, key = shop.reader("desk")
    place = ("cases", name, shop.ids[0])
    shop.own.queues.put(vault="shop", queue=place[0], principal=name, id=place[2])
    late, why = shop.late(key, what, ("queues", "remove", *place, "--vault", "shop"))
    assert late < SECOND
    assert why == code


@pytest.mark.parametrize(
    ("what", "role", "end"),
    [
        ("records.get", "reader", ("flags", "set", "restriction")),
        ("tokens.detokenize", "reader", ("flags", "set", "restriction")),
        ("records.get", "reader", ("flags", "set", "objection:marketing.advertising")),
        ("records.get", "mailer", ("consents", "set", "news", "withdrawn")),
    ],
)
def test_a_marketer_stops_within_a_second_of_what_a_person_said(
    shop: Shop, what: str, role: str, end: tuple[str, ...]
) -> None:
    _, key = shop.reader(role, purposes=["marketing"])
    hers = {"vault": "shop", "table": "people", "subject": shop.ids[0]}
    shop.own.consents.set(key="news", state="given", **hers)
    late, why = shop.late(key, what, (*end[:2], shop.ids[0], *end[2:], "--table", "people", "--vault", "shop"))
    if end[0] == "flags":
        shop.own.flags.lift(flag=end[2], **hers)
    assert late < SECOND
    assert why == "not_found"


def test_a_person_who_restricts_her_data_is_left_out_of_an_export_in_flight(shop: Shop) -> None:
    _, key = shop.reader()
    with shop.reads(HALTING, key) as reader:
        shop.run("flags", "set", shop.ids[-1], "restriction", "--table", "people", "--vault", "shop")
        told, _ = reader.communicate("\n", timeout=60)
    shop.own.flags.lift(vault="shop", table="people", subject=shop.ids[-1], flag="restriction")
    assert json.loads(told) == {"count": RECORDS - 1, "code": ""}


@pytest.mark.parametrize("end", ["principal", "grants", "key", "policy"])
def test_an_export_in_flight_breaks_off(shop: Shop, end: str) -> None:
    name, key = shop.reader()
    with shop.reads(HALTING, key) as reader:
        shop.run(*command(end, name, key))
        told, _ = reader.communicate("\n", timeout=60)
    said = json.loads(told)
    assert said["code"] == "unavailable"
    assert said["count"] < RECORDS


def test_an_export_in_flight_that_nobody_ends_comes_whole(shop: Shop) -> None:
    (_, key), (other, _) = shop.reader(), shop.reader()
    with shop.reads(HALTING, key) as reader:
        shop.run("principals", "revoke", other)
        told, _ = reader.communicate("\n", timeout=60)
    assert json.loads(told) == {"count": RECORDS, "code": ""}


# A server that remembers who its callers are whatever happens.
DEAF = SERVER.replace(
    "house = House(settings)",
    "class Deaf(House):\n    def changed(self, *, policy=False):\n        pass\n\nhouse = Deaf(settings)",
)


def test_the_clock_catches_a_server_that_does_not_listen(tmp_path: Path) -> None:
    with opened(tmp_path, 2, DEAF) as shop:
        name, key = shop.reader()
        # The command takes most of a second to begin; afterwards there must be time for a second and more.
        late, why = shop.late(key, "records.list", command("principal", name, key), seconds=8.0)
    assert (late >= SECOND, why) == (True, "")
