"""Counts that are moved have a budget of a day, and budgets of days outlive the process. All people are invented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from staff import Staff

from privet.app.services import policies, principals, records, settings, vaults
from privet.errors import InvalidInput
from privet.store.port import Put, Select, Unit
from privet.vault.access.budgets import COUNTS
from privet.vault.log.history import read
from privet.vault.upkeep import expiry

DAY_MS = 86_400_000
STATES = ("CA", "NY", "TX", "WA", "OR", "NV", "AZ", "UT", "ID", "MT")
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: email, fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact]}}}
          - {name: state, fides_meta: {privet: {type: address.state, keep: sealed, index: [exact], leak: equality}}}
          - {name: born, fides_meta: {privet: {type: person.dob, keep: sealed, index: [exact, year], leak: equality}}}
"""
POLICY = """
role analyst
allow search on people.*

role daily
allow read, search on people.email with redaction = plain_text budget 30 per day

role hourly
allow read, search on people.email with redaction = plain_text budget 30 per hour
"""


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    made.run("vaults.create", vaults.CreateAsk(name="s", schema=SCHEMA))
    rows = [
        {"email": f"p{at}@example.com", "state": STATES[at % 10], "born": f"19{60 + at % 10}-01-01"}
        for at in range(500)
    ]
    made.run("records.insert", records.InsertAsk(vault="s", table="people", records=rows))
    made.run("policies.save", policies.SaveAsk(vault="s", policy=POLICY))
    made.run("policies.activate", policies.ActivateAsk(vault="s", version=1))
    yield made
    made.close()


def few(staff: Staff, most: int) -> None:
    staff.run("settings.set", settings.SetAsk(vault="s", counts_a_day=most))


def ask(staff: Staff, key: str, where: str = "", *, what: str = "count(*)", rest: str = "", purpose: str = "") -> Any:
    sql = f"SELECT {what} FROM people{' WHERE ' + where if where else ''}{rest}"
    headers = [("content-type", "application/json"), *([("privet-purpose", purpose)] if purpose else [])]
    return staff.ask("POST", "/v1/vaults/s/query", json.dumps({"sql": sql}).encode(), key=key, headers=headers)


def asked(staff: Staff, key: str, states: tuple[str, ...]) -> list[int]:
    return [ask(staff, key, f"state = '{state}'").status for state in states]


def spent(staff: Staff) -> list[Any]:
    return staff.house.vault("s").store.select(Select(table="spent", columns=("name", "until", "body")))


# --- the budget --------------------------------------------------------------------------------------------------


def test_so_many_different_counts_are_answered_and_no_more(staff: Staff) -> None:
    few(staff, 4)
    key = staff.add("ann", "analyst").key
    assert asked(staff, key, STATES[:5]) == [200, 200, 200, 200, 429]
    told = ask(staff, key, "state = 'MT'")
    assert told.json()["code"] == "limit_exceeded"
    assert "4 different moved counts of `people` a day" in told.json()["detail"]
    assert int(told.headers["retry-after"]) == DAY_MS // 1000
    staff.now += DAY_MS
    assert asked(staff, key, STATES[4:6]) == [200, 200]


def test_without_a_setting_there_are_two_hundred(staff: Staff) -> None:
    assert COUNTS == 200
    assert staff.run("settings.get", settings.VaultAsk(vault="s")).counts_a_day == 200
    key = staff.add("ann", "analyst").key
    years = [f"born BETWEEN '{1900 + at}-01-01' AND '1965-12-31'" for at in range(65)]
    kinds = [f"{year} AND state = '{state}'" for state in STATES[:4] for year in years]
    found = [ask(staff, key, where).status for where in kinds[:202]]
    assert found == [200] * 200 + [429] * 2


def test_the_same_count_costs_nothing_again_in_whatever_words(staff: Staff) -> None:
    few(staff, 2)
    key = staff.add("ann", "analyst").key
    for where in ("state IN ('CA', 'NY')", "NOT (state NOT IN ('CA', 'NY'))", "state IN ('NY', 'CA', 'CA')") * 2:
        assert ask(staff, key, where).status == 200
    assert asked(staff, key, STATES[:2]) == [200, 429]


def test_a_question_costs_one_for_each_count_however_many_groups_it_has(staff: Staff) -> None:
    few(staff, 3)
    key = staff.add("ann", "analyst").key
    for _ in range(2):
        grouped = ask(staff, key, what="count(*)", rest=" GROUP BY state")
        assert (grouped.status, len(grouped.json()["rows"])) == (200, 10)
    assert ask(staff, key, "state = 'CA'", what="count(*), count(distinct born)").status == 200
    assert asked(staff, key, STATES[1:2]) == [429]


def test_a_group_that_is_left_out_costs_as_one_that_is_shown(staff: Staff) -> None:
    few(staff, 2)
    key = staff.add("ann", "analyst").key
    for at in range(2):
        found = ask(staff, key, f"email = 'p{at}@example.com'")
        assert (found.status, found.json()["rows"]) == (200, [])
    assert ask(staff, key, "email = 'p3@example.com'").status == 429


def test_a_record_that_comes_between_two_counts_is_another_count(staff: Staff) -> None:
    """Else whoever may insert would move the same count by many numbers that she knows the way between."""
    few(staff, 2)
    key = staff.add("ann", "analyst").key
    assert asked(staff, key, ("CA",)) == [200]
    for expected in (200, 429):
        row = {"email": f"{expected}@example.com", "state": "CA", "born": "1970-01-01"}
        staff.run("records.insert", records.InsertAsk(vault="s", table="people", records=[row]))
        assert asked(staff, key, ("CA",)) == [expected]


