"""MongoDB, and what speaks its protocol.

Questions and changes are made of operators that stand here; what comes from elsewhere is only ever a single value that
a field is compared with, and never an object, a pattern or code. A path goes through objects and arrays; a mask reaches
every element of an array. Nothing is written to a path that a document does not have.

An array whose elements differ in shape is replaced whole, under the condition that it is what was read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any
from uuid import UUID

from privet.connectors.base import Batch, Connector, Halted, Read, Record, Setup, Value
from privet.connectors.match import Edits, Known, Wanted, fields_of, put, sayable, steps, text, wanted_fields
from privet.connectors.profile import Profile
from privet.connectors.settings import CA, PASSWORD, TLS, USER, demand_way, encrypted, setting
from privet.connectors.systems import Setting, System, _shape
from privet.connectors.systems._sheets import known_collections
from privet.errors import Conflict, InvalidInput, PrivetError, Refused, Unavailable
from privet.vocabulary.dataset import Collection, Dataset, Field

VALUES = 1000  # in one question
CHANGES = 500  # in one call

_NUMBER = re.compile(r"-?[0-9]{1,19}")
_ID = re.compile(r"[0-9a-fA-F]{24}")
_NAME = re.compile(r"(?!system\.)[^$\0]{1,120}")
_HOSTS = re.compile(r"[A-Za-z0-9._:\[\]-]{1,253}(?:, *[A-Za-z0-9._:\[\]-]{1,253}){0,49}")
_KINDS = {11000: "unique", 11001: "unique", 121: "check", 66: "immutable"}

Library = Any
"""Objects of pymongo: documents hold whatever they hold."""


class Mongo:
    """One database as a connector."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._client: Library = None
        self._names: frozenset[str] = frozenset()

    @property
    def _database(self) -> Library:
        if self._client is None:
            self._client = _connected(self._setup)
        return self._client[str(self._setup.settings["database"])]

    def _held(self, collection: Collection) -> Library:
        """Return a collection. Raises InvalidInput where there is none: it would look as if it held nobody."""
        name = collection.name
        if name not in self._names:
            self._names = frozenset(self._database.list_collection_names())
        if name not in self._names or not _NAME.fullmatch(name):
            raise InvalidInput(f"expected a collection `{name}`, which the database does not hold")
        return self._database[name]

    def probe(self) -> None:
        """Make sure that the server answers and lets us in."""
        with _faults():
            self._database.command("ping")
            self._database.list_collection_names(filter={"name": "privet"})

    def describe(self) -> Dataset:
        """Return every collection, by a sample of its documents."""
        found = []
        with _faults():
            for name in sorted(self._database.list_collection_names()):
                if _NAME.fullmatch(name):
                    rows = [_plain(row) for row in self._database[name].find(limit=_shape.SAMPLE)]
                    found.append(Collection(name=name, fields=_shape.fields(rows, ("_id",))))
        return Dataset(key=self._setup.name, collections=tuple(found))

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the records that are asked for."""
        known = fields_of(ask.collection)
        wanted = Wanted(ask.collection, ask.matches)
        given = wanted_fields(ask.collection, known, ask.fields)
        return self._read(ask.collection, _questions(known, ask.matches, wanted), given)

    def _read(
        self, collection: Collection, questions: list[dict[str, Any]], given: Sequence[str]
    ) -> Iterator[list[Record]]:
        page: list[Record] = []
        seen: set[str] = set()
        with _faults():
            for question in questions:
                for document in self._found(collection, question, given):
                    if len(questions) > 1:
                        mark = repr(document["_id"])
                        if mark in seen:
                            continue
                        seen.add(mark)
                    page.append(Record({name: _plain(document[name]) for name in given if name in document}))
                    if len(page) >= self._setup.limits.page:
                        yield page
                        page = []
        if page:
            yield page

    def _found(self, collection: Collection, question: dict[str, Any], tops: Iterable[str]) -> Library:
        limits = self._setup.limits
        cursor = self._held(collection).find(question, dict.fromkeys(("_id", *map(_name, tops)), 1))
        return cursor.batch_size(limits.page).max_time_ms(int(limits.read_seconds * 1000))

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Carry out changes, document by document, in the order of their batches."""
        listed = known_collections(dataset, batches)
        every = [(batch.collection, Edits(batch.collection, batch.changes)) for batch in listed]
        for collection, edits in every:
            _may_be_set(collection, edits)
        done = [0] * len(listed)
        with _faults():
            for number, (collection, edits) in enumerate(every):
                for part in self._work(collection, edits):
                    self._carry_out(collection, part, done, number)
        return done

    def _work(self, collection: Collection, edits: Edits) -> Iterator[list[tuple[int, Any, bool]]]:
        """Yield what to do, some at a time: number of the change, operation, whether it must find something."""
        known = fields_of(collection)
        tops = sorted({path.split(".")[0] for path in (*edits.keys, *edits.sets)})
        left = iter(edits.changes)
        while some := list(islice(left, CHANGES)):
            questions = [question for change in some if (question := _key(known, change.key))]
            if not questions:
                continue
            part = Edits(collection, some)
            work: list[tuple[int, Any, bool]] = []
            for document in self._found(collection, {"$or": questions} if len(questions) > 1 else questions[0], tops):
                work += _operations(document, part)
            if work:
                yield sorted(work, key=lambda one: one[0])

    def _carry_out(self, collection: Collection, work: list[tuple[int, Any, bool]], done: list[int], at: int) -> None:
        from pymongo.errors import BulkWriteError, PyMongoError

        before = sum(done)
        fault: PrivetError
        try:
            answer = self._held(collection).bulk_write([operation for _, operation, _ in work], ordered=True)
            done[at] += answer.modified_count + answer.deleted_count
            if answer.matched_count >= sum(sure for _, _, sure in work):
                return
            fault = Conflict(f"a record of collection `{collection.name}` was changed meanwhile")
        except BulkWriteError as error:
            # Its details quote documents; only numbers are taken from them.
            details: Mapping[str, Any] = error.details
            done[at] += int(details.get("nModified", 0)) + int(details.get("nRemoved", 0))
            codes = [int(one.get("code", 0)) for one in details.get("writeErrors", ())]
            kind = next((f" ({_KINDS[code]})" for code in codes if code in _KINDS), "")
            fault = Refused(f"the database refuses a change to collection `{collection.name}`{kind}")
        except PyMongoError as error:
            # It may have taken some of this call.
            raise Halted(done, _told(error)) from None
        if sum(done) > before or before:
            raise Halted(done, fault)
        raise fault

    def close(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _questions(known: Known, matches: Mapping[str, Sequence[Value]], wanted: Wanted) -> list[dict[str, Any]]:
    """Return filters that together find all that is asked for."""
    found: list[list[dict[str, Any]]] = []
    room = 0
    for path in wanted.paths:
        values = list(dict.fromkeys(_typed(known[path], matches[path])))
        for start in range(0, len(values), VALUES):
            some = values[start : start + VALUES]
            if room < len(some):
                found.append([])
                room = VALUES
            room -= len(some)
            found[-1] += _conditions(path, known[path], some)
    return [{"$or": conditions} if len(conditions) > 1 else conditions[0] for conditions in found]


def _conditions(path: str, field: Field, values: list[Any]) -> list[dict[str, Any]]:
    """Return what a field must be; of a reference to another document, also its id."""
    # INVARIANT: values are single ones, as `_typed` makes them, so that none is an operator or a pattern.
    test = values[0] if len(values) == 1 else {"$in": values}
    name = _name(path)
    ids = field.native.links and field.native.data_type.startswith("object_id")
    return [{name: test}, {f"{name}.$id": test}] if ids else [{name: test}]


def _key(known: Known, key: Mapping[str, Value]) -> dict[str, Any] | None:
    """Return the filter of one change, None where no document can match."""
    parts: list[dict[str, Any]] = []
    for path, value in key.items():
        values = [None] if value is None else list(dict.fromkeys(_typed(known[path], [value])))
        if not values:
            return None
        conditions = _conditions(path, known[path], values)
        parts.append({"$or": conditions} if len(conditions) > 1 else conditions[0])
    return {"$and": parts} if len(parts) > 1 else parts[0]


def _name(path: str) -> str:
    """Return a path as the database takes it. Raises InvalidInput for one that would be an operator."""
    if any(not step or step.startswith("$") or "\0" in step for step in steps(path)):
        raise InvalidInput("expected names of fields, found one that MongoDB would take for something else")
    return path


def _typed(field: Field, values: Iterable[Value]) -> Iterator[Any]:
    """Yield values as documents may hold them; those that cannot be are passed over."""
    word = field.native.data_type.removesuffix("[]")
    for value in values:
        form = text(value)
        if form is not None and sayable(form):
            for kind, make in _MAKERS:
                if word in ("", kind):
                    yield from make(value, form)


def _strings(value: Value, form: str) -> Iterator[Any]:
    yield form
    if isinstance(value, str) and str.__str__(value) != form:
        yield str.__str__(value)
    if isinstance(value, datetime | UUID):
        yield value
    elif len(form) == 36 and form.count("-") == 4:
        try:
            yield UUID(form)
        except ValueError:
            return


def _integers(value: Value, form: str) -> Iterator[Any]:
    if _NUMBER.fullmatch(form) and -(2**63) <= int(form) < 2**63:
        yield int(form)


def _floats(value: Value, form: str) -> Iterator[Any]:
    if re.fullmatch(r"-?[0-9]{1,30}\.[0-9]{1,30}", form):
        from bson import Decimal128

        yield float(form)
        if len(form) < 34:
            yield Decimal128(form)


def _booleans(value: Value, form: str) -> Iterator[Any]:
    if form in ("true", "false") and isinstance(value, bool | str):
        yield form == "true"


def _object_ids(value: Value, form: str) -> Iterator[Any]:
    if _ID.fullmatch(form):
        from bson import ObjectId

        yield ObjectId(form)


_MAKERS = (
    ("string", _strings),
    ("integer", _integers),
    ("float", _integers),
    ("float", _floats),
    ("boolean", _booleans),
    ("object_id", _object_ids),
)


def _may_be_set(collection: Collection, edits: Edits) -> None:
    for path in (*edits.keys, *edits.sets):
        _name(path)
    if "_id" in {path.split(".")[0] for path in edits.sets}:
        raise Refused(f"`_id` of collection `{collection.name}` cannot be changed, only deleted with its document")


def _operations(document: Mapping[str, Any], edits: Edits) -> list[tuple[int, Any, bool]]:
    """Return what makes of a document what changes make of it."""
    from pymongo import DeleteOne, UpdateOne

    new, made = edits.apply(_plain(document))
    where: dict[str, Any] = {"_id": document["_id"]}
    if not made:
        return []
    if new is None:
        return [(made[0], DeleteOne(where), False)]
    sets: dict[str, Any] = {}
    now: Any = document
    for number in made:
        for path, value in (edits.changes[number].values or {}).items():
            for spelled, put_there, guard in _spelled(now, steps(path), _storable(value)):
                sets[spelled.removeprefix(".")] = put_there
                if guard is not None and number == made[0]:
                    where[spelled.removeprefix(".")] = {"$eq": guard}
    return [(made[0], UpdateOne(where, {"$set": sets}), True)] if sets else []


def _spelled(value: Any, along: tuple[str, ...], new: Any) -> list[tuple[str, Any, Any]]:
    """Return what to set below a value: path, new value, and what must be there now if that counts."""
    if isinstance(value, list) and (along or not isinstance(new, list | None)):
        inner = [_spelled(element, along, new) for element in value]
        if all(one == inner[0] and len(one) == 1 and one[0][2] is None for one in inner):
            return [(f".$[]{path}", there, None) for path, there, _ in inner[0]] if inner else []
        return [("", put(value, along, new), value)] if any(inner) else []
    if not along:
        return [("", new, None)]
    if not isinstance(value, Mapping) or along[0] not in value:
        return []
    return [(f".{along[0]}{path}", there, old) for path, there, old in _spelled(value[along[0]], along[1:], new)]


def _storable(value: Value) -> Any:
    """Return a new value as documents hold it. Raises InvalidInput."""
    from bson import Decimal128

    if isinstance(value, Mapping):
        return {str(key): _storable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_storable(inner) for inner in value]
    if type(value).__name__ == "Decimal":
        return Decimal128(value)
    if type(value).__name__ == "date":
        return value.isoformat()
    if isinstance(value, str) and not sayable(value):
        raise InvalidInput("expected text that can be written")
    return value


def _plain(value: Any) -> Any:
    """Return a value as the rest of the house knows it: references as ids, decimals and whole numbers as Python's."""
    kind = type(value).__name__
    if isinstance(value, Mapping):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if kind == "Decimal128":
        return value.to_decimal()
    if kind == "DBRef":
        return value.id
    if kind == "Int64":
        return int(value)
    return str(value) if kind in ("Regex", "Code", "Timestamp", "MinKey", "MaxKey", "DatetimeMS") else value


def _connected(setup: Setup) -> Library:
    try:
        import pymongo
    except ModuleNotFoundError:
        hint = "install `privet[mongo]`"
        raise Unavailable("expected a driver for `mongo`, which is not installed", hint=hint) from None
    # At DEBUG it writes every command and answer into the log.
    if logging.getLogger("pymongo").level < logging.INFO:
        logging.getLogger("pymongo").setLevel(logging.INFO)
    host, user = setting(setup, "host"), setting(setup, "user", "")
    limits = setup.limits
    options: dict[str, Any] = {
        "connectTimeoutMS": int(limits.connect_seconds * 1000),
        "serverSelectionTimeoutMS": int(limits.connect_seconds * 1000),
        "socketTimeoutMS": int(limits.read_seconds * 1000),
        "uuidRepresentation": "standard",
        "datetime_conversion": "DATETIME_AUTO",
        "tz_aware": True,
        "w": "majority",
        "appname": "privet",
        "maxPoolSize": 2,
    }
    if user:
        options |= {"username": user, "password": setting(setup, "password", "")}
        options |= {"authSource": setting(setup, "auth_source", "admin")}
    if setting(setup, "replica_set", ""):
        options["replicaSet"] = setting(setup, "replica_set")
    if encrypted(setup):
        options |= {"tls": True} | ({"tlsCAFile": setting(setup, "ca")} if setting(setup, "ca", "") else {})
    if setup.settings.get("srv"):
        for name, _ in pymongo.uri_parser.parse_uri(f"mongodb+srv://{host}")["nodelist"]:
            demand_way(setup, name)
        return pymongo.MongoClient(f"mongodb+srv://{host}", **options)
    hosts = [one.strip() for one in host.split(",")]
    for one in hosts:
        demand_way(setup, one if one.startswith("/") else _without_port(one))
    return pymongo.MongoClient(hosts, int(setup.settings.get("port", 27017)), **options)


def _without_port(host: str) -> str:
    """Return a host without its port."""
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


@contextmanager
def _faults() -> Iterator[None]:
    """Tell what the server answers by its kind alone: its texts may quote documents."""
    try:
        from bson.errors import BSONError
        from pymongo.errors import PyMongoError
    except ModuleNotFoundError:
        yield
        return
    try:
        yield
    except PyMongoError as error:
        raise _told(error) from None
    except (BSONError, OverflowError):
        raise InvalidInput("expected values that a document can hold") from None


def _told(error: Exception) -> PrivetError:
    from pymongo.errors import (
        ConfigurationError,
        ConnectionFailure,
        ExecutionTimeout,
        InvalidOperation,
        OperationFailure,
    )

    if isinstance(error, ConnectionFailure | ExecutionTimeout | InvalidOperation):
        return Unavailable("the server does not answer in time")
    if isinstance(error, ConfigurationError):
        return InvalidInput("expected settings that the server can be reached by", hint="check `host`, `srv`, `ca`")
    if isinstance(error, OperationFailure):
        if error.code in (13, 18):
            return Refused("the server does not let us in", hint="check user, password and rights")
        return Refused(f"the server refuses: code {error.code}")
    return Unavailable(f"the server cannot be talked to: {type(error).__name__}")


def _open(setup: Setup) -> Connector:
    host = setting(setup, "host")
    if not (_HOSTS.fullmatch(host) or (host.startswith("/") and host.endswith(".sock") and host.isprintable())):
        raise InvalidInput("expected hosts as `a` or `a:27017, b:27017`", at="host")
    if not re.fullmatch(r"[^/\\. \"$*<>:|?\0]{1,63}", setting(setup, "database")):
        raise InvalidInput("expected the name of a database", at="database")
    encrypted(setup)
    return Mongo(setup)


PART = System(
    name="mongo",
    title="MongoDB",
    settings=(
        Setting(name="host", about="The server, or several of a replica set: `a:27017, b:27017`."),
        Setting(name="port", about="Its port.", default=27017),
        Setting(name="database", about="The database."),
        replace(USER, default=""),  # a server may know no users
        PASSWORD,
        Setting(name="auth_source", about="The database that knows the user.", default="admin"),
        Setting(name="replica_set", about="The name of the replica set.", default=""),
        Setting(name="srv", about="Whether `host` is looked up as `mongodb+srv`.", default=False),
        TLS,
        CA,
    ),
    profile=Profile(
        tried="emulation",
        against="nx-27017 0.8",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="nature",
        docs=(
            "https://www.mongodb.com/docs/manual/reference/operator/query/in/",
            "https://www.mongodb.com/docs/manual/reference/operator/update/positional-all/",
            "https://www.mongodb.com/docs/manual/reference/method/db.collection.bulkWrite/",
        ),
        limits=(
            "each document changes at once, several documents one after the other",
            "`_id` cannot be masked: such documents are deleted",
            "values are compared exactly; an identity is found as it is asked for",
            "the driver looks names up once more after their addresses were judged, and goes to the members that a "
            "replica set names: what leads elsewhere is held off by the certificate alone",
        ),
    ),
    open=_open,
)
