"""MongoDB by a sample of documents, over a stand-in for the two calls that the detector makes of pymongo."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import pytest
from bson import DBRef, Decimal128, Int64, ObjectId
from mongos import raw, server

from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed
from privet.scanners.detectors import mongo
from privet.secret import Secret
from privet.vocabulary.dataset import Field, Link, every_field


class Documents:
    """Documents of one collection, by _id."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.documents = [{"_id": at, **document} for at, document in enumerate(documents)]

    def find(self, *, sort: list[tuple[str, int]], limit: int) -> list[dict[str, Any]]:
        (_, way) = sort[0]
        return self.documents[::way][:limit]


class Database:
    """Collections by name."""

    def __init__(self, **collections: Documents) -> None:
        self.collections = collections

    def list_collection_names(self, *, filter: Mapping[str, Any]) -> list[str]:
        assert "collection" in filter["type"]["$in"]
        return [*self.collections, "system.profile"]

    def __getitem__(self, name: str) -> Documents:
        return self.collections[name]


def seen(*documents: dict[str, Any], samples: int = 0) -> tuple[Observed, dict[str, Field]]:
    ask = Ask(dsn=Secret("mongodb://h/shop"), samples=samples)
    (found,) = mongo.observe(Database(users=Documents(*documents)), ask)
    return found, dict(every_field(found.collection.fields))


@pytest.mark.parametrize(
    ("value", "word"),
    [
        ("a", "string"),
        (1, "integer"),
        (Int64(1), "integer"),
        (1.5, "float"),
        (Decimal128("1.5"), "float"),
        (True, "boolean"),
        (ObjectId(), "object_id"),
        (datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC), "string"),
        ({"a": 1}, "object"),
        (["a"], "string[]"),
        ([{"a": 1}], "object[]"),
        ([], ""),
        (b"x", ""),
    ],
    ids=lambda value: str(type(value).__name__) if not isinstance(value, str) else value,
)
def test_each_kind_of_value_has_its_word(value: object, word: str) -> None:
    _, fields = seen({"x": value})
    assert fields["x"].native.data_type == word


def test_objects_and_arrays_of_them_hold_fields() -> None:
    _, fields = seen({"home": {"city": "a"}}, {"home": {"zip": 1}, "pets": [{"name": "b"}, {"age": 2}]})
    assert set(fields) == {"_id", "home", "home.city", "home.zip", "pets", "pets.name", "pets.age"}
    assert fields["home.city"].native.nullable is True
    assert fields["_id"].native.primary_key


def test_what_every_document_has_is_not_said_to_be_never_empty() -> None:
    _, fields = seen({"a": 1, "b": None}, {"a": 2})
    assert (fields["a"].native.nullable, fields["b"].native.nullable) == (None, True)


def test_mixed_values_have_no_word_but_numbers() -> None:
    _, fields = seen({"a": 1, "b": 1}, {"a": 1.5, "b": "x"})
    assert (fields["a"].native.data_type, fields["b"].native.data_type) == ("float", "")


def test_a_reference_is_a_link() -> None:
    _, fields = seen({"owner": DBRef("people", ObjectId())})
    assert fields["owner"].native.links == (Link("shop", "people._id", "to"),)


@pytest.mark.parametrize(
    "keys",
    [
        ["jane.doe@example.com"],
        ["2024-01-01", "2024-01-02"],
        ["5551234567"],
        ["Jane Doe"],
        [f"k{n}x" for n in range(300)],
        ["507f1f77bcf86cd799439011"],
    ],
    ids=["email", "date", "number", "name", "many", "id"],
)
def test_keys_that_are_values_are_not_shown(keys: list[str]) -> None:
    found, fields = seen({"by": {key: {"a": 1} for key in keys}})
    assert set(fields) == {"_id", "by"}
    assert fields["by"].native.data_type == "object"
    assert not any(key in repr(found) for key in keys)


def test_a_document_shows_the_keys_that_are_names() -> None:
    found, fields = seen({"jane.doe@example.com": 1, "city": "a"})
    assert set(fields) == {"_id", "city"}
    assert found.notes == ("of 1 documents, 1 keys left out, which look like values",)


def test_keys_that_differ_in_each_document_are_values() -> None:
    names = [f"p{chr(97 + at)}" for at in range(20)]
    _, fields = seen(*({"by": {name: 1}} for name in names))
    assert set(fields) == {"_id", "by"}


def test_values_are_looked_at_only_if_asked() -> None:
    people = [{"c": f"person{n}@example.com"} for n in range(9)]
    assert seen(*people)[0].proposals == {}
    found, _ = seen(*people, samples=5)
    assert found.proposals["c"].label == "user.contact.email"
    assert "5 values" in found.proposals["c"].reason and "example.com" not in repr(found)


def test_deep_documents_end() -> None:
    deep: dict[str, Any] = {}
    for _ in range(200):
        deep = {"a": deep}
    _, fields = seen(deep)
    assert max(path.count(".") for path in fields) < mongo.DEPTH


def test_done_collections_are_passed_over() -> None:
    ask = Ask(dsn=Secret("mongodb://h/shop"), done={"shop.a"})
    found = mongo.observe(Database(b=Documents(), a=Documents()), ask)
    assert [(one.collection.name, one.notes) for one in found] == [("b", ("it is empty",))]


@pytest.mark.parametrize("dsn", ["mongodb://u:hunter2@h", "mongodb://u:hunter2@h:x/shop"])
def test_a_dsn_that_is_none_is_refused_without_its_password(dsn: str) -> None:
    with pytest.raises(InvalidInput) as error:
        list(mongo.scan(Ask(dsn=Secret(dsn))))
    assert "hunter2" not in f"{error.value} {error.value.hint}"


@pytest.mark.slow
def test_a_server_that_does_not_answer_is_told_without_its_password() -> None:
    with pytest.raises(Unavailable) as error:
        list(mongo.scan(Ask(dsn=Secret("mongodb://u:hunter2@127.0.0.1:1/shop"))))
    assert "hunter2" not in f"{error.value} {error.value.hint}"


def test_a_server_is_scanned_over_the_wire() -> None:
    """By nx-27017, an emulation of MongoDB that speaks its protocol."""
    with server() as port:
        shop = raw(port).shop
        shop.people.insert_one({"email": "ada@example.com", "home": {"city": "Springfield"}, "tags": ["a"]})
        shop.orders.insert_many([{"_id": n, "total": 1.5} for n in range(3)])
        found = {one.collection.name: one for one in mongo.scan(Ask(dsn=Secret(f"mongodb://127.0.0.1:{port}/shop")))}
    assert set(found) == {"people", "orders"}
    people = dict(every_field(found["people"].collection.fields))
    words = {path: field.native.data_type for path, field in people.items()}
    assert words == {
        "_id": "object_id",
        "email": "string",
        "home": "object",
        "home.city": "string",
        "tags": "string[]",
    }
    assert found["people"].proposals["email"].label == "user.contact.email"
