"""No path leaks: whatever a caller gets, counts, finds or changes lies within what the rules allow, and is all of it.

Random policies, callers, purposes, moments, queues and consents; every path over HTTP, in process; a slow reading of
the rules beside it. A weaker path is caught.
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
from walked import Home

from privet import codec, digest
from privet.app.services import export, queries, records, tokens, verbs
from privet.app.services.records import permit, read_id, shown
from privet.app.services.streams import STREAMS
from privet.app.services.verb import Caller
from privet.app.wiring import House
from privet.errors import Denied, NotFound
from privet.policy.permit import Permit
from privet.vault import locate, reveal
from privet.vault import records as kept
from privet.vault.access.lookup import Asking
from privet.vault.listing import page
from privet.vault.query import answer as query
from privet.vault.query.blur import MOST
from privet.vault.query.clearance import Permits
from privet.vault.sight import View
from privet.vocabulary.predicate import ALWAYS

FIXED, DRAWN = range(48), 12  # seeds of cases that are always the same, and how many new ones a run looks at
CELLS = 10_000


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


# --- teeth ------------------------------------------------------------------------------------------------------
# Each of these is a way of the product's own, with one care left out.


def open_to_all(permit: Permit) -> Permit:
    """Return a permit whose columns are shown as their best rows are, on every row."""
    columns = {name: (sights[0]._replace(where=ALWAYS),) for name, sights in permit.columns.items()}
    return replace(permit, rows=ALWAYS, columns=columns)


async def get_any(house: House, who: Caller, ask: records.GetAsk) -> records.Shown:
    vault, names = house.vault(ask.vault), house.vault(ask.vault).table(ask.table).names()
    allowed = open_to_all(permit(house, vault, who, "read", ask.table, names))
    deed = who.deed("records.get", "t", vault.clock())
    for found in await kept.get(vault, allowed, [read_id(ask.id)], View(names, ask.redaction), deed):
        return shown(found)
    raise NotFound("no such record")


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


async def list_any(house: House, who: Caller, ask: records.ListAsk) -> records.ShownAll:
    vault, names = house.vault(ask.vault), house.vault(ask.vault).table(ask.table).names()
    allowed = replace(permit(house, vault, who, "read", ask.table, names), rows=ALWAYS)
    deed = who.deed("records.list", "t", vault.clock())
    found, cursor = await page(vault, allowed, View(names), deed, limit=ask.limit, cursor=ask.cursor)
    return records.ShownAll(records=[shown(item) for item in found], next=cursor)


async def list_told(house: House, who: Caller, ask: records.ListAsk) -> records.ShownAll:
    found = await records.list_(house, who, ask)
    after = msgspec.structs.replace(ask, cursor=found.next)
    last = not found.next or not (await records.list_(house, who, after)).records
    return records.ShownAll(records=found.records, next="" if last else found.next)


async def export_read(house: House, who: Caller, ask: export.ExportAsk) -> Any:
    """Export what may be read, whether or not it may be exported."""
    vault, names = house.vault(ask.vault), house.vault(ask.vault).table(ask.table).names()
    allowed = permit(house, vault, who, "read", ask.table, names)
    found, _ = await page(vault, allowed, View(names), who.deed("export", "t", vault.clock()), limit=1000)
    yield [codec.encode(shown(item)) for item in found]


def query_with(change: Callable[[Permit], Permit], **terms: Any) -> Callable[..., Any]:
    async def run(house: House, who: Caller, ask: queries.QueryAsk) -> Any:
        vault = house.vault(ask.vault)
        question = queries._read(ask.sql, vault.schema)
        held = queries._permits(house, vault, who, question)
        read, search = ({name: change(p) for name, p in some.items()} for some in (held.read, held.search))
        permits = Permits(read=read, search=search)
        blurred = question.grouped and not query.plainly(question, permits)
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


async def detokenize_any(house: House, who: Caller, ask: tokens.DetokenizeAsk) -> tokens.Values:
    vault = house.vault(ask.vault)
    located = locate.locate(vault, ask.tokens, table=ask.table, column=ask.column, consumer=who.principal.id)
    permits: dict[str, Permit] = {}
    for name, (_, columns) in reveal.tables_of(located).items():
        try:
            permits[name] = open_to_all(permit(house, vault, who, "detokenize", name, columns))
        except Denied:
            continue
    found = await reveal.detokenize(vault, permits, located, who.deed("d", "t", vault.clock()), redaction=ask.redaction)
    return tokens.Values(values=[tokens._value(item) for item in found])


async def update_any(house: House, who: Caller, ask: records.UpdateAsk) -> records.Stored:
    vault = house.vault(ask.vault)
    allowed = open_to_all(permit(house, vault, who, "update", ask.table, vault.table(ask.table).names()))
    deed = who.deed("records.update", "t", vault.clock())
    written = await kept.update(vault, allowed, read_id(ask.id), ask.values, deed)
    return records.Stored(id=digest.id_text(written.id), version=written.version)


async def delete_any(house: House, who: Caller, ask: records.DeleteAsk) -> records.Count:
    vault = house.vault(ask.vault)
    allowed = replace(permit(house, vault, who, "delete", ask.table, ()), rows=ALWAYS)
    ids = [read_id(text) for text in ask.ids]
    return records.Count(count=await kept.delete(vault, allowed, ids, who.deed("d", "t", vault.clock())))


def told_all(house: House, who: Caller, table: str) -> Asking:
    return records.asking(house, house.vault("v"), Caller(replace(who.principal, roles=("owner",), scopes=())), table)


async def insert_telling(house: House, who: Caller, ask: records.InsertAsk) -> Any:
    vault = house.vault(ask.vault)
    allowed = permit(house, vault, who, "insert", ask.table, vault.table(ask.table).names())
    deed = who.deed("records.insert", "t", vault.clock())
    return await kept.insert(vault, allowed, ask.records, deed, asking=told_all(house, who, ask.table))


async def upsert_telling(house: House, who: Caller, ask: records.UpsertAsk) -> Any:
    vault, names = house.vault(ask.vault), house.vault(ask.vault).table(ask.table).names()
    insert, change = (permit(house, vault, who, action, ask.table, names) for action in ("insert", "update"))
    deed, asks = who.deed("records.upsert", "t", vault.clock()), told_all(house, who, ask.table)
    written = await kept.upsert(vault, (insert, change), ask.on, ask.records, deed, asking=asks)
    return records._stored(list(written))


# What is left out → the verb, its weaker way, and what is found of it.
WEAKER: dict[str, tuple[str, Callable[..., Any], str]] = {
    "get shows every row": ("records.get", get_any, "get: 200 for a record"),
    "get tells hidden records from none": ("records.get", get_told, "get: a hidden record"),
    "get gives tokens of hidden cells": ("records.get", get_with_tokens, "get: the token"),
    "list forgets the row rules": ("records.list", list_any, "listed: "),
    "list says when hidden records follow": ("records.list", list_told, "listed: a full page"),
    "export asks for read alone": ("records.export", export_read, "exported: "),
    "query forgets the row rules": ("queries.run", query_with(open_to_all), "selected: "),
    "query counts exactly": (
        "queries.run",
        query_with(lambda held: held, least=1, blurred=False),
        "counted: exact for",
    ),
    "query counts groups of few": ("queries.run", query_with(lambda held: held, least=-MOST), "counted: a small group"),
    "query asks about masked columns": ("queries.run", query_as_reader, "selected: "),
    "detokenize forgets the row rules": ("tokens.detokenize", detokenize_any, "detokenized: a token"),
    "update forgets the row rules": ("records.update", update_any, "updated: 200"),
    "delete forgets the row rules": ("records.delete", delete_any, "deleted: 1 records"),
    "insert says what is taken": ("records.insert", insert_telling, "inserted: a value is said"),
    "upsert finds what may not be searched": ("records.upsert", upsert_telling, "upserted: a record is found"),
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
    rows: tuple[Any, ...] = (*verbs(), *STREAMS)
    weak_home.offer(replace(next(row for row in rows if row.name == name), run=run))
    try:
        assert any(fault.startswith(found) for seed in range(60) for fault in faults(Walk(weak_home, seed), path))
    finally:
        weak_home.offer()
