"""The ways from a client to a house: what each of them offers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from privet.app.pieces import Fetched
from privet.app.services.files import Transfer
from privet.app.services.stream import Stream
from privet.app.services.verb import Verb
from privet.vault.blobs.files import Download

Row = Verb | Stream | Transfer


@dataclass(frozen=True, slots=True)
class Order:
    """One call on its way: what is called with which values. `key`: idempotency key, "" for none. Of a transfer that
    takes bytes, `content` is one of the values."""

    row: Row
    values: Mapping[str, Any]
    key: str = ""
    purpose: str = ""


class Door(Protocol):
    """A way to a house that waits."""

    def call(self, order: Order) -> Any:
        """Return the answer. Raises what the verb raises."""

    def stream(self, order: Order) -> Iterator[Any]:
        """Yield the answers."""

    def put(self, order: Order) -> Any:
        """Send the bytes of a transfer; return its answer."""

    def get(self, order: Order) -> Fetched:
        """Return what a transfer gives."""

    def close(self) -> None:
        """Let go of the way. Idempotent."""


class AsyncDoor(Protocol):
    """A way to a house that is awaited."""

    async def call(self, order: Order) -> Any:
        """Return the answer. Raises what the verb raises."""

    def stream(self, order: Order) -> AsyncIterator[Any]:
        """Yield the answers."""

    async def put(self, order: Order) -> Any:
        """Send the bytes of a transfer; return its answer."""

    async def get(self, order: Order) -> Download:
        """Return what a transfer gives."""

    async def close(self) -> None:
        """Let go of the way. Idempotent."""
