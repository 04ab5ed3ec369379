"""Records of one table, sealed and opened in columns: cells, index tags, and the head that binds them.

A head is the table, record, version, subject and expiry, then for each stored item its slot and 16 bytes: the SIV of
a cell, a tag, a token id or a reference. Its CMAC is checked on every opening, so that a cell or tag which was moved,
swapped or changed fails closed. Null items are left out, so that a new column changes no old head.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TypeVar

from privet import codec, digest
from privet.crypto import derive, seal, shred
from privet.crypto.index import Cut, Tagger
from privet.crypto.keys import KeyRing
from privet.crypto.seal import CellKey
from privet.errors import Damaged, InvalidInput
from privet.store.port import Cell, Row
from privet.vault.schema import HEAD, Column, Compound, Index, Table
from privet.vocabulary.datatype import DataType
from privet.vocabulary.typed import field_type

T = TypeVar("T")
Texts = Sequence[str | None]
SubjectKeys = Callable[[Sequence[bytes]], Sequence[bytes]]
Consented = Callable[[str, Set[bytes]], Set[bytes] | None]
Opened = dict[bytes | None, shred.Ready]

_ZERO = bytes(16)
_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Heads:
    """What the heads of a batch hold besides items; one entry a record.

    `held`: the keys of those subjects whose values were sealed for these heads.
    """

    ids: Sequence[bytes]
    versions: Sequence[int]
    subjects: Sequence[bytes | None]
    expires: Sequence[int | None]
    held: Opened = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str  # the physical column
    id: bytes
    part: Callable[[str], str | None] | None  # None: the whole value
    taggers: tuple[Tagger | Cut, ...]


class Sealer:
    """Seals and opens the records of `table`. Made anew when the schema or a key changes.

    `subject_keys`: subject ids → their keys, in order; raises Gone for an erased one. `consented`: (key, subject ids) →
    those who consented, None where nobody can say; whoever makes the sealer sets it.
    """

    consented: Consented = staticmethod(lambda key, subjects: None)

    def __init__(self, vault: bytes, table: Table, ring: KeyRing, suite: seal.Suite, subject_keys: SubjectKeys) -> None:
        self.table = table
        self.ring = ring
        self.suite = suite
        self.subject_keys = subject_keys
        self.kinds: dict[str, DataType] = {c.name: field_type(c.field) for c in table.columns}
        self.contexts = {c.name: derive.context(vault, table.id, c.id) for c in table.columns}
        self.tags = {c.name: self._tags_of(c) for c in table.columns}
        self.unique_taggers = {unique.slot: ring.indexes(unique.id, "unique") for unique in table.uniques}
        self.compound_taggers = {compound.slot: ring.indexes(compound.id) for compound in table.compounds}
        self.mac = ring.index(vault, "record")
        self.items = _items(table)
        self.physical = tuple(column.name for column in HEAD) + tuple(name for name, _ in self.items)
        self.place = {name: at for at, name in enumerate(self.physical)}
        self.shreddable = frozenset(column.name for column in table.columns if column.field.keep == "shreddable")
        self.shreds = bool(self.shreddable)

    @property
    def settled(self) -> bool:
        """Return whether no index is being rebuilt: every tag has one key."""
        found = [tag.taggers for tags in self.tags.values() for tag in tags]
        sets = (*self.unique_taggers.values(), *self.compound_taggers.values())
        return all(len(taggers) == 1 for taggers in (*found, *sets))

    def _tags_of(self, column: Column) -> tuple[_Tag, ...]:
        kind = self.kinds[column.name]
        found = []
        for index in column.indexes:
            part = kind.part(index.name)
            found.append(_Tag(f"x{index.slot}", index.id, part.of if part else None, self._taggers(index)))
        return tuple(found)

    def _taggers(self, index: Index) -> tuple[Tagger | Cut, ...]:
        whole = self.ring.indexes(index.id)
        return tuple(Cut(tagger, index.bits) for tagger in whole) if index.bits else whole

    # -- sealing -------------------------------------------------------------------------------------------------

    def seal(
        self,
        column: Column,
        ids: Sequence[bytes],
        texts: Texts,
        subjects: Sequence[bytes | None],
        held: Opened | None = None,
    ) -> Sequence[Cell]:
        """Return the cells of one column, None where the text is None. One id, text and subject a record.

        `held`: as of `open`.
        """
        at = [i for i, text in enumerate(texts) if text is not None]
        if not at:
            return [None] * len(texts)
        plain = [text.encode() for text in texts if text is not None]
        chosen = ids if len(at) == len(ids) else [ids[i] for i in at]
        pad, context = self.kinds[column.name].pad_bytes, self.contexts[column.name]
        key = self.ring.cell(column.id)
        if column.field.keep == "shreddable":
            keys = self._cell_keys(take(subjects, at), key, context, {} if held is None else held)
            cells = seal.seal_each(keys, key.key_id, context, chosen, plain, pad)
        else:
            cells = key.seal(context, chosen, plain, pad)
        return cells if len(at) == len(texts) else _spread(cells, at, len(texts))

    def _cell_keys(
        self, subjects: Sequence[bytes | None], key: CellKey, context: bytes, held: Opened
    ) -> Sequence[bytes]:
        missing = [subject for subject in subjects if subject not in held]
        if None in missing:
            raise InvalidInput(f"a shreddable value of `{self.table.name}` needs a subject, and the record has none")
        if missing:
            ready = shred.make_ready(self.subject_keys(missing))  # type: ignore[arg-type]  # None was refused
            held.update(zip(missing, ready, strict=True))
        return shred.ready_cell_keys([held[subject] for subject in subjects], shred_context(key, context))

    def tag(self, column: Column, texts: Texts) -> dict[str, Sequence[Cell]]:
        """Return {physical column: tags} of every index of one column. Arrays: a digest of their element tags."""
        found: dict[str, Sequence[Cell]] = {}
        for tag in self.tags[column.name]:
            if column.field.array:
                found[tag.name] = [elements_digest(self.elements(tag, text)) for text in texts]
            else:
                found[tag.name] = _tagged(tag.taggers[0], _parts(tag, texts))
        return found

    def elements(self, tag: _Tag, text: str | None) -> list[bytes]:
        """Return the sorted tags of an array's elements."""
        if text is None:
            return []
        parts = _parts(tag, array_texts(text))
        return sorted(set(tag.taggers[0].tags([part for part in parts if part is not None])))

    def unique(self, slot: int, columns: Sequence[Texts]) -> Sequence[Cell]:
        """Return the tags of a unique set under its newest key, one a record; None where some column is null."""
        return _tagged(self.unique_taggers[slot][0], self._joined(columns))

    def compound(self, compound: Compound, texts: Mapping[str, Texts]) -> Sequence[Cell]:
        """Return the tags of a compound index under its newest key; None where some part is null."""
        columns = [
            texts[name] if of is None else [None if text is None else of(text) for text in texts[name]]
            for name, of in self.compound_parts(compound)
        ]
        return _tagged(self.compound_taggers[compound.slot][0], self._joined(columns))

    def compound_parts(self, compound: Compound) -> list[tuple[str, Callable[[str], str | None] | None]]:
        """Return (column, what of its texts) of each target of a compound index; None for the whole text."""
        found: list[tuple[str, Callable[[str], str | None] | None]] = []
        for target in compound.targets:
            name, _, part_name = target.partition(".")
            part = self.kinds[name].part(part_name) if part_name else None
            found.append((name, part.of if part else None))
        return found

    def sets(self, texts: Mapping[str, Texts]) -> dict[str, Sequence[Cell]]:
        """Return {physical column: tags} of every unique set and compound index whose columns are all in `texts`."""
        found: dict[str, Sequence[Cell]] = {}
        for unique in self.table.uniques:
            if all(name in texts for name in unique.columns):
                found[f"u{unique.slot}"] = self.unique(unique.slot, [texts[name] for name in unique.columns])
        for compound in self.table.compounds:
            if all(name in texts for name in compound.columns):
                found[f"x{compound.slot}"] = self.compound(compound, texts)
        return found

    def former_uniques(self, slot: int, columns: Sequence[Texts]) -> list[Sequence[Cell]]:
        """Return the tags under each older key that still lives: none, except while the set is rebuilt."""
        older = self.unique_taggers[slot][1:]
        joined = self._joined(columns) if older else []
        return [_tagged(tagger, joined) for tagger in older]

    def _joined(self, columns: Sequence[Texts]) -> list[bytes | None]:
        joined: list[bytes | None] = []
        for row in zip(*columns, strict=True):
            texts = [text for text in row if text is not None]
            joined.append(digest.canonical(text.encode() for text in texts) if len(texts) == len(row) else None)
        return joined

    def macs(self, heads: Heads, items: Mapping[str, Sequence[Cell]]) -> list[bytes]:
        """Return the head MAC of each record. `items`: physical column → cells, one a record."""
        given = [(name, label, cells) for name, label in self.items if (cells := items.get(name)) is not None]
        sparse = [cells for _, _, cells in given if None in cells]
        if not sparse:
            return self._macs_alike(heads, given)
        groups: dict[tuple[bool, ...], list[int]] = {}
        for place, row in enumerate(zip(*sparse, strict=True)):
            groups.setdefault(tuple([cell is None for cell in row]), []).append(place)
        out = [b""] * len(heads.ids)
        for at in groups.values():
            some = Heads(*(take(each, at) for each in (heads.ids, heads.versions, heads.subjects, heads.expires)))  # type: ignore[arg-type]
            kept = [(name, label, take(cells, at)) for name, label, cells in given if cells[at[0]] is not None]
            for place, mac in zip(at, self._macs_alike(some, kept), strict=True):
                out[place] = mac
        return out

    def _macs_alike(self, heads: Heads, items: Sequence[tuple[str, bytes, Sequence[Cell]]]) -> list[bytes]:
        """Return the head MACs of records that all have the same items: (physical column, slot, cells)."""
        columns: list[bytes | Sequence[bytes]] = [
            self.table.id,
            heads.ids,
            _eight(heads.versions),
            [subject or _ZERO for subject in heads.subjects],
            _eight(heads.expires),
        ]
        for name, label, cells in items:
            columns += (label, seal.sivs(cells, self.suite) if name[0] == "c" else cells)  # type: ignore[arg-type]
        return self.mac.tags_of_rows(len(heads.ids), columns)

    # -- opening -------------------------------------------------------------------------------------------------

    def verify(self, rows: Sequence[Row]) -> None:
        """Raise Damaged, naming the record, unless every row (in the order of `physical`) has the MAC of its head."""
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        place = self.place
        heads = Heads(
            columns[place["id"]], columns[place["version"]], columns[place["subject"]], columns[place["expires"]]
        )
        items = {name: columns[place[name]] for name, _ in self.items}
        self._check_widths(items, heads.expires)
        macs, held = self.macs(heads, items), columns[place["mac"]]
        for row, mac, expected in zip(rows, held, macs, strict=True) if tuple(macs) != held else ():
            if mac != expected:  # not a secret: the store holds it
                raise Damaged(f"record {digest.id_text(row[0])} of `{self.table.name}` fails its check")  # type: ignore[arg-type]

    def _check_widths(self, items: Mapping[str, Sequence[Cell]], expires: Sequence[int | None]) -> None:
        # A head has no lengths, so an item of another width could swallow its neighbour, and 0 pass for no expiry.
        for name, cells in items.items():
            present = [cell for cell in cells if cell is not None] if None in cells else cells
            widths = set(map(len, present))  # type: ignore[arg-type]  # blobs all
            fits = min(widths, default=22) > 21 if name.startswith("c") else widths <= {_WIDTH}
            if not fits:
                raise Damaged(f"a record of `{self.table.name}` has an item of another width")
        if 0 in expires:
            raise Damaged(f"a record of `{self.table.name}` has an impossible expiry")

    def open(self, column: Column, rows: Sequence[Row], held: Opened | None = None) -> list[str | None]:
        """Return the canonical texts of one column of verified rows. Raises Damaged, Gone (a forgotten subject).

        `held`: the keys of subjects that other columns of the same rows needed; those of this one are added.
        """
        place = self.place[column.cell]
        cells: list[Cell] = [row[place] for row in rows]
        if None not in cells:
            return list(self._texts(column, rows, cells, held))  # type: ignore[arg-type]  # blobs all
        at = [i for i, cell in enumerate(cells) if cell is not None]
        if not at:
            return [None] * len(rows)
        texts = self._texts(column, [rows[i] for i in at], [cells[i] for i in at], held)  # type: ignore[misc]
        return _spread(texts, at, len(rows))

    def _texts(self, column: Column, rows: Sequence[Row], cells: Sequence[bytes], held: Opened | None) -> Sequence[str]:
        if column.field.reference:
            return [digest.id_text(cell) for cell in cells]
        return [text.decode() for text in self._open_cells(column, rows, cells, {} if held is None else held)]

    def _open_cells(self, column: Column, rows: Sequence[Row], cells: Sequence[bytes], held: Opened) -> Sequence[bytes]:
        ids: list[bytes] = [row[0] for row in rows]  # type: ignore[misc]
        context = self.contexts[column.name]
        if column.field.keep != "shreddable":
            return open_cells(self.ring, context, ids, cells)
        place = self.place["subject"]
        subjects: list[bytes | None] = [row[place] for row in rows]  # type: ignore[misc]

        def open_some(key: CellKey, at: Sequence[int]) -> list[bytes]:
            keys = self._cell_keys(take(subjects, at), key, context, held)
            return seal.open_each(keys, key.key_id, context, take(ids, at), take(cells, at))

        return by_key(self.ring, cells, open_some)


