"""The table of keys holds what fideslang holds: every key, every word, what must be there."""

from __future__ import annotations

import typing
from enum import Enum

import pydantic
import pytest
from fideslang import models, validation

from privet.manifest.keys import DATA_TYPES, SHAPES, TYPES, Key

PAIRS: dict[str, type[pydantic.BaseModel]] = {
    "data_category": models.DataCategory,
    "data_use": models.DataUse,
    "data_subject": models.DataSubject,
    "rights": models.DataSubjectRights,
    "dataset": models.Dataset,
    "dataset_meta": models.DatasetMetadata,
    "collection": models.DatasetCollection,
    "collection_meta": models.CollectionMeta,
    "masking": models.MaskingStrategyOverride,
    "field": models.DatasetField,
    "field_meta": models.FidesMeta,
    "reference": models.FidesDatasetReference,
    "field_masking": models.FieldMaskingStrategyOverride,
    "organization": models.Organization,
    "organization_meta": models.OrganizationMetadata,
    "resource_filter": models.ResourceFilter,
    "contact": models.ContactDetails,
    "policy": models.Policy,
    "rule": models.PolicyRule,
    "match": models.PrivacyRule,
    "system": models.System,
    "system_meta": models.SystemMetadata,
    "flow": models.DataFlow,
    "declaration": models.PrivacyDeclaration,
    "evaluation": models.Evaluation,
    "violation": models.Violation,
    "violating": models.ViolationAttributes,
}
# Fides holds these to a list of words in code, not by an enum.
BY_CODE = {("flow", "type"), ("field_meta", "redact"), ("collection_meta", "redact"), ("dataset_meta", "redact")}


def parts(annotation: object) -> list[object]:
    """Return the types that an annotation is made of."""
    inner = typing.get_args(annotation)
    return [annotation, *(part for each in inner for part in parts(each))]


def of_fides(keys: typing.Mapping[str, Key]) -> dict[str, Key]:
    return {name: key for name, key in keys.items() if not key.extra}


def test_every_shape_is_of_fides_or_ours() -> None:
    assert {*SHAPES} == {*PAIRS, *(name for name in SHAPES if name.startswith("privet_"))}


@pytest.mark.parametrize("shape", PAIRS)
def test_a_shape_has_the_keys_of_its_model(shape: str) -> None:
    assert set(of_fides(SHAPES[shape])) == set(PAIRS[shape].model_fields)


@pytest.mark.parametrize("shape", PAIRS)
def test_a_shape_requires_what_its_model_requires(shape: str) -> None:
    wanted = {name for name, field in PAIRS[shape].model_fields.items() if field.is_required()}
    assert {name for name, key in SHAPES[shape].items() if key.required} == wanted


@pytest.mark.parametrize("shape", PAIRS)
def test_a_key_takes_the_words_and_kind_of_its_field(shape: str) -> None:
    for name, field in PAIRS[shape].model_fields.items():
        key, made_of = SHAPES[shape][name], parts(field.annotation)
        enums = [part for part in made_of if isinstance(part, type) and issubclass(part, Enum)]
        if (shape, name) not in BY_CODE:
            assert key.words == tuple(word.value for enum in enums for word in enum), name
        if any(part is bool for part in made_of):
            assert key.kind == "flag", name
        if any(typing.get_origin(part) is list for part in made_of):
            assert key.kind in ("texts", "keys", "paths", "many", "mappings"), name
        models_within = [part for part in made_of if isinstance(part, type) and issubclass(part, pydantic.BaseModel)]
        assert (key.kind in ("one", "many")) is bool(models_within), name
        if models_within:
            assert PAIRS[key.shape] is models_within[0], name


def test_words_that_fides_holds_in_code_are_the_same() -> None:
    assert SHAPES["flow"]["type"].words == tuple(word.value for word in models.FlowableResources)
    assert set(DATA_TYPES) == validation.DATA_TYPE_NAMES


def test_resource_types_are_those_of_fides() -> None:
    from fideslang import model_list

    assert set(TYPES) == set(model_list)


def test_what_replaced_a_key_is_a_key_of_the_same_kind() -> None:
    for shape in SHAPES.values():
        for key in shape.values():
            if key.stands_for:
                other = shape[key.stands_for]
                assert (key.kind, key.shape, key.words) == (other.kind, other.shape, other.words)


def test_every_nested_shape_exists() -> None:
    assert {key.shape for shape in SHAPES.values() for key in shape.values() if key.shape} <= set(SHAPES)
