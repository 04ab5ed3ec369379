"""Who may ask what, what each caller sees of the answer, and what a question leaves behind."""

from __future__ import annotations

import pytest
from a_vault import Bench
from asked import ask, entries, filled, names

from privet import digest
from privet.errors import Damaged, Denied
from privet.policy.syntax import Policy, Role, Rule
from privet.store.port import Select, Unit, Update
from privet.vault.people import erasure
from privet.vocabulary.predicate import Compare, Not, Predicate


@pytest.fixture
def full(bench: Bench) -> Bench:
    return filled(bench)


# --- who may ask -------------------------------------------------------------------------------------------------


def test_an_owner_searches_what_a_ceiling_hides(full: Bench) -> None:
    answer = ask(full, "SELECT ssn, redaction(state, 'redacted') FROM people WHERE ssn = '536-90-4399'")
    assert answer.rows == [["*****4399", None]]


@pytest.mark.parametrize(
    ("sql", "column"),
    [
        ("SELECT name FROM people WHERE email = 'ann@example.com'", "people.email"),
        ("SELECT name FROM people WHERE email LIKE 'ann%'", "people.email"),
        ("SELECT name FROM people WHERE email.local = 'ann'", "people.email"),
        ("SELECT name FROM people ORDER BY born", "people.born"),
        ("SELECT count(*) FROM people GROUP BY name", "people.name"),
        ("SELECT max(born) FROM people", "people.born"),
        ("SELECT sum(income) FROM people", "people.income"),
        ("SELECT count(DISTINCT ssn) FROM people", "people.ssn"),
        ("SELECT email.local FROM people", "people.email.local"),
        ("SELECT name FROM people WHERE NOT ssn = '536-90-4399'", "people.ssn"),
    ],
)
def test_a_viewer_asks_for_no_more_than_the_masks_show(full: Bench, sql: str, column: str) -> None:
    with pytest.raises(Denied, match=f"`{column}`"):
        ask(full, sql, "viewer")


def test_a_viewer_asks_for_what_the_masks_show(full: Bench) -> None:
    answer = ask(full, "SELECT email, email.domain, born.year FROM people WHERE email.domain = 'example.org'", "viewer")
    assert answer.rows == [["a***@example.org", "example.org", "1980"]]
    assert len(ask(full, "SELECT email FROM people WHERE state = 'CA' AND name IS NOT NULL", "viewer").rows) == 2
    assert ask(full, "SELECT count(*) FROM people", "viewer").rows == [[5]]


def test_rows_that_the_caller_may_not_see_are_not_counted_or_found(full: Bench) -> None:
    assert ask(full, "SELECT email FROM people ORDER BY id", "agent").rows == [
        ["a***@example.org"],
        ["b***@example.com"],
        [None],
    ]
    assert ask(full, "SELECT email FROM people WHERE name IN ('Bo', 'ANNA')", "agent").rows == [["b***@example.com"]]
    assert ask(full, "SELECT state, count(*) FROM people GROUP BY state", "agent").rows == [["US-CA", 3]]
    with pytest.raises(Denied, match=r"people\.ssn"):
        ask(full, "SELECT ssn FROM people", "agent")
    with pytest.raises(Denied):
        ask(full, "SELECT name FROM people", "tokenizer")


def test_each_cell_has_the_redaction_of_its_row(full: Bench) -> None:
    def role(where: Predicate) -> Policy:
        seen = Rule(effect="allow", actions=("read", "search"), redaction="plain_text", where=where)
        masked = Rule(effect="allow", actions=("read",), redaction="masked")
        return Policy("test/2", (Role("two", "", (seen, masked)),))

    sql = "SELECT email FROM people WHERE email.domain = 'example.com' ORDER BY id"
    for where in (Compare("state", "=", "CA"), Not(Compare("name", "!=", "Bo"))):
        assert ask(full, sql, "two", role(where)).rows == [
            ["a***@example.com"],
            ["a***@example.com"],
            ["bo@example.com"],
        ]
    exact = "SELECT email FROM people WHERE email = '{}@example.com'"
    assert ask(full, exact.format("bo"), "two", role(Compare("state", "=", "CA"))).rows == [["bo@example.com"]]
    assert ask(full, exact.format("ann"), "two", role(Compare("state", "=", "CA"))).rows == []
    summed = "SELECT sum(income) FROM people"
    assert ask(full, summed, "two", role(Compare("state", "=", "NY"))).rows == [["1000.5"]]


