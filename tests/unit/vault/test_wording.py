"""What may be asked, and where a question that may not be asked is at fault."""

from __future__ import annotations

import logging

import pytest

from privet.errors import InvalidQuery, PrivetError, TooLarge
from privet.vault.query.question import Flip, Leaf, Place, Question
from privet.vault.query.wording import read_question
from privet.vault.reader import read_schema
from privet.vault.schema import EMPTY, Schema, merge

SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: name, fides_meta: {privet: {type: person.full_name, keep: sealed}}}
          - {name: email, fides_meta: {privet: {type: contact.email, keep: sealed}}}
          - {name: phones, fides_meta: {privet: {type: "contact.phone[]", keep: sealed}}}
          - {name: born, fides_meta: {privet: {type: person.dob, keep: sealed}}}
          - {name: state, fides_meta: {privet: {type: address.state}}}
          - {name: cvv, fides_meta: {privet: {type: card.cvv}}}
      - name: orders
        fields:
          - {name: person, fides_meta: {privet: {references: people.id}}}
          - {name: total, fides_meta: {privet: {type: decimal}}}
          - {name: state, fides_meta: {privet: {type: string}}}
"""
ids = iter(range(1, 1000))
KNOWN: Schema = merge(EMPTY, read_schema(SCHEMA), lambda: next(ids).to_bytes(16, "big"))
P = "SELECT name FROM people WHERE "

# question, place, a piece of what is said
FAULTS = {
    "nothing": ("", "1:1", "expected SELECT"),
    "another statement": ("DROP TABLE people", "1:1", "expected SELECT"),
    "two statements": ("SELECT name FROM people; SELECT 1", "1:24", "`SEMICOLON`"),
    "no table": ("SELECT name", "1:8", "expected FROM"),
    "unknown table": ("SELECT name\nFROM secret_4111", "2:6", "no table"),
    "unknown column": (P + "secret_4111 = 1", "1:31", "no column"),
    "unknown part": (P + "born.hour = 1", "1:31", "no part"),
    "unknown column of a table": ("SELECT p.total FROM people p", "1:8", "no such column"),
    "column of two tables": ("SELECT state FROM orders JOIN people ON person = people.id", "1:8", "several tables"),
    "star": ("SELECT * FROM people", "1:8", "expected a column"),
    "function": (P + "upper(name) = 'X'", "1:31", "expected a column"),
    "arithmetic": ("SELECT total + 1 FROM orders", "1:14", "`PLUS`"),
    "subquery": (P + "name IN (SELECT name FROM people)", "1:31", "`query`"),
    "table function": ("SELECT name FROM (SELECT name FROM people)", "1:26", "expected a table"),
    "left join": ("SELECT name FROM people LEFT JOIN orders ON person = people.id", "1:25", "`LEFT`"),
    "comma join": ("SELECT name FROM people, orders", "1:26", "expected ON"),
    "join by values": ("SELECT name FROM people p JOIN orders o ON p.state = o.state", "1:44", "by a reference only"),
    "join to the wrong id": ("SELECT total FROM orders o JOIN orders b ON o.person = b.id", "1:45", "reference only"),
    "same table twice": ("SELECT total FROM orders JOIN orders ON person = orders.id", "1:31", "stands twice"),
    "distinct": ("SELECT DISTINCT name FROM people", "1:17", "`distinct`"),
    "having": ("SELECT state, count(*) FROM people GROUP BY state HAVING count(*) > 1", "1:51", "`HAVING`"),
    "offset": ("SELECT name FROM people LIMIT 5 OFFSET 5", "1:33", "`OFFSET`"),
    "limit of none": ("SELECT name FROM people LIMIT 0", "1:31", "1 to 10,000"),
    "limit too far": ("SELECT name FROM people LIMIT 10001", "1:31", "1 to 10,000"),
    "union": ("SELECT name FROM people UNION SELECT name FROM people", "1:25", "`UNION`"),
    "with": ("WITH a AS (SELECT 1) SELECT name FROM people", "1:1", "expected SELECT"),
    "case": ("SELECT CASE WHEN 1 THEN 2 END FROM people", "1:8", "`CASE`"),
    "is true": (P + "name IS TRUE", "1:31", "IS NULL"),
    "equals null": (P + "name = NULL", "1:31", "expected a literal"),
    "a column of another": (P + "name = email", "1:38", "expected a literal"),
    "a bare column": (P + "name", "1:31", "expected a condition"),
    "like in the middle": (P + "name LIKE '%x'", "1:41", "beginning"),
    "like with a wildcard": (P + "name LIKE 'a_%'", "1:41", "beginning"),
    "like escape": (P + "name LIKE 'a%' ESCAPE '!'", "1:46", "`ESCAPE`"),
    "ilike": (P + "name ILIKE 'a%'", "1:36", "`ILIKE`"),
    "order of ids": (P + "id > '00000000-0000-0000-0000-000000000000'", "1:31", "no order"),
    "id of another form": (P + "id = 'secret-4111'", "1:36", "record id"),
    "null part of an array": (P + "phones.area IS NULL", "1:31", "neither null nor not"),
    "order by an array": ("SELECT name FROM people ORDER BY phones", "1:34", "several values"),
    "group by an array": ("SELECT count(*) FROM people GROUP BY phones", "1:38", "several values"),
    "count of a column": ("SELECT count(name) FROM people", "1:8", "count(*)"),
    "sum of texts": ("SELECT sum(name) FROM people", "1:8", "numbers"),
    "sum of dates": ("SELECT avg(born) FROM people", "1:8", "numbers"),
    "loose column of a group": ("SELECT name, count(*) FROM people", "1:8", "GROUP BY"),
    "order outside the group": (
        "SELECT count(*) FROM people GROUP BY state ORDER BY name",
        "1:53",
        "groups are ordered",
    ),
    "nulls last": ("SELECT name FROM people ORDER BY name NULLS LAST", "1:34", "nulls come first"),
    "unknown redaction": ("SELECT redaction(email, 'secret-4111') FROM people", "1:25", "expected a redaction"),
    "redaction of a part": ("SELECT redaction(email.domain, 'masked') FROM people", "1:18", "whole column"),
    "transient": ("SELECT cvv FROM people", "1:8", "transient"),
    "open quote": (P + "name = 'secret-4111", "1:50", "to be closed"),
    "two operators": (P + "name = = 'secret-4111'", "1:38", "the form that is allowed"),
    "two literals": (P + "name = 'secret' '4111'", "1:38", "expected a literal"),
    "a date of another form": (P + "born = '04/05/1985'", "1:38", "YYYY-MM-DD"),
    "a part of another form": (P + "born.year = 'secret-4111'", "1:43", "year"),
    "between": (P + "born BETWEEN '1985-01-01' AND 'secret-4111'", "1:61", "YYYY-MM-DD"),
    "a list": (P + "state IN ('CA',\n 'secret-4111')", "2:2", "address.state"),
    "double quotes": (P + 'name = "secret-4111"', "1:38", "expected a literal"),
    "a parameter": (P + "name = ?", "1:38", "`PLACEHOLDER`"),
    "deep": (P + "(" * 17 + "name = 'a'" + ")" * 17, "1:47", "inside each other"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_may_not_be_asked_fails_where_it_stands(case: str, caplog: pytest.LogCaptureFixture) -> None:
    sql, at, piece = FAULTS[case]
    with caplog.at_level(logging.DEBUG), pytest.raises(InvalidQuery) as caught:
        read_question(sql, KNOWN)
    error = caught.value
    assert error.at == at
    assert piece in error.message
    assert "4111" not in told(error) + caplog.text


def told(error: PrivetError) -> str:
    """Return everything that an error says."""
    return f"{error!r} {error} {error.hint} {error.at}" + "".join(map(told, error.faults))


def test_every_fault_is_told_at_once() -> None:
    with pytest.raises(InvalidQuery) as caught:
        read_question("SELECT nick, born.hour FROM people\nWHERE email = 'x' OR born = 'y'", KNOWN)
    assert [fault.at for fault in caught.value.faults] == ["1:8", "1:14", "2:15", "2:29"]


def test_a_question_has_a_size() -> None:
    with pytest.raises(TooLarge):
        read_question(P + "name = '" + "x" * 70_000 + "'", KNOWN)
    with pytest.raises(TooLarge):
        read_question(P + "name IN (" + ",".join(["'x'"] * 12_000) + ")", KNOWN)
    with pytest.raises(InvalidQuery, match="at most 500"):
        read_question(P + " AND ".join(["name = 'x'"] * 600), KNOWN)


def where(sql: str) -> Question:
    return read_question(P + sql, KNOWN)


@pytest.mark.parametrize(
    ("sql", "leaf"),
    [
        ("email = ' Ann@EXAMPLE.com '", Leaf(Place("people", "email"), "in", ("Ann@example.com",))),
        ("people.email.domain = '@Example.com'", Leaf(Place("people", "email", "domain"), "in", ("example.com",))),
        ("born.year = 1985", Leaf(Place("people", "born", "year"), "in", ("1985",))),
        ("state IN ('ca', 'US-CA', 'ny')", Leaf(Place("people", "state"), "in", ("US-CA", "US-NY"))),
        ("PHONES = '(202) 555-0143'", None),
        ("born >= '1985-01-02'", Leaf(Place("people", "born"), ">=", ("1985-01-02",))),
        ("name LIKE 'Ann%'", Leaf(Place("people", "name"), "prefix", ("Ann",))),
        ("((name IS NULL))", Leaf(Place("people", "name"), "null")),
        ("name IS NOT NULL", Flip(Leaf(Place("people", "name"), "null"))),
        ("state <> 'ca'", Flip(Leaf(Place("people", "state"), "in", ("US-CA",)))),
    ],
)
def test_literals_get_the_form_that_stored_values_have(sql: str, leaf: Leaf | None) -> None:
    if leaf is None:
        with pytest.raises(InvalidQuery, match="phone"):
            where(sql)
    else:
        assert where(sql).where == leaf


def test_outputs_are_named_as_they_were_written() -> None:
    sql = (
        "SELECT p.state, p.email.domain AS mail, redaction(p.name, 'masked'), count(*), count(DISTINCT born.year), "
        "SUM(total) FROM orders AS o INNER JOIN people p ON o.person = p.id GROUP BY p.state, p.email.domain, p.name"
    )
    names = [output.name for output in read_question(sql, KNOWN).outputs]
    assert names == ["p.state", "mail", "p.name", "count(*)", "count(distinct born.year)", "sum(total)"]


def test_a_literal_does_not_print_itself() -> None:
    assert "1985" not in repr(where("born.year = 1985"))
