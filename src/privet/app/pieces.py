"""Content of a file as callers bring it, in pieces: bytes, an open file, or anything that yields bytes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from privet.vault.blobs.files import Stored

PIECE_BYTES = 1 << 20


class Readable(Protocol):
    """A file that is open for reading bytes."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes, none at the end."""


Content = bytes | Readable | Iterable[bytes]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that came out: what is known of it, and its content. Close `content` if you leave it in the middle."""

    stored: Stored
    content: Iterator[bytes]


def pieces(content: Content) -> Iterator[bytes]:
    """Yield content in pieces; those of bytes and open files have PIECE_BYTES at most.

    >>> list(pieces([b"a", b"bc"])), list(pieces(b""))
    ([b'a', b'bc'], [])
    """
    if isinstance(content, bytes | bytearray | memoryview):
        for at in range(0, len(content), PIECE_BYTES):
            yield bytes(content[at : at + PIECE_BYTES])
    elif isinstance(content, Iterable) and not hasattr(content, "read"):
        yield from content
    else:
        while piece := content.read(PIECE_BYTES):
            yield piece


async def arriving(content: Content | AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """Yield content in pieces, as `pieces` does; reading a file keeps nobody else waiting."""
    if isinstance(content, AsyncIterable):
        async for piece in content:
            yield piece
        return
    found, end = pieces(content), b""
    while piece := await asyncio.to_thread(next, found, end):
        yield piece
