"""When requests are due: dates worked out by hand from calendars and the laws' texts, and the rules beside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from deadlines import CONFIRMED, DUE, EXTENDED, PLACES

from privet.errors import InvalidInput, UnknownName
from privet.rights import clock
from privet.rights.asked import Request
from privet.rights.clock import (
    DAY_MS,
    Place,
    answer_by,
    day_end_ms,
    day_of,
    day_start_ms,
    days_left,
    due,
    laws_for,
    warn,
)
from privet.rights.words import Kind
from privet.vocabulary.laws import law, laws


def at(text: str, zone: str) -> int:
    """Return UTC milliseconds of a time there, or of UTC where it ends in Z."""
    told = datetime.fromisoformat(text.removesuffix("Z"))
    return int(told.replace(tzinfo=UTC if text.endswith("Z") else ZoneInfo(zone)).timestamp() * 1000)


def rows(table: str) -> list[object]:
    """Return a table's rows as parameters."""
    found = []
    for line in table.strip().splitlines():
        key, kind, received, place, day, why = line.split(" ", 5)
        found.append(pytest.param(key, kind, received, PLACES[place.replace("_", " ")], day, id=f"{key}: {why} {day}"))
    return found


@pytest.mark.parametrize(("key", "kind", "received", "place", "day"), rows(DUE))
def test_a_request_is_due_on_the_day_worked_out_by_hand(
    key: str, kind: Kind, received: str, place: Place, day: str
) -> None:
    found = due(law(key), kind, at(received, place.time_zone), place)
    assert found is not None
    end = datetime.fromtimestamp(found.due_ms / 1000, ZoneInfo(place.time_zone))
    assert end.isoformat(timespec="milliseconds")[:23] == f"{day}T23:59:59.999"


def test_every_law_has_a_day_worked_out_by_hand() -> None:
    assert {line.split(" ", 1)[0] for line in DUE.strip().splitlines()} == {each.key for each in laws()}


@pytest.mark.parametrize(("key", "kind", "received", "place", "day"), rows(EXTENDED))
def test_an_extension_ends_on_the_day_worked_out_by_hand(
    key: str, kind: Kind, received: str, place: Place, day: str
) -> None:
    found = due(law(key), kind, at(received, place.time_zone), place)
    assert found is not None
    assert found.extended_ms is not None
    assert str(day_of(found.extended_ms, place.time_zone)) == day


@pytest.mark.parametrize(("key", "kind", "received", "place", "day"), rows(CONFIRMED))
def test_receipt_is_confirmed_by_the_day_worked_out_by_hand(
    key: str, kind: Kind, received: str, place: Place, day: str
) -> None:
    found = due(law(key), kind, at(received, place.time_zone), place)
    assert found is not None
    assert found.acknowledge_ms is not None
    assert str(day_of(found.acknowledge_ms, place.time_zone)) == day


def test_the_table_catches_a_clock_that_forgets_holidays_or_zones() -> None:
    cases = [case.values for case in rows(DUE)]  # type: ignore[attr-defined]
    assert len(cases) >= 60

    def wrong(change: object) -> int:
        count = 0
        for key, kind, received, place, day in cases:
            found = due(law(key), kind, at(received, place.time_zone), change(place))  # type: ignore[operator]
            count += found is None or str(day_of(found.due_ms, change(place).time_zone)) != day  # type: ignore[operator]
        return count

    assert wrong(lambda place: place) == 0
    assert wrong(lambda place: replace(place, country="", state="")) >= 30
    assert wrong(lambda place: replace(place, state="")) >= 10
    assert wrong(lambda place: replace(place, time_zone="UTC")) >= 8


def test_the_last_day_ends_at_midnight_there_whatever_the_offset() -> None:
    summer = day_end_ms(date(2026, 4, 29), "Europe/Berlin")
    assert datetime.fromtimestamp(summer / 1000, UTC).isoformat(timespec="milliseconds") == (
        "2026-04-29T21:59:59.999+00:00"
    )
    for day, hours in ((date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)):
        length = day_end_ms(day, "Europe/Berlin") + 1 - day_start_ms(day, "Europe/Berlin")
        assert length == hours * 3_600_000


