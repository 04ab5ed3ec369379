"""A system with an HTTP API, open: what its file declares, carried out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from privet import digest
from privet.connectors import client as http
from privet.connectors.base import Batch, Choice, Read, Record, Setup, Value
from privet.connectors.client import Client
from privet.connectors.egress import is_loopback
from privet.connectors.rest import choices
from privet.connectors.rest.auth import Identity, Keep
from privet.connectors.rest.call import Caller, Peer, Told
from privet.connectors.rest.changes import Changer, demand_declared
from privet.connectors.rest.draft import draft
from privet.connectors.rest.inputs import Round, declared, rounds, together
from privet.connectors.rest.merge import askers, dataset_of, group_origin, group_paths
from privet.connectors.rest.paging import MOST_PAGES, Page, first, following
from privet.connectors.rest.process import Row, rows
from privet.connectors.rest.template import Body, Filling, Unfit, filled, plain_text
from privet.connectors.rest.terms import Terms
from privet.connectors.rest.words import CLOCK, Clock, Config, Endpoint, Request, at_path
from privet.connectors.rest.words import Client as Place
from privet.errors import InvalidInput, Unavailable
from privet.vocabulary.dataset import Dataset

_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Found:
    """A record as the system gave it. `given`: what it was asked by that it does not hold itself."""

    row: Row
    given: Mapping[str, Value] = field(default_factory=dict)

    @property
    def whole(self) -> Row:
        return {**self.given, **self.row}


def open_config(
    setup: Setup, config: Config, *, client: Client | None = None, keep: Keep | None = None, clock: Clock = CLOCK
) -> RestConnector:
    """Return a connector for a file. Connects to nothing yet.

    `keep`: is told tokens that the next start needs. Raises InvalidInput for settings that cannot be; `faults` holds
    all of them.
    """
    return RestConnector(config, Terms.of(setup, config), client=client, keep=keep, clock=clock)


class RestConnector:
    """One system. INVARIANT: what stands in memory between calls are tokens and connections, never records."""

    def __init__(self, config: Config, terms: Terms, *, client: Client | None, keep: Keep | None, clock: Clock) -> None:
        self.config = config
        self.terms = terms
        self._keep = keep
        self._clock = clock
        self._trusted = frozenset(terms.values)
        # By identity: a place holds all of its requests of OAuth2, which take long to compare.
        self._bases = {id(place): self._base(place) for place in _places(config)}
        hosts = frozenset(map(http.place_of, self._bases.values()))
        setup = terms.setup
        self._client = client or Client(hosts, setup.limits, private=setup.private, most_bytes=terms.most_bytes)
        self._callers: dict[int, Caller] = {}
        self.dataset = dataset_of(config, external=terms.external)

    # --- looking ----------------------------------------------------------------------------------------------------

    def probe(self) -> None:
        """Make sure that the system answers and lets us in. Reads no record."""
        request = self.config.test
        if request is None:
            raise InvalidInput("the connector's file has no `test_request`")
        self.call(request, self.terms.values, "test_request")

    def describe(self) -> Dataset:
        """Return what the file says that the system holds: an API tells nothing of its collections."""
        return self.dataset

    def close(self) -> None:
        """Let go of the system. Idempotent."""
        self._client.close()

    # --- reading ----------------------------------------------------------------------------------------------------

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the records in pages. Raises InvalidInput for fields that are not declared, or cannot be asked for."""
        endpoint = self.endpoint(ask.collection.name)
        fields = declared(ask.collection)
        demand_declared([*ask.matches, *ask.fields], fields, ask.collection.name)
        known = {param.name for request in askers(endpoint) for param in request.params}
        known |= {one.name for one in ask.collection.fields if "+" in one.name}
        wanted = [name for name, values in ask.matches.items() if len(values)]
        if wanted and known.isdisjoint(wanted):
            raise InvalidInput(f"`{endpoint.name}` cannot be asked for by `{wanted[0]}`", hint="see its `param_values`")
        return self._pages(endpoint, ask)

    def _pages(self, endpoint: Endpoint, ask: Read) -> Iterator[list[Record]]:
        keys = [path for path, one in declared(ask.collection).items() if one.native.primary_key]
        seen: set[tuple[str, ...]] = set()
        page: list[Record] = []
        for found in self.found(endpoint, ask):
            whole = found.whole
            held = [at_path(whole, tuple(path.split("."))) for path in keys]
            if keys and None not in held:
                mark = tuple(map(str, held))
                if mark in seen:
                    continue
                seen.add(mark)
            page.append(self._record(whole, ask))
            if len(page) >= ask_page(self.terms.setup):
                yield page
                page = []
        if page:
            yield page

    def _record(self, whole: Row, ask: Read) -> Record:
        names = ask.fields or [one.name for one in ask.collection.fields]
        links: dict[str, Value] = {}
        for endpoint in self.config.endpoints:
            group = group_paths(self.config, endpoint, ask.dataset.key)
            if group is not None and group[0] == ask.collection.name:
                links[group_origin(endpoint)] = together(whole, group[1])
        return Record({name: whole[name] for name in names if name in whole}, links)

    def found(self, endpoint: Endpoint, ask: Read) -> Iterator[Found]:
        """Yield what an endpoint gives, as it comes."""
        identities = self.identities(ask)
        for request in askers(endpoint):
            for each in rounds(request, ask, identities):
                try:
                    yield from self._rounds(endpoint, request, each, identities)
                except Unfit:
                    continue  # no system that is asked this way can hold such a value

    def identities(self, ask: Read) -> dict[str, list[Value]]:
        """Return what is known of who is asked about: what the question says, and what it asks identity fields for."""
        found = {kind: list(values) for kind, values in ask.identities.items()}
        for path, one in declared(ask.collection).items():
            if one.native.identity and ask.matches.get(path):
                held = found.setdefault(one.native.identity, [])
                held += [value for value in ask.matches[path] if value not in held]
        return found

    def _rounds(
        self, endpoint: Endpoint, request: Request, each: Round, identities: Mapping[str, list[Value]]
    ) -> Iterator[Found]:
        filling = self.filling(request, each.values)
        missing = [step.identity for step in request.steps if step.identity and not identities.get(step.identity)]
        if missing:
            raise InvalidInput(
                f"the answers of `{endpoint.name}` are filtered by the identity `{missing[0]}`, which nobody gives",
                at=request.at,
            )
        if request not in endpoint.reads:  # it can be erased but not read: it is known by what it is asked by
            yield Found(dict(each.values))
            return
        if request.path is None:
            yield from self._output(request, filling, {}, each)
            return
        for value in self._answers(endpoint, request, filling):
            for row in rows(value, request.data_path, request.steps, identities):
                if request.output is not None:
                    yield from self._output(request, filling, row, each)
                else:
                    yield Found(row, {name: one for name, one in each.given.items() if name not in row})

    def _output(self, request: Request, filling: Filling, row: Row, each: Round) -> Iterator[Found]:
        """Yield what an output template makes of one record, or of what was asked."""
        template = request.output or Body({}, ())
        values = {**filling.values, **({"row": row, "response": row} if row else {})}
        made = filled(template, Filling(values, filling.trusted, filling.escaped))
        for one in made if isinstance(made, list) else [made]:
            if isinstance(one, dict):
                yield Found(one, {name: value for name, value in each.given.items() if name not in one})

    def _answers(self, endpoint: Endpoint, request: Request, filling: Filling) -> Iterator[Any]:
        """Yield the answers of all pages of a request."""
        name = f"{endpoint.name} read"
        paging = request.paging
        values = {**filling.values, **first(paging, request, filling.values)}
        if paging is not None and isinstance(paging.limit, str):
            values[paging.limit] = self.terms.values.get(paging.limit)
        filling = Filling(values, filling.trusted, filling.escaped)
        made = draft(request, filling)
        for _ in range(MOST_PAGES):
            told = self.caller(request).call(request, made, name=name, mode="ask", gone=self._by_path(request))
            if told.absent:
                return
            yield told.value
            if paging is None:
                return
            held = at_path(told.value, request.data_path) if request.data_path else told.value
            count = len(held) if isinstance(held, list) else int(bool(held))
            moved = following(paging, request, made, Page(told.value, told.headers, count), filling)
            if moved is None:
                return
            made, more = moved
            if more:
                filling = Filling({**filling.values, **more}, filling.trusted, filling.escaped)
                made = draft(request, filling)
        raise Unavailable(f"`{name}`: expected at most {MOST_PAGES} pages, found more")

    def _by_path(self, request: Request) -> bool:
        """Return whether the path names what is asked for, so that there can be no such thing."""
        mine = {param.name for param in request.params if param.identity or param.references}
        return any(hole.name in mine for hole in (request.path.holes if request.path else ()))

    # --- erasing ----------------------------------------------------------------------------------------------------

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Carry out changes, each by itself, in the order given. Raises Halted after the first that took effect."""
        return Changer(self, dataset).erase(batches)

    # --- telling ----------------------------------------------------------------------------------------------------

    def tell(self, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Value]], once: str) -> int:
        """See `Teller`. Raises Untold where the file has no request for such a choice."""
        return choices.tell(self, dataset, choice, identities, once)

    # --- calls ------------------------------------------------------------------------------------------------------

    def endpoint(self, name: str) -> Endpoint:
        found = self.config.endpoint(name)
        if found is None:
            raise InvalidInput(f"the connector's file has no endpoint `{name}`")
        return found

    def filling(self, request: Request, values: Mapping[str, Any], *, once: str = "") -> Filling:
        """Return what the placeholders of a request stand for. `once`: what stands for the request as a whole."""
        said = {param.name: self.terms.values.get(param.connector_param) for param in request.params}
        trusted = {param.name for param in request.params if param.connector_param}
        fresh = digest.sha256(once.encode())[:16] if once else digest.random_bytes(16)
        special = {
            "uuid": str(UUID(bytes=fresh, version=4)),
            "iso_8601_datetime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "privacy_request_id": str(UUID(bytes=fresh, version=4)),
        }
        known = {**special, **{name: value for name, value in said.items() if value is not None}, **values}
        escaped = frozenset(param.name for param in request.params if param.escape)
        return Filling(known, frozenset(trusted | set(special)), escaped)

    def call(self, request: Request, values: Mapping[str, Any], name: str) -> Told:
        """Make a request whose placeholders are connector params."""
        filling = Filling(dict(values), frozenset(values))
        return self.caller(request).call(request, draft(request, filling), name=name)

    def caller(self, request: Request) -> Caller:
        """Return who calls the host of a request."""
        place = request.client or self.config.client
        found = self._callers.get(id(place))
        if found is None:
            identity = Identity(place.auth, self.terms.values, self._exchange, keep=self._keep, now=self._clock.now)
            rates = self.config.rates if place is self.config.client or not place.rates else place.rates
            signs = place.signs or self.config.client.signs
            peer = Peer(self._client, self._bases[id(place)], identity, rates, signs)
            found = self._callers[id(place)] = Caller(peer, self._clock)
        return found

    def _exchange(self, request: Request, terms: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make a request of OAuth2, as nobody."""
        place = request.client or self.config.client
        nobody = Identity(request.client.auth if request.client else None, terms, self._exchange)
        peer = Peer(self._client, self._bases[id(place)], nobody)
        told = Caller(peer, self._clock).call(
            request, draft(request, Filling(dict(terms), frozenset(terms))), name="token_request"
        )
        return told.value if isinstance(told.value, dict) else {}

    def _base(self, place: Place) -> str:
        over = self.terms.override
        if over is not None:
            return over
        said = plain_text(place.host, Filling(self.terms.values, self._trusted))
        if not _HOST.fullmatch(said) or not _is_port(said):
            raise InvalidInput(
                "expected a host, with or without a port, where the connector's file says `host`",
                hint="leave out `https://` and what stands behind the name",
            )
        base = f"{place.protocol}://{said}"
        if place.protocol != "https" and not is_loopback(urlsplit(base).hostname or ""):
            raise InvalidInput("expected the protocol `https`: only this machine may be asked without it")
        return base


def _is_port(host: str) -> bool:
    """Return whether what stands behind a host, if anything does, is the number of a port."""
    _, colon, port = host.rpartition(":")
    return not colon or not port.isdigit() or 0 < int(port) < 65_536


def ask_page(setup: Setup) -> int:
    """Return how many records a page holds at most."""
    return max(1, setup.limits.page)


def _places(config: Config) -> list[Place]:
    """Return every place that requests of a file go to."""
    found = [config.client]
    requests = [config.test, config.protection, *config.opt_in, *config.opt_out]
    for endpoint in config.endpoints:
        requests += [*endpoint.reads, *endpoint.updates, *endpoint.deletes]
    found += [request.client for request in requests if request is not None and request.client is not None]
    for place in list(found):
        exchanges = place.auth.requests if place.auth else ()
        found += [request.client for _, request in exchanges if request.client is not None]
    return found
