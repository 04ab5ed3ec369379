"""What an erasure does with a declared API: which requests it makes, in what order, and what it says came of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from a_rest import FILE, Call, Desk, Reply, Waits, desk, reply, setup

from privet.connectors.base import Batch, Change, Halted, Read, Record
from privet.connectors.rest.changes import masked, once_of, overlaid
from privet.connectors.rest.config import load
from privet.connectors.rest.connector import RestConnector, open_config
from privet.connectors.rest.inputs import together, ungrouped
from privet.errors import InvalidInput, Refused, Unavailable
from privet.vocabulary.dataset import Collection, Dataset

ADA = {"id": 1, "email": "ada@example.com", "name": "Ada", "phone": "+12015550101", "age": 36}


@pytest.fixture
def api() -> Iterator[Desk]:
    with desk() as held:
        held.rows = {
            "people": {"1": dict(ADA)},
            "orders": {"11": {"id": 11, "person_id": 1, "note": "n"}},
            "profiles": {
                "p1": {
                    "id": "p1",
                    "person": 1,
                    "seen": "2024-01-01",
                    "contact": {"email": "ada@example.com", "kept": 1},
                    "cards": [{"last": "4242", "brand": "v"}, {"last": "1111", "brand": "m"}],
                }
            },
        }
        yield held


def opened(api: Desk, text: str = FILE, **more: Any) -> RestConnector:
    return open_config(setup(api.host, text, **more), load(text, key="stage"), clock=Waits().clock)


def of(dataset: Dataset, name: str) -> Collection:
    found = dataset.collection(name)
    assert found is not None
    return found


def asks(connector: RestConnector, name: str, **more: Any) -> Read:
    dataset = connector.describe()
    return Read(dataset=dataset, collection=of(dataset, name), **more)


def read(connector: RestConnector, collection: str, **matches: Any) -> list[Record]:
    return [one for page in connector.read(asks(connector, collection, matches=matches)) for one in page]


def erase(connector: RestConnector, name: str, *changes: Change, found: Read | None = None) -> list[int]:
    dataset = connector.describe()
    return connector.erase(dataset, [Batch(of(dataset, name), changes, found)])


def methods(api: Desk) -> list[str]:
    return [f"{call.method} {call.path}" for call in api.calls]


# --- what a request is filled with --------------------------------------------------------------------------------


def test_an_update_sends_what_is_overwritten_alone(api: Desk) -> None:
    assert erase(opened(api), "people", Change({"id": 1}, {"email": "x@example.invalid", "name": None}, "o")) == [1]
    assert methods(api) == ["PATCH /people/1"]
    assert api.calls[0].json == {"email": "x@example.invalid", "name": None}


def test_an_update_without_a_body_sends_the_record_as_it_is_now(api: Desk) -> None:
    connector = opened(api)
    change = Change({"id": "p1"}, {"contact.email": None, "cards.last": "0000"}, "o")
    found = asks(connector, "profiles", matches={"person": [1]})
    assert erase(connector, "profiles", change, found=found) == [1]
    assert methods(api) == ["GET /profiles", "PUT /profiles/p1"]
    assert api.calls[1].json == {
        "id": "p1",
        "person": 1,
        "contact": {"email": None, "kept": 1},
        "cards": [{"last": "0000", "brand": "v"}, {"last": "0000", "brand": "m"}],
    }, "without what can only be read, or is not declared"
    api.calls.clear()
    assert erase(connector, "profiles", change, found=found) == [0]
    assert methods(api) == ["GET /profiles"], "it is done already"


def test_a_record_that_is_gone_is_not_written_anew(api: Desk) -> None:
    connector = opened(api)
    found = asks(connector, "profiles", matches={"person": [1]})
    api.rows["profiles"].clear()
    assert erase(connector, "profiles", Change({"id": "p1"}, {"contact.email": None}, "o"), found=found) == [0]
    assert methods(api) == ["GET /profiles"]


def test_a_change_that_wants_more_than_the_key_says_so_where_nobody_tells_it(api: Desk) -> None:
    with pytest.raises(InvalidInput) as told:
        erase(opened(api), "profiles", Change({"id": "p1"}, {"contact.email": None}, "o"))
    assert "primary_key" in told.value.hint and methods(api) == []


def test_what_can_only_be_read_or_has_no_request_is_refused(api: Desk) -> None:
    for name, change in (
        ("profiles", Change({"id": "p1"}, {"seen": None}, "o")),
        ("profiles", Change({"id": "p1"}, None, "o")),
        ("orders", Change({"id": 11}, {"note": None}, "o")),
    ):
        with pytest.raises(Refused):
            erase(opened(api), name, change)
    assert api.calls == []


@pytest.mark.parametrize(
    "key", ["", ".", "..", "../orders/11", "1/../../orders/11", "1?x=1", "1#", "%2e%2e", "\n", "*"]
)
def test_a_key_never_names_another_record(api: Desk, key: str) -> None:
    connector = opened(api)
    text = FILE.replace(
        "{name: id, data_categories: [system.operations], fides_meta: {data_type: integer",
        "{name: id, fides_meta: {data_type: string",
    )
    connector = opened(api, text)
    before = api.dump()
    try:
        assert erase(connector, "orders", Change({"id": key}, None, "o")) == [0]
    except InvalidInput as error:
        assert key not in error.message or len(key) < 3
    assert api.dump() == before
    assert all(call.path.count("/") == 2 and call.path.startswith("/orders/") for call in api.calls)


# --- how often ------------------------------------------------------------------------------------------------------


def test_what_is_not_there_is_no_fault(api: Desk) -> None:
    assert erase(opened(api), "orders", Change({"id": 11}, None, "a"), Change({"id": 11}, None, "a")) == [1]
    assert erase(opened(api), "orders", Change({"id": 11}, None, "a")) == [0]


def test_an_answer_that_is_lost_is_asked_for_again_where_that_is_safe(api: Desk) -> None:
    lost: list[Call] = []

    def losing(call: Call) -> Reply | None:
        if call.method == "DELETE" and not lost:
            lost.append(call)
            del api.rows["orders"]["11"]
            return reply({}, 503)
        return None

    api.route = losing
    assert erase(opened(api), "orders", Change({"id": 11}, None, "a")) == [0]
    assert methods(api) == ["DELETE /orders/11", "DELETE /orders/11"] and api.rows["orders"] == {}


POSTS = FILE.replace(
    "          method: DELETE\n          path: /orders/<id>",
    "          method: POST\n          path: /orders/<id>/forget",
)


def test_a_write_that_is_not_safe_is_looked_at_first_and_not_tried_again(api: Desk) -> None:
    connector = opened(api, POSTS)
    found = asks(connector, "orders", matches={"person_id": [1]})
    api.route = lambda call: reply({}, 503) if call.method == "POST" else None
    with pytest.raises(Unavailable):
        erase(connector, "orders", Change({"id": 11}, None, "a"), found=found)
    assert methods(api) == ["GET /orders", "POST /orders/11/forget"]
    api.rows["orders"].clear()
    api.calls.clear()
    assert erase(connector, "orders", Change({"id": 11}, None, "a"), found=found) == [0]
    assert methods(api) == ["GET /orders"]


def test_an_api_that_takes_a_key_is_asked_again_with_the_same(api: Desk) -> None:
    text = POSTS.replace("  type: desk\n", "  type: desk\n  idempotency_header: Idempotency-Key\n")
    api.route = lambda call: reply({}, 503 if len(api.calls) < 3 else 200) if call.method == "POST" else None
    connector = opened(api, text)
    assert erase(connector, "orders", Change({"id": 11}, None, "once\r\nX: y")) == [1]
    keys = {call.headers["idempotency-key"] for call in api.calls}
    assert keys == {once_of("once\r\nX: y", 0)} and len(api.calls) == 3
    erase(connector, "orders", Change({"id": 11}, None, "another"))
    assert api.calls[-1].headers["idempotency-key"] not in keys


TWICE = FILE.replace(
    """        delete:
          method: DELETE
          path: /orders/<id>
          param_values:
            - name: id
              references: [{dataset: <instance_fides_key>, field: orders.id, direction: from}]
