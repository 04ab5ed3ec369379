"""Server processes on loopback, each over a home of its own."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVER = """
import ctypes, json, resource, sys
from pathlib import Path
from privet.app.http.guard import Limits
from privet.app.http.server import serve
from privet.app.settings import Settings
from privet.app.wiring import House, initialize, wall_clock

home, limits = Path(sys.argv[1]), Limits(**json.loads(sys.argv[2]))
settings = Settings(home=home, key_file=home / "root.key", port=0)
if not settings.control.exists():
    initialize(settings, now_ms=wall_clock())
house = House(settings)

def ready(addresses):
    core, dumpable = resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
    print(json.dumps({"addresses": addresses, "core": core, "dumpable": dumpable}), flush=True)

serve(house, "127.0.0.1", 0, settings.socket, ready=ready, limits=limits)
house.close()
print("closed", flush=True)
"""


@dataclass
class Running:
    """A server process."""

    process: subprocess.Popen[str]
    home: Path
    said: dict[str, Any]

    @property
    def key(self) -> str:
        return (self.home / "cli.key").read_text().strip()

    @property
    def url(self) -> str:
        return str(self.said["addresses"][0])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", int(self.url.rpartition(":")[2])), timeout=10)


@contextmanager
def servers(home: Path, code: str = SERVER) -> Iterator[Callable[..., Running]]:
    """Give a function that starts a server over `home`, with `Limits` by name; all are gone at the end. `code`: of
    another server."""
    running: list[subprocess.Popen[str]] = []

    def begin(**limits: Any) -> Running:
        command = [sys.executable, "-c", code, str(home), json.dumps(limits)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        return Running(process, home, json.loads(process.stdout.readline()))

    try:
        yield begin
    finally:
        for process in running:
            process.kill()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()
