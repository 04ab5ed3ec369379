"""Pass over records and tokens and write anew what older keys sealed or tagged, a few hundred in a unit of work.

Versions and values stay; the head's MAC changes, and the audit says so. A record that is changed by somebody else in
between clashes and is read again, so a pass may run while the vault serves. Which keys are older, and what becomes of
them afterwards, is decided in `vault.upkeep.rotation`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial

from privet import digest
from privet.crypto import shred
from privet.crypto.keys import Purpose
from privet.crypto.seal import key_id, seal_each
from privet.errors import Gone
from privet.store.port import Cell, Clash, Delete, Insert, Row, Select, Step, Update
from privet.vault import tokens
from privet.vault.blobs import chunks
from privet.vault.holders import AT, REFS, TOKENS, first_of
from privet.vault.log.audit import Deed
from privet.vault.schema import Column, Table
from privet.vault.sealer import Heads, Sealer, shred_context
from privet.vault.vault import Vault
from privet.vocabulary.datatype import data_type
from privet.vocabulary.predicate import And, Compare, In

CHUNK = 200
Owner = tuple[Purpose, bytes]
Owners = Collection[Owner]
Stretch = Callable[[bytes, int], tuple[bytes, Sequence[Step]]]
"""(id to go on after, how many) → (the last id seen, b"" at the end; what to write)."""


async def sweep(vault: Vault, owners: Owners, deed: Deed) -> None:
    """Write anew all that is not under the newest key of `owners`, while others go on."""
    for stretch in _stretches(vault, owners, deed):
        after, size = b"", CHUNK
        while True:
            try:
                after = await vault.attempt(partial(stretch, after, size))
            except Clash:
                if size == 1:
                    raise
                size = max(1, size // 8)  # records in hot demand: fewer at a time
                continue
            if not after:
                break


def sweep_now(vault: Vault, owners: Owners, deed: Deed) -> None:
    """`sweep` at the start, when nobody else writes."""
    for stretch in _stretches(vault, owners, deed):
        after = b""
        while True:
            after, steps = stretch(after, CHUNK)
            if steps:
                vault.write_now(steps)
            if not after:
                break


def _stretches(vault: Vault, owners: Owners, deed: Deed) -> Iterator[Stretch]:
    for table in vault.schema.tables:
        if _touches(table, owners):
            yield partial(_records, vault, table.id, owners, deed)
        for column in table.columns:
            if ("token", column.token_id) in owners or ("unique", column.token_id) in owners:
                yield partial(_tokens, vault, table.id, column.id, owners)


def _touches(table: Table, owners: Owners) -> bool:
    held = [("cell", column.id) for column in table.columns]
    held += [("index", index.id) for column in table.columns for index in column.indexes]
    held += [("unique", unique.id) for unique in table.uniques]
    held += [("index", compound.id) for compound in table.compounds]
    return any(owner in owners for owner in held)


def _table(vault: Vault, identity: bytes) -> Table | None:
    return next((table for table in vault.schema.tables if table.id == identity), None)


# --- records --------------------------------------------------------------------------------------------------


def _records(
    vault: Vault, identity: bytes, owners: Owners, deed: Deed, after: bytes, size: int
) -> tuple[bytes, Sequence[Step]]:
    table = _table(vault, identity)
    if table is None:
        return b"", ()  # dropped meanwhile
    sealer = vault.sealer(table)
    question = Select(
        table=table.rows,
        columns=sealer.physical,
        where=Compare("id", ">", after),
        order=(("id", True),),
        limit=size,
    )
    rows = vault.store.select(question)
    if not rows:
        return b"", ()
    sealer.verify(rows)
    last = rows[-1][0] if len(rows) == size else b""
    return last, list(_record_steps(vault, sealer, rows, owners, deed))  # type: ignore[return-value]  # ids are bytes


def _record_steps(vault: Vault, sealer: Sealer, rows: Sequence[Row], owners: Owners, deed: Deed) -> Iterator[Step]:
    fresh = _Fresh(sealer, rows, owners)
    items, at = fresh.items, fresh.changed()
    if not at:
        return
    table, place = sealer.table, sealer.place
    some = [rows[i] for i in at]
    chosen = {name: [cells[i] for i in at] for name, cells in items.items()}
    columns = list(zip(*some, strict=True))
    ids: list[bytes] = [row[0] for row in some]  # type: ignore[misc]  # ids are bytes
    heads = Heads(ids, columns[place["version"]], columns[place["subject"]], columns[place["expires"]])
    before: dict[str, Sequence[Cell]] = {name: columns[place[name]] for name, _ in sealer.items}
    macs = sealer.macs(heads, {**before, **chosen})
    cells = list(zip(*chosen.values(), macs, ids, columns[place["mac"]], strict=True))
    yield Update(table.rows, (*chosen, "mac"), ("id", "mac"), cells)
    yield from _claims(table, ids, before, chosen)
    yield from _elements(sealer, ids, {name: [texts[i] for i in at] for name, texts in fresh.texts.items()}, owners)
    if any(("cell", column.id) in owners and chunks.holds_files(column) for column in table.columns):
        held = list(zip(ids, heads.subjects, strict=True))
        yield from chunks.reseal_steps(vault.store, sealer, sealer, held, held)
    proof = b"".join(i + v.to_bytes(4, "big") + m for i, v, m in zip(ids, heads.versions, macs, strict=True))
    yield deed.entry(table.name, records=proof, count=len(ids), note="sealed under newer keys")


class _Fresh:
    """What the items of some records are under the newest keys.

    A record whose subject is forgotten is left as it is: nobody can open it, and an erasure is about to remove it.
    """

    def __init__(self, sealer: Sealer, rows: Sequence[Row], owners: Owners) -> None:
        self.items: dict[str, Sequence[Cell]] = {}
        self.texts: dict[str, list[str | None]] = {}
        self._sealer = sealer
        self._rows = rows
        self._shut: set[int] = set()
        table = sealer.table
        for column in table.columns:
            if not column.field.reference and ("cell", column.id) in owners:
                self.items[column.cell] = self._cells(column)
            wanted = [tag.name for tag in sealer.tags[column.name] if ("index", tag.id) in owners]
            if wanted:
                tags = sealer.tag(column, self._text(column))
                self.items.update({name: tags[name] for name in wanted})
        for unique in table.uniques:
            if ("unique", unique.id) in owners:
                columns = [self._text(table.column(name)) for name in unique.columns]
                self.items[f"u{unique.slot}"] = sealer.unique(unique.slot, columns)
        for compound in table.compounds:
            if ("index", compound.id) in owners:
                texts = {name: self._text(table.column(name)) for name in compound.columns}
                self.items[f"x{compound.slot}"] = sealer.compound(compound, texts)

    def changed(self) -> list[int]:
        """Return the places of records that must be written."""
        place = self._sealer.place
        return [
            at
            for at, row in enumerate(self._rows)
            if at not in self._shut and any(cells[at] != row[place[name]] for name, cells in self.items.items())
        ]

    def _cells(self, column: Column) -> list[Cell]:
        sealer, rows = self._sealer, self._rows
        place, newest = sealer.place[column.cell], sealer.ring.cell(column.id).key_id
        cells = [row[place] for row in rows]
        stale = [i for i, cell in enumerate(cells) if isinstance(cell, bytes) and key_id(cell) != newest]
        texts = self._text(column) if stale else []
        stale = [i for i in stale if i not in self._shut]
        ids: list[bytes] = [rows[i][0] for i in stale]  # type: ignore[misc]  # ids are bytes
        subjects: list[bytes | None] = [rows[i][sealer.place["subject"]] for i in stale]  # type: ignore[misc]
        for i, cell in zip(stale, sealer.seal(column, ids, [texts[i] for i in stale], subjects), strict=True):
            cells[i] = cell
        return cells

    def _text(self, column: Column) -> list[str | None]:
        if column.name not in self.texts:
            self.texts[column.name] = self._open(column)
        return self.texts[column.name]

    def _open(self, column: Column) -> list[str | None]:
        try:
            return self._sealer.open(column, self._rows)
        except Gone:
            out: list[str | None] = []
            for at, row in enumerate(self._rows):
                try:
                    out += self._sealer.open(column, [row])
                except Gone:
                    self._shut.add(at)
                    out.append(None)
            return out


def _claims(
    table: Table, ids: Sequence[bytes], before: dict[str, Sequence[Cell]], after: dict[str, list[Cell]]
) -> Iterator[Step]:
    for unique in table.uniques:
        name = f"u{unique.slot}"
        if name in after:
            moved = [t for t in zip(before[name], after[name], ids, strict=True) if t[0] != t[1]]
            yield Delete("uniques", ("tag",), [(was,) for was, _, _ in moved if was is not None])
            yield Insert("uniques", ("tag", "record"), [(now, i) for _, now, i in moved if now is not None])


def _elements(
    sealer: Sealer, ids: Sequence[bytes], texts: dict[str, list[str | None]], owners: Owners
) -> Iterator[Step]:
    for column in sealer.table.columns:
        for tag in sealer.tags[column.name] if column.field.array else ():
            if ("index", tag.id) in owners:
                yield Delete("elements", ("index_id", "record"), [(tag.id, record) for record in ids])
                yield Insert(
                    "elements",
                    ("index_id", "tag", "record"),
                    [
                        (tag.id, element, record)
                        for record, text in zip(ids, texts[column.name], strict=True)
                        for element in sealer.elements(tag, text)
                    ],
                )


# --- tokens ---------------------------------------------------------------------------------------------------


def _tokens(
    vault: Vault, table_id: bytes, column_id: bytes, owners: Owners, after: bytes, size: int
) -> tuple[bytes, Sequence[Step]]:
    table = _table(vault, table_id)
    column = next((c for c in table.columns if c.id == column_id), None) if table else None
    if table is None or column is None or column.field.token is None or column.field.token.kind not in tokens.STORED:
        return b"", ()
    where = And((Compare("owner", "=", column.token_id), Compare("token", ">", after)))
    question = Select(table="tokens", columns=TOKENS, where=where, order=(("token", True),), limit=size)
    rows = vault.store.select(question)
    if not rows:
        return b"", ()
    last: bytes = rows[-1][0] if len(rows) == size else b""  # type: ignore[assignment]  # tokens are bytes
    if column.field.keep == "shreddable":
        return last, list(_shreddable_tokens(vault, (table, column), rows, owners))
    plain: list[bytes | None] = list(tokens.open_stored(vault, column, rows))
    return last, list(_token_steps(vault, column, rows, plain))


def _token_steps(vault: Vault, column: Column, rows: Sequence[Row], plain: Sequence[bytes | None]) -> Iterator[Step]:
    known = [(row, text) for row, text in zip(rows, plain, strict=True) if text is not None]
    if not known:
        return
    rows = [row for row, _ in known]
    tags = _tags(vault, column, known)
    if column.field.keep == "shreddable":
        changed = [(tag, row[0]) for row, tag in zip(rows, tags, strict=True) if tag != row[AT["tag"]]]
        if changed:
            yield Update("tokens", ("tag",), ("token",), changed)
        return
    raws: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]  # tokens are bytes
    key, pad = vault.ring.cell(column.token_id, "token"), data_type(column.field.type).pad_bytes
    texts = [text for _, text in known]
    cells = key.seal(tokens.context(vault, column), tokens.bound(raws, tags), texts, pad)
    resealed = [
        (tag, cell, row[0])
        for row, tag, cell in zip(rows, tags, cells, strict=True)
        if (tag, cell) != (row[AT["tag"]], row[AT["cell"]])
    ]
    if resealed:
        yield Update("tokens", ("tag", "cell"), ("token",), resealed)


def _tags(vault: Vault, column: Column, known: Sequence[tuple[Row, bytes]]) -> list[bytes | None]:
    """Return the tags of deterministic tokens under the newest key; None for those that have none."""
    tagger = vault.ring.index(column.token_id, "unique")
    parts = [digest.canonical((who.encode(), text)) if (who := _consumer(row)) else text for row, text in known]
    return [None if row[1] is None else tag for (row, _), tag in zip(known, tagger.tags(parts), strict=True)]


def _consumer(row: Row) -> str:
    found = row[AT["consumer"]]
    return found if isinstance(found, str) else ""


def _shreddable_tokens(
    vault: Vault, place: tuple[Table, Column], rows: Sequence[Row], owners: Owners
) -> Iterator[Step]:
    """Yield the steps for tokens whose values lie in copies, each under its holder's subject."""
    column = place[1]
    where = In("token", tuple(row[0] for row in rows))
    own = [ref for row in rows if (ref := first_of(row, *place)) is not None]
    beside = vault.store.select(Select(table="refs", columns=REFS, where=where))
    texts: dict[Cell, bytes] = {}
    opened: list[tuple[Row, bytes]] = []
    for ref in (*own, *beside):
        try:
            text = tokens.open_copies(vault, column, [ref[0]], [ref])[0]  # type: ignore[list-item]
        except Gone:
            continue  # an erasure is about to remove it
        texts[ref[0]] = text
        opened.append((ref, text))
    yield from _token_steps(vault, column, rows, [texts.get(row[0]) for row in rows])
    if ("token", column.token_id) in owners:
        yield from _copies(vault, column, opened, {ref[:2] for ref in own})