def test_an_asked_redaction_shows_no_more(full: Bench) -> None:
    answer = ask(
        full, "SELECT name, email, email.domain, born.year, id FROM people WHERE name = 'Bo'", redaction="masked"
    )
    assert answer.rows[0][1:4] == ["b***@example.com", "example.com", "1990"]
    assert ask(full, "SELECT sum(income), max(born) FROM people", redaction="masked").rows == [[None, "1990-**-**"]]


def test_small_groups_are_left_out_and_the_answer_says_so(full: Bench) -> None:
    answer = ask(full, "SELECT state, count(*) FROM people GROUP BY state", least=2)
    assert (answer.rows, answer.suppressed) == ([["US-CA", 3]], True)
    answer = ask(full, "SELECT count(*) FROM people WHERE state = 'NY'", least=2)
    assert (answer.rows, answer.suppressed) == ([], True)
    answer = ask(full, "SELECT count(*) FROM people WHERE state = 'TX'", least=2)
    assert (answer.rows, answer.suppressed) == ([], True)
    answer = ask(full, "SELECT count(*) FROM people", least=20)
    assert (answer.rows, answer.suppressed) == ([[5]], False)


# --- what is left behind -----------------------------------------------------------------------------------------


def test_the_audit_knows_which_records_were_shown_and_no_literal(full: Bench) -> None:
    sql = "SELECT p.name FROM people p JOIN orders ON person = p.id WHERE email = 'ann@example.com' AND total = 10"
    ask(full, sql)
    (people, shown), (orders, others) = entries(full)[-2:]
    assert b'"table":"people"' in people and b'"columns":["name","email"]' in people
    assert shown == digest.id_bytes(full.extra["ids"][0])
    assert b'"table":"orders"' in orders and len(others) == 16
    for body in (people, orders):
        assert b"ann@" not in body and b"example.com" not in body and b'"count":1' in body
    ask(full, "SELECT count(*) FROM people WHERE email = 'ann@example.com'")
    assert entries(full)[-1][1] == b""


@pytest.mark.parametrize("where", ["state = 'NY'", "born.year = 1984"])
def test_a_tag_of_another_record_fails_closed(full: Bench, where: str) -> None:
    table = full.vault.table("people")
    tags = [f"x{index.slot}" for name in ("state", "born") for index in table.column(name).indexes]
    ids = [digest.id_bytes(text) for text in full.extra["ids"]]
    stored = full.vault.store.select(Select(table=table.rows, columns=tuple(tags), where=Compare("id", "=", ids[2])))
    full.vault.store.write_now(Unit((Update(table.rows, tuple(tags), ("id",), ((*stored[0], ids[0]),)),)))
    with pytest.raises(Damaged):
        ask(full, f"SELECT name FROM people WHERE {where}")
    with pytest.raises(Damaged):
        ask(full, f"SELECT state, count(*) FROM people WHERE {where} GROUP BY state")


def test_an_element_tag_of_another_record_finds_nothing_more(full: Bench) -> None:
    ids = [digest.id_bytes(text) for text in full.extra["ids"]]
    rows = full.vault.store.select(
        Select(table="elements", columns=("index_id", "tag"), where=Compare("record", "=", ids[3]))
    )
    full.vault.store.write_now(
        Unit((Update("elements", ("record",), ("index_id", "tag", "record"), ((ids[1], *rows[0], ids[3]),)),))
    )
    assert names(ask(full, "SELECT name FROM people WHERE phones = '+12025550142'")) == ["Ann Example"]


def test_erased_people_are_in_no_answer(bench: Bench) -> None:
    filled(bench, keep="shreddable")
    table, record = bench.vault.table("people"), digest.id_bytes(bench.extra["ids"][3])
    subject = erasure.subject_of(bench.vault, table, record)
    assert bench.vault.subjects is not None
    bench.run(bench.vault.subjects.forget(subject))
    bench.vault.subjects.let_go([subject])  # and her records are left, as where an erasure was cut short
    assert names(ask(bench, "SELECT name FROM people WHERE born > '1984-01-01'")) == ["ANNA"]
    assert names(ask(bench, "SELECT name FROM people")) == ["", "ANNA", "Ann Example", "Anton"]
    assert ask(bench, "SELECT count(*), max(born) FROM people WHERE born.year > 1900").rows == [[3, "1984-06-15"]]
