"""SARIF 2.1.0 (OASIS), as code scanning services read it. Lines of files are not quoted."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import msgspec

from privet.codec import Place
from privet.manifest.finding import Finding
from privet.manifest.reports import Report, Told

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def write(told: Told) -> str:
    """Return one run: its rules, a result a finding, places relative to `%SRCROOT%`."""
    named = sorted({finding.rule for finding in told.findings})
    run = {
        "tool": {
            "driver": {
                "name": f"privet {told.tool}",
                "semanticVersion": told.version,
                "rules": [{"id": rule, "shortDescription": {"text": told.rules.get(rule, rule)}} for rule in named],
            }
        },
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The folder that was checked from."}}},
        "results": [_result(finding, named.index(finding.rule)) for finding in told.findings],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(log), indent=2).decode() + "\n"


def _result(finding: Finding, at: int) -> dict[str, Any]:
    text = f"{finding.message} (in {finding.subject})" + (f". {finding.hint}" if finding.hint else "")
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": at,
        "level": finding.severity,
        "message": {"text": text},
        "partialFingerprints": {"privet/v1": finding.fingerprint},
    }
    if finding.at.file:
        result["locations"] = [{"physicalLocation": _location(finding.at, finding.length)}]
    if finding.because.file:
        said = {"text": "what it breaks"}
        result["relatedLocations"] = [{"id": 0, "physicalLocation": _location(finding.because, 0), "message": said}]
    return result


def _location(at: Place, length: int) -> dict[str, Any]:
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(at.file.replace("\\", "/")), "uriBaseId": "%SRCROOT%"},
    }
    if at.line:
        region = {"startLine": at.line, "startColumn": max(1, at.column)}
        place["region"] = region | ({"endColumn": max(1, at.column) + length} if length else {})
    return place


PART = Report(name="sarif", about="SARIF 2.1.0, for code scanning.", write=write)
