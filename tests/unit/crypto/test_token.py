"""Token texts: what comes back, what is refused, and what a token tells."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.crypto import token
from privet.crypto.seal import CellKey
from privet.errors import DomainTooSmall, InvalidInput, InvalidToken, InvalidValue, PrivetError, Refused
from privet.secret import Secret
from privet.vocabulary.checksum import luhn

CONTEXT = b"context of colum"
MANY = 100


def raws(count: int) -> list[bytes]:
    return [hashlib.sha256(b"%d" % at).digest()[:16] for at in range(count)]


def sealed(fill: int = 1, key_id: int = 7, **options: object) -> token.SealedTokens:
    key = CellKey(key_id=key_id, suite="siv", key=Secret(bytes([fill]) * 64))
    return token.SealedTokens(key, options.pop("context", CONTEXT), **options)


def ff1(fill: int = 1, **options: object) -> token.FF1Tokens:
    return token.FF1Tokens(Secret(bytes([fill]) * 32), options.pop("context", CONTEXT), **options)


def card(head: str) -> str:
    return head + next(str(digit) for digit in range(10) if luhn(head + str(digit)))


def cards(count: int, length: int = 16) -> list[str]:
    numbers = [int.from_bytes(raw, "big") % 10 ** (length - 1) for raw in raws(count)]
    return [card(f"{number:0{length - 1}d}") for number in numbers]


# --- opaque -----------------------------------------------------------------------------------------------


def test_an_opaque_token_is_base_32_of_the_bytes_and_their_crc() -> None:
    # RFC 4648, section 6, and the CRC-32 of ISO/IEC 13239.
    for raw, text in zip(raws(MANY), token.opaque_texts(raws(MANY)), strict=True):
        data = raw + zlib.crc32(raw).to_bytes(4, "big")
        assert text == "tok_" + base64.b32encode(data).decode().lower()
        assert len(text) == token.OPAQUE_LENGTH


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=40))
@settings(max_examples=50, deadline=None)
def test_opaque_tokens_come_back_one_or_many(items: list[bytes]) -> None:
    texts = token.opaque_texts(items)
    assert texts == [token.opaque_text(item) for item in items]
    assert token.opaque_raws(texts) == items == [token.opaque_raw(text) for text in texts]


def test_every_changed_symbol_of_an_opaque_token_is_noticed() -> None:
    text = token.opaque_text(raws(1)[0])
    for at in range(len(text)):
        for symbol in "abz27A=_ 01é💥":
            if symbol != text[at]:
                with pytest.raises(InvalidToken):
                    token.opaque_raw(text[:at] + symbol + text[at + 1 :])


@pytest.mark.parametrize(
    "bad", ["", "tok_", "tok", "tok_a", "4111111111111111", "sivt_aaaa", "TOK_", "tok_" + "a" * 31]
)
def test_the_first_bad_position_of_a_batch_is_named(bad: str) -> None:
    for count in (2, MANY):
        texts = token.opaque_texts(raws(count))
        texts[1] = bad
        with pytest.raises(InvalidToken) as caught:
            token.opaque_raws(texts)
        assert caught.value.at == "token 1"
        assert len(bad) < 5 or bad not in str(caught.value)


def test_swapped_neighbours_are_noticed() -> None:
    text = token.opaque_text(raws(1)[0])
    for at in range(4, len(text) - 1):
        if text[at] != text[at + 1]:
            with pytest.raises(InvalidToken):
                token.opaque_raw(text[:at] + text[at + 1] + text[at] + text[at + 2 :])


def test_only_16_bytes_make_an_opaque_token() -> None:
    with pytest.raises(InvalidInput):
        token.opaque_texts([bytes(16), bytes(15)])


# --- sealed -----------------------------------------------------------------------------------------------


@given(st.lists(st.text(max_size=70).filter(lambda text: text.isprintable()), max_size=40))
@settings(max_examples=50, deadline=None)
def test_sealed_tokens_come_back_one_or_many(values: list[str]) -> None:
    texts = sealed().seal(values)
    assert texts == [sealed().seal([value])[0] for value in values]
    assert sealed().open(texts) == values == [sealed().open([text])[0] for text in texts]


def test_equal_values_have_equal_tokens_in_one_scope_only() -> None:
    value = ["ada@example.com"]
    base = sealed().seal(value)
    assert base == sealed().seal(value)
    others = [sealed(fill=2), sealed(context=b"another context!"), sealed(scope=b"consumer no. one")]
    assert len({base[0], *(other.seal(value)[0] for other in others)}) == 4


def test_sealed_tokens_open_in_their_scope_only() -> None:
    text = sealed().seal(["ada@example.com"])
    others = [sealed(fill=2), sealed(key_id=8), sealed(context=b"another context!"), sealed(scope=b"s" * 16)]
    for other in others:
        with pytest.raises(InvalidToken) as caught:
            other.open(text)
        assert caught.value.at == "token 0"


def test_sealed_tokens_tell_no_value_and_little_length() -> None:
    values = ["a", "ada", "ada@example.org"]
    texts = sealed().seal(values)
    assert len({len(text) for text in texts}) == 1
    for value, text in zip(values[1:], texts[1:], strict=True):
        assert value not in text
        assert value.encode() not in base64.b32decode(text[5:].upper() + "=" * (-len(text[5:]) % 8))


def test_every_changed_symbol_of_a_sealed_token_is_noticed() -> None:
    text = sealed().seal(["ada@example.com"])[0]
    for at in range(len(text)):
        for symbol in "aq7A=":
            if symbol != text[at]:
                with pytest.raises(InvalidToken):
                    sealed().open([text[:at] + symbol + text[at + 1 :]])


def test_cut_sealed_tokens_are_noticed_alone_and_in_batches() -> None:
    texts = sealed().seal([f"value {at}" for at in range(MANY)])
    for size in range(len(texts[0])):
        cut = texts[0][:size]
        for batch in ([cut], [*texts[1:], cut]):
            with pytest.raises(InvalidToken):
                sealed().open(batch)


def test_a_sealed_token_names_its_key() -> None:
    assert token.sealed_key_id(sealed(key_id=0xABCDEF).seal(["x"])[0]) == 0xABCDEF
    for bad in ("", "sivt_", "sivt_aaaaaaaa", "tok_aaaa"):
        with pytest.raises(InvalidToken):
            token.sealed_key_id(bad)


def test_a_cipher_with_nonces_is_refused() -> None:
    with pytest.raises(Refused):
        token.SealedTokens(CellKey(key_id=1, suite="gcm", key=Secret(bytes(32))), CONTEXT)


# --- enciphered -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [False, True])
@pytest.mark.parametrize("length", range(12, 20))
def test_card_tokens_come_back_and_never_pass_luhn(length: int, kept: bool) -> None:
    values = cards(MANY, length)
    made = ff1(form="card", keep_last_four=kept)
    tokens = made.make(values)
    assert made.open(tokens) == values
    assert {len(text) for text in tokens} == {length}
    assert len(set(tokens)) == len(set(values))
    assert not any(luhn(text) for text in tokens)
    assert [text[-4:] == value[-4:] for text, value in zip(tokens, values, strict=True)].count(True) >= kept * MANY


@pytest.mark.parametrize("kept", [False, True])
def test_twins_of_card_tokens_pass_luhn(kept: bool) -> None:
    made = ff1(form="card", keep_last_four=kept, looks_real=True)
    tokens = made.make(cards(MANY))
    assert made.open(tokens) == cards(MANY)
    assert all(luhn(text) for text in tokens)


def test_card_batches_mix_lengths() -> None:
    values = [*cards(5, 16), *cards(5, 13), *cards(5, 19), *cards(5, 16)]
    made = ff1(form="card", keep_last_four=True)
    assert made.make(values) == [made.make([value])[0] for value in values]
    assert made.open(made.make(values)) == values


def test_cards_that_differ_in_kept_digits_only_share_nothing_else() -> None:
    heads = ["411111111111" + f"{tail:04d}" for tail in range(10_000)]
    values = [text for text in heads if luhn(text)][:20]
    tokens = ff1(form="card", keep_last_four=True).make(values)
    assert len({text[:11] for text in tokens}) == len(values)


@pytest.mark.parametrize(("form", "length"), [("digits", 9), ("digits", 30), ("alphanumeric", 8), ("alphanumeric", 34)])
@pytest.mark.parametrize("kept", [False, True])
def test_other_forms_keep_alphabet_and_length(form: token.Form, length: int, kept: bool) -> None:
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[: 36 if form == "alphanumeric" else 10]
    values = ["".join(alphabet[b % len(alphabet)] for b in (raw * 3)[:length]) for raw in raws(MANY)]
    made = ff1(form=form, keep_last_four=kept)
    if kept and length - 4 < 6 and form == "digits":
        with pytest.raises(DomainTooSmall):
            made.make(values)
        return
    tokens = made.make(values)
    assert made.open(tokens) == values
    assert {len(text) for text in tokens} == {length}
    assert set("".join(tokens)) <= set(alphabet)


def test_ff1_tokens_join_in_one_scope_only() -> None:
    value = cards(1)
    assert ff1(form="card").make(value) == ff1(form="card").make(value)
    assert ff1(form="card").make(value) != ff1(form="card", context=b"other").make(value)
    assert ff1(form="card").make(value) != ff1(2, form="card").make(value)


@pytest.mark.parametrize("value", ["4111111111111112", "411111111111111x", "4111", "", "1" * 20, "٤" * 16])
def test_what_is_no_card_makes_no_token(value: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        ff1(form="card").make([value])
    assert not value or value not in str(caught.value)


@pytest.mark.parametrize("text", ["4111111111111111", "411111111111111x", "", "1" * 20, "٤" * 16])
def test_what_is_no_card_token_opens_to_nothing(text: str) -> None:
    with pytest.raises(InvalidToken):
        ff1(form="card").open([text])


def test_small_domains_are_refused() -> None:
    for value in ("12345", "", "1"):
        with pytest.raises(PrivetError):
            ff1().make([value])


def test_luhn_sums_follow_the_standard() -> None:
    # ISO/IEC 7812-1, annex B, by hand: 7992739871 has check digit 3.
    assert token.luhn_sums([f"7992739871{digit}" for digit in range(10)]) == [7, 8, 9, 0, 1, 2, 3, 4, 5, 6]
    assert token.luhn_sums([]) == []
    with pytest.raises(InvalidValue):
        token.luhn_sums(["1", "12x"])


@given(st.lists(st.binary(min_size=16, max_size=16), min_size=1, max_size=40))
def test_one_opaque_token_is_written_and_read_as_in_a_batch(raws: list[bytes]) -> None:
    texts = token.opaque_texts(raws)
    assert [token.opaque_text(raw) for raw in raws] == texts
    assert [token.opaque_raw(text) for text in texts] == raws


BAD = ("tok_" + "a" * 31 + "_", "tok_" + "A" * 32, "tok_+" + "a" * 31, "tok_" + " " * 32, "tk_" + "a" * 33)


@pytest.mark.parametrize("text", [*BAD, "tok_" + "é" * 32])
def test_one_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidToken):
        token.opaque_raw(text)
