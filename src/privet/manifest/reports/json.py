"""For programs: one JSON object of findings, counts and fingerprints."""

from __future__ import annotations

from typing import Any

import msgspec

from privet.codec import Place
from privet.manifest.finding import NOWHERE, SEVERITIES, Finding
from privet.manifest.reports import Report, Told


def write(told: Told) -> str:
    """Return `{"version", "tool", "findings": […], "counts": {…}, "set_aside", "files"}`, on one line.

    A finding has `rule`, `severity`, `subject`, `message`, `fingerprint`, and where they are known `at`, `because`
    (`file`, `line`, `column`), `length`, `hint`, `policy`.
    """
    found: dict[str, Any] = {
        "version": 1,
        "tool": f"privet {told.tool}",
        "findings": [_finding(finding) for finding in told.findings],
        "counts": {word: sum(finding.severity == word for finding in told.findings) for word in SEVERITIES},
        "set_aside": told.set_aside,
        "files": told.files,
    }
    return msgspec.json.encode(found).decode() + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    said: dict[str, Any] = {
        "rule": finding.rule,
        "severity": finding.severity,
        "subject": finding.subject,
        "message": finding.message,
        "fingerprint": finding.fingerprint,
    }
    said |= {word: _place(at) for word, at in (("at", finding.at), ("because", finding.because)) if at != NOWHERE}
    more = {"length": finding.length, "hint": finding.hint, "policy": finding.policy}
    return said | {word: value for word, value in more.items() if value}


def _place(at: Place) -> dict[str, Any]:
    return {"file": at.file, "line": at.line, "column": at.column}


PART = Report(name="json", about="For programs: findings, counts, fingerprints.", write=write)
