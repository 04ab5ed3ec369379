"""Policy texts beside manifests: what cannot be read, what breaks a promise, and where each stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from a_check import DATASET, SYSTEM, marks, read

from privet.manifest.check.whole import check
from privet.manifest.finding import Finding
from privet.manifest.resources import PolicyText

GOOD = SYSTEM + DATASET
ADS = GOOD.replace("essential.service", "marketing.advertising")
NO_ADS = "deny use of user.contact for marketing.advertising about customer\n"


def found(manifest: str, *policies: str, **options: Any) -> tuple[Finding, ...]:
    texts = tuple(PolicyText(f"rules/p{at}.policy", text) for at, text in enumerate(policies))
    return check(replace(read(manifest), texts=texts), **options)


def kinds(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(finding.severity, finding.rule) for finding in findings]


def test_a_declaration_that_breaks_a_promise_is_underlined_and_so_is_what_its_dataset_holds() -> None:
    findings = found(ADS, NO_ADS)
    assert kinds(findings) == [("error", "deny-use")] * 2
    assert marks(ADS, findings) == [("deny-use", "user.contact.email")] * 2
    assert [finding.at.line for finding in findings] == [7, 18]
    assert {str(finding.because) for finding in findings} == {"rules/p0.policy:1:1"}
    assert {finding.policy for finding in findings} == {"rules/p0.policy"}
    assert {finding.subject for finding in findings} == {"system shop, declaration Orders"}


def test_one_line_added_to_a_system_breaks_the_promise_at_that_line() -> None:
    policy = "deny use of user.financial for essential\n"
    assert found(GOOD, policy) == ()
    text = GOOD.replace("[user.contact.email]\n        data_use", "\n          - user.contact.email\n        data_use")
    added = text.replace(
        "          - user.contact.email\n", "          - user.contact.email\n          - user.financial\n", 1
    )
    (finding,) = found(added, policy)
    assert added.split("\n")[finding.at.line - 1].strip() == "- user.financial"


def test_a_promise_on_a_label_holds_for_a_teams_own_below_it() -> None:
    own = "data_category:\n  - {fides_key: user.contact.pager, parent_key: user.contact}\n"
    text = ADS.replace("user.contact.email", "user.contact.pager") + own
    assert kinds(found(text, NO_ADS)) == [("error", "deny-use")] * 2


def test_what_is_broader_than_a_promise_is_a_warning() -> None:
    text = GOOD.replace("essential.service", "marketing").replace("        dataset_references: [crm]\n", "")
    assert ("warning", "deny-use") in kinds(found(text, NO_ADS))


def test_consent_that_nobody_names_is_underlined_at_the_use() -> None:
    policy = "require consent 'ads' for marketing.advertising\n"
    (finding,) = found(ADS, policy)
    assert marks(ADS, [finding]) == [("require-consent", "marketing.advertising")]
    said = ADS.replace("        data_use", "        legal_basis_for_processing: Consent\n        data_use")
    assert found(said, policy) == ()
    assert found(ADS.replace("        data_use", "        privet: {consents: [ads]}\n        data_use"), policy) == ()


def test_a_promise_of_one_text_binds_the_roles_of_another() -> None:
    role = "role seller\nallow read on people.email for marketing.advertising\n"
    (finding,) = found(GOOD, NO_ADS, role)
    assert (finding.rule, str(finding.at), str(finding.because)) == (
        "deny-use",
        "rules/p1.policy:2:1",
        "rules/p0.policy:1:1",
    )
    assert finding.subject == "role seller, rule 1"
    assert finding.length == len(role.split("\n")[1])


def test_a_role_that_shows_what_is_for_connections_is_told() -> None:
    policy = "role clerk\nallow read on people.email with redaction = plain_text for essential\n"
    policy += "limit plain_text of user.contact to connections\n"
    assert kinds(found(GOOD, policy)) == [("error", "limit")]


def test_two_declarations_without_a_name_are_told_apart() -> None:
    unnamed = ADS.replace("      - name: Orders\n        data_categories", "      - data_categories")
    second = "      - {data_categories: [user.contact], data_use: marketing.advertising, data_subjects: [customer]}\n"
    text = unnamed.replace(DATASET, second + DATASET)
    assert [finding.at.line for finding in found(text, NO_ADS)] == [6, 10, 18]


def test_every_fault_of_every_text_is_told_with_its_place() -> None:
    findings = found(GOOD, "deny use of user.contcat for marketing\nallow\n", "role\n")
    assert {finding.rule for finding in findings} == {"policy-fault"}
    assert str(findings[0].at) == "rules/p0.policy:1:13"
    assert {finding.at.file for finding in findings} == {"rules/p0.policy", "rules/p1.policy"}
    assert len(findings) == 3


def test_a_text_with_a_fault_does_not_keep_another_from_being_checked() -> None:
    assert {finding.rule for finding in found(ADS, "role\n", NO_ADS)} == {"policy-fault", "deny-use"}


OWN = """data_category:
  - {fides_key: user.contact.pager, parent_key: user.contact}
  - {fides_key: user.contact.pager.beeps, parent_key: user.contact.pager}
"""


def test_a_promise_on_a_teams_own_label_binds_what_is_at_or_below_it() -> None:
    promise = "deny use of user.contact.pager for marketing\n"
    assert found(ADS + OWN, promise) == ()
    text = ADS.replace("user.contact.email", "user.contact.pager.beeps") + OWN
    assert kinds(found(text, promise)) == [("error", "deny-use")] * 2


def test_a_label_that_is_neither_built_in_nor_the_teams_own_is_a_fault_with_the_nearest_of_both() -> None:
    (finding,) = found(GOOD + OWN, "deny use of user.contact.pagr for marketing\n")
    assert (finding.rule, str(finding.at)) == ("policy-fault", "rules/p0.policy:1:13")
    assert finding.hint.startswith("did you mean `user.contact.pager`")


def test_a_text_that_is_too_long_is_told() -> None:
    (finding,) = found(GOOD, "#" * 1_000_001)
    assert (finding.rule, str(finding.at)) == ("policy-fault", "rules/p0.policy:1:1")


def test_a_byte_order_mark_moves_nothing() -> None:
    role = "\ufeffrole seller\nallow read on people.email for marketing.advertising\n"
    (finding,) = found(GOOD, NO_ADS, role)
    assert finding.length == len(role.split("\n")[1])


def test_a_table_that_no_dataset_has_is_noted() -> None:
    (finding,) = found(GOOD, "role clerk\nallow read on peple.email for essential\n")
    assert (finding.severity, finding.rule, finding.hint) == ("note", "unknown-table", "did you mean `people`?")
    assert (
        found(SYSTEM.replace("        dataset_references: [crm]\n", ""), "role clerk\nallow read on peple.email\n")
        == ()
    )


def test_a_filter_by_file_leaves_the_promises_of_others_out() -> None:
    consent = "require consent 'ads' for marketing.advertising\n"
    assert {finding.rule for finding in found(ADS, NO_ADS, consent, only=["p1.policy"])} == {"require-consent"}
    assert {finding.rule for finding in found(ADS, NO_ADS, consent, only=["rules/p0.policy"])} == {"deny-use"}
    assert {finding.rule for finding in found(ADS, NO_ADS, "role\n", only=["p1.policy"])} == {"policy-fault"}
    assert {finding.rule for finding in found(ADS, NO_ADS, "role\n", only=["p0.policy"])} == {"deny-use"}
