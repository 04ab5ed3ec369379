"""What no ready role shows to support, by law: special categories, and what opens doors."""

from __future__ import annotations

import pytest

from privet.policy.review.ready import SUPPORT, ready
from privet.vocabulary.dataset import Collection, Dataset, Field

SPECIAL = (
    "user.health_and_medical",
    "user.health_and_medical.genetic",
    "user.biometric",
    "user.criminal_history",
    "user.demographic.race_ethnicity",
    "user.demographic.religious_belief",
    "user.demographic.political_opinion",
    "user.demographic.sexual_orientation",
    "user.authorization",
    "user.authorization.credentials",
)
COMMON = (
    "user.name",
    "user.contact.email",
    "user.demographic",
    "user.health_and_medical.record_id",
    "user.health_and_medical.insurance_beneficiary_id",
)


def shown_to_support(label: str) -> bool:
    table = Collection(name="people", fields=(Field(name="x", type="string", labels=(label,)),))
    support = ready(Dataset(key="d", collections=(table,))).role(SUPPORT)
    return support is not None and any(target.column == "x" for rule in support.rules for target in rule.targets)


@pytest.mark.parametrize("label", SPECIAL)
def test_special_data_is_not_shown_to_support(label: str) -> None:
    assert not shown_to_support(label)


@pytest.mark.parametrize("label", COMMON)
def test_other_data_about_people_is_shown_to_support(label: str) -> None:
    assert shown_to_support(label)
