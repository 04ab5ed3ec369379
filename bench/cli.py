"""The command line as a person meets it: processes by the clock, from their start.

Seconds and megabytes, the best of several runs; the import is one run from the file to the file with tokens. Processes
find compiled modules, as after `pip install`.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import Row, least, most
from bench._server import PRIVET, folder, make_home, privet, wait_healthy
from bench.customers import write

BOUNDS = {
    "cli: `privet --help`": "The interpreter takes a fifth of it and click more than half.",
    "cli: `privet serve` healthy": (
        "Three quarters are imports, a quarter of those numpy; the rest opens stores and proves the audit's checkpoint."
    ),
    "cli: idle memory": "Imports are four fifths of it, numpy and cryptography with OpenSSL two fifths.",
    "cli: rows/s of `privet import`": (
        "Each row has 15 columns, 17 indexes and 5 stored tokens, three times the work of the table over HTTP. To "
        "start the process and guess the types is a fifth. SQLite is three tenths, most of it for 27 entries of a row "
        "at random places of trees. The other half is Python, and flat: to read the file and write the tokens out, to "
        "check 15 values, to seal and tag them, to make the tokens. One core does it all: a batch that fails must keep "
        "the next ones out, so none begins before the one before it is durable."
    ),
}


def rows(quick: bool = False) -> Iterator[Row]:
    """Yield the figures of processes."""
    times = 1 if quick else 5
    with folder() as name, compiled(Path(name, "compiled")):
        place = Path(name)
        _import(place / "first", 100)
        yield most("cli: `privet --help`, seconds by the clock", min(_help() for _ in range(times)), 0.2)
        home = make_home(place)
        yield most("cli: `privet serve` healthy, seconds by the clock", min(_healthy(home) for _ in range(times)), 1.5)
        yield most("cli: idle memory of `privet serve`, MB", _idle_mb(home), 120)
        yield _import(place, 500 if quick else 20_000)


@contextmanager
def compiled(place: Path) -> Iterator[None]:
    """Have processes keep compiled modules in a folder of their own, whatever the environment says of it."""
    before = dict(os.environ)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(place)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _help() -> float:
    start = time.perf_counter()
    subprocess.run([*PRIVET, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def _healthy(home: Path) -> float:
    start = time.perf_counter()
    with privet(home) as server:
        wait_healthy(f"http://127.0.0.1:{server.port}/healthz")
        return time.perf_counter() - start


def _idle_mb(home: Path) -> float:
    with privet(home) as server:
        server.ask("POST", "/v1/vaults", {"name": "idle", "template": "quickstart"}, status=201)
        wait_healthy(f"http://127.0.0.1:{server.port}/healthz")
        return server.memory_mb()


def _import(place: Path, count: int) -> Row:
    place.mkdir(exist_ok=True)
    home, file = make_home(place / "import"), place / "customers.csv"
    write(file, count)
    command = [*PRIVET, "--json", "--home", str(home), "import", str(file), "--vault", "shop", "--table", "customers"]
    start = time.perf_counter()
    subprocess.run([*command, "--yes"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    spent = time.perf_counter() - start
    return least(
        f"cli: rows/s of `privet import` by the clock, {count:,} rows of 15 columns", count / spent, None, 5_000
    )
