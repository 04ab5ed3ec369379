"""Redis, and what speaks its protocol, by patterns of keys.

Redis has no collections, so the setting `patterns` says which keys each collection of the dataset is, one a line or
with commas between:

    sessions=session:{user_id}:*, profiles=profile:{user_id}, carts=cart:{user_id}

Each key that fits is one record. A placeholder is a field: it holds what stands in the key there, up to the sign that
follows it in the pattern. `*` is anything, which is no field. `{{` and `}}` are braces. Further fields of a record:

    _key     the whole key; declare it as `primary_key`, so that an erasure goes right to the keys it found
    a hash's fields by their names; the members of a string that is a JSON object, nested as they are
    value    any other string; the members of a set, list or sorted set, as an array

A question for placeholders that fill the whole key is one look-up. Any other goes through all keys (SCAN, never KEYS),
and one for a field that is not in the key reads all that fit. A record is a whole key: for a set that holds many
people, declare no identity or reference on `value`, or its erasure takes them all.

An erasure is one transaction (WATCH, MULTI, EXEC). A masked field of a hash is removed if it becomes null. A string
that becomes null is empty, and an empty one reads as null. Times to live stay.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from typing import Any

from privet.connectors import egress
from privet.connectors.base import Batch, Change, Connector, Read, Record, Setup, Value
from privet.connectors.egress import Names
from privet.connectors.match import Edits, Wanted, fields_of, sayable, text, wanted_fields
from privet.connectors.profile import Profile
from privet.connectors.settings import CA, HOST, PASSWORD, TLS, USER, demand_way, encrypted, number, setting
from privet.connectors.systems import Setting, System, _shape
from privet.connectors.systems._keyspace import (
    KEY,
    Pattern,
    body_of,
    content,
    fetch,
    key_bytes,
    key_text,
    pattern,
    record_of,
    shown,
    write,
)
from privet.connectors.systems._sheets import Asked, known_collections
from privet.errors import Conflict, InvalidInput, Refused, TooLarge, Unavailable
from privet.vocabulary.dataset import Collection, Dataset

SCANNED = 1000
TRIES = 5
MOST_KEYS = 100_000

Client = Any
"""A client of redis-py, whose answers depend on how it was made."""


class Redis:
    """One database of Redis as a connector."""

    def __init__(self, setup: Setup, patterns: Mapping[str, Pattern], look_up: Names) -> None:
        self._setup = setup
        self._look_up = look_up
        self._patterns = patterns
        self._made: Client | None = None

    @property
    def _client(self) -> Client:
        if self._made is None:
            self._made = _connected(self._setup, self._look_up)
        return self._made

    def probe(self) -> None:
        """Make sure that the server answers."""
        with _faults():
            self._client.ping()

    def describe(self) -> Dataset:
        """Return the collections of the patterns, by a sample of their keys."""
        found = []
        with _faults():
            for name, keys in self._patterns.items():
                rows = list(islice((row for _, row in self._rows(keys, self._scan(keys.glob({})))), _shape.SAMPLE))
                first = dict.fromkeys((KEY, *keys.names), "")
                fields = _shape.fields(rows or [first], (KEY,))
                found.append(Collection(name=name, fields=fields))
        return Dataset(key=self._setup.name, collections=tuple(found))

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the records that are asked for."""
        known = fields_of(ask.collection)
        wanted = Wanted(ask.collection, ask.matches)
        given = wanted_fields(ask.collection, known, ask.fields)
        keys = self._pattern(ask.collection.name)
        return self._read(keys, wanted, given, self._candidates(keys, ask.matches, wanted))

    def _read(
        self, keys: Pattern, wanted: Wanted, given: Sequence[str], candidates: Iterator[bytes]
    ) -> Iterator[list[Record]]:
        page: list[Record] = []
        seen: set[bytes] = set()  # SCAN may give a key twice
        with _faults():
            for key, row in self._rows(keys, candidates):
                if key in seen or not wanted.holds(row):
                    continue
                seen.add(key)
                page.append(Record({name: shown(row[name]) for name in given if name in row}))
                if len(page) >= self._setup.limits.page:
                    yield page
                    page = []
        if page:
            yield page

    def _candidates(self, keys: Pattern, matches: Mapping[str, Sequence[Value]], wanted: Wanted) -> Iterator[bytes]:
        """Yield the keys that may be asked for: by look-up where the question gives them, else by going through all."""
        if not wanted.paths:
            return
        in_key = {*keys.names, KEY}
        forms = [(path, form) for path in wanted.paths for form in map(text, matches[path]) if form and sayable(form)]
        if wanted.paths == (KEY,) or (keys.one and in_key.issuperset(wanted.paths)):
            found = (form if path == KEY else keys.key({path: form}) for path, form in forms)
            yield from dict.fromkeys(key.encode() for key in found if key is not None)
        elif len(forms) == 1 and forms[0][0] in keys.names and len(wanted.paths) == 1:
            yield from self._scan(keys.glob(dict(forms)))
        else:
            yield from self._scan(keys.glob({}))

    def _scan(self, glob: str) -> Iterator[bytes]:
        yield from self._client.scan_iter(match=glob.encode(), count=SCANNED)

    def _pattern(self, name: str) -> Pattern:
        if name not in self._patterns:
            hint = "add it to the setting `patterns`"
            raise InvalidInput(f"expected a pattern of keys for collection `{name}`, found none", hint=hint)
        return self._patterns[name]

    def _rows(self, keys: Pattern, candidates: Iterable[bytes]) -> Iterator[tuple[bytes, dict[str, Value]]]:
        """Yield the records behind keys; keys of other collections, and those that are gone, are passed over."""
        left = iter(candidates)
        while some := list(islice(left, SCANNED)):
            fitting = [(key, held) for key in some if (held := keys.fields(key_text(key))) is not None]
            with self._client.pipeline(transaction=False) as pipe:
                for key, _ in fitting:
                    pipe.type(key)
                kinds = pipe.execute()
                there = [(key, held, kind) for (key, held), kind in zip(fitting, kinds, strict=True) if kind != b"none"]
                for key, _, kind in there:
                    fetch(pipe, key, kind)
                for (key, held, kind), body in zip(there, pipe.execute(raise_on_error=False), strict=True):
                    if isinstance(body, Exception):
                        if str(body).startswith("WRONGTYPE"):
                            raise Conflict("a key became another kind meanwhile")
                        raise body
                    if body not in (None, {}, [], set()):
                        yield key, record_of(key, held, content(kind, body))

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Carry out changes in one transaction."""
        listed = [_by_text(batch) for batch in known_collections(dataset, batches)]
        edits = Asked(listed).edits
        with _faults():
            found = {name: self._hits(self._pattern(name), one) for name, (one, _) in edits.items()}
            if sum(map(len, found.values())) > MOST_KEYS:
                raise TooLarge(f"expected to erase at most {MOST_KEYS:,} keys at once")
            for _ in range(TRIES):
                asked = Asked(listed)
                if self._carried_out(asked, found):
                    return asked.counts
        raise Conflict("keys were changed again and again meanwhile, so nothing was erased")

    def _hits(self, keys: Pattern, edits: Edits) -> list[bytes]:
        """Return the keys of records that changes may find."""
        direct = [_named(keys, change) for change in edits.changes]
        candidates: Iterable[bytes] = [key for key in direct if key]
        if None in direct:
            candidates = self._scan(keys.glob({}))
        return list(dict.fromkeys(key for key, row in self._rows(keys, candidates) if edits.of(row)))

    def _carried_out(self, asked: Asked, found: Mapping[str, list[bytes]]) -> bool:
        """Carry out changes, or nothing of them and return False where somebody else changed a key meanwhile."""
        from redis.exceptions import WatchError

        watched = [key for keys in found.values() for key in keys]
        if not watched:
            return True
        with self._client.pipeline(transaction=True) as pipe:
            pipe.watch(*watched)
            work = [one for name, keys in found.items() for one in self._work(pipe, asked, name, keys)]
            pipe.multi()
            for key, kind, old, new in work:
                write(pipe, key, kind, old, new)
            try:
                pipe.execute()
            except WatchError:
                return False
        return True

    def _work(
        self, pipe: Client, asked: Asked, name: str, keys: list[bytes]
    ) -> Iterator[tuple[bytes, bytes, Any, Any]]:
        known = self._pattern(name)
        edits = asked.edits[name][0]
        fixed = {KEY, *known.names}
        for key in keys:
            kind = pipe.type(key)
            held = known.fields(key_text(key))
            if kind == b"none" or held is None:
                continue
            raw = fetch(pipe, key, kind)
            body = content(kind, raw)
            record = record_of(key, held, body)
            new, made = edits.apply(record)
            asked.count(name, dict.fromkeys(made, 1))
            for path in sorted(fixed):
                if made and new is not None and new.get(path) != record.get(path):
                    raise Refused(f"field `{path}` of collection `{name}` stands in the key, and is deleted with it")
            if made:
                yield key, kind, raw, None if new is None else body_of(new, body, fixed)

    def close(self) -> None:
        """Let go of the connection."""
        if self._made is not None:
            self._made.close()
            self._made = None


def _named(keys: Pattern, change: Change) -> bytes | None:
    """Return the key that a change names; b"" where there can be none, None where it does not say."""
    if KEY in change.key:
        return key_bytes(text(change.key[KEY]) or "")
    held = {name: form for name in keys.names if (form := text(change.key.get(name))) is not None}
    if len(held) < len(keys.names) or any(name == "*" for _, name in keys.parts):
        return None
    return key_bytes(keys.key(held) or "")


def _by_text(batch: Batch) -> Batch:
    """Return a batch whose changes name keys that are no text as texts, as records are compared here."""
    changes = [
        replace(one, key={**one.key, KEY: key_text(one.key[KEY])}) if isinstance(one.key.get(KEY), bytes) else one
        for one in batch.changes
    ]
    return replace(batch, changes=changes)


def _connected(setup: Setup, look_up: Names) -> Client:
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ModuleNotFoundError:
        hint = "install `privet[redis]`"
        raise Unavailable("expected a driver for `redis`, which is not installed", hint=hint) from None
    host = setting(setup, "host")
    common: dict[str, Any] = {
        "db": int(setting(setup, "database", "0")),
        "username": setting(setup, "user", "") or None,
        "password": setting(setup, "password", "") or None,
        "socket_connect_timeout": setup.limits.connect_seconds,
        "socket_timeout": setup.limits.read_seconds,
        "retry": Retry(NoBackoff(), 1),
    }
    if host.startswith("/"):
        return redis.Redis(unix_socket_path=host, **common)
    usual: Any = redis.Connection
    if encrypted(setup):
        usual = redis.SSLConnection
        common |= {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
        common |= {"ssl_ca_certs": setting(setup, "ca")} if setting(setup, "ca", "") else {}
    common |= {"host": host, "port": number(setup, "port", 6379)}
    made = _pinned(usual, demand_way(setup, host, look_up=look_up))
    return redis.Redis.from_pool(redis.ConnectionPool(connection_class=made, **common))


def _pinned(usual: Any, addresses: Sequence[str]) -> type:
    """Return the driver's kind of connection, which goes to addresses that were judged and looks no name up."""

    class Pinned(usual):  # type: ignore[misc]  # the driver is imported late, so its classes are unknown
        def _connect(self) -> socket.socket:
            plain = egress.connected(addresses, self.port, self.socket_connect_timeout)
            plain.settimeout(self.socket_timeout)
            if not hasattr(self, "_wrap_socket_with_ssl"):
                return plain
            try:
                # The certificate must be of the host's name, which the connection still has.
                return self._wrap_socket_with_ssl(plain)  # type: ignore[no-any-return]
            except OSError:
                plain.close()
                raise

    return Pinned


