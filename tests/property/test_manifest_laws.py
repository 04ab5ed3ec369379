"""Laws of reading manifests: what fideslang takes we take as the same, what it refuses we tell of, nothing harms."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import pydantic
import yaml
from fideslang import models, parse
from hypothesis import given, settings
from hypothesis import strategies as st

from privet.manifest.diff import diff
from privet.manifest.keys import SHAPES
from privet.manifest.load import read_text
from privet.vocabulary.dataset import Dataset, Field
from privet.vocabulary.system import System

KEY = st.sampled_from(("shop", "shop_2", "a.b", "user.contact.email", "x-y", "<all>", 7, "not a key", "é", ""))
GOOD_KEY = st.sampled_from(("shop", "shop_2", "a.b", "user.contact.email", "x-y", "<all>"))
TEXT = st.sampled_from(("Orders", "a b", "it's: so", "1", "yes", "", "long " * 30, "naïve", "line\nline"))
ODD = st.sampled_from((None, True, 3, 1.5, "x", [], {}, [1], ["a", None], {"a": 1}))


def or_odd(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return mostly what fits."""
    return st.integers(0, 39).flatmap(lambda at: ODD if at == 0 else good)


def mapping(must: dict[str, st.SearchStrategy[Any]], may: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {key: or_odd(value) for key, value in must.items()}, optional={key: or_odd(value) for key, value in may.items()}
    )


