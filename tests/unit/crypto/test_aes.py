"""Rules of the batched modes: many is the same as one, whatever the lengths and the threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto import aes

KEY = bytes(range(64))


def rows(count: int, width: int, seed: int = 1) -> aes.Bytes:
    return np.random.default_rng(seed).integers(0, 256, (count, width), np.uint8)


@given(width=st.integers(0, 70), prefix=st.sampled_from([b"", b"p" * 16, b"q" * 48]), seed=st.integers(0, 9))
def test_cmac_of_rows_is_cmac_of_each(width: int, prefix: bytes, seed: int) -> None:
    mac, data = aes.Cmac(KEY[:32]), rows(5, width or (1 if prefix else 0), seed)
    assert [tag.tobytes() for tag in mac.rows(data, prefix)] == [mac.one(prefix + row.tobytes()) for row in data]


@given(width=st.integers(1, 70), header=st.integers(1, 40), prefix=st.sampled_from([b"", b"p" * 16]))
def test_siv_of_rows_is_siv_of_each_by_the_library(width: int, header: int, prefix: bytes) -> None:
    texts, headers = rows(5, width), rows(5, header, 2)
    tags, body = aes.Siv(KEY).seal(texts, [(prefix, headers)])
    one = AESSIV(KEY)
    for at in range(5):
        wanted = one.encrypt(texts[at].tobytes(), [prefix + headers[at].tobytes()])
        assert tags[at].tobytes() + body[at].tobytes() == wanted
    opened, good = aes.Siv(KEY).open(tags, body, [(prefix, headers)])
    assert good.all()
    assert (opened == texts).all()


def test_siv_reports_each_wrong_row_and_no_other() -> None:
    siv, texts, headers = aes.Siv(KEY), rows(6, 20), [(b"", rows(6, 16, 2))]
    tags, body = siv.seal(texts, headers)
    body[2, 19] ^= 1
    tags.view(np.uint8)[4, 0] ^= 0x80
    assert siv.open(tags, body, headers)[1].tolist() == [True, True, False, True, False, True]


def test_a_prefix_is_whole_blocks_before_something() -> None:
    mac = aes.Cmac(KEY[:32])
    with pytest.raises(ValueError, match="whole blocks"):
        mac.rows(rows(2, 4), b"short")
    with pytest.raises(ValueError, match="whole blocks"):
        mac.rows(rows(2, 0), bytes(16))


def test_threads_share_a_key() -> None:
    siv, texts, headers = aes.Siv(KEY), rows(20_000, 32), [(bytes(16), rows(20_000, 16, 2))]
    wanted = siv.seal(texts, headers)[1].tobytes()
    with ThreadPoolExecutor(4) as pool:
        assert {body.tobytes() for _, body in pool.map(lambda _: siv.seal(texts, headers), range(8))} == {wanted}


@given(st.lists(st.binary(max_size=40), max_size=60))
def test_grouping_puts_every_result_back_in_its_place(parts: list[bytes]) -> None:
    found = aes.by_key(aes.lengths_of(parts), lambda _length, positions: list(aes.take(parts, positions)))
    assert found == parts


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=40))
def test_stacked_parts_stand_at_the_left_with_zeros_after(parts: list[bytes]) -> None:
    stacked = aes.stack(parts, aes.lengths_of(parts), 20)
    assert aes.unstack(stacked) == [part.ljust(20, b"\0") for part in parts]


def test_unstacking_keeps_zeros_and_empty_rows() -> None:
    assert aes.unstack(np.zeros((2, 3), np.uint8)) == [bytes(3)] * 2
    assert aes.unstack(np.zeros((2, 0), np.uint8)) == [b"", b""]


def test_slices_cover_every_row_once() -> None:
    for count, width in [(0, 16), (1, 1), (70_000, 37), (300, 10**6)]:
        covered = [at for part in aes.slices(count, width) for at in range(part.start, part.stop)]
        assert covered == list(range(count))
