"""Apply a schema: what will change, and the records that must be written anew for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from privet import digest
from privet.crypto.keys import KeyRow, Purpose
from privet.errors import (
    Conflict,
    Damaged,
    DuplicateValue,
    InvalidBatch,
    InvalidValue,
    NotFound,
    PrivetError,
    Refused,
    StoreFailed,
)
from privet.store.port import Cell, Delete, Insert, Put, Row, Select, Step, Unit
from privet.vault import rows as rows_of
from privet.vault import tokens
from privet.vault.access import policies
from privet.vault.change import delete_steps
from privet.vault.difference import Difference, compare
from privet.vault.log.audit import Deed
from privet.vault.schema import Schema, Table, merge, shape
from privet.vault.sealer import Sealer
from privet.vault.upkeep.rewrite import Path, Texts, moved_texts, rewrite_steps, targets_first, told_anew
from privet.vault.values import show
from privet.vault.vault import Vault, save_schema, vouch, vouched
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import ALWAYS, And, Compare, In

CHUNK = 1000
MOVE = "schema change"  # the name under which `meta` holds one that is being carried out


@dataclass(frozen=True, slots=True)
class Move:
    """A change of schema under way. `done`: table name → the last record (hex) that is written anew.

    Each chunk of records is rewritten in one unit with this mark, so that a crash leaves no record in doubt.
    """

    schema: Schema
    tables: list[str]
    done: dict[str, str] = field(default_factory=dict)

    def step(self, vault: Vault) -> Step:
        """Return the step that stores the mark in a vault."""
        return Put("meta", ("name", "value"), ((MOVE, vouch(vault.ring, vault.id, MOVE, msgspec.json.encode(self))),))


def plan(vault: Vault, dataset: Dataset) -> tuple[Difference, ...]:
    """Return what applying `dataset` would change. Raises InvalidPolicy where the policy in force forbids it."""
    new = merge(vault.schema, dataset, _make_id)
    policies.demand_fit(vault, new)
    return compare(vault.schema, new)


def apply(vault: Vault, dataset: Dataset, deed: Deed, *, allow_loss: bool = False) -> tuple[Difference, ...]:
    """Make `dataset` the vault's schema, rewriting records where it must; return what changed.

    The caller holds every other writer off. Raises Refused where values would be lost and `allow_loss` is not set,
    or where records cannot be rewritten; InvalidBatch where stored values do not fit a new type, DuplicateValue where
    they repeat, InvalidPolicy where a rule in force needs what goes, Conflict while a person is being erased. Nothing
    has changed then.
    """
    vault.store.write_now(Unit(()))  # what others queued under the old schema comes first
    old, new = vault.schema, merge(vault.schema, dataset, _make_id)
    changes = compare(old, new)
    if not changes:
        return ()
    policies.demand_fit(vault, new)
    _refuse_loss(vault, old, new, changes, allow_loss=allow_loss)
    _refuse_erasure(vault)
    rewritten = _rewritten(vault, old, new, changes)
    for table in rewritten:
        _check_fit(vault, _former(old, table), table)
    drawn = _new_keys(vault, new)
    try:
        for table in rewritten:
            _check_unique(vault, _former(old, table), table)
        _rehearse(vault, new, rewritten, deed)
        for _ in _drops(vault, old, new, deed):
            pass
    except (PrivetError, ValueError):
        for row in drawn:
            vault.ring.destroy(row.key_id)
        raise
    vault.store.write_now(Unit(vault.keep_keys(vault.ring.rows(), new)))
    move = Move(new, [table.name for table in rewritten])
    vault.store.write_now(Unit((move.step(vault),)))
    _carry_out(vault, move, deed)
    return changes


def resume(vault: Vault, deed: Deed) -> bool:
    """Finish a change of schema that a crash cut short; return whether there was one. Call before anything is read.

    Raises Damaged for one that this vault did not begin.
    """
    rows = vault.store.select(Select(table="meta", columns=("value",), where=Compare("name", "=", MOVE)))
    if not rows:
        return False
    body = vouched(vault.ring, vault.id, MOVE, rows[0][0])
    _carry_out(vault, msgspec.json.decode(body, type=Move), deed)
    return True


def _carry_out(vault: Vault, move: Move, deed: Deed) -> None:
    old, new = vault.schema, move.schema
    _widen(vault, old, new)
    anew = told_anew(old, new)
    for name in move.tables:
        table = new.table(name)
        path = Path(_sealer(vault, _former(old, table)), _sealer(vault, table), new, anew)
        _rewrite(vault, path, move, deed)
    _let_go(vault, old, new)
    steps = [save_schema(vault, new, deed.at_ms), *_drops(vault, old, new, deed), Delete("meta", ("name",), ((MOVE,),))]
    steps.append(deed.entry(note=f"schema version {new.version}", count=len(move.tables)))
    vault.store.write_now(Unit((*steps, *deed.settle(b""))))
    vault.schema = new
    vault.store.define([shape(table) for table in new.tables])
    vault.refresh()


def _make_id() -> bytes:
    return digest.random_ids(1)[0]


def _former(old: Schema, table: Table) -> Table:
    return next(former for former in old.tables if former.id == table.id)


def _holds_data(vault: Vault, table: Table) -> bool:
    return bool(vault.store.select(Select(table=table.rows, columns=("id",), limit=1)))


def _refuse_loss(vault: Vault, old: Schema, new: Schema, changes: Sequence[Difference], *, allow_loss: bool) -> None:
    if old.version and old.suite != new.suite:
        raise Refused("the suite of a vault is chosen once", hint="make a new vault and move the records")
    for change in changes:
        if not change.loses_data or allow_loss:
            continue
        name = change.at.partition(".")[0]
        table = next((t for t in (*old.tables, *new.tables) if t.name == name), None)
        former = next((t for t in old.tables if table is not None and t.id == table.id), None)
        if former is not None and _holds_data(vault, former):
            raise Refused(f"`{change.at}`: {change.what}", hint="rename with `was:`, or allow the loss")


def _refuse_erasure(vault: Vault) -> None:
    # Her key is forgotten before her records go: what cannot be opened cannot be rewritten after a crash.
    question = Select(table="erasures", columns=("id",), where=Compare("state", "=", "open"), limit=1)
    if vault.store.select(question):
        raise Conflict("a schema cannot change while a person is being erased", hint="try again")


def _rewritten(vault: Vault, old: Schema, new: Schema, changes: Sequence[Difference]) -> list[Table]:
    """Return the tables whose records are rewritten, in that order. Raises Refused for what cannot be."""
    anew = told_anew(old, new)
    ordered, circle = targets_first(new)
    found = []
    for table in (*ordered, *circle):
        if _moves(vault, old, table, changes) or (table.id in anew and _holds_data(vault, table)):
            _refuse_arrays(_former(old, table), table)
            if table in circle and table.id in anew:
                raise Refused(f"the subjects of `{table.name}` come from itself; they cannot change with records there")
            found.append(table)
    return found


def _refuse_arrays(old: Table, new: Table) -> None:
    before = {column.id: column for column in old.columns}
    for column in new.columns:
        former = before.get(column.id)
        if former is not None and former.field.array != column.field.array:
            raise Refused(
                f"`{new.name}.{column.name}` cannot change between one value and an array; nothing was changed",
                hint="add a column and move the values",
            )


def _moves(vault: Vault, old: Schema, table: Table, changes: Sequence[Difference]) -> bool:
    known = any(former.id == table.id for former in old.tables)
    touched = any(change.moves_data and change.at.partition(".")[0] == table.name for change in changes)
    return known and touched and _holds_data(vault, _former(old, table))


def _new_keys(vault: Vault, schema: Schema) -> list[KeyRow]:
    """Draw the keys that the schema needs and the ring lacks, and return their rows, which are not stored yet."""
    seconds = vault.clock() // 1000
    wanted: list[tuple[Purpose, bytes, str]] = [
        ("record", vault.id, ""),
        ("cursor", vault.id, ""),
        ("idempotency", vault.id, ""),
        ("audit", vault.id, ""),
    ]
    for table in schema.tables:
        for column in table.columns:
            wanted.append(("cell", column.id, schema.suite))
            wanted.extend(("index", index.id, "") for index in column.indexes)
            plan_ = column.field.token
            if column.token_id and plan_ is not None:
                suites = {"ff1": "ff1", "sealed": "siv"}
                wanted.append(("token", column.token_id, suites.get(plan_.kind, schema.suite)))
                wanted.append(("unique", column.token_id, ""))
        wanted.extend(("unique", unique.id, "") for unique in table.uniques)
        wanted.extend(("index", compound.id, "") for compound in table.compounds)
    have = {(row.purpose, row.owner) for row in vault.ring.rows() if row.state == "active"}
    missing = [key for key in dict.fromkeys(wanted) if key[:2] not in have]
    return [vault.ring.add(purpose, owner, suite=suite, now=seconds) for purpose, owner, suite in missing]


def _widen(vault: Vault, old: Schema, new: Schema) -> None:
    """Give every table the columns of both schemas, so that records can move."""
    for table in new.tables:
        wanted = shape(table)
        for former in old.tables:
            if former.id == table.id:
                have = {column.name for column in wanted.columns}
                more = tuple(column for column in shape(former).columns if column.name not in have)
                wanted = type(wanted)(
                    name=wanted.name,
                    columns=(*wanted.columns, *more),
                    key=wanted.key,
                    indexes=tuple(dict.fromkeys((*wanted.indexes, *shape(former).indexes))),
                )
        vault.store.define([wanted])


def _chunks(vault: Vault, sealer: Sealer, after: bytes = b"") -> Iterator[list[Row]]:
    while True:
        where = Compare("id", ">", after) if after else ALWAYS
        question = Select(
            table=sealer.table.rows, columns=sealer.physical, where=where, order=(("id", True),), limit=CHUNK
        )
        rows = vault.store.select(question)
        if not rows:
            return
        sealer.verify(rows)
        yield rows
        after = rows[-1][0]  # type: ignore[assignment]  # ids are bytes


def _sealer(vault: Vault, table: Table) -> Sealer:
    return Sealer(vault.id, table, vault.ring, vault.schema.suite or "siv", vault.subject_keys)


def _check_fit(vault: Vault, old: Table, new: Table) -> None:
    """Refuse, before anything moves, values that a new type would not take."""
    sealer = _sealer(vault, old)
    faults: list[PrivetError] = []
    for rows in _chunks(vault, sealer):
        for column in new.columns:
            former = next((c for c in old.columns if c.id == column.id), None)
            if former is None or (former.field.type, former.field.array) == (column.field.type, column.field.array):
                continue
            shown = show(former, sealer.open(former, rows), "plain_text")
            present = [(row[0], value) for row, value in zip(rows, shown, strict=True) if value is not None]
            _, broken = data_type(column.field.type).canonicalize([value for _, value in present])
            for at, rule in broken.items():
                place = f"{new.name}.{column.name} of record {digest.id_text(present[at][0])}"  # type: ignore[arg-type]
                faults.append(InvalidValue(rule, type_name=column.field.type, at=place))
    if faults:
        raise InvalidBatch(f"{len(faults)} stored values do not fit; nothing was changed", faults=tuple(faults[:100]))


def _check_unique(vault: Vault, old: Table, new: Table) -> None:
    """Refuse, before anything moves, records that repeat in a set that becomes unique or whose values change."""
    known, types = {unique.id for unique in old.uniques}, {column.id: column.field.type for column in old.columns}
    changed = {column.name for column in new.columns if types.get(column.id) != column.field.type}
    wanted = [unique for unique in new.uniques if unique.id not in known or not changed.isdisjoint(unique.columns)]
    before, after = _sealer(vault, old), _sealer(vault, new)
    seen: dict[int, set[Cell]] = {unique.slot: set() for unique in wanted}
    for rows in _chunks(vault, before) if wanted else ():
        texts = moved_texts(before, new, rows)
        for unique in wanted:
            # A transient value is none that could repeat.
            columns = [texts.get(name, [None] * len(rows)) for name in unique.columns]
            found = zip(after.unique(unique.slot, columns), rows, strict=True)
            tags: dict[Cell, Cell] = {tag: row[0] for tag, row in found if tag}
            count = sum(None not in values for values in zip(*columns, strict=True))
            if len(tags) < count or not seen[unique.slot].isdisjoint(tags) or _taken(vault, tags):
                names = ", ".join(unique.columns)
                raise DuplicateValue(f"records of `{new.name}` repeat in ({names}); nothing was changed")
            seen[unique.slot].update(tags)


def _taken(vault: Vault, tags: Mapping[Cell, Cell]) -> bool:
    """Return whether another record holds one of the `tags` (tag → record) now."""
    question = Select(table="uniques", columns=("tag", "record"), where=In("tag", tuple(tags)))
    return any(tags[row[0]] != row[1] for row in vault.store.select(question))


def _rewrite(vault: Vault, path: Path, move: Move, deed: Deed) -> None:
    """Write every record of a table anew, under the new schema."""
    name = path.after.table.name
    for rows in _chunks(vault, path.before, bytes.fromhex(move.done.get(name, ""))):
        texts = moved_texts(path.before, path.after.table, rows)
        steps = rewrite_steps(vault, path, rows, texts, deed.unsettled())
        move.done[name] = rows[-1][0].hex()  # type: ignore[union-attr]  # ids are bytes
        vault.write_now([*steps, move.step(vault)])


def _rehearse(vault: Vault, new: Schema, tables: Sequence[Table], deed: Deed) -> None:
    """Make every step that rewrites the records of `tables`, and write none.

    INVARIANT: a change of schema is begun only if all of its records can be rewritten, for a vault opens only when
    one that was begun is finished. Raises Refused.
    """
    old = vault.schema
    anew, nobodys = told_anew(old, new), set[bytes]()
    for table in tables:
        path = Path(_sealer(vault, _former(old, table)), _sealer(vault, table), new, anew, nobodys)
        drawn: dict[bytes, set[Cell]] = {}
        for rows in _chunks(vault, path.before):
            try:
                texts = moved_texts(path.before, table, rows)
                _check_references(vault, path, texts)
                _check_room(vault, table, texts, rewrite_steps(vault, path, rows, texts, deed.unsettled()), drawn)
            except (Damaged, StoreFailed):
                raise
            except (PrivetError, ValueError) as error:
                why = error.message if isinstance(error, PrivetError) else ""  # of others' messages some quote values
                refusal = f"records of `{table.name}` cannot be moved to the new schema; nothing was changed"
                raise Refused(refusal, hint=why) from None
            finally:
                if vault.subjects is not None:
                    vault.subjects.release(vault.subjects.hold(), unwritten=True)


def _check_references(vault: Vault, path: Path, texts: Texts) -> None:
    """Refuse a column that becomes a reference, or one to another table, whose values are no records there."""
    known = {table.id for table in vault.schema.tables}
    for column in path.after.table.columns:
        former = next((c for c in path.before.table.columns if c.id == column.id), None)
        if former is None or column.field.reference is None:
            continue
        target = path.schema.table(column.field.reference.collection)
        if former.field.reference and vault.table(former.field.reference.collection).id == target.id:
            continue
        wanted = {digest.id_bytes(text) for text in texts[column.name] if text is not None}
        if wanted and (target.id not in known or rows_of.live(vault, target, list(wanted)) != wanted):
            raise NotFound(f"values of `{column.name}` point to no record of `{target.name}`")


def _check_room(vault: Vault, table: Table, texts: Texts, steps: Sequence[Step], drawn: dict[bytes, set[Cell]]) -> None:
    """Refuse more shaped tokens than a column may have. `drawn`: those of the chunks before, by the tokens' owner."""
    made = [row for step in steps if isinstance(step, Insert) and step.table == "tokens" for row in step.rows]
    for column in table.columns:
        if column.token_id and column.field.token is not None and column.field.token.shape not in ("", "uuid"):
            mine = drawn.setdefault(column.token_id, set())
            mine.update(row[1] or row[0] for row in made if row[2] == column.token_id)
            present = [text for text in texts[column.name] if text is not None]
            tokens.demand_room(vault, column, present, len(mine))


