"""What deciding costs: a role limited to a few of 100,000 records, the look-up of one person's consent, people whom
flags hold back, and reading under a stored policy of 50 rules against the built-in owner."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import cycle
from pathlib import Path
from typing import Any

import msgspec

from bench import Row, least, most, seconds
from bench.query import BATCH, COUNT, DEED, WHO, permit, record
from privet.app.services import verbs
from privet.app.services.verb import Caller, call
from privet.app.settings import Settings
from privet.app.wiring import House, initialize, new_ring, wall_clock
from privet.crypto.keystores.local import LocalStore
from privet.policy.decide import decide
from privet.policy.permit import Permit
from privet.policy.syntax import Policy, RequireConsent, Role, Rule
from privet.secret import Secret
from privet.store.port import ENGINES, Select
from privet.store.port import Row as Stored
from privet.vault import records
from privet.vault.access import consents, queues
from privet.vault.access.consents import Consent
from privet.vault.access.queues import Place
from privet.vault.listing import page
from privet.vault.people import erasure
from privet.vault.query import answer as query
from privet.vault.query.clearance import Permits
from privet.vault.query.wording import read_question
from privet.vault.reader import read_schema
from privet.vault.sight import View, visible
from privet.vault.upkeep import migrate
from privet.vault.vault import Vault, create_vault
from privet.vocabulary.access import Access, Action, Purpose
from privet.vocabulary.flag import RESTRICTION
from privet.vocabulary.predicate import QUEUE, Compare

SCHEMA = """
dataset:
  - fides_key: b
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - {name: name, fides_meta: {privet: {type: string, keep: sealed}}}
          - {name: email, fides_meta: {privet: {type: contact.email, keep: sealed, index: [exact]}}}
          - {name: born, fides_meta: {privet: {type: person.dob, keep: sealed, index: [year], leak: equality}}}
          - {name: state, fides_meta: {privet: {type: address.state, index: [exact], leak: equality}}}
          - {name: note, fides_meta: {privet: {type: string, keep: sealed}}}
