"""Forms of findings, read again by others: the published schema of SARIF, a JUnit reader, a workflow's own reader."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from junitparser import JUnitXml

from privet.codec import Place
from privet.manifest.finding import Finding, in_order
from privet.manifest.reports import REPORTS, Told

# The schema that OASIS published, as an npm package carries it: `npm ci --prefix tests/node`.
SARIF_SCHEMA = Path(__file__).parents[2] / "node/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"

BROKEN = Finding(
    rule="fides-rule",
    severity="error",
    subject="system shop, declaration 1",
    message="`user.contact` is not to be used for `marketing`",
    at=Place("a folder/shop.yml", 3, 7),
    length=12,
    hint="leave it out",
    because=Place("policy.yml", 7, 5),
    policy="company",
)
LONELY = Finding(
    rule="unreferenced-dataset",
    severity="warning",
    subject="dataset crm",
    message="nothing refers to it",
    at=Place("shop.yml", 1, 1),
)
PLACELESS = Finding(rule="no-files", severity="note", subject="the folder", message="no manifest was found")
HOSTILE = Finding(
    rule="unknown-key",
    severity="error",
    subject="dataset a\n::set-output name=x::y",
    message="100% of <b>it</b> & \x1b[2J, \x00 ]]>\n::error::forged",
    at=Place("odd,name:1%.yml", 2, 1),
)
ALL = (BROKEN, LONELY, PLACELESS, HOSTILE)


def told(*findings: Finding, **more: Any) -> Told:
    return Told(findings=findings, version="1.2.3", files=2, **more)


def text(*findings: Finding, **more: Any) -> str:
    return REPORTS.get("text").write(told(*findings, **more))


# --- text -------------------------------------------------------------------------------------------------------


def test_text_shows_the_line_and_underlines_what_is_meant() -> None:
    shown = text(BROKEN, sources={"a folder/shop.yml": "system:\n  - x\n    - user.contact  # mail\n"})
    assert shown == (
        "error[fides-rule]: `user.contact` is not to be used for `marketing`\n"
        " --> a folder/shop.yml:3:7\n"
        "  |\n"
        "3 |     - user.contact  # mail\n"
        "  |       ^^^^^^^^^^^^\n"
        "  = in system shop, declaration 1\n"
        "  = by policy.yml:7:5 (company)\n"
        "  = help: leave it out\n"
        "\n"
        "1 error in 2 files\n"
    )


def test_text_underlines_to_the_end_of_the_line_where_no_length_is_known_and_keeps_tabs() -> None:
    found = Finding(rule="r", severity="note", subject="s", message="m", at=Place("f", 1, 3))
    assert "1 | \t\tkey: é\n  | \t\t^^^^^^\n" in text(found, sources={"f": "\t\tkey: é   \n"})


def test_text_cuts_a_long_line_around_the_place() -> None:
    found = Finding(rule="r", severity="note", subject="s", message="m", at=Place("f", 1, 5001), length=4)
    shown = text(found, sources={"f": "x" * 5000 + "here" + "y" * 5000})
    (line, mark) = shown.split("\n")[3:5]
    assert len(line) < 200
    assert line[mark.index("^") : mark.rindex("^") + 1] == "here"


@pytest.mark.parametrize("sources", [{}, {"a folder/shop.yml": ""}, {"a folder/shop.yml": "one\ntwo"}])
def test_text_of_a_line_that_is_gone_has_the_place_alone(sources: dict[str, str]) -> None:
    shown = text(BROKEN, sources=sources)
    assert "--> a folder/shop.yml:3:7" in shown
    assert "^" not in shown


def test_text_counts_and_says_what_was_set_aside() -> None:
    assert text(set_aside=4) == "\nno findings in 2 files; 4 known, set aside\n".lstrip("\n")
    assert text(BROKEN, BROKEN, LONELY, PLACELESS).endswith("2 errors, 1 warning, 1 note in 2 files\n")


def test_text_has_colors_only_for_a_terminal_and_never_controls_of_a_file() -> None:
    sources = {"odd,name:1%.yml": "a\n\x1b[31mred\x07\n"}
    plain = text(HOSTILE, sources=sources)
    assert not set(plain) & {chr(code) for code in range(32) if chr(code) != "\n"}
    colored = text(HOSTILE, sources=sources, color=True)
    assert re.sub("\x1b\\[(?:1;31|0)m", "", colored) == plain


# --- for programs -----------------------------------------------------------------------------------------------


def test_sarif_is_valid_by_the_published_schema() -> None:
    if not SARIF_SCHEMA.exists():
        pytest.skip("needs `npm ci --prefix tests/node`")
    schema = json.loads(SARIF_SCHEMA.read_text(encoding="utf-8"))
    for findings in ((), ALL):
        log = json.loads(REPORTS.get("sarif").write(told(*findings)))
        jsonschema.Draft7Validator(schema).validate(log)
        log["runs"][0]["results"] = [{"level": "loud"}]
        assert list(jsonschema.Draft7Validator(schema).iter_errors(log)), "the validator takes everything"


def test_sarif_says_rule_level_region_and_fingerprint() -> None:
    (run,) = json.loads(REPORTS.get("sarif").write(told(BROKEN, rules={"fides-rule": "A rule is broken."})))["runs"]
    assert run["tool"]["driver"]["rules"] == [{"id": "fides-rule", "shortDescription": {"text": "A rule is broken."}}]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "a%20folder/shop.yml"
    assert place["region"] == {"startLine": 3, "startColumn": 7, "endColumn": 19}
    assert result["level"] == "error"
    assert result["relatedLocations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "policy.yml"
    assert result["partialFingerprints"] == {"privet/v1": BROKEN.fingerprint}


def test_json_has_every_finding_and_the_counts() -> None:
    found = json.loads(REPORTS.get("json").write(told(*ALL, set_aside=1)))
    assert [finding["message"] for finding in found["findings"]] == [finding.message for finding in ALL]
    assert found["counts"] == {"error": 2, "warning": 1, "note": 1}
    assert (found["version"], found["set_aside"], found["files"]) == (1, 1, 2)
    assert found["findings"][0]["because"] == {"file": "policy.yml", "line": 7, "column": 5}
    assert "at" not in found["findings"][2]


def test_junit_is_read_by_another_tool() -> None:
    suites = JUnitXml.fromstring(REPORTS.get("junit").write(told(*ALL)).encode())
    cases = {case.name: case for suite in suites for case in suite}
    assert len(cases) == len(ALL)
    assert [case.is_failure for case in cases.values()].count(True) == 2
    assert cases["system shop, declaration 1: " + BROKEN.message].result[0].message == BROKEN.message
    assert sum(suite.failures for suite in suites) == 2


def test_junit_of_a_clean_check_has_one_case_that_passes() -> None:
    ((case,),) = JUnitXml.fromstring(REPORTS.get("junit").write(told()).encode())
    assert case.is_passed


# --- github -----------------------------------------------------------------------------------------------------


def commands(log: str) -> list[tuple[str, dict[str, str], str]]:
    """Read a log as a runner does: each line that begins with `::` is a command."""
    found = []
    for line in log.splitlines():
        parts = re.fullmatch(r"::(\w+)(?: ([^:]*))?::(.*)", line)
        if parts:
            pairs = (pair.split("=", 1) for pair in (parts[2] or "").split(",") if pair)
            found.append((parts[1], {key: undone(value) for key, value in pairs}, undone(parts[3])))
        assert parts or not line.startswith("::")
    return found


def undone(value: str) -> str:
    for code, mark in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(code, mark)
    return value


def test_github_has_one_annotation_a_finding_that_no_file_can_forge() -> None:
    sources = {"odd,name:1%.yml": "::error::forged\n::error::forged\n"}
    found = commands(REPORTS.get("github").write(told(*ALL, sources=sources)))
    assert [word for word, _, _ in found] == ["error", "warning", "notice", "error", "group", "endgroup"]
    assert found[0][1] == {
        "file": "a folder/shop.yml",
        "line": "3",
        "col": "7",
        "title": "fides-rule in system shop, declaration 1",
    }
    assert found[0][2] == BROKEN.message + "\nleave it out"
    assert found[3][1]["file"] == "odd,name:1%.yml"
    assert found[3][2] == HOSTILE.message.translate({0x1B: "\ufffd", 0: "\ufffd"})


def test_no_line_shows_an_officer_or_an_address_or_turns_around() -> None:
    line = "a: {name: Ann Officer, email: ann@example.com}  # \u202etxt\u2066"
    about = {word: getattr(BROKEN, word) for word in BROKEN.__dataclass_fields__}
    of_people = Finding(**about | {"subject": "organization us"})
    shown = text(BROKEN, sources={BROKEN.at.file: f"\n\n{line}\n"})
    assert "email: ***************}" in shown and "@" not in shown
    assert "\u202e" not in shown and "\u2066" not in shown
    assert "Ann" not in text(of_people, sources={BROKEN.at.file: f"\n\n{line}\n"})


# --- findings ---------------------------------------------------------------------------------------------------


def test_a_fingerprint_stays_while_lines_move_and_changes_with_what_is_said() -> None:
    def moved(**more: Any) -> Finding:
        return Finding(**{name: getattr(BROKEN, name) for name in BROKEN.__dataclass_fields__} | more)

    assert moved(at=Place("a folder/shop.yml", 90, 1), because=Place("policy.yml", 1, 1), hint="").fingerprint == (
        BROKEN.fingerprint
    )
    changes: list[dict[str, Any]] = [
        {"message": "other"},
        {"subject": "system other"},
        {"rule": "other"},
        {"policy": "other"},
        {"at": Place("other.yml", 3, 7)},
    ]
    assert len({BROKEN.fingerprint, *(moved(**change).fingerprint for change in changes)}) == 6


def test_findings_stand_in_order_of_their_places_each_once() -> None:
    assert in_order((LONELY, BROKEN, PLACELESS, BROKEN)) == (PLACELESS, BROKEN, LONELY)
