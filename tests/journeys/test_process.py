"""`privet serve` as a process: it starts soon, other commands find it, it stops cleanly and starts after a crash."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from privet.app import settings
from privet.app.cli.door import door
from privet.app.cli.reach import Reach
from privet.app.wiring import House

PRIVET = (sys.executable, "-m", "privet.app.cli.main")
SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: notes
        fields:
          - name: text
            fides_meta: {privet: {type: text}}
"""


def run(home: Path, *args: str, text: str = "", url: str = "") -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PRIVET_HOME": str(home), "PRIVET_URL": url, "PRIVET_API_KEY": ""}
    if url:
        env["PRIVET_API_KEY"] = (home / "cli.key").read_text().strip()
    return subprocess.run(
        [*PRIVET, *args], input=text, env=env, capture_output=True, text=True, check=False, timeout=60
    )


def ok(home: Path, *args: str, text: str = "", url: str = "") -> str:
    done = run(home, *args, text=text, url=url)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def home(tmp_path: Path) -> Path:
    made = tmp_path / "home"
    schema = tmp_path / "shop.yml"
    schema.write_text(SCHEMA, encoding="utf-8")
    ok(made, "init")
    ok(made, "vault", "create", "shop", "--schema", str(schema))
    return made


@contextmanager
def serving(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a server; yield it and its address once it answers."""
    start = time.monotonic()
    server = subprocess.Popen(
        [*PRIVET, "serve", "--port", "0", "--json", "--home", str(home)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        address = json.loads(server.stdout.readline())["addresses"][0]
        link = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        link.request("GET", "/healthz")
        assert link.getresponse().status == 200
        print(f"healthy after {time.monotonic() - start:.2f} s, {resident(server.pid)}")
        yield server, address
    finally:
        server.kill()
        server.communicate()


def resident(pid: int) -> str:
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((" ".join(line.split()) for line in lines if line.startswith("VmRSS")), "memory not known here")


def insert(home: Path, *texts: str, url: str = "") -> None:
    records = json.dumps([{"text": text} for text in texts])
    ok(home, "records", "insert", "--vault", "shop", "--table", "notes", "--records", "-", text=records, url=url)


def listed(home: Path, *more: str) -> list[str]:
    found = json.loads(ok(home, "records", "list", "--vault", "shop", "--table", "notes", "--json", *more))
    return [record["values"]["text"] for record in found["records"]]


def test_other_commands_reach_a_served_home_by_themselves(home: Path) -> None:
    with serving(home) as (_, address):
        assert (home / "privet.sock").stat().st_mode & 0o077 == 0
        insert(home, "by socket")
        insert(home, "by url", url=address)
        assert listed(home) == ["by socket", "by url"]
        assert ok(home, "export", "--vault", "shop", "--table", "notes").count("\n") == 3


def test_a_second_server_of_one_home_is_refused(home: Path) -> None:
    with serving(home):
        done = run(home, "serve", "--port", "0")
        assert (done.returncode, "vault_busy" in done.stderr) == (1, True)


def test_a_server_that_is_told_to_stop_ends_what_is_under_way(home: Path) -> None:
    body = json.dumps({"records": [{"text": f"note {n}"} for n in range(1_000)]}).encode()
    key = (home / "cli.key").read_text().strip()
    head = (
        "POST /v1/vaults/shop/tables/notes/records HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Expect: 100-continue",
        "Connection: close",
        "\r\n",
    )
    with serving(home) as (server, _), socket.socket(socket.AF_UNIX) as link:
        link.settimeout(60)
        link.connect(str(home / "privet.sock"))
        link.sendall("\r\n".join(head).encode())
        # The server says so once it waits for the body: the request is under way.
        assert link.recv(4096).startswith(b"HTTP/1.1 100")
        server.send_signal(signal.SIGTERM)
        link.sendall(body)
        assert link.makefile("rb").readline() == b"HTTP/1.1 201 Created\r\n"
        assert server.wait(timeout=60) == 0
        assert not (home / "privet.sock").exists()
    assert len(listed(home, "--limit", "1000")) == 1_000


def test_after_a_kill_the_stale_socket_is_in_nobodys_way(home: Path) -> None:
    with serving(home) as (server, _):
        insert(home, "before")
        server.kill()
        server.wait(timeout=60)
        assert (home / "privet.sock").exists()
        assert listed(home) == ["before"]
    with serving(home):
        insert(home, "after")
        assert listed(home) == ["before", "after"]


def test_a_command_waits_for_another_one_that_holds_the_home(home: Path) -> None:
    reach, found = Reach(), []
    reach.home = str(home)
    holder = House(settings.load(home))
    began = threading.Event()

    def ask() -> None:
        began.set()
        with door(reach) as client:
            found.extend(client.call("vaults.list", {}).vaults)

    thread = threading.Thread(target=ask)
    thread.start()
    began.wait()
    holder.close()
    thread.join(timeout=60)
    assert found == ["shop"]


def test_a_home_that_others_may_read_is_not_served(home: Path) -> None:
    home.chmod(0o755)
    done = run(home, "serve", "--port", "0")
    assert (done.returncode, "chmod 700" in done.stderr) == (1, True)


def test_no_address_of_the_network_is_served(home: Path) -> None:
    done = run(home, "serve", "--host", "0.0.0.0", "--port", "0")
    assert (done.returncode, "code: refused" in done.stderr) == (1, True)
