"""A person enters the privacy centre of a real server by a code in a real mail, and nobody else does."""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiosmtpd.smtp import SMTP

from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize, wall_clock
from privet.rights.asked import Opening

PRIVET = (sys.executable, "-m", "privet.app.cli.main")
ADA = "canary.ada@example.com"
CODE = re.compile(r"\b(\d{4})\s?(\d{4})\b")


class Mailbox:
    """What a mail server takes, by whom it is for. `stalls`: it takes none, and says so to nobody."""

    def __init__(self) -> None:
        self.letters: Queue[tuple[str, str]] = Queue()
        self.stalls = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.stalls:
            await asyncio.Event().wait()
        said = message_from_bytes(envelope.content, policy=policy.default)
        self.letters.put((envelope.rcpt_tos[0], str(said.get_content())))
        return "250 OK"

    def code(self, address: str) -> str:
        """Return the code of the next mail, which is for this address."""
        whom, text = self.letters.get(timeout=20)
        assert whom == address
        found = CODE.search(text)
        assert found is not None
        return found[1] + found[2]


@contextmanager
def mail_server(box: Mailbox) -> Iterator[int]:
    """Yield the port of a mail server on loopback."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def begin() -> asyncio.Server:
        return await loop.create_server(lambda: SMTP(box, loop=loop, hostname="localhost"), "127.0.0.1", 0)

    server = asyncio.run_coroutine_threadsafe(begin(), loop).result(10)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A server process with its privacy centre."""

    home: Path
    box: Mailbox
    process: subprocess.Popen[str] | None = None
    said: dict[str, Any] = field(default_factory=dict)
    log: str = ""

    def begin(self) -> None:
        command = [*PRIVET, "serve", "--port", "0", "--json", "--no-worker", "--home", str(self.home)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.said = json.loads(self.process.stdout.readline())

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.log += "".join(self.process.communicate())
            self.process = None

    def link(self, *, api: bool = False) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(urlsplit(self.said["addresses"][0] if api else self.said["center"]).netloc)

    def call(self, method: str, path: str, said: Any = None, key: str = "", *, api: bool = False) -> Answer:
        link = self.link(api=api)
        try:
            return answered(link, method, path, said, key)
        finally:
            link.close()

    def code(self, address: str = ADA) -> tuple[str, str]:
        """Return the id and the code of a mail."""
        told = self.call("POST", "/v1/center/codes", {"email": address})
        assert told.status == 202
        return str(told.json()["id"]), self.box.code(address)

    def open(self, id_: str, code: str) -> Answer:
        return self.call("POST", "/v1/center/passes", {"id": id_, "code": code})

    def staff(self, method: str, path: str, said: Any = None) -> Answer:
        return self.call(method, path, said, (self.home / "cli.key").read_text().strip(), api=True)


def answered(link: http.client.HTTPConnection, method: str, path: str, said: Any = None, key: str = "") -> Answer:
    lines = {"Authorization": f"Bearer {key}"} if key else {}
    link.request(method, path, None if said is None else json.dumps(said), lines)
    got = link.getresponse()
    return Answer(got.status, {name.lower(): value for name, value in got.getheaders()}, got.read())


def a_home(home: Path, port: int, more: str = "center: 127.0.0.1:0\n") -> Path:
    initialize(Settings(home=home, key_file=home / "root.key"), now_ms=wall_clock())
    mail = f"mail: {{host: 127.0.0.1, port: {port}, security: none, sender: privacy@example.com}}\n"
    with (home / "privet.yaml").open("a", encoding="utf-8") as file:
        file.write(more + mail)
    return home


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    box = Mailbox()
    with mail_server(box) as port:
        made = Served(a_home(tmp_path / "home", port), box)
        try:
            made.begin()
            yield made
        finally:
            made.kill()


def test_person_enters_by_the_code_of_her_mail_and_sees_to_what_is_hers(served: Served) -> None:
    id_, code = served.code()
    key = served.open(id_, code).json()["pass"]
    made = served.call("POST", "/v1/center/requests", {"kind": "access", "region": "DE"}, key)
    assert made.status == 201 and made.json()["state"] == "received"
    path = f"/v1/center/requests/{made.json()['id']}"
    [line] = served.staff("GET", "/v1/requests").json()["requests"]
    assert line["id"] == made.json()["id"] and line["opened_by"].startswith("person:")
    assert served.staff("POST", f"/v1/requests/{line['id']}/deny", {"reason": "not_held"}).status == 200
    told = served.call("GET", path, None, key).json()
    assert told["state"] == "denied" and told["why"]
    assert served.call("DELETE", "/v1/center/passes", None, key).status == 204
    assert served.call("GET", path, None, key).status == 401


def test_centre_and_api_share_no_path(served: Served) -> None:
    key = (served.home / "cli.key").read_text().strip()
    for path in ("/healthz", "/v1/vaults", "/v1/requests", "/v1/session", "/v1/sign-in"):
        assert served.call("GET", path, None, key).status == 404
    for path in ("/v1/center/requests", "/v1/center/notices"):
        assert served.call("GET", path, None, key, api=True).status == 404
    assert served.call("POST", "/v1/center/codes", {"email": ADA}, api=True).status == 404


def test_used_wrong_and_foreign_codes_open_nothing(served: Served) -> None:
    one, eve = served.code(), served.code("eve@example.com")
    assert served.open(one[0], eve[1]).json()["code"] == "wrong_code" or one[1] == eve[1]
    assert served.open(*one).status == 200
    told = [served.open(*one), served.open("0" * 32, one[1]), served.open(eve[0], one[1])]
    assert {each.status for each in told} == {401}
    assert len({json.dumps({**each.json(), "request": ""}) for each in told}) == 1


def test_code_sent_twenty_times_at_once_opens_one_pass(served: Served) -> None:
    id_, code = served.code()
    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(lambda _: served.open(id_, code).status, range(20)))
    assert sorted(told) == [200] + [401] * 19


