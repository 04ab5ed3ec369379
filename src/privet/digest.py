"""Hashes, MACs, identifiers and randomness for every floor. Encryption is the business of `crypto`."""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid
from collections.abc import Iterable

ZERO_ID = bytes(16)


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 digest."""
    return hashlib.sha256(data).digest()


def sha256_each(items: Iterable[bytes]) -> list[bytes]:
    """Return the digest of each item: for batches, where a call of `sha256` costs as much as the digest."""
    make = hashlib.sha256
    return [make(item).digest() for item in items]


def mac(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA-256 of `data`. Source: RFC 2104."""
    return hmac.digest(key, data, "sha256")


def same(left: bytes, right: bytes) -> bool:
    """Compare in time that does not depend on where the two differ."""
    return hmac.compare_digest(left, right)


def random_bytes(count: int) -> bytes:
    """Return `count` bytes from the operating system's generator."""
    return os.urandom(count)


def random_ids(count: int) -> list[bytes]:
    """Return `count` random 16-byte identifiers, drawn in one call."""
    pool = os.urandom(16 * count)
    return [pool[i : i + 16] for i in range(0, len(pool), 16)]


def record_ids(count: int, *, now_ms: int) -> list[bytes]:
    """Return `count` UUIDv7 as 16 bytes each, ascending within the call. Source: RFC 9562, section 5.7.

    `now_ms`: UTC milliseconds since 1970. The 12 bits after the time count within the call (wrapping to the
    next millisecond), the last 62 bits are random.
    """
    pool = os.urandom(8 * count)
    out = []
    for i in range(count):
        stamp, step = now_ms + (i >> 12), i & 0xFFF
        tail = int.from_bytes(pool[8 * i : 8 * i + 8], "big") & 0x3FFFFFFFFFFFFFFF | 0x8000000000000000
        out.append((stamp << 80 | 0x7 << 76 | step << 64 | tail).to_bytes(16, "big"))
    return out


def id_text(raw: bytes) -> str:
    """Return 16 bytes as the 36-character UUID text."""
    h = raw.hex()
    return f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}"


def id_bytes(text: str) -> bytes:
    """Return the 16 bytes of a UUID text. Raises ValueError on anything else."""
    if len(text) != 36:
        raise ValueError("expected a UUID of 36 characters")
    return uuid.UUID(text).bytes


def canonical(parts: Iterable[bytes]) -> bytes:
    """Return an unambiguous encoding of byte strings: each with its length as uint32 BE before it."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)
