"""Cells: a text sealed under a column's key for one record, opened only there and unchanged.

    0   1  0x01
    1   4  key id, uint32 big-endian
    5  16  synthetic IV                  (suite "gcm": 12 bytes of IV)
    ..  n  ciphertext                    (suite "gcm": and 16 bytes of tag)

The associated data is context (16) || record id (16). The suite comes from the key's record, never from the cell.
A cell under a key of its own (`seal_each`) is AES-256-GCM with its tag where the synthetic IV is, then the IV.
Every text is padded before it is sealed: 0x80, then zeros to the next multiple of `pad_bytes` (ISO/IEC 7816-4), and
with `pad_bytes` of 0 or 1 the 0x80 alone, so that opening needs no rule and guesses nothing.
Which key seals what, and who may open it, is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

from privet import digest
from privet.crypto import aes
from privet.errors import Damaged, WrongKey
from privet.secret import Secret

Suite = Literal["siv", "gcm"]

KEY_BYTES: dict[Suite, int] = {"siv": 64, "gcm": 32}
HEAD_BYTES = 5
OVERHEAD_BYTES: dict[Suite, int] = {"siv": HEAD_BYTES + 16, "gcm": HEAD_BYTES + 28}
EACH_KEY_BYTES = 32
_IV_BYTES = 12
_EACH_IV = HEAD_BYTES + 16
_EACH_TEXT = _EACH_IV + _IV_BYTES

# Measured: one SIV call costs 2.7 us, a batch 90 us and 8 us more for every block of a text: below this many values
# (and so many more for each block) the calls are faster.
CROSSING, CROSSING_STEP = 30, 3
# Lists are taken in runs of this many, so that the second look at each value finds it in the cache.
RUN = 4096


@dataclass(frozen=True, slots=True)
class CellKey:
    """One key that seals cells. Safe to share between threads.

    `key_id`: 0 to 2**32 - 1, written into every cell. `key`: 64 bytes for "siv" (AES-256-SIV, RFC 5297), 32 for "gcm"
    (AES-256-GCM, NIST SP 800-38D, random IVs: at most 2**32 cells under one key).
    """

    key_id: int
    suite: Suite
    key: Secret[bytes]
    _one: AESSIV | AESGCM | None = field(default=None, init=False, repr=False, compare=False)
    _many: aes.Siv | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 <= self.key_id < 1 << 32:
            raise ValueError("expected a key id that fits 32 bits")
        if len(self.key.reveal()) != KEY_BYTES[self.suite]:
            raise ValueError(f"expected a key of {KEY_BYTES[self.suite]} bytes for suite `{self.suite}`")

    def seal(self, context: bytes, ids: Sequence[bytes], texts: Sequence[bytes], pad_bytes: int = 0) -> list[bytes]:
        """Return one cell for each text.

        `context`: 16 bytes of the column. `ids`: the 16-byte record ids, as many as texts. `pad_bytes`: hide lengths
        up to multiples of this. Under "siv" the same text in the same record and column gives the same cell.
        """
        _check(context, ids, len(texts))
        out: list[bytes] = []
        for start in range(0, len(texts), RUN):
            run = slice(start, start + RUN)
            out += self._seal_run(context, ids[run], texts[run], pad_bytes)
        return out

    def open(self, context: bytes, ids: Sequence[bytes], cells: Sequence[bytes]) -> list[bytes]:
        """Return the text of each cell, or nothing at all.

        Raises WrongKey if a cell names another key, Damaged if one is changed, cut, or belongs to another record or
        column; both name one position (from 0) in `at`.
        """
        _check(context, ids, len(cells))
        out: list[bytes] = []
        for start in range(0, len(cells), RUN):
            run = slice(start, start + RUN)
            out += self._open_run(context, ids[run], cells[run], start)
        return out

    def seal_matrix(self, context: bytes, ids: aes.Bytes, texts: aes.Bytes, pad_bytes: int = 0) -> aes.Bytes:
        """Return the cells of texts of one length as an (n, 21 + padded length) matrix. Suite "siv" only.

        `ids`: (n, 16). `texts`: (n, L). The fastest way where values lie in a buffer.
        """
        self._check_rows(context, ids, len(texts))
        count, width = texts.shape
        padded = _padded_length(width, pad_bytes)
        out = np.empty((count, OVERHEAD_BYTES["siv"] + padded), np.uint8)
        for rows in aes.slices(count, padded):
            block = np.zeros((rows.stop - rows.start, padded), np.uint8)
            block[:, :width] = texts[rows]
            block[:, width] = 0x80
            self._seal_rows(context, ids[rows], block, out[rows])
        return out

    def open_matrix(self, context: bytes, ids: aes.Bytes, cells: aes.Bytes) -> tuple[aes.Bytes, aes.Counts]:
        """Return the padded texts of an (n, m) matrix of cells, and the length of each text. Suite "siv" only.

        Raises as `open` does.
        """
        self._check_rows(context, ids, len(cells))
        texts, lengths = self._open_rows(context, ids, cells)
        if (lengths < 0).any():
            at = int(np.argmin(lengths))
            raise self._fault(cells[at].tobytes(), at)
        return texts, lengths

    # --- one value -------------------------------------------------------------------------------------------

    def seal_one(self, context: bytes, id_: bytes, text: bytes, pad_bytes: int = 0) -> bytes:
        """Return the cell of one text: what `seal` returns for a batch of one, at a third of its cost."""
        if len(context) != 16 or len(id_) != 16:
            raise ValueError("expected a context and an id of 16 bytes")
        cipher, padded = self._one or self._cipher(), _pad(text, pad_bytes)
        if isinstance(cipher, AESSIV):
            return self._head() + cipher.encrypt(padded, [context + id_])
        iv = digest.random_bytes(12)
        return self._head() + iv + cipher.encrypt(iv, padded, context + id_)

    def _head(self) -> bytes:
        return b"\x01" + self.key_id.to_bytes(4, "big")

    def _cipher(self) -> AESSIV | AESGCM:
        # Two threads may both build it: they build the same.
        cipher = self._one
        if cipher is None:
            key = self.key.reveal()
            cipher = AESSIV(key) if self.suite == "siv" else AESGCM(key)
            object.__setattr__(self, "_one", cipher)
        return cipher

    def _seal_calls(self, context: bytes, ids: Sequence[bytes], texts: Sequence[bytes], pad_bytes: int) -> list[bytes]:
        head, cipher = self._head(), self._cipher()
        padded = [_pad(text, pad_bytes) for text in texts]
        if isinstance(cipher, AESSIV):
            return [head + cipher.encrypt(text, [context + id_]) for id_, text in zip(ids, padded, strict=True)]
        pool = digest.random_bytes(12 * len(texts))
        ivs = [pool[at : at + 12] for at in range(0, len(pool), 12)]
        return [
            head + iv + cipher.encrypt(iv, text, context + id_) for iv, id_, text in zip(ivs, ids, padded, strict=True)
        ]

    def _open_calls(
        self, context: bytes, ids: Sequence[bytes], cells: Sequence[bytes], positions: Sequence[int]
    ) -> list[bytes]:
        head, cipher = self._head(), self._cipher()
        out = []
        for at, id_, cell in zip(positions, ids, cells, strict=True):
            if cell[:HEAD_BYTES] != head or len(cell) <= OVERHEAD_BYTES[self.suite]:
                raise self._fault(cell, at)
            try:
                if isinstance(cipher, AESSIV):
                    padded = cipher.decrypt(cell[HEAD_BYTES:], [context + id_])
                else:
                    padded = cipher.decrypt(cell[HEAD_BYTES:][:12], cell[HEAD_BYTES + 12 :], context + id_)
            except InvalidTag:
                raise self._fault(cell, at) from None
            out.append(_unpad(padded, at))
        return out

    # --- many values -----------------------------------------------------------------------------------------

    def _batches(self, count: int, width: int) -> bool:
        return self.suite == "siv" and count >= CROSSING + CROSSING_STEP * (width // 16)

    def _siv(self) -> aes.Siv:
        many = self._many
        if many is None:
            many = aes.Siv(self.key.reveal())
            object.__setattr__(self, "_many", many)
        return many

    def _seal_run(self, context: bytes, ids: Sequence[bytes], texts: Sequence[bytes], pad_bytes: int) -> list[bytes]:
        if not self._batches(len(texts), 0):
            return self._seal_calls(context, ids, texts, pad_bytes)
        lengths = aes.lengths_of(texts)
        unit = max(1, pad_bytes)

        def work(width: int, positions: Sequence[int]) -> list[bytes]:
            group_ids, group = aes.take(ids, positions), aes.take(texts, positions)
            if not self._batches(len(group), width):
                return self._seal_calls(context, group_ids, group, pad_bytes)
            group_lengths = aes.take_counts(lengths, positions)
            block = aes.stack(group, group_lengths, width)
            block[np.arange(len(group)), group_lengths] = 0x80
            out = np.empty((len(group), OVERHEAD_BYTES["siv"] + width), np.uint8)
            self._seal_rows(context, _id_rows(group_ids), block, out)
            return aes.unstack(out)

        return aes.by_key((lengths // unit + 1) * unit, work)

    def _open_run(self, context: bytes, ids: Sequence[bytes], cells: Sequence[bytes], first: int) -> list[bytes]:
        if not self._batches(len(cells), 0):
            return self._open_calls(context, ids, cells, range(first, first + len(cells)))

        def work(width: int, positions: Sequence[int]) -> list[bytes]:
            group_ids, group = aes.take(ids, positions), aes.take(cells, positions)
            if not self._batches(len(group), width) or width <= OVERHEAD_BYTES["siv"]:
                return self._open_calls(context, group_ids, group, aes.shifted(positions, first))
            rows = np.frombuffer(b"".join(group), np.uint8).reshape(len(group), width)
            texts, lengths = self._open_rows(context, _id_rows(group_ids), rows)
            if (lengths < 0).any():
                at = int(np.argmin(lengths))
                raise self._fault(group[at], first + positions[at])
            return _cut(texts, lengths)

        return aes.by_key(aes.lengths_of(cells), work)

    def _seal_rows(self, context: bytes, ids: aes.Bytes, block: aes.Bytes, out: aes.Bytes) -> None:
        siv = self._siv()
        aes.items(out[:, :HEAD_BYTES])[...] = np.frombuffer(self._head(), f"V{HEAD_BYTES}")
        for rows in aes.slices(*block.shape):
            tags, body = siv.seal(block[rows], [(context, ids[rows])])
            aes.items(out[rows, HEAD_BYTES : HEAD_BYTES + 16])[...] = aes.items(tags.view(np.uint8))
            aes.items(out[rows, HEAD_BYTES + 16 :])[...] = aes.items(body)

    def _open_rows(self, context: bytes, ids: aes.Bytes, cells: aes.Bytes) -> tuple[aes.Bytes, aes.Counts]:
        """Return padded texts and their lengths, -1 where a cell fails a check (its text is zeroed)."""
        siv = self._siv()
        count, width = cells.shape
        texts = np.empty((count, max(0, width - OVERHEAD_BYTES["siv"])), np.uint8)
        lengths = np.full(count, -1, np.int64)
        if not texts.shape[1]:
            return texts, lengths
        for rows in aes.slices(count, width):
            part = cells[rows]
            tags = aes.padded(part[:, HEAD_BYTES : HEAD_BYTES + 16]).view(np.uint64)
            plain, good = siv.open(tags, part[:, HEAD_BYTES + 16 :], [(context, ids[rows])])
            good &= part[:, 0] == 1
            good &= part[:, 1:HEAD_BYTES].view(">u4")[:, 0] == self.key_id
            if not good.all():
                plain[~good] = 0
            aes.items(texts[rows])[...] = aes.items(plain)
            lengths[rows] = _text_lengths(plain)
        return texts, lengths

    def _check_rows(self, context: bytes, ids: aes.Bytes, count: int) -> None:
        if self.suite != "siv":
            raise ValueError("expected a key of suite `siv`")
        if len(context) != 16 or ids.shape != (count, 16):
            raise ValueError("expected a context of 16 bytes, and as many ids of 16 bytes as values")

    def _fault(self, cell: bytes, at: int) -> Damaged:
        return _fault(cell, self.key_id, OVERHEAD_BYTES[self.suite], at)


def seal_each(
    keys: Sequence[bytes],
    key_id: int,
    context: bytes,
    ids: Sequence[bytes],
    texts: Sequence[bytes],
    pad_bytes: int = 0,
) -> list[bytes]:
    """Return one cell for each text, each sealed under its own key of 32 bytes, all naming `key_id`.

    For shreddable columns: the key comes from the record's subject, and `key_id` tells only the column's version.
    AES-256-GCM (NIST SP 800-38D): OpenSSL makes its key ready in a third of the time of AES-SIV's two, and random IVs
    do not repeat under a key that seals one person's values of one column.
    """
    _check(context, ids, len(texts))
    _check_keys(keys)
    head = b"\x01" + key_id.to_bytes(4, "big")
    pool = digest.random_bytes(_IV_BYTES * len(texts))
    unit, out = pad_bytes or 1, []
    for at, key, id_, text in zip(range(0, len(pool), _IV_BYTES), keys, ids, texts, strict=True):
        iv = pool[at : at + _IV_BYTES]
        padded = (text + b"\x80").ljust((len(text) // unit + 1) * unit, b"\0")  # `_pad`, without a call for each
        body = AESGCM(key).encrypt(iv, padded, context + id_)
        out.append(head + body[-16:] + iv + body[:-16])
    return out


def open_each(
    keys: Sequence[bytes], key_id: int, context: bytes, ids: Sequence[bytes], cells: Sequence[bytes]
) -> list[bytes]:
    """Return the text of each cell that `seal_each` made, or nothing at all. Raises as `CellKey.open` does."""
    _check(context, ids, len(cells))
    _check_keys(keys)
    head = b"\x01" + key_id.to_bytes(4, "big")
    out = []
    for at, (key, id_, cell) in enumerate(zip(keys, ids, cells, strict=True)):
        if cell[:HEAD_BYTES] != head or len(cell) <= _EACH_TEXT:
            raise _fault(cell, key_id, _EACH_TEXT, at)
        try:
            body = cell[_EACH_TEXT:] + cell[HEAD_BYTES:_EACH_IV]
            padded = AESGCM(key).decrypt(cell[_EACH_IV:_EACH_TEXT], body, context + id_)
        except InvalidTag:
            raise _damaged(at) from None
        out.append(_unpad(padded, at))
    return out


def key_id(cell: bytes) -> int:
    """Return the id of the key that sealed a cell, as it claims: known to be true once the cell opens."""
    return int.from_bytes(cell[1:HEAD_BYTES], "big")


def siv(cell: bytes, suite: Suite = "siv") -> bytes:
    """Return the 16 bytes that stand for the cell in its record's head: the synthetic IV, or the tag of GCM."""
    return cell[-16:] if suite == "gcm" else cell[HEAD_BYTES : HEAD_BYTES + 16]


