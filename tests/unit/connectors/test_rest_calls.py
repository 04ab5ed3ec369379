"""Calls of a declared API: what is tried again, what counts as nothing there, and how quickly they come."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from a_rest import (
    SEARCH,
    SECRET,
    Desk,
    Waits,
    desk,
    file,
    items,
    notes,
    opened,
    reply,
)

from privet.errors import InvalidInput, PrivetError, Refused, TooLarge, Unavailable


@pytest.fixture
def api() -> Iterator[Desk]:
    with desk() as held:
        yield held


# --- trying again ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_trouble_is_tried_again_with_longer_waits(api: Desk, status: int) -> None:
    waits = Waits()
    api.script = [reply({}, status), reply({}, status), items(1)]
    assert notes(opened(api, file(SEARCH), waits)) == [1]
    assert len(waits.waited) == 2 and waits.waited[0] < waits.waited[1] * 3


def test_a_system_that_asks_to_wait_is_given_that_time(api: Desk) -> None:
    waits = Waits()
    api.script = [reply({}, 429, retry_after="7"), items(1)]
    assert notes(opened(api, file(SEARCH), waits)) == [1]
    assert 7 <= waits.waited[0] < 7.1


def test_who_must_wait_long_comes_again_later(api: Desk) -> None:
    waits = Waits()
    api.script = [reply({}, 429, retry_after="3600")]
    with pytest.raises(Unavailable) as told:
        notes(opened(api, file(SEARCH), waits))
    assert waits.waited == [] and "3601" in told.value.hint


def test_a_date_to_wait_until_is_understood(api: Desk) -> None:
    waits = Waits()
    api.script = [reply({}, 429, retry_after="Sun, 06 Nov 1994 08:49:37 GMT"), items(1)]
    assert notes(opened(api, file(SEARCH), waits)) == [1] and waits.waited[0] < 0.1


def test_tries_have_an_end(api: Desk) -> None:
    api.script = [reply({}, 503)] * 9
    with pytest.raises(Unavailable):
        notes(opened(api, file(SEARCH)))
    assert len(api.calls) == 4


def test_a_connection_that_is_cut_is_tried_again_where_that_is_safe(api: Desk) -> None:
    api.script = [None, items(1)]
    assert notes(opened(api, file(SEARCH))) == [1]


def test_a_question_is_asked_again_whatever_its_method(api: Desk) -> None:
    text = file('method: POST\npath: /search\nbody: \'{"q": "<email>"}\'\ndata_path: items')
    for trouble in (None, reply({}, 500), reply({}, 503)):
        api.script = [trouble, items(1)]
        assert notes(opened(api, text)) == [1]


def test_an_answer_tells_nothing_of_itself_in_an_error(api: Desk) -> None:
    for status in (302, 400, 401, 403, 404, 409, 418, 422):
        api.script = [reply({"canary": "ada@example.com"}, status, location="https://example.com/canary")]
        with pytest.raises(PrivetError) as told:
            notes(opened(api, file(SEARCH)))
        shown = f"{told.value!r} {told.value} {told.value.hint} {told.value.__cause__}"
        assert "ada@" not in shown and "canary" not in shown and SECRET not in shown
        assert len(api.calls) == 1, "no redirect is followed, nothing tried again"
        api.calls.clear()


# --- what there is not ----------------------------------------------------------------------------------------------


def test_what_a_path_names_may_not_be_there_but_the_path_must(api: Desk) -> None:
    api.script = [reply({}, 404)]
    assert notes(opened(api, file("method: GET\npath: /people/<email>/notes"))) == []
    api.script = [reply({}, 404)]
    with pytest.raises(InvalidInput):
        notes(opened(api, file(SEARCH)))


@pytest.mark.parametrize(
    ("said", "status", "empty"), [("[409]", 409, True), ("[409]", 400, False), ("true", 400, True)]
)
def test_errors_that_a_file_passes_over_are_no_records(api: Desk, said: str, status: int, empty: bool) -> None:
    api.script = [reply({}, status)]
    connector = opened(api, file(f"{SEARCH}\nignore_errors: {said}"))
    if empty:
        assert notes(connector) == []
        return
    with pytest.raises(PrivetError):
        notes(connector)


@pytest.mark.parametrize("status", [401, 500])
def test_a_system_that_is_down_or_lets_nobody_in_is_never_empty(api: Desk, status: int) -> None:
    api.script = [reply({}, status)] * 4
    with pytest.raises(PrivetError):
        notes(opened(api, file(f"{SEARCH}\nignore_errors: true")))


def test_an_error_in_an_answer_of_status_200_is_an_error(api: Desk) -> None:
    text = file(f"{SEARCH}\nerror_path: error\nabsent: [nobody_found]")
    api.script = [reply({"ok": False, "error": "nobody_found"})]
    assert notes(opened(api, text)) == []
    api.script = [reply({"ok": False, "error": "fatal"})]
    with pytest.raises(Refused):
        notes(opened(api, text))
    waits = Waits()
    api.script = [reply({"error": "ratelimited"}, retry_after="2"), items(1)]
    assert notes(opened(api, text, waits)) == [1] and waits.waited[0] >= 2


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"{", b'{"items": 1}', b'{"items": [1]}', b'{"a": 1, "a": 2}', b"[" * 3000, b'{"items": "\xff"}'],
)
def test_what_is_no_answer_is_no_empty_one(api: Desk, body: bytes) -> None:
    api.script = [(200, {"content-type": "text/html"}, body)]
    with pytest.raises(PrivetError):
        notes(opened(api, file(SEARCH)))


def test_an_answer_above_its_bytes_is_refused_and_the_setting_raises_them(api: Desk) -> None:
    big = reply({"items": [{"id": 1, "body": "x" * (1 << 20)}]})
    api.script = [big, big]
    with pytest.raises(TooLarge):
        notes(opened(api, file(SEARCH)))
    assert notes(opened(api, file(SEARCH), response_bytes=4 << 20)) == [1]


# --- rates ----------------------------------------------------------------------------------------------------------


def test_calls_keep_to_the_rates_of_the_file(api: Desk) -> None:
    waits = Waits()
    api.route = lambda call: items()
    more = "  rate_limit_config: {limits: [{rate: 2, period: second}, {rate: 4, period: minute}]}"
    connector = opened(api, file(SEARCH, more=more), waits)
    notes(connector, "a@example.com", "b@example.com", "c@example.com", "d@example.com")
    assert sum(waits.waited) == pytest.approx(1.0)
    with pytest.raises(Unavailable):
        notes(connector)
    waits.at += 60
    assert notes(connector) == []


def test_an_endpoint_may_have_rates_of_its_own(api: Desk) -> None:
    waits = Waits()
    api.route = lambda call: items()
    more = "  rate_limit_config: {limits: [{rate: 1, period: day}]}"
    text = file(f"{SEARCH}\nrate_limit_config: {{enabled: false}}", more=more)
    notes(opened(api, text, waits), "a@example.com", "b@example.com")
    assert waits.waited == []
