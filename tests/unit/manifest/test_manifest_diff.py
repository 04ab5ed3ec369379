"""What changed between two manifests: by meaning, without the order of entries, quotes or old names of keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from privet.manifest.diff import diff, text
from privet.manifest.load import read_text
from privet.manifest.resources import Manifest

WHOLE = (Path(__file__).parents[2] / "golden/manifest/whole/shop.yml").read_text()


def read(said: str) -> Manifest:
    return read_text(said)[0]


def lines(before: str, after: str) -> list[str]:
    return text(diff(read(before), read(after))).splitlines()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("fidesops_meta:", "fides_meta:"),
        ("name: Shop database", 'name: "Shop database"'),
        ("[user.contact, user.loyalty]", "[user.loyalty, user.contact]"),
        ("          - name: id\n", "          # c\n          - name: id\n"),
    ],
    ids=["old key", "quotes", "order", "comment"],
)
def test_what_means_the_same_is_no_change(old: str, new: str) -> None:
    assert old in WHOLE and lines(WHOLE, WHOLE.replace(old, new)) == []


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (
            "data_categories: [user.contact.email]\n            fides_meta",
            "data_categories: [user.name]\n            fides_meta",
            "~ dataset shop_db: collections.customers.fields.email.data_categories (user.contact.email → user.name)",
        ),
        (
            "length: 120",
            "length: 80",
            "~ dataset shop_db: collections.customers.fields.email.fides_meta.length (120 → 80)",
        ),
        ("      - name: orders", "      - name: sales", "+ dataset shop_db: collections.sales"),
        (
            "              - {name: city, data_categories: [user.contact.address.city]}\n",
            "",
            "- dataset shop_db: collections.customers.fields.address.fields.city",
        ),
        (
            "retention_period: 10 years",
            "retention_period: 1 year",
            "~ system shop_api: privacy_declarations.Billing.retention_period (10 years → 1 year)",
        ),
        (
            "        retention_period: 10 years\n",
            "",
            "- system shop_api: privacy_declarations.Billing.retention_period (10 years → nothing)",
        ),
        (
            "dataset_references: [shop_db]\n        egress",
            "dataset_references: [shop_db, crm_db]\n        egress",
            "+ system shop_api: privacy_declarations.Billing.dataset_references (nothing → crm_db)",
        ),
        (
            "matches: ANY, values: [customer]",
            "matches: ALL, values: [customer]",
            "~ policy company_policy: rules.No advertising.data_subjects.matches (ANY → ALL)",
        ),
        (
            "administrating_department: Sales",
            "administrating_department: Law",
            "~ system shop_api: administrating_department (Sales → Law)",
        ),
        ("laws: [gdpr]", "laws: [gdpr, ccpa]", "+ organization default_organization: laws (nothing → ccpa)"),
        ("fides_key: club_member", "fides_key: member", "- data_subject club_member"),
        (
            "data_type: integer",
            "data_type: string",
            "~ dataset shop_db: collections.customers.fields.id.fides_meta.data_type (integer → string)",
        ),
    ],
)
def test_a_change_is_told_by_resource_and_path(old: str, new: str, line: str) -> None:
    assert old in WHOLE and line in lines(WHOLE, WHOLE.replace(old, new))


def test_one_change_is_one_line() -> None:
    assert len(lines(WHOLE, WHOLE.replace("data_type: integer", "data_type: string"))) == 1


def test_what_tells_of_a_person_is_not_shown() -> None:
    changed = WHOLE.replace("privacy@example.com", "canary@example.com").replace("Sells garden tools", "canary")
    assert lines(WHOLE, changed) == [
        "~ organization default_organization: description",
        "~ organization default_organization: controller.email",
    ]


def test_turned_around_what_was_added_is_removed() -> None:
    before, after = read(WHOLE), read("")
    assert {change.what for change in diff(before, after)} == {"removed"}
    assert {change.what for change in diff(after, before)} == {"added"}
    assert str(diff(before, after)[0].at).startswith("manifest.yml:")


def test_declarations_without_a_name_go_by_their_use() -> None:
    found = lines(
        WHOLE,
        WHOLE.replace(
            "      - data_categories: [user.contact.email]\n        data_use",
            "      - data_categories: [user]\n        data_use",
        ),
    )
    assert found == [
        "~ system shop_api: privacy_declarations.marketing.raffle.data_categories (user.contact.email → user)"
    ]
