"""Questions over 100,000 records: what index tags decide, what candidates are opened for, and a plain scan."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta

from bench import Row
from privet.app.wiring import new_ring
from privet.crypto.keystores.local import LocalStore
from privet.policy.decide import decide
from privet.policy.roles import BUILT_IN
from privet.secret import Secret
from privet.store.port import ENGINES
from privet.vault import records
from privet.vault.log.audit import Deed
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question
from privet.vault.reader import read_schema
from privet.vault.upkeep import migrate
from privet.vault.vault import Vault, create_vault
from privet.vocabulary.access import Access, Action, Principal

COUNT, BATCH = 100_000, 5_000
FIRST = date(1940, 1, 1)
STATES = ("CA", "NY", "TX", "WA", "OR", "NV", "AZ", "FL")
SCHEMA = """
dataset:
  - fides_key: b
    collections:
      - name: people
        fields:
          - {name: name, fides_meta: {privet: {type: string, keep: sealed, index: [exact, prefix_3]}}}
          - {name: email, fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact, domain]}}}
          - {name: born, fides_meta: {privet: {type: person.dob, keep: sealed, index: [year], leak: equality}}}
          - {name: state, fides_meta: {privet: {type: address.state, index: [exact], leak: equality}}}
          - {name: note, fides_meta: {privet: {type: string, keep: sealed}}}
"""
WHO = Principal(id="bench", name="bench", roles=("owner",))
DEED = Deed(principal="bench", verb="queries.run", policy=BUILT_IN.version, at_ms=1)


def record(at: int) -> dict[str, str]:
    """Return one made-up record: 1,000 share a first syllable, some 1,600 a year of birth, 12,500 a state."""
    return {
        "name": f"{at % 100:02}a Example {at}",
        "email": f"p{at}@{'example.com' if at % 3 else 'example.org'}",
        "born": (FIRST + timedelta(days=at * 7919 % 22_000)).isoformat(),
        "state": STATES[at % len(STATES)],
        "note": f"note {at % 1000}",
    }


def made(path: str) -> Vault:
    """Return a vault on SQLite that holds the records."""
    store, root = ENGINES.get("sqlite").open(path), LocalStore(Secret(bytes(range(32))))
    identity = b"vault-of-a-bench"
    vault = create_vault(
        id=identity, name="b", store=store, ring=new_ring(root, identity, 1), clock=lambda: 1, deed=DEED
    )
    migrate.apply(vault, read_schema(SCHEMA), DEED)
    return vault


def permit(vault: Vault, action: Action) -> Permits:
    """Return the permits of an owner; `read` holds those of `action`."""
    table = vault.table("people")
    found = decide(BUILT_IN, WHO, Access(action, "people", table.names()), table.collection)
    search = decide(BUILT_IN, WHO, Access("search", "people", table.names()), table.collection)
    return Permits(read={"people": found}, search={"people": search})


QUESTIONS = (
    ("one record by index", "SELECT name FROM people WHERE email = 'p77777@example.com'", 1, 200),
    ("1,000 records by index", "SELECT name FROM people WHERE state = 'CA' LIMIT 1000", 1000, 5),
    ("prefix of 1,000 records", "SELECT name FROM people WHERE name LIKE '42a%'", 1000, 5),
    ("a month by the year index", "SELECT name FROM people WHERE born BETWEEN '1970-03-01' AND '1970-03-31'", 0, 5),
    ("count of 8 groups by index", "SELECT state, count(*) FROM people GROUP BY state", COUNT, 5),
    ("sort of 12,500 candidates", "SELECT name FROM people WHERE state = 'CA' ORDER BY born LIMIT 10", 12_500, 2),
    ("scan of every record", "SELECT name FROM people WHERE note = 'note 77' LIMIT 10000", COUNT, 1),
)


async def ask(vault: Vault, permits: Permits, sql: str, times: int) -> float:
    """Return the seconds that one question took, wall clock, best of `times`."""
    best = float("inf")
    for _ in range(times):
        start = time.perf_counter()
        await query.run(vault, read_question(sql, vault.schema), permits, DEED)
        best = min(best, time.perf_counter() - start)
    return best


def rows() -> Iterator[Row]:
    """Yield the seconds of each question, wall clock, with the audit entry's commit; and rows a second of the scan."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        os.chmod(folder, 0o700)
        vault = made(os.path.join(folder, "vault.db"))
        for start in range(0, COUNT, BATCH):
            batch = [record(at) for at in range(start, start + BATCH)]
            runner.run(records.insert(vault, permit(vault, "insert").read["people"], batch, DEED))
        permits = permit(vault, "read")
        for work, sql, touched, times in QUESTIONS:
            seconds = runner.run(ask(vault, permits, sql, times))
            rate = f", {touched / seconds:,.0f} records/s" if touched > 1 else ""
            yield Row(work=f"query: {work}{rate}", ours=round(seconds, 5), peer=None, ratio=None, goal=None)
        vault.store.close()
