"""A home with a vault, its owner, a clock that tests move, and the doors to it. Every value is invented."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path
from typing import Any

from wire import Answered, World

from privet.app.http.paths import NOBODY
from privet.app.http.routes import make_app
from privet.app.identity import assertion
from privet.app.identity.assertion import GRANT
from privet.app.services import credentials, principals, records, sessions, vaults, verbs
from privet.app.services.principals import Created, PrivateKey
from privet.app.services.verb import Caller, call
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.secret import Secret
from privet.vault.log import history

NOW = 1_800_000_000_000
SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: note
            fides_meta: {privet: {type: string, keep: sealed, token: stored}}
"""


class Staff:
    """`now`: the clock. `run`: a verb by name, as the owner or as whom `key` is."""

    def __init__(self, home: Path, *, config: str = "") -> None:
        self.now = NOW
        self.home = home
        self.key = initialize(Settings(home=home, key_file=home / "root.key"), now_ms=NOW).reveal()
        if config:
            with (home / "privet.yaml").open("a", encoding="utf-8") as file:
                file.write(config)
        self.runner = asyncio.Runner()
        self.open()
        for vault in ("v", "w"):
            self.run("vaults.create", vaults.CreateAsk(name=vault, schema=SCHEMA))

    def open(self) -> None:
        self.house = House(load(self.home), clock=lambda: self.now)
        self.world = World(self.house, make_app(self.house))  # type: ignore[arg-type]

    def close(self) -> None:
        self.house.close()
        self.runner.close()

    def reopen(self) -> None:
        self.house.close()
        self.open()

    def run(self, name: str, ask: Any, *, key: str = "") -> Any:
        verb = next(verb for verb in verbs() if verb.name == name)
        return self.runner.run(call(self.house, verb, self.caller(key), ask))

    def caller(self, key: str = "") -> Caller:
        def still() -> Any:
            return self.house.callers.principal(key or self.key, self.now)

        return Caller(still(), still=still)

    def ask(self, method: str, target: str, body: bytes = b"", **rest: Any) -> Answered:
        return self.runner.run(self.world.ask(method, target, body, **{"key": self.key} | rest))

    def status(self, key: str) -> int:
        """Return the status of a bare call by a credential."""
        return self.ask("GET", "/v1/session", key=key).status

    def add(self, name: str, *roles: str, **rest: Any) -> Created:
        made: Created = self.run("principals.create", principals.CreateAsk(name=name, roles=list(roles), **rest))
        return made

    def add_key(self, name: str, **rest: Any) -> credentials.KeyCreated:
        made: credentials.KeyCreated = self.run("credentials.create", credentials.CreateAsk(name=name, **rest))
        return made

    def worker(self, algorithm: str = "ES256", **rest: Any) -> PrivateKey:
        """Return the private key of a new service `worker`, a viewer and tokenizer."""
        made = self.add("worker", "viewer", "tokenizer", credential="key", algorithm=algorithm, **rest)
        assert made.private_key is not None and not made.key
        return made.private_key

    def fill(self, count: int, vault: str = "v") -> None:
        rows = [{"note": f"n{at}"} for at in range(count)]
        self.run("records.insert", records.InsertAsk(vault=vault, table="people", records=rows))

    def notes(self) -> list[dict[str, Any]]:
        """Return what the audit of the house says."""
        found = [entry for batch in history.read(self.house.control, after=0, limit=1000) for entry in batch]
        return [said for entry in found if (said := history.said(entry))]


_numbers = count()


def claims(key: PrivateKey, now_ms: int = NOW, **changes: Any) -> dict[str, Any]:
    """Return the claims of a good assertion; a change to None leaves the claim out."""
    now = now_ms // 1000
    said = {
        "iss": key.principal,
        "sub": key.principal,
        "aud": key.audience,
        "iat": now,
        "exp": now + 60,
        "jti": f"once-{next(_numbers)}",
    }
    return {name: value for name, value in (said | changes).items() if value is not None}


def signed(key: PrivateKey, said: dict[str, Any]) -> str:
    """Return an assertion of these claims."""
    return assertion.sign(said, Secret(key.private_key), key.algorithm, key.key_id)


def exchange(staff: Staff, text: str, **rest: Any) -> sessions.Token:
    """Return the bearer token for an assertion."""
    verb = next(verb for verb in sessions.VERBS if verb.form)
    ask = sessions.ExchangeAsk(grant_type=GRANT, assertion=text, **rest)
    token: sessions.Token = staff.runner.run(call(staff.house, verb, Caller(NOBODY), ask))
    return token
