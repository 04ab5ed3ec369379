"""Apply a schema: what will change, and the records that must be written anew for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from privet import digest
from privet.crypto.keys import KeyRow, Purpose
from privet.errors import InvalidBatch, InvalidValue, PrivetError, Refused
from privet.store.port import Cell, Delete, Row, Select, Step, Unit, Update
from privet.vault import chunks, records, tokens
from privet.vault.audit import Deed
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


def plan(vault: Vault, dataset: Dataset) -> tuple[Difference, ...]:
    """Return what applying `dataset` would change."""
    return compare(vault.schema, merge(vault.schema, dataset, _make_id))


def apply(vault: Vault, dataset: Dataset, deed: Deed, *, allow_loss: bool = False) -> tuple[Difference, ...]:
    """Make `dataset` the vault's schema, rewriting records where it must; return what changed.

    Holds every other writer off while it runs. Raises Refused where values would be lost and `allow_loss` is not
    set, InvalidBatch where stored values do not fit a new type; nothing has changed then.
    """
    old, new = vault.schema, merge(vault.schema, dataset, _make_id)
    changes = compare(old, new)
    if not changes:
        return ()
    _refuse_loss(vault, old, new, changes, allow_loss=allow_loss)
    rewritten = [table for table in new.tables if _moves(vault, old, table, changes)]
    for table in rewritten:
        _check_fit(vault, _former(old, table), table)
    vault.store.write_now(Unit(vault.keep_keys(_new_keys(vault, new), new)))
    _widen(vault, old, new)
    for table in rewritten:
        _rewrite(vault, _former(old, table), table, deed)
    steps = [save_schema(new, deed.at_ms), *_drops(vault, old, new)]
    steps.append(deed.entry(note=f"schema version {new.version}", count=len(changes)))
    vault.store.write_now(Unit((*steps, *deed.settle(b""))))
    vault.schema = new
    vault.store.define([shape(table) for table in new.tables])
    vault.refresh()
    return changes


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


def _new_keys(vault: Vault, schema: Schema) -> list[KeyRow]:
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
    missing = [item for item in dict.fromkeys(wanted) if item[:2] not in have]
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


def _chunks(vault: Vault, sealer: Sealer) -> Iterator[list[Row]]:
    after = b""
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


def _rewrite(vault: Vault, old: Table, new: Table, deed: Deed) -> None:
    """Seal, tag and tokenize every record of a table anew, under the new schema."""
    before, after = _sealer(vault, old), _sealer(vault, new)
    for rows in _chunks(vault, before):
        texts = _moved_texts(before, old, new, rows)
        steps = _rewrite_steps(vault, before, after, rows, texts, deed)
        vault.write_now(steps)


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
    heads = Heads(
        ids,
        [version + 1 for version in columns[place["version"]]],
        columns[place["subject"]],
        columns[place["expires"]],
    )
    steps: list[Step] = []
    for unique in before.table.uniques:
        tags: list[Row] = [(tag,) for tag in columns[place[f"u{unique.slot}"]] if tag is not None]
        steps.append(Delete("uniques", ("tag",), tags))
    steps.append(Delete("elements", ("record",), [(record,) for record in ids]))
    items, _, claims = records.sealed(vault, after, heads, texts, deed, kept=_kept_tokens(before, after, rows))
    steps.extend(_dropped_tokens(vault, before, items, rows))
    steps.extend(claims)
    names = tuple(items)
    macs = after.macs(heads, items)
    cells = zip(*(items[name] for name in names), heads.versions, macs, ids, strict=True)
    new_rows: list[Row] = list(cells)
    steps.append(Update(after.table.rows, (*names, "version", "mac"), ("id",), new_rows))
    steps.extend(records.claims(after.table, ids, items))
    steps.extend(records.unclaimed(after, texts))
    steps.extend(records.element_steps(after, ids, texts))
    held = list(zip(ids, heads.subjects, strict=True))
    steps.extend(chunks.reseal_steps(vault.store, before, after, held, held))
    proof = b"".join(records.written_entry(i, v, m) for i, v, m in zip(ids, heads.versions, macs, strict=True))
    steps.append(deed.entry(after.table.name, tuple(texts), records=proof, count=len(ids), note="rewritten"))
    return steps


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


def _drops(vault: Vault, old: Schema, new: Schema) -> Iterator[Step]:
    """Empty the tables that are no longer described."""
    kept = {table.id for table in new.tables}
    for table in old.tables:
        if table.id not in kept:
            sealer = _sealer(vault, table)
            for rows in _chunks(vault, sealer):
                yield from records.delete_steps(vault, table, rows)
