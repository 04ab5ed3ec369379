"""Rules of contexts and subkeys."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto import derive

A, B, C = bytes([1]) * 16, bytes([2]) * 16, bytes([3]) * 16


def test_a_context_is_the_head_of_a_digest_of_three_counted_ids() -> None:
    counted = b"".join(b"\0\0\0\x10" + part for part in (A, B, C))
    assert derive.context(A, B, C) == hashlib.sha256(counted).digest()[:16]


def test_contexts_tell_vault_table_and_column_apart() -> None:
    assert len({derive.context(*ids) for ids in [(A, B, C), (B, A, C), (A, C, B), (C, B, A), (A, B, B)]}) == 5


@pytest.mark.parametrize("ids", [(b"", B, C), (A, B[:15], C), (A, B, C + b"x"), (A + b"x", B[:15], C)])
def test_identifiers_have_16_bytes(ids: tuple[bytes, bytes, bytes]) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        derive.context(*ids)


def expected(key: bytes, label: str, length: int) -> bytes:
    """HKDF from its definition: RFC 5869, sections 2.2 and 2.3, with the empty salt as 32 zeros."""
    pseudorandom, block, out = hmac.digest(bytes(32), key, "sha256"), b"", b""
    for count in range(1, -(-length // 32) + 1):
        block = hmac.digest(pseudorandom, block + label.encode() + bytes([count]), "sha256")
        out += block
    return out[:length]


@given(st.binary(min_size=16, max_size=80), st.text(max_size=20), st.integers(1, 200))
def test_a_subkey_is_hkdf_with_the_label_as_info(key: bytes, label: str, length: int) -> None:
    assert derive.subkey(key, label, length=length) == expected(key, label, length)


def test_labels_and_keys_tell_subkeys_apart() -> None:
    keys = {derive.subkey(bytes([at]) * 32, label, length=32) for at in range(3) for label in ("a", "b", "")}
    assert len(keys) == 9


@pytest.mark.parametrize("length", [0, -1, 255 * 32 + 1])
def test_a_subkey_has_a_length_that_hkdf_can_give(length: int) -> None:
    with pytest.raises(ValueError, match="length"):
        derive.subkey(bytes(32), "a", length=length)


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        derive.subkey(bytes(15), "a", length=32)
