"""An access gives all that is hers and nothing of others, streamed, sealed, and until it is forgotten."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from a_request import NOW, Place, packed, system

from privet.errors import Damaged, Gone, NotFound
from privet.rights.proof.package import entries, package
from privet.store.port import Delete, Unit


@pytest.fixture
def place() -> Place:
    return Place()


def test_an_access_gives_all_that_is_hers_and_nothing_of_others(place: Place) -> None:
    request = place.open()
    assert place.run().state == "complete"
    found = packed(place, request.id)
    ids = {name: [row["values"]["id"] for row in rows] for each in found.values() for name, rows in each.items()}
    assert ids == {"customers": [1], "orders": [10, 12], "sessions": [20], "contacts": ["c1"]}
    assert "bob" not in json.dumps(found)
    assert (system(place, request.id, "shop").read, system(place, request.id, "crm").read) == (4, 1)


def test_an_access_is_there_until_somebody_forgets_it(place: Place) -> None:
    request = place.open()
    with pytest.raises(NotFound):
        package(place.journal, request.id)
    place.run()
    assert place.runner.forget() == 0
    assert packed(place, request.id)
    place.journal.forget(request.id, NOW)
    with pytest.raises(Gone):
        package(place.journal, request.id)


def test_values_of_every_type_stand_in_the_package_as_plain_json(place: Place) -> None:

    row = {"id": 1, "email": "ada@example.com", "name": {"b": b"\xff", "d": date(2000, 1, 1), "n": Decimal("1.50")}}
    row["more"] = [UUID(int=1), float("nan"), "\ud800"]
    place.systems["shop"].rows["customers"] = [row]
    request = place.open()
    place.run()
    [found] = packed(place, request.id)["shop"]["customers"]
    assert found["values"]["name"] == {"b": "/w==", "d": "2000-01-01", "n": "1.50"}
    (line,) = [values for _, collection, _, values in entries(place.journal, request.id) if collection == "customers"]
    assert line["more"][2] == "\\ud800", "a line is UTF-8"
    assert found["values"]["more"] == ["00000000-0000-0000-0000-000000000001", "nan", "\ud800"]


def test_a_large_access_streams_through_chunks_of_bounded_size() -> None:
    place = Place(chunk_bytes=1_000)
    place.systems["shop"].rows["orders"] = [
        {"id": n, "customer_id": 1, "address": "x" * 50, "status": "paid"} for n in range(500)
    ]
    request = place.open()
    place.run()
    sizes = [len(cell) for _, cell in place.journal.queue.parts(request.id, "records:shop.orders")]
    assert len(sizes) > 20
    assert max(sizes) < 2_500
    assert len(packed(place, request.id)["shop"]["orders"]) == 500


def test_a_package_with_a_missing_chunk_is_refused() -> None:

    place = Place(chunk_bytes=100)
    request = place.open()
    place.run()
    place.store.write_now(
        Unit((Delete("flow_parts", ("flow", "part", "number"), ((request.id, "records:shop.orders", 0),)),))
    )
    with pytest.raises(Damaged):
        packed(place, request.id)
