"""Systems that answer us themselves: a service of yours that takes our signed requests at one address.

The protocol. Every request is a `POST` of one JSON object to the setting `url`, with these headers:

- `Privet-Timestamp`: seconds since 1970. Refuse what is older or newer than five minutes.
- `Privet-Signature`: `v1=` and, in hexadecimal, HMAC-SHA256 with the secret `signing_key` of the timestamp, a full
  stop, and the body as it came. Compare in constant time, before you read the body.
- `Idempotency-Key`, of an erasure and of what is told: do once what comes with the same key. Answer the second as you
  did the first, or by 0 changed.

The object has a `verb`:

- `{"verb": "probe"}` is answered by any object: you are there, and the signature is right.
- `{"verb": "describe"}` is answered by `{"collections": [{"name": "people", "fields": [{"name": "email",
  "data_type": "string", "primary_key": false, "fields": []}]}]}`.
- `{"verb": "read", "dataset": …, "collection": "people", "matches": {"email": ["…"]}, "fields": ["email"],
  "limit": 500, "next": ""}` asks for the records of which any field in `matches` holds any of its values. It is
  answered by `{"records": [{…}], "next": "…"}`; `next` is "" on the last page, else it comes back with the question for
  the page after. A dotted name is a field within an object, or within each object of a list.
- `{"verb": "erase", "dataset": …, "collection": "people", "key": {"id": 7}, "values": {"email": null}}` overwrites
  fields of the record that the key finds; `"values": null` deletes it. It is answered by `{"changed": 1}`, or 0 where
  no such record is there (any more).
- `{"verb": "tell", "dataset": …, "kind": "consent", "state": "refused", "key": "newsletter", "uses":
  ["marketing.communications"], "at": "2026-01-31T08:00:00.000Z", "source": "center", "text": "…", "identities":
  {"email": ["…"]}}` says what a person chose: honour it from now on. `kind` is `consent` (`given`, `refused` or
  `withdrawn`, to the notice `key`), `objection` (`given`: use her data no more for the `uses` and all below them;
  `withdrawn`: she objects no more) or `restriction` (`given`: keep her data and use them for nothing; `withdrawn`).
  Of two, the later `at` counts. It is answered by `{"changed": 1}`: how many records it was set on; 0 where you know
  nobody of those identities. Status 404: you have no way to honour it.

Answer with status 200. 401 or 403: the signature is wrong. 409 or 422: the change is refused, and nothing changed. 429
or 503: ask again, after `Retry-After` seconds. We read back after an erasure, by the same `read`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from privet import codec, digest
from privet.connectors.base import Batch, Change, Choice, Connector, Halted, Read, Record, Setup, Untold, Value
from privet.connectors.client import MOST_BYTES, Client, place_of
from privet.connectors.egress import is_loopback
from privet.connectors.profile import Profile
from privet.connectors.rest.call import Caller, Peer
from privet.connectors.rest.changes import demand_declared, once_of
from privet.connectors.rest.draft import Draft
from privet.connectors.rest.inputs import declared, usable
from privet.connectors.rest.template import spelled
from privet.connectors.rest.words import CLOCK, Clock, Request, at_path
from privet.connectors.systems import Setting, System
from privet.errors import InvalidInput, PrivetError, Refused
from privet.vocabulary.dataset import Collection, Dataset, Field, Native

CHUNK = 500
"""Values of one field in one question."""

MOST_PAGES = 10_000
SHORTEST_KEY = 32  # characters: a key that a machine made


class _Field(msgspec.Struct):
    name: str
    data_type: str = ""
    primary_key: bool = False
    fields: list[_Field] = msgspec.field(default_factory=list)


class _Collection(msgspec.Struct):
    name: str
    fields: list[_Field] = msgspec.field(default_factory=list)


class _Described(msgspec.Struct):
    collections: list[_Collection] = msgspec.field(default_factory=list)


class _Page(msgspec.Struct):
    records: list[dict[str, Any]] = msgspec.field(default_factory=list)
    next: str = ""


class _Changed(msgspec.Struct):
    changed: int


class Signer:
    """Signs requests with a key that both sides hold."""

    def __init__(self, key: str, now: Callable[[], float] = time.time) -> None:
        self._key = key.encode()
        self._now = now

    def apply(self, made: Draft) -> Draft:
        stamp = str(int(self._now()))
        signed = digest.mac(self._key, stamp.encode() + b"." + codec.encode(made.body)).hex()
        return made.with_header("privet-timestamp", stamp).with_header("privet-signature", f"v1={signed}")

    def renew(self) -> bool:
        return False


class WebhookConnector:
    """One service. Reads no record but while it answers a question."""

    def __init__(self, setup: Setup, *, clock: Clock = CLOCK) -> None:
        self.setup = setup
        url, key = _url(setup), _key(setup)
        parts = urlsplit(url)
        most = setup.settings.get("response_bytes", MOST_BYTES)
        if isinstance(most, bool) or not isinstance(most, int) or most < 1_000:
            raise InvalidInput("expected `response_bytes` from 1000 on", at=setup.name)
        hosts = frozenset({place_of(url)})
        self._client = Client(hosts, setup.limits, private=setup.private, most_bytes=most)
        self._path = parts.path or "/"
        if parts.query:
            self._path += f"?{parts.query}"
        self._caller = Caller(Peer(self._client, f"{parts.scheme}://{parts.netloc}", Signer(key)), clock)

    def probe(self) -> None:
        """Make sure that the service answers and takes our signature."""
        self._asked({"verb": "probe"}, dict)

    def describe(self) -> Dataset:
        """Return what the service says that it holds."""
        said = self._asked({"verb": "describe"}, _Described)
        collections = (Collection(name=one.name, fields=tuple(map(_field, one.fields))) for one in said.collections)
        return Dataset(key=self.setup.name, collections=tuple(collections))

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the records in pages."""
        fields = declared(ask.collection)
        demand_declared([*ask.matches, *ask.fields], fields, ask.collection.name)
        return self._pages(ask, fields)

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Carry out changes, each by a request of its own, in the order given."""
        done: list[int] = []
        for batch in batches:
            done.append(0)
            try:
                self._check(batch)
                for change in batch.changes:
                    done[-1] += self._change(dataset, batch.collection, change)
            except PrivetError as error:
                if sum(done):
                    raise Halted(done, error) from None
                raise
        return done

    def tell(self, dataset: Dataset, choice: Choice, identities: Mapping[str, Sequence[Value]], once: str) -> int:
        """See `Teller`."""
        said = {
            "verb": "tell",
            "dataset": dataset.key,
            "kind": choice.kind,
            "state": choice.state,
            "key": choice.key,
            "uses": list(choice.uses),
            "at": datetime.fromtimestamp(choice.at_ms / 1000, UTC).isoformat(timespec="milliseconds")[:-6] + "Z",
            "source": choice.source,
            "text": choice.text,
            "identities": {kind: [_plain(value) for value in values] for kind, values in identities.items()},
        }
        try:
            told = self._asked(said, _Changed, "tell", key=once_of(once, 0))
        except InvalidInput as error:
            raise Untold(error.message) from None
        return int(told.changed)

    def close(self) -> None:
        """Let go of the service. Idempotent."""
        self._client.close()

    # --- reading ----------------------------------------------------------------------------------------------------

    def _pages(self, ask: Read, fields: Mapping[str, Field]) -> Iterator[list[Record]]:
        keys = [path for path, one in fields.items() if one.native.primary_key]
        names = list(ask.fields or (one.name for one in ask.collection.fields))
        wanted = list(dict.fromkeys([*names, *(path.partition(".")[0] for path in keys)]))
        seen: set[tuple[str, ...]] = set()
        for matches in _chunks(ask.matches, fields):
            for rows in self._rows(ask, matches, wanted):
                page = []
                for row in rows:
                    held = [at_path(row, tuple(path.split("."))) for path in keys]
                    mark = tuple(map(str, held))
                    if keys and None not in held:
                        if mark in seen:
                            continue
                        seen.add(mark)
                    page.append(Record({name: row[name] for name in names if name in row}))
                if page:
                    yield page

    def _rows(self, ask: Read, matches: Mapping[str, Sequence[Value]], names: list[str]) -> Iterator[list[Any]]:
        limit, after = max(1, self.setup.limits.page), ""
        for _ in range(MOST_PAGES):
            question = {
                "verb": "read",
                "dataset": ask.dataset.key,
                "collection": ask.collection.name,
                "matches": {path: [_plain(value) for value in values] for path, values in matches.items()},
                "fields": names,
                "limit": limit,
                "next": after,
            }
            page = self._asked(question, _Page, f"{ask.collection.name} read")
            for at in range(0, len(page.records), limit):
                yield page.records[at : at + limit]
            if not page.next:
                return
            if page.next == after:
                raise InvalidInput(f"`{ask.collection.name} read`: the page after a page is the page itself")
            after = page.next
        raise InvalidInput(f"`{ask.collection.name} read`: expected at most {MOST_PAGES} pages, found more")

    # --- erasing ----------------------------------------------------------------------------------------------------

    def _check(self, batch: Batch) -> None:
        fields = declared(batch.collection)
        for change in batch.changes:
            if not change.key:
                raise InvalidInput(f"expected a key to find records of `{batch.collection.name}` by")
            demand_declared([*change.key, *(change.values or ())], fields, batch.collection.name)
            if any(fields[path].native.read_only for path in change.values or ()):
                raise Refused(f"a field of `{batch.collection.name}` can only be read")

    def _change(self, dataset: Dataset, collection: Collection, change: Change) -> int:
        fields = declared(collection)
        if any(value is not None and not usable(value, fields[path]) for path, value in change.key.items()):
            return 0
        if any(isinstance(value, str) and _odd(value) for value in change.key.values()):
            return 0
        values = None if change.values is None else {path: _plain(value) for path, value in change.values.items()}
        question = {
            "verb": "erase",
            "dataset": dataset.key,
            "collection": collection.name,
            "key": {path: _plain(value) for path, value in change.key.items()},
            "values": values,
        }
        told = self._asked(question, _Changed, f"{collection.name} erase", key=once_of(change.once, 0))
        return int(told.changed)

    # --- calls ------------------------------------------------------------------------------------------------------

    def _asked(self, question: Mapping[str, Any], shape: type[Any], name: str = "probe", *, key: str = "") -> Any:
        """Return what the service answers. A question changes nothing, so it may be asked again, too."""
        made = Draft(method="POST", path=self._path, body=dict(question))
        if key:
            made = made.with_header("idempotency-key", key)
        told = self._caller.call(Request(method="POST"), made, name=name, mode="again" if key else "ask")
        try:
            return msgspec.convert(told.value, shape)
        except msgspec.ValidationError:
            raise InvalidInput(f"`{name}`: the service does not answer as the protocol says") from None


def open_webhook(setup: Setup) -> Connector:
    """Return a connector for a service."""
    return WebhookConnector(setup)


def _chunks(
    matches: Mapping[str, Sequence[Value]], fields: Mapping[str, Field]
) -> Iterator[Mapping[str, Sequence[Value]]]:
    """Yield a question in parts of at most CHUNK values a field, without values that no field can hold."""
    fit = {
        path: [value for value in dict.fromkeys(filter(_hashable, values)) if _fits(value, fields[path])]
        for path, values in matches.items()
    }
    longest = max(map(len, fit.values()), default=0)
    for at in range(0, longest, CHUNK):
        part = {path: values[at : at + CHUNK] for path, values in fit.items() if values[at : at + CHUNK]}
        if part:
            yield part


def _hashable(value: Value) -> bool:
    return not isinstance(value, list | dict | set | bytearray)


def _fits(value: Value, field: Field) -> bool:
    return usable(value, field) and not (isinstance(value, str) and _odd(value))


def _odd(value: str) -> bool:
    """Return whether text cannot stand in JSON as others read it: NUL, half a surrogate pair."""
    return "\x00" in value or any("\ud800" <= sign <= "\udfff" for sign in value)


def _plain(value: Value) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value if value is None or isinstance(value, bool | int | float | str) else spelled(value)


def _field(said: _Field) -> Field:
    native = Native(data_type=said.data_type, primary_key=said.primary_key)
    return Field(name=said.name, type="string", fields=tuple(map(_field, said.fields)), native=native)


def _url(setup: Setup) -> str:
    said = setup.settings.get("url")
    url = said if isinstance(said, str) else ""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise InvalidInput("expected an address as the setting `url`", at=setup.name) from None
    plain = url.isascii() and url.isprintable() and " " not in url and not parts.fragment and not parts.username
    if parts.scheme not in ("https", "http") or not parts.hostname or not plain or port == 0:
        raise InvalidInput("expected an address that begins with `https://` as the setting `url`", at=setup.name)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise InvalidInput("expected https: only this machine may be asked without it", at=setup.name)
    return url


def _key(setup: Setup) -> str:
    secret = setup.secrets.get("signing_key")
    key = secret.reveal() if secret is not None else ""
    if len(key) < SHORTEST_KEY:
        raise InvalidInput(f"expected the secret `signing_key` of at least {SHORTEST_KEY} characters", at=setup.name)
    return key


PART = System(
    name="webhook",
    title="HTTP webhook",
    settings=(
        Setting(name="url", about="where the service takes our requests: https, or http on this machine"),
        Setting(name="signing_key", about="the key that requests are signed with, 32 characters or more", secret=True),
        Setting(name="response_bytes", about="the longest answer that is read, a page", default=MOST_BYTES),
    ),
    profile=Profile(
        tried="fake",
        against="a service of the tests that keeps the protocol of this file",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="key",
        limits=("that a repeated key does nothing twice is up to the service",),
    ),
    open=open_webhook,
)
