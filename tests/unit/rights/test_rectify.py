"""A rectification sets right what was named, of her own records alone, and leaves all else byte for byte."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from a_request import DATASETS, Place, column, system
from hypothesis import given
from hypothesis import strategies as st

from privet.connectors.base import Record
from privet.errors import InvalidInput
from privet.rights.asked import Correction
from privet.rights.fates.correction import corrected
from privet.rights.fates.decision import Anonymize, Decider
from privet.rights.words import Address
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

KEY = Secret(bytes(range(32)))
NAME = Correction(what="user.name", value="Ada Lovelace")


def rectified(place: Place, *corrections: Correction, **more: Any) -> dict[str, Any]:
    """Carry a rectification out and return what stands in the systems then."""
    request = place.open("rectification", corrections=corrections, **more)
    place.over(request)
    return {name: held.rows for name, held in place.systems.items()}


def last(place: Place) -> Any:
    return place.journal.listed()[0]


# --- whole requests -------------------------------------------------------------------------------------------


def test_what_is_wrong_is_set_right_and_seen_to_be_so() -> None:
    place = Place()
    before = {name: copy.deepcopy(held.rows) for name, held in place.systems.items()}
    after = rectified(place, NAME)
    before["shop"]["customers"][0]["name"] = "Ada Lovelace"
    assert after == before
    found = system(place, last(place).id, "shop")
    assert (last(place).state, found.corrected, found.masked, found.verified, found.remaining) == (
        "complete",
        1,
        0,
        1,
        (),
    )
    assert last(place).forgotten
    assert [event for event, _ in place.told] == ["requests.run", "requests.rectify", "requests.done"]


def test_an_address_by_which_she_is_looked_up_is_set_right_too() -> None:
    place = Place()
    rows = rectified(place, Correction(what="shop.customers.email", value="ada@new.example.com"))
    assert [row["email"] for row in rows["shop"]["customers"]] == ["ada@new.example.com", "bob@example.com"]
    assert (last(place).state, system(place, last(place).id, "shop").verified) == ("complete", 1)


def test_what_stands_there_now_narrows() -> None:
    place = Place()
    was = Correction(what="user.contact.address", value="4 Lane", was="3 Lane")
    rows = rectified(place, was)
    assert [row["address"] for row in rows["shop"]["orders"]] == ["1 Lane", "2 Lane", "4 Lane"]
    assert last(place).state == "complete"


def test_a_promise_that_keeps_records_does_not_stand_in_the_way() -> None:
    place = Place()
    place.systems["shop"].rows["orders"][0]["status"] = "open"
    rows = rectified(place, Correction(what="shop.orders.address", value="5 Lane"))
    assert [row["address"] for row in rows["shop"]["orders"]] == ["5 Lane", "2 Lane", "5 Lane"]


def test_a_dry_run_counts_and_changes_nothing() -> None:
    place = Place()
    before = {name: copy.deepcopy(held.rows) for name, held in place.systems.items()}
    assert rectified(place, NAME, dry=True) == before
    assert (system(place, last(place).id, "shop").corrected, last(place).begun) == (1, False)


def test_what_is_right_already_is_not_written() -> None:
    place = Place()
    rectified(place, Correction(what="user.name", value="Ada Example"))
    assert (last(place).state, place.systems["shop"].erased) == ("complete", {})


def test_a_correction_that_names_nothing_is_told_and_nothing_changes() -> None:
    place = Place()
    rectified(place, NAME, Correction(what="user.biometric", value="x"))
    assert last(place).state == "failed"
    assert "corrections[1].what" in last(place).reason and "user.biometric" not in last(place).reason
    assert place.systems["shop"].erased == {}


def test_a_system_that_only_says_so_is_seen_by_reading_back() -> None:
    place = Place()
    place.systems["shop"].lies = True
    rectified(place, NAME)
    (left,) = system(place, last(place).id, "shop").remaining
    assert (left.count, left.reason) == (1, "`name` does not hold what was to be written")


def test_a_key_is_not_changed_and_the_reason_is_told() -> None:
    place = Place()
    rows = rectified(place, Correction(what="shop.customers.id", value=9), NAME)
    assert [row["id"] for row in rows["shop"]["customers"]] == [1, 2]
    (left,) = system(place, last(place).id, "shop").remaining
    assert (last(place).state, left.reason) == ("partial", "`id`: it is a primary key, which is not changed")


def test_a_reference_to_a_key_is_not_changed() -> None:
    place = Place()
    rectified(place, Correction(what="crm.contacts.customer", value=2))
    (left,) = system(place, last(place).id, "crm").remaining
    assert left.reason == "`customer`: it refers to a key, which is not changed"


def test_a_system_without_keys_is_set_right_by_what_she_was_found_by() -> None:
    place = Place()
    place.datasets = {"shop": _without_key(DATASETS["shop"]), "crm": DATASETS["crm"]}
    rectified(place, NAME)
    assert last(place).state == "complete"
    assert [row["name"] for row in place.systems["shop"].rows["customers"]] == ["Ada Lovelace", "Bob Example"]


def test_a_retry_goes_on_with_what_remained() -> None:
    place = Place()
    place.systems["shop"].refuses = "not today"
    rectified(place, NAME)
    assert last(place).state == "partial"
    place.systems["shop"].refuses = ""
    place.journal.retry(last(place).id, "bob", place.now)
    place.over(last(place))
    assert (last(place).state, system(place, last(place).id, "shop").corrected) == ("complete", 1)


def _without_key(dataset: Dataset) -> Dataset:
    customers, *rest = dataset.collections
    fields = tuple(replace(one, native=replace(one.native, primary_key=False)) for one in customers.fields)
    return replace(dataset, collections=(replace(customers, fields=fields), *rest))


# --- single records -------------------------------------------------------------------------------------------

PEOPLE = Address("app", "people")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def app(*fields: Field) -> Dataset:
    key = column("id", type_="integer", primary_key=True)
    email = column("email", "user.contact.email", identity="email")
    return Dataset(key="app", collections=(Collection(name="people", fields=(key, email, *fields)),))


def decided(field: Field, held: Any, *corrections: Correction) -> tuple[dict[str, Any], list[str]]:
    """Return what is to be written into a record that holds a value, and what remains and why."""
    decider = corrected(corrections, [app(field)], KEY)
    values = {"id": 1, "email": "ada@example.com", field.name: held}
    (found,) = decider.decide(PEOPLE, [Record(values)], NOW, {"email": ["ada@example.com"]})
    assert isinstance(found, Anonymize)
    return dict(found.values), [one.why for one in found.remaining]


def right(value: Any, was: Any = None) -> Correction:
    return Correction(what="app.people.x", value=value, was=was)


@pytest.mark.parametrize(
    ("held", "said", "becomes"),
    [
        ("old", "new", "new"),
        ("7", 8, "8"),
        (7, "8", 8),
        (7, 8, 8),
        (False, "true", True),
        (1.5, "2.5", 2.5),
        (Decimal("1.50"), "2.25", Decimal("2.25")),
        (date(1990, 1, 2), "1990-02-01", date(1990, 2, 1)),
        (datetime(1990, 1, 2, 3, tzinfo=UTC), "1990-02-01T04:00:00Z", datetime(1990, 2, 1, 4, tzinfo=UTC)),
        ("old", None, None),
        (None, "new", "new"),
    ],
    ids=str,
)
def test_what_is_written_is_of_the_kind_that_stood_there(held: Any, said: Any, becomes: Any) -> None:
    assert decided(column("x", type_=""), held, right(said)) == ({"x": becomes}, [])


@pytest.mark.parametrize(
    ("field", "held", "said", "why"),
    [
        (column("x", type_="integer"), 7, "many", "what is right is no whole number, which the field holds"),
        (column("x", type_="boolean"), True, "maybe", "what is right is no `true` or `false`, which the field holds"),
        (column("x"), date(2000, 1, 1), "soon", "what is right is no date such as `2020-01-31`, which the field holds"),
        (column("x", nullable=False), "old", None, "it may not be empty"),
        (column("x", length=3), "old", "older", "what is right does not fit its length of 3"),
        (column("x", read_only=True), "old", "new", "the system lets nobody write it"),
        (column("x"), {"a": 1}, "new", "it holds more than one value: name the field within"),
        (column("x", type_="string[]"), ["a", "b"], "c", "it holds several: say which by what stands there now"),
    ],
    ids=lambda one: one.native.data_type if isinstance(one, Field) else str(one)[:20],
)
def test_what_does_not_fit_remains_and_the_reason_holds_no_value(field: Field, held: Any, said: Any, why: str) -> None:
    assert decided(field, held, right(said)) == ({}, [why])


def test_of_a_list_the_element_that_is_wrong_is_set_right() -> None:
    assert decided(column("x", type_="string[]"), ["a", "b", "c"], right("B", was="b")) == ({"x": ["a", "B", "c"]}, [])


def test_a_field_within_an_object_is_set_right() -> None:
    field = Field(name="x", type="string", fields=(column("city", "user.contact.address.city"), column("zip")))
    said = Correction(what="user.contact.address.city", value="Bonn")
    assert decided(field, {"city": "Born", "zip": "1"}, said) == ({"x.city": "Bonn"}, [])


@pytest.mark.parametrize(("was", "becomes"), [(None, {}), ("Ada", {"x": "Eda"})])
def test_a_part_of_what_was_named_is_set_right_only_where_what_stands_there_is_said(was: Any, becomes: Any) -> None:
    email = Correction(what="user.contact.email", value="ada@example.com")
    said = Correction(what="user.name", value="Eda", was=was)
    field = column("x", "user.name.first")
    whole = column("whole", "user.name")
    decider = corrected([email, said], [app(field, whole)], KEY)
    values = {"id": 1, "email": "ada@example.com", "x": "Ada", "whole": None}
    (found,) = decider.decide(PEOPLE, [Record(values)], NOW, {"email": ["ada@example.com"]})
    assert isinstance(found, Anonymize)
    assert {path: value for path, value in found.values.items() if path == "x"} == becomes


def test_the_nearest_of_several_corrections_counts() -> None:
    wide = Correction(what="user.name", value="wide")
    near = right("near")
    assert decided(column("x", "user.name"), "old", wide, near) == ({"x": "near"}, [])


def test_a_correction_of_one_end_of_a_reference_alone_is_refused() -> None:
    mail = Collection(
        name="mail", fields=(column("to", "user.contact.email", links=(Link("app", "people.email", "from"),)),)
    )
    dataset = app()
    both = replace(dataset, collections=(*dataset.collections, mail))
    one = corrected([Correction(what="app.people.email", value="n@example.com")], [both], KEY)
    all_ = corrected([Correction(what="user.contact.email", value="n@example.com")], [both], KEY)
    record = [Record({"id": 1, "email": "ada@example.com"})]
    assert _remaining(one, record) == ["records meet by it and `app.mail.to`: correct both, by their category"]
    assert _remaining(all_, record) == []


def _remaining(decider: Decider, records: list[Record]) -> list[str]:
    (found,) = decider.decide(PEOPLE, records, NOW)
    assert isinstance(found, Anonymize)
    return [one.why for one in found.remaining]


def test_a_value_of_a_vault_takes_its_one_form_or_is_refused() -> None:
    field = Field(name="x", type="contact.email", native=Native(data_type="string"))
    record = [Record({"id": 1, "email": "ada@example.com", "x": "old@example.com"})]
    good = corrected([right("New@EXAMPLE.com")], [app(field)], KEY, vaults={"app"})
    bad = corrected([right("no address")], [app(field)], KEY, vaults={"app"})
    (made,) = good.decide(PEOPLE, record, NOW)
    assert isinstance(made, Anonymize)
    assert made.values == {"x": "New@example.com"}
    assert _remaining(bad, record) and "no address" not in _remaining(bad, record)[0]


def test_every_correction_that_names_nothing_is_told_at_once() -> None:
    wrong = [Correction(what="user.biometric", value="x"), right("y"), Correction(what="app.people.none", value="z")]
    with pytest.raises(InvalidInput) as raised:
        corrected(wrong, [app(column("x"))], KEY)
    assert [fault.at for fault in raised.value.faults] == ["corrections[0].what", "corrections[2].what"]
    with pytest.raises(InvalidInput):
        corrected([], [app()], KEY)


def test_what_a_person_typed_in_place_of_a_category_is_told_to_nobody() -> None:
    with pytest.raises(InvalidInput) as raised:
        corrected([Correction(what="Ada Example", value="x")], [app(column("x"))], KEY)
    assert "Ada" not in f"{raised.value!r} {raised.value} {raised.value.faults}"


# --- laws -----------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["Ada Example", "Ada", "ada example", "", "1 Lane", "x" * 50, None])


@given(st.lists(WORDS, min_size=4, max_size=4), WORDS, WORDS)
def test_only_named_fields_of_her_own_records_change(held: list[Any], value: Any, was: Any) -> None:
    place = Place()
    customers = place.systems["shop"].rows["customers"]
    for row, name in zip(customers, held, strict=False):
        row["name"] = name
    for row, street in zip(place.systems["shop"].rows["orders"], held, strict=False):
        row["address"] = street
    before = {name: copy.deepcopy(one.rows) for name, one in place.systems.items()}
    after = rectified(place, Correction(what="user.name", value=value, was=was))
    hits = was is None or (held[0] is not None and str(held[0]).strip().casefold() == str(was).strip().casefold())
    if hits:
        before["shop"]["customers"][0]["name"] = value
    assert after == before
    assert last(place).state == "complete"
