"""A folder of CSV, JSON lines and Parquet files.

An erasure writes a file anew beside the old one and puts it in its place in one step, with its mode and owner. Files
that hold nothing of what is erased are not touched. It refuses where that would lose something: a file that another
program has open for writing or has changed meanwhile, one with a second hard link, one that it may not own. Whoever
opens the file in the very moment of the change may still write into the old one: pause what appends, if it keeps files
open.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from privet.connectors.base import Batch, Connector, Halted, Read, Record, Setup
from privet.connectors.match import Edits
from privet.connectors.profile import Profile
from privet.connectors.systems import Setting, System
from privet.connectors.systems._sheets import (
    SETTINGS,
    Asked,
    Layout,
    described,
    known_collections,
    layout,
    read,
)
from privet.connectors.tabular import ENDINGS, ending, rewrite
from privet.errors import Conflict, InvalidInput, PrivetError, Refused, Unavailable
from privet.vocabulary.dataset import Dataset

_BESIDE = ".privet"
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC

Stamp = tuple[int, int, int, int, int]


class Folder:
    """Files under one folder. Names are paths within it, with `/`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def names(self, patterns: Sequence[str]) -> list[str]:
        """Return the files that patterns mean. Raises Refused where one is a link that leads out."""
        with _told(""):
            paths = (path for pattern in patterns for path in self.root.glob(pattern))
            found = [path for path in paths if not path.name.endswith(_BESIDE) and path.is_file()]
            return sorted({str(self._inside(path).relative_to(self.root)) for path in found})

    def path(self, name: str) -> Path:
        """Return where a file is. Raises Refused where that is not inside."""
        with _told(name):
            return self._inside(self.root / name)

    def _inside(self, path: Path) -> Path:
        real = path.resolve(strict=True)
        if not real.is_relative_to(self.root):
            raise Refused("expected files inside the folder, found a link that leads out", at=path.name)
        return real

    def copies(self, name: str) -> Iterator[AbstractContextManager[BinaryIO]]:
        """Give the one copy of a file."""
        yield self.open(name)

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Give a file's bytes."""
        path = self.path(name)
        with _told(name):
            number = os.open(path, _OPEN)
        with os.fdopen(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise Refused("expected a regular file, found another kind", at=name)
            yield file


class Files:
    """A folder as a connector."""

    def __init__(self, setup: Setup, root: Path, said: Layout) -> None:
        self._setup = setup
        self._said = said
        self._root = root

    def _folder(self) -> Folder:
        with _told(""):
            root = self._root.resolve(strict=True)
            os.listdir(root)
        return Folder(root)

    def probe(self) -> None:
        """Make sure that the folder is there and may be read."""
        self._folder()

    def describe(self) -> Dataset:
        """Return the collections that are set up, and each file at the folder's root by its name."""
        folder = self._folder()
        files = {name: self._said.files(folder, name) for name in self._said.patterns}
        taken = {file for found in files.values() for file in found}
        for file in folder.names(["*"]):
            if file.endswith(ENDINGS) and file not in taken:
                files.setdefault(file.removesuffix(ending(file)), []).append(file)
        found = [described(folder, self._said, name, listed) for name, listed in files.items()]
        return Dataset(key=self._setup.name, collections=tuple(found))

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the records that are asked for."""
        return read(self._folder(), self._said, ask, self._setup.limits.page)

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Carry out changes, file by file. Every file is looked at before the first one is written."""
        asked = Asked(known_collections(dataset, batches))
        folder = self._folder()
        todo = []
        for name, (edits, _) in asked.edits.items():
            for file in self._said.files(folder, name):
                stamp = _tried(folder, file, self._said, edits)
                if stamp is not None:
                    todo.append((name, file, edits, stamp))
        for done, (name, file, edits, stamp) in enumerate(todo):
            try:
                asked.count(name, _replaced(folder, file, self._said, edits, stamp))
            except PrivetError as error:
                if done:
                    raise Halted(asked.counts, error) from None
                raise
        return asked.counts

    def close(self) -> None:
        """Nothing is held between calls."""


def _tried(folder: Folder, file: str, said: Layout, edits: Edits) -> Stamp | None:
    """Return the state of a file that an erasure will change, None of one that it will not."""
    _swept(folder.path(file))
    with folder.open(file) as source:
        stamp = _stamp(os.fstat(source.fileno()))
        if not rewrite(source, None, said.sheet(file), edits):
            return None
        if os.fstat(source.fileno()).st_nlink > 1:
            raise Refused("expected a file with one name, found a second hard link, which would keep all", at=file)
        return stamp


def _replaced(folder: Folder, file: str, said: Layout, edits: Edits, stamp: Stamp) -> dict[int, int]:
    """Put a changed file in the place of the old one."""
    path = folder.path(file)
    with folder.open(file) as source, _told(file), _beside(path, file) as target:
        counts = rewrite(source, target, said.sheet(file), edits)
        target.flush()
        _alike(path, target, file)
        os.fsync(target.fileno())
        with _alone(source, file):
            if not stamp == _stamp(os.fstat(source.fileno())) == _stamp(os.stat(path, follow_symlinks=False)):
                raise Conflict("the file was changed meanwhile, so nothing of it was erased", at=file)
            os.replace(_name_beside(path), path)
        _sync(path.parent)
    return dict(counts)


def _name_beside(path: Path) -> Path:
    return path.with_name(f".{path.name}{_BESIDE}")


@contextmanager
def _beside(path: Path, file: str) -> Iterator[BinaryIO]:
    """Give an empty file next to another, which nobody else has; it goes away unless it takes the other's place."""
    number = _locked(_name_beside(path), file)
    with os.fdopen(number, "r+b") as target:
        target.truncate(0)
        try:
            yield target
        finally:
            if _is(number, _name_beside(path)):
                _name_beside(path).unlink()


def _locked(path: Path, file: str) -> int:
    """Return a locked file of that name. Raises Conflict where another erasure has it."""
    while True:
        number = os.open(path, _MAKE, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(number)
            raise Conflict("another erasure is at work on the file", at=file) from None
        if _is(number, path):
            return number
        os.close(number)  # another one just put it in the place of the old file


def _is(number: int, path: Path) -> bool:
    try:
        there = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(os.fstat(number), there)


def _swept(path: Path) -> None:
    """Remove what an erasure that was killed left beside a file."""
    beside = _name_beside(path)
    with _told(path.name), suppress(FileNotFoundError):
        os.stat(beside, follow_symlinks=False)
        number = _locked(beside, path.name)
        beside.unlink()
        os.close(number)


def _alike(path: Path, target: BinaryIO, file: str) -> None:
    """Give a new file the mode, owner and attributes of the old one."""
    old = os.stat(path, follow_symlinks=False)
    now = os.fstat(target.fileno())
    if (now.st_uid, now.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(target.fileno(), old.st_uid, old.st_gid)
        except PermissionError:
            raise Refused("expected to keep the file's owner, which we may not set", at=file) from None
    shutil.copystat(path, _name_beside(path))
    os.utime(target.fileno())


@contextmanager
def _alone(source: BinaryIO, file: str) -> Iterator[None]:
    """Raise Conflict where another program has a file open for writing, as far as the system can tell.

    Linux grants a read lease only on a file that nobody writes. Source: fcntl(2), "Leases".
    """
    number = source.fileno()
    if not hasattr(fcntl, "F_SETLEASE"):
        yield
        return
    try:
        # Who opens the file while we hold the lease waits, and we get a signal: one that is passed over by default.
        fcntl.fcntl(number, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise Conflict("another program has the file open for writing", at=file) from None
        yield  # not ours, or a file system without leases: size and time have to do
        return
    try:
        yield
    finally:
        fcntl.fcntl(number, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def _stamp(state: os.stat_result) -> Stamp:
    return state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def _sync(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Tell what the operating system says without quoting paths of the machine."""
    try:
        yield
    except PermissionError:
        raise Refused("the folder does not let us in", at=name) from None
    except FileNotFoundError:
        raise Unavailable("expected a folder or file, which is not there", at=name) from None
    except OSError as error:
        word = errno.errorcode.get(error.errno or 0, "an error")
        raise Unavailable(f"the file system answers {word}", at=name) from None


def _open(setup: Setup) -> Connector:
    folder = str(setup.settings.get("folder", ""))
    if not Path(folder).is_absolute() or not folder.isprintable():
        raise InvalidInput("expected the absolute path of a folder", at="folder")
    return Files(setup, Path(folder), layout(setup))


PART = System(
    name="files",
    title="Files",
    settings=(Setting(name="folder", about="The folder, as an absolute path."), *SETTINGS),
    profile=Profile(
        tried="server",
        against="a local file system",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="nature",
        docs=("RFC 4180", "jsonlines.org", "Arrow: Reading and Writing the Apache Parquet Format", "fcntl(2)"),
        limits=(
            "every file of a collection is read whole, as nothing in it is indexed",
            "each file changes at once, several files one after the other",
            "an empty cell of CSV holds nothing; a first line names the columns",
            "memory holds one row group of a Parquet file when it is written anew",
        ),
    ),
    open=_open,
)
