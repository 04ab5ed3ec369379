"""Schemas: every fault at once, names that may change, and records that move when they must."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from a_vault import Bench, schema

from privet.errors import DuplicateValue, InvalidBatch, InvalidSchema, Refused, StoreFailed
from privet.store.port import Select
from privet.vault.people import erasure
from privet.vault.reader import read_schema
from privet.vault.schema import shape
from privet.vault.upkeep import migrate
from privet.vault.vault import open_vault

BASE = schema("name: type: string, keep: sealed", "code: type: string, keep: sealed, index: exact, token: stored")


def rows(bench: Bench) -> list[dict[str, Any]]:
    table = bench.vault.table("people")
    ids = [row[0] for row in bench.vault.store.select(Select(table=table.rows, columns=("id",), order=(("id", True),)))]
    found = [bench.get("people", record) for record in ids]  # type: ignore[arg-type]
    return [dict(item.values) for item in found if item]


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        (schema("a: type: contact.emial"), "8:", "there is no data type"),
        (schema("a: type: person.gender, index: exact"), "8:", "few values"),
        (schema("a: type: contact.email, index: year"), "8:", "has no index"),
        (schema("a: type: contact.email, keep: shreddable", subject="none"), "8:", "needs a subject"),
        (schema("a: type: string, kept: sealed"), "8:", "unknown key `kept`"),
        (schema("A: type: string"), "7:", "expected a name"),
        (schema("id: type: string"), "7:", "word of every record"),
        (schema("a: type: string", "a: type: string"), "9:", "stands twice"),
        (schema("a: type: string", ttl="soon"), "5:", "expected a time"),
        (schema("a: type: string, references: nowhere.id"), "8:", "expected a reference"),
        (schema("a: type: contact.email, token: {kind: sealed}, keep: shreddable"), "8:", "outlives its person"),
        (schema("a: type: card.cvv, keep: transient, token: stored"), "8:", "transient tokens only"),
        (schema("a: type: integer, default: many"), "8:", "the default is not"),
    ],
)
def test_a_fault_in_a_schema_names_its_place_and_rule(text: str, place: str, words: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        read_schema(text, "s.yml")
    shown = [f"{fault.at} {fault.message}" for fault in caught.value.faults]
    assert any(item.startswith(f"s.yml:{place}") and words in item for item in shown), shown


def test_every_fault_of_a_schema_is_told_at_once() -> None:
    with pytest.raises(InvalidSchema) as caught:
        read_schema(schema("a: type: nope", "b: type: nope", "c: keep: maybe"))
    assert len(caught.value.faults) == 3


def test_applying_the_same_schema_again_changes_nothing(bench: Bench) -> None:
    assert bench.apply(BASE)
    assert bench.apply(BASE) == () and bench.vault.schema.version == 1


def test_a_renamed_column_keeps_its_values_tags_and_tokens(bench: Bench) -> None:
    bench.apply(BASE)
    [before] = bench.insert("people", {"name": "n", "code": "c1"})
    renamed = schema(
        "name: type: string, keep: sealed", "ref: was: code, type: string, keep: sealed, index: exact, token: stored"
    )
    changes = bench.apply(renamed)
    assert [change.what for change in changes] == ["column `code` is renamed"]
    found = bench.get("people", before.id)
    assert found is not None and found.values == {"name": "n", "ref": "c1"} and found.version == 1
    assert found.tokens == {"ref": before.tokens["code"]}
    [after] = bench.insert("people", {"name": "m", "ref": "c1"})
    assert after.tokens["ref"] == before.tokens["code"]


def test_a_new_type_moves_values_that_fit_and_refuses_those_that_do_not(bench: Bench) -> None:
    bench.apply(BASE)
    bench.insert("people", {"name": "7", "code": "a"}, {"name": "08", "code": "b"})
    wider = BASE.replace(
        "name: name\n            fides_meta: {privet: {type: string",
        "name: name\n            fides_meta: {privet: {type: integer",
    )
    assert bench.apply(wider)
    assert [row["name"] for row in rows(bench)] == [7, 8]
    with pytest.raises(InvalidBatch) as caught:
        bench.apply(
            BASE.replace(
                "name: code\n            fides_meta: {privet: {type: string",
                "name: code\n            fides_meta: {privet: {type: integer",
            )
        )
    assert len(caught.value.faults) >= 2 and "nothing was changed" in caught.value.message
    assert [row["code"] for row in rows(bench)] == ["a", "b"]


def test_new_indexes_tokens_and_unique_sets_cover_the_records_that_were_there(bench: Bench) -> None:
    bench.apply(schema("name: type: string, keep: sealed", "code: type: string, keep: sealed"))
    first, second = bench.insert("people", {"name": "n", "code": "c1"}, {"name": "n", "code": "c2"})
    bench.apply(
        schema(
            "name: type: string, keep: sealed, index: exact, token: stored",
            "code: type: string, keep: sealed, unique: true",
        )
    )
    one, two = bench.get("people", first.id), bench.get("people", second.id)
    assert one is not None and two is not None and one.tokens["name"] == two.tokens["name"] is not None
    table = bench.vault.table("people")
    tag = f"x{table.column('name').indexes[0].slot}"
    tags = {row[0] for row in bench.vault.store.select(Select(table=table.rows, columns=(tag,)))}
    assert len(tags) == 1 and None not in tags
    with pytest.raises(Exception, match="unique"):
        bench.insert("people", {"name": "x", "code": "c2"})


def test_random_tokens_stay_when_their_table_is_rewritten(bench: Bench) -> None:
    plain = schema("name: type: string, keep: sealed, token: random", "code: type: string, keep: sealed")
    bench.apply(plain)
    [before] = bench.insert("people", {"name": "n", "code": "c"})
    bench.apply(
        plain.replace(
            "code\n            fides_meta: {privet: {type: string",
            "code\n            fides_meta: {privet: {index: exact, type: string",
        )
    )
    after = bench.get("people", before.id)
    assert after is not None and after.tokens == before.tokens and after.version == 2


def test_dropping_a_column_with_values_must_be_allowed(bench: Bench) -> None:
    bench.apply(BASE)
    bench.insert("people", {"name": "n", "code": "c"})
    less = schema("name: type: string, keep: sealed")
    with pytest.raises(Refused):
        bench.apply(less)
    assert any(change.loses_data for change in migrate.plan(bench.vault, read_schema(less)))
    bench.apply(less, allow_loss=True)
    assert rows(bench) == [{"name": "n"}]
    assert bench.vault.store.select(Select(table="tokens", columns=("token",))) == []
    assert bench.vault.store.select(Select(table="refs", columns=("token",))) == []


def test_the_suite_is_chosen_once(bench: Bench) -> None:
    bench.apply(BASE)
    with pytest.raises(Refused):
        bench.apply(BASE.replace("  - fides_key: t\n", "  - fides_key: t\n    fides_meta: {privet: {suite: gcm}}\n"))


def test_a_vault_of_the_gcm_suite_reads_back(bench: Bench) -> None:
    bench.apply(BASE.replace("  - fides_key: t\n", "  - fides_key: t\n    fides_meta: {privet: {suite: gcm}}\n"))
    [alone] = bench.insert("people", {"name": "n", "code": "c"})
    bench.insert("people", {"name": "m", "code": "c"}, {"name": "o", "code": "d"})
    assert {row["name"] for row in rows(bench)} == {"n", "m", "o"}  # one millisecond: ids of two calls have no order
    assert bench.vault.sealer(bench.vault.table("people")).suite == "gcm" and alone.tokens["code"]


class Breaking:
    """A store whose writes fail from the nth on, as those of a process that dies do not happen."""

    def __init__(self, store: Any, writes: int) -> None:
        self.store = store
        self.left = writes

    def __getattr__(self, name: str) -> Any:
        return getattr(self.store, name)

    def write_now(self, unit: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise StoreFailed("the power went")
        self.store.write_now(unit)


@pytest.mark.parametrize("writes", range(7))
def test_a_change_that_a_crash_cuts_short_is_finished_at_the_next_start(bench: Bench, writes: int) -> None:
    bench.apply(BASE)
    bench.insert("people", *({"name": f"{i}", "code": f"c{i % 7}"} for i in range(2100)))
    wider = BASE.replace(
        "name: name\n            fides_meta: {privet: {type: string",
        "name: name\n            fides_meta: {privet: {type: integer",
    )
    store = bench.vault.store
    bench.vault.store = Breaking(store, writes)  # type: ignore[assignment]
    with contextlib.suppress(StoreFailed):
        bench.apply(wider)
    old = bench.vault
    bench.vault = open_vault(id=old.id, name=old.name, store=store, ring=old.ring, clock=old.clock)
    begun = migrate.resume(bench.vault, bench.deed("open"))
    assert begun is (writes > 2)  # the keys and the mark come first
    bench.vault.store.define([shape(table) for table in bench.vault.schema.tables])
    found = rows(bench)
    assert len(found) == 2100
    moved = bench.vault.schema.version == 2
    assert {row["name"] for row in found} == set(range(2100) if moved else map(str, range(2100)))
    assert not migrate.resume(bench.vault, bench.deed("open"))


def test_a_set_that_repeats_does_not_become_unique(bench: Bench) -> None:
    bench.apply(BASE)
    bench.insert("people", {"name": "n", "code": "c"}, {"name": "m", "code": "c"})
    with pytest.raises(DuplicateValue, match="nothing was changed"):
        bench.apply(BASE.replace("index: exact", "index: exact, unique: true"))
    assert len(rows(bench)) == 2 and bench.vault.schema.version == 1


def test_records_get_subjects_when_their_table_has_them(bench: Bench) -> None:
    bench.apply(schema("name: type: string, keep: sealed", subject="none"))
    [before] = bench.insert("people", {"name": "n"})
    bench.apply(schema("name: type: string, keep: sealed", subject="self"))
    assert len(erasure.subject_of(bench.vault, bench.vault.table("people"), before.id)) == 16
    assert rows(bench) == [{"name": "n"}]


def test_a_dropped_table_leaves_an_entry_for_each_record(bench: Bench) -> None:
    bench.apply(BASE)
    bench.insert("people", {"name": "n", "code": "c"})
    bench.apply(BASE.replace("name: people", "name: others"), allow_loss=True)
    entries = bench.vault.store.select(Select(table="audit", columns=("body",)))
    assert any(b"dropped" in (row[0] or b"") for row in entries)  # type: ignore[operator]
