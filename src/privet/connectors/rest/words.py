"""What a connector's file says, in the words of the format. Reads nothing and sends nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from privet.connectors.rest.template import Body, Text
from privet.vocabulary.dataset import Dataset, Link

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
METHODS: tuple[Method, ...] = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")

PERIODS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400}

SPECIALS = frozenset({"uuid", "iso_8601_datetime", "privacy_request_id"})
"""Placeholders that need no param: a fresh UUID, the time, and what stands for the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A connector param: what an operator says. `default` None: it must be said. `sensitive`: kept as a secret."""

    name: str
    label: str = ""
    about: str = ""
    default: str | int | tuple[str | int, ...] | None = None
    options: tuple[str, ...] = ()
    multiselect: bool = False
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Rate:
    """At most `count` calls in `seconds`."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Param:
    """What a placeholder stands for: exactly one of an identity, references, and a connector param. `references`:
    links, or names of external references. `escape`: quotes and backslashes in it are escaped within longer text."""

    name: str
    identity: str = ""
    references: tuple[Link | str, ...] = ()
    connector_param: str = ""
    escape: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A header, or a parameter of a query."""

    name: str
    value: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A post-processor. `identity`: it filters by an identity of the person; else by `value`."""

    kind: Literal["unwrap", "filter", "nothing"]
    path: tuple[str, ...] = ()
    value: str = ""
    identity: str = ""
    exact: bool = True
    case_sensitive: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Paging:
    """How the next page is asked for. `param`: of offset and cursor, what the next value goes into. `path`: of link and
    cursor, where it is found. `limit`: the most that an offset reaches, or the connector param that says so."""

    kind: Literal["offset", "link", "cursor"]
    param: str = ""
    step: int = 0
    limit: int | str | None = None
    source: Literal["headers", "body"] = "body"
    rel: str = ""
    path: tuple[str, ...] = ()
    has_next: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """How an API says in an answer of status 200 that it did not do what was asked. `path`: where a word stands then.
    `absent`: words for what is not there. `expired`: for tokens that must be renewed. `limited`: for too many calls."""

    path: tuple[str, ...] = ()
    absent: frozenset[str] = frozenset()
    expired: frozenset[str] = frozenset({"token_expired", "invalid_auth", "not_authed", "token_revoked"})
    limited: frozenset[str] = frozenset({"ratelimited", "rate_limited"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Auth:
    """A strategy of authentication and its settings. `requests`: of OAuth2, by name; `seconds`: how long a token lives
    where the system does not say."""

    kind: str
    headers: tuple[Pair, ...] = ()
    query: tuple[Pair, ...] = ()
    body: Body | None = None
    texts: tuple[tuple[str, Text], ...] = ()
    requests: tuple[tuple[str, Request], ...] = ()
    seconds: int | None = None

    def text(self, name: str) -> Text | None:
        return dict(self.texts).get(name)

    def request(self, name: str) -> Request | None:
        return dict(self.requests).get(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Where requests go and who we are there."""

    protocol: Literal["https", "http"]
    host: Text
    auth: Auth | None = None
    rates: tuple[Rate, ...] = ()
    signs: Signs | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as declared. `data_path`: where the records stand in an answer. `ignore`: statuses that count as an
    answer without records, None for every one. `rates` None: the config's. `at`: file and line."""

    method: Method = "GET"
    path: Text | None = None
    headers: tuple[Pair, ...] = ()
    query: tuple[Pair, ...] = ()
    body: Body | None = None
    raw: Text | None = None
    media: str = ""
    params: tuple[Param, ...] = ()
    client: Client | None = None
    data_path: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    paging: Paging | None = None
    grouped: tuple[str, ...] = ()
    ignore: frozenset[int] | None = frozenset()
    skip_missing: bool = False
    rates: tuple[Rate, ...] | None = None
    output: Body | None = None
    signs: Signs | None = None
    at: str = ""

    def param(self, name: str) -> Param | None:
        return next((param for param in self.params if param.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A collection's requests. Of several reads each has its own questions; updates and deletes are made in order."""

    name: str
    reads: tuple[Request, ...] = ()
    updates: tuple[Request, ...] = ()
    deletes: tuple[Request, ...] = ()
    skipped: bool = False
    after: tuple[str, ...] = ()
    erase_after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """A connector's file. `protection`: one request that erases all of a person. `external`: names of references that
    an operator says. `notes`: what people should know of how the file is read. `idempotency_header`: the header by
    which the API knows a write that it did already, "" where it has none. `docs`: pages of the vendor.
    `opt_in`, `opt_out`: what tells the system that a person agrees, or does not, to `consent_uses`."""

    fides_key: str
    name: str
    type: str
    description: str = ""
    version: str = ""
    terms: tuple[Term, ...] = ()
    external: tuple[str, ...] = ()
    client: Client
    test: Request | None = None
    endpoints: tuple[Endpoint, ...] = ()
    protection: Request | None = None
    rates: tuple[Rate, ...] = ()
    dataset: Dataset | None = None
    notes: tuple[str, ...] = ()
    idempotency_header: str = ""
    docs: tuple[str, ...] = ()
    opt_in: tuple[Request, ...] = ()
    opt_out: tuple[Request, ...] = ()
    consent_uses: tuple[str, ...] = ("marketing",)

    def endpoint(self, name: str) -> Endpoint | None:
        return next((endpoint for endpoint in self.endpoints if endpoint.name == name), None)


def at_path(value: Any, path: tuple[str, ...]) -> Any:
    """Return what stands at a path of keys and numbers of lists, None where nothing does.

    >>> at_path({"items": [{"id": 7}]}, ("items", "0", "id"))
    7
    """
    for part in path:
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.lstrip("-").isdigit() and len(part) < 10:
            number = int(part)
            value = value[number] if -len(value) <= number < len(value) else None
        else:
            return None
    return value


@dataclass(frozen=True, slots=True)
class Clock:
    """Time as calls need it, in seconds."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


CLOCK = Clock()
