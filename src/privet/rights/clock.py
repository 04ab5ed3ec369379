"""When a person's request must be answered, by law, calendar and place, and whom to warn of. No I/O, no clock.

A day ends where the organization is, and its public holidays are those of that place. Where a rule is in doubt, the
earlier day stands. None of it is legal advice.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache, lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

from privet.errors import InvalidInput
from privet.rights.asked import Request
from privet.rights.words import Kind, State
from privet.vocabulary.laws import Law, Period, Right, law, laws

DAY_MS = 86_400_000
WARN_DAYS = 7
# A last day ends at midnight, so this is when the seventh day before it begins: seven whole days are left, and a worker
# that stands still for most of a day, or a change to summer time, costs none of them.
WARN_MS = (WARN_DAYS + 1) * DAY_MS
RECEIPT_MS = 3 * DAY_MS
"""How long before the day by which receipt must be confirmed somebody is warned that it is not."""
OPEN: tuple[State, ...] = ("received", "approved", "running", "waiting", "failed")
"""States in which a person waits for an answer. What failed answers nobody, whatever the worker thinks of it."""
WATCHED: tuple[State, ...] = (*OPEN, "partial")
"""States of which somebody may want to know that time runs out: what is missing of an answer can still be had."""

RIGHTS: Mapping[Kind, tuple[Right, ...]] = {
    "access": ("access",),
    "portability": ("portability", "access"),
    "rectification": ("rectification",),
    "erasure": ("erasure",),
    "restriction": ("restriction",),
    "objection": ("objection", "opt_out"),
    "consent": ("opt_out",),
}
"""What is asked → the rights that it may be asked by. The first for which a law names a time counts."""

# GDPR is law in the states of the European Economic Area (decision of the EEA Joint Committee 154/2018).
_EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK".split()  # noqa: SIM905
)
_LAST_MS = 253_000_000_000_000  # in the year 9987: no date of a deadline runs over what dates can be
_HOUSE = "no law that was found names a time; the house keeps the month of Art. 12(3) GDPR"

Event = Literal["acknowledge", "warning", "overdue"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the organization is. `country`, `state`: ISO 3166 codes (`DE` with `BY` or `DE-BY`), "" for none.
    `time_zone`: a name of the IANA database."""

    country: str = ""
    state: str = ""
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """Until when a request must be answered: the last millisecond of a day, UTC milliseconds since 1970.

    `law`: the key of the law that gives the time, "" where it is a rule of the house. `acknowledge_ms`: until when its
    receipt must be confirmed, None where nothing asks for that. `extended_ms`: until when it may take with a notice,
    None where no more time can be had. `source`: the provisions, and what was done about holidays.
    """

    law: str
    due_ms: int
    acknowledge_ms: int | None
    extended_ms: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A request to warn somebody of. `event`: the time to confirm its receipt runs out, that to answer it does, or
    has."""

    request: Request
    event: Event


def answer_by(
    kind: Kind, received_ms: int, place: Place, *, asked: str = "", region: str = "", own: Sequence[str] = ()
) -> Due:
    """Return until when a request must be answered.

    `asked`: key of the law that somebody says it is under. `region`: where the person lives. `own`: keys of the laws
    that the organization says it is under. Of the first of (the law asked for, those of `laws_for`, all of `own`)
    that names a time, the shortest counts; if none does, a month, by a rule of the house.
    Raises UnknownName for `asked`, InvalidInput for a time zone or a time that nobody knows.
    """
    held = _known(own)
    for group in ((law(asked),) if asked else (), laws_for(region, own, place.country), held):
        found = [each for one in group if (each := due(one, kind, received_ms, place)) is not None]
        if found:
            return _shortest(found)
    month = due(law("gdpr"), "access", received_ms, place)
    assert month is not None  # Art. 12(3) names it
    return Due(
        law="",
        due_ms=month.due_ms,
        acknowledge_ms=None,
        extended_ms=month.extended_ms,
        source=_HOUSE,
    )


def laws_for(region: str, own: Sequence[str], country: str = "") -> tuple[Law, ...]:
    """Return the laws that a request may be under: those of where the person lives (`region`, "" unknown), and those
    of the organization's own that hold for whomever it has data of, because it is in that `country` (GDPR Art. 3(1)).

    If there are none, all of its own; if it names none, GDPR. Laws of one sector count where the organization names
    them.
    """
    held = _known(own)
    hers = [each for each in laws() if _covers(each.region, region) and (not each.sector or each in held)]
    ours = [each for each in held if _covers(each.region, country) and each not in hers]
    return tuple(hers + ours) or held or (law("gdpr"),)


def due(rule: Law, kind: Kind, received_ms: int, place: Place) -> Due | None:
    """Return until when a law wants a request answered that came at a time, None where it names no time for it.

    The day on which it comes is not counted; months end on the day of the same number, or on the last of a shorter
    month. Source: Regulation (EEC, Euratom) 1182/71, Art. 3(1) to (4); EDPB Guidelines 01/2022, section 5.3; Cal. Code
    Regs. tit. 11 § 7021.
    """
    known = (rule.request(right) for right in RIGHTS[kind])
    row = next((each for each in known if each is not None and each.within is not None), None)
    if row is None or row.within is None:
        return None
    start = day_of(received_ms, place.time_zone)

    def last(period: Period) -> int:
        end = _after(start, period, place)
        return day_end_ms(_working(end, place) if rule.moves else end, place.time_zone)

    whole = _sum(row.within, row.extend) if row.extend else None
    return Due(
        law=rule.key,
        due_ms=last(row.within),
        acknowledge_ms=last(row.acknowledge) if row.acknowledge else None,
        extended_ms=last(whole) if whole else None,
        source=_source(rule, row.source, row.within, row.acknowledge, place),
    )


def warn(requests: Iterable[Request], now_ms: int) -> list[Notice]:
    """Return whom to warn of now: each request once as its time runs out (`WARN_MS`), at once where less is left when
    it comes, and once more when it is late and has no answer at all; and once where its receipt must be confirmed soon
    (`RECEIPT_MS`) and is not. `requests`: of the states WATCHED, or more.
    Callers note the time of a warning in `warned_ms` with all warnings of that request.

    A request whose time is extended is warned of anew before the new day: nothing need be reset.
    """
    return [Notice(request, event) for request in requests for event in _events(request, now_ms)]


def day_of(at_ms: int, time_zone: str) -> date:
    """Return the date on which a time falls there. Raises InvalidInput."""
    if not 0 <= at_ms < _LAST_MS:
        raise InvalidInput("expected a time from 1970 on, in milliseconds")
    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone_of(time_zone)).date()


def day_start_ms(day: date, time_zone: str) -> int:
    """Return when a day begins there: at midnight, or at what follows where clocks skip that."""
    begin = datetime.combine(day, time(), tzinfo=zone_of(time_zone))
    return int(begin.timestamp()) * 1000


def day_end_ms(day: date, time_zone: str) -> int:
    """Return the last millisecond of a day there, which has 23 to 25 hours."""
    return day_start_ms(day + timedelta(days=1), time_zone) - 1


def days_left(due_ms: int, now_ms: int, time_zone: str) -> int:
    """Return how many days are left until the last one: 0 on that day itself, below 0 when it is late."""
    return (day_of(due_ms, time_zone) - day_of(now_ms, time_zone)).days


# --- private ------------------------------------------------------------------------------------------------------


def _events(request: Request, now_ms: int) -> Iterator[Event]:
    """Yield what has begun and was not there yet when somebody was warned of the request the last time."""
    if request.dry or request.forgotten or request.state not in WATCHED:
        return
    is_open = request.state in OPEN
    receipt_ms = request.acknowledge_ms if request.acknowledged_ms is None and is_open else None
    if receipt_ms is not None and _is_news(request, receipt_ms - RECEIPT_MS, now_ms):
        yield "acknowledge"
    due_ms = request.due_ms
    if due_ms is None:
        return
    if now_ms > due_ms:
        if is_open and _is_news(request, due_ms + 1, now_ms):
            yield "overdue"
    elif _is_news(request, due_ms - WARN_MS, now_ms):
        yield "warning"


def _is_news(request: Request, begins_ms: int, now_ms: int) -> bool:
    return begins_ms <= now_ms and (request.warned_ms is None or request.warned_ms < begins_ms)


def _shortest(found: Sequence[Due]) -> Due:
    """Return what keeps to all of several laws at once."""
    first = min(found, key=lambda each: each.due_ms)
    receipts = [each.acknowledge_ms for each in found if each.acknowledge_ms is not None]
    longest = min(each.due_ms if each.extended_ms is None else each.extended_ms for each in found)
    return Due(
        law=first.law,
        due_ms=first.due_ms,
        acknowledge_ms=min(receipts, default=None),
        extended_ms=longest if longest > first.due_ms else None,
        source=first.source,
    )


def _known(own: Sequence[str]) -> tuple[Law, ...]:
    """Return the organization's laws; keys that are none are lint's business."""
    return tuple(each for each in laws() if each.key in own)


def _covers(region: str, place: str) -> bool:
    """Return whether a law of a region is law in a place: `US` in `US-CA`, not the other way round."""
    said = place.upper()
    country = said.partition("-")[0]
    if region == "EU":
        return country in _EEA or said == "EU"
    return region in (said, "GB" if country == "UK" else country)


def _sum(within: Period, extend: Period) -> Period:
    return Period(within.count + extend.count, within.unit)


def _after(start: date, period: Period, place: Place) -> date:
    if period.unit == "months":
        return _months_after(start, period.count)
    if period.unit == "days":
        return start + timedelta(days=period.count)
    day, left = start, period.count
    while left:
        day += timedelta(days=1)
        left -= not _is_idle(day, place)
    return day


def _months_after(start: date, count: int) -> date:
    years, month = divmod(start.month - 1 + count, 12)
    year = start.year + years
    return date(year, month + 1, min(start.day, calendar.monthrange(year, month + 1)[1]))


def _working(day: date, place: Place) -> date:
    while day.weekday() >= 5 or day in _holidays(place, day.year):
        day += timedelta(days=1)
    return day


def _is_idle(day: date, place: Place) -> bool:
    """Return whether a day is certainly no business day, which no law defines: a holiday both of the country and of the
    state. What the state alone keeps is a day of work for many, and counting it makes the deadline no later."""
    if day.weekday() >= 5:
        return True
    return day in _holidays(place, day.year) and day in _holidays(replace(place, state=""), day.year)


def _source(rule: Law, provisions: str, within: Period, acknowledge: Period | None, place: Place) -> str:
    told = [f"{rule.name}, {provisions}"]
    if rule.moves:
        told.append(f"a last day that is no working day moves by {rule.moves}")
    if rule.moves or "business days" in (within.unit, acknowledge.unit if acknowledge else ""):
        told += _untold(place)
    return "; ".join(told)


def _untold(place: Place) -> list[str]:
    if not place.country:
        return ["public holidays are not counted, since no country is set"]
    if place.country.upper() not in _places():
        return ["public holidays are not counted, since those of the country are not known"]
    if place.state and _subdivision(place) is None:
        return ["public holidays of the state are not counted, since they are not known"]
    return []


def _subdivision(place: Place) -> str | None:
    """Return the state as the table of holidays names it, None where it has none of that name."""
    country = place.country.upper()
    state = place.state.upper().removeprefix(f"{country}-")
    return state if state in _places().get(country, ()) else None


@lru_cache(maxsize=1_000)
def _holidays(place: Place, year: int) -> frozenset[date]:
    """Return the public holidays of a year, those of the state among them; none of a country that is not known."""
    if place.country.upper() not in _places():
        return frozenset()
    import holidays  # slow to import, and most runs count no days

    return frozenset(holidays.country_holidays(place.country.upper(), subdiv=_subdivision(place), years=year))


@cache
def _places() -> Mapping[str, Sequence[str]]:
    import holidays

    return holidays.list_supported_countries(include_aliases=False)


@cache
def zone_of(name: str) -> tzinfo:
    """Return a time zone. Raises InvalidInput for a name that the IANA database does not have."""
    if name == "UTC":
        return UTC  # machines without the time zone database know it, too
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise InvalidInput(
            "expected `time_zone` as a name of the IANA database", hint="such as `Europe/Berlin`, or `UTC`"
        ) from None
