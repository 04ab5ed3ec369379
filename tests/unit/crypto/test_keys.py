"""The key hierarchy: what may be read after which change, and which rows are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from privet.crypto import keys
from privet.crypto.keystores.local import LocalStore
from privet.errors import Conflict, Damaged, Gone, InvalidInput, NotFound, PrivetError, WrongKey
from privet.secret import Secret

VAULT, COLUMN, OTHER = b"V" * 16, b"C" * 16, b"D" * 16
CONTEXT, RECORDS = b"context of colum", [b"R" * 16]
NOW = 1_700_000_000


def store(fill: int = 1) -> LocalStore:
    return LocalStore(Secret(bytes([fill]) * 32))


def ring() -> keys.KeyRing:
    return keys.KeyRing.create(store(), VAULT, now=NOW)


def reloaded(held: keys.KeyRing) -> keys.KeyRing:
    return keys.KeyRing.load(store(), VAULT, held.rows())


@pytest.mark.parametrize(
    ("purpose", "suite", "size"),
    [(purpose, suite, size) for purpose, suites in keys.KEY_SIZES.items() for suite, size in suites.items()],
)
def test_each_purpose_has_keys_of_its_size_that_survive_a_reload(purpose: keys.Purpose, suite: str, size: int) -> None:
    held = ring()
    owner = VAULT if purpose == "kek" else COLUMN
    if purpose != "kek":
        row = held.add(purpose, owner, suite=suite, now=NOW)
        assert (row.version, row.state, row.created, row.suite) == (1, "active", NOW, suite)
    key = held.raw(purpose, owner).reveal()
    assert len(key) == size
    assert reloaded(held).raw(purpose, owner).reveal() == key


def test_the_first_suite_of_a_purpose_is_its_default() -> None:
    held = ring()
    assert held.add("cell", COLUMN, now=NOW).suite == "siv"
    assert held.add("index", COLUMN, now=NOW).suite == "cmac"


def test_keys_are_random_and_never_derived() -> None:
    assert ring().raw("kek", VAULT).reveal() != ring().raw("kek", VAULT).reveal()


def test_no_key_is_in_a_row_or_a_repr() -> None:
    held = ring()
    row = held.add("cell", COLUMN, now=NOW)
    key = held.raw("cell", COLUMN)
    assert key.reveal() not in row.wrapped
    assert repr(key.reveal()) not in repr([held, row, key, held.cell(COLUMN)])


def test_a_ring_of_another_root_is_of_the_wrong_key() -> None:
    with pytest.raises(WrongKey):
        keys.KeyRing.load(store(2), VAULT, ring().rows())


def test_a_ring_of_another_vault_has_no_key_here() -> None:
    with pytest.raises(Damaged):
        keys.KeyRing.load(store(), OTHER, ring().rows())


@pytest.mark.parametrize("rows", [(), "doubled"])
def test_missing_and_doubled_rows_are_damage(rows: object) -> None:
    found = ring().rows() * 2 if rows == "doubled" else ()
    with pytest.raises(Damaged):
        keys.KeyRing.load(store(), VAULT, found)


def test_two_active_keys_of_one_owner_are_damage() -> None:
    held = ring()
    held.add("cell", COLUMN, now=NOW)
    _, old = held.rotate("cell", COLUMN, now=NOW)
    rows = [replace(row, state="active") if row.key_id == old.key_id else row for row in held.rows()]
    with pytest.raises(Damaged):
        keys.KeyRing.load(store(), VAULT, rows)


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": 77},
        {"purpose": "token"},
        {"owner": OTHER},
        {"version": 2},
        {"suite": "gcm"},
        {"check": bytes(16)},
        {"created": NOW + 1},
        {"wrapped": b""},
        {"wrapped": b"\0\0\0\1" + bytes(80)},
        {"wrapped": b"\0\0\0\2" + bytes(80)},
        {"wrapped": b"\0\0\0\x4d" + bytes(80)},
    ],
    ids=lambda change: "-".join(change),
)
def test_a_changed_key_row_never_opens(change: dict[str, object]) -> None:
    held = ring()
    row = held.add("cell", COLUMN, now=NOW)
    changed = replace(row, **change)
    other = keys.KeyRing.load(store(), VAULT, [held.rows()[0], changed])
    with pytest.raises(Damaged):
        other.raw(changed.purpose, changed.owner)


def test_swapped_wrappings_never_open() -> None:
    held = ring()
    one, two = held.add("cell", COLUMN, now=NOW), held.add("cell", OTHER, now=NOW)
    swapped = [held.rows()[0], replace(one, wrapped=two.wrapped), replace(two, wrapped=one.wrapped)]
    other = keys.KeyRing.load(store(), VAULT, swapped)
    for owner in (COLUMN, OTHER):
        with pytest.raises(Damaged):
            other.cell(owner)


def test_a_key_encryption_key_with_a_changed_check_value_is_refused() -> None:
    kek = ring().rows()[0]
    with pytest.raises(Damaged):
        keys.KeyRing.load(store(), VAULT, [replace(kek, check=bytes(16))])


def test_rotation_keeps_old_cells_readable() -> None:
    held = ring()
    held.add("cell", COLUMN, now=NOW)
    old_cell = held.cell(COLUMN).seal(CONTEXT, RECORDS, [b"text"])
    new, old = held.rotate("cell", COLUMN, now=NOW + 1)
    assert (new.version, new.state, old.state) == (2, "active", "retiring")
    again = reloaded(held)
    assert again.cell(COLUMN).key_id == new.key_id
    assert again.cell_by_id(old.key_id).open(CONTEXT, RECORDS, old_cell) == [b"text"]
    with pytest.raises(WrongKey):
        again.cell(COLUMN).open(CONTEXT, RECORDS, old_cell)


def test_both_index_keys_answer_during_a_rebuild_newest_first() -> None:
    held = ring()
    held.add("index", COLUMN, now=NOW)
    before = held.index(COLUMN).tag(b"part")
    _, old = held.rotate("index", COLUMN, now=NOW)
    after = held.index(COLUMN).tag(b"part")
    assert after != before
    assert [tagger.tag(b"part") for tagger in reloaded(held).indexes(COLUMN)] == [after, before]
    held.destroy(old.key_id)
    assert [tagger.tag(b"part") for tagger in reloaded(held).indexes(COLUMN)] == [after]


def test_a_destroyed_key_is_gone_from_memory_and_rows() -> None:
    held = ring()
    row = held.add("cell", COLUMN, now=NOW)
    held.cell(COLUMN)
    gone = held.destroy(row.key_id)
    assert (gone.state, gone.wrapped) == ("destroyed", b"")
    for found in (held, reloaded(held)):
        with pytest.raises(Gone):
            found.cell_by_id(row.key_id)
        with pytest.raises(NotFound):
            found.cell(COLUMN)
        assert found.indexes(COLUMN) == ()


def test_key_ids_and_versions_are_never_used_again() -> None:
    held = ring()
    row = held.add("cell", COLUMN, now=NOW)
    held.destroy(row.key_id)
    again = reloaded(held).add("cell", COLUMN, now=NOW)
    assert (again.key_id, again.version) == (row.key_id + 1, 2)


def test_rewrapping_changes_every_row_and_no_key() -> None:
    held = ring()
    held.add("cell", COLUMN, now=NOW)
    held.add("index", COLUMN, now=NOW)
    held.rotate("cell", COLUMN, now=NOW)
    before = {row.key_id: row for row in held.rows()}
    cell, tag = held.cell(COLUMN).seal(CONTEXT, RECORDS, [b"text"]), held.index(COLUMN).tag(b"part")
    changed = held.rewrap(now=NOW + 1)
    assert {row.key_id for row in changed} == {row.key_id for row in held.rows()}
    assert all(row.wrapped != before[row.key_id].wrapped for row in changed if row.key_id in before)
    assert [row.state for row in held.rows() if row.purpose == "kek"] == ["destroyed", "active"]
    after = reloaded(held)
    assert after.cell(COLUMN).open(CONTEXT, RECORDS, cell) == [b"text"]
    assert after.index(COLUMN).tag(b"part") == tag


def test_the_old_key_encryption_key_opens_nothing_new() -> None:
    held = ring()
    held.add("cell", COLUMN, now=NOW)
    old_kek = held.rows()[0]
    cell_row = next(row for row in held.rewrap(now=NOW) if row.purpose == "cell")
    with pytest.raises(Damaged):
        keys.KeyRing.load(store(), VAULT, [old_kek, cell_row]).cell(COLUMN)


def test_forgotten_keys_are_asked_of_the_root_again() -> None:
    class Revocable:
        name = "revocable"
        revoked = False

        def wrap(self, key: bytes, context: bytes) -> bytes:
            return store().wrap(key, context)

        def unwrap(self, blob: bytes, context: bytes) -> bytes:
            if self.revoked:
                raise WrongKey("the root is revoked")
            return store().unwrap(blob, context)

    root = Revocable()
    held = keys.KeyRing.create(root, VAULT, now=NOW)
    row = held.add("cell", COLUMN, now=NOW)
    held.cell(COLUMN)
    root.revoked = True
    held.cell(COLUMN)
    held.forget()
    with pytest.raises(WrongKey):
        held.cell_by_id(row.key_id)


def test_a_cell_of_an_unknown_key_is_of_the_wrong_key() -> None:
    with pytest.raises(WrongKey):
        ring().cell_by_id(9)


def test_keys_are_not_used_for_another_machine() -> None:
    held = ring()
    held.add("index", COLUMN, now=NOW)
    row = held.add("token", COLUMN, suite="ff1", now=NOW)
    for misuse in (lambda: held.cell(COLUMN, "index"), lambda: held.index(COLUMN, "token")):
        with pytest.raises(WrongKey):
            misuse()
    with pytest.raises(WrongKey):
        held.cell_by_id(row.key_id)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda held: held.add("cell", COLUMN, now=NOW), Conflict),
        (lambda held: held.add("cell", b"short", now=NOW), InvalidInput),
        (lambda held: held.add("cell", OTHER, suite="rot13", now=NOW), InvalidInput),
        (lambda held: held.rotate("kek", VAULT, now=NOW), InvalidInput),
        (lambda held: held.rotate("cell", OTHER, now=NOW), NotFound),
        (lambda held: held.destroy(1), InvalidInput),
        (lambda held: held.destroy(99), WrongKey),
        (lambda held: keys.KeyRing.create(store(), b"", now=NOW), InvalidInput),
    ],
    ids=["add twice", "owner", "suite", "rotate kek", "rotate none", "destroy kek", "destroy none", "vault"],
)
def test_refusals_change_nothing(act: object, error: type[PrivetError]) -> None:
    held = ring()
    held.add("cell", COLUMN, now=NOW)
    before = held.rows()
    with pytest.raises(error):
        act(held)  # type: ignore[operator]
    assert held.rows() == before
