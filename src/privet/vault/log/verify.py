"""Whether a vault is what its audit proves: every entry, every record, and all that hangs on records.

An entry that was changed is found by its hashes and the signed root; a record by the MAC of its head; a whole old
record, a deleted one that came back and one that was never written by the newest entry that names it; places in queues
and consents likewise. What nothing proves: the tail after the last checkpoint, the times at which a record or token was
made and changed, whether tokens that no record holds are all there, and whether a file without any content ever had
one. A vault may be written to meanwhile: what does not fit is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from privet import digest
from privet.crypto.merkle import Checkpoint
from privet.errors import Damaged, Gone
from privet.store.port import Cell, Row, Select
from privet.vault.access import policies
from privet.vault.access.bound import DELETED, kind_of
from privet.vault.bonds import Bonds, Found, Pass, place_of
from privet.vault.log import beside
from privet.vault.log.checkpoint import Log
from privet.vault.log.contents import Contents
from privet.vault.log.history import Fault, Faults, read
from privet.vault.log.prover import Prover, Tiles
from privet.vault.schema import Column
from privet.vault.sealer import Heads, Sealer
from privet.vault.vault import Vault
from privet.vocabulary.predicate import And, Compare, In

ROWS = 1000  # of a table, looked at together
TRIES = 20  # looks at what does not fit while the vault is written to
RECORD = ("id",)  # the key of a pass over records
Rows = Callable[[Mapping[bytes, bytes]], Iterable[Fault]]
MOST_SUSPECTS = 100_000  # that are looked at again; of more than that, the rest is reported as it was found


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at, and what does not fit. `proven`: entries up to the last checkpoint; `root`: of all entries.

    `count`: how many faults there are, of which `faults` holds the first.
    """

    entries: int
    proven: int
    root: bytes
    records: int
    faults: tuple[Fault, ...]
    count: int

    @property
    def tail(self) -> int:
        """Return how many entries no checkpoint proves yet."""
        return max(0, self.entries - self.proven)


def verify(vault: Vault, log: Log, *, witnessed: Sequence[Checkpoint] = ()) -> Report:
    """Look at a whole vault. `witnessed`: older checkpoints of its log that somebody kept."""
    look = _Look(vault, log, witnessed)
    look.history()
    look.records()
    for each in (*look.bonds.passes(), *look.contents.passes()):
        look.all_of(each)
    look.again()
    look.beside()
    return look.report()


def verify_log(log: Log, rows: Rows | None = None, *, witnessed: Sequence[Checkpoint] = ()) -> Report:
    """Look at an audit without records: that of the house. `rows`: looks at the rows that its entries bind, given the
    newest state of each. `witnessed`: as of `verify`."""
    faults = Faults()
    prover = _prover(log, witnessed, faults)
    for fault in _rows(log, prover, rows) if rows is not None else ():
        faults.add(fault)
    prover.end()
    return _report(log, prover, faults, 0)


def _rows(log: Log, prover: Prover, rows: Rows) -> list[Fault]:
    """Return what does not fit, looked at again as long as the log grows meanwhile."""
    for _ in range(TRIES):
        found = list(rows(prover.newest))
        if not found or log.count() == prover.size:
            break
        for batch in read(log.store, after=prover.size):
            prover.take(batch)
    return found


def _prover(log: Log, witnessed: Sequence[Checkpoint], faults: Faults) -> Prover:
    """Return the prover that took every entry."""
    proofs = [checkpoint for checkpoint in witnessed if checkpoint.origin == log.origin]
    if len(proofs) < len(witnessed):
        faults.add(Fault("audit.checkpoint", "checkpoint", f"one that was kept is of another log than `{log.origin}`"))
    proven = 0
    try:
        own = log.read()[1]
        proofs.append(own)
        proven = own.size
    except Damaged as error:
        faults.add(Fault("audit.checkpoint", "checkpoint", error.message))
    tiles = Tiles(log.tile, proven, faults)
    prover = Prover(proofs, tiles.grown, faults)
    for batch in read(log.store):
        prover.take(batch)
    tiles.end()
    return prover


def _report(log: Log, prover: Prover, faults: Faults, records: int) -> Report:
    proven = max((c.size for c in prover.checkpoints), default=0)
    return Report(
        entries=prover.size,
        proven=min(proven, prover.size),
        root=prover.frontier.root(),
        records=records,
        faults=tuple(faults.found),
        count=faults.count,
    )


@dataclass(frozen=True, slots=True)
class _Suspect:
    """A row that does not fit. `look`: the pass and the row's key; None: a record that is missing, by its id."""

    look: tuple[Pass, tuple[Cell, ...]] | None
    record: bytes
    fault: Fault


