"""The queue of people's requests through the doors: due dates, who looks after what, notes, more time, figures, and
what the clock does by itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from staff import NOW, Staff

from privet.app import worker
from privet.app.mail import posted
from privet.app.services import handling, health, manifests, outcomes, requests, vaults
from privet.errors import Conflict, Denied, Gone, InvalidInput, NotFound
from privet.store.port import Unit, Update

ADA = "ada@example.com"
DAY = 86_400_000
SEEN = "passport seen at the desk"
VAULT = """
dataset:
  - fides_key: people_vault
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, index: [exact], token: stored}}
"""
OWN = """
organization:
  - {fides_key: example, name: Example, meta: {privet: {laws: [gdpr, ccpa]}}}
"""
CONFIG = """
privacy: {organization: Example, contact: privacy@example.com, country: DE, time_zone: Europe/Berlin}
mail: {host: 127.0.0.1, port: 2525, security: none, sender: privacy@example.com}
"""


class Office:
    """A home of an organization in Germany that writes letters."""

    def __init__(self, home: Path, config: str = CONFIG) -> None:
        self.staff = Staff(home, config=config)
        self.staff.run("vaults.create", vaults.CreateAsk(name="people", schema=VAULT))
        self.staff.run("manifests.push", manifests.PushAsk(files={"org.yml": OWN}, base=0))

    @property
    def house(self) -> Any:
        return self.staff.house

    def open(self, kind: str = "access", **said: Any) -> outcomes.RequestShown:
        self.staff.now += 1
        asked = {"email": ADA, "verified": SEEN} | said
        found: outcomes.RequestShown = self.staff.run("requests.open", requests.OpenAsk(kind=kind, **asked))
        return found

    def do(self, verb: str, id_: str, *, key: str = "", **rest: Any) -> Any:
        asks = {"identify": requests.IdentifyAsk, "deny": requests.DenyAsk, "cancel": requests.ReasonAsk}
        asks |= {"assign": handling.AssignAsk, "extend": handling.ExtendAsk, "comment": handling.CommentAsk}  # type: ignore[dict-item]
        return self.staff.run(f"requests.{verb}", asks.get(verb, outcomes.IdAsk)(id=id_, **rest), key=key)

    def get(self, id_: str) -> outcomes.RequestShown:
        found: outcomes.RequestShown = self.do("get", id_)
        return found

    def listed(self, **asked: Any) -> list[handling.RequestLine]:
        found: handling.Requests = self.staff.run("requests.list", handling.ListAsk(**asked))
        return found.requests

    def ended(self, kind: str = "access", **said: Any) -> outcomes.RequestShown:
        made = self.open(kind, **said)
        self.do("approve", made.id)
        found: outcomes.RequestShown = self.do("run", made.id)
        return found

    def told(self, verb: str) -> list[dict[str, Any]]:
        return [entry for entry in self.staff.notes() if entry.get("verb") == verb]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path / "home")
    yield made
    made.staff.close()


# --- proof ------------------------------------------------------------------------------------------------------------


def test_a_request_is_received_without_proof_and_runs_only_with_it(office: Office) -> None:
    made = office.open(verified="")
    with pytest.raises(Conflict, match="nobody proved"):
        office.do("approve", made.id)
    with pytest.raises(Conflict, match="nobody proved"):
        office.open(verified="", approve=True)
    assert office.do("identify", made.id, how=SEEN).verified == SEEN
    office.do("approve", made.id)
    assert office.do("run", made.id).state == "complete"
    assert "requests.identify" in [entry["verb"] for entry in office.staff.notes() if "verb" in entry]


def test_the_hint_says_how_to_prove_somebody_over_http(office: Office) -> None:
    made = office.open(verified="")
    answered = office.staff.ask("POST", f"/v1/requests/{made.id}/approve", b"{}")
    assert answered.status == 409
    assert "requests identify" in json.loads(answered.body)["hint"]


def test_a_denied_request_says_why_in_a_code_of_the_list(office: Office) -> None:
    made = office.open()
    with pytest.raises(InvalidInput, match="the person can be told"):
        office.do("deny", made.id, reason="because she is Ada")
    denied = office.do("deny", made.id, reason="not_held")
    assert (denied.state, denied.reason, denied.forgotten) == ("denied", "not_held", True)


# --- when it is due ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "law", "due"),
    [
        ({"region": "DE", "received": "2026-12-30"}, "gdpr", "2027-02-01T22:59:59.999Z"),
        ({"law": "ccpa", "received": "2026-12-30"}, "ccpa", "2027-02-13T22:59:59.999Z"),
        ({"region": "US-CA", "received": "2027-01-04"}, "gdpr", "2027-02-04T22:59:59.999Z"),
    ],
    ids=["a month, from Saturday to Monday", "45 days, whatever day", "the organization is in Germany, so the shorter"],
)
def test_the_due_date_is_by_the_law_and_the_place(office: Office, said: dict[str, Any], law: str, due: str) -> None:
    shown = office.open(**said)
    assert shown.due_ms is not None
    assert (shown.law, _moment(shown.due_ms)) == (law, due)


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_an_earlier_date_of_ones_own_is_taken_and_a_later_one_is_not(office: Office) -> None:
    due = office.open().due_ms
    assert due is not None
    assert office.open(due_ms=due - DAY).due_ms == due - DAY
    with pytest.raises(InvalidInput):
        office.open(due_ms=due + DAY)


def test_days_left_are_days_of_the_place(office: Office) -> None:
    shown = office.open()
    assert shown.due_ms is not None
    assert (shown.days_left, shown.late) == (31, False)
    office.staff.now = shown.due_ms
    assert (office.get(shown.id).days_left, office.get(shown.id).late) == (0, False)
    office.staff.now += 1
    assert (office.get(shown.id).days_left, office.get(shown.id).late) == (-1, True)


def test_more_time_is_what_the_law_gives_and_the_person_is_told(office: Office) -> None:
    made = office.open(region="DE", received="2026-12-30")
    with pytest.raises(InvalidInput):
        office.do("extend", made.id, reason="on holiday")
    longer = office.do("extend", made.id, reason="complex")
    assert (longer.extended, _moment(longer.due_ms)) == ("complex", "2027-03-30T21:59:59.999Z")  # summer time by then
    assert sorted(longer.letters) == ["extended", "received"]
    with pytest.raises(Conflict):
        office.do("extend", made.id, reason="complex")
    assert [entry["note"].split()[-1] for entry in office.told("requests.extend")] == ["complex"]


def test_a_law_that_gives_no_more_time_is_not_extended(office: Office) -> None:
    made = office.open("objection", law="ccpa", uses=["marketing"])
    with pytest.raises(Conflict, match="no more time"):
        office.do("extend", made.id, reason="complex")


# --- the queue --------------------------------------------------------------------------------------------------------


def test_the_queue_is_by_due_date_and_is_filtered(office: Office) -> None:
    first, second = office.open(region="DE"), office.open("erasure", law="ccpa")
    third = office.open(received="2027-01-05")
    office.staff.add("pat", "privacy_officer")
    office.do("assign", second.id, principal="pat")
    assert [one.id for one in office.listed(order="due")] == [third.id, first.id, second.id]
    assert [one.id for one in office.listed(assigned="pat")] == [second.id]
    assert [one.id for one in office.listed(law="ccpa")] == [second.id]
    assert [one.id for one in office.listed(kind="erasure")] == [second.id]
    assert [one.id for one in office.listed(due_before="2027-02-10")] == [third.id]
    assert office.listed(late=True) == []
    assert third.due_ms is not None
    office.staff.now = third.due_ms + 1
    [late] = office.listed(late=True, order="due")
    assert (late.id, late.late, late.days_left, late.verified) == (third.id, True, -1, SEEN)
    assert [one.assigned for one in office.listed(order="due")] == ["", "", "pat"]


@pytest.mark.parametrize(
    "asked",
    [
        {"order": "name"},
        {"state": "asleep"},
        {"kind": "fly"},
        {"due_before": "soon"},
        {"after": "x"},
        {"late": True, "state": "complete"},
    ],
    ids=str,
)
def test_a_list_that_nobody_can_mean_is_refused(office: Office, asked: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        office.listed(**asked)


def test_a_request_is_given_to_those_who_may_handle_it(office: Office) -> None:
    made = office.open()
    office.staff.add("vic", "viewer")
    with pytest.raises(Conflict):
        office.do("assign", made.id, principal="vic")
    with pytest.raises(NotFound):
        office.do("assign", made.id, principal="nobody")
    assert office.do("assign", made.id, principal="owner").assigned == "owner"
    assert office.do("assign", made.id).assigned == ""


def test_who_it_is_about_leaves_once_it_is_audited(office: Office) -> None:
    wrong = [requests.CorrectionAsk(what="user.contact.email", value="ada@example.org")]
    made = office.open("rectification", corrections=wrong, note="she wrote twice")
    found = office.do("person", made.id)
    assert found.identities == {"email": [ADA]}
    assert (found.note, found.corrections[0].value, found.choice) == ("she wrote twice", "ada@example.org", "")
    [entry] = office.told("requests.person")
    assert made.id in entry["note"] and ADA not in msgspec.json.encode(office.staff.notes()).decode()
    objected = office.open("objection", uses=["marketing.advertising"])
    shown = office.do("person", objected.id)
    assert (shown.choice, shown.uses) == ("given", ["marketing.advertising"])
    lifted = office.open("restriction", lift=True)
    assert office.do("person", lifted.id).choice == "withdrawn"


def test_notes_are_for_those_who_handle_requests(office: Office) -> None:
    made = office.open()
    assert office.do("comment", made.id, text="called on 555-0101").number == 1
    office.do("comment", made.id, text="no answer")
    assert [one.text for one in office.do("comments", made.id).comments] == ["called on 555-0101", "no answer"]
    auditor = office.staff.add("al", "auditor").key
    for verb in ("comments", "person"):
        with pytest.raises(Denied):
            office.do(verb, made.id, key=auditor)
    for verb, rest in (("comment", {"text": "x"}), ("assign", {}), ("extend", {"reason": "complex"})):
        with pytest.raises(Denied):
            office.do(verb, made.id, key=auditor, **rest)
    office.do("deny", made.id, reason="duplicate")
    for verb in ("comments", "person"):
        with pytest.raises(Gone):
            office.do(verb, made.id)


def test_a_call_made_again_writes_no_second_note(office: Office) -> None:
    made = office.open()
    target, body = f"/v1/requests/{made.id}/comments", b'{"text": "once"}'
    for _ in range(2):
        answered = office.staff.ask("POST", target, body, headers=[("idempotency-key", "note-1")])
        assert (answered.status, json.loads(answered.body)["number"]) == (201, 1)
    assert len(office.do("comments", made.id).comments) == 1


def test_receipt_is_confirmed_by_hand_once(office: Office) -> None:
    made = office.open(law="ccpa")
    assert made.acknowledge_ms is not None and made.acknowledged_ms is None
    assert office.do("acknowledge", made.id).acknowledged_ms == office.staff.now
    with pytest.raises(Conflict):
        office.do("acknowledge", made.id)


def test_figures_say_what_came_and_what_became_of_it(office: Office) -> None:
    office.ended()
    office.do("deny", office.open("erasure", law="ccpa").id, reason="duplicate")
    office.open()
    office.staff.now += 1
    found = office.staff.run("requests.figures", handling.FiguresAsk(month="2027-01"))
    assert (found.total.received, found.total.complete, found.total.denied, found.total.open) == (
        3,
        1,
        {"duplicate": 1},
        1,
    )
    assert {one.request: (one.received, one.denied) for one in found.disclosed}["delete"] == (1, 1)
    assert found.table.splitlines()[0].split()[:3] == ["kind", "law", "region"]
    table = office.staff.run("requests.figures", handling.FiguresAsk(month="2027", form="csv")).table
    assert table.splitlines()[0].startswith("kind,law,region,received")
    for asked in ({"month": "May"}, {"month": "2027-01", "form": "pdf"}):
        with pytest.raises(InvalidInput):
            office.staff.run("requests.figures", handling.FiguresAsk(**asked))
    auditor = office.staff.add("al", "auditor").key
    assert office.staff.run("requests.figures", handling.FiguresAsk(month="2027-01"), key=auditor).total.received == 3


# --- letters ----------------------------------------------------------------------------------------------------------


def test_each_event_writes_the_letter_that_belongs_to_it(office: Office) -> None:
    access = office.ended()
    assert {name.partition(":")[0] for name in access.letters} == {"received", "ready"}
    erased = office.ended("erasure")
    assert {name.partition(":")[0] for name in posted(office.house, erased.id)} == {"received", "done"}
    denied = office.do("deny", office.open("erasure", verified="").id, reason="identity_not_proved")
    assert {name.partition(":")[0] for name in denied.letters} == {"received", "denied"}


def test_of_a_dry_run_and_of_somebody_without_an_address_nobody_is_told(office: Office) -> None:
    assert office.ended("erasure", dry=True).letters == {}


def test_a_house_without_a_mail_server_takes_requests_all_the_same(tmp_path: Path) -> None:
    office = Office(tmp_path / "home", config="")
    assert (office.ended().state, office.ended("erasure").letters) == ("complete", {})
    office.staff.close()


# --- what the clock does by itself ------------------------------------------------------------------------------------


def ticked(office: Office) -> list[str]:
    before = len(office.told("requests.warn"))
    worker.tick_clock(office.house)
    return [entry["note"].split()[-1] for entry in office.told("requests.warn")[before:]]


def test_the_house_is_warned_once_as_time_runs_out_and_once_when_it_is_late(office: Office) -> None:
    made = office.open()
    assert made.due_ms is not None
    assert ticked(office) == []
    office.staff.now = made.due_ms - 7 * DAY
    assert (ticked(office), ticked(office)) == (["warning"], [])
    office.staff.now = made.due_ms + 1
    assert (ticked(office), ticked(office)) == (["overdue"], [])
    kinds = {name.partition(":")[0] for name in posted(office.house, made.id)}
    assert kinds == {"received", "warning", "overdue"}
    office.do("deny", made.id, reason="duplicate")
    assert ticked(office) == []


def test_more_time_is_warned_of_anew(office: Office) -> None:
    made = office.open()
    assert made.due_ms is not None
    office.staff.now = made.due_ms - DAY
    assert ticked(office) == ["warning"]
    longer = office.do("extend", made.id, reason="many_requests")
    assert ticked(office) == []
    office.staff.now = longer.due_ms - DAY
    assert ticked(office) == ["warning"]


def test_the_house_is_warned_once_that_receipt_is_not_confirmed(office: Office) -> None:
    made = office.open(law="ccpa")
    assert made.acknowledge_ms is not None and made.due_ms is not None
    office.staff.now = made.acknowledge_ms - 3 * DAY
    assert (ticked(office), ticked(office)) == (["acknowledge"], [])
    office.staff.now = made.due_ms - 7 * DAY
    assert (ticked(office), ticked(office)) == (["warning"], [])
    kinds = {name.partition(":")[0] for name in posted(office.house, made.id)}
    assert kinds == {"received", "acknowledge", "warning"}


def test_warnings_that_come_together_are_told_together(office: Office) -> None:
    made = office.open(law="ccpa")
    assert made.due_ms is not None
    office.staff.now = made.due_ms - DAY
    assert (ticked(office), ticked(office)) == (["acknowledge", "warning"], [])
    kinds = {name.partition(":")[0] for name in posted(office.house, made.id)}
    assert kinds == {"received", "acknowledge", "warning"}


def test_no_warning_comes_of_a_receipt_that_was_confirmed(office: Office) -> None:
    made = office.open(law="ccpa")
    office.do("acknowledge", made.id)
    office.staff.now = made.acknowledge_ms - 1  # type: ignore[operator]
    assert ticked(office) == []


def test_a_package_whose_time_is_over_is_forgotten(office: Office) -> None:
    done = office.ended()
    assert done.package_until_ms == office.staff.now + 72 * 3_600_000
    office.staff.now = done.package_until_ms - 1
    ticked(office)
    assert not office.get(done.id).forgotten
    office.staff.now += 1
    ticked(office)
    assert office.get(done.id).forgotten
    with pytest.raises(Gone):
        office.do("person", done.id)


def test_a_letter_that_went_out_confirms_receipt(office: Office) -> None:
    made, other = office.open(law="ccpa"), office.open(law="ccpa")
    sent = Update("letters", ("state",), ("request",), (("sent", made.id),))
    office.house.control.write_now(Unit((sent,)))
    ticked(office)
    assert office.get(made.id).acknowledged_ms == office.staff.now
    assert office.get(other.id).acknowledged_ms is None


def test_health_counts_what_is_open_soon_due_and_late(office: Office) -> None:
    made = office.open()
    office.open(law="ccpa")
    assert made.due_ms is not None
    office.staff.now = made.due_ms + 1
    found = asyncio.run(health.health(office.house, None, health.NoAsk()))  # type: ignore[arg-type]
    assert found.requests is not None
    assert (found.requests.open, found.requests.soon, found.requests.late) == (2, 0, 1)


def test_nothing_of_a_person_is_in_what_lists_figures_and_the_audit_say(office: Office) -> None:
    made = office.open(note="she is Ada Invented")
    office.do("comment", made.id, text="Ada Invented called")
    told = [office.get(made.id), office.listed(), office.staff.notes()]
    told.append(office.staff.run("requests.figures", handling.FiguresAsk(month="2027")))
    text = msgspec.json.encode(told).decode()
    assert ADA not in text and "Invented" not in text
    assert office.staff.now > NOW
