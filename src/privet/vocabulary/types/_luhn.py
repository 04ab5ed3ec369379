"""Luhn over a batch of texts of one length, with numpy. Imported on first use. Not a part of the shelf."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# What a character other than a digit adds: more than any sum of digits.
_NO_DIGIT = 1000
_LONGEST = 20


def failing(texts: Sequence[str], length: int) -> list[int]:
    """Return the places of the texts that are not plain digits, fail Luhn, or are zeros alone.

    `texts`: at least one, each of `length` characters, at most 20. Source: ISO/IEC 7812-1, annex B.
    """
    # One byte a character keeps the rows aligned; what is outside ASCII becomes `?`, which is no digit.
    codes = np.frombuffer("".join(texts).encode("ascii", "replace"), np.uint8).reshape(-1, length)
    pairs = np.ascontiguousarray(codes[:, length % 2 :]).view("<u2")
    total = _PAIR[pairs[:, 0]]
    for column in range(1, pairs.shape[1]):
        total += _PAIR[pairs[:, column]]
    if length % 2:
        total += _SINGLE[codes[:, 0]]
    return np.flatnonzero(_FAILS[total]).tolist()


def _tables() -> tuple[NDArray[np.uint16], NDArray[np.uint16], NDArray[np.bool_]]:
    """Return what one leading digit adds, what two digits add as a little-endian number, and which sums fail."""
    digit = np.arange(256) - ord("0")
    proper = (digit >= 0) & (digit <= 9)
    single = np.where(proper, digit, _NO_DIGIT)
    doubled = np.where(proper, np.where(digit > 4, 2 * digit - 9, 2 * digit), _NO_DIGIT)
    # The second character of a pair stands in the high byte, and of the two the first is doubled.
    pair = doubled[None, :] + single[:, None]
    sums = np.arange(_LONGEST * _NO_DIGIT + 1)
    return (
        single.astype(np.uint16),
        pair.ravel().astype(np.uint16),
        (sums % 10 != 0) | (sums == 0) | (sums >= _NO_DIGIT),
    )


_SINGLE, _PAIR, _FAILS = _tables()
