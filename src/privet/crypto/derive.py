"""What is computed from identifiers and keys: cell contexts and labelled subkeys.

Leaf keys that must be shreddable are never derived here: they are random (see `keys`).
"""

from __future__ import annotations

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from privet import digest

MAX_LENGTH = 255 * 32


def context(vault: bytes, table: bytes, column: bytes) -> bytes:
    """Return the 16 bytes that bind a cell to its column: SHA-256 over three 16-byte UUIDs, cut.

    Identifiers never change, so a rename keeps every cell readable.
    """
    if not len(vault) == len(table) == len(column) == 16:
        raise ValueError("expected three identifiers of 16 bytes")
    return digest.sha256(digest.canonical((vault, table, column)))[:16]


def subkey(key: bytes, label: str, *, length: int) -> bytes:
    """Return `length` bytes (1-8160) that only who holds `key` can compute, unlike for every `label`.

    `key`: at least 16 uniformly random bytes. HKDF-SHA-256 without salt; the label is the info. Lengths of one label
    are prefixes of each other. Source: RFC 5869.
    """
    if len(key) < 16:
        raise ValueError("expected a key of at least 16 bytes")
    if not 1 <= length <= MAX_LENGTH:
        raise ValueError(f"expected a length from 1 to {MAX_LENGTH}")
    return HKDF(hashes.SHA256(), length, salt=None, info=label.encode()).derive(key)
