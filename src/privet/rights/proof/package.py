"""The package of an access request: one JSON text, streamed out of the sealed spool. Who may have it is decided above.

    {"request": "…", "systems": {"shop": {"customers": [{"bond": "own", "values": {…}}, …], …}, …}}

Dates, times, decimals, UUIDs and object ids are texts as ISO 8601 and their libraries write them; bytes are base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import date, time
from typing import Any

from privet.errors import NotFound
from privet.rights.journal import Journal
from privet.rights.sealed import RequestKey
from privet.rights.work.course import PACKAGE
from privet.rights.work.spool import stored


def package(journal: Journal, id_: str) -> Iterator[bytes]:
    """Yield the package of a request, in bounded memory.

    Raises NotFound where there is none (yet), Gone once it is forgotten, Damaged where it is not whole.
    """
    journal.get(id_)
    key = journal.keys.open(id_)
    return _stream(journal, key, held_parts(journal, key))


def held_parts(journal: Journal, key: RequestKey) -> Mapping[str, Any]:
    cell = journal.queue.notes(key.request).get(PACKAGE)
    if cell is None:
        raise NotFound("the request has no package", hint="an access that is complete or partial has one")
    found: Mapping[str, Any] = key.open_document(PACKAGE, cell)
    return found


def entries(journal: Journal, id_: str) -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """Return the records of a package one by one: dataset, collection, bond, and values that JSON knows.

    Raises as `package` does, before the first.
    """
    journal.get(id_)
    key = journal.keys.open(id_)
    held = held_parts(journal, key)
    return (
        (dataset, collection, bond, dict(_sayable(plain(values))))  # type: ignore[call-overload]  # of a mapping, one
        for dataset, collection in held["parts"]
        for bond, values in records(journal, key, held, f"{dataset}.{collection}")
    )


def records(journal: Journal, key: RequestKey, held: Mapping[str, Any], address: str) -> Iterator[tuple[str, Any]]:
    """Yield (bond, values) of each record of a collection; of one that came again, what came last."""
    part = f"records:{address}"
    chunks = held["chunks"].get(part, 0)
    again = set(held["again"].get(address, ()))
    last: dict[int, int] = {}
    if again:
        for place, (number, _, _) in enumerate(stored(journal.queue, key, part, chunks)):
            if number in again:
                last[number] = place
    for place, (number, bond, values) in enumerate(stored(journal.queue, key, part, chunks)):
        if last.get(number, place) == place:
            yield bond, values


def _stream(journal: Journal, key: RequestKey, held: Mapping[str, Any]) -> Iterator[bytes]:
    yield b'{"request":' + _text(key.request) + b',"systems":{'
    systems: dict[str, list[str]] = {}
    for dataset, collection in held["parts"]:
        systems.setdefault(dataset, []).append(collection)
    for place, (dataset, collections) in enumerate(systems.items()):
        yield (b"," if place else b"") + _text(dataset) + b":{"
        for at, collection in enumerate(collections):
            yield (b"," if at else b"") + _text(collection) + b":["
            comma = b""
            for bond, values in records(journal, key, held, f"{dataset}.{collection}"):
                yield comma + _text({"bond": bond, "values": values})
                comma = b","
            yield b"]"
        yield b"}"
    yield b"}}\n"


def _text(value: object) -> bytes:
    return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


def _sayable(value: object) -> object:
    """Return a plain value as UTF-8 can say it: half of a surrogate pair as its number."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_sayable(name): _sayable(item) for name, item in value.items()}
    return [_sayable(item) for item in value] if isinstance(value, list) else value


def plain(value: object) -> object:
    """Return a value as JSON knows it."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float) and value - value != 0:
        return str(value)  # not a number, or infinite: JSON has none
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return value.isoformat() if isinstance(value, date | time) else str(value)
