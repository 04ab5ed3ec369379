"""The sequencer: what it appends, signs, proves, and refuses to go on from."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pymerkle
import pytest
from a_vault import Bench

from privet import digest
from privet.crypto import merkle
from privet.crypto.merkle import Frontier
from privet.errors import Conflict, Damaged, NotFound, Refused, Unavailable, WrongKey
from privet.store.port import Delete, Put, Unit, Update
from privet.vault.log import history
from privet.vault.log.checkpoint import Log, Tiler


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "checkpoint")


@pytest.fixture
def log(bench: Bench, path: str) -> Log:
    made = a_log(bench, path)
    made.begin()
    return made


def a_log(bench: Bench, path: str) -> Log:
    return Log(store=bench.vault.store, ring=bench.vault.ring, owner=bench.vault.id, path=path)


def grow(bench: Bench, count: int) -> None:
    steps = [bench.deed().seen(count=at) for at in range(count)]
    bench.vault.store.write_now(Unit(tuple(steps)))


def leaves(bench: Bench) -> list[bytes]:
    return [entry.leaf() for batch in history.read(bench.vault.store) for entry in batch]


def test_the_root_is_what_an_independent_reader_computes(bench: Bench, log: Log) -> None:
    for count in (1, 3, 250, 7, 300):
        grow(bench, count)
        theirs = pymerkle.InmemoryTree(algorithm="sha256")
        for leaf in leaves(bench):
            theirs.append_entry(leaf)
        found = log.advance()
        assert (found.size, found.root) == (theirs.get_size(), theirs.get_root())


def test_a_checkpoint_is_signed_and_lies_outside_the_database(bench: Bench, log: Log, path: str) -> None:
    grow(bench, 5)
    found = log.advance()
    note = Path(path).read_text(encoding="utf-8")
    assert merkle.parse_checkpoint(merkle.open_note(note, log.verifier)) == found
    assert found.origin == f"privet/{digest.id_text(bench.vault.id)}"
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_nothing_new_signs_nothing(bench: Bench, log: Log, path: str) -> None:
    grow(bench, 2)
    first = log.advance()
    before = os.stat(path).st_mtime_ns
    assert log.advance() == first
    assert os.stat(path).st_mtime_ns == before


def test_a_log_goes_on_where_another_process_left_it(bench: Bench, log: Log, path: str) -> None:
    for count in (1, 254, 1, 300, 600):
        grow(bench, count)
        log.advance()
        log = a_log(bench, path)
        log.resume()
    tree = merkle.Tree()
    tree.append(leaves(bench))
    assert log.last.root == tree.frontier.root()
    for seq in (1, 256, 257, log.last.size):
        log.prove(seq)


def test_tiles_of_any_steps_are_the_tiles_of_one_step() -> None:
    data = [at.to_bytes(4, "big") for at in range(70_000)]
    whole, frontier = {}, Frontier()
    tiler = Tiler()
    for level, place, hashes in tiler.take(frontier.append(data)):
        whole[level, place] = hashes
    stepped: dict[tuple[int, int], bytes] = {}
    frontier, tiler = Frontier(), Tiler()
    for start, end in ((0, 1), (1, 255), (255, 256), (256, 1000), (1000, 65_537), (65_537, 70_000)):
        for level, place, hashes in tiler.take(frontier.append(data[start:end])):
            stepped[level, place] = hashes
    assert stepped == whole
    assert {level for level, _ in whole} == {0, 1, 2}


def test_a_crash_between_tiles_and_checkpoint_costs_nothing(bench: Bench, log: Log, path: str) -> None:
    grow(bench, 300)
    log.advance()
    old = Path(path).read_text(encoding="utf-8")
    grow(bench, 300)
    expected = log.advance()
    Path(path).write_text(old, encoding="utf-8")
    again = a_log(bench, path)
    assert again.resume().size < expected.size
    assert again.advance() == expected


def test_an_older_database_is_refused_and_both_sizes_are_named(bench: Bench, log: Log, path: str) -> None:
    grow(bench, 9)
    log.advance()
    bench.vault.store.write_now(Unit((Delete("audit", ("seq",), [(at,) for at in range(8, 11)]),)))
    with pytest.raises(Refused, match="holds 7 entries and its checkpoint proves 10"):
        a_log(bench, path).resume()


def test_a_checkpoint_that_is_missing_or_not_ours_is_refused(bench: Bench, log: Log, path: str) -> None:
    note = Path(path).read_text(encoding="utf-8")
    Path(path).write_text(note.replace("\n1\n", "\n0\n"), encoding="utf-8")
    with pytest.raises(Damaged):
        a_log(bench, path).resume()
    Path(path).write_text(merkle.sign_note(log.last.text(), log.origin, bytes(32)), encoding="utf-8")
    with pytest.raises(WrongKey):
        a_log(bench, path).resume()
    os.unlink(path)
    with pytest.raises(Damaged, match="found none"):
        a_log(bench, path).resume()


def test_changed_tiles_are_refused_at_the_edge_and_prove_nothing_within(bench: Bench, log: Log, path: str) -> None:
    grow(bench, 600)
    log.advance()
    for place in (0, 2):
        tile = log.tile(0, place)
        changed = bytes([tile[0] ^ 1]) + tile[1:]
        bench.vault.store.write_now(Unit((Put("tiles", ("level", "place", "hashes"), ((0, place, changed),)),)))
        with pytest.raises(Damaged):
            log.prove(256 * place + 1)
        if place == 2:
            with pytest.raises(Damaged):
                a_log(bench, path).resume()
        bench.vault.store.write_now(Unit((Put("tiles", ("level", "place", "hashes"), ((0, place, tile),)),)))


def test_a_proof_convinces_who_has_only_the_public_key(bench: Bench, log: Log) -> None:
    grow(bench, 20)
    old = log.advance()
    grow(bench, 300)
    log.advance()
    key = log.verifier
    for seq in (1, 20, 256, 321):
        found = log.prove(seq, old=old.size)
        checkpoint = merkle.parse_checkpoint(merkle.open_note(found.note, key))
        leaf = merkle.leaf_hash(leaves(bench)[seq - 1])
        assert leaf == found.leaf_hash
        merkle.verify_inclusion(leaf, seq - 1, checkpoint.size, found.inclusion, checkpoint.root)
        merkle.verify_consistency(old.size, old.root, checkpoint.size, checkpoint.root, found.consistency)


def test_nothing_beyond_the_checkpoint_is_proved(bench: Bench, log: Log) -> None:
    grow(bench, 3)
    for seq in (0, 2):
        with pytest.raises(NotFound):
            log.prove(seq)
    with pytest.raises(Conflict):
        log.prove(1, old=2)


def test_a_missing_entry_is_never_signed_over(bench: Bench, log: Log) -> None:
    grow(bench, 5)
    bench.vault.store.write_now(Unit((Delete("audit", ("seq",), ((4,),)),)))
    for _ in range(2):
        with pytest.raises(Damaged, match="entry 4"):
            log.advance()
    assert log.last.size == 1


def test_an_entry_that_is_no_entry_is_never_signed(bench: Bench, log: Log) -> None:
    grow(bench, 2)
    for column, cell in (("kind", 9), ("at", -1), ("body_hash", b"short")):
        before = next(history.read(bench.vault.store, after=1))[0]
        bench.vault.store.write_now(Unit((Update("audit", (column,), ("seq",), ((cell, 2),)),)))
        with pytest.raises(Damaged):
            log.advance()
        kept = {"kind": before.kind, "at": before.at_ms, "body_hash": before.body_hash}[column]
        bench.vault.store.write_now(Unit((Update("audit", (column,), ("seq",), ((kept, 2),)),)))
    assert log.advance().size == 3


def test_a_checkpoint_that_cannot_be_written_is_written_the_next_time(bench: Bench, tmp_path: Path) -> None:
    log = a_log(bench, str(tmp_path / "folder" / "checkpoint"))
    with pytest.raises(Unavailable):
        log.advance()
    assert log.last.size == 0
    (tmp_path / "folder").mkdir()
    assert log.advance().size == 1
