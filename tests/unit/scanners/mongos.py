"""A server that speaks MongoDB's protocol, in memory on loopback, gone at the end."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pymongo


@contextmanager
def server() -> Iterator[int]:
    """Give the port of a server."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    with tempfile.TemporaryDirectory(prefix="privet-") as name:
        program = Path(sys.executable).with_name("nx-27017")
        files = ["--log-file", f"{name}/log", "--pid-file", f"{name}/pid"]
        command = [str(program), "--db", "memory", "-p", str(port), *files]
        running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=name)
        try:
            raw(port).admin.command("ping")
            yield port
        finally:
            running.terminate()
            running.wait(30)


def raw(port: int) -> Any:
    """Return a client that knows nothing of the connector's. It waits until the server is there."""
    return pymongo.MongoClient("127.0.0.1", port, serverSelectionTimeoutMS=30_000)