def shred_context(key: CellKey, context: bytes) -> bytes:
    """Return the 16 bytes by which a subject's key becomes that of her cells in one column.

    They need the column's own key as well, so that rotating it gives new cell keys and destroying it closes cells.
    """
    return digest.mac(key.key.reveal(), b"privet shreddable column 1" + context)[:16]


def by_key(
    ring: KeyRing, cells: Sequence[bytes], open_some: Callable[[CellKey, Sequence[int]], list[bytes]]
) -> list[bytes]:
    """Return the texts of cells of several key versions. `open_some`: opens those at some places, all of one key."""
    if len({cell[1 : seal.HEAD_BYTES] for cell in cells}) == 1:  # nearly always, and quicker than to sort them out
        return open_some(ring.cell_by_id(seal.key_id(cells[0])), range(len(cells)))
    places: dict[int, list[int]] = {}
    for at, cell in enumerate(cells):
        places.setdefault(seal.key_id(cell), []).append(at)
    out: list[bytes] = [b""] * len(cells)
    for key_id, some in places.items():
        for i, text in zip(some, open_some(ring.cell_by_id(key_id), some), strict=True):
            out[i] = text
    return out


def open_cells(ring: KeyRing, context: bytes, ids: Sequence[bytes], cells: Sequence[bytes]) -> list[bytes]:
    """Open cells that may have been sealed under several versions of a column's key."""
    return by_key(ring, cells, lambda key, at: key.open(context, take(ids, at), take(cells, at)))


