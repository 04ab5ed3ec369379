"""Budgets: what is counted, on which path, for whom, and what happens once they are spent."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from a_vault import Bench, schema

from privet.errors import LimitExceeded
from privet.policy.decide import decide
from privet.policy.parse import parse
from privet.policy.permit import Permit
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy
from privet.store.port import Row, Select
from privet.vault import listing, locate, records, reveal
from privet.vault.access import budgets
from privet.vault.access.budgets import Meter, Refusal, Seen
from privet.vault.log import history
from privet.vault.query import answer
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question
from privet.vault.sight import View
from privet.vault.vault import LIMIT_ALERT
from privet.vocabulary.access import Access, Action, Principal

FIELDS = (
    "email: type: contact.email, keep: sealed, token: stored, index: [exact], unique: true",
    "born: type: person.dob, keep: sealed, token: stored",
    "note: type: string, keep: sealed",
)


def people(count: int) -> list[dict[str, Any]]:
    return [{"email": f"p{at}@example.com", "born": "1980-02-29", "note": f"n{at}"} for at in range(count)]


@pytest.fixture
def full(bench: Bench) -> Bench:
    bench.apply(schema(*FIELDS))
    bench.extra["people"] = bench.insert("people", *people(40))
    return bench


def permit(bench: Bench, action: Action, *columns: str, role: str = "editor", policy: Policy = BUILT_IN) -> Permit:
    known = bench.vault.table("people")
    who = Principal(id="p1", name="test", roles=(role,))
    return decide(policy, who, Access(action, "people", columns or known.names()), known.collection)


def get(bench: Bench, numbers: Sequence[int], allowed: Permit, redaction: str = "") -> int:
    ids = [bench.extra["people"][at].id for at in numbers]
    view = View(tuple(allowed.columns), redaction)
    return len(bench.run(records.get(bench.vault, allowed, ids, view, bench.deed("records.get"))))


def by_get(bench: Bench, numbers: Sequence[int]) -> int:
    return get(bench, numbers, permit(bench, "read"))


def by_list(bench: Bench, numbers: Sequence[int]) -> int:
    allowed = permit(bench, "read")
    view = View(tuple(allowed.columns))
    return len(bench.run(listing.page(bench.vault, allowed, view, bench.deed(), limit=len(numbers)))[0])


def by_query(bench: Bench, numbers: Sequence[int]) -> int:
    emails = ", ".join(f"'p{at}@example.com'" for at in numbers)
    question = read_question(f"SELECT born FROM people WHERE email IN ({emails})", bench.vault.schema)
    permits = Permits(read={"people": permit(bench, "read")}, search={"people": permit(bench, "search")})
    return len(bench.run(answer.run(bench.vault, question, permits, bench.deed())).rows)


def by_least(bench: Bench, numbers: Sequence[int]) -> int:
    found = 0
    for at in numbers:
        sql = f"SELECT min(email) FROM people WHERE email = 'p{at}@example.com'"
        permits = Permits(read={"people": permit(bench, "read")}, search={"people": permit(bench, "search")})
        question = read_question(sql, bench.vault.schema)
        found += len(bench.run(answer.run(bench.vault, question, permits, bench.deed())).rows)
    return found


def by_token(bench: Bench, numbers: Sequence[int]) -> int:
    texts = [bench.extra["people"][at].tokens["email"] for at in numbers]
    located = locate.locate(bench.vault, texts)
    permits = {"people": permit(bench, "detokenize")}
    return len(bench.run(reveal.detokenize(bench.vault, permits, located, bench.deed(), texts=texts)))


PATHS = {path.__name__: path for path in (by_get, by_list, by_query, by_least, by_token)}
Path = Callable[[Bench, Sequence[int]], int]


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_twenty_five_records_a_minute_are_shown_and_no_more(full: Bench, path: Path) -> None:
    assert path(full, range(25)) == 25
    with pytest.raises(LimitExceeded) as caught:
        path(full, range(26))
    assert caught.value.retry_seconds == 60
    assert "p25@" not in str(caught.value) + caught.value.hint
    full.now[0] += 60_000
    assert path(full, range(25)) == 25


@pytest.mark.parametrize("first", PATHS.values(), ids=PATHS)
@pytest.mark.parametrize("then", PATHS.values(), ids=PATHS)
def test_all_paths_spend_one_budget(full: Bench, first: Path, then: Path) -> None:
    first(full, range(25))
    full.now[0] += 1
    with pytest.raises(LimitExceeded):
        then(full, range(26))


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_a_meter_that_counts_nothing_would_be_noticed(full: Bench, path: Path) -> None:
    class Blind(Meter):
        def spend(self, principal: str, purpose: str, seen: Sequence[Seen]) -> Refusal | None:
            return None

    full.vault.meter = Blind(full.vault.store, full.vault.clock)
    assert path(full, range(26)) == 26


def test_a_batch_that_does_not_fit_shows_nothing_and_spends_nothing(full: Bench) -> None:
    by_get(full, range(20))
    with pytest.raises(LimitExceeded):
        by_get(full, range(20, 26))
    assert by_get(full, range(20, 25)) == 5


def test_a_record_that_is_shown_again_counts_once(full: Bench) -> None:
    for _ in range(3):
        assert by_get(full, range(25)) == 25


def test_the_window_slides_and_says_when_it_is_open_again(full: Bench) -> None:
    by_get(full, range(10))
    full.now[0] += 40_000
    by_get(full, range(10, 25))
    with pytest.raises(LimitExceeded) as caught:
        by_get(full, range(25, 30))
    assert caught.value.retry_seconds == 20
    full.now[0] += 20_000
    assert by_get(full, range(25, 35)) == 10
    with pytest.raises(LimitExceeded):
        by_get(full, [35])


def test_what_one_may_export_is_not_counted(full: Bench) -> None:
    assert get(full, range(40), permit(full, "read", role="owner")) == 40


def test_a_scope_without_export_takes_the_exemption_away(full: Bench) -> None:
    known = full.vault.table("people")
    who = Principal(id="p1", name="test", roles=("owner",), scopes=("read",))
    allowed = decide(BUILT_IN, who, Access("read", "people", known.names()), known.collection)
    with pytest.raises(LimitExceeded):
        get(full, range(26), allowed)


@pytest.mark.parametrize(
    ("role", "columns", "redaction"),
    [
        pytest.param("viewer", (), "", id="masks"),
        pytest.param("editor", (), "masked", id="masks that were asked for"),
        pytest.param("editor", ("note",), "", id="a basic column that nobody labelled"),
    ],
)
def test_what_says_nothing_of_a_person_is_not_counted(
    full: Bench, role: str, columns: tuple[str, ...], redaction: str
) -> None:
    assert get(full, range(40), permit(full, "read", *columns, role=role), redaction) == 40


CUSTOM = """
role clerk
allow read on people.* with redaction = masked
allow read on people.email with redaction = plain_text where people.note = 'n39'

