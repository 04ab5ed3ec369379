"""Change and remove records that are there: what is sealed anew, claimed and let go of, in one unit of work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from privet import digest
from privet.errors import DuplicateValue, NotFound, PrivetError, StaleVersion, StillReferenced
from privet.store.port import Cell, Delete, Expect, Row, Select, Step, Update
from privet.vault import tokens
from privet.vault.blobs import chunks
from privet.vault.holders import release
from privet.vault.log.audit import Deed
from privet.vault.people import moved
from privet.vault.rows import (
    Texts,
    Written,
    claims,
    element_steps,
    fetch,
    live,
    sealed,
    subjects_hold,
    subjects_of,
    unclaimed,
    written_entry,
)
from privet.vault.schema import Table, Unique
from privet.vault.sealer import Heads, Sealer
from privet.vault.vault import Vault
from privet.vocabulary.predicate import And, Compare, In


def resolve(vault: Vault, table: Table, texts: Texts, errors: dict[int, PrivetError], *, partial: bool) -> Texts:
    """Check that every reference points to a live record of its table."""
    for column in table.columns:
        if column.field.reference is None or column.name not in texts:
            continue
        values = texts[column.name]
        wanted = {text for text in values if text is not None}
        found = live(vault, vault.table(column.field.reference.collection), [digest.id_bytes(t) for t in wanted])
        for at, text in enumerate(values):
            if text is not None and at not in errors and digest.id_bytes(text) not in found:
                error = NotFound("the reference points to no record", at=f"records[{at}].{column.name}")
                if not partial:
                    raise error
                errors[at] = error
    return texts


def referred(vault: Vault, table: Table, texts: Texts) -> Iterator[Step]:
    """Yield the expectation that every record which `texts` refer to is still there when they are written."""
    for column in table.columns:
        if column.field.reference is None or column.name not in texts:
            continue
        target = vault.table(column.field.reference.collection)
        for text in dict.fromkeys(text for text in texts[column.name] if text is not None):
            yield Expect(target.rows, Compare("id", "=", digest.id_bytes(text)), True)


def check_uniques(
    vault: Vault,
    table: Table,
    texts: Texts,
    errors: dict[int, PrivetError],
    *,
    partial: bool,
    own: Sequence[bytes] = (),
) -> None:
    """Refuse values that another record holds, or that two records of the batch share.

    `own`: the ids of the records being changed, whose own values do not count.
    """
    sealer = vault.sealer(table)
    for unique in table.uniques:
        if not all(name in texts for name in unique.columns):
            continue
        tags, holders = unique_holders(vault, sealer, unique, texts)
        seen: set[Cell] = set()
        for at, tag in enumerate(tags):
            if tag is None or at in errors:
                continue
            holder = holders.get(tag)
            if tag in seen or (holder is not None and not (own and holder == own[at])):
                error = DuplicateValue(
                    f"({', '.join(unique.columns)}) is unique in `{table.name}` and already taken", at=f"records[{at}]"
                )
                if not partial:
                    raise error
                errors[at] = error
            seen.add(tag)


def unique_holders(
    vault: Vault, sealer: Sealer, unique: Unique, texts: Texts
) -> tuple[Sequence[Cell], dict[Cell, Cell]]:
    """Return (the tags of a unique set, which records hold them now, under whatever key)."""
    columns = [texts[name] for name in unique.columns]
    tags = sealer.unique(unique.slot, columns)
    newest: dict[Cell, Cell] = {tag: tag for tag in tags if tag is not None}
    for former in sealer.former_uniques(unique.slot, columns):
        newest.update({was: now for was, now in zip(former, tags, strict=True) if was is not None})
    if not newest:
        return tags, {}
    question = Select(table="uniques", columns=("tag", "record"), where=In("tag", tuple(newest)))
    return tags, {newest[row[0]]: row[1] for row in vault.store.select(question)}


def update_steps(
    vault: Vault,
    table: Table,
    ids: Sequence[bytes],
    changes: Texts,
    versions: Sequence[int | None],
    deed: Deed,
) -> tuple[list[Written], list[Step]]:
    """Return the new state of records and the steps that change their columns, from how they are now.

    `changes`: canonical texts, one a record. `versions`: what each record must still be at, None for any. A changed
    file column lets go of its content. Raises NotFound, StaleVersion, DuplicateValue, Damaged.
    """
    sealer, now = vault.sealer(table), vault.clock()
    rows = fetch(vault, table, ids)
    if len(rows) != len(ids):
        raise NotFound(f"no such record in `{table.name}`")
    place = sealer.place
    for row, version in zip(rows, versions, strict=True):
        if version is not None and row[place["version"]] != version:
            raise StaleVersion("the record changed since it was read", hint="read it again and decide anew")
    texts = _with_neighbours(sealer, rows, changes)
    resolve(vault, table, changes, {}, partial=False)
    check_uniques(vault, table, texts, {}, partial=False, own=ids)
    columns = list(zip(*rows, strict=True))
    before: dict[str, Sequence[Cell]] = {name: columns[place[name]] for name, _ in sealer.items}
    old: list[int] = [row[place["version"]] for row in rows]  # type: ignore[misc]
    subjects = _next_subjects(vault, table, columns[place["subject"]], changes)
    heads = Heads(ids, [v + 1 for v in old], subjects, columns[place["expires"]])
    items, shown, steps = _resealed(vault, sealer, heads, changes, rows, deed)
    items.update(sealer.sets(texts))
    for column in table.of_record:
        if column.name in changes:
            pairs = zip(before[table.token], changes[column.name], strict=True)
            shown[column.name] = [tokens.of_record(raw, text) for raw, text in pairs]
    macs = sealer.macs(heads, {**before, **items})
    steps.insert(0, _update_rows(table, items, heads, macs, (now, columns[place["mac"]])))
    steps.extend(_release_changed(vault, sealer, ids, before, items))
    steps.extend(claims(table, ids, _changed_uniques(table, before, items)))
    steps.extend(unclaimed(sealer, texts))
    steps.extend(referred(vault, table, changes))
    steps.extend(_replace_elements(sealer, ids, changes))
    steps.extend(chunks.drop_steps(vault, table, ids, changes))
    proof = b"".join(written_entry(i, v, m) for i, v, m in zip(ids, heads.versions, macs, strict=True))
    steps.append(deed.entry(table.name, tuple(changes), records=proof, count=len(ids)))
    steps.extend(deed.settle(b"".join(ids)))
    token_rows = list(zip(*shown.values(), strict=True)) if shown else [()] * len(ids)
    return [
        Written(i, v, dict(zip(shown, row, strict=True)))
        for i, v, row in zip(ids, heads.versions, token_rows, strict=True)
    ], steps


def _update_rows(
    table: Table,
    items: Mapping[str, Sequence[Cell]],
    heads: Heads,
    macs: Sequence[bytes],
    before: tuple[int, Sequence[Cell]],
) -> Step:
    now, old_macs = before
    names = tuple(items)
    rows: list[Row] = [
        (*cells, version, subject, now, mac, record, old_mac)
        for record, version, subject, mac, old_mac, *cells in zip(
            heads.ids, heads.versions, heads.subjects, macs, old_macs, *(items[name] for name in names), strict=True
        )
    ]
    # Matched by the MAC, which covers all that these rows were made from: a key rotation keeps the version.
    return Update(table.rows, (*names, "version", "subject", "updated", "mac"), ("id", "mac"), rows)


def _next_subjects(
    vault: Vault, table: Table, subjects: Sequence[bytes | None], changes: Texts
) -> Sequence[bytes | None]:
    """Return whom records are about once `changes` are made."""
    kind = table.collection.subject
    return subjects if kind in ("none", "self") or kind not in changes else subjects_of(vault, table, changes, 0)


def _resealed(
    vault: Vault, sealer: Sealer, heads: Heads, changes: Texts, rows: Sequence[Row], deed: Deed
) -> tuple[dict[str, Sequence[Cell]], dict[str, Sequence[str | None]], list[Step]]:
    """Return what `sealed` does for changes; records that go over to another person are sealed anew as a whole."""
    table, place = sealer.table, sealer.place
    if all(row[place["subject"]] == subject for row, subject in zip(rows, heads.subjects, strict=True)):
        return sealed(vault, sealer, heads, changes, deed)
    texts = {**moved.resealed(sealer, rows, changes), **changes}
    kept = moved.kept_tokens(sealer, rows, changes)
    items, shown, steps = sealed(vault, sealer, heads, texts, deed, kept=kept)
    steps.extend(moved.hold_steps(vault, sealer, rows, heads.subjects, changes))
    steps.extend(subjects_hold(vault, table, changes, heads.subjects))
    steps.extend(moved.followers(vault, table, dict(zip(heads.ids, heads.subjects, strict=True)), deed))
    return items, {name: shown[name] for name in shown if name in changes}, steps


def _with_neighbours(sealer: Sealer, rows: Sequence[Row], changes: Texts) -> Texts:
    """Return the changes, with the present values of columns that share a unique set or index with a changed one."""
    table = sealer.table
    sets = [*(unique.columns for unique in table.uniques), *(compound.columns for compound in table.compounds)]
    wanted = {name for names in sets if any(column in changes for column in names) for name in names}
    opened = {name: sealer.open(table.column(name), rows) for name in wanted if name not in changes}
    return {**changes, **opened}


def _changed_uniques(
    table: Table, before: Mapping[str, Sequence[Cell]], items: Mapping[str, Sequence[Cell]]
) -> dict[str, Sequence[Cell]]:
    changed: dict[str, Sequence[Cell]] = {}
    for unique in table.uniques:
        name = f"u{unique.slot}"
        if name in items:
            pairs = zip(before[name], items[name], strict=True)
            changed[name] = [None if was == now else now for was, now in pairs]
    return changed


def _release_changed(
    vault: Vault,
    sealer: Sealer,
    ids: Sequence[bytes],
    before: Mapping[str, Sequence[Cell]],
    items: Mapping[str, Sequence[Cell]],
) -> Iterator[Step]:
    for unique in sealer.table.uniques:
        name = f"u{unique.slot}"
        if name in items:
            pairs = zip(before[name], items[name], strict=True)
            rows = [(was,) for was, now in pairs if was is not None and was != now]
            if rows:
                yield Delete("uniques", ("tag",), rows)
    for column in sealer.table.columns:
        if column.token_slot and column.token in items:
            lost = [
                (was, record)
                for was, now, record in zip(before[column.token], items[column.token], ids, strict=True)
                if was is not None and was != now
            ]
            yield from release(vault, lost)


def _replace_elements(sealer: Sealer, ids: Sequence[bytes], changes: Texts) -> Iterator[Step]:
    for column in sealer.table.columns:
        if column.field.array and column.name in changes:
            for tag in sealer.tags[column.name]:
                yield Delete("elements", ("index_id", "record"), [(tag.id, record) for record in ids])
    yield from element_steps(sealer, ids, changes)


def delete_steps(vault: Vault, table: Table, rows: Sequence[Row]) -> Iterator[Step]:
    """Yield the steps that remove verified rows and all that hangs on them."""
    if not rows:
        return
    sealer = vault.sealer(table)
    place = sealer.place
    for row in rows:
        # What hangs on a record is removed as these rows say it is, so they must be the present ones.
        yield Expect(table.rows, And((Compare("id", "=", row[0]), Compare("mac", "=", row[place["mac"]]))), True)
    yield Delete(table.rows, ("id",), [(row[0],) for row in rows])
    yield Delete("queues", ("record",), [(row[0],) for row in rows])
    for unique in table.uniques:
        tags = [(row[place[f"u{unique.slot}"]],) for row in rows if row[place[f"u{unique.slot}"]] is not None]
        if tags:
            yield Delete("uniques", ("tag",), tags)
    held: list[tuple[Cell, Cell]] = []
    for column in table.columns:
        if column.token_slot:
            held += [(row[place[column.token]], row[0]) for row in rows if row[place[column.token]] is not None]
        if column.field.array and column.indexes:
            yield Delete("elements", ("record",), [(row[0],) for row in rows])
    if any(column.token_id and not column.token_slot for column in table.columns):
        held += _by_consumers(vault, table, [row[0] for row in rows])
    yield from release(vault, held)
    yield from chunks.drop_steps(vault, table, [row[0] for row in rows])  # type: ignore[misc]


def _by_consumers(vault: Vault, table: Table, ids: Sequence[Cell]) -> list[tuple[Cell, Cell]]:
    """Return the (token, record) pairs that no head names: each consumer has tokens of its own."""
    columns = {column.token_id for column in table.columns if column.token_id and not column.token_slot}
    where = And((In("holder", tuple(ids)), Compare("rows", "=", table.rows)))
    pairs = vault.store.select(Select(table="refs", columns=("token", "holder"), where=where))
    owner = In("token", tuple({pair[0] for pair in pairs}))
    owned = vault.store.select(Select(table="tokens", columns=("token", "owner"), where=owner)) if pairs else []
    chosen = {row[0] for row in owned if row[1] in columns}
    return [(pair[0], pair[1]) for pair in pairs if pair[0] in chosen]


def unreferenced(vault: Vault, table: Table, ids: Sequence[bytes]) -> Iterator[Step]:
    """Yield the expectation that no record refers to `ids`. Raises StillReferenced if one does now."""
    for other in vault.schema.tables:
        for column in other.columns:
            if column.field.reference is None or column.field.reference.collection != table.name or not ids:
                continue
            where = In(column.cell, tuple(ids))
            if vault.store.select(Select(table=other.rows, columns=("id",), where=where, limit=1)):
                raise StillReferenced(
                    f"records of `{other.name}` refer to this one by `{column.name}`",
                    hint="delete those first, or erase the subject",
                )
            yield Expect(other.rows, where, False)
