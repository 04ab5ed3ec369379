"""Commands run on a real home, for the tests of the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from privet.app.cli.main import cli

CANARY = "4111111111111111"
# Sealed columns: the rules here are those of the command line, not those of erasure by forgetting.
SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: persons
        fides_meta: {privet: {subject: self}}
        fields:
          - name: name
            data_categories: [user.name]
            fides_meta: {privet: {type: person.full_name, keep: sealed, index: [exact]}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact], unique: true, token: stored}}
          - name: note
            fides_meta: {privet: {type: text}}
"""
ANN = {"name": "Ann Example", "email": "ann@example.com"}
BOB = {"name": "Bob Sample", "email": "bob@example.com"}


class Shell:
    """Runs commands on one home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env: dict[str, str | None] = {"PRIVET_HOME": str(home), "PRIVET_URL": None, "PRIVET_API_KEY": None}

    def run(self, *args: str, text: str = "") -> Result:
        return CliRunner().invoke(cli, list(args), input=text, env=self.env, prog_name="privet")

    def ok(self, *args: str, text: str = "") -> str:
        done = self.run(*args, text=text)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *args: str, text: str = "") -> Any:
        line = self.ok(*args, "--json", text=text)
        assert line.count("\n") == 1
        return json.loads(line)


def insert(shop: Shell, *records: dict[str, str]) -> list[dict[str, Any]]:
    text = json.dumps(list(records))
    found = shop.json("records", "insert", "--vault", "shop", "--table", "persons", "--records", "-", text=text)
    return list(found["records"])
