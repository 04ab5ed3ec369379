"""What a question answers, and from which indexes: the same with indexes and without."""

from __future__ import annotations

import pytest
from a_vault import Bench
from asked import ask, entries, filled, names

from privet.errors import InvalidQuery
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question


@pytest.fixture(params=["indexed", "bare"])
def either(bench: Bench, request: pytest.FixtureRequest) -> Bench:
    return filled(bench, indexed=request.param == "indexed")


@pytest.fixture
def full(bench: Bench) -> Bench:
    return filled(bench)


# --- conditions, the same with indexes and without ---------------------------------------------------------------

CONDITIONS: dict[str, list[str]] = {
    "name = 'Anton'": ["Anton"],
    "name != 'Anton'": ["ANNA", "Ann Example", "Bo"],
    "NOT name = 'Anton'": ["ANNA", "Ann Example", "Bo"],
    "name IN ('Bo', 'Anton')": ["Anton", "Bo"],
    "NOT name IN ('Bo', 'Anton')": ["ANNA", "Ann Example"],
    "name LIKE 'ann%'": ["ANNA", "Ann Example"],
    "name LIKE 'Ann E%'": ["Ann Example"],
    "name LIKE 'A%'": ["ANNA", "Ann Example", "Anton"],
    "NOT name LIKE 'ann%'": ["Anton", "Bo"],
    "name IS NULL": [""],
    "name IS NOT NULL AND state IS NULL": ["Ann Example"],
    "email.domain = 'example.com'": ["ANNA", "Ann Example", "Bo"],
    "email.local = 'bo'": ["Bo"],
    "born = '1980-01-01'": ["Anton"],
    "born != '1980-01-01'": ["ANNA", "Ann Example", "Bo"],
    "born < '1980-01-01'": ["Ann Example"],
    "born <= '1980-01-01'": ["Ann Example", "Anton"],
    "born > '1984-06-15'": ["Bo"],
    "born >= '1984-06-15'": ["ANNA", "Bo"],
    "born BETWEEN '1980-01-01' AND '1984-06-15'": ["ANNA", "Anton"],
    "born NOT BETWEEN '1980-01-01' AND '1984-06-15'": ["Ann Example", "Bo"],
    "born > '1980-01-01' AND born < '1990-02-28'": ["ANNA"],
    "born.year = 1980": ["Anton"],
    "born.year <= 1980": ["Ann Example", "Anton"],
    "born.year BETWEEN 1980 AND 1984": ["ANNA", "Anton"],
    "born.year > 1984": ["Bo"],
    "income > 1000 AND income <= 1500": ["ANNA", "Anton"],
    "income.bucket = '200000..500000'": [""],
    "phones = '+12025550142'": ["Ann Example", "Bo"],
    "phones IN ('+12025550141', '+12025550142')": ["Ann Example", "Bo"],
    "phones != '+12025550142'": ["Anton"],
    "phones BETWEEN '+12025550141' AND '+12025550142'": ["Ann Example", "Bo"],
    "phones BETWEEN '+12025550142' AND '+12025550141'": [],
    "phones.last_four = '0141'": ["Ann Example"],
    "phones LIKE '+1202%'": ["Ann Example", "Bo"],
    "phones IS NULL": ["", "ANNA"],
    "state = 'CA' OR born < '1980-01-01'": ["", "Ann Example", "Anton", "Bo"],
    "NOT (state = 'CA' OR name = 'ANNA')": [],
    "NOT (state = 'CA' AND name = 'Bo')": ["ANNA", "Ann Example", "Anton"],
    "ssn = '536-90-4399'": [""],
}


@pytest.mark.parametrize("where", CONDITIONS)
def test_a_condition_holds_as_in_sql(either: Bench, where: str) -> None:
    assert names(ask(either, f"SELECT name FROM people WHERE {where}")) == CONDITIONS[where]


def test_a_record_is_found_by_its_id(either: Bench) -> None:
    ids = either.extra["ids"]
    assert names(ask(either, f"SELECT name FROM people WHERE id = '{ids[3].upper()}'")) == ["Bo"]
    assert names(ask(either, f"SELECT name FROM people WHERE id IN ('{ids[3]}', '{ids[1]}')")) == ["Anton", "Bo"]
    assert len(ask(either, f"SELECT total FROM orders WHERE person != '{ids[0]}'").rows) == 1
    answer = ask(either, "SELECT id FROM people ORDER BY id DESC LIMIT 2")
    assert (answer.rows, answer.used, answer.cut) == ([[ids[4]], [ids[3]]], "index", True)


def test_tables_join_by_reference_from_either_side(either: Bench) -> None:
    expected = [["Ann Example", "1.5"], ["Bo", "2.25"], ["Ann Example", "10"]]
    for tables in ("people p JOIN orders o ON p.id = o.person", "orders o JOIN people p ON o.person = p.id"):
        assert ask(either, f"SELECT p.name, total FROM {tables} ORDER BY total").rows == expected
    sql = "SELECT total FROM orders o JOIN people p ON person = p.id WHERE email.domain = 'example.com' AND total < 2"
    assert ask(either, sql).rows == [["1.5"]]


