"""The keys of people, in two stores apart from the records: wrapped keys in one, the epochs that wrap them in another.

A key is drawn when a person's first shreddable value is sealed and is durable before the record is. Forgetting it
closes every copy of what it sealed. Tag keys of shreddable columns lie here too, because whoever holds one can try
every value of a small domain. What happens each window is decided in `vault.upkeep.rotation`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from privet import digest
from privet.crypto import shred
from privet.crypto.keys import KeyRow, KeyStore
from privet.crypto.shred import EpochRing, EpochRow, SubjectRow
from privet.errors import Damaged, Gone, StoreFailed
from privet.store.port import Clash, Column, Delete, Put, Row, Select, Shape, Store, Unit, Update
from privet.vault.people.keycache import KeyCache
from privet.vocabulary.predicate import ALWAYS, And, Compare, In, Predicate

CHUNK = 1000
FIRST_GENERATION = 1

SUBJECTS: tuple[Shape, ...] = (
    Shape(
        name="subject_keys",
        columns=(
            Column("subject", "blob", null=False),
            Column("generation", "int", null=False),
            Column("epoch", "int", null=False),
            Column("wrapped", "blob", null=False),
            Column("run", "int", null=False),
        ),
        key=("subject",),
        indexes=(("run",),),
    ),
    Shape(
        name="marks",
        columns=(Column("name", "text", null=False), Column("value", "int", null=False)),
        key=("name",),
    ),
    Shape(
        name="tag_keys",
        columns=(
            Column("key_id", "int", null=False),
            Column("kek", "int", null=False),
            Column("epoch", "int", null=False),
            Column("wrapped", "blob", null=False),
        ),
        key=("key_id", "kek"),
    ),
)
EPOCHS = Shape(
    name="epochs",
    columns=(
        Column("epoch", "int", null=False),
        Column("wrapped", "blob", null=False),
        Column("verify", "blob", null=False),
        Column("created", "int", null=False),
    ),
    key=("epoch",),
)
_KEY_COLUMNS = ("subject", "generation", "epoch", "wrapped")
_NEW_COLUMNS = (*_KEY_COLUMNS, "run")
_RUN, _COLLECTED = "run", "collected"  # marks: the present opening of the store, the last one without strays
_TAG_COLUMNS = ("key_id", "kek", "epoch", "wrapped")
_EPOCH_COLUMNS = ("epoch", "wrapped", "verify", "created")

Which = Callable[[Sequence[bytes]], set[bytes]]


class SubjectStore:
    """The subject keys of one vault. Changes come from one thread; `keys` may be called from any.

    INVARIANT: a key that sealed something is in `_pending` or durable; a subject in `_held` is not collected.
    """

    def __init__(self, keys: Store, epochs: Store, ring: EpochRing, root: KeyStore, vault: bytes) -> None:
        self._keys = keys
        self._epochs = epochs
        self._ring = ring
        self._root = root
        self._vault = vault
        self._cache = KeyCache()
        self._pending: dict[bytes, bytes] = {}
        self._fading: dict[bytes, bytes] = {}
        self._touched: list[bytes] = []
        self._held: dict[bytes, int] = {}
        self._new: set[bytes] = set()
        self._spare: list[bytes] = []
        self._run = self._mark(_RUN) + 1
        self._set_mark(_RUN, self._run)

    @classmethod
    def open(cls, stores: tuple[Store, Store], root: KeyStore, vault: bytes, *, now: int, made: bool) -> SubjectStore:
        """Return the keys in two stores, of keys and of epochs. `now`: unix seconds. `made`: they were there before.

        Raises Damaged where they are gone, so that a vault never goes on without its people's keys; WrongKey for
        those of another root.
        """
        keys, epochs = stores
        keys.define(SUBJECTS)
        epochs.define((EPOCHS,))
        rows = _epoch_rows(epochs)
        if rows:
            return cls(keys, epochs, EpochRing.load(root, vault, rows), root, vault)
        tables = ("subject_keys", "tag_keys")
        if made or any(keys.select(Select(table=name, columns=("epoch",), limit=1)) for name in tables):
            raise Damaged(
                "expected the subject keys of the vault and their epochs, found none",
                hint="restore them; `privet restore` says how to go on where they are lost for good",
            )
        ring = EpochRing.create(root, vault, now=now)
        epochs.write_now(Unit((_put_epochs(ring.rows()),)))
        return cls(keys, epochs, ring, root, vault)

    @property
    def stores(self) -> tuple[Store, Store]:
        """Return the store of the keys and the store of the epochs: for backups."""
        return self._keys, self._epochs

    def close(self) -> None:
        """Let go of both stores. Idempotent."""
        self._keys.close()
        self._epochs.close()

    # --- using keys -----------------------------------------------------------------------------------------------

    def keys(self, subjects: Sequence[bytes], *, now_ms: int) -> list[bytes]:
        """Return the key of each subject, in order. Raises Gone for one that was erased or never made."""
        self._cache.age(now_ms)
        found = self._known(subjects)
        if None in found:
            missing = self._unknown(subjects)
            loaded = self._load(missing)
            if len(loaded) < len(missing):
                raise Gone("the key of the subject is forgotten", hint="she was erased, or the backup is too old")
            found = [key or loaded[subject] for subject, key in zip(subjects, found, strict=True)]
        return found  # type: ignore[return-value]  # those that were None were loaded

    def draw(self, subjects: Iterable[bytes], erased: Which) -> None:
        """Have a key for each subject: the one that she has, or a new one. Raises Gone for an erased subject.

        New keys are in memory until `settle`; the caller's write goes through `hold`, `settle` and `release`.
        """
        wanted = list(dict.fromkeys(subjects))
        unknown = self._unknown(wanted)
        if unknown:
            loaded = self._load(unknown)
            missing = [subject for subject in unknown if subject not in loaded]
            if missing and erased(missing):
                raise Gone("the subject was erased")
            self._draw(missing)
        self._touched.extend(wanted)

    def new_subjects(self, count: int) -> list[bytes]:
        """Return the ids of `count` new people, their keys drawn."""
        spare = [self._spare.pop() for _ in range(min(count, len(self._spare)))]
        fresh = digest.random_ids(count - len(spare))
        self._draw(fresh)
        found = [*spare, *fresh]
        self._new.update(found)
        self._touched.extend(found)
        return found

    def _draw(self, subjects: Sequence[bytes]) -> None:
        self._pending.update(zip(subjects, shred.new_subject_keys(len(subjects)), strict=True))

    def hold(self) -> tuple[bytes, ...]:
        """Return the subjects that were drawn since the last call, held until `release`."""
        if not self._touched:
            return ()
        touched, self._touched = tuple(dict.fromkeys(self._touched)), []
        for subject in touched:
            self._held[subject] = self._held.get(subject, 0) + 1
        return touched

    async def settle(self, held: Sequence[bytes]) -> None:
        """Make the keys of `held` durable. Concurrent callers share a commit."""
        unit = self._unit(held)
        if unit.steps:
            await self._keys.write(unit)
            self._keep(held)

    def settle_now(self, held: Sequence[bytes]) -> None:
        """`settle` for a caller without an event loop."""
        unit = self._unit(held)
        if unit.steps:
            self._keys.write_now(unit)
            self._keep(held)

    def release(self, held: Sequence[bytes], *, unwritten: bool) -> None:
        """End a hold. `unwritten`: the write for sure did not take place (one that was cancelled may have).

        Then nothing was sealed that stays, and new people whose keys are durable become the next new people. Keys that
        did not become durable are lost.
        """
        for subject in held:
            self._held[subject] -= 1
            if self._held[subject]:
                continue
            del self._held[subject]
            lost = self._pending.pop(subject, None) is not None
            if subject in self._new:
                self._new.discard(subject)
                if unwritten and not lost:
                    self._spare.append(subject)

    def _unit(self, held: Sequence[bytes]) -> Unit:
        fresh = [subject for subject in held if subject in self._pending]
        if not fresh:
            return Unit(())
        rows = self._ring.wrap(fresh, [FIRST_GENERATION] * len(fresh), [self._pending[s] for s in fresh])
        # Put, not Insert: two writes that share a new subject both bring its one key.
        return Unit((Put("subject_keys", _NEW_COLUMNS, [(*_cells(row), self._run) for row in rows]),))

    def _keep(self, held: Sequence[bytes]) -> None:
        settled = {subject: self._pending.pop(subject) for subject in held if subject in self._pending}
        self._cache.put(settled)

    def _known(self, subjects: Sequence[bytes]) -> list[bytes | None]:
        """Return the key of each subject as far as memory holds it."""
        found = self._cache.get(subjects)
        if None in found:
            pending, fading = self._pending.get, self._fading.get
            found = [key or pending(each) or fading(each) for each, key in zip(subjects, found, strict=True)]
        return found

    def _unknown(self, subjects: Sequence[bytes]) -> list[bytes]:
        """Return those subjects whose key memory does not hold, each once."""
        known = zip(subjects, self._known(subjects), strict=True)
        return list(dict.fromkeys(subject for subject, key in known if key is None))

    def _load(self, subjects: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for at in range(0, len(subjects), CHUNK):
            rows = self._rows(_one_of(subjects[at : at + CHUNK]))
            found.update(zip((row.subject for row in rows), self._ring.unwrap(rows), strict=True))
        self._cache.put(found)
        return found

    def _rows(self, where: Predicate, *, limit: int = 0) -> list[SubjectRow]:
        question = Select(
            table="subject_keys", columns=_KEY_COLUMNS, where=where, order=(("subject", True),), limit=limit
        )
        return [SubjectRow(*row) for row in self._keys.select(question)]  # type: ignore[arg-type]  # as the shape says

    # --- forgetting -----------------------------------------------------------------------------------------------

    async def forget(self, subject: bytes) -> None:
        """Destroy a subject's key, durable on return.

        Memory keeps it until `let_go`, so that readers who meet her records before those are gone do not fail.
        """
        self._fade([subject])
        await self._keys.write(Unit((Delete("subject_keys", ("subject",), ((subject,),)),)))

    def purge(self, subjects: Sequence[bytes]) -> None:
        """Destroy the keys of subjects whose erasure is known, as far as there are any. Durable on return."""
        for at in range(0, len(subjects), CHUNK):
            found = [row.subject for row in self._rows(_one_of(subjects[at : at + CHUNK]))]
            self._delete(found)

    def let_go(self, subjects: Iterable[bytes]) -> None:
        """Drop forgotten keys from memory, once nothing that they opened is left."""
        for subject in subjects:
            self._fading.pop(subject, None)

    def _fade(self, subjects: Sequence[bytes]) -> None:
        with suppress(Gone):  # wrapped under an epoch that is forgotten already
            self._load(self._unknown(subjects))
        for subject, key in zip(subjects, self._known(subjects), strict=True):
            if key is not None:
                self._fading[subject] = key
        self._cache.drop(subjects)
        for subject in subjects:
            self._pending.pop(subject, None)

    def collect(self, used: Which) -> int:
        """Destroy the keys of subjects that nothing is held of; return how many there were.

        Such keys come from writes that a crash or a clash cut short, and from people whose last record was deleted.
        `used`: those of some subjects whom a record or a token names.
        """
        self._spare.clear()
        return self._collect(used, ALWAYS)

    def collect_strays(self, used: Which) -> int:
        """`collect` at the start, among the keys that were made since the last start: it looks at few where many lie.

        Whoever was forgotten by a deletion since stays for `collect`.
        """
        count = self._collect(used, Compare("run", ">", self._mark(_COLLECTED)))
        self._set_mark(_COLLECTED, self._run - 1)
        return count

    def _collect(self, used: Which, where: Predicate) -> int:
        count, after = 0, b""
        while True:
            question = Select(
                table="subject_keys",
                columns=("subject",),
                where=And((where, Compare("subject", ">", after))),
                order=(("subject", True),),
                limit=CHUNK,
            )
            chunk: list[bytes] = [row[0] for row in self._keys.select(question)]  # type: ignore[misc]
            if not chunk:
                return count
            after = chunk[-1]
            idle = [subject for subject in chunk if subject not in self._held and subject not in self._pending]
            kept = used(idle) if idle else set()
            orphans = [subject for subject in idle if subject not in kept]
            self._delete(orphans)
            count += len(orphans)

    def _delete(self, subjects: Sequence[bytes]) -> None:
        if subjects:
            self._cache.drop(subjects)
            self._keys.write_now(Unit((Delete("subject_keys", ("subject",), [(s,) for s in subjects]),)))

    def _mark(self, name: str) -> int:
        rows = self._keys.select(Select(table="marks", columns=("value",), where=Compare("name", "=", name)))
        return rows[0][0] if rows and isinstance(rows[0][0], int) else 0

    def _set_mark(self, name: str, value: int) -> None:
        self._keys.write_now(Unit((Put("marks", ("name", "value"), ((name, value),)),)))

    # --- epochs ---------------------------------------------------------------------------------------------------

    @property
    def epochs(self) -> tuple[EpochRow, ...]:
        """Return the epochs that still open, oldest first: one, or two while keys are rewrapped."""
        return self._ring.rows()

    def begin_epoch(self, *, now: int) -> None:
        """Wrap from now on under a new epoch, durable on return. `now`: unix seconds. No write may be under way."""
        before = self._ring.rows()
        row = self._ring.advance(now=now)
        try:
            self._epochs.write_now(Unit((_put_epochs((row,)),)))
        except StoreFailed:
            self._ring = EpochRing.load(self._root, self._vault, before)  # nothing may be wrapped under a lost epoch
            raise

    async def rewrap(self) -> int:
        """Wrap every key of older epochs under the newest, while others go on; return how many."""
        newest, after, count = self._ring.epoch, b"", 0
        while rows := self._rows(Compare("subject", ">", after), limit=CHUNK):
            old = [row for row in rows if row.epoch < newest]
            if old and not await self._rewrapped(old):
                continue  # one of them was forgotten meanwhile: read them again
            after = rows[-1].subject
            count += len(old)
        return count

    async def _rewrapped(self, rows: Sequence[SubjectRow]) -> bool:
        moved = self._ring.rewrap(rows)
        cells = [(new.epoch, new.wrapped, old.subject, old.epoch) for old, new in zip(rows, moved, strict=True)]
        # Matched by its epoch: a key that was forgotten meanwhile must not come back.
        step = Update("subject_keys", ("epoch", "wrapped"), ("subject", "epoch"), cells)
        try:
            await self._keys.write(Unit((step,)))
        except Clash:
            return False
        return True

    def rewrap_tag_keys(self) -> None:
        """Wrap the tag keys of older epochs under the newest."""
        self._put_tag_keys(self._tag_keys())

    def end_epochs(self) -> int:
        """Destroy every epoch but the newest: older copies of the keys stay shut from now on. Return how many.

        Raises Damaged if a key would be lost with one.
        """
        newest = self._ring.epoch
        for table in ("subject_keys", "tag_keys"):
            left = Select(table=table, columns=("epoch",), where=Compare("epoch", "<", newest), limit=1)
            if self._keys.select(left):
                raise Damaged("expected every key under the newest epoch, found an older one")
        old = [row.epoch for row in self._ring.rows() if row.epoch != newest]
        if old:
            self._epochs.write_now(Unit((Delete("epochs", ("epoch",), [(epoch,) for epoch in old]),)))
        for epoch in old:
            self._ring.drop(epoch)
        return len(old)

    # --- tag keys -------------------------------------------------------------------------------------------------

    def put_tag_keys(self, rows: Sequence[KeyRow]) -> None:
        """Keep the wrapped tag keys of `rows`, durable on return.

        A key that was wrapped anew stands beside its older wrapping until `trim_tag_keys`: the rows that say which
        one counts are durable later, in another store.
        """
        self._put_tag_keys([(row.key_id, row.wrapped) for row in rows if row.wrapped])

    def trim_tag_keys(self, rows: Sequence[KeyRow]) -> None:
        """Destroy every tag key but the living ones of `rows`, durable on return. `rows`: the vault's, and durable."""
        living = {(row.key_id, _kek(row.wrapped)) for row in rows if row.wrapped}
        stored = self._keys.select(Select(table="tag_keys", columns=("key_id", "kek")))
        left = [row for row in stored if row not in living]
        if left:
            self._keys.write_now(Unit((Delete("tag_keys", ("key_id", "kek"), left),)))

    def fill(self, rows: Sequence[KeyRow]) -> tuple[list[KeyRow], list[KeyRow]]:
        """Return (key rows with the tag keys that lie here put back, those living ones whose key is lost).

        A lost key comes back destroyed. Wrappings that no row of the vault knows are dropped: a crash left them.
        """
        blobs = {(key_id, _kek(blob)): blob for key_id, blob in self._tag_keys()}
        keks = [row.key_id for row in rows if row.purpose == "kek" and row.state == "active"]
        filled, lost = [], []
        for row in rows:
            found = next((blobs[row.key_id, kek] for kek in keks if (row.key_id, kek) in blobs), b"")
            if row.wrapped or row.state == "destroyed":
                filled.append(row)
            elif found:
                filled.append(replace(row, wrapped=found))
            else:
                lost.append(row)
                filled.append(replace(row, state="destroyed"))
        self.trim_tag_keys(filled)
        return filled, lost

    def _tag_keys(self) -> list[tuple[int, bytes]]:
        """Return (key id, as its ring wrapped it) of every tag key; those of a forgotten epoch are left out."""
        found = []
        for cells in self._keys.select(Select(table="tag_keys", columns=_TAG_COLUMNS)):
            key_id: int = cells[0]  # type: ignore[assignment]  # as the shape says
            row = SubjectRow(_tag_id(key_id), key_id, cells[2], cells[3])  # type: ignore[arg-type]
            with suppress(Gone):
                found.append((key_id, self._ring.unwrap([row])[0]))
        return found

    def _put_tag_keys(self, blobs: Sequence[tuple[int, bytes]]) -> None:
        if not blobs:
            return
        ids = [key_id for key_id, _ in blobs]
        wrapped = self._ring.wrap([_tag_id(key_id) for key_id in ids], ids, [blob for _, blob in blobs])
        rows = [
            (key_id, _kek(blob), row.epoch, row.wrapped) for (key_id, blob), row in zip(blobs, wrapped, strict=True)
        ]
        self._keys.write_now(Unit((Put("tag_keys", _TAG_COLUMNS, rows),)))


def _cells(row: SubjectRow) -> Row:
    return row.subject, row.generation, row.epoch, row.wrapped


def _kek(wrapped: bytes) -> int:
    return int.from_bytes(wrapped[:4], "big")  # as `crypto.keys` writes it


def _tag_id(key_id: int) -> bytes:
    # A tag key is wrapped as a subject's is; this id is no subject's, as those are random.
    return digest.sha256(f"privet tag key {key_id}".encode())[:16]


def _one_of(subjects: Sequence[bytes]) -> Predicate:
    return Compare("subject", "=", subjects[0]) if len(subjects) == 1 else In("subject", tuple(subjects))


def _epoch_rows(store: Store) -> list[EpochRow]:
    rows = store.select(Select(table="epochs", columns=_EPOCH_COLUMNS))
    return [EpochRow(epoch=r[0], wrapped=r[1], check=r[2], created=r[3]) for r in rows]  # type: ignore[arg-type]


def _put_epochs(rows: Sequence[EpochRow]) -> Put:
    return Put("epochs", _EPOCH_COLUMNS, [(row.epoch, row.wrapped, row.check, row.created) for row in rows])
