"""Ready roles: what data types bring, and that each template's policy and tests are whole."""

from __future__ import annotations

from dataclasses import replace
from itertools import count

import pytest

from privet.errors import UnknownName
from privet.policy.bind import bind
from privet.policy.format import write
from privet.policy.parse import parse
from privet.policy.permit import rank
from privet.policy.review.diff import EVERYBODY, diff
from privet.policy.review.ready import ANALYST, CONNECTION, SERVICE, STANDARD, SUPPORT, ready, sight
from privet.policy.review.suite import open_suite, run
from privet.policy.roles import BUILT_IN
from privet.vault.reader import read_schema
from privet.vault.schema import EMPTY, merge
from privet.vault.sight import judge
from privet.vault.templates import template_names, template_policy, template_tests, template_text
from privet.vocabulary.dataset import Collection, Dataset, Field
from privet.vocabulary.datatype import TYPES, data_type

NAMES = template_names()


@pytest.mark.parametrize("kind", TYPES.all(), ids=lambda kind: kind.name)
def test_every_type_says_what_standard_roles_see(kind: object) -> None:
    found = data_type(kind.name)  # type: ignore[attr-defined]
    support, service, connection, analyst = (sight(found, role) for role in STANDARD)
    assert service == "" and connection == "plain_text"
    assert support == "" or (support in found.redactions and rank(found, support) <= rank(found, found.ceiling))
    assert support != "plain_text"
    assert analyst in ("", "plain_text", *(part.name for part in found.parts))
    assert analyst != "plain_text" or found.few


SEEN = {
    "us.ssn": ("last_four", ""),
    "card.pan": ("last_four", "brand"),
    "card.cvv": ("", ""),
    "contact.email": ("masked", "domain"),
    "person.dob": ("masked", "decade"),
    "address.state": ("masked", "plain_text"),
    "fin.amount": ("masked", "bucket"),
    "string": ("masked", ""),
    "secret.password": ("", ""),
    "person.biometric": ("", ""),
}


@pytest.mark.parametrize("name", SEEN)
def test_support_sees_the_end_and_an_analyst_coarse_parts(name: str) -> None:
    kind = data_type(name)
    assert (sight(kind, SUPPORT), sight(kind, ANALYST)) == SEEN[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_templates_roles_are_what_its_types_bring(name: str) -> None:
    schema = read_schema(template_text(name))
    found = parse(template_policy(name), f"{name}.policy")
    bind(found, schema, name)
    assert [c for c in diff(ready(schema), found, schema) if c.role != EVERYBODY] == []
    assert {role.name for role in found.roles} == {SUPPORT, SERVICE, CONNECTION, ANALYST}
    assert found.promises
    assert not {role.name for role in found.roles} & {role.name for role in BUILT_IN.roles}


@pytest.mark.parametrize("name", NAMES)
def test_a_templates_policy_is_in_its_canonical_form(name: str) -> None:
    assert write(parse(template_policy(name))) == template_policy(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_templates_tests_pass(name: str) -> None:
    schema, made = read_schema(template_text(name)), count()
    tables = merge(EMPTY, schema, lambda: next(made).to_bytes(16))
    suite = open_suite(template_tests(name), f"{name}.tests.yml")
    assert (suite.policy, suite.schema) == (f"{name}.policy", f"{name}.yml")
    found = run(
        suite, parse(template_policy(name)), schema, lambda where, table: judge(where, tables.table(table.name))
    )
    assert len(found) >= 10 and [result for result in found if not result.sound] == []


def test_a_templates_tests_fail_under_another_policy() -> None:
    schema, made = read_schema(template_text("quickstart")), count()
    tables = merge(EMPTY, schema, lambda: next(made).to_bytes(16))
    wide = template_policy("quickstart").replace("redaction = masked", "redaction = plain_text")
    suite = open_suite(template_tests("quickstart"), "t")
    found = run(suite, parse(wide), schema, lambda where, table: judge(where, tables.table(table.name)))
    assert any(not result.sound for result in found)


def test_templates_are_named_by_their_schemas_alone() -> None:
    assert not any("." in name for name in NAMES)
    with pytest.raises(UnknownName):
        template_policy("quickstart.tests")


def test_special_data_is_shown_to_no_ready_role_that_reads() -> None:
    found = ready(read_schema(template_text("healthcare_hipaa")))
    support = next(role for role in found.roles if role.name == SUPPORT)
    shown = {(target.table, target.column) for rule in support.rules for target in rule.targets}
    assert ("diagnoses", "icd10") not in shown and ("patients", "biometric") not in shown
    assert ("patients", "mrn") in shown


def test_ready_roles_are_made_for_any_schema() -> None:
    schema = read_schema(
        "dataset:\n  - fides_key: own\n    collections:\n      - name: things\n        fields:\n"
        "          - name: size\n            data_categories: [system.operations]\n"
        "            fides_meta: {privet: {type: integer}}\n"
    )
    found = ready(schema)
    bind(found, schema)
    assert parse(write(found)) == found


def test_an_analyst_asks_nothing_of_a_type_that_is_shown_to_nobody() -> None:
    state = data_type("address.state")
    assert sight(state, ANALYST) == "plain_text"
    assert sight(replace(state, ceiling="redacted"), ANALYST) == ""


@pytest.mark.parametrize(
    ("field", "support"),
    [
        (Field(name="f", type="contact.email", labels=("user.contact.email",)), "masked"),
        (Field(name="f", type="contact.email", labels=("user.contact.email",), keep="transient"), ""),
        (Field(name="f", type="string", labels=("user.health_and_medical",)), ""),
        (Field(name="f", type="string", labels=("user.contact", "user.health_and_medical")), ""),
        (Field(name="f", type="string", labels=("user.health_and_medical.record_id",)), "masked"),
        (Field(name="f", type="integer", labels=("system.operations",)), "plain_text"),
        (Field(name="f", type="integer", labels=("user.unique_id",)), ""),
    ],
    ids=["kept", "transient", "special", "one label special", "its number", "about nobody", "about somebody"],
)
def test_support_sees_what_is_kept_and_not_of_a_special_category(field: Field, support: str) -> None:
    policy = ready(Dataset(key="d", collections=(Collection(name="t", fields=(field,)),)))
    role = policy.role(SUPPORT)
    assert [rule.redaction for rule in (role.rules if role else ())] == ([support] if support else [])


def test_ready_rules_stand_from_the_least_to_the_most_revealing() -> None:
    fields = (
        Field(name="count", type="integer", labels=("system.operations",)),
        Field(name="mail", type="contact.email", labels=("user.contact.email",)),
        Field(name="pan", type="card.pan", labels=("user.financial.credit_card",)),
    )
    role = ready(Dataset(key="d", collections=(Collection(name="t", fields=fields),))).role(SUPPORT)
    assert role is not None
    assert [rule.redaction for rule in role.rules] == ["last_four", "masked", "plain_text"]
