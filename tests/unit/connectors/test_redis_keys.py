"""Patterns of keys, each type of value, and others who write at the same time, against a real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from meddling import Meddled
from redises import PASSWORD, raw, server

from privet.connectors.base import Batch, Change, Connector, Limits, Read, Setup
from privet.connectors.systems import SYSTEMS
from privet.connectors.systems._keyspace import pattern
from privet.errors import Conflict, InvalidInput, Refused
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset, Field, Native

PATTERNS = "sessions=session:{user_id}:*\ncarts=cart:{user_id}:{shop}, tags=tags:{user_id}"


def _collection(name: str, *fields: str) -> Collection:
    key = Field(name="_key", type="string", native=Native(primary_key=True))
    return Collection(name=name, fields=(key, *(Field(name=one, type="string") for one in fields)))


SESSIONS = _collection("sessions", "user_id", "ip", "value")
CARTS = _collection("carts", "user_id", "shop", "items", "address")
TAGS = _collection("tags", "user_id", "value")
DATASET = Dataset(key="d", collections=(SESSIONS, CARTS, TAGS))


@pytest.fixture(scope="module")
def socket() -> Iterator[str]:
    with server() as found:
        yield found


@pytest.fixture
def store(socket: str) -> Any:
    found = raw(socket)
    found.flushall()
    return found


@pytest.fixture
def connector(socket: str) -> Iterator[Connector]:
    settings = {"host": socket, "patterns": PATTERNS}
    secrets = {"password": Secret(PASSWORD)}
    setup = Setup(name="d", kind="redis", settings=settings, secrets=secrets, limits=Limits(page=3))
    found = SYSTEMS.get("redis").open(setup)
    yield found
    found.close()


def read(connector: Connector, collection: Collection, **matches: list[Any]) -> list[dict[str, Any]]:
    ask = Read(dataset=DATASET, collection=collection, matches=matches)
    return [dict(one.values) for page in connector.read(ask) for one in page]


def erase(connector: Connector, collection: Collection, key: dict[str, Any], values: Any = None) -> list[int]:
    return connector.erase(DATASET, [Batch(collection, [Change(key, values, "once")])])


@pytest.mark.parametrize(
    ("said", "key", "fields"),
    [
        ("session:{id}:*", "session:7:a:b", {"id": "7"}),
        ("session:{id}:*", "session:7", None),
        ("{{app}}:{id}", "{app}:7:8", {"id": "7:8"}),
        ("a:{x}/{y}", "a:1:2/3/4", {"x": "1:2", "y": "3/4"}),
        ("a.{x}", "abc", None),
        ("u:{x}", "u:line\nend", {"x": "line\nend"}),
    ],
)
def test_a_pattern_says_what_a_key_holds(said: str, key: str, fields: dict[str, str] | None) -> None:
    assert pattern(said).fields(key) == fields


@pytest.mark.parametrize(
    "said", ["{a}{b}", "*", "{a}*", "x{", "x}", "x:{a}:{a}", "x:{_key}", "x:{value}", "{a}", "x:{a-b}", "x:{}"]
)
def test_a_pattern_that_says_too_little_is_refused(said: str) -> None:
    with pytest.raises(InvalidInput):
        pattern(said)


def test_signs_of_patterns_in_values_are_values(connector: Connector, store: Any) -> None:
    for user in ("7", "8", "*", "?", "[78]", "7*", "\\*", "^7", "[^7]", "7-8"):
        store.set(f"session:{user}:x", f"of {user}")
    for user in ("*", "?", "[78]", "7*", "\\*", "^7", "[^7]", "7-8"):
        assert [row["value"] for row in read(connector, SESSIONS, user_id=[user])] == [f"of {user}"]
        assert erase(connector, SESSIONS, {"user_id": user}) == [1]
    assert sorted(store.keys("*")) == ["session:7:x", "session:8:x"]


def test_a_value_never_reaches_over_the_sign_that_ends_it(connector: Connector, store: Any) -> None:
    store.set("session:1:2:x", "of 1")
    assert read(connector, SESSIONS, user_id=["1:2"]) == []
    assert [row["user_id"] for row in read(connector, SESSIONS, user_id=["1"])] == ["1"]


def test_many_keys_come_in_pages_each_once(connector: Connector, store: Any) -> None:
    for number in range(2500):
        store.set(f"session:{number % 2}:{number}", "x")
    found = read(connector, SESSIONS, user_id=["1"])
    assert len(found) == len({row["_key"] for row in found}) == 1250
    assert erase(connector, SESSIONS, {"user_id": "1"}) == [1250] and store.dbsize() == 1250


def test_a_hash_loses_what_becomes_null_and_keeps_its_time(connector: Connector, store: Any) -> None:
    store.hset("session:1:x", mapping={"ip": "203.0.113.9", "user_id": "kept", "other": "o"})
    store.expire("session:1:x", 500)
    assert erase(connector, SESSIONS, {"_key": "session:1:x"}, {"ip": None}) == [1]
    assert store.hgetall("session:1:x") == {"user_id": "kept", "other": "o"} and 400 < store.ttl("session:1:x") <= 500
    assert erase(connector, SESSIONS, {"_key": "session:1:x"}, {"ip": None}) == [0]


def test_a_json_string_keeps_what_does_not_change(connector: Connector, store: Any) -> None:
    held = {"user_id": "u9", "items": [{"sku": 1, "for": "ada"}, {"sku": 2}], "address": {"street": "x"}, "rate": 1.50}
    store.set("cart:1:books", json.dumps(held), ex=500)
    assert erase(connector, CARTS, {"_key": "cart:1:books"}, {"address": {"street": None}, "items": None}) == [1]
    assert json.loads(store.get("cart:1:books")) == {**held, "address": {"street": None}, "items": None}
    assert 400 < store.ttl("cart:1:books") <= 500
    assert read(connector, CARTS, user_id=["1"])[0]["address"] == {"street": None}


def test_json_that_hides_a_value_is_refused(connector: Connector, store: Any) -> None:
    store.set("cart:1:books", '{"address": "ada", "address": "x"}')
    store.set("cart:2:books", "{only text}")
    with pytest.raises(Refused):
        read(connector, CARTS, address=["ada"])
    assert [row["shop"] for row in read(connector, CARTS, _key=["cart:2:books"])] == ["books"]


@pytest.mark.parametrize("kind", ["set", "list", "zset"])
def test_members_are_an_array_and_are_masked_each(kind: str, connector: Connector, store: Any) -> None:
    if kind == "set":
        store.sadd("tags:1", "a", "b", "c")
    elif kind == "list":
        store.rpush("tags:1", "a", "b", "c")
    else:
        store.zadd("tags:1", {"a": 1, "b": 2, "c": 3})
    store.expire("tags:1", 500)
    assert [sorted(row["value"]) for row in read(connector, TAGS, value=["b"])] == [["a", "b", "c"]]
    assert erase(connector, TAGS, {"_key": "tags:1"}, {"value": ["a", "m", "c"]}) == [1]
    if kind == "list":
        assert store.lrange("tags:1", 0, -1) == ["a", "m", "c"]
    elif kind == "set":
        assert store.smembers("tags:1") == {"a", "m", "c"}
    else:
        assert store.zrange("tags:1", 0, -1, withscores=True) == [("a", 1), ("m", 2), ("c", 3)]
    assert erase(connector, TAGS, {"_key": "tags:1"}, {"value": "m"}) == [1] and 400 < store.ttl("tags:1") <= 500
    (row,) = read(connector, TAGS, user_id=["1"])
    assert set(row["value"]) == {"m"}
    assert erase(connector, TAGS, {"_key": "tags:1"}, {"value": None}) == [1] and not store.exists("tags:1")


def test_what_stands_in_the_key_cannot_be_masked(connector: Connector, store: Any) -> None:
    store.set("session:1:x", "v")
    store.set("tags:1", "t")
    batches = [
        Batch(TAGS, [Change({"_key": "tags:1"}, {"value": "m"}, "1")]),
        Batch(SESSIONS, [Change({"_key": "session:1:x"}, {"user_id": "m"}, "2")]),
    ]
    with pytest.raises(Refused, match="user_id"):
        connector.erase(DATASET, batches)
    assert store.mget("tags:1", "session:1:x") == ["t", "v"]


def test_a_key_of_a_type_that_is_not_known_is_refused(connector: Connector, store: Any) -> None:
    store.xadd("session:1:x", {"ip": "203.0.113.9"})
    with pytest.raises(Refused):
        read(connector, SESSIONS, user_id=["1"])


def test_bytes_that_are_no_text_are_left_alone(connector: Connector, store: Any) -> None:
    store.set(b"session:1:\xff", b"\xff\xfe")
    (row,) = read(connector, SESSIONS, user_id=["1"])
    assert (row["_key"], row["value"]) == (b"session:1:\xff", b"\xff\xfe")
    assert erase(connector, SESSIONS, {"_key": row["_key"]}) == [1] and store.dbsize() == 0


def test_another_who_writes_at_the_same_time_loses_nothing(connector: Connector, store: Any) -> None:
    store.set("cart:1:books", '{"address": "ada", "n": 1}')
    values = Meddled({"address": "m"}, lambda: store.set("cart:1:books", '{"address": "eve", "n": 2}'))
    assert erase(connector, CARTS, {"_key": "cart:1:books"}, values) == [1]
    assert json.loads(store.get("cart:1:books")) == {"address": "m", "n": 2}


def test_one_who_never_stops_writing_is_a_conflict_and_nothing_is_erased(connector: Connector, store: Any) -> None:
    store.set("cart:1:books", '{"address": "ada", "n": 0}')
    store.set("tags:1", "t")

    class Restless(Meddled):
        def items(self) -> Any:
            store.set("cart:1:books", json.dumps({"address": "ada", "n": store.incr("count")}))
            return dict.items(self)

    batches = [
        Batch(TAGS, [Change({"_key": "tags:1"}, None, "1")]),
        Batch(CARTS, [Change({"_key": "cart:1:books"}, Restless({"address": "m"}, lambda: None), "2")]),
    ]
    with pytest.raises(Conflict):
        connector.erase(DATASET, batches)
    assert store.get("tags:1") == "t" and json.loads(store.get("cart:1:books"))["address"] == "ada"


def test_a_wrong_password_is_refused_without_being_told(socket: str) -> None:
    settings = {"host": socket, "patterns": PATTERNS}
    setup = Setup(name="d", kind="redis", settings=settings, secrets={"password": Secret("canary-wrong")})
    with pytest.raises(Refused) as raised:
        SYSTEMS.get("redis").open(setup).probe()
    assert "canary" not in repr(raised.value) + raised.value.hint


def test_a_server_elsewhere_is_not_talked_to_in_the_open() -> None:
    settings = {"host": "redis.example.com", "patterns": PATTERNS, "tls": "off"}
    with pytest.raises(Refused):
        SYSTEMS.get("redis").open(Setup(name="d", kind="redis", settings=settings))
