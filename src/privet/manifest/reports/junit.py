"""JUnit's XML, which every CI system shows: a suite a rule, a case a finding."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable

from privet.manifest.finding import Finding
from privet.manifest.reports import Report, Told

_NOT_XML = re.compile("[^\t\n\r -퟿-�\U00010000-\U0010ffff]")


def write(told: Told) -> str:
    """Return suites of cases. An error is a failure; warnings and notes pass, and say what they found."""
    root = ET.Element("testsuites", name=f"privet {told.tool}")
    rules = sorted({finding.rule for finding in told.findings})
    for rule in rules:
        _suite(root, rule, told.rules.get(rule, rule), [found for found in told.findings if found.rule == rule])
    if not rules:
        suite = ET.SubElement(root, "testsuite", name=told.tool, tests="1", failures="0", errors="0", skipped="0")
        ET.SubElement(suite, "testcase", classname=f"privet.{told.tool}", name="no findings")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(root: ET.Element, rule: str, about: str, findings: Iterable[Finding]) -> None:
    found = list(findings)
    failed = sum(finding.severity == "error" for finding in found)
    said = {"name": _xml(about), "tests": str(len(found)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suite = ET.SubElement(root, "testsuite", said)
    for finding in found:
        named = {"classname": f"privet.{rule}", "name": _xml(f"{finding.subject}: {finding.message}")}
        place = {"file": _xml(finding.at.file), "line": str(finding.at.line)} if finding.at.file else {}
        case = ET.SubElement(suite, "testcase", named | place)
        text = _xml("\n".join(filter(None, (str(finding.at) if finding.at.file else "", finding.hint))))
        if finding.severity == "error":
            ET.SubElement(case, "failure", type=rule, message=_xml(finding.message)).text = text
        else:
            ET.SubElement(case, "system-out").text = _xml(f"{finding.severity}: {finding.message}\n{text}")


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", text)


PART = Report(name="junit", about="JUnit's XML, for CI systems.", write=write)
