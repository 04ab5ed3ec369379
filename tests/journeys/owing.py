"""An invented bakery that owes its customers answers: a served home with its privacy centre, a vault, a database, a
service that sends a newsletter, and a mail server. Everybody is invented, and so is every value.

Time is the tests': a file says how far the server's clock is ahead.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyzipper
from bakery import FORMULA, MANIFEST, PEOPLE, POLICY, SCHEMA, SCRIPT, SETTINGS, SIGNING_KEY, Person, other, plant
from counter import PRIVET, Counter

from fakes.mailbox import Box, running

SERVER = """
import asyncio, json, sys
from pathlib import Path
from privet.app import worker as duty
from privet.app.center import keep_center
from privet.app.http.server import serve
from privet.app.outbox import keep_letters
from privet.app.settings import load
from privet.app.wiring import House, wall_clock

settings, ahead, duties = load(Path(sys.argv[1])), Path(sys.argv[2]), []
house = House(settings, clock=lambda: wall_clock() + int(ahead.read_text()))

def ready(addresses):
    work = [duty.keep_sequenced(house), duty.keep_requests(house, "bakery", 0.05), duty.keep_clock(house, 0.1)]
    work += [keep_center(house), keep_letters(house, 0.05)]
    duties.extend(asyncio.get_running_loop().create_task(each) for each in work)
    print(json.dumps({"api": addresses[0], "center": addresses[-1]}), flush=True)

serve(house, "127.0.0.1", 0, settings.socket, ready=ready, center=settings.center)
house.close()
"""
CODE = re.compile(r"\b(\d{4})\s?(\d{4})\b")
WAIT_SECONDS = 30
Table = list[dict[str, Any]]


class Mailbox(Box):
    """What people get. `letters`: those that nobody took yet; `seen`: what the others said."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._told = threading.Condition()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        said = await super().handle_DATA(server, session, envelope)
        with self._told:
            self._told.notify_all()
        return said

    def letter(self, to: Person, subject: str) -> str:
        """Wait for a letter, take it, and return what it says in one line."""

        def found() -> EmailMessage | None:
            mine = (one for one in self.letters if one["To"] == to.email and re.search(subject, str(one["Subject"])))
            return next(mine, None)

        with self._told:
            assert self._told.wait_for(lambda: found() is not None, WAIT_SECONDS), [
                (one["To"], one["Subject"]) for one in self.letters
            ]
            letter = found()
            assert letter is not None
            self.letters.remove(letter)
            self.seen.append(str(letter.get_content()))
        return " ".join(self.seen[-1].split())


class Newsletter:
    """The service that sends the newsletter. It keeps the protocol of webhooks. `told`: what people chose."""

    def __init__(self) -> None:
        self.readers: Table = [
            {"number": who.number, "email": who.email, "likes": f"rye, {who.mark}"} for who in PEOPLE
        ]
        self.told: Table = []

    def answer(self, said: dict[str, Any]) -> dict[str, Any]:
        verbs: dict[str, Callable[[dict[str, Any]], dict[str, Any]]]
        verbs = {"read": self._read, "erase": self._erase, "tell": self._tell}
        return verbs[said["verb"]](said) if said["verb"] in verbs else {}

    def _read(self, said: dict[str, Any]) -> dict[str, Any]:
        asked = said["matches"].items()
        return {"records": [row for row in self.readers if any(row.get(key) in values for key, values in asked)]}

    def _erase(self, said: dict[str, Any]) -> dict[str, Any]:
        found = [row for row in self.readers if row["number"] == said["key"]["number"]]
        for row in found:
            row.update(said["values"] or {})
            if said["values"] is None:
                self.readers.remove(row)
        return {"changed": len(found)}

    def _tell(self, said: dict[str, Any]) -> dict[str, Any]:
        self.told.append(said)
        return {"changed": sum(row["email"] in said["identities"]["email"] for row in self.readers)}


