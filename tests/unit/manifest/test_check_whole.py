"""The whole check: findings in order and once, filters by policy and by changed files, faults of reading."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from a_check import DATASET, SYSTEM, found, read

from privet.codec import Place
from privet.errors import UnknownName
from privet.manifest.check import fides
from privet.manifest.check.ground import Ground
from privet.manifest.check.whole import RULES, Changed, check
from privet.manifest.finding import Finding
from privet.manifest.load import load
from privet.manifest.resources import Manifest

POLICY = """
policy:
  - fides_key: company
    rules:
      - name: No ads
        data_categories: {matches: ANY, values: [user.contact]}
        data_uses: {matches: ANY, values: [marketing]}
        data_subjects: {matches: ANY, values: [customer]}
"""
ADS = SYSTEM.replace("essential.service", "marketing")


def files(tmp_path: Path) -> Manifest:
    for name, text in {"policy.yml": POLICY, "system.yml": ADS, "dataset.yml": DATASET}.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "other.yml").write_text(
        "system:\n  - {fides_key: idle, system_type: Service, privacy_declarations: []}\n", encoding="utf-8"
    )
    manifest, faults = load([tmp_path], root=tmp_path)
    assert faults == ()
    return manifest


def places(findings: tuple[Finding, ...]) -> list[tuple[str, str]]:
    return [(finding.rule, finding.at.file) for finding in findings]


def test_findings_come_by_file_line_and_column_with_the_faults_of_reading_among_them(tmp_path: Path) -> None:
    fault = Finding(rule="unknown-key", severity="warning", subject="x", message="m", at=Place("other.yml", 1, 1))
    assert places(check(files(tmp_path), [fault])) == [
        ("fides-rule", "dataset.yml"),
        ("unknown-key", "other.yml"),
        ("no-declarations", "other.yml"),
        ("fides-rule", "system.yml"),
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ([], []),
        (["readme.md"], []),
        (["policy.yml"], ["dataset.yml", "system.yml"]),
        (["system.yml"], ["dataset.yml", "system.yml"]),
        (["dataset.yml"], ["dataset.yml", "system.yml"]),
        (["other.yml"], ["other.yml"]),
    ],
)
def test_what_files_changed_decides_what_is_told(tmp_path: Path, changed: list[str], expected: list[str]) -> None:
    # As if nothing were new, only what changed files are about is told.
    now = files(tmp_path)
    assert [file for _, file in places(check(now, changed=Changed(changed, lambda: (now, ()))))] == expected


def test_what_was_not_there_before_is_told_wherever_it_stands(tmp_path: Path) -> None:
    now = files(tmp_path)
    less = replace(now, policies=())
    told = places(check(now, changed=Changed(["readme.md"], lambda: (less, ()))))
    assert told == [("fides-rule", "dataset.yml"), ("fides-rule", "system.yml")]


def test_each_finding_is_told_once() -> None:
    text = ADS + DATASET + POLICY
    assert len(found(text.replace("[crm]", "[crm, crm]").replace("[user.contact.email]", "[user.name]"))) == 0
    doubled = text.replace("[crm]", "[crm, crm]").replace(
        "[customer]\n        dataset", "[customer, customer]\n        dataset"
    )
    assert len(found(doubled)) == 2


def test_a_policy_that_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownName) as caught:
        found(ADS + DATASET + POLICY, only=["compnay"])
    assert caught.value.hint == "did you mean `company`?"


def test_lint_that_belongs_to_no_policy_stays_whatever_policy_is_asked_for() -> None:
    text = ADS.replace("[customer]", "[custmer]") + DATASET + POLICY
    assert [finding.rule for finding in found(text, only=["company"])] == ["unknown-subject"]


def test_every_finding_is_of_a_kind_that_says_what_it_is_about(tmp_path: Path) -> None:
    assert {rule for rule, _ in places(check(files(tmp_path)))} <= RULES.keys()


def test_the_fingerprint_stays_while_lines_move_and_declarations_come_before() -> None:
    text = ADS.replace("      - name: Orders\n        data_categories", "      - data_categories")
    before = {finding.fingerprint for finding in found(text + DATASET + POLICY)}
    first = "privacy_declarations:\n      - {data_categories: [system], data_use: essential}\n"
    after = {
        finding.fingerprint
        for finding in found("\n\n" + text.replace("privacy_declarations:\n", first) + DATASET + POLICY)
    }
    assert before and before == after


def test_a_manifest_without_files_is_checked_all_the_same() -> None:
    manifest = read(ADS + DATASET + POLICY)
    bare = Manifest(policies=manifest.policies, systems=manifest.systems, datasets=manifest.datasets)
    assert len(list(fides.violations(Ground(bare)))) == 2
    assert check(Manifest()) == ()


def test_places_are_found_under_the_names_of_older_files_and_of_nested_fields() -> None:
    text = """
dataset:
  - fides_key: a.b
    collections:
      - name: c.d
        fields:
          - name: e
            fields:
              - name: f
                data_categories: [user.name]
                fidesops_meta: {references: [{dataset: a.b, field: c.d.nowhere}], identity: any, primary_key: true}
"""
    manifest = read(text)
    places = Ground(manifest).places
    assert str(places.category("a.b", ("c.d", "e", "f"), "user.name")) == "manifest.yml:10:35"
    assert str(places.held("a.b", ("c.d", "gone"), "name")) == "manifest.yml:5:15"
    assert places.held("gone", ("x",)) == Place("", 0, 0)
    missing = [finding for finding in check(manifest) if finding.rule == "unknown-reference"]
    assert [finding.at.line for finding in missing] == [11]


def test_a_key_of_countless_parts_takes_no_time() -> None:
    text = (ADS + DATASET + POLICY).replace("user.contact.email", f"{'a.' * 100_000}a", 1)
    assert [finding.rule for finding in found(text)] == ["unknown-category", "fides-rule"]
