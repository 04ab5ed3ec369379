"""Reading manifests: what each key becomes, and what is told of each fault, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from privet.manifest.finding import Finding
from privet.manifest.load import read_text, read_texts
from privet.manifest.resources import FidesRule, Manifest, Match
from privet.vocabulary.dataset import Link, Masking

WHOLE = Path(__file__).parents[2] / "golden/manifest/whole/shop.yml"


@pytest.fixture(scope="module")
def whole() -> Manifest:
    manifest, findings = read_text(WHOLE.read_text(), "shop.yml")
    assert [(finding.rule, str(finding.at)) for finding in findings] == [("deprecated-key", "shop.yml:65:5")]
    return manifest


def found(text: str) -> list[tuple[str, str, str]]:
    """Return severity, rule and place of each finding."""
    return [(each.severity, each.rule, f"{each.at.line}:{each.at.column}") for each in read_text(text)[1]]


def only(text: str) -> Finding:
    _, findings = read_text(text)
    assert len(findings) == 1
    return findings[0]


def test_a_field_is_what_connectors_and_the_vault_say_of_it(whole: Manifest) -> None:
    email = whole.datasets[0].collections[0].fields[1]
    assert (email.type, email.labels, email.indexes) == ("contact.email", ("user.contact.email",), ("exact",))
    assert email.token is not None and email.token.kind == "stored"
    assert (email.native.identity, email.native.data_type, email.native.length) == ("email", "string", 120)
    assert email.native.masking == Masking("hash", (("algorithm", "SHA-512"),))


def test_fields_within_fields_and_lists_keep_their_types(whole: Manifest) -> None:
    address = whole.datasets[0].collections[0].fields[2]
    assert (address.type, [inner.name for inner in address.fields]) == ("json", ["city", "lines"])
    assert address.fields[1].array and address.fields[1].native.all_elements


def test_the_former_name_of_meta_data_is_read(whole: Manifest) -> None:
    points = whole.datasets[0].collections[0].fields[3]
    assert points.native.links == (Link("crm_db", "people.id", "from"),) and points.native.read_only


@pytest.mark.parametrize("level", ["dataset", "collection", "field"])
def test_the_former_name_of_meta_data_is_read_at_each_level(level: str) -> None:
    metas = {name: "fides_meta" for name in ("dataset", "collection", "field")} | {level: "fidesops_meta"}
    field = f"{{name: d, {metas['field']}: {{identity: e}}}}"
    collection = f"{{name: c, {metas['collection']}: {{skip_processing: true}}, fields: [{field}]}}"
    text = f"dataset: [{{fides_key: a, {metas['dataset']}: {{after: [b]}}, collections: [{collection}]}}]"
    manifest, findings = read_text(text)
    dataset = manifest.datasets[0]
    assert not findings and dataset.after == ("b",)
    assert dataset.collections[0].skipped and dataset.collections[0].fields[0].native.identity == "e"


@pytest.mark.parametrize(("said", "taken"), [("{}", True), ("null", True), ("[]", False), ("''", False), ("0", False)])
def test_the_former_name_of_meta_data_says_a_mapping_or_nothing(said: str, taken: bool) -> None:
    _, findings = read_text(f"dataset: [{{fides_key: a, collections: [], fidesops_meta: {said}}}]")
    assert (not any(finding.severity == "error" for finding in findings)) is taken


def test_a_collection_has_its_order_and_what_happens_to_its_records(whole: Manifest) -> None:
    customers, orders = whole.datasets[0].collections
    assert (customers.about, customers.after, customers.erase_after) == (
        ("customer",),
        ("crm_db.people",),
        ("shop_db.orders",),
    )
    assert orders.skipped and orders.masking == Masking("delete")


def test_a_system_has_its_flows_declarations_and_facts(whole: Manifest) -> None:
    system = whole.systems[0]
    assert [(flow.key, flow.kind) for flow in (*system.egress, *system.ingress)] == [
        ("mailer", "system"),
        ("user", "user"),
    ]
    assert system.facts["legal_basis_for_transfers"] == ("SCCs",) and system.facts["third_country_transfers"] == (
        "USA",
    )
    billing, raffle = system.declarations
    assert (billing.legal_basis, billing.retention, billing.consents) == ("Contract", "10 years", ("terms",))
    assert billing.facts == {"shared_categories": ("user.contact.email",)} and billing.at == "shop.yml:67:9"
    assert (raffle.name, raffle.use, raffle.subjects) == ("", "marketing.raffle", ())


def test_organizations_policies_labels_and_evaluations_are_read(whole: Manifest) -> None:
    assert whole.organizations[0].laws == ("gdpr",)
    assert whole.organizations[0].facts["security_policy"] == "https://example.com/security"
    assert whole.policies[0].rules == (
        FidesRule(
            name="No advertising",
            categories=Match("ANY", ("user.contact",)),
            uses=Match("ANY", ("marketing.advertising",)),
            subjects=Match("ANY", ("customer",)),
        ),
    )
    assert [(label.kind, label.key, label.parent) for label in whole.labels] == [
        ("category", "user.loyalty", "user"),
        ("use", "marketing.raffle", "marketing"),
        ("subject", "club_member", None),
    ]
    assert whole.evaluations[0]["status"] == "PASS"


def test_every_value_has_its_place(whole: Manifest) -> None:
    steps = ("collections", 0, "fields", 1, "data_categories", 0)
    assert str(whole.place("dataset", "shop_db", *steps)) == "shop.yml:34:31"


def test_a_vaults_templates_load_as_the_same_words() -> None:
    from privet.vault.reader import read_schema

    folder = Path(__file__).parents[3] / "src/privet/vault/templates"
    for path in sorted(folder.glob("*.yml")):
        if ".tests" in path.name:
            continue
        manifest, findings = read_text(path.read_text(), path.name)
        schema = read_schema(path.read_text(), path.name)
        assert not [finding for finding in findings if finding.severity != "note"], path.name
        for ours, theirs in zip(manifest.datasets[0].collections, schema.collections, strict=True):
            assert (ours.name, ours.subject, ours.uniques, ours.about) == (
                theirs.name,
                theirs.subject,
                theirs.uniques,
                theirs.about,
            )
            for field, other in zip(ours.fields, theirs.fields, strict=True):
                for word in (
                    "name",
                    "type",
                    "labels",
                    "array",
                    "keep",
                    "indexes",
                    "unique",
                    "required",
                    "token",
                    "paths",
                ):
                    assert getattr(field, word) == getattr(other, word), (path.name, ours.name, field.name, word)
                assert (field.reference is None) == (other.reference is None)


# --- faults -------------------------------------------------------------------------------------------------------

HEAD = "dataset:\n  - fides_key: a\n    collections:\n      - name: c\n        fields:\n          - name: f\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HEAD + "            data_categorys: [user]\n", ("warning", "unknown-key", "7:13")),
        (HEAD + "            data_categories: user\n", ("error", "wrong-type", "7:30")),
        (HEAD + "            data_categories: [a b]\n", ("error", "malformed-key", "7:31")),
        (HEAD + "            fides_meta: {data_type: text}\n", ("error", "unknown-word", "7:37")),
        (HEAD + "            fides_meta: {length: 0}\n", ("error", "wrong-type", "7:34")),
        (HEAD + "            fides_meta: {return_all_elements: true}\n", ("error", "list-type", "7:47")),
        (
            HEAD + "            fides_meta: {data_type: string}\n            fields: [{name: g}]\n",
            ("error", "object-type", "7:37"),
        ),
        (HEAD + "            fides_meta: {privet: {type: contact.emial}}\n", ("error", "unknown-type", "7:41")),
        (HEAD + "          - name: f\n", ("error", "duplicate-name", "7:13")),
        (HEAD + "          - description: g\n", ("error", "missing-key", "7:13")),
        (HEAD + "            data_qualifier: aggregated\n", ("note", "deprecated-key", "7:13")),
        (HEAD + "dataset:\n", ("error", "invalid-yaml", "7:1")),
        (HEAD + "datasets: []\n", ("error", "unknown-resource", "7:1")),
        (HEAD + "data_qualifier: []\n", ("note", "deprecated-key", "7:1")),
        (HEAD + "consumer: []\n", ("note", "left-alone", "7:11")),
        ("policy:\n  - {key: a, priority: 1, decision: ALLOW}\n", ("note", "left-alone", "2:5")),
        ("dataset: {fides_key: a}\n", ("error", "wrong-type", "1:10")),
        ("data_category: [{fides_key: a.b, parent_key: b}]\n", ("error", "parent-key", "1:46")),
        ("data_use: [{fides_key: a.b}]\n", ("error", "parent-key", "1:12")),
        ("data_use: [{fides_key: a, version_added: 1.0.0}]\n", ("error", "label-version", "1:27")),
        ("data_subject: [{fides_key: a, rights: {strategy: INCLUDE}}]\n", ("error", "missing-key", "1:39")),
        ("- a\n", ("warning", "no-manifest", "1:1")),
        ("services: {web: {image: x}}\n", ("warning", "unknown-resource", "1:1")),
    ],
    ids=lambda value: value[1] if isinstance(value, tuple) else "",
)
def test_a_fault_is_told_at_its_place(text: str, expected: tuple[str, str, str]) -> None:
    assert found(text) == [expected]


def test_an_unknown_key_names_the_nearest() -> None:
    finding = only("system: [{fides_key: a, system_type: S, privacy_declaration: [], privacy_declarations: []}]")
    assert finding.hint == "did you mean `privacy_declarations`?" and finding.length == len("privacy_declaration")


def test_an_unknown_word_names_those_that_are_known() -> None:
    declaration = "{data_categories: [], data_use: b, legal_basis_for_processing: Consnt}"
    text = f"system: [{{fides_key: a, system_type: S, privacy_declarations: [{declaration}]}}]"
    finding = only(text)
    assert finding.hint == "did you mean `Consent`?" and "`Legitimate interests`" in finding.message


def test_a_finding_says_what_it_is_about() -> None:
    text = HEAD + "            fields: [{name: g, oddity: 1}]\n"
    assert only(text).subject == "dataset a, field c.f.g"


def test_all_faults_are_told_at_once() -> None:
    text = "dataset:\n  - fides_key: a b\n    name: [x]\nsystem:\n  - {}\npolicy: 1\n"
    assert sorted({(rule, at) for _, rule, at in found(text)}) == [
        ("malformed-key", "2:16"),
        ("missing-key", "2:5"),
        ("missing-key", "5:5"),
        ("wrong-type", "3:11"),
        ("wrong-type", "6:9"),
    ]


def test_a_key_that_stands_twice_is_told_with_both_places() -> None:
    finding = only("dataset:\n  - {fides_key: a, collections: []}\n  - {fides_key: a, collections: []}\n")
    assert (finding.rule, finding.at.line, finding.because.line) == ("duplicate-resource", 3, 2)


def test_one_key_in_two_types_is_no_fault() -> None:
    text = "dataset: [{fides_key: a, collections: []}]\npolicy: [{fides_key: a, rules: []}]\n"
    assert not found(text)


def test_numbers_become_text() -> None:
    manifest, findings = read_text("dataset: [{fides_key: 7, name: 1.5, collections: [{name: 3, fields: []}]}]\n")
    assert not findings and manifest.datasets[0].key == "7" and manifest.datasets[0].collections[0].name == "3"


def test_unknown_categories_are_no_fault_of_reading() -> None:
    assert not found(HEAD + "            data_categories: [user.provided.identifiable.contact]\n")


def test_the_new_name_of_a_key_stands_over_its_former_one() -> None:
    text = (
        "policy: [{fides_key: p, rules: [{name: r, data_categories: {inclusion: ALL, values: []},"
        " data_uses: {matches: ANY, inclusion: ALL, values: []}, data_subjects: {matches: NONE, values: []}}]}]"
    )
    rule = read_text(text)[0].policies[0].rules[0]
    assert (rule.categories.matches, rule.uses.matches) == ("ALL", "ANY")


def test_aliases_are_read() -> None:
    collections = "[{name: c, fields: &f [{name: g}]}, {name: d, fields: *f}]"
    text = f"dataset: [{{fides_key: a, collections: {collections}}}]\n"
    assert [len(each.fields) for each in read_text(text)[0].datasets[0].collections] == [1, 1]


def test_a_composite_stands_for_its_members() -> None:
    from privet.vocabulary.composite import composite_names

    name = composite_names()[0]
    text = HEAD + f"            fides_meta: {{privet: {{composite: {name}}}}}\n"
    manifest, findings = read_text(text)
    assert not findings and len(manifest.datasets[0].collections[0].fields) > 1


def test_each_kind_of_fault_is_told_as_the_golden_file_has_it() -> None:
    folder = WHOLE.parents[1] / "faults"
    _, findings = read_text((folder / "in.yml").read_text(), "in.yml")
    said = (f"{each.at}: {each.severity} {each.rule}: {each.subject}: {each.message}; {each.hint}" for each in findings)
    assert [line.removesuffix("; ") for line in said] == (folder / "findings.txt").read_text().splitlines()


def test_what_a_finding_says_stays_while_lines_move() -> None:
    text = (WHOLE.parents[1] / "faults/in.yml").read_text()
    before, after = read_text(text)[1], read_text(f"# c\n{text}")[1]
    assert [each.fingerprint for each in before] == [each.fingerprint for each in after]


def test_a_finding_quotes_no_value_of_a_person() -> None:
    text = "organization: [{fides_key: a, controller: {name: [canary], email: {a: canary}, fax: canary}}]\n"
    _, findings = read_text(text)
    assert len(findings) == 3 and not any("canary" in f"{each.message}{each.hint}{each.subject}" for each in findings)


def test_settings_within_settings_of_a_mask_are_dotted_names() -> None:
    text = """
dataset:
  - fides_key: crm
    collections:
      - name: people
        fields:
          - name: email
            fides_meta:
              masking_strategy_override:
                strategy: random_string_rewrite
                configuration: {length: 20, format_preservation: {suffix: "@masked.example"}}
"""
    manifest, faults = read_texts({"a.yml": text})
    assert faults == ()
    masking = manifest.datasets[0].collections[0].fields[0].native.masking
    assert masking == Masking(
        "random_string_rewrite", (("length", 20), ("format_preservation.suffix", "@masked.example"))
    )