@contextmanager
def _faults() -> Iterator[None]:
    """Tell what the server answers by its first word: the rest may quote what was sent."""
    try:
        from redis.exceptions import AuthenticationError, RedisError, ResponseError
        from redis.exceptions import ConnectionError as Lost
        from redis.exceptions import TimeoutError as Late
    except ModuleNotFoundError:
        yield
        return
    try:
        yield
    except AuthenticationError:
        raise Refused("the server does not let us in", hint="check user and password") from None
    except (Lost, Late):
        raise Unavailable("the server does not answer") from None
    except ResponseError as error:
        word = str(error).partition(" ")[0]
        raise Refused(f"the server refuses: {word if word.isupper() and word.isalpha() else 'an error'}") from None
    except RedisError as error:
        raise Unavailable(f"the server cannot be talked to: {type(error).__name__}") from None


def open_redis(setup: Setup, look_up: Names = egress.look_up) -> Connector:
    """Open a connector. Raises InvalidInput and Refused for settings that cannot be."""
    host = setting(setup, "host")
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", host) and not (host.startswith("/") and host.isprintable()):
        raise InvalidInput("expected a host, or the path of a socket", at="host")
    if not re.fullmatch(r"[0-9]{1,4}", setting(setup, "database", "0")):
        raise InvalidInput("expected the number of a database", at="database")
    encrypted(setup)
    number(setup, "port", 6379)
    patterns = {}
    for part in filter(str.strip, re.split(r"[,\n]", setting(setup, "patterns"))):
        name, sign, wanted = (word.strip() for word in part.partition("="))
        if not (name and sign and wanted) or name in patterns:
            raise InvalidInput("expected `patterns` as `name=pattern`, each name once", at="patterns")
        patterns[name] = pattern(wanted)
    return Redis(setup, patterns, look_up)


PART = System(
    name="redis",
    title="Redis",
    settings=(
        Setting(name="patterns", about="Which keys each collection is: `name=pattern`, with commas between."),
        HOST,
        Setting(name="port", about="Its port.", default=6379),
        Setting(name="database", about="The number of the database.", default=0),
        replace(USER, default=""),  # without one, the password is of the server's default user
        PASSWORD,
        TLS,
        CA,
    ),
    profile=Profile(
        tried="server",
        against="Redis 7",
        atomic=True,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="transaction",
        docs=(
            "https://redis.io/docs/latest/develop/using-commands/transactions/",
            "https://redis.io/docs/latest/commands/scan/",
        ),
        limits=(
            "a question that does not give the whole key goes through all keys of the database",
            "a placeholder and the key itself cannot be masked: such records are deleted",
            "streams and types of modules are refused; a cluster is reached node by node",
            "copies in replicas, in dumps and in the append-only file last as long as those do",
        ),
    ),
    open=open_redis,
)
