"""How tables are asked and changed, against moto's emulation: by key, by index, page by page, all or none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from clouds import SECRETS, moto, raw
from meddling import Meddled

from privet.connectors.base import Batch, Change, Halted, Limits, Read, Setup
from privet.connectors.systems import SYSTEMS
from privet.errors import Conflict, InvalidInput, PrivetError, Refused
from privet.vocabulary.dataset import Collection, Dataset, Field, Native


def _field(name: str, *inner: Field, **native: Any) -> Field:
    return Field(name=name, type="string", fields=inner, native=Native(**native))


FIELDS = (
    _field("owner", primary_key=True),
    _field("at", primary_key=True),
    _field("email"),
    _field("name", data_type="string"),
    _field("home", _field("city", data_type="string"), data_type="object"),
    _field("pets", _field("name", data_type="string"), data_type="object[]"),
    _field("tags", data_type="string[]"),
    _field("price", data_type="float"),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with moto() as found:
        yield found


TYPES = {"owner": "S", "at": "N", "email": "S"}


class Held:
    """One table with a sort key and an index, and a connector that tells which calls it makes."""

    def __init__(self, url: str, page: int = 100) -> None:
        self.raw = raw("dynamodb", url)
        self.name = f"t{uuid4().hex}"
        self.raw.create_table(
            TableName=self.name,
            KeySchema=[{"AttributeName": "owner", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            AttributeDefinitions=[
                {"AttributeName": n, "AttributeType": t} for n, t in zip(("owner", "at", "email"), "SNS", strict=True)
            ],
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_email",
                    "KeySchema": [{"AttributeName": "email", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ],
        )
        self.collection = Collection(name=self.name, fields=FIELDS)
        self.dataset = Dataset(key="d", collections=(self.collection,))
        setup = Setup(name="d", kind="dynamodb", settings={"endpoint": url}, secrets=SECRETS, limits=Limits(page=page))
        self.connector: Any = SYSTEMS.get("dynamodb").open(setup)
        self.calls: list[str] = []
        self.tokens: list[str] = []
        self.connector._client.meta.events.register("provide-client-params.dynamodb.*", self._note)

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls.append(model.name)
        self.tokens += [params["ClientRequestToken"]] if "ClientRequestToken" in params else []

    def put(self, owner: str, at: int, **more: dict[str, Any]) -> None:
        self.raw.put_item(TableName=self.name, Item={"owner": {"S": owner}, "at": {"N": str(at)}, **more})

    def items(self) -> list[dict[str, Any]]:
        found = self.raw.scan(TableName=self.name)["Items"]
        return sorted(found, key=lambda item: (item["owner"]["S"], int(item["at"]["N"])))

    def read(self, **matches: list[Any]) -> list[tuple[str, int]]:
        ask = Read(dataset=self.dataset, collection=self.collection, matches=matches)
        pages = list(self.connector.read(ask))
        return sorted((one.values["owner"], one.values["at"]) for page in pages for one in page)

    def erase(self, *changes: Change) -> list[int]:
        found: list[int] = self.connector.erase(self.dataset, [Batch(self.collection, changes)])
        return found


def test_a_key_and_an_index_are_queried_and_all_else_is_read_whole(url: str) -> None:
    held = Held(url, page=3)
    for number in range(10):
        held.put("ada" if number % 2 else "bob", number, email={"S": f"u{number}"}, name={"S": f"n{number}"})
    for ask, call in (
        ({"owner": ["ada"]}, "Query"),
        ({"email": ["u1", "u3"]}, "Query"),
        ({"name": ["n1", "n3"]}, "Scan"),
    ):
        held.calls.clear()
        assert set(held.read(**ask)) >= {("ada", 1), ("ada", 3)}
        assert call in held.calls and ({"Query", "Scan"} - {call}).isdisjoint(held.calls)
    assert held.read(owner=["ada"], email=["u2"]) == [("ada", n) for n in (1, 3, 5, 7, 9)] + [("bob", 2)]
    assert held.read(email=["u1"], name=["n2"]) == [("ada", 1), ("bob", 2)]


def test_describe_says_keys_and_indexes(url: str) -> None:
    held = Held(url)
    held.put("ada", 1, email={"S": "e"}, tags={"SS": ["a"]}, home={"M": {"city": {"S": "c"}}})
    found = held.connector.describe().collection(held.name)
    told = {field.name: (field.description, field.native.primary_key, field.native.data_type) for field in found.fields}
    assert told == {
        "owner": ("partition key", True, "string"),
        "at": ("sort key", True, "integer"),
        "email": ("partition key of index by_email", False, "string"),
        "tags": ("", False, "string[]"),
        "home": ("", False, "object"),
    }


def test_values_inside_objects_arrays_and_sets_are_found(url: str) -> None:
    held = Held(url)
    held.put("a", 1, home={"M": {"city": {"S": "x"}}}, pets={"L": [{"M": {"name": {"S": "rex"}}}, {"M": {}}]})
    held.put("b", 2, tags={"SS": ["x", "y"]}, price={"N": "1.50"}, name={"S": "12"})
    held.put("c", 3, home={"M": {"city": {"M": {"city": {"S": "x"}}}}})
    assert held.read(**{"home.city": ["x"]}) == [("a", 1)]
    assert held.read(**{"pets.name": ["rex"]}) == [("a", 1)]
    assert held.read(tags=["y"]) == [("b", 2)] and held.read(price=["1.5"]) == [("b", 2)]
    assert held.read(name=[12]) == [("b", 2)] and held.read(price=[Decimal("1.50")]) == [("b", 2)]


def test_masks_keep_types_and_all_else(url: str) -> None:
    held = Held(url)
    pets = {"L": [{"M": {"name": {"S": "rex"}, "age": {"N": "3"}}}, {"M": {"age": {"N": "4"}}}, {"S": "odd"}]}
    held.put("a", 1, email={"S": "e"}, pets=pets, tags={"SS": ["x", "y"]}, price={"N": "1.5"}, other={"B": b"\x00"})
    change = Change(
        {"owner": "a", "at": 1},
        {"email": None, "pets.name": "m", "tags": ["m", "y"], "price": 0.25, "name": "new"},
        "once",
    )
    assert held.erase(change) == [1]
    (item,) = held.items()
    item["tags"]["SS"].sort()
    assert item == {
        "owner": {"S": "a"},
        "at": {"N": "1"},
        "pets": {"L": [{"M": {"name": {"S": "m"}, "age": {"N": "3"}}}, {"M": {"age": {"N": "4"}}}, {"S": "odd"}]},
        "tags": {"SS": ["m", "y"]},
        "price": {"N": "0.25"},
        "other": {"B": b"\x00"},
    }
    assert held.erase(change) == [0] and held.read(email=["e"]) == []


def test_a_key_cannot_be_masked(url: str) -> None:
    held = Held(url)
    held.put("a", 1)
    with pytest.raises(Refused, match="owner"):
        held.erase(Change({"owner": "a"}, {"owner": "m"}, "once"))
    assert len(held.items()) == 1


def test_up_to_a_hundred_records_change_in_one_transaction(url: str) -> None:
    held = Held(url)
    for number in range(250):
        held.put("a", number, name={"S": "n"})
    changes = [Change({"owner": "a", "at": number}, {"name": "m"}, f"once-{number}") for number in range(250)]
    assert held.erase(*changes[:100]) == [100] and held.calls.count("TransactWriteItems") == 1
    assert held.erase(*changes) == [150] and held.calls.count("TransactWriteItems") == 3
    assert held.erase(*changes) == [0] and {item["name"]["S"] for item in held.items()} == {"m"}
    assert len(set(held.tokens)) == 3 and all(re.fullmatch("[0-9a-f]{36}", token) for token in held.tokens)


def test_a_change_by_another_is_not_lost(url: str) -> None:
    held = Held(url)
    held.put("a", 1, home={"M": {"city": {"S": "x"}, "n": {"N": "1"}}})
    held.put("a", 2, name={"S": "x"})

    def meddle() -> None:
        held.put("a", 1, home={"M": {"city": {"S": "y"}, "n": {"N": "2"}}})

    values = Meddled({"home.city": "m"}, meddle)
    assert held.erase(Change({"owner": "a", "at": 1}, values, "1"), Change({"owner": "a", "at": 2}, None, "2")) == [2]
    (item,) = held.items()
    assert item["home"] == {"M": {"city": {"S": "m"}, "n": {"N": "2"}}}


def test_one_who_never_stops_writing_is_told_and_a_halt_says_how_far_it_came(url: str) -> None:
    held = Held(url)
    for number in range(101):
        held.put("a", number, name={"S": "n"}, price={"N": "0"})
    count = iter(range(1, 1000))

    class Restless(Meddled):
        def items(self) -> Any:
            held.put("a", 100, name={"S": f"n{next(count)}"})
            return dict.items(self)

    changes = [Change({"owner": "a", "at": number}, {"name": "m"}, f"{number}") for number in range(100)]
    restless = Change({"owner": "a", "at": 100}, Restless({"name": "m"}, lambda: None), "100")
    with pytest.raises(Conflict):
        held.erase(restless)
    with pytest.raises(Halted) as raised:
        held.erase(*changes, restless)
    assert raised.value.done == (100,) and isinstance(raised.value.cause, Conflict)


def test_a_table_that_is_not_there_is_told(url: str) -> None:
    held = Held(url)
    for name, kind in (("nosuch", InvalidInput), ("../x y", InvalidInput), ("", InvalidInput)):
        collection = Collection(name=name, fields=FIELDS)
        with pytest.raises(kind):
            list(held.connector.read(Read(dataset=held.dataset, collection=collection, matches={"owner": ["a"]})))
    with pytest.raises(PrivetError):
        held.connector.erase(Dataset(key="d", collections=()), [Batch(held.collection, [])])
