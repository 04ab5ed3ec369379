"""Records on their way from one schema to the next: opened as they are, and the steps that write them anew.

What is moved, when and in which order is the business of `vault.upkeep.migrate`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from privet import digest
from privet.store.port import Cell, Delete, Row, Select, Step, Update
from privet.vault import rows as rows_of
from privet.vault import tokens
from privet.vault.blobs import chunks
from privet.vault.holders import hold_again, release
from privet.vault.log.audit import Deed
from privet.vault.schema import Schema, Table
from privet.vault.sealer import Heads, Sealer
from privet.vault.values import show
from privet.vault.vault import Vault
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import In

Texts = dict[str, list[str | None]]


@dataclass(frozen=True, slots=True)
class Path:
    """How the records of one table go over to `schema`. `anew`: ids of the tables whose subjects are told anew.

    `nobodys`: None where the steps are carried out; in a rehearsal the records met so far that will be about nobody.
    """

    before: Sealer
    after: Sealer
    schema: Schema
    anew: frozenset[bytes]
    nobodys: set[bytes] | None = None


def source(schema: Schema, table: Table) -> tuple[bytes, bytes]:
    """Return where a table's subjects come from: (the column's id, the table's that it refers to), or (word, b"")."""
    kind = table.collection.subject
    if kind in ("none", "self"):
        return kind.encode(), b""
    column = table.column(kind)
    assert column.field.reference is not None
    return column.id, schema.table(column.field.reference.collection).id


def targets_first(schema: Schema) -> tuple[list[Table], list[Table]]:
    """Return the tables, each after the one that its subjects come from, and those that wait for each other."""
    ordered: list[Table] = []
    left = list(schema.tables)
    while left:
        waiting = {table.id for table in left}
        ready = [table for table in left if source(schema, table)[1] not in waiting]
        if not ready:
            break
        ordered += ready
        left = [table for table in left if table not in ready]
    return ordered, left


def told_anew(old: Schema, new: Schema) -> frozenset[bytes]:
    """Return the ids of tables whose subjects come from elsewhere now, or from a table of which that is so."""
    before = {table.id: source(old, table) for table in old.tables}
    found: set[bytes] = set()
    ordered, circle = targets_first(new)
    for table in (*ordered, *circle):
        now = source(new, table)
        if table.id in before and (before[table.id] != now or now[1] in found):
            found.add(table.id)
    return frozenset(found)


def moved_texts(before: Sealer, new: Table, rows: Sequence[Row]) -> Texts:
    """Return the texts of rows, by the new table's columns. Raises InvalidValue, Damaged, Gone."""
    texts: Texts = {}
    for column in new.columns:
        former = next((c for c in before.table.columns if c.id == column.id), None)
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


def rewrite_steps(vault: Vault, path: Path, rows: Sequence[Row], texts: Texts, deed: Deed) -> list[Step]:
    """Return the steps that seal, tag and tokenize records anew. Raises what their values forbid."""
    before, after = path.before, path.after
    columns = list(zip(*rows, strict=True))
    place = before.place
    ids: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]
    was: Sequence[bytes | None] = columns[place["subject"]]
    subjects = _subjects(vault, path, ids, texts) if after.table.id in path.anew else was
    if after.shreds:
        vault.draw_subjects(subjects)
    heads = Heads(ids, [version + 1 for version in columns[place["version"]]], subjects, columns[place["expires"]])
    steps: list[Step] = []
    for unique in before.table.uniques:
        tags: list[Row] = [(tag,) for tag in columns[place[f"u{unique.slot}"]] if tag is not None]
        steps.append(Delete("uniques", ("tag",), tags))
    steps.append(Delete("elements", ("record",), [(record,) for record in ids]))
    kept = _kept_tokens(before, after, rows)
    items, _, claims = rows_of.sealed(vault, after, heads, texts, deed, kept=kept)
    if after.table.record_slot:
        items[after.table.token] = _record_tokens(before, after, rows)
    for name, _ in after.items:
        items.setdefault(name, [None] * len(ids))  # a column that became transient leaves nothing behind
    steps.extend(claims)
    steps.extend(_dropped_tokens(vault, path, items, rows))
    names = tuple(items)
    macs = after.macs(heads, items)
    cells = zip(*(items[name] for name in names), subjects, heads.versions, macs, ids, strict=True)
    new_rows: list[Row] = list(cells)
    steps.append(Update(after.table.rows, (*names, "subject", "version", "mac"), ("id",), new_rows))
    steps.extend(rows_of.claims(after.table, ids, items))
    steps.extend(rows_of.unclaimed(after, texts))
    steps.extend(rows_of.element_steps(after, ids, texts))
    steps.extend(_token_cells(vault, path, items, texts))
    steps.extend(_held_anew(vault, after, (ids, was, subjects), kept, texts))
    held, now = list(zip(ids, was, strict=True)), list(zip(ids, subjects, strict=True))
    steps.extend(chunks.reseal_steps(vault.store, before, after, held, now))
    proof = b"".join(rows_of.written_entry(i, v, m) for i, v, m in zip(ids, heads.versions, macs, strict=True))
    steps.append(deed.entry(after.table.name, tuple(texts), records=proof, count=len(ids), note="rewritten"))
    return steps


