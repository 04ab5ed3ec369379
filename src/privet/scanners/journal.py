"""What of a long scan is written already, beside its output, so that one that stopped goes on where it stopped.

`OUT.part` holds the text, `OUT.journal` a line of JSON for each piece of it: the addresses of collections that are
done, and how long the text is with them. Names only: no sample ever reaches either. Both are gone when it is finished.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from privet.errors import Conflict, MalformedBody

PIECE = 200  # collections that are written, and made durable, together


class Journal:
    """The output of one scan while it is written. `mark`: tells scans apart; the same ask has the same mark."""

    def __init__(self, out: Path, mark: str, *, resume: bool) -> None:
        """Begin, or go on with what was begun. Raises Conflict where there is output that this would overwrite, or
        what was begun is of another scan."""
        self.done: set[str] = set()
        self.dataset = ""
        self._out = out
        self._part = out.with_name(f"{out.name}.part")
        self._path = out.with_name(f"{out.name}.journal")
        if out.exists():
            raise Conflict("the output is there already", at=str(out), hint="--merge FILE adds to it")
        if self._path.exists() and not resume:
            raise Conflict("a scan stopped here", at=str(self._path), hint="--resume goes on with it; or remove it")
        length = self._read(mark) if self._path.exists() else self._begin(mark)
        self._text = self._part.open("r+b")
        self._text.truncate(length)
        self._text.seek(length)
        self._lines: list[str] = []
        self._fresh: list[str] = []

    def add(self, address: str, dataset: str, text: str) -> None:
        """Write one collection. `dataset`: the key of what it is in."""
        self._lines.append(text)
        self._fresh.append(address)
        self.dataset = dataset
        if len(self._fresh) >= PIECE:
            self.write()

    def write(self) -> None:
        """Make durable what was added so far."""
        self._text.write("".join(self._lines).encode())
        self._text.flush()
        os.fsync(self._text.fileno())
        said = {"done": self._fresh, "dataset": self.dataset, "length": self._text.tell()}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")
        self.done.update(self._fresh)
        self._lines, self._fresh = [], []

    def stop(self) -> None:
        """Leave what was written so far to be gone on with."""
        self._text.close()

    def finish(self) -> None:
        """Put the output in its place."""
        self.write()
        self._text.close()
        self._part.replace(self._out)
        self._path.unlink()

    def _begin(self, mark: str) -> int:
        self._part.write_bytes(b"")
        self._path.write_text(json.dumps({"scan": mark}) + "\n", encoding="utf-8")
        return 0

    def _read(self, mark: str) -> int:
        length = 0
        lines = self._path.read_text(encoding="utf-8", errors="replace").split("\n")
        if _line(lines[0], self._path, scan=str)["scan"] != mark:
            raise Conflict("what was begun is of another scan", at=str(self._path), hint="ask as before, or remove it")
        for line in lines[1:-1]:  # what stands after the last break was cut off by the stop
            said = _line(line, self._path, done=list, dataset=str, length=int)
            self.done.update(map(str, said["done"]))
            self.dataset, length = said["dataset"], said["length"]
        if not self._part.is_file() or self._part.stat().st_size < length:
            raise MalformedBody("the text is shorter than its journal says", at=str(self._part), hint="remove both")
        return length


def _line(text: str, path: Path, **kinds: type) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict) or any(type(found.get(word)) is not kind for word, kind in kinds.items()):
        raise MalformedBody("expected a journal of a scan", at=str(path), hint="remove it and begin anew")
    return found
