"""Annotations of GitHub's workflow commands: each finding beside its line in a pull request."""

from __future__ import annotations

from privet.manifest.finding import Finding, Severity
from privet.manifest.reports import Report, Told
from privet.manifest.reports.text import plain
from privet.manifest.reports.text import write as text

_WORDS: dict[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def write(told: Told) -> str:
    """Return a command a finding, and the same for people in a group that the log can unfold."""
    commands = [_command(finding) for finding in told.findings]
    # A line of the log that begins with `::` is a command: what files say must not become one.
    shown = "\n".join(f" {line}" for line in text(told).rstrip("\n").split("\n"))
    return "\n".join([*commands, f"::group::privet {told.tool}", shown, "::endgroup::"]) + "\n"


def _command(finding: Finding) -> str:
    said = {"title": f"{finding.rule} in {finding.subject}"}
    if finding.at.file:
        said = {"file": finding.at.file, "line": str(finding.at.line), "col": str(finding.at.column)} | said
    settings = ",".join(f"{word}={_setting(value)}" for word, value in said.items())
    message = finding.message + (f"\n{finding.hint}" if finding.hint else "")
    return f"::{_WORDS[finding.severity]} {settings}::{_data(message)}"


def _data(text: str) -> str:
    lines = "\n".join(plain(line) for line in text.split("\n"))
    return lines.replace("%", "%25").replace("\n", "%0A")


def _setting(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


PART = Report(name="github", about="Annotations in a pull request on GitHub.", write=write)
