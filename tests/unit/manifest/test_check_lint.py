"""Lint: one table of manifests with a fault each, and what underlines it; and what is not a fault."""

from __future__ import annotations

import pytest
from a_check import DATASET, FILE, SYSTEM, found, marks, read

from privet.manifest.check.ground import Ground
from privet.manifest.check.lint import LINTS
from privet.manifest.check.renamed import successor
from privet.manifest.check.whole import RULES, check
from privet.manifest.labels import Labels
from privet.vocabulary.laws import law
from privet.vocabulary.taxonomy import KINDS

GOOD = SYSTEM + DATASET
USED = "user.contact.email]\n        data_use"

LINK = "{dataset: crm, field: people.email, direction: from}"
BACK = "{dataset: crm, field: orders.buyer, direction: from}"
LINKED = f"""
      - name: orders
        fields:
          - name: id
            data_categories: [system.operations]
            fides_meta: {{primary_key: true}}
          - name: buyer
            data_categories: [user.contact.email]
            fides_meta: {{references: [{LINK}]}}
"""


def using(category: str) -> str:
    return GOOD.replace(USED, USED.replace("user.contact.email", category), 1)


# What is put in place of what in the good manifest → the findings and what they underline.
FAULTS: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "category of a declaration": (
        "data_categories: [user.contact.email]\n        data_use",
        "data_categories: [user.contact.emial]\n        data_use",
        [("unknown-category", "user.contact.emial")],
    ),
    "category that is shared": (
        "data_use: essential.service",
        "data_use: essential.service\n        shared_categories: [user.nmae]",
        [("unknown-category", "user.nmae")],
    ),
    "category of a dataset": (
        "    collections:",
        "    data_categories: [user.nmae]\n    collections:",
        [("unknown-category", "user.nmae")],
    ),
    "category of a collection": (
        "      - name: people",
        "      - name: people\n        data_categories: [user.nmae]",
        [("unknown-category", "user.nmae")],
    ),
    "category of a flow": (
        "    system_type: Service",
        "    system_type: Service\n    egress: [{fides_key: crm, type: dataset, data_categories: [user.nmae]}]",
        [("unknown-category", "user.nmae")],
    ),
    "use in place of a category": (
        "data_categories: [user.contact.email]\n        data_use",
        "data_categories: [user, marketing]\n        data_use",
        [("unknown-category", "marketing")],
    ),
    "use of a declaration": ("essential.service", "essential.servce", [("unknown-use", "essential.servce")]),
    "subject of a declaration": ("[customer]", "[custmer]", [("unknown-subject", "custmer")]),
    "category of an older taxonomy": (
        "data_categories: [user.contact.email]\n        data_use",
        "data_categories: [user.provided.identifiable.contact.email]\n        data_use",
        [("deprecated-label", "user.provided.identifiable.contact.email")],
    ),
    "use of an older taxonomy": ("essential.service", "provide.service", [("deprecated-label", "provide.service")]),
    "use that is still known, and replaced": (
        "essential.service",
        "personalize.profiling",
        [("deprecated-label", "personalize.profiling")],
    ),
    "no subjects": ("        data_subjects: [customer]\n", "", [("no-subjects", "name: Orders")]),
    "subjects are none": ("[customer]", "[]", [("no-subjects", "name: Orders")]),
    "dataset that is not there": (
        "[crm]",
        "[crm, cmr]",
        [("unknown-dataset", "cmr")],
    ),
    "dataset of a system": (
        "    system_type: Service",
        "    system_type: Service\n    dataset_references: [gone]",
        [("unknown-dataset", "gone")],
    ),
    "dataset of a flow": (
        "    system_type: Service",
        "    system_type: Service\n    ingress: [{fides_key: gone, type: dataset}]",
        [("unknown-dataset", "gone")],
    ),
    "system of a flow": (
        "    system_type: Service",
        "    system_type: Service\n    egress: [{fides_key: gone, type: system}]",
        [("unknown-system", "gone")],
    ),
    "flow that the system lacks": (
        "data_use: essential.service",
        "data_use: essential.service\n        ingress: [crm]",
        [("unlisted-flow", "crm")],
    ),
    "nobody refers to a dataset": (
        "        dataset_references: [crm]\n",
        "",
        [("unreferenced-dataset", "crm")],
    ),
    "special category": (
        "data_categories: [user.contact.email]\n        data_use",
        "data_categories: [user.health_and_medical.genetic]\n        data_use",
        [("no-special-basis", "user.health_and_medical.genetic]")],
    ),
    "special category that it says": (
        "data_use: essential.service",
        "data_use: essential.service\n        processes_special_category_data: true",
        [("no-special-basis", "true")],
    ),
    "special category of a dataset": (
        "            data_categories: [user.contact.email]",
        "            data_categories: [user.biometric.voice]",
        [("no-special-basis", "[user.contact.email]")],
    ),
    "transfer without a basis": (
        "    system_type: Service",
        "    system_type: Service\n    does_international_transfers: true",
        [("no-transfer-basis", "true")],
    ),
    "reference to a field that is not there": (
        "identity: email}",
        "identity: email, references: [{dataset: crm, field: people.mail}]}",
        [("unknown-reference", "people.mail}]}")],
    ),
    "reference to a collection that is not there": (
        "identity: email}",
        "identity: email, references: [{dataset: crm, field: person.email}]}",
        [("unknown-reference", "person.email}]}")],
    ),
    "reference to a dataset that is not there": (
        "identity: email}",
        "identity: email, references: [{dataset: crn, field: people.email}]}",
        [("unknown-reference", "people.email}]}")],
    ),
    "reference to a collection as a field": (
        "identity: email}",
        "identity: email, references: [{dataset: crm, field: people}]}",
        [("unknown-reference", "people}]}")],
    ),
    "order of a collection": (
        "      - name: people",
        "      - name: people\n        fides_meta: {after: [crm.gone], erase_after: [crm.people]}",
        [("unknown-reference", "crm.gone], erase_after: [crm.people]}")],
    ),
    "order of a dataset": (
        "    collections:",
        "    fides_meta: {after: [gone]}\n    collections:",
        [("unknown-reference", "gone]}")],
    ),
    "field without a category": (
        "      - name: people\n        fields:",
        "      - name: people\n        fields:\n          - name: phone_number",
        [("unlabelled-field", "phone_number")],
    ),
    "vague name among personal data": (
        "      - name: people\n        fields:",
        "      - name: people\n        fields:\n          - name: city",
        [("unlabelled-field", "city")],
    ),
    "nested field without a category": (
        "      - name: people\n        fields:",
        "      - name: people\n        fields:\n          - name: home\n            fields: [{name: phone_number}]",
        [("unlabelled-field", "phone_number")],
    ),
    "no identity": (", identity: email", "", [("unreachable-data", "crm")]),
    "no primary key": ("primary_key: true, ", "", [("no-primary-key", "people")]),
    "no primary key where a reference leads": (
        DATASET,
        DATASET + LINKED.replace("            fides_meta: {primary_key: true}\n", ""),
        [("no-primary-key", "orders")],
    ),
    "a reference leads from there alone": (
        DATASET,
        DATASET.replace("identity: email}", f"identity: email, references: [{BACK}]}}")
        + LINKED.replace(f"            fides_meta: {{references: [{LINK}]}}\n", ""),
        [("unreachable-data", "orders")],
    ),
    "a reference leads the other way": (
        DATASET,
        DATASET + LINKED.replace("direction: from", "direction: to"),
        [("unreachable-data", "orders")],
    ),
}

