"""Documents nested in many ways, against an emulation of the server, looked at by a client that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from bson import Code, DBRef, Decimal128, Int64, ObjectId, Regex
from meddling import Meddled
from mongos import raw, server

from privet.connectors.base import Batch, Change, Connector, Read, Setup
from privet.connectors.systems import SYSTEMS
from privet.connectors.systems.mongo import _plain, _spelled, _typed
from privet.errors import Conflict, InvalidInput, Refused
from privet.vocabulary.dataset import Collection, Dataset, Field, Link, Native

ID = "507f1f77bcf86cd799439011"


def _field(name: str, data_type: str = "", *inner: Field, **native: Any) -> Field:
    return Field(name=name, type="string", fields=inner, native=Native(data_type=data_type, **native))


USERS = Collection(
    name="users",
    fields=(
        _field("_id", "object_id", primary_key=True),
        _field("email", "string"),
        _field("age", "integer"),
        _field("any"),
        _field("owner", "object_id", links=(Link("d", "users._id", "to"),)),
        _field("home", "object", _field("city", "string"), _field("rooms", "object[]", _field("name", "string"))),
        _field("pets", "object[]", _field("name", "string")),
        _field("tags", "string[]"),
    ),
)
DATASET = Dataset(key="d", collections=(USERS,))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with server() as found:
        yield found


@pytest.fixture
def users(port: int) -> Any:
    database = raw(port)["d"]
    database.drop_collection("users")
    database.create_collection("users")
    return database["users"]


@pytest.fixture
def connector(port: int) -> Iterator[Connector]:
    settings = {"host": "127.0.0.1", "port": port, "database": "d"}
    found = SYSTEMS.get("mongo").open(Setup(name="d", kind="mongo", settings=settings))
    yield found
    found.close()


def read(connector: Connector, matches: dict[str, list[Any]], *fields: str) -> list[dict[str, Any]]:
    ask = Read(dataset=DATASET, collection=USERS, matches=matches, fields=fields)
    return [dict(one.values) for page in connector.read(ask) for one in page]


def erase(connector: Connector, key: dict[str, Any], values: Any = None) -> list[int]:
    return connector.erase(DATASET, [Batch(USERS, [Change(key, values, "once")])])


@pytest.mark.parametrize(
    ("word", "value", "asked"),
    [
        ("string", "a", ["a"]),
        ("string", 12, ["12"]),
        ("string", Regex(".*"), []),
        ("string", Code("1"), ["1"]),
        ("string", "0F8FAD5B-D9CB-469F-A165-70867728950E", "both"),
        ("integer", "12", [12]),
        ("integer", "1.5", []),
        ("integer", True, []),
        ("integer", 2**63, []),
        ("float", "1.5", [1.5, Decimal128("1.5")]),
        ("boolean", "true", [True]),
        ("boolean", 1, []),
        ("object_id", ID, [ObjectId(ID)]),
        ("object_id", ObjectId(ID), [ObjectId(ID)]),
        ("object_id", "507f", []),
        ("object", "a", []),
        ("", "12", ["12", 12, 12]),
        ("", {"$gt": ""}, []),
        ("", ["a"], []),
        ("", b"a", []),
        ("", None, []),
    ],
    ids=str,
)
def test_a_value_is_asked_for_as_the_field_holds_it(word: str, value: Any, asked: Any) -> None:
    found = list(_typed(_field("x", word), [value]))
    if asked == "both":
        asked = [value.lower(), value, UUID(value)]
    assert found == asked and [type(one) for one in found] == [type(one) for one in asked]


def test_ids_are_asked_for_by_their_text(connector: Connector, users: Any) -> None:
    users.insert_one({"_id": ObjectId(ID), "email": "a", "owner": ObjectId(ID)})
    users.insert_one({"email": "b", "owner": ID})
    (row,) = read(connector, {"_id": [ID, "x", 5]}, "_id", "email")
    assert row == {"_id": ObjectId(ID), "email": "a"}
    # The emulation takes an id and its text for the same.
    assert "a" in [row["email"] for row in read(connector, {"owner": [ID]}, "email")]
    assert erase(connector, {"_id": ID}) == [1] and users.count_documents({}) == 1


def test_a_reference_is_an_id_and_numbers_are_pythons() -> None:
    document = {"a": DBRef("users", ObjectId(ID)), "b": [Decimal128("1.50")], "c": {"d": Int64(5)}, "e": Regex("x")}
    found = _plain(document)
    assert found["a"] == ObjectId(ID) and found["b"] == [Decimal("1.50")] and type(found["c"]["d"]) is int
    assert isinstance(found["e"], str)


def test_masks_reach_every_element_and_nothing_else(connector: Connector, users: Any) -> None:
    pets = [{"name": "x", "age": 1}, {"name": "y"}]
    rooms = [{"name": "k", "n": [1]}, {"name": "l"}]
    users.insert_one({"_id": 1, "email": "a", "home": {"city": "c", "rooms": rooms}, "pets": pets, "tags": ["s", "t"]})
    values = {"pets.name": "m", "home.rooms.name": None, "home.city": "m", "tags": "m", "any": "never made"}
    assert erase(connector, {"email": "a"}, values) == [1]
    assert users.find_one() == {
        "_id": 1,
        "email": "a",
        "home": {"city": "m", "rooms": [{"name": None, "n": [1]}, {"name": None}]},
        "pets": [{"name": "m", "age": 1}, {"name": "m"}],
        "tags": ["m", "m"],
    }
    assert erase(connector, {"email": "a"}, values) == [0]
    assert erase(connector, {"email": "a"}, {"tags": None, "pets": [{"name": "only"}]}) == [1]
    assert (users.find_one()["tags"], users.find_one()["pets"]) == (None, [{"name": "only"}])


def test_an_array_of_many_shapes_is_replaced_as_it_was_read(connector: Connector, users: Any) -> None:
    users.insert_one({"_id": 1, "email": "a", "pets": [{"name": "x"}, None, "odd", {"age": 1}]})
    assert erase(connector, {"email": "a"}, {"pets.name": "m"}) == [1]
    assert users.find_one()["pets"] == [{"name": "m"}, None, "odd", {"age": 1}]


def test_an_array_that_changes_meanwhile_is_a_conflict(connector: Connector, users: Any) -> None:
    users.insert_one({"_id": 1, "email": "a", "pets": [{"name": "x"}, None]})

    def meddle() -> None:
        users.update_one({"_id": 1}, {"$set": {"pets": [{"name": "x"}, None, {"name": "new"}]}})

    with pytest.raises(Conflict):
        erase(connector, {"email": "a"}, Meddled({"pets.name": "m"}, meddle))
    assert users.find_one()["pets"] == [{"name": "x"}, None, {"name": "new"}]


@pytest.mark.parametrize(
    ("value", "path", "spelled"),
    [
        ({"a": {"b": 1}}, "a.b", [(".a.b", 0, None)]),
        ({"a": {}}, "a.b", []),
        ({"a": [{"b": 1}, {"b": 2}]}, "a.b", [(".a.$[].b", 0, None)]),
        ({"a": [[1], [2]]}, "a", [(".a.$[].$[]", 0, None)]),
        ({"a": []}, "a", []),
        ({"a": [1, [2]]}, "a", [(".a", [0, [0]], [1, [2]])]),
        ({"a": 1}, "a.b", []),
    ],
    ids=str,
)
def test_a_path_is_spelled_for_what_is_there(value: Any, path: str, spelled: Any) -> None:
    assert _spelled(value, tuple(path.split(".")), 0) == spelled


def test_an_id_is_not_masked_and_an_operator_is_no_field(connector: Connector, users: Any) -> None:
    users.insert_one({"_id": ObjectId(ID), "email": "a"})
    with pytest.raises(Refused, match="_id"):
        erase(connector, {"_id": ID}, {"_id": "m"})
    odd = Collection(name="users", fields=(_field("$where"), _field("a.$gt"), _field("a\x00")))
    dataset = Dataset(key="d", collections=(odd,))
    for field in odd.fields:
        with pytest.raises(InvalidInput):
            list(connector.read(Read(dataset=dataset, collection=odd, matches={field.name: ["1"]})))
        with pytest.raises(InvalidInput):
            connector.erase(dataset, [Batch(odd, [Change({field.name: "a"}, None, "once")])])
    assert users.count_documents({}) == 1


def test_a_collection_that_is_not_there_is_an_error(connector: Connector, users: Any) -> None:
    for name in ("nosuch", "system.users", "$cmd", "a\x00"):
        collection = Collection(name=name, fields=USERS.fields)
        with pytest.raises(InvalidInput):
            list(connector.read(Read(dataset=DATASET, collection=collection, matches={"email": ["a"]})))


@pytest.mark.parametrize(
    "settings",
    [
        {"host": "mongodb://evil.example.com/?x=y"},
        {"host": "a,b;c"},
        {"host": "a@b"},
        {"database": "a/b"},
        {"database": "a$b"},
        {"database": ""},
        {"tls": "maybe"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        SYSTEMS.get("mongo").open(
            Setup(name="d", kind="mongo", settings={"host": "127.0.0.1", "database": "d", **settings})
        )


def test_a_server_elsewhere_is_not_talked_to_in_the_open() -> None:
    settings = {"host": "mongo.example.com", "database": "d", "tls": "off"}
    with pytest.raises(Refused):
        SYSTEMS.get("mongo").open(Setup(name="d", kind="mongo", settings=settings))