def _subjects(vault: Vault, path: Path, ids: Sequence[bytes], texts: Texts) -> Sequence[bytes | None]:
    table = path.after.table
    found: Sequence[bytes | None] = rows_of.subjects_of(vault, table, texts, len(ids), path.schema)
    if path.nobodys is None:
        return found
    if source(path.schema, table)[1] in path.anew:
        found = _stand_ins(vault, path, texts[table.collection.subject])
    path.nobodys.update(record for record, subject in zip(ids, found, strict=True) if subject is None)
    return found


def _stand_ins(vault: Vault, path: Path, texts: Sequence[str | None]) -> Sequence[bytes | None]:
    """Return somebody for each text that refers to a record which will be about somebody."""
    assert path.nobodys is not None
    target = next(t for t in path.schema.tables if t.id == source(path.schema, path.after.table)[1])
    wanted = [None if text is None else digest.id_bytes(text) for text in texts]
    among = In("id", tuple({record for record in wanted if record is not None}))
    there = {row[0] for row in vault.store.select(Select(table=target.rows, columns=("id",), where=among))}
    somebody = digest.random_ids(1)[0]
    return [somebody if record in there and record not in path.nobodys else None for record in wanted]


def _token_cells(
    vault: Vault, path: Path, items: Mapping[str, Sequence[Cell]], texts: Mapping[str, Sequence[str | None]]
) -> Iterator[Step]:
    """Yield the steps by which tokens that stay follow their column from sealed to shreddable, or back."""
    for column in path.after.table.columns:
        former = next((c for c in path.before.table.columns if c.id == column.id), None)
        if former is None or not column.token_slot or former.field.keep == column.field.keep:
            continue
        pairs = zip(items[column.token], texts[column.name], strict=True)
        held = {raw: text for raw, text in pairs if isinstance(raw, bytes) and text is not None}
        yield from tokens.token_cells(vault, column, held)


def _held_anew(
    vault: Vault,
    after: Sealer,
    heads: tuple[Sequence[bytes], Sequence[bytes | None], Sequence[bytes | None]],
    kept: Mapping[str, Sequence[Cell]],
    texts: Texts,
) -> Iterator[Step]:
    """Yield the steps by which tokens that stay go over to other subjects. `heads`: ids, subjects then and now."""
    ids, was, now = heads
    changed = [i for i in range(len(ids)) if was[i] != now[i]]
    for column in after.table.columns:
        raws = kept.get(column.token, ()) if column.token_slot else ()
        at = [i for i in changed if raws and raws[i] is not None]
        if not at:
            continue
        held, people = [raws[i] for i in at], [now[i] for i in at]
        copies = tokens.copies_of(vault, column, [texts[column.name][i] or "" for i in at], held, people)
        table = [after.table.rows] * len(at)
        refs = list(zip(held, [ids[i] for i in at], table, people, copies, strict=True))
        yield from hold_again(vault, column, refs)


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


def _record_tokens(before: Sealer, after: Sealer, rows: Sequence[Row]) -> list[Cell]:
    """Return the tokens of whole records: those that they have, new ones for the others."""
    at = before.place.get(after.table.token)
    fresh = tokens.record_tokens(len(rows))
    return [new if at is None or row[at] is None else row[at] for row, new in zip(rows, fresh, strict=True)]


def _dropped_tokens(
    vault: Vault, path: Path, items: Mapping[str, Sequence[Cell]], rows: Sequence[Row]
) -> Iterator[Step]:
    """Let go of tokens that records no longer hold."""
    lost: list[Row] = []
    for column in path.before.table.columns:
        if column.token_slot:
            at = path.before.place[column.token]
            now = items.get(column.token, [None] * len(rows))
            lost += [(row[at], row[0]) for row, new in zip(rows, now, strict=True) if row[at] not in (None, new)]
    slots = [column.token for column in path.after.table.columns if column.token_slot]
    gained = {raw for name in slots for raw in items[name] if raw is not None}
    yield from release(vault, lost, gained=gained)