def _copies(vault: Vault, column: Column, opened: Sequence[tuple[Row, bytes]], own: Collection[Row]) -> Iterator[Step]:
    """Yield the steps that seal copies anew. `own`: (token, holder) of those in the rows of tokens."""
    key, where = vault.ring.cell(column.token_id, "token"), tokens.context(vault, column)
    stale = [(ref, text) for ref, text in opened if key_id(ref[4]) != key.key_id]  # type: ignore[arg-type]
    if not stale:
        return
    subjects: list[bytes] = [ref[3] for ref, _ in stale]  # type: ignore[misc]  # such a reference names a subject
    raws: list[bytes] = [ref[0] for ref, _ in stale]  # type: ignore[misc]  # tokens are bytes
    keys = shred.cell_keys(vault.subject_keys(subjects), shred_context(key, where))
    pad = data_type(column.field.type).pad_bytes
    cells = seal_each(keys, key.key_id, where, raws, [text for _, text in stale], pad)
    # Matched by the old cell: a record that moves to another person meanwhile has another one.
    changed = [(cell, ref[0], ref[1], ref[4]) for (ref, _), cell in zip(stale, cells, strict=True)]
    for name, rows in (
        ("tokens", [row for row in changed if row[1:3] in own]),
        ("refs", [row for row in changed if row[1:3] not in own]),
    ):
        if rows:
            yield Update(name, ("cell",), ("token", "holder", "cell"), rows)