def _let_go(vault: Vault, old: Schema, new: Schema) -> None:
    """Remove the tokens of plans that are no longer described, and whatever holds them. Safe to do again."""
    living = {column.token_id for table in new.tables for column in table.columns}
    gone = {column.token_id for table in old.tables for column in table.columns} - living - {b""}
    after: Cell = b""
    while gone:
        where = And((In("owner", tuple(sorted(gone))), Compare("token", ">", after)))
        question = Select(table="tokens", columns=("token",), where=where, order=(("token", True),), limit=CHUNK)
        rows = vault.store.select(question)
        if not rows:
            break
        after = rows[-1][0]
        vault.store.write_now(Unit((Delete("refs", ("token",), rows), Delete("tokens", ("token",), rows))))


def _drops(vault: Vault, old: Schema, new: Schema, deed: Deed) -> Iterator[Step]:
    """Empty the tables that are no longer described."""
    kept = {table.id for table in new.tables}
    for table in old.tables:
        if table.id not in kept:
            sealer = _sealer(vault, table)
            for rows in _chunks(vault, sealer):
                yield from delete_steps(vault, table, rows)
                proof = b"".join(rows_of.written_entry(row[0], 0, digest.ZERO_ID) for row in rows)  # type: ignore[arg-type]
                yield deed.entry(table.name, records=proof, count=len(rows), note="dropped")
