"""A scan that stopped goes on where it stopped, and what it writes is what one that never stopped writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from privet.app.cli.scan import _Counts, _write
from privet.codec import read_yaml
from privet.errors import Conflict, MalformedBody
from privet.scanners import journal as journals
from privet.scanners.base import Ask, Observed
from privet.scanners.detectors import Detector, detector_of
from privet.scanners.journal import Journal
from privet.secret import Secret

TABLES = 3 * journals.PIECE + 7


class Stopped(BaseException):
    """The process is interrupted."""


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    path = tmp_path_factory.mktemp("big") / "big.db"
    with sqlite3.connect(path) as database:
        for at in range(TABLES):
            database.execute(f"CREATE TABLE t{at:04} (id INTEGER PRIMARY KEY, email TEXT)")
    database.close()
    return Ask(dsn=Secret(f"sqlite:///{path}"), key="big")


def write(ask: Ask, out: Path, *, resume: bool = False, stop_at: int = -1) -> list[str]:
    """Scan; return what was looked at, in order."""
    looked: list[str] = []

    def scan(asked: Ask) -> Iterator[Observed]:
        for one in detector_of(asked.dsn).scan(asked):
            if len(looked) == stop_at:
                raise Stopped
            looked.append(one.address)
            yield one

    _write(Detector(name="x", about="x", schemes=(), scan=scan), ask, out, _Counts((), 0.5), resume=resume)
    return looked


@pytest.fixture(scope="module")
def whole(ask: Ask, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("whole") / "out.yml"
    assert len(write(ask, out)) == TABLES
    return out.read_text()


@pytest.mark.parametrize("stop_at", [0, 1, journals.PIECE - 2, journals.PIECE, 2 * journals.PIECE + 1, TABLES - 1])
def test_a_stopped_scan_goes_on_and_writes_the_same(ask: Ask, whole: str, tmp_path: Path, stop_at: int) -> None:
    out = tmp_path / "out.yml"
    with pytest.raises(Stopped):
        write(ask, out, stop_at=stop_at)
    assert not out.exists()
    looked = write(ask, out, resume=True)
    assert TABLES - len(looked) >= stop_at - journals.PIECE
    assert out.read_text() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out.yml"]


def test_it_may_stop_again_and_again(ask: Ask, whole: str, tmp_path: Path) -> None:
    out = tmp_path / "out.yml"
    for resume in (False, True, True):
        with pytest.raises(Stopped):
            write(ask, out, resume=resume, stop_at=journals.PIECE)
    write(ask, out, resume=True)
    assert out.read_text() == whole


@pytest.mark.parametrize("cut", [1, 30])
def test_a_torn_journal_and_text_beyond_it_do_no_harm(ask: Ask, whole: str, tmp_path: Path, cut: int) -> None:
    out = tmp_path / "out.yml"
    with pytest.raises(Stopped):
        write(ask, out, stop_at=2 * journals.PIECE + 1)
    journal, part = tmp_path / "out.yml.journal", tmp_path / "out.yml.part"
    journal.write_text(journal.read_text()[:-cut])
    part.write_text(part.read_text() + "      - name: half a tab")
    write(ask, out, resume=True)
    assert out.read_text() == whole


def test_what_is_written_is_a_manifest(whole: str) -> None:
    (dataset,) = read_yaml(whole).plain()["dataset"]
    assert len(dataset["collections"]) == TABLES
    assert dataset["collections"][0]["fields"][1]["data_categories"] == ["user.contact.email"]


def test_nothing_is_overwritten(ask: Ask, tmp_path: Path) -> None:
    out = tmp_path / "out.yml"
    out.write_text("precious")
    with pytest.raises(Conflict, match="there already"):
        write(ask, out)
    out.unlink()
    with pytest.raises(Stopped):
        write(ask, out, stop_at=5)
    with pytest.raises(Conflict, match="a scan stopped here"):
        write(ask, out)


def test_another_scan_does_not_go_on_with_it(ask: Ask, tmp_path: Path) -> None:
    out = tmp_path / "out.yml"
    with pytest.raises(Stopped):
        write(ask, out, stop_at=5)
    with pytest.raises(Conflict, match="another scan"):
        write(Ask(dsn=ask.dsn, key="other"), out, resume=True)


def test_a_text_shorter_than_its_journal_is_refused(ask: Ask, tmp_path: Path) -> None:
    out = tmp_path / "out.yml"
    with pytest.raises(Stopped):
        write(ask, out, stop_at=journals.PIECE + 5)
    (tmp_path / "out.yml.part").write_text("")
    with pytest.raises(MalformedBody, match="shorter"):
        write(ask, out, resume=True)


MARRED = [
    f'{{"scan": "m"}}\n{line}\n'
    for line in ('{"done": []}', '{"scan": "m"}', '{"done": 5, "dataset": "d", "length": 0}', "\xff")
]


@pytest.mark.parametrize("text", ["", "{}\n", "no json\n", '{"scan": 1}\n[]\n', *MARRED])
def test_what_is_no_journal_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "out.yml.journal").write_text(text, encoding="latin-1")
    (tmp_path / "out.yml.part").write_text("")
    with pytest.raises((MalformedBody, Conflict)):
        Journal(tmp_path / "out.yml", "m", resume=True)


def test_going_on_where_nothing_stopped_begins(ask: Ask, whole: str, tmp_path: Path) -> None:
    write(ask, tmp_path / "out.yml", resume=True)
    assert (tmp_path / "out.yml").read_text() == whole
