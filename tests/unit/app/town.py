"""A home with its privacy centre, and people who come there. Every person is invented."""

from __future__ import annotations

from typing import Any

import msgspec
from staff import Staff
from wire import Answered, World

from privet.app.http.center import make_center
from privet.rights.identity.codes import Claimed, Made

ADA, EVE = "ada@example.com", "eve@example.com"
CODES, PASSES, REQUESTS = "/v1/center/codes", "/v1/center/passes", "/v1/center/requests"


def body(**said: Any) -> bytes:
    return msgspec.json.encode(said)


class Town(Staff):
    """A home and its privacy centre."""

    def open(self) -> None:
        super().open()
        self.center = World(self.house, make_center(self.house))  # type: ignore[arg-type]

    def call(self, method: str, path: str, said: bytes = b"", key: str | None = None, **rest: Any) -> Answered:
        """Return what the centre answers. `key`: a pass."""
        return self.runner.run(self.center.ask(method, path, said, key=key, **rest))

    def make(self, address: str, language: str = "en") -> tuple[str, str]:
        """Return the id and the code that a mail to this address would hold."""

        async def made() -> Made:
            return await self.house.center.make(Claimed("email", address, language))

        found = self.runner.run(made())
        assert found.code is not None
        return found.id, found.code.reveal()

    def enter(self, address: str = ADA, language: str = "en") -> str:
        """Return a pass."""
        id_, code = self.make(address, language)
        told = self.call("POST", PASSES, body(id=id_, code=code))
        assert told.status == 200, told.body
        return str(told.json()["pass"])

    def opened(self, key: str, **said: Any) -> dict[str, Any]:
        told = self.call("POST", REQUESTS, body(**{"kind": "access"} | said), key)
        assert told.status == 201, told.body
        found: dict[str, Any] = told.json()
        return found
