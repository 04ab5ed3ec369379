"""Each vendor's connector file, open on the fake of that vendor, and a small run of a person's request over it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from fakes import FAKES
from fakes.fake import Running
from privet.connectors.base import Batch, Change, Read, Record, Setup
from privet.connectors.rest.connector import RestConnector, open_config
from privet.connectors.rest.shelf import shelf
from privet.connectors.rest.words import Clock, at_path
from privet.secret import Secret
from privet.vocabulary.dataset import Collection, Dataset, every_field

Told = tuple[dict[str, str], dict[str, str]]
Found = Mapping[str, list[Record]]


def _told(settings: Mapping[str, str], **secrets: str) -> Callable[[Running], Told]:
    """Return settings, and secrets by the fake's names. A setting `=name` is the fake's own setting of that name."""

    def say(running: Running) -> Told:
        said = {key: running.settings[text[1:]] if text[:1] == "=" else text for key, text in settings.items()}
        return said, {name: running.secrets[of] for name, of in secrets.items()}

    return say


TERMS: dict[str, Callable[[Running], Told]] = {
    "stripe": _told({}, api_key="api_key"),
    "hubspot": _told({}, private_app_token="access_token"),
    "mailchimp": _told({"domain": "us1.api.mailchimp.com"}, api_key="api_key"),
    "zendesk": _told({"domain": "shop.zendesk.com", "username": "=email"}, api_key="api_token"),
    "salesforce": _told(
        {"domain": "shop.my.salesforce.com", "api_version": "=version"},
        client_id="client_id",
        client_secret="client_secret",
    ),
    "shopify": _told({"domain": "shop.myshopify.com", "api_version": "=api_version"}, access_token="access_token"),
    "twilio": _told({"account_sid": "=account_sid"}, auth_token="auth_token"),
    "sendgrid": _told({}, api_key="api_key"),
    "intercom": _told({}, access_token="access_token"),
    "segment": _told({"space_id": "=space_id"}, access_token="access_token", public_token="api_token"),
    "slack": _told({}, user_token="access_token"),
    "jira": _told({"domain": "shop.atlassian.net", "username": "=email"}, api_token="api_token"),
}

ROWS = {"mailchimp": 105, "jira": 55}
"""How many records of hers there are where pages go by an offset, whose step a file fixes; elsewhere the fake is told
to give small pages."""


@dataclass
class Still:
    """A clock that waits by moving on."""

    at: float = 1_000.0

    def clock(self) -> Clock:
        def sleep(seconds: float) -> None:
            self.at += seconds

        return Clock(now=lambda: self.at, sleep=sleep)


@dataclass
class Stage:
    """A vendor's connector on its fake. `sought`: identities to ask for in place of hers."""

    name: str
    running: Running
    connector: RestConnector
    dataset: Dataset
    asked: dict[str, Read] = field(default_factory=dict)
    sought: dict[str, list[str]] = field(default_factory=dict)

    @property
    def identities(self) -> dict[str, list[str]]:
        return self.sought or {"email": [self.running.person.email], "phone_number": [self.running.person.phone]}

    # --- access -----------------------------------------------------------------------------------------------------

    def gather(self) -> dict[str, list[Record]]:
        """Return her records by collection: read by identities and then by references, until nothing new comes."""
        found: dict[str, list[Record]] = {one.name: [] for one in self.dataset.collections}
        self.asked = {}
        moved = True
        while moved:
            moved = False
            for collection in self.dataset.collections:
                matches = self.matches(collection, found)
                if matches and (collection.name not in self.asked or self.asked[collection.name].matches != matches):
                    ask = Read(dataset=self.dataset, collection=collection, matches=matches, identities=self.identities)
                    self.asked[collection.name] = ask
                    found[collection.name] = [record for page in self.connector.read(ask) for record in page]
                    moved = True
        return found

    def matches(self, collection: Collection, found: Found) -> dict[str, list[Any]]:
        out: dict[str, list[Any]] = {}
        for path, one in every_field(collection.fields):
            values: list[Any] = list(self.identities.get(one.native.identity, ()))
            for link in one.native.links:
                source, _, there = link.field.partition(".")
                for record in found[source]:
                    values += (value for value in _held(record, there) if value not in values)
            if values:
                out[path] = values
        return out

    # --- erasure ----------------------------------------------------------------------------------------------------

    def erase(self, found: Found) -> None:
        """Delete what the file can delete, in its order, and mask what it can only change."""
        for collection in self.in_order():
            batch = self.batch(collection, found[collection.name])
            if batch is not None:
                self.connector.erase(self.dataset, [batch])

    def in_order(self) -> list[Collection]:
        left, out = list(self.dataset.collections), []
        while left:
            waits = {one.name for one in left}
            free = [one for one in left if not any(said.partition(".")[2] in waits for said in one.erase_after)]
            assert free, "erase_after goes in a circle"
            out += free
            left = [one for one in left if one not in free]
        return out

    def batch(self, collection: Collection, records: list[Record]) -> Batch | None:
        endpoint = self.connector.config.endpoint(collection.name)
        if endpoint is None or not records or not (endpoint.deletes or endpoint.updates):
            return None
        keys = [path for path, one in every_field(collection.fields) if one.native.primary_key]
        masks = None if endpoint.deletes else masks_of(collection)
        changes = []
        for number, record in enumerate(records):
            values = None if masks is None else {p: v for p, v in masks.items() if _at(record, p) is not None}
            if values != {}:
                key = {path: _at(record, path) for path in keys}
                changes.append(Change(key, values, f"{collection.name}-{number}"))
        return Batch(collection, changes, self.asked[collection.name]) if changes else None

    # --- what is left -----------------------------------------------------------------------------------------------

    def left(self) -> set[str]:
        """Return the places in the vendor's state where one of her identifiers stands yet: collection and path."""
        shapes = [_shape(one) for one in self.running.identifiers]
        out = set()
        for collection, rows in json.loads(self.running.dump()).items():
            for row in rows.values():
                out |= {f"{collection}{path}" for path, text in _leaves(row) if any(s.search(text) for s in shapes)}
        return out