""",
    """        delete:
          - method: PATCH
            path: /orders/<id>
            body: '{"note": "erased"}'
            param_values: [{name: id, references: [{dataset: <instance_fides_key>, field: orders.id, direction: from}]}]
          - method: DELETE
            path: /orders/<id>
            param_values: [{name: id, references: [{dataset: <instance_fides_key>, field: orders.id, direction: from}]}]
""",
)


def test_several_requests_delete_in_order(api: Desk) -> None:
    assert erase(opened(api, TWICE), "orders", Change({"id": 11}, None, "a")) == [1]
    assert methods(api) == ["PATCH /orders/11", "DELETE /orders/11"] and api.rows["orders"] == {}


def test_a_change_that_took_effect_in_part_is_told_as_such(api: Desk) -> None:
    api.route = lambda call: reply({}, 403) if call.method == "DELETE" else None
    with pytest.raises(Halted) as told:
        erase(opened(api, TWICE), "orders", Change({"id": 11}, None, "a"))
    assert told.value.done == (0,) and isinstance(told.value.cause, Refused)


def test_it_says_how_far_it_came(api: Desk) -> None:
    connector = opened(api)
    dataset = connector.describe()
    batches = [
        Batch(of(dataset, "orders"), [Change({"id": 11}, None, "a")]),
        Batch(of(dataset, "people"), [Change({"id": 1}, {"name": None}, "b"), Change({"id": 1}, {"email": None}, "c")]),
    ]
    with pytest.raises(Halted) as told:
        connector.erase(dataset, iter(batches))
    assert told.value.done == (1, 1) and "Ada" not in str(told.value)


def test_a_system_that_lies_is_seen_by_reading_back(api: Desk) -> None:
    connector = opened(api)
    api.lies = True
    assert erase(connector, "orders", Change({"id": 11}, None, "a")) == [1]
    assert [one.values["id"] for one in read(connector, "orders", person_id=[1])] == [11]


PROTECT = """
saas_config:
  fides_key: stage
  name: Desk
  type: desk
  description: A desk
  version: 0.0.1
  connector_params: [{name: domain, default_value: api.example.com}, {name: api_key, sensitive: true}]
  client_config:
    protocol: https
    host: <domain>
    authentication: {strategy: bearer, configuration: {token: <api_key>}}
  test_request: {method: GET, path: /ping}
  data_protection_request:
    method: POST
    path: /forget
    body: '{"who": ["<email>",], "request": "<privacy_request_id>"}'
    param_values: [{name: email, identity: email}]
  endpoints:
    - name: people
      requests:
        read:
          method: GET
          path: /people
          query_params: [{name: email, value: <email>}]
          param_values: [{name: email, identity: email}]
          data_path: items
