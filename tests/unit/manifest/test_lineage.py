"""OpenLineage events in: which edges they become, and that a bad event is a finding."""

from __future__ import annotations

import json

import pytest
from a_bakery import CRM, LOGS, ORDERS, bakery
from a_trap import columns, line
from hypothesis import given
from hypothesis import strategies as st

from privet.manifest.atlas.lineage import Edge, Spot, joined, read_events
from privet.manifest.exports.openlineage import write
from privet.vocabulary.dataset import Collection, Dataset, Field

LETTERS = Dataset(
    key="letters_db",
    collections=(Collection(name="letters", fields=(Field(name="mail", type="string"),)),),
)
DATASETS = (CRM, ORDERS, LOGS, LETTERS)
EMAIL = Spot("crm_db", "users", "email")
MAIL = Spot("letters_db", "letters", "mail")
TABLES = Edge(Spot("crm_db", "users"), Spot("letters_db", "letters"), "nightly letters")


def test_a_field_that_is_made_of_another_is_an_edge() -> None:
    found, wrong = read_events([line(columns("shop.public.users", "shop.public.letters"))], DATASETS)
    assert wrong == ()
    assert found.edges == (TABLES, Edge(EMAIL, MAIL, "nightly letters"))
    assert found.known[Spot("crm_db", "users")] == ("postgres://db.example.com:5432", "shop.public.users")


def test_tables_are_matched_without_regard_to_case_and_by_paths() -> None:
    found, _ = read_events([line(columns("warehouse/raw/USERS", "letters"))], DATASETS)
    assert TABLES in found.edges


def test_a_table_that_two_datasets_have_needs_the_dataset_in_its_name() -> None:
    twin = Dataset(key="crm_copy", collections=CRM.collections)
    _, wrong = read_events([line(columns("shop.public.users", "letters"))], (*DATASETS, twin))
    assert [(finding.rule, finding.subject) for finding in wrong] == [("lineage-table", "collection users")]
    found, wrong = read_events([line(columns("crm_db.public.users", "letters"))], (*DATASETS, twin))
    assert wrong == ()
    assert TABLES in found.edges


def test_a_table_that_nobody_declares_keeps_the_name_of_the_event() -> None:
    found, wrong = read_events([line(columns("shop.public.users", "lake.reports"))], DATASETS)
    assert wrong == ()
    assert found.edges[0].target == Spot("", "postgres://db.example.com:5432 lake.reports")


def test_a_field_that_the_manifest_lacks_is_a_note_once() -> None:
    event = columns("orders_db.orders", "letters")
    found, wrong = read_events([line(event), line(event)], DATASETS)
    assert [(finding.rule, finding.severity, finding.at.line) for finding in wrong] == [("lineage-field", "note", 1)]
    assert Edge(Spot("orders_db", "orders", "email"), MAIL, "nightly letters") in found.edges


@pytest.mark.parametrize("ending", ["FAIL", "ABORT"])
def test_a_run_that_failed_made_nothing(ending: str) -> None:
    event = columns("shop.users", "letters")
    end = {**event, "eventType": ending, "inputs": [], "outputs": []}
    other = columns("shop.users", "letters", run="r2")
    assert read_events([line(event), line(end)], DATASETS)[0].edges == ()
    assert read_events([line(event), line(end), line(other)], DATASETS)[0].edges != ()


def test_inputs_and_outputs_of_a_run_add_up_over_its_events() -> None:
    event = columns("shop.users", "letters")
    start = {**event, "eventType": "START", "outputs": []}
    end = {**event, "inputs": [], "outputs": [{"namespace": "n", "name": "letters"}]}
    assert read_events([line(start), line(end)], DATASETS)[0].edges == (TABLES,)


def test_a_job_event_needs_no_run_and_a_dataset_event_no_job() -> None:
    event = columns("shop.users", "letters")
    job = {key: event[key] for key in ("eventTime", "producer", "job", "inputs", "outputs")}
    assert len(read_events([line(job)], DATASETS)[0].edges) == 2
    alone = {"eventTime": event["eventTime"], "producer": "x", "dataset": event["outputs"][0]}
    assert read_events([line(alone)], DATASETS)[0].edges == (Edge(EMAIL, MAIL, ""),)


def test_the_facet_s_older_and_newer_forms_say_the_same() -> None:
    older = columns("shop.users", "letters")
    field = older["outputs"][0]["facets"]["columnLineage"]["fields"]["mail"]
    del field["inputFields"][0]["transformations"]
    field["transformationType"] = "MASKED"
    newer = columns("shop.users", "letters")
    step = newer["outputs"][0]["facets"]["columnLineage"]["fields"]["mail"]["inputFields"][0]["transformations"][0]
    step["masking"] = True
    masked = Edge(EMAIL, MAIL, "nightly letters", masked=True)
    assert masked in read_events([line(older)], DATASETS)[0].edges
    assert masked in read_events([line(newer)], DATASETS)[0].edges