@contextmanager
def stage(name: str, *, small: bool = True) -> Iterator[Stage]:
    """Yield a vendor's connector on its fake, which holds the data of one person and of 20 who look like her."""
    with FAKES[name].start(email="ada@example.com", rows=ROWS.get(name)) as running:
        if small:
            running.page_size = 2
            running.offset_page_size = 2 if name == "slack" else None  # its offset counts pages
        settings, secrets = TERMS[name](running)
        setup = Setup(
            name=name,
            kind="saas",
            settings={"config": name, "host": running.host, "protocol": "http", **settings},
            secrets={key: Secret(text) for key, text in secrets.items()},
        )
        connector = open_config(setup, shelf(name), clock=Still().clock())
        try:
            yield Stage(name, running, connector, connector.describe())
        finally:
            connector.close()


def masks_of(collection: Collection) -> dict[str, Any]:
    """Return what a policy that empties everything personal would write."""
    out: dict[str, Any] = {}
    for path, one in every_field(collection.fields):
        native, personal = one.native, any(label.split(".")[0] == "user" for label in one.labels)
        if one.fields or native.read_only or native.primary_key or native.links or not personal:
            continue
        said = dict(native.masking.configuration) if native.masking else {}
        out[path] = said.get("rewrite_value", "zq81@example.invalid" if native.masking else None)
    return out


def plain(found: Found) -> str:
    return json.dumps({name: [record.values for record in records] for name, records in found.items()}, default=str)


def _at(record: Record, path: str) -> Any:
    return at_path(dict(record.values), tuple(path.split(".")))


def _held(record: Record, path: str) -> list[Any]:
    value = record.links.get(path, _at(record, path))
    return [one for one in (value if isinstance(value, list) else [value]) if one is not None]


def _shape(text: str) -> re.Pattern[str]:
    """Return what finds a value as a whole: others' values that begin or end with it do not count."""
    return re.compile(rf"(?<![\w.+@'*%-]){re.escape(text)}(?![\w@.%-])")


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, path)
    else:
        yield path, str(value)
