"""Records that go over to another person: all that is sealed under her key is sealed anew, in the same unit of work.

A record whose table says `subject: via` a reference moves when that reference does, and the records that take their
subject from it move along. Nothing but the subject changes: versions and values stay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from privet.store.port import Cell, Expect, Row, Select, Step, Update
from privet.vault import tokens
from privet.vault.blobs import chunks
from privet.vault.holders import hold_again
from privet.vault.log.audit import Deed
from privet.vault.schema import Column, Table
from privet.vault.sealer import Heads, Sealer
from privet.vault.vault import Vault
from privet.vocabulary.predicate import And, In, Not, Predicate

Subjects = Sequence[bytes | None]


def resealed(sealer: Sealer, rows: Sequence[Row], changes: Mapping[str, object]) -> dict[str, list[str | None]]:
    """Return the present values of shreddable columns that are not among `changes`: what must be sealed anew."""
    shreddable = [column for column in sealer.table.columns if column.field.keep == "shreddable"]
    return {column.name: sealer.open(column, rows) for column in shreddable if column.name not in changes}


def kept_tokens(sealer: Sealer, rows: Sequence[Row], changes: Mapping[str, object]) -> dict[str, list[Cell]]:
    """Return the stored tokens of columns that are not among `changes`, by physical column: they stay."""
    return {
        column.token: [row[sealer.place[column.token]] for row in rows]
        for column in sealer.table.columns
        if column.token_slot and column.name not in changes
    }


def hold_steps(
    vault: Vault, sealer: Sealer, rows: Sequence[Row], subjects: Subjects, changes: Mapping[str, object]
) -> Iterator[Step]:
    """Yield the steps that keep tokens and files of moved records, under their new subjects.

    `changes`: columns whose tokens and files are written by others.
    """
    for column in sealer.table.columns:
        if column.name in changes:
            continue
        if column.token_slot:
            yield from _tokens(vault, sealer, column, rows, subjects)
        if column.field.keep == "shreddable" and chunks.holds_files(column):
            yield from _files(vault, sealer, column, rows, subjects)
    yield from vault.unerased(subjects)


def _tokens(vault: Vault, sealer: Sealer, column: Column, rows: Sequence[Row], subjects: Subjects) -> Iterator[Step]:
    place = sealer.place[column.token]
    at = [i for i, row in enumerate(rows) if row[place] is not None]
    held, holders = [rows[i][place] for i in at], [rows[i][0] for i in at]
    texts = [text or "" for text in sealer.open(column, [rows[i] for i in at])]
    owners = [subjects[i] for i in at]
    copies = tokens.copies_of(vault, column, texts, held, owners)
    table = [sealer.table.rows] * len(at)
    yield from hold_again(vault, column, list(zip(held, holders, table, owners, copies, strict=True)))


def _files(vault: Vault, sealer: Sealer, column: Column, rows: Sequence[Row], subjects: Subjects) -> Iterator[Step]:
    for row, subject in zip(rows, subjects, strict=True):
        record, before = row[0], row[sealer.place["subject"]]
        held = (record, before)
        body = chunks.find(vault.store, sealer, column, held)  # type: ignore[arg-type]  # both are bytes, as HEAD says
        if body is not None:
            yield chunks.head_step(sealer, column, (record, subject), body)  # type: ignore[arg-type]


def followers(vault: Vault, table: Table, moved: Mapping[bytes, bytes | None], deed: Deed) -> Iterator[Step]:
    """Yield the steps that move the records which take their subject from `moved` records (id → new subject)."""
    seen = set(moved)
    ahead: list[tuple[Table, Mapping[bytes, bytes | None]]] = [(table, moved)]
    while ahead:
        target, subjects = ahead.pop()
        for other in vault.schema.tables:
            column = _via(other, target)
            if column is None:
                continue
            rows = _referring(vault, other, column, tuple(subjects))
            yield _no_others(other, column, tuple(subjects), [row[0] for row in rows])
            # A record is moved once, even where references go in a circle.
            rows = [row for row in rows if row[0] not in seen]
            if rows:
                place = vault.sealer(other).place
                after = {row[0]: subjects[row[place[column.cell]]] for row in rows}  # type: ignore[index]
                seen.update(after)  # type: ignore[arg-type]  # ids are bytes
                yield from _move(vault, other, rows, list(after.values()), deed)
                ahead.append((other, after))  # type: ignore[arg-type]


def _via(table: Table, target: Table) -> Column | None:
    kind = table.collection.subject
    if kind in ("none", "self"):
        return None
    column = table.column(kind)
    reference = column.field.reference
    return column if reference is not None and reference.collection == target.name else None


def _referring(vault: Vault, table: Table, column: Column, ids: tuple[bytes, ...]) -> list[Row]:
    sealer = vault.sealer(table)
    rows = vault.store.select(Select(table=table.rows, columns=sealer.physical, where=In(column.cell, ids)))
    sealer.verify(rows)
    return rows


def _no_others(table: Table, column: Column, ids: tuple[bytes, ...], known: Sequence[Cell]) -> Step:
    where: Predicate = In(column.cell, ids)
    return Expect(table.rows, And((where, Not(In("id", tuple(known))))) if known else where, False)


def _move(vault: Vault, table: Table, rows: Sequence[Row], subjects: Subjects, deed: Deed) -> Iterator[Step]:
    sealer = vault.sealer(table)
    place = sealer.place
    columns = list(zip(*rows, strict=True))
    ids: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]  # ids are bytes
    heads = Heads(ids, columns[place["version"]], subjects, columns[place["expires"]])
    texts = resealed(sealer, rows, {})
    if texts:
        vault.draw_subjects(subjects)
    items = {table.column(name).cell: sealer.seal(table.column(name), ids, t, subjects) for name, t in texts.items()}
    before: dict[str, Sequence[Cell]] = {name: columns[place[name]] for name, _ in sealer.items}
    macs = sealer.macs(heads, {**before, **items})
    names = tuple(items)
    cells = zip(*items.values(), subjects, macs, ids, columns[place["mac"]], strict=True)
    yield Update(table.rows, (*names, "subject", "mac"), ("id", "mac"), list(cells))
    yield from hold_steps(vault, sealer, rows, subjects, {})
    proof = b"".join(i + v.to_bytes(4, "big") + m for i, v, m in zip(ids, heads.versions, macs, strict=True))
    yield deed.entry(table.name, records=proof, count=len(ids), note="moved with their subject")
