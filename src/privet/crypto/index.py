"""Blind indexes and record MACs: keyed tags of parts, one or many at a time.

Which part answers which question is the data type's business; which key tags it, `keys`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import numpy as np

from privet.crypto import aes

# Measured: one CMAC call costs 0.5 us, a batch 20 us and 6 us more for every block step: below this many values
# (and so many more for each block) the calls are faster.
CROSSING, CROSSING_STEP = 40, 8
# Parts are taken in runs of this many, so that the second look at each finds it in the cache.
RUN = 4096
# Of so many parts at least half must come twice before each different one is tagged once.
SAMPLE = 64


class Tagger:
    """AES-256-CMAC under one key of 32 bytes; tags are the full 16 bytes. Source: RFC 4493, NIST SP 800-38B.

    Equal parts have equal tags: that is what an index leaks. Safe to share between threads.
    """

    __slots__ = ("_mac",)

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("expected a key of 32 bytes")
        self._mac = aes.Cmac(key)

    def tag(self, part: bytes) -> bytes:
        """Return the 16-byte tag of one part."""
        return self._mac.one(part)

    def tags(self, parts: Sequence[bytes]) -> list[bytes]:
        """Return the 16-byte tag of each part, in order. Parts may have unlike lengths."""
        if len(parts) < CROSSING:
            return [self._mac.one(part) for part in parts]
        if 2 * len(set(parts[:SAMPLE])) <= min(SAMPLE, len(parts)):
            distinct = list(dict.fromkeys(parts))
            tag_of = dict(zip(distinct, self._tags(distinct), strict=True))
            return [tag_of[part] for part in parts]
        return self._tags(parts)

    def _tags(self, parts: Sequence[bytes]) -> list[bytes]:
        if len(parts) < CROSSING:
            return [self._mac.one(part) for part in parts]
        out: list[bytes] = []
        for start in range(0, len(parts), RUN):
            out += self._run(parts[start : start + RUN])
        return out

    def tag_matrix(self, parts: aes.Bytes) -> aes.Bytes:
        """Return the (n, 16) tags of the rows of an (n, L) matrix: the fastest way where values lie in a buffer."""
        count, width = parts.shape
        out = np.empty((count, 2), np.uint64)
        for rows in aes.slices(count, width):
            out[rows] = self._mac.rows(parts[rows])
        return out.view(np.uint8)

    def tags_of_rows(self, count: int, columns: Sequence[bytes | Sequence[bytes]]) -> list[bytes]:
        """Return the tags of `count` rows, each made of one piece a column, in the order of `columns`.

        A column is the piece that all rows share, or a piece a row, all of one length: the caller has seen to that.
        """
        if count < CROSSING:
            spread = [repeat(column, count) if isinstance(column, bytes) else column for column in columns]
            return [self._mac.one(b"".join(row)) for row in zip(*spread, strict=False)]
        widths = [len(column) if isinstance(column, bytes) else len(column[0]) for column in columns]
        out: list[bytes] = []
        for rows in aes.slices(count, sum(widths)):
            block, at = np.empty((rows.stop - rows.start, sum(widths)), np.uint8), 0
            for column, width in zip(columns, widths, strict=True):
                pieces = column if isinstance(column, bytes) else b"".join(column[rows])
                aes.items(block[:, at : at + width])[...] = np.frombuffer(pieces, f"V{width}")
                at += width
            out += aes.unstack(self._mac.rows(block).view(np.uint8))
        return out

    def _run(self, parts: Sequence[bytes]) -> list[bytes]:
        lengths = aes.lengths_of(parts)
        return aes.by_key(
            np.maximum(1, -(-lengths // 16)),
            lambda steps, positions: self._group(
                aes.take(parts, positions), aes.take_counts(lengths, positions), steps
            ),
        )

    def _group(self, parts: Sequence[bytes], lengths: aes.Counts, steps: int) -> list[bytes]:
        """Return the tags of parts that all fill `steps` blocks."""
        if len(parts) < CROSSING + CROSSING_STEP * steps:
            return [self._mac.one(part) for part in parts]
        out: list[bytes] = []
        width = int(lengths[0])
        alike = bool((lengths == width).all())
        for rows in aes.slices(len(parts), 16 * steps):
            if alike:
                tags = self._mac.rows(aes.stack(parts[rows], lengths[rows], width))
            else:
                tags = self._mac.stacked(aes.stack(parts[rows], lengths[rows], 16 * steps), lengths[rows])
            out += aes.unstack(tags.view(np.uint8))
        return out


class Cut:
    """A tagger that keeps the first `bits` bits of its tags; the others are zero, so that tags stay 16 bytes wide.

    Unequal parts may have equal tags: who reads them cannot be sure, nor can who asks.
    """

    __slots__ = ("_mask", "_tagger")

    def __init__(self, tagger: Tagger, bits: int) -> None:
        if not 0 < bits < 128:
            raise ValueError("expected from 1 to 127 bits")
        self._tagger = tagger
        self._mask = (1 << 128) - (1 << 128 - bits)

    def tag(self, part: bytes) -> bytes:
        """Return the 16-byte tag of one part."""
        return (int.from_bytes(self._tagger.tag(part), "big") & self._mask).to_bytes(16, "big")

    def tags(self, parts: Sequence[bytes]) -> list[bytes]:
        """Return the 16-byte tag of each part, in order."""
        mask = self._mask
        return [(int.from_bytes(tag, "big") & mask).to_bytes(16, "big") for tag in self._tagger.tags(parts)]