def test_a_day_begins_after_midnight_where_clocks_skip_it() -> None:
    # Clocks in Beirut went from 2024-03-30T24:00 to 2024-03-31T01:00; midnight was 22:00 UTC of the day before.
    start = day_start_ms(date(2024, 3, 31), "Asia/Beirut")
    assert datetime.fromtimestamp(start / 1000, UTC) == datetime(2024, 3, 30, 22, tzinfo=UTC)
    assert day_of(start, "Asia/Beirut") == date(2024, 3, 31)
    assert day_of(start - 1, "Asia/Beirut") == date(2024, 3, 30)


# --- which law ------------------------------------------------------------------------------------------------------

BERLIN = PLACES["Berlin"]
JANUARY = at("2026-01-13T09:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("region", "own", "country", "keys"),
    [
        ("DE", (), "", ["gdpr"]),
        ("DE-BY", (), "", ["gdpr"]),
        ("eu", (), "", ["gdpr"]),
        ("NO", (), "", ["gdpr"]),  # in the European Economic Area
        ("CH", (), "", ["gdpr"]),  # no law of ours; none named
        ("CH", ("lgpd",), "", ["lgpd"]),
        ("GB", (), "", ["uk_gdpr"]),
        ("UK", (), "", ["uk_gdpr"]),
        ("US-CA", (), "", ["ccpa"]),
        ("us-tx", (), "", ["tdpsa"]),
        ("US", (), "", ["gdpr"]),  # which state is not known
        ("US-NV", ("ccpa",), "", ["ccpa"]),  # no law of hers: the organization keeps its own
        ("US-CA", ("hipaa",), "", ["ccpa", "hipaa"]),  # of one sector, and it says it is of that
        ("CA-QC", (), "", ["pipeda"]),
        ("BR", (), "", ["lgpd"]),
        ("", (), "", ["gdpr"]),
        ("", ("ccpa", "lgpd"), "", ["ccpa", "lgpd"]),
        ("", ("no_such_law",), "", ["gdpr"]),
        ("US-CA", ("gdpr", "ccpa"), "US", ["ccpa"]),
        ("US-CA", ("gdpr", "ccpa"), "DE", ["ccpa", "gdpr"]),  # GDPR Art. 3(1): established in the Union
        ("US-CA", (), "DE", ["ccpa"]),
    ],
)
def test_laws_are_those_of_the_person_and_those_that_bind_the_organization_for_everybody(
    region: str, own: tuple[str, ...], country: str, keys: list[str]
) -> None:
    assert [each.key for each in laws_for(region, own, country)] == keys


def test_of_several_laws_the_shortest_counts_and_a_confirmation_that_one_wants_stays() -> None:
    found = answer_by("access", JANUARY, BERLIN, region="US-CA", own=["gdpr"])
    assert (found.law, str(day_of(found.due_ms, "Europe/Berlin"))) == ("gdpr", "2026-02-13")
    assert found.acknowledge_ms is not None
    # 90 days of California end before three months of the Union do.
    assert found.extended_ms is not None
    assert str(day_of(found.extended_ms, "Europe/Berlin")) == "2026-04-13"


def test_where_one_of_the_laws_gives_no_more_time_there_is_none() -> None:
    found = answer_by("access", JANUARY, BERLIN, own=["lgpd", "hipaa"])
    assert (found.law, found.extended_ms) == ("lgpd", None)
    assert answer_by("access", JANUARY, BERLIN, own=["hipaa"]).extended_ms is not None


def test_the_law_that_is_asked_for_comes_before_that_of_the_region() -> None:
    assert answer_by("erasure", JANUARY, BERLIN, asked="ccpa", region="DE").law == "ccpa"
    with pytest.raises(UnknownName):
        answer_by("erasure", JANUARY, BERLIN, asked="gdrp")


