"""AES over batches: every block step of CMAC and SIV is one ECB call for all values at once.

Values of one length are the rows of a uint8 matrix, blocks the rows of an (n, 2) uint64 array whose words keep the
bytes as they lie in memory. Cell layout, padding and the choice between one value and many are left to callers.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

Bytes = npt.NDArray[np.uint8]
Blocks = npt.NDArray[np.uint64]
Counts = npt.NDArray[np.int64]
R = TypeVar("R")

LITTLE = sys.byteorder == "little"
# Rows are worked on in slices of about this size, so that every temporary stays in the second-level cache. Wide
# rows may take the larger size up to so many rows, below which the calls cost more than the work.
SLICE_BYTES, WIDE_BYTES, WIDE_ROWS = 1 << 19, 1 << 21, 2048

# RFC 5297, section 2.6: these two bits of the counter are cleared, so adding block numbers never carries far.
_COUNTER_MASK = np.frombuffer(bytes.fromhex("ffffffffffffffff7fffffff7fffffff"), np.uint64)
_ONE, _TOP, _POLYNOMIAL = np.uint64(1), np.uint64(63), np.uint64(0x87)


class Ecb(threading.local):
    """The raw block cipher under one key. ECB of related blocks is never an output: modes are built on it.

    Every thread that touches it makes an encryptor of its own, because a context is locked while another
    thread's long call runs, and would raise.
    """

    def __init__(self, key: bytes) -> None:
        encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - the step of CMAC, CTR and FF1
        self.block = encryptor.update
        self.into = encryptor.update_into

    def blocks(self, plain: Blocks) -> Blocks:
        """Return the (n, 2) blocks enciphered. `plain` must be contiguous."""
        size = plain.nbytes
        # The library asks for one block less a byte beyond the output.
        out = np.empty(size + 16, np.uint8)
        self.into(plain.reshape(-1).view(np.uint8).data, out.data)
        return out[:size].view(np.uint64).reshape(-1, 2)


class Cmac:
    """AES-CMAC under one key of 16, 24 or 32 bytes. Source: RFC 4493 and NIST SP 800-38B."""

    __slots__ = ("_ecb", "_fresh", "_partial", "_whole")

    def __init__(self, key: bytes) -> None:
        self._ecb = Ecb(key)
        self._fresh = CMAC(algorithms.AES(key))
        once = _double_int(int.from_bytes(self._ecb.block(bytes(16)), "big"))
        self._whole = _constant(once)
        self._partial = _constant(_double_int(once))

    def one(self, message: bytes) -> bytes:
        """Return the 16-byte tag of one message of any length."""
        state = self._fresh.copy()
        state.update(message)
        return state.finalize()

    def rows(self, rows: Bytes, prefix: bytes = b"") -> Blocks:
        """Return the (n, 2) tags of `prefix` before each row of the (n, L) matrix.

        `prefix` is 0 or more whole blocks, worked once for all rows; with a prefix, L is at least 1.
        """
        width = rows.shape[1]
        if len(prefix) % 16 or (prefix and not width):
            raise ValueError("expected a prefix of whole blocks before at least one byte")
        if width and width % 16 == 0:
            return self._fold(_blocks(rows), self._whole, prefix)
        whole = width - width % 16
        tail = padded(rows[:, whole:])
        tail[:, width - whole] = 0x80
        return self._fold([*_blocks(rows[:, :whole]), *_blocks(tail)], self._partial, prefix)

    def stacked(self, rows: Bytes, lengths: Counts) -> Blocks:
        """Return the (n, 2) tags of rows of unlike lengths that fill the same number of blocks.

        `rows`: (n, 16 k), zero beyond each row's length, which is 16 (k - 1) + 1 to 16 k (or 0 if k = 1).
        Writes the padding into `rows`.
        """
        width = rows.shape[1]
        short = np.flatnonzero(lengths < width)
        rows[short, lengths[short]] = 0x80
        last = np.where((lengths == width)[:, None], self._whole, self._partial)
        return self.chain(rows, last)

    def last(self, *, whole: bool) -> Blocks:
        """Return the subkey that a last block is mixed with, as (1, 2): whole, or one that had to be padded."""
        return self._whole if whole else self._partial

    def chain(self, rows: Bytes, last: Blocks) -> Blocks:
        """Return the CBC-MAC of (n, 16 k) rows; `last` (one block, or one a row) is mixed into the end."""
        return self._fold(_blocks(rows), last, b"")

    def _fold(self, steps: Sequence[npt.NDArray[np.void]], last: Blocks, prefix: bytes) -> Blocks:
        """Return the CBC-MAC of rows that are given as n items of 16 bytes for each block step."""
        block = np.empty((len(steps[0]), 2), np.uint64)
        lane, state = items(block.view(np.uint8)), self._absorb(prefix) if prefix else None
        for at, step in enumerate(steps, 1):
            # Brought together first, so that what is mixed in is one long pass.
            lane[...] = step
            if state is not None:
                _xor(block, state, block)
            if at == len(steps):
                _xor(block, last, block)
            state = self._ecb.blocks(block)
        assert state is not None  # there is a step
        return state

    def _absorb(self, prefix: bytes) -> Blocks:
        state = 0
        for at in range(0, len(prefix), 16):
            mixed = state ^ int.from_bytes(prefix[at : at + 16], "big")
            state = int.from_bytes(self._ecb.block(mixed.to_bytes(16, "big")), "big")
        return _constant(state)


class Siv:
    """AES-SIV under one key of 32, 48 or 64 bytes, over the rows of matrices. Source: RFC 5297.

    A header of the associated data is (prefix, rows): whole blocks that all values share, then the (n, A) bytes
    of each.
    """

    __slots__ = ("_ctr", "_mac", "_zero")

    def __init__(self, key: bytes) -> None:
        half = len(key) // 2
        self._mac = Cmac(key[:half])
        self._ctr = Ecb(key[half:])
        self._zero = _constant(int.from_bytes(self._mac.one(bytes(16)), "big"))

    def seal(self, texts: Bytes, headers: Sequence[tuple[bytes, Bytes]]) -> tuple[Blocks, Bytes]:
        """Return the (n, 2) synthetic IVs and the (n, L) ciphertexts."""
        width = texts.shape[1]
        block = padded(texts)
        tags = self._synthesize(block, width, headers)
        block ^= self._stream(tags, block.shape[1])
        return tags, block[:, :width]

    def open(
        self, tags: Blocks, ciphertexts: Bytes, headers: Sequence[tuple[bytes, Bytes]]
    ) -> tuple[Bytes, npt.NDArray[np.bool_]]:
        """Return the (n, L) texts, and for each whether its IV is right: a text with a wrong one is not to be used."""
        width = ciphertexts.shape[1]
        block = padded(ciphertexts)
        block ^= self._stream(tags, block.shape[1])
        if width < block.shape[1]:
            items(block[:, width:])[...] = np.zeros((), f"V{block.shape[1] - width}")
        wrong = self._synthesize(block, width, headers)
        # Every word is compared to the end: nothing tells where a forged tag first differs.
        good = ((wrong[:, 0] ^ tags[:, 0]) | (wrong[:, 1] ^ tags[:, 1])) == 0
        return block[:, :width], good

    def _synthesize(self, block: Bytes, width: int, headers: Sequence[tuple[bytes, Bytes]]) -> Blocks:
        """Return the (n, 2) IVs of texts of `width` bytes in (n, 16 k) rows that are zero beyond them: S2V."""
        state = self._zero
        for prefix, rows in headers:
            state = _mix(_double(state), self._mac.rows(rows, prefix))
        mixed = block.copy()
        if width % 16 or not width:
            mixed[:, width] = 0x80
        if width < 16:
            _xor_end(mixed, 16, _double(state))
            return self._mac.chain(mixed, self._mac.last(whole=True))
        _xor_end(mixed, width, state)
        return self._mac.chain(mixed, self._mac.last(whole=width % 16 == 0))

    def _stream(self, tags: Blocks, width: int) -> Bytes:
        """Return the (n, width) key stream that starts at each tag; `width` is whole blocks."""
        steps = width // 16
        counters = np.empty((len(tags), 2 * steps), np.uint64)
        low = native(tags[:, 1] & _COUNTER_MASK[1])
        for step in range(steps):
            np.bitwise_and(tags[:, 0], _COUNTER_MASK[0], out=counters[:, 2 * step])
            counters[:, 2 * step + 1] = native(low + np.uint64(step))
        return self._ctr.blocks(counters.reshape(-1, 2)).view(np.uint8).reshape(-1, width)


def native(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return big-endian words from memory as numbers, or numbers as words for memory."""
    return words.byteswap() if LITTLE else words.copy()


