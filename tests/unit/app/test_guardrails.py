"""Guard rails through every door: caps, alerts, honey records and the two-person export. All people are invented."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from staff import Staff

from privet.app.services import approvals, export, exports, health, honey, records, vaults
from privet.errors import Denied, InvalidInput, LimitExceeded, NotFound
from privet.vault.access.budgets import Meter
from privet.vault.log import history

SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: email, fides_meta: {privet: {type: contact.email, keep: sealed, token: stored, unique: true}}}
          - {name: ssn, fides_meta: {privet: {type: us.ssn, keep: sealed}}}
"""
PEOPLE = "/v1/vaults/s/tables/people"


@pytest.fixture
def staff(tmp_path: Path) -> Iterator[Staff]:
    made = Staff(tmp_path / "home")
    made.run("vaults.create", vaults.CreateAsk(name="s", schema=SCHEMA))
    rows = [{"email": f"p{at}@example.com", "ssn": "536-90-4399"} for at in range(60)]
    made.run("records.insert", records.InsertAsk(vault="s", table="people", records=rows))
    yield made
    made.close()


def verbs_of(staff: Staff, start: str) -> list[dict[str, Any]]:
    store = staff.house.vault("s").store
    found = [entry for batch in history.read(store, after=0, limit=1000) for entry in batch]
    return [said for entry in found if (said := history.said(entry)) and str(said["verb"]).startswith(start)]


