"""Sizes that keep a file readable whole and an install small."""

from __future__ import annotations

import re
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from tree import PACKAGE, ROOT, SHELVES, python_files

FILE_AIM, FILE_STOP = 300, 500
MACHINES = ("policy", "store", "connectors", "crypto")
MACHINE_FILES = 9
# Ten small files, each one construction that is reviewed on its own.
EXEMPT = {"crypto"}
NAME_LETTERS = 12
DISTRIBUTIONS = 42
INSTALL_BYTES = 150_000_000


def test_no_file_is_longer_than_can_be_read_whole() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in python_files()}
    long = {name: count for name, count in sorted(lengths.items()) if count > FILE_AIM}
    print(f"above the aim of {FILE_AIM} lines: {long}")
    assert {name: count for name, count in long.items() if count > FILE_STOP} == {}


@pytest.mark.parametrize("machine", MACHINES)
def test_a_machine_is_at_most_nine_files(machine: str) -> None:
    files = [path.name for path in (PACKAGE / machine).glob("*.py") if path.name != "__init__.py"]
    assert machine in EXEMPT or len(files) <= MACHINE_FILES, sorted(files)


def test_folders_are_at_most_two_deep() -> None:
    deep = [path for path in PACKAGE.rglob("*.py") if len(path.relative_to(PACKAGE).parts) > 3]
    assert deep == []


def test_file_names_are_one_short_noun() -> None:
    shelves = {shelf.folder for shelf in SHELVES}
    long = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if path.parent not in shelves and len(path.stem.strip("_")) > NAME_LETTERS
    ]
    assert long == []


def test_an_install_stays_within_its_budget() -> None:
    lines = (ROOT / "requirements" / "run.lock").read_text().splitlines()
    requirements = [Requirement(line.rstrip("\\ ")) for line in lines if re.match(r"[a-z0-9]", line)]
    names = {r.name for r in requirements if r.marker is None or r.marker.evaluate()}
    files = [Path(str(file.locate())) for name in names for file in distribution(name).files or ()]
    # Bytecode is left out: it is a cache that each interpreter writes, and may be kept elsewhere or nowhere.
    size = sum(file.stat().st_size for file in files if file.suffix != ".pyc" and file.is_file())
    assert len(names) <= DISTRIBUTIONS, sorted(names)
    assert size < INSTALL_BYTES, f"{size / 1e6:.0f} MB"