def lengths_of(parts: Sequence[bytes]) -> Counts:
    """Return the length of each part."""
    return np.fromiter(map(len, parts), np.int64, len(parts))


def by_key(keys: Counts, work: Callable[[int, Sequence[int]], list[R]]) -> list[R]:
    """Return what `work(key, positions)` gives for every group of equal keys, put back in order.

    `work` returns one result a position. Where all keys are the same its positions are one `range`.
    """
    count = len(keys)
    if not count:
        return []
    if (keys == keys[0]).all():
        return work(int(keys[0]), range(count))
    order = np.argsort(keys, kind="stable")
    cuts = np.flatnonzero(np.diff(keys[order])) + 1
    results: list[R] = []
    for group in np.split(order, cuts):
        results += work(int(keys[group[0]]), group.tolist())
    back = np.empty(count, np.int64)
    back[order] = np.arange(count)
    return [results[at] for at in back.tolist()]


def take(parts: Sequence[R], positions: Sequence[int]) -> Sequence[R]:
    """Return the parts at the positions that `by_key` gave."""
    return parts if isinstance(positions, range) else [parts[at] for at in positions]


def take_counts(counts: Counts, positions: Sequence[int]) -> Counts:
    """Return the counts at the positions that `by_key` gave."""
    return counts if isinstance(positions, range) else counts[positions]


