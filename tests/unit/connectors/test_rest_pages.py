"""Pages of a declared API, how they end, and what becomes of the records in them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from a_rest import (
    SEARCH,
    SECRET,
    Desk,
    desk,
    file,
    items,
    notes,
    opened,
    reply,
)

from privet.connectors.base import Read
from privet.connectors.rest.paging import links
from privet.errors import InvalidInput, PrivetError


@pytest.fixture
def api() -> Iterator[Desk]:
    with desk() as held:
        yield held


# --- pages ----------------------------------------------------------------------------------------------------------


def test_pages_by_offset_end_with_an_empty_one(api: Desk) -> None:
    text = file(
        SEARCH.replace("[{", "[{name: page, value: 1}, {")
        + "\npagination: {strategy: offset, configuration: {incremental_param: page, increment_by: 1}}"
    )
    api.script = [items(1, 2), items(3), items()]
    assert notes(opened(api, text)) == [1, 2, 3]
    assert [call.query["page"] for call in api.calls] == ["1", "2", "3"]


def test_pages_that_reach_their_limit_while_records_come_are_no_whole_answer(api: Desk) -> None:
    text = file(
        SEARCH.replace("[{", "[{name: page, value: 1}, {")
        + "\npagination: {strategy: offset, configuration: {incremental_param: page, increment_by: 1, limit: 2}}"
    )
    api.script = [items(1), items(2), items(3)]
    with pytest.raises(InvalidInput):
        notes(opened(api, text))
    api.script = [items(1), items()]
    assert notes(opened(api, text)) == [1]
    said = text.replace("limit: 2", "limit: {connector_param: most}").replace(
        "  connector_params:", "  connector_params:\n    - {name: most, default_value: 1}"
    )
    api.script = [items(1), items(2)]
    with pytest.raises(InvalidInput):
        notes(opened(api, said))


@pytest.mark.parametrize(
    ("how", "headers", "body"),
    [
        ("{source: headers, rel: next}", {"link": '<https://other.example.com/notes?p=2>; rel="next"'}, {}),
        ("{source: body, path: paging.next}", {}, {"paging": {"next": "/notes?p=2"}}),
        ("{source: body, path: 'links[0].url'}", {}, {"links": [{"url": "https://other.example.com/notes?p=2"}]}),
    ],
)
def test_pages_by_link_stay_with_the_system(api: Desk, how: str, headers: dict[str, str], body: Any) -> None:
    text = file(SEARCH + f"\npagination: {{strategy: link, configuration: {how}}}")
    api.script = [items(1, **body), items(2)]
    api.script[0] = (200, {"content-type": "application/json", **headers}, api.script[0][2])  # type: ignore[index]
    assert notes(opened(api, text)) == [1, 2]
    assert api.calls[1].target == "/notes?p=2"
    assert api.calls[1].headers["authorization"] == f"Bearer {SECRET}"


@pytest.mark.parametrize(
    "link", ["/notes?q=ada%40example.com", "//evil.example.com/x", "/a/../b", "/a\r\nX: y", "/a b"]
)
def test_a_link_that_leads_nowhere_good_is_not_followed(api: Desk, link: str) -> None:
    text = file(SEARCH + "\npagination: {strategy: link, configuration: {source: body, path: next}}")
    api.route = lambda call: items(1, next=link)
    with pytest.raises(PrivetError):
        notes(opened(api, text))
    assert len(api.calls) <= 2 and all("evil" not in call.headers["host"] for call in api.calls)


def test_pages_by_cursor_go_on_from_the_last_record_or_the_body(api: Desk) -> None:
    text = file(SEARCH + "\npagination: {strategy: cursor, configuration: {cursor_param: after, field: id}}")
    api.script = [items(1, 2), items(3), items()]
    assert notes(opened(api, text)) == [1, 2, 3]
    assert [call.query.get("after") for call in api.calls] == [None, "2", "3"]
    text = file(SEARCH + "\npagination: {strategy: cursor, configuration: {cursor_param: after, field: meta.next}}")
    for end in ("", None):
        api.script = [items(1, meta={"next": "c 1&x"}), items(2, meta={"next": end})]
        assert notes(opened(api, text)) == [1, 2]
        assert api.calls[-1].query["after"] == "c 1&x"


def test_pages_by_cursor_end_where_the_system_says_so(api: Desk) -> None:
    text = file(
        SEARCH + "\npagination: {strategy: cursor, configuration: {cursor_param: after, field: id, has_next: more}}"
    )
    api.script = [items(1, more=True), items(2, more=False)]
    assert notes(opened(api, text)) == [1, 2]


def test_a_cursor_may_stand_in_a_body(api: Desk) -> None:
    text = file(
        "method: POST\npath: /search\ndata_path: items\n"
        'body: \'{"q": "<email>", "page": {"size": 2, "after": "<after>"}}\'\n'
        "pagination: {strategy: cursor, configuration: {cursor_param: after, field: next}}"
    )
    api.script = [items(1, next="c2"), items(2)]
    assert notes(opened(api, text)) == [1, 2]
    assert [call.json["page"] for call in api.calls] == [{"size": 2}, {"size": 2, "after": "c2"}]


def test_a_cursor_that_stands_still_is_an_error(api: Desk) -> None:
    text = file(SEARCH + "\npagination: {strategy: cursor, configuration: {cursor_param: after, field: next}}")
    api.route = lambda call: items(1, next="same")
    with pytest.raises(InvalidInput):
        notes(opened(api, text))
    assert len(api.calls) == 2


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        ('</a>; rel="next"; title="x, <y>; rel=prev"', {"next": "/a"}),
        ("</a>;rel=NEXT,</b>; rel='prev'", {"next": "/a", "'prev'": "/b"}),
        ('</a>; rel="prev next"', {"prev": "/a", "next": "/a"}),
        ("no link", {}),
        ("<" * 10_000, {}),
    ],
)
def test_link_headers_are_read(header: str, found: dict[str, str]) -> None:
    assert links(header) == found


# --- post-processors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ("{field: by, value: {identity: email}}", [1]),
        ("{field: by, value: {identity: email}, case_sensitive: false}", [1, 2]),
        ("{field: by, value: {identity: email}, exact: false, case_sensitive: false}", [1, 2, 3]),
        ("{field: to, value: {identity: email}}", [4]),
        ("{field: open, value: true}", [2]),
        ("{field: nosuch, value: x}", []),
    ],
)
def test_a_filter_keeps_what_is_hers(api: Desk, settings: str, ids: list[int]) -> None:
    rows = [
        {"id": 1, "by": "ada@example.com"},
        {"id": 2, "by": "ADA@example.com", "open": True},
        {"id": 3, "by": "Ada <ada@example.com>"},
        {"id": 4, "by": None, "to": ["bob@example.com", "ada@example.com"]},
    ]
    api.script = [reply({"deep": {"items": rows}})]
    steps = (
        f"[{{strategy: unwrap, configuration: {{data_path: items}}}}, {{strategy: filter, configuration: {settings}}}]"
    )
    text = file(f"{SEARCH.replace('data_path: items', 'data_path: deep')}\npostprocessors: {steps}")
    assert notes(opened(api, text)) == ids


def test_a_filter_by_an_identity_that_nobody_gives_is_an_error_and_not_an_empty_answer(api: Desk) -> None:
    step = "{strategy: filter, configuration: {field: by, value: {identity: email}}}"
    text = file(
        f"method: GET\npath: /people/<person>/notes\npostprocessors: [{step}]",
        param="{name: person, references: [{dataset: desk, field: notes.id, direction: from}]}",
    )
    connector = opened(api, text)
    dataset = connector.describe()
    collection = dataset.collection("notes")
    assert collection is not None
    ask = Read(dataset=dataset, collection=collection, matches={"person": [7]})
    with pytest.raises(InvalidInput):
        list(connector.read(ask))
    api.script = [reply([{"id": 1, "by": "ada@example.com"}, {"id": 2, "by": "bob@example.com"}])]
    ask = Read(
        dataset=dataset, collection=collection, matches={"person": [7]}, identities={"email": ["ada@example.com"]}
    )
    (page,) = list(connector.read(ask))
    assert [dict(one.values) for one in page] == [{"id": 1, "person": 7}]


def test_an_output_makes_a_record_of_what_was_asked(api: Desk) -> None:
    text = file('output: \'{"id": "<email>"}\'')
    assert notes(opened(api, text)) == ["ada@example.com"] and api.calls == []
    api.script = [items(7)]
    assert notes(opened(api, file(f"{SEARCH}\noutput: '{{\"id\": <row.id>}}'"))) == [7]