"""
TOKENS = "{type: string, keep: sealed, token: stored}"
QUEUED = 3
RULE = Rule(effect="allow", actions=("read", "update"), where=Compare(QUEUE, "=", "support"))
POLICY = Policy("bench", (Role("owner", "", (RULE,)),))
CONSENTING = 1_000


def made(path: str, runner: asyncio.Runner) -> tuple[Vault, list[bytes]]:
    """Return a vault on SQLite and the ids of its records."""
    store, root = ENGINES.get("sqlite").open(path), LocalStore(Secret(bytes(range(32))))
    identity = b"vault-of-a-bench"
    ring = new_ring(root, identity, 1)
    vault = create_vault(id=identity, name="b", store=store, ring=ring, clock=lambda: 1, deed=DEED)
    consents.keep(vault)
    migrate.apply(vault, read_schema(SCHEMA), DEED)
    ids: list[bytes] = []
    for start in range(0, COUNT, BATCH):
        batch = [record(at) for at in range(start, start + BATCH)]
        ids += [
            item.id for item in runner.run(records.insert(vault, permit(vault, "insert").read["people"], batch, DEED))
        ]
    return vault, ids


def queued(vault: Vault, action: Action) -> Permit:
    """Return what the role may do with the records of its queue."""
    table = vault.table("people")
    access = Access(action, "people", table.names())
    return decide(POLICY, WHO, access, table.collection, queues=queues.held(vault, WHO.id))


def opened_all(vault: Vault) -> Sequence[Stored]:
    """Return the records of the queue as they are found where the store is not told of it: by opening each."""
    table, allowed = vault.table("people"), queued(vault, "read")
    sealer, found = vault.sealer(table), list[Stored]()
    for rows in vault.store.stream(Select(table=table.rows, columns=sealer.physical, order=(("id", True),))):
        sealer.verify(rows)
        found += visible(sealer, allowed, rows, View(table.names()))[0]
    return found


def lists(vault: Vault, ids: Sequence[bytes], runner: asyncio.Runner) -> Iterator[Row]:
    """Yield the rows of a queue of three records."""
    table = vault.table("people")
    for at in range(QUEUED):
        place = Place(queue="support", principal=WHO.id, record=ids[at * 33_333], table=table.id, until_ms=60_000)
        runner.run(queues.put(vault, table, place, DEED))
    view = View(table.names())

    def listed() -> None:
        found, cursor = runner.run(page(vault, queued(vault, "read"), view, DEED, limit=100))
        assert len(found) == QUEUED and not cursor

    spent, all_spent = seconds(listed, 50), seconds(lambda: opened_all(vault), 1)
    work = f"lists a second of a queue of {QUEUED} among {COUNT:,} records; peer: each record is opened"
    yield least(work, 1 / spent, 1 / all_spent, None)


def looks(vault: Vault, ids: Sequence[bytes], runner: asyncio.Runner) -> Iterator[Row]:
    """Yield the rows of consents."""
    table = vault.table("people")
    people = [erasure.subject_of(vault, table, ids[at]) for at in range(CONSENTING)]
    for at, subject in enumerate(people):
        said = Consent(subject=subject, key="news", state="given" if at % 2 else "refused", at_ms=1)
        runner.run(consents.say(vault, said, DEED))
    each = cycle([frozenset((subject,)) for subject in people])

    def one_by_one() -> None:
        for _ in people:
            vault.consented("news", next(each))

    consents.keep(vault)
    first = seconds(one_by_one, 1) / CONSENTING * 1e6
    yield most("microseconds: look up one person's consent in the store", first, None)
    yield most("microseconds: look up one person's consent again", seconds(one_by_one) / CONSENTING * 1e6, 20)
    everybody = frozenset(people)
    taken = seconds(lambda: vault.consented("news", everybody)) / CONSENTING * 1e6
    yield most(f"microseconds a person: look up the consents of {CONSENTING:,} again", taken, 20)


# --- flags ------------------------------------------------------------------------------------------------------

PAGE = 1_000
RESTRICTED = (1, 1_000, 10_000, 50_000)  # of COUNT people
AGREED = Policy(
    "bench/2",
    (Role("owner", "", (Rule(effect="allow", actions=("read", "search")),)),),
    (RequireConsent(key="news", purposes=(Purpose("marketing"),)),),
)
OPEN = replace(AGREED, promises=())


class Marketer:
    """Who states a purpose that needs consent, and the people of a vault."""

    def __init__(self, vault: Vault, ids: Sequence[bytes], runner: asyncio.Runner) -> None:
        self.vault, self.runner, self.table = vault, runner, vault.table("people")
        # Those who are restricted stand among those who are not, wherever a page begins.
        self.people = [erasure.subject_of(vault, self.table, record) for record in ids[:: COUNT // RESTRICTED[-1]]]
        self.who = replace(WHO, purposes=(Purpose("marketing"),))
        self.restricted = 0

    def permit(self, policy: Policy, action: Action = "read") -> Permit:
        access = Access(action, "people", self.table.names(), Purpose("marketing"))
        return decide(policy, self.who, access, self.table.collection, flags=consents.in_force(self.vault))

    def look(self, key: str) -> float:
        """Decide and look each of CONSENTING people up; return the microseconds of one."""
        one_by_one = [frozenset((subject,)) for subject in self.people[:CONSENTING]]

        def work() -> None:
            for subjects in one_by_one:
                self.permit(AGREED)
                self.vault.consented(key, subjects)

        return seconds(work, 1 if key == "news" else 5) / CONSENTING * 1e6

    def page(self) -> None:
        found, _ = self.runner.run(page(self.vault, self.permit(OPEN), View(("name",)), DEED, limit=PAGE))
        assert len(found) == PAGE

    def count(self) -> None:
        permits = Permits(read={"people": self.permit(OPEN)}, search={"people": self.permit(OPEN, "search")})
        question = read_question("SELECT count(*) FROM people", self.vault.schema)
        found = self.runner.run(query.run(self.vault, question, permits, DEED))
        assert found.rows == [[COUNT - self.restricted]]

    def counting(self) -> float:
        """Return the least CPU seconds of a count, which is made in another thread."""
        best = float("inf")
        for _ in range(5):
            start = time.process_time()
            self.count()
            best = min(best, time.process_time() - start)
        return best

    def restrict(self, count: int) -> None:
        async def say(subjects: Sequence[bytes]) -> None:
            said = [Consent(subject=subject, key=RESTRICTION, state="given", at_ms=1) for subject in subjects]
            await asyncio.gather(*(consents.say(self.vault, each, DEED) for each in said))

        for start in range(self.restricted, count, BATCH):
            self.runner.run(say(self.people[start : min(start + BATCH, count)]))
        self.restricted = count


def flags(vault: Vault, ids: Sequence[bytes], runner: asyncio.Runner) -> Iterator[Row]:
    """Yield the rows of a decision with what it has to know of a person, and of pages and counts without some."""
    marketer = Marketer(vault, ids, runner)
    consents.keep(vault)
    marketer.permit(AGREED)
    yield most("microseconds: decide and look up one person's consent in the store", marketer.look("news"), None)
    yield most("microseconds: decide and look up one person's consent again", marketer.look("news"), 20)
    paged, counted = seconds(marketer.page), marketer.counting()
    for count in RESTRICTED:
        marketer.restrict(count)
        held = f"{count:,} restricted"
        taken = min(marketer.look(RESTRICTION) for _ in range(3))
        yield most(f"microseconds: decide and look up one person, {held}", taken, 20)
        taken = seconds(marketer.page) / paged
        yield most(f"times what it takes with none: a page of {PAGE:,} of {COUNT:,} records, {held}", taken, None)
        # With none the store counts the entries of an index; with some it looks each person up.
        taken = marketer.counting()
        row = most(f"milliseconds of all threads: count {COUNT:,} records, {held}", taken * 1e3, None)
        yield {**row, "also": {"with none restricted": round(counted * 1e3, 2)}}


# --- the policy's share -----------------------------------------------------------------------------------------

RULES = 50
COLUMNS = ("name", "email", "born", "state", "note")
CALLS = 200
SHARE = 0.15  # the most that a stored policy may add


def fifty() -> str:
    """Return a policy of 50 rules under which a role sees what an owner sees: five masks of each column, twice."""
    masks = ("masked", "redacted", "plain_text", "masked", "redacted")
    actions = ("read, search, export", "detokenize, export")
    rules = [
        f"allow {action} on people.{column} with redaction = {mask}"
        for action in actions
        for column in COLUMNS
        for mask in masks
    ]
    assert len(rules) == RULES
    return "role reader\n" + "\n".join(rules) + "\n"


def shown(answer: Any) -> Any:
    """Return what an answer shows: all but its cursor, which is each caller's own."""
    return {name: value for name, value in msgspec.to_builtins(answer).items() if name != "next"}


