"""Rules of FF1: a permutation of each format, the same for one value and for many."""

from __future__ import annotations

import string
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto import fpe
from privet.crypto.fpe import FF1
from privet.errors import DomainTooSmall, InvalidValue, TooLarge

KEY = bytes(range(32))
ALPHABETS = {
    "bits": "01",
    "digits": string.digits,
    "shuffled": "5678901234",
    "hex": "0123456789abcdef",
    "letters": string.digits + string.ascii_lowercase,
    "base62": string.digits + string.ascii_letters,
    "printable": "".join(map(chr, range(33, 127))),
}


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS.keys())
@given(data=st.data())
def test_many_are_enciphered_as_each(alphabet: str, data: st.DataObject) -> None:
    cipher = FF1(KEY, alphabet)
    tweak = data.draw(st.binary(max_size=40))
    length = data.draw(st.integers(cipher.min_length, 60))
    texts = data.draw(st.lists(st.text(alphabet, min_size=length, max_size=length), min_size=1, max_size=5))
    sealed = [cipher.encrypt([text], tweak)[0] for text in texts]
    assert cipher.encrypt(texts * 8, tweak) == sealed * 8
    assert cipher.decrypt(sealed * 8, tweak) == texts * 8
    assert [cipher.decrypt([text], tweak)[0] for text in sealed] == texts
    assert all(len(text) == length and set(text) <= set(alphabet) for text in sealed)


@given(st.lists(st.text("0123456789", min_size=6, max_size=20), max_size=60))
def test_lengths_may_differ_in_a_batch(texts: list[str]) -> None:
    cipher = FF1(KEY)
    sealed = cipher.encrypt(texts * 7, b"t")
    assert sealed == [cipher.encrypt([text], b"t")[0] for text in texts] * 7
    assert cipher.decrypt(sealed, b"t") == texts * 7