def take(items: Sequence[T], at: Sequence[int]) -> Sequence[T]:
    """Return the items at some places in ascending order."""
    return items if len(at) == len(items) else [items[i] for i in at]


def _items(table: Table) -> tuple[tuple[str, bytes], ...]:
    """Return (physical column, slot as uint16 BE) of every item of a head, by slot."""
    found: list[tuple[int, str]] = []
    for column in table.columns:
        found.append((column.slot, column.cell))
        found.extend((index.slot, f"x{index.slot}") for index in column.indexes)
        if column.token_slot:
            found.append((column.token_slot, column.token))
    found.extend((unique.slot, f"u{unique.slot}") for unique in table.uniques)
    found.extend((compound.slot, f"x{compound.slot}") for compound in table.compounds)
    found.extend([(table.record_slot, table.token)] if table.record_slot else [])
    return tuple((name, slot.to_bytes(2, "big")) for slot, name in sorted(found))


def _eight(numbers: Sequence[int | None]) -> bytes | list[bytes]:
    """Return numbers as eight bytes each, None as zero; the one piece of numbers that are all the same."""
    if len(set(numbers)) == 1:
        return (numbers[0] or 0).to_bytes(8, "big")
    return [(number or 0).to_bytes(8, "big") for number in numbers]


def _parts(tag: _Tag, texts: Texts) -> list[bytes | None]:
    if tag.part is not None:
        of = tag.part
        texts = [None if text is None else of(text) for text in texts]
    return [None if part is None else part.encode() for part in texts]


def _tagged(tagger: Tagger | Cut, parts: Sequence[bytes | None]) -> Sequence[Cell]:
    if None not in parts:
        return tagger.tags([part for part in parts if part is not None])
    at = [i for i, part in enumerate(parts) if part is not None]
    return _spread(tagger.tags([part for part in parts if part is not None]), at, len(parts))


def _spread(found: Sequence[T], at: Sequence[int], size: int) -> list[T | None]:
    out: list[T | None] = [None] * size
    for i, item in zip(at, found, strict=True):
        out[i] = item
    return out


def elements_digest(tags: Sequence[bytes]) -> bytes | None:
    """Return 16 bytes that stand in a head for an array's element tags; None for none."""
    return digest.sha256(b"".join(tags))[:_WIDTH] if tags else None


def array_texts(text: str) -> list[str]:
    """Return the canonical elements of an array's canonical text."""
    return codec.decode(text.encode(), list[str], max_keys=0)
