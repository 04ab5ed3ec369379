"""Add one record: what `records.insert` does for a batch of one, value by value instead of column by column.

The batch path spends most of a single insert on lists of one. This path covers the common table (no arrays, no
transient and no computed tokens); `Plan.fits` says whether it applies. It checks no unique set in advance: the store
refuses a clash, and the caller then takes the batch path, which names it, and sets `Plan.look`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from privet import digest
from privet.crypto import seal, shred, token
from privet.crypto.index import Cut, Tagger
from privet.crypto.seal import CellKey
from privet.store.port import Cell, Expect, Insert, Put, Select, Step
from privet.vault import tokens
from privet.vault.holders import REFS, TOKENS
from privet.vault.log.audit import Deed
from privet.vault.schema import Column, Compound
from privet.vault.sealer import Sealer, shred_context
from privet.vault.vault import Vault
from privet.vocabulary.predicate import Compare, In

_STORED, _RECORD = ("stored", "column", ""), ("record", "column", "")
LOOK = 100  # inserts that look for tokens of their values after one whose value had a token


@dataclass(slots=True)
class _Token:
    """How the stored token of one column is found or drawn."""

    column: Column
    at: int
    tagger: Tagger
    key: CellKey
    context: bytes
    shred: bytes
    pad: int


@dataclass(slots=True)
class _Column:
    """One column, with all that sealing it needs looked up."""

    name: str
    at: int
    reference: bool
    shreddable: bool
    unique: bool
    pad: int
    context: bytes
    shred: bytes
    key: CellKey | None
    tags: tuple[tuple[int, Callable[[str], str | None] | None, Tagger | Cut], ...]
    token: _Token | None


@dataclass(slots=True)
class Plan:
    """A table made ready for single inserts. Made anew with the sealer that it reads.

    `look`: how many inserts from now look whether their values have tokens. The others hold them for new, and clash
    where they are not: to look is a tenth of an insert, and most columns with tokens hold what hardly repeats.
    """

    sealer: Sealer
    columns: tuple[_Column, ...]
    uniques: tuple[tuple[int, tuple[str, ...], Tagger], ...]
    compounds: tuple[Compound, ...]
    fits: bool
    rows: str
    names: tuple[str, ...]
    head: tuple[tuple[int, bytes, bool], ...]
    look: int = 0


def plan(vault: Vault, sealer: Sealer) -> Plan:
    """Return the plan of a sealer's table."""
    table, place = sealer.table, sealer.place
    fits = sealer.settled and all(_common(column) and _settled(vault, column) for column in table.columns)
    columns = tuple(_column(vault, sealer, column) for column in table.columns) if fits else ()
    uniques = tuple(
        (place[f"u{unique.slot}"], unique.columns, sealer.unique_taggers[unique.slot][0]) for unique in table.uniques
    )
    head = tuple((place[name], label, name[0] == "c") for name, label in sealer.items)
    return Plan(sealer, columns, uniques, table.compounds, fits, table.rows, table.names(), head)


def _common(column: Column) -> bool:
    made = column.field.token
    plain = made is None or (made.kind, made.scope, made.shape) in (_STORED, _RECORD)
    return plain and not column.field.array and column.field.keep != "transient"


def _settled(vault: Vault, column: Column) -> bool:
    return not column.token_id or len(vault.ring.indexes(column.token_id, "unique")) == 1


def _column(vault: Vault, sealer: Sealer, column: Column) -> _Column:
    place, pad = sealer.place, sealer.kinds[column.name].pad_bytes
    tags = tuple((place[tag.name], tag.part, tag.taggers[0]) for tag in sealer.tags[column.name])
    made = None
    key = None if column.field.reference else vault.ring.cell(column.id)
    if column.token_slot:
        token_key, context = vault.ring.cell(column.token_id, "token"), tokens.context(vault, column)
        made = _Token(
            column,
            place[column.token],
            vault.ring.index(column.token_id, "unique"),
            token_key,
            context,
            shred_context(token_key, context),
            pad,
        )
    return _Column(
        name=column.name,
        at=place[column.cell],
        reference=column.field.reference is not None,
        shreddable=column.field.keep == "shreddable",
        unique=column.field.unique,
        pad=pad,
        context=sealer.contexts[column.name],
        shred=shred_context(key, sealer.contexts[column.name]) if key else b"",
        key=key,
        tags=tags,
        token=made,
    )


