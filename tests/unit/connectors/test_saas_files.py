"""What every connector file on our shelf keeps to, whatever its vendor."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from privet.connectors.rest.config import INSTANCE
from privet.connectors.rest.merge import dataset_of, own_path
from privet.connectors.rest.shelf import names, shelf
from privet.connectors.rest.template import MEMBERS
from privet.connectors.rest.words import Config, Endpoint, Request
from privet.crypto.strategies import settled, strategy
from privet.manifest.load import read_text
from privet.vocabulary import taxonomy
from privet.vocabulary.dataset import Dataset, Field, Link, every_field

VENDORS = (
    "hubspot",
    "intercom",
    "jira",
    "mailchimp",
    "salesforce",
    "segment",
    "sendgrid",
    "shopify",
    "slack",
    "stripe",
    "twilio",
    "zendesk",
)
EVERY = pytest.mark.parametrize("name", VENDORS)
TYPES = {"string", "integer", "float", "boolean", "object"}
SECRET = re.compile(r"token|secret|key|password")


def text(name: str) -> str:
    return (files("privet.connectors") / "saas" / f"{name}.yml").read_text(encoding="utf-8")


def comment(name: str) -> str:
    return text(name).partition("saas_config:")[0]


def declared(config: Config) -> Dataset:
    assert config.dataset is not None
    return config.dataset


def leaves(dataset: Dataset) -> Iterator[tuple[str, Field]]:
    for collection in dataset.collections:
        yield from (
            (f"{collection.name}.{path}", one) for path, one in every_field(collection.fields) if not one.fields
        )


def requests(config: Config) -> Iterator[tuple[Endpoint, Request]]:
    for endpoint in config.endpoints:
        yield from ((endpoint, one) for one in (*endpoint.reads, *endpoint.updates, *endpoint.deletes))


def changers(config: Config) -> Iterator[tuple[Endpoint, Request]]:
    for endpoint in config.endpoints:
        yield from ((endpoint, one) for one in (*endpoint.updates, *endpoint.deletes))


def test_the_shelf_holds_the_vendors_and_no_other_file() -> None:
    assert names() == VENDORS


@EVERY
def test_all_of_a_file_is_read_and_its_key_is_left_open(name: str) -> None:
    config = shelf(name, key="mine")
    assert config.notes == () and config.fides_key == declared(config).key == "mine"
    assert config.test is not None and config.rates
    assert all(request.client is None or request.client.protocol == "https" for _, request in requests(config))
    assert config.client.protocol == "https"


@EVERY
def test_the_pages_it_was_written_from_stand_at_the_top_and_in_the_profile(name: str) -> None:
    told = set(re.findall(r"https://\S+", comment(name)))
    assert told == set(shelf(name).docs) and len(told) >= 4


@EVERY
def test_its_dataset_is_a_manifest_that_is_read_without_a_finding(name: str) -> None:
    _, _, dataset = text(name).replace(INSTANCE, name).partition("\ndataset:\n")
    manifest, findings = read_text(f"dataset:\n{dataset}", f"{name}.yml")
    assert [one.key for one in manifest.datasets] == [name] and findings == ()


@EVERY
def test_it_says_what_the_vendor_cannot_erase(name: str) -> None:
    assert re.search(r"^# What \w+ cannot erase", comment(name), re.MULTILINE)
    assert re.search(r"\b(cannot|not|stays?|keeps|take)\b", shelf(name).description)


@EVERY
def test_endpoints_and_collections_are_the_same(name: str) -> None:
    config = shelf(name)
    assert [one.name for one in config.endpoints] == [one.name for one in declared(config).collections]
    assert all(endpoint.reads for endpoint in config.endpoints)


@EVERY
def test_every_field_has_a_type_and_labels_of_our_taxonomy(name: str) -> None:
    for path, one in leaves(declared(shelf(name))):
        assert one.labels, path
        for label in one.labels:
            assert taxonomy.get(label).kind == "category", path
    for collection in declared(shelf(name)).collections:
        for path, one in every_field(collection.fields):
            kind = one.native.data_type
            # What holds whatever its owner likes has no type that could be said.
            assert kind.removesuffix("[]") in TYPES or (kind == "" and not one.fields), path
            assert (kind.removesuffix("[]") == "object") == bool(one.fields), path
            assert not (one.fields and one.labels), path


@EVERY
def test_references_name_what_the_file_declares(name: str) -> None:
    config = shelf(name)
    known = {
        f"{collection.name}.{path}"
        for collection in declared(config).collections
        for path, _ in every_field(collection.fields)
    }
    for _, request in requests(config):
        for param in request.params:
            for link in param.references:
                assert isinstance(link, Link) and link.dataset == config.fides_key
                assert link.field in known, f"{request.at} {link.field}"


@EVERY
def test_every_collection_is_reached_from_an_identity(name: str) -> None:
    config = shelf(name)
    reached: set[str] = set()
    for _ in config.endpoints:
        for endpoint in config.endpoints:
            for param in (param for request in endpoint.reads for param in request.params):
                sources = {link.field.partition(".")[0] for link in param.references if isinstance(link, Link)}
                if param.identity or sources & reached:
                    reached.add(endpoint.name)
    assert reached == {one.name for one in config.endpoints}


@EVERY
def test_what_updates_and_deletes_are_filled_by_is_the_key_of_the_record(name: str) -> None:
    config = shelf(name)
    for endpoint, request in changers(config):
        collection = declared(config).collection(endpoint.name)
        assert collection is not None
        keys = {path for path, one in every_field(collection.fields) if one.native.primary_key}
        for param in request.params:
            paths = {own_path(config, config.fides_key, endpoint, link) for link in param.references}
            assert param.connector_param or (paths and paths <= keys), f"{request.at} {param.name}"


@EVERY
def test_a_request_fills_every_param_and_names_no_other(name: str) -> None:
    config = shelf(name)
    for _, request in requests(config):
        texts = [request.path, *(pair.value for pair in (*request.query, *request.headers))]
        used = {hole.name for one in texts if one is not None for hole in one.holes}
        used |= {hole.name for hole in request.body.holes} if request.body else set()
        used |= {hole.name for hole in request.output.holes} if request.output else set()
        paging = {request.paging.param} if request.paging else set()
        known = {param.name for param in request.params}
        assert {one for one in used if not one.startswith("row.")} <= known | MEMBERS | paging, request.at
        spare = {param.name for param in request.params if not any(step.identity for step in request.steps)}
        assert spare - used <= {"placeholder"}, request.at


@EVERY
def test_what_no_request_changes_is_read_only(name: str) -> None:
    config = shelf(name)
    for endpoint in config.endpoints:
        collection = declared(config).collection(endpoint.name)
        assert collection is not None
        open_ = [path for path, one in every_field(collection.fields) if not one.fields and not one.native.read_only]
        if endpoint.updates:
            assert open_, endpoint.name
        elif not endpoint.deletes:
            assert open_ == [], endpoint.name
        keys = [one for _, one in every_field(collection.fields) if one.native.primary_key]
        assert all(one.native.read_only for one in keys), endpoint.name
        assert keys or not (endpoint.updates or endpoint.deletes), endpoint.name


@EVERY
def test_erasing_goes_in_an_order_that_ends(name: str) -> None:
    dataset = dataset_of(shelf(name))
    waits = {one.name: {said.partition(".")[2] for said in one.erase_after} for one in dataset.collections}
    assert set().union(*waits.values()) <= set(waits)
    while waits:
        free = [one for one, others in waits.items() if not others & set(waits)]
        assert free, "a circle"
        waits = {one: others for one, others in waits.items() if one not in free}


@EVERY
def test_masks_are_strategies_that_there_are_with_settings_that_they_have(name: str) -> None:
    for _, one in leaves(declared(shelf(name))):
        if one.native.masking is not None:
            settled(strategy(one.native.masking.strategy), one.native.masking.configuration)


@EVERY
def test_secrets_are_kept_as_secrets_and_have_no_default(name: str) -> None:
    for term in shelf(name).terms:
        assert term.label and term.about, term.name
        if SECRET.search(term.name):
            assert term.sensitive, term.name
        assert not (term.sensitive and term.default), term.name


@EVERY
def test_no_value_of_a_person_stands_bare_in_a_query_language(name: str) -> None:
    for _, request in requests(shelf(name)):
        people = {param.name for param in request.params if param.identity}
        for pair in request.query:
            for hole in pair.value.holes:
                assert hole.name not in people or pair.value.whole or hole.quote, f"{request.at} {hole.name}"