def shared(folder: str, runner: asyncio.Runner) -> Iterator[Row]:
    """Yield the rows of the policy's share. Calls of the two alternate, so that both see the same machine."""
    home = Path(folder) / "home"
    settings = Settings(home=home, key_file=home / "root.key")
    key = initialize(settings, now_ms=wall_clock()).reveal()
    house = House(settings)
    verb = {item.name: item for item in verbs()}
    owner = Caller(house.callers.principal(key, house.clock()))

    def run(name: str, who: Caller, /, **values: object) -> Any:
        return runner.run(call(house, verb[name], who, verb[name].ask(**values)))

    run("vaults.create", owner, name="b", schema=SCHEMA.replace("{type: string, keep: sealed}", TOKENS))
    stored = [
        item
        for start in range(0, CALLS * 10, CALLS)
        for item in run(
            "records.insert", owner, vault="b", table="people", records=[record(start + at) for at in range(CALLS)]
        ).records
    ]
    run("policies.save", owner, vault="b", policy=fifty())
    run("policies.activate", owner, vault="b", version=1)
    made = run("principals.create", owner, name="reader", roles=["reader"])
    reader = Caller(house.callers.principal(made.key, house.clock()))
    ids, tokens = [item.id for item in stored], [item.tokens["name"] for item in stored]
    work: dict[str, tuple[str, list[dict[str, object]]]] = {
        "records.get, one record": ("records.get", [{"table": "people", "id": id} for id in ids[:CALLS]]),
        "records.list, 100 records": ("records.list", [{"table": "people"}] * (CALLS // 10)),
        "tokens.detokenize, one token": ("tokens.detokenize", [{"tokens": [token]} for token in tokens[:CALLS]]),
        "tokens.detokenize, 100 tokens": ("tokens.detokenize", [{"tokens": tokens[:100]}] * (CALLS // 10)),
    }
    for what, (name, asks) in work.items():
        asked = [verb[name].ask(vault="b", **values) for values in asks]
        spent = {"owner": float("inf"), "reader": float("inf")}
        answers: dict[str, list[Any]] = {}

        async def all_of(who: Caller, name: str = name, asked: Sequence[Any] = asked) -> list[Any]:
            return [await call(house, verb[name], who, ask) for ask in asked]

        for _ in range(7):
            for who, caller in (("owner", owner), ("reader", reader)):
                start = time.thread_time()
                answers[who] = runner.run(all_of(caller))
                spent[who] = min(spent[who], time.thread_time() - start)
        assert [shown(item) for item in answers["owner"]] == [shown(item) for item in answers["reader"]]
        added = spent["reader"] / spent["owner"] - 1
        each = {f"microseconds a call, {who}": round(taken / len(asks) * 1e6, 1) for who, taken in spent.items()}
        row = most(f"share that a stored policy of {RULES} rules adds to the built-in owner's: {what}", added, SHARE)
        yield {**row, "also": each}
    house.close()


def rows() -> Iterator[Row]:
    """Yield every row."""
    with tempfile.TemporaryDirectory() as folder, asyncio.Runner() as runner:
        os.chmod(folder, 0o700)
        vault, ids = made(os.path.join(folder, "vault.db"), runner)
        yield from lists(vault, ids, runner)
        yield from looks(vault, ids, runner)
        yield from flags(vault, ids, runner)
        vault.store.close()
        yield from shared(folder, runner)
