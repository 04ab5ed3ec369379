"""Search for known values in stored bytes, in the forms in which plaintext may hide."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import numpy as np

_HEAD = 4


def forms(value: str) -> list[bytes]:
    """Return a value of at least 8 characters as UTF-8, UTF-16, hex and base64; a number also as digits alone."""
    texts = {value}
    digits = "".join(filter(str.isdigit, value))
    if len(digits) > 7 and not any(map(str.isalpha, value)):
        texts.add(digits)
    found: list[bytes] = []
    for text in sorted(texts):
        raw = text.encode()
        found += [raw, text.encode("utf-16-le"), text.encode("utf-16-be")]
        found += [raw.hex().encode(), raw.hex().upper().encode(), *_base64(raw)]
    return found


def _base64(raw: bytes) -> Iterator[bytes]:
    """Yield the characters that every base64 text around `raw` holds, for each of its three beginnings."""
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + raw)
        # The first characters mix with what stands before, the last ones with what comes after.
        first, last = (0, 2, 3)[shift], (len(raw) + shift) * 4 // 3
        yield text[first:last]


def search(chunks: Iterable[bytes], needles: Iterable[bytes]) -> set[bytes]:
    """Return the needles that stand in the chunks. Each needle has at least four bytes."""
    wanted = set(needles)
    by_head: dict[int, list[bytes]] = {}
    for needle in wanted:
        by_head.setdefault(int.from_bytes(needle[:_HEAD], "little"), []).append(needle)
    heads = np.array(sorted(by_head), np.uint32)
    pairs = np.zeros(1 << 16, np.bool_)
    pairs[heads & 0xFFFF] = True
    found: set[bytes] = set()
    for chunk in chunks:
        for at, head in _candidates(chunk, heads, pairs):
            found.update(needle for needle in by_head[head] if chunk.startswith(needle, at))
    return found


def _candidates(chunk: bytes, heads: np.ndarray, pairs: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield (place, first four bytes as a number) wherever these are the first four of a needle."""
    if len(chunk) < _HEAD:
        return
    data = np.frombuffer(chunk, np.uint8)
    # Two bytes rule out nearly every place at the price of one look into a table.
    low = data[:-1].astype(np.uint16) | data[1:].astype(np.uint16) << 8
    places = np.flatnonzero(pairs[low[: len(data) - _HEAD + 1]])
    words = low[places].astype(np.uint32) | low[places + 2].astype(np.uint32) << 16
    hits = np.isin(words, heads)
    yield from zip(places[hits].tolist(), words[hits].tolist(), strict=True)
