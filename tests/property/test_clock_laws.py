"""Laws of the clock: it agrees with a second one that walks day by day and knows holidays by rules of its own."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from almanac import DAY, FIRST, LAST, PLACES, is_off, local_day, walked
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.rights.clock import DAY_MS, Place, answer_by, day_end_ms, day_of, day_start_ms, due, laws_for
from privet.rights.words import Kind
from privet.vocabulary.laws import law, laws

ZONES = ["UTC", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "Asia/Kathmandu", "America/St_Johns"]
ZONES += ["Australia/Lord_Howe", "Pacific/Apia", "Asia/Beirut", "America/Havana"]
KINDS: list[Kind] = ["access", "portability", "rectification", "erasure", "restriction", "objection", "consent"]
times = st.integers(int(FIRST.timestamp() * 1000), int(LAST.timestamp() * 1000))
places = st.tuples(st.sampled_from(sorted(PLACES)), st.sampled_from(ZONES)).map(
    lambda drawn: Place(drawn[0][0], drawn[0][1], drawn[1])
)


@settings(max_examples=300, deadline=None)
@given(times, places, st.sampled_from([each.key for each in laws()]), st.sampled_from(KINDS))
def test_the_clock_agrees_with_one_that_walks(received: int, place: Place, key: str, kind: Kind) -> None:
    found = due(law(key), kind, received, place)
    if found is None:
        return
    start = local_day(received, place)
    rights = {"objection": ("objection", "opt_out"), "consent": ("opt_out",), "portability": ("portability", "access")}
    row = next(
        row
        for right in rights.get(kind, (kind,))
        if (row := law(key).request(right)) is not None and row.within is not None  # type: ignore[arg-type]
    )
    assert row.within is not None
    extended = row.within.count + row.extend.count if row.extend else None
    for count, ms in ((row.within.count, found.due_ms), (extended, found.extended_ms)):
        if count is None:
            assert ms is None
            continue
        last = walked(start, count, row.within.unit, place)
        while key in ("gdpr", "uk_gdpr") and is_off(last, place):
            last += DAY
        assert ms is not None
        assert local_day(ms, place) == last
        assert local_day(ms + 1, place) > last, "the day is used to its end"


@settings(max_examples=200, deadline=None)
@given(times, st.sampled_from(ZONES))
def test_a_day_is_what_local_clocks_show(at_ms: int, zone: str) -> None:
    day = day_of(at_ms, zone)
    assert day == datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone)).date()
    begin, end = day_start_ms(day, zone), day_end_ms(day, zone)
    assert begin <= at_ms <= end
    assert day_of(begin, zone) == day_of(end, zone) == day
    assert day_of(begin - 1, zone) < day < day_of(end + 1, zone)
    assert 22 * 3_600_000 <= end + 1 - begin <= 26 * 3_600_000


@settings(max_examples=200, deadline=None)
@given(times, places, st.sampled_from(KINDS), st.sampled_from(["", "DE", "GB", "US-CA", "US-TX", "BR", "CA", "CH"]))
def test_every_request_has_a_date_that_is_later_the_later_it_comes(
    received: int, place: Place, kind: Kind, region: str
) -> None:
    found = [answer_by(kind, received + DAY_MS * day, place, region=region) for day in range(4)]
    for earlier, later in pairwise(found):
        assert earlier.due_ms <= later.due_ms
    for each in found:
        assert each.due_ms > received
        assert each.extended_ms is None or each.extended_ms > each.due_ms
        assert each.acknowledge_ms is None or received < each.acknowledge_ms < each.due_ms
        assert each.source


@settings(max_examples=100, deadline=None)
@given(
    times,
    places,
    st.sampled_from(KINDS),
    st.lists(st.sampled_from([each.key for each in laws()]), max_size=4, unique=True),
    st.lists(st.sampled_from([each.key for each in laws()]), max_size=4, unique=True),
)
def test_one_more_law_of_the_house_never_makes_it_later_where_no_region_is_known(
    received: int, place: Place, kind: Kind, own: list[str], more: list[str]
) -> None:
    here = Place("", "", place.time_zone)  # no law binds by where the organization is
    few = answer_by(kind, received, here, own=own)
    many = answer_by(kind, received, here, own=[*own, *more])
    if few.law and set(own) & {each.key for each in laws_for("", own)}:
        assert many.due_ms <= few.due_ms
