"""The ledger of erasures: it reads back, shows what was changed, and is carried out at the start."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from a_vault import START_MS, Bench
from folk import erase, kept, person, populate, subject

from privet.errors import Conflict, Damaged, StoreFailed
from privet.store.port import Insert, Select, Unit
from privet.vault.people import erasure
from privet.vault.people.ledger import Entry, Ledger
from privet.vocabulary.predicate import Compare, In


@pytest.fixture
def people(bench: Bench) -> Bench:
    return populate(bench)


KEY = bytes(range(32))


def entry(number: int) -> Entry:
    return Entry(number.to_bytes(16, "big"), (1000 + number).to_bytes(16, "big"), START_MS + number)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    found = Ledger(tmp_path / "ledger", KEY, bytes(16))
    for number in range(3):
        found.append(entry(number))
    yield found
    found.close()


def test_a_ledger_reads_back(ledger: Ledger) -> None:
    again = Ledger(ledger.path, KEY, bytes(16))
    assert again.entries() == [entry(n) for n in range(3)]
    again.append(entry(3))
    again.close()
    assert len(Ledger(ledger.path, KEY, bytes(16)).entries()) == 4
    assert os.stat(ledger.path).st_mode & 0o777 == 0o600


def test_a_line_cut_short_by_a_crash_is_dropped(ledger: Ledger) -> None:
    whole = ledger.path.read_bytes()
    for size in range(len(whole) - 1, len(whole.rsplit(b"\n", 2)[0]) + 1, -7):
        ledger.path.write_bytes(whole[:size])
        again = Ledger(ledger.path, KEY, bytes(16))
        assert again.entries() == [entry(0), entry(1)]
        again.append(entry(2))
        again.close()
        assert ledger.path.read_bytes() == whole


@pytest.mark.parametrize("change", ["flip", "drop", "swap", "words", "time", "key", "vault"])
def test_a_changed_ledger_is_found(ledger: Ledger, change: str) -> None:
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    key, vault = KEY, bytes(16)
    if change == "flip":
        lines[2] = lines[2].replace(lines[2][20:21], b"0" if lines[2][20:21] != b"0" else b"1", 1)
    elif change == "drop":
        del lines[1]
    elif change == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif change == "words":
        lines[2] = b"one two\n"
    elif change == "time":
        lines[2] = b"-5" + lines[2][lines[2].index(b" ") :]
    elif change == "key":
        key = bytes(32)
    else:
        vault = bytes(15) + b"\1"
    ledger.path.write_bytes(b"".join(lines))
    with pytest.raises(Damaged):
        Ledger(ledger.path, key, vault)


def test_a_ledger_that_cannot_be_written_takes_no_more(ledger: Ledger, people: Bench) -> None:
    people.vault.ledger = ledger
    ann = person(people)
    ledger.close()
    for _ in range(2):
        with pytest.raises(StoreFailed):
            erase(people, ann)
    assert people.get("people", ann) is not None, "an erasure that is not in the ledger has not begun"


def test_erasures_that_only_the_ledger_knows_are_carried_out_at_the_start(people: Bench, ledger: Ledger) -> None:
    vault = people.vault
    ann, bo = person(people), person(people, "Bo", "bo@example.com")
    vault.ledger = ledger
    ledger.append(Entry(bytes(15) + b"\x77", subject(people, ann), START_MS))
    assert erasure.finish(vault, people.deed()) == 4
    assert people.get("people", ann) is None and people.get("people", bo) is not None
    assert kept(people) == {subject(people, bo)}
    assert erasure.finish(vault, people.deed()) == 0


def test_erasures_that_the_ledger_lost_are_written_again(people: Bench, ledger: Ledger) -> None:
    ann = person(people)
    her = subject(people, ann)
    erase(people, ann)
    people.vault.ledger = ledger
    erasure.finish(people.vault, people.deed())
    assert her in {item.subject for item in ledger.entries()}


def test_an_erasure_cut_short_is_finished(people: Bench) -> None:
    ann = person(people)
    step = Insert("erasures", erasure.LEDGER, ((bytes(16), subject(people, ann), "open", START_MS),))
    people.vault.store.write_now(Unit((step,)))
    assert erasure.finish(people.vault, people.deed()) == 1
    assert people.get("people", ann) is None and kept(people) == set()
    where = Compare("state", "=", "open")
    assert people.vault.store.select(Select(table="erasures", columns=("id",), where=where)) == []


def test_a_change_of_keys_does_not_begin_beside_another(people: Bench) -> None:
    with people.vault.maintenance("backup"), pytest.raises(Conflict), people.vault.maintenance("rotation"):
        pass
    where = In("state", ("open",))
    assert people.vault.store.select(Select(table="erasures", columns=("id",), where=where)) == []
