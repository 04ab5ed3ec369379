"""Promises about erasures beside manifests: what they name must be there."""

from __future__ import annotations

from dataclasses import replace

import pytest
from a_check import DATASET, SYSTEM, read

from privet.manifest.check.whole import RULES, check
from privet.manifest.finding import Finding
from privet.manifest.resources import PolicyText


def found(policy: str, manifest: str = SYSTEM + DATASET) -> tuple[Finding, ...]:
    return check(replace(read(manifest), texts=(PolicyText("org.policy", policy),)))


def test_what_is_there_is_no_finding() -> None:
    policy = (
        "erase user.contact, crm.people.email by hash (algorithm 'SHA-512')\nerase crm.people by deletion\n"
        "keep crm.people where crm.people.email = 'x' because 'court'\n"
    )
    assert found(policy) == ()


@pytest.mark.parametrize(
    ("policy", "column", "length", "message", "hint"),
    [
        ("erase crn.people by null", 7, 10, "there is no dataset `crn`", "did you mean `crm`?"),
        ("erase user, crm.peple by null", 13, 9, "`crm` has no collection `peple`", "did you mean `people`?"),
        ("erase crm.people.mail by null", 7, 15, "there is no field `crm.people.mail`", "did you mean `email`?"),
        ("erase crm.people by hsh", 1, 23, "there is no masking strategy of that name", "did you mean `hash`?"),
        (
            "erase crm.people by truncate (kep 3)",
            1,
            36,
            "`truncate` has no setting of that name",
            "did you mean `keep`?",
        ),
        (
            "erase crm.people.email by deletion",
            7,
            16,
            "deletion is about whole records, found a field",
            "write `erase crm.people by deletion`",
        ),
        (
            "keep crm.people where crm.people.mail = 1 because 'x'",
            1,
            53,
            "expected fields of `crm.people` in the condition, found another",
            "did you mean `email`?",
        ),
    ],
)
def test_what_is_not_there_is_an_error_that_underlines_it(
    policy: str, column: int, length: int, message: str, hint: str
) -> None:
    (finding,) = found(policy)
    assert (finding.rule, finding.severity, str(finding.at)) == ("erasure", "error", f"org.policy:1:{column}")
    assert (finding.length, finding.message, finding.policy) == (length, message, "org.policy")
    assert finding.hint == hint
    assert "erasure" in RULES


def test_an_unknown_category_is_a_fault_of_the_text() -> None:
    assert [finding.rule for finding in found("erase user.contct by null")] == ["policy-fault"]


def test_without_datasets_only_strategies_are_looked_at() -> None:
    system = SYSTEM.replace("        dataset_references: [crm]\n", "")
    assert [finding.message for finding in found("erase a.b by null\nerase a.b by nul", system)] == [
        "there is no masking strategy of that name"
    ]