FINE: dict[str, tuple[str, str]] = {
    "nothing": ("", ""),
    "no subjects where no data is personal": (
        "        data_categories: [user.contact.email]\n        data_use: essential.service\n"
        "        data_subjects: [customer]\n        dataset_references: [crm]\n",
        "        data_categories: [system.operations]\n        data_use: essential.service\n"
        "      - {name: Rest, data_categories: [user], data_use: essential, data_subjects: [customer], "
        "dataset_references: [crm]}\n",
    ),
    "the dataset is named by the system": (
        "    system_type: Service",
        "    system_type: Service\n    dataset_references: [crm]",
    ),
    "a flow of people": (
        "    system_type: Service",
        "    system_type: Service\n    ingress: [{fides_key: user, type: user}]",
    ),
    "a flow that the system has": (
        "    system_type: Service\n    privacy_declarations:\n      - name: Orders",
        "    system_type: Service\n    egress: [{fides_key: crm, type: dataset}]\n    privacy_declarations:\n"
        "      - name: Orders\n        egress: [crm]",
    ),
    "a special category with its basis": (
        "data_use: essential.service",
        "data_use: essential.service\n        processes_special_category_data: true\n"
        "        special_category_legal_basis: Explicit consent",
    ),
    "a transfer with its basis": (
        "    system_type: Service",
        "    system_type: Service\n    does_international_transfers: true\n    legal_basis_for_transfers: [SCCs]",
    ),
    "a field whose collection is labelled": (
        "      - name: people\n        fields:",
        "      - name: people\n        data_categories: [user]\n        fields:\n          - name: phone_number",
    ),
    "a field whose name says nothing": (
        "      - name: people\n        fields:",
        "      - name: people\n        fields:\n          - name: created_at\n          - name: zork",
    ),
    "a vague name where no data is personal": (
        DATASET,
        DATASET + "      - name: products\n        fields: [{name: name}, {name: price}]\n",
    ),
    "a reference leads there": (DATASET, DATASET + LINKED),
    "a reference leads there both ways": (DATASET, DATASET + LINKED.replace(", direction: from", "")),
    "people's requests leave it out": (
        "      - name: people\n        fields:",
        "      - name: people\n        fides_meta: {skip_processing: true}\n        fields:",
    ),
    "an erasure deletes all of it": (
        "      - name: people\n        fields:",
        "      - name: people\n        fides_meta: {masking_strategy_override: {strategy: delete}}\n        fields:",
    ),
}