def test_guessing_from_many_sides_has_five_tries(served: Served) -> None:
    id_, code = served.code()
    guesses = [f"{(int(code) + step) % 10**8:08}" for step in range(1, 61)]
    with ThreadPoolExecutor(20) as pool:
        for _ in range(5):  # of guesses at the same moment one is looked at, so each round uses up one try or more
            assert set(pool.map(lambda guess: served.open(id_, guess).status, guesses)) == {401}
    assert served.open(id_, code).status == 401


def test_fourth_code_is_told_of_and_not_sent(served: Served) -> None:
    for _ in range(3):
        served.code()
    told = served.call("POST", "/v1/center/codes", {"email": "canary.ADA+x@example.com"})
    assert told.status == 202 and set(told.json()) == {"id", "expires_ms"}
    served.code("eve@example.com")  # the next mail is hers
    assert served.box.letters.empty()


def test_code_that_was_answered_for_is_spent_after_a_crash(served: Served) -> None:
    for _ in range(2):
        id_, code = served.code()
        key = served.open(id_, code).json()["pass"]
        served.kill()
        served.begin()
        assert served.open(id_, code).status == 401
        assert served.call("GET", "/v1/center/requests", None, key).status == 200


def test_crash_at_any_moment_leaves_a_code_that_opens_at_most_once(served: Served) -> None:
    for number in range(4):
        id_, code = served.code(f"p{number}@example.com")
        link = served.link()
        link.request("POST", "/v1/center/passes", json.dumps({"id": id_, "code": code}))
        served.kill()
        try:
            answered_ok = link.getresponse().status == 200
        except (http.client.HTTPException, OSError):
            answered_ok = False
        served.begin()
        again = served.open(id_, code).status == 200
        assert not (answered_ok and again)
        assert served.open(id_, code).status == 401


def test_mail_server_that_hangs_or_is_gone_holds_nobody_up(served: Served) -> None:
    served.box.stalls = True
    began = time.monotonic()
    told = [served.call("POST", "/v1/center/codes", {"email": f"p{n}@example.com"}) for n in range(30)]
    assert {each.status for each in told} == {202}
    assert time.monotonic() - began < 20  # the mail server takes a minute for each


def test_no_file_and_no_line_of_the_log_holds_a_person(served: Served) -> None:
    id_, code = served.code()
    key = served.open(id_, code).json()["pass"]
    served.call("POST", "/v1/center/requests", {"kind": "erasure"}, key)
    served.open(id_, "12345678")
    served.call("POST", "/v1/center/codes", {"email": f"{ADA}@"})
    served.call("GET", f"/v1/center/requests/{ADA}", None, key)
    files = {path: path.read_bytes() for path in served.home.rglob("*") if path.is_file()}
    served.kill()
    for word in ("canary", code, key[4:]):
        assert not [path.name for path, content in files.items() if word.encode() in content], word
        assert word not in served.log
    assert any(id_.encode() in content for content in files.values())  # the search finds what is there


def test_time_on_the_wire_does_not_tell_who_is_known(served: Served) -> None:
    """Medians are printed; a sign test over pairs tells one from the other where there is a difference."""
    known = [f"person{n:03}@example.com" for n in range(20)]
    served.kill()
    house = House(load(served.home))
    for address in known:
        person = house.handle("email", address)
        asked = Opening(kind="access", identities={"email": address}, by="x", verified="seen", person=person)
        house.desk.journal.open(asked, wall_clock())
    house.close()
    served.begin()
    link, larger = served.link(), 0
    costs: tuple[list[float], list[float]] = ([], [])

    def cost(address: str) -> float:
        began = time.perf_counter()
        assert answered(link, "POST", "/v1/center/codes", {"email": address}).status == 202
        return time.perf_counter() - began

    count = 20 * 3 * 2
    for number in range(count):
        pair = [known[number % 20], f"nobody{number % 20:03}@example.com"]
        if number % 2:
            left, right = cost(pair[0]), cost(pair[1])
        else:
            right, left = cost(pair[1]), cost(pair[0])
        larger += left > right
        costs[0].append(left)
        costs[1].append(right)
    link.close()
    medians = [sorted(side)[count // 2] * 1000 for side in costs]
    deviations = abs(larger - count / 2) / math.sqrt(count / 4)
    print(f"known {medians[0]:.2f} ms, unknown {medians[1]:.2f} ms, {deviations:.1f} deviations from chance")
    assert deviations < 4.5


@pytest.mark.parametrize("center", ["0.0.0.0:0", "192.0.2.1:443"])
def test_centre_that_others_reach_without_tls_is_refused(tmp_path: Path, center: str) -> None:
    home = a_home(tmp_path / "home", 25, f"center: {center}\n")
    done = subprocess.run(
        [*PRIVET, "serve", "--port", "0", "--home", str(home)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=dict(os.environ),
    )
    assert done.returncode != 0 and "loopback" in done.stderr + done.stdout