def test_aggregates_are_exact_and_skip_nulls(either: Bench) -> None:
    sql = "SELECT count(*), count(DISTINCT state), min(born), max(income), sum(income), avg(income) FROM people"
    assert ask(either, sql).rows == [[5, 2, "1979-12-31", "250000", "252500.5", "84166.833333333333"]]
    assert ask(either, "SELECT sum(total), avg(total) FROM orders WHERE total > 1000").rows == [[None, None]]
    sql = "SELECT state, count(*), count(DISTINCT email.domain) AS n FROM people GROUP BY state ORDER BY n, state DESC"
    assert ask(either, sql).rows == [["US-NY", 1, 1], [None, 1, 1], ["US-CA", 3, 2]]
    sql = "SELECT p.name, sum(total) AS t FROM people p JOIN orders ON person = p.id GROUP BY p.name ORDER BY t"
    assert ask(either, sql).rows == [["Bo", "2.25"], ["Ann Example", "11.5"]]
    assert ask(either, "SELECT count(*) FROM people WHERE name = 'Nobody'").rows == [[0]]
    assert ask(either, "SELECT state, count(*) FROM people WHERE name = 'Nobody' GROUP BY state").rows == []


def test_records_whose_time_ran_out_are_in_no_answer(either: Bench) -> None:
    either.now[0] += 86_400_001
    assert ask(either, "SELECT total FROM orders").rows == []
    assert ask(either, "SELECT count(*) FROM orders").rows == [[0]]
    assert ask(either, "SELECT name FROM people JOIN orders ON person = people.id").rows == []
    assert len(ask(either, "SELECT name FROM people").rows) == 5


def test_a_limit_says_when_there_is_more(either: Bench) -> None:
    for order in ("", " ORDER BY name"):
        answer = ask(either, f"SELECT name FROM people WHERE state = 'CA'{order} LIMIT 2")
        assert (len(answer.rows), answer.cut) == (2, True)
        assert not ask(either, f"SELECT name FROM people WHERE state = 'CA'{order} LIMIT 3").cut


# --- indexes -----------------------------------------------------------------------------------------------------


def test_the_plan_names_indexes_and_the_line_that_is_missing(full: Bench) -> None:
    answer = ask(full, "SELECT name FROM people WHERE email.domain = 'example.com' AND state != 'NY'")
    assert answer.used == "index"
    assert "people.email.domain = …: index `domain`" in answer.plan
    answer = ask(full, "SELECT name FROM people WHERE born > '1980-01-01' AND name LIKE 'an%'")
    assert answer.used == "index+scan"
    assert "people.born > …: index `year`, then opened and compared" in answer.plan
    assert "people.name LIKE …: opened and compared" in answer.plan
    answer = ask(full, "SELECT name FROM people WHERE phones.area = '202' OR state = 'CA'")
    assert answer.used == "scan"
    assert "hint: add `index: [exact, area]` to `people.phones`" in answer.plan
    answer = ask(full, "SELECT total FROM orders WHERE total = 10")
    assert "hint: add `index: [exact]` to `orders.total`" in answer.plan


def test_explain_reads_no_record_and_says_the_same(full: Bench) -> None:
    question = read_question("SELECT name FROM people WHERE born > '1980-01-01'", full.vault.schema)
    permits = Permits(
        read={"people": full.permit("read", "people")}, search={"people": full.permit("search", "people")}
    )
    before = entries(full)
    answer = query.explain(full.vault, question, permits)
    assert (answer.rows, answer.used) == ([], "index+scan")
    assert len(entries(full)) == len(before)


def test_a_rotated_index_key_still_answers(full: Bench) -> None:
    index = full.vault.table("people").column("state").index("exact")
    assert index is not None
    full.vault.ring.rotate("index", index.id, now=full.now[0] // 1000)
    full.vault.refresh()
    full.insert("people", {"name": "New", "state": "CA"})
    assert names(ask(full, "SELECT name FROM people WHERE state = 'CA'")) == ["", "Anton", "Bo", "New"]
    assert names(ask(full, "SELECT name FROM people WHERE state != 'CA'")) == ["ANNA"]
    answer = ask(full, "SELECT state, count(*) FROM people GROUP BY state ORDER BY state")
    assert answer.rows == [[None, 1], ["US-CA", 4], ["US-NY", 1]]


def test_too_large_a_scan_is_refused_with_the_line_that_spares_it(full: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(query, "MOST_SCANNED", 3)
    with pytest.raises(InvalidQuery) as caught:
        ask(full, "SELECT total FROM orders WHERE total = 10", most=3)
    assert caught.value.hint == "add `index: [exact]` to `orders.total`"
    assert ask(full, "SELECT total FROM orders WHERE total = 10", most=0).rows == [["10"]]
    assert ask(full, "SELECT name FROM people WHERE born.year < 1980", most=2).rows == [["Ann Example"]]
