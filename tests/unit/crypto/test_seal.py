"""Rules of cells: what was sealed opens where it belongs, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
from hypothesis import given
from hypothesis import strategies as st

from privet.crypto import seal
from privet.crypto.seal import CellKey
from privet.errors import Damaged, WrongKey
from privet.secret import Secret

CONTEXT, OTHER = b"context-of-16-by", b"another-context!"
SIV = CellKey(7, "siv", Secret(bytes(range(64))))
GCM = CellKey(7, "gcm", Secret(bytes(range(32))))
MANY = 200


def ids(count: int) -> list[bytes]:
    return [at.to_bytes(16, "big") for at in range(1, count + 1)]


@pytest.mark.parametrize("key", [SIV, GCM], ids=["siv", "gcm"])
@pytest.mark.parametrize("pad_bytes", [0, 1, 16, 64])
@pytest.mark.parametrize("times", [1, 60], ids=["one", "many"])
@given(texts=st.lists(st.binary(max_size=50), max_size=12))
def test_what_was_sealed_opens(key: CellKey, pad_bytes: int, times: int, texts: list[bytes]) -> None:
    texts = texts * times
    cells = key.seal(CONTEXT, ids(len(texts)), texts, pad_bytes)
    assert key.open(CONTEXT, ids(len(texts)), cells) == texts


@pytest.mark.parametrize("pad_bytes", [0, 16])
@given(texts=st.lists(st.binary(max_size=50), min_size=1, max_size=12))
def test_cells_of_many_are_the_cells_of_each(pad_bytes: int, texts: list[bytes]) -> None:
    many = texts * 60
    cells = SIV.seal(CONTEXT, ids(1) * len(many), many, pad_bytes)
    assert cells == [SIV.seal(CONTEXT, ids(1), [text], pad_bytes)[0] for text in texts] * 60
    assert [SIV.open(CONTEXT, ids(1), [cell])[0] for cell in cells[: len(texts)]] == texts


@pytest.mark.parametrize("text", [b"", b"\x80", b"\0", b"a\x80\0\0", b"\0" * 16, b"\x80" * 16, b"x" * 15, b"x" * 16])
@pytest.mark.parametrize("times", [1, MANY], ids=["one", "many"])
def test_padding_takes_no_byte_of_the_text_for_its_own(text: bytes, times: int) -> None:
    for pad_bytes in (0, 16):
        cells = SIV.seal(CONTEXT, ids(times), [text] * times, pad_bytes)
        assert SIV.open(CONTEXT, ids(times), cells) == [text] * times


def test_padded_texts_of_unlike_lengths_have_cells_of_one_length() -> None:
    texts = [b"x" * length for length in range(16)] * 10
    assert {len(cell) for cell in SIV.seal(CONTEXT, ids(160), texts, 16)} == {21 + 16}


@pytest.mark.parametrize(("width", "pad_bytes"), [(1, 0), (16, 0), (16, 16), (15, 16), (40, 64)])
def test_cells_from_buffers_are_the_cells_from_lists(width: int, pad_bytes: int) -> None:
    texts = np.random.default_rng(3).integers(0, 256, (MANY, width), np.uint8)
    id_rows = np.frombuffer(b"".join(ids(MANY)), np.uint8).reshape(-1, 16)
    cells = SIV.seal_matrix(CONTEXT, id_rows, texts, pad_bytes)
    assert [row.tobytes() for row in cells] == SIV.seal(CONTEXT, ids(MANY), [row.tobytes() for row in texts], pad_bytes)
    opened, lengths = SIV.open_matrix(CONTEXT, id_rows, cells)
    assert set(lengths.tolist()) == {width}
    assert (opened[:, :width] == texts).all()


def test_buffers_of_unlike_texts_tell_each_length() -> None:
    texts = [b"x" * (at % 16) for at in range(MANY)]
    cells = SIV.seal(CONTEXT, ids(MANY), texts, 16)
    id_rows = np.frombuffer(b"".join(ids(MANY)), np.uint8).reshape(-1, 16)
    opened, lengths = SIV.open_matrix(CONTEXT, id_rows, np.frombuffer(b"".join(cells), np.uint8).reshape(MANY, -1))
    assert [row[:length].tobytes() for row, length in zip(opened, lengths, strict=True)] == texts


def test_the_layout_is_prefix_key_id_siv_and_ciphertext() -> None:
    key = CellKey(0x01020304, "siv", SIV.key)
    [cell] = key.seal(CONTEXT, ids(1), [b"five!"])
    assert cell[:5].hex() == "0101020304"
    assert len(cell) == 5 + 16 + 5 + 1
    assert seal.key_id(cell) == 0x01020304
    assert seal.siv(cell) == cell[5:21]


def test_the_layout_under_gcm_is_prefix_key_id_iv_ciphertext_and_tag() -> None:
    [cell] = GCM.seal(CONTEXT, ids(1), [b"five!"])
    assert cell[:5].hex() == "0100000007"
    assert len(cell) == 5 + 12 + 5 + 1 + 16
    assert seal.siv(cell, "gcm") == cell[-16:]


def test_siv_is_stable_and_gcm_is_not() -> None:
    assert SIV.seal(CONTEXT, ids(1), [b"x"]) == SIV.seal(CONTEXT, ids(1), [b"x"])
    assert GCM.seal(CONTEXT, ids(1), [b"x"]) != GCM.seal(CONTEXT, ids(1), [b"x"])
    assert len(set(SIV.seal(CONTEXT, ids(MANY), [b"x"] * MANY))) == MANY


@pytest.mark.parametrize("key", [SIV, GCM], ids=["siv", "gcm"])
def test_no_cell_opens_with_any_bit_flipped(key: CellKey) -> None:
    [cell] = key.seal(CONTEXT, ids(1), [b"078-05-1120"])
    for bit in range(8 * len(cell)):
        changed = bytearray(cell)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            key.open(CONTEXT, ids(1), [bytes(changed)])


def test_no_cell_of_a_batch_opens_with_any_bit_flipped() -> None:
    cells = SIV.seal(CONTEXT, ids(MANY), [b"078-05-1120"] * MANY)
    for bit in range(8 * len(cells[0])):
        changed = bytearray(cells[bit % MANY])
        changed[bit // 8] ^= 1 << bit % 8
        batch = [*cells]
        batch[bit % MANY] = bytes(changed)
        with pytest.raises(Damaged) as caught:
            SIV.open(CONTEXT, ids(MANY), batch)
        assert caught.value.at == f"cell {bit % MANY}"


def cut(cell: bytes) -> bytes:
    return cell[:-1]


def grown(cell: bytes) -> bytes:
    return cell + b"\0"


def emptied(cell: bytes) -> bytes:
    return b""


def headed(cell: bytes) -> bytes:
    return cell[:21]


@pytest.mark.parametrize("change", [cut, grown, emptied, headed])
@pytest.mark.parametrize("key", [SIV, GCM], ids=["siv", "gcm"])
@pytest.mark.parametrize("count", [1, MANY], ids=["one", "many"])
def test_no_cell_opens_cut_or_grown(change: Callable[[bytes], bytes], key: CellKey, count: int) -> None:
    cells = key.seal(CONTEXT, ids(count), [b"ann@example.com"] * count)
    with pytest.raises(Damaged):
        key.open(CONTEXT, ids(count), [*cells[:-1], change(cells[-1])])
    with pytest.raises(Damaged):
        key.open(CONTEXT, ids(count), [change(cell) for cell in cells])


@pytest.mark.parametrize("key", [SIV, GCM], ids=["siv", "gcm"])
@pytest.mark.parametrize("count", [2, MANY], ids=["few", "many"])
def test_a_cell_moved_to_another_record_does_not_open(key: CellKey, count: int) -> None:
    cells = key.seal(CONTEXT, ids(count), [b"ann@example.com"] * count)
    cells[0], cells[1] = cells[1], cells[0]
    with pytest.raises(Damaged) as caught:
        key.open(CONTEXT, ids(count), cells)
    assert caught.value.at == "cell 0"


@pytest.mark.parametrize("key", [SIV, GCM], ids=["siv", "gcm"])
@pytest.mark.parametrize("count", [1, MANY], ids=["one", "many"])
def test_a_cell_moved_to_another_column_does_not_open(key: CellKey, count: int) -> None:
    cells = key.seal(CONTEXT, ids(count), [b"ann@example.com"] * count)
    with pytest.raises(Damaged):
        key.open(OTHER, ids(count), cells)


@pytest.mark.parametrize("suite", ["siv", "gcm"])
@pytest.mark.parametrize("count", [1, MANY], ids=["one", "many"])
def test_a_cell_of_another_key_id_is_the_wrong_key(suite: seal.Suite, count: int) -> None:
    key = SIV if suite == "siv" else GCM
    cells = CellKey(8, suite, key.key).seal(CONTEXT, ids(count), [b"ann@example.com"] * count)
    with pytest.raises(WrongKey, match="key 7, found key 8") as caught:
        key.open(CONTEXT, ids(count), cells)
    assert caught.value.at == "cell 0"


@pytest.mark.parametrize("count", [1, MANY], ids=["one", "many"])
def test_a_cell_of_another_key_with_our_id_is_damaged(count: int) -> None:
    cells = CellKey(7, "siv", Secret(bytes(64))).seal(CONTEXT, ids(count), [b"ann@example.com"] * count)
    with pytest.raises(Damaged):
        SIV.open(CONTEXT, ids(count), cells)


@pytest.mark.parametrize("count", [1, MANY], ids=["one", "many"])
def test_a_sealed_text_without_padding_is_damaged(count: int) -> None:
    """What another program sealed under our key, unpadded, has a right IV but is none of our cells."""
    siv = AESSIV(SIV.key.reveal())
    cells = [b"\x01\0\0\0\x07" + siv.encrypt(b"unpadded", [CONTEXT + id_]) for id_ in ids(count)]
    with pytest.raises(Damaged):
        SIV.open(CONTEXT, ids(count), cells)


def test_no_error_shows_the_text() -> None:
    cells = SIV.seal(CONTEXT, ids(1), [b"ann@example.com"])
    with pytest.raises(Damaged) as caught:
        SIV.open(OTHER, ids(1), cells)
    assert "ann" not in f"{caught.value} {caught.value.args!r} {caught.value.__context__!r}"


def test_a_key_does_not_print_itself() -> None:
    SIV.seal(CONTEXT, ids(1), [b"x"])
    assert repr(SIV) == "CellKey(key_id=7, suite='siv', key=***)"


def test_ids_and_context_have_16_bytes() -> None:
    for context, record_ids in [(b"short", ids(1)), (CONTEXT, [b"short"]), (CONTEXT, ids(2)), (CONTEXT, [b"x" * 15])]:
        with pytest.raises(ValueError, match="16 bytes"):
            SIV.seal(context, record_ids, [b"x"])


def test_buffers_need_the_siv_suite_and_ids_of_16_bytes() -> None:
    rows = np.zeros((2, 16), np.uint8)
    with pytest.raises(ValueError, match="siv"):
        GCM.seal_matrix(CONTEXT, rows, rows)
    with pytest.raises(ValueError, match="16 bytes"):
        SIV.seal_matrix(CONTEXT, rows[:1], rows)
    with pytest.raises(Damaged):
        SIV.open_matrix(CONTEXT, rows, np.zeros((2, 21), np.uint8))


@pytest.mark.parametrize(("suite", "size"), [("siv", 32), ("siv", 63), ("gcm", 16), ("gcm", 64)])
def test_a_key_has_the_length_of_its_suite(suite: seal.Suite, size: int) -> None:
    with pytest.raises(ValueError, match="bytes for suite"):
        CellKey(1, suite, Secret(bytes(size)))


def test_a_key_id_fits_32_bits() -> None:
    for key_id in (-1, 1 << 32):
        with pytest.raises(ValueError, match="32 bits"):
            CellKey(key_id, "siv", Secret(bytes(64)))


@given(texts=st.lists(st.binary(max_size=40), max_size=10))
def test_cells_under_a_key_each_open_under_that_key_only(texts: list[bytes]) -> None:
    keys = [bytes([at]) * 32 for at in range(len(texts))]
    cells = seal.seal_each(keys, 7, CONTEXT, ids(len(texts)), texts, 16)
    assert seal.open_each(keys, 7, CONTEXT, ids(len(texts)), cells) == texts
    if len(texts) > 1:
        with pytest.raises(Damaged):
            seal.open_each([keys[1], keys[0], *keys[2:]], 7, CONTEXT, ids(len(texts)), cells)


def test_a_cell_under_a_key_of_its_own_is_gcm_with_the_tag_first() -> None:
    key, [id_] = bytes(range(32)), ids(1)
    [cell] = seal.seal_each([key], 7, CONTEXT, [id_], [b"x"], 16)
    tag, iv, body = cell[5:21], cell[21:33], cell[33:]
    assert cell[:5] == b"\x01\0\0\0\x07"
    assert seal.siv(cell) == tag
    assert AESGCM(key).decrypt(iv, body + tag, CONTEXT + id_) == b"x\x80" + bytes(14)


def test_an_iv_is_drawn_for_every_cell_under_a_key_of_its_own() -> None:
    cells = seal.seal_each([bytes(32)] * 50, 7, CONTEXT, ids(1) * 50, [b"same"] * 50)
    assert len({cell[21:33] for cell in cells}) == len({cell[33:] for cell in cells}) == 50


@pytest.mark.parametrize("place", [0, 4, 5, 20, 21, 32, 33, 48])
def test_a_changed_cell_under_a_key_of_its_own_does_not_open(place: int) -> None:
    [cell] = seal.seal_each([bytes(32)], 7, CONTEXT, ids(1), [b"fifteen letters"], 16)
    changed = bytearray(cell)
    changed[place] ^= 1
    with pytest.raises(Damaged):
        seal.open_each([bytes(32)], 7, CONTEXT, ids(1), [bytes(changed)])


def test_a_cell_under_a_key_of_its_own_is_bound_to_its_record_and_column() -> None:
    cells = seal.seal_each([bytes(32)], 7, CONTEXT, ids(1), [b"x"])
    for context, id_ in ((CONTEXT, b"another record!!"), (b"another column!!", ids(1)[0])):
        with pytest.raises(Damaged):
            seal.open_each([bytes(32)], 7, context, [id_], cells)


def test_a_cell_of_another_column_version_is_the_wrong_key_under_a_key_each() -> None:
    cells = seal.seal_each([bytes(32)], 7, CONTEXT, ids(1), [b"x"])
    with pytest.raises(WrongKey):
        seal.open_each([bytes(32)], 8, CONTEXT, ids(1), cells)
    with pytest.raises(Damaged):
        seal.open_each([bytes(32)], 7, CONTEXT, ids(1), [cells[0][:33]])


def test_a_key_each_has_32_bytes() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        seal.seal_each([bytes(16)], 7, CONTEXT, ids(1), [b"x"])
    with pytest.raises(ValueError, match="32 bytes"):
        seal.open_each([bytes(64)], 7, CONTEXT, ids(1), [bytes(40)])


def test_threads_share_a_key() -> None:
    key = CellKey(9, "siv", Secret(bytes(64)))
    texts = [b"4111111111111111"] * 5000
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: key.seal(CONTEXT, ids(5000), texts), range(8)))
    assert all(cells == results[0] for cells in results)
    assert key.open(CONTEXT, ids(5000), results[0]) == texts
