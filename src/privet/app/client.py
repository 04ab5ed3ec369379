"""The Python client: one method for each verb, over HTTP, a Unix socket, or an open house in this process.

`Client` waits, `AsyncClient` is awaited; both have the same methods, made from the rows of the services:
`client.records.insert(vault="shop", table="persons", records=[...])`. Errors are those of `privet.errors`.
`client.files.put(..., content=file)` takes bytes, an open file or anything that yields bytes; `client.files.get(...)`
returns what is known of a file, `.stored`, and its pieces, `.content`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from privet.app.door import AsyncDoor, Door, Order, Row
from privet.app.http.paths import path_names
from privet.app.pieces import Content
from privet.app.remote import AsyncHttpDoor, HttpDoor
from privet.app.services import verbs
from privet.app.services.files import TRANSFERS, Transfer
from privet.app.services.stream import Stream
from privet.app.services.streams import STREAMS
from privet.errors import UnknownName
from privet.secret import Secret


class Noun:
    """The verbs of one noun, as methods."""

    def __init__(self, name: str, rows: Mapping[str, Row], run: Callable[[Order], Any], purpose: str) -> None:
        self._name = name
        for verb, row in rows.items():
            setattr(self, verb, _method(row, run, purpose))

    def __repr__(self) -> str:
        return f"<privet {self._name}>"

    def __getattr__(self, name: str) -> Callable[..., Any]:
        raise AttributeError(f"`{self._name}` has no verb `{name}`")


def _method(row: Row, run: Callable[[Order], Any], purpose: str) -> Callable[..., Any]:
    fields = msgspec.structs.fields(row.ask)
    in_path = path_names(row.path)

    def method(**values: Any) -> Any:
        return run(Order(row, _checked(row, values), purpose=purpose))

    method.__name__ = method.__qualname__ = row.name
    method.__doc__ = f"{row.about}\n\n{row.ask.__doc__ or ''}"
    empty = inspect.Parameter.empty
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=empty if field.required or field.name in in_path else None,
            annotation=field.type,
        )
        for field in fields
    ]
    if _takes_content(row):
        parameters.append(inspect.Parameter("content", inspect.Parameter.KEYWORD_ONLY, annotation=Content))
    method.__signature__ = inspect.Signature(parameters, return_annotation=row.answer)  # type: ignore[attr-defined]  # read by inspect
    return method


def _takes_content(row: Row) -> bool:
    return isinstance(row, Transfer) and not row.gives


def _checked(row: Row, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raise TypeError, as a function would, for names that the verb does not take or lacks."""
    fields = msgspec.structs.fields(row.ask)
    content = {"content"} if _takes_content(row) else set()
    unknown = set(values) - {field.name for field in fields} - content
    if unknown:
        raise TypeError(f"{row.name}() got an unexpected argument `{min(unknown)}`")
    needed = {field.name for field in fields if field.required} | set(path_names(row.path)) | content
    if needed - set(values):
        raise TypeError(f"{row.name}() lacks the argument `{min(needed - set(values))}`")
    return values


class _Nouns:
    """What both clients share: a noun for each word before the dot of a verb's name."""

    _run: Callable[[Order], Any]

    def __init__(self, purpose: str) -> None:
        self._purpose = purpose
        rows: tuple[Row, ...] = (*verbs(), *STREAMS, *TRANSFERS)
        self._rows = {row.name: row for row in rows}
        self._nouns: dict[str, Noun] = {}

    def __getattr__(self, name: str) -> Noun:
        if name.startswith("_"):
            raise AttributeError(name)
        found = self._nouns.get(name)
        if found is None:
            start = f"{name}."
            rows = {key.removeprefix(start): row for key, row in self._rows.items() if key.startswith(start)}
            if not rows:
                raise AttributeError(f"there is no noun `{name}`")
            found = self._nouns[name] = Noun(name, rows, self._run, self._purpose)
        return found

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *(name.partition(".")[0] for name in self._rows)})

    def _order(self, name: str, values: Mapping[str, Any], key: str) -> Order:
        row = self._rows.get(name)
        if row is None:
            raise UnknownName(f"there is no verb `{name}`")
        return Order(row, _checked(row, values), key, self._purpose)


