"""Apply a schema: what will change, and the records that must be written anew for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from privet import digest
from privet.crypto.keys import Purpose
from privet.errors import DuplicateValue, InvalidBatch, InvalidValue, PrivetError, Refused
from privet.store.port import Cell, Delete, Put, Row, Select, Step, Unit, Update
from privet.vault import chunks, tokens
from privet.vault import rows as rows_of
from privet.vault.audit import Deed
from privet.vault.change import delete_steps
from privet.vault.schema import (
    Difference,
    Schema,
    Table,
    compare,
    merge,
    shape,
)
from privet.vault.sealer import Heads, Sealer
from privet.vault.values import show
from privet.vault.vault import Vault, save_schema
from privet.vocabulary.dataset import Dataset
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import ALWAYS, Compare

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

    def step(self) -> Step:
        """Return the step that stores the mark."""
        return Put("meta", ("name", "value"), ((MOVE, msgspec.json.encode(self)),))


def plan(vault: Vault, dataset: Dataset) -> tuple[Difference, ...]:
    """Return what applying `dataset` would change."""
    return compare(vault.schema, merge(vault.schema, dataset, _make_id))


def apply(vault: Vault, dataset: Dataset, deed: Deed, *, allow_loss: bool = False) -> tuple[Difference, ...]:
    """Make `dataset` the vault's schema, rewriting records where it must; return what changed.

    Holds every other writer off while it runs. Raises Refused where values would be lost and `allow_loss` is not
    set, InvalidBatch where stored values do not fit a new type; nothing has changed then.
    """
    vault.store.write_now(Unit(()))  # what others queued under the old schema comes first
    old, new = vault.schema, merge(vault.schema, dataset, _make_id)
    changes = compare(old, new)
    if not changes:
        return ()
    _refuse_loss(vault, old, new, changes, allow_loss=allow_loss)
    rewritten = [table for table in new.tables if _moves(vault, old, table, changes)]
    for table in rewritten:
        _check_fit(vault, _former(old, table), table)
    _new_keys(vault, new)
    vault.store.write_now(Unit(vault.keep_keys(vault.ring.rows(), new)))
    for table in rewritten:
        _check_unique(vault, _former(old, table), table)
    move = Move(new, [table.name for table in rewritten])
    vault.store.write_now(Unit((move.step(),)))
    _carry_out(vault, move, deed)
    return changes


def resume(vault: Vault, deed: Deed) -> bool:
    """Finish a change of schema that a crash cut short; return whether there was one. Call before anything is read."""
    rows = vault.store.select(Select(table="meta", columns=("value",), where=Compare("name", "=", MOVE)))
    if not rows:
        return False
    _carry_out(vault, msgspec.json.decode(rows[0][0], type=Move), deed)  # type: ignore[arg-type]  # a blob
    return True


def _carry_out(vault: Vault, move: Move, deed: Deed) -> None:
    old, new = vault.schema, move.schema
    _widen(vault, old, new)
    for name in move.tables:
        table = new.table(name)
        _rewrite(vault, _former(old, table), table, move, deed)
    steps = [save_schema(new, deed.at_ms), *_drops(vault, old, new, deed), Delete("meta", ("name",), ((MOVE,),))]
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


def _moves(vault: Vault, old: Schema, table: Table, changes: Sequence[Difference]) -> bool:
    known = any(former.id == table.id for former in old.tables)
    touched = any(change.moves_data and change.at.partition(".")[0] == table.name for change in changes)
    return known and touched and _holds_data(vault, _former(old, table))


def _new_keys(vault: Vault, schema: Schema) -> None:
    """Draw the keys that the schema needs and the ring lacks."""
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
    have = {(row.purpose, row.owner) for row in vault.ring.rows() if row.state == "active"}
    for purpose, owner, suite in dict.fromkeys(wanted):
        if (purpose, owner) not in have:
            vault.ring.add(purpose, owner, suite=suite, now=seconds)


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
    """Refuse, before anything moves, records that repeat in a set that becomes unique."""
    known = {unique.id for unique in old.uniques}
    wanted = [unique for unique in new.uniques if unique.id not in known]
    before, after = _sealer(vault, old), _sealer(vault, new)
    seen: dict[int, set[Cell]] = {unique.slot: set() for unique in wanted}
    for rows in _chunks(vault, before) if wanted else ():
        texts = _moved_texts(before, old, new, rows)
        for unique in wanted:
            tags = [tag for tag in after.unique(unique.slot, [texts[name] for name in unique.columns]) if tag]
            if len(set(tags)) < len(tags) or not seen[unique.slot].isdisjoint(tags):
                names = ", ".join(unique.columns)
                raise DuplicateValue(f"records of `{new.name}` repeat in ({names}); nothing was changed")
            seen[unique.slot].update(tags)


def _rewrite(vault: Vault, old: Table, new: Table, move: Move, deed: Deed) -> None:
    """Seal, tag and tokenize every record of a table anew, under the new schema."""
    before, after = _sealer(vault, old), _sealer(vault, new)
    for rows in _chunks(vault, before, bytes.fromhex(move.done.get(new.name, ""))):
        texts = _moved_texts(before, old, new, rows)
        steps = _rewrite_steps(vault, before, after, rows, texts, deed.unsettled())
        move.done[new.name] = rows[-1][0].hex()  # type: ignore[union-attr]  # ids are bytes
        vault.write_now([*steps, move.step()])


def _moved_texts(before: Sealer, old: Table, new: Table, rows: Sequence[Row]) -> dict[str, list[str | None]]:
    texts: dict[str, list[str | None]] = {}
    for column in new.columns:
        former = next((c for c in old.columns if c.id == column.id), None)
        if column.field.keep == "transient":
            continue
        if former is None:
            default = column.field.default
            text = None if default is None else data_type(column.field.type).normalize(default)
            texts[column.name] = [text] * len(rows)
        elif former.field.type == column.field.type:
            texts[column.name] = before.open(former, rows)
        else:
            kind = data_type(column.field.type)
            shown = show(former, before.open(former, rows), "plain_text")
            texts[column.name] = [None if value is None else kind.normalize(value) for value in shown]
    return texts


def _rewrite_steps(
    vault: Vault,
    before: Sealer,
    after: Sealer,
    rows: Sequence[Row],
    texts: dict[str, list[str | None]],
    deed: Deed,
) -> list[Step]:
    columns = list(zip(*rows, strict=True))
    place = before.place
    ids: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]
    subjects: Sequence[bytes | None] = columns[place["subject"]]
    if before.table.collection.subject != after.table.collection.subject:
        subjects = rows_of.subjects_of(vault, after.table, texts, len(ids))
    if after.shreds:
        vault.draw_subjects(subjects)
    heads = Heads(ids, [version + 1 for version in columns[place["version"]]], subjects, columns[place["expires"]])
    steps: list[Step] = []
    for unique in before.table.uniques:
        tags: list[Row] = [(tag,) for tag in columns[place[f"u{unique.slot}"]] if tag is not None]
        steps.append(Delete("uniques", ("tag",), tags))
    steps.append(Delete("elements", ("record",), [(record,) for record in ids]))
    items, _, claims = rows_of.sealed(vault, after, heads, texts, deed, kept=_kept_tokens(before, after, rows))
    steps.extend(_dropped_tokens(vault, before, items, rows))
    steps.extend(claims)
    names = tuple(items)
    macs = after.macs(heads, items)
    cells = zip(*(items[name] for name in names), subjects, heads.versions, macs, ids, strict=True)
    new_rows: list[Row] = list(cells)
    steps.append(Update(after.table.rows, (*names, "subject", "version", "mac"), ("id",), new_rows))
    steps.extend(rows_of.claims(after.table, ids, items))
    steps.extend(rows_of.unclaimed(after, texts))
    steps.extend(rows_of.element_steps(after, ids, texts))
    steps.extend(_token_cells(vault, before, after, items, texts))
    was = list(zip(ids, columns[place["subject"]], strict=True))
    steps.extend(chunks.reseal_steps(vault.store, before, after, was, list(zip(ids, subjects, strict=True))))
    proof = b"".join(rows_of.written_entry(i, v, m) for i, v, m in zip(ids, heads.versions, macs, strict=True))
    steps.append(deed.entry(after.table.name, tuple(texts), records=proof, count=len(ids), note="rewritten"))
    return steps


def _token_cells(
    vault: Vault,
    before: Sealer,
    after: Sealer,
    items: Mapping[str, Sequence[Cell]],
    texts: Mapping[str, Sequence[str | None]],
) -> Iterator[Step]:
    """Yield the steps by which tokens that stay follow their column from sealed to shreddable, or back."""
    for column in after.table.columns:
        former = next((c for c in before.table.columns if c.id == column.id), None)
        if former is None or not column.token_slot or former.field.keep == column.field.keep:
            continue
        pairs = zip(items[column.token], texts[column.name], strict=True)
        held = {raw: text for raw, text in pairs if isinstance(raw, bytes) and text is not None}
        cells = tokens.token_cells(vault, column, held)
        yield Update("tokens", ("cell",), ("token",), [(cell, raw) for raw, cell in cells.items()])


def _kept_tokens(before: Sealer, after: Sealer, rows: Sequence[Row]) -> dict[str, list[Cell]]:
    """Return the stored tokens of columns whose values and token plan stay as they are."""
    kept: dict[str, list[Cell]] = {}
    for column in after.table.columns:
        former = next((c for c in before.table.columns if c.id == column.id), None)
        if former is None or not column.token_slot or former.token_slot != column.token_slot:
            continue
        was, now = former.field, column.field
        if (was.type, was.keep, was.token) == (now.type, now.keep, now.token):
            at = before.place[former.token]
            kept[column.token] = [row[at] for row in rows]
    return kept


def _dropped_tokens(
    vault: Vault, before: Sealer, items: Mapping[str, Sequence[Cell]], rows: Sequence[Row]
) -> Iterator[Step]:
    """Let go of tokens that records no longer hold."""
    lost: list[tuple[Cell, Cell]] = []
    for column in before.table.columns:
        if column.token_slot:
            at = before.place[column.token]
            now = items.get(column.token, [None] * len(rows))
            lost += [(row[at], row[0]) for row, new in zip(rows, now, strict=True) if row[at] not in (None, new)]
    yield from tokens.release(vault, lost)


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
