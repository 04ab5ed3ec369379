"""A change of schema is begun only if every record can follow: it works, or it is refused with nothing changed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from a_vault import Bench, references

from privet import digest
from privet.errors import Conflict, DuplicateValue, PrivetError, Refused
from privet.store.port import Put, Row, Select
from privet.vault import records
from privet.vault.reader import read_schema
from privet.vault.schema import Schema
from privet.vault.upkeep import migrate
from privet.vault.vault import open_vault

Case = tuple[str, str, Sequence[tuple[str, dict[str, Any]]]]  # schema before, schema after, records


def dataset(*tables: tuple[str, str, Sequence[str]]) -> str:
    """Return a dataset of (name, what stands under the table's privet, fields as `name: what stands there`)."""
    lines = ["dataset:", "  - fides_key: t", "    collections:"]
    for name, ours, fields in tables:
        lines += [f"      - name: {name}", f"        fides_meta: {{privet: {{{ours}}}}}", "        fields:"]
        for text in fields:
            column, _, words = text.partition(": ")
            lines += [f"          - name: {column}", f"            fides_meta: {{privet: {{{words}}}}}"]
    return "\n".join(lines) + "\n"


def one(*fields: str, subject: str = "none") -> str:
    return dataset(("t", f"subject: {subject}", fields))


def shop(cust: str, ord: str, note: str = "keep: sealed", *, orders_first: bool = False) -> str:
    tables = [
        ("cust", f"subject: {cust}", ["name: type: string, keep: sealed"]),
        ("ord", f"subject: {ord}", ["cust: references: cust.id", f"note: type: string, {note}"]),
    ]
    return dataset(*(reversed(tables) if orders_first else tables))


CUST = ("cust", "subject: none", ["name: type: string, keep: sealed"])


def fill(bench: Bench, rows: Sequence[tuple[str, dict[str, Any]]]) -> None:
    """Insert records; a value `$name` is the id of the last record of that table."""
    made: dict[str, str] = {}
    for table, row in rows:
        values = {k: made[v[1:]] if isinstance(v, str) and v.startswith("$") else v for k, v in row.items()}
        made[table] = digest.id_text(bench.insert(table, values)[0].id)


def shown(bench: Bench) -> dict[str, list[tuple[Any, Any]]]:
    """Return (values, tokens) of every record, by the id of its table."""
    found = {}
    for table in bench.vault.schema.tables:
        ids: list[Any] = [row[0] for row in every(bench, table.rows, "id")]
        opened = [bench.get(table.name, record) for record in ids]
        found[table.name] = [(dict(item.values), dict(item.tokens)) for item in opened if item]
    return found


def every(bench: Bench, table: str, *columns: str) -> list[Row]:
    return bench.vault.store.select(Select(table=table, columns=columns))


def reopen(bench: Bench) -> None:
    old = bench.vault
    bench.vault = open_vault(id=old.id, name=old.name, store=old.store, ring=old.ring, clock=old.clock)
    bench.vault.subjects = old.subjects
    assert not migrate.resume(bench.vault, bench.deed("open"))


def state(bench: Bench) -> tuple[Schema, list[list[Row]], Any]:
    """Return all that a refused change must leave alone."""
    fixed = [sorted(every(bench, name, *columns), key=repr) for name, columns in KEPT]
    return bench.vault.schema, fixed, shown(bench)


KEPT = (
    ("meta", ("name", "value")),
    ("schemas", ("version", "body")),
    ("keys", ("key_id", "state", "wrapped")),
    ("tokens", ("token", "owner", "cell", "holder", "subject")),
    ("refs", ("token", "holder", "subject", "cell")),
    ("uniques", ("tag", "record")),
)
TWO = [("cust", {"name": "a"}), ("ord", {"note": "x", "cust": "$cust"})]

REFUSED: dict[str, Case] = {
    "shreddable without a person": (
        shop("self", "via cust"),
        shop("self", "via cust", "keep: shreddable"),
        [*TWO, ("ord", {"note": "y"})],
    ),
    "a person at the end of no reference": (
        shop("none", "none"),
        shop("self", "via cust", "keep: shreddable", orders_first=True),
        [*TWO, ("ord", {"note": "y"})],
    ),
    "values go as transient": (
        one("a: type: string, keep: sealed"),
        one("a: type: string, keep: transient"),
        [("t", {"a": "x"})],
    ),
    "to an array": (
        one("a: type: string, keep: sealed"),
        one('a: type: "string[]", keep: sealed'),
        [("t", {"a": "x"})],
    ),
    "to an array with an index": (
        one("a: type: string, keep: sealed, index: [exact], leak: equality"),
        one('a: type: "string[]", keep: sealed, index: [exact], leak: equality'),
        [("t", {"a": "x"})],
    ),
    "from an array": (
        one('a: type: "string[]", keep: sealed'),
        one("a: type: string, keep: sealed"),
        [("t", {"a": ["x"]})],
    ),
    "to a reference from words": (
        dataset(CUST, ("t", "subject: none", ["a: type: string, keep: sealed"])),
        dataset(CUST, ("t", "subject: none", ["a: references: cust.id"])),
        [("cust", {"name": "z"}), ("t", {"a": "x"})],
    ),
    "to a reference to nothing": (
        dataset(CUST, ("t", "subject: none", ["a: type: string, keep: sealed"])),
        dataset(CUST, ("t", "subject: none", ["a: references: cust.id"])),
        [("cust", {"name": "z"}), ("t", {"a": "01890000-0000-7000-8000-000000000000"})],
    ),
    "ff1 of too few digits": (
        one("a: type: string, keep: sealed"),
        one("a: type: string, keep: sealed, token: ff1"),
        [("t", {"a": "12345678"}), ("t", {"a": "abc"})],
    ),
    "a unique set whose values come to repeat": (
        one("a: type: string, keep: sealed, unique: true"),
        one("a: type: integer, keep: sealed, unique: true"),
        [("t", {"a": "7"}), ("t", {"a": "07"})],
    ),
    "subjects that come from the same table": (
        one("a: type: string, keep: sealed", "up: references: t.id", subject="self"),
        one("a: type: string, keep: sealed", "up: references: t.id", subject="via up"),
        [("t", {"a": "x"}), ("t", {"a": "y", "up": "$t"})],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_change_that_some_record_cannot_follow_changes_nothing(bench: Bench, name: str) -> None:
    before, after, rows = REFUSED[name]
    bench.apply(before)
    fill(bench, rows)
    then = state(bench)
    with pytest.raises((Refused, DuplicateValue)) as caught:
        bench.apply(after)
    assert not any(value in f"{caught.value} {caught.value.hint}" for value in ("12345678", "abc", "0189"))
    assert state(bench) == then
    reopen(bench)
    assert shown(bench) == then[2]
    fill(bench, rows[:1] if name != "a unique set whose values come to repeat" else [])
    assert bench.apply(before) == ()


WORKS: dict[str, Case] = {
    "a table gains people and others follow, listed before it": (
        shop("none", "none", orders_first=True),
        shop("self", "via cust", "keep: shreddable", orders_first=True),
        TWO,
    ),
    "values that may go as transient": (
        one("a: type: string, keep: sealed, index: [exact], leak: equality, token: stored", "b: type: string"),
        one("a: type: string, keep: transient", "b: type: string"),
        [("t", {"a": "x", "b": "y"})],
    ),
    "tokens of another shape": (
        one("a: type: contact.email, keep: sealed, token: stored"),
        one("a: type: contact.email, keep: sealed, token: {kind: stored, shape: email}"),
        [("t", {"a": "x@example.com"})],
    ),
    "stored tokens become ff1": (
        one("a: type: string, keep: sealed, token: stored"),
        one("a: type: string, keep: sealed, token: ff1"),
        [("t", {"a": "12345678"})],
    ),
    "tokens of another scope": (
        one("a: type: string, keep: sealed, token: stored"),
        one("a: type: string, keep: sealed, token: {kind: stored, scope: consumer}"),
        [("t", {"a": "x"})],
    ),
    "tokens of each consumer end": (
        one("a: type: string, keep: sealed, token: {kind: stored, scope: consumer}"),
        one("a: type: string, keep: sealed"),
        [("t", {"a": "x"})],
    ),
    "a table and the reference to it are renamed": (
        shop("self", "via cust", "keep: shreddable"),
        dataset(
            ("people", "subject: self, was: cust", ["name: type: string, keep: sealed"]),
            ("ord", "subject: via p", ["p: references: people.id, was: cust", "note: type: string, keep: shreddable"]),
        ),
        TWO,
    ),
    "a reference to records that are there": (
        dataset(CUST, ("t", "subject: none", ["a: type: string, keep: sealed"])),
        dataset(CUST, ("t", "subject: none", ["a: references: cust.id"])),
        [("cust", {"name": "z"}), ("t", {"a": "$cust"})],
    ),
}


@pytest.mark.parametrize("name", WORKS)
def test_every_record_follows_a_change_that_it_can_follow(bench: Bench, name: str) -> None:
    before, after, rows = WORKS[name]
    bench.apply(before)
    fill(bench, rows)
    values = [sorted(str(v) for v in item[0].values() if v) for items in shown(bench).values() for item in items]
    bench.apply(after, allow_loss=True)
    there = shown(bench)
    reopen(bench)
    assert shown(bench) == there
    now = [sorted(str(v) for v in item[0].values() if v) for items in there.values() for item in items]
    gone = [["y"]] if "transient" in name else values
    assert sorted(now) == sorted(gone)
    assert not any("None" in str(token) for items in there.values() for _, held in items for token in held.values())
    owners = {row[0] for row in every(bench, "tokens", "owner")}
    living = {column.token_id for table in bench.vault.schema.tables for column in table.columns}
    assert owners <= living
    assert {row[0] for row in references(bench.vault)} == {row[0] for row in every(bench, "tokens", "token")}


def test_orders_follow_the_people_that_their_customers_become(bench: Bench) -> None:
    bench.apply(shop("none", "via cust", "keep: sealed, token: stored", orders_first=True))
    fill(bench, [*TWO, ("ord", {"note": "y"})])
    bench.apply(shop("self", "via cust", "keep: sealed, token: stored", orders_first=True))
    customer = every(bench, bench.vault.table("cust").rows, "subject")[0][0]
    orders = {row[0] for row in every(bench, bench.vault.table("ord").rows, "subject")}
    assert customer is not None and orders == {customer, None}
    assert {row[2] for row in references(bench.vault)} == {customer, None}
    assert sorted(item[0]["note"] for item in shown(bench)["ord"]) == ["x", "y"]


def test_a_schema_does_not_change_while_a_person_is_erased(bench: Bench) -> None:
    bench.apply(one("a: type: string, keep: shreddable", subject="self"))
    fill(bench, [("t", {"a": "x"})])
    subject = every(bench, bench.vault.table("t").rows, "subject")[0][0]
    bench.vault.write_now([Put("erasures", ("id", "subject", "state", "at"), ((b"e" * 16, subject, "open", 1),))])
    with pytest.raises(Conflict):
        bench.apply(one("a: type: string, keep: sealed", subject="self"))
    assert bench.vault.schema.version == 1


def test_a_refused_change_leaves_no_keys_of_people(bench: Bench) -> None:
    bench.apply(one("a: type: string, keep: sealed"))
    fill(bench, [("t", {"a": "12345678"}), ("t", {"a": "abc"})])
    with pytest.raises(Refused):
        bench.apply(one("a: type: string, keep: shreddable, token: {kind: ff1, unerasable: true}", subject="self"))
    keys, _ = bench.vault.demand_subjects().stores
    assert keys.select(Select(table="subject_keys", columns=("subject",))) == []
    assert bench.vault.demand_subjects().hold() == ()


def test_a_write_that_waited_for_a_change_of_schema_is_refused(bench: Bench) -> None:
    bench.apply(one("a: type: string, keep: sealed"))
    after = read_schema(one("a: type: string, keep: sealed, unique: true"))

    async def both() -> PrivetError | None:
        permit = bench.permit("insert", "t")
        async with bench.vault.pause():
            insert = asyncio.ensure_future(records.insert(bench.vault, permit, [{"a": "x"}], bench.deed("insert")))
            await asyncio.sleep(0)
            migrate.apply(bench.vault, after, bench.deed("apply"))
        try:
            await insert
        except PrivetError as error:
            return error
        return None

    assert isinstance(bench.run(both()), Conflict)
    assert shown(bench) == {"t": []}
    fill(bench, [("t", {"a": "x"})])
    with pytest.raises(DuplicateValue):
        fill(bench, [("t", {"a": "x"})])