def _way(door: Door | AsyncDoor, order: Order) -> Callable[[Order], Any]:
    """Return what carries out an order of its kind."""
    if isinstance(order.row, Stream):
        return door.stream
    if isinstance(order.row, Transfer):
        return door.get if order.row.gives else door.put
    return door.call


class Client(_Nouns):
    """A client that waits. `url`: `http://…`, `https://…` or `unix:/path/privet.sock`.

    `ca`: a PEM file of the certificates to trust, in place of those of the system; a server's certificate is always
    verified. `deadline_seconds`: after which no further attempt begins. `pause`: waits between attempts. Raises
    Refused for plain HTTP to another machine, which would show the key to the network, and for a bad `ca`.
    """

    def __init__(
        self,
        url: str,
        key: str | Secret[str],
        *,
        purpose: str = "",
        ca: Path | None = None,
        deadline_seconds: float = 30.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(purpose)
        self._door: Door = HttpDoor(url, key, deadline_seconds, pause, ca)

    @classmethod
    def embedded(cls, house: Any, key: str | Secret[str] | None = None, *, purpose: str = "") -> Self:
        """Return a client of an open `House` in this process. `key`: by default that of the local command line.

        The house stays open when the client closes. Raises Unauthenticated if there is no key.
        """
        from privet.app.embedded import LoopDoor

        return cls._of(LoopDoor(house, key), purpose)

    @classmethod
    def _of(cls, door: Door, purpose: str) -> Self:
        made = cls.__new__(cls)
        _Nouns.__init__(made, purpose)
        made._door = door
        return made

    def for_purpose(self, purpose: str) -> Self:
        """Return a client that calls through the same door for another purpose."""
        return self._of(self._door, purpose)

    def call(self, name: str, values: Mapping[str, Any], *, key: str = "") -> Any:
        """Call a verb by name, with an idempotency key of the caller's own."""
        return self._run(self._order(name, values, key))

    def _run(self, order: Order) -> Any:
        return _way(self._door, order)(order)

    def close(self) -> None:
        """Let go of the connections. Idempotent."""
        self._door.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class AsyncClient(_Nouns):
    """A client that is awaited; else as `Client`."""

    def __init__(
        self,
        url: str,
        key: str | Secret[str],
        *,
        purpose: str = "",
        ca: Path | None = None,
        deadline_seconds: float = 30.0,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(purpose)
        self._door: AsyncDoor = AsyncHttpDoor(url, key, deadline_seconds, pause, ca)

    @classmethod
    def embedded(cls, house: Any, key: str | Secret[str] | None = None, *, purpose: str = "") -> Self:
        """Return a client of an open `House`, on the event loop that awaits it."""
        from privet.app.embedded import HouseDoor

        return cls._of(HouseDoor(house, key), purpose)

    @classmethod
    def _of(cls, door: AsyncDoor, purpose: str) -> Self:
        made = cls.__new__(cls)
        _Nouns.__init__(made, purpose)
        made._door = door
        return made

    def for_purpose(self, purpose: str) -> Self:
        """Return a client that calls through the same door for another purpose."""
        return self._of(self._door, purpose)

    async def call(self, name: str, values: Mapping[str, Any], *, key: str = "") -> Any:
        """Call a verb by name, with an idempotency key of the caller's own. A stream's iterator is returned."""
        order = self._order(name, values, key)
        return self._run(order) if isinstance(order.row, Stream) else await self._run(order)

    def _run(self, order: Order) -> Any:
        return _way(self._door, order)(order)

    async def close(self) -> None:
        """Let go of the connections. Idempotent."""
        await self._door.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()
