"""No path leaks: whatever a caller gets, counts, finds or changes lies within what the rules allow, and is all of it.

Random policies, callers, purposes, moments, queues, consents and flags; every path over HTTP, in process; a slow
reading of the rules beside it. A weaker path is caught.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import msgspec
import pytest
from paths import faults
from walk import Walk
from walked import EXACT, Home

from privet import codec, digest
from privet.app.services import export, queries, records, tokens, verbs
from privet.app.services.records import permit, read_id, shown
from privet.app.services.streams import STREAMS
from privet.app.services.verb import Caller
from privet.app.wiring import House
from privet.errors import Denied, NotFound
from privet.policy.permit import Permit, unflagged
from privet.vault import locate, reveal
from privet.vault import records as kept
from privet.vault.access import consents
from privet.vault.access.lookup import Asking
from privet.vault.listing import page
from privet.vault.query import answer as query
from privet.vault.query.blur import MOST
from privet.vault.query.clearance import Permits
from privet.vault.sight import View
from privet.vocabulary.access import Action
from privet.vocabulary.predicate import ALWAYS

FIXED, DRAWN = range(48), 12  # seeds of cases that are always the same, and how many new ones a run looks at
CELLS = 10_000
UPSERT: tuple[Action, ...] = ("insert", "update")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("every") / "home")
    made.fill(Random(1))
    yield made
    made.close()


def test_every_path_shows_what_the_rules_allow_and_nothing_else(home: Home) -> None:
    cells = 0
    for seed in (*FIXED, *(secrets.randbelow(1 << 48) for _ in range(DRAWN))):
        walk = Walk(home, seed)
        assert list(faults(walk)) == [], f"case {seed}"
        cells += walk.cells
    assert cells >= CELLS


def test_people_with_flags_who_are_too_many_to_list_are_held_back_alike(home: Home) -> None:
    cells = 0
    for seed in (*range(12), *(secrets.randbelow(1 << 48) for _ in range(DRAWN // 3))):
        walk = Walk(home, seed)
        consents.keep(home.vault, most_listed=0)
        for path in ("get", "listed", "exported", "selected", "counted", "extremes", "joined"):
            assert list(faults(walk, path)) == [], f"case {seed}"
        consents.keep(home.vault)
        cells += walk.cells
    assert cells >= CELLS // 20


# --- teeth ------------------------------------------------------------------------------------------------------
# Each of these is a way of the product's own, with one care left out.


def open_to_all(permit: Permit) -> Permit:
    """Return a permit whose columns are shown as their best rows are, on every row."""
    columns = {name: (sights[0]._replace(where=ALWAYS),) for name, sights in permit.columns.items()}
    return replace(permit, rows=ALWAYS, columns=columns)


def every_row(permit: Permit) -> Permit:
    return replace(permit, rows=ALWAYS)


def get_with(change: Callable[[Permit], Permit]) -> Callable[..., Any]:
    async def get(house: House, who: Caller, ask: records.GetAsk) -> records.Shown:
        vault, names = house.vault(ask.vault), house.vault(ask.vault).table(ask.table).names()
        columns = records.chosen(vault, ask.table, ask.columns)
        allowed = change(permit(house, vault, who, "read", ask.table, columns if change is unflagged else names))
        deed = who.deed("records.get", "t", vault.clock())
        for found in await kept.get(vault, allowed, [read_id(ask.id)], View(columns, ask.redaction), deed):
            return shown(found)
        raise NotFound("no such record")

    return get


async def get_told(house: House, who: Caller, ask: records.GetAsk) -> records.Shown:
    try:
        return await records.get(house, who, ask)
    except NotFound:
        await records.get(house, Caller(replace(who.principal, roles=("owner",))), ask)
        raise Denied("this record is none of the caller's") from None


async def get_with_tokens(house: House, who: Caller, ask: records.GetAsk) -> records.Shown:
    found = await records.get(house, who, ask)
    whole = await records.get(house, Caller(replace(who.principal, roles=("owner",), scopes=())), ask)
    return records.Shown(**{**{n: getattr(found, n) for n in found.__struct_fields__}, "tokens": whole.tokens})


def list_with(change: Callable[[Permit], Permit]) -> Callable[..., Any]:
    async def list_(house: House, who: Caller, ask: records.ListAsk) -> records.ShownAll:
        vault, names = house.vault(ask.vault), house.vault(ask.vault).table(ask.table).names()
        allowed = change(permit(house, vault, who, "read", ask.table, names))
        deed = who.deed("records.list", "t", vault.clock())
        found, cursor = await page(vault, allowed, View(names), deed, limit=ask.limit, cursor=ask.cursor)
        return records.ShownAll(records=[shown(item) for item in found], next=cursor)

    return list_


async def list_told(house: House, who: Caller, ask: records.ListAsk) -> records.ShownAll:
    found = await records.list_(house, who, ask)
    after = msgspec.structs.replace(ask, cursor=found.next)
    last = not found.next or not (await records.list_(house, who, after)).records
    return records.ShownAll(records=found.records, next="" if last else found.next)


def export_with(action: Action, change: Callable[[Permit], Permit] = lambda held: held) -> Callable[..., Any]:
    """Return an export of what `action` shows."""

    async def lines(house: House, who: Caller, ask: export.ExportAsk) -> Any:
        vault, names = house.vault(ask.vault), house.vault(ask.vault).table(ask.table).names()
        allowed = change(permit(house, vault, who, action, ask.table, names))
        found, _ = await page(vault, allowed, View(names), who.deed("export", "t", vault.clock()), limit=1000)
        yield [codec.encode(shown(item)) for item in found]

    return lines


def query_with(change: Callable[[Permit], Permit], *, exact: bool = False, **terms: Any) -> Callable[..., Any]:
    async def run(house: House, who: Caller, ask: queries.QueryAsk) -> Any:
        vault = house.vault(ask.vault)
        question = queries._read(ask.sql, vault.schema)
        held = queries._permits(house, vault, who, question)
        read, search = ({name: change(p) for name, p in some.items()} for some in (held.read, held.search))
        permits = Permits(read=read, search=search)
        blurred = question.grouped and not exact and not query.plainly(question, permits)
        told = query.Terms(least=5 if blurred else 1, blurred=blurred)
        deed = who.deed("queries.run", "t", vault.clock())
        return queries._answered(await query.run(vault, question, permits, deed, replace(told, **terms)))

    return run


async def query_as_reader(house: House, who: Caller, ask: queries.QueryAsk) -> Any:
    """Ask about every column that is shown at all, however little of it."""
    vault = house.vault(ask.vault)
    question = queries._read(ask.sql, vault.schema)
    held = queries._permits(house, vault, who, question)
    search = {
        name: replace(
            p, columns={c: tuple(s._replace(redaction="plain_text") for s in some) for c, some in p.columns.items()}
        )
        for name, p in {**held.read, **held.search}.items()
    }
    deed = who.deed("queries.run", "t", vault.clock())
    permits = Permits(read=held.read, search=search)
    return queries._answered(
        await query.run(vault, question, permits, deed, query.Terms(least=5, blurred=question.grouped))
    )


def detokenize_with(change: Callable[[Permit], Permit]) -> Callable[..., Any]:
    async def detokenize(house: House, who: Caller, ask: tokens.DetokenizeAsk) -> tokens.Values:
        vault = house.vault(ask.vault)
        located = locate.locate(vault, ask.tokens, table=ask.table, column=ask.column, consumer=who.principal.id)
        permits: dict[str, Permit] = {}
        for name, (_, columns) in reveal.tables_of(located).items():
            try:
                permits[name] = change(permit(house, vault, who, "detokenize", name, columns))
            except Denied:
                continue
        deed = who.deed("d", "t", vault.clock())
        found = await reveal.detokenize(vault, permits, located, deed, redaction=ask.redaction)
        return tokens.Values(values=[tokens._value(item) for item in found])

    return detokenize


def update_with(change: Callable[[Permit], Permit]) -> Callable[..., Any]:
    async def update(house: House, who: Caller, ask: records.UpdateAsk) -> records.Stored:
        vault = house.vault(ask.vault)
        allowed = change(permit(house, vault, who, "update", ask.table, vault.table(ask.table).names()))
        deed = who.deed("records.update", "t", vault.clock())
        written = await kept.update(vault, allowed, read_id(ask.id), ask.values, deed)
        return records.Stored(id=digest.id_text(written.id), version=written.version)

    return update


def delete_with(change: Callable[[Permit], Permit]) -> Callable[..., Any]:
    async def delete(house: House, who: Caller, ask: records.DeleteAsk) -> records.Count:
        vault = house.vault(ask.vault)
        allowed = change(permit(house, vault, who, "delete", ask.table, ()))
        ids = [read_id(text) for text in ask.ids]
        return records.Count(count=await kept.delete(vault, allowed, ids, who.deed("d", "t", vault.clock())))

    return delete


def told_all(house: House, who: Caller, table: str) -> Asking:
    return records.asking(house, house.vault("v"), Caller(replace(who.principal, roles=("owner",), scopes=())), table)


def told_flagged(house: House, who: Caller, table: str) -> Asking:
    asking = records.asking(house, house.vault("v"), who, table)
    return lambda: [unflagged(held) for held in asking()]


def insert_telling(asks: Callable[[House, Caller, str], Asking]) -> Callable[..., Any]:
    async def insert(house: House, who: Caller, ask: records.InsertAsk) -> Any:
        vault = house.vault(ask.vault)
        allowed = permit(house, vault, who, "insert", ask.table, vault.table(ask.table).names())
        deed = who.deed("records.insert", "t", vault.clock())
        return await kept.insert(vault, allowed, ask.records, deed, asking=asks(house, who, ask.table))

    return insert


def upsert_with(change: Callable[[Permit], Permit], asks: Callable[[House, Caller, str], Asking]) -> Callable[..., Any]:
    async def upsert(house: House, who: Caller, ask: records.UpsertAsk) -> Any:
        vault, names = house.vault(ask.vault), house.vault(ask.vault).table(ask.table).names()
        insert, update = (change(permit(house, vault, who, action, ask.table, names)) for action in UPSERT)
        deed, asking = who.deed("records.upsert", "t", vault.clock()), asks(house, who, ask.table)
        written = await kept.upsert(vault, (insert, update), ask.on, ask.records, deed, asking=asking)
        return records._stored(list(written))

    return upsert


# What is left out → the verb, its weaker way, and what is found of it.
WEAKER: dict[str, tuple[str, Callable[..., Any], str]] = {
    "get shows every row": ("records.get", get_with(open_to_all), "get: 200 for a record"),
    "get forgets flags": ("records.get", get_with(unflagged), "get: 200 for a record"),
    "get tells hidden records from none": ("records.get", get_told, "get: a hidden record"),
    "get gives tokens of hidden cells": ("records.get", get_with_tokens, "get: the token"),
    "list forgets the row rules": ("records.list", list_with(every_row), "listed: "),
    "list forgets flags": ("records.list", list_with(unflagged), "listed: "),
    "list says when hidden records follow": ("records.list", list_told, "listed: a full page"),
    "export asks for read alone": ("records.export", export_with("read"), "exported: "),
    "export forgets flags": ("records.export", export_with("export", unflagged), "exported: "),
    "query forgets the row rules": ("queries.run", query_with(open_to_all), "selected: "),
    "query forgets flags": ("queries.run", query_with(unflagged), "selected: "),
    "query counts people with flags": ("queries.exact", query_with(unflagged, exact=True), "counted: "),
    "query orders by people with flags": ("queries.run", query_with(unflagged), "extremes: another"),
    "join forgets flags": ("queries.run", query_with(unflagged), "joined: "),
    "query counts exactly": (
        "queries.run",
        query_with(lambda held: held, least=1, blurred=False),
        "counted: exact for",
    ),
    "query counts groups of few": ("queries.run", query_with(lambda held: held, least=-MOST), "counted: a small group"),
    "query asks about masked columns": ("queries.run", query_as_reader, "selected: "),
    "detokenize forgets the row rules": ("tokens.detokenize", detokenize_with(open_to_all), "detokenized: a token"),
    "detokenize forgets flags": ("tokens.detokenize", detokenize_with(unflagged), "detokenized: a token"),
    "update forgets the row rules": ("records.update", update_with(open_to_all), "updated: 200"),
    "update forgets flags": ("records.update", update_with(unflagged), "updated: 200"),
    "delete forgets the row rules": ("records.delete", delete_with(every_row), "deleted: 1 records"),
    "delete forgets flags": ("records.delete", delete_with(unflagged), "deleted: 1 records"),
    "insert says what is taken": ("records.insert", insert_telling(told_all), "inserted: a value is said"),
    "insert says what people with flags have": (
        "records.insert",
        insert_telling(told_flagged),
        "inserted: a value is said",
    ),
    "upsert finds what may not be searched": (
        "records.upsert",
        upsert_with(lambda held: held, told_all),
        "upserted: a record is found",
    ),
    "upsert forgets flags": (
        "records.upsert",
        upsert_with(unflagged, told_flagged),
        "upserted: a record is found",
    ),
}


@pytest.fixture(scope="module")
def weak_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    made = Home(tmp_path_factory.mktemp("weak") / "home")
    made.fill(Random(2))
    yield made
    made.close()


@pytest.mark.parametrize("what", WEAKER)
def test_a_weaker_path_is_caught(weak_home: Home, what: str) -> None:
    name, run, found = WEAKER[what]
    path = found.partition(":")[0]
    rows: tuple[Any, ...] = (*verbs(), *STREAMS, EXACT)
    weak_home.offer(replace(next(row for row in rows if row.name == name), run=run))
    try:
        assert any(fault.startswith(found) for seed in range(600) for fault in faults(Walk(weak_home, seed), path))
    finally:
        weak_home.offer()
