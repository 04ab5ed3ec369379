"""What an erasure leaves of objects, looked at by a client that is not ours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from clouds import SECRETS, moto, raw
from meddling import Meddled

from privet.connectors.base import Batch, Change, Connector, Halted, Read, Setup
from privet.connectors.systems import SYSTEMS
from privet.errors import Conflict, InvalidInput, Refused
from privet.vocabulary.dataset import Collection, Dataset, Field, Native

ADA = "ada@example.com"
USERS = Collection(
    name="users",
    fields=(
        Field(name="id", type="string", native=Native(primary_key=True)),
        Field(name="email", type="string", native=Native(identity="email")),
    ),
)
DATASET = Dataset(key="d", collections=(USERS,))
BODY = b"id,email\n1,ada@example.com\n2,bob@example.com\n"


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with moto() as found:
        yield found


class Held:
    """A bucket, and a connector to it."""

    def __init__(self, url: str, **settings: Any) -> None:
        self.raw = raw("s3", url)
        self.name = f"held-{uuid4()}"
        self.raw.create_bucket(Bucket=self.name)
        said = {"bucket": self.name, "endpoint": url, **settings}
        self.connector: Connector = SYSTEMS.get("s3").open(Setup(name="d", kind="s3", settings=said, secrets=SECRETS))

    def put(self, key: str, body: bytes = BODY, **more: Any) -> str:
        return str(self.raw.put_object(Bucket=self.name, Key=key, Body=body, **more)["ETag"])

    def get(self, key: str = "users.csv") -> bytes:
        return bytes(self.raw.get_object(Bucket=self.name, Key=key)["Body"].read())

    def erase(self, *changes: Change) -> list[int]:
        return self.connector.erase(DATASET, [Batch(USERS, changes)])

    def read(self, **matches: list[Any]) -> list[dict[str, Any]]:
        ask = Read(dataset=DATASET, collection=USERS, matches=matches)
        return [dict(one.values) for page in self.connector.read(ask) for one in page]

    def keep_versions(self, status: str = "Enabled") -> None:
        self.raw.put_bucket_versioning(Bucket=self.name, VersioningConfiguration={"Status": status})

    def everywhere(self) -> list[bytes]:
        """Return the bytes of every version of every object."""
        found = self.raw.list_object_versions(Bucket=self.name).get("Versions", ())
        return [
            self.raw.get_object(Bucket=self.name, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
            for one in found
        ]


DROP = Change({"email": ADA}, None, "once")


def test_an_object_keeps_what_stands_beside_its_bytes(url: str) -> None:
    held = Held(url)
    beside = {"ContentType": "text/x", "Metadata": {"owner": "team"}, "CacheControl": "no-store", "Tagging": "a=b%2Bc"}
    held.put("users.csv", **beside)
    assert held.erase(DROP) == [1] and held.get() == b"id,email\n2,bob@example.com\n"
    head = held.raw.head_object(Bucket=held.name, Key="users.csv")
    assert {name: head[name] for name in ("ContentType", "Metadata", "CacheControl")} == {
        name: beside[name] for name in ("ContentType", "Metadata", "CacheControl")
    }
    tags = held.raw.get_object_tagging(Bucket=held.name, Key="users.csv")["TagSet"]
    assert tags == [{"Key": "a", "Value": "b+c"}]


def test_objects_that_hold_nothing_of_hers_are_not_written(url: str) -> None:
    held = Held(url, prefix="in", collections="users=u/**/*.csv")
    held.put("in/u/a.csv")
    etag = held.put("in/u/x/b.csv", b"id,email\n3,eve@example.com\n")
    held.put("u/out.csv")
    before = held.raw.head_object(Bucket=held.name, Key="in/u/x/b.csv")["LastModified"]
    assert held.erase(DROP) == [1] and held.read(email=[ADA]) == []
    now = held.raw.head_object(Bucket=held.name, Key="in/u/x/b.csv")
    assert (now["ETag"], now["LastModified"]) == (etag, before) and held.get("u/out.csv") == BODY


@pytest.mark.parametrize("on", [1, 2], ids=["while it is looked at", "while it is written"])
def test_a_change_by_another_is_not_lost(on: int, url: str) -> None:
    held = Held(url)
    held.put("users.csv")
    more = BODY + b"3,eve@example.com\n"
    with pytest.raises(Conflict):
        held.erase(Change({"id": 1}, Meddled({"email": None}, lambda: held.put("users.csv", more), on), "once"))
    assert held.get() == more


def test_a_halt_tells_how_far_it_came(url: str) -> None:
    held = Held(url, collections="users=*.csv")
    held.put("a.csv")
    held.put("b.csv")
    values = Meddled({"email": None}, lambda: held.put("b.csv"), 4)
    held.put("b.csv", BODY + b"1,x\n")
    with pytest.raises(Halted) as raised:
        held.erase(Change({"email": ADA}, values, "once"))
    assert raised.value.done == (1,) and ADA.encode() in held.get("b.csv") and ADA.encode() not in held.get("a.csv")


def test_a_large_object_goes_in_parts(url: str) -> None:
    held = Held(url)
    rows = b"".join(b"%d,u%d@example.com%s\n" % (n, n, b"x" * 200) for n in range(90_000))
    held.put("users.csv", BODY + rows)
    assert held.erase(DROP) == [1]
    assert held.get() == b"id,email\n2,bob@example.com\n" + rows
    assert held.raw.head_object(Bucket=held.name, Key="users.csv")["ETag"].endswith('-2"')
    assert held.raw.list_multipart_uploads(Bucket=held.name).get("Uploads", []) == []
    with pytest.raises(Conflict):
        held.erase(Change({"id": 2}, Meddled({"email": None}, lambda: held.put("users.csv"), 2), "once"))
    assert held.get() == BODY and held.raw.list_multipart_uploads(Bucket=held.name).get("Uploads", []) == []


# --- versions -----------------------------------------------------------------------------------------------------


def test_a_bucket_that_keeps_versions_is_refused_unless_they_may_go(url: str) -> None:
    held = Held(url)
    held.keep_versions()
    held.put("users.csv")
    before = held.everywhere()
    with pytest.raises(Refused, match="versions"):
        held.erase(DROP)
    assert held.everywhere() == before
    assert held.erase(Change({"email": "nobody@example.com"}, None, "once")) == [0]


def test_every_version_that_holds_her_goes_and_no_other(url: str) -> None:
    held = Held(url, versions="delete", collections="users=*.csv")
    held.put("users.csv", b"id,email\n2,before@example.com\n")
    held.keep_versions()
    held.put("users.csv")
    held.put("users.csv", b"id,email\n1,ADA@example.com\n9,z@example.com\n")
    held.put("users.csv", b"id,email\n4,now@example.com\n")
    held.put("gone.csv")
    held.raw.delete_object(Bucket=held.name, Key="gone.csv")
    held.put("here.csv")
    assert {row["id"] for row in held.read(email=[ADA])} == {"1"}
    assert held.erase(DROP) == [3]
    assert not [one for one in held.everywhere() if ADA.encode() in one.lower()]
    assert sorted(held.everywhere()) == sorted(
        [b"id,email\n2,before@example.com\n", b"id,email\n4,now@example.com\n", b"id,email\n2,bob@example.com\n"]
    )
    assert held.read(email=[ADA]) == [] and held.erase(DROP) == [0]


def test_a_bucket_that_stopped_keeping_versions_loses_none_that_is_now(url: str) -> None:
    held = Held(url, versions="delete")
    held.keep_versions()
    held.put("users.csv")
    held.keep_versions("Suspended")
    held.put("users.csv")
    assert held.erase(DROP) == [1]
    assert held.get() == b"id,email\n2,bob@example.com\n"
    assert not [one for one in held.everywhere() if ADA.encode() in one]


# --- set-up -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "settings",
    [
        {"bucket": "../x"},
        {"bucket": "A_B"},
        {"prefix": "../x"},
        {"prefix": "/x"},
        {"endpoint": "http://storage.example.com"},
        {"endpoint": "https://user:canary@example.com"},
        {"endpoint": "file:///etc/passwd"},
        {"region": "x/../y"},
        {"credentials": "other"},
        {"versions": "maybe"},
        {"collections": "users=../x.csv"},
        {"encoding": "rot13"},
        {"delimiter": "ab"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as raised:
        SYSTEMS.get("s3").open(Setup(name="d", kind="s3", settings={"bucket": "abc", **settings}, secrets=SECRETS))
    assert "canary" not in repr(raised.value) + raised.value.hint


def test_a_bucket_that_is_not_there_is_told(url: str) -> None:
    held = Held(url)
    held.raw.delete_bucket(Bucket=held.name)
    with pytest.raises(InvalidInput, match="NoSuchBucket"):
        held.connector.probe()
    with pytest.raises(InvalidInput, match="NoSuchBucket"):
        held.read(email=[ADA])
