"""The witness of an audit: signed checkpoints kept where who changes the database does not reach them.

A file that notes are appended to, or a git work tree where each is a commit. What a witness holds proves that a log
was not cut, changed or set back up to there. A log that does not add to what was kept is refused, not kept.
"""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from privet.app.settings import WitnessPlace
from privet.crypto import merkle
from privet.crypto.merkle import Checkpoint
from privet.errors import Refused, Unavailable
from privet.vault.log.checkpoint import Log, replace_file

GIT_SECONDS = 20.0
_TAIL_BYTES = 1 << 20  # of a witness file that is read first: some thousand notes
_SUFFIX = ".checkpoint"
_DASH = "\N{EM DASH}"
_NOTE = re.compile(rf"^(\S+)\n\d+\n\S+\n\n(?:{_DASH} \S+ \S+\n)+", re.MULTILINE)
# Nothing of the machine's git is used: no hooks, no signing, no settings of the user.
_GIT = (
    *("git", "-c", "user.name=Privet", "-c", "user.email=privet@localhost", "-c", "core.fsync=all"),
    *("-c", "commit.gpgsign=false", "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0"),
)
_GIT_ENVIRONMENT = {"PATH": os.defpath, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


class Witness:
    """Where a house keeps the checkpoints of its logs. Any thread may call."""

    def __init__(self, place: WitnessPlace) -> None:
        self._place = place
        self._kept: dict[str, Checkpoint] = {}
        self._lock = threading.Lock()

    def keep(self, logs: Iterable[Log]) -> None:
        """Keep the last checkpoint of each log that grew, durable on return.

        Raises Refused where a log lacks or denies what was kept of it, Unavailable where nothing can be kept, Damaged
        where what was kept is not signed by the log.
        """
        with self._lock:
            fresh = [found for log in logs if (found := self._fresh(log)) is not None]
            if not fresh:
                return
            try:
                (_append if self._place.kind == "file" else _commit)(self._place.path, fresh)
            except OSError:
                raise Unavailable("the audit's witness cannot be written", at=str(self._place.path)) from None
            self._kept |= {found.origin: found for _, found in fresh}

    def newest(self, log: Log) -> Checkpoint | None:
        """Return the newest checkpoint of a log that was kept, None where none was. Raises as `keep`."""
        path = self._place.path
        note = newest(path, log.origin) if self._place.kind == "file" else _committed(path, log.origin)
        return proved(note, log.verifier) if note else None

    def _fresh(self, log: Log) -> tuple[str, Checkpoint] | None:
        note = log.note
        if not note:
            return None
        last = proved(note, log.verifier)
        known = self._kept.get(log.origin) or self.newest(log) or Checkpoint(log.origin, 0, merkle.EMPTY_ROOT)
        if last == known:
            return None
        _demand_grown(log, known, last)
        return (note, last) if last.size > known.size else None


def proved(note: str, verifier: str) -> Checkpoint:
    """Return what a note says, proved by a log's public key. Raises Damaged, WrongKey."""
    return merkle.parse_checkpoint(merkle.open_note(note, verifier))


def newest(path: Path, origin: str) -> str:
    """Return the newest note of one log that a witness holds, "" where it holds none.

    `path`: the file, or the work tree. Raises Unavailable where it cannot be read.
    """
    return of_each(path, origin).get(origin, "")


def of_each(path: Path, origin: str = "") -> dict[str, str]:
    """Return the newest note of each log by its origin. `origin`: that one is wanted, others may be left out."""
    try:
        if path.is_dir():
            return notes("\n".join(_read(file) for file in sorted(path.glob(f"*{_SUFFIX}"))))
        found = notes(_read(path, _TAIL_BYTES))
        return found if origin and origin in found else notes(_read(path))
    except FileNotFoundError:
        return {}
    except OSError:
        raise Unavailable("the audit's witness cannot be read", at=str(path)) from None


def notes(text: str) -> dict[str, str]:
    """Return the last whole note of each origin in a text of notes."""
    return {found.group(1): found.group(0) for found in _NOTE.finditer(text)}


def _demand_grown(log: Log, known: Checkpoint, last: Checkpoint) -> None:
    if last.size < known.size:
        raise Refused(
            f"the audit's checkpoint proves {last.size:,} entries and its witness {known.size:,}: it is an older one",
            at=log.origin,
            hint="put the newest database back",
        )
    if merkle.root(merkle.tile_source(log.tile), known.size) != known.root:
        raise Refused("the audit is not the one that its witness has seen", at=log.origin)


def _read(path: Path, most: int = 0) -> str:
    with path.open("rb") as file:
        if most:
            file.seek(max(0, os.fstat(file.fileno()).st_size - most))
        return file.read().decode(errors="replace")


def _append(path: Path, fresh: Sequence[tuple[str, Checkpoint]]) -> None:
    """Append notes and make them durable. Each begins on a line of its own, whatever a crash left before it."""
    made = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write("".join(f"\n{note}" for note, _ in fresh).encode())
        file.flush()
        os.fsync(file.fileno())
    if made:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _commit(path: Path, fresh: Sequence[tuple[str, Checkpoint]]) -> None:
    """Write each log's note into its own file of the work tree and commit those."""
    names = [_file_of(checkpoint.origin) for _, checkpoint in fresh]
    for name, (note, _) in zip(names, fresh, strict=True):
        replace_file(str(path / name), note)
    said = ", ".join(f"{checkpoint.origin} {checkpoint.size}" for _, checkpoint in fresh)
    for arguments in (
        ("add", "--", *names),
        ("commit", "--quiet", "--no-verify", "-m", f"Audit: {said}", "--", *names),
    ):
        done = _git(path, *arguments)
        if done.returncode:
            raise Unavailable(f"`git {arguments[0]}` failed with {done.returncode}", at=str(path))


def _committed(path: Path, origin: str) -> str:
    """Return the note of a log that was committed last, "" for none: what only lies in the work tree is not kept."""
    if not (path / ".git").exists():
        raise Unavailable("the audit's witness is no git work tree", at=str(path), hint="`git init` makes one")
    done = _git(path, "show", f"HEAD:./{_file_of(origin)}")
    return notes(done.stdout.decode(errors="replace")).get(origin, "") if not done.returncode else ""


def _file_of(origin: str) -> str:
    return origin.replace("/", "-") + _SUFFIX


def _git(path: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603  # a list, no shell; the path is of the settings
            [*_GIT, "-C", str(path), *arguments],
            env=_GIT_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=GIT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"git took more than {GIT_SECONDS:g} seconds", at=str(path)) from None
    except OSError:
        raise Unavailable("git cannot be run", at=str(path)) from None
