"""Values that a scan looks at reach no output, no error, no log and no file, whatever the log's level is."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner
from servers import run_sql

from privet.app.cli.main import cli
from privet.manifest.drift.compare import TECHNICAL
from privet.scanners.base import Ask
from privet.scanners.detectors import detector_of, mongo
from privet.secret import Secret

EMAILS = [f"canary{n}@example.com" for n in range(12)]
PHONES = [f"+1201555010{n % 10}" for n in range(12)]
CANARIES = ("canary", "1201555010", "hunter2")
TABLE = "CREATE TABLE people (id int PRIMARY KEY, contact varchar(99), c7 varchar(99), note varchar(99))"


class Everything(logging.Handler):
    """Keeps all that is logged, at every level."""

    def __init__(self) -> None:
        super().__init__(level=logging.NOTSET)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(f"{record.getMessage()} {record.__dict__}")


@pytest.fixture
def log() -> Iterator[Everything]:
    root, handler = logging.getLogger(), Everything()
    names = ("sqlalchemy", "sqlalchemy.engine", "sqlalchemy.pool", "psycopg", "pymongo", "pymongo.command")
    loggers = [root, *map(logging.getLogger, names)]
    before = [(logger.level, logger.disabled) for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
        logger.disabled = False  # libraries that set logging up from a file shut those that are there
    yield handler
    for logger, (level, disabled) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.disabled = disabled
    root.removeHandler(handler)


def rows() -> list[str]:
    values = ", ".join(
        f"({n}, '{email}', '{phone}', 'call {email}')"
        for n, (email, phone) in enumerate(zip(EMAILS, PHONES, strict=True))
    )
    return [f"INSERT INTO people VALUES {values}"]


@pytest.fixture
def people(postgres_dsn: str) -> Iterator[str]:
    run_sql(postgres_dsn, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public", TABLE, *rows())
    yield postgres_dsn.replace("reader@", "reader:hunter2@")
    run_sql(postgres_dsn, "DROP TABLE people")


@pytest.mark.parametrize("form", ["out", "merge", "print", "json", "drift"])
def test_no_value_is_kept(form: str, people: str, log: Everything, tmp_path: Path) -> None:
    out = tmp_path / "shop.yml"
    scan = ["scan", "db", people, "--key", "shop", "--samples", "10"]
    commands = {
        "out": [*scan, "--output", str(out)],
        "merge": [*scan, "--merge", str(out)],
        "print": scan,
        "json": [*scan, "--json"],
        "drift": ["drift", str(tmp_path), "--db", people, "--samples", "10", "--patch", str(tmp_path / "p")],
    }
    done = CliRunner().invoke(cli, commands[form])
    files = "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    kept = done.output + files + "".join(log.said)
    assert done.exit_code in ((1,) if form == "drift" else (0,)), done.output
    assert "user.contact.email" in done.output + files, "the values were looked at"
    assert [canary for canary in CANARIES if canary in kept] == []


def test_a_scan_that_stops_half_way_leaves_no_value(people: str, log: Everything, tmp_path: Path) -> None:
    from privet.app.cli.scan import _Counts, _write
    from privet.scanners.detectors import Detector

    def stops(ask: Ask) -> Iterator[object]:
        yield from detector_of(ask.dsn).scan(ask)
        raise KeyboardInterrupt

    ask = Ask(dsn=Secret(people), key="shop", samples=10)
    detector = Detector(name="x", about="x", schemes=(), scan=stops)  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        _write(detector, ask, tmp_path / "out.yml", _Counts(TECHNICAL, 0.5), resume=False)
    kept = "".join(path.read_text() for path in tmp_path.iterdir()) + "".join(log.said)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.yml.journal", "out.yml.part"]
    assert [canary for canary in CANARIES if canary in kept] == []


def test_the_log_would_hold_values_otherwise(people: str, log: Everything) -> None:
    engine = sa.create_engine(people.replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT contact FROM people").fetchall()
    engine.dispose()
    assert any("canary" in said for said in log.said)


def test_what_pymongo_logs_of_a_scan_is_dropped(log: Everything) -> None:
    logger = logging.getLogger("pymongo.command")
    with mongo._unlogged():
        logger.debug("reply: canary")
    assert log.said == []
    logger.debug("reply: canary")
    assert len(log.said) == 1
