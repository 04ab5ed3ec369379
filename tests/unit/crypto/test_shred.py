"""Subject keys: wrapped under epochs, opened while their epoch lives, and never after."""

from __future__ import annotations

import hmac
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from privet.crypto import shred
from privet.crypto.keystores.local import LocalStore
from privet.errors import Damaged, Gone, InvalidInput, WrongKey
from privet.secret import Secret

VAULT, NOW = b"V" * 16, 1_700_000_000
SUBJECTS = [at.to_bytes(16, "big") for at in range(100)]
ONES = [1] * 100


def store(fill: int = 1) -> LocalStore:
    return LocalStore(Secret(bytes([fill]) * 32))


def ring() -> shred.EpochRing:
    return shred.EpochRing.create(store(), VAULT, now=NOW)


def test_subject_keys_are_random_and_distinct() -> None:
    keys = shred.new_subject_keys(1000)
    assert {len(key) for key in keys} == {32}
    assert len(set(keys)) == 1000
    assert shred.new_subject_keys(0) == []


@pytest.mark.parametrize("count", [0, 1, 100])
def test_wrapped_keys_survive_a_reload(count: int) -> None:
    held, keys = ring(), shred.new_subject_keys(count)
    rows = held.wrap(SUBJECTS[:count], ONES[:count], keys)
    assert [row.epoch for row in rows] == [1] * count
    assert shred.EpochRing.load(store(), VAULT, held.rows()).unwrap(rows) == keys


def test_rows_of_several_epochs_open_together_in_order() -> None:
    held, keys = ring(), shred.new_subject_keys(4)
    first = held.wrap(SUBJECTS[:2], ONES[:2], keys[:2])
    held.advance(now=NOW + 1)
    second = held.wrap(SUBJECTS[2:4], ONES[:2], keys[2:])
    assert held.unwrap([second[0], first[0], second[1], first[1]]) == [keys[2], keys[0], keys[3], keys[1]]


def test_a_dropped_epoch_forgets_what_was_not_rewrapped() -> None:
    held, keys = ring(), shred.new_subject_keys(3)
    rows = held.wrap(SUBJECTS[:3], ONES[:3], keys)
    held.advance(now=NOW + 1)
    kept = held.rewrap(rows[:2])
    held.drop(1)
    assert held.unwrap(kept) == keys[:2]
    for found in (held, shred.EpochRing.load(store(), VAULT, held.rows())):
        assert [row.epoch for row in found.rows()] == [2]
        with pytest.raises(Gone):
            found.unwrap(rows[2:])


def test_the_newest_epoch_is_not_dropped() -> None:
    with pytest.raises(InvalidInput):
        ring().drop(1)


def test_swapped_changed_and_older_rows_never_open() -> None:
    held, keys = ring(), shred.new_subject_keys(2)
    one, two = held.wrap(SUBJECTS[:2], [1, 1], keys)
    elder = held.wrap(SUBJECTS[:1], [0], keys[:1])[0]
    changed = one.wrapped[:-1] + bytes([one.wrapped[-1] ^ 1])
    others = [replace(one, wrapped=two.wrapped), replace(one, wrapped=changed), replace(elder, generation=1)]
    for other in others:
        with pytest.raises(Damaged):
            held.unwrap([other])


def test_rows_of_another_vault_never_open() -> None:
    held = ring()
    other = shred.EpochRing.create(store(), b"W" * 16, now=NOW)
    with pytest.raises(Damaged):
        other.unwrap(held.wrap(SUBJECTS[:1], ONES[:1], shred.new_subject_keys(1)))


def test_epochs_of_another_root_or_vault_are_refused() -> None:
    rows = ring().rows()
    with pytest.raises(WrongKey):
        shred.EpochRing.load(store(2), VAULT, rows)
    with pytest.raises(Damaged):
        shred.EpochRing.load(store(), b"W" * 16, rows)
    with pytest.raises(Damaged):
        shred.EpochRing.load(store(), VAULT, [])


@pytest.mark.parametrize("change", [{"epoch": 2}, {"created": NOW + 1}, {"check": bytes(16)}])
def test_a_changed_epoch_row_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(Damaged):
        shred.EpochRing.load(store(), VAULT, [replace(ring().rows()[0], **change)])


def test_forgotten_epoch_keys_are_asked_of_the_root_again() -> None:
    held, keys = ring(), shred.new_subject_keys(1)
    rows = held.wrap(SUBJECTS[:1], ONES[:1], keys)
    held.forget()
    assert held.unwrap(rows) == keys


def test_cell_keys_are_hkdf_expand_with_sha_256() -> None:
    keys, context = shred.new_subject_keys(20), b"context of colum"
    expected = [HKDFExpand(SHA256(), 32, context).derive(key) for key in keys]
    assert shred.cell_keys(keys, context) == expected
    assert shred.cell_keys(keys[:1], context) == [hmac.digest(keys[0], context + b"\x01", "sha256")]


def test_cell_keys_differ_by_subject_and_column() -> None:
    keys = shred.new_subject_keys(2)
    found = [*shred.cell_keys(keys, b"1" * 16), *shred.cell_keys(keys, b"2" * 16)]
    assert len(set(found)) == 4


def test_keys_of_another_length_are_refused() -> None:
    with pytest.raises(InvalidInput):
        shred.cell_keys([bytes(32), bytes(31)], bytes(16))
