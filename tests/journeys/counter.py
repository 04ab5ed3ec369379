"""Where people's requests are taken: a home of Privet's, its commands, its server, and what is asked over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from privet.app.settings import load

PRIVET = (sys.executable, "-m", "privet.app.cli.main")
OVER = ("complete", "partial", "failed", "denied", "canceled")
MOST_SECONDS = 60.0
SEEN = "passport seen at the desk"


@dataclass
class Counter:
    """A home. `log`: all that its servers said."""

    home: Path
    log: Path
    address: str = ""
    running: list[subprocess.Popen[str]] = field(default_factory=list)

    def run(self, *args: str, text: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("PRIVET_")}
        env["PRIVET_HOME"] = str(self.home)
        return subprocess.run(
            [*PRIVET, *args], input=text, env=env, capture_output=True, text=True, check=False, timeout=60
        )

    def ok(self, *args: str, text: str = "") -> str:
        """Run a command that must succeed, and return what it printed."""
        done = self.run(*args, text=text)
        assert done.returncode == 0, (args[:3], done.stderr)
        return done.stdout

    def put(self, name: str, said: Mapping[str, Any]) -> None:
        """Connect a system."""
        args = [word for dataset in said["datasets"] for word in ("--dataset", dataset)]
        seconds = ["--seconds", str(said["seconds"])] if "seconds" in said else []
        command = ["connectors", "put", name, "--kind", said["kind"], *args, *seconds]
        command += ["--settings", json.dumps(said["settings"])]
        self.ok(*command, "--secrets", "-", text=json.dumps(said.get("secrets", {})))

    @contextmanager
    def serving(self, *args: str, command: str = "serve") -> Iterator[subprocess.Popen[str]]:
        """Serve the home by a process of its own."""
        port = ["--port", "0"] if command == "serve" else []
        process = self.start(command, "--json", *port, *args)
        try:
            if command == "serve":
                assert process.stdout is not None
                self.address = json.loads(process.stdout.readline())["addresses"][0]
            yield process
        finally:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def start(self, *args: str) -> subprocess.Popen[str]:
        """Start a command that goes on."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("PRIVET_")}
        env["PRIVET_HOME"] = str(self.home)
        with self.log.open("a") as log:
            process = subprocess.Popen([*PRIVET, *args], stdout=subprocess.PIPE, stderr=log, text=True, env=env)
        self.running.append(process)
        return process

    # --- over HTTP ------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, bytes]:
        """Ask as the owner; return status and body. Without an address, by the home's socket."""
        host, _, port = self.address.removeprefix("http://").rpartition(":")
        line = http.client.HTTPConnection(host or "localhost", int(port or 80), timeout=30)
        if not self.address:
            line.sock = socket.socket(socket.AF_UNIX)
            line.sock.settimeout(30)
        try:
            if not self.address:
                line.sock.connect(str(load(self.home).socket))
            key = (self.home / "cli.key").read_text().strip()
            sent = None if body is None else json.dumps(body).encode()
            line.request(method, path, sent, {"Authorization": f"Bearer {key}"})
            got = line.getresponse()
            return got.status, got.read()
        finally:
            line.close()

    def told(self, method: str, path: str, body: Any = None) -> Any:
        """Ask what must succeed."""
        status, raw = self.ask(method, path, body)
        assert status < 300, (method, path, status, raw, self.log.read_text()[-2000:])
        return json.loads(raw)

    def open(self, kind: str, **said: Any) -> str:
        """Open a request that nobody has to approve, and return its id."""
        return str(self.told("POST", "/v1/requests", {"kind": kind, "approve": True, "verified": SEEN, **said})["id"])

    def show(self, id_: str) -> dict[str, Any]:
        """Return a request as it stands."""
        found: dict[str, Any] = self.told("GET", f"/v1/requests/{id_}")
        return found

    def wait(self, id_: str, *states: str, seconds: float = MOST_SECONDS) -> dict[str, Any]:
        """Wait until a request is in one of some states, over if none is named."""
        until = time.monotonic() + seconds
        while (found := self.show(id_))["state"] not in (states or OVER):
            assert time.monotonic() < until, found
            time.sleep(0.05)
        return found

    def forgets(self, id_: str) -> bool:
        """Wait until nothing of the person opens any more: the worker's next tick sees to it."""
        until = time.monotonic() + MOST_SECONDS
        while not self.show(id_)["forgotten"] and time.monotonic() < until:
            time.sleep(0.05)
        return bool(self.show(id_)["forgotten"])

    def finished(self, kind: str, **said: Any) -> dict[str, Any]:
        """Open a request and wait for its end."""
        return self.wait(self.open(kind, **said))

    def package(self, id_: str) -> list[dict[str, Any]]:
        """Return every record of a package, with its dataset and collection."""
        status, raw = self.ask("GET", f"/v1/requests/{id_}/package")
        assert status == 200, raw
        return [json.loads(line) for line in raw.splitlines()]

    def bytes(self) -> bytes:
        """Return all that the home and its servers' logs hold, byte by byte."""
        files = [path for path in sorted(self.home.rglob("*")) if path.is_file()]
        return b"\0".join([*(path.read_bytes() for path in files), self.log.read_bytes()])
