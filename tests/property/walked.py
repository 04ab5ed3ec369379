"""A vault behind its HTTP door, in process, and plain copies of its records, beside which the rulebook is read.

One home serves all cases: each brings a policy, a caller, a purpose, a moment and queues. Every value is invented.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
from flagging import some_flags
from rulebook import FIELDS, KEYS, LEGAL, Case, Row, case

from privet import codec, digest
from privet.app.http.routes import make_app
from privet.app.services import consents, queries, records, verbs
from privet.app.services.export import STREAMS, Stream
from privet.app.services.vaults import CreateAsk
from privet.app.services.verb import Caller, Verb, call
from privet.app.settings import Settings, load
from privet.app.wiring import House, initialize
from privet.errors import Unauthenticated
from privet.policy.roles import BUILT_IN
from privet.policy.syntax import Policy, Rule
from privet.store.port import ENGINES, Store
from privet.vault.access import queues
from privet.vault.access.consents import Consent, State, say
from privet.vault.access.queues import Place
from privet.vault.log.audit import Deed
from privet.vault.people.erasure import subject_of
from privet.vault.query import answer as query
from privet.vault.values import show
from privet.vault.vault import Vault
from privet.vocabulary.access import Access, Action, Principal
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import Compare, In, rewritten

PEOPLE, NOTES, ORDERS = "people", "notes", "orders"
STEP_MS = 61_000  # between two calls, so that no minute's cap is met
CONTENT = b"%PDF-1.4 what only some may read"
OWNER = Principal(id="owner", name="owner", roles=("owner",))
INDEXES = {
    **{"name": "exact", "email": "exact, domain", "phone": "exact, area", "ssn": "exact", "pan": "exact"},
    **{"born": "exact, year", "state": "exact", "score": "exact", "tags": "exact", "plan": "exact"},
}
TOKENS = {
    **{"name": "stored", "email": "random", "phone": "record", "born": "record"},
    **{"ssn": "{kind: ff1}", "pan": "{kind: sealed}"},
}


def schema() -> str:
    """Return three tables: people, notes about nobody with the same columns, and orders of people."""

    def field(table: str, name: str, kind: str, labels: Iterable[str]) -> str:
        ours = f"type: '{kind}', keep: sealed, index: [{INDEXES.get(name, '')}], leak: equality"
        if table == PEOPLE:
            ours += ", unique: true" if name == "email" else ""
            ours += f", token: {TOKENS[name]}" if name in TOKENS else ""
        said = f"data_categories: [{', '.join(labels)}], " if labels else ""
        return f"          - {{name: {name}, {said}fides_meta: {{privet: {{{ours}}}}}}}\n"

    def table(name: str, subject: str) -> str:
        head = f"      - name: {name}\n        fides_meta: {{privet: {{subject: {subject}}}}}\n        fields:\n"
        return head + "".join(field(name, f.name, f.type + ("[]" if f.array else ""), f.labels) for f in FIELDS)

    return (
        "dataset:\n  - fides_key: t\n    collections:\n"
        + table(PEOPLE, "self")
        + "          - {name: doc, data_categories: [user.content], fides_meta: {privet: {type: file, keep: sealed}}}\n"
        + table(NOTES, "none")
        + f"      - name: {ORDERS}\n        fides_meta: {{privet: {{subject: via person}}}}\n        fields:\n"
        + "          - {name: person, fides_meta: {privet: {references: people.id}}}\n"
        + field(ORDERS, "total", "decimal", ("user.financial",))
        + field(ORDERS, "plan", "string", ("system.operations",))
    )


class Known:
    """Callers by key, in front of those of the house."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.who: dict[str, Principal] = {"owner": OWNER}

    def principal(self, key: str, now_ms: int) -> Principal:
        if key not in self.who:
            raise Unauthenticated("expected a key of the test")
        return self.who[key]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class Ruled(House):
    """A house in which the test says what policy is in force; vaults are in memory."""

    ruling: Policy = BUILT_IN

    def policy(self, vault: Vault | None = None) -> Policy:
        return self.ruling

    def _open_store(self, path: str) -> Store:
        return ENGINES.get("memory").open("") if path.endswith("vault.db") else super()._open_store(path)