dataset:
  - fides_key: stage
    collections:
      - name: people
        fields: [{name: id, fides_meta: {primary_key: true, data_type: integer}}, {name: mail}]
"""


def test_one_request_that_erases_all_of_a_person_is_made_once(api: Desk) -> None:
    connector = opened(api, PROTECT)
    api.route = lambda call: reply({}) if call.method == "POST" else reply({"items": [{"id": 1}, {"id": 2}]})
    assert of(connector.describe(), "people").masking is not None
    found = asks(connector, "people", matches={"email": ["ada@example.com"]})
    changes = (Change({"id": 1}, None, "same"), Change({"id": 2}, None, "same"))
    assert erase(connector, "people", *changes, found=found) == [2]
    posts = [call for call in api.calls if call.method == "POST"]
    assert len(posts) == 1 and posts[0].json["who"] == ["ada@example.com"]


# --- values that belong together ------------------------------------------------------------------------------------

GROUPED = """
saas_config:
  fides_key: stage
  name: Desk
  type: desk
  description: A desk
  version: 0.0.1
  connector_params: [{name: domain, default_value: api.example.com}, {name: api_key, sensitive: true}]
  client_config:
    protocol: https
    host: <domain>
    authentication: {strategy: bearer, configuration: {token: <api_key>}}
  test_request: {method: GET, path: /ping}
  endpoints:
    - name: projects
      requests:
        read:
          method: GET
          path: /projects
          query_params: [{name: owner, value: <email>}]
          param_values: [{name: email, identity: email}]
          data_path: items
    - name: events
      requests:
        read:
          method: GET
          path: /orgs/<org>/projects/<project>/events
          grouped_inputs: [org, project]
          param_values:
            - {name: org, references: [{dataset: stage, field: projects.org.id, direction: from}]}
            - {name: project, references: [{dataset: stage, field: projects.id, direction: from}]}
