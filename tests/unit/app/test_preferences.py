"""What people choose, by both doors: history with the words shown, vaults that follow, signals, devices, proof."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from chooser import ADA, BOB, MINUTE, NOTICES, Chooser

from privet.app.services import audit, center, choices, mine, notices, preferences
from privet.errors import Conflict, Damaged, Denied, InvalidInput, NotFound, Unauthenticated
from privet.rights.asked import Listing
from privet.store.port import Delete, Insert, Row, Select, Step, Unit, Update

OBJECTION = "objection:marketing.advertising.first_party.targeted"
ALL = ("person", "place", "notice", "version", "digest", "language", "state", "at", "written", "source", "how")
ALL += ("signal", "mac")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Chooser]:
    made = Chooser(tmp_path)
    yield made
    made.staff.close()


def states(found: preferences.Preferences) -> dict[str, bool]:
    return {one.notice: one.given for one in found.stands}


def listed(home: Chooser, email: str = ADA) -> preferences.Preferences:
    found: preferences.Preferences = home.staff.run("preferences.list", preferences.PersonAsk(email=email))
    return found


# --- notices ------------------------------------------------------------------------------------------------------


def test_a_changed_text_is_the_next_version_and_an_unchanged_one_is_none(home: Chooser) -> None:
    assert [(one.key, one.version) for one in home.put(NOTICES).notices] == [("newsletter", 1), ("ads", 1)]
    found = home.put(NOTICES.replace("once a month", "twice a month"))
    assert [(one.key, one.version) for one in found.notices] == [("newsletter", 2), ("ads", 1)]
    old = home.staff.run("notices.get", notices.ShowAsk(key="newsletter", version=1))
    assert old.texts["en"].text == "We write to you once a month."
    assert "twice" in home.staff.run("notices.get", notices.ShowAsk(key="newsletter")).texts["en"].text


def test_a_retired_notice_is_asked_of_nobody_until_it_is_put_again(home: Chooser) -> None:
    assert home.staff.run("notices.retire", notices.KeyAsk(key="ads")).version == 2
    assert home.staff.run("notices.retire", notices.KeyAsk(key="ads")).version == 2
    shown = home.person("notices.list", choices.NoticesAsk(region="US-CA"), "")
    assert [one.key for one in shown.notices] == ["newsletter"]
    with pytest.raises(Conflict):
        home.person("choices.set", choices.SetAsk(choices={"ads": "given"}, versions={"ads": 2}))
    assert home.put(NOTICES).notices[1].version == 3


def test_a_notice_may_name_the_uses_of_the_manifests_and_no_other(home: Chooser) -> None:
    own = NOTICES.replace("marketing.communications.email", "rockets.launch")
    with pytest.raises(InvalidInput, match="expected a use"):
        home.put(own)


def test_notices_are_for_those_who_may_manage_and_choices_for_those_who_may_request(home: Chooser) -> None:
    officer, viewer = home.staff.add("olga", "privacy_officer").key, home.staff.add("vic", "viewer").key
    with pytest.raises(Denied):
        home.staff.run("notices.put", notices.PutAsk(notices=NOTICES), key=officer)
    assert home.staff.run("notices.list", notices.ListAsk(region="DE"), key=officer).notices[0].key == "newsletter"
    for verb, ask in (
        ("preferences.list", preferences.PersonAsk(email=ADA)),
        ("preferences.set", preferences.SetAsk(email=ADA, verified="x", choices={"newsletter": "given"})),
        ("preferences.forget", preferences.PersonAsk(email=ADA)),
    ):
        with pytest.raises(Denied):
            home.staff.run(verb, ask, key=viewer)
    assert home.staff.ask("GET", "/v1/preferences", key=viewer).status == 403


# --- history and what follows it ----------------------------------------------------------------------------------


def test_consent_given_withdrawn_and_given_again_reads_back_with_the_words_that_were_shown(home: Chooser) -> None:
    home.choose(newsletter="given")
    home.choose(newsletter="withdrawn")
    home.put(NOTICES.replace("once a month", "twice a month"))
    home.choose(newsletter="given")
    found = listed(home)
    assert [(one.state, one.version, one.text, one.counts) for one in found.history] == [
        ("given", 1, "We write to you once a month.", False),
        ("withdrawn", 1, "We write to you once a month.", False),
        ("given", 2, "We write to you twice a month.", True),
    ]
    assert {(one.source, one.how) for one in found.history} == {("center", "code")}
    assert home.ledger()["newsletter"] == ["given", "withdrawn", "given"]
    assert home.ledger(BOB) == {}


def test_a_no_to_an_opt_out_stops_the_use_in_vaults_and_a_yes_lets_it_go_on(home: Chooser) -> None:
    assert states(listed(home))["ads"] is True
    home.choose(ads="refused")
    assert home.ledger()[OBJECTION] == ["given"]
    home.choose(ads="given")
    assert home.ledger()[OBJECTION] == ["given", "withdrawn"]


def test_a_choice_opens_a_request_that_tells_every_other_system(home: Chooser) -> None:
    home.choose(newsletter="given", ads="refused")
    found = home.house.desk.journal.listed(Listing())
    assert sorted((one.kind, one.state, one.verified) for one in found) == [
        ("consent", "approved", "code"),
        ("objection", "approved", "code"),
    ]
    consent = next(one for one in found if one.kind == "consent")
    told = home.house.desk.journal.choice(consent.id)
    assert told is not None and (told.key, told.state, told.uses) == (
        "newsletter",
        "given",
        ("marketing.communications.email",),
    )
    assert told.text.startswith("v1 en ")


def test_what_was_said_earlier_and_is_written_down_later_changes_nothing_that_counts(home: Chooser) -> None:
    home.choose(newsletter="withdrawn")
    found = home.set(choices={"newsletter": "given"}, source="import", at_ms=home.staff.now - 5 * MINUTE)
    assert states(found)["newsletter"] is False
    assert [one.counts for one in found.history] == [True, False]
    assert home.ledger()["newsletter"] == ["withdrawn"]


def test_an_import_without_its_time_lifts_nothing_that_was_said_since(home: Chooser) -> None:
    home.choose(ads="refused")
    with pytest.raises(InvalidInput, match="time"):
        home.set(choices={"ads": "given"}, source="import")
    assert home.counting(ADA)[OBJECTION] == "given"


def test_what_tells_choices_is_no_request_of_hers_and_takes_no_place_of_one(home: Chooser) -> None:
    for _ in range(mine.MOST_A_DAY):
        home.choose(newsletter="given")
    assert home.person("requests.list", center.NoAsk()).requests == []
    opened = home.person("requests.open", mine.OpenAsk(kind="access"))
    assert [one.id for one in home.person("requests.list", center.NoAsk()).requests] == [opened.id]
    assert home.person("requests.open", mine.OpenAsk(kind="access")).id == opened.id
    told = next(one for one in home.house.desk.journal.listed(Listing()) if one.kind == "consent")
    with pytest.raises(NotFound):
        home.person("requests.cancel", mine.IdAsk(id=told.id))


def test_a_person_whom_no_vault_knows_chooses_all_the_same(home: Chooser) -> None:
    home.choose("eve@example.com", newsletter="given")
    assert states(listed(home, "eve@example.com"))["newsletter"] is True
    assert home.ledger() == {}


def test_a_person_who_comes_into_a_vault_after_she_chose_is_told_of_when_somebody_asks_for_it(home: Chooser) -> None:
    eve = "eve@example.com"
    home.choose(eve, newsletter="given", ads="refused")
    home.insert(eve)
    assert home.ledger(eve) == {}
    for _ in range(2):
        told = home.staff.run("preferences.tell", preferences.PersonAsk(email=eve))
        assert sorted(told.notices) == ["ads", "newsletter"]
    assert home.ledger(eve) == {"newsletter": ["given"], "ads": ["refused"], OBJECTION: ["given"]}


def test_addresses_that_are_one_address_are_one_person(home: Chooser) -> None:
    home.set(" ada@EXAMPLE.com ", choices={"newsletter": "given"})
    assert len(listed(home).history) == 1


@pytest.mark.parametrize(
    ("ask", "error"),
    [
        ({"choices": {}}, InvalidInput),
        ({"choices": {"newsletter": "maybe"}}, InvalidInput),
        ({"choices": {"newsleter": "given"}}, NotFound),
        ({"choices": {"newsletter": "given"}, "versions": {"newsletter": 9}}, NotFound),
        ({"choices": {"newsletter": "given"}, "at_ms": 1 << 60}, InvalidInput),
        ({"choices": {"newsletter": "given"}, "at_ms": -1}, InvalidInput),
        ({"choices": {"newsletter": "given"}, "source": "center"}, InvalidInput),
        ({"choices": {"newsletter": "given"}, "source": "signal"}, InvalidInput),
        ({"choices": {"newsletter": "given"}, "region": "XX"}, InvalidInput),
        ({"choices": {"newsletter": "given"}, "email": "no address"}, InvalidInput),
        ({"choices": {"newsletter": "given"}, "email": ""}, InvalidInput),
        ({"choices": {"newsletter": "given", "ads": "?"}}, InvalidInput),
    ],
)
def test_a_choice_that_cannot_be_is_refused_and_nothing_is_written(
    home: Chooser, ask: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error) as caught:
        home.set(**ask)
    assert "no address" not in str(caught.value)
    assert home.house.control.select(Select(table="choices", columns=("place",))) == []


def test_nobody_chooses_without_saying_how_it_was_proved(home: Chooser) -> None:
    ask = preferences.SetAsk(email=ADA, verified=" ", choices={"newsletter": "given"})
    with pytest.raises(InvalidInput):
        home.staff.run("preferences.set", ask)


def test_a_call_that_comes_again_writes_nothing_more(home: Chooser) -> None:
    said = {"email": ADA, "verified": "seen", "choices": {"newsletter": "given", "ads": "refused"}}
    for _ in range(2):
        answered = home.staff.ask(
            "POST", "/v1/preferences", msgspec.json.encode(said), headers=[("idempotency-key", "k1")]
        )
        assert answered.status == 200, answered.body
    assert len(listed(home).history) == 2


def test_a_call_that_comes_again_tells_vaults_what_the_first_did_not(home: Chooser) -> None:
    """As after a crash between the durable choice and the vaults, to whom the first call then told nothing."""
    eve = "eve@example.com"
    said = msgspec.json.encode({"email": eve, "verified": "seen", "choices": {"ads": "withdrawn"}})
    headers = [("idempotency-key", "k1")]
    assert home.staff.ask("POST", "/v1/preferences", said, headers=headers).status == 200
    home.insert(eve)
    assert home.ledger(eve) == {}
    assert home.staff.ask("POST", "/v1/preferences", said, headers=headers).status == 200
    assert home.ledger(eve) == {"ads": ["withdrawn"], OBJECTION: ["given"]}
    assert len(listed(home, eve).history) == 1


# --- the privacy centre -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("versions", [{}, {"newsletter": 1}, {"newsletter": 3}], ids=["none", "older", "none-such"])
def test_who_was_shown_another_text_is_asked_again(home: Chooser, versions: dict[str, int]) -> None:
    home.put(NOTICES.replace("once a month", "twice a month"))
    with pytest.raises(Conflict, match="another text"):
        home.person("choices.set", choices.SetAsk(choices={"newsletter": "given"}, versions=versions))
    assert listed(home).history == []


def test_a_notice_that_only_informs_leaves_nothing_to_choose(home: Chooser) -> None:
    home.put(NOTICES.replace("opt_in", "notice"))
    with pytest.raises(InvalidInput, match="nothing to choose"):
        home.choose(newsletter="refused")


def test_a_person_sees_what_is_hers_in_her_language_and_nobody_without_a_pass_sees_anything(home: Chooser) -> None:
    home.choose(newsletter="given")
    hers = home.person("choices.list", choices.ListAsk(region="DE", language="de-AT"))
    assert [(one.notice, one.title, one.given) for one in hers.stands] == [("newsletter", "Unser Rundbrief", True)]
    assert home.person("choices.list", choices.ListAsk(), BOB).history == []
    with pytest.raises(Unauthenticated):
        home.person("choices.list", choices.ListAsk(), "")
    with pytest.raises(Unauthenticated):
        home.person("choices.set", choices.SetAsk(choices={"newsletter": "given"}, versions={"newsletter": 1}), "")


def test_the_newest_words_are_shown_by_region(home: Chooser) -> None:
    def shown(region: str) -> list[str]:
        found = home.person("notices.list", choices.NoticesAsk(region=region, language="fr"), "")
        return [one.key for one in found.notices]

    assert (shown("DE"), shown("US-NY"), shown("")) == (["newsletter"], ["ads", "newsletter"], ["newsletter"])


# --- signals ------------------------------------------------------------------------------------------------------


def visit(home: Chooser, region: str = "US-CA", **rest: Any) -> dict[str, bool]:
    return states(home.person("choices.list", choices.ListAsk(region=region), gpc=True, **rest))


def test_a_signal_refuses_what_honours_it_where_a_law_says_so(home: Chooser) -> None:
    assert visit(home, "US-TX") == {"ads": False, "newsletter": False}
    [row] = listed(home).history
    assert (row.notice, row.state, row.source, row.signal) == ("ads", "refused", "signal", True)
    assert home.ledger()[OBJECTION] == ["given"]


def test_a_signal_of_somebody_of_whom_nobody_knows_where_she_is_counts(home: Chooser) -> None:
    home.put(NOTICES.replace("regions: [US]", 'regions: [""]'))
    assert visit(home, "")["ads"] is False


def test_a_signal_says_nothing_where_no_law_makes_it_bind(home: Chooser) -> None:
    assert visit(home, "US-NY")["ads"] is True
    assert visit(home, "DE") == {"newsletter": False}
    assert listed(home).history == []


def test_a_yes_under_the_signal_stands_and_the_signal_does_not_answer_it(home: Chooser) -> None:
    visit(home)
    home.choose(gpc=True, ads="given")
    assert [visit(home)["ads"] for _ in range(3)] == [True] * 3
    assert [one.state for one in listed(home).history] == ["refused", "given"]


def test_a_yes_without_a_signal_ends_with_the_first_signal(home: Chooser) -> None:
    home.choose(ads="given")
    assert visit(home)["ads"] is False
    assert len(listed(home).history) == 2
    assert visit(home)["ads"] is False
    assert len(listed(home).history) == 2


# --- forgetting ---------------------------------------------------------------------------------------------------


def test_what_is_forgotten_is_gone_and_the_audit_stays_sound(home: Chooser) -> None:
    home.choose(newsletter="given")
    home.choose(newsletter="withdrawn")
    assert home.staff.run("preferences.forget", preferences.PersonAsk(email=ADA)).count == 2
    assert [one.state for one in listed(home).history] == ["forgotten"]
    assert sound(home)
    home.choose(newsletter="given")
    assert states(listed(home))["newsletter"] is True
    assert sound(home)
    with pytest.raises(Conflict):
        home.staff.run("preferences.forget", preferences.PersonAsk(email=BOB))


# --- export -------------------------------------------------------------------------------------------------------


def test_an_export_shows_every_choice_and_nobody(home: Chooser) -> None:
    home.choose(newsletter="given")
    home.choose(BOB, newsletter="refused")
    answered = home.staff.ask("GET", "/v1/preferences")
    lines = [msgspec.json.decode(line) for line in answered.body.splitlines()]
    assert sorted(line["state"] for line in lines) == ["given", "refused"]
    assert {line["person"] for line in lines} == {home.house.handle("email", one).hex() for one in (ADA, BOB)}
    assert b"example.com" not in answered.body
    assert "preferences.export" in [entry.get("verb") for entry in home.staff.notes()]


def test_no_address_stands_in_a_row_or_in_the_audit(home: Chooser) -> None:
    home.choose(newsletter="given")
    home.set(choices={"newsletter": "withdrawn"})
    listed(home)
    home.staff.close()
    for file in home.staff.home.rglob("control.db*"):
        assert b"ada@" not in file.read_bytes()


# --- proof --------------------------------------------------------------------------------------------------------


def report(home: Chooser) -> audit.Verified:
    found: audit.Verified = home.staff.run("audit.house", audit.HouseAsk())
    return found


def sound(home: Chooser) -> bool:
    return report(home).sound


def rows(home: Chooser) -> list[Row]:
    order = (("person", True), ("place", True))
    mine = home.house.handle("email", ADA)
    return [
        row for row in home.house.control.select(Select(table="choices", columns=ALL, order=order)) if row[0] == mine
    ]


def put(home: Chooser, changed: list[Row]) -> None:
    mine = home.house.handle("email", ADA)
    steps: list[Step] = [Delete("choices", ("person",), ((mine,),))]
    steps += [Insert("choices", ALL, tuple(changed))] if changed else []
    home.house.control.write_now(Unit(tuple(steps)))


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda now, old: [now[0], (*now[1][:6], "given", *now[1][7:]), *now[2:]], "choice"),
        (lambda now, old: [now[0], *now[2:]], "choice"),
        (lambda now, old: [now[1], now[0], *now[2:]], "choice"),
        (lambda now, old: now[:-1], "choice.old"),
        (lambda now, old: old, "choice.old"),
        (lambda now, old: [], "choice.missing"),
    ],
    ids=["changed", "dropped", "reordered", "end-dropped", "put-back", "all-dropped"],
)
def test_the_audit_finds_a_choice_that_was_changed_dropped_or_put_back(
    home: Chooser, change: Callable[[list[Row], list[Row]], list[Row]], rule: str
) -> None:
    home.choose(newsletter="given")
    old = rows(home)
    home.choose(newsletter="withdrawn")
    home.choose(ads="refused")
    home.choose(BOB, newsletter="given")
    assert sound(home)
    changed = change(rows(home), old)
    put(
        home,
        changed if rule != "choice" or len(changed) < 3 else [(r[0], at, *r[2:]) for at, r in enumerate(changed, 1)],
    )
    found = report(home)
    assert not found.sound
    assert {fault.rule for fault in found.faults} == {rule}


def test_the_audit_finds_rows_put_back_that_were_forgotten(home: Chooser) -> None:
    home.choose(newsletter="given")
    old = rows(home)
    home.staff.run("preferences.forget", preferences.PersonAsk(email=ADA))
    put(home, old)
    assert [fault.rule for fault in report(home).faults] == ["choice.old"]


def test_the_audit_finds_a_choice_that_nobody_wrote(home: Chooser) -> None:
    other = home.house.choices.ledger.add(home.house.choices.ledger.chain(b"C" * 32), [])[0]
    home.choose(newsletter="given")
    said = home.house.choices.ledger.chain(home.house.handle("email", ADA)).told[0]
    _, steps = home.house.choices.ledger.add(other, [said])
    home.house.control.write_now(Unit(steps))
    assert [fault.rule for fault in report(home).faults] == ["choice.unlogged"]


@pytest.mark.parametrize("way", ["dropped", "changed", "all-dropped"])
def test_the_audit_finds_a_notice_that_was_changed_or_dropped(home: Chooser, way: str) -> None:
    home.put(NOTICES.replace("once a month", "twice a month"))
    step: Step = Delete("notices", ("notice", "version"), (("newsletter", 2),))
    if way == "changed":
        step = Update("notices", ("body",), ("notice", "version"), ((b"{}", "newsletter", 1),))
    if way == "all-dropped":
        step = Delete("notices", ("notice",), (("newsletter",),))
    home.house.control.write_now(Unit((step,)))
    assert not sound(home)


def test_words_that_are_gone_are_not_made_up(home: Chooser) -> None:
    home.choose(newsletter="given")
    home.house.control.write_now(Unit((Delete("notices", ("notice",), (("newsletter",),)),)))
    with pytest.raises(Damaged):
        listed(home)


def test_an_older_control_database_put_back_whole_is_refused_or_found(home: Chooser) -> None:
    home.choose(newsletter="given")
    path = home.staff.home / "control.db"
    with sqlite3.connect(path) as source, sqlite3.connect(home.staff.home / "old.db") as target:
        source.backup(target)
    home.choose(newsletter="withdrawn")
    home.staff.house.log.advance()
    home.staff.house.close()
    old = (home.staff.home / "old.db").read_bytes()
    for leftover in home.staff.home.glob("control.db-*"):
        leftover.unlink()
    path.write_bytes(old)
    with pytest.raises(Exception, match=r"older|checkpoint|log"):
        home.staff.open()
