"""Rules of blind index tags."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto.aes import unstack
from privet.crypto.index import CROSSING, RUN, Cut, Tagger

TAGGER = Tagger(bytes(range(32)))


@given(st.lists(st.binary(max_size=70), max_size=40), st.sampled_from([1, 12]))
def test_tags_of_many_are_the_tags_of_each(parts: list[bytes], times: int) -> None:
    parts = parts * times
    assert TAGGER.tags(parts) == [TAGGER.tag(part) for part in parts]


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 32, 250, 256])
def test_tags_of_equal_lengths_are_the_tags_of_each(length: int) -> None:
    data = np.random.default_rng(length).integers(0, 256, (600, length), np.uint8)
    parts = [row.tobytes() for row in data]
    wanted = [TAGGER.tag(part) for part in parts]
    assert TAGGER.tags(parts) == wanted
    assert unstack(TAGGER.tag_matrix(data)) == wanted


def test_runs_of_a_long_list_join_in_order() -> None:
    parts = [str(at).encode() * (at % 5) for at in range(RUN * 2 + 7)]
    tags = TAGGER.tags(parts)
    assert len(tags) == len(parts)
    for at in (0, RUN - 1, RUN, 2 * RUN + 6):
        assert tags[at] == TAGGER.tag(parts[at])


def test_a_tag_has_all_128_bits() -> None:
    assert {len(tag) for tag in TAGGER.tags([b"10", b"11"] * CROSSING)} == {16}


@given(st.lists(st.binary(max_size=70), max_size=40), st.integers(1, 127))
def test_a_cut_tag_is_the_beginning_of_the_whole_one(parts: list[bytes], bits: int) -> None:
    cut = Cut(TAGGER, bits).tags(parts)
    assert cut == [Cut(TAGGER, bits).tag(part) for part in parts]
    for short, whole in zip(cut, TAGGER.tags(parts), strict=True):
        shown = f"{int.from_bytes(short, 'big'):0128b}"
        assert len(short) == 16 and "1" not in shown[bits:]
        assert shown[:bits] == f"{int.from_bytes(whole, 'big'):0128b}"[:bits]


@pytest.mark.parametrize("bits", [0, 128, -1])
def test_a_cut_tag_keeps_some_bits_and_not_all(bits: int) -> None:
    with pytest.raises(ValueError, match="127 bits"):
        Cut(TAGGER, bits)


def test_keys_do_not_share_tags() -> None:
    assert Tagger(bytes(32)).tag(b"ann@example.com") != TAGGER.tag(b"ann@example.com")


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33, 64])
def test_a_key_has_32_bytes(size: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tagger(bytes(size))


def test_no_parts_have_no_tags() -> None:
    assert TAGGER.tags([]) == []
    assert TAGGER.tag_matrix(np.zeros((0, 16), np.uint8)).shape == (0, 16)