def test_ff1_is_a_permutation_of_a_million() -> None:
    cipher = FF1(KEY)
    numbers = np.arange(10**6)
    rows = np.stack([numbers // 10**at % 10 + 48 for at in range(5, -1, -1)], axis=1).astype(np.uint8)
    sealed = cipher.encrypt_matrix(rows, b"everything")
    seen = (sealed.astype(np.int64) - 48) @ (10 ** np.arange(5, -1, -1))
    assert (np.bincount(seen, minlength=10**6) == 1).all()
    assert (cipher.decrypt_matrix(sealed, b"everything") == rows).all()


@pytest.mark.parametrize("length", [6, 15, 16, 17, 28, 32, 33, 40])
def test_buffers_are_enciphered_as_texts(length: int) -> None:
    cipher = FF1(KEY)
    rows = np.random.default_rng(length).integers(48, 58, (50, length), np.uint8)
    texts = [row.tobytes().decode() for row in rows]
    sealed = cipher.encrypt_matrix(rows, b"t")
    assert [row.tobytes().decode() for row in sealed] == cipher.encrypt(texts, b"t")
    assert (cipher.decrypt_matrix(sealed, b"t") == rows).all()


def test_runs_of_a_long_batch_join_in_order() -> None:
    cipher = FF1(KEY)
    texts = [f"{at:08}" for at in range(fpe.RUN + 100)]
    sealed = cipher.encrypt(texts)
    assert sealed[-1:] == cipher.encrypt(texts[-1:])
    assert cipher.decrypt(sealed) == texts


def test_another_tweak_is_another_permutation() -> None:
    cipher = FF1(KEY)
    assert cipher.encrypt(["4111111111"], b"a") != cipher.encrypt(["4111111111"], b"b")
    assert cipher.encrypt(["4111111111"], b"") != cipher.encrypt(["4111111111"], b"\0")


def test_more_tweaks_than_are_remembered_still_decipher() -> None:
    cipher = FF1(KEY)
    for at in range(600):
        tweak = at.to_bytes(2, "big")
        assert cipher.decrypt(cipher.encrypt(["123456"], tweak), tweak) == ["123456"]


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS.keys())
@pytest.mark.parametrize("copies", [1, 40], ids=["one", "many"])
def test_a_format_under_a_million_values_is_refused(alphabet: str, copies: int) -> None:
    cipher = FF1(KEY, alphabet)
    assert len(alphabet) ** cipher.min_length >= 10**6 > len(alphabet) ** (cipher.min_length - 1)
    short = alphabet[0] * (cipher.min_length - 1)
    with pytest.raises(DomainTooSmall):
        cipher.encrypt([short] * copies)
    with pytest.raises(DomainTooSmall):
        cipher.decrypt([short] * copies)
    with pytest.raises(DomainTooSmall):
        cipher.encrypt([""] * copies)


def test_lengths_and_tweaks_have_a_limit() -> None:
    cipher = FF1(KEY)
    longest = "1" * fpe.MAX_LENGTH
    assert cipher.decrypt(cipher.encrypt([longest])) == [longest]
    with pytest.raises(TooLarge):
        cipher.encrypt([longest + "1"])
    assert cipher.encrypt(["123456"], bytes(256))
    with pytest.raises(TooLarge):
        cipher.encrypt(["123456"], bytes(257))


@pytest.mark.parametrize(
    "bad", ["12345x", "12345\n", "12345 ", "12345/", "12345:", "12345\u0663", "12345\xb2", "+12345"]
)
@pytest.mark.parametrize("copies", [2, 40], ids=["few", "many"])
def test_a_character_outside_the_alphabet_is_refused_without_the_value(bad: str, copies: int) -> None:
    texts = ["123456"] * copies
    texts[copies - 1] = bad
    for call in (FF1(KEY).encrypt, FF1(KEY).decrypt):
        with pytest.raises(InvalidValue) as caught:
            call(texts)
        assert caught.value.at == f"value {copies - 1}"
        assert "12345" not in f"{caught.value} {caught.value.args!r} {caught.value.__context__!r}"


def test_the_position_of_a_fault_is_that_in_the_whole_batch() -> None:
    texts = ["1234567" if at % 3 else "123456" for at in range(fpe.RUN + 90)]
    texts[fpe.RUN + 30] = "x" * len(texts[fpe.RUN + 30])
    with pytest.raises(InvalidValue) as caught:
        FF1(KEY).encrypt(texts)
    assert caught.value.at == f"value {fpe.RUN + 30}"


@pytest.mark.parametrize("length", [8, 40])
def test_a_fault_in_a_buffer_is_refused_with_its_position(length: int) -> None:
    rows = np.full((30, length), 49, np.uint8)
    rows[17, 2] = 200
    with pytest.raises(InvalidValue) as caught:
        FF1(KEY).encrypt_matrix(rows)
    assert caught.value.at == "value 17"


@pytest.mark.parametrize("alphabet", ["", "1", "112", "01\n", "01 ", "01é"])
def test_an_alphabet_is_printable_and_has_no_doubles(alphabet: str) -> None:
    with pytest.raises(ValueError, match="alphabet"):
        FF1(KEY, alphabet)


def test_a_shuffled_alphabet_has_its_own_digits() -> None:
    shuffled = ALPHABETS["shuffled"]
    moved = str.maketrans(string.digits, shuffled)
    [wanted] = FF1(KEY).encrypt(["123456789"])
    for copies in (1, 40):
        texts = ["123456789".translate(moved)] * copies
        assert FF1(KEY, shuffled).encrypt(texts) == [wanted.translate(moved)] * copies


def test_nothing_in_gives_nothing_out() -> None:
    assert FF1(KEY).encrypt([]) == []
    assert FF1(KEY).encrypt_matrix(np.zeros((0, 8), np.uint8)).shape == (0, 8)


def test_threads_share_a_cipher() -> None:
    cipher = FF1(KEY)
    texts = [f"{at:016}" for at in range(10_000)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: cipher.encrypt(texts), range(8)))
    assert all(sealed == results[0] for sealed in results)
    assert cipher.decrypt(results[0]) == texts
