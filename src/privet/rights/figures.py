"""Figures of people's requests over a month or a year: how many, how they ended, how long they took. No person in them.

Of the rows alone, without opening what is sealed; callers bring them. Dry runs are nobody's requests and are left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import ceil
from statistics import fmean, median

from privet.errors import InvalidInput
from privet.rights.asked import Request
from privet.rights.clock import day_of, day_start_ms
from privet.rights.words import Kind

ANSWERED = ("complete", "partial", "denied")
DISCLOSED: Mapping[str, tuple[Kind, ...]] = {
    "delete": ("erasure",),
    "correct": ("rectification",),
    "know": ("access", "portability"),
    "opt out": ("objection", "consent"),
    "limit": ("restriction",),
}
"""What Cal. Code Regs. tit. 11 § 7102(a)(1) has disclosed → what such requests are here. What people consent to is
counted with what they refuse, because which of the two it was is sealed."""
_SPAN = re.compile(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Figures of requests of one kind, law and region; "" stands for all, in a total.

    `received`: those that came in the time. `complete`, `partial`, `denied` (by reason), `canceled`, `failed`: those
    that ended in it. `open`: those that no answer ended by its end. `late`: those answered too late in it, or open
    and overdue at its end. `extended`: of those answered or open, how many got more time. `on_time`: those answered in
    time, or without a time that they had to keep. `median`, `mean`, `p90`: days from receipt to answer, None where
    nothing was answered; the 90th percentile is the nearest rank.
    """

    kind: str
    law: str
    region: str
    received: int = 0
    complete: int = 0
    partial: int = 0
    denied: Mapping[str, int]
    canceled: int = 0
    failed: int = 0
    open: int = 0
    late: int = 0
    extended: int = 0
    on_time: int = 0
    median: float | None = None
    mean: float | None = None
    p90: int | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """Lines by kind, law and region, and all of them together."""

    lines: tuple[Line, ...]
    total: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosed:
    """What is to be published of one sort of request. `complied`: in whole or in part."""

    request: str
    received: int
    complied: int
    denied: int
    median: float | None
    mean: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """A time to count in: from its first millisecond until before `until_ms`. `now_ms`: until then things are known.
    `time_zone`: where days end."""

    since_ms: int
    until_ms: int
    now_ms: int
    time_zone: str

    @property
    def end_ms(self) -> int:
        """Return the end of the time as far as it is over."""
        return min(self.until_ms, self.now_ms)

    def __contains__(self, at_ms: int) -> bool:
        return self.since_ms <= at_ms < self.until_ms


