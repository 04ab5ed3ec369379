"""For people: each finding with its line, underlined, and how to mend it; a count at the end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from privet.codec import Place
from privet.manifest.finding import Finding, Severity
from privet.manifest.reports import Report, Told

# What turns the direction of text around would show a reader another line than the one that counts.
_TURNS = (0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = {code: "�" for code in (*range(0x09), *range(0x0A, 0x20), 0x7F, *range(0x80, 0xA0), *_TURNS)}
_ADDRESS = re.compile(r"[^\s@\"'<>(){}\[\],;:=]{1,64}@[^\s@\"'<>(){}\[\],;:=]{1,255}")
_COLORS: dict[Severity, str] = {"error": "31", "warning": "33", "note": "36"}
_WIDEST = 160


def write(told: Told) -> str:
    """Return findings one after the other, then a line that counts them."""
    lines: dict[str, list[str]] = {}
    parts = ["\n".join(_block(finding, told, lines)) for finding in told.findings]
    return "\n\n".join([*parts, _sum(told)]) + "\n"


def _block(finding: Finding, told: Told, lines: dict[str, list[str]]) -> Iterator[str]:
    yield _painted(f"{finding.severity}[{finding.rule}]", finding.severity, told) + f": {plain(finding.message)}"
    margin = " " * len(str(finding.at.line))
    if finding.at.file:
        yield f"{margin}--> {plain(str(finding.at))}"
    found = "" if _is_of_people(finding) else _line(finding.at, told.sources, lines)
    if found:
        text, mark = _underlined(found, finding.at.column, finding.length)
        yield f"{margin} |"
        yield f"{finding.at.line} | {text}"
        yield f"{margin} | {_painted(mark, finding.severity, told)}"
    yield f"{margin} = in {plain(finding.subject)}"
    if finding.because.file:
        yield f"{margin} = by {plain(str(finding.because))}" + (f" ({finding.policy})" if finding.policy else "")
    if finding.hint:
        yield f"{margin} = help: {plain(finding.hint)}"


def _is_of_people(finding: Finding) -> bool:
    """Return whether names and addresses of officers stand about there, which no log is to hold."""
    return finding.subject.startswith("organization")


def _line(at: Place, sources: Mapping[str, str], lines: dict[str, list[str]]) -> str:
    if at.file not in sources:
        return ""
    if at.file not in lines:
        lines[at.file] = sources[at.file].split("\n")
    held = lines[at.file]
    return held[at.line - 1] if 0 < at.line <= len(held) else ""


def _underlined(line: str, column: int, length: int) -> tuple[str, str]:
    """Return a line and the marks below it: tabs stand as they are in both, a long line is cut around the place."""
    first = max(0, column - 1 - _WIDEST // 2) if len(line) > _WIDEST else 0
    line = _ADDRESS.sub(lambda found: "*" * len(found[0]), line)
    shown = plain(line[first : first + _WIDEST].rstrip())
    at = min(column - 1 - first, len(shown))
    before = "".join("\t" if mark == "\t" else " " for mark in shown[:at])
    return shown, before + "^" * max(1, min(length or len(shown) - at, len(shown) - at))


def _sum(told: Told) -> str:
    counts = [(word, sum(finding.severity == word for finding in told.findings)) for word in _COLORS]
    said = ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts if count)
    files = f" in {told.files} file{'' if told.files == 1 else 's'}" if told.files else ""
    known = f"; {told.set_aside} known, set aside" if told.set_aside else ""
    return f"{said or 'no findings'}{files}{known}"


def _painted(text: str, severity: Severity, told: Told) -> str:
    return f"\x1b[1;{_COLORS[severity]}m{text}\x1b[0m" if told.color else text


def plain(text: str) -> str:
    return text.translate(_CONTROLS)


PART = Report(name="text", about="For people: each finding with its line, underlined.", write=write)
