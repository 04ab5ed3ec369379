"""Write and read records: the only place where a record's cells, tags, tokens, head and audit entry come together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from privet import digest
from privet.errors import AlreadyDone, Denied, DuplicateValue, Gone, InvalidBatch, NotFound, PrivetError, UnknownName
from privet.policy.permit import Permit
from privet.store.port import Insert, Row, Step
from privet.vault import single, tokens
from privet.vault.access import lookup
from privet.vault.access.budgets import Seen
from privet.vault.access.lookup import Asking
from privet.vault.candidates import among
from privet.vault.change import (
    check_uniques,
    delete_steps,
    referred,
    resolve,
    unique_holders,
    unreferenced,
    update_steps,
)
from privet.vault.holders import together
from privet.vault.log.audit import Deed
from privet.vault.rows import (
    Texts,
    Written,
    claims,
    element_steps,
    fetch,
    sealed,
    subjects_hold,
    subjects_of,
    unclaimed,
    written_entry,
)
from privet.vault.schema import Table, Unique
from privet.vault.sealer import Heads
from privet.vault.sight import View, visible
from privet.vault.values import Canon, Record, read_records
from privet.vault.vault import Vault
from privet.vocabulary.datatype import Wire
from privet.vocabulary.predicate import ALWAYS


@dataclass(frozen=True, slots=True)
class Opened:
    """One record as a caller may see it."""

    id: bytes
    version: int
    created_ms: int
    updated_ms: int
    values: Mapping[str, Wire]
    tokens: Mapping[str, str | None]


async def insert(
    vault: Vault,
    permit: Permit,
    records: Sequence[Record],
    deed: Deed,
    *,
    partial: bool = False,
    asking: Asking = lookup.nobody,
) -> list[Written]:
    """Add records, all or none; with `partial`, those that pass, and an error for each of the others.

    Raises InvalidBatch with every fault, DuplicateValue (Conflict, unless what `asking` permits may know of it),
    Denied (a column that the permit lacks), NotFound (a reference to no record), LimitExceeded.
    """
    table = vault.table(permit.table)
    _permit_columns(permit, table, records)
    canon = read_records(table, records)
    if canon.faults and not partial:
        raise _batch_error(canon)

    vault.spend_lookups(permit, table, canon.texts)
    alone = len(records) == 1 and not canon.faults
    tried: single.Plan | None = None

    def prepare() -> tuple[list[Written], Sequence[Step]]:
        nonlocal tried
        ready = _single_plan(vault, table) if alone and tried is None else None
        if tried is not None:
            tried.look = single.LOOK
        if ready is not None:
            tried = ready  # a clash takes the path below, which says what it was
            texts_of_one = {name: column[0] for name, column in canon.texts.items()}
            resolve(vault, table, canon.texts, {}, partial=False)
            subjects = subjects_of(vault, table, canon.texts, 1)
            if ready.sealer.shreds:
                vault.draw_subjects(subjects)
            record, shown, steps = single.insert_steps(vault, ready, texts_of_one, subjects[0], deed)
            hold = (*subjects_hold(vault, table, canon.texts, subjects), *referred(vault, table, canon.texts))
            return [Written(record, 1, shown)], [*steps, *hold]
        errors = {at: faults[0] for at, faults in canon.faults.items()}
        texts = resolve(vault, table, canon.texts, errors, partial=partial)
        check_uniques(vault, table, texts, errors, partial=partial)
        keep = [at for at in range(len(records)) if at not in errors]
        chosen = {name: [column[at] for at in keep] for name, column in texts.items()} if errors else texts
        written, steps = _insert_steps(vault, table, chosen, len(keep), deed.unsettled())
        answer = _interleave(written, errors, len(records))
        answer = lookup.discreetly(table, canon.texts, asking, answer)
        # A retry is answered in the same order: what was left out settles as zeros.
        return answer, [*steps, *deed.settle(b"".join(item.id or digest.ZERO_ID for item in answer))]

    with lookup.discreet(table, canon.texts, asking):
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
    if table.record_slot:
        items[table.token] = made = tokens.record_tokens(size)
        for column in table.of_record:
            shown[column.name] = [tokens.of_record(raw, t) for raw, t in zip(made, texts[column.name], strict=True)]
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
    steps.extend(referred(vault, table, texts))
    steps.extend(element_steps(sealer, ids, texts))
    proof = b"".join(written_entry(i, 1, m) for i, m in zip(ids, macs, strict=True))
    steps.append(deed.entry(table.name, tuple(texts), records=proof, count=size))
    steps.extend(deed.settle(b"".join(ids)))
    names = tuple(shown)
    columns = list(zip(*shown.values(), strict=True)) if shown else [()] * size
    return [Written(i, 1, dict(zip(names, row, strict=True))) for i, row in zip(ids, columns, strict=True)], steps


async def upsert(
    vault: Vault,
    permits: tuple[Permit, Permit],
    on: Sequence[str],
    records: Sequence[Record],
    deed: Deed,
    *,
    asking: Asking = lookup.nobody,
) -> list[Written]:
    """Insert records, or update those that hold the same values in the unique set `on`. All or none.

    `permits`: to insert, and to update. Raises UnknownName if `on` is no unique set of the table, Denied unless
    `asking` permits to look records up by it, and what `insert` and `update` raise.
    """
    table = vault.table(permits[0].table)
    for permit in permits:
        _permit_columns(permit, table, records)
    unique = _unique_set(table, on)
    lookup.demand(table, unique, asking)
    canon = read_records(table, records, changes=True)
    missing = [name for name in unique.columns if name not in canon.texts or None in canon.texts[name]]
    if missing:
        raise InvalidBatch(f"every record must hold `{missing[0]}` to be found by it")
    if canon.faults:
        raise _batch_error(canon)
    fresh = read_records(table, records)
    vault.spend_lookups(permits[1], table, canon.texts)

    def prepare() -> tuple[list[Written], Sequence[Step]]:
        tags, holders = unique_holders(vault, vault.sealer(table), unique, canon.texts)
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
            resolve(vault, table, texts, {}, partial=False)
            check_uniques(vault, table, texts, {}, partial=False)
            written, more = _insert_steps(vault, table, texts, len(new), deed.unsettled())
            out.update(zip(new, written, strict=True))
            steps.extend(more)
        for names, places in _alike(records, known).items():
            ids: list[bytes] = [holders[tags[at]] for at in places]  # type: ignore[misc]  # blobs, as the shape says
            if len(_covered(vault, permits[1], ids, names)) < len(ids):
                raise DuplicateValue(f"({', '.join(unique.columns)}) is taken by another record")
            change = {name: [canon.texts[name][at] for at in places] for name in names}
            written, more = update_steps(vault, table, ids, change, [None] * len(ids), deed.unsettled())
            out.update(zip(places, written, strict=True))
            steps.extend(more)
        ordered = [out[at] for at in range(len(records))]
        return ordered, [*together(vault, steps), *deed.settle(b"".join(item.id for item in ordered))]

    with lookup.discreet(table, canon.texts, asking):
        return await vault.attempt(prepare)


def _unique_set(table: Table, on: Sequence[str]) -> Unique:
    for unique in table.uniques:
        if set(unique.columns) == set(on):
            return unique
    offered = "; ".join(", ".join(unique.columns) for unique in table.uniques) or "none"
    raise UnknownName(f"expected a unique set of `{table.name}`", hint=f"the table has: {offered}")


def _alike(records: Sequence[Record], places: Sequence[int]) -> dict[tuple[str, ...], list[int]]:
    """Return the places of records by the columns that they name: those are changed together."""
    found: dict[tuple[str, ...], list[int]] = {}
    for at in places:
        found.setdefault(tuple(sorted(records[at])), []).append(at)
    return found


async def update(  # noqa: PLR0913  (what a caller may say of a change; a bundle would only rename it)
    vault: Vault,
    permit: Permit,
    record: bytes,
    changes: Record,
    deed: Deed,
    *,
    version: int | None = None,
    asking: Asking = lookup.nobody,
) -> Written:
    """Change columns of one record. `version`: refuse unless the record still has it.

    Raises NotFound (of a record outside the permit's rows, too), StaleVersion, InvalidBatch, DuplicateValue or
    Conflict as `insert` does, LimitExceeded, Damaged.
    """
    table = vault.table(permit.table)
    _permit_columns(permit, table, [changes])
    canon = read_records(table, [changes], path="changes", changes=True)
    if canon.faults:
        raise _batch_error(canon)
    vault.spend_lookups(permit, table, canon.texts)

    def prepare() -> tuple[Written, Sequence[Step]]:
        if not _covered(vault, permit, [record], tuple(changes)):
            raise NotFound(f"no such record in `{table.name}`")
        written, steps = update_steps(vault, table, [record], canon.texts, [version], deed)
        return written[0], steps

    with lookup.discreet(table, canon.texts, asking):
        return await vault.attempt(prepare)


def _covered(vault: Vault, permit: Permit, ids: Sequence[bytes], columns: tuple[str, ...] = ()) -> Sequence[Row]:
    """Return the verified rows of those records on which the permit's row rules cover every one of the columns: to the
    caller the others do not exist."""
    rows = fetch(vault, vault.table(permit.table), ids, among(vault, permit))
    everywhere = all(any(sight.where == ALWAYS for sight in permit.columns[name]) for name in columns)
    if permit.rows == ALWAYS and everywhere:
        return rows
    kept, shown = visible(vault.sealer(vault.table(permit.table)), permit, rows, View(columns))
    return [row for row, values in zip(kept, shown, strict=True) if len(values) == len(columns)]


async def delete(vault: Vault, permit: Permit, ids: Sequence[bytes], deed: Deed) -> int:
    """Delete records with their tags, tokens and references; ids that do not exist are not counted.

    Raises StillReferenced if another record refers to one of them, Damaged.
    """
    table = vault.table(permit.table)

    def prepare() -> tuple[int, Sequence[Step]]:
        rows = _covered(vault, permit, ids)
        steps = [*delete_steps(vault, table, rows), *unreferenced(vault, table, [row[0] for row in rows])]  # type: ignore[misc]
        proof = b"".join(written_entry(row[0], 0, bytes(16)) for row in rows)  # type: ignore[arg-type]
        steps.append(deed.entry(table.name, records=proof, count=len(rows)))
        steps.extend(deed.settle(b"".join(row[0] for row in rows)))  # type: ignore[misc]
        return len(rows), steps

    return await vault.attempt(prepare)


async def get(vault: Vault, permit: Permit, ids: Sequence[bytes], view: View, deed: Deed) -> list[Opened]:
    """Return records as the permit shows them, in the order of `ids`; audited before it returns.

    Records that do not exist, have expired or lie outside the permit's rows are left out alike.
    """
    table = vault.table(permit.table)
    rows, seen = fetch(vault, table, ids, among(vault, permit)), Seen(table, permit)
    opened = open_rows(vault, permit, rows, view, seen)
    await vault.note(
        deed,
        table=table.name,
        columns=view.columns,
        records=b"".join(item.id for item in opened),
        count=len(opened),
        seen=(seen,),
    )
    return opened


def open_rows(vault: Vault, permit: Permit, rows: Sequence[Row], view: View, seen: Seen) -> list[Opened]:
    """Return verified rows under a permit. The caller audits and spends `seen` before it lets them go."""
    table = vault.table(permit.table)
    sealer = vault.sealer(table)
    rows, values = visible(sealer, permit, rows, view, seen)
    held = tokens.texts_of(vault, table, rows, sealer.place)
    place = sealer.place
    # A token says what is equal to what, so it comes only beside a cell that the caller sees on this very row.
    shown = [
        {name: text for name, text in texts.items() if name in seen_here}
        for texts, seen_here in zip(held, values, strict=True)
    ]
    return [
        Opened(row[0], row[place["version"]], row[place["created"]], row[place["updated"]], value, token)  # type: ignore[arg-type]
        for row, value, token in zip(rows, values, shown, strict=True)
    ]


def present(vault: Vault, table: Table, ids: Sequence[bytes], consumer: str) -> list[Written]:
    """Return ids, versions and tokens of records as they are now, for a call that comes again.

    An id of zeros was left out the first time, a record that is gone has been erased since: both are errors of their
    items. Transient tokens, and those that each consumer has of its own, are shown once.
    """
    sealer = vault.sealer(table)
    rows, place = fetch(vault, table, [record for record in ids if record != digest.ZERO_ID]), sealer.place
    held = tokens.texts_of(vault, table, rows, place)
    for column in table.columns:
        if column.field.token is not None and column.field.token.kind in ("sealed", "ff1"):
            made = tokens.computed(vault, column, sealer.open(column, rows), consumer)
            for texts, text in zip(held, made, strict=True):
                texts[column.name] = text
    found = {row[0]: (row, token) for row, token in zip(rows, held, strict=True)}
    out = []
    for record in ids:
        if record in found:
            row, token = found[record]
            out.append(Written(record, row[place["version"]], token))  # type: ignore[arg-type]
        elif record == digest.ZERO_ID:
            out.append(Written(error=AlreadyDone("the record was left out when the call came first")))
        else:
            out.append(Written(record, error=Gone("the record was here and is erased or expired")))
    return out