def test_a_law_that_names_no_time_leaves_it_to_the_next() -> None:
    assert due(law("hipaa"), "erasure", JANUARY, BERLIN) is None
    assert due(law("lgpd"), "erasure", JANUARY, BERLIN) is None
    assert answer_by("erasure", JANUARY, BERLIN, asked="hipaa", region="US-CA").law == "ccpa"
    assert answer_by("erasure", JANUARY, BERLIN, region="BR", own=["ccpa"]).law == "ccpa"


def test_where_no_law_names_a_time_the_house_keeps_a_month_and_says_so() -> None:
    found = answer_by("consent", JANUARY, BERLIN, region="DE")
    assert (found.law, str(day_of(found.due_ms, "Europe/Berlin"))) == ("", "2026-02-13")
    assert "the house keeps" in found.source


def test_the_source_says_the_provisions_and_which_holidays_were_not_counted() -> None:
    assert due(law("gdpr"), "access", JANUARY, BERLIN) is not None
    told = {place: answer_by("access", JANUARY, Place(*place), region="DE").source for place in COUNTRIES}
    assert all("Art. 12(3)" in source and "1182/71" in source for source in told.values())
    assert "not counted" not in told["DE", "BE"]
    assert "no country is set" in told["", ""]
    assert "of the country are not known" in told["XX", ""]
    assert "of the state are not counted" in told["DE", "ZZ"]
    plain = due(law("vcdpa"), "access", JANUARY, Place())
    assert plain is not None
    assert "holidays" not in plain.source, "nothing of the sort was needed"


COUNTRIES = (("DE", "BE"), ("", ""), ("XX", ""), ("DE", "ZZ"))


@pytest.mark.parametrize("zone", ["Europe/Berlim", "", "../etc/passwd", "Europe", "/etc/localtime", "\0"])
def test_a_bad_time_zone_is_refused_by_the_name_of_its_setting(zone: str) -> None:
    with pytest.raises(InvalidInput) as told:
        clock.zone_of(zone)
    assert "time_zone" in told.value.message
    assert not zone or zone not in str(told.value)


@pytest.mark.parametrize("when", [-1, 10**18])
def test_a_time_that_no_calendar_has_is_refused(when: int) -> None:
    with pytest.raises(InvalidInput):
        answer_by("access", when, BERLIN)


def test_days_left_are_days_of_the_place() -> None:
    last = day_end_ms(date(2026, 3, 31), "Europe/Berlin")
    assert days_left(last, last, "Europe/Berlin") == 0
    assert days_left(last, last + 1, "Europe/Berlin") == -1
    assert days_left(last, at("2026-03-28T23:59", "Europe/Berlin"), "Europe/Berlin") == 3


# --- warnings -------------------------------------------------------------------------------------------------------

LAST = day_end_ms(date(2026, 4, 2), "Europe/Berlin")  # summer time begins on 29 March


def request(**more: object) -> Request:
    """Return a request that is due at LAST."""
    facts: dict[str, object] = {
        "id": "r",
        "kind": "access",
        "state": "waiting",
        "dry": False,
        "opened_ms": 0,
        "updated_ms": 0,
        "due_ms": LAST,
        "opened_by": "alice",
        "decided_by": "",
        "reason": "",
        "without": (),
        "begun": False,
        "forgotten": False,
        "certificate": "",
        "plan": None,
        "progress": None,
        "result": None,
    }
    return Request(**(facts | more))  # type: ignore[arg-type]


def told(found: Request, now_ms: int) -> list[str]:
    return [notice.event for notice in warn([found], now_ms)]


def test_a_warning_comes_seven_whole_days_ahead_over_a_clock_change_too() -> None:
    begins = next(now for now in range(LAST - 10 * DAY_MS, LAST, 3_600_000) if told(request(), now))
    seventh = day_start_ms(date(2026, 3, 26), "Europe/Berlin")
    assert begins <= seventh
    assert LAST - begins >= 7 * DAY_MS
    assert told(request(), LAST - 9 * DAY_MS) == []


