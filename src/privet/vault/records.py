"""Write and read records: the only place where a record's cells, tags, tokens, head and audit entry come together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from privet import digest
from privet.errors import (
    Denied,
    DuplicateValue,
    Gone,
    InvalidBatch,
    NotFound,
    PrivetError,
    StaleVersion,
    StillReferenced,
    UnknownName,
)
from privet.policy.permit import Permit
from privet.store.port import Cell, Delete, Expect, Insert, Row, Select, Step, Update
from privet.vault import chunks, moved, single, tokens
from privet.vault.audit import Deed
from privet.vault.schema import Table, Unique
from privet.vault.sealer import Heads, Sealer
from privet.vault.sight import View, visible
from privet.vault.values import Canon, Record, read_records
from privet.vault.vault import Vault
from privet.vocabulary.datatype import Wire
from privet.vocabulary.predicate import ALWAYS, And, Compare, In, Or, Predicate

Texts = Mapping[str, Sequence[str | None]]
_NONE: Mapping[str, Sequence[Cell]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Written:
    """What one record of a batch became. `tokens`: column → token text. `error`: why it was left out."""

    id: bytes = b""
    version: int = 0
    tokens: Mapping[str, str | None] = field(default_factory=dict)
    error: PrivetError | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """One record as a caller may see it."""

    id: bytes
    version: int
    created_ms: int
    updated_ms: int
    values: Mapping[str, Wire]
    tokens: Mapping[str, str | None]


# --- writing --------------------------------------------------------------------------------------------------


async def insert(
    vault: Vault, permit: Permit, records: Sequence[Record], deed: Deed, *, partial: bool = False
) -> list[Written]:
    """Add records, all or none; with `partial`, those that pass, and an error for each of the others.

    Raises InvalidBatch with every fault, DuplicateValue, Denied (a column that the permit lacks), NotFound (a
    reference to no record).
    """
    table = vault.table(permit.table)
    _permit_columns(permit, table, records)
    canon = read_records(table, records)
    if canon.faults and not partial:
        raise _batch_error(canon)

    alone = len(records) == 1 and not canon.faults

    def prepare() -> tuple[list[Written], Sequence[Step]]:
        nonlocal alone
        ready = _single_plan(vault, table) if alone else None
        if ready is not None:
            alone = False  # a clash takes the path below, which says what it was
            texts_of_one = {name: column[0] for name, column in canon.texts.items()}
            _resolve(vault, table, canon.texts, {}, partial=False)
            subjects = subjects_of(vault, table, canon.texts, 1)
            if ready.sealer.shreds:
                vault.draw_subjects(subjects)
            record, shown, steps = single.insert_steps(vault, ready, texts_of_one, subjects[0], deed)
            return [Written(record, 1, shown)], [*steps, *subjects_hold(vault, table, canon.texts, subjects)]
        errors = {at: faults[0] for at, faults in canon.faults.items()}
        texts = _resolve(vault, table, canon.texts, errors, partial=partial)
        _check_uniques(vault, table, texts, errors, partial=partial)
        keep = [at for at in range(len(records)) if at not in errors]
        chosen = {name: [column[at] for at in keep] for name, column in texts.items()} if errors else texts
        written, steps = _insert_steps(vault, table, chosen, len(keep), deed)
        return _interleave(written, errors, len(records)), steps

    return await vault.attempt(prepare)


def _single_plan(vault: Vault, table: Table) -> single.Plan | None:
    """Return the plan for one record of a table, None where only the batch path will do."""
    sealer = vault.sealer(table)
    found = vault.plans.get(table.name)
    if not isinstance(found, single.Plan) or found.sealer is not sealer:
        found = vault.plans[table.name] = single.plan(vault, sealer)
    return found if found.fits else None


def _interleave(written: Sequence[Written], errors: Mapping[int, PrivetError], size: int) -> list[Written]:
    rest = iter(written)
    return [Written(error=errors[at]) if at in errors else next(rest) for at in range(size)]


def _permit_columns(permit: Permit, table: Table, records: Sequence[Record]) -> None:
    denied = frozenset(table.names()) - permit.columns.keys()
    for record in records if denied else ():
        if not denied.isdisjoint(record):
            raise Denied(f"no role of the caller allows `{permit.action}` on every column that was sent")


def _batch_error(canon: Canon) -> InvalidBatch:
    faults = tuple(fault for at in sorted(canon.faults) for fault in canon.faults[at])
    return InvalidBatch(f"{len(canon.faults)} of the records break a rule; nothing was kept", faults=faults)


def _insert_steps(vault: Vault, table: Table, texts: Texts, size: int, deed: Deed) -> tuple[list[Written], list[Step]]:
    sealer, now = vault.sealer(table), vault.clock()
    ids = digest.record_ids(size, now_ms=now)
    ttl = table.collection.ttl_seconds
    heads = Heads(
        ids,
        [1] * size,
        subjects_of(vault, table, texts, size),
        [now + ttl * 1000 if ttl else None] * size,
    )
    items, shown, steps = sealed(vault, sealer, heads, texts, deed)
    macs = sealer.macs(heads, items)
    stamps = [now] * size
    rows: list[Row] = list(
        zip(
            ids,
            heads.versions,
            heads.subjects,
            heads.expires,
            stamps,
            stamps,
            macs,
            *(items[name] for name in sealer.physical[7:]),
            strict=True,
        )
    )
    steps.append(Insert(table.rows, sealer.physical, rows))
    steps.extend(claims(table, ids, items))
    steps.extend(unclaimed(sealer, texts))
    steps.extend(subjects_hold(vault, table, texts, heads.subjects))
    steps.extend(element_steps(sealer, ids, texts))
    proof = b"".join(written_entry(i, 1, m) for i, m in zip(ids, macs, strict=True))
    steps.append(deed.entry(table.name, tuple(texts), records=proof, count=size))
    steps.extend(deed.settle(b"".join(ids)))
    names = tuple(shown)
    columns = list(zip(*shown.values(), strict=True)) if shown else [()] * size
    return [Written(i, 1, dict(zip(names, row, strict=True))) for i, row in zip(ids, columns, strict=True)], steps


def written_entry(record: bytes, version: int, mac: bytes) -> bytes:
    """Return the 36 bytes by which an audit entry names a written record."""
    return record + version.to_bytes(4, "big") + mac


def subjects_of(vault: Vault, table: Table, texts: Texts, size: int) -> list[bytes | None]:
    """Return the subject of each new record: itself, nobody, or the subject of the record that it refers to."""
    kind = table.collection.subject
    if kind == "none":
        return [None] * size
    if kind == "self":
        shreds = vault.sealer(table).shreds
        return list(vault.demand_subjects().new_subjects(size) if shreds else digest.random_ids(size))
    column = table.column(kind)
    assert column.field.reference is not None
    target = vault.table(column.field.reference.collection)
    wanted = {digest.id_bytes(text) for text in texts[kind] if text is not None}
    rows = vault.store.select(
        Select(table=target.rows, columns=("id", "subject"), where=In("id", tuple(sorted(wanted))))
    )
    found = {row[0]: row[1] for row in rows}
    return [None if text is None else found[digest.id_bytes(text)] for text in texts[kind]]  # type: ignore[misc]


def subjects_hold(vault: Vault, table: Table, texts: Texts, subjects: Sequence[bytes | None]) -> Iterator[Step]:
    """Yield the expectation that records which take over a subject by reference take over the right one.

    The record that they refer to may be moved to another person, or its person erased, while they are written.
    """
    kind = table.collection.subject
    if kind in ("none", "self") or kind not in texts:
        return
    reference = table.column(kind).field.reference
    assert reference is not None
    rows = vault.table(reference.collection).rows
    for text, subject in dict.fromkeys(zip(texts[kind], subjects, strict=True)):
        if text is not None:
            same = And((Compare("id", "=", digest.id_bytes(text)), Compare("subject", "=", subject)))
            yield Expect(rows, same, True)
    yield from vault.unerased(subjects)


def sealed(
    vault: Vault, sealer: Sealer, heads: Heads, texts: Texts, deed: Deed, kept: Mapping[str, Sequence[Cell]] = _NONE
) -> tuple[dict[str, Sequence[Cell]], dict[str, Sequence[str | None]], list[Step]]:
    """Return (physical columns of `texts`, token texts by column, steps that make those tokens).

    `kept`: physical token columns that stay as they are.
    """
    table = sealer.table
    items: dict[str, Sequence[Cell]] = {}
    shown: dict[str, Sequence[str | None]] = {}
    steps: list[Step] = []
    _draw_subjects(vault, sealer, texts, heads)
    for column in table.columns:
        if column.name not in texts:
            continue
        values = texts[column.name]
        if column.field.keep == "transient":
            items[column.cell] = [None] * len(values)
            shown[column.name] = tokens.hold(vault, column, values)
            continue
        if column.field.reference:
            items[column.cell] = [None if text is None else digest.id_bytes(text) for text in values]
        else:
            items[column.cell] = sealer.seal(column, heads.ids, values, heads.subjects)
            items.update(sealer.tag(column, values))
        if column.token_slot and column.token in kept:
            items[column.token] = kept[column.token]
        elif column.token_id:
            claim = tokens.claim(vault, column, values, heads, deed, table.rows)
            if column.token_slot:
                items[column.token] = claim.ids
            shown[column.name] = claim.texts
            steps.extend(claim.steps)
    for unique in table.uniques:
        if all(name in texts for name in unique.columns):
            items[f"u{unique.slot}"] = sealer.unique(unique.slot, [texts[name] for name in unique.columns])
    return items, shown, steps


def _draw_subjects(vault: Vault, sealer: Sealer, texts: Texts, heads: Heads) -> None:
    if not sealer.shreddable.isdisjoint(texts):
        vault.draw_subjects(heads.subjects)


def claims(table: Table, ids: Sequence[bytes], items: Mapping[str, Sequence[Cell]]) -> Iterator[Step]:
    for unique in table.uniques:
        tags = items.get(f"u{unique.slot}", ())
        rows = [(tag, record) for tag, record in zip(tags, ids, strict=False) if tag is not None]
        if rows:
            yield Insert("uniques", ("tag", "record"), rows)


def unclaimed(sealer: Sealer, texts: Texts) -> Iterator[Step]:
    """Yield the expectation that nobody holds these values under an older key, while a unique set is rebuilt.

    INVARIANT: each value is claimed once, under the newest key or an older one that lives.
    """
    for unique in sealer.table.uniques:
        if all(name in texts for name in unique.columns):
            for tags in sealer.former_uniques(unique.slot, [texts[name] for name in unique.columns]):
                taken = tuple(tag for tag in tags if tag is not None)
                if taken:
                    yield Expect("uniques", In("tag", taken), False)


def element_steps(sealer: Sealer, ids: Sequence[bytes], texts: Texts) -> Iterator[Step]:
    for column in sealer.table.columns:
        if not column.field.array or column.name not in texts:
            continue
        for tag in sealer.tags[column.name]:
            rows = [
                (tag.id, element, record)
                for record, text in zip(ids, texts[column.name], strict=True)
                for element in sealer.elements(tag, text)
            ]
            if rows:
                yield Insert("elements", ("index_id", "tag", "record"), rows)


def _resolve(vault: Vault, table: Table, texts: Texts, errors: dict[int, PrivetError], *, partial: bool) -> Texts:
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


def live(vault: Vault, table: Table, ids: Sequence[bytes]) -> set[bytes]:
    """Return those of `ids` that are records of `table` and have not expired."""
    where = And((In("id", tuple(ids)), not_expired(vault, table)))
    return {row[0] for row in vault.store.select(Select(table=table.rows, columns=("id",), where=where))}  # type: ignore[misc]


def not_expired(vault: Vault, table: Table) -> Predicate:
    """Return the physical condition of records whose time has not run out."""
    if not table.collection.ttl_seconds:
        return ALWAYS
    return Or((Compare("expires", "=", None), Compare("expires", ">", vault.clock())))


def _check_uniques(
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
        tags, holders = _holders(vault, sealer, unique, texts)
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


def _holders(vault: Vault, sealer: Sealer, unique: Unique, texts: Texts) -> tuple[Sequence[Cell], dict[Cell, Cell]]:
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


async def upsert(
    vault: Vault, permit: Permit, on: Sequence[str], records: Sequence[Record], deed: Deed
) -> list[Written]:
    """Insert records, or update those that hold the same values in the unique set `on`. All or none.

    Raises UnknownName if `on` is no unique set of the table, and what `insert` and `update` raise.
    """
    table = vault.table(permit.table)
    _permit_columns(permit, table, records)
    unique = next((unique for unique in table.uniques if set(unique.columns) == set(on)), None)
    if unique is None:
        offered = "; ".join(", ".join(u.columns) for u in table.uniques) or "none"
        raise UnknownName(f"expected a unique set of `{table.name}`", hint=f"the table has: {offered}")
    canon = read_records(table, records, changes=True)
    missing = [name for name in unique.columns if name not in canon.texts or None in canon.texts[name]]
    if missing:
        raise InvalidBatch(f"every record must hold `{missing[0]}` to be found by it")
    if canon.faults:
        raise _batch_error(canon)
    fresh = read_records(table, records)

    def prepare() -> tuple[list[Written], Sequence[Step]]:
        tags, holders = _holders(vault, vault.sealer(table), unique, canon.texts)
        if len(set(tags)) != len(tags):
            raise DuplicateValue(f"two records of the batch share ({', '.join(unique.columns)})")
        new = [at for at, tag in enumerate(tags) if tag not in holders]
        known = [at for at, tag in enumerate(tags) if tag in holders]
        out: dict[int, Written] = {}
        steps: list[Step] = []
        if new:
            if any(at in fresh.faults for at in new):
                raise _batch_error(fresh)
            texts = {name: [column[at] for at in new] for name, column in fresh.texts.items()}
            _resolve(vault, table, texts, {}, partial=False)
            _check_uniques(vault, table, texts, {}, partial=False)
            written, more = _insert_steps(vault, table, texts, len(new), deed.unsettled())
            out.update(zip(new, written, strict=True))
            steps.extend(more)
        for at in known:
            change = _one(records[at], canon, at)
            holder = holders[tags[at]]
            written_one, more = update_steps(vault, table, [holder], change, [None], deed.unsettled())  # type: ignore[list-item]
            out[at] = written_one[0]
            steps.extend(more)
        ordered = [out[at] for at in range(len(records))]
        return ordered, [*steps, *deed.settle(b"".join(item.id for item in ordered))]

    return await vault.attempt(prepare)


def _one(record: Record, canon: Canon, at: int) -> dict[str, list[str | None]]:
    return {name: [canon.texts[name][at]] for name in record}


async def update(
    vault: Vault, permit: Permit, record: bytes, changes: Record, deed: Deed, *, version: int | None = None
) -> Written:
    """Change columns of one record. `version`: refuse unless the record still has it.

    Raises NotFound, StaleVersion, InvalidBatch, DuplicateValue, Damaged.
    """
    table = vault.table(permit.table)
    _permit_columns(permit, table, [changes])
    canon = read_records(table, [changes], path="changes", changes=True)
    if canon.faults:
        raise _batch_error(canon)

    def prepare() -> tuple[Written, Sequence[Step]]:
        written, steps = update_steps(vault, table, [record], canon.texts, [version], deed)
        return written[0], steps

    return await vault.attempt(prepare)


def fetch(vault: Vault, table: Table, ids: Sequence[bytes]) -> list[Row]:
    """Return the verified rows of live records, in the order of `ids`; those that do not exist are left out."""
    sealer = vault.sealer(table)
    where: Predicate = Compare("id", "=", ids[0]) if len(ids) == 1 else In("id", tuple(ids))
    question = Select(table=table.rows, columns=sealer.physical, where=And((where, not_expired(vault, table))))
    rows = vault.store.select(question)
    sealer.verify(rows)
    if len(rows) > 1:
        by_id = {row[0]: row for row in rows}
        rows = [by_id[i] for i in ids if i in by_id]
    return rows


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
    texts = _with_unique_neighbours(sealer, rows, changes)
    _resolve(vault, table, changes, {}, partial=False)
    _check_uniques(vault, table, texts, {}, partial=False, own=ids)
    columns = list(zip(*rows, strict=True))
    before: dict[str, Sequence[Cell]] = {name: columns[place[name]] for name, _ in sealer.items}
    old: list[int] = [row[place["version"]] for row in rows]  # type: ignore[misc]
    subjects = _next_subjects(vault, table, columns[place["subject"]], changes)
    heads = Heads(ids, [v + 1 for v in old], subjects, columns[place["expires"]])
    items, shown, steps = _resealed(vault, sealer, heads, changes, rows, deed)
    for unique in table.uniques:
        if all(name in texts for name in unique.columns):
            items[f"u{unique.slot}"] = sealer.unique(unique.slot, [texts[name] for name in unique.columns])
    macs = sealer.macs(heads, {**before, **items})
    steps.insert(0, _update_rows(table, items, heads, macs, (now, columns[place["mac"]])))
    steps.extend(_release_changed(vault, sealer, ids, before, items))
    steps.extend(claims(table, ids, _changed_uniques(table, before, items)))
    steps.extend(unclaimed(sealer, texts))
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


def _with_unique_neighbours(sealer: Sealer, rows: Sequence[Row], changes: Texts) -> Texts:
    """Return the changes, with the present values of columns that share a unique set with a changed one."""
    wanted = {
        name
        for unique in sealer.table.uniques
        if any(column in changes for column in unique.columns)
        for name in unique.columns
    }
    opened = {name: sealer.open(sealer.table.column(name), rows) for name in wanted if name not in changes}
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
            yield from tokens.release(vault, lost)


def _replace_elements(sealer: Sealer, ids: Sequence[bytes], changes: Texts) -> Iterator[Step]:
    for column in sealer.table.columns:
        if column.field.array and column.name in changes:
            for tag in sealer.tags[column.name]:
                yield Delete("elements", ("index_id", "record"), [(tag.id, record) for record in ids])
    yield from element_steps(sealer, ids, changes)


async def delete(vault: Vault, permit: Permit, ids: Sequence[bytes], deed: Deed) -> int:
    """Delete records with their tags, tokens and references; ids that do not exist are not counted.

    Raises StillReferenced if another record refers to one of them, Damaged.
    """
    table = vault.table(permit.table)

    def prepare() -> tuple[int, Sequence[Step]]:
        rows = fetch(vault, table, ids)
        steps = [*delete_steps(vault, table, rows), *_unreferenced(vault, table, [row[0] for row in rows])]  # type: ignore[misc]
        proof = b"".join(written_entry(row[0], 0, bytes(16)) for row in rows)  # type: ignore[arg-type]
        steps.append(deed.entry(table.name, records=proof, count=len(rows)))
        steps.extend(deed.settle(b"".join(row[0] for row in rows)))  # type: ignore[misc]
        return len(rows), steps

    return await vault.attempt(prepare)


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
    yield from tokens.release(vault, held)
    yield from chunks.drop_steps(vault, table, [row[0] for row in rows])  # type: ignore[misc]


def _unreferenced(vault: Vault, table: Table, ids: Sequence[bytes]) -> Iterator[Step]:
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


# --- reading --------------------------------------------------------------------------------------------------


async def get(vault: Vault, permit: Permit, ids: Sequence[bytes], view: View, deed: Deed) -> list[Opened]:
    """Return records as the permit shows them, in the order of `ids`; audited before it returns.

    Records that do not exist, have expired or lie outside the permit's rows are left out alike.
    """
    table = vault.table(permit.table)
    rows = fetch(vault, table, ids)
    opened = open_rows(vault, table, permit, rows, view)
    await vault.note(
        deed,
        table=table.name,
        columns=view.columns,
        records=b"".join(item.id for item in opened),
        count=len(opened),
    )
    return opened


def open_rows(vault: Vault, table: Table, permit: Permit, rows: Sequence[Row], view: View) -> list[Opened]:
    """Return verified rows under a permit. The caller audits before it lets them go."""
    sealer = vault.sealer(table)
    rows, values = visible(sealer, permit, rows, view)
    held = tokens.texts_of(vault, table, rows, sealer.place)
    place = sealer.place
    return [
        Opened(row[0], row[place["version"]], row[place["created"]], row[place["updated"]], value, token)  # type: ignore[arg-type]
        for row, value, token in zip(rows, values, held, strict=True)
    ]


def present(vault: Vault, table: Table, ids: Sequence[bytes]) -> list[Written]:
    """Return ids, versions and tokens of records as they are now; a record that is gone is an error of its item."""
    rows = fetch(vault, table, ids)
    place = vault.sealer(table).place
    held = tokens.texts_of(vault, table, rows, place)
    found = {row[0]: (row, token) for row, token in zip(rows, held, strict=True)}
    out = []
    for record in ids:
        if record in found:
            row, token = found[record]
            out.append(Written(record, row[place["version"]], token))  # type: ignore[arg-type]
        else:
            out.append(Written(record, error=Gone("the record was here and is erased or expired")))
    return out
