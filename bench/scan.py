"""Scans of databases: `privet scan db` on SQLite and PostgreSQL, and what memory many tables take.

Tables have 20 columns, one of them a reference; no values are looked at.
"""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench import Row, most
from bench._server import PRIVET, folder

sys.path.append(str(Path(__file__).parents[1] / "tests" / "unit" / "scanners"))  # where servers are started

TABLES, MANY = 1_000, 100_000
BOUNDS = {
    "scan: 1,000 tables": "A third of it is writing the manifest, a quarter making fields of the columns.",
    "scan: memory": "SQLite's own parsed schema, which it keeps whole for as long as a file is open, is most of it.",
}
_COLUMNS = ", ".join(f"c{at} varchar(40)" for at in range(15))
_TABLE = (
    "CREATE TABLE t{} (id integer PRIMARY KEY, email varchar(40) NOT NULL, name text, born date, "
    "user_id integer REFERENCES t0 (id), " + _COLUMNS + ")"
)
_MEASURED = """
import sys
from privet.app.cli.main import cli
try:
    cli(sys.argv[1:], prog_name="privet")
except SystemExit:
    pass
with open("/proc/self/status") as lines:
    print(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
"""
"""What `getrusage` calls the most memory of a process counts that of the process which started it, too."""


def rows(quick: bool = False) -> Iterator[Row]:
    """Yield the seconds of scans, and their memory."""
    count, many = (50, 200) if quick else (TABLES, MANY)
    with folder() as name:
        place = Path(name)
        lite = _file(place / "lite.db", count)
        yield most(f"scan: {count:,} tables of 20 columns in SQLite, seconds by the clock", _seconds(lite, place), 10)
        yield most(
            f"scan: {count:,} tables of 20 columns in PostgreSQL, seconds by the clock", _postgres(count, place), 10
        )
        big = _file(place / "big.db", many)
        yield most(f"scan: memory of a scan of {many:,} tables in SQLite, MB", _memory_mb(big, place), 150)


def _file(path: Path, count: int) -> str:
    """Return the DSN of a file of so many tables. Written into the catalog: SQLite reads all of it for each CREATE."""
    database = sqlite3.connect(path)
    database.execute(_TABLE.format(0))
    database.execute("PRAGMA writable_schema = ON")
    (page,) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = 't0'").fetchone()
    made = ((f"t{at}", page, _TABLE.format(at)) for at in range(1, count))
    database.executemany("INSERT INTO sqlite_master VALUES ('table', ?1, ?1, ?2, ?3)", made)
    database.commit()
    database.close()
    return f"sqlite:///{path}"


def _seconds(dsn: str, place: Path) -> float:
    out = place / "out.yml"
    start = time.perf_counter()
    subprocess.run([*PRIVET, "scan", "db", dsn, "--output", str(out)], check=True, stderr=subprocess.DEVNULL)
    spent = time.perf_counter() - start
    out.unlink()
    return spent


def _postgres(count: int, place: Path) -> float:
    from servers import postgres, run_sql

    with postgres() as dsn:
        run_sql(dsn, *(_TABLE.format(at) for at in range(count)))
        return _seconds(dsn, place)


def _memory_mb(dsn: str, place: Path) -> float:
    command = [sys.executable, "-c", _MEASURED, "scan", "db", dsn, "--output", str(place / "big.yml")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout) / 1024