"""


def test_grouped_inputs_are_asked_for_as_they_belong_together(api: Desk) -> None:
    connector = opened(api, GROUPED)
    rows = [{"id": "a", "org": {"id": 1}}, {"id": "b", "org": {"id": 2}}]
    api.route = lambda call: reply({"items": rows} if call.path == "/projects" else [{"n": call.path}])
    dataset = connector.describe()
    events = of(dataset, "events")
    (asked,) = [one for one in events.fields if one.native.links]
    source = asked.native.links[0].field.partition(".")[2]
    assert asked.name == "org+project" and of(dataset, "projects").field(source) is not None
    told = [value for one in read(connector, "projects", email=["ada@example.com"]) for value in one.links[source]]
    ask = Read(dataset=dataset, collection=replace(events), matches={asked.name: told})
    list(connector.read(ask))
    assert [call.path for call in api.calls[1:]] == ["/orgs/1/projects/a/events", "/orgs/2/projects/b/events"]


@pytest.mark.parametrize("said", ["", "x", "[1]", '["a", {"b": 1}]', '["a", null]', "[" * 99, '{"a": 1}'])
def test_grouped_inputs_of_another_form_ask_for_nothing(api: Desk, said: str) -> None:
    connector = opened(api, GROUPED)
    assert read(connector, "events", **{"org+project": [said]}) == [] and api.calls == []
    assert ungrouped('["a",7]', ("x", "y")) == {"x": "a", "y": 7}


def test_grouped_inputs_in_one_list_stay_within_its_elements() -> None:
    row = {"o": 1, "in": [{"a": 1, "b": [2, 3]}, {"a": 4, "b": 5}, {"a": 6}]}
    assert together(row, {"a": "in.a", "b": "in.b"}) == ["[1,2]", "[1,3]", "[4,5]"]
    assert together(row, {"o": "o", "a": "in.a"}) == ["[1,1]", "[1,4]", "[1,6]"]


# --- reading by more than one input ---------------------------------------------------------------------------------


def test_only_what_an_endpoint_takes_can_be_asked_for(api: Desk) -> None:
    connector = opened(api)
    with pytest.raises(InvalidInput) as told:
        read(connector, "people", name=["Ada"])
    assert "`name`" in told.value.message
    assert len(read(connector, "people", name=["Ada"], email=["ada@example.com"])) == 1


def test_what_was_asked_by_reference_is_told_of_records_that_lack_it(api: Desk) -> None:
    (profile,) = read(opened(api), "profiles", person=[1])
    assert profile.values["person"] == 1
    (person,) = read(opened(api), "people", phone=[ADA["phone"]])
    assert dict(person.values) == ADA


BESIDE = GROUPED.replace("grouped_inputs: [org, project]", "query_params: [{name: by, value: <by>}]").replace(
    "          param_values:\n            - {name: org,",
    "          param_values:\n            - {name: by, identity: email}\n            - {name: org,",
)


def test_a_reference_alone_never_asks_where_an_identity_is_wanted_beside_it(api: Desk) -> None:
    connector = opened(api, BESIDE)
    api.route = lambda call: reply([])
    with pytest.raises(InvalidInput):
        read(connector, "events", org=[1], project=["a"])
    assert api.calls == []
    ask = asks(
        connector, "events", matches={"org": [1, 2], "project": ["a"]}, identities={"email": ["ada@example.com"]}
    )
    list(connector.read(ask))
    assert [call.target for call in api.calls] == [
        "/orgs/1/projects/a/events?by=ada%40example.com",
        "/orgs/2/projects/a/events?by=ada%40example.com",
    ]


def test_masks_nest_as_records_do() -> None:
    assert masked({"a.b": 1, "a.c": None}, {}) == {"a": {"b": 1, "c": None}}
    row = {"a": {"b": 0, "d": 9}, "l": [{"x": 1, "y": 2}]}
    assert masked({"l.x": 7}, row) == {"l": [{"x": 7, "y": 2}]}
    assert overlaid(row, {"a.b": 1}) == {"a": {"b": 1, "d": 9}, "l": [{"x": 1, "y": 2}]}
    assert row == {"a": {"b": 0, "d": 9}, "l": [{"x": 1, "y": 2}]}, "what it was made of stays"
