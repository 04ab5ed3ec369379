"""The rows of records: sealed, claimed, fetched. What every way of writing and reading them shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import msgspec

from privet import digest
from privet.errors import Damaged, PrivetError
from privet.store.port import Cell, Expect, Insert, Join, Row, Select, Step
from privet.vault import tokens
from privet.vault.log.audit import Deed
from privet.vault.schema import Schema, Table
from privet.vault.sealer import Heads, Sealer
from privet.vault.vault import Vault, vouched
from privet.vocabulary.predicate import ALWAYS, And, Compare, In, Or, Predicate, both

Texts = Mapping[str, Sequence[str | None]]
_EXPIRING = "tables that expire"  # no name of a table, beside which it stands in `Vault.plans`
_NONE: Mapping[str, Sequence[Cell]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Among:
    """Which rows of a table may be fetched. With `joins`, a row may come more than once."""

    where: Predicate
    joins: tuple[Join, ...] = ()

    def columns(self, sealer: Sealer) -> tuple[str, ...]:
        """Return every physical column of a record, as a question with these joins names it."""
        return tuple(f"a.{name}" for name in sealer.physical) if self.joins else sealer.physical


EVERY = Among(ALWAYS)


@dataclass(frozen=True, slots=True)
class Written:
    """What one record of a batch became. `tokens`: column → token text. `error`: why it was left out."""

    id: bytes = b""
    version: int = 0
    tokens: Mapping[str, str | None] = field(default_factory=dict)
    error: PrivetError | None = None


def written_entry(record: bytes, version: int, mac: bytes) -> bytes:
    """Return the 36 bytes by which an audit entry names a written record."""
    return record + version.to_bytes(4, "big") + mac


def subjects_of(
    vault: Vault, table: Table, texts: Texts, size: int, schema: Schema | None = None
) -> list[bytes | None]:
    """Return the subject of each new record: itself, nobody, or the subject of the record that it refers to.

    `schema`: the one that `table` is of; by default the one in force. A record that does not exist is about nobody.
    """
    kind = table.collection.subject
    if kind == "none":
        return [None] * size
    if kind == "self":
        if vault.sealer(table).shreds:
            return list(vault.demand_subjects().new_subjects(size))
        return list(digest.record_ids(size, now_ms=vault.clock()))  # ascending: its index grows at one end
    column = table.column(kind)
    assert column.field.reference is not None
    target = (schema or vault.schema).table(column.field.reference.collection)
    wanted = {digest.id_bytes(text) for text in texts[kind] if text is not None}
    if not wanted:
        return [None] * len(texts[kind])
    rows = vault.store.select(
        Select(table=target.rows, columns=("id", "subject"), where=In("id", tuple(sorted(wanted))))
    )
    found = {row[0]: row[1] for row in rows}
    return [None if text is None else found.get(digest.id_bytes(text)) for text in texts[kind]]  # type: ignore[misc]


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
            shown[column.name] = tokens.hold(vault, column, values, heads.subjects)
            continue
        if column.field.reference:
            items[column.cell] = [None if text is None else digest.id_bytes(text) for text in values]
        else:
            items[column.cell] = sealer.seal(column, heads.ids, values, heads.subjects, heads.held)
            items.update(sealer.tag(column, values))
        if column.token_slot and column.token in kept:
            items[column.token] = kept[column.token]
        elif column.token_id:
            claim = tokens.claim(vault, column, values, heads, deed, table.rows)
            if column.token_slot:
                items[column.token] = claim.ids
            shown[column.name] = claim.texts
            steps.extend(claim.steps)
    items.update(sealer.sets(texts))
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


def fetch(vault: Vault, table: Table, ids: Sequence[bytes], among: Among = EVERY) -> list[Row]:
    """Return the verified rows of live records, in the order of `ids`; those that do not exist, or lie outside of
    `among`, are left out."""
    sealer = vault.sealer(table)
    name = "a.id" if among.joins else "id"
    where: Predicate = Compare(name, "=", ids[0]) if len(ids) == 1 else In(name, tuple(ids))
    where = And((where, not_expired(vault, table, joined=bool(among.joins))))
    where = where if among is EVERY else both(where, among.where)
    question = Select(table=table.rows, columns=among.columns(sealer), where=where, joins=among.joins)
    rows = vault.store.select(question)
    if len(rows) > 1:
        rows = list({row[0]: row for row in rows}.values()) if among.joins else rows
    sealer.verify(rows)
    if len(rows) > 1:
        by_id = {row[0]: row for row in rows}
        rows = [by_id[i] for i in ids if i in by_id]
    return rows


def live(vault: Vault, table: Table, ids: Sequence[bytes]) -> set[bytes]:
    """Return those of `ids` that are records of `table` and have not expired."""
    where = And((In("id", tuple(ids)), not_expired(vault, table)))
    return {row[0] for row in vault.store.select(Select(table=table.rows, columns=("id",), where=where))}  # type: ignore[misc]


def not_expired(vault: Vault, table: Table, *, joined: bool = False) -> Predicate:
    """Return the physical condition of records whose time has not run out, whatever the schema says now."""
    if not may_expire(vault, table):
        return ALWAYS
    name = "a.expires" if joined else "expires"
    return Or((Compare(name, "=", None), Compare(name, ">", vault.clock())))


def may_expire(vault: Vault, table: Table) -> bool:
    """Return whether some version of the schema gives records of a table a time to live.

    Records keep the one that they were written with. Where none ever had one, questions do without the condition and
    are answered from their indexes alone.
    """
    found = vault.plans.get(_EXPIRING)
    if not isinstance(found, frozenset):
        found = vault.plans[_EXPIRING] = _expiring(vault)
    return table.id in found or table.collection.ttl_seconds > 0


def _expiring(vault: Vault) -> frozenset[bytes]:
    stored = vault.store.select(Select(table="schemas", columns=("body",)))
    try:
        schemas = [msgspec.json.decode(vouched(vault.ring, vault.id, "schema", row[0]), type=Schema) for row in stored]
    except (msgspec.DecodeError, Damaged):
        return frozenset(table.id for table in vault.schema.tables)  # unreadable ones may have given any a time
    return frozenset(table.id for schema in schemas for table in schema.tables if table.collection.ttl_seconds)
