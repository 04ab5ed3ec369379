"""What a request gathers and intends, line by line, sealed under its key: in memory while it is little, else in chunks.

What is in memory becomes durable with the next write of the worker (`steps`), so that a small request costs no write
of its own, and a large one bounded memory. Of what is durable a chunk's worth stays in memory, to be read from there.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from privet.errors import Damaged
from privet.rights.sealed import RequestKey
from privet.store.port import Delete, Step
from privet.store.queue import Queue

Write = Callable[[Sequence[Step]], None]


class Spool:
    """The parts of one request. Any thread may add; reading is for when nobody adds to that part."""

    def __init__(self, queue: Queue, key: RequestKey, write: Write, *, chunk_bytes: int) -> None:
        """`write`: carries out steps in one fenced unit. `chunk_bytes`: a chunk's size; five are held in memory."""
        self._queue = queue
        self._key = key
        self._write = write
        self._chunk_bytes = chunk_bytes
        self._lock = threading.Lock()
        self._lines: dict[str, list[bytes]] = {}
        self._held = 0
        self._chunks: dict[str, int] = {}
        self._kept: dict[str, list[bytes]] = {}  # parts that are durable and in memory, whole
        self._room = chunk_bytes
        self._stale = True

    def begin(self, chunks: dict[str, int] | None = None) -> None:
        """Start anew, over whatever an earlier attempt left, or go on after what `chunks` says is durable."""
        self._lines, self._held = {}, 0
        self._kept, self._room = {}, self._chunk_bytes
        self._chunks = dict(chunks or {})
        self._stale = chunks is None

    @property
    def chunks(self) -> dict[str, int]:
        """Return how many chunks each part has, those of `steps` included."""
        return dict(self._chunks)

    def add(self, part: str, document: object) -> None:
        """Add a document to a part."""
        line = self._key.encode(document)
        with self._lock:
            self._lines.setdefault(part, []).append(line)
            self._held += len(line)
            if self._held > 4 * self._chunk_bytes:
                self._write(self._steps())

    def steps(self) -> tuple[Step, ...]:
        """Return the steps that make what is in memory durable; it counts as durable from now on."""
        with self._lock:
            return self._steps()

    def drop(self, prefix: str) -> tuple[Step, ...]:
        """Return the steps that drop the parts whose names begin so, and forget what of them is in memory."""
        with self._lock:
            for part in [part for part in self._lines if part.startswith(prefix)]:
                self._held -= sum(map(len, self._lines.pop(part)))
            gone = [part for part in self._chunks if part.startswith(prefix)]
            for part in gone:
                del self._chunks[part]
                self._let_go(part)
        flow = self._key.request
        return (Delete("flow_parts", ("flow", "part"), [(flow, part) for part in gone]),) if gone else ()

    def parts(self, prefix: str) -> list[str]:
        """Return the names of parts that begin so, sorted."""
        return sorted(part for part in {*self._chunks, *self._lines} if part.startswith(prefix))

    def read(self, part: str) -> Iterator[Any]:
        """Yield the documents of a part in the order in which they were added. Raises Damaged where a chunk is gone."""
        with self._lock:
            # Both at once: adding to another part may move these lines into chunks meanwhile.
            chunks, lines = self._chunks.get(part, 0), self._lines.get(part, [])
            kept = self._kept.get(part)
        if kept is None:
            yield from stored(self._queue, self._key, part, chunks)
        for line in (*(kept or ()), *lines):
            yield self._key.decode(line)

    def _steps(self) -> tuple[Step, ...]:
        flow = self._key.request
        steps: list[Step] = [Delete("flow_parts", ("flow",), ((flow,),))] if self._stale else []
        self._stale = False
        for part, lines in self._lines.items():
            self._keep(part, lines)
            for body in _bodies(lines, self._chunk_bytes):
                number = self._chunks.get(part, 0)
                steps.append(self._queue.part(flow, part, number, self._key.seal(part, number, body)))
                self._chunks[part] = number + 1
        self._lines, self._held = {}, 0
        return tuple(steps)

    def _keep(self, part: str, lines: list[bytes]) -> None:
        """Keep a part in memory where there is room, for as long as it does not grow."""
        size = sum(map(len, lines))
        if part in self._chunks:
            self._let_go(part)
        elif size <= self._room:
            self._kept[part] = lines
            self._room -= size

    def _let_go(self, part: str) -> None:
        self._room += sum(map(len, self._kept.pop(part, ())))


def stored(queue: Queue, key: RequestKey, part: str, chunks: int) -> Iterator[Any]:
    """Yield the documents of a part's durable chunks. Raises Damaged where their number is not `chunks`."""
    for body in opened(queue, key, part, chunks):
        for line in body.split(b"\n"):
            yield key.decode(line)


def opened(queue: Queue, key: RequestKey, part: str, chunks: int) -> Iterator[bytes]:
    """Yield a part's durable chunks: lines of documents. Raises Damaged where their number is not `chunks`."""
    found = 0
    for number, cell in islice(queue.parts(key.request, part), chunks):
        if number != found:
            break
        found += 1
        yield key.open(part, number, cell)
    if found != chunks:
        raise Damaged("chunks of what a request gathered are missing", hint="retry the request")


def _bodies(lines: Sequence[bytes], most: int) -> Iterator[bytes]:
    held: list[bytes] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= most:
            yield b"\n".join(held)
            held, size = [], 0
    if held:
        yield b"\n".join(held)