async def exact(house: House, who: Caller, ask: queries.QueryAsk) -> queries.Answered:
    """Answer a question as `queries.run` does, without what it does to counts."""
    vault = house.vault(ask.vault)
    question = queries._read(ask.sql, vault.schema)
    permits = queries._permits(house, vault, who, question)
    return queries._answered(await query.run(vault, question, permits, who.deed("exact", "t", vault.clock())))


EXACT = replace(queries.VERBS[0], name="queries.exact", path="/v1/vaults/{vault}/exact", run=exact)


@dataclass
class Answered:
    """What came back."""

    status: int = 0
    body: bytes = b""

    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    def lines(self) -> list[Any]:
        return [msgspec.json.decode(line) for line in self.body.splitlines()]

    def without_request(self) -> Any:
        return {name: value for name, value in self.json().items() if name != "request"}


class Home:
    """The home: calls to its door, its vault, and the records as they were sent."""

    def __init__(self, home: Path) -> None:
        self.now_ms = 1_800_000_000_000
        self.key = "owner"
        self.purpose: str | None = None
        initialize(Settings(home=home, key_file=home / "root.key"), now_ms=self.now_ms)
        self.house = Ruled(load(home), clock=lambda: self.now_ms)
        self.known = Known(self.house.callers)
        self.house.callers = self.known  # type: ignore[assignment]
        self.runner = asyncio.Runner()
        self.app: Any = None
        self.rows: dict[str, list[Row]] = {PEOPLE: [], NOTES: [], ORDERS: []}
        self.tokens: dict[bytes, Mapping[str, str | None]] = {}
        self.owners: dict[bytes, bytes] = {}  # order → person
        self.flagged: dict[bytes, frozenset[str]] = {}  # person → her flags
        self.said = 0
        self.verbs: tuple[Verb, ...] = (*verbs(), EXACT)
        self.streams: tuple[Stream, ...] = STREAMS

    def close(self) -> None:
        self.house.callers = self.known.real
        self.house.close()
        self.runner.close()

    def offer(self, *changed: Verb | Stream) -> None:
        """Have the door answer some verbs and streams in another way; none: in their own."""
        by_name = {row.name: row for row in changed}
        self.verbs = tuple(by_name.get(verb.name, verb) for verb in (*verbs(), EXACT))  # type: ignore[misc]
        self.streams = tuple(by_name.get(stream.name, stream) for stream in STREAMS)  # type: ignore[misc]
        self.app = None

    @property
    def vault(self) -> Vault:
        return self.house.vault("v")

    # -- calls -----------------------------------------------------------------------------------------------------

    def ask(self, method: str, path: str, body: Any = None, *, key: str = "", raw: bytes = b"") -> Answered:
        """Send a request to a table's or the vault's path, as the caller of the case or as whom `key` is."""
        self.now_ms += STEP_MS
        if self.app is None:
            self.app = make_app(self.house, self.verbs, self.streams)
        sent = raw or (b"" if body is None else msgspec.json.encode(body))
        target, _, query = f"/v1/vaults/v{path}".partition("?")
        lines = [(b"authorization", f"Bearer {key or self.key}".encode())]
        lines += [(b"content-length", b"%d" % len(sent))] if sent else []
        lines += [(b"privet-file-name", b"a.pdf")] if raw else []
        lines += [(b"privet-purpose", self.purpose.encode())] if self.purpose and not key else []
        got = Answered()
        waiting = [sent]

        async def receive() -> dict[str, Any]:
            if waiting:
                return {"type": "http.request", "body": waiting.pop(), "more_body": False}
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            got.status = message.get("status", got.status)
            got.body += message.get("body", b"")

        scope = {
            **{"type": "http", "method": method, "path": target, "raw_path": target.encode()},
            **{"query_string": query.encode(), "headers": lines, "client": ("127.0.0.1", 1), "scheme": "http"},
        }
        self.runner.run(self.app(scope, receive, send))
        return got

    def run(self, name: str, ask: Any) -> Any:
        """Carry out a verb as the owner."""
        verb = next(verb for verb in verbs() if verb.name == name)
        return self.runner.run(call(self.house, verb, Caller(OWNER), ask))

    # -- records ---------------------------------------------------------------------------------------------------

    def fill(self, r: Random) -> None:
        """Make the vault and its records."""
        self.run("vaults.create", CreateAsk(name="v", schema=schema()))
        for at in range(24):
            self.add(PEOPLE, values(r, at))
        for at in range(8):
            self.add(NOTES, values(r, 100 + at))
        for row in self.rows[PEOPLE][::3]:
            self.ask("PUT", f"/tables/people/records/{digest.id_text(row.id)}/files/doc", raw=CONTENT)
        for at in range(10):
            person = self.rows[PEOPLE][at % 6]
            made = {"total": str(r.randint(1, 99)), "plan": r.choice(("free", "paid"))}
            self.add(ORDERS, {**made, "person": digest.id_text(person.id)}, person.consents)
        for at, row in enumerate(self.rows[PEOPLE]):
            agreed = frozenset(key for key in KEYS if r.random() < 0.5)
            for key in agreed:
                said = {"subject": digest.id_text(row.id), "table": PEOPLE, "key": key, "state": "given"}
                self.run("consents.set", consents.SetAsk(vault="v", **said))  # type: ignore[arg-type]
            self.rows[PEOPLE][at] = replace(row, consents=agreed)
        agreed_by = {row.id: row.consents for row in self.rows[PEOPLE]}
        self.rows[ORDERS] = [replace(row, consents=agreed_by[self.owners[row.id]]) for row in self.rows[ORDERS]]

    def add(self, table: str, held: Mapping[str, Any], consents: frozenset[str] | None = None) -> Row:
        [made] = self.run("records.insert", records.InsertAsk(vault="v", table=table, records=[dict(held)])).records
        names = [field.name for field in self.vault.table(table).collection.fields]
        agreed = frozenset() if table == PEOPLE and consents is None else consents
        row = Row(digest.id_bytes(made.id), {name: held.get(name) for name in names}, agreed)
        if held.get("person"):
            self.owners[row.id] = digest.id_bytes(held["person"])
            row = replace(row, flags=self.flagged.get(self.owners[row.id], frozenset()))
        self.rows[table].append(row)
        self.tokens[row.id] = made.tokens
        return row

    def drop(self, table: str, row: Row) -> None:
        """Have a record gone, if it is not yet."""
        flagged = self.flagged
        self.flag({})  # they stop the owner, too
        self.run("records.delete", records.DeleteAsk(vault="v", table=table, ids=[digest.id_text(row.id)]))
        self.flag(flagged)
        self.forget(table, row)

    def forget(self, table: str, row: Row) -> None:
        self.rows[table] = [other for other in self.rows[table] if other.id != row.id]

    def change(self, table: str, row: Row, column: str, value: Any) -> None:
        changed = replace(row, values={**row.values, column: value})
        self.rows[table] = [changed if other.id == row.id else other for other in self.rows[table]]

    def cell(self, table: str, row: Row, column: str, redaction: str) -> Any:
        """Return what a redaction shows of a cell, as JSON."""
        held, known = row.values[column], self.vault.table(table).column(column)
        if held is None:
            text = None
        elif known.field.array:
            text = codec.encode(list(held)).decode()
        elif known.field.reference:
            text = held
        else:
            text = data_type(known.field.type).normalize(held)
        return msgspec.json.decode(codec.encode(show(known, [text], redaction)[0]))

    # -- cases -----------------------------------------------------------------------------------------------------

    def enter(self, seed: int) -> Case:
        """Have the policy, caller, purpose, moment and queues of a case stand; return what the rulebook reads."""
        base, r = case(seed), Random(seed)
        ids = [row.id for row in self.rows[PEOPLE]]
        by_old = {old: ids[at * 3] for at, old in enumerate(sorted(_ids(base)))}
        roles = tuple(
            replace(role, rules=tuple(_fitted(rule, by_old) for rule in role.rules)) for role in base.policy.roles
        )
        policy = Policy(f"t{seed}", (*BUILT_IN.roles, *roles), base.policy.promises)
        who = replace(base.who, id=f"p{seed}", name=f"p{seed}")
        if r.random() < 0.2:
            who = replace(who, purposes=(*who.purposes, LEGAL))
            base = replace(base, access=replace(base.access, purpose=r.choice((LEGAL, base.access.purpose))))
        now = base.now or datetime.fromtimestamp(1_900_000_000, tz=UTC)
        self.now_ms = int(now.timestamp() * 1000)
        self.house.ruling, self.known.who["caller"] = policy, who
        self.key, self.purpose = "caller", base.access.purpose
        standing = {name: r.sample(ids, 3) if name in base.queues else [] for name in ("support", "fraud")}
        for name, held in standing.items():
            for record in held:
                self._put(name, who.id, record)
        among = r.choice((ids, ids[:6]))  # those with orders are the first
        self.flag({person: some_flags(r) for person in r.sample(among, r.choice((0, 2, 3)))})
        return Case(policy, who, base.access, base.table, now, standing, tuple(self.rows[PEOPLE]))

    def flag(self, flags: Mapping[bytes, frozenset[str]]) -> None:
        """Have just some people have flags."""
        table = self.vault.table(PEOPLE)
        for person in self.flagged.keys() | flags.keys():
            before, after = (held.get(person, frozenset()) for held in (self.flagged, flags))
            for key in before ^ after:
                self.said += 1
                state: State = "given" if key in after else "withdrawn"
                subject = subject_of(self.vault, table, person)
                said = Consent(subject=subject, key=key, state=state, at_ms=self.said)
                deed = Deed(principal="owner", verb="flags.set", policy="t", at_ms=self.now_ms)
                self.runner.run(say(self.vault, said, deed))
        self.flagged = dict(flags)
        for name, rows in self.rows.items():
            held = [self.flagged.get(self.owners.get(row.id, row.id), frozenset()) for row in rows]
            self.rows[name] = [replace(row, flags=some) for row, some in zip(rows, held, strict=True)]

    def _put(self, queue: str, principal: str, record: bytes) -> None:
        table = self.vault.table(PEOPLE)
        until = self.now_ms + queues.MOST_TTL_MS
        place = Place(queue=queue, principal=principal, record=record, table=table.id, until_ms=until)
        deed = Deed(principal="owner", verb="queues.put", policy="t", at_ms=self.now_ms)
        self.runner.run(queues.put(self.vault, table, place, deed))

    def of(self, made: Case, table: str, action: Action) -> Case:
        """Return the case of one table and action."""
        collection = self.vault.table(table).collection
        names = tuple(field.name for field in collection.fields)
        access = Access(action, table, names, made.access.purpose)
        return replace(made, access=access, table=collection, rows=tuple(self.rows[table]))


