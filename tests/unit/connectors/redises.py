"""A Redis server of our own, on a Unix socket in a temporary folder, gone at the end."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

PASSWORD = "canary-redis-password"


@contextmanager
def server() -> Iterator[str]:
    """Give the path of a server's socket."""
    if shutil.which("redis-server") is None:
        pytest.skip("needs redis-server, of Debian's package of that name")
    with tempfile.TemporaryDirectory(prefix="privet-") as name:
        socket = str(Path(name) / "s")
        plain = ["--port", "0", "--unixsocket", socket, "--save", "", "--appendonly", "no", "--dir", name]
        running = subprocess.Popen(["redis-server", *plain, "--requirepass", PASSWORD], stdout=subprocess.DEVNULL)
        try:
            raw(socket, Retry(ConstantBackoff(0.05), 200)).ping()
            yield socket
        finally:
            running.terminate()
            running.wait(30)


def raw(socket: str, retry: Retry | None = None) -> redis.Redis:
    """Return a client that knows nothing of the connector's."""
    return redis.Redis(
        unix_socket_path=socket,
        password=PASSWORD,
        decode_responses=True,
        retry=retry,
        retry_on_error=[FileNotFoundError, redis.exceptions.ConnectionError] if retry else None,
    )
