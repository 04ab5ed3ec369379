"""Devices: what somebody chooses who proved nothing, where it stays, and whose it becomes once she proves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from chooser import ADA, BOB, MINUTE, Chooser

from privet.app.services import choices, preferences
from privet.errors import InvalidInput, LimitExceeded
from privet.rights.asked import Listing
from privet.rights.identity.codes import Hour
from privet.store.port import Select, Unit

OBJECTION = "objection:marketing.advertising.first_party.targeted"


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


def device(home: Chooser) -> str:
    found: choices.Device = home.person("devices.make", choices.NoAsk(), "")
    return found.device


def on_device(home: Chooser, id_: str, *, gpc: bool = False, version: int = 1, **said: str) -> dict[str, bool]:
    versions = dict.fromkeys(said, version)
    ask = choices.DeviceAsk(device=id_, choices=said, versions=versions, region="US-CA")
    found = home.person("devices.set", ask, "", gpc=gpc)
    return {one.notice: one.given for one in found.stands}


def test_a_device_chooses_for_itself_and_no_system_is_told(home: Chooser) -> None:
    here, there = device(home), device(home)
    assert here != there and len(here) == 32
    assert on_device(home, here, newsletter="given", gpc=True) == {"ads": False, "newsletter": True}
    assert on_device(home, there) == {"ads": True, "newsletter": False}
    assert home.ledger() == {} and home.house.desk.journal.listed(Listing()) == []


def test_a_page_that_says_the_same_with_every_visit_fills_no_ledger(home: Chooser) -> None:
    here = device(home)
    for _ in range(3):
        on_device(home, here, newsletter="given", gpc=True)
    assert len(home.house.control.select(Select(table="choices", columns=("place",)))) == 2


def test_what_was_said_on_a_device_joins_who_proves_herself_and_the_newer_word_counts(home: Chooser) -> None:
    here = device(home)
    on_device(home, here, newsletter="given", ads="refused")
    home.choose(newsletter="withdrawn")
    assert home.person("devices.join", choices.JoinAsk(device=here)).count == 1
    assert states(home.person("choices.list", choices.ListAsk(region="US-CA"))) == {"ads": False, "newsletter": False}
    assert home.ledger() == {"newsletter": ["withdrawn"], "ads": ["refused"], OBJECTION: ["given"]}
    assert home.person("devices.join", choices.JoinAsk(device=here), BOB).count == 0
    assert home.ledger(BOB) == {}


def test_a_yes_that_nobody_proved_lifts_no_no_of_hers(home: Chooser) -> None:
    home.choose(ads="refused", newsletter="refused")
    here = device(home)
    on_device(home, here, newsletter="given", ads="given")
    assert home.person("devices.join", choices.JoinAsk(device=here)).count == 0
    assert states(home.person("choices.list", choices.ListAsk(region="US-CA"))) == {"ads": False, "newsletter": False}
    assert home.counting(ADA)[OBJECTION] == "given"


def test_a_signal_on_devices_does_not_answer_a_yes_under_it_with_every_visit(home: Chooser) -> None:
    home.choose(gpc=True, ads="given")
    for _ in range(3):
        here = device(home)
        on_device(home, here, gpc=True)
        assert home.person("devices.join", choices.JoinAsk(device=here)).count == 0
    assert [one.state for one in listed(home).history] == ["given"]


def test_a_no_stays_on_a_device_after_it_joined_and_joins_nobody_else(home: Chooser) -> None:
    here = device(home)
    on_device(home, here, newsletter="given", ads="refused")
    assert home.person("devices.join", choices.JoinAsk(device=here)).count == 2
    assert on_device(home, here) == {"ads": False, "newsletter": False}
    assert home.person("devices.join", choices.JoinAsk(device=here), BOB).count == 0
    assert listed(home, BOB).history == []
    on_device(home, here, ads="refused")  # somebody says it again: it is news
    assert home.person("devices.join", choices.JoinAsk(device=here), BOB).count == 1
    assert states(home.person("choices.list", choices.ListAsk(region="US-CA"), BOB))["ads"] is False


def test_what_was_said_on_a_device_is_not_written_down_as_proved(home: Chooser) -> None:
    here = device(home)
    on_device(home, here, newsletter="given")
    home.person("devices.join", choices.JoinAsk(device=here))
    assert [one.how for one in listed(home).history] == ["device"]


def test_nobody_fills_the_ledger_without_proving_anything(home: Chooser) -> None:
    home.house.choices.unproved = Hour(3)
    for _ in range(3):
        on_device(home, device(home), newsletter="given")
    with pytest.raises(LimitExceeded):
        on_device(home, device(home), newsletter="given")
    with pytest.raises(LimitExceeded):
        on_device(home, device(home), gpc=True)
    assert on_device(home, device(home)) == {"ads": True, "newsletter": False}  # to look costs nothing
    home.choose(newsletter="given")  # whoever proved herself is not held up
    home.staff.now += 61 * MINUTE
    assert on_device(home, device(home), newsletter="given")["newsletter"] is True


def test_a_person_says_so_much_a_day_and_no_more(home: Chooser) -> None:
    home.choose(newsletter="given")
    ledger = home.house.choices.ledger
    chain = ledger.chain(home.house.handle("email", ADA))
    _, steps = ledger.add(chain, [chain.told[0]] * (choices.MOST_A_DAY - 1))
    home.house.control.write_now(Unit(steps))
    here = device(home)
    on_device(home, here, newsletter="refused")
    with pytest.raises(LimitExceeded):
        home.choose(newsletter="refused")
    with pytest.raises(LimitExceeded):
        home.person("devices.join", choices.JoinAsk(device=here))
    home.staff.now += 1_440 * MINUTE
    home.choose(newsletter="refused")


@pytest.mark.parametrize("bad", ["", "x" * 32, "A" * 32, "0" * 31])
def test_a_device_that_was_never_given_out_so_is_refused(home: Chooser, bad: str) -> None:
    with pytest.raises(InvalidInput):
        on_device(home, bad, newsletter="given")
    with pytest.raises(InvalidInput):
        home.person("devices.join", choices.JoinAsk(device=bad))


def test_a_device_says_so_much_and_no_more(home: Chooser) -> None:
    here = device(home)
    on_device(home, here, newsletter="given")
    ledger = home.house.choices.ledger
    chain = ledger.chain(home.house.handle("device", here))
    _, steps = ledger.add(chain, [chain.told[0]] * (choices.MOST_OF_DEVICE - 1))
    home.house.control.write_now(Unit(steps))
    with pytest.raises(LimitExceeded):
        on_device(home, here, newsletter="refused")
