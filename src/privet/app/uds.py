"""Unix sockets whose path is longer than the system takes: they are bound and reached through a link.

The socket itself stands in its own folder, with the mode and the owner that it has there. The link stands in a new
folder of mode 0700 with a random name, so that nobody can make one in its place.
"""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOST_BYTES = 100  # unix(7): 108 with the NUL; macOS, unix(4): 104


@contextmanager
def short(path: Path) -> Iterator[str]:
    """Yield a path for `bind` or `connect` that leads to `path` until the end: itself, if it is short enough."""
    if len(os.fsencode(path)) <= MOST_BYTES:
        yield os.fspath(path)
        return
    with tempfile.TemporaryDirectory(prefix="privet-", dir=_place()) as folder:
        link = Path(folder) / "home"
        link.symlink_to(path.parent.absolute(), target_is_directory=True)
        yield os.fspath(link / path.name)


def answers(path: Path) -> bool:
    """Return whether a process takes connections on the Unix socket at `path`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, short(path) as name:
        probe.settimeout(2.0)
        try:
            probe.connect(name)
        except TimeoutError:
            return True  # its queue is full: it lives
        except OSError:  # no socket, or one that a killed process left behind
            return False
        return True


def _place() -> str:
    """Return where links are made: the system's temporary folder, unless its own path is long."""
    found = tempfile.gettempdir()
    return found if len(os.fsencode(found)) < MOST_BYTES // 2 + 10 else "/tmp"  # noqa: S108  (a random name in it)
