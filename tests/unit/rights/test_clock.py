"""When requests are due: dates worked out by hand from calendars and the laws' texts, and the rules beside them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

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

PLACES = {
    "Berlin": Place("DE", "BE", "Europe/Berlin"),
    "Bavaria": Place("DE", "DE-BY", "Europe/Berlin"),
    "Germany": Place("DE", "", "Europe/Berlin"),
    "France": Place("FR", "", "Europe/Paris"),
    "Spain": Place("ES", "", "Europe/Madrid"),
    "Italy": Place("IT", "", "Europe/Rome"),
    "Poland": Place("PL", "", "Europe/Warsaw"),
    "Netherlands": Place("NL", "", "Europe/Amsterdam"),
    "Portugal": Place("PT", "", "Europe/Lisbon"),
    "Ireland": Place("IE", "", "Europe/Dublin"),
    "Sweden": Place("SE", "", "Europe/Stockholm"),
    "England": Place("GB", "ENG", "Europe/London"),
    "Scotland": Place("GB", "SCT", "Europe/London"),
    "Ulster": Place("GB", "GB-NIR", "Europe/London"),
    "California": Place("US", "CA", "America/Los_Angeles"),
    "US west": Place("US", "", "America/Los_Angeles"),
    "US east": Place("US", "", "America/New_York"),
    "nowhere west": Place("", "", "America/Los_Angeles"),
    "Kiritimati": Place("", "", "Pacific/Kiritimati"),
    "Brazil": Place("BR", "", "America/Sao_Paulo"),
    "Ontario": Place("CA", "ON", "America/Toronto"),
    "Newfoundland": Place("CA", "NL", "America/St_Johns"),
}
# law, kind, received (local, or UTC where it ends in Z), place, due, why. Worked out from printed calendars:
# 2024-01-01 was a Monday, 2025-01-01 a Wednesday, 2026-01-01 a Thursday, 2027-01-01 a Friday, 2028-01-01 a Saturday.
DUE = """
gdpr access 2026-01-13T09:00 Berlin 2026-02-13 a Friday stays
gdpr access 2026-01-14T09:00 Berlin 2026-02-16 the 14th is a Saturday
gdpr access 2026-01-15T09:00 Berlin 2026-02-16 the 15th is a Sunday
gdpr access 2026-01-31T09:00 Berlin 2026-03-02 the last of February is a Saturday
gdpr access 2027-01-31T09:00 Berlin 2027-03-01 the last of February is a Sunday
gdpr access 2024-01-31T09:00 Berlin 2024-02-29 leap year
gdpr access 2024-01-30T09:00 Berlin 2024-02-29 there is no 30th
gdpr access 2024-01-29T09:00 Berlin 2024-02-29 leap year, same date
gdpr access 2023-01-29T09:00 Berlin 2023-02-28 no leap year
gdpr access 2028-02-29T09:00 Berlin 2028-03-29 received on the leap day
gdpr access 2026-03-31T09:00 Berlin 2026-04-30 there is no 31st
gdpr access 2026-08-31T09:00 Berlin 2026-09-30 there is no 31st
gdpr access 2026-04-01T09:00 Berlin 2026-05-04 1 May is a holiday, a Friday
gdpr access 2026-03-03T09:00 Berlin 2026-04-07 Good Friday, weekend, Easter Monday
gdpr access 2026-03-06T09:00 Berlin 2026-04-07 Easter Monday
gdpr access 2025-03-21T09:00 Berlin 2025-04-22 Easter Monday of 2025
gdpr access 2026-03-03T09:00 France 2026-04-03 Good Friday is a working day in most of France
gdpr access 2026-03-06T09:00 France 2026-04-07 Easter Monday
gdpr access 2026-03-03T09:00 Spain 2026-04-06 Good Friday; Easter Monday is no holiday of all Spain
gdpr access 2027-10-01T09:00 Bavaria 2027-11-02 All Saints
gdpr access 2027-10-01T09:00 Berlin 2027-11-01 All Saints is none in Berlin
gdpr access 2028-10-01T09:00 Bavaria 2028-11-02 All Saints
gdpr access 2028-10-01T09:00 Germany 2028-11-01 All Saints is not of all Germany
gdpr access 2027-02-08T09:00 Berlin 2027-03-09 Women's Day in Berlin
gdpr access 2027-02-08T09:00 Bavaria 2027-03-08 Women's Day is none in Bavaria
gdpr access 2026-05-04T09:00 Bavaria 2026-06-05 Corpus Christi
gdpr access 2026-05-04T09:00 Berlin 2026-06-04 Corpus Christi is none in Berlin
gdpr access 2026-12-06T09:00 Bavaria 2027-01-07 Epiphany
gdpr access 2026-12-06T09:00 Berlin 2027-01-06 Epiphany is none in Berlin
gdpr erasure 2026-11-25T09:00 Germany 2026-12-28 Christmas and a weekend
gdpr erasure 2025-11-25T09:00 Germany 2025-12-29 two days of Christmas and a weekend
gdpr erasure 2025-12-01T09:00 Germany 2026-01-02 New Year
gdpr erasure 2026-12-01T09:00 Germany 2027-01-04 New Year and a weekend
gdpr erasure 2026-04-14T09:00 Germany 2026-05-15 Ascension
gdpr erasure 2026-04-25T09:00 Germany 2026-05-26 Whit Monday
gdpr erasure 2025-09-03T09:00 Germany 2025-10-06 Unity Day and a weekend
gdpr erasure 2026-06-14T09:00 France 2026-07-15 14 July
gdpr erasure 2026-10-11T09:00 France 2026-11-12 Armistice
gdpr rectification 2025-03-25T09:00 Italy 2025-04-28 Liberation Day and a weekend
gdpr rectification 2026-05-02T09:00 Italy 2026-06-03 Republic Day
gdpr restriction 2026-10-11T09:00 Poland 2026-11-12 Independence Day
gdpr portability 2026-03-27T09:00 Netherlands 2026-04-28 King's Day
gdpr objection 2026-09-12T09:00 Spain 2026-10-13 National Day
gdpr objection 2028-03-25T09:00 Portugal 2028-04-26 Freedom Day
gdpr objection 2026-02-17T09:00 Ireland 2026-03-18 Saint Patrick
gdpr objection 2028-05-06T09:00 Sweden 2028-06-07 National Day
gdpr access 2024-02-01T03:30Z US_east 2024-02-29 still 31 January in New York
gdpr access 2024-02-01T03:30Z Germany 2024-03-01 1 February in Germany
gdpr access 2027-12-31T11:00Z Kiritimati 2028-02-01 New Year began in Kiritimati
gdpr access 2027-12-31T11:00Z nowhere_west 2028-01-31 still the last of December in Los Angeles
gdpr access 2026-03-29T00:30 Germany 2026-04-29 on the day that summer time begins
gdpr access 2026-10-24T22:30Z Germany 2026-11-25 after midnight in summer time, on its last day
gdpr access 2026-10-24T21:30Z Germany 2026-11-24 before midnight in summer time
gdpr access 2026-07-31T22:30Z Germany 2026-09-01 August has begun there
uk_gdpr access 2018-09-03T09:00 England 2018-10-03 the regulator's own example
uk_gdpr access 2018-03-31T09:00 England 2018-04-30 the regulator's own example
uk_gdpr access 2024-01-31T09:00 England 2024-02-29 leap year
uk_gdpr access 2026-05-31T09:00 England 2026-06-30 there is no 31st
uk_gdpr access 2026-11-25T09:00 England 2026-12-29 Christmas, weekend, Boxing Day's substitute
uk_gdpr access 2026-11-26T09:00 England 2026-12-29 Boxing Day is a Saturday
uk_gdpr access 2027-11-25T09:00 England 2027-12-29 Christmas is a Saturday: two substitutes
uk_gdpr access 2022-11-27T09:00 England 2022-12-28 Christmas was a Sunday: its substitute is Tuesday
uk_gdpr access 2021-12-01T09:00 England 2022-01-04 New Year's substitute
uk_gdpr access 2021-12-01T09:00 Scotland 2022-01-05 two days of New Year, two substitutes
uk_gdpr access 2025-12-02T09:00 Scotland 2026-01-05 2 January is a holiday, a Friday
uk_gdpr access 2025-12-02T09:00 England 2026-01-02 2 January is none in England
uk_gdpr access 2026-03-06T09:00 England 2026-04-07 Easter Monday
uk_gdpr access 2026-03-06T09:00 Scotland 2026-04-06 Easter Monday is none in Scotland
uk_gdpr access 2026-10-30T09:00 Scotland 2026-12-01 Saint Andrew
uk_gdpr access 2026-10-30T09:00 England 2026-11-30 Saint Andrew is none in England
uk_gdpr access 2026-07-31T09:00 England 2026-09-01 summer bank holiday
uk_gdpr access 2026-07-03T09:00 Scotland 2026-08-04 summer bank holiday of Scotland
uk_gdpr access 2026-07-03T09:00 England 2026-08-03 Scotland's is none in England
uk_gdpr access 2026-02-17T09:00 Ulster 2026-03-18 Saint Patrick
uk_gdpr access 2026-06-12T09:00 Ulster 2026-07-14 12 July is a Sunday: substitute
uk_gdpr access 2026-06-12T09:00 England 2026-07-13 12 July is a Sunday
uk_gdpr access 2026-04-04T09:00 England 2026-05-05 early May bank holiday
uk_gdpr access 2020-04-08T09:00 England 2020-05-11 the bank holiday was moved to VE Day, a Friday
uk_gdpr access 2022-05-02T09:00 England 2022-06-06 spring bank holiday and the Jubilee
uk_gdpr access 2022-08-19T09:00 England 2022-09-20 the Queen's funeral
uk_gdpr access 2023-04-08T09:00 England 2023-05-09 the Coronation
uk_gdpr access 2026-03-31T23:30Z England 2026-05-01 April had begun in summer time
ccpa access 2026-01-01T09:00 California 2026-02-15 a Sunday stays
ccpa access 2026-01-02T09:00 California 2026-02-16 a holiday stays
ccpa access 2024-01-15T09:00 California 2024-02-29 leap year
ccpa erasure 2025-01-15T09:00 California 2025-03-01 no leap year
ccpa erasure 2024-02-01T09:00 California 2024-03-17 over a leap day
ccpa rectification 2026-11-17T09:00 California 2027-01-01 New Year stays
ccpa portability 2026-03-08T07:30Z California 2026-04-21 still the day before, before summer time
ccpa portability 2026-03-08T08:30Z California 2026-04-22 the day that summer time begins
ccpa access 2026-07-01T03:00Z California 2026-08-14 still June there
ccpa consent 2026-11-16T09:00 California 2026-12-08 15 business days over Thanksgiving
ccpa objection 2026-12-18T09:00 California 2027-01-12 15 business days over Christmas and New Year
ccpa consent 2026-02-01T09:00 California 2026-02-23 received on a Sunday; Presidents' Day
ccpa consent 2024-02-12T09:00 California 2024-03-05 over Presidents' Day and a leap day; 15 February is a day of work
ccpa consent 2027-12-20T09:00 US_west 2028-01-12 Christmas and New Year are kept on the Fridays before
vcdpa access 2026-05-01T09:00 US_east 2026-06-15 45 days
cpa access 2026-12-01T09:00 US_west 2027-01-15 45 days over New Year
tdpsa erasure 2027-12-15T09:00 US_east 2028-01-29 a Saturday stays
ucpa access 2026-02-28T09:00 US_west 2026-04-14 45 days
ctdpa access 2024-02-29T09:00 US_east 2024-04-14 received on the leap day
njdpa consent 2026-10-31T09:00 US_east 2026-12-15 opting out has the same time
fdbr access 2026-03-01T09:00 US_east 2026-04-15 45 days
icdpa access 2026-01-01T09:00 US_east 2026-04-01 90 days
ocpa access 2026-03-10T09:00 US_west 2026-04-24 21 days of March and 24 of April
mtcdpa erasure 2026-04-16T09:00 US_west 2026-05-31 14 days of April and all of May, a Sunday
dpdpa access 2026-06-17T09:00 US_east 2026-08-01 13 days of June, all of July, and a Saturday stays
nedpa portability 2026-07-17T09:00 US_west 2026-08-31 14 days of July and all of August
nhpa access 2026-08-20T09:00 US_east 2026-10-04 11 days of August, all of September, 4 of October
tipa access 2026-09-16T09:00 US_east 2026-10-31 14 days of September and all of October
mcdpa erasure 2026-10-18T09:00 US_west 2026-12-02 13 days of October, all of November, 2 of December
modpa access 2026-11-17T09:00 US_east 2027-01-01 13 days of November, all of December, and New Year stays
incdpa access 2027-01-15T09:00 US_east 2027-03-01 16 days of January, all of February, 1 of March
kcdpa access 2028-01-15T09:00 US_east 2028-02-29 16 days of January, and all of February with its leap day
ridtppa consent 2026-05-17T09:00 US_east 2026-07-01 14 days of May, all of June, 1 of July
lgpd access 2026-02-02T09:00 Brazil 2026-02-17 Carnival stays
lgpd access 2024-02-20T09:00 Brazil 2024-03-06 leap year
lgpd access 2026-12-20T09:00 Brazil 2027-01-04 over New Year
lgpd access 2026-03-01T02:30Z Brazil 2026-03-15 still February there
lgpd portability 2026-02-02T09:00 Brazil 2026-02-17 no time of its own: as access
hipaa access 2026-01-31T09:00 US_east 2026-03-02 30 days are no month
hipaa access 2024-01-31T09:00 US_east 2024-03-01 leap year
hipaa rectification 2026-06-01T09:00 US_east 2026-07-31 60 days
pipeda access 2026-06-15T09:00 Ontario 2026-07-15 30 days
pipeda access 2026-06-01T09:00 Ontario 2026-07-01 Canada Day stays
pipeda access 2028-02-01T09:00 Ontario 2028-03-02 leap year
pipeda access 2026-06-16T02:15Z Newfoundland 2026-07-15 a quarter to midnight there
"""
EXTENDED = """
gdpr access 2026-01-14T09:00 Berlin 2026-04-14 three months from receipt, not from the 16th
gdpr access 2026-01-31T09:00 Berlin 2026-04-30 not from the last of February
gdpr access 2025-11-30T09:00 Berlin 2026-03-02 the last of February is a Saturday
gdpr access 2023-11-30T09:00 Berlin 2024-02-29 leap year
gdpr access 2026-02-01T09:00 Berlin 2026-05-04 1 May is a holiday
uk_gdpr access 2026-01-06T09:00 England 2026-04-07 Easter Monday
ccpa access 2026-01-01T09:00 California 2026-04-01 90 days from receipt
ccpa access 2024-01-01T09:00 California 2024-03-31 leap year
vcdpa access 2026-05-01T09:00 US_east 2026-07-30 90 days
cpa access 2026-12-01T09:00 US_west 2027-03-01 90 days
tdpsa access 2027-12-15T09:00 US_east 2028-03-14 leap year
fdbr access 2026-03-01T09:00 US_east 2026-04-30 60 days
icdpa access 2026-01-01T09:00 US_east 2026-05-16 135 days
hipaa access 2026-01-31T09:00 US_east 2026-04-01 60 days
hipaa access 2024-01-31T09:00 US_east 2024-03-31 leap year
hipaa rectification 2026-06-01T09:00 US_east 2026-08-30 90 days
pipeda access 2026-06-15T09:00 Ontario 2026-08-14 60 days
"""
CONFIRMED = """
ccpa access 2026-01-03T09:00 California 2026-01-16 received on a Saturday
ccpa access 2026-01-09T09:00 California 2026-01-26 Martin Luther King Day
ccpa access 2026-11-16T09:00 California 2026-12-01 Thanksgiving; the day after is of the state alone
ccpa access 2026-11-16T09:00 US_west 2026-12-01 the day after is none of the United States
ccpa access 2026-11-16T09:00 nowhere_west 2026-11-30 no country, no holidays: earlier
ccpa access 2026-12-18T09:00 California 2027-01-05 Christmas and New Year
ccpa erasure 2026-06-15T09:00 California 2026-06-30 Juneteenth
ccpa erasure 2026-06-26T09:00 US_west 2026-07-13 4 July is a Saturday, kept on Friday
ccpa erasure 2026-11-02T09:00 California 2026-11-17 Veterans Day
ccpa erasure 2026-10-05T09:00 US_west 2026-10-20 Columbus Day
ccpa erasure 2026-10-05T09:00 California 2026-10-19 Columbus Day is none in California
ccpa erasure 2026-03-23T09:00 California 2026-04-06 Cesar Chavez Day is of the state alone
"""


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
        clock.check_place(Place(time_zone=zone))
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