def sivs(cells: Sequence[bytes], suite: Suite = "siv") -> list[bytes]:
    """Return `siv` of each cell."""
    if suite == "gcm":
        return [cell[-16:] for cell in cells]
    return [cell[HEAD_BYTES:_EACH_IV] for cell in cells]


def _check(context: bytes, ids: Sequence[bytes], count: int) -> None:
    # A wrong length here would let bytes of the context and of the id pass for each other.
    if len(context) != 16 or len(ids) != count or not set(map(len, ids)) <= {16}:
        raise ValueError("expected a context of 16 bytes, and as many ids of 16 bytes as values")


def _check_keys(keys: Sequence[bytes]) -> None:
    # The library would take 16 bytes for a key of AES-128.
    if not set(map(len, keys)) <= {EACH_KEY_BYTES}:
        raise ValueError(f"expected keys of {EACH_KEY_BYTES} bytes")


def _fault(cell: bytes, expected: int, overhead: int, at: int) -> Damaged:
    if len(cell) > overhead and cell[:1] == b"\x01" and key_id(cell) != expected:
        return WrongKey(f"expected a cell of key {expected}, found key {key_id(cell)}", at=f"cell {at}")
    return _damaged(at)


def _damaged(at: int) -> Damaged:
    return Damaged(
        "expected a cell of this record and column, unchanged; found one that fails its check", at=f"cell {at}"
    )