def shifted(positions: Sequence[int], start: int) -> Sequence[int]:
    """Return the positions counted from `start`."""
    if isinstance(positions, range):
        return range(start, start + len(positions))
    return [start + at for at in positions]


def padded(rows: Bytes) -> Bytes:
    """Return a contiguous copy of (n, L) rows with zeros up to the next whole block, at least one."""
    count, width = rows.shape
    whole = 16 * max(1, -(-width // 16))
    out = np.empty((count, whole), np.uint8)
    if width:
        items(out[:, :width])[...] = items(rows)
    if width < whole:
        items(out[:, width:])[...] = np.zeros((), f"V{whole - width}")
    return out


def items(rows: Bytes) -> npt.NDArray[np.void]:
    """Return the rows, whose bytes lie together, as n items, which numpy moves in one piece each."""
    return rows.view(f"V{rows.shape[1]}")[:, 0]


def stack(parts: Sequence[bytes], lengths: Counts, width: int) -> Bytes:
    """Return the parts as the left-aligned rows of a new (n, width) matrix, zero beyond each."""
    flat = np.frombuffer(b"".join(parts), np.uint8)
    if len(parts) * width == len(flat) and (lengths == width).all():
        return flat.reshape(len(parts), width).copy()
    rows = np.zeros((len(parts), width), np.uint8)
    if (lengths == lengths[0]).all():
        rows[:, : lengths[0]] = flat.reshape(len(parts), -1)
    else:
        rows[np.arange(width) < lengths[:, None]] = flat
    return rows


def unstack(rows: Bytes) -> list[bytes]:
    """Return each row of an (n, L) matrix as a byte string."""
    count, width = rows.shape
    if not width:
        return [b""] * count
    # A void of the row's width turns into `bytes` inside numpy: three to four times as fast as slicing.
    out: list[bytes] = np.ascontiguousarray(rows).view(f"V{width}").reshape(-1).tolist()
    return out


def slices(count: int, width: int) -> Iterator[slice]:
    """Yield slices over `count` rows of `width` bytes that each stay in cache."""
    width = max(16, width)
    step = max(SLICE_BYTES // width, min(WIDE_ROWS, WIDE_BYTES // width), 1)
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _constant(number: int) -> Blocks:
    return np.frombuffer(number.to_bytes(16, "big"), np.uint64).reshape(1, 2)


def _blocks(rows: Bytes) -> list[npt.NDArray[np.void]]:
    """Return each block step of (n, 16 k) rows, whose bytes lie together, as n items."""
    return list(rows.view("V16").T) if rows.shape[1] else []


def _xor(left: Blocks, right: Blocks, out: Blocks) -> None:
    if left.shape == right.shape and left.flags.c_contiguous and right.flags.c_contiguous:
        np.bitwise_xor(left, right, out=out)
        return
    # Two long strided passes: numpy would otherwise start an inner loop of two words for each row.
    np.bitwise_xor(left[:, 0], right[:, 0], out=out[:, 0])
    np.bitwise_xor(left[:, 1], right[:, 1], out=out[:, 1])


def _mix(left: Blocks, right: Blocks) -> Blocks:
    out = np.empty_like(right)
    _xor(right, left, out)
    return out


def _xor_end(rows: Bytes, width: int, state: Blocks) -> None:
    """Add one block (or one a row) to the 16 bytes before `width` in each row, wherever they lie."""
    end = rows[:, width - 16 : width].view(np.uint64)
    _xor(end, state, end)


def _double_int(block: int) -> int:
    """Return the block times x in GF(2^128). Source: RFC 4493, section 2.3."""
    doubled = block << 1
    return (doubled ^ 0x87) & ((1 << 128) - 1) if doubled >> 128 else doubled


def _double(blocks: Blocks) -> Blocks:
    """Return each (n, 2) block times x in GF(2^128)."""
    high, low = native(blocks[:, 0]), native(blocks[:, 1])
    carry = high >> _TOP
    out = np.empty_like(blocks)
    out[:, 0] = native((high << _ONE) | (low >> _TOP))
    out[:, 1] = native((low << _ONE) ^ (carry * _POLYNOMIAL))
    return out