def some(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(or_odd(one), max_size=3)


KEYS = some(st.integers(0, 19).flatmap(lambda at: KEY if at == 0 else GOOD_KEY))
FLAG = st.sampled_from((True, False, "true", "no", 1, 0))
LINK = mapping({"dataset": GOOD_KEY, "field": TEXT}, {"direction": st.sampled_from(("from", "to", "both"))})
FIELD_META = mapping(
    {},
    {
        "references": some(LINK),
        "identity": TEXT,
        "primary_key": FLAG,
        "data_type": st.sampled_from(("string", "integer[]", "object", "object[]", "date", "string[][]", "[]")),
        "length": st.sampled_from((1, 40, "40", 40.0, 0, -1, "x", 2.5)),
        "return_all_elements": FLAG,
        "read_only": FLAG,
        "custom_request_field": TEXT,
        "masking_strategy_override": mapping({"strategy": TEXT}, {"configuration": st.just({"length": 3})}),
        "redact": st.sampled_from(("name", "names")),
    },
)
DATA = {"data_categories": KEYS, "data_subjects": KEYS, "data_uses": KEYS, "data_purposes": KEYS}
MAY = {"description": TEXT, **DATA}
PLAIN = mapping({"name": TEXT}, {**MAY, "fides_meta": FIELD_META, "fidesops_meta": FIELD_META})
FIELD = mapping({"name": TEXT}, {**MAY, "fides_meta": FIELD_META, "fields": some(PLAIN), "unknown": TEXT})
COLLECTION_META = mapping(
    {},
    {
        "after": some(st.sampled_from(("a.b", "a", "a.b.c"))),
        "erase_after": some(st.sampled_from(("a.b", "shop.users"))),
        "skip_processing": FLAG,
        "masking_strategy_override": mapping({"strategy": st.sampled_from(("delete", "hash"))}, {}),
        "partitioning": st.just({"field": "x"}),
    },
)
COLLECTION = mapping({"name": TEXT, "fields": some(FIELD)}, {**MAY, "fides_meta": COLLECTION_META})
DATASET_META = mapping({}, {"resource_id": TEXT, "after": KEYS, "namespace": st.just({"schema": "public"})})
BASE = {
    "name": TEXT,
    "description": TEXT,
    "organization_fides_key": GOOD_KEY,
    "tags": some(TEXT),
    "meta": st.just({"a": 1}),
}
DATASET = mapping(
    {"fides_key": GOOD_KEY, "collections": some(COLLECTION)},
    {**BASE, **MAY, "fides_meta": DATASET_META, "fidesops_meta": DATASET_META},
)
FLOW = mapping(
    {"fides_key": st.sampled_from(("shop", "user")), "type": st.sampled_from(("dataset", "system", "user", "file"))},
    {"data_categories": KEYS},
)
DECLARATION = mapping(
    {"data_categories": KEYS, "data_use": GOOD_KEY},
    {
        "name": TEXT,
        "data_subjects": KEYS,
        "dataset_references": KEYS,
        "features": some(TEXT),
        "legal_basis_for_processing": st.sampled_from(("Consent", "Contract", "Wish")),
        "retention_period": TEXT,
        "processes_special_category_data": FLAG,
        "shared_categories": some(TEXT),
        "cookies": TEXT,
    },
)
SYSTEM = mapping(
    {"fides_key": GOOD_KEY, "system_type": TEXT, "privacy_declarations": some(DECLARATION)},
    {
        **BASE,
        "egress": some(FLOW),
        "dataset_references": KEYS,
        "uses_profiling": FLAG,
        "legal_basis_for_profiling": some(st.sampled_from(("Contract", "Explicit consent", "Whim"))),
        "cookie_max_age_seconds": st.sampled_from((0, 30, "30", "x")),
        "responsibility": some(st.sampled_from(("Controller", "Owner"))),
        "fidesctl_meta": mapping({}, {"endpoint_port": st.sampled_from((5432, "5432"))}),
    },
)
MATCH = mapping({"matches": st.sampled_from(("ANY", "ALL", "NONE", "OTHER", "SOME")), "values": KEYS}, {})
RULE = mapping({"name": TEXT, "data_categories": MATCH, "data_uses": MATCH, "data_subjects": MATCH}, {})
POLICY = mapping({"fides_key": GOOD_KEY, "rules": some(RULE)}, BASE)
PARENT = st.sampled_from(("a", "user.contact", "user", "x"))
VERSION = st.sampled_from(("1.0.0", "2.0", "2.0.0", "one"))
LABEL = mapping(
    {"fides_key": GOOD_KEY},
    {
        **BASE,
        "parent_key": PARENT,
        "is_default": FLAG,
        "version_added": VERSION,
        "version_deprecated": VERSION,
        "replaced_by": GOOD_KEY,
    },
)
RIGHTS = mapping(
    {"strategy": st.sampled_from(("ALL", "INCLUDE", "EXCLUDE", "SOME"))},
    {"values": some(st.sampled_from(("Access", "Erasure", "Fame")))},
)
RESOURCES = st.one_of(
    st.tuples(st.just("dataset"), DATASET),
    st.tuples(st.just("dataset"), DATASET),
    st.tuples(st.just("system"), SYSTEM),
    st.tuples(st.just("policy"), POLICY),
    st.tuples(st.sampled_from(("data_category", "data_use")), LABEL),
    st.tuples(st.just("data_subject"), mapping({"fides_key": GOOD_KEY}, {**BASE, "rights": RIGHTS})),
)


def fides(kind: str, resource: Any) -> Any:
    """Return what fideslang makes of a resource; None where it refuses it, "" where it refuses what we read on purpose:
    numbers as text everywhere, null as absent, and mappings that it falls over."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return parse.model_map[kind].model_validate(resource)
        except pydantic.ValidationError as error:
            return None if any(is_fault(each["type"], each["input"]) for each in error.errors()) else ""
        except (TypeError, AttributeError):
            return ""  # it sorts by names that need not be there, and looks into what is no mapping


def is_fault(kind: str, found: Any) -> bool:
    number = kind == "string_type" and isinstance(found, int | float) and not isinstance(found, bool)
    return not number and found is not None


@settings(max_examples=1500, deadline=None)
@given(RESOURCES)
def test_what_fideslang_takes_is_taken_as_the_same(given_: tuple[str, Any]) -> None:
    kind, resource = given_
    text = yaml.safe_dump({kind: [resource]}, sort_keys=False, allow_unicode=True)
    manifest, findings = read_text(text)
    said = fides(kind, yaml.safe_load(text)[kind][0])
    errors = [finding for finding in findings if finding.severity == "error"]
    if said is None:
        assert errors, "fideslang refuses it and we do not"
    if not said:
        return
    assert not errors
    if isinstance(said, models.Dataset):
        assert_dataset(manifest.datasets[0], said)
    elif isinstance(said, models.System):
        assert_system(manifest.systems[0], said)
    elif isinstance(said, models.Policy):
        rules = {(rule.name, rule.categories, rule.uses, rule.subjects) for rule in manifest.policies[0].rules}
        assert len(manifest.policies[0].rules) == len(said.rules)
        assert {(name, c.values, c.matches) for name, c, _, _ in rules} == {
            (rule.name, tuple(rule.data_categories.values), rule.data_categories.matches.value) for rule in said.rules
        }
    else:
        label = manifest.labels[0]
        assert (label.key, label.parent) == (said.fides_key, getattr(said, "parent_key", None))


def assert_dataset(ours: Dataset, said: models.Dataset) -> None:
    assert (ours.key, ours.name, ours.description) == (said.fides_key, said.name or "", said.description or "")
    assert ours.labels == tuple(said.data_categories or ())
    assert ours.after == tuple((said.fides_meta.after if said.fides_meta else None) or ())
    collections = sorted(ours.collections, key=lambda collection: collection.name)
    for collection, other in zip(collections, said.collections, strict=True):
        meta = other.fides_meta or models.CollectionMeta()
        assert (collection.name, collection.labels) == (other.name, tuple(other.data_categories or ()))
        assert collection.about == tuple(other.data_subjects or ())
        assert (collection.after, collection.erase_after) == (tuple(meta.after or ()), tuple(meta.erase_after or ()))
        assert collection.skipped is bool(meta.skip_processing)
        fields = sorted(collection.fields, key=lambda field: field.name)
        for field, inner in zip(fields, other.fields, strict=True):
            assert_field(field, inner)


def assert_field(ours: Field, said: models.DatasetField) -> None:
    meta = said.fides_meta or models.FidesMeta()
    assert (ours.name, ours.description) == (said.name, said.description or "")
    assert ours.labels == tuple(said.data_categories or ())
    native = ours.native
    assert [(link.dataset, link.field, link.direction) for link in native.links] == [
        (link.dataset, link.field, link.direction.value if link.direction else "") for link in meta.references or ()
    ]
    assert (native.data_type, native.length, native.identity) == (
        meta.data_type or "",
        meta.length,
        meta.identity or "",
    )
    assert (native.primary_key, native.read_only) == (bool(meta.primary_key), bool(meta.read_only))
    assert (native.all_elements, native.redact) == (bool(meta.return_all_elements), meta.redact is not None)
    assert native.custom == (meta.custom_request_field or "")
    override = meta.masking_strategy_override
    assert (native.masking.strategy if native.masking else None) == (override.strategy if override else None)
    for field, inner in zip(ours.fields, said.fields or (), strict=True):
        assert_field(field, inner)


def assert_system(ours: System, said: models.System) -> None:
    assert (ours.key, ours.kind, ours.name) == (said.fides_key, said.system_type, said.name or "")
    assert ours.organization == said.organization_fides_key
    assert ours.datasets == tuple(said.dataset_references)
    assert [(flow.key, flow.kind, flow.categories) for flow in ours.egress] == [
        (flow.fides_key, flow.type, tuple(flow.data_categories or ())) for flow in said.egress or ()
    ]
    ready = [
        (one.name or None, one.use, one.categories, one.subjects, one.datasets, one.legal_basis, one.retention)
        for one in ours.declarations
    ]
    wanted = [
        (
            one.name or None,
            one.data_use,
            tuple(one.data_categories),
            tuple(one.data_subjects),
            tuple(one.dataset_references or ()),
            getattr(one.legal_basis_for_processing, "value", one.legal_basis_for_processing) or "",
            one.retention_period or "",
        )
        for one in said.privacy_declarations
    ]
    assert sorted(map(repr, ready)) == sorted(map(repr, wanted))
    for key, value in ours.facts.items():
        if key in ("uses_profiling", "cookie_max_age_seconds"):
            assert value == getattr(said, key)


PIECES = (
    *(
        "dataset:\n",
        "system:\n",
        "policy:\n",
        "  - ",
        "fides_key: a\n",
        "collections:\n",
        "    ",
        "fields:\n",
        "name: x\n",
    ),
    *("- ", ": ", "\n", "[", "]", "{", "}", "'", '"', "&a ", "*a", "<<: *a\n", "!!map ", "---\n", "\t", "#", "\r", "é"),
    *("data_categories: [user]\n", "fides_meta:\n", "privet: {type: contact.email}\n", "privet: {composite: person}\n"),
    *(
        "references: [{}]\n",
        "rules: [{data_uses: {}}]\n",
        "data_category: [{fides_key: a.b}]\n",
        "organization: [{meta: {privet: 1}}]\n",
    ),
)


@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=30).map("".join))
def test_no_text_harms_and_every_finding_has_a_place(text: str) -> None:
    manifest, findings = read_text(text, "f.yml")
    for finding in findings:
        assert finding.at.file == "f.yml" and finding.at.line >= 1 and finding.at.column >= 1
        assert finding.message and finding.rule and finding.fingerprint
    assert not diff(manifest, manifest)


OURS = {
    level: st.fixed_dictionaries(
        {}, optional=dict.fromkeys(SHAPES[f"privet_{level}"], ODD | st.sampled_from(("json", "90d")))
    )
    for level in ("dataset", "collection", "field")
}


@settings(max_examples=500, deadline=None)
@given(OURS["dataset"], OURS["collection"], OURS["field"])
def test_whatever_a_vaults_schema_says_harms_nothing(dataset: Any, collection: Any, field: Any) -> None:
    fields = [{"name": "f", "fides_meta": {"privet": field}}, {"name": "g"}]
    collections = [{"name": "c", "fides_meta": {"privet": collection}, "fields": fields}]
    whole = {"dataset": [{"fides_key": "a", "fides_meta": {"privet": dataset}, "collections": collections}]}
    manifest, findings = read_text(yaml.safe_dump(whole))
    assert len(manifest.datasets) == 1 and all(finding.at.line >= 1 for finding in findings)
    hash(manifest.datasets[0])


@settings(max_examples=300, deadline=None)
@given(RESOURCES)
def test_no_finding_quotes_a_text_of_a_person(given_: tuple[str, Any]) -> None:
    kind, resource = given_
    if isinstance(resource, dict):
        resource = {**resource, "description": {"canary": "canary-4111"}, "legal_address": ["canary-4111"]}
    _, findings = read_text(yaml.safe_dump({kind: [resource]}, sort_keys=False))
    assert all("canary-4111" not in f"{finding.message} {finding.hint} {finding.subject}" for finding in findings)


def test_resources_of_a_type_are_put_together_in_any_order_of_files(tmp_path: Path) -> None:
    from privet.manifest.load import load

    for name in ("b.yml", "a.yaml"):
        (tmp_path / name).write_text(f"dataset:\n  - fides_key: {name[0]}\n    collections: []\n")
    manifest, findings = load([tmp_path], root=tmp_path)
    assert [dataset.key for dataset in manifest.datasets] == ["a", "b"] and not findings
