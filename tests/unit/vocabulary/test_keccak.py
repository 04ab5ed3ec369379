"""Keccak-256 by known answers."""

from __future__ import annotations

import pytest

from privet.vocabulary.checksum import keccak_256


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        # Ethereum Yellow Paper: the hash of nothing (no code), and of RLP of nothing (an empty trie).
        (b"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"),
        (b"\x80", "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"),
        # Known answers of the Keccak submission to the SHA-3 contest, lengths 8 and 16 bits.
        (bytes.fromhex("cc"), "eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a"),
        (bytes.fromhex("41fb"), "a8eaceda4d47b3281a795ad9e1ea2122b407baf9aabcb9e18b5717b7873537d2"),
        # Solidity ABI specification: selector of transfer(address,uint256) is a9059cbb.
        (b"transfer(address,uint256)", "a9059cbb"),
    ],
    ids=["empty", "rlp of empty", "8 bits", "16 bits", "selector"],
)
def test_keccak_256_known_answers(data: bytes, digest: str) -> None:
    assert keccak_256(data).hex().startswith(digest)


def test_every_length_around_a_block_has_a_digest_of_its_own() -> None:
    assert len({keccak_256(bytes(length)) for length in range(130, 280)}) == 150
