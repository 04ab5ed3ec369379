"""The ways to a house that is open in this process: the same verbs, checks and permits, without HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import msgspec
import uvloop

from privet import codec, digest
from privet.app.door import Order
from privet.app.remote import body_of
from privet.app.services.export import Stream
from privet.app.services.verb import Caller, call
from privet.app.settings import api_key
from privet.app.wiring import House
from privet.errors import Unauthenticated
from privet.secret import Secret
from privet.vocabulary.access import Purpose

A = TypeVar("A")


class HouseDoor:
    """The way that is awaited. The key is looked up anew for every call, so that revocation acts here, too."""

    def __init__(self, house: House, key: str | Secret[str] | None) -> None:
        found = Secret(key) if isinstance(key, str) else key or api_key(house.settings)
        if found is None:
            raise Unauthenticated("expected an API key", hint="pass `key`, or set PRIVET_API_KEY")
        self._house = house
        self._key = found

    async def call(self, order: Order) -> Any:
        """Return the answer of a verb."""
        assert not isinstance(order.row, Stream)  # streams have a method of their own
        ask = codec.decode(body_of(order.values), order.row.ask, max_keys=order.row.max_keys)
        return await call(self._house, order.row, self._caller(order), ask, key=order.key)

    async def stream(self, order: Order) -> AsyncGenerator[Any, None]:
        """Yield the answers of a stream."""
        assert isinstance(order.row, Stream)  # verbs have a method of their own
        ask = codec.decode(body_of(order.values), order.row.ask)
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(order.row.answer)
        chunks = order.row.run(self._house, self._caller(order), ask)
        try:
            async for lines in chunks:
                self._caller(order)
                for line in lines:
                    yield decoder.decode(line)
        finally:
            await chunks.aclose()

    def _caller(self, order: Order) -> Caller:
        principal = self._house.callers.principal(self._key.reveal(), self._house.clock())
        purpose = Purpose(order.purpose) if order.purpose else None
        return Caller(principal=principal, purpose=purpose, request=digest.random_bytes(16).hex())

    async def close(self) -> None:
        """Nothing to let go of: the house belongs to who opened it."""


class LoopDoor:
    """The way that waits: one event loop of its own, one call at a time.

    From within a running event loop, as in a notebook, the calls run on a second thread.
    """

    def __init__(self, house: House, key: str | Secret[str] | None) -> None:
        self._door = HouseDoor(house, key)
        self._turn = threading.Lock()
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._second: ThreadPoolExecutor | None = None

    def call(self, order: Order) -> Any:
        """Return the answer of a verb."""
        return self._wait(lambda: self._door.call(order))

    def stream(self, order: Order) -> Iterator[Any]:
        """Yield the answers of a stream."""
        answers = self._door.stream(order)
        end = object()

        async def following() -> Any:
            return await anext(answers, end)

        try:
            while (found := self._wait(following)) is not end:
                yield found
        finally:
            self._wait(answers.aclose)

    def close(self) -> None:
        """Close the event loop. Idempotent."""
        with self._turn:
            self._runner.close()
            if self._second is not None:
                self._second.shutdown()

    def _wait(self, make: Callable[[], Coroutine[Any, Any, A]]) -> A:
        with self._turn:
            if not _in_loop():
                return self._runner.run(make())
            self._second = self._second or ThreadPoolExecutor(1, "privet-embedded")
            return self._second.submit(lambda: self._runner.run(make())).result()


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
