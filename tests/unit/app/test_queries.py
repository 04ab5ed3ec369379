"""Questions through the service: permits, the least group, the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from privet.app.services import queries, records, vaults, verbs
from privet.app.services.verb import Caller
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Denied, InvalidQuery
from privet.vocabulary.access import Principal

SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fields:
          - {name: email, fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact, domain]}}}
          - {name: points, fides_meta: {privet: {type: decimal, keep: sealed}}}
          - {name: ssn, fides_meta: {privet: {type: us.ssn, keep: sealed, index: [exact]}}}
          - {name: state, fides_meta: {privet: {type: address.state, index: [exact], leak: equality}}}
"""


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    home = tmp_path / "home"
    initialize(Settings(home=home, key_file=home / "root.key"), now_ms=1_800_000_000_000)
    made = House(load(home), clock=lambda: 1_800_000_000_000)
    people = [{"email": f"p{at}@example.{'com' if at else 'org'}", "state": "CA", "points": at} for at in range(6)]

    async def fill() -> None:
        await vaults.create(made, caller("owner"), vaults.CreateAsk(name="v", schema=SCHEMA))
        ask = records.InsertAsk(vault="v", table="people", records=[*people, {"ssn": "536-90-4399"}])
        await records.insert(made, caller("owner"), ask)

    asyncio.run(fill())
    yield made
    made.close()


def caller(role: str, *scopes: str) -> Caller:
    return Caller(Principal(id=role, name=role, roles=(role,), scopes=scopes))


def run(house: House, role: str, sql: str, **more: Any) -> queries.Answered:
    return asyncio.run(queries.run(house, caller(role), queries.QueryAsk(vault="v", sql=sql, **more)))


def test_callers_who_see_masks_get_no_group_of_fewer_than_five(house: House) -> None:
    sql = "SELECT email.domain, count(*) FROM people WHERE email IS NOT NULL GROUP BY email.domain ORDER BY count(*)"
    assert run(house, "owner", sql).rows == [["example.org", 1], ["example.com", 5]]
    by_state = "SELECT state, count(*) FROM people GROUP BY state ORDER BY state"
    assert run(house, "viewer", by_state).rows == [[None, 1], ["US-CA", 6]]
    hidden = run(house, "owner", "SELECT count(*) FROM people WHERE ssn = '536-90-4399'")
    assert (hidden.rows, hidden.suppressed) == ([], True)


def test_a_mask_that_shows_the_part_groups_by_it(house: House) -> None:
    sql = "SELECT email.domain, count(*) FROM people GROUP BY email.domain"
    few = run(house, "viewer", sql)
    assert (few.rows, few.suppressed) == ([], True)
    more = [{"email": f"more{at}@example.com"} for at in range(95)]
    asyncio.run(records.insert(house, caller("owner"), records.InsertAsk(vault="v", table="people", records=more)))
    answer = run(house, "viewer", sql)
    assert [row[0] for row in answer.rows] == ["example.com"] and answer.perturbed and answer.suppressed
    assert abs(answer.rows[0][1] - 100) <= 12
    assert run(house, "viewer", sql).rows == answer.rows
    one = "SELECT count(*) FROM people WHERE email.domain = 'example.com'"
    assert run(house, "viewer", one).rows == [[answer.rows[0][1]]]
    scanned = f"{one} AND email.domain >= 'a.example'"
    assert run(house, "viewer", scanned).perturbed and run(house, "viewer", scanned).used != "index"
    [[kinds]] = run(house, "viewer", "SELECT count(DISTINCT email.domain) FROM people").rows
    assert 0 <= kinds <= 2 + 12
    assert not run(house, "owner", sql).perturbed


def test_nobody_adds_up_what_is_chosen_by_what_she_does_not_see(house: House) -> None:
    sql = "SELECT sum(points) FROM people"
    assert run(house, "owner", sql).rows == [["15"]]
    with pytest.raises(Denied, match="add up"):
        run(house, "owner", f"{sql} WHERE ssn = '536-90-4399'")


def test_the_answer_is_json_and_the_plan_comes_alone_on_request(house: House) -> None:
    sql = "SELECT id, email, redaction(state, 'redacted') FROM people WHERE email.domain = 'example.org'"
    answer = run(house, "editor", sql)
    assert answer.used == "index" and len(answer.rows) == 1
    assert msgspec.json.decode(msgspec.json.encode(answer))["rows"] == answer.rows
    plan = run(house, "editor", sql, explain=True)
    assert (plan.rows, plan.plan) == ([], answer.plan)


def test_what_a_caller_may_not_ask_is_denied_or_at_fault(house: House) -> None:
    with pytest.raises(Denied, match=r"people\.ssn"):
        run(house, "viewer", "SELECT state FROM people WHERE ssn = '536-90-4399'")
    with pytest.raises(Denied):
        run(house, "tokenizer", "SELECT count(*) FROM people")
    with pytest.raises(InvalidQuery):
        run(house, "owner", "SELECT nobody FROM people")


def test_both_verbs_are_offered_to_every_door() -> None:
    rows = {verb.name: verb.path for verb in verbs() if verb.name.startswith("queries.")}
    assert rows == {
        "queries.run": "/v1/vaults/{vault}/query",
        "queries.explain": "/v1/vaults/{vault}/query/explain",
    }