def _padded_length(length: int, pad_bytes: int) -> int:
    unit = max(1, pad_bytes)
    return (length // unit + 1) * unit


def _pad(text: bytes, pad_bytes: int) -> bytes:
    unit = pad_bytes or 1
    return (text + b"\x80").ljust((len(text) // unit + 1) * unit, b"\0")


def _unpad(padded: bytes, at: int) -> bytes:
    text = padded.rstrip(b"\0")
    if text[-1:] != b"\x80":
        raise _damaged(at)
    return text[:-1]


def _text_lengths(padded: aes.Bytes) -> aes.Counts:
    """Return the length of the text in each row, -1 where no padding is found."""
    count, width = padded.shape
    first = len(padded[0].tobytes().rstrip(b"\0")) - 1
    if first >= 0 and (padded[:, first] == 0x80).all() and not padded[:, first + 1 :].any():
        return np.full(count, first, np.int64)
    last = width - 1 - (padded != 0)[:, ::-1].argmax(axis=1)
    return np.where(padded[np.arange(count), last] == 0x80, last, -1)


def _cut(texts: aes.Bytes, lengths: aes.Counts) -> list[bytes]:
    if (lengths == lengths[0]).all():
        return aes.unstack(texts[:, : lengths[0]])
    return [row[:length] for row, length in zip(aes.unstack(texts), lengths.tolist(), strict=True)]


def _id_rows(ids: Sequence[bytes]) -> aes.Bytes:
    return np.frombuffer(b"".join(ids), np.uint8).reshape(-1, 16)
