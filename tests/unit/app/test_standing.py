"""A credential that ends, or a policy that changes, stops the answers that are under way."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from staff import Staff

from privet.app.identity import issue
from privet.app.services import export, principals, queries, records, verbs
from privet.app.services.principals import NameAsk
from privet.app.services.standing import Standing
from privet.app.services.verb import Caller, call
from privet.errors import (
    PrivetError,
    Unauthenticated,
    Unavailable,
)
from privet.store.port import Select, Unit
from privet.vocabulary.access import Principal
from privet.vocabulary.predicate import Compare


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    yield made
    made.close()


def who(staff: Staff, key: str) -> Principal:
    return staff.house.callers.principal(key, staff.now)


def endings(staff: Staff, key: str) -> dict[str, Callable[[], Any]]:
    """Return what ends the standing of `ann`, who has one key beside `key`."""
    identity = key.split("_")[1]
    control, callers = staff.house.control, staff.house.callers

    def revoke_key() -> None:
        held = next(item for item in issue.keys_of(callers, who(staff, key).id) if item.id == identity)
        control.write_now(Unit(issue.ended(callers, held, staff.now)))
        staff.house.changed()

    def other_policy() -> None:
        staff.house.changed(policy=True)

    return {"key": revoke_key, "policy": other_policy}


@pytest.mark.parametrize(("how", "error"), [("key", Unauthenticated), ("policy", Unavailable)])
def test_an_export_stops_at_the_next_chunk(staff: Staff, how: str, error: type[PrivetError]) -> None:
    staff.fill(2_500)
    key = staff.add("ann", "owner").key
    end = endings(staff, key)[how]

    async def story() -> int:
        lines = export.lines(staff.house, staff.caller(key), export.ExportAsk(vault="v", table="people"))
        got = len(await anext(lines))
        end()
        with pytest.raises(error):
            await anext(lines)
        return got

    assert staff.runner.run(story()) == 1_000


@pytest.mark.parametrize(("how", "error"), [("key", Unauthenticated), ("policy", Unavailable)])
def test_a_query_that_scans_stops_at_the_next_run(staff: Staff, how: str, error: type[PrivetError]) -> None:
    staff.fill(3_000)
    key = staff.add("ann", "owner").key
    end = endings(staff, key)[how]

    async def story() -> None:
        ask = queries.QueryAsk(vault="v", sql="select count(*) from people where note like 'n1%'")
        running = asyncio.ensure_future(queries.run(staff.house, staff.caller(key), ask))
        await asyncio.sleep(0)
        end()
        await running

    with pytest.raises(error):
        staff.runner.run(story())


def test_the_end_of_somebody_else_stops_no_answer(staff: Staff) -> None:
    staff.fill(2_500)
    key = staff.add("ann", "owner").key
    staff.add("bob", "viewer")

    async def story() -> int:
        lines = export.lines(staff.house, staff.caller(key), export.ExportAsk(vault="v", table="people"))
        got = len(await anext(lines))
        await principals.revoke(staff.house, staff.caller(), NameAsk(name="bob"))
        async for chunk in lines:
            got += len(chunk)
        return got

    assert staff.runner.run(story()) == 2_500


def test_a_read_that_was_under_way_is_not_answered_after_the_end(staff: Staff) -> None:
    staff.fill(1)
    key = staff.add("ann", "owner").key
    verb = next(verb for verb in verbs() if verb.name == "records.list")
    end = endings(staff, key)["key"]

    async def story() -> None:
        ask = records.ListAsk(vault="v", table="people")
        running = asyncio.ensure_future(call(staff.house, verb, staff.caller(key), ask))
        await asyncio.sleep(0)  # it waits for its audit entry now
        end()
        await running

    with pytest.raises(Unauthenticated):
        staff.runner.run(story())


def test_a_stream_over_http_breaks_off(staff: Staff) -> None:
    staff.fill(2_500)
    key = staff.add("ann", "owner").key
    end = endings(staff, key)["key"]

    async def story() -> Any:
        running = asyncio.ensure_future(staff.world.ask("GET", "/v1/vaults/v/tables/people/export", key=key))
        while not staff.house.vault("v").store.select(Select(table="audit", columns=("seq",))):
            await asyncio.sleep(0)
        for _ in range(3):
            await asyncio.sleep(0)
        end()
        return await running

    got = staff.runner.run(story())
    assert not got.ended or got.status == 401
    assert got.body.count(b"\n") < 2_500


@pytest.mark.parametrize("turns", range(1, 8))
def test_an_end_that_is_durable_counts_where_its_caller_went_away(staff: Staff, turns: int) -> None:
    key = staff.add("ann", "owner").key
    assert staff.status(key) == 200

    async def story() -> None:
        ending = asyncio.ensure_future(principals.revoke(staff.house, staff.caller(), NameAsk(name="ann")))
        for _ in range(turns):
            await asyncio.sleep(0)
        ending.cancel()
        with suppress(asyncio.CancelledError):
            await ending
        await staff.house.control.write(Unit(()))  # after whatever was queued

    staff.runner.run(story())
    ended = staff.house.callers.accounts(Compare("name", "=", "ann"))[0].revoked_ms is not None
    assert staff.status(key) == (401 if ended else 200)
    assert ended


def test_a_standing_asks_nobody_while_nothing_changes(staff: Staff) -> None:
    def never() -> Principal:
        raise AssertionError

    standing = Standing(staff.house, Caller(staff.caller().principal, still=never))
    standing.demand()
    staff.house.epoch += 1
    with pytest.raises(AssertionError):
        standing.demand()


def test_an_export_that_is_let_go_leaves_no_generator_behind(staff: Staff) -> None:
    staff.fill(2_500)
    begun: list[Any] = []
    known = sys.get_asyncgen_hooks()

    async def story() -> int:
        hooks = sys.get_asyncgen_hooks()

        def first(made: Any) -> None:
            begun.append(made)
            assert hooks.firstiter is not None
            hooks.firstiter(made)

        sys.set_asyncgen_hooks(firstiter=first, finalizer=hooks.finalizer)
        lines = export.lines(staff.house, staff.caller(), export.ExportAsk(vault="v", table="people"))
        await anext(lines)
        await lines.aclose()
        return sum(made.ag_frame is not None for made in begun)

    assert staff.runner.run(story()) == 0
    assert {"lines", "export"} <= {made.__name__ for made in begun}
    assert sys.get_asyncgen_hooks() == known
