"""Search: what fits, how far one call looks, and what has expired."""

from __future__ import annotations

import pytest
from a_vault import Bench

from privet.store.port import Unit
from privet.vault.log import history
from privet.vault.log.audit import Deed, Grounds
from privet.vault.log.search import Wanted, search

RULED = Grounds(
    actions=("read",),
    rules={"people.name": ("a/1",), "people.card": ("a/2", "b/1"), "people.": ("a/1", "a/2", "b/1")},
    shown={"people.name": "plain_text", "people.card": "masked/redacted"},
)


def deed(verb: str = "records.get", at_ms: int = 1_000, grounds: Grounds = RULED) -> Deed:
    return Deed(principal="p1", verb=verb, policy="built-in/1", at_ms=at_ms, grounds=grounds)


def write(bench: Bench, *steps: object) -> None:
    bench.vault.store.write_now(Unit(tuple(steps)))  # type: ignore[arg-type]


def test_a_call_looks_at_so_many_entries_and_says_where_to_go_on(bench: Bench) -> None:
    write(bench, deed("tokens.tokenize").seen(), *(deed().seen() for _ in range(2_500)))
    store, wanted = bench.vault.store, Wanted(verb="tokens")
    found, below = search(store, wanted, limit=10, most=1_000)
    assert (found, below) == ([], 1_503)
    calls = 1
    while below and not found:
        found, below = search(store, wanted, before=below, limit=10, most=1_000)
        calls += 1
    assert ([entry.seq for entry in found], calls) == ([2], 3)


def test_what_only_looks_like_it_does_not_fit(bench: Bench) -> None:
    write(bench, deed("records.get").seen("people", ("name",), records=b"x" * 16, count=1))
    store = bench.vault.store
    for wanted in (Wanted(column="people"), Wanted(table="name"), Wanted(verb="get"), Wanted(principals=("p",))):
        assert search(store, wanted, limit=10) == ([], 0)
    assert search(store, Wanted(record=b"x" * 16), limit=10)[0]
    # Sixteen bytes across two ids are no id.
    write(bench, deed().seen("people", records=bytes(8) + b"y" * 16 + bytes(8), count=2))
    assert search(store, Wanted(record=b"y" * 16), limit=10) == ([], 0)


def test_tables_and_columns_of_an_entry_of_several_tables_fit_together(bench: Bench) -> None:
    write(bench, deed("tokens.detokenize").seen("", ("people.name", "orders.card")))
    store = bench.vault.store
    assert search(store, Wanted(table="orders", column="card"), limit=1)[0]
    assert search(store, Wanted(column="name"), limit=1)[0]
    assert search(store, Wanted(table="orders", column="name"), limit=1) == ([], 0)


def test_what_has_expired_fits_no_question_of_its_words(bench: Bench) -> None:
    write(bench, deed().seen("people", ("name",)))
    bench.now[0] += 1
    bench.run(history.expire(bench.vault, bench.now[0], bench.deed()))
    store = bench.vault.store
    assert search(store, Wanted(table="people"), limit=10) == ([], 0)
    assert [entry.seq for entry in search(store, Wanted(until_ms=bench.now[0]), limit=10)[0]] == [2, 1]
    assert history.last_used(bench.vault, 0) == {}


@pytest.mark.parametrize(
    ("columns", "uses"),
    [
        (("name",), {("a/1", "people", "name", "read")}),
        (
            ("name", "card"),
            {("a/1", "people", "name", "read"), *((r, "people", "card", "read") for r in ("a/2", "b/1"))},
        ),
        ((), {(rule, "people", "", "read") for rule in ("a/1", "a/2", "b/1")}),
        (("none",), set()),
    ],
    ids=["one", "two", "the table", "a column that no rule covers"],
)
def test_each_column_was_used_by_its_own_rules(
    bench: Bench, columns: tuple[str, ...], uses: set[tuple[str, str, str, str]]
) -> None:
    for at_ms in (5_000, 9_000, 7_000):
        write(bench, deed(at_ms=at_ms).seen("people", columns))
    write(bench, deed(at_ms=99_000).denied("people", columns))
    assert history.last_used(bench.vault, 0) == dict.fromkeys(uses, 9_000)
    assert history.last_used(bench.vault, 9_001) == {}
