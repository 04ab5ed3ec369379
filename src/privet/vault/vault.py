"""An open vault: its store, keys and schema, and the clock. What is done with them stands in the other files."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from privet import digest
from privet.crypto.keys import KeyRing, KeyRow
from privet.errors import Conflict, Damaged, LimitExceeded, NewerData, PrivetError, Refused
from privet.policy.permit import Permit
from privet.store.port import Clash, Expect, Insert, Put, Select, Step, Store, Unit
from privet.vault.access.budgets import Meter, Refusal, Seen
from privet.vault.access.budgets import log as guard_log
from privet.vault.access.honey import Honey
from privet.vault.log.audit import Deed
from privet.vault.people.ledger import Ledger
from privet.vault.people.subjects import SubjectStore
from privet.vault.schema import EMPTY, FIXED, Compound, Schema, Table, Unique
from privet.vault.sealer import Consented, Sealer
from privet.vocabulary.predicate import In

A = TypeVar("A")
Clock = Callable[[], int]
ATTEMPTS = 8
MOST_HELD = 100_000  # transient values at a time
LIMIT_ALERT, HONEY_ALERT = "alert.limit", "alert.honey"  # verbs of entries that ask for a look
KEY_COLUMNS = ("key_id", "purpose", "owner", "version", "suite", "state", "wrapped", "verify", "created")
KEY_FIELDS = ("key_id", "purpose", "owner", "version", "suite", "state", "wrapped", "check", "created")


@dataclass(frozen=True, slots=True)
class Held:
    """A value in memory behind a transient token. `column`: its column's id. `subject`: whose it is."""

    column: bytes
    text: str
    until_ms: int
    subject: bytes | None = None


