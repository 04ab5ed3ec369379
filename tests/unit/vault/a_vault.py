"""A vault on the memory engine with a root key and a clock of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest

from privet.app.wiring import new_ring
from privet.crypto.keystores.local import LocalStore
from privet.policy.decide import decide
from privet.policy.permit import Permit
from privet.policy.roles import BUILT_IN
from privet.secret import Secret
from privet.store.port import ENGINES, Row, Select
from privet.vault import records
from privet.vault import rows as rows_of
from privet.vault.access.lookup import Asking
from privet.vault.log.audit import Deed
from privet.vault.people.subjects import SubjectStore
from privet.vault.reader import read_schema
from privet.vault.sight import View
from privet.vault.upkeep import migrate
from privet.vault.vault import Vault, create_vault
from privet.vocabulary.access import Access, Action, Principal

T = TypeVar("T")
START_MS = 1_800_000_000_000


@dataclass
class Bench:
    """A vault and the few words that tests say to it."""

    vault: Vault
    now: list[int]
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    roles: tuple[str, ...] = ("owner",)
    extra: dict[str, Any] = field(default_factory=dict)

    def deed(self, verb: str = "test") -> Deed:
        return Deed(principal="p1", verb=verb, policy="built-in/1", at_ms=self.now[0])

    def permit(self, action: Action, table: str, *columns: str, role: str = "owner") -> Permit:
        known = self.vault.table(table)
        who = Principal(id="p1", name="test", roles=(role,))
        return decide(BUILT_IN, who, Access(action, table, columns or known.names()), known.collection)

    def apply(self, schema: str, **options: bool) -> Any:
        return migrate.apply(self.vault, read_schema(schema), self.deed("apply"), **options)

    def asking(self, table: str, role: str = "owner") -> Asking:
        """Return what says how a role may read and search a table."""
        return lambda: [self.permit("read", table, role=role), self.permit("search", table, role=role)]

    def insert(self, table: str, *rows: dict[str, Any], partial: bool = False) -> list[rows_of.Written]:
        return self.run(
            records.insert(
                self.vault,
                self.permit("insert", table),
                rows,
                self.deed("insert"),
                partial=partial,
                asking=self.asking(table),
            )
        )

    def get(self, table: str, record: bytes, *, role: str = "owner", redaction: str = "") -> records.Opened | None:
        permit = self.permit("read", table, role=role)
        view = View(self.vault.table(table).names(), redaction)
        found = self.run(records.get(self.vault, permit, [record], view, self.deed("get")))
        return found[0] if found else None


@pytest.fixture
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def bench(loop: asyncio.Runner) -> Bench:
    now = [START_MS]
    keys = LocalStore(Secret(bytes(range(32))))
    store = ENGINES.get("memory").open("")
    ring = new_ring(keys, b"vault-of-a-test!", now[0])
    deed = Deed(principal="p1", verb="make", policy="built-in/1", at_ms=now[0])
    vault = create_vault(id=b"vault-of-a-test!", name="t", store=store, ring=ring, clock=lambda: now[0], deed=deed)
    vault.subjects = subject_keys(vault.id, now[0])
    return Bench(vault, now, loop.run)


def references(vault: Vault) -> list[Row]:
    """Return (token, holder, subject, copy) of every hold on a token, in its row or beside it; copies where kept."""
    rows = vault.store.select(Select(table="tokens", columns=("token", "holder", "subject", "cell", "owner")))
    columns = [column for table in vault.schema.tables for column in table.columns]
    shredding = {column.token_id for column in columns if column.field.keep == "shreddable"}
    own = [(*row[:3], row[3] if row[4] in shredding else None) for row in rows if row[1] is not None]
    return own + vault.store.select(Select(table="refs", columns=("token", "holder", "subject", "cell")))


def subject_keys(vault: bytes, now_ms: int) -> SubjectStore:
    """Return the subject keys of a vault, in memory."""
    engine, root = ENGINES.get("memory"), LocalStore(Secret(bytes(range(32))))
    return SubjectStore.open((engine.open(""), engine.open("")), root, vault, now=now_ms // 1000, made=False)


def schema(*fields: str, subject: str = "self", unique: str = "", ttl: str = "", more: str = "") -> str:
    """Return a dataset of one table `people`; each field is `name: what stands under privet`."""
    lines = [
        "dataset:",
        "  - fides_key: t",
        "    collections:",
        "      - name: people",
        f"        fides_meta: {{privet: {{subject: {subject}{', unique: ' + unique if unique else ''}"
        f"{', ttl: ' + ttl if ttl else ''}}}}}",
        "        fields:",
    ]
    for text in fields:
        name, _, ours = text.partition(":")
        lines += [f"          - name: {name}", f"            fides_meta: {{privet: {{{ours.strip()}}}}}"]
    return "\n".join(lines) + "\n" + more
