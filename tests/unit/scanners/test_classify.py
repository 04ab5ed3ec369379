"""What a field seems to be: by its name, its table, its native type, and values; reasons never hold a value."""

from __future__ import annotations

import pytest

from privet.scanners.base import Observed, Proposal, datasets
from privet.scanners.classify import LEAST, proposals, propose
from privet.scanners.sample import MOST_CHARACTERS, MOST_VALUES, capped
from privet.vocabulary.dataset import Collection, Field
from privet.vocabulary.native import field, native

EMAILS = capped([f"person{n}@example.com" for n in range(20)], 20)


def column(name: str, kind: str = "TEXT") -> Field:
    return field(name, native(kind))


def table(name: str, *fields: Field) -> Collection:
    return Collection(name=name, fields=fields)


@pytest.mark.parametrize(
    ("name", "kind", "label"),
    [
        ("email", "VARCHAR(40)", "user.contact.email"),
        ("dateOfBirth", "DATE", "user.demographic.date_of_birth"),
        ("phone", "BIGINT", "user.contact.phone_number"),
        ("home_ip", "INET", "user.device.ip_address"),
        ("postal_code", "TEXT", "user.contact.address.postal_code"),
    ],
)
def test_a_name_alone_proposes_a_category(name: str, kind: str, label: str) -> None:
    said = propose(column(name, kind))
    assert said is not None
    assert (said.label, said.confidence <= 0.85) == (label, True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("email_verified", "BOOLEAN"),
        ("email", "JSONB"),
        ("phone", "DATE"),
        ("email", "INTEGER"),
        ("email", "TIMESTAMP"),
        ("created_at", "TIMESTAMP"),
        ("status", "TEXT"),
    ],
)
def test_a_column_cannot_be_what_its_type_has_no_room_for(name: str, kind: str) -> None:
    assert propose(column(name, kind)) is None


def test_a_primary_key_is_no_category_of_its_own() -> None:
    assert propose(field("email", native("TEXT", primary_key=True))) is None


def test_values_speak_louder_than_names() -> None:
    said = propose(column("c7"), EMAILS)
    assert said is not None and said.label == "user.contact.email"
    by_name = propose(column("email"))
    by_both = propose(column("email"), EMAILS)
    assert by_name is not None and by_both is not None and by_both.confidence > by_name.confidence


def test_values_that_break_the_rule_of_the_name_leave_a_doubt() -> None:
    said = propose(column("email"), capped(["n/a", "none", "unknown", "-"], 10))
    assert said is not None
    assert said.label == "user.contact.email" and said.confidence <= 0.5
    assert "4 of 4 values break it" in said.reason


@pytest.mark.parametrize("name", ["name", "city", "title"])
def test_vague_names_mean_a_person_only_in_a_table_of_people(name: str) -> None:
    of_people = proposals(table("customers", column(name)), {})[name]
    beside_email = proposals(table("t", column(name), column("email")), {})[name]
    of_things = proposals(table("warehouses", column(name)), {})[name]
    assert of_people.confidence == beside_email.confidence > 0.5 > of_things.confidence >= LEAST
    assert "nothing says that the table is of people" in of_things.reason


def test_a_field_of_an_object_is_judged_by_its_own_name() -> None:
    home = field("home", native("STRUCT"), fields=(column("email"),))
    assert set(proposals(table("t", home), {})) == {"home.email"}


def test_a_reason_holds_no_value() -> None:
    said = propose(column("contact"), EMAILS)
    assert said is not None
    assert not any(value in str(said) for value in EMAILS.reveal())
    assert "all 20 values fit" in said.reason


def test_only_sure_proposals_become_categories() -> None:
    collection = table("t", column("a"), column("b"))
    said = {
        name: Proposal(type="contact.email", label="user.contact.email", confidence=sure, reason="made up")
        for name, sure in (("a", 0.5), ("b", 0.49))
    }
    (dataset,) = datasets([Observed(dataset="d", collection=collection, proposals=said)])
    assert [one.labels for one in dataset.collections[0].fields] == [("user.contact.email",), ()]


# --- samples ----------------------------------------------------------------------------------------------------


def test_samples_are_few_short_and_unprintable() -> None:
    found = capped(["x" * 1000] * 1000, 1000)
    assert len(found.reveal()) == MOST_VALUES and len(found.reveal()[0]) == MOST_CHARACTERS
    assert (repr(found), str(found), f"{found}") == ("***", "***", "***")


def test_samples_leave_out_what_no_rule_reads() -> None:
    assert capped([None, b"bytes", {"a": 1}, [1], "", True, 7], 10).reveal() == ("true", "7")
