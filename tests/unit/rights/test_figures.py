"""Monthly figures count requests and days by hand-made rows, name no person, and are inert in a spreadsheet."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import pytest

from privet.errors import InvalidInput
from privet.rights.asked import Request
from privet.rights.figures import Span, as_csv, as_text, disclosed, figures, span

ZONE = "Europe/Berlin"


def at(day: str, time: str = "12:00") -> int:
    """Return UTC milliseconds."""
    return int(datetime.fromisoformat(f"{day}T{time}").replace(tzinfo=UTC).timestamp() * 1000)


def request(received: str, state: str = "approved", ended: str = "", **more: Any) -> Request:
    """Return a request by the days on which it came and ended. It is due ten days after it came."""
    facts: dict[str, Any] = {
        "id": "r",
        "kind": "access",
        "state": state,
        "dry": False,
        "opened_ms": at(received),
        "received_ms": at(received),
        "updated_ms": at(received),
        "due_ms": at(received) + 10 * 86_400_000,
        "ended_ms": at(ended) if ended else None,
        "opened_by": "alice",
        "decided_by": "bob",
        "reason": "",
        "without": (),
        "begun": False,
        "forgotten": False,
        "certificate": "",
        "plan": None,
        "progress": None,
        "result": None,
        "law": "gdpr",
        "region": "DE",
    }
    return Request(**(facts | more))


MARCH = span("2026-03", at("2026-05-01"), ZONE)
ROWS = [
    request("2026-02-25", "complete", "2026-03-02"),  # 5 days
    request("2026-03-01", "complete", "2026-03-02"),  # 1 day
    request("2026-03-01", "complete", "2026-03-20", extended="complex"),  # 19 days, late
    request("2026-03-05", "partial", "2026-03-07"),  # 2 days
    request("2026-03-06", "denied", "2026-03-09", reason="not_held"),  # 3 days
    request("2026-03-06", "denied", "2026-03-10", reason="duplicate"),  # 4 days
    request("2026-03-06", "denied", "2026-03-06", reason="duplicate"),  # 0 days
    request("2026-03-08", "canceled", "2026-03-09", reason="mistake"),
    request("2026-03-10", "failed", "2026-03-12"),  # nobody was answered: open, and late
    request("2026-03-28", "complete", "2026-04-03"),  # open in March
    request("2026-03-02"),  # open, late
    request("2026-01-02", "complete", "2026-01-05"),  # before
    request("2026-04-02"),  # after
    request("2026-03-03", "complete", "2026-03-04", dry=True),  # nobody's
]


def test_a_month_counts_what_came_and_what_ended_in_it() -> None:
    line = figures(ROWS, MARCH).total
    assert (line.received, line.complete, line.partial, line.canceled, line.failed) == (10, 3, 1, 1, 1)
    assert line.denied == {"duplicate": 2, "not_held": 1}
    assert (line.open, line.late, line.extended, line.on_time) == (3, 3, 1, 6)


def test_days_to_answer_are_days_of_the_calendar() -> None:
    line = figures(ROWS, MARCH).total
    # 0 1 2 3 4 5 19: the middle is 3, the sum 34 of 7, and nine in ten are within the seventh.
    assert (line.median, line.mean, line.p90) == (3.0, 4.9, 19)
    late = request("2026-03-01", "complete", received_ms=at("2026-03-01", "22:59"), ended_ms=at("2026-03-01", "23:01"))
    assert figures([late], MARCH).total.median == 1.0, "midnight in Berlin lies between"
    assert figures([], MARCH).total.median is None


@pytest.mark.parametrize(("count", "nearest"), [(1, 0), (9, 8), (10, 8), (11, 9), (20, 17)])
def test_nine_in_ten_are_answered_within_the_ninetieth_percentile(count: int, nearest: int) -> None:
    rows = [request("2026-03-01", "complete", f"2026-03-{1 + days:02}") for days in range(count)]
    assert figures(rows, MARCH).total.p90 == nearest


def test_lines_are_by_kind_law_and_region_and_add_up() -> None:
    more = [
        request("2026-03-02", "complete", "2026-03-03", kind="erasure", law="ccpa", region="US-CA"),
        request("2026-03-02", "complete", "2026-03-03", kind="erasure", law="gdpr", region="FR"),
    ]
    found = figures([*ROWS, *more], MARCH)
    assert [(line.kind, line.law, line.region) for line in found.lines] == [
        ("access", "gdpr", "DE"),
        ("erasure", "ccpa", "US-CA"),
        ("erasure", "gdpr", "FR"),
    ]
    for word in ("received", "complete", "partial", "canceled", "failed", "open", "late", "extended", "on_time"):
        assert sum(getattr(line, word) for line in found.lines) == getattr(found.total, word)


def test_a_month_that_is_not_over_counts_until_now() -> None:
    now = at("2026-03-06", "13:00")
    line = figures([*ROWS[:2], request("2026-03-02")], span("2026-03", now, ZONE)).total
    assert (line.open, line.late) == (1, 0)


@pytest.mark.parametrize(
    ("text", "first", "after"),
    [
        ("2026-03", "2026-02-28T23", "2026-03-31T22"),  # summer time begins in it
        ("2026-12", "2026-11-30T23", "2026-12-31T23"),
        ("2026", "2025-12-31T23", "2026-12-31T23"),
    ],
)
def test_a_span_is_of_the_place(text: str, first: str, after: str) -> None:
    found = span(text, at("2027-06-01"), ZONE)
    assert (found.since_ms, found.until_ms) == (at(first[:10], f"{first[11:]}:00"), at(after[:10], f"{after[11:]}:00"))


@pytest.mark.parametrize(
    "text", ["", "2026-13", "2026-3", "26-03", "2026-03-01", "March", "0001", "2099-01", "２０２６"]
)
def test_another_text_is_no_span(text: str) -> None:
    with pytest.raises(InvalidInput):
        span(text, at("2026-05-01"), ZONE)


def test_what_california_has_disclosed_is_by_sort_of_request() -> None:
    rows = [
        request("2026-01-10", "complete", "2026-01-20", kind="erasure", law="ccpa"),
        request("2026-02-10", "partial", "2026-02-14", kind="erasure", law="ccpa"),
        request("2026-02-10", "denied", "2026-02-11", kind="access", law="ccpa", reason="identity_not_proved"),
        request("2026-02-10", "complete", "2026-02-12", kind="portability", law="ccpa"),
        request("2026-02-10", "complete", "2026-02-10", kind="consent", law="ccpa"),
        request("2026-02-10", "complete", "2026-02-12", kind="access", law="gdpr"),
    ]
    found = {each.request: each for each in disclosed(rows, span("2026", at("2027-02-01"), ZONE))}
    assert list(found) == ["delete", "correct", "know", "opt out", "limit"]
    delete, know = found["delete"], found["know"]
    assert (delete.received, delete.complied, delete.denied, delete.median, delete.mean) == (2, 2, 0, 7.0, 7.0)
    assert (know.received, know.complied, know.denied, know.median) == (2, 1, 1, 1.5)
    assert found["opt out"].median == 0.0
    assert found["limit"].median is None


def test_the_csv_reads_back_and_has_a_column_for_each_reason() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(figures(ROWS, MARCH)))))
    assert [row["kind"] for row in rows] == ["access", "all"]
    assert rows[1]["denied: duplicate"] == "2"
    assert rows[1]["median days"] == "3"
    assert figures([], Span(0, 1, 1, "UTC")).lines == ()


def test_no_cell_is_a_formula() -> None:
    evil = request("2026-03-02", "denied", "2026-03-03", region="=1+1", reason="@SUM(A1)")
    text = as_csv(figures([evil], MARCH))
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert "'=1+1" in cells
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in cells)


def test_the_text_is_in_columns() -> None:
    head, *lines = as_text(figures(ROWS, MARCH)).splitlines()
    assert head.split("  ")[0] == "kind"
    assert len({line.index("gdpr") for line in lines if "gdpr" in line} | {head.index("law")}) == 1