def values(r: Random, at: int) -> dict[str, Any]:
    """Return a record's values, some of them null."""
    made = {
        "name": r.choice(("Ann Example", "Bo Example", "Cy Example")),
        "email": f"p{at}@example.{r.choice(('com', 'org'))}",
        "phone": r.choice(("+12025550141", "+14155550142")),
        "ssn": f"536-90-{4000 + at}",
        "pan": r.choice(("4111111111111111", "5555555555554444")),
        "born": r.choice(("1979-12-31", "1984-06-15", "1990-01-01")),
        "state": r.choice(("CA", "CA", "NY")),
        "score": r.choice((1, 10, 30)),
        "tags": r.choice((["red"], ["red", "blue"], [])),
        "plan": r.choice(("free", "paid")),
    }
    return {name: None if r.random() < 0.1 else value for name, value in made.items()}


def _ids(base: Case) -> set[bytes]:
    return {row.id for row in base.rows}


def _fitted(rule: Rule, by_old: Mapping[bytes, bytes]) -> Rule:
    """Return a rule about the records of this vault, without a budget: those have tests of their own."""

    def change(leaf: Compare | In) -> Compare | In:
        if isinstance(leaf, In) and leaf.target == "id":
            return In(
                "id", tuple(by_old.get(value, value) if isinstance(value, bytes) else value for value in leaf.values)
            )
        return leaf

    where = rewritten(rule.where, change)
    assert where is not None  # no comparison is given up
    return replace(rule, where=where, budget=None)
