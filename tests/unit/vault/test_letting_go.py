"""What ends with a person or with time: tokens, values in memory, expired records, answers kept for retries."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from a_vault import Bench, references, schema
from asked import ask

from privet.errors import Gone, LimitExceeded, NotFound
from privet.policy.permit import Permit, Sight
from privet.store.port import Clash, Select, Unit
from privet.vault import change, locate, records, reveal, tokens
from privet.vault import rows as rows_of
from privet.vault import vault as vaults
from privet.vault.bonds import Bonds
from privet.vault.log.audit import Retry
from privet.vault.people import erasure
from privet.vault.reader import read_schema
from privet.vault.upkeep import expiry, migrate
from privet.vocabulary.predicate import ALWAYS, Compare

EMAIL = "email: type: contact.email, keep: sealed, index: exact, token: stored"
ANN, BOB = {"email": "ann@example.com"}, {"email": "bob@example.com"}
HOUR_MS = 3_600_000


def tokenize(bench: Bench, text: str, column: str = "email", **more: Any) -> str:
    permit = bench.permit("tokenize", "people", column)
    found = bench.vault.table("people").column(column)
    made = bench.run(reveal.tokenize(bench.vault, permit, found, [text], bench.deed(), **more))
    return str(made[0])


def show(bench: Bench, text: str | None, permit: Permit | None = None, **more: Any) -> Any:
    located = locate.locate(bench.vault, [text or ""])
    permits = {"people": permit or bench.permit("detokenize", "people")}
    return bench.run(reveal.detokenize(bench.vault, permits, located, bench.deed(), **more))[0]


def erase(bench: Bench, record: bytes) -> Any:
    her = erasure.subject_of(bench.vault, bench.vault.table("people"), record)
    return erasure.erase(bench.vault, her, bench.deed("erase"))


def left(bench: Bench) -> tuple[int, int]:
    """Return how many tokens the vault has, and how many holds on them."""
    return len(bench.vault.store.select(Select(table="tokens", columns=("token",)))), len(references(bench.vault))


def sound(bench: Bench) -> bool:
    """Return whether tokens, references and tags fit the records and each other."""
    return not [
        fault for each in Bonds(bench.vault).passes() for fault in each.check(bench.vault.store.select(each.question))
    ]


# --- tokens ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False], ids=["before her record", "after it"])
def test_a_token_made_for_nobody_goes_with_the_last_person_who_holds_it(bench: Bench, first: bool) -> None:
    bench.apply(schema(EMAIL))
    made = tokenize(bench, "ann@example.com") if first else ""
    [ann] = bench.insert("people", ANN)
    made = made or tokenize(bench, "ann@example.com")
    assert made == ann.tokens["email"] and sound(bench)
    bench.run(erase(bench, ann.id))
    assert left(bench) == (0, 0)
    assert isinstance(show(bench, made), NotFound)


def test_a_token_made_for_nobody_stays_while_another_person_holds_it(bench: Bench) -> None:
    bench.apply(schema(EMAIL))
    made = tokenize(bench, "ann@example.com")
    ann, twin = bench.insert("people", ANN, ANN)
    bench.run(erase(bench, ann.id))
    assert show(bench, made) == "ann@example.com"
    assert sound(bench)
    bench.run(erase(bench, twin.id))
    assert left(bench) == (0, 0)


def test_a_token_of_a_table_about_nobody_outlives_its_records(bench: Bench) -> None:
    bench.apply(schema(EMAIL, subject="none"))
    [one] = bench.insert("people", ANN)
    made = tokenize(bench, "ann@example.com")
    bench.run(records.delete(bench.vault, bench.permit("delete", "people"), [one.id], bench.deed()))
    assert show(bench, made) == "ann@example.com" and sound(bench)


@pytest.mark.parametrize("keep", ["sealed", "shreddable"])
@pytest.mark.parametrize("first", [0, 1], ids=["whom its row names", "who stands beside"])
def test_a_token_stays_with_the_holder_that_is_left(bench: Bench, keep: str, first: int) -> None:
    bench.apply(schema(EMAIL.replace("sealed", keep)))
    both = [bench.insert("people", ANN)[0], bench.insert("people", ANN)[0]]  # one at a time: the other clashes first
    assert both[0].tokens == both[1].tokens and left(bench) == (1, 2)
    bench.run(erase(bench, both[first].id))
    assert left(bench) == (1, 1) and sound(bench)
    assert show(bench, both[0].tokens["email"]) == "ann@example.com"
    assert bench.insert("people", ANN)[0].tokens == both[0].tokens and sound(bench)
    bench.run(erase(bench, both[1 - first].id))
    assert left(bench) == (1, 1) and sound(bench)


@pytest.mark.parametrize("nobody", [True, False], ids=["and nobody", "alone"])
def test_of_two_units_that_leave_a_token_to_each_other_one_clashes(bench: Bench, nobody: bool) -> None:
    bench.apply(schema(EMAIL))
    if nobody:
        tokenize(bench, "ann@example.com")
    table, store = bench.vault.table("people"), bench.vault.store
    found = [rows_of.fetch(bench.vault, table, [item.id]) for item in bench.insert("people", ANN, ANN)]
    first, second = (Unit(tuple(change.delete_steps(bench.vault, table, rows))) for rows in found)
    store.write_now(first)
    with pytest.raises(Clash):
        store.write_now(second)


def test_two_erasures_at_once_leave_no_token_that_both_held(bench: Bench) -> None:
    bench.apply(schema(EMAIL))
    both = bench.insert("people", ANN, ANN)

    async def together() -> None:
        await asyncio.gather(*(erase(bench, item.id) for item in both))

    bench.run(together())
    assert left(bench) == (0, 0)


def test_a_token_of_a_record_and_of_its_person_goes_in_one_erasure(bench: Bench) -> None:
    bench.apply(schema(EMAIL))
    [ann] = bench.insert("people", ANN)
    her = erasure.subject_of(bench.vault, bench.vault.table("people"), ann.id)
    assert tokenize(bench, "ann@example.com", subject=her) == ann.tokens["email"]
    bench.run(erase(bench, ann.id))
    assert left(bench) == (0, 0)


def test_records_that_let_go_of_one_token_in_one_upsert_leave_none(bench: Bench) -> None:
    bench.apply(schema("name: type: string, keep: sealed, unique: true", EMAIL, "note: type: string, keep: sealed"))
    bench.insert("people", {"name": "a", **ANN}, {"name": "b", **ANN})
    permits = bench.permit("insert", "people"), bench.permit("update", "people")
    rows = [{"name": "a", **BOB}, {"name": "b", "email": "cy@example.com", "note": "n"}]
    bench.run(records.upsert(bench.vault, permits, ["name"], rows, bench.deed(), asking=bench.asking("people")))
    assert left(bench) == (2, 2) and sound(bench)


def test_records_that_swap_values_in_one_upsert_keep_both_tokens(bench: Bench) -> None:
    bench.apply(schema("name: type: string, keep: sealed, unique: true", EMAIL, "note: type: string, keep: sealed"))
    bench.insert("people", {"name": "a", **ANN}, {"name": "b", **BOB})
    permits = bench.permit("insert", "people"), bench.permit("update", "people")
    rows = [{"name": "a", **BOB}, {"name": "b", **ANN, "note": "n"}]
    bench.run(records.upsert(bench.vault, permits, ["name"], rows, bench.deed(), asking=bench.asking("people")))
    assert left(bench) == (2, 2) and sound(bench)


def test_no_more_is_shown_than_was_asked_for_where_records_expire(bench: Bench) -> None:
    bench.apply(schema(EMAIL, ttl="1h"))
    [ann] = bench.insert("people", ANN)
    assert show(bench, ann.tokens["email"], redaction="masked") == "a***@example.com"


def test_no_more_is_shown_than_was_asked_for_under_a_row_rule(bench: Bench) -> None:
    bench.apply(schema(EMAIL))
    [ann] = bench.insert("people", ANN)
    sight = Sight("plain_text", Compare("email", "=", "ann@example.com"))
    permit = replace(bench.permit("detokenize", "people"), columns={"email": (sight,)}, rows=sight.where)
    assert show(bench, ann.tokens["email"], permit) == "ann@example.com"
    assert show(bench, ann.tokens["email"], permit, redaction="masked") == "a***@example.com"


def test_a_token_of_no_record_opens_where_records_expire(bench: Bench) -> None:
    bench.apply(schema(EMAIL, ttl="1h"))
    made = tokenize(bench, "solo@example.com")
    bench.now[0] += 2 * HOUR_MS
    assert show(bench, made) == "solo@example.com"


def test_a_token_of_no_record_opens_by_a_rule_without_conditions_alone(bench: Bench) -> None:
    bench.apply(schema(EMAIL))
    made = tokenize(bench, "solo@example.com")
    some, all_ = Sight("plain_text", Compare("email", "=", "solo@example.com")), Sight("masked", ALWAYS)
    permit = bench.permit("detokenize", "people")
    assert isinstance(show(bench, made, replace(permit, columns={"email": (some,)}, rows=some.where)), NotFound)
    assert show(bench, made, replace(permit, columns={"email": (some, all_)})) == "s***@example.com"


def test_a_token_opens_while_one_of_its_records_lives(bench: Bench) -> None:
    bench.apply(schema(EMAIL, ttl="1h"))
    [old] = bench.insert("people", ANN)
    bench.now[0] += HOUR_MS // 2
    bench.insert("people", ANN)
    bench.now[0] += HOUR_MS // 2
    assert show(bench, old.tokens["email"]) == "ann@example.com"
    bench.now[0] += HOUR_MS // 2
    assert isinstance(show(bench, old.tokens["email"]), NotFound)


# --- records --------------------------------------------------------------------------------------------------


def test_an_expired_record_stays_away_when_the_schema_drops_the_time_to_live(bench: Bench) -> None:
    bench.apply(schema(EMAIL, ttl="1h"))
    [ann] = bench.insert("people", ANN)
    bench.now[0] += 2 * HOUR_MS
    migrate.apply(bench.vault, read_schema(schema(EMAIL)), bench.deed("apply"))
    assert bench.get("people", ann.id) is None
    assert ask(bench, "select count(*) from people").rows == [[0]]
    assert isinstance(show(bench, ann.tokens["email"]), NotFound)
    assert bench.run(expiry.sweep(bench.vault, bench.deed("sweep"))) == 1
    assert left(bench) == (0, 0)


def test_an_answer_that_ran_out_makes_room_for_a_call_with_the_same_key(bench: Bench) -> None:
    bench.apply(schema(EMAIL))
    for expires in (HOUR_MS, 3 * HOUR_MS):
        deed = replace(bench.deed(), retry=Retry(b"key", b"body", bench.now[0] + expires))
        bench.run(records.insert(bench.vault, bench.permit("insert", "people"), [ANN], deed))
        bench.now[0] += 2 * HOUR_MS
    assert len(bench.vault.store.select(Select(table="idempotency", columns=("key",)))) == 1


# --- values in memory -----------------------------------------------------------------------------------------

CODE = "code: type: string, keep: transient"


def test_values_in_memory_are_bounded_in_number(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vaults, "MOST_HELD", 2)
    bench.apply(schema(EMAIL, CODE))
    tokenize(bench, "1", "code")
    last = tokenize(bench, "2", "code")
    with pytest.raises(LimitExceeded):
        tokenize(bench, "3", "code")
    assert show(bench, last) == "2"
    bench.now[0] += tokens.TRANSIENT_MS
    assert show(bench, tokenize(bench, "3", "code")) == "3"


def test_values_in_memory_go_with_their_person(bench: Bench) -> None:
    bench.apply(schema(EMAIL, CODE))
    ann, bob = bench.insert("people", {**ANN, "code": "1"}, {**BOB, "code": "2"})
    her = erasure.subject_of(bench.vault, bench.vault.table("people"), ann.id)
    named = tokenize(bench, "3", "code", subject=her)
    bench.run(erase(bench, ann.id))
    assert isinstance(show(bench, ann.tokens["code"]), Gone) and isinstance(show(bench, named), Gone)
    assert show(bench, bob.tokens["code"]) == "2"
