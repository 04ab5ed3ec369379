"""The ways to a house that is open in this process: the same verbs, checks and permits, without HTTP."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, TypeVar

import msgspec
import uvloop

from privet import codec, digest
from privet.app.door import Order
from privet.app.http.paths import NOBODY
from privet.app.letter import body_of
from privet.app.pieces import Fetched, arriving
from privet.app.services import files
from privet.app.services.files import FileShown
from privet.app.services.stream import Stream
from privet.app.services.verb import Caller, Verb, call
from privet.app.settings import api_key
from privet.app.wiring import House
from privet.errors import Unauthenticated
from privet.secret import Secret
from privet.vault.blobs.files import Download
from privet.vocabulary.access import Principal, Purpose

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
        assert isinstance(order.row, Verb)  # streams and transfers have methods of their own
        ask = codec.decode(body_of(order.values), order.row.ask, max_keys=order.row.max_keys)
        who = self._caller(order, NOBODY if order.row.open else None)
        return await call(self._house, order.row, who, ask, key=order.key)

    async def stream(self, order: Order) -> AsyncGenerator[Any, None]:
        """Yield the answers of a stream, or the pieces of a file."""
        assert isinstance(order.row, Stream)  # verbs and transfers have methods of their own
        ask = codec.decode(body_of(order.values), order.row.ask)
        decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(order.row.answer)
        chunks = order.row.run(self._house, self._caller(order), ask)
        try:
            async for lines in chunks:
                self._principal()
                for line in lines:
                    yield line if order.row.media else decoder.decode(line)
        finally:
            await chunks.aclose()

    async def put(self, order: Order) -> FileShown:
        """Store a file as it arrives."""
        said = {name: value for name, value in order.values.items() if name != "content"}
        who, ask = self._caller(order), codec.decode(body_of(said), files.PutAsk)
        return await files.put(self._house, who, ask, self._held(order, arriving(order.values["content"])))

    async def get(self, order: Order) -> Download:
        """Return a file."""
        ask = codec.decode(body_of(order.values), files.GetAsk)
        found = await files.get(self._house, self._caller(order), ask)
        return Download(found.stored, self._held(order, found.content))

    async def _held(self, order: Order, content: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
        """Yield the pieces as long as the credential holds."""
        async with aclosing(content):
            async for piece in content:
                self._principal()
                yield piece

    def _caller(self, order: Order, principal: Principal | None = None) -> Caller:
        """Return who calls; `principal`: who that is whatever the key says."""
        purpose = Purpose(order.purpose) if order.purpose else None
        who = principal or self._principal()
        still = None if principal else self._principal
        return Caller(principal=who, purpose=purpose, request=digest.random_bytes(16).hex(), still=still)

    def _principal(self) -> Principal:
        return self._house.callers.principal(self._key.reveal(), self._house.clock())

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

    def put(self, order: Order) -> FileShown:
        """Store a file as it arrives."""
        return self._wait(lambda: self._door.put(order))

    def get(self, order: Order) -> Fetched:
        """Return a file."""
        found = self._wait(lambda: self._door.get(order))
        return Fetched(found.stored, self._following(found.content))

    def stream(self, order: Order) -> Iterator[Any]:
        """Yield the answers of a stream."""
        return self._following(self._door.stream(order))

    def _following(self, answers: AsyncGenerator[Any, None]) -> Iterator[Any]:
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
        answers: list[A] = []

        async def answer() -> None:
            # A task that holds its result is formatted whole when the runner puts the handler of Ctrl-C back.
            answers.append(await make())

        with self._turn:
            if not _in_loop():
                self._runner.run(answer())
            else:
                self._second = self._second or ThreadPoolExecutor(1, "privet-embedded")
                self._second.submit(lambda: self._runner.run(answer())).result()
        return answers[0]


def _in_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
