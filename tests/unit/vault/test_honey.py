"""Honey records: showing one is told durably, and nobody sees which they are."""

from __future__ import annotations

import pytest
from a_vault import Bench, schema
from test_budgets import PATHS, Path, entries, people

from privet.errors import Damaged, PrivetError
from privet.store.port import Put, Select, Unit
from privet.vault.access.honey import MOST, Honey
from privet.vault.vault import HONEY_ALERT
from privet.vocabulary.predicate import Compare


@pytest.fixture
def trap(bench: Bench) -> Bench:
    bench.apply(schema("email: type: contact.email, keep: sealed, token: stored, index: [exact], unique: true",
                       "born: type: person.dob, keep: sealed"))  # fmt: skip
    bench.extra["people"] = bench.insert("people", *({k: v for k, v in p.items() if k != "note"} for p in people(5)))
    mark(bench, 3)
    return bench


def mark(bench: Bench, number: int) -> None:
    marks = {bench.vault.table("people").id + bench.extra["people"][number].id}
    bench.run(bench.vault.write((bench.vault.honey.step(marks),)))
    bench.vault.honey.take(marks)


def alerts(bench: Bench) -> int:
    return sum(said["verb"] == HONEY_ALERT for said in entries(bench))


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_showing_a_honey_record_is_in_the_audit_whatever_the_path(trap: Bench, path: Path) -> None:
    path(trap, range(3))
    assert alerts(trap) == 0
    path(trap, range(4))
    assert alerts(trap) == 1


def test_who_sees_only_masks_raises_the_alert_too(trap: Bench) -> None:
    assert trap.get("people", trap.extra["people"][3].id, role="viewer") is not None
    assert alerts(trap) == 1


def test_the_alert_names_no_record_and_no_mark_is_in_the_answer(trap: Bench) -> None:
    honey, other = (trap.get("people", trap.extra["people"][at].id) for at in (3, 2))
    assert honey is not None and other is not None
    assert honey.values.keys() == other.values.keys()
    rows = trap.vault.store.select(Select(table="audit", columns=("body", "records")))
    told = [records for body, records in rows if isinstance(body, bytes) and HONEY_ALERT.encode() in body]
    assert told == [b""]


def test_marks_are_read_again_after_a_restart(trap: Bench) -> None:
    again = Honey(trap.vault.store, trap.vault.ring, trap.vault.id)
    assert again.hits([trap.extra["people"][3].id])
    assert not again.hits([trap.extra["people"][2].id])


def cell(bench: Bench) -> bytes:
    found = bench.vault.store.select(Select(table="meta", columns=("value",), where=Compare("name", "=", "honey")))
    assert isinstance(found[0][0], bytes)
    return found[0][0]


def test_the_database_says_neither_which_records_nor_how_many(trap: Bench) -> None:
    one = cell(trap)
    assert trap.extra["people"][3].id not in one
    marks = {bytes([at]) * 32 for at in range(100)}
    trap.run(trap.vault.write((trap.vault.honey.step(marks),)))
    assert len(cell(trap)) == len(one)


def test_a_changed_mark_is_refused_rather_than_forgotten(trap: Bench) -> None:
    bent = bytearray(cell(trap))
    bent[-1] ^= 1
    trap.vault.store.write_now(Unit((Put("meta", ("name", "value"), (("honey", bytes(bent)),)),)))
    with pytest.raises(Damaged):
        Honey(trap.vault.store, trap.vault.ring, trap.vault.id).marks()


def test_there_is_a_limit_of_marks(trap: Bench) -> None:
    with pytest.raises(PrivetError, match="10,000"):
        trap.vault.honey.step({at.to_bytes(32, "big") for at in range(MOST + 1)})