@contextmanager
def newsletter(service: Newsletter) -> Iterator[str]:
    """Yield the address of the service."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signed = self.headers["Privet-Timestamp"].encode() + b"." + body
            good = f"v1={hmac.new(SIGNING_KEY.encode(), signed, hashlib.sha256).hexdigest()}"
            is_good = hmac.compare_digest(good, self.headers["Privet-Signature"])
            told = json.dumps(service.answer(json.loads(body)) if is_good else {}).encode()
            self.send_response(200 if is_good else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            self.wfile.write(told)

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing: addresses of people are in what is asked."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes

    def json(self) -> Any:
        assert self.status < 300, (self.status, self.body)
        return json.loads(self.body)


@dataclass
class Bakery:
    """The bakery. `counter`: what staff does. `keys`: role → API key. `codes`: what people were mailed; `secrets`:
    passes and passphrases, which are shown and never mailed."""

    folder: Path
    box: Mailbox
    service: Newsletter
    counter: Counter
    center: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    codes: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return self.counter.home

    def later(self, hours: float) -> None:
        """Let time pass."""
        ahead = self.folder / "ahead"
        new = self.folder / "ahead.new"
        new.write_text(str(int(ahead.read_text()) + int(hours * 3_600_000)))
        new.replace(ahead)

    # --- people ---------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, said: Any = None, key: str = "") -> Answer:
        """Ask the privacy centre. `key`: a pass."""
        link = http.client.HTTPConnection(self.center.removeprefix("http://"), timeout=WAIT_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            link.request(method, f"/v1/center{path}", None if said is None else json.dumps(said), headers)
            got = link.getresponse()
            return Answer(got.status, got.read())
        finally:
            link.close()

    def enter(self, who: Person, language: str = "en") -> str:
        """Return a pass: she asks for a code, reads her mail, and proves herself."""
        asked = self.call("POST", "/codes", {"email": who.email, "language": language})
        assert asked.status == 202
        found = CODE.search(self.box.letter(who, r"[Cc]ode|Code"))
        assert found is not None
        code = found[1] + found[2]
        made = self.call("POST", "/passes", {"id": asked.json()["id"], "code": code})
        self.codes.append(code)
        self.secrets.append(made.json()["pass"])
        return self.secrets[-1]

    def ask(self, key: str, kind: str, **said: Any) -> str:
        """Open a request by a pass, and return its id."""
        return str(self.call("POST", "/requests", {"kind": kind, "region": "DE", **said}, key).json()["id"])

    def fetch(self, key: str, id_: str) -> dict[str, bytes]:
        """Return what is in a package, which the passphrase that the centre shows opens."""
        told = self.call("POST", f"/requests/{id_}/package", None, key).json()
        got = self.call("GET", f"/requests/{id_}/package.zip", None, key)
        assert got.status == 200, got.body[:200]
        self.secrets.append(told["passphrase"])
        with pyzipper.AESZipFile(io.BytesIO(got.body)) as found:
            found.setpassword(told["passphrase"].encode())
            return {name: found.read(name) for name in found.namelist()}

    # --- staff ----------------------------------------------------------------------------------------------------

    def done(self, id_: str) -> dict[str, Any]:
        """Approve a request, and wait until the server has carried it out."""
        self.counter.told("POST", f"/v1/requests/{id_}/approve")
        return self.counter.wait(id_)

    def served(self, who: Person, kind: str, **said: Any) -> dict[str, Any]:
        """Have somebody ask for something, and staff see to it; return what came of it."""
        return self.done(self.ask(self.enter(who), kind, **said))

    def names(self, role: str, purpose: str) -> list[str]:
        """Return the names of customers that somebody sees who has a role."""
        link = http.client.HTTPConnection(self.counter.address.removeprefix("http://"), timeout=WAIT_SECONDS)
        try:
            headers = {"Authorization": f"Bearer {self.keys[role]}", "Privet-Purpose": purpose}
            link.request("GET", "/v1/vaults/customers/tables/people/records", None, headers)
            got = link.getresponse()
            told = json.loads(got.read())
        finally:
            link.close()
        assert got.status == 200, told
        return [one["values"]["name"] for one in told["records"]]

    def sql(self, question: str, *given: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.folder / "shop.db")) as shop:
            return shop.execute(question, given).fetchall()


@contextmanager
def opened(folder: Path) -> Iterator[Bakery]:
    """Open the bakery, with its customers in every system."""
    box, service = Mailbox(), Newsletter()
    counter = Counter(folder / "home", folder / "log")
    made = Bakery(folder, box, service, counter)
    (folder / "ahead").write_text(str(_to_next_month()))
    with ExitStack() as stack:
        port, hook = stack.enter_context(running(box)), stack.enter_context(newsletter(service))
        counter.ok("init")
        with (counter.home / "privet.yaml").open("a", encoding="utf-8") as file:
            file.write(SETTINGS.format(port=port))
        said = stack.enter_context(_serving(made))
        counter.address, made.center = said["api"], said["center"]
        _furnish(made, hook)
        yield made


@contextmanager
def _serving(made: Bakery) -> Iterator[Mapping[str, str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PRIVET_")}
    command = [sys.executable, "-c", SERVER, str(made.home), str(made.folder / "ahead")]
    with made.counter.log.open("a") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=env)
    made.counter.running.append(process)
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _furnish(made: Bakery, hook: str) -> None:
    told = made.counter.told
    told("POST", "/v1/vaults", {"name": "customers", "schema": SCHEMA})
    version = told("POST", "/v1/vaults/customers/policies", {"policy": POLICY})["version"]
    told("PUT", "/v1/vaults/customers/policy", {"version": version})
    for role, purpose in (("support", "essential.service"), ("marketing", "marketing.advertising")):
        said = {"name": f"{role}-desk", "roles": [role], "purposes": [purpose]}
        made.keys[role] = told("POST", "/v1/principals", said)["key"]
    path = "/v1/vaults/customers/tables"
    rows = [{"name": who.name, "email": who.email, "phone": who.phone} for who in PEOPLE]
    kept = told("POST", f"{path}/people/records", {"records": rows})["records"]
    notes = [
        {"person": one["id"], "note": f"{who.mark}: {FORMULA} {SCRIPT} asked about {other(who).email}"}
        for one, who in zip(kept, PEOPLE, strict=True)
    ]
    told("POST", f"{path}/calls/records", {"records": notes})
    plant(made.folder / "shop.db")
    told("POST", "/v1/manifests", {"files": {"bakery.yml": MANIFEST, "vault.yml": SCHEMA}, "base": 0})
    made.counter.put("shop", {"kind": "sqlite", "datasets": ["shop_db"], "settings": {"path": _path(made)}})
    secrets = {"signing_key": SIGNING_KEY}
    hooked = {"kind": "webhook", "datasets": ["newsletter"], "settings": {"url": hook}, "secrets": secrets}
    made.counter.put("letters", hooked)


def _to_next_month() -> int:
    """Return the milliseconds until 3 o'clock of the third of next month: all that happens then is of one month."""
    now = datetime.now(UTC)
    first = (now.replace(day=1) + timedelta(days=32)).replace(day=1)
    return int((first.replace(day=3, hour=3) - now) / timedelta(milliseconds=1))


def _path(made: Bakery) -> str:
    return str(made.folder / "shop.db")


def verified(made: Bakery) -> str:
    """Return what `privet audit verify` says of the vault."""
    done = subprocess.run(
        [*PRIVET, "audit", "verify", "--vault", "customers", "--home", str(made.home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
