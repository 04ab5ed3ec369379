"""The request's own key: everything personal of a request is sealed under it, and forgetting it shuts every copy.

The key is random. It lies wrapped, under a key of the caller's ring, in a store of its own whose deleted rows leave no
trace (`Engine.open_forgetful`), so that no copy of the journal holds it. A chunk is bound to its request, its part and
its number: none can be moved, swapped or read as another. Which parts there are is decided in `journal`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from privet import digest
from privet.crypto import seal
from privet.crypto.keys import KeyRing
from privet.crypto.seal import CellKey
from privet.errors import Damaged, Gone
from privet.secret import Secret
from privet.store.port import Cell, Column, Delete, Insert, Select, Shape, Store, Unit
from privet.vocabulary.predicate import Compare, In

KEY_BYTES = 64
KEYS_SHAPES: tuple[Shape, ...] = (
    Shape(
        name="request_keys",
        columns=(Column("request", "text", null=False), Column("wrapped", "blob", null=False)),
        key=("request",),
    ),
)
_WRAP = digest.sha256(b"privet request key 1")[:16]
_ENDED = digest.sha256(b"privet request result 1")[:16]


class RequestKey:
    """One request's key, open. Safe to share between threads."""

    def __init__(self, request: str, key: Secret[bytes]) -> None:
        self.request = request
        self._id = digest.id_bytes(request)
        self._cell = CellKey(0, "siv", key)
        self._key = key
        # Only who holds the key can write a document that claims a type, whatever a system's own values look like.
        self.tag = "$" + self.mac(b"type tag").hex()[:16]

    def __repr__(self) -> str:
        return f"RequestKey({self.request!r})"

    def seal(self, part: str, number: int, body: bytes) -> bytes:
        """Return a chunk sealed for one place: the same body there gives the same cell."""
        return self._cell.seal_one(self._place(part, number), self._id, body)

    def open(self, part: str, number: int, cell: bytes) -> bytes:
        """Return what was sealed. Raises Damaged, WrongKey where it is not of this request and place, or changed."""
        return self._cell.open(self._place(part, number), [self._id], [cell])[0]

    def seal_document(self, part: str, document: object, number: int = 0) -> bytes:
        """Return a document sealed: JSON values, dates, times, Decimal, bytes, UUID, object ids; the rest as text."""
        return self.seal(part, number, self.encode(document))

    def open_document(self, part: str, cell: bytes, number: int = 0) -> Any:
        """Return a document as it was, its types too; tuples come back as lists."""
        return self.decode(self.open(part, number, cell))

    def encode(self, document: object) -> bytes:
        """Return a document as one line of JSON that only this key's `decode` reads."""
        try:
            return json.dumps(document, default=self._typed, separators=(",", ":")).encode()
        except TypeError:  # an object with keys that are no text, which JSON does not know
            return json.dumps(_texts(document), default=self._typed, separators=(",", ":")).encode()

    def decode(self, line: bytes) -> Any:
        """Return what `encode` wrote. Raises Damaged for anything else."""
        try:
            return json.loads(line, object_hook=self._untyped)
        except (ValueError, KeyError, ArithmeticError):
            raise Damaged("expected a document of the journal, found something else") from None

    def mac(self, *parts: bytes) -> bytes:
        """Return 32 bytes that only this request's key makes of `parts`: for idempotency keys and digests of keys."""
        return digest.mac(self._key.reveal(), digest.canonical([b"privet request mac 1", *parts]))

    def secret(self, purpose: str) -> Secret[bytes]:
        """Return 32 bytes of key material for another machine (masking), which is forgotten with the request."""
        return Secret(self.mac(b"derived", purpose.encode()))

    def _place(self, part: str, number: int) -> bytes:
        return digest.sha256(digest.canonical([b"privet request part 1", part.encode(), number.to_bytes(8, "big")]))[
            :16
        ]

    def _typed(self, value: object) -> object:
        for name, (kind, write, _) in _TYPES.items():
            if isinstance(value, kind):
                return {self.tag: name, "is": write(value)}
        if isinstance(value, set | frozenset):
            return {self.tag: "set", "is": sorted(value, key=repr)}
        if type(value).__name__ == "ObjectId":
            return {self.tag: "object_id", "is": str(value)}
        return str(value)

    def _untyped(self, held: dict[str, Any]) -> Any:
        name = held.get(self.tag)
        if name is None:
            return held
        if name == "object_id":
            return _object_id(held["is"])
        return set(held["is"]) if name == "set" else _TYPES[name][2](held["is"])