role service
allow read on people.email with redaction = plain_text budget 30 per hour
allow tokenize on people.born budget 2 per minute

role masker
allow read on people.email with redaction = plain_text
allow export on people.email with redaction = masked
"""


def custom(bench: Bench, action: Action, role: str, *columns: str) -> Permit:
    return permit(bench, action, *columns, role=role, policy=parse(CUSTOM, "t"))


def test_only_rows_that_a_rule_reveals_are_counted(full: Bench) -> None:
    allowed = custom(full, "read", "clerk")
    assert get(full, range(40), allowed) == 40
    with pytest.raises(LimitExceeded):
        by_get(full, range(25))  # the same caller: one of hers is spent


def test_a_rules_own_budget_replaces_the_default_and_counts_cells(full: Bench) -> None:
    allowed = custom(full, "read", "service", "email")
    assert get(full, range(30), allowed) == 30
    with pytest.raises(LimitExceeded, match="30 cells or values of `people` by the rule service/1 a hour"):
        get(full, [0], allowed)
    full.now[0] += 3_600_000
    assert get(full, range(30), allowed) == 30


def test_who_exports_masks_is_counted_for_more_than_masks(full: Bench) -> None:
    with pytest.raises(LimitExceeded):
        get(full, range(26), custom(full, "read", "masker", "email"))


def tokenize(bench: Bench, allowed: Permit, column: str, values: Sequence[str]) -> int:
    known = bench.vault.table("people").column(column)
    return len(bench.run(reveal.tokenize(bench.vault, allowed, known, values, bench.deed())))


def test_tokens_of_values_that_can_all_be_tried_are_counted(full: Bench) -> None:
    days = [f"1980-01-{day:02}" for day in range(1, 27)]
    with pytest.raises(LimitExceeded):
        tokenize(full, permit(full, "tokenize", "born", role="tokenizer"), "born", days)
    assert tokenize(full, permit(full, "tokenize", "born", role="tokenizer"), "born", days[:25]) == 25
    emails = [f"q{at}@example.com" for at in range(100)]
    assert tokenize(full, permit(full, "tokenize", "email", role="tokenizer"), "email", emails) == 100


def test_a_budget_of_a_rule_counts_values_that_become_tokens(full: Bench) -> None:
    allowed = custom(full, "tokenize", "service", "born")
    assert tokenize(full, allowed, "born", ["1980-01-01", "1980-01-02"]) == 2
    with pytest.raises(LimitExceeded):
        tokenize(full, allowed, "born", ["1980-01-01"])


def test_guessed_tokens_are_counted_and_long_ones_are_not(full: Bench) -> None:
    def miss(text: str, count: int) -> int:
        texts = [text.format(at) for at in range(count)]
        located = locate.locate(full.vault, texts)
        return len(full.run(reveal.detokenize(full.vault, {}, located, full.deed(), texts=texts)))

    assert miss("00000000-0000-4000-8000-{:012d}", 1_000) == 1_000
    assert miss("41111111{:08d}", budgets.MISSES) == budgets.MISSES
    with pytest.raises(LimitExceeded):
        miss("51111111{:08d}", 1)


def test_values_looked_up_in_unique_columns_are_counted(full: Bench) -> None:
    allowed = permit(full, "insert")
    fresh = [{"email": f"r{at}@example.com"} for at in range(budgets.LOOKUPS + 1)]
    with pytest.raises(LimitExceeded):
        full.run(records.insert(full.vault, allowed, fresh, full.deed()))
    assert full.run(records.insert(full.vault, allowed, fresh[:10], full.deed()))


def entries(bench: Bench) -> list[dict[str, Any]]:
    found = [entry for batch in history.read(bench.vault.store, after=0, limit=1000) for entry in batch]
    return [said for entry in found if (said := history.said(entry))]


def test_the_first_hit_of_a_cap_is_in_the_audit_and_those_after_it_are_not(full: Bench) -> None:
    by_get(full, range(25))
    for _ in range(3):
        with pytest.raises(LimitExceeded):
            by_get(full, range(26))
    alerts = [said for said in entries(full) if said["verb"] == LIMIT_ALERT]
    assert [(said["who"], said["table"]) for said in alerts] == [("p1", "people")]
    assert full.vault.meter.refusals() == 1
    full.now[0] += 60_000
    with pytest.raises(LimitExceeded):
        by_get(full, range(26))
    assert full.vault.meter.refusals() == 2


class Counted:
    """As much of a store as a meter asks: how many records a table has."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked = 0

    def select(self, question: Select) -> list[Row]:
        self.asked += 1
        return [(self.size,)]


def test_a_thousandth_of_a_large_table_fits(full: Bench) -> None:
    store = Counted(40_000)
    meter = Meter(store, full.vault.clock)  # type: ignore[arg-type]  # as much of a store as it needs

    def spend(first: int, count: int) -> Refusal | None:
        seen = Seen(full.vault.table("people"))
        seen.beyond.update(range(first, first + count))
        return meter.spend("p1", "", (seen,))

    assert spend(0, 25) is None
    assert store.asked == 0
    assert spend(25, 15) is None
    assert spend(40, 1) is not None
    assert store.asked == 1


@pytest.mark.parametrize("other", [{"principal": "p2", "purpose": ""}, {"principal": "p1", "purpose": "essential"}])
def test_each_principal_and_purpose_has_a_budget_of_its_own(full: Bench, other: dict[str, str]) -> None:
    meter, seen = Meter(full.vault.store, full.vault.clock), Seen(full.vault.table("people"))
    seen.beyond.update(range(25))
    assert meter.spend("p1", "", (seen,)) is None
    assert meter.spend(**other, seen=(seen,)) is None
    seen.beyond.update(range(26))
    assert meter.spend("p1", "", (seen,)) is not None
