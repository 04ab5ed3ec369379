"""Where the rules of Fides policies mean what people do not expect, and what the check says there: golden pairs.

Each folder holds a manifest, with what Fides does of it at the top, and the findings. `PRIVET_GOLDEN=write` writes
those anew.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from privet.manifest.check.whole import check
from privet.manifest.finding import Finding
from privet.manifest.load import load

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "manifest"


def told(finding: Finding) -> str:
    because = f"\n    because of {finding.because}" if finding.because.file else ""
    length = f"+{finding.length}" if finding.length else ""
    return (
        f"{finding.at}{length}: {finding.severity}: {finding.rule}: {finding.subject}\n"
        f"    {finding.message}\n    {finding.hint}{because}\n"
    )


def found(name: str, only: Collection[str] = ()) -> tuple[Finding, ...]:
    folder = GOLDEN / name
    manifest, faults = load([folder / "manifest.yml"], root=folder)
    return check(manifest, faults, only=only)


def rules(name: str) -> set[tuple[str, str]]:
    """Return the kinds of findings in a folder, once these are all as they are written there."""
    findings = found(name)
    expected = GOLDEN / name / "findings.txt"
    text = "".join(map(told, findings))
    if os.environ.get("PRIVET_GOLDEN") == "write":
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")
    return {(finding.severity, finding.rule) for finding in findings}


def test_unnamed_declarations_are_checked_as_others_are() -> None:
    assert rules("trap_unnamed_declarations") == {("error", "fides-rule")}


def test_a_declaration_without_subjects_is_told() -> None:
    assert rules("trap_no_subjects") == {("warning", "no-subjects")}


def test_a_broad_declaration_under_a_narrow_rule_is_told() -> None:
    assert rules("trap_broad_declaration") == {("warning", "broad-declaration")}


def test_an_unknown_category_is_told_where_no_declaration_names_the_dataset() -> None:
    assert rules("trap_unreferenced_dataset") == {("error", "unknown-category"), ("warning", "unreferenced-dataset")}


def test_an_unknown_category_is_judged_by_what_its_dots_say() -> None:
    assert rules("trap_unknown_category_referenced") == {("error", "unknown-category"), ("error", "fides-rule")}


def test_references_in_optional_lists_are_looked_up() -> None:
    assert rules("trap_optional_references") == {
        ("error", "unknown-dataset"),
        ("warning", "unknown-system"),
        ("error", "unknown-subject"),
        ("error", "unlisted-flow"),
        ("error", "unknown-reference"),
        ("warning", "unreferenced-dataset"),
    }


def test_a_filter_by_policy_leaves_the_others_out() -> None:
    assert rules("trap_policy_filter") == {("error", "fides-rule")}
    assert found("trap_policy_filter", ["passes"]) == ()
    assert [finding.policy for finding in found("trap_policy_filter", ["fails"])] == ["fails"]


def test_any_all_none_and_other_mean_what_they_mean_in_fides() -> None:
    assert rules("rules_of_every_kind") == {("error", "fides-rule")}
