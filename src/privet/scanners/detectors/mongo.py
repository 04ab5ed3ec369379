"""MongoDB by a sample of its documents: it has no schema, so what is in them is what there is.

Documents are looked at for their shape, whatever is allowed of their values. Keys are shown as names of fields, so an
object whose keys look like values themselves (`{"jane@example.com": …}`) is told as one field that holds anything.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Protocol

from privet.errors import InvalidInput, Unavailable
from privet.scanners.base import Ask, Observed, shown
from privet.scanners.classify import proposals
from privet.scanners.detectors import Detector
from privet.scanners.sample import MOST_VALUES, Samples, capped
from privet.vocabulary.dataset import Collection, Field, Link, Native
from privet.vocabulary.native import field as observed_field

DOCUMENTS = 100  # the oldest and the newest, half each
DEPTH = 12
KEYS = 200  # of one object, over all documents; more are values and not names
_FEW = 10  # documents from which keys that never come twice count as values

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,63}")
_LONG_NUMBER = re.compile(r"[0-9]{4}|[0-9a-f]{12}")
# By name: the classes are pymongo's, which is imported only where a scan needs it.
_WORDS = {
    "str": "string",
    "int": "integer",
    "Int64": "integer",
    "float": "float",
    "Decimal128": "float",
    "bool": "boolean",
    "ObjectId": "object_id",
    "DBRef": "object_id",
    "datetime": "string",
    "Timestamp": "string",
    "DatetimeMS": "string",
    "UUID": "string",
    "Regex": "string",
    "Code": "string",
}
"""Class of a value → the manifest's word; others (bytes, keys of the protocol) have none."""


class Documents(Protocol):
    """What is needed of one collection of pymongo."""

    def find(self, *, sort: list[tuple[str, int]], limit: int) -> Iterable[Mapping[str, Any]]:
        """Give documents."""


class Database(Protocol):
    """What is needed of one database of pymongo."""

    def list_collection_names(self, *, filter: Mapping[str, Any]) -> list[str]:
        """Return the names of collections."""

    def __getitem__(self, name: str) -> Documents: ...


@dataclass(slots=True)
class _Shape:
    """What one key holds, over all documents. `seen`: how often it was there."""

    seen: int = 0
    words: set[str] = field(default_factory=set)
    in_array: bool = False
    nullable: bool = False
    objects: int = 0
    inner: dict[str, _Shape] = field(default_factory=dict)
    links: dict[str, None] = field(default_factory=dict)
    values: list[object] = field(default_factory=list)


def scan(ask: Ask) -> Iterator[Observed]:
    """Yield every collection, by name."""
    try:
        import pymongo
        from pymongo.errors import ConfigurationError, InvalidURI, PyMongoError
    except ModuleNotFoundError:
        hint = "install `privet[mongo]`"
        raise Unavailable("expected a driver for `mongodb`, which is not installed", hint=hint) from None
    if ask.schemas:
        raise InvalidInput("a MongoDB database has no schemas", at="--schema")
    try:
        client: Any = pymongo.MongoClient(ask.dsn.reveal(), serverSelectionTimeoutMS=5000, appname="privet")
        database = client.get_default_database()
    except (ConfigurationError, InvalidURI, ValueError):
        raise InvalidInput("expected a DSN as `mongodb://user:password@host/database`") from None
    try:
        with client, _unlogged():
            yield from observe(database, ask)
    except PyMongoError:
        hint = "check host, port, user and password, and that the server lets this machine in"
        raise Unavailable(f"the database `{shown(ask.dsn)}` does not answer or does not let us in", hint=hint) from None