@pytest.mark.parametrize("what", FAULTS)
def test_lint_underlines(what: str) -> None:
    old, new, expected = FAULTS[what]
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    findings = found(text)
    assert marks(text, findings) == expected
    assert all(finding.message and finding.hint and finding.at.file == FILE for finding in findings)


@pytest.mark.parametrize("what", FINE)
def test_lint_is_silent_on(what: str) -> None:
    old, new = FINE[what]
    assert old in GOOD
    assert found(GOOD.replace(old, new, 1)) == ()


def test_every_row_is_put_to_the_test() -> None:
    said = {rule for _, _, expected in FAULTS.values() for rule, _ in expected}
    laws = {"unknown-law", "no-legal-basis", "no-retention", "no-sensitive-consent"}  # below
    assert said | laws | {"no-declarations"} == {row.name for row in LINTS}


def test_every_rule_says_what_it_is_about() -> None:
    assert all(RULES[row.name].endswith(".") for row in LINTS)


# --- labels -----------------------------------------------------------------------------------------------------


def test_a_near_category_is_offered() -> None:
    (finding,) = found(using("user.contact.emial"))
    assert finding.hint == "did you mean `user.contact.email`?"


def test_the_new_key_of_an_old_one_is_named() -> None:
    (finding,) = found(using("user.date_of_birth"))
    assert (finding.severity, finding.hint) == ("warning", "write `user.demographic.date_of_birth`")


def test_an_old_key_that_nothing_replaced_is_named_as_old() -> None:
    (finding,) = found(using("account.contact"))
    assert (finding.rule, finding.hint) == (
        "deprecated-label",
        "nothing has taken its place: write the one that is meant",
    )


def test_a_label_of_another_kind_is_named_as_what_it_is() -> None:
    (finding,) = found(GOOD.replace("[customer]", "[marketing]", 1))
    assert finding.hint == "it is a data use"


def test_a_team_may_have_its_own_labels_even_those_that_are_old_elsewhere() -> None:
    own = """
data_category:
  - {fides_key: user.loyalty, parent_key: user}
  - {fides_key: user.gender, parent_key: user}
data_subject:
  - fides_key: member
"""
    text = using("user.loyalty, user.gender")
    assert found(text.replace("[customer]", "[member]") + own) == ()


def test_an_own_label_below_one_that_is_not_there_is_told() -> None:
    text = GOOD + "data_category:\n  - {fides_key: user.loyality.points, parent_key: user.loyality}\n"
    assert marks(text, found(text)) == [("unknown-category", "user.loyality")]


def test_labels_of_rules_are_looked_up() -> None:
    text = (
        GOOD
        + """
policy:
  - fides_key: company
    rules:
      - name: one
        data_categories: {matches: ANY, values: [user.contcat]}
        data_uses: {matches: ANY, values: [advertising]}
        data_subjects: {matches: ANY, values: [custmer]}
"""
    )
    assert marks(text, found(text)) == [
        ("unknown-category", "user.contcat"),
        ("deprecated-label", "advertising"),
        ("unknown-subject", "custmer"),
    ]


def test_a_value_that_was_pasted_in_place_of_a_key_is_not_quoted() -> None:
    manifest = read(GOOD)
    texts = [Ground(manifest).labels.near("category", "078-05-1120")]
    pasted = GOOD.replace("[customer]", "[078-05-1120]", 1)
    texts += [text for finding in found(pasted) for text in (finding.message, finding.hint, finding.subject)]
    assert not any("078" in text for text in texts)