def test_each_principal_has_its_own_and_no_purpose_another(staff: Staff) -> None:
    few(staff, 1)
    purposes = ["essential.service", "analytics"]
    key = staff.add("ann", "analyst", purposes=purposes).key
    other = staff.add("bea", "analyst").key
    assert ask(staff, key, "state = 'CA'", purpose=purposes[0]).status == 200
    assert ask(staff, key, "state = 'NY'", purpose=purposes[1]).status == 429
    assert asked(staff, other, ("NY",)) == [200]


def test_who_sees_all_that_is_counted_has_no_such_budget(staff: Staff) -> None:
    few(staff, 0)
    assert asked(staff, staff.key, STATES[:3]) == [200, 200, 200]
    key = staff.add("ann", "analyst").key
    assert asked(staff, key, ("CA",)) == [429]


def test_the_setting_is_within_bounds_in_the_audit_and_in_the_chain(staff: Staff) -> None:
    for wrong in (-1, 100_001):
        with pytest.raises(InvalidInput):
            few(staff, wrong)
    few(staff, 300)
    staff.reopen()
    assert staff.run("settings.get", settings.VaultAsk(vault="s")).counts_a_day == 300
    assert staff.run("settings.get", settings.VaultAsk(vault="s")).two_person is False
    bodies = [entry.body or b"" for batch in read(staff.house.vault("s").store) for entry in batch]
    assert any(b"counts_a_day 300 in place of 200" in body for body in bodies)


def test_more_counts_take_two_persons_where_changes_do(staff: Staff) -> None:
    staff.run("settings.set", settings.SetAsk(vault="s", two_person=True))
    waits = staff.run("settings.set", settings.SetAsk(vault="s", counts_a_day=5_000))
    assert (waits.state, waits.waits_for) == ("waiting", "counts_a_day 5000 in place of 200")
    assert staff.run("settings.get", settings.VaultAsk(vault="s")).counts_a_day == 200


# --- across a restart --------------------------------------------------------------------------------------------


def test_moved_counts_of_a_day_survive_a_restart(staff: Staff) -> None:
    few(staff, 3)
    key = staff.add("ann", "analyst").key
    assert asked(staff, key, STATES[:2]) == [200, 200]
    staff.reopen()
    assert asked(staff, key, STATES[:4]) == [200, 200, 200, 429]


def test_a_rules_budget_of_a_day_survives_a_restart_and_one_of_an_hour_does_not(staff: Staff) -> None:
    keys = {role: staff.add(role, role).key for role in ("daily", "hourly")}

    def status(role: str) -> int:
        path = "/v1/vaults/s/tables/people/records?limit=30&columns=email"
        return int(staff.ask("GET", path, key=keys[role]).status)

    assert [status(role) for role in keys] == [200, 200]
    assert [status(role) for role in keys] == [429, 429]
    staff.reopen()
    assert [status(role) for role in keys] == [429, 200]
    staff.now += DAY_MS
    assert status("daily") == 200


def test_what_is_kept_names_nobody_and_goes_when_its_time_is_over(staff: Staff) -> None:
    ann = staff.add("ann", "analyst")
    asked(staff, ann.key, ("CA",))
    [(name, until, body)] = spent(staff)
    assert until == staff.now + DAY_MS
    assert not any(word in name + body for word in (ann.id.encode(), b"ann", b"CA", b"people"))
    vault = staff.house.vault("s")
    staff.runner.run(expiry.sweep(vault, staff.caller().deed("records.expire", "p", staff.now)))
    assert len(spent(staff)) == 1
    staff.now += DAY_MS
    staff.runner.run(expiry.sweep(vault, staff.caller().deed("records.expire", "p", staff.now)))
    assert spent(staff) == []


@pytest.mark.parametrize("how", ["changed", "swapped"])
def test_a_kept_budget_that_was_changed_answers_nobody_it_is_of(staff: Staff, how: str) -> None:
    few(staff, 2)
    ann, bea = (staff.add(name, "analyst").key for name in ("ann", "bea"))
    asked(staff, ann, STATES[:2])
    asked(staff, bea, STATES[:1])
    (first, until, full), (second, _, other) = spent(staff)
    row = (first, until, full[:-2] + b"0]") if how == "changed" else (first, until, other)
    also = (second, until, full)
    steps = [Put("spent", ("name", "until", "body"), (row,)), Put("spent", ("name", "until", "body"), (also,))]
    staff.house.vault("s").store.write_now(Unit(tuple(steps[: 1 if how == "changed" else 2])))
    staff.reopen()
    found = [ask(staff, key, "state = 'TX'").json().get("code") for key in (ann, bea)]
    assert "damaged" in found
    assert how == "changed" or found == ["damaged"] * 2


class Counting:
    """A store that remembers the units that it was given."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.units: list[Unit] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def write(self, unit: Unit) -> None:
        self.units.append(unit)
        await self._store.write(unit)


def test_a_budget_is_kept_in_the_same_unit_as_the_audits_entry(staff: Staff) -> None:
    key = staff.add("ann", "analyst").key
    vault = staff.house.vault("s")
    store = vault.store = Counting(vault.store)  # type: ignore[assignment]
    assert asked(staff, key, ("CA",)) == [200]
    assert [[step.table for step in unit.steps] for unit in store.units] == [["audit", "spent", "audit"]]
    assert asked(staff, key, ("CA",)) == [200]
    assert staff.run("principals.list", principals.NoAsk(), key=staff.key)
    assert staff.ask("GET", "/v1/vaults/s/tables/people/records?limit=1").status == 200
    assert [step.table for step in store.units[-1].steps] == ["audit"]