def observe(database: Database, ask: Ask) -> Iterator[Observed]:
    """Yield the collections of a database, by name."""
    kinds = ["collection", "timeseries", "view"] if ask.views else ["collection", "timeseries"]
    key = ask.dataset("", "")
    names = database.list_collection_names(filter={"type": {"$in": kinds}})
    for name in sorted(names):
        if not name.startswith("system.") and f"{key}.{name}" not in ask.done:
            yield _observed(name, database[name], key, ask)


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep what this thread reads out of the log: at level DEBUG pymongo writes every answer of the server there."""
    here = threading.get_ident()
    logger = logging.getLogger("pymongo.command")

    def others(record: logging.LogRecord) -> bool:
        return record.thread != here

    logger.addFilter(others)
    try:
        yield
    finally:
        logger.removeFilter(others)


def _observed(name: str, documents: Documents, key: str, ask: Ask) -> Observed:
    half = DOCUMENTS // 2
    # By the index that every collection has. In a small collection the halves meet, so each document counts once.
    found = {
        str(document.get("_id")): document
        for document in chain(
            documents.find(sort=[("_id", 1)], limit=half), documents.find(sort=[("_id", -1)], limit=half)
        )
    }
    root = _Shape()
    for document in found.values():
        _take(root, document, 0, min(ask.samples, MOST_VALUES))
    fields = _fields(root, key, root=True)
    collection = Collection(name=name, fields=fields)
    samples = dict(_samples(root, "", ask.samples)) if ask.samples else {}
    note = f"of {len(found)} documents" if found else "it is empty"
    if len(fields) < len(root.inner):
        note += f", {len(root.inner) - len(fields)} keys left out, which look like values"
    return Observed(dataset=key, collection=collection, proposals=proposals(collection, samples), notes=(note,))


def _take(shape: _Shape, value: Any, depth: int, most: int) -> None:
    """Add one value to what is known of its key."""
    if value is None:
        shape.nullable = True
    elif isinstance(value, Mapping):
        _take_object(shape, value, depth, most)
    elif isinstance(value, list | tuple):
        shape.in_array = True
        for element in value[:KEYS]:
            _take(shape, element, depth, most)
    else:
        kind = type(value).__name__
        shape.words.add(_WORDS.get(kind, ""))
        if kind == "DBRef":
            shape.links[value.collection] = None
        elif len(shape.values) < most:
            shape.values.append(value)


def _take_object(shape: _Shape, value: Mapping[str, Any], depth: int, most: int) -> None:
    shape.words.add("object")
    shape.objects += 1
    if depth >= DEPTH:
        return
    for key, inside in value.items():
        if key not in shape.inner and len(shape.inner) > KEYS:
            break  # one more than allowed is kept, to be known by
        inner = shape.inner.setdefault(key, _Shape())
        inner.seen += 1
        _take(inner, inside, depth + 1, most)


def _named(shape: _Shape, *, root: bool = False) -> dict[str, _Shape]:
    """Return the keys of an object that are names of fields, and not values themselves.

    Of documents as a whole, those that are; of an object within, all or none.
    """
    names = shape.inner
    fit = {name for name in names if _NAME.fullmatch(name) and not _LONG_NUMBER.search(name)}
    often = {name for name in names if names[name].seen > 1}
    if len(names) > KEYS or (shape.objects >= _FEW and 2 * len(often) + 1 < len(names)):
        fit &= often if root else set()
    if not root and len(fit) < len(names):
        return {}
    return {name: inner for name, inner in names.items() if name in fit}


def _fields(shape: _Shape, key: str, *, root: bool = False) -> tuple[Field, ...]:
    return tuple(_field(name, inner, shape, key) for name, inner in _named(shape, root=root).items())


def _field(name: str, shape: _Shape, around: _Shape, key: str) -> Field:
    word = _word(shape.words)
    held = Native(
        data_type=f"{word}[]" if shape.in_array and word else word,
        # That no document lacks it today proves nothing.
        nullable=True if shape.nullable or shape.seen < around.objects else None,
        primary_key=name == "_id" and around.seen == 0,
        links=tuple(Link(key, f"{collection}._id", "to") for collection in shape.links),
    )
    inner = _fields(shape, key) if word == "object" else ()
    return observed_field(name, held, fields=inner)


def _word(words: set[str]) -> str:
    """Return the one word for all values of a key, "" where they have no common one."""
    if words == {"integer", "float"}:
        return "float"
    return next(iter(words)) if len(words) == 1 else ""


def _samples(shape: _Shape, prefix: str, most: int) -> Iterator[tuple[str, Samples]]:
    for name, inner in _named(shape, root=not prefix).items():
        yield f"{prefix}{name}", capped(inner.values, most)
        yield from _samples(inner, f"{prefix}{name}.", most)


PART = Detector(
    name="mongo",
    about="A MongoDB database, by its documents.",
    schemes=("mongodb",),
    scan=scan,
    whole=False,
)