_TYPES: dict[str, tuple[Any, Callable[[Any], object], Callable[[Any], object]]] = {
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),  # before date, which it is, too
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "seconds": (timedelta, lambda d: [d.days, d.seconds, d.microseconds], lambda parts: timedelta(*parts)),
    "decimal": (Decimal, str, Decimal),
    "uuid": (UUID, str, UUID),
    "bytes": ((bytes, bytearray, memoryview), lambda b: bytes(b).hex(), bytes.fromhex),
}


class Wrapping:
    """Keys under a key of a ring, each bound to its name and to what they are for. Any thread may call."""

    def __init__(self, ring: KeyRing, owner: bytes, context: bytes) -> None:
        """Take a ring that has a `cell` key of `owner`, and what the keys are for: 16 bytes each."""
        self._ring = ring
        self._owner = owner
        self._context = context

    def drawn(self, name: str) -> tuple[RequestKey, bytes]:
        """Return a new key and its wrapped form. `name`: a UUID."""
        key = digest.random_bytes(KEY_BYTES)
        wrapped = self._ring.cell(self._owner).seal_one(self._context, digest.id_bytes(name), key)
        return RequestKey(name, Secret(key)), wrapped

    def opened(self, name: str, wrapped: Cell) -> RequestKey:
        """Return the key in a wrapped form. Raises Damaged, WrongKey where it is not of this name, or changed."""
        assert isinstance(wrapped, bytes)  # as the shapes say
        wrapping = self._ring.cell_by_id(seal.key_id(wrapped))
        return RequestKey(name, Secret(wrapping.open(self._context, [digest.id_bytes(name)], [wrapped])[0]))


Told = Callable[[Sequence[str]], None]


class RequestKeys:
    """The keys of all requests. Any thread may call."""

    def __init__(self, store: Store, ring: KeyRing, owner: bytes, *, told: Told | None = None) -> None:
        """Take a forgetful store of its own and a ring that has a `cell` key of `owner` (16 bytes).

        `told`: writes down durably, outside of every store, which requests are about to be forgotten: a backup that
        is older forgets them, too.
        """
        store.define(KEYS_SHAPES)
        self._told = told
        self.store = store
        self._ring = ring
        self._owner = owner
        self._wrapping = Wrapping(ring, owner, _WRAP)

    def make(self, request: str) -> RequestKey:
        """Draw a request's key, durable on return. Raises Clash where it has one."""
        key, wrapped = self._wrapping.drawn(request)
        self.store.write_now(Unit((Insert("request_keys", ("request", "wrapped"), ((request, wrapped),)),)))
        return key

    def open(self, request: str) -> RequestKey:
        """Return a request's key. Raises Gone once it is forgotten."""
        question = Select(table="request_keys", columns=("wrapped",), where=Compare("request", "=", request))
        rows = self.store.select(question)
        if not rows:
            raise Gone("what was personal in the request is forgotten")
        return self._wrapping.opened(request, rows[0][0])

    def vouch(self, request: str, body: bytes) -> bytes:
        """Return what came of a request behind a seal of the house, which opens once the request's key is forgotten,
        too: nothing personal may be in it."""
        return self._ring.cell(self._owner).seal_one(_ENDED, digest.id_bytes(request), body)

    def vouched(self, request: str, cell: bytes) -> bytes:
        """Return what `vouch` took. Raises Damaged for what is not of this request, or nothing that it returned."""
        key = self._ring.cell_by_id(seal.key_id(cell))
        return key.open(_ENDED, [digest.id_bytes(request)], [cell])[0]

    def forget(self, requests: Sequence[str]) -> None:
        """Destroy keys, durable on return. Idempotent."""
        where = In("request", tuple(requests))
        held = [
            str(row[0]) for row in self.store.select(Select(table="request_keys", columns=("request",), where=where))
        ]
        if held and self._told is not None:
            self._told(held)
        self.store.write_now(Unit((Delete("request_keys", ("request",), [(request,) for request in requests]),)))

    def strays(self, known: Iterable[str]) -> list[str]:
        """Return the requests that have a key and are not `known`: a crash came between the key and the request."""
        rows = self.store.select(Select(table="request_keys", columns=("request",)))
        return sorted({str(row[0]) for row in rows} - set(known))


def _object_id(text: str) -> object:
    try:
        return importlib.import_module("bson.objectid").ObjectId(text)
    except ImportError:  # the driver of the system that it came from is gone: its text is what is left
        return text


def _texts(value: object) -> object:
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(key): _texts(item) for key, item in value.items()}
    return [_texts(item) for item in value] if isinstance(value, list | tuple) else value
