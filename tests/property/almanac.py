"""A second clock, for tests: it walks day by day, and knows holidays by rules of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from privet.rights.clock import Place

DAY = timedelta(days=1)
# From 2022 to 2040: no holiday of these places was moved or given once in between, but for three in England.
FIRST, LAST = datetime(2022, 1, 1, tzinfo=UTC), datetime(2040, 6, 1, tzinfo=UTC)
ONCE = {date(2022, 6, 2), date(2022, 6, 3), date(2022, 9, 19), date(2023, 5, 8)}


def easter(year: int) -> date:
    """Return Easter Sunday. Source: the Gregorian computus of Meeus, Jones and Butcher."""
    a, (b, c) = year % 19, divmod(year, 100)
    (d, e), g = divmod(b, 4), (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    le = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 19 * le) // 433
    month = (h + le - 7 * m + 90) // 25
    return date(year, month, (h + le - 7 * m + 33 * month + 19) % 32)


def nth(year: int, month: int, weekday: int, count: int) -> date:
    """Return the first, second … of a weekday in a month; -1 for the last."""
    days = [date(year, month, 1) + DAY * at for at in range(31)]
    found = [day for day in days if day.month == month and day.weekday() == weekday]
    return found[count - 1 if count > 0 else count]


def german(year: int) -> set[date]:
    """Return the public holidays of all Germany."""
    fixed = {date(year, month, day) for month, day in ((1, 1), (5, 1), (10, 3), (12, 25), (12, 26))}
    return fixed | {easter(year) + DAY * days for days in (-2, 1, 39, 50)}


def english(year: int) -> set[date]:
    """Return the bank holidays of England. Source: Banking and Financial Dealings Act 1971, schedule 1."""
    found = {easter(year) - 2 * DAY, easter(year) + DAY, nth(year, 5, 0, 1), nth(year, 8, 0, -1)}
    found |= {nth(year, 5, 0, -1)} if year != 2022 else set()
    for day in (date(year, 1, 1), date(year, 12, 25), date(year, 12, 26)):
        found.add(day)
        while day.weekday() >= 5 or (day in found and day.day not in (1, 25, 26)):
            day += DAY
            if day.month == 12 and day == date(year, 12, 26):
                day += DAY  # Boxing Day is one itself
        found.add(day)
    return found | {day for day in ONCE if day.year == year}


def american(year: int) -> set[date]:
    """Return the holidays of the United States with the days on which they are kept. Source: 5 U.S.C. 6103."""
    fixed = {date(year, month, day) for month, day in ((1, 1), (6, 19), (7, 4), (11, 11), (12, 25))} | {
        date(year + 1, 1, 1)
    }
    kept = {day - DAY if day.weekday() == 5 else day + DAY for day in fixed if day.weekday() >= 5}
    moving = ((1, 0, 3), (2, 0, 3), (5, 0, -1), (9, 0, 1), (10, 0, 2), (11, 3, 4))
    return fixed | kept | {nth(year, *each) for each in moving}


def british(year: int) -> set[date]:
    """Return those bank holidays of England that Scotland and Northern Ireland keep, too. Source: the same act."""
    return english(year) - {easter(year) + DAY, nth(year, 8, 0, -1)}


PLACES = {("DE", ""): german, ("GB", "ENG"): english, ("US", ""): american}


def is_off(day: date, place: Place) -> bool:
    """Return whether a day is no working day there."""
    return day.weekday() >= 5 or day in PLACES[place.country, place.state](day.year)


def is_idle(day: date, place: Place) -> bool:
    """Return whether a day is surely no business day: off there, and in all of the country."""
    return is_off(day, place) and (place.country != "GB" or day.weekday() >= 5 or day in british(day.year))


def walked_months(start: date, count: int) -> date:
    """Return the day of the same number `count` months on, or the last before the month after, walking."""
    day, left = start, count
    while left:
        day += DAY
        left -= day.day == 1
    while day.day < start.day and (day + DAY).day != 1:
        day += DAY
    return day


def walked(start: date, count: int, unit: str, place: Place) -> date:
    """Return the last day of a period, walking day by day."""
    if unit == "months":
        return walked_months(start, count)
    day = start
    while count:
        day += DAY
        count -= unit == "days" or not is_idle(day, place)
    return day


def local_day(at_ms: int, place: Place) -> date:
    """Return the date that local clocks show."""
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(place.time_zone)).date()
