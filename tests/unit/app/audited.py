"""A home whose audit tests look at: one vault, its owner, and a loop to run services on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from privet.app import worker
from privet.app.services import principals, records, vaults, verbs
from privet.app.services.verb import Caller, call
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize

SCHEMA = """
dataset:
  - fides_key: t
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: email
            fides_meta: {privet: {type: contact.email, keep: sealed, index: exact, token: stored}}
"""


class Bench:
    """A home with one vault `v`, its owner, and a loop to run services on."""

    def __init__(self, home: Path) -> None:
        settings = Settings(home=home, key_file=home / "root.key")
        key = initialize(settings, now_ms=1_800_000_000_000)
        self.home = home
        self.house = House(load(home))
        self.who = Caller(self.house.callers.principal(key.reveal(), self.house.clock()))
        self.runner = asyncio.Runner()

    def run(self, service: Any, ask: Any, who: Caller | None = None) -> Any:
        return self.runner.run(service(self.house, who or self.who, ask))

    def found(self) -> None:
        """Make the vault `v`."""
        self.run(vaults.create, vaults.CreateAsk(name="v", schema=SCHEMA))
        self.sequence()

    def add(self, *emails: str) -> None:
        rows = [{"email": email} for email in emails]
        self.run(records.insert, records.InsertAsk(vault="v", table="people", records=rows))

    def sequence(self) -> None:
        self.runner.run(worker.sequence(self.house))

    def close(self) -> None:
        self.house.close()
        self.runner.close()

    def hire(self, name: str, *roles: str) -> Caller:
        """Return a new principal."""
        made = self.run(principals.create, principals.CreateAsk(name=name, roles=list(roles)))
        return Caller(self.house.callers.principal(made.key, self.house.clock()))

    def call(self, verb: str, ask: Any, who: Caller | None = None) -> Any:
        """Carry out a verb as a door does."""
        found = next(each for each in verbs() if each.name == verb)
        return self.runner.run(call(self.house, found, who or self.who, ask))