class Vault:
    """One vault. `clock`: UTC milliseconds since 1970."""

    def __init__(self, *, id: bytes, name: str, store: Store, ring: KeyRing, schema: Schema, clock: Clock) -> None:
        self.id = id
        self.name = name
        self.store = store
        self.ring = ring
        self.schema = schema
        self.clock = clock
        self.subjects: SubjectStore | None = None
        self.ledger: Ledger | None = None
        self.consents: Consented | None = None
        self._sealers: dict[str, Sealer] = {}
        self.plans: dict[str, object] = {}  # what other files of this room made ready, by table
        self.meter = Meter(store, clock, Vouching(ring, id, "spent budget"))
        self.honey = Honey(store, ring, id)
        self.kept: dict[str, object] = {}  # what files of `access` remember for as long as the vault is open
        self._held: dict[str, Held] = {}
        self._maintained = threading.Lock()
        self._reads: set[asyncio.Event] = set()
        self._writing = 0
        self._gate: asyncio.Event | None = None
        self._idle: asyncio.Event | None = None

    def close(self) -> None:
        """Let go of every file. Idempotent."""
        self.store.close()
        if self.subjects is not None:
            self.subjects.close()
        if self.ledger is not None:
            self.ledger.close()

    def table(self, name: str) -> Table:
        """Return the table called `name`. Raises UnknownName."""
        return self.schema.table(name)

    def demand_current(self, table: Table) -> None:
        """Raise Conflict unless `table` is of the schema in force: for calls that wait before they write."""
        if not any(known is table for known in self.schema.tables):
            raise _schema_changed()

    def sealer(self, table: Table) -> Sealer:
        """Return the sealer of a table of the schema in force."""
        found = self._sealers.get(table.name)
        if found is None or found.table is not table:
            found = self._sealers[table.name] = Sealer(self.id, table, self.ring, self.schema.suite, self.subject_keys)
            found.consented = self.consented
        return found

    def consented(self, key: str, subjects: Set[bytes]) -> Set[bytes] | None:
        """Return those of `subjects` who consented to `key`, None where the vault keeps no consents: nobody can say."""
        return None if self.consents is None else self.consents(key, subjects)

    def spend_lookups(self, permit: Permit, table: Table, texts: Mapping[str, Sequence[str | None]]) -> None:
        """Have values that are about to be written count as looked up where they must be unique. Raises LimitExceeded.

        `texts`: canonical ones by column, one a record.
        """
        if not table.uniques:
            return
        seen = Seen(table, permit)
        for name in {name for unique in table.uniques for name in unique.columns}.intersection(texts):
            rules = [sight.rule for sight in permit.columns.get(name, ())]
            seen.asks(table.column(name), rules, len(texts[name]) - texts[name].count(None))
        refusal = self.meter.spend(permit.principal, permit.purpose, (seen,))
        if refusal is not None:
            deed = Deed(principal=permit.principal, verb="", policy=permit.policy, at_ms=self.clock())
            self.write_now(self._alerts(deed, refusal))
            raise refusal.error

    def refresh(self) -> None:
        """Forget what was derived from keys and schema, after either changed."""
        self._sealers.clear()
        self.plans.clear()

    # --- subject keys ---------------------------------------------------------------------------------------------

    def demand_subjects(self) -> SubjectStore:
        """Return the store of subject keys. Raises Refused where the vault was opened without one."""
        if self.subjects is None:
            raise Refused("the vault has no store of subject keys")
        return self.subjects

    def subject_keys(self, subjects: Sequence[bytes]) -> Sequence[bytes]:
        """Return the keys of subjects, in order. Raises Gone for one that was erased."""
        return self.demand_subjects().keys(subjects, now_ms=self.clock())

    def draw_subjects(self, subjects: Iterable[bytes | None]) -> None:
        """Have a key for each subject before something is sealed for her; the write makes new ones durable first.

        Raises Gone for a subject that was erased.
        """
        self.demand_subjects().draw([subject for subject in subjects if subject is not None], self.erased)

    def erased(self, subjects: Sequence[bytes]) -> set[bytes]:
        """Return those of `subjects` whose erasure has begun."""
        question = Select(table="erasures", columns=("subject",), where=In("subject", tuple(subjects)))
        return {row[0] for row in self.store.select(question)}  # type: ignore[misc]  # a blob, as the shape says

    def unerased(self, subjects: Iterable[bytes | None]) -> Iterator[Step]:
        """Yield the expectation that the erasure of none of `subjects` has begun when the unit is carried out."""
        known = tuple(dict.fromkeys(subject for subject in subjects if subject is not None))
        if known:
            yield Expect("erasures", In("subject", known), False)

    def keep_keys(self, rows: Sequence[KeyRow], schema: Schema | None = None) -> tuple[Step, ...]:
        """Return the step that stores key rows; tag keys of shreddable columns are stored apart at once.

        `schema`: the one that says which columns those are; by default the one in force.
        """
        if self.subjects is None:
            return key_steps(rows)
        apart = forgettable(schema or self.schema)
        moved = [row for row in rows if row.purpose in ("index", "unique") and row.owner in apart]
        self.subjects.put_tag_keys(moved)
        away = {row.key_id for row in moved}
        return key_steps([replace(row, wrapped=b"") if row.key_id in away else row for row in rows])

    def trim_keys(self) -> None:
        """Destroy the tag keys, and older wrappings of them, that the vault's durable key rows no longer need."""
        if self.subjects is not None:
            self.subjects.trim_tag_keys(self.ring.rows())

    @contextmanager
    def maintenance(self, what: str) -> Iterator[None]:
        """Keep changes of keys and backups apart. Raises Conflict where one is under way."""
        if not self._maintained.acquire(blocking=False):
            raise Conflict(f"a {what} cannot begin while keys are changed or copied", hint="try again later")
        try:
            yield
        finally:
            self._maintained.release()

    # --- transient values -----------------------------------------------------------------------------------------

    def hold(self, name: str, held: Held) -> None:
        """Keep a transient value in this process's memory; those whose time is over are let go.

        Raises LimitExceeded while MOST_HELD others are kept.
        """
        now = self.clock()
        # INVARIANT: all are held equally long, so the first to end stand in front.
        while self._held and self._held[first := next(iter(self._held))].until_ms <= now:
            del self._held[first]
        if len(self._held) >= MOST_HELD:
            raise LimitExceeded(f"{MOST_HELD:,} transient values are held already", hint="try again in some minutes")
        self._held[name] = held

    def held(self, name: str) -> Held | None:
        """Return the transient value behind a token, None once its time is over."""
        found = self._held.get(name)
        return found if found is not None and found.until_ms > self.clock() else None

    def let_go(self, subject: bytes) -> None:
        """Let the transient values of a subject go."""
        for name in [name for name, item in self._held.items() if item.subject == subject]:
            del self._held[name]

    # --- writing --------------------------------------------------------------------------------------------------

    async def write(self, steps: Sequence[Step]) -> None:
        """Carry out a unit of work, durable on return. Raises Clash with nothing done.

        Subject keys that were drawn for it are durable before it.
        """
        if self.subjects is None:
            await self._write(steps)
            return
        held = self.subjects.hold()
        unwritten = False
        try:
            if held:
                await self.subjects.settle(held)
            await self._write(steps)
        except Clash:
            unwritten = True
            raise
        except asyncio.CancelledError:
            held = ()  # the unit may still be carried out, so its keys stay held as long as this process lives
            raise
        finally:
            self.subjects.release(held, unwritten=unwritten)

    async def _write(self, steps: Sequence[Step]) -> None:
        """Carry out a unit, which also keeps what was spent of long budgets."""
        spent = self.meter.take()
        if not spent:
            await self.store.write(Unit(tuple(steps)))
            return
        try:
            await self.store.write(Unit((*steps, *self.meter.steps(spent))))
        except Clash:
            self.meter.give_back(spent)
            raise

    def write_now(self, steps: Sequence[Step]) -> None:
        """`write` for a caller without an event loop."""
        if self.subjects is None:
            self.store.write_now(Unit(tuple(steps)))
            return
        held = self.subjects.hold()
        try:
            self.subjects.settle_now(held)
            self.store.write_now(Unit(tuple(steps)))
        finally:
            self.subjects.release(held, unwritten=False)

    async def attempt(self, prepare: Callable[[], tuple[A, Sequence[Step]]]) -> A:
        """Prepare from the present state and write, again while others change that state in between.

        `prepare` reads and returns (answer, steps), or raises what the state forbids. Raises Conflict if the schema
        that the caller knows was changed before the steps could be made.
        """
        known = self.schema
        for left in reversed(range(ATTEMPTS)):
            while self._gate is not None:
                await self._gate.wait()
            if self.schema is not known:
                raise _schema_changed()
            self._writing += 1
            try:
                answer, steps = self._prepared(prepare)
                if steps:
                    await self.write(steps)
                return answer
            except Clash:
                if not left:
                    raise
            finally:
                self._writing -= 1
                if self._idle is not None and not self._writing:
                    self._idle.set()
            await asyncio.sleep(0)
        raise AssertionError("the last attempt returns or raises")

    def _prepared(self, prepare: Callable[[], tuple[A, Sequence[Step]]]) -> tuple[A, Sequence[Step]]:
        try:
            return prepare()
        except PrivetError:
            if self.subjects is not None:
                self.subjects.release(self.subjects.hold(), unwritten=True)
            raise

    @asynccontextmanager
    async def pause(self) -> AsyncIterator[None]:
        """Hold new attempts back and wait for those under way: for a change that every writer must see."""
        while self._gate is not None:
            await self._gate.wait()
        gate = self._gate = asyncio.Event()
        try:
            if self._writing:
                self._idle = asyncio.Event()
                await self._idle.wait()
            yield
        finally:
            self._idle = None
            self._gate = None
            gate.set()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Mark a read that goes on while others run: the keys that it began with live until it ends."""
        done = asyncio.Event()
        self._reads.add(done)
        try:
            yield
        finally:
            self._reads.discard(done)
            done.set()

    async def readers_gone(self) -> None:
        """Wait for the reads that are under way now."""
        for done in tuple(self._reads):
            await done.wait()

    async def note(
        self,
        deed: Deed,
        *,
        table: str = "",
        columns: tuple[str, ...] = (),
        records: bytes = b"",
        count: int = 0,
        seen: Sequence[Seen] = (),
    ) -> None:
        """Make the entry of a deed that changes nothing durable: call before anything leaves.

        `seen`: what it is about to tell. Raises LimitExceeded as `admit` does.
        """
        await self.disclose(deed, (deed.seen(table, columns, records=records, count=count),), seen)

    async def disclose(self, deed: Deed, entries: Sequence[Step], seen: Sequence[Seen]) -> None:
        """Spend budgets for what is about to leave, then make its entries durable, and the alert of a honey record."""
        await self.admit(deed, seen)
        alerts: tuple[Step, ...] = ()
        if any(self.honey.hits(each.shown) for each in seen):
            guard_log.warning("a honey record was shown: request %s of %s", deed.request or "-", deed.principal)
            alerts = (replace(deed, verb=HONEY_ALERT, retry=None).seen(count=1),)
        await self.write((*entries, *alerts))

    async def admit(self, deed: Deed, seen: Sequence[Seen]) -> None:
        """Spend budgets for what is about to be told.

        Raises LimitExceeded with nothing spent; the first in a while is in the audit before it is raised.
        """
        refusal = self.meter.spend(deed.principal, deed.purpose, seen)
        if refusal is not None:
            await self.write(self._alerts(deed, refusal))
            raise refusal.error

    def _alerts(self, deed: Deed, refusal: Refusal) -> tuple[Step, ...]:
        """Return the step that makes the entry of a cap that was hit, none where one tells of it already."""
        if not refusal.fresh:
            return ()
        guard_log.warning("a cap was hit: request %s of %s: %s", deed.request or "-", deed.principal, refusal.what)
        alert = replace(deed, verb=LIMIT_ALERT, retry=None)
        return (alert.seen(refusal.table, note=refusal.what),)


def _schema_changed() -> Conflict:
    return Conflict("the schema changed meanwhile", hint="try again")


def create_vault(*, id: bytes, name: str, store: Store, ring: KeyRing, clock: Clock, deed: Deed) -> Vault:
    """Make the tables and first keys of a new, empty vault in `store`."""
    store.define(FIXED)
    store.write_now(Unit((*key_steps(ring.rows()), deed.entry(note="vault made"))))
    return Vault(id=id, name=name, store=store, ring=ring, schema=EMPTY, clock=clock)


def forgettable(schema: Schema) -> frozenset[bytes]:
    """Return the owners of the tag keys of shreddable columns: their indexes, sets of columns and tokens."""
    owners: set[bytes] = set()
    for table in schema.tables:
        shreddable = {column.name for column in table.columns if column.field.keep == "shreddable"}
        for column in table.columns:
            if column.name in shreddable:
                owners.update(index.id for index in column.indexes)
                owners.add(column.token_id)
        sets: tuple[Unique | Compound, ...] = (*table.uniques, *table.compounds)
        owners.update(item.id for item in sets if shreddable.intersection(item.columns))
    return frozenset(owners - {b""})


def key_steps(rows: Sequence[KeyRow]) -> tuple[Step, ...]:
    """Return the step that stores key rows, over older states of the same keys."""
    cells = [(r.key_id, r.purpose, r.owner, r.version, r.suite, r.state, r.wrapped, r.check, r.created) for r in rows]
    return (Put("keys", KEY_COLUMNS, cells),) if cells else ()


def load_keys(store: Store) -> list[KeyRow]:
    """Return the wrapped keys of the vault in `store`."""
    rows = store.select(Select(table="keys", columns=KEY_COLUMNS))
    return [msgspec.convert(dict(zip(KEY_FIELDS, row, strict=True)), KeyRow) for row in rows]


def vouch(ring: KeyRing, vault: bytes, what: str, body: bytes) -> bytes:
    """Return `body` behind its MAC (32 bytes) under a key of the vault. `what`: the kind of thing that it is."""
    return digest.mac(_vouching(ring, vault, what), body) + body


def vouched(ring: KeyRing, vault: bytes, what: str, stored: object) -> bytes:
    """Return the body of what `vouch` returned. Raises Damaged where its MAC differs."""
    raw = stored if isinstance(stored, bytes) else b""
    if not digest.same(raw[:32], digest.mac(_vouching(ring, vault, what), raw[32:])):
        raise Damaged(f"the stored {what} is not as Privet wrote it", hint="restore a backup of the vault")
    return raw[32:]


@dataclass(frozen=True, slots=True)
class Vouching:
    """`vouch` and `vouched` for one kind of thing."""

    ring: KeyRing
    vault: bytes
    what: str

    def put(self, body: bytes) -> bytes:
        """Return a body behind its MAC."""
        return vouch(self.ring, self.vault, self.what, body)

    def take(self, stored: object) -> bytes:
        """Return the body of what `put` returned. Raises Damaged."""
        return vouched(self.ring, self.vault, self.what, stored)


def _vouching(ring: KeyRing, vault: bytes, what: str) -> bytes:
    return digest.mac(ring.raw("idempotency", vault).reveal(), f"privet {what} 1".encode())


def load_schema(store: Store, ring: KeyRing, vault: bytes) -> Schema:
    """Return the schema in force, EMPTY for a new vault. `vault`: its id.

    Raises Damaged where it is not as it was stored, NewerData where this program cannot read it. An older schema that
    is put back whole is not noticed.
    """
    rows = store.select(Select(table="schemas", columns=("version", "body"), order=(("version", False),), limit=1))
    if not rows:
        return EMPTY
    version, stored = rows[0]
    try:
        schema = msgspec.json.decode(vouched(ring, vault, "schema", stored), type=Schema)
    except msgspec.ValidationError:
        raise NewerData("the schema was written by a newer program than this one") from None
    if schema.version != version:
        raise Damaged("the stored schema stands under the number of another version")
    return schema


def save_schema(vault: Vault, schema: Schema, now_ms: int) -> Step:
    """Return the step that stores a schema version."""
    body = vouch(vault.ring, vault.id, "schema", msgspec.json.encode(schema))
    return Insert("schemas", ("version", "body", "created"), ((schema.version, body, now_ms),))


def open_vault(*, id: bytes, name: str, store: Store, ring: KeyRing, clock: Clock) -> Vault:
    """Return the vault that `store` holds. Raises what `load_schema` raises."""
    store.define(FIXED)
    schema = load_schema(store, ring, id)
    return Vault(id=id, name=name, store=store, ring=ring, schema=schema, clock=clock)