def bulk(staff: Staff, key: str, *, every_ms: int = 100, seconds: int = 60) -> int:
    """Read page after page for a while, as somebody who copies a table does; return how many records came."""
    got, cursor = set(), ""
    for _ in range(seconds * 1000 // every_ms):
        answered = staff.ask("GET", f"{PEOPLE}/records?limit=5&cursor={cursor}", key=key)
        if answered.status == 200:
            page = answered.json()
            got |= {item["id"] for item in page["records"]}
            cursor = page["next"]
        staff.now += every_ms
    return len(got)


def test_an_editor_reads_twenty_five_records_a_minute_then_is_told_when_to_come_back(staff: Staff) -> None:
    key = staff.add("edith", "editor").key
    first = staff.ask("GET", f"{PEOPLE}/records?limit=25", key=key)
    assert first.status == 200
    staff.now += 20_000
    refused = staff.ask("GET", f"{PEOPLE}/records?limit=1&cursor={first.json()['next']}", key=key)
    assert (refused.status, refused.headers["retry-after"]) == (429, "40")
    assert refused.json()["code"] == "limit_exceeded"
    assert "25 records of `people`" in refused.json()["detail"]
    assert b"@example.com" not in refused.body


def test_sixty_seconds_of_bulk_reading_bring_no_more_than_the_cap_and_an_alert(staff: Staff) -> None:
    key = staff.add("edith", "editor").key
    began = staff.now
    assert bulk(staff, key) == 25
    alerts = verbs_of(staff, "alert.")
    assert [said["verb"] for said in alerts] == ["alert.limit"]
    assert staff.now - began <= 60_000


def test_a_meter_that_is_switched_off_fails_the_bulk_test(staff: Staff) -> None:
    class Blind(Meter):
        def spend(self, *rest: object) -> None:
            return None

    vault = staff.house.vault("s")
    vault.meter = Blind(vault.store, vault.clock)
    assert bulk(staff, staff.add("edith", "editor").key) == 60


def test_the_owner_may_export_and_is_not_counted(staff: Staff) -> None:
    assert bulk(staff, staff.key) == 60
    assert verbs_of(staff, "alert.") == []


def test_a_viewer_sees_masks_and_is_not_counted(staff: Staff) -> None:
    assert bulk(staff, staff.add("vic", "viewer").key) == 60


def test_health_says_how_often_a_cap_was_hit_and_nothing_of_honey(staff: Staff) -> None:
    key = staff.add("edith", "editor").key
    marked = staff.run("honey.add", honey.AddAsk(vault="s", table="people", make=True))
    staff.run("records.get", records.GetAsk(vault="s", table="people", id=marked.id))
    assert msgspec.to_builtins(staff.run("health.show", health.NoAsk())).get("caps_hit") is None
    bulk(staff, key)
    assert staff.run("health.show", health.NoAsk()).caps_hit == 1


# --- honey ------------------------------------------------------------------------------------------------------


def test_a_honey_record_that_is_shown_is_in_the_audit_before_the_answer(staff: Staff) -> None:
    key = staff.add("vic", "viewer").key
    marked = staff.run("honey.add", honey.AddAsk(vault="s", table="people", make=True))
    answered = staff.ask("GET", f"{PEOPLE}/records/{marked.id}", key=key)
    assert answered.status == 200
    assert b"honey" not in answered.body
    [alert] = verbs_of(staff, "alert.")
    assert alert["verb"] == "alert.honey"
    [read] = verbs_of(staff, "records.get")
    assert alert["request"] == read["request"]


def test_marks_are_listed_removed_and_survive_a_restart(staff: Staff) -> None:
    marked = staff.run("honey.add", honey.AddAsk(vault="s", table="people", make=True))
    staff.reopen()
    assert staff.run("honey.list", honey.VaultAsk(vault="s")).marks == [marked]
    staff.run("honey.remove", honey.MarkAsk(vault="s", table="people", id=marked.id))
    assert staff.run("honey.list", honey.VaultAsk(vault="s")).marks == []
    staff.run("records.get", records.GetAsk(vault="s", table="people", id=marked.id))
    assert verbs_of(staff, "alert.") == []
    with pytest.raises(NotFound):
        staff.run("honey.remove", honey.MarkAsk(vault="s", table="people", id=marked.id))


@pytest.mark.parametrize("role", ["editor", "viewer", "auditor"])
def test_only_who_manages_the_vault_learns_of_marks(staff: Staff, role: str) -> None:
    key = staff.add("nosy", role).key
    with pytest.raises(Denied):
        staff.run("honey.list", honey.VaultAsk(vault="s"), key=key)
    with pytest.raises(Denied):
        staff.run("honey.add", honey.AddAsk(vault="s", table="people", make=True), key=key)


def test_a_mark_needs_a_record_or_a_wish_to_make_one(staff: Staff) -> None:
    for ask in (honey.AddAsk(vault="s", table="people"), honey.AddAsk(vault="s", table="people", id="x", make=True)):
        with pytest.raises(InvalidInput):
            staff.run("honey.add", ask)
    with pytest.raises(NotFound):
        absent = honey.AddAsk(vault="s", table="people", id="01890000-0000-7000-8000-000000000000")
        staff.run("honey.add", absent)


# --- the two-person export --------------------------------------------------------------------------------------


def exported(staff: Staff, key: str = "", **more: Any) -> list[dict[str, Any]]:
    async def read() -> list[bytes]:
        ask = export.ExportAsk(vault="s", table="people", **more)
        return [line async for chunk in export.lines(staff.house, staff.caller(key), ask) for line in chunk]

    return [msgspec.json.decode(line) for line in staff.runner.run(read())]


def wanted(staff: Staff, key: str, **more: Any) -> approvals.ApprovalShown:
    ask = exports.WantAsk(vault="s", table="people", **more)
    found: approvals.ApprovalShown = staff.run("exports.ask", ask, key=key)
    return found


def approve(staff: Staff, asked: approvals.ApprovalShown, key: str) -> None:
    ask = approvals.ApproveAsk(vault="s", id=asked.id, subject=asked.subject)
    staff.run("approvals.approve", ask, key=key)


def test_an_export_in_the_clear_takes_two_persons_and_is_done_once(staff: Staff) -> None:
    first, second = staff.add("oleg", "owner").key, staff.add("olga", "owner").key
    assert {line["values"]["ssn"] for line in exported(staff, first)} != {"536904399"}
    with pytest.raises(Denied):
        exported(staff, first, clear=True)
    asked = wanted(staff, first)
    with pytest.raises(Denied):
        approve(staff, asked, first)
    approve(staff, asked, second)
    lines = exported(staff, first, clear=True)
    assert {line["values"]["ssn"] for line in lines} == {"536904399"}
    assert len(lines) == 60
    with pytest.raises(Denied):
        exported(staff, first, clear=True)
    [told] = [said for said in verbs_of(staff, "records.export") if "bulk disclosure" in str(said.get("note"))]
    assert told["table"] == "people"


def test_an_approval_is_for_these_columns_and_this_asker_and_a_day(staff: Staff) -> None:
    oda, olga, oleg = (staff.add(name, "owner").key for name in ("oda", "olga", "oleg"))
    approve(staff, wanted(staff, oda, columns="email"), olga)
    with pytest.raises(Denied):
        exported(staff, oda, clear=True)
    with pytest.raises(Denied):
        exported(staff, oleg, clear=True, columns="email")
    staff.now += exports.TTL_MS
    with pytest.raises(Denied):
        exported(staff, oda, clear=True, columns="email")


def test_who_may_not_export_may_not_ask_for_more(staff: Staff) -> None:
    key = staff.add("edith", "editor").key
    with pytest.raises(Denied):
        staff.run("exports.ask", exports.WantAsk(vault="s", table="people"), key=key)


def test_no_cap_holds_an_export_back(staff: Staff) -> None:
    assert len(exported(staff)) == 60
    with pytest.raises(LimitExceeded):
        key = staff.add("edith", "editor").key
        staff.run("records.list", records.ListAsk(vault="s", table="people", limit=26), key=key)