class _Look:
    """One look at a vault."""

    def __init__(self, vault: Vault, log: Log, witnessed: Sequence[Checkpoint]) -> None:
        self.bonds = Bonds(vault)
        self.contents = Contents(vault)
        self._vault = vault
        self._log = log
        self._witnessed = witnessed
        self._faults = Faults()
        self._suspects: list[_Suspect] = []
        self._seen = 0
        self._matched = 0

    def history(self) -> None:
        """Look at every entry, and at the policy that the newest of them put into force."""
        before = self._policy()
        self._prover = _prover(self._log, self._witnessed, self._faults)
        self._prover.end()
        # The vault is not one of its records. A policy that was activated meanwhile may be in the log or not.
        if self._prover.newest.pop(self._vault.id, None) not in (before, self._policy()):
            self._faults.add(Fault("policy.old", "policy", "it is not the one that was put into force last"))

    def _policy(self) -> bytes | None:
        try:
            return policies.state(self._vault)
        except Damaged as error:
            self._faults.add(Fault("policy", "policy", error.message))
            return None

    def records(self) -> None:
        """Look at every record, and for those that should be there."""
        for table in self._vault.schema.tables:
            sealer = self._vault.sealer(table)
            self.all_of(_record_pass(sealer, self._checker(sealer)))
        newest = self._prover.newest
        live = sum(1 for state in newest.values() if state != DELETED and not kind_of(state))
        if live != self._matched or self._suspects:
            self._missing()

    def all_of(self, each: Pass) -> None:
        """Look at every row of a pass."""
        names = each.question.columns
        places = [names.index(name) for name in each.key]
        for rows in self._vault.store.stream(each.question, rows=ROWS):
            self._seen += len(rows) if each.key == RECORD else 0
            for i, fault in each.check(rows):
                self._suspect(_Suspect((each, tuple(rows[i][at] for at in places)), b"", fault))

    def again(self) -> None:
        """Look again at what did not fit, as long as the vault is written to meanwhile; what stays is a fault."""
        for _ in range(TRIES):
            if not self._suspects or self._log.count() == self._prover.size:
                break
            self._go_on()
            self._suspects = [suspect for suspect in self._suspects if self._still(suspect)]
        for suspect in self._suspects:
            self._faults.add(suspect.fault)

    def beside(self) -> None:
        """Look at the rows beside records, again as long as the vault is written to meanwhile."""
        for _ in range(TRIES):
            found = list(beside.faults(self._vault, self._prover.newest))
            if not found or self._log.count() == self._prover.size:
                break
            self._go_on()
        for fault in found:
            self._faults.add(fault)

    def _go_on(self) -> None:
        """Take the entries that were written meanwhile."""
        for batch in read(self._log.store, after=self._prover.size):
            self._prover.take(batch)

    def report(self) -> Report:
        """Return what was found."""
        return _report(self._log, self._prover, self._faults, self._seen)

    def _suspect(self, suspect: _Suspect) -> None:
        if len(self._suspects) < MOST_SUSPECTS:
            self._suspects.append(suspect)
        else:
            self._faults.add(suspect.fault)

    def _still(self, suspect: _Suspect) -> bool:
        if suspect.look is None:
            state = self._prover.newest.get(suspect.record, DELETED)
            return state != DELETED and not self._stored([suspect.record])
        each, key = suspect.look
        where = And(tuple(Compare(name, "=", value) for name, value in zip(each.key, key, strict=True)))
        rows = self._vault.store.select(replace(each.question, where=where, order=()))
        if rows:
            return next(iter(each.check(rows)), None) is not None
        # A record that has gone meanwhile must have an entry that says so.
        record = key[0]
        state = self._prover.newest.get(record, DELETED) if isinstance(record, bytes) else DELETED
        return each.key == RECORD and state != DELETED

    def _missing(self) -> None:
        batch: list[bytes] = []
        for record, state in self._prover.newest.items():
            if state != DELETED and not kind_of(state):
                batch.append(record)
            if len(batch) == ROWS:
                self._miss(batch)
                batch = []
        self._miss(batch)

    def _miss(self, ids: Sequence[bytes]) -> None:
        stored = self._stored(ids)
        for record in ids:
            if record not in stored:
                fault = Fault("record.missing", f"record {digest.id_text(record)}", "it was written and is not there")
                self._suspect(_Suspect(None, record, fault))

    def _stored(self, ids: Sequence[bytes]) -> set[Cell]:
        found: set[Cell] = set()
        for table in self._vault.schema.tables if ids else ():
            question = Select(table=table.rows, columns=("id",), where=In("id", tuple(ids)))
            found.update(row[0] for row in self._vault.store.select(question))
        return found

    # --- records ----------------------------------------------------------------------------------------------

    def _checker(self, sealer: Sealer) -> _Records:
        return _Records(self, sealer)

    def logged(self, sealer: Sealer, rows: Sequence[Row]) -> Found:
        """Compare rows with the newest entries that name them."""
        version_at, mac_at = sealer.place["version"], sealer.place["mac"]
        for i, row in enumerate(rows):
            state = self._prover.newest.get(row[0])  # type: ignore[arg-type]  # ids are bytes
            if state is None:
                rule, what = "record.unlogged", "no entry says that it was written"
            elif state == DELETED:
                rule, what = "record.deleted", "it was deleted and is there again"
            else:
                self._matched += 1
                version, mac = int.from_bytes(state[:4], "big"), state[4:]
                if (row[version_at], row[mac_at]) == (version, mac):
                    continue
                rule, what = "record.old", f"it is not as it was last written, as version {version}"
            yield i, Fault(rule, place_of(sealer.table, row[0]), what)