def span(text: str, now_ms: int, time_zone: str) -> Span:
    """Return a month (`2026-03`) or a year (`2026`). Raises InvalidInput for another text, or what has not begun."""
    found = _SPAN.fullmatch(text)
    if found is None or not 1970 <= int(found[1]) < 9000:
        raise InvalidInput("expected a month such as `2026-03`, or a year such as `2026`")
    year = int(found[1])
    first = date(year, int(found[2] or 1), 1)
    months = first.month if found[2] else 12
    after = date(year + months // 12, months % 12 + 1, 1)
    made = Span(day_start_ms(first, time_zone), day_start_ms(after, time_zone), now_ms, time_zone)
    if made.since_ms > now_ms:
        raise InvalidInput("expected a month or a year that has begun")
    return made


def figures(requests: Iterable[Request], time: Span) -> Figures:
    """Return the figures of a time. `requests`: all that came before its end, and were open in it or after."""
    counted = [each for each in requests if not each.dry and each.received_ms < time.until_ms]
    groups: dict[tuple[str, str, str], list[Request]] = {}
    for each in counted:
        groups.setdefault((each.kind, each.law, each.region), []).append(each)
    lines = (_line(key, groups[key], time) for key in sorted(groups))
    return Figures(tuple(line for line in lines if not _is_empty(line)), _line(("", "", ""), counted, time))


def disclosed(requests: Iterable[Request], time: Span, law: str = "ccpa") -> tuple[Disclosed, ...]:
    """Return what is to be published of requests under a law. Source: Cal. Code Regs. tit. 11 § 7102(a)(1)."""
    under = [each for each in requests if each.law == law and not each.dry and each.received_ms < time.until_ms]
    found = []
    for name, kinds in DISCLOSED.items():
        line = _line((name, law, ""), [each for each in under if each.kind in kinds], time)
        found.append(
            Disclosed(
                request=name,
                received=line.received,
                complied=line.complete + line.partial,
                denied=sum(line.denied.values()),
                median=line.median,
                mean=line.mean,
            )
        )
    return tuple(found)


def table(found: Figures) -> list[list[str]]:
    """Return figures as rows of cells, the head first and the total last. A reason is a column of its own."""
    reasons = list(found.total.denied)
    head = ["kind", "law", "region", "received", "complete", "partial", "denied"]
    head += [f"denied: {reason}" for reason in reasons]
    head += [
        "canceled",
        "failed",
        "open",
        "late",
        "extended",
        "on time",
        "median days",
        "mean days",
        "90 % within days",
    ]
    return [head, *(_cells(line, reasons) for line in (*found.lines, found.total))]


def as_csv(found: Figures) -> str:
    """Return figures as CSV. Source: RFC 4180. No cell is a formula: OWASP, CSV Injection."""
    out = io.StringIO()
    csv.writer(out).writerows([_inert(cell) for cell in row] for row in table(found))
    return out.getvalue()


def as_text(found: Figures) -> str:
    """Return figures as lines of text, in columns."""
    rows = table(found)
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "".join(f"{'  '.join(_aligned(row, widths)).rstrip()}\n" for row in rows)


# --- private ------------------------------------------------------------------------------------------------------


def _line(key: tuple[str, str, str], requests: Sequence[Request], time: Span) -> Line:
    ended = [each for each in requests if each.ended_ms is not None and each.ended_ms in time]
    answered = [each for each in ended if each.state in ANSWERED]
    late = [each for each in answered if _is_late(each, each.ended_ms or 0)]
    still = [each for each in requests if _is_open(each, time)]
    days = sorted(_days(each, time.time_zone) for each in answered)
    denied: dict[str, int] = {}
    for each in sorted(answered, key=lambda each: each.reason):
        if each.state == "denied":
            denied[each.reason] = denied.get(each.reason, 0) + 1
    return Line(
        kind=key[0],
        law=key[1],
        region=key[2],
        received=sum(each.received_ms in time for each in requests),
        complete=_count(ended, "complete"),
        partial=_count(ended, "partial"),
        denied=denied,
        canceled=_count(ended, "canceled"),
        failed=_count(ended, "failed"),
        open=len(still),
        late=len(late) + sum(_is_late(each, time.end_ms) for each in still),
        extended=sum(bool(each.extended) for each in (*answered, *still)),
        on_time=len(answered) - len(late),
        median=float(median(days)) if days else None,
        mean=round(fmean(days), 1) if days else None,
        p90=days[ceil(len(days) * 9 / 10) - 1] if days else None,
    )


def _is_empty(line: Line) -> bool:
    ended = (line.complete, line.partial, *line.denied.values(), line.canceled, line.failed)
    return not any((line.received, *ended, line.open))


def _count(requests: Iterable[Request], state: str) -> int:
    return sum(each.state == state for each in requests)


def _is_open(request: Request, time: Span) -> bool:
    """Return whether nobody had answered by the end. What failed has an end, and no answer."""
    if request.received_ms >= time.end_ms:
        return False
    ended = request.ended_ms
    return ended is None or ended >= time.end_ms or request.state == "failed"


def _is_late(request: Request, at_ms: int) -> bool:
    return request.due_ms is not None and at_ms > request.due_ms


def _days(request: Request, time_zone: str) -> int:
    """Return whole days from receipt to answer, as the calendar counts them: 0 on the same day."""
    assert request.ended_ms is not None
    return (day_of(request.ended_ms, time_zone) - day_of(request.received_ms, time_zone)).days


def _cells(line: Line, reasons: Sequence[str]) -> list[str]:
    counts = [line.received, line.complete, line.partial, sum(line.denied.values())]
    counts += [line.denied.get(reason, 0) for reason in reasons]
    counts += [line.canceled, line.failed, line.open, line.late, line.extended, line.on_time]
    days = ("" if each is None else f"{each:g}" for each in (line.median, line.mean, line.p90))
    return [line.kind or "all", line.law, line.region, *map(str, counts), *days]


def _inert(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [
        cell.ljust(width) if at < 3 else cell.rjust(width)
        for at, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