@pytest.mark.parametrize(
    ("kind", "old", "new"),
    [
        ("category", "user.provided.identifiable.contact.city", "user.contact.address.city"),
        ("category", "user.derived.identifiable.device.ip_address", "user.device.ip_address"),
        ("category", "user.provided.identifiable.credentials.password", "user.authorization.password"),
        ("category", "user.derived.identifiable.biometric_health", "user.biometric.health"),
        ("category", "user.derived.identifiable.race", "user.demographic.race_ethnicity"),
        ("category", "user.provided.nonidentifiable", "user"),
        ("category", "user.contact.email", None),
        ("category", "user.providers", None),
        ("category", "user.provided.identifiable.zork", ""),
        ("use", "improve.system", "functional.service.improve"),
        ("use", "provide.service.operations.support", "essential.service.operations.support"),
        ("use", "provide.service.operations.support.optimization", "essential.service.operations.improve"),
        ("use", "third_party_sharing.fraud_detection", "essential.fraud_detection"),
        ("use", "third_party_sharing", None),
        ("subject", "customer", None),
    ],
)
def test_an_old_key_leads_to_the_new_one(kind: str, old: str, new: str | None) -> None:
    word = next(each for each in KINDS if each == kind)
    assert successor(word, old, lambda key: Labels().known(word, key)) == new


# --- systems and laws -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("", ["no-declarations"]),
        ("    processes_personal_data: false\n", []),
        ("    exempt_from_privacy_regulations: true\n", []),
    ],
)
def test_a_system_that_declares_nothing_is_told_unless_it_processes_nothing(said: str, expected: list[str]) -> None:
    text = f"system:\n  - fides_key: wiki\n    system_type: Service\n    privacy_declarations: []\n{said}"
    assert [finding.rule for finding in found(text)] == expected


LAWFUL = """
organization:
  - fides_key: default_organization
    meta: {privet: {laws: [%s]}}
"""


def test_without_a_law_nobody_asks_for_a_legal_basis_or_a_retention() -> None:
    assert found(GOOD) == ()
    assert found(GOOD + LAWFUL % "hipaa") == ()


def test_a_law_of_the_organization_asks_and_is_named() -> None:
    text = GOOD + LAWFUL % "gdpr"
    findings = found(text)
    assert marks(text, findings) == [("no-legal-basis", "name: Orders"), ("no-retention", "name: Orders")]
    assert "gdpr, Art. 6(1)" in findings[0].message
    assert findings[0].severity == "error"
    said = "data_use: essential.service\n        legal_basis_for_processing: Contract\n        retention_period: a year"
    assert found(text.replace("data_use: essential.service", said)) == ()


def test_a_law_that_the_caller_names_asks_everybody() -> None:
    assert {finding.rule for finding in found(GOOD, laws=[law("ccpa")])} == {"no-retention"}


def test_laws_of_another_organization_ask_nothing() -> None:
    assert found(GOOD + (LAWFUL % "gdpr").replace("default_organization", "sister")) == ()


def test_a_law_that_is_not_known_is_told() -> None:
    text = GOOD + LAWFUL % "gdprr"
    (finding,) = found(text)
    assert marks(text, [finding]) == [("unknown-law", "gdprr")]
    assert finding.hint == "did you mean `gdpr`?"


def test_sensitive_data_needs_consent_where_a_law_asks() -> None:
    text = using("user.location.precise")
    (finding,) = found(text, laws=[law("vcdpa")])
    assert (finding.rule, finding.severity) == ("no-sensitive-consent", "warning")
    said = "data_use: essential.service\n        legal_basis_for_processing: Consent"
    assert found(text.replace("data_use: essential.service", said), laws=[law("vcdpa")]) == ()


def test_where_no_law_asks_for_a_special_basis_only_what_says_so_itself_is_told() -> None:
    text = using("user.biometric.voice")
    assert [finding.rule for finding in found(text)] == ["no-special-basis"]
    assert found(text, laws=[law("ccpa")])[0].rule == "no-retention"
    assert "no-special-basis" not in {finding.rule for finding in found(text, laws=[law("ccpa")])}


# --- datasets ---------------------------------------------------------------------------------------------------


def test_data_that_nothing_reaches_is_a_note_where_nobody_says_an_identity() -> None:
    assert [finding.severity for finding in found(GOOD.replace(", identity: email", ""))] == ["note"]
    other = DATASET.replace("dataset:\n", "").replace("crm", "old", 1).replace(", identity: email", "")
    text = GOOD.replace("[crm]", "[crm, old]") + other
    assert [(finding.severity, finding.subject) for finding in found(text)] == [("warning", "dataset old")]


def test_the_vault_finds_its_own_people() -> None:
    manifest = read(
        SYSTEM
        + """
dataset:
  - fides_key: crm
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email}}
"""
    )
    assert check(manifest) == ()


def test_without_lint_only_rules_and_promises_speak() -> None:
    assert found(GOOD.replace("[customer]", "[custmer]"), lint=False) == ()
