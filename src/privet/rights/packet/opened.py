"""What was gathered, out of the sealed spool, as values that JSON knows: a chunk at a time, because of the time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from privet.rights.journal import Journal
from privet.rights.proof.package import plain
from privet.rights.sealed import RequestKey
from privet.rights.work.spool import opened

_AS_TEXT = rb'":"(?:datetime|date|time|decimal|uuid|object_id)","is":("[^"\\]*")\}'

Row = tuple[str, dict[str, Any]]
"""(bond, values)"""


class Lines:
    """Reads lines that a request's key wrote."""

    def __init__(self, key: RequestKey) -> None:
        # Nobody else can write the tag, and a quotation mark within a text has a backslash before it: what is found is
        # a value of a type that stands as text in JSON.
        self._tag = key.tag.encode()
        self._texts = re.compile(rb'\{"' + re.escape(self._tag) + _AS_TEXT)
        self._key = key

    def read(self, body: bytes) -> list[Any]:
        """Return the documents of a chunk. Raises Damaged."""
        # What stands around the matches and what they captured, joined, is the text with each match replaced.
        texts = b"".join(self._texts.split(body)) if self._tag in body else body
        if self._tag not in texts:
            try:
                found: list[Any] = msgspec.json.decode(b"[" + texts.replace(b"\n", b",") + b"]")
                return found
            except msgspec.DecodeError:  # half of a surrogate pair, or a number that JSON has not
                pass
        return [plain(self._key.decode(line)) for line in body.split(b"\n")]


def batches(journal: Journal, key: RequestKey, held: Mapping[str, Any], address: str) -> Iterator[list[Row]]:
    """Yield the records of a collection; of one that was gathered again, what came last. Raises Damaged."""
    lines, part = Lines(key), f"records:{address}"
    chunks = held["chunks"].get(part, 0)
    again = set(held["again"].get(address, ()))
    last: dict[int, int] = {}
    if again:
        numbers = (row[0] for body in opened(journal.queue, key, part, chunks) for row in lines.read(body))
        last = {number: place for place, number in enumerate(numbers) if number in again}
    place = 0
    for body in opened(journal.queue, key, part, chunks):
        rows = lines.read(body)
        if last:
            kept = [row for at, row in enumerate(rows, place) if last.get(row[0], at) == at]
            place += len(rows)
            rows = kept
        yield [(bond, values) for _, bond, values in rows]
