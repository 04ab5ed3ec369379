"""The ways from a client to a house: what each of them offers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from privet.app.services.export import Stream
from privet.app.services.verb import Verb


@dataclass(frozen=True, slots=True)
class Order:
    """One call on its way: what is called with which values. `key`: idempotency key, "" for none."""

    row: Verb | Stream
    values: Mapping[str, Any]
    key: str = ""
    purpose: str = ""


class Door(Protocol):
    """A way to a house that waits."""

    def call(self, order: Order) -> Any:
        """Return the answer. Raises what the verb raises."""

    def stream(self, order: Order) -> Iterator[Any]:
        """Yield the answers."""

    def close(self) -> None:
        """Let go of the way. Idempotent."""


class AsyncDoor(Protocol):
    """A way to a house that is awaited."""

    async def call(self, order: Order) -> Any:
        """Return the answer. Raises what the verb raises."""

    def stream(self, order: Order) -> AsyncIterator[Any]:
        """Yield the answers."""

    async def close(self) -> None:
        """Let go of the way. Idempotent."""