def test_each_is_warned_of_once_and_once_more_when_late() -> None:
    assert told(request(warned_ms=LAST - 8 * DAY_MS), LAST - DAY_MS) == []
    assert told(request(warned_ms=LAST - 8 * DAY_MS), LAST + 1) == ["overdue"]
    assert told(request(warned_ms=LAST + 1), LAST + 30 * DAY_MS) == []


def test_what_comes_late_is_warned_of_at_once_and_only_as_what_it_is() -> None:
    assert told(request(), LAST - 60_000) == ["warning"]
    assert told(request(), LAST + 1) == ["overdue"]


def test_after_an_extension_the_new_day_is_warned_of() -> None:
    warned = request(warned_ms=LAST - 8 * DAY_MS, due_ms=LAST + 15 * DAY_MS)
    assert told(warned, LAST) == []
    assert told(warned, LAST + 7 * DAY_MS) == ["warning"]


@pytest.mark.parametrize("state", ["received", "approved", "running", "waiting", "failed"])
def test_who_has_no_answer_is_told_of(state: str) -> None:
    assert told(request(state=state), LAST - DAY_MS) == ["warning"]
    assert told(request(state=state), LAST + DAY_MS) == ["overdue"]


def test_of_half_an_answer_is_warned_while_the_rest_can_be_had() -> None:
    assert told(request(state="partial"), LAST - DAY_MS) == ["warning"]
    assert told(request(state="partial"), LAST + DAY_MS) == []
    assert told(request(state="partial", forgotten=True), LAST - DAY_MS) == []


@pytest.mark.parametrize(
    "more", [{"state": "complete"}, {"state": "denied"}, {"state": "canceled"}, {"dry": True}, {"due_ms": None}]
)
def test_nothing_is_told_of_what_nobody_waits_for(more: dict[str, object]) -> None:
    assert told(request(**more), LAST + timedelta(days=1) // timedelta(milliseconds=1)) == []


RECEIPT = LAST - 30 * DAY_MS


def test_a_receipt_that_is_to_be_confirmed_and_is_not_is_warned_of_three_days_ahead_and_once() -> None:
    # Cal. Code Regs. tit. 11 § 7021(a): receipt is confirmed within 10 business days.
    unsaid = request(acknowledge_ms=RECEIPT)
    assert told(unsaid, RECEIPT - 3 * DAY_MS - 1) == []
    assert told(unsaid, RECEIPT - 3 * DAY_MS) == ["acknowledge"]
    assert told(request(acknowledge_ms=RECEIPT, warned_ms=RECEIPT - 3 * DAY_MS), RECEIPT + 1) == []
    assert told(request(acknowledge_ms=RECEIPT, acknowledged_ms=1), RECEIPT) == []
    assert told(request(acknowledge_ms=RECEIPT, state="partial"), RECEIPT) == []


def test_a_warning_of_one_time_takes_none_of_another_away() -> None:
    both = request(acknowledge_ms=RECEIPT, warned_ms=RECEIPT - 3 * DAY_MS)
    assert told(both, LAST - 8 * DAY_MS + 1) == ["warning"]
    assert told(request(acknowledge_ms=RECEIPT), LAST - DAY_MS) == ["acknowledge", "warning"]
    assert told(request(acknowledge_ms=RECEIPT), LAST + 1) == ["acknowledge", "overdue"]
    # Of two laws one may want an answer before the other wants receipt confirmed.
    late = LAST - DAY_MS
    assert told(request(acknowledge_ms=late, warned_ms=LAST - 8 * DAY_MS), late) == ["acknowledge"]
    assert told(request(acknowledge_ms=late, warned_ms=late), LAST) == []
    assert told(request(acknowledge_ms=late, warned_ms=late), LAST + 1) == ["overdue"]