def insert_steps(
    vault: Vault, ready: Plan, texts: Mapping[str, str | None], subject: bytes | None, deed: Deed
) -> tuple[bytes, dict[str, str | None], list[Step]]:
    """Return (record id, token texts by column, steps) that add one record of canonical texts."""
    sealer, table, now = ready.sealer, ready.sealer.table, vault.clock()
    record = digest.record_ids(1, now_ms=now)[0]
    ttl = table.collection.ttl_seconds
    row: list[Cell] = [None] * len(sealer.physical)
    row[:6] = (record, 1, subject, now + ttl * 1000 if ttl else None, now, now)
    secret = vault.subject_keys([subject])[0] if subject is not None and sealer.shreds else b""
    for column in ready.columns:
        text = texts[column.name]
        if text is None:
            continue
        row[column.at] = _cell(column, record, text, secret)
        for at, part_of, tagger in column.tags:
            part = text if part_of is None else part_of(text)
            row[at] = None if part is None else tagger.tag(part.encode())
    for at, names, tagger in ready.uniques:
        values = [text.encode() for name in names if (text := texts[name]) is not None]
        row[at] = tagger.tag(digest.canonical(values)) if len(values) == len(names) else None
    for compound in ready.compounds:
        row[sealer.place[f"x{compound.slot}"]] = sealer.compound(compound, {n: (t,) for n, t in texts.items()})[0]
    shown, steps = _tokens(vault, ready, texts, row, secret, deed)
    if table.record_slot:
        row[sealer.place[table.token]] = raw = tokens.record_tokens(1)[0]
        shown.update({column.name: tokens.of_record(raw, texts[column.name]) for column in table.of_record})
    mac = row[6] = sealer.mac.tag(_head(ready, row))
    steps.append(Insert(ready.rows, sealer.physical, (tuple(row),)))
    taken = [(row[at], record) for at, _, _ in ready.uniques if row[at] is not None]
    if taken:
        steps.append(Insert("uniques", ("tag", "record"), taken))
    entry = record + b"\0\0\0\1" + mac
    steps.append(deed.entry(table.name, ready.names, records=entry, count=1))
    steps.extend(deed.settle(record))
    return record, shown, steps


def _cell(column: _Column, record: bytes, text: str, secret: bytes) -> bytes:
    if column.key is None:
        return digest.id_bytes(text)
    if column.shreddable:
        keys = shred.cell_keys([secret], column.shred)
        return seal.seal_each(keys, column.key.key_id, column.context, [record], [text.encode()], column.pad)[0]
    return column.key.seal_one(column.context, record, text.encode(), column.pad)


def _head(ready: Plan, row: list[Cell]) -> bytes:
    """Return the bytes of the record's head: see `Sealer.macs`."""
    sealer = ready.sealer
    record, version, subject, expires = row[0], row[1], row[2], row[3]
    parts: list[bytes] = [
        sealer.table.id,
        record,  # type: ignore[list-item]  # bytes, as HEAD says
        version.to_bytes(8, "big"),  # type: ignore[union-attr]  # an int, as HEAD says
        subject or digest.ZERO_ID,  # type: ignore[list-item]
        (expires or 0).to_bytes(8, "big"),  # type: ignore[union-attr]
    ]
    suite = sealer.suite
    for at, label, sealed in ready.head:
        cell: bytes | None = row[at]  # type: ignore[assignment]  # items are blobs
        if cell is not None:
            parts += (label, seal.siv(cell, suite) if sealed else cell)
    return b"".join(parts)


def _tokens(
    vault: Vault, ready: Plan, texts: Mapping[str, str | None], row: list[Cell], secret: bytes, deed: Deed
) -> tuple[dict[str, str | None], list[Step]]:
    """Find or draw the stored token of each column, and put its id into the row."""
    wanted: list[tuple[_Column, _Token, bytes, bytes]] = []
    shown: dict[str, str | None] = {}
    for column in ready.columns:
        made = column.token
        if made is not None:
            text = texts[column.name]
            if text is None:
                shown[column.name] = None
            else:
                plain = text.encode()
                wanted.append((column, made, plain, made.tagger.tag(plain)))
    if not wanted:
        return shown, []
    known = _known(vault, ready, [tag for column, _, _, tag in wanted if not column.unique])
    new: list[tuple[Cell, ...]] = []
    refs: list[tuple[Cell, ...]] = []
    steps: list[Step] = []
    record, subject = row[0], row[2]
    for (column, made, plain, tag), fresh in zip(wanted, digest.random_ids(len(wanted)), strict=True):
        raw = known.get(tag)
        there = raw is not None
        raw = raw or fresh
        if there:
            # INVARIANT: a token that is used again must still be there when this is written.
            steps.append(Expect("tokens", Compare("token", "=", raw), True))
            copy = _token_cell(column, made, (raw, tag), plain, secret) if column.shreddable else None
            refs.append((raw, record, ready.sealer.table.rows, subject, copy))
        else:
            cell = _token_cell(column, made, (raw, tag), plain, secret)
            new.append((raw, tag, made.column.token_id, None, cell, deed.at_ms, None, record, subject))
        row[made.at] = raw
        shown[column.name] = token.opaque_text(raw)
    if new:
        steps.append(Insert("tokens", TOKENS, new))
    if refs:
        steps.append(Put("refs", REFS, refs))
    return shown, steps


def _token_cell(column: _Column, made: _Token, names: tuple[bytes, bytes], plain: bytes, secret: bytes) -> bytes:
    """Return a token's value, sealed for a holder. `names`: the token's id and tag."""
    raw, tag = names
    if not column.shreddable:
        return made.key.seal_one(made.context, digest.sha256(raw + tag)[:16], plain, made.pad)
    keys = shred.cell_keys([secret], made.shred)
    return seal.seal_each(keys, made.key.key_id, made.context, [raw], [plain], made.pad)[0]


def _known(vault: Vault, ready: Plan, tags: list[bytes]) -> dict[bytes, bytes]:
    """Return the tokens of values that had one before, by tag, if some of late did; else none, and a tag may clash."""
    if not ready.look or not tags:
        return {}
    where = Compare("tag", "=", tags[0]) if len(tags) == 1 else In("tag", tuple(tags))
    rows = vault.store.select(Select(table="tokens", columns=("tag", "token"), where=where))
    ready.look = LOOK if rows else ready.look - 1
    return {row[0]: row[1] for row in rows}  # type: ignore[misc]  # both are blobs