def test_what_only_sorts_or_filters_is_an_indirect_edge_to_the_table() -> None:
    event = columns("shop.users", "letters")
    facet = event["outputs"][0]["facets"]["columnLineage"]
    facet["dataset"] = [
        {
            "namespace": "n",
            "name": "shop.users",
            "field": "id",
            "transformations": [{"type": "INDIRECT", "subtype": "SORT"}],
        }
    ]
    found, _ = read_events([line(event)], DATASETS)
    assert Edge(Spot("crm_db", "users", "id"), TABLES.target, "nightly letters", direct=False) in found.edges


def test_a_deleted_facet_says_nothing() -> None:
    event = columns("shop.users", "letters")
    event["outputs"][0]["facets"]["columnLineage"]["_deleted"] = True
    assert read_events([line(event)], DATASETS)[0].edges == (TABLES,)


@pytest.mark.parametrize(
    "bad",
    [
        b"{",
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b'{"run": {"runId": "1"}}',
        b'{"run": 1, "job": {"namespace": "a", "name": "b"}}',
        b'{"job": {"namespace": "a", "name": 7}}',
        b'{"job": {"namespace": "a", "name": "b"}, "inputs": {}}',
        b'{"job": {"namespace": "a", "name": "b"}, "outputs": [{"namespace": "a"}]}',
        b'{"job": {"namespace": "a", "name": "b"}, "outputs": [{"namespace": "a", "name": "b", "facets": []}]}',
        b'{"job": {"namespace": "a", "name": "b"}, "outputs": [{"namespace": "a", "name": "b",'
        b' "facets": {"columnLineage": {"fields": {"x": {"inputFields": [7]}}}}}]}',
        b'{"a": 1, "a": 2}',
        b"[" * 100_000,
    ],
)
def test_a_bad_event_is_a_finding_and_the_next_one_is_read(bad: bytes) -> None:
    found, wrong = read_events([bad + b"\n", line(columns("shop.users", "letters"))], DATASETS, "events.jsonl")
    assert [(finding.rule, str(finding.at)) for finding in wrong] == [("lineage-event", "events.jsonl:1:1")]
    assert TABLES in found.edges


def test_a_finding_quotes_nothing_of_the_event() -> None:
    event = {"job": {"namespace": "a", "name": {"canary@example.com": 1}}}
    _, wrong = read_events([line(event), b"canary@example.com"], DATASETS)
    assert len(wrong) == 2
    assert "canary" not in repr(wrong)


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "job",
                        "run",
                        "runId",
                        "namespace",
                        "name",
                        "inputs",
                        "outputs",
                        "facets",
                        "columnLineage",
                        "fields",
                        "inputFields",
                        "dataset",
                        "eventType",
                        "x",
                    ]
                ),
                inner,
                max_size=6,
            )
        ),
        max_leaves=20,
    )
)
def test_no_event_whatever_breaks_the_reading(event: object) -> None:
    raw = event if isinstance(event, bytes) else json.dumps(event).encode()
    lines = [each for each in raw.split(b"\n") if each.strip()]
    found, wrong = read_events(lines, DATASETS)
    assert len(wrong) <= 2 * max(len(lines), 1) + 20
    assert found == read_events(lines, DATASETS)[0]


def test_two_readings_are_joined() -> None:
    one, _ = read_events([line(columns("shop.users", "letters"))], DATASETS)
    other, _ = read_events([line(columns("shop.users", "lake.reports", run="r2"))], DATASETS)
    assert {*joined(one, other).edges} == {*one.edges, *other.edges}


def test_events_are_written_under_the_names_that_they_had_and_with_their_columns() -> None:
    lineage, _ = read_events([line(columns("shop.public.users", "orders"))], DATASETS)
    written = [json.loads(each) for each in write(bakery(lineage)).decode().splitlines()]
    named = {(each["dataset"]["namespace"], each["dataset"]["name"]): each["dataset"]["facets"] for each in written}
    assert ("postgres://db.example.com:5432", "shop.public.users") in named
    assert ("privet://default_organization", "old_logs.visits") in named
    facet = named["postgres://db.example.com:5432", "orders"]["columnLineage"]
    (source,) = facet["fields"]["mail"]["inputFields"]
    assert (source["name"], source["field"]) == ("shop.public.users", "email")


def test_what_is_written_can_be_read_again() -> None:
    lineage, _ = read_events([line(columns("shop.public.users", "letters"))], DATASETS)
    again, wrong = read_events(write(bakery(lineage)).splitlines(), DATASETS)
    assert [finding for finding in wrong if finding.rule == "lineage-event"] == []
    assert again.known[Spot("crm_db", "users")] == ("postgres://db.example.com:5432", "shop.public.users")


def test_lineage_draws_an_arrow_between_datasets() -> None:
    lineage, _ = read_events([line(columns("shop.public.users", "orders_db.orders"))], DATASETS)
    arcs = {(arc.source, arc.target) for arc in bakery(lineage).graph.arcs if arc.kind == "derives"}
    assert arcs == {("dataset:crm_db", "dataset:orders_db")}
