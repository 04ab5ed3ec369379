"""What is personal in a request opens under its key alone, at its place, with its types, until it is forgotten."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from a_request import OWNER, request_id, ring
from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from privet.errors import Damaged, Gone
from privet.rights.sealed import RequestKey, RequestKeys
from privet.secret import Secret
from privet.store.engines.memory import MemoryStore
from privet.store.engines.sqlite import PART
from privet.store.port import Select

KEY = RequestKey(request_id(1), Secret(bytes(range(64))))
NEIGHBOUR = RequestKey(request_id(2), Secret(bytes(range(64))))
OTHER = RequestKey(request_id(2), Secret(bytes(range(1, 65))))

plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters())
typed = (
    st.dates()
    | st.datetimes(timezones=st.just(UTC) | st.none()).map(lambda moment: moment.replace(fold=0))
    | st.times().map(lambda moment: moment.replace(fold=0))
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.binary()
)
documents = st.recursive(
    plain | typed, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12
)


@given(documents)
def test_a_document_comes_back_as_it_was_with_its_types(document: Any) -> None:
    found = KEY.open_document("p", KEY.seal_document("p", document, 3), 3)
    assert found == document
    assert repr(found) == repr(document)


@pytest.mark.parametrize(
    "value",
    [
        date(2000, 2, 29),
        datetime(2000, 1, 1, 12, tzinfo=UTC),
        time(1, 2, 3),
        timedelta(days=-1, microseconds=5),
        Decimal("1.10"),
        b"\x00\xff",
        UUID(int=7),
        ObjectId("0123456789abcdef01234567"),
        {1, 2},
        "\ud800 alone",
        2**80,
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_type_survives(value: Any) -> None:
    found = KEY.decode(KEY.encode([value]))[0]
    assert found == value
    assert type(found) is type(value)


def test_an_object_whose_keys_are_no_texts_is_kept_by_their_text() -> None:
    assert KEY.decode(KEY.encode({(1, 2): b"x"})) == {"(1, 2)": b"x"}


def test_a_value_of_another_system_cannot_claim_a_type() -> None:
    forged = {OTHER.tag: "bytes", "is": "00"}
    assert KEY.tag != OTHER.tag
    assert KEY.decode(KEY.encode(forged)) == forged


@pytest.mark.parametrize(
    ("key", "part", "number"), [(NEIGHBOUR, "p", 0), (KEY, "q", 0), (KEY, "p", 1)], ids=["request", "part", "number"]
)
def test_a_chunk_opens_at_its_place_alone(key: RequestKey, part: str, number: int) -> None:
    cell = KEY.seal("p", 0, b"text")
    assert KEY.open("p", 0, cell) == b"text"
    with pytest.raises(Damaged):
        key.open(part, number, cell)


def test_a_key_prints_nothing_of_itself() -> None:
    assert repr(KEY) == f"RequestKey({request_id(1)!r})"


def test_a_forgotten_key_is_gone_and_forgetting_again_is_no_fault() -> None:
    keys = RequestKeys(MemoryStore(), ring(), OWNER)
    made = keys.make(request_id(1))
    assert keys.open(request_id(1)).seal("p", 0, b"x") == made.seal("p", 0, b"x")
    for _ in range(2):
        keys.forget([request_id(1)])
        with pytest.raises(Gone):
            keys.open(request_id(1))


def test_a_key_is_bound_to_its_request() -> None:
    keys = RequestKeys(MemoryStore(), ring(), OWNER)
    keys.make(request_id(1))
    keys.make(request_id(2))
    rows = keys.store._rows["request_keys"]  # type: ignore[attr-defined]
    [one, two] = list(rows.by_key.values())
    rows.swap(one, (one[0], two[1]))
    with pytest.raises(Damaged):
        keys.open(one[0])


def test_the_old_key_of_the_ring_still_opens_after_a_rotation() -> None:
    held = ring()
    keys = RequestKeys(MemoryStore(), held, OWNER)
    made = keys.make(request_id(1))
    held.rotate("cell", OWNER, now=2)
    assert keys.open(request_id(1)).seal("p", 0, b"x") == made.seal("p", 0, b"x")


def test_keys_that_no_request_knows_are_told() -> None:
    keys = RequestKeys(MemoryStore(), ring(), OWNER)
    keys.make(request_id(1))
    keys.make(request_id(2))
    assert keys.strays([request_id(2)]) == [request_id(1)]


def test_a_forgotten_key_leaves_no_trace_in_the_file(tmp_path: Any) -> None:
    assert PART.open_forgetful is not None
    path = tmp_path / "requests.db"
    keys = RequestKeys(PART.open_forgetful(str(path)), ring(), OWNER)
    keys.make(request_id(1))
    [(_, wrapped)] = keys.store.select(Select(table="request_keys", columns=("request", "wrapped")))
    assert isinstance(wrapped, bytes)
    assert wrapped in path.read_bytes()
    keys.forget([request_id(1)])
    keys.store.close()
    assert all(wrapped[5:] not in file.read_bytes() for file in tmp_path.iterdir())
