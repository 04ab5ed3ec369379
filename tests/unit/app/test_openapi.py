"""The description of the API says what the routes do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate
from wire import STREAMS, VERBS, SmallHouse

from privet.app.http.asks import Reader
from privet.app.http.openapi import document
from privet.app.http.paths import Paths, Route, path_names
from privet.app.http.routes import make_routes
from privet.app.services import verbs
from privet.app.services.files import TRANSFERS
from privet.app.services.streams import STREAMS as REAL_STREAMS

SNAPSHOT = Path(__file__).parents[2] / "golden" / "routes.txt"


def plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize("rows", [(VERBS, STREAMS), (verbs(), REAL_STREAMS, TRANSFERS)], ids=["small", "real"])
def test_description_is_valid_openapi(rows: Any) -> None:
    validate(plain(document(*rows)))


def test_description_has_every_verb_once() -> None:
    told = document(verbs(), REAL_STREAMS, TRANSFERS)
    names = [operation["operationId"] for path in told["paths"].values() for operation in path.values()]
    assert sorted(names) == sorted(row.name for row in (*verbs(), *REAL_STREAMS, *TRANSFERS))


def test_files_travel_as_bytes_beside_header_lines() -> None:
    told = document((), (), TRANSFERS)["paths"]["/v1/vaults/{vault}/tables/{table}/records/{id}/files/{column}"]
    assert told["put"]["requestBody"]["content"] == {"application/octet-stream": {}}
    lines = {item["name"] for item in told["put"]["parameters"] if item["in"] == "header"}
    assert lines == {
        "Privet-Purpose",
        "Privet-File-Name",
        "Privet-File-Type",
        "Privet-File-Sha256",
        "Privet-File-Replace",
    }
    assert "*/*" in told["get"]["responses"]["200"]["content"]


def test_fields_of_the_path_stand_in_no_body() -> None:
    told = document(VERBS, STREAMS)
    body = told["components"]["schemas"]["ThingsAddBody"]
    assert set(body["properties"]) == {"names", "count", "extra"}
    assert body["additionalProperties"] is False


def test_parameters_say_where_they_stand_and_what_they_are() -> None:
    told = document(VERBS, STREAMS)["paths"]["/v1/{place}/things"]["get"]["parameters"]
    found = {item["name"]: (item["in"], item.get("required", False), item["schema"]) for item in told}
    assert found["place"] == ("path", True, {"type": "string"})
    assert found["limit"] == ("query", False, {"type": "integer", "default": 10})


def test_verbs_that_change_something_take_an_idempotency_key() -> None:
    paths = document(verbs(), REAL_STREAMS)["paths"]
    for verb in verbs():
        names = [item["name"] for item in paths[verb.path][verb.method.lower()]["parameters"]]
        assert ("Idempotency-Key" in names) is verb.changes


def test_only_open_verbs_need_no_key() -> None:
    paths = document(verbs(), REAL_STREAMS)["paths"]
    free = {name for name, path in paths.items() for operation in path.values() if operation.get("security") == []}
    assert free == {verb.path for verb in verbs() if verb.open} == {"/healthz", "/v1/claim", "/v1/oauth/token"}


@pytest.mark.parametrize("verb", verbs(), ids=lambda verb: verb.name)
def test_every_verb_can_be_read_from_its_route(verb: Any) -> None:
    reader = Reader(verb.name, verb.method, verb.path, verb.ask, verb.max_keys)
    assert {field.name for field in msgspec.structs.fields(reader.path_type)} == set(path_names(verb.path))


def test_route_table_is_as_it_was_agreed() -> None:
    """A new route is a new door: it is written down in tests/golden/routes.txt in the same change."""
    house: Any = SmallHouse()
    routes = make_routes(house, verbs(), REAL_STREAMS)
    lines = [
        " ".join((r.method, r.path, r.name, str(r.max_body_bytes), *["open"] * r.open, *["stream"] * r.streams))
        for r in routes
    ]
    assert "\n".join(sorted(lines)) + "\n" == SNAPSHOT.read_text()


def test_the_token_endpoint_is_described_as_a_form_and_the_ways_to_prove_oneself_are_named() -> None:
    told = document(verbs(), REAL_STREAMS)
    body = told["paths"]["/v1/oauth/token"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "application/x-www-form-urlencoded"}
    assert {name for item in told["security"] for name in item} == set(told["components"]["securitySchemes"])


async def nothing(incoming: Any) -> Any:
    raise NotImplementedError


def test_two_routes_of_one_shape_are_refused() -> None:
    first = Route(name="a", method="GET", path="/v1/{one}", run=nothing)
    other = Route(name="b", method="GET", path="/v1/{two}", run=nothing)
    with pytest.raises(ValueError, match="two routes stand at"):
        Paths([first, other])


def test_fixed_segment_wins_over_a_parameter_where_it_takes_the_method() -> None:
    fixed = Route(name="fixed", method="POST", path="/v1/delete", run=nothing)
    open_ = Route(name="open", method="PATCH", path="/v1/{id}", run=nothing)
    paths = Paths([fixed, open_])
    assert paths.find("POST", b"/v1/delete")[0] is fixed
    assert paths.find("PATCH", b"/v1/delete") == (open_, {"id": "delete"})
