"""An open vault: its store, keys and schema, and the clock. What is done with them stands in the other files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import msgspec

from privet.crypto.keys import KeyRing, KeyRow
from privet.errors import NewerData, Refused
from privet.store.port import Clash, Insert, Put, Select, Step, Store, Unit
from privet.vault.audit import Deed
from privet.vault.schema import EMPTY, FIXED, Schema, Table, shape
from privet.vault.sealer import Sealer

A = TypeVar("A")
Clock = Callable[[], int]
ATTEMPTS = 8
KEY_COLUMNS = ("key_id", "purpose", "owner", "version", "suite", "state", "wrapped", "verify", "created")
KEY_FIELDS = ("key_id", "purpose", "owner", "version", "suite", "state", "wrapped", "check", "created")


@dataclass(frozen=True, slots=True)
class Held:
    """A value in memory behind a transient token. `column`: its column's id."""

    column: bytes
    text: str
    until_ms: int


class Subjects(Protocol):
    """The keys of people, kept apart from what they open."""

    def keys(self, subjects: Sequence[bytes]) -> Sequence[bytes]:
        """Return the key of each subject. Raises Gone for one that was erased or never made."""

    def forget(self, subject: bytes) -> None:
        """Destroy a subject's key, durable on return."""


class Vault:
    """One vault. `clock`: UTC milliseconds since 1970."""

    def __init__(self, *, id: bytes, name: str, store: Store, ring: KeyRing, schema: Schema, clock: Clock) -> None:
        self.id = id
        self.name = name
        self.store = store
        self.ring = ring
        self.schema = schema
        self.clock = clock
        self.subjects: Subjects | None = None
        self._sealers: dict[str, Sealer] = {}
        self.plans: dict[str, object] = {}  # what other files of this room made ready, by table
        self._held: dict[str, Held] = {}

    def table(self, name: str) -> Table:
        """Return the table called `name`. Raises UnknownName."""
        return self.schema.table(name)

    def sealer(self, table: Table) -> Sealer:
        """Return the sealer of a table of the schema in force."""
        found = self._sealers.get(table.name)
        if found is None or found.table is not table:
            found = self._sealers[table.name] = Sealer(self.id, table, self.ring, self.schema.suite, self.subject_keys)
        return found

    def refresh(self) -> None:
        """Forget what was derived from keys and schema, after either changed."""
        self._sealers.clear()
        self.plans.clear()

    def forget_subject(self, subject: bytes) -> None:
        """Destroy a subject's key, durable on return. A vault without shreddable columns has none."""
        if self.subjects is not None:
            self.subjects.forget(subject)

    def subject_keys(self, subjects: Sequence[bytes]) -> Sequence[bytes]:
        """Return the keys of subjects, in order. Raises Gone for one that was erased."""
        if self.subjects is None:
            raise Refused("the vault has no store of subject keys")
        return self.subjects.keys(subjects)

    def hold(self, name: str, held: Held) -> None:
        """Keep a transient value in this process's memory; those whose time is over are let go."""
        now = self.clock()
        for old in [key for key, item in self._held.items() if item.until_ms <= now]:
            del self._held[old]
        self._held[name] = held

    def held(self, name: str) -> Held | None:
        """Return the transient value behind a token, None once its time is over."""
        found = self._held.get(name)
        return found if found is not None and found.until_ms > self.clock() else None

    async def write(self, steps: Sequence[Step]) -> None:
        """Carry out a unit of work, durable on return. Raises Clash with nothing done."""
        await self.store.write(Unit(tuple(steps)))

    async def attempt(self, prepare: Callable[[], tuple[A, Sequence[Step]]]) -> A:
        """Prepare from the present state and write, again while others change that state in between.

        `prepare` reads and returns (answer, steps), or raises what the state forbids.
        """
        for _ in range(ATTEMPTS - 1):
            answer, steps = prepare()
            if not steps:
                return answer
            try:
                await self.write(steps)
            except Clash:
                await asyncio.sleep(0)
                continue
            return answer
        answer, steps = prepare()
        await self.write(steps)
        return answer

    async def note(
        self, deed: Deed, *, table: str = "", columns: tuple[str, ...] = (), records: bytes = b"", count: int = 0
    ) -> None:
        """Make the entry of a deed that changes nothing durable: call before anything leaves."""
        await self.write((deed.seen(table, columns, records=records, count=count),))


def create_vault(*, id: bytes, name: str, store: Store, ring: KeyRing, clock: Clock, deed: Deed) -> Vault:
    """Make the tables and first keys of a new, empty vault in `store`."""
    store.define(FIXED)
    store.write_now(Unit((*key_steps(ring.rows()), deed.entry(note="vault made"))))
    return Vault(id=id, name=name, store=store, ring=ring, schema=EMPTY, clock=clock)


def key_steps(rows: Sequence[KeyRow]) -> tuple[Step, ...]:
    """Return the step that stores key rows, over older states of the same keys."""
    cells = [(r.key_id, r.purpose, r.owner, r.version, r.suite, r.state, r.wrapped, r.check, r.created) for r in rows]
    return (Put("keys", KEY_COLUMNS, cells),) if cells else ()


def load_keys(store: Store) -> list[KeyRow]:
    """Return the wrapped keys of the vault in `store`."""
    rows = store.select(Select(table="keys", columns=KEY_COLUMNS))
    return [msgspec.convert(dict(zip(KEY_FIELDS, row, strict=True)), KeyRow) for row in rows]


def load_schema(store: Store) -> Schema:
    """Return the schema in force, EMPTY for a new vault. Raises NewerData where this program cannot read it."""
    rows = store.select(Select(table="schemas", columns=("body",), order=(("version", False),), limit=1))
    if not rows:
        return EMPTY
    try:
        return msgspec.json.decode(rows[0][0], type=Schema)  # type: ignore[arg-type]
    except msgspec.ValidationError:
        raise NewerData("the schema was written by a newer program than this one") from None


def save_schema(schema: Schema, now_ms: int) -> Step:
    """Return the step that stores a schema version."""
    return Insert("schemas", ("version", "body", "created"), ((schema.version, msgspec.json.encode(schema), now_ms),))


def open_vault(*, id: bytes, name: str, store: Store, ring: KeyRing, clock: Clock) -> Vault:
    """Return the vault that `store` holds."""
    store.define(FIXED)
    schema = load_schema(store)
    store.define([shape(table) for table in schema.tables])
    return Vault(id=id, name=name, store=store, ring=ring, schema=schema, clock=clock)