class _Records:
    """Looks at records of one table."""

    def __init__(self, look: _Look, sealer: Sealer) -> None:
        self._look = look
        self._sealer = sealer
        self._sealed = [c for c in sealer.table.columns if not c.field.reference and c.field.keep != "transient"]
        self._short = [sealer.place[name] for name, _ in sealer.items if not name.startswith("c")]

    def __call__(self, rows: Sequence[Row]) -> Found:
        yield from self._look.logged(self._sealer, rows)
        yield from self._heads(rows)
        for column in self._sealed:
            for i, what in self._cells(column, list(enumerate(rows))):
                yield i, Fault("record.cell", place_of(self._sealer.table, rows[i][0]), what)
        yield from self._look.bonds.of_records(self._sealer, rows)
        yield from self._look.contents.of_records(self._sealer, rows)

    def _heads(self, rows: Sequence[Row]) -> Found:
        sealer, place = self._sealer, self._sealer.place
        good = [i for i, row in enumerate(rows) if self._well_formed(row)]
        columns = list(zip(*(rows[i] for i in good), strict=True)) if good else []
        expected: dict[int, bytes] = {}
        if good:
            heads = Heads(
                columns[place["id"]], columns[place["version"]], columns[place["subject"]], columns[place["expires"]]
            )
            macs = sealer.macs(heads, {name: columns[place[name]] for name, _ in sealer.items})
            expected = dict(zip(good, macs, strict=True))
        for i, row in enumerate(rows):
            if row[place["mac"]] != expected.get(i):
                yield i, Fault("record.head", place_of(sealer.table, row[0]), "its head is not what was sealed")

    def _well_formed(self, row: Row) -> bool:
        """Return whether the items of a head have the widths by which it can be read in one way only."""
        place = self._sealer.place
        version, subject, expires = row[place["version"]], row[place["subject"]], row[place["expires"]]
        numbers = isinstance(version, int) and version > 0 and (expires is None or _positive(expires))
        ids = _wide(row[0]) and (subject is None or (_wide(subject) and subject != digest.ZERO_ID))
        return numbers and ids and all(row[at] is None or _wide(row[at]) for at in self._short)

    def _cells(self, column: Column, rows: Sequence[tuple[int, Row]]) -> Iterator[tuple[int, str]]:
        """Yield the places of rows whose cell of one column does not open."""
        try:
            self._sealer.open(column, [row for _, row in rows])
        except Gone:
            if len(rows) == 1:
                yield rows[0][0], f"the key of `{column.name}` is gone and the record is there"
                return
            yield from self._halves(column, rows)
        except Damaged:
            if len(rows) == 1:
                yield rows[0][0], f"`{column.name}` is not what was sealed"
                return
            yield from self._halves(column, rows)

    def _halves(self, column: Column, rows: Sequence[tuple[int, Row]]) -> Iterator[tuple[int, str]]:
        half = len(rows) // 2
        yield from self._cells(column, rows[:half])
        yield from self._cells(column, rows[half:])


def _record_pass(sealer: Sealer, check: _Records) -> Pass:
    question = Select(table=sealer.table.rows, columns=sealer.physical, order=(("id", True),))
    return Pass(question, RECORD, check)


def _wide(cell: Cell) -> bool:
    return isinstance(cell, bytes) and len(cell) == 16


def _positive(cell: Cell) -> bool:
    return isinstance(cell, int) and cell > 0
