"""A composite in a schema stands for its members."""

from __future__ import annotations

import pytest

from privet.errors import InvalidSchema
from privet.vault.reader import read_schema
from privet.vocabulary.dataset import Collection


def table(*fields: str, subject: str = "self", unique: str = "[]") -> Collection:
    lines = "\n".join(f"          - {field}" for field in fields)
    text = f"""
dataset:
  - fides_key: demo
    collections:
      - name: persons
        fides_meta: {{privet: {{subject: {subject}, unique: {unique}}}}}
        fields:
{lines}
"""
    return read_schema(text).collections[0]


def names(found: Collection) -> list[str]:
    return [field.name for field in found.fields]


HOME = "{name: home, fides_meta: {privet: {composite: address}}}"
ALL = ["home_street", "home_city", "home_state", "home_postal_code", "home_country"]


def test_a_composite_stands_for_its_columns_with_a_prefix() -> None:
    found = table(HOME)
    assert names(found) == ALL
    street = found.field("home_street")
    assert street is not None
    assert (street.type, street.labels, street.keep) == (
        "address.street",
        ("user.contact.address.street",),
        "shreddable",
    )


def test_a_member_that_is_written_out_replaces_the_composites_own() -> None:
    found = table(HOME, "{name: home_city, fides_meta: {privet: {type: string, required: true}}}")
    assert sorted(names(found)) == sorted(ALL)
    city = found.field("home_city")
    assert city is not None and city.type == "string" and city.required


def test_a_member_that_is_not_wanted_is_left_out() -> None:
    found = table("{name: home, fides_meta: {privet: {composite: address, without: [country, state]}}}")
    assert names(found) == ["home_street", "home_city", "home_postal_code"]


def test_an_empty_prefix_gives_the_members_their_own_names() -> None:
    found = table("{name: who, fides_meta: {privet: {composite: person, prefix: ''}}}")
    assert "given_name" in names(found) and "email" in names(found)


def test_two_composites_of_one_kind_stand_side_by_side() -> None:
    found = table(HOME, HOME.replace("home", "work"))
    assert len(found.fields) == 10


def test_members_take_part_in_unique_sets() -> None:
    found = table("{name: pay, fides_meta: {privet: {composite: card}}}", unique="[[pay_pan]]")
    assert found.uniques == (("pay_pan",),)


def test_without_a_subject_a_member_is_sealed() -> None:
    assert {field.keep for field in table(HOME, subject="none").fields} == {"sealed"}


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (["{name: home, fides_meta: {privet: {composite: adress}}}"], "no composite `adress`"),
        (["{name: home, fides_meta: {privet: {composite: address, without: [zip]}}}"], "no member `zip`"),
        (["{name: home, fides_meta: {privet: {composite: address, type: string}}}"], "unknown key `type`"),
        (["{name: Home, fides_meta: {privet: {composite: address}}}"], "expected a name"),
        ([HOME, HOME], "stands twice"),
    ],
    ids=["unknown", "member", "key", "name", "twice"],
)
def test_a_faulty_composite_is_reported_at_its_place(fields: list[str], words: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        table(*fields)
    fault = next(fault for fault in caught.value.faults if words in fault.message)
    assert fault.at.startswith("schema.yml:8") or fault.at.startswith("schema.yml:9")
